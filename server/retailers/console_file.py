"""Screens of one shop's e-file: who it is, its standing and limits, its parts, its timeline.

The page holds what retailers know themselves; the other parts are loaded by their own small routes, each with its own
people.
"""

from collections.abc import Mapping, Sequence
from datetime import date, datetime, time, timedelta
from typing import Annotated, Any, Literal

from fastapi import Depends, Form, Query, Request, Response
from sqlalchemy.orm import Session

from contract.errors import Rejected
from server.catalogue import queries as catalogue
from server.kit import audit, console, forms, http
from server.kit.console import texts
from server.kit.console.sections import Section, timeline
from server.kit.fields import Invalid
from server.kit.identity import Operator
from server.retailers import queries, service
from server.retailers.console import HOME, KEEPERS, TONES, back, found_shop, minor
from server.retailers.fields import FIELDS, LIMIT_FIELDS

PART_MOMENTS = 12
PAGE_MOMENTS = 50

shops = http.router(HOME, tag="console", roles=(), shops="reads")
keeping = http.router(HOME, tag="console", roles=KEEPERS, shops="all")


def _sections(request: Request, operator: http.Person) -> Sequence[Section]:
    """Return the parts that the person may see, in their order."""
    found: Sequence[Section] = request.app.state.retailer_sections
    return sorted((part for part in found if part.open_to(operator)), key=lambda part: part.order)


Sections = Annotated[Sequence[Section], Depends(_sections)]
Code = Annotated[str, Form(max_length=64)]
Word = Annotated[str, Form(max_length=200)]
Day = Annotated[date | Literal[""], Query()]


@shops.get("/file")
def e_file(request: Request, session: http.Db, operator: http.Person, sections: Sections, code: str) -> Response:
    """Show everything that is known of one shop on one page."""
    return show_file(request, session, operator, sections, code)


@shops.get("/file/{part}")
def e_file_part(
    request: Request,
    session: http.Db,
    clock: http.Now,
    config: http.Config,
    sections: Sections,
    part: str,
    code: str,
) -> Response:
    """Show one part of a shop's e-file; within the file, or as a page of its own."""
    shop = found_shop(session, code)
    every: Sequence[Section] = request.app.state.retailer_sections
    section = next((one for one in sections if one.key == part), None)
    if section is None:
        hidden = next((one for one in every if one.key == part), None)
        if hidden is not None:
            raise Rejected("not_allowed", role=" / ".join(hidden.roles))
        raise Rejected("not_found", what="part", name=part)
    answer: dict[str, Any] = {
        "shop": shop,
        "part": section,
        "part_of": section.read(session, code, clock().astimezone(config.tz)),
    }
    if "HX-Request" in request.headers:
        return console.fragment(request, "retailers/_part.html", **answer)
    return console.page(request, "retailers/part.html", **answer)


@shops.get("/timeline")
def show_timeline(
    request: Request,
    session: http.Db,
    config: http.Config,
    sections: Sections,
    code: str,
    part: Annotated[str, Query(max_length=64)] = "",
    since: Day = "",
    until: Day = "",
    page: Annotated[int, Query(ge=1, le=1_000_000)] = 1,
) -> Response:
    """Show what happened to a shop by date, of all parts or one, between two days; the address keeps the choice."""
    shop = found_shop(session, code)
    within = "HX-Request" in request.headers
    each = PART_MOMENTS if within else PAGE_MOMENTS
    moments, total = timeline(
        session,
        [one for one in sections if part in {"", one.key}],
        code,
        since=datetime.combine(since, time(), config.tz) if since else None,
        before=datetime.combine(until + timedelta(days=1), time(), config.tz) if until else None,
        offset=(page - 1) * each,
        limit=each,
    )
    answer: dict[str, Any] = {
        "shop": shop,
        "moments": moments,
        "total": total,
        "sections": [one for one in sections if one.moments],
        "asked": {"code": code, "part": part, "since": since, "until": until},
        "page": page,
        "pages": max(-(-total // each), 1),
    }
    if within:
        return console.fragment(request, "retailers/_timeline_part.html", **answer)
    return console.page(request, "retailers/timeline.html", **answer)


@keeping.post("/restore")
def restore(request: Request, session: http.Db, clock: http.Now, operator: http.Person, code: Code) -> Response:
    """Let a suspended shop order again."""
    service.restore_retailer(session, code, operator.actor, at=clock())
    return back(request, code, texts(request).gettext("The shop is in good standing again."))


@keeping.post("/limit")
def set_limit(
    request: Request,
    session: http.Db,
    clock: http.Now,
    operator: http.Person,
    sections: Sections,
    code: Code,
    sku: Word = "",
    limit_units: Word = "",
    seen: Annotated[str | None, Form(max_length=64)] = None,
) -> Response:
    """Set a shop's own limit of a SKU; an empty one removes it."""
    gettext = texts(request).gettext
    if not limit_units.strip():
        service.remove_limit(session, code, sku, operator.actor, at=clock(), seen=seen)
        return back(request, code, gettext("The limit is removed."))
    typed = {"retailer": code, "sku": sku, "limit_units": limit_units}
    record, errors = forms.read_form(LIMIT_FIELDS, typed, minor=minor(request), gettext=gettext)
    try:
        if not errors:
            units = record["limit_units"]
            service.set_limit(session, code, record["sku"], units, operator.actor, at=clock(), seen=seen)
    except Invalid as refusal:
        errors = {name: unfit.sentence(gettext) for name, unfit in refusal.problems.items()}
    if errors:
        return show_file(request, session, operator, sections, code, errors)
    return back(request, code, gettext("The limit is kept."))


def show_file(
    request: Request,
    session: Session,
    operator: Operator,
    sections: Sequence[Section],
    code: str,
    errors: Mapping[str, str] | None = None,
) -> Response:
    """Show the e-file, with what was refused where something was."""
    shop = found_shop(session, code)
    limits = queries.limits(session, code)
    return console.page(
        request,
        "retailers/file.html",
        status_code=422 if errors else 200,
        shop=shop,
        fields=FIELDS,
        tones=TONES,
        limits=sorted(limits.items()),
        limits_seen=queries.limits_version(limits),
        skus=catalogue.skus(session, limits.keys(), withdrawn=True),
        sections=sections,
        history=audit.entries(session, subject=f"retailer:{code}", limit=20),
        errors=errors or {},
        keeper=operator.may(*KEEPERS),
    )

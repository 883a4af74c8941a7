"""Screens of retailers: the list, one shop's e-file, its form, its standing and own limits."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import Depends, Form, Request, Response
from sqlalchemy.orm import Session

from contract.errors import Rejected
from server.catalogue import queries as catalogue
from server.kit import audit, console, forms, http, records
from server.kit.changing import NEW
from server.kit.console import N_, Column, Filter, TableView, texts
from server.kit.console.sections import Section
from server.kit.fields import Invalid
from server.kit.identity import Actor, Operator, Role
from server.kit.imports.http import csv_file
from server.retailers import queries, service
from server.retailers.fields import FIELDS, LIMIT_FIELDS, RETAILERS

HOME = "/console/retailers"
KEEPERS: tuple[Role, ...] = ("planner", "administrator")
ALL = 10_000_000

shops = http.router(HOME, tag="console", roles=(), shops="reads")
keeping = http.router(HOME, tag="console", roles=KEEPERS)

COLUMNS = (
    Column("code", N_("Code"), "identifier"),
    Column("name", N_("Name")),
    Column("city", N_("City")),
    Column("region", N_("Region")),
    Column("route", N_("Route")),
    Column("tier", N_("Tier"), "number"),
    Column("weight", N_("Weight"), "number"),
    Column("credit_minor", N_("Credit"), "money"),
    Column("standing", N_("Standing")),
)
STANDINGS = Filter("standing", N_("Standing"), (("good", N_("good")), ("suspended", N_("suspended"))))
TONES = {"good": "ok", "suspended": "stop"}


def _sections(request: Request) -> Sequence[Section]:
    found: Sequence[Section] = request.app.state.retailer_sections
    return found


Sections = Annotated[Sequence[Section], Depends(_sections)]
Code = Annotated[str, Form(max_length=64)]
Word = Annotated[str, Form(max_length=200)]


@shops.get("")
def list_retailers(request: Request, session: http.Db, operator: http.Person) -> Response:
    """Show the shops."""
    choices = queries.audience_choices(session)
    filters = (
        Filter("region", N_("Region"), [(one, one) for one in choices.regions if one], translate=False),
        Filter("route", N_("Route"), [(one, one) for one in choices.routes if one], translate=False),
        STANDINGS,
    )
    view = TableView.of(request, COLUMNS, filters=filters, sort="code")
    if view.format:
        view = replace(view, page=1, per_page=ALL)
    rows, total = queries.search(
        session,
        text=view.search,
        region=view.filters.get("region"),
        route=view.filters.get("route"),
        standing=view.filters.get("standing"),
        sort=view.sort,
        descending=view.descending,
        offset=view.offset,
        limit=view.per_page,
    )
    if view.format == "csv":
        return csv_file("retailers", records.export_csv(RETAILERS, map(vars, rows)))
    if view.format:
        return console.download(request, COLUMNS, rows, name="retailers")
    return console.page(
        request,
        "retailers/list.html",
        view=view,
        columns=COLUMNS,
        filters=filters,
        rows=rows,
        total=total,
        tones=TONES,
        keeper=operator.may(*KEEPERS),
    )


@shops.get("/file")
def e_file(
    request: Request,
    session: http.Db,
    clock: http.Now,
    config: http.Config,
    operator: http.Person,
    sections: Sections,
    code: str,
) -> Response:
    """Show everything that is known of one shop on one page."""
    return _file(request, session, clock().astimezone(config.tz), operator, sections, code, {})


@keeping.get("/new")
def new_retailer(request: Request) -> Response:
    """Offer an empty form."""
    return _form(request, None, forms.empty_form(FIELDS, minor=_minor(request)), {})


@keeping.get("/edit")
def edit_retailer(request: Request, session: http.Db, code: str) -> Response:
    """Offer the form of a shop."""
    found = vars(_found(session, code))
    values = forms.fill_form(FIELDS, found, minor=_minor(request))
    return _form(request, code, values, {}, records.version(RETAILERS, found))


@keeping.post("/save")
def save_retailer(
    request: Request, session: http.Db, clock: http.Now, operator: http.Person, seen: Code = "", editing: Code = ""
) -> Response:
    """Keep what was typed of a shop."""
    gettext, typed = texts(request).gettext, dict(request.state.typed)
    if editing:
        typed["code"] = editing
    record, errors = forms.read_form(FIELDS, typed, minor=_minor(request), gettext=gettext, rule=RETAILERS.rule)
    if not errors and not editing and queries.retailer(session, record["code"]) is not None:
        errors = {"code": gettext("There is a shop of this code already. Open it to change it.")}
    if errors:
        values = forms.empty_form(FIELDS, minor=_minor(request)) | typed
        return _form(request, editing or None, values, errors, seen or None)
    service.save_retailer(session, record, _actor(operator), at=clock(), seen=seen if editing else NEW)
    return _back(request, record["code"], gettext("{name} is saved.").format(name=record["name"]))


@keeping.post("/suspend")
@http.of_shops
def suspend(
    request: Request,
    session: http.Db,
    clock: http.Now,
    config: http.Config,
    operator: http.Person,
    sections: Sections,
    code: Code,
    reason: Word = "",
) -> Response:
    """Let a shop order nothing, for a reason that it reads."""
    gettext = texts(request).gettext
    try:
        service.suspend_retailer(session, code, reason, _actor(operator), at=clock())
    except Invalid as refusal:
        errors = {"reason": next(iter(refusal.problems.values())).sentence(gettext)}
        return _file(request, session, clock().astimezone(config.tz), operator, sections, code, errors)
    return _back(request, code, gettext("The shop is suspended. It can be restored here."), "note")


@keeping.post("/restore")
@http.of_shops
def restore(request: Request, session: http.Db, clock: http.Now, operator: http.Person, code: Code) -> Response:
    """Let a suspended shop order again."""
    service.restore_retailer(session, code, _actor(operator), at=clock())
    return _back(request, code, texts(request).gettext("The shop is in good standing again."))


@keeping.post("/limit")
@http.of_shops
def set_limit(
    request: Request,
    session: http.Db,
    clock: http.Now,
    config: http.Config,
    operator: http.Person,
    sections: Sections,
    code: Code,
    sku: Word = "",
    limit_units: Word = "",
) -> Response:
    """Set a shop's own limit of a SKU; an empty one removes it."""
    gettext = texts(request).gettext
    if not limit_units.strip():
        service.remove_limit(session, code, sku, _actor(operator), at=clock())
        return _back(request, code, gettext("The limit is removed."))
    typed = {"retailer": code, "sku": sku, "limit_units": limit_units}
    record, errors = forms.read_form(LIMIT_FIELDS, typed, minor=_minor(request), gettext=gettext)
    try:
        if not errors:
            service.set_limit(session, code, record["sku"], record["limit_units"], _actor(operator), at=clock())
    except Invalid as refusal:
        errors = {name: unfit.sentence(gettext) for name, unfit in refusal.problems.items()}
    if errors:
        return _file(request, session, clock().astimezone(config.tz), operator, sections, code, errors)
    return _back(request, code, gettext("The limit is kept."))


def _file(
    request: Request,
    session: Session,
    now: datetime,
    operator: Operator,
    sections: Sequence[Section],
    code: str,
    errors: Mapping[str, str],
) -> Response:
    shop = _found(session, code)
    limits = queries.limits(session, code)
    parts = [(part, part.read(session, code, now)) for part in sorted(sections, key=lambda part: part.order)]
    return console.page(
        request,
        "retailers/file.html",
        status_code=422 if errors else 200,
        shop=shop,
        fields=FIELDS,
        tones=TONES,
        limits=sorted(limits.items()),
        skus=catalogue.skus(session, limits.keys(), withdrawn=True),
        sections=[(part, found) for part, found in parts if found is not None],
        history=audit.entries(session, subject=f"retailer:{code}", limit=20),
        errors=errors,
        keeper=operator.may(*KEEPERS),
    )


def _form(
    request: Request,
    editing: str | None,
    values: Mapping[str, str],
    errors: Mapping[str, str],
    seen: str | None = None,
) -> Response:
    return console.page(
        request,
        "retailers/form.html",
        status_code=422 if errors else 200,
        fields=FIELDS,
        editing=editing,
        values=values,
        errors=errors,
        seen=seen or "",
    )


def _back(request: Request, code: str, said: str, tone: Any = "ok") -> Response:
    return console.redirect(request, f"{HOME}/file?{urlencode({'code': code})}", flash=said, tone=tone)


def _found(session: Session, code: str) -> queries.Retailer:
    found = queries.retailer(session, code)
    if found is None:
        raise Rejected("not_found", what="retailer", name=code)
    return found


def _minor(request: Request) -> Decimal:
    return forms.minor_units(http.runtime_of(request).settings.currency)


def _actor(operator: Operator) -> Actor:
    return Actor("operator", operator.name)

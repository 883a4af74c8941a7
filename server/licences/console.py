"""Screens of licences: the list with what runs out soon, a licence's form, the part in a shop's e-file."""

from collections.abc import Collection, Mapping
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any, Literal
from urllib.parse import urlencode

from fastapi import Form, Request, Response
from sqlalchemy.orm import Session

from contract.errors import Rejected
from server.kit import console, forms, http, records
from server.kit.changing import NEW
from server.kit.console import N_, Column, Filter, TableView, texts
from server.kit.console.cards import Card
from server.kit.fields import Invalid
from server.kit.identity import Operator, Role
from server.kit.imports.http import ROLES as IMPORTERS
from server.kit.imports.http import csv_file
from server.licences import file_queries, notices, queries, rules, service
from server.licences.console_files import MATTERS, STEPS
from server.licences.fields import FIELDS, LICENCES

HOME = "/console/licences"
KEEPERS: tuple[Role, ...] = ("administrator",)
TYPED = tuple(field for field in FIELDS if field.name not in {"state", "state_reason"})
ALL = 10_000_000
STEPS_IN_E_FILE = 12
ON_CARD = 5
MINOR = Decimal(1)  # licences hold no money

licences = http.router(HOME, tag="console", roles=(), shops="all")
keeping = http.router(HOME, tag="console", roles=KEEPERS, shops="all")

COLUMNS = (
    Column("retailer", N_("Retailer"), "identifier"),
    Column("licence_class", N_("Class")),
    Column("number", N_("Number"), "identifier"),
    Column("valid_from", N_("First day"), "date"),
    Column("valid_until", N_("Last day"), "date"),
    Column("state", N_("State")),
)
STANDS = {
    "valid": (N_("valid"), "ok"),
    "expiring": (N_("runs out soon"), "wait"),
    "expired": (N_("run out"), "stop"),
    "coming": (N_("not yet valid"), "note"),
    "suspended": (N_("suspended"), "stop"),
    "cancelled": (N_("cancelled"), "idle"),
}
STAND_FILTER = Filter("stands", N_("State"), [(name, words) for name, (words, _) in STANDS.items()])
RENEWAL_FILTER = Filter("renewal", N_("Renewal"), [("open", N_("under way")), ("none", N_("not under way"))])
KEY = ("retailer", "licence_class", "number")

Code = Annotated[str, Form(max_length=64)]


@licences.get("")
def list_licences(
    request: Request, session: http.Db, clock: http.Now, config: http.Config, operator: http.Person
) -> Response:
    """Show the licences, the first to run out first."""
    filters = (
        STAND_FILTER,
        _ends_filter(request, config.licence_notice_days),
        RENEWAL_FILTER,
        Filter("licence_class", N_("Class"), [(one, one) for one in queries.classes(session)], translate=False),
    )
    view = TableView.of(request, COLUMNS, filters=filters, sort="valid_until")
    within = view.filters.get("ends_within")
    if view.format:
        view = replace(view, page=1, per_page=ALL)
    on = clock().astimezone(config.tz).date()
    rows, total = queries.search(
        session,
        on=on,
        text=view.search,
        licence_class=view.filters.get("licence_class"),
        stands=view.filters.get("stands"),  # type: ignore[arg-type] # the filter's options are the stands
        ends_within=int(within) if within else None,
        renewal=view.filters.get("renewal"),  # type: ignore[arg-type] # the filter's options are open and none
        sort=view.sort,
        descending=view.descending,
        offset=view.offset,
        limit=view.per_page,
    )
    if view.format == "csv":
        return csv_file("licences", records.export_csv(LICENCES, map(vars, rows)))
    if view.format:
        return console.download(request, COLUMNS, rows, name="licences")
    return console.page(
        request,
        "licences/list.html",
        view=view,
        columns=COLUMNS,
        filters=filters,
        rows=rows,
        total=total,
        on=on,
        stands=STANDS,
        keeper=operator.may(*KEEPERS),
        importer=operator.may(*IMPORTERS),
        inspector=operator.may(*rules.INSPECTORS),
    )


@keeping.get("/new")
def new_licence(request: Request, retailer: str = "") -> Response:
    """Offer an empty form, for a shop where one is named."""
    return _form(request, {}, forms.empty_form(TYPED, minor=MINOR) | {"retailer": retailer}, {})


@keeping.get("/edit")
def edit_licence(request: Request, session: http.Db, retailer: str, licence_class: str, number: str) -> Response:
    """Offer the form of a licence."""
    key = (retailer, licence_class, number)
    found = records.existing(session, LICENCES, [key], lock=False).get(key)
    if found is None:
        raise Rejected("not_found", what="licence", name=" / ".join(key))
    editing = dict(zip(KEY, key, strict=True))
    return _form(request, editing, forms.fill_form(TYPED, found, minor=MINOR), {}, records.version(LICENCES, found))


@keeping.post("/save")
def save_licence(
    request: Request,
    session: http.Db,
    clock: http.Now,
    operator: http.Person,
    seen: Code = "",
    editing_retailer: Code = "",
    editing_licence_class: Code = "",
    editing_number: Code = "",
) -> Response:
    """Keep what was typed of a licence."""
    gettext, typed = texts(request).gettext, dict(request.state.typed)
    key = (editing_retailer, editing_licence_class, editing_number)
    editing = dict(zip(KEY, key, strict=True)) if seen else {}
    typed |= editing
    record, errors = forms.read_form(TYPED, typed, minor=MINOR, gettext=gettext)
    if not errors and not editing and records.existing(session, LICENCES, [LICENCES.key_of(record)], lock=False):
        errors = {"number": gettext("There is this licence already. Open it to change it.")}
    try:
        if not errors:
            service.take_over(session, record, operator.actor, at=clock(), seen=seen or NEW)
    except Invalid as refusal:
        errors = {name: unfit.sentence(gettext) for name, unfit in refusal.problems.items()}
    if errors:
        return _form(request, editing, forms.empty_form(TYPED, minor=MINOR) | typed, errors, seen)
    address = f"/console/retailers/file?{urlencode({'code': record['retailer']})}"
    return console.redirect(
        request, address, flash=gettext("Licence {number} is saved.").format(number=record["number"])
    )


def in_e_file(session: Session, retailer: str, now: datetime) -> Mapping[str, Any]:
    """Return the licences of a shop for its e-file."""
    return {
        "licences": queries.licences_of(session, retailer),
        "stands": STANDS,
        "on": now.date(),
        "retailer": retailer,
        "keepers": KEEPERS,
        "inspectors": rules.INSPECTORS,
        "steps": file_queries.steps(session, retailer=retailer, limit=STEPS_IN_E_FILE),
        "step_words": STEPS,
        "matters": MATTERS,
        "told": _told(session, retailer),
    }


def _told(session: Session, retailer: str) -> dict[tuple[str, str], notices.Told]:
    """Return the newest notice of each licence, where it is of the last day that the licence has now."""
    found: dict[tuple[str, str], notices.Told] = {}
    for one in notices.told(session, retailer):
        found.setdefault((one.licence_class, one.number), one)
    return found


def home_cards(session: Session, operator: Operator, now: datetime) -> list[Card]:
    """Say how many licences run out within which time, to those who can renew them; the first without a renewal."""
    if not operator.may(*KEEPERS, *rules.DECIDERS, "planner", "manager"):
        return []
    endings = notices.endings(session, now.date())
    if not endings:
        return []
    soon = notices.ending(session, now.date(), endings[-1].days, limit=ON_CARD)
    href = f"{HOME}?ends_within={endings[-1].days}"
    tone: Literal["wait", "note"] = "wait" if soon else "note"
    context = {"endings": endings, "soon": soon}
    return [Card(N_("Licences that run out soon"), "licences/card.html", context, order=70, href=href, tone=tone)]


def _ends_filter(request: Request, steps: Collection[int]) -> Filter:
    words = texts(request)
    options = [
        (str(days), words.ngettext("%(count)s day", "%(count)s days", days) % {"count": days})
        for days in sorted(set(steps) or rules.NOTICE_STEPS_USUAL)
    ]
    return Filter("ends_within", N_("Runs out within"), options, translate=False)


def _form(
    request: Request,
    editing: Mapping[str, str],
    values: Mapping[str, str],
    errors: Mapping[str, str],
    seen: str = "",
) -> Response:
    return console.page(
        request,
        "licences/form.html",
        status_code=422 if errors else 200,
        fields=TYPED,
        editing=editing,
        values=values,
        errors=errors,
        seen=seen,
    )

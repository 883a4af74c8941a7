"""Screens of retailers: the list, and one shop's form."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import Depends, Form, Request, Response
from sqlalchemy.orm import Session

from contract.errors import Rejected
from server.kit import console, forms, http, records
from server.kit.changing import NEW
from server.kit.console import N_, Column, Filter, TableView, texts
from server.kit.identity import Role
from server.kit.imports.http import csv_file
from server.retailers import queries, service
from server.retailers.fields import FIELDS, RETAILERS
from server.retailers.narrowing import Narrowing

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
    Column("tier", N_("Tier until scored"), "number"),
    Column("weight", N_("Weight until scored"), "number"),
    Column("credit_minor", N_("Credit"), "money"),
    Column("standing", N_("Standing")),
)
STANDINGS = Filter(
    "standing", N_("Standing"), (("good", N_("good")), ("suspended", N_("suspended")), ("closed", N_("closed down")))
)
TONES = {"good": "ok", "suspended": "stop"}


Code = Annotated[str, Form(max_length=64)]


def _narrowings(request: Request) -> Sequence[Narrowing]:
    found: Sequence[Narrowing] = request.app.state.retailer_narrowings
    return found


Narrowings = Annotated[Sequence[Narrowing], Depends(_narrowings)]


@shops.get("")
def list_retailers(
    request: Request,
    session: http.Db,
    clock: http.Now,
    config: http.Config,
    operator: http.Person,
    narrowings: Narrowings,
) -> Response:
    """Show the shops, narrowed by what stands in the address."""
    choices = queries.audience_choices(session)
    filters = (
        Filter("region", N_("Region"), [(one, one) for one in choices.regions if one], translate=False),
        Filter("route", N_("Route"), [(one, one) for one in choices.routes if one], translate=False),
        Filter("class", N_("Class"), [(one, one) for one in queries.market_types(session) if one], translate=False),
        STANDINGS,
        *(one.filter for one in narrowings),
    )
    on = clock().astimezone(config.tz).date()
    view = TableView.of(request, COLUMNS, filters=filters, sort="code")
    if view.format:
        view = replace(view, page=1, per_page=ALL)
    standing = view.filters.get("standing")
    fits = [
        one.holds(queries.CODE, view.filters[key], on) for one in narrowings if (key := one.filter.key) in view.filters
    ]
    if standing == "closed":
        fits.append(queries.closed_on(on))
    rows, total = queries.search(
        session,
        text=view.search,
        region=view.filters.get("region"),
        route=view.filters.get("route"),
        market_type=view.filters.get("class"),
        standing=None if standing == "closed" else standing,
        fits=fits,
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


@keeping.get("/new")
def new_retailer(request: Request) -> Response:
    """Offer an empty form."""
    return _form(request, None, forms.empty_form(FIELDS, minor=minor(request)), {})


@keeping.get("/edit")
def edit_retailer(request: Request, session: http.Db, code: str) -> Response:
    """Offer the form of a shop."""
    found = vars(found_shop(session, code))
    values = forms.fill_form(FIELDS, found, minor=minor(request))
    return _form(request, code, values, {}, records.version(RETAILERS, found))


@keeping.post("/save")
def save_retailer(
    request: Request, session: http.Db, clock: http.Now, operator: http.Person, seen: Code = "", editing: Code = ""
) -> Response:
    """Keep what was typed of a shop."""
    gettext, typed = texts(request).gettext, dict(request.state.typed)
    if editing:
        typed["code"] = editing
    record, errors = forms.read_form(FIELDS, typed, minor=minor(request), gettext=gettext, rule=RETAILERS.rule)
    if not errors and not editing and queries.retailer(session, record["code"]) is not None:
        errors = {"code": gettext("There is a shop of this code already. Open it to change it.")}
    if errors:
        values = forms.empty_form(FIELDS, minor=minor(request)) | typed
        return _form(request, editing or None, values, errors, seen or None)
    service.save_retailer(session, record, operator.actor, at=clock(), seen=seen if editing else NEW)
    return back(request, record["code"], gettext("{name} is saved.").format(name=record["name"]))


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


def back(request: Request, code: str, said: str, tone: Any = "ok") -> Response:
    """Go to a shop's e-file with a sentence."""
    return console.redirect(request, f"{HOME}/file?{urlencode({'code': code})}", flash=said, tone=tone)


def found_shop(session: Session, code: str) -> queries.Retailer:
    """Return a shop, or refuse: it is not there, or is none of the person's."""
    found = queries.retailer(session, code)
    if found is None:
        raise Rejected("not_found", what="retailer", name=code)
    return found


def minor(request: Request) -> Decimal:
    """Return how many minor units the currency's major one has."""
    return forms.minor_units(http.runtime_of(request).settings.currency)

"""Screens of the catalogue: the list, a SKU's page, its form."""

from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal
from typing import Annotated
from urllib.parse import urlencode

from fastapi import Form, Request, Response
from sqlalchemy.orm import Session

from contract.errors import Rejected
from server.catalogue import queries, service
from server.catalogue.fields import FIELDS, SKUS
from server.kit import audit, console, forms, http, records
from server.kit.changing import NEW
from server.kit.console import N_, Column, Filter, TableView, texts
from server.kit.identity import Actor, Operator, Role
from server.kit.imports.http import csv_file

HOME = "/console/catalogue"
KEEPERS: tuple[Role, ...] = ("planner", "administrator")

catalogue = http.router(HOME, tag="console", roles=(), shops="reads")
keeping = http.router(HOME, tag="console", roles=KEEPERS)

COLUMNS = (
    Column("sku", N_("SKU"), "identifier"),
    Column("name_zh", N_("Name in Chinese")),
    Column("name_en", N_("Name in English")),
    Column("category", N_("Category")),
    Column("pack_units", N_("Units in a pack"), "units"),
    Column("price_minor", N_("Price per unit"), "money"),
    Column("minimum_units", N_("Smallest order in units"), "units", sortable=False),
    Column("limit_units", N_("Limit in units"), "units", sortable=False),
    Column("licence_class", N_("Licence class")),
    Column("state", N_("State"), sortable=False),
)
STATES = Filter("state", N_("State"), (("offered", N_("offered")), ("withdrawn", N_("withdrawn"))))
TONES = {"offered": "ok", "withdrawn": "idle"}

Code = Annotated[str, Form(max_length=64)]

HISTORY_SHOWN = 50


@catalogue.get("")
def list_skus(request: Request, session: http.Db, operator: http.Person) -> Response:
    """Show the catalogue."""
    categories = Filter("category", N_("Category"), [(c, c) for c in queries.categories(session) if c], translate=False)
    view = TableView.of(request, COLUMNS, filters=(STATES, categories), sort="sku")
    if view.format:
        view = replace(view, page=1, per_page=1_000_000)
    rows, total = queries.search(
        session,
        text=view.search,
        category=view.filters.get("category"),
        state=view.filters.get("state"),
        sort=view.sort,
        descending=view.descending,
        offset=view.offset,
        limit=view.per_page,
    )
    if view.format == "csv":
        return csv_file("skus", records.export_csv(SKUS, map(vars, rows)))
    if view.format:
        return console.download(request, COLUMNS, rows, name="skus")
    return console.page(
        request,
        "catalogue/list.html",
        view=view,
        columns=COLUMNS,
        filters=(STATES, categories),
        rows=rows,
        total=total,
        tones=TONES,
        keeper=operator.may(*KEEPERS),
    )


@catalogue.get("/sku")
def one_sku(request: Request, session: http.Db, operator: http.Person, sku: str) -> Response:
    """Show one SKU and its history."""
    history = audit.entries(session, subject=f"sku:{sku}", limit=HISTORY_SHOWN)
    console.name_trail(request, session, history)
    return console.page(
        request,
        "catalogue/sku.html",
        sku=_found(session, sku),
        fields=FIELDS,
        tones=TONES,
        history=history,
        keeper=operator.may(*KEEPERS),
    )


@keeping.get("/new")
def new_sku(request: Request) -> Response:
    """Offer an empty form."""
    return _form(request, None, forms.empty_form(FIELDS, minor=_minor(request)), {})


@keeping.get("/edit")
def edit_sku(request: Request, session: http.Db, sku: str) -> Response:
    """Offer the form of a SKU."""
    found = vars(_found(session, sku))
    return _form(request, sku, forms.fill_form(FIELDS, found, minor=_minor(request)), {}, records.version(SKUS, found))


@keeping.post("/save")
def save_sku(
    request: Request, session: http.Db, clock: http.Now, operator: http.Person, seen: Code = "", editing: Code = ""
) -> Response:
    """Put what was typed into the catalogue."""
    gettext, typed = texts(request).gettext, dict(request.state.typed)
    if editing:
        typed["sku"] = editing
    record, errors = forms.read_form(FIELDS, typed, minor=_minor(request), gettext=gettext, rule=SKUS.rule)
    if not errors and not editing and queries.sku(session, record["sku"]) is not None:
        errors = {"sku": gettext("There is a SKU of this name already. Open it to change it.")}
    if errors:
        values = forms.empty_form(FIELDS, minor=_minor(request)) | typed
        return _form(request, editing or None, values, errors, seen or None)
    service.save_sku(session, record, _actor(operator), at=clock(), seen=seen if editing else NEW)
    return console.redirect(
        request, _address(record["sku"]), flash=gettext("{sku} is saved.").format(sku=record["sku"])
    )


@keeping.post("/withdraw")
def withdraw_sku(request: Request, session: http.Db, clock: http.Now, operator: http.Person, sku: Code) -> Response:
    """Take a SKU out of what can be ordered."""
    service.withdraw_sku(session, sku, _actor(operator), at=clock())
    said = texts(request).gettext("{sku} is withdrawn: nobody can order it. It can be offered again here.")
    return console.redirect(request, _address(sku), flash=said.format(sku=sku), tone="note")


@keeping.post("/offer")
def offer_sku(request: Request, session: http.Db, clock: http.Now, operator: http.Person, sku: Code) -> Response:
    """Let a withdrawn SKU be ordered again."""
    service.offer_sku(session, sku, _actor(operator), at=clock())
    return console.redirect(
        request, _address(sku), flash=texts(request).gettext("{sku} is offered again.").format(sku=sku)
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
        "catalogue/form.html",
        status_code=422 if errors else 200,
        fields=FIELDS,
        editing=editing,
        values=values,
        errors=errors,
        seen=seen or "",
    )


def _found(session: Session, sku: str) -> queries.Sku:
    found = queries.sku(session, sku)
    if found is None:
        raise Rejected("not_found", what="SKU", name=sku)
    return found


def _address(sku: str) -> str:
    return f"{HOME}/sku?{urlencode({'sku': sku})}"


def _minor(request: Request) -> Decimal:
    return forms.minor_units(http.runtime_of(request).settings.currency)


def _actor(operator: Operator) -> Actor:
    return Actor("operator", operator.name)

"""Screens of inventory: the shops' stock, one shop's ledger, corrections by hand."""

from collections.abc import Mapping
from dataclasses import asdict, replace
from datetime import datetime
from typing import Annotated, Any
from urllib.parse import quote
from uuid import UUID

from fastapi import Form, Request, Response
from sqlalchemy.orm import Session

from contract.errors import Rejected
from contract.ids import uuid7
from server.catalogue import queries as catalogue
from server.inventory import listing, queries, rules, service
from server.inventory.http import CORRECTING, CORRECTORS
from server.kit import console, http
from server.kit.console.tables import Column, TableView
from server.kit.console.texts import N_, language_of, texts
from server.retailers import queries as retailers

KINDS = {
    "receipt": N_("receipt"),
    "return": N_("return"),
    "correction": N_("correction"),
    "sale": N_("sale"),
    "refund": N_("brought back"),
    "count": N_("count"),
    "adjustment": N_("adjustment"),
    "expiry": N_("past its day"),
    "found": N_("more than was known"),
}
MOVEMENTS_SHOWN = 200
IN_E_FILE = 20

UnitsTyped = Annotated[int, Form(ge=0, lt=2**31)]
Words = Annotated[str, Form(max_length=2000)]

stock = http.router("/console/stock", tag="console", roles=(), shops="all")

SHOP_COLUMNS = (
    Column("retailer", N_("Code of the shop"), "identifier"),
    Column("shop", N_("Shop")),
    Column("skus", N_("SKUs"), "number"),
    Column("on_hand_units", N_("Units for sale"), "units"),
    Column("held_units", N_("Held for return"), "units"),
    Column("as_of", N_("Last moved"), "instant"),
)
STOCK_COLUMNS = (
    Column("sku", N_("SKU"), "identifier"),
    Column("name", N_("Name")),
    Column("on_hand_units", N_("Units for sale"), "units"),
    Column("held_units", N_("Held for return"), "units"),
    Column("as_of", N_("Last moved"), "instant"),
)


@stock.get("")
def list_shops(request: Request, session: http.Db) -> Response:
    """List the shops that have stock; with ``format`` they come as a file."""
    view = TableView.of(request, SHOP_COLUMNS, sort="retailer")
    asked = listing.Asked(view.search, view.sort_text)
    if view.format:
        return console.download(request, SHOP_COLUMNS, listing.stocked(session, asked), name="stock")
    shown = replace(asked, limit=view.per_page, offset=view.offset)
    return console.page(
        request,
        "inventory/shops.html",
        view=view,
        columns=SHOP_COLUMNS,
        rows=list(listing.stocked(session, shown)),
        total=listing.count(session, asked),
    )


@stock.get("/{retailer}")
def show_stock(request: Request, session: http.Db, retailer: str, sku: str = "") -> Response:
    """Show one shop's stock and ledger, of one SKU where it is named."""
    shop = retailers.retailer(session, retailer)
    if shop is None:
        raise Rejected("not_found", what=texts(request).gettext("retailer"), name=retailer)
    lines = queries.stock(session, retailer)
    moved = queries.movements(session, retailer, sku=sku or None, limit=MOVEMENTS_SHOWN)
    skus = catalogue.skus(session, lines.keys(), withdrawn=True)
    zh = language_of(request) == "zh"
    view = TableView.of(request, STOCK_COLUMNS, sort="sku")
    rows: list[dict[str, Any]] = [
        asdict(line) | {"name": skus[code].name_zh if zh else skus[code].name_en} for code, line in lines.items()
    ]
    words = view.search.casefold()
    found = [row for row in rows if words in row["sku"].casefold() or words in row["name"].casefold()]
    found.sort(key=lambda row: row[view.sort], reverse=view.descending)
    if view.format:
        return console.download(request, STOCK_COLUMNS, found, name=f"stock-{retailer}")
    return console.page(
        request,
        "inventory/stock.html",
        view=view,
        columns=STOCK_COLUMNS,
        rows=found[view.offset : view.offset + view.per_page],
        total=len(found),
        shop=shop,
        skus=skus,
        movements=moved,
        sku=sku,
        kinds=KINDS,
        correctors=CORRECTORS,
        act=uuid7(),
        orderable=[(item.sku, item.name_zh if zh else item.name_en) for item in catalogue.skus(session).values()],
    )


@stock.post("/{retailer}/correct", dependencies=CORRECTING)
def correct_stock(
    request: Request,
    session: http.Db,
    clock: http.Now,
    operator: http.Person,
    retailer: str,
    act: Annotated[UUID, Form()],
    sku: Words,
    on_hand_units: UnitsTyped,
    held_units: UnitsTyped = 0,
    reason: Words = "",
) -> Response:
    """Put the stock of a SKU right after a count."""
    counted = rules.Stock(on_hand_units, held_units)
    changed = service.correct_stock(session, retailer, sku, counted, reason, operator, correction=act, at=clock())
    gettext = texts(request).gettext
    said = gettext("The stock is put right.") if changed else gettext("The count agrees; nothing was entered.")
    return console.redirect(request, f"/console/stock/{quote(retailer)}", flash=said)


@stock.post("/{retailer}/return", dependencies=CORRECTING)
def return_held(
    request: Request,
    session: http.Db,
    clock: http.Now,
    operator: http.Person,
    retailer: str,
    act: Annotated[UUID, Form()],
    sku: Words,
    returned_units: Annotated[int, Form(ge=1, lt=2**31)],
    reason: Words = "",
) -> Response:
    """Note that goods that stood aside were fetched."""
    service.return_held(session, retailer, sku, returned_units, reason, operator, returning=act, at=clock())
    said = texts(request).gettext("The goods are noted as fetched.")
    return console.redirect(request, f"/console/stock/{quote(retailer)}", flash=said)


def in_e_file(session: Session, retailer: str, _now: datetime) -> Mapping[str, Any] | None:
    """Return the stock of a shop for its e-file."""
    lines = list(queries.stock(session, retailer).values())
    if not lines:
        return None
    skus = catalogue.skus(session, [line.sku for line in lines[:IN_E_FILE]], withdrawn=True)
    return {"lines": lines[:IN_E_FILE], "total": len(lines), "skus": skus, "retailer": retailer}

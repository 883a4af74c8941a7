"""The programs' interface of inventory."""

from typing import Annotated
from uuid import UUID

from fastapi import Depends
from pydantic import BaseModel, Field, StringConstraints

from contract.errors import Rejected
from contract.messages import Sku, Units
from server.inventory import queries, rules, service
from server.kit import http, paging
from server.kit.identity import Role
from server.retailers import queries as retailers

stock = http.router("/api/v1/stock", tag="inventory", roles=(), shops="all")

CORRECTORS: tuple[Role, ...] = ("planner", "dispatcher")
CORRECTING = [Depends(http.needs(*CORRECTORS))]
Reason = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=service.REASON_MOST)]


class CorrectStock(BaseModel):
    """What was counted, and why it differs. ``id`` names the act: sent again, it changes nothing."""

    id: UUID
    sku: Sku
    on_hand_units: Units
    held_units: Units = 0
    reason: Reason


class ReturnHeld(BaseModel):
    """Goods that stood aside were fetched. ``id`` names the act: sent again, it changes nothing."""

    id: UUID
    sku: Sku
    returned_units: Annotated[int, Field(ge=1, lt=2**31)]
    reason: Reason


@stock.get("/{retailer}")
def show_stock(retailer: str, session: http.Db) -> list[queries.StockLine]:
    """Return a shop's stock by SKU; quantities in units."""
    _known(session, retailer)
    return list(queries.stock(session, retailer).values())


@stock.get("/{retailer}/movements")
def show_movements(
    retailer: str, session: http.Db, page: paging.Paged, sku: str | None = None
) -> list[queries.Movement]:
    """Return the entries of a shop's ledger, the newest first."""
    _known(session, retailer)
    found = queries.movements(session, retailer, sku=sku, before=page.key(int), limit=page.one_more)
    return page.rows(found, lambda movement: (movement.id,))


@stock.post("/{retailer}/corrections", status_code=204, dependencies=CORRECTING)
def correct_stock(retailer: str, body: CorrectStock, session: http.Db, operator: http.Person, clock: http.Now) -> None:
    """Put the stock of a SKU right after a count."""
    counted = rules.Stock(body.on_hand_units, body.held_units)
    service.correct_stock(session, retailer, body.sku, counted, body.reason, operator, correction=body.id, at=clock())


@stock.post("/{retailer}/returns", status_code=204, dependencies=CORRECTING)
def return_held(retailer: str, body: ReturnHeld, session: http.Db, operator: http.Person, clock: http.Now) -> None:
    """Note that goods that stood aside were fetched."""
    service.return_held(
        session, retailer, body.sku, body.returned_units, body.reason, operator, returning=body.id, at=clock()
    )


def _known(session: http.Db, retailer: str) -> None:
    if retailers.retailer(session, retailer) is None:
        raise Rejected("not_found", what="retailer", name=retailer)

"""``/api/v1/orders`` and ``/api/v1/windows``: reads for programs; what terminals send comes through the table."""

from datetime import datetime
from typing import Literal
from uuid import UUID

from pydantic import BaseModel

from contract.errors import Rejected
from server.kit import http, paging
from server.orders import queries

api = http.router("/api/v1", tag="orders", roles=(), shops="reads")


class LineBody(BaseModel):
    """How much of one SKU is asked for."""

    sku: str
    quantity_units: int


class OrderBody(BaseModel):
    """An order as it stands."""

    id: UUID
    number: int
    retailer: str
    window: UUID
    revision: int
    state: Literal["accepted", "cancelled"]
    amount_minor: int
    placed_at: datetime
    changed_at: datetime
    lines: list[LineBody]


@api.get("/orders")
def list_orders(
    session: http.Db, page: paging.Paged, cycle: UUID | None = None, retailer: str | None = None
) -> list[OrderBody]:
    """Return orders, the newest number first."""
    found = queries.orders(session, retailer=retailer, cycle=cycle, before=page.key(int), limit=page.one_more)
    return [_body(order) for order in page.rows(found, lambda order: (order.number,))]


@api.get("/orders/{retailer}/{order}")
def one_order(session: http.Db, retailer: str, order: UUID) -> OrderBody:
    """Return one order of a retailer."""
    found = queries.order(session, retailer, order)
    if found is None:
        raise Rejected("not_found", what="order", name=f"{retailer}/{order}")
    return _body(found)


def _body(order: queries.OrderView) -> OrderBody:
    return OrderBody(
        id=order.id,
        number=order.number,
        retailer=order.retailer,
        window=order.window,
        revision=order.revision,
        state=order.state,
        amount_minor=order.amount_minor,
        placed_at=order.placed_at,
        changed_at=order.changed_at,
        lines=[LineBody(sku=sku, quantity_units=units) for sku, units in order.lines],
    )

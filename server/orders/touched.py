"""What the suspension of a licence or shop touches of a shop's orders: the open ones, which can still be changed."""

from collections.abc import Collection, Sequence
from datetime import datetime

from sqlalchemy import ARRAY, String, any_, func, literal, select
from sqlalchemy.orm import Session

from server.kit.marking import N_
from server.orders.models import OrderLineRow, OrderRow, WindowRow
from server.retailers.affected import Line, Part


def read(session: Session, retailer: str, skus: Collection[str], _now: datetime) -> Sequence[Line]:
    """Return the shop's accepted orders in windows whose book is not frozen, with their units of ``skus``."""
    rows = session.execute(
        select(OrderRow.number, func.sum(OrderLineRow.quantity_units))
        .join(OrderLineRow, (OrderLineRow.retailer == OrderRow.retailer) & (OrderLineRow.order_id == OrderRow.id))
        .join(WindowRow, WindowRow.id == OrderRow.window_id)
        .where(
            OrderRow.retailer == retailer,
            OrderRow.state == "accepted",
            WindowRow.state.in_(["announced", "open", "closed"]),
            OrderLineRow.sku == any_(literal(list(skus), ARRAY(String))),
        )
        .group_by(OrderRow.number)
        .order_by(OrderRow.number)
    )
    return [Line(f"#{number}", f"/console/orders/{number}", int(units)) for number, units in rows]


PART = Part(
    N_("Open orders"),
    N_("They stay in the book; when it is frozen, lines of the class get nothing unless the licence counts again."),
    N_("They stay in the book; when it is frozen, their lines get nothing unless the shop is restored."),
    read,
)

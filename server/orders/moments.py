"""A shop's orders, for its timeline."""

from datetime import datetime

from sqlalchemy import Select

from server.kit.console.moments import Moments, moments, numbered
from server.kit.marking import N_
from server.orders.models import OrderRow


def _placed(retailer: str) -> Select[datetime, str, str, str]:
    query = moments(OrderRow.placed_at, "placed", numbered(OrderRow.number), OrderRow.number)
    return query.where(OrderRow.retailer == retailer)


def _changed(retailer: str) -> Select[datetime, str, str, str]:
    query = moments(OrderRow.changed_at, OrderRow.state, numbered(OrderRow.number), OrderRow.number)
    return query.where(OrderRow.retailer == retailer, OrderRow.changed_at > OrderRow.placed_at)


MOMENTS = (
    Moments({"placed": (N_("order received"),)}, "/console/orders/{key}", _placed),
    Moments(
        {"accepted": (N_("order changed"),), "cancelled": (N_("order cancelled"),)}, "/console/orders/{key}", _changed
    ),
)

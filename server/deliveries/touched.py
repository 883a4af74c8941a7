"""What the suspension of a licence or shop touches of a shop's goods: granted, held back, on the way."""

from collections.abc import Collection, Sequence
from datetime import datetime

from sqlalchemy import ARRAY, String, any_, func, literal, select
from sqlalchemy.orm import Session

from server.cycles import queries as cycles
from server.cycles import result_queries
from server.deliveries.models import DeliveryLineRow, DeliveryRow
from server.kit.marking import N_
from server.retailers.affected import Line, Part

CYCLES_MOST = 20
"""Goods of older cycles are not dispatched any more."""


def read_granted(session: Session, retailer: str, skus: Collection[str], _now: datetime) -> Sequence[Line]:
    """Return the published cycles in which the shop was granted some of ``skus`` and that it has no delivery of."""
    sent = frozenset(session.scalars(select(DeliveryRow.cycle).where(DeliveryRow.retailer == retailer).distinct()))
    open_ = [one for one in cycles.published_cycles(session, limit=CYCLES_MOST) if one.id not in sent]
    units = result_queries.granted_units(session, [one.id for one in open_], retailer, skus)
    return [Line(f"#{one.number}", f"/console/cycles/{one.id}", units[one.id]) for one in open_ if units.get(one.id)]


def _read(session: Session, retailer: str, skus: Collection[str], state: str) -> Sequence[Line]:
    rows = session.execute(
        select(DeliveryRow.id, DeliveryRow.number, func.sum(DeliveryLineRow.shipped_units))
        .join(DeliveryLineRow, DeliveryLineRow.delivery_id == DeliveryRow.id)
        .where(
            DeliveryRow.retailer == retailer,
            DeliveryRow.state == state,
            DeliveryLineRow.sku == any_(literal(list(skus), ARRAY(String))),
        )
        .group_by(DeliveryRow.id)
        .order_by(DeliveryRow.number)
    )
    return [Line(f"#{number}", f"/console/deliveries/{delivery}", int(units)) for delivery, number, units in rows]


def read_held(session: Session, retailer: str, skus: Collection[str], _now: datetime) -> Sequence[Line]:
    """Return the deliveries that are held back, with their units of ``skus``."""
    return _read(session, retailer, skus, "held")


def read_on_the_way(session: Session, retailer: str, skus: Collection[str], _now: datetime) -> Sequence[Line]:
    """Return the deliveries that left and are not confirmed, with their units of ``skus``."""
    return _read(session, retailer, skus, "shipped")


PARTS = (
    Part(
        N_("Grants that are not dispatched"),
        N_("They are held at dispatch and listed under deliveries, until the licence counts again."),
        N_("They are held at dispatch and listed under deliveries, until the shop is restored."),
        read_granted,
    ),
    Part(
        N_("Deliveries held back"),
        N_("They stay held until the licence counts again."),
        N_("They stay held until the shop is restored."),
        read_held,
    ),
    Part(
        N_("Deliveries on the way"),
        N_("They left already. Call them back by telephone, or let the shop refuse them when it confirms."),
        N_("They left already. Call them back by telephone, or let the shop refuse them when it confirms."),
        read_on_the_way,
    ),
)

"""Reads of the window room and of the order list: who is in, who is missing, how fast orders come."""

import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, func, or_, select, true
from sqlalchemy.orm import Session

from server.kit.db import streamed
from server.orders import missing, queries
from server.orders.models import OrderLineRow, OrderRow
from server.retailers import queries as retailers

PACE_MINUTES = 60
_NUMBER = re.compile(r"#?([0-9]{1,18})")


@dataclass(frozen=True)
class Place:
    """How far the shops of one region and route are."""

    region: str
    route: str
    due: int
    came: int

    @property
    def missing(self) -> int:
        """Shops in good standing without an accepted order."""
        return self.due - self.came


@dataclass(frozen=True)
class Standing:
    """How far one window is; retailers are counted among those in good standing on its route."""

    orders: int
    cancelled: int
    lines: int
    units: int
    amount_minor: int
    places: tuple[Place, ...]

    @property
    def due(self) -> int:
        """Retailers that may order."""
        return sum(place.due for place in self.places)

    @property
    def came(self) -> int:
        """Retailers with an accepted order."""
        return sum(place.came for place in self.places)

    @property
    def missing(self) -> int:
        """Retailers without one."""
        return self.due - self.came

    def by_region(self) -> list[Place]:
        """Return the places summed by region, the most missing first."""
        return _summed(replace(place, route="") for place in self.places)

    def by_route(self) -> list[Place]:
        """Return the places summed by route, the most missing first."""
        return _summed(replace(place, region="") for place in self.places)


def _summed(places: Iterable[Place]) -> list[Place]:
    summed: dict[tuple[str, str], Place] = {}
    for place in places:
        held = summed.setdefault((place.region, place.route), replace(place, due=0, came=0))
        summed[place.region, place.route] = replace(held, due=held.due + place.due, came=held.came + place.came)
    return sorted(summed.values(), key=lambda place: (-place.missing, place.region, place.route))


@dataclass(frozen=True)
class OrderSummary:
    """One order in a list."""

    number: int
    retailer: str
    window: UUID
    state: str
    revision: int
    lines: int
    units: int
    amount_minor: int
    placed_at: datetime
    changed_at: datetime


def standing(session: Session, window: queries.WindowView) -> Standing:
    """Return how far ``window`` is."""
    return standings(session, [window])[window.id]


def standings(session: Session, windows: Sequence[queries.WindowView]) -> dict[UUID, Standing]:
    """Return how far each of ``windows`` is, by two queries, however many there are."""
    ids = [window.id for window in windows]
    if not ids:
        return {}
    accepted = OrderRow.state == "accepted"
    ordered = (
        select(
            OrderRow.window_id,
            func.count().filter(accepted),
            func.count().filter(OrderRow.state == "cancelled"),
            func.coalesce(func.sum(OrderRow.amount_minor).filter(accepted), 0),
        )
        .where(OrderRow.window_id.in_(ids))
        .group_by(OrderRow.window_id)
        .subquery()
    )
    inside = (
        select(OrderRow.window_id, func.count().label("lines"), func.sum(OrderLineRow.quantity_units).label("units"))
        .join(OrderLineRow, (OrderRow.retailer == OrderLineRow.retailer) & (OrderRow.id == OrderLineRow.order_id))
        .where(OrderRow.window_id.in_(ids), accepted)
        .group_by(OrderRow.window_id)
        .subquery()
    )
    of_lines = (func.coalesce(inside.c.lines, 0), func.coalesce(inside.c.units, 0))
    query = select(*ordered.c, *of_lines).outerjoin(inside, inside.c.window_id == ordered.c.window_id)
    figures = {window: figure for window, *figure in session.execute(query)}
    rounds = [
        retailers.Round(one.id, one.closes_at.astimezone(ZoneInfo(one.zone)).date(), one.route) for one in windows
    ]
    counted = retailers.tally(session, missing.came_in(ids), rounds)
    found = {}
    for one in ids:
        orders, cancelled, amount, lines, units = figures.get(one, (0, 0, 0, 0, 0))
        places = tuple(Place(region, route, due, came) for (region, route), (due, came) in counted[one].items())
        found[one] = Standing(orders, cancelled, lines, int(units), int(amount), places)
    return found


def pace(session: Session, window: UUID, now: datetime) -> list[tuple[datetime, int]]:
    """Return the orders placed in each of the last :data:`PACE_MINUTES` minutes, the oldest first, this one last."""
    last = now.replace(second=0, microsecond=0)
    first = last - timedelta(minutes=PACE_MINUTES - 1)
    minute = func.date_trunc("minute", OrderRow.placed_at)
    rows = session.execute(
        select(minute, func.count())
        .where(OrderRow.window_id == window, OrderRow.placed_at >= first, OrderRow.placed_at <= now)
        .group_by(minute)
    )
    counted: dict[datetime, int] = dict(rows.all())
    minutes = [first + timedelta(minutes=order) for order in range(PACE_MINUTES)]
    return [(at, counted.get(at, 0)) for at in minutes]


@dataclass(frozen=True)
class Asked:
    """Which orders are asked for; an empty text asks for all. ``order`` begins with ``-`` to descend.

    ``words`` is an order's number, or a part of the retailer's code; orders of ``retailers_too`` fit it as well.
    """

    words: str = ""
    retailers_too: Collection[str] = ()
    window: UUID | None = None
    state: str = ""
    order: str = "-number"
    limit: int | None = None
    offset: int = 0


def orders(session: Session, asked: Asked) -> Iterator[OrderSummary]:
    """Yield the orders that are asked for."""
    inside = (
        select(func.count().label("lines"), func.coalesce(func.sum(OrderLineRow.quantity_units), 0).label("units"))
        .where(OrderLineRow.retailer == OrderRow.retailer, OrderLineRow.order_id == OrderRow.id)
        .lateral()
    )
    sorts: dict[str, Any] = {
        "number": OrderRow.number,
        "retailer": OrderRow.retailer,
        "amount_minor": OrderRow.amount_minor,
        "placed_at": OrderRow.placed_at,
        "changed_at": OrderRow.changed_at,
        "revision": OrderRow.revision,
        "lines": inside.c.lines,
        "units": inside.c.units,
    }
    chosen = sorts.get(asked.order.removeprefix("-"), OrderRow.number)
    query = (
        select(OrderRow, inside.c.lines, inside.c.units)
        .join(inside, true())
        .where(*_conditions(asked))
        .order_by(chosen.desc() if asked.order.startswith("-") else chosen.asc(), OrderRow.number.desc())
        .offset(asked.offset)
        .limit(asked.limit)
    )
    for row, lines, units in streamed(session, query):
        yield OrderSummary(
            number=row.number,
            retailer=row.retailer,
            window=row.window_id,
            state=row.state,
            revision=row.revision,
            lines=lines,
            units=int(units),
            amount_minor=row.amount_minor,
            placed_at=row.placed_at,
            changed_at=row.changed_at,
        )


def count_orders(session: Session, asked: Asked) -> int:
    """Return how many orders are asked for."""
    return session.scalar(select(func.count()).select_from(OrderRow).where(*_conditions(asked))) or 0


def _conditions(asked: Asked) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = []
    if asked.words:
        fits = [OrderRow.retailer.icontains(asked.words, autoescape=True), OrderRow.retailer.in_(asked.retailers_too)]
        if number := _NUMBER.fullmatch(asked.words):
            fits.append(OrderRow.number == int(number[1]))
        conditions.append(or_(*fits))
    if asked.window is not None:
        conditions.append(OrderRow.window_id == asked.window)
    if asked.state:
        conditions.append(OrderRow.state == asked.state)
    return conditions


def order_numbered(session: Session, number: int) -> queries.OrderView | None:
    """Return one order by the number that people use, or none."""
    key = session.execute(select(OrderRow.retailer, OrderRow.id).where(OrderRow.number == number)).one_or_none()
    return None if key is None else queries.order(session, key.retailer, key.id)


def prices_of(session: Session, order: queries.OrderView) -> dict[str, int]:
    """Return the price in minor units that each line of an order was taken at, by SKU."""
    query = select(OrderLineRow.sku, OrderLineRow.price_minor).where(
        OrderLineRow.retailer == order.retailer, OrderLineRow.order_id == order.id
    )
    return dict(session.execute(query).all())

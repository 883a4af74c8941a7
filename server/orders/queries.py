"""Reads of windows and orders, for screens and for the capabilities above."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, cast
from uuid import UUID

from sqlalchemy import ARRAY, Select, String, any_, func, literal, select, tuple_
from sqlalchemy.orm import Session

from server.orders.models import OrderLineRow, OrderRow, WindowRow
from server.orders.rules import Window

WindowStateName = Literal["announced", "open", "closed", "frozen", "published", "called_off"]


@dataclass(frozen=True)
class WindowView:
    """A window as screens and other capabilities see it."""

    id: UUID
    cycle: UUID
    name_zh: str
    name_en: str
    route: str
    opens_at: datetime
    closes_at: datetime
    grace_s: int
    zone: str
    state: WindowStateName

    def rule(self) -> Window:
        """Return the window as the rules need it."""
        return Window(self.state, self.opens_at, self.closes_at, self.grace_s)


@dataclass(frozen=True)
class OrderView:
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
    lines: tuple[tuple[str, int], ...]


@dataclass(frozen=True)
class BookLine:
    """What one retailer asked for of one SKU, over all its orders."""

    retailer: str
    sku: str
    requested_units: int


@dataclass(frozen=True)
class Progress:
    """How far a cycle's ordering is."""

    orders: int
    retailers_in: int
    retailers_due: int
    lines: int
    units: int


def window(session: Session, window_id: UUID) -> WindowView | None:
    """Return one window, or none."""
    row = session.get(WindowRow, window_id)
    return None if row is None else window_view(row)


def windows(session: Session, *, cycle: UUID | None = None, state: WindowStateName | None = None) -> list[WindowView]:
    """Return windows, of one cycle and in one state where named, the earliest close first."""
    query = select(WindowRow).order_by(WindowRow.closes_at, WindowRow.route)
    if cycle is not None:
        query = query.where(WindowRow.cycle == cycle)
    if state is not None:
        query = query.where(WindowRow.state == state)
    return [window_view(row) for row in session.scalars(query)]


def windows_by_id(session: Session, ids: Collection[UUID]) -> dict[UUID, WindowView]:
    """Return the windows of ``ids``."""
    return {row.id: window_view(row) for row in session.scalars(select(WindowRow).where(WindowRow.id.in_(ids)))}


def cycles_open(session: Session, cycles: Collection[UUID]) -> frozenset[UUID]:
    """Return those of ``cycles`` that have an open window."""
    query = select(WindowRow.cycle).where(WindowRow.cycle.in_(cycles), WindowRow.state == "open").distinct()
    return frozenset(session.scalars(query))


def orders(
    session: Session,
    *,
    retailer: str | None = None,
    cycle: UUID | None = None,
    before: int | None = None,
    limit: int = 200,
) -> list[OrderView]:
    """Return orders with their lines, the newest number first, below the number ``before`` where it is named."""
    query = select(OrderRow).order_by(OrderRow.number.desc()).limit(limit)
    if retailer is not None:
        query = query.where(OrderRow.retailer == retailer)
    if before is not None:
        query = query.where(OrderRow.number < before)
    if cycle is not None:
        query = query.join(WindowRow, WindowRow.id == OrderRow.window_id).where(WindowRow.cycle == cycle)
    return _with_lines(session, session.scalars(query).all())


def order(session: Session, retailer: str, order_id: UUID) -> OrderView | None:
    """Return one order of a retailer, or none."""
    row = session.get(OrderRow, (retailer, order_id))
    return None if row is None else _with_lines(session, [row])[0]


def book(session: Session, cycle: UUID) -> Iterator[BookLine]:
    """Yield the order book of a cycle: accepted lines summed per retailer and SKU, in byte order of both."""
    for retailer, sku, units in session.execute(book_query(cycle)):
        yield BookLine(retailer, sku, int(units))


def book_query(cycle: UUID) -> Select[str, str, int]:
    """Return what :func:`book` reads, for whoever takes it as columns: retailer, SKU, units."""
    return (
        _accepted_lines(cycle)
        .with_only_columns(OrderLineRow.retailer, OrderLineRow.sku, func.sum(OrderLineRow.quantity_units))
        .group_by(OrderLineRow.retailer, OrderLineRow.sku)
        .order_by(OrderLineRow.retailer.collate("C"), OrderLineRow.sku.collate("C"))
    )


def asked_units(session: Session, cycle: UUID) -> dict[str, int]:
    """Return what a cycle's accepted orders ask for together, in units by SKU."""
    rows = session.execute(
        _accepted_lines(cycle)
        .with_only_columns(OrderLineRow.sku, func.sum(OrderLineRow.quantity_units))
        .group_by(OrderLineRow.sku)
    )
    return {sku: int(units) for sku, units in rows}


def arrivals(session: Session, cycle: UUID) -> list[tuple[str, str]]:
    """Return the book's lines, retailer and SKU, in the order in which the first order that holds each was received."""
    rows = session.execute(
        _accepted_lines(cycle)
        .with_only_columns(OrderLineRow.retailer, OrderLineRow.sku)
        .group_by(OrderLineRow.retailer, OrderLineRow.sku)
        .order_by(func.min(OrderRow.number), OrderLineRow.sku.collate("C"))
    )
    return [(retailer, sku) for retailer, sku in rows]


def progress(session: Session, cycle: UUID, *, retailers_due: int) -> Progress:
    """Return how many orders, retailers, lines and units have come in."""
    accepted = (
        select(OrderRow.retailer, OrderRow.id)
        .join(WindowRow, WindowRow.id == OrderRow.window_id)
        .where(WindowRow.cycle == cycle, OrderRow.state == "accepted")
        .cte("accepted")
    )
    inside = (OrderLineRow.retailer == accepted.c.retailer) & (OrderLineRow.order_id == accepted.c.id)
    placed, retailers_in = (
        select(figure).select_from(accepted).scalar_subquery()
        for figure in (func.count(), func.count(accepted.c.retailer.distinct()))
    )
    counted = select(placed, retailers_in, func.count(), func.coalesce(func.sum(OrderLineRow.quantity_units), 0))
    orders_in, came, lines, units = session.execute(counted.select_from(OrderLineRow).join(accepted, inside)).one()
    return Progress(orders_in, came, retailers_due, lines, int(units))


def came_query(cycle: UUID) -> Select[str]:
    """Select the retailers with an accepted order in the cycle."""
    return (
        select(OrderRow.retailer)
        .join(WindowRow, WindowRow.id == OrderRow.window_id)
        .where(WindowRow.cycle == cycle, OrderRow.state == "accepted")
    )


@dataclass(frozen=True)
class Committed:
    """What a retailer's accepted orders of a cycle hold: units by SKU, and money in minor units."""

    units: Mapping[str, int]
    amount_minor: int


def committed(
    session: Session, retailers: Collection[str], cycle: UUID, *, without: UUID | None = None
) -> dict[str, Committed]:
    """Return what the retailers' accepted orders of a cycle hold, the order ``without`` left out; all are there."""
    query = _accepted_lines(cycle).where(OrderLineRow.retailer == any_(literal(list(retailers), ARRAY(String))))
    if without is not None:
        query = query.where(OrderLineRow.order_id != without)
    rows = session.execute(
        query.with_only_columns(
            OrderLineRow.retailer,
            OrderLineRow.sku,
            func.sum(OrderLineRow.quantity_units),
            func.sum(OrderLineRow.quantity_units * OrderLineRow.price_minor),
        ).group_by(OrderLineRow.retailer, OrderLineRow.sku)
    ).all()
    units: dict[str, dict[str, int]] = {retailer: {} for retailer in retailers}
    money = dict.fromkeys(retailers, 0)
    for retailer, sku, quantity, amount in rows:
        units[retailer][sku] = int(quantity)
        money[retailer] += int(amount)
    return {retailer: Committed(units[retailer], money[retailer]) for retailer in retailers}


def first_placed(session: Session, cycle: UUID) -> dict[str, datetime]:
    """Return when each shop's first accepted order of a cycle came."""
    rows = session.execute(
        select(OrderRow.retailer, func.min(OrderRow.placed_at))
        .join(WindowRow, WindowRow.id == OrderRow.window_id)
        .where(WindowRow.cycle == cycle, OrderRow.state == "accepted")
        .group_by(OrderRow.retailer)
    )
    return {row[0]: row[1] for row in rows}


def devices_used(session: Session, cycle: UUID) -> dict[str, frozenset[str]]:
    """Return which terminals each shop's accepted orders of a cycle came from."""
    rows = session.execute(
        select(OrderRow.retailer, OrderRow.device)
        .join(WindowRow, WindowRow.id == OrderRow.window_id)
        .where(WindowRow.cycle == cycle, OrderRow.state == "accepted")
        .distinct()
    )
    found: dict[str, set[str]] = {}
    for retailer, device in rows:
        found.setdefault(retailer, set()).add(device)
    return {retailer: frozenset(devices) for retailer, devices in found.items()}


def closes(session: Session, *, before: datetime, since: datetime) -> dict[UUID, datetime]:
    """Return when the last window of each cycle closed, of those that closed between two instants, the newest first."""
    closed_at = func.max(WindowRow.closes_at)
    rows = session.execute(
        select(WindowRow.cycle, closed_at)
        .where(WindowRow.state.in_(("closed", "frozen", "published")))
        .group_by(WindowRow.cycle)
        .having((closed_at < before) & (closed_at >= since))
        .order_by(closed_at.desc(), WindowRow.cycle)
    )
    return {row[0]: row[1] for row in rows}


def units_of(session: Session, cycles: Collection[UUID]) -> dict[UUID, dict[str, int]]:
    """Return how many units each shop asked for in each of the cycles; shops without an accepted order are absent."""
    rows = session.execute(
        select(WindowRow.cycle, OrderLineRow.retailer, func.sum(OrderLineRow.quantity_units))
        .join(OrderRow, (OrderRow.retailer == OrderLineRow.retailer) & (OrderRow.id == OrderLineRow.order_id))
        .join(WindowRow, WindowRow.id == OrderRow.window_id)
        .where(WindowRow.cycle.in_(cycles), OrderRow.state == "accepted")
        .group_by(WindowRow.cycle, OrderLineRow.retailer)
    )
    found: dict[UUID, dict[str, int]] = {cycle: {} for cycle in cycles}
    for cycle, retailer, units in rows:
        found[cycle][retailer] = int(units)
    return found


def _accepted_lines(cycle: UUID) -> Select[OrderLineRow]:
    return (
        select(OrderLineRow)
        .join(
            OrderRow,
            (OrderRow.retailer == OrderLineRow.retailer) & (OrderRow.id == OrderLineRow.order_id),
        )
        .join(WindowRow, WindowRow.id == OrderRow.window_id)
        .where(WindowRow.cycle == cycle, OrderRow.state == "accepted")
    )


def _with_lines(session: Session, rows: Sequence[OrderRow]) -> list[OrderView]:
    lines: dict[tuple[str, UUID], list[tuple[str, int]]] = {}
    found = session.scalars(
        select(OrderLineRow)
        .where(tuple_(OrderLineRow.retailer, OrderLineRow.order_id).in_([(row.retailer, row.id) for row in rows]))
        .order_by(OrderLineRow.sku.collate("C"))
    )
    for line in found:
        lines.setdefault((line.retailer, line.order_id), []).append((line.sku, line.quantity_units))
    return [
        OrderView(
            id=row.id,
            number=row.number,
            retailer=row.retailer,
            window=row.window_id,
            revision=row.revision,
            state=cast('Literal["accepted", "cancelled"]', row.state),
            amount_minor=row.amount_minor,
            placed_at=row.placed_at,
            changed_at=row.changed_at,
            lines=tuple(lines.get((row.retailer, row.id), ())),
        )
        for row in rows
    ]


def window_view(row: WindowRow) -> WindowView:
    """Return a row as others see it."""
    return WindowView(
        id=row.id,
        cycle=row.cycle,
        name_zh=row.name_zh,
        name_en=row.name_en,
        route=row.route,
        opens_at=row.opens_at,
        closes_at=row.closes_at,
        grace_s=row.grace_s,
        zone=row.zone,
        state=cast("WindowStateName", row.state),
    )

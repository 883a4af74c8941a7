"""What can be done with orders and windows. Nothing here commits.

Locks: a placing, amending or cancelling transaction holds its window's row in share mode and its retailer's
row for update, so that limits and credit hold under concurrency; closing takes the window's row for update,
and so waits for every order that was decided before.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import delete, func, insert, select, update
from sqlalchemy.orm import Session

from contract.errors import Conflict, Rejected
from contract.feed import OrderState, Text, WindowState
from contract.messages import AmendOrder, CancelOrder, OrderLine, PlaceOrder
from server.catalogue import queries as catalogue
from server.kit import audit, events, outbox
from server.kit.identity import SYSTEM, Actor
from server.kit.inbox import Accepted, Arrival
from server.licences import queries as licences
from server.orders import queries, rules
from server.orders.events import WindowClosed
from server.orders.models import OrderLineRow, OrderRow, WindowRow
from server.retailers import queries as retailers
from server.retailers import service as retailer_locks


def place_order(session: Session, order: PlaceOrder, arrival: Arrival) -> Accepted:
    """Take a new order of the sender's retailer; its id is the message's."""
    window = _open_window(session, order.window, arrival)
    checked = _check(session, window, order.lines, arrival, without=None)
    row = OrderRow(
        retailer=arrival.sender.party,
        id=arrival.id,
        window_id=window.id,
        device=arrival.sender.device,
        revision=1,
        state="accepted",
        amount_minor=checked.amount_minor,
        placed_at=arrival.at,
        changed_at=arrival.at,
    )
    session.add(row)
    session.flush()
    _write_lines(session, row, order.lines, checked.prices)
    return _accepted(session, row, order.lines, arrival, "order.placed")


def amend_order(session: Session, amendment: AmendOrder, arrival: Arrival) -> Accepted:
    """Put all lines of an order anew; a refusal leaves the order as it was."""
    row = _order(session, amendment.order, amendment.revision, arrival)
    window = _open_window(session, row.window_id, arrival)
    checked = _check(session, window, amendment.lines, arrival, without=row.id)
    row.amount_minor = checked.amount_minor
    row.revision += 1
    row.changed_at = arrival.at
    row.device = arrival.sender.device
    session.execute(delete(OrderLineRow).where(OrderLineRow.retailer == row.retailer, OrderLineRow.order_id == row.id))
    _write_lines(session, row, amendment.lines, checked.prices)
    return _accepted(session, row, amendment.lines, arrival, "order.amended")


def cancel_order(session: Session, cancelling: CancelOrder, arrival: Arrival) -> Accepted:
    """Cancel an order; its lines stay readable, the order book no longer holds them."""
    row = _order(session, cancelling.order, cancelling.revision, arrival)
    _open_window(session, row.window_id, arrival)
    row.state = "cancelled"
    row.revision += 1
    row.changed_at = arrival.at
    lines = queries.order(session, row.retailer, row.id)
    kept = () if lines is None else tuple(OrderLine(sku=s, quantity_units=q) for s, q in lines.lines)
    return _accepted(session, row, kept, arrival, "order.cancelled")


@dataclass(frozen=True)
class NewWindow:
    """A window to be announced. Instants are aware; ``route`` is ``*`` for every retailer."""

    id: UUID
    cycle: UUID
    name_zh: str
    name_en: str
    route: str
    opens_at: datetime
    closes_at: datetime
    grace_s: int
    zone: str
    commitment: str
    policy: str
    scarce: frozenset[str] = frozenset()


def announce_window(session: Session, new: NewWindow, *, at: datetime) -> None:
    """Publish a window to its retailers before it opens, the draw's commitment with it."""
    session.add(
        WindowRow(
            id=new.id,
            cycle=new.cycle,
            name_zh=new.name_zh,
            name_en=new.name_en,
            route=new.route,
            opens_at=new.opens_at,
            closes_at=new.closes_at,
            grace_s=new.grace_s,
            zone=new.zone,
            state="announced",
            commitment=new.commitment,
            policy=new.policy,
            scarce=sorted(new.scarce),
            seen_at=at,
        )
    )
    session.flush()
    tell_windows(session, [new.id], at=at)


def open_due_windows(session: Session, now: datetime) -> list[UUID]:
    """Open the announced windows whose time has come; return them."""
    opened = session.scalars(
        update(WindowRow)
        .where(WindowRow.state == "announced", WindowRow.opens_at <= now)
        .values(state="open", seen_at=now)
        .returning(WindowRow.id)
    ).all()
    tell_windows(session, opened, at=now)
    return list(opened)


def close_due_windows(session: Session, now: datetime) -> list[UUID]:
    """Close the open windows whose deadline has passed, note the time in the others; return the closed ones.

    The noted time never goes back, and decides with the clock: a clock that is set back reopens nothing.
    """
    session.execute(update(WindowRow).where(WindowRow.state == "open", WindowRow.seen_at < now).values(seen_at=now))
    deadline = WindowRow.closes_at + func.make_interval(0, 0, 0, 0, 0, 0, WindowRow.grace_s)
    due = session.scalars(
        select(WindowRow).where(WindowRow.state == "open", deadline <= now).order_by(WindowRow.id).with_for_update()
    ).all()
    for row in due:
        row.state = "closed"
        events.publish(session, WindowClosed(row.id, row.cycle, now), lock=f"cycle:{row.cycle}")
        audit.record(session, actor=SYSTEM, action="window.closed", subject=f"cycle:{row.cycle}", at=now)
    session.flush()
    tell_windows(session, [row.id for row in due], at=now)
    return [row.id for row in due]


def move_windows(session: Session, cycle: UUID, state: queries.WindowStateName, *, at: datetime) -> None:
    """Put all windows of a cycle into a later state (frozen, published, called off) and tell the retailers."""
    moved = session.scalars(
        update(WindowRow).where(WindowRow.cycle == cycle).values(state=state).returning(WindowRow.id)
    ).all()
    tell_windows(session, moved, at=at)


def mark_scarce(session: Session, cycle: UUID, skus: Collection[str], *, at: datetime) -> None:
    """Say anew what is scarce in the windows of a cycle; the retailers are told where it changed."""
    wanted = sorted(skus)
    changed = session.scalars(
        update(WindowRow)
        .where(WindowRow.cycle == cycle, WindowRow.scarce != wanted)
        .values(scarce=wanted)
        .returning(WindowRow.id)
    ).all()
    tell_windows(session, changed, at=at)


def tell_windows(session: Session, ids: Sequence[UUID], *, at: datetime) -> None:
    """Send each window's state to the feeds of its retailers."""
    items: list[outbox.Item] = []
    for row in session.scalars(select(WindowRow).where(WindowRow.id.in_(ids)).order_by(WindowRow.id)):
        message = _window_message(row)
        items += [
            outbox.Item(code, f"window:{row.id}", "window", message)
            for code in retailers.codes_on_route(session, row.route)
        ]
    outbox.append(session, items, at=at)


def windows_of(session: Session, retailer: retailers.Retailer) -> list[WindowState]:
    """Return the windows of a retailer that are not over, for a terminal that has just come."""
    rows = session.scalars(
        select(WindowRow).where(
            WindowRow.route.in_(("*", retailer.route)), WindowRow.state.in_(("announced", "open", "closed", "frozen"))
        )
    )
    return [_window_message(row) for row in rows]


def _open_window(session: Session, window_id: UUID, arrival: Arrival) -> queries.WindowView:
    row = session.scalars(
        select(WindowRow).where(WindowRow.id == window_id).with_for_update(read=True, key_share=False)
    ).one_or_none()
    retailer = retailer_locks.lock_retailer(session, arrival.sender.party)
    if row is None or row.route not in {"*", retailer.route}:
        raise Rejected("unknown_window")
    view = queries.window(session, window_id)
    assert view is not None  # noqa: S101 - the row was locked above
    rules.check_open(view.rule(), max(arrival.at, row.seen_at))
    if retailer.standing != "good":
        raise Rejected("suspended", why=retailer.standing_reason or "")
    return view


def _order(session: Session, order_id: UUID, revision: int, arrival: Arrival) -> OrderRow:
    row = session.get(OrderRow, (arrival.sender.party, order_id), with_for_update=True)
    if row is None:
        raise Rejected("unknown_order")
    if row.state == "cancelled":
        raise Rejected("order_cancelled")
    if row.revision != revision:
        raise Conflict("order_changed", revision=row.revision)
    return row


@dataclass(frozen=True)
class _Checked:
    """What lines that may stand come to, and the prices they stand at."""

    amount_minor: int
    prices: Mapping[str, int]


def _check(
    session: Session,
    window: queries.WindowView,
    lines: Sequence[OrderLine],
    arrival: Arrival,
    *,
    without: UUID | None,
) -> _Checked:
    """Refuse the first line that cannot stand beside the retailer's other orders; return what it comes to."""
    party = arrival.sender.party
    wanted = [line.sku for line in lines]
    held_units, held_minor = queries.committed_elsewhere(session, party, window.cycle, without=without)
    own_limits = retailers.limits(session, party, wanted)
    items: dict[str, rules.Item] = {}
    for sku, found in catalogue.skus(session, wanted).items():
        limit = own_limits.get(sku, found.limit_units)
        items[sku] = rules.Item(
            sku=sku,
            pack_units=found.pack_units,
            price_minor=found.price_minor,
            minimum_units=found.minimum_units,
            limit_units=None if limit is None else max(0, limit - held_units.get(sku, 0)),
            licence_class=found.licence_class,
        )
    today = arrival.at.astimezone(ZoneInfo(window.zone)).date()
    held = licences.classes_held(session, party, today)
    amount_minor = rules.check_lines(lines, items, held, on=today.isoformat())
    retailer = retailers.retailer(session, party)
    credit = None if retailer is None else retailer.credit_minor
    if credit is not None and held_minor + amount_minor > credit:
        raise Rejected("credit_exceeded", amount=_plain(amount_minor), credit=_plain(credit - held_minor))
    return _Checked(amount_minor, {sku: item.price_minor for sku, item in items.items()})


def _plain(amount_minor: int) -> str:
    """Return money in plain digits for a refusal; the reader knows the currency."""
    whole, rest = divmod(abs(amount_minor), 100)
    return f"{'-' if amount_minor < 0 else ''}{whole}.{rest:02d}"


def _write_lines(session: Session, row: OrderRow, lines: Sequence[OrderLine], prices: Mapping[str, int]) -> None:
    session.flush()
    session.connection().execute(  # past the mapper, which costs more than the rows
        insert(OrderLineRow),
        [
            {
                "retailer": row.retailer,
                "order_id": row.id,
                "sku": line.sku,
                "quantity_units": line.quantity_units,
                "price_minor": prices[line.sku],
            }
            for line in lines
        ],
    )


def _accepted(session: Session, row: OrderRow, lines: Sequence[OrderLine], arrival: Arrival, action: str) -> Accepted:
    """Write down the act; answer with the order as it stands, for the retailer's terminals."""
    state = OrderState(
        order=row.id,
        window=row.window_id,
        number=row.number,
        revision=row.revision,
        state=row.state,
        at=arrival.at,
        lines=tuple(lines),
    )
    audit.record(
        session,
        actor=Actor("device", arrival.sender.device),
        action=action,
        subject=f"order:{row.number}",
        at=arrival.at,
        detail={"retailer": row.retailer, "revision": row.revision, "lines": len(lines)},
    )
    told = outbox.Item(row.retailer, f"order:{row.id}", "order", state)
    return Accepted(row.number, row.revision, (told,))


def _window_message(row: WindowRow) -> WindowState:
    return WindowState(
        window=row.id,
        cycle=row.cycle,
        name=Text(zh=row.name_zh, en=row.name_en),
        opens_at=row.opens_at,
        closes_at=row.closes_at,
        grace_s=row.grace_s,
        zone=row.zone,
        state=row.state,
        commitment=row.commitment,
        policy=row.policy,
        scarce=tuple(row.scarce),
    )

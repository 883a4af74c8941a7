"""What can be done with orders; see windows.py for their windows. Nothing here commits.

Locks: a placing, amending or cancelling transaction holds its window's row in share mode and its retailer's
row for update, so that limits and credit hold under concurrency; closing takes the window's row for update,
and so waits for every order that was decided before.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import delete, select, text
from sqlalchemy.orm import Session

from contract.errors import Conflict, Rejected
from contract.feed import OrderState
from contract.messages import AmendOrder, CancelOrder, OrderLine, PlaceOrder
from server.catalogue import queries as catalogue
from server.kit import audit, events, outbox
from server.kit.identity import Actor
from server.kit.inbox import Accepted, Arrival
from server.licences import queries as licences
from server.orders import queries, rules
from server.orders.events import OrdersReceived
from server.orders.models import OrderLineRow, OrderRow, WindowRow
from server.retailers import queries as retailers
from server.retailers import service as retailer_locks

_WRITE_ORDERS = text(
    """
    INSERT INTO orders (
        retailer, id, window_id, device, said_by, revision, state, amount_minor, placed_at, changed_at
    )
        SELECT retailer, id, window_id, device, said_by, 1, 'accepted', amount_minor, at, at
        FROM json_to_recordset(CAST(:orders AS json)) AS one (
            retailer text, id uuid, window_id uuid, device text, said_by text, amount_minor bigint, at timestamptz
        )
    RETURNING id, number
    """
)
"""All go as one value: a statement that grew with them would be compiled, read and planned for each group anew."""
_WRITE_LINES = text(
    """
    INSERT INTO order_lines (retailer, order_id, sku, quantity_units, price_minor)
        SELECT one.retailer, one.id, line ->> 0, CAST(line ->> 1 AS bigint), CAST(line ->> 2 AS bigint)
        FROM json_to_recordset(CAST(:orders AS json)) AS one (retailer text, id uuid, lines json),
            json_array_elements(one.lines) AS line
    """
)


def place_orders(session: Session, placed: Sequence[tuple[PlaceOrder, Arrival]]) -> list[Accepted | Rejected]:
    """Take new orders of different retailers; each stands or is refused by itself, in their order.

    Takes a fixed number of statements, however many orders there are. Of a refused one nothing is written.
    """
    windows = _open_windows(session, [(order.window, arrival) for order, arrival in placed])
    answers: dict[int, Accepted | Rejected] = {}
    asked: dict[int, _Asked] = {}
    for number, ((order, arrival), window) in enumerate(zip(placed, windows, strict=True)):
        if isinstance(window, Rejected):
            answers[number] = window
        else:
            asked[number] = _Asked(window, order.lines, arrival)
    standing: dict[int, tuple[_Asked, _Checked]] = {}
    for (number, one), checked in zip(asked.items(), _check_all(session, list(asked.values())), strict=True):
        if isinstance(checked, Rejected):
            answers[number] = checked
        else:
            standing[number] = (one, checked)
    rows = _insert_orders(session, list(standing.values()))
    told = _accepted(
        session,
        [(row, one.lines, one.arrival) for row, (one, _) in zip(rows, standing.values(), strict=True)],
        "order.placed",
    )
    answers |= dict(zip(standing, told, strict=True))
    return [answers[number] for number in range(len(placed))]


def amend_order(session: Session, amendment: AmendOrder, arrival: Arrival) -> Accepted:
    """Put all lines of an order anew; a refusal leaves the order as it was."""
    row = _order(session, amendment.order, amendment.revision, arrival)
    window = _open_window(session, row.window_id, arrival)
    (checked,) = _check_all(session, [_Asked(window, amendment.lines, arrival, without=row.id)])
    if isinstance(checked, Rejected):
        raise checked
    row.amount_minor = checked.amount_minor
    row.revision += 1
    row.changed_at = arrival.at
    row.device, row.said_by = arrival.sender.device, arrival.by
    session.execute(delete(OrderLineRow).where(OrderLineRow.retailer == row.retailer, OrderLineRow.order_id == row.id))
    session.flush()
    _write_lines(session, [(row, amendment.lines, checked.prices)])
    return _accepted(session, [(row, amendment.lines, arrival)], "order.amended")[0]


def cancel_order(session: Session, cancelling: CancelOrder, arrival: Arrival) -> Accepted:
    """Cancel an order; its lines stay readable, the order book no longer holds them."""
    row = _order(session, cancelling.order, cancelling.revision, arrival)
    _open_window(session, row.window_id, arrival)
    row.state, row.said_by = "cancelled", arrival.by
    row.revision += 1
    row.changed_at = arrival.at
    lines = queries.order(session, row.retailer, row.id)
    kept = () if lines is None else tuple(OrderLine(sku=s, quantity_units=q) for s, q in lines.lines)
    return _accepted(session, [(row, kept, arrival)], "order.cancelled")[0]


def _open_window(session: Session, window_id: UUID, arrival: Arrival) -> queries.WindowView:
    (window,) = _open_windows(session, [(window_id, arrival)])
    if isinstance(window, Rejected):
        raise window
    return window


def _open_windows(session: Session, wanted: Sequence[tuple[UUID, Arrival]]) -> list[queries.WindowView | Rejected]:
    """Hold the windows and the senders' retailers; say for each whether its sender may order in it now."""
    rows = {
        row.id: row
        for row in session.scalars(
            select(WindowRow)
            .where(WindowRow.id.in_({window for window, _ in wanted}))
            .order_by(WindowRow.id)
            .with_for_update(read=True, key_share=False)
            .execution_options(populate_existing=True)
        )
    }
    senders = retailer_locks.lock_retailers(session, {arrival.sender.party for _, arrival in wanted})
    return [_judge_window(rows.get(window), senders.get(arrival.sender.party), arrival) for window, arrival in wanted]


def _judge_window(
    row: WindowRow | None, retailer: retailers.Retailer | None, arrival: Arrival
) -> queries.WindowView | Rejected:
    if retailer is None:
        return Rejected("not_found", what="retailer", name=arrival.sender.party)
    if row is None or row.route not in {"*", retailer.route}:
        return Rejected("unknown_window")
    view = queries.window_view(row)
    try:
        rules.check_open(view.rule(), max(arrival.at, row.seen_at))
    except Rejected as refusal:
        return refusal
    if retailer.closed(arrival.at.astimezone(ZoneInfo(view.zone)).date()):
        return Rejected("shop_closed", on=str(retailer.closed_on), why=retailer.closed_why or "")
    if retailer.standing != "good":
        return Rejected("suspended", why=retailer.standing_reason or "")
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
class _Asked:
    """Lines that a retailer asks for in a window; the order ``without`` is about to be replaced by them."""

    window: queries.WindowView
    lines: Sequence[OrderLine]
    arrival: Arrival
    without: UUID | None = None

    @property
    def day(self) -> date:
        """The day of arrival in the window's zone, on which a licence must be valid."""
        return self.arrival.at.astimezone(ZoneInfo(self.window.zone)).date()


@dataclass(frozen=True)
class _Checked:
    """What lines that may stand come to, and the prices they stand at."""

    amount_minor: int
    prices: Mapping[str, int]


def _check_all(session: Session, asked: Sequence[_Asked]) -> list[_Checked | Rejected]:
    """Judge the lines of different retailers, each beside its retailer's other orders."""
    parties = {one.arrival.sender.party for one in asked}
    wanted = {line.sku for one in asked for line in one.lines}
    offered = catalogue.skus(session, wanted) if wanted else {}
    own_limits = retailers.limits_of(session, parties, wanted) if wanted else {}
    senders = retailers.retailers(session, parties) if parties else {}
    held = {day: licences.classes_held_by(session, parties, day) for day in {one.day for one in asked}}
    elsewhere = {
        (cycle, without): queries.committed(session, parties, cycle, without=without)
        for cycle, without in {(one.window.cycle, one.without) for one in asked}
    }
    checked: list[_Checked | Rejected] = []
    for one in asked:
        party = one.arrival.sender.party
        beside = elsewhere[one.window.cycle, one.without][party]
        items = {
            line.sku: _item(offered[line.sku], own_limits.get((party, line.sku)), beside.units.get(line.sku, 0))
            for line in one.lines
            if line.sku in offered
        }
        try:
            classes = held[one.day].get(party, frozenset())
            amount_minor = rules.check_lines(one.lines, items, classes, on=one.day.isoformat())
            credit = senders[party].credit_minor
            if credit is not None and beside.amount_minor + amount_minor > credit:
                left = credit - beside.amount_minor
                raise Rejected("credit_exceeded", amount=_plain(amount_minor), credit=_plain(left))  # noqa: TRY301 - one way out
        except Rejected as refusal:
            checked.append(refusal)
        else:
            checked.append(_Checked(amount_minor, {sku: item.price_minor for sku, item in items.items()}))
    return checked


def _item(found: catalogue.Sku, own_limit: int | None, held_units: int) -> rules.Item:
    limit = found.limit_units if own_limit is None else own_limit
    return rules.Item(
        sku=found.sku,
        pack_units=found.pack_units,
        price_minor=found.price_minor,
        minimum_units=found.minimum_units,
        limit_units=None if limit is None else max(0, limit - held_units),
        licence_class=found.licence_class,
    )


def _plain(amount_minor: int) -> str:
    """Return money in plain digits for a refusal; the reader knows the currency."""
    whole, rest = divmod(abs(amount_minor), 100)
    return f"{'-' if amount_minor < 0 else ''}{whole}.{rest:02d}"


def _insert_orders(session: Session, standing: Sequence[tuple[_Asked, _Checked]]) -> list[OrderRow]:
    """Write new orders with their lines; return them in the same order, numbers given and apart from the session."""
    if not standing:
        return []
    rows = [
        OrderRow(
            retailer=one.arrival.sender.party,
            id=one.arrival.id,
            window_id=one.window.id,
            device=one.arrival.sender.device,
            said_by=one.arrival.by,
            revision=1,
            state="accepted",
            amount_minor=checked.amount_minor,
            placed_at=one.arrival.at,
            changed_at=one.arrival.at,
        )
        for one, checked in standing
    ]
    written = [
        {
            "retailer": row.retailer,
            "id": str(row.id),
            "window_id": str(row.window_id),
            "device": row.device,
            "said_by": row.said_by,
            "amount_minor": row.amount_minor,
            "at": row.placed_at.isoformat(),
        }
        for row in rows
    ]
    numbers: dict[UUID, int] = dict(session.execute(_WRITE_ORDERS, {"orders": json.dumps(written)}).all())
    for row in rows:
        row.number = numbers[row.id]
    _write_lines(
        session, [(row, one.lines, checked.prices) for row, (one, checked) in zip(rows, standing, strict=True)]
    )
    return rows


def _write_lines(session: Session, orders: Sequence[tuple[OrderRow, Sequence[OrderLine], Mapping[str, int]]]) -> None:
    """Write the lines of orders at the prices given, by one statement past the mapper and as one value."""
    written = [
        {
            "retailer": row.retailer,
            "id": str(row.id),
            "lines": [[line.sku, line.quantity_units, prices[line.sku]] for line in lines],
        }
        for row, lines, prices in orders
    ]
    session.execute(_WRITE_LINES, {"orders": json.dumps(written)})


def _accepted(
    session: Session, acts: Sequence[tuple[OrderRow, Sequence[OrderLine], Arrival]], action: str
) -> list[Accepted]:
    """Write down the acts; answer with each order as it stands, for the retailer's terminals."""
    answers = []
    for row, lines, arrival in acts:
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
            detail={"retailer": row.retailer, "revision": row.revision, "lines": len(lines)} | arrival.said,
        )
        told = outbox.Item(row.retailer, f"order:{row.id}", "order", state)
        answers.append(Accepted(row.number, row.revision, (told,)))
    if acts:
        received: tuple[dict[str, str | int], ...] = tuple(
            {
                "retailer": row.retailer,
                "id": str(row.id),
                "number": row.number,
                "revision": row.revision,
                "state": row.state,
            }
            for row, _, _ in acts
        )
        events.publish_awaited(session, OrdersReceived(received, max(arrival.at for _, _, arrival in acts)))
    return answers

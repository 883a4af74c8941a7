"""An order as this terminal knows it: what the server has, and what is still on its way there."""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal
from uuid import UUID

from contract.feed import OrderState
from contract.messages import AmendOrder, OrderLine, PlaceOrder
from terminal_client.core import drafts, feed, outbox
from terminal_client.core.drafts import Draft
from terminal_client.core.outbox import Entry
from terminal_client.core.store import Store

State = Literal["saved", "sent", "received", "refused", "cancelled"]
KINDS = ("order.place", "order.amend", "order.cancel")
#: The subjects of all orders, known here or at the server.
EVERY = "SELECT key FROM feed WHERE kind = 'order' UNION SELECT subject FROM outbox WHERE kind = 'order.place'"


@dataclass(frozen=True)
class Order:
    """One order.

    ``received_lines`` stand in the server's book; ``lines`` and ``revision`` will stand when all that is
    under way has arrived. ``placed`` is absent where another terminal placed it; ``change`` is the newest
    amendment or cancelling without a receipt.
    """

    id: UUID
    window: UUID
    number: int | None
    state: State
    revision: int
    lines: tuple[OrderLine, ...]
    received_lines: tuple[OrderLine, ...]
    received_at_ms: int | None
    placed: Entry | None
    change: Entry | None
    cancelling: bool

    @property
    def live(self) -> bool:
        """Whether it counts, or may come to count."""
        return self.state in ("saved", "sent", "received")


def read_all(store: Store) -> list[Order]:
    """Return every order, newest first."""
    states = {state.order: state for state in feed.read(store, OrderState)}
    entries: dict[UUID, list[Entry]] = {order: [] for order in states}
    for entry in outbox.of_kinds(store, *KINDS):
        entries.setdefault(UUID(entry.subject.removeprefix("order:")), []).append(entry)
    found = [_assemble(order, states.get(order), said) for order, said in entries.items()]
    # UUIDv7: the id's order is the order of making.
    return sorted((order for order in found if order is not None), key=lambda order: order.id, reverse=True)


def newest(store: Store) -> Iterator[Order]:
    """Yield every order, newest first. Each is read only when it is asked for: a shop has years of them."""
    yield from _each(store, store.rows(f"{EVERY} ORDER BY 1 DESC"))


def count(store: Store) -> int:
    """Return how many orders there are."""
    found: int = store.rows(f"SELECT count(*) FROM ({EVERY})")[0][0]  # noqa: S608 - our own clause
    return found


def in_windows(store: Store, windows: Iterable[UUID]) -> list[Order]:
    """Return the orders of some windows, newest first, without reading those of others."""
    wanted = json.dumps([str(window) for window in windows])
    there = "data ->> 'window' IN (SELECT value FROM json_each(:wanted))"
    sql = (
        f"SELECT key FROM feed WHERE kind = 'order' AND {there}"  # noqa: S608 - our own clauses
        f" UNION SELECT subject FROM outbox WHERE kind = 'order.place' AND {there} ORDER BY 1 DESC"
    )
    return list(_each(store, store.rows(sql, {"wanted": wanted})))


def _each(store: Store, subjects: Iterable[tuple[str]]) -> Iterator[Order]:
    for (name,) in subjects:
        order = read(store, UUID(name.removeprefix("order:")))
        if order is not None:
            yield order


def read(store: Store, order: UUID) -> Order | None:
    """Return one order, or none."""
    return _assemble(order, feed.find(store, OrderState, f"order:{order}"), outbox.about(store, subject(order)))


def live_in(store: Store, window: UUID) -> list[Order]:
    """Return the live orders of a window, newest first."""
    return [order for order in in_windows(store, [window]) if order.live]


def draft_of(store: Store, window: UUID) -> Draft:
    """Return the window's draft as it can go out: a change to an order that no longer counts is a new order."""
    draft = drafts.read(store, window)
    if draft.amends is None or draft.sent_as is not None:
        return draft
    changed = read(store, draft.amends)
    gone = changed is not None and (changed.cancelling or not changed.live)
    return Draft(draft.window, draft.lines) if gone else draft


def subject(order: UUID) -> str:
    """Return the outbox's subject of an order."""
    return f"order:{order}"


def summed(orders: Iterable[Order]) -> tuple[OrderLine, ...]:
    """Return the received lines of orders summed per SKU, as the frozen book holds them."""
    units: dict[str, int] = {}
    for order in orders:
        for line in order.received_lines:
            units[line.sku] = units.get(line.sku, 0) + line.quantity_units
    return tuple(OrderLine(sku=sku, quantity_units=quantity) for sku, quantity in units.items())


def _assemble(order: UUID, known: OrderState | None, said: list[Entry]) -> Order | None:
    placed = next((entry for entry in said if entry.kind == "order.place"), None)
    if known is None and placed is None:
        return None
    revision, received = (known.revision, known.lines) if known else (0, ())
    lines = received
    for entry in said:
        if entry.state == "refused" or entry.kind == "order.cancel":
            continue
        makes, wanted = _wanted(entry)
        if makes > revision:
            revision, lines = makes, wanted
            received = wanted if entry.state == "received" else received
    waiting = [e for e in said if e.kind != "order.place" and e.state in ("saved", "sent")]
    cancelled = any(e.kind == "order.cancel" and e.state == "received" for e in said)
    state: State = placed.state if placed and not known else "received"
    if cancelled or (known is not None and known.state == "cancelled"):
        state = "cancelled"
    window = known.window if known else PlaceOrder.model_validate(placed.data if placed else {}).window
    return Order(
        id=order,
        window=window,
        number=known.number if known else (placed.number if placed else None),
        state=state,
        revision=revision,
        lines=lines,
        received_lines=() if state == "cancelled" else received,
        received_at_ms=_received_at_ms(known, placed),
        placed=placed,
        change=waiting[-1] if waiting else None,
        cancelling=any(e.kind == "order.cancel" for e in waiting),
    )


def _wanted(entry: Entry) -> tuple[int, tuple[OrderLine, ...]]:
    """Return the revision that a placing or amendment makes, and its lines."""
    if entry.kind == "order.place":
        return entry.revision or 1, PlaceOrder.model_validate(entry.data).lines
    amendment = AmendOrder.model_validate(entry.data)
    return entry.revision or amendment.revision + 1, amendment.lines


def _received_at_ms(known: OrderState | None, placed: Entry | None) -> int | None:
    if placed is not None and placed.state == "received":
        return placed.settled_at_ms
    return round(known.at.timestamp() * 1000) if known else None

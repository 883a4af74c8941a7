"""The shop's stock as this terminal knows it: what the server's ledger says, and what is still on its way there.

The ledger is the server's. What was entered here is never changed: a mistake is put right by another entry.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import Literal

from contract import feed as down
from contract.messages import ConfirmDelivery, MoveStock, StockAct
from terminal_client.core import feed, outbox, stock_rules
from terminal_client.core.outbox import Entry
from terminal_client.core.server_clock import milliseconds
from terminal_client.core.store import Store

Act = Literal["sale", "refund", "count", "adjustment", "expiry", "receipt"]
KINDS = ("stock.move", "delivery.confirm")


@dataclass(frozen=True)
class Move:
    """What one message says about one SKU; a count's units are what was counted. ``at_ms`` is when it happened."""

    entry: Entry
    sku: str
    act: Act
    units: int
    at_ms: int
    reason: str


@dataclass(frozen=True)
class Standing:
    """How much of a SKU stands in the shop.

    ``book_units`` is the server's word, none where it has said nothing; ``on_hand_units`` counts what is on its way
    as well. ``out_since_ms`` is set where nothing is left.
    """

    sku: str
    on_hand_units: int
    book_units: int | None = None
    held_units: int = 0
    as_of_ms: int | None = None
    on_its_way: int = 0
    out_since_ms: int | None = None


def moves(entries: Iterable[Entry], sku: str | None = None) -> list[Move]:
    """Return what messages say line by line, in their order; of one SKU where it is named."""
    found: list[Move] = []
    for entry in entries:
        if entry.kind == "delivery.confirm":
            confirmed = ConfirmDelivery.model_validate(entry.data)
            at_ms = milliseconds(confirmed.confirmed_at)
            came = stock_rules.received(confirmed.lines)
            found += [Move(entry, each, "receipt", units, at_ms, "") for each, units in came.items()]
        else:
            moved = MoveStock.model_validate(entry.data)
            at_ms = milliseconds(moved.moved_at)
            found += [Move(entry, line.sku, moved.kind, line.units, at_ms, moved.reason or "") for line in moved.lines]
    return [move for move in found if sku is None or move.sku == sku]


def read_all(store: Store) -> dict[str, Standing]:
    """Return what stands in the shop of every SKU that was ever in it, by SKU."""
    told = {one.sku: one for one in feed.read(store, down.Stock)}
    # What the server has told of stock up to here holds every receipt up to here: it tells them in one order.
    heard_ms = max((milliseconds(one.as_of) for one in told.values()), default=0)
    under_way: dict[str, list[Move]] = {}
    for move in moves(outbox.unsettled(store, KINDS, heard_ms)):
        under_way.setdefault(move.sku, []).append(move)
    return {sku: _standing(sku, told.get(sku), under_way.get(sku, [])) for sku in {*told, *under_way}}


def read(store: Store, sku: str) -> Standing:
    """Return what stands in the shop of one SKU; nothing where nothing is known."""
    return read_all(store).get(sku) or Standing(sku, 0)


def _standing(sku: str, told: down.Stock | None, under_way: list[Move]) -> Standing:
    units = told.on_hand_units if told else 0
    as_of_ms = milliseconds(told.as_of) if told else None
    since_ms = as_of_ms
    for move in under_way:
        before = units
        units = _after(move, units)
        if before > 0 >= units:
            since_ms = move.at_ms
    return Standing(
        sku=sku,
        on_hand_units=units,
        book_units=told.on_hand_units if told else None,
        held_units=told.held_units if told else 0,
        as_of_ms=as_of_ms,
        on_its_way=len(under_way),
        out_since_ms=since_ms if units <= 0 else None,
    )


def _after(move: Move, units: int) -> int:
    if move.act == "receipt":
        return units + move.units
    act: StockAct = move.act
    return stock_rules.after(act, units, move.units)


# A count that is under way


@dataclass(frozen=True)
class CountLine:
    """What was counted of one SKU, and what the book said then. ``sure``: the difference was seen, and stands."""

    sku: str
    counted_units: int
    book_units: int
    sure: bool


@dataclass(frozen=True)
class Count:
    """A count that was begun; ``blind``: the book's figure is hidden until one was entered."""

    blind: bool
    begun_at_ms: int
    lines: dict[str, CountLine]


def count_under_way(store: Store) -> Count | None:
    """Return the count that was begun, or none."""
    begun = store.rows("SELECT blind, begun_at_ms FROM stock_count")
    if not begun:
        return None
    rows = store.rows("SELECT sku, counted_units, book_units, sure FROM stock_count_line")
    lines = {sku: CountLine(sku, counted, book, bool(sure)) for sku, counted, book, sure in rows}
    return Count(bool(begun[0][0]), begun[0][1], lines)


def put_count(store: Store, count: Count) -> None:
    """Put a count in place of the one under way, inside the caller's transaction."""
    drop_count(store)
    store.execute("INSERT INTO stock_count VALUES (1, ?, ?)", (count.blind, count.begun_at_ms))
    for line in count.lines.values():
        put_count_line(store, line)


def put_count_line(store: Store, line: CountLine) -> None:
    """Keep what was counted of one SKU, inside the caller's transaction."""
    values = (line.sku, line.counted_units, line.book_units, line.sure)
    store.execute("INSERT OR REPLACE INTO stock_count_line VALUES (?, ?, ?, ?)", values)


def drop_count_line(store: Store, sku: str) -> None:
    """Forget what was counted of one SKU, inside the caller's transaction."""
    store.execute("DELETE FROM stock_count_line WHERE sku = ?", (sku,))


def drop_count(store: Store) -> None:
    """Forget the count under way, inside the caller's transaction."""
    store.execute("DELETE FROM stock_count_line")
    store.execute("DELETE FROM stock_count")


# Days of expiry


@dataclass(frozen=True)
class Batch:
    """Goods with a day of expiry that were scanned here, or their day typed; ``batch`` is empty where none is known."""

    sku: str
    batch: str
    expires: date
    seen_at_ms: int


def batches(store: Store) -> list[Batch]:
    """Return the batches that were seen and are not gone, the first to expire first."""
    rows = store.rows(
        "SELECT sku, batch, expires, seen_at_ms FROM stock_batch WHERE gone_at_ms IS NULL ORDER BY expires, sku, batch"
    )
    return [Batch(sku, batch, date.fromisoformat(expires), seen) for sku, batch, expires, seen in rows]


def see_batch(store: Store, batch: Batch) -> None:
    """Note that a batch is there, inside the caller's transaction; also where it was thought gone."""
    values = (batch.sku, batch.batch, batch.expires.isoformat(), batch.seen_at_ms)
    store.execute("INSERT OR REPLACE INTO stock_batch VALUES (?, ?, ?, ?, NULL)", values)


def mark_batch(store: Store, sku: str, batch: str, expires: date, *, gone_at_ms: int | None) -> None:
    """Note that a batch is gone, or is there after all, inside the caller's transaction."""
    store.execute(
        "UPDATE stock_batch SET gone_at_ms = ? WHERE sku = ? AND batch = ? AND expires = ?",
        (gone_at_ms, sku, batch, expires.isoformat()),
    )

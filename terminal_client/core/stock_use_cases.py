"""What a shopkeeper does with the stock. As the other use cases: written and queued at once, offline as well.

Each act is an entry of its own. None is ever changed; what was wrong is put right by another one.
"""

from collections.abc import Mapping
from datetime import date
from uuid import UUID

from contract.errors import Rejected
from contract.messages import MovedLine, MoveStock, StockAct
from terminal_client.core import outbox, stock, stock_rules
from terminal_client.core.signals import Pending
from terminal_client.core.stock import Batch, Count, CountLine
from terminal_client.core.use_cases import Shop, new_id
from terminal_client.core.views import catalogue

MOST_REASON = 500
#: Lines of a count that fit into an envelope, however long their SKUs are.
LINES_PER_MESSAGE = 100


def move(shop: Shop, act: StockAct, sku: str, units: int, reason: str = "") -> UUID:
    """Queue one entry: a sale, what was brought back, an adjustment, what is past its day; return the message's id.

    Raises
    ------
    Rejected
        ``unknown_sku``; see :func:`~terminal_client.core.stock_rules.check`.
    """
    with shop.store.transaction():
        _check_known(shop, sku)
        stock_rules.check(act, sku, stock.read(shop.store, sku).on_hand_units, units, reason)
        pending = _queue(shop, act, {sku: units}, reason)
    shop.saved(pending)
    return pending.id


def begin_count(shop: Shop, *, blind: bool) -> None:
    """Begin a count; one that is under way goes on as it is."""
    with shop.store.transaction():
        if stock.count_under_way(shop.store) is None:
            stock.put_count(shop.store, Count(blind, shop.clock.now_ms(), {}))


def count_units(shop: Shop, sku: str, counted_units: int, *, sure: bool = False) -> CountLine:
    """Keep what was counted of one SKU; return it beside what the book says.

    It is sure where it was said to be, and where it agrees with the book.

    Raises
    ------
    Rejected
        ``unknown_sku``, ``units_wrong``; ``nothing_counted`` where no count is under way.
    """
    with shop.store.transaction():
        _check_known(shop, sku)
        _counting(shop)
        stock_rules.check("count", sku, 0, counted_units, "")
        book_units = stock.read(shop.store, sku).on_hand_units
        line = CountLine(sku, counted_units, book_units, sure or counted_units == book_units)
        stock.put_count_line(shop.store, line)
    return line


def be_sure(shop: Shop, sku: str) -> None:
    """Let a figure stand that differs from the book. Raises as :func:`count_units`."""
    with shop.store.transaction():
        line = _counting(shop).lines.get(sku)
        if line is None:
            raise Rejected("nothing_counted")
        stock.put_count_line(shop.store, CountLine(sku, line.counted_units, line.book_units, sure=True))


def count_again(shop: Shop, sku: str) -> None:
    """Forget what was counted of one SKU."""
    with shop.store.transaction():
        stock.drop_count_line(shop.store, sku)


def leave_count(shop: Shop) -> Count | None:
    """Give up the count under way; return it, for an undo."""
    with shop.store.transaction():
        before = stock.count_under_way(shop.store)
        stock.drop_count(shop.store)
    return before


def take_up_count(shop: Shop, count: Count) -> None:
    """Put back a count that was given up."""
    with shop.store.transaction():
        stock.put_count(shop.store, count)


def finish_count(shop: Shop) -> list[UUID]:
    """Queue what was counted, and end the count; return the messages' ids.

    What was sold or received since a SKU was counted is not counted away.

    Raises
    ------
    Rejected
        ``nothing_counted``; ``count_differs``, where a difference was not looked at.
    """
    with shop.store.transaction():
        count = _counting(shop)
        unsure = next((line.sku for line in count.lines.values() if not line.sure), None)
        if unsure is not None:
            raise Rejected("count_differs", sku=unsure)
        if not count.lines:
            raise Rejected("nothing_counted")
        book = stock.read_all(shop.store)
        units = {}
        for sku, line in sorted(count.lines.items()):
            now_units = book[sku].on_hand_units if sku in book else 0
            units[sku] = stock_rules.settled_count(line.counted_units, line.book_units, now_units)
        skus = list(units)
        pending = [
            _queue(shop, "count", {sku: units[sku] for sku in skus[at : at + LINES_PER_MESSAGE]}, "")
            for at in range(0, len(skus), LINES_PER_MESSAGE)
        ]
        stock.drop_count(shop.store)
    for message in pending:
        shop.saved(message)
    return [message.id for message in pending]


def see_batch(shop: Shop, sku: str, batch: str, expires: date) -> None:
    """Keep that goods with a day of expiry are in the shop. It stays on this terminal."""
    with shop.store.transaction():
        stock.see_batch(shop.store, Batch(sku, batch, expires, shop.clock.now_ms()))


def batch_gone(shop: Shop, sku: str, batch: str, expires: date, *, gone: bool = True) -> None:
    """Note that nothing of a batch is left in the shop, or that it is there after all."""
    with shop.store.transaction():
        stock.mark_batch(shop.store, sku, batch, expires, gone_at_ms=shop.clock.now_ms() if gone else None)


def _check_known(shop: Shop, sku: str) -> None:
    if sku not in catalogue.read(shop.store).items and sku not in stock.read_all(shop.store):
        raise Rejected("unknown_sku", sku=sku)


def _counting(shop: Shop) -> Count:
    count = stock.count_under_way(shop.store)
    if count is None:
        raise Rejected("nothing_counted")
    return count


def _queue(shop: Shop, act: StockAct, units: Mapping[str, int], reason: str) -> Pending:
    lines = tuple(MovedLine(sku=sku, units=count) for sku, count in units.items())
    message = MoveStock(kind=act, moved_at=shop.clock.now(), lines=lines, reason=reason.strip()[:MOST_REASON] or None)
    named = next(iter(units)) if len(units) == 1 else ""
    return outbox.add(
        shop.store,
        id=new_id(shop),
        kind="stock.move",
        subject=f"stock:{named}",
        message=message,
        saved_at_ms=shop.clock.now_ms(),
        by=shop.who(),
    )

"""Pure decisions about stock: what an entry leaves, what counts as sold, when a shop was out. Quantities are units."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from contract.errors import Rejected
from contract.messages import MovedLine, StockAct


@dataclass(frozen=True)
class Stock:
    """How much of one SKU stands in a shop: for sale, and aside for return.

    ``brought_units`` are those that came in as far as the distributor itself knows, ``sold_units`` those of them that
    count as sold.
    """

    on_hand_units: int = 0
    held_units: int = 0
    brought_units: int = 0
    sold_units: int = 0


@dataclass(frozen=True)
class Change:
    """What an entry adds or, below zero, takes away."""

    on_hand_units: int = 0
    held_units: int = 0
    brought_units: int = 0
    sold_units: int = 0


def after(stock: Stock, change: Change, *, sku: str) -> Stock:
    """Return the stock after a change.

    Raises
    ------
    Rejected
        ``stock_short``, where more would be taken away than is there.
    """
    left = Stock(
        stock.on_hand_units + change.on_hand_units,
        stock.held_units + change.held_units,
        stock.brought_units + change.brought_units,
        stock.sold_units + change.sold_units,
    )
    if left.on_hand_units < 0:
        raise Rejected("stock_short", sku=sku, there=stock.on_hand_units, taken=-change.on_hand_units)
    if left.held_units < 0:
        raise Rejected("stock_short", sku=sku, there=stock.held_units, taken=-change.held_units)
    return left


def check_lines(act: StockAct, lines: Iterable[MovedLine], reason: str | None) -> None:
    """Refuse what cannot be an entry.

    Raises
    ------
    Rejected
        ``line_twice``, ``units_wrong`` or ``reason_missing``, naming the SKU.
    """
    seen: set[str] = set()
    for line in lines:
        if line.sku in seen:
            raise Rejected("line_twice", sku=line.sku)
        seen.add(line.sku)
        fits = line.units != 0 if act == "adjustment" else line.units >= (0 if act == "count" else 1)
        if not fits:
            raise Rejected("units_wrong", sku=line.sku, units=line.units)
        if act == "adjustment" and not (reason or "").strip():
            raise Rejected("reason_missing", sku=line.sku)


def entries(act: StockAct, stock: Stock, units: int) -> list[tuple[str, Change]]:
    """Return the entries that a terminal's line makes, each with its kind; none where a count agrees.

    A sale happened, whatever the ledger knew: what was missing for it is found first. Of it counts as sold what the
    distributor knows to have come in, so that nobody raises its demand with goods that are none of its.
    """
    if act == "sale":
        missing = max(units - stock.on_hand_units, 0)
        counted = max(min(units, stock.brought_units - stock.sold_units), 0)
        found = [("found", Change(missing))] if missing else []
        return [*found, ("sale", Change(-units, sold_units=counted))]
    if act == "refund":
        return [("refund", Change(units, sold_units=-min(units, stock.sold_units)))]
    if act == "expiry":
        return [("expiry", Change(-units))]
    if act == "adjustment":
        return [("adjustment", Change(units))]
    differs = units - stock.on_hand_units
    return [("count", Change(differs))] if differs else []


@dataclass(frozen=True)
class Moved:
    """What happened to a SKU in a shop on a day: the change for sale, what came in, what counts as sold."""

    day: date
    change_units: int
    came_units: int
    sold_units: int


@dataclass(frozen=True)
class Month:
    """A SKU's month in a shop; ``out_days`` is none where the shop did not carry it."""

    sold_units: int
    out_days: int | None


def month(moves: Sequence[Moved], since: date, first: date, last: date) -> Month:
    """Return what a SKU came to from ``first`` to ``last``, by its days in order, the earliest being its first ever.

    A day is one out of stock where nothing was there in the morning and nothing came in. The shop carries a SKU while
    anything of it was there since ``since``: what it gave up is not out of stock for ever.
    """
    stock, out, carried, clear = 0, 0, False, moves[0].day if moves else last

    def empty(start: date, end: date) -> int:
        return max((min(end, last + timedelta(days=1)) - max(start, first)).days, 0)

    for one in moves:
        if stock <= 0:
            out += empty(clear, one.day + timedelta(days=one.came_units <= 0))
        elif one.day > since:
            carried = True
        carried = carried or (one.day >= since and one.came_units > 0)
        stock += one.change_units
        clear = one.day + timedelta(days=1)
    if stock <= 0:
        out += empty(clear, last + timedelta(days=1))
    sold = sum(one.sold_units for one in moves if first <= one.day <= last)
    return Month(sold, out if carried or stock > 0 else None)

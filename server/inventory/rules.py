"""Pure decisions about stock: what an entry leaves, and that it is never below zero. Quantities are units."""

from dataclasses import dataclass

from contract.errors import Rejected


@dataclass(frozen=True)
class Stock:
    """How much of one SKU stands in a shop: for sale, and aside for return."""

    on_hand_units: int = 0
    held_units: int = 0


@dataclass(frozen=True)
class Change:
    """What an entry adds or, below zero, takes away."""

    on_hand_units: int = 0
    held_units: int = 0


def after(stock: Stock, change: Change, *, sku: str) -> Stock:
    """Return the stock after a change.

    Raises
    ------
    Rejected
        ``stock_short``, where more would be taken away than is there.
    """
    left = Stock(stock.on_hand_units + change.on_hand_units, stock.held_units + change.held_units)
    if left.on_hand_units < 0:
        raise Rejected("stock_short", sku=sku, there=stock.on_hand_units, taken=-change.on_hand_units)
    if left.held_units < 0:
        raise Rejected("stock_short", sku=sku, there=stock.held_units, taken=-change.held_units)
    return left

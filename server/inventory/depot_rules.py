"""Pure decisions about the distributor's own stock: what an entry leaves, who may enter a difference. Units."""

from dataclasses import dataclass
from typing import Final

from contract.errors import Rejected

DEPOT: Final = "main"
"""The one depot there is for now; every entry names it."""

ALONE_MOST_MINOR: Final = 100_000
"""A difference worth more, at the catalogue's price, takes a second person."""


@dataclass(frozen=True)
class Standing:
    """How much of a SKU there is: to be issued, and set aside (came back, not looked at yet)."""

    on_hand_units: int = 0
    blocked_units: int = 0


@dataclass(frozen=True)
class Entry:
    """One entry of the ledger: its kind, and what it adds or, below zero, takes away."""

    kind: str
    on_hand_units: int = 0
    blocked_units: int = 0


def after(stands: Standing, entry: Entry, *, sku: str) -> Standing:
    """Return what stands after an entry.

    Raises
    ------
    Rejected
        ``stock_short``, where more would be taken away than is there.
    """
    for there, change in (
        (stands.on_hand_units, entry.on_hand_units),
        (stands.blocked_units, entry.blocked_units),
    ):
        if there + change < 0:
            raise Rejected("stock_short", sku=sku, there=there, taken=-change)
    return Standing(stands.on_hand_units + entry.on_hand_units, stands.blocked_units + entry.blocked_units)


def issue(stands: Standing, units: int) -> list[Entry]:
    """Return the entries of goods that left: more than the book knew of was there, so that is entered first."""
    missing = units - stands.on_hand_units
    found = [Entry("found", on_hand_units=missing)] if missing > 0 else []
    return [*found, Entry("issue", on_hand_units=-units)]


def needs_second(change_units: int, price_minor: int) -> bool:
    """Return whether a difference is worth more than one person may enter alone."""
    return abs(change_units) * price_minor > ALONE_MOST_MINOR


def free_units(on_hand_units: int, reserved_units: int) -> int:
    """Return what can be promised: on hand and not reserved, never below zero."""
    return max(on_hand_units - reserved_units, 0)

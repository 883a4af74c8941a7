"""All methods over one order book. Pure; for the process that calculates."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from server.signals.premises import addresses, machines
from server.signals.rules import Finding
from server.signals.steering import steering
from server.signals.surges import Past, surges
from server.signals.twins import twins


@dataclass(frozen=True)
class Book:
    """A closed cycle, by shop: baskets (units by SKU), first orders, earlier cycles, addresses, machines."""

    closed_at: datetime
    baskets: Mapping[str, Mapping[str, int]]
    placed: Mapping[str, datetime]
    history: Mapping[str, Sequence[Past]]
    addresses: Mapping[str, str] = field(default_factory=dict)
    machines: Mapping[str, frozenset[str]] = field(default_factory=dict)


def findings(book: Book) -> list[Finding]:
    """Return what stands out in the book; the same book gives the same findings."""
    asked = {shop: sum(lines.values()) for shop, lines in book.baskets.items()}
    found = [
        *surges(asked, book.history, book.closed_at),
        *twins(book.baskets),
        *steering(book.baskets, book.placed),
        *addresses(book.addresses),
        *machines(book.machines),
    ]
    return [
        replace(one, figures={shop: {**one.figures.get(shop, {}), "asked_units": asked[shop]} for shop in one.shops})
        for one in found
    ]

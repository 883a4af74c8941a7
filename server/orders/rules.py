"""Pure decisions about orders: is a window open, may this line stand, what could be tapped instead."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from contract.errors import Rejected
from contract.messages import OrderLine


@dataclass(frozen=True)
class Window:
    """A window as the rules need it."""

    state: str
    opens_at: datetime
    closes_at: datetime
    grace_s: int

    @property
    def deadline(self) -> datetime:
        """The first instant at which nothing is taken any more: published close plus published grace."""
        return self.closes_at + timedelta(seconds=self.grace_s)


@dataclass(frozen=True)
class Item:
    """What the rules need to know of a SKU for one retailer."""

    sku: str
    pack_units: int
    price_minor: int
    minimum_units: int = 0
    limit_units: int | None = None
    licence_class: str | None = None


def check_open(window: Window, at: datetime) -> None:
    """Refuse what reaches the server at ``at`` outside the window; the deadline itself is outside.

    The clock opens a window: whether the worker has noted it yet makes no difference to a shop that is there at once.
    """
    if at < window.opens_at:
        raise Rejected("window_not_open", opens_at=window.opens_at.isoformat())
    if window.state not in ("announced", "open") or at >= window.deadline:
        raise Rejected("window_closed", closed_at=window.closes_at.isoformat())


def possible(item: Item, quantity_units: int) -> list[int]:
    """Return the quantities next to ``quantity_units`` that could be ordered, smaller first; none, one or two.

    They are whole packs, from the smallest order (rounded up to packs) to the limit (rounded down).
    """
    pack = item.pack_units
    least = max(pack, -(-item.minimum_units // pack) * pack)
    most = None if item.limit_units is None else item.limit_units // pack * pack
    if most is not None and most < least:
        return []
    below = quantity_units // pack * pack
    offers = {max(least, below), max(least, -(-quantity_units // pack) * pack)}
    if most is not None:
        offers = {min(offer, most) for offer in offers}
    return sorted(offers)


def check_line(item: Item, quantity_units: int, *, licensed: bool, on: str) -> None:
    """Refuse a line that cannot stand, with what could be tapped instead; nothing is changed silently."""
    if not licensed:
        raise Rejected("not_licensed", sku=item.sku, licence_class=item.licence_class or "", on=on)
    offers = possible(item, quantity_units)
    if not offers and item.limit_units is not None:
        least = max(item.pack_units, -(-item.minimum_units // item.pack_units) * item.pack_units)
        raise Rejected("minimum_above_limit", sku=item.sku, minimum=least, limit=item.limit_units)
    shown = ", ".join(str(offer) for offer in offers)
    if item.limit_units is not None and quantity_units > item.limit_units:
        raise Rejected("above_limit", sku=item.sku, quantity=quantity_units, limit=item.limit_units, offers=shown)
    if quantity_units < item.minimum_units:
        raise Rejected("below_minimum", sku=item.sku, quantity=quantity_units, minimum=item.minimum_units, offers=shown)
    if quantity_units % item.pack_units:
        raise Rejected(
            "not_whole_packs", sku=item.sku, quantity=quantity_units, pack_units=item.pack_units, offers=shown
        )


def check_lines(lines: Sequence[OrderLine], items: Mapping[str, Item], classes: Iterable[str], *, on: str) -> int:
    """Refuse the first line that cannot stand; return what the order comes to, in minor units."""
    if not lines:
        raise Rejected("empty_order")
    held = frozenset(classes)
    seen: set[str] = set()
    amount_minor = 0
    for line in lines:
        if line.sku in seen:
            raise Rejected("duplicate_line", sku=line.sku)
        seen.add(line.sku)
        item = items.get(line.sku)
        if item is None:
            raise Rejected("unknown_sku", sku=line.sku)
        licensed = item.licence_class is None or item.licence_class in held
        check_line(item, line.quantity_units, licensed=licensed, on=on)
        amount_minor += line.quantity_units * item.price_minor
    return amount_minor

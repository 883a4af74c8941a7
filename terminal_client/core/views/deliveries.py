"""Goods on their way: what was shipped, what was counted, what became of the differences."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from uuid import UUID

from contract.device_api import CatalogueItem
from contract.feed import Claim, Delivery, ShippedLine
from contract.messages import ConfirmDelivery, ConfirmedLine
from terminal_client.core import delivery_rules, drafts, feed, outbox, photos
from terminal_client.core.delivery_rules import Count
from terminal_client.core.outbox import Entry
from terminal_client.core.photos import Kept
from terminal_client.core.store import Store
from terminal_client.core.views import catalogue

State = Literal["shipped", "saved", "sent", "received", "refused"]


@dataclass(frozen=True)
class LineView:
    """A shipped line; ``count`` is what was entered, ``confirmed`` what it says or said to the server."""

    line: ShippedLine
    item: CatalogueItem
    count: Count | None
    confirmed: ConfirmedLine | None
    other: CatalogueItem | None
    photos: list[Kept]


@dataclass(frozen=True)
class DeliveryView:
    """A delivery and the state of its confirmation; ``entry`` is the newest message about it."""

    delivery: UUID
    number: int
    state: State
    shipped_at: datetime
    confirmed_at: datetime | None
    lines: list[LineView]
    claims: list[tuple[Claim, CatalogueItem]]
    entry: Entry | None

    @property
    def to_confirm(self) -> bool:
        """Whether it waits for the shop."""
        return self.state in ("shipped", "refused")

    @property
    def counted(self) -> int:
        """How many lines were looked at."""
        return sum(line.count is not None for line in self.lines)

    @property
    def differing(self) -> int:
        """How many lines differ from the notice."""
        return sum(line.confirmed is not None and line.confirmed.difference is not None for line in self.lines)


def read_all(store: Store) -> list[DeliveryView]:
    """Return every delivery, those to confirm first, then newest first."""
    views = [_view(store, delivery) for delivery in feed.read(store, Delivery)]
    return sorted(views, key=lambda view: (not view.to_confirm, -view.shipped_at.timestamp()))


def read(store: Store, delivery: UUID) -> DeliveryView | None:
    """Return one delivery, or none."""
    found = next((d for d in feed.read(store, Delivery) if d.delivery == delivery), None)
    return None if found is None else _view(store, found)


def count_to_confirm(store: Store) -> int:
    """Return how many deliveries wait for the shop."""
    return sum(_state(d, _newest(store, d.delivery)) in ("shipped", "refused") for d in feed.read(store, Delivery))


def _view(store: Store, delivery: Delivery) -> DeliveryView:
    known = catalogue.read(store)
    counts = drafts.counts(store, delivery.delivery)
    entry = _newest(store, delivery.delivery)
    state = _state(delivery, entry)
    said: dict[str, ConfirmedLine] = {}
    if entry is not None and state != "refused":
        said = {line.sku: line for line in ConfirmDelivery.model_validate(entry.data).lines}
    lines = []
    for line in delivery.lines:
        count = counts.get(line.sku)
        confirmed = said.get(line.sku) or (delivery_rules.confirmed(line, count) if count else None)
        other = known.item(confirmed.other_sku) if confirmed and confirmed.other_sku else None
        shown = (
            photos.of_draft(store, photos.at_line(delivery.delivery, line.sku))
            if entry is None or state == "refused"
            else photos.of_message(store, entry.id, line.sku)
        )
        lines.append(LineView(line, known.item(line.sku), count, confirmed, other, shown))
    return DeliveryView(
        delivery=delivery.delivery,
        number=delivery.number,
        state=state,
        shipped_at=delivery.shipped_at,
        confirmed_at=delivery.confirmed_at,
        lines=lines,
        claims=[(claim, known.item(claim.sku)) for claim in delivery.claims],
        entry=entry,
    )


def _newest(store: Store, delivery: UUID) -> Entry | None:
    said = outbox.about(store, f"delivery:{delivery}")
    return said[-1] if said else None


def _state(delivery: Delivery, entry: Entry | None) -> State:
    if delivery.state == "confirmed":
        return "received"
    return "shipped" if entry is None else entry.state

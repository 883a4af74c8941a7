"""What deliveries tell those above."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID


@dataclass(frozen=True)
class DeliveryConfirmed:
    """A retailer said what arrived; the lines never change again."""

    delivery: UUID
    retailer: str
    at: datetime


@dataclass(frozen=True)
class GoodsLeft:
    """Goods left the distributor: units by SKU, as pairs. ``dispatch`` names the act and nothing else."""

    dispatch: UUID
    units: tuple[tuple[str, int], ...]
    at: datetime

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


@dataclass(frozen=True)
class ClaimsOpened:
    """What arrived differed from what was shipped; one event a confirmation. ``claims`` are their ids as texts."""

    claims: tuple[str, ...]
    delivery: UUID
    retailer: str
    at: datetime


@dataclass(frozen=True)
class ClaimDecided:
    """A claim was upheld or declined."""

    claim: UUID
    retailer: str
    verdict: str
    at: datetime

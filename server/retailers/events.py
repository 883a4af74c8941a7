"""What retailers tell those above."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True)
class RetailersChanged:
    """Shops or their own limits are new or differ; one event a step. ``retailers`` is none where many did."""

    retailers: tuple[str, ...] | None
    at: datetime


@dataclass(frozen=True)
class StandingChanged:
    """A shop was suspended (``standing`` is ``suspended``, with its reason) or restored (``good``)."""

    retailer: str
    standing: str
    reason: str | None
    at: datetime

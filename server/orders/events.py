"""What orders tell those above."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID


@dataclass(frozen=True)
class WindowClosed:
    """No order is taken in this window any more."""

    window: UUID
    cycle: UUID
    at: datetime


@dataclass(frozen=True)
class RetailersReminded:
    """Shops that had not ordered yet are to be reminded on their terminals."""

    reminder: UUID
    at: datetime


@dataclass(frozen=True)
class OrdersReceived:
    """Orders were placed, amended or cancelled; one event a commit, however many orders it took.

    Each of ``orders`` is ``{"retailer", "id", "number", "revision", "state"}`` as it stands since then.
    """

    orders: tuple[dict[str, str | int], ...]
    at: datetime

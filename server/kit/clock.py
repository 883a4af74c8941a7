"""The server's clock: one port, so that tests and the simulator own the time."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Final

Clock = Callable[[], datetime]
SAID_DAYS_MOST: Final = 60
"""A terminal that says that something happened so many days ago is believed; beyond, its clock is wrong."""


def system_clock() -> datetime:
    """Return the machine's time, aware, in UTC."""
    return datetime.now(UTC)


def happened_at(said: datetime, at: datetime) -> datetime:
    """Return when something happened that a terminal told of at ``at``; its word where its clock can be right."""
    return said if at - timedelta(days=SAID_DAYS_MOST) <= said <= at else at

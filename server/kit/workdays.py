"""Deadlines in working days."""

from datetime import date, timedelta
from typing import Final

WEEKEND: Final = 5
"""The number of Saturday as :meth:`date.weekday` counts; public holidays are not known and count as working days."""


def working_days_after(day: date, days: int) -> date:
    """Return the day on which ``days`` working days after ``day`` are over."""
    while days:
        day += timedelta(days=1)
        days -= day.weekday() < WEEKEND
    return day

"""Months and weeks as numbers, so that the next period is one more.

A month's number counts months from January 1970, a week's counts whole weeks from that January's first day; the day of
the week on which a series' weeks begin is kept beside it, as days after Thursday (the first of January 1970 was one).
"""

from enum import StrEnum
from typing import Any, Final

import numpy as np
import numpy.typing as npt

IntArray = npt.NDArray[np.int64]
Days = npt.NDArray[np.int64]
"""Days since 1970-01-01."""

LAST_YEAR: Final = 9900
"""Periods lie in years up to this one: what follows them can still be written with four digits of year."""

LONGEST_YEARS: Final = 200
"""No series goes over more years than this: a longer one has a mistyped date."""

WEEK_DAYS: Final = 7


class Frequency(StrEnum):
    """How long a period is."""

    MONTHLY = "M"
    WEEKLY = "W"

    @property
    def season(self) -> int:
        """Return how many periods a year has: 12 months or 52 weeks."""
        return 12 if self is Frequency.MONTHLY else 52


def numbered(frequency: Frequency, days: Days) -> tuple[IntArray, IntArray]:
    """Return the number of the period that each day is in, and the days that it lies behind the period's first day.

    A week is counted from Thursday here, so the second is the day of the week on which a series' weeks begin.
    """
    if frequency is Frequency.WEEKLY:
        return days // WEEK_DAYS, days % WEEK_DAYS
    months = days.astype("datetime64[D]").astype("datetime64[M]")
    return months.astype(np.int64), days - months.astype("datetime64[D]").astype(np.int64)


def first_days(frequency: Frequency, numbers: Any, weekday: Any) -> Days:
    """Return the first day of each period, as days since 1970-01-01."""
    counted = np.asarray(numbers, dtype=np.int64)
    if frequency is Frequency.WEEKLY:
        return counted * WEEK_DAYS + np.asarray(weekday, dtype=np.int64)
    return counted.astype("datetime64[M]").astype("datetime64[D]").astype(np.int64)


def phases(frequency: Frequency, numbers: IntArray, weekday: int) -> IntArray:
    """Return the place of each period in its year: 0 to 11 for months, 0 to 51 for weeks by their first day."""
    if frequency is Frequency.MONTHLY:
        return numbers % 12
    days = first_days(frequency, numbers, weekday).astype("datetime64[D]")
    of_year = (days - days.astype("datetime64[Y]").astype("datetime64[D]")).astype(np.int64)
    places: IntArray = np.minimum(of_year // WEEK_DAYS, frequency.season - 1)
    return places


def iso_dates(days: Days) -> list[str]:
    """Return dates as texts, such as 2027-02-01."""
    return [str(text) for text in np.datetime_as_string(days.astype("datetime64[D]"))]

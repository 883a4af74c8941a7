"""Deadlines in working time: hours of a distributor's working days, without its holidays."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta, tzinfo
from typing import Final

WEEKEND: Final = 5
"""The number of Saturday as :meth:`date.weekday` counts."""
DAYS_MOST: Final = 4_000
"""So many days ahead a deadline is looked for."""


@dataclass(frozen=True)
class Calendar:
    """When people work: from ``opens`` to ``closes``, by the clock of ``zone``.

    Not on Saturday and Sunday unless the day stands in ``worked``, and not on ``holidays``, whatever day they are.
    """

    zone: tzinfo
    opens: time = time(9)
    closes: time = time(17)
    holidays: Collection[date] = frozenset()
    worked: Collection[date] = frozenset()

    def works_on(self, day: date) -> bool:
        """Return whether people work on a day."""
        return day not in self.holidays and (day.weekday() < WEEKEND or day in self.worked)


def working_time_after(at: datetime, span: timedelta, calendar: Calendar) -> datetime:
    """Return the instant at which ``span`` of working time after ``at`` is over; where that is an evening, the evening.

    Raises
    ------
    ValueError
        Where that is more than :data:`DAYS_MOST` days ahead, as where every day is a holiday.
    """
    here = at.astimezone(calendar.zone)
    left = span
    for ahead in range(DAYS_MOST):
        day = here.date() + timedelta(days=ahead)
        if not calendar.works_on(day):
            continue
        opens, closes = (datetime.combine(day, clock, calendar.zone) for clock in (calendar.opens, calendar.closes))
        begins = max(opens, here)
        if begins >= closes:
            continue
        if closes - begins >= left:
            return begins + left
        left -= closes - begins
    raise ValueError(f"no working time for {span} within {DAYS_MOST} days after {at.isoformat()}")


def working_time_between(start: datetime, end: datetime, calendar: Calendar) -> timedelta:
    """Return the working time from ``start`` to ``end``; none where ``end`` is not later."""
    begun, ended = (instant.astimezone(calendar.zone) for instant in (start, end))
    whole = timedelta()
    for ahead in range((ended.date() - begun.date()).days + 1):
        day = begun.date() + timedelta(days=ahead)
        if calendar.works_on(day):
            opens, closes = (datetime.combine(day, clock, calendar.zone) for clock in (calendar.opens, calendar.closes))
            whole += max(min(closes, ended) - max(opens, begun), timedelta())
    return whole


def working_days_after(day: date, days: int) -> date:
    """Return the day on which ``days`` working days after ``day`` are over; public holidays are not known here."""
    while days:
        day += timedelta(days=1)
        days -= day.weekday() < WEEKEND
    return day

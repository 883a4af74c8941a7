"""Pure decisions about demand: months, what a record of one may say, when a figure may be given, how far it was off."""

from calendar import monthrange
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

from contract.errors import Rejected
from server.kit.fields import OUT_OF_RANGE, Reason, Unfit
from server.kit.marking import N_

MONTHS_AHEAD = 6
"""A forecast covers so many months, the one that has begun included."""

UNITS_MOST = 2**52
"""A figure is at most so large: up to it, sums in 64-bit floats are exact."""

NIGHT_HOUR = 2
"""From this hour on by the distributor's clock a night's version is due."""

FIRST_ZONE = timedelta(hours=14)
"""Nowhere does a day begin earlier before it does by UTC."""

NOT_A_MONTH = Reason("not_a_month", N_("{value} is not the first day of a month, by which a month is named."))
NOT_OVER = Reason(
    "not_over", N_("{value} is not over yet, and a part of a month would count as the whole. Bring it when it is over.")
)
NOTHING_KNOWN = Reason(
    "nothing_known", N_("The row says nothing: give the units sold, requested or granted, or the days out of stock.")
)


class LeakError(Exception):
    """A month that was not over came among what is computed from the past."""


def month_of(day: date) -> date:
    """Return the first day of a day's month."""
    return day.replace(day=1)


def later(month: date, months: int) -> date:
    """Return the month so many months later, or earlier."""
    years, place = divmod(month.month - 1 + months, 12)
    return date(month.year + years, place + 1, 1)


def between(first: date, last: date) -> int:
    """Return how many months ``last`` is after ``first``."""
    return (last.year - first.year) * 12 + last.month - first.month


def days_in(month: date) -> int:
    """Return how many days a month has."""
    return monthrange(month.year, month.month)[1]


def is_month(period: date) -> tuple[str, Unfit] | None:
    """Return what is wrong with the day that names a month, if anything."""
    return None if period.day == 1 else ("period", Unfit(NOT_A_MONTH, value=period.isoformat()))


def is_over(period: date, at: datetime) -> tuple[str, Unfit] | None:
    """Return what is wrong with a month's figure that comes at ``at``, if it is not over in any place of the world."""
    if period < month_of((at + FIRST_ZONE).date()):
        return None
    return "period", Unfit(NOT_OVER, value=period.isoformat()[:7])


def is_sound(cell: Mapping[str, Any]) -> tuple[str, Unfit] | None:
    """Return what is wrong with a month's record: no month's first day, nothing said, more days than the month has."""
    period, out_days = cell["period"], cell["out_days"]
    if (broken := is_month(period)) is not None:
        return broken
    if out_days is not None and out_days > days_in(period):
        return "out_days", Unfit(OUT_OF_RANGE, value=out_days, least=0, most=days_in(period))
    if all(cell[name] is None for name in ("sold_units", "requested_units", "granted_units", "out_days")):
        return "sold_units", Unfit(NOTHING_KNOWN)
    return None


def came(sold_units: int | None, granted_units: int | None) -> int | None:
    """Return what a month came to: what was sold, or, where no sales are known, what was granted."""
    return granted_units if sold_units is None else sold_units


def in_stock(
    sold_units: int | None, requested_units: int | None, granted_units: int | None, out_days: int | None, period: date
) -> float | None:
    """Return the part of a month in which there was stock; none where it cannot be told.

    Where no sales are known, what was granted stands for them, and a request that was met is one that ran into
    nothing.
    """
    if out_days is not None:
        return max(0.0, 1 - out_days / days_in(period))
    if sold_units is None and requested_units is not None and granted_units is not None:
        return 1.0 if granted_units >= requested_units else None
    return None


def day_of_figures(at: datetime) -> date:
    """Return the day by which a month has begun for figures: by UTC, as terminals and server alike can tell."""
    return at.astimezone(UTC).date()


def check_month(period: date, today: date) -> None:
    """Refuse a figure for a month that has begun, or that no forecast reaches yet.

    Raises
    ------
    Rejected
        ``period_begun``, ``period_far``.
    """
    this = month_of(today)
    if period.day != 1 or period > later(this, MONTHS_AHEAD - 1):
        raise Rejected("period_far", period=period.isoformat()[:7], last=later(this, MONTHS_AHEAD - 1).isoformat()[:7])
    if period <= this:
        raise Rejected("period_begun", period=period.isoformat()[:7])


@dataclass(frozen=True)
class Past:
    """A month that is over: what was forecast of it from before it began, and what came."""

    period: date
    forecast_units: float
    lo80_units: float
    hi80_units: float
    version: int
    came_units: int | None

    @property
    def off_units(self) -> float | None:
        """How much more was forecast than came."""
        return None if self.came_units is None else self.forecast_units - self.came_units


def mean_error(past: Sequence[Past]) -> float | None:
    """Return Σ|forecast − came| ÷ Σ came over the months that are known; none where nothing came."""
    known = [one for one in past if one.came_units is not None]
    total = sum(one.came_units or 0 for one in known)
    return sum(abs(one.off_units or 0.0) for one in known) / total if total else None


def hit_rate(past: Sequence[Past]) -> float | None:
    """Return the part of the known months that came to lie in their interval."""
    known = [one for one in past if one.came_units is not None]
    inside = sum(one.lo80_units <= (one.came_units or 0) <= one.hi80_units for one in known)
    return inside / len(known) if known else None

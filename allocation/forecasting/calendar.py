"""Holidays whose date moves from year to year, and how much of each falls into a period.

A holiday moves demand in some days around it, and not the same days for all goods: gifts are bought in the weeks
before, a shop sells on the day itself, a wholesaler delivers ahead. So each holiday has several windows of days, and
data decide which of them, if any, holds (see :mod:`allocation.forecasting.holiday_effects`).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Final, NamedTuple

import numpy as np

from allocation.forecasting.history import FloatArray, History
from allocation.forecasting.periods import Days, Frequency, IntArray, first_days, phases

Calendar = Mapping[str, Days]
"""By name of the holiday, its dates as days since 1970-01-01, in order."""

BUILT_IN: Final = ("spring_festival", "mid_autumn", "qingming", "easter", "thanksgiving")
"""Chinese New Year, the 15th of the eighth lunar month, the fifth solar term, Easter Sunday, the fourth Thursday of
November."""

BUILT_IN_YEARS: Final = range(1901, 2100)
"""For these the lunisolar calendar is known."""

WINDOWS: Final = {
    Frequency.MONTHLY: ((0, 1), (-7, 1), (-14, 1), (-28, 1)),
    Frequency.WEEKLY: ((0, 1), (-7, 1), (-14, 1), (-28, 1), (0, 8)),
}
"""Windows of days around a holiday, first and past the last: the day, the weeks up to it, the week from it.

Months cannot tell the week from a holiday from its day but where it falls on a month's last days, which is too seldom.
"""


class Effect(NamedTuple):
    """One holiday with one of its windows."""

    holiday: str
    window: tuple[int, int]


@cache
def built_in_calendar() -> dict[str, Days]:
    """Return the dates of the built-in holidays."""
    # Half a second, and only where seasons are looked at.
    from holidays.groups.chinese import ChineseCalendarHolidays  # noqa: PLC0415  # slow to import, and a file may say it all
    from holidays.groups.christian import ChristianHolidays  # noqa: PLC0415  # as above
    from holidays.holiday_base import HolidayBase  # noqa: PLC0415  # as above

    class Moving(HolidayBase, ChineseCalendarHolidays, ChristianHolidays):
        """The moving holidays, by the names that are used here."""

        country = "moving"

        def __init__(self) -> None:
            ChineseCalendarHolidays.__init__(self)
            ChristianHolidays.__init__(self)
            super().__init__(years=BUILT_IN_YEARS)

        def _populate_public_holidays(self) -> None:
            self._add_chinese_new_years_day("spring_festival")
            self._add_mid_autumn_festival("mid_autumn")
            self._add_qingming_festival("qingming")
            self._add_easter_sunday("easter")
            self._add_holiday_4th_thu_of_nov("thanksgiving")

    dates: dict[str, list[int]] = {name: [] for name in BUILT_IN}
    epoch = np.datetime64("1970-01-01", "D")
    found = Moving()
    for day in sorted(found):
        for name in found.get_list(day):
            dates[name].append(int((np.datetime64(day, "D") - epoch).astype(np.int64)))
    return {name: np.array(days, dtype=np.int64) for name, days in dates.items()}


def effects_of(calendar: Calendar, frequency: Frequency) -> tuple[Effect, ...]:
    """Return every holiday with every window, in a fixed order."""
    return tuple(Effect(name, window) for name in sorted(calendar) for window in WINDOWS[frequency])


@dataclass(frozen=True, eq=False)
class Almanac:
    """Places in the year and exposures to holidays of all periods that some series need, worked out once.

    `places` and `exposed` are by the day of the week on which weeks begin; `exposed`, of shape (effects, periods), is
    the part of each effect's window that falls into each period.
    """

    effects: tuple[Effect, ...]
    season: int
    low: int
    places: Mapping[int, IntArray]
    exposed: Mapping[int, FloatArray]

    def places_of(self, start: int, end: int, weekday: int) -> IntArray:
        """Return the places in the year of the periods from one number to before another."""
        return self.places[weekday][start - self.low : end - self.low]

    def exposed_of(self, start: int, end: int, weekday: int) -> FloatArray:
        """Return the exposures of the periods from one number to before another."""
        return self.exposed[weekday][:, start - self.low : end - self.low]


def almanac(calendar: Calendar, history: History, horizon: int) -> Almanac:
    """Return what is to be known of the periods of some series and of those after them."""
    low, high = int(history.first.min()), int((history.first + history.lengths).max()) + horizon
    numbers, effects, frequency = np.arange(low, high), effects_of(calendar, history.frequency), history.frequency
    weekdays = sorted(set(history.weekday.tolist()))
    return Almanac(
        effects,
        frequency.season,
        low,
        {weekday: phases(frequency, numbers, weekday) for weekday in weekdays},
        {weekday: _exposures(calendar, effects, frequency, numbers, weekday) for weekday in weekdays},
    )


def _exposures(
    calendar: Calendar, effects: tuple[Effect, ...], frequency: Frequency, numbers: IntArray, weekday: int
) -> FloatArray:
    edges = first_days(frequency, np.concatenate([numbers, numbers[-1:] + 1]), weekday)
    rows = np.zeros((len(effects), len(numbers)))
    for row, effect in zip(rows, effects, strict=True):
        before, past = effect.window
        days = np.sort((calendar[effect.holiday][:, None] + np.arange(before, past)).ravel())
        row[:] = np.diff(np.searchsorted(days, edges)) / (past - before)
    return rows

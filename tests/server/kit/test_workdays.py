"""Deadlines in working time."""

from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.kit.workdays import Calendar, working_days_after, working_time_after, working_time_between

ZONE = ZoneInfo("Asia/Shanghai")
PLAIN = Calendar(ZONE)
FESTIVE = Calendar(ZONE, holidays={date(2026, 10, day) for day in range(1, 8)}, worked={date(2026, 10, 10)})


def at(month: int, day: int, hour: int, minute: int = 0) -> datetime:
    return datetime(2026, month, day, hour, minute, tzinfo=ZONE)


@pytest.mark.parametrize(
    ("calendar", "came", "hours", "due"),
    [
        (PLAIN, at(11, 25, 10), 8, at(11, 26, 10)),
        (PLAIN, at(11, 25, 9), 8, at(11, 25, 17)),
        (PLAIN, at(11, 25, 20), 4, at(11, 26, 13)),
        (PLAIN, at(11, 27, 16), 2, at(11, 30, 10)),
        (PLAIN, at(11, 28, 12), 1, at(11, 30, 10)),
        (FESTIVE, at(9, 30, 16), 2, at(10, 8, 10)),
        (FESTIVE, at(10, 9, 16), 2, at(10, 10, 10)),
    ],
)
def test_nights_weekends_and_holidays_are_no_working_time_and_a_worked_saturday_is(calendar, came, hours, due):
    assert working_time_after(came, timedelta(hours=hours), calendar) == due


@given(
    st.datetimes(datetime(2026, 1, 1), datetime(2027, 1, 1), timezones=st.just(ZONE)),  # noqa: DTZ001 - the strategy wants them bare
    st.integers(1, 400),
)
def test_what_is_added_is_what_lies_between(came, hours):
    due = working_time_after(came, timedelta(hours=hours), FESTIVE)
    assert working_time_between(came, due, FESTIVE) == timedelta(hours=hours)


def test_a_calendar_without_a_working_day_is_refused():
    never = Calendar(ZONE, opens=time(9), closes=time(9))
    with pytest.raises(ValueError, match="no working time"):
        working_time_after(at(11, 25, 9), timedelta(hours=1), never)


@pytest.mark.parametrize(
    ("day", "days", "last"),
    [
        (date(2026, 11, 25), 2, date(2026, 11, 27)),
        (date(2026, 11, 27), 1, date(2026, 11, 30)),
        (date(2026, 11, 28), 1, date(2026, 11, 30)),
        (date(2026, 11, 29), 5, date(2026, 12, 4)),
        (date(2026, 11, 27), 10, date(2026, 12, 11)),
    ],
)
def test_saturday_and_sunday_are_no_working_days(day, days, last):
    assert working_days_after(day, days) == last

"""Deadlines in working days."""

from datetime import date

import pytest

from server.kit.workdays import working_days_after


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

"""Deadlines in working days, states, reopening once, and who sees what."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from contract.errors import Conflict, Rejected
from server.feedback import rules

SHANGHAI = ZoneInfo("Asia/Shanghai")
FRIDAY = datetime(2026, 11, 27, 1, 0, tzinfo=UTC)


def test_the_day_of_the_deadline_is_the_distributors():
    late_on_thursday = datetime(2026, 11, 26, 17, 0, tzinfo=UTC)  # Friday in Shanghai
    assert rules.answer_until("terminal", late_on_thursday, SHANGHAI) == date(2026, 12, 1)
    assert rules.answer_until("terminal", late_on_thursday, UTC) == date(2026, 11, 30)


def test_every_category_has_its_days():
    found = {category: rules.answer_until(category, FRIDAY, SHANGHAI) for category in rules.ANSWER_WORKING_DAYS}
    assert found["terminal"] == date(2026, 12, 1)
    assert found["delivery"] == date(2026, 12, 2)
    assert found["goods"] == found["grant"] == found["price"] == found["other"] == date(2026, 12, 4)
    assert found["employee"] == date(2026, 12, 11)


@pytest.mark.parametrize("state", ["received", "looked_at"])
def test_nothing_is_closed_unanswered(state):
    rules.check_open(state)
    with pytest.raises(Conflict, match="Nothing is closed unanswered"):
        rules.check_closing(7, state)


@pytest.mark.parametrize("state", ["answered", "closed"])
def test_what_is_answered_is_neither_given_nor_answered_again(state):
    with pytest.raises(Conflict, match="stands at"):
        rules.check_open(state)


def test_what_is_answered_is_closed_once():
    rules.check_closing(7, "answered")
    with pytest.raises(Conflict):
        rules.check_closing(7, "closed")


def test_a_closed_one_is_rated_once():
    rules.check_rating(7, "closed", None)
    with pytest.raises(Rejected, match="not closed"):
        rules.check_rating(7, "answered", None)
    with pytest.raises(Conflict, match="already"):
        rules.check_rating(7, "closed", 4)


def test_reopening_is_possible_on_the_last_day_and_not_on_the_next():
    until = rules.reopen_until(FRIDAY, SHANGHAI)
    assert until == date(2026, 12, 11)
    next_day = datetime(2026, 12, 12, tzinfo=SHANGHAI)
    rules.check_reopening(7, "closed", None, FRIDAY, next_day - timedelta(microseconds=1), SHANGHAI)
    with pytest.raises(Rejected, match="2026-12-11"):
        rules.check_reopening(7, "closed", None, FRIDAY, next_day, SHANGHAI)


def test_reopening_happens_once_and_after_an_answer():
    rules.check_reopening(7, "answered", None, FRIDAY, FRIDAY, SHANGHAI)
    with pytest.raises(Rejected, match="second time"):
        rules.check_reopening(7, "closed", FRIDAY, FRIDAY, FRIDAY, SHANGHAI)
    with pytest.raises(Rejected, match="not answered"):
        rules.check_reopening(7, "looked_at", None, None, FRIDAY, SHANGHAI)


def test_what_is_about_an_employee_is_seen_by_administrators_alone():
    assert rules.seen_by("employee", {"administrator"})
    assert not rules.seen_by("employee", {"planner", "releaser"})
    assert rules.seen_by("goods", frozenset())

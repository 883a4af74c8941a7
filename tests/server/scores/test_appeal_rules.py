"""Until when an appeal is taken, and where a shop stands among others."""

from datetime import UTC, date, datetime, timedelta
from fractions import Fraction
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contract.errors import Rejected
from server.scores import appeal_rules, rules

SHANGHAI, DENVER = ZoneInfo("Asia/Shanghai"), ZoneInfo("America/Denver")
NOON = datetime(2026, 11, 25, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize("zone", [SHANGHAI, DENVER, UTC])
def test_the_period_ends_with_a_whole_day_in_the_distributors_zone(zone):
    closes = appeal_rules.end_of(NOON, 14, zone)

    last = appeal_rules.last_day(closes, zone)
    assert last == NOON.astimezone(zone).date() + timedelta(days=14)
    assert (closes.astimezone(zone).hour, closes.astimezone(zone).date()) == (0, last + timedelta(days=1))


def test_the_last_instant_is_in_time_and_the_next_is_late_and_says_until_when():
    closes = appeal_rules.end_of(NOON, 14, DENVER)
    appeal_rules.check_period(closes, closes - timedelta(microseconds=1), DENVER)

    with pytest.raises(Rejected) as refused:
        appeal_rules.check_period(closes, closes, DENVER)

    assert (refused.value.code, refused.value.params) == ("appeals_over", {"until": "2026-12-09"})
    assert "can still be corrected" in str(refused.value)


def test_who_published_the_scores_does_not_answer_appeals_against_them():
    appeal_rules.check_answerer("bo", "anna")
    with pytest.raises(Rejected, match="bo published"):
        appeal_rules.check_answerer("bo", "bo")


def test_with_few_others_it_is_not_told_what_they_have():
    four = [Fraction(value) for value in (1, 2, 4, 5)]
    place = appeal_rules.place_among(Fraction(3), four)
    assert (place.rank, place.peers, place.above, place.below) == (3, 5, None, None)

    five = appeal_rules.place_among(Fraction(3), [*four, Fraction(3)])
    assert (five.rank, five.peers, five.above, five.below) == (3, 6, Fraction(4), Fraction(2))


@given(st.integers(0, 20), st.lists(st.integers(0, 20), max_size=30))
def test_a_place_agrees_with_sorting(own, others):
    place = appeal_rules.place_among(Fraction(own), [Fraction(one) for one in others])

    assert sorted([own, *others], reverse=True).index(own) + 1 == place.rank
    assert place.peers == len(others) + 1
    if place.above is not None:
        assert own < place.above
        assert not [one for one in others if own < one < place.above]
    if place.below is not None:
        assert place.below < own
        assert not [one for one in others if place.below < one < own]


@pytest.mark.parametrize(
    ("day", "course"),
    [(date(2026, 11, 30), "coming"), (date(2026, 12, 1), "holding"), (date(2026, 12, 31), "holding")],
)
def test_a_decision_is_to_come_then_holds_to_the_day_before_its_end(day, course):
    since, until = date(2026, 12, 1), date(2027, 1, 1)

    assert rules.course_on(since, until, day) == course
    assert rules.course_on(since, until, until) == "over"
    assert rules.course_on(since, since, day) == "over"


@pytest.mark.parametrize("ends", [date(2026, 11, 30), date(2027, 1, 1)])
def test_a_decision_ends_early_today_or_later_and_before_its_day(ends):
    today, since, until = date(2026, 12, 5), date(2026, 12, 1), date(2027, 1, 1)
    rules.check_end(since, until, today, today)

    with pytest.raises(Rejected, match="can end early from 2026-12-05 on"):
        rules.check_end(since, until, ends, today)

"""The rules of cycles: what follows what, and when a window stands where the clocks change."""

from datetime import UTC, date, datetime, time, timedelta
from typing import get_args
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contract.errors import Conflict, Rejected
from server.cycles import rules
from server.cycles.rules import MOVES, Act, Schedule, State, advance

ZONES = ["Asia/Shanghai", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "America/St_Johns", "UTC"]
SUNDAY = 7


def closing(day: date, at: time, zone: str) -> datetime:
    return rules.wall_instant(day, at, ZoneInfo(zone))[0]


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text + "+00:00")


@pytest.mark.parametrize(
    ("day", "right"),
    [
        ("2027-03-21", "2027-03-21T15:00"),
        ("2027-03-28", "2027-03-28T14:00"),
        ("2027-10-24", "2027-10-24T14:00"),
        ("2027-10-31", "2027-10-31T15:00"),
    ],
)
def test_sundays_at_four_in_berlin_stay_at_four_when_the_clocks_change(day, right):
    assert closing(date.fromisoformat(day), time(16), "Europe/Berlin") == utc(right)


@pytest.mark.parametrize(("week", "hours"), [("2027-03-22", 23), ("2027-10-25", 25), ("2027-11-01", 24)])
def test_a_window_from_saturday_to_sunday_lasts_as_long_as_the_clocks_say(week, hours):
    weekend = Schedule("*", 6, time(16), SUNDAY, time(16), "Europe/Berlin")
    span = rules.span_of_week(weekend, date.fromisoformat(week))
    assert span.closes_at - span.opens_at == timedelta(hours=hours)


@given(st.dates(date(2020, 1, 1), date(2040, 1, 1)))
def test_four_in_shanghai_is_eight_utc_on_any_day(day):
    assert closing(day, time(16), "Asia/Shanghai") == datetime(day.year, day.month, day.day, 8, tzinfo=UTC)


def test_a_close_at_a_time_that_the_clocks_jump_over_is_the_jump_itself():
    instant, kind = rules.wall_instant(date(2027, 3, 14), time(2, 30), ZoneInfo("America/New_York"))
    assert (instant, kind) == (utc("2027-03-14T07:00"), "missing")
    assert rules.wall_time(instant, "America/New_York") == "2027-03-14 03:00 UTC-04:00"


def test_a_close_at_a_time_that_comes_twice_is_its_first_coming():
    instant, kind = rules.wall_instant(date(2027, 11, 7), time(1, 30), ZoneInfo("America/New_York"))
    assert (instant, kind) == (utc("2027-11-07T05:30"), "twice")
    assert rules.wall_time(instant, "America/New_York") == "2027-11-07 01:30 UTC-04:00"


def test_a_schedule_says_beforehand_where_the_clocks_change():
    night = Schedule("*", 6, time(16), SUNDAY, time(2, 30), "America/New_York")
    assert rules.span_of_week(night, date(2027, 3, 8)).notes == ("closes_missing",)
    assert rules.span_of_week(night, date(2027, 3, 15)).notes == ()
    assert rules.span_of_week(
        Schedule("*", SUNDAY, time(1, 30), 1, time(9), "America/New_York"), date(2027, 11, 1)
    ).notes == ("opens_twice",)


def test_a_window_that_closes_earlier_in_the_week_than_it_opens_closes_in_the_next_week():
    span = rules.span_of_week(Schedule("*", 5, time(8), 2, time(8), "UTC"), date(2027, 2, 1))
    assert (span.opens_at, span.closes_at) == (utc("2027-02-05T08:00"), utc("2027-02-09T08:00"))
    whole_week = rules.span_of_week(Schedule("*", 1, time(8), 1, time(8), "UTC"), date(2027, 2, 1))
    assert whole_week.closes_at - whole_week.opens_at == timedelta(days=7)


@given(
    st.dates(date(2020, 1, 1), date(2040, 1, 1)),
    st.times().map(lambda t: t.replace(second=0, microsecond=0)),
    st.sampled_from(ZONES),
)
def test_each_day_has_exactly_one_instant_and_it_is_the_first_at_which_the_clock_has_reached_the_time(day, at, name):
    zone = ZoneInfo(name)
    instant, kind = rules.wall_instant(day, at, zone)
    wall = datetime.combine(day, at)
    assert instant.astimezone(zone).replace(tzinfo=None) >= wall
    assert (instant - timedelta(minutes=1)).astimezone(zone).replace(tzinfo=None) < wall
    if kind != "missing":
        assert instant.astimezone(zone).replace(tzinfo=None) == wall


@given(st.dates(), st.sampled_from(ZONES))
def test_windows_of_weeks_that_follow_one_another_do_not_overlap(day, zone):
    if day > date(9990, 1, 1) or day < date(10, 1, 1):
        return
    schedule = Schedule("*", 1, time(8), SUNDAY, time(2, 30), zone)
    week = rules.monday(day)
    first, second = (rules.span_of_week(schedule, week + timedelta(weeks=n)) for n in (0, 1))
    assert first.opens_at < first.closes_at < second.opens_at


@given(st.lists(st.sampled_from(get_args(Act)), max_size=40))
def test_whatever_is_tried_a_cycle_is_published_only_by_way_of_its_check_and_its_release(acts):
    state: State = "draft"
    path: list[State] = [state]
    for act in acts:
        try:
            state = advance(state, act)
        except Conflict:
            assert state not in MOVES[act][0]
            continue
        path.append(state)
    for at, reached in enumerate(path):
        if reached == "published":
            assert path[at - 4 : at] == ["solved", "verified", "in_review", "released"]
            assert set(path[at + 1 : at + 2]) <= {"frozen"}
    if "published" in path:
        assert path.index("announced") < path.index("closed") < path.index("frozen")
    if "called_off" in path:
        assert path[-1] == "called_off"


def test_every_state_but_one_leads_on_and_from_published_only_a_correction_does():
    ends = {state for state in get_args(State) if not any(state in starts for starts, _ in MOVES.values())}
    assert ends == {"called_off"}
    assert [act for act, (starts, _) in MOVES.items() if "published" in starts] == ["correct"]


def test_a_correction_promises_nothing_more_and_takes_nothing_back_that_has_left():
    assert rules.above({"A": 10, "B": 5}, {"A": 10, "B": 4}) == []
    assert rules.above({"A": 10}, {"B": 1, "A": 11}) == ["A", "B"]
    assert rules.short_of_shipped({"A": 10, "B": 3}, {"A": 10, "B": 4}) == []
    assert rules.short_of_shipped({"A": 10, "B": 3}, {"A": 9}) == ["A", "B"]


def test_what_was_published_once_is_never_called_off():
    rules.check_not_published(None)
    with pytest.raises(Conflict):
        rules.check_not_published(1)


def test_the_sender_is_not_the_second_person():
    rules.check_second_person("anna", "bo")
    with pytest.raises(Rejected) as refused:
        rules.check_second_person("anna", "anna")
    assert refused.value.code == "same_person"


@pytest.mark.parametrize(
    ("why", "bar"),
    [
        (None, "pack"),
        ("withdrawn", "withdrawn"),
        ("licence: wine", "licence"),
        ("suspended: unpaid", "standing"),
        ("suspended", "standing"),
    ],
)
def test_what_stood_in_the_way_is_told_in_a_word(why, bar):
    assert rules.bar(why) == bar


@pytest.mark.parametrize(
    ("standing", "withdrawn", "needs", "held", "why"),
    [
        ("good", False, None, (), None),
        ("good", False, "wine", ("wine",), None),
        ("good", False, "wine", ("beer",), "licence: wine"),
        ("good", True, None, (), "withdrawn"),
        ("suspended", False, None, (), "suspended: unpaid"),
    ],
)
def test_a_line_is_not_eligible_for_one_named_reason(standing, withdrawn, needs, held, why):
    found = rules.ineligible_why(
        standing=standing,
        standing_reason=None if standing == "good" else "unpaid",
        withdrawn=withdrawn,
        licence_class=needs,
        classes_held=held,
    )
    assert found == why

"""When an update is fetched, waits and is switched to."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from terminal_client.core import updating
from terminal_client.core.booting import Returned
from terminal_client.core.updating import (
    Asked,
    AtOnce,
    Bring,
    Brought,
    Confirmed,
    NotBrought,
    NothingNew,
    NotSwitched,
    Postponed,
    Restart,
    Situation,
    State,
    Stop,
    Switch,
    Tick,
    Withdrawn,
    step,
)

HOUR = 3_600_000
NOON, NIGHT = 12 * 60, 3 * 60
IDLE = updating.begin(running="1.0.0", returned=None, on_trial=False)


def ready(at: Situation) -> State:
    state, _ = step(IDLE, Asked("2.0.0", by="distributor"), at)
    return step(state, Brought("2.0.0"), at)[0]


def test_a_release_that_is_asked_for_is_brought_waits_for_the_night_and_is_switched_to() -> None:
    state, actions = step(IDLE, Asked("2.0.0", by="distributor"), Situation(0))
    assert actions == (Bring("2.0.0", again=False),)
    state, actions = step(state, Brought("2.0.0"), Situation(0, NOON))
    assert (state.phase, state.reason, actions) == ("waiting", "hours", ())
    state, actions = step(state, Tick(), Situation(15 * HOUR, NIGHT))
    assert (state.phase, actions) == ("switching", (Switch("2.0.0"), Restart()))


def test_asking_twice_is_asking_once_and_for_what_runs_is_nothing() -> None:
    state, _ = step(IDLE, Asked("2.0.0", by="distributor"), Situation(0))
    assert step(state, Asked("2.0.0", by="distributor"), Situation(1)) == (state, ())
    assert step(IDLE, Asked("1.0.0", by="distributor"), Situation(1)) == (IDLE, ())


def test_another_wish_stops_what_is_being_fetched() -> None:
    state, _ = step(IDLE, Asked("2.0.0", by="distributor"), Situation(0))
    state, actions = step(state, Asked("3.0.0", by="distributor"), Situation(1))
    assert (state.version, actions) == ("3.0.0", (Stop(), Bring("3.0.0", again=False)))


@pytest.mark.parametrize(
    ("at", "hindered"),
    [
        (Situation(0, NIGHT, closes_in_ms=HOUR), "window_closing"),
        (Situation(0, NIGHT, closes_in_ms=HOUR + 1), None),
        (Situation(0, NIGHT, unsent_for_ms=0), "unsent"),
        (Situation(0, NIGHT, unsent_for_ms=49 * HOUR), None),
        (Situation(0, NIGHT, untouched_ms=1000), "in_use"),
        (Situation(0, NOON), "hours"),
        (Situation(0, None), "hours"),
        (Situation(25 * HOUR, NOON), None),
        (Situation(25 * HOUR, NOON, untouched_ms=HOUR // 3), "in_use"),
    ],
)
def test_a_change_waits_for_a_moment_that_hurts_nobody(at: Situation, hindered: str | None) -> None:
    assert updating.hindrance(ready(Situation(0, NOON)), at) == hindered


def test_a_person_who_wants_it_at_once_waits_for_nothing_but_orders() -> None:
    state = ready(Situation(0, NOON))
    busy = Situation(1, NOON, untouched_ms=0)
    assert step(state, AtOnce(), busy)[1] == (Switch("2.0.0"), Restart())
    for at in (replace(busy, closes_in_ms=HOUR), replace(busy, unsent_for_ms=5)):
        after, actions = step(state, AtOnce(), at)
        assert (after.phase, actions) == ("waiting", ())


def test_a_shop_puts_it_off_three_times_a_day_each_and_no_more() -> None:
    state = ready(Situation(0, NOON))
    for day in range(3):
        state, actions = step(state, Postponed(), Situation(day * 24 * HOUR, NIGHT))
        assert (state.reason, actions) == ("postponed", ())
    assert not updating.may_postpone(state)
    assert step(state, Postponed(), Situation(2 * 24 * HOUR, NIGHT)) == (state, ())
    assert step(state, Tick(), Situation(3 * 24 * HOUR, NIGHT))[0].phase == "switching"


def test_a_line_that_fails_is_tried_again_later_each_time_and_a_forgery_is_not() -> None:
    state, _ = step(IDLE, Asked("", by="shop"), Situation(0))
    waits = []
    for _ in range(12):
        state, _ = step(state, NotBrought("offline"), Situation(0, chance=1.0))
        waits.append(state.again_at_ms)
        assert step(state, Tick(), Situation(0))[1] == ()
        state, actions = step(state, Tick(), Situation(state.again_at_ms or 0))
        assert actions == (Bring("", again=False),)
    assert waits == sorted(waits, key=lambda wait: wait or 0)
    assert waits[-1] == updating.AGAIN_MOST_MS
    state, _ = step(state, NotBrought("not_genuine"), Situation(0))
    assert (state.phase, state.reason, state.again_at_ms) == ("failed", "not_genuine", None)


def test_nothing_new_is_no_failure() -> None:
    state, _ = step(IDLE, Asked("", by="shop"), Situation(0))
    assert step(state, NothingNew(), Situation(1)) == (State(running="1.0.0"), ())


def test_what_the_distributor_takes_back_stops_unless_the_shop_asked() -> None:
    state, _ = step(IDLE, Asked("2.0.0", by="distributor"), Situation(0))
    assert step(state, Withdrawn(), Situation(1)) == (State(running="1.0.0"), (Stop(),))
    state, _ = step(IDLE, Asked("", by="shop"), Situation(0))
    assert step(state, Withdrawn(), Situation(1)) == (state, ())


def test_a_record_that_cannot_be_written_is_tried_again() -> None:
    state, _ = step(ready(Situation(0, NOON)), AtOnce(), Situation(0, NOON))
    state, _ = step(state, NotSwitched(), Situation(0))
    assert (state.phase, state.reason) == ("failed", "stumbled")
    assert state.again_at_ms is not None


def test_what_became_of_the_last_release_is_said_after_the_start() -> None:
    back = updating.begin(running="1.0.0", returned=Returned("2.0.0", "ended", 3), on_trial=False)
    assert (back.phase, back.version, back.reason) == ("returned", "2.0.0", "ended")
    trial = updating.begin(running="2.0.0", returned=None, on_trial=True)
    assert step(trial, Confirmed(), Situation(1))[0].phase == "confirmed"
    assert step(trial, Asked("3.0.0", by="distributor"), Situation(1)) == (trial, ())


EVENTS = st.sampled_from(
    [
        Tick(),
        Asked("2.0.0", by="distributor"),
        Asked("3.0.0", by="shop"),
        Withdrawn(),
        Brought("2.0.0"),
        NothingNew(),
        NotBrought("offline"),
        NotBrought("not_genuine"),
        AtOnce(),
        Postponed(),
        NotSwitched(),
    ]
)
MOMENTS = st.builds(
    Situation,
    now_ms=st.integers(0, 200 * HOUR),
    minute_of_day=st.integers(0, 1439),
    closes_in_ms=st.none() | st.integers(0, 3 * HOUR),
    unsent_for_ms=st.none() | st.integers(0, 60 * HOUR),
    untouched_ms=st.integers(0, 2 * HOUR),
)


@given(st.lists(st.tuples(EVENTS, MOMENTS), max_size=30))
def test_nothing_is_ever_switched_to_that_was_not_brought_nor_in_a_windows_last_hour(
    happened: list[tuple[updating.Event, Situation]],
) -> None:
    state, brought = IDLE, ""
    for event, at in happened:
        if isinstance(event, Brought) and state.phase == "bringing":
            brought = event.version
        state, actions = step(state, event, at)
        for action in actions:
            if isinstance(action, Switch):
                assert action.version == brought
                assert at.closes_in_ms is None or at.closes_in_ms > HOUR
                assert at.unsent_for_ms is None or at.unsent_for_ms >= updating.UNSENT_MOST_MS

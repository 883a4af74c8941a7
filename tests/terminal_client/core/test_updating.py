"""When an update is fetched, waits and is switched to."""

from dataclasses import replace
from typing import Any

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
    Waited,
    Withdrawn,
    step,
)

HOUR = 3_600_000
NOON, NIGHT = 12 * 60, 3 * 60
IDLE = updating.begin(running="1.0.0", returned=None, on_trial=False)


def moment(ms: int, minute_of_day: int | None = None, **more: Any) -> Situation:
    """Return a moment on both clocks: the server's is ahead by ten days."""
    return Situation(ms, minute_of_day, server_ms=ms + 240 * HOUR, **more)


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
        (moment(25 * HOUR, NOON), None),
        (Situation(25 * HOUR, NOON), "hours"),
        (moment(25 * HOUR, NOON, untouched_ms=HOUR // 3), "in_use"),
    ],
)
def test_a_change_waits_for_a_moment_that_hurts_nobody(at: Situation, hindered: str | None) -> None:
    assert updating.hindrance(ready(moment(0, NOON)), at) == hindered


def test_a_person_who_wants_it_at_once_waits_for_nothing_but_orders() -> None:
    state = ready(Situation(0, NOON))
    busy = Situation(1, NOON, untouched_ms=0)
    assert step(state, AtOnce(), busy)[1] == (Switch("2.0.0"), Restart())
    for at in (replace(busy, closes_in_ms=HOUR), replace(busy, unsent_for_ms=5)):
        after, actions = step(state, AtOnce(), at)
        assert (after.phase, actions) == ("waiting", ())


def test_a_shop_puts_it_off_three_times_a_day_each_and_no_more() -> None:
    state = ready(moment(0, NOON))
    for day in range(3):
        state, actions = step(state, Postponed(), moment(day * 24 * HOUR, NIGHT))
        assert (state.reason, actions) == ("postponed", ())
    assert not updating.may_postpone(state)
    assert step(state, Postponed(), moment(2 * 24 * HOUR, NIGHT)) == (state, ())
    assert step(state, Tick(), moment(3 * 24 * HOUR, NIGHT))[0].phase == "switching"


def test_a_terminal_that_is_switched_off_every_night_changes_after_a_day_and_keeps_what_the_shop_put_off() -> None:
    state = ready(moment(0, NOON))
    state, _ = step(state, Postponed(), moment(HOUR, NOON + 60))
    kept = updating.wish(state)
    assert kept == Asked("2.0.0", by="distributor", waited=Waited("2.0.0", 240 * HOUR, 1, 265 * HOUR))
    began = IDLE
    for day, minute, phase in ((1, NOON, "waiting"), (2, NOON, "switching")):
        began, _ = step(IDLE, kept, Situation(0))
        at = Situation(HOUR, minute, server_ms=(240 + 24 * day) * HOUR)
        began, _ = step(began, Brought("2.0.0"), at)
        assert (began.phase, began.waited.postponed) == (phase, 1)
    other, _ = step(step(IDLE, kept, Situation(0))[0], Brought("3.0.0"), moment(0, NOON))
    assert (other.waited.postponed, other.reason) == (0, "hours"), "another release has not waited yet"


def test_what_is_asked_for_while_another_is_tried_comes_after_it() -> None:
    trial = updating.begin(running="2.0.0", returned=None, on_trial=True)
    state, actions = step(trial, Asked("3.0.0", by="distributor", again=True), Situation(1))
    assert (state.phase, actions, updating.fate(state, "2.0.0"), updating.fate(state, "3.0.0")) == (
        "trial",
        (),
        "tried",
        "wanted",
    )
    assert updating.wish(state) == Asked("3.0.0", by="distributor", again=True)
    after, actions = step(state, Confirmed(), Situation(2))
    assert (after.phase, actions, updating.fate(after, "2.0.0")) == ("bringing", (Bring("3.0.0", again=True),), "works")
    assert step(state, Withdrawn("3.0.0"), Situation(2)) == (trial, ())
    assert step(state, Asked("2.0.0", by="distributor"), Situation(2)) == (trial, ())
    assert step(state, Withdrawn("2.0.0"), Situation(2)) == (state, ()), "a trial is not called back"


def test_the_wish_for_another_try_outlives_a_line_that_fails() -> None:
    state, _ = step(IDLE, Asked("2.0.0", by="distributor", again=True), Situation(0))
    state, _ = step(state, NotBrought("offline"), Situation(0))
    assert step(state, Tick(), Situation(state.again_at_ms or 0))[1] == (Bring("2.0.0", again=True),)
    failed, _ = step(state, Asked("2.0.0", by="distributor"), Situation(1))
    failed, _ = step(failed, NotBrought("no_room"), Situation(1))
    assert (updating.fate(failed, "2.0.0"), updating.wish(failed)) == ("failed", None)


def test_a_release_that_was_returned_from_has_failed_also_when_another_is_asked_for() -> None:
    back = updating.begin(running="1.0.0", returned=Returned("2.0.0", "ended", 3), on_trial=False)
    state, _ = step(back, Asked("3.0.0", by="distributor"), Situation(0))
    state, _ = step(state, NotBrought("no_room"), Situation(0))
    assert [(updating.fate(state, one), updating.why_failed(state, one)) for one in ("2.0.0", "3.0.0")] == [
        ("failed", "ended"),
        ("failed", "no_room"),
    ]
    state, _ = step(back, Asked("2.0.0", by="distributor", again=True), Situation(0))
    assert updating.fate(state, "2.0.0") == "wanted"


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
    assert step(state, Withdrawn("1.5.0"), Situation(1)) == (state, ()), "another one was called back"
    assert step(state, Withdrawn("2.0.0"), Situation(1)) == (State(running="1.0.0"), (Stop(),))
    state, _ = step(IDLE, Asked("", by="shop"), Situation(0))
    assert updating.fate(state, "2.0.0") == "shops"
    assert step(state, Withdrawn("2.0.0"), Situation(1)) == (state, ())


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


EVENTS = st.sampled_from(
    [
        Tick(),
        Asked("2.0.0", by="distributor"),
        Asked("3.0.0", by="shop"),
        Withdrawn("2.0.0"),
        Withdrawn("3.0.0"),
        Brought("2.0.0"),
        NothingNew(),
        NotBrought("offline"),
        NotBrought("not_genuine"),
        AtOnce(),
        Postponed(),
        NotSwitched(),
        Confirmed(),
    ]
)
STARTS = st.sampled_from(
    [
        IDLE,
        updating.begin(running="2.0.0", returned=None, on_trial=True),
        updating.begin(running="1.0.0", returned=Returned("2.0.0", "ended", 3), on_trial=False),
    ]
)
MOMENTS = st.builds(
    Situation,
    now_ms=st.integers(0, 200 * HOUR),
    minute_of_day=st.integers(0, 1439),
    closes_in_ms=st.none() | st.integers(0, 3 * HOUR),
    unsent_for_ms=st.none() | st.integers(0, 60 * HOUR),
    untouched_ms=st.integers(0, 2 * HOUR),
    server_ms=st.none() | st.integers(0, 400 * HOUR),
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


@given(STARTS, st.lists(st.tuples(EVENTS, MOMENTS), max_size=30))
def test_what_is_withdrawn_is_never_switched_to_and_what_is_asked_for_has_a_fate(
    state: State, happened: list[tuple[updating.Event, Situation]]
) -> None:
    withdrawn = False
    for event, at in happened:
        before = state
        state, actions = step(state, event, at)
        fate = updating.fate(state, "2.0.0")
        if isinstance(event, Withdrawn) and event.version == "2.0.0":
            assert fate != "wanted"
            withdrawn = fate not in ("tried", "shops")
        if isinstance(event, Asked):
            withdrawn = False
            if event.version == "2.0.0" and event.by == "distributor":
                assert fate in ("works", "tried", "wanted", "shops")
        assert not (withdrawn and Switch("2.0.0") in actions)
        if before.next is not None and isinstance(event, Confirmed):
            assert updating.wish(state) == before.next

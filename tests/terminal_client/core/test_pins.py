"""Who may do what, what a wrong PIN costs, and that no restart and no clock makes it cheaper."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from terminal_client.core.pins import FIRST_WAIT_MS, FREE_TRIES, MOST_WAIT_MS, Door, PinError
from terminal_client.core.store import Store

MINUTE_MS = 60_000


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = Store(tmp_path / "terminal")
    yield opened
    opened.close()


@pytest.fixture
def clock(make: Any) -> Any:
    return make.clock()


@pytest.fixture
def door(store: Store, clock: Any) -> Door:
    return Door(store, clock)


def refused(act: Callable[[], object]) -> str:
    with pytest.raises(PinError) as error:
        act()
    return error.value.reason


def test_without_pins_everybody_is_the_owner_and_nothing_locks(door: Door, clock: Any) -> None:
    clock.forward(1000 * MINUTE_MS)
    standing = door.standing()
    assert (standing.role, standing.locked, standing.locks_in_ms, door.who()) == ("owner", False, None, None)


def test_with_the_owners_pin_alone_everybody_else_is_a_clerk_and_the_owner_is_one_for_a_while(
    door: Door, clock: Any
) -> None:
    door.set_pin("owner", "2468")
    door.lock()
    assert (door.standing().role, door.standing().locked) == ("clerk", False)
    assert door.enter("2468") == "owner"
    clock.forward(5 * MINUTE_MS - 1)
    assert door.standing().role == "owner"
    door.touch()
    clock.forward(5 * MINUTE_MS - 1)
    assert door.who() == "owner"
    clock.forward(1)
    assert door.who() == "clerk"
    assert not door.standing().locked


def test_with_a_clerks_pin_the_terminal_locks_and_a_touch_does_not_open_it(door: Door, clock: Any) -> None:
    door.set_pin("owner", "2468")
    door.set_pin("clerk", "1111")
    assert door.enter("1111") == "clerk"
    clock.forward(5 * MINUTE_MS)
    assert door.standing().locked
    door.touch()
    assert door.standing().locked


def test_a_new_process_begins_locked(store: Store, door: Door, clock: Any) -> None:
    door.set_pin("owner", "2468")
    door.set_pin("clerk", "1111")
    assert Door(store, clock).standing().locked


@pytest.mark.parametrize("pin", ["", "123", "123456789", "12a4", "１２３４", "12 34"])
def test_a_pin_is_four_to_eight_digits(door: Door, pin: str) -> None:
    assert refused(lambda: door.set_pin("owner", pin)) == "form"


def test_the_owner_comes_first_and_the_two_differ(door: Door) -> None:
    assert refused(lambda: door.set_pin("clerk", "1111")) == "owner_first"
    door.set_pin("owner", "2468")
    assert refused(lambda: door.set_pin("clerk", "2468")) == "same"
    door.set_pin("clerk", "1111")
    assert refused(lambda: door.set_pin("owner", "1111")) == "same"


def test_no_pin_stands_in_the_store(store: Store, door: Door) -> None:
    door.set_pin("owner", "24681357")
    kept = store.setting("pin.owner", "")
    assert "24681357" not in kept
    door.set_pin("owner", "24681357")
    assert store.setting("pin.owner", "") != kept, "each has its own salt"


def test_five_wrong_ones_are_free_then_each_costs_twice_as_long(door: Door, clock: Any) -> None:
    door.set_pin("owner", "2468")
    for _ in range(FREE_TRIES):
        assert refused(lambda: door.enter("0000")) == "wrong"
    for doubled in range(3):
        assert door.wait_ms() == FIRST_WAIT_MS << doubled
        assert refused(lambda: door.enter("2468")) == "wait", "nothing is looked at, not even the right one"
        clock.forward(FIRST_WAIT_MS << doubled)
        assert refused(lambda: door.enter("0000")) == "wrong"
    clock.forward(MOST_WAIT_MS)
    assert door.enter("2468") == "owner"
    assert door.wrong_tries() == 0


def test_a_restart_does_not_shorten_the_waiting_and_neither_does_a_wrong_clock(
    store: Store, door: Door, clock: Any
) -> None:
    door.set_pin("owner", "2468")
    for _ in range(FREE_TRIES):
        assert refused(lambda: door.enter("0000")) == "wrong"
    clock.forward(FIRST_WAIT_MS - 1)
    clock.slow_ms = -48 * 60 * MINUTE_MS
    again = Door(store, clock)
    assert again.wait_ms() == FIRST_WAIT_MS
    assert refused(lambda: again.enter("2468")) == "wait"


def test_waiting_has_an_end_however_many_tries_there_were(store: Store, door: Door) -> None:
    door.set_pin("owner", "2468")
    store.choose("pin.wrong", "5000")
    assert door.wait_ms() == MOST_WAIT_MS


def test_a_try_is_counted_before_it_is_looked_at(store: Store, door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    door.set_pin("owner", "2468")
    monkeypatch.setattr(Door, "_fits", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        door.enter("2468")
    assert Door(store, door._clock).wrong_tries() == 1  # noqa: SLF001 - as after a power cut


def test_taking_the_owners_pin_away_opens_everything(door: Door) -> None:
    door.set_pin("owner", "2468")
    door.set_pin("clerk", "1111")
    door.clear("owner")
    assert (door.has("owner"), door.has("clerk")) == (False, False)
    assert door.standing().role == "owner"

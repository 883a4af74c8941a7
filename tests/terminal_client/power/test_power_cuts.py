"""Wherever the power is cut, the terminal finds all that it said it had kept; and the harness notices where not."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from power_cuts import CutError, Recording, cut_everywhere, record

from firmware_sim.flash import Recorder, Sync, Write
from terminal_client.core.store import FILE, Store


@pytest.fixture(scope="module")
def week(make: Any, tmp_path_factory: pytest.TempPathFactory) -> Recording:
    return record(make, tmp_path_factory.mktemp("week"), weeks=1)


def test_a_week_of_cuts_loses_nothing_doubles_nothing_and_damages_nothing(week: Recording, make: Any) -> None:
    tally = cut_everywhere(week, make, seed=1, at_most=200)
    assert (tally.images, set(tally.by_way)) == (200, {"none", "all", "torn", "scattered"})
    assert tally.gone_on == 5


@pytest.mark.slow
def test_more_than_5000_cuts_of_two_months_lose_double_and_damage_nothing(make: Any, tmp_path: Path) -> None:
    months = record(make, tmp_path / "months", weeks=9)
    tally = cut_everywhere(months, make, seed=1)
    assert tally.images >= 5_000
    assert min(tally.by_way.values()) >= 300
    assert tally.gone_on >= 100


def test_the_weeks_hold_what_can_go_wrong(week: Recording) -> None:
    tape = week.recorder.tape
    files = {name.name for name in tape if hasattr(name, "name")}
    assert FILE + "-shm" not in files
    assert len(week.said) >= 8
    assert sum(isinstance(operation, Sync) for operation in tape) > len(week.returned)
    written = [operation for operation in tape if isinstance(operation, Write)]
    assert len({operation.file for operation in written}) >= 3


@pytest.mark.slow
def test_the_log_is_written_back_while_the_terminal_runs(make: Any, tmp_path: Path) -> None:
    recording = record(make, tmp_path / "weeks", weeks=3)
    opened = [place for place, operation in enumerate(recording.recorder.tape) if hasattr(operation, "name")]
    running = recording.recorder.tape[opened[-2] : opened[-1]]
    assert any(isinstance(operation, Sync) and operation.file == 1 for operation in running[:-20])


# A harness that cannot fail shows nothing.


def _normal(store: Store) -> None:
    store.rows("PRAGMA synchronous = NORMAL")


def _off(store: Store) -> None:
    store.rows("PRAGMA synchronous = OFF")


@pytest.mark.parametrize("spoil", [_normal, pytest.param(_off, marks=pytest.mark.slow)])
def test_a_store_that_is_not_flushed_at_each_commit_is_caught(
    make: Any, tmp_path: Path, spoil: Callable[[Store], None]
) -> None:
    spoiled = record(make, tmp_path / "spoiled", weeks=1, after_open=spoil)
    with pytest.raises(CutError):
        cut_everywhere(spoiled, make, seed=1)


def test_a_disk_that_only_says_it_has_flushed_is_caught(week: Recording, make: Any) -> None:
    lying = Recorder("a-disk-that-lies")
    lying.tape = [operation for operation in week.recorder.tape if not isinstance(operation, Sync)]
    before = [sum(isinstance(o, Sync) for o in week.recorder.tape[: state.at]) for state in week.returned]
    returned = [replace(state, at=state.at - syncs) for state, syncs in zip(week.returned, before, strict=True)]
    with pytest.raises(CutError):
        cut_everywhere(replace(week, recorder=lying, returned=returned, said=[]), make, seed=1)


@pytest.mark.slow
def test_a_store_that_commits_after_it_has_said_saved_is_caught(
    make: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patched:
        patched.setattr(Store, "transaction", LateStore.transaction)
        patched.setattr(Store, "close", LateStore.close)
        late = record(make, tmp_path / "late", weeks=1)
    with pytest.raises(CutError):
        cut_everywhere(late, make, seed=1)


class LateStore(Store):
    """Commits each transaction when the next one begins."""

    @contextmanager
    def transaction(self) -> Iterator[None]:
        if not self._depth:
            LateStore._commit(self)
            self._connection.execute("BEGIN IMMEDIATE")
        self._depth += 1
        try:
            yield
        finally:
            self._depth -= 1

    def close(self) -> None:
        LateStore._commit(self)
        self._connection.close()

    def _commit(self) -> None:
        if self._connection.in_transaction:
            self._connection.execute("COMMIT")

"""The simulated flash: what may be found after a cut, by hand."""

import random
from pathlib import Path

import apsw

from firmware_sim.flash import Name, Recorder, Sync, Truncate, Write, images


def chance(seed: int) -> random.Random:
    return random.Random(seed)  # noqa: S311 - a test repeats itself by its seed


def found(tape: list, seed: int = 1) -> dict[str, dict[str, bytes]]:
    """Return what each way leaves after the last operation."""
    return {image.how: image.files for image in images(tape, chance(seed)) if image.at == len(tape)}


def test_what_was_synced_stands_and_the_rest_is_there_or_not() -> None:
    tape = [Name("a", 1), Write(1, 0, b"old"), Sync(1), Write(1, 0, b"new"), Write(1, 3, b"er")]
    ways = found(tape)
    assert ways["none"] == {"a": b"old"}
    assert ways["all"] == {"a": b"newer"}
    assert ways["torn"] == {"a": b"new"}
    scattered = {found(tape, seed)["scattered"]["a"] for seed in range(40)}
    assert scattered == {b"old", b"new", b"older", b"newer"}


def test_a_write_is_torn_where_sectors_meet_and_nowhere_else() -> None:
    tape = [Name("a", 1), Write(1, 0, bytes(8192)), Sync(1), Write(1, 500, b"\xff" * 5000)]
    kept = {found(tape, seed)["torn"]["a"].count(b"\xff") for seed in range(300)}
    # From 500 to the first sector's end, then sector by sector of 512 or 4,096 bytes; never the last one.
    assert kept == {0, *(12 + 512 * n for n in range(10)), 3596}
    for seed in range(40):
        now = found(tape, seed)["scattered"]["a"]
        changes = [at for at in range(1, 8192) if now[at] != now[at - 1]]
        assert all(at in (500, 5500) or at % 512 == 0 for at in changes)


def test_a_sync_of_one_file_keeps_nothing_of_another() -> None:
    tape = [Name("a", 1), Name("b", 2), Write(1, 0, b"x"), Write(2, 0, b"y"), Sync(2)]
    ways = found(tape)
    assert ways["none"] == {"a": b"", "b": b"y"}
    assert ways["all"] == {"a": b"x", "b": b"y"}


def test_a_name_that_was_removed_is_back_until_the_next_sync() -> None:
    tape = [Name("a", 1), Write(1, 0, b"x"), Sync(1), Name("a", None), Name("a", 2), Write(2, 0, b"z")]
    assert found(tape)["none"] == {"a": b"x"}
    assert found(tape)["all"] == {"a": b"z"}
    assert {tuple(found(tape, seed)["scattered"].items()) for seed in range(60)} == {
        (("a", b"x"),),
        (),
        (("a", b""),),
        (("a", b"z"),),
    }
    assert found([*tape, Name("a", None, synced=True)])["none"] == {}


def test_a_file_that_was_cut_short_may_have_its_old_length() -> None:
    tape = [Name("a", 1), Write(1, 0, b"long"), Sync(1), Truncate(1, 1)]
    assert (found(tape)["none"], found(tape)["all"]) == ({"a": b"long"}, {"a": b"l"})


def test_what_sqlite_writes_is_recorded_to_the_byte(tmp_path: Path) -> None:
    recorder = Recorder("recorder-of-a-test")
    connection = apsw.Connection(str(tmp_path / "a.sqlite3"), vfs=recorder.name)
    connection.execute("CREATE TABLE t (x); INSERT INTO t VALUES (zeroblob(9000))")
    connection.close()
    last = list(images(recorder.tape, chance(1)))[-1]
    assert last.files["a.sqlite3"] == (tmp_path / "a.sqlite3").read_bytes()

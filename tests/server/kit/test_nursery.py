"""Processes forked from one that has loaded what they need: told of, ended, and never left behind."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from server.kit.processes import inspect

PROGRAM = """
import os, signal, sys, time
from pathlib import Path
from server.kit import nursery

loaded = ["once"]

def tell(what):
    with open(sys.argv[1], "a") as out:
        print(what, file=out, flush=True)

def become(asked):
    if asked == "leave":
        return 3
    if asked == "fall":
        raise RuntimeError("fallen")
    if asked == "refuse":
        sys.exit("refused in one line")
    tell(f"{asked} {os.getpid()} {id(loaded)}")
    time.sleep(600)
    return 0

def first(forking):
    tell(f"first {os.getpid()} {id(loaded)} {forking.pid}")
    return PLAY(forking)

PLAYED

sys.exit(nursery.run(first, become))
"""
WITHIN_S = 30.0


@contextmanager
def running(folder: Path, play: str) -> Iterator[tuple[subprocess.Popen[str], Path]]:
    """Run a nursery whose first child does what ``play``, a function, says."""
    told = folder / "told"
    told.touch()
    program = folder / "program.py"
    program.write_text(PROGRAM.replace("PLAYED", play), encoding="utf-8")
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[3])}
    with subprocess.Popen(
        [sys.executable, program, told], stderr=subprocess.PIPE, text=True, env=environment
    ) as process:
        try:
            yield process, told
        finally:
            process.kill()


def lines(told: Path, count: int) -> list[list[str]]:
    """Return what was told, once it is ``count`` lines."""
    deadline = time.monotonic() + WITHIN_S
    while len(said := told.read_text().splitlines()) < count:
        assert time.monotonic() < deadline, said
        time.sleep(0.01)
    return [line.split() for line in said]


def wait_for_the_end_of(*pids: str) -> None:
    """Return once none of the processes runs."""
    deadline = time.monotonic() + WITHIN_S
    while left := [pid for pid in pids if inspect(int(pid)) is not None]:
        assert time.monotonic() < deadline, left
        time.sleep(0.01)


def test_the_first_child_learns_how_each_other_one_ended(tmp_path: Path) -> None:
    play = """
def PLAY(forking):
    for asked in ("leave", "fall", "refuse", "stay"):
        child = forking.start(asked)
        if asked == "stay":
            assert not child.join(0.0)
            assert child.exitcode is None
            child.send_signal(signal.SIGKILL)
        assert child.join(20.0)
        child.send_signal(signal.SIGTERM)  # to one that has ended: nothing
        tell(f"{asked} {child.exitcode}")
    return 0
"""
    with running(tmp_path, play) as (process, told):
        _, complaints = process.communicate(timeout=WITHIN_S)
        assert process.returncode == 0
    ends = [line for line in lines(told, 5) if len(line) == 2]
    assert ends == [["leave", "3"], ["fall", "1"], ["refuse", "1"], ["stay", "-9"]]
    assert "RuntimeError: fallen" in complaints
    assert "refused in one line" in complaints.splitlines()


PATIENT = """
def PLAY(forking):
    forking.start("a")
    forking.start("b")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(5))
    time.sleep(600)
    return 0
"""


def test_children_share_what_was_loaded(tmp_path: Path) -> None:
    with running(tmp_path, PATIENT) as (_, told):
        assert len({line[2] for line in lines(told, 3)}) == 1


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_to_the_nursery_is_the_first_childs_to_answer_and_ends_all(
    tmp_path: Path, number: signal.Signals
) -> None:
    play = PATIENT.replace("signal.SIGTERM,", f"signal.{number.name},")
    with running(tmp_path, play) as (process, told):
        pids = [line[1] for line in lines(told, 3)]
        process.send_signal(number)
        assert process.wait(WITHIN_S) == 5
        wait_for_the_end_of(*pids)


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel tells of a parent's death on Linux")
def test_nobody_outlives_a_nursery_that_is_killed(tmp_path: Path) -> None:
    with running(tmp_path, PATIENT) as (process, told):
        pids = [line[1] for line in lines(told, 3)]
        process.kill()
        process.wait(WITHIN_S)
        wait_for_the_end_of(*pids)


def test_nobody_outlives_a_first_child_that_is_killed(tmp_path: Path) -> None:
    with running(tmp_path, PATIENT) as (process, told):
        first, *others = [line[1] for line in lines(told, 3)]
        os.kill(int(first), signal.SIGKILL)
        assert process.wait(WITHIN_S) == 128 + signal.SIGKILL
        wait_for_the_end_of(*others)


def test_a_system_without_room_for_a_process_is_said_and_the_next_one_comes(tmp_path: Path) -> None:
    play = """
def PLAY(forking):
    try:
        forking.start("a")
    except OSError as error:
        tell(f"{error.errno} {error.strerror}")
    return 0 if forking.start("leave").join(20.0) else 1

fork, tries = os.fork, []

def failing():
    tries.append(1)
    if len(tries) == 2:
        raise BlockingIOError(11, "")
    return fork()

os.fork = failing
"""
    with running(tmp_path, play) as (process, told):
        assert process.wait(WITHIN_S) == 0
    assert "11 Resource temporarily unavailable" in told.read_text()


def test_a_first_child_whose_nursery_is_over_is_told_so(tmp_path: Path) -> None:
    play = """
def PLAY(forking):
    from multiprocessing import Pipe
    ours, theirs = Pipe()
    theirs.close()
    try:
        nursery.Nursery(ours, 1).start("a")
    except nursery.NurseryOverError as error:
        tell(error)
    return 0
"""
    with running(tmp_path, play) as (process, told):
        assert process.wait(WITHIN_S) == 0
    assert "has ended" in told.read_text()

"""``make clean`` takes nothing from under a program that runs."""

import fcntl
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).parents[2]


@pytest.fixture
def copy(tmp_path: Path) -> Iterator[Path]:
    """A checkout of its own with an environment and what running left."""
    (tmp_path / ".ci").mkdir()
    shutil.copy(CHECKOUT / ".ci/clean", tmp_path / ".ci/clean")
    (tmp_path / ".venv/bin").mkdir(parents=True)
    python = tmp_path / ".venv/bin/python"
    python.write_text(f'#!/bin/sh\nexec "{sys.executable}" "$@"\n', encoding="utf-8")
    python.chmod(0o755)
    (tmp_path / "server/kit").mkdir(parents=True)
    for name in ("__init__.py", "kit/__init__.py", "kit/claims.py"):  # copies: what is cleaned is really removed
        shutil.copy(CHECKOUT / "server" / name, tmp_path / "server" / name)
    (tmp_path / ".evenhand/demo").mkdir(parents=True)
    (tmp_path / ".evenhand/demo/demo.lock").touch()
    return tmp_path


def clean(copy: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([copy / ".ci/clean"], capture_output=True, text=True, check=False)


def test_what_running_left_is_removed(copy: Path) -> None:
    done = clean(copy)
    assert done.returncode == 0, done.stderr
    assert not (copy / ".evenhand").exists()
    assert not (copy / ".venv").exists()


def test_a_program_of_this_environment_is_named_and_nothing_removed(copy: Path) -> None:
    program = copy / ".venv/bin/evenhand"
    program.symlink_to(shutil.which("sleep") or "/bin/sleep")
    running = subprocess.Popen([program, "60"])
    try:
        done = clean(copy)
    finally:
        running.kill()
        running.wait()
    assert done.returncode == 1
    assert f"{running.pid}" in done.stderr
    assert "nothing was removed" in done.stderr
    assert (copy / ".evenhand").exists()
    assert program.is_symlink()


def test_a_demo_that_runs_from_elsewhere_is_named_and_nothing_removed(copy: Path) -> None:
    with (copy / ".evenhand/demo/demo.lock").open("r+", encoding="utf-8") as lock:
        lock.write("4711\n")
        lock.flush()
        fcntl.flock(lock, fcntl.LOCK_EX)
        done = clean(copy)
    assert done.returncode == 1
    assert "process 4711" in done.stderr
    assert (copy / ".evenhand").exists()

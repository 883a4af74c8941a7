"""Folders that one process holds for itself: a lock that ends with its holder, however that ends."""

import contextlib
import fcntl
import os
from pathlib import Path
from typing import IO


class ClaimedError(RuntimeError):
    """Another process holds the folder; ``pid`` is its number, none where it has not said it yet."""

    def __init__(self, lock: Path, pid: int | None) -> None:
        self.pid = pid
        super().__init__(f"{lock.parent} is held by {named(pid)}")


def claim(lock: Path) -> IO[str]:
    """Hold ``lock``, a file in a folder that exists, until the answer is closed or this process ends.

    Raises
    ------
    ClaimedError
        Another process holds it.
    """
    held = lock.open("a+", encoding="utf-8")
    try:
        fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        pid = _pid_in(held)
        held.close()
        raise ClaimedError(lock, pid) from None
    held.truncate(0)
    held.write(f"{os.getpid()}\n")
    held.flush()
    return held


def check_free(lock: Path) -> None:
    """Do nothing where nobody holds ``lock``, and where there is no such file.

    Raises
    ------
    ClaimedError
        A process holds it.
    """
    with contextlib.suppress(FileNotFoundError), lock.open("r+", encoding="utf-8") as seen:
        try:
            fcntl.flock(seen, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise ClaimedError(lock, _pid_in(seen)) from None


def named(pid: int | None) -> str:
    """Return how a message names a holder."""
    return "another process" if pid is None else f"process {pid}"


def _pid_in(lock: IO[str]) -> int | None:
    lock.seek(0)
    written = lock.read().strip()
    return int(written) if written.isdecimal() else None

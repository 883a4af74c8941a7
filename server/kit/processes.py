"""Child processes that serve us: unprivileged, never outliving their parent, ended by their process id.

A child is known by the record that its home folder keeps (`<home>/child`: its process id and its parent's) and
by its command line, which names that folder. So a process id that another program got later is never mistaken
for it.
"""

import os
import queue
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

LOG_LIMIT_BYTES = 8 * 1024 * 1024
_POLL_S = 0.01
_PROC = Path("/proc")
_LAUNCHER = Path(__file__).with_name("launch.py")


class StartError(Exception):
    """A service that we bring along cannot run: one line that says what, where and what to do."""


@dataclass(frozen=True)
class Account:
    """An unprivileged account of this machine."""

    name: str
    uid: int
    gid: int


def run(
    argv: Sequence[str | Path], account: Account | None, *, stdin: str = "", timeout_s: float = 120
) -> tuple[int, str]:
    """Run a program to its end as `account` (None: as ourselves).

    Returns
    -------
    tuple[int, str]
        Exit code, and what it wrote on both streams; 127 when it cannot be executed at all.
    """
    who: dict[str, object] = {}
    if account is not None:
        who = {"user": account.uid, "group": account.gid, "extra_groups": []}
    try:
        done = subprocess.run(  # type: ignore[call-overload]  # the three names are checked in Account
            [os.fspath(word) for word in argv],
            input=stdin,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            cwd="/",
            env=environment(),
            timeout=timeout_s,
            check=False,
            umask=0o077,
            **who,
        )
    except OSError as error:
        return 127, str(error)
    except subprocess.TimeoutExpired:
        return 124, f"{argv[0]} did not end within {timeout_s:.0f} s"
    return done.returncode, done.stdout


def environment() -> dict[str, str]:
    """Environment for a service: ours, without what would redirect it, speaking plain English."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("PG", "LC_", "PYTHON"))}
    return kept | {"LC_ALL": "C", "LANG": "C", "TZ": "UTC"}


@dataclass(frozen=True)
class Child:
    """A running service process; `orphaned` once the process that started it has ended."""

    pid: int
    orphaned: bool


def find(home: Path) -> Child | None:
    """Return the service process that runs in `home`, whoever started it; None when there is none."""
    try:
        pid, parent = (int(word) for word in (home / "child").read_text().split())
    except (FileNotFoundError, ValueError):
        return None
    seen = inspect(pid)
    if seen is None or str(home) not in seen[1]:
        return None
    return Child(pid, orphaned=seen[0] != parent)


def inspect(pid: int) -> tuple[int, str] | None:
    """Return parent and command line of a live process; None when it has ended, also if nobody reaped it."""
    if _PROC.is_dir():
        try:
            stat = (_PROC / str(pid) / "stat").read_text(errors="replace")
            command = (_PROC / str(pid) / "cmdline").read_bytes()
        except (FileNotFoundError, ProcessLookupError):
            return None
        state, parent = stat.rpartition(")")[2].split()[:2]
        # Without a command line it is on its way out: its memory is gone, its entry not yet.
        return None if state in "ZX" or not command else (int(parent), os.fsdecode(command.replace(b"\0", b" ")))
    code, line = run(["/bin/ps", "-ww", "-o", "ppid=,stat=,args=", "-p", str(pid)], None)
    words = line.split(maxsplit=2)
    if code or len(words) < 3 or words[1].startswith("Z"):  # noqa: PLR2004 - the three columns asked for
        return None
    return int(words[0]), words[2]


@dataclass(frozen=True)
class Started:
    """A service that this process started; it may have ended since."""

    pid: int
    process: subprocess.Popen[bytes]
    log: Path
    log_start_bytes: int

    def has_ended(self) -> bool:
        """Return whether it ran to its end."""
        return self.process.poll() is not None

    def said(self) -> str:
        """Return what it printed so far."""
        with self.log.open("rb") as source:
            source.seek(self.log_start_bytes)
            return source.read().decode(errors="replace")


def spawn(
    argv: Sequence[str | Path],
    *,
    home: Path,
    account: Account | None,
    log: Path,
    death_signal: signal.Signals,
) -> Started:
    """Start a service that receives `death_signal` when this process ends, however it ends.

    `argv` must name `home`. What it prints is appended to `log`, which we open, so that the account need not
    reach it. One thread waits for the child as long as it lives: the kernel ties the child to the *thread*
    that started it, and a thread of a pool may end early.
    """
    if log.exists() and log.stat().st_size > LOG_LIMIT_BYTES:
        log.replace(log.with_name(f"{log.name}.1"))
    who = ["-", "-"] if account is None else [str(account.uid), str(account.gid)]
    command = [sys.executable, "-I", "-S", _LAUNCHER, str(os.getpid()), str(int(death_signal)), *who, *argv]
    log_start_bytes = log.stat().st_size if log.exists() else 0
    started: queue.Queue[subprocess.Popen[bytes] | OSError] = queue.Queue()

    def live() -> None:
        try:
            with log.open("ab") as sink:
                process = subprocess.Popen(
                    [os.fspath(word) for word in command],
                    stdin=subprocess.DEVNULL,
                    stdout=sink,
                    stderr=sink,
                    cwd="/",
                    env=environment(),
                    start_new_session=True,  # Ctrl-C is for us; we end the child in our own order
                )
            draft = home / "child.new"
            draft.write_text(f"{process.pid} {os.getpid()}\n")
            draft.replace(home / "child")
        except OSError as error:
            started.put(error)
            return
        started.put(process)
        process.wait()

    threading.Thread(target=live, name=f"child of {home}", daemon=True).start()
    process = started.get()
    if isinstance(process, OSError):
        raise StartError(f"cannot start {argv[0]}: {process}") from process
    return Started(process.pid, process, log, log_start_bytes)


def until(condition: Callable[[], bool], timeout_s: float) -> bool:
    """Wait for `condition`; return whether it came true within `timeout_s`."""
    deadline = time.monotonic() + timeout_s
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(_POLL_S)
    return True


def stop(home: Path, signals: Sequence[signal.Signals], *, patience_s: float = 30) -> None:
    """End the service that runs in `home`: each signal in turn, waiting `patience_s` after each.

    Raises
    ------
    StartError
        It still runs after the last signal.
    """
    for number in signals:
        child = find(home)
        if child is None:
            return
        try:
            os.kill(child.pid, number)
        except ProcessLookupError:
            return
        except PermissionError as error:
            raise StartError(f"process {child.pid} of {home} belongs to another user: end it there") from error
        if until(lambda: find(home) is None, patience_s):
            return
    raise StartError(f"the process of {home} does not end: look at it, then kill -9 it by hand")


class Ending:
    """Whether a process is asked to end. A signal handler may set it at any moment: unlike an event, it takes no lock.

    (A second signal within the first one's ``Event.set`` waits for ever for the lock that the first holds.)
    """

    def __init__(self) -> None:
        self._asked = False

    def set(self) -> None:
        """Ask the process to end."""
        self._asked = True

    def is_set(self) -> bool:
        """Return whether it was asked."""
        return self._asked

    def wait(self, timeout_s: float) -> bool:
        """Wait until it is asked, for at most ``timeout_s`` seconds; return whether it was."""
        until = time.monotonic() + timeout_s
        while not self._asked and (left := until - time.monotonic()) > 0:
            time.sleep(min(left, 0.05))
        return self._asked

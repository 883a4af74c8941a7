"""A process that forks others and does nothing else: what it has loaded is in memory once for all of them.

Its first child is who asks for the others, over a line of its own. A child is told by a signal that the nursery
ended, however that ended (on Linux); the nursery ends what is left once the first child has. It has one thread, so
that a fork finds no lock held by another.
"""

import contextlib
import ctypes
import gc
import os
import signal
import socket
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from multiprocessing import Pipe
from multiprocessing.connection import Connection, wait
from typing import Final, Generic, NoReturn, TypeVar

from server.kit.launch import PR_SET_PDEATHSIG

Asked = TypeVar("Asked")
PATIENCE_S: Final = 10.0
_OURS: Final = (signal.SIGCHLD, signal.SIGTERM, signal.SIGINT)
_POLL_S: Final = 0.01


class NurseryOverError(RuntimeError):
    """The process that forks others has ended; nothing more can be started."""


@dataclass(frozen=True)
class _Started:
    pid: int


@dataclass(frozen=True)
class _Refused:
    number: int
    why: str


@dataclass(frozen=True)
class _Ended:
    pid: int
    status: int


class Child:
    """A process that the nursery forked for us, as :class:`multiprocessing.Process` shows one."""

    def __init__(self, nursery: "Nursery[Asked]", pid: int) -> None:
        self.pid = pid
        self._nursery = nursery

    @property
    def exitcode(self) -> int | None:
        """Its exit status, the negative number of the signal that killed it, or none while it runs."""
        return self._nursery.status_of(self.pid)

    def send_signal(self, number: signal.Signals) -> None:
        """Send a signal, unless it has ended."""
        if self.exitcode is None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, number)

    def join(self, within_s: float) -> bool:
        """Wait for its end; return whether it came within ``within_s``."""
        return self._nursery.status_of(self.pid, within_s=within_s) is not None


class Nursery(Generic[Asked]):
    """The nursery, as its first child sees it; for one thread. ``pid`` is its own."""

    def __init__(self, line: Connection, pid: int) -> None:
        self.pid = pid
        self._line = line
        self._ended: dict[int, int] = {}

    def start(self, asked: Asked) -> Child:
        """Have a process forked that becomes what is asked for.

        Raises
        ------
        NurseryOverError
            The nursery has ended.
        OSError
            The system has no room for another process.
        """
        try:
            self._line.send(asked)
            while isinstance(told := self._line.recv(), _Ended):
                self._note(told)
        except (EOFError, OSError) as error:
            raise NurseryOverError("the process that starts the others has ended") from error
        if isinstance(told, _Refused):
            raise OSError(told.number, told.why)
        self._ended.pop(told.pid, None)
        return Child(self, told.pid)

    def status_of(self, pid: int, *, within_s: float = 0.0) -> int | None:
        """Return how a child ended, none where it did not within ``within_s``; what the nursery left has ended too."""
        deadline = time.monotonic() + within_s
        with contextlib.suppress(EOFError, OSError):
            while pid not in self._ended and self._line.poll(max(0.0, deadline - time.monotonic())):
                self._note(self._line.recv())
            return self._ended.get(pid)
        return self._ended.setdefault(pid, -signal.SIGTERM)

    def _note(self, told: _Ended) -> None:
        self._ended[told.pid] = told.status


class _Bell:
    """The signals that came, as something that one can wait for beside other things."""

    def __init__(self) -> None:
        self.heard, self._rung = socket.socketpair()
        self._rung.setblocking(False)
        self._before = {number: signal.signal(number, lambda *_: None) for number in _OURS}
        self._wakeup = signal.set_wakeup_fd(self._rung.fileno(), warn_on_full_buffer=False)

    def rung(self) -> bytes:
        """Return the numbers of the signals that came; only once something was heard."""
        return self.heard.recv(512)

    def close(self) -> None:
        """Let signals do what they did before."""
        signal.set_wakeup_fd(self._wakeup)
        for number, handler in self._before.items():
            signal.signal(number, handler)
        self.heard.close()
        self._rung.close()


def run(first: Callable[[Nursery[Asked]], int], become: Callable[[Asked], int]) -> int:
    """Fork ``first``, and for each thing it asks for a process that is ``become`` of it.

    Returns in the nursery alone, when all have ended, with the exit status of ``first``: a child ends with what its
    function returns. To be called before any thread is started.
    """
    gc.collect()
    gc.freeze()  # a collection writes into each object it looks at: what is shared stays out of its sight
    nursery = os.getpid()
    ours, theirs = Pipe()
    bell = _Bell()
    pid = os.fork()
    if pid == 0:
        ours.close()
        bell.close()
        _be(nursery, signal.SIGKILL, lambda: first(Nursery(theirs, nursery)))
    theirs.close()

    def be(asked: Asked) -> NoReturn:
        _be(nursery, signal.SIGTERM, lambda: become(asked))

    try:
        return _serve(pid, ours, bell, be)
    finally:
        if os.getpid() == nursery:
            bell.close()


def _serve(first: int, line: Connection, bell: _Bell, be: Callable[[Asked], NoReturn]) -> int:
    """Fork and bury until ``first`` has ended and all others after it; return its status."""
    children: set[int] = set()
    while True:
        ready = wait([bell.heard] if line.closed else [line, bell.heard])
        if line in ready and (forked := _fork(line, bell, be)) is not None:
            children.add(forked)
        if bell.heard in ready:
            for number in bell.rung():
                if number != signal.SIGCHLD:
                    os.kill(first, number)
            for pid, status in _buried():
                if pid == first:
                    _end(children)
                    return status if status >= 0 else 128 - status
                children.discard(pid)
                _tell(line, _Ended(pid, status))


def _fork(line: Connection, bell: _Bell, be: Callable[[Asked], NoReturn]) -> int | None:
    """Fork the one that is asked for on the line and return its id; close the line where nobody asks any more."""
    try:
        asked: Asked = line.recv()
    except (EOFError, OSError):  # first has ended, or is about to
        line.close()
        return None
    try:
        pid = os.fork()
    except OSError as error:
        _tell(line, _Refused(error.errno or 0, os.strerror(error.errno or 0)))
        return None
    if pid == 0:
        line.close()
        bell.close()
        be(asked)
    _tell(line, _Started(pid))
    return pid


def _tell(line: Connection, what: _Started | _Refused | _Ended) -> None:
    with contextlib.suppress(OSError):  # nobody listens any more: first has ended
        line.send(what)


def _be(nursery: int, at_its_end: signal.Signals, life: Callable[[], int]) -> NoReturn:
    """Within a new child: live, and end with the status that the life returns, or as what it raises says."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, at_its_end, 0, 0, 0)
    if os.getppid() != nursery:
        os._exit(1)
    sys.exit(life())


def _buried() -> Iterator[tuple[int, int]]:
    """Yield the children that ended and their exit statuses, the negative number of the signal where one was killed."""
    with contextlib.suppress(ChildProcessError):
        while (ended := os.waitpid(-1, os.WNOHANG))[0]:
            yield ended[0], os.waitstatus_to_exitcode(ended[1])


def _end(children: set[int]) -> None:
    """End what is left: politely, then not."""
    for number, patience_s in ((signal.SIGTERM, PATIENCE_S), (signal.SIGKILL, PATIENCE_S)):
        for pid in children:
            os.kill(pid, number)
        deadline = time.monotonic() + patience_s
        while children and time.monotonic() < deadline:
            children.difference_update(pid for pid, _ in _buried())
            time.sleep(_POLL_S)

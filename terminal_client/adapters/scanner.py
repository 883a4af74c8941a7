"""A scanner at a Linux input device, read past the browser and grabbed, so that its keys go nowhere else.

By the standard library: the Python package ``evdev`` would have to be compiled on the terminal.

Source: linux/input.h (struct input_event, EVIOCGRAB).
"""

import errno
import fcntl
import logging
import os
import select
import struct
import threading
from collections.abc import Callable
from pathlib import Path

from terminal_client.core.keys_of_scans import KeyReader
from terminal_client.core.ports import ScannerState

log = logging.getLogger(__name__)

#: Seconds and microseconds in the machine's own length of a long, then type, code, value.
EVENT = struct.Struct("@llHHi")
EV_SYN, EV_KEY = 0, 1
SYN_DROPPED = 3
EVIOCGRAB = 0x40044590
LOOK_AGAIN_S = 1.0


class EvdevScanner:
    """Implements :class:`terminal_client.core.ports.Scanner`."""

    def __init__(self, path: Path, *, look_again_s: float = LOOK_AGAIN_S) -> None:
        self._path = path
        self._look_again_s = look_again_s
        self._state: ScannerState = "off"
        self._thread: threading.Thread | None = None
        self._wake: tuple[int, int] | None = None

    @property
    def state(self) -> ScannerState:
        """See the port."""
        return self._state

    def start(self, deliver: Callable[[str], None]) -> None:
        """See the port."""
        if self._thread is None:
            self._state = "missing"
            self._wake = os.pipe()
            self._thread = threading.Thread(target=self._run, args=(deliver,), name="terminal-scanner", daemon=True)
            self._thread.start()

    def stop(self) -> None:
        """See the port."""
        thread, self._thread = self._thread, None
        if thread is not None and self._wake is not None:
            os.write(self._wake[1], b".")
            thread.join()
            for end in self._wake:
                os.close(end)
        self._state = "off"

    def _run(self, deliver: Callable[[str], None]) -> None:
        while self._wake is not None:
            device = self._open()
            if device is not None:
                try:
                    if self._read(device, deliver):
                        return
                finally:
                    os.close(device)
                self._state = "missing"
            if self._stopped_within(self._look_again_s):
                return

    def _stopped_within(self, seconds: float) -> bool:
        return self._wake is not None and bool(select.select([self._wake[0]], [], [], seconds)[0])

    def _open(self) -> int | None:
        try:
            device = os.open(self._path, os.O_RDONLY | os.O_NONBLOCK)
        except OSError as error:
            self._state = "no_permission" if error.errno in (errno.EACCES, errno.EPERM) else "missing"
            return None
        try:
            fcntl.ioctl(device, EVIOCGRAB, 1)
        except OSError as error:
            log.warning("the scanner %s could not be grabbed: %s", self._path, error)
            self._state = "shared"
        else:
            self._state = "ready"
        return device

    def _read(self, device: int, deliver: Callable[[str], None]) -> bool:
        """Read until the device goes or the terminal stops; return whether it was the latter."""
        assert self._wake is not None  # noqa: S101 - set by start
        keys, rest = KeyReader(), b""
        while True:
            readable, _, _ = select.select([device, self._wake[0]], [], [])
            if self._wake[0] in readable:
                return True
            try:
                data = os.read(device, EVENT.size * 64)
            except BlockingIOError:
                continue
            except OSError:
                return False
            if not data:
                return False
            rest += data
            whole = len(rest) - len(rest) % EVENT.size
            for seconds, micros, sort, code, value in EVENT.iter_unpack(rest[:whole]):
                if (sort, code) == (EV_SYN, SYN_DROPPED):
                    keys.spoil()
                text = keys.take(code, value, seconds * 1000 + micros // 1000) if sort == EV_KEY else None
                if text is not None:
                    deliver(text)
            rest = rest[whole:]

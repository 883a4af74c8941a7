"""The way to a printer: a USB device, a serial line, the network, or a file; and what the printer says of itself.

Every write and read has a deadline. A printer that answers a status request is asked before, and after the last byte
until it says that all of it is out; one that never answers is handed its bytes, and no more is claimed.

Source: Epson ESC/POS command reference, DLE EOT (real-time status) and GS r (status after what was sent before).
"""

import errno
import os
import select
import socket
import stat
import termios
import time
import tty
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from terminal_client.core.ports import PrinterError
from terminal_client.core.printing import parse_address

CHUNK_BYTES = 1024
ASK_S = 0.5
GONE = frozenset({errno.EIO, errno.ENODEV, errno.ENXIO, errno.EPIPE, errno.ECONNRESET, errno.ESHUTDOWN, errno.EBADF})
BAUD = {9600: termios.B9600, 19200: termios.B19200, 38400: termios.B38400, 115200: termios.B115200}


class Line(Protocol):
    """An open way to a printer."""

    def fileno(self) -> int:
        """Return what can be waited for."""

    def write(self, data: bytes) -> int:
        """Take some of ``data`` without waiting; return how much."""

    def read(self) -> bytes:
        """Return what has come, without waiting; raise where the other side is gone."""


@dataclass(frozen=True)
class _File:
    descriptor: int
    listens: bool

    def fileno(self) -> int:
        return self.descriptor

    def write(self, data: bytes) -> int:
        return os.write(self.descriptor, data)

    def read(self) -> bytes:
        return os.read(self.descriptor, 64)


@dataclass(frozen=True)
class _Socket:
    connection: socket.socket
    listens: bool = True

    def fileno(self) -> int:
        return self.connection.fileno()

    def write(self, data: bytes) -> int:
        return self.connection.send(data)

    def read(self) -> bytes:
        data = self.connection.recv(64)
        if not data:
            raise ConnectionResetError(errno.ECONNRESET, "the printer closed the line")
        return data


@contextmanager
def opened(address: str, folder: Path, *, patience_s: float) -> Iterator[_File | _Socket]:
    """Open the way to a printer; files lie in ``folder``.

    Raises
    ------
    PrinterError
        ``missing``, ``no_permission``, ``unreachable``.
    """
    try:
        sort, place, number = parse_address(address)
    except ValueError as error:
        raise PrinterError("missing", str(error)) from error
    if sort == "net":
        try:
            connection = socket.create_connection((place, number), timeout=patience_s)
        except OSError as error:
            raise PrinterError("unreachable", f"{place}:{number}: {error}") from error
        with connection:
            connection.setblocking(False)
            yield _Socket(connection)
        return
    descriptor = _open_device(place, number, sort) if sort != "file" else _open_file(folder, place)
    try:
        yield _File(descriptor, listens=sort != "file")
    finally:
        os.close(descriptor)


def _open_file(folder: Path, name: str) -> int:
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return os.open(folder / name, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW, 0o600)


def _open_device(place: str, speed: int, sort: str) -> int:
    try:
        descriptor = os.open(place, os.O_RDWR | os.O_NONBLOCK | os.O_NOCTTY)
        if not stat.S_ISCHR(os.fstat(descriptor).st_mode):
            os.close(descriptor)
            raise PrinterError("missing", f"{place} is no device")
        if sort == "serial":
            tty.setraw(descriptor)
            settings = termios.tcgetattr(descriptor)
            settings[2] |= termios.CLOCAL | termios.CREAD
            settings[4] = settings[5] = BAUD[speed]
            termios.tcsetattr(descriptor, termios.TCSANOW, settings)
    except PermissionError as error:
        raise PrinterError("no_permission", str(error)) from error
    except (OSError, termios.error) as error:
        raise PrinterError("missing", str(error)) from error
    return descriptor


# What the printer says of itself

OFFLINE, CAUSE, PAPER = b"\x10\x04\x01", b"\x10\x04\x02", b"\x10\x04\x04"
WHEN_DONE = b"\x1dr\x01"
COVER_OPEN, STOPPED_FOR_PAPER, FAILURE = 0x04, 0x20, 0x40
NO_PAPER = 0x60
IS_OFFLINE = 0x08


def deliver(line: _File | _Socket, data: bytes, *, patience_s: float) -> bool:
    """Send ``data``; return whether the printer confirmed that it is done.

    ``patience_s`` is how long nothing may happen.

    Raises
    ------
    PrinterError
        ``offline``, ``paper_out``, ``cover_open``, ``unplugged``, ``stuck``.
    """
    try:
        talks = line.listens and _healthy(line)
        for at in range(0, len(data), CHUNK_BYTES):
            _send(line, data[at : at + CHUNK_BYTES], patience_s)
        return talks and _done(line, patience_s)
    except OSError as error:
        fault = "unplugged" if error.errno in GONE else "stuck"
        raise PrinterError(fault, str(error)) from error  # type: ignore[arg-type] # both are faults


def _send(line: _File | _Socket, chunk: bytes, patience_s: float) -> None:
    while chunk:
        _, writable, _ = select.select([], [line], [], patience_s)
        if not writable:
            if line.listens:
                _healthy(line)
            raise PrinterError("stuck", f"it took nothing for {patience_s:.0f} s")
        try:
            chunk = chunk[line.write(chunk) :]
        except BlockingIOError:
            continue


def _heard(line: _File | _Socket, wait_s: float) -> bytes:
    readable, _, _ = select.select([line], [], [], wait_s)
    if not readable:
        return b""
    try:
        return line.read()
    except BlockingIOError:
        return b""


def _asked(line: _File | _Socket, request: bytes) -> int | None:
    """Return the newest status byte that answers ``request``, or none where the printer says nothing."""
    try:
        line.write(request)
    except BlockingIOError:
        return None
    end_s = time.monotonic() + ASK_S
    while (left_s := end_s - time.monotonic()) > 0:
        answers = [byte for byte in _heard(line, left_s) if byte & 0x93 == 0x12]  # noqa: PLR2004 - the fixed bits
        if answers:
            return answers[-1]
    return None


def _healthy(line: _File | _Socket) -> bool:
    """Return whether the printer answers at all; raise where it says that it cannot print."""
    state = _asked(line, OFFLINE)
    if state is None:
        return False
    cause, paper = _asked(line, CAUSE) or 0, _asked(line, PAPER) or 0
    if cause & COVER_OPEN:
        raise PrinterError("cover_open")
    if paper & NO_PAPER or cause & STOPPED_FOR_PAPER:
        raise PrinterError("paper_out")
    if state & IS_OFFLINE or cause & FAILURE:
        raise PrinterError("offline")
    return True


def _done(line: _File | _Socket, patience_s: float) -> bool:
    """Wait until the printer has put out what it was sent; return false where it does not tell."""
    _send(line, WHEN_DONE, patience_s)
    end_s = time.monotonic() + patience_s
    while time.monotonic() < end_s:
        answers = [byte for byte in _heard(line, ASK_S) if byte & 0x90 == 0]
        if answers:
            if answers[-1] & 0x0C:
                raise PrinterError("paper_out")
            return True
        _healthy(line)
    return False

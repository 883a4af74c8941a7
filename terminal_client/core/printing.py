"""Prints on their way to paper: one after the other, beside the screens, and never a cause of anything else.

The queue of prints is not the outbox. It lives while the program runs; a print that failed changes no order, is said
in words and waits for *print again*. Guarantees: what was handed in is tried once; the same subject that waits or is
being printed is not queued a second time; nothing here blocks a screen.
"""

import logging
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import count
from typing import Literal

from terminal_client.core.ports import Printer, PrinterError, PrinterFault
from terminal_client.core.slips import Slip, Width

log = logging.getLogger(__name__)

#: ``printed``: the printer said so. ``handed_over``: it took everything and says nothing of itself.
State = Literal["waiting", "printing", "printed", "handed_over", "failed"]
DONE: tuple[State, ...] = ("printed", "handed_over")
KEPT = 32
SPEEDS_BAUD = (9600, 19200, 38400, 115200)


def parse_address(address: str) -> tuple[str, str, int]:
    """Return sort, place and number (port or speed) of a printer's address.

    ``usb:/dev/usb/lp0`` · ``serial:/dev/ttyUSB0@9600`` · ``net:192.168.1.50:9100`` · ``file:slips.bin``.

    Raises
    ------
    ValueError
        It is none of these.
    """
    sort, _, rest = address.partition(":")
    number = 0
    if sort == "serial":
        rest, _, speed = rest.partition("@")
        number = int(speed or "9600")
        good = rest.startswith("/dev/") and number in SPEEDS_BAUD
    elif sort == "usb":
        good = rest.startswith("/dev/")
    elif sort == "net":
        rest, _, port = rest.rpartition(":") if ":" in rest else (rest, "", "9100")
        number = int(port)
        good = bool(rest) and 0 < number < 1 << 16
    else:
        good = sort == "file" and rest not in ("", ".", "..") and "/" not in rest
    if not good or not rest.isprintable() or ".." in rest.split("/"):
        raise ValueError(f"{address!r} is no printer; write usb:, serial:, net: or file: and where it is")
    return sort, rest, number


@dataclass(frozen=True)
class Device:
    """Where prints go: an address such as ``usb:/dev/usb/lp0``, and the width of its paper."""

    address: str
    width_mm: Width


@dataclass(frozen=True)
class Print:
    """One print. ``fault`` says why it failed."""

    number: int
    slip: Slip
    state: State
    fault: PrinterFault | None = None

    @property
    def under_way(self) -> bool:
        """Whether it still waits for the printer."""
        return self.state in ("waiting", "printing")


class PrintQueue:
    """The prints of this run of the program. ``device`` is asked at each print: none where no printer is set."""

    def __init__(self, printer: Printer, device: Callable[[], Device | None]) -> None:
        self._printer = printer
        self._device = device
        self._prints: deque[Print] = deque(maxlen=KEPT)
        self._changed = threading.Condition()
        self._numbers = count(1)
        self._worker: threading.Thread | None = None
        self._ending = False
        self.revision = 0

    def submit(self, slip: Slip) -> Print:
        """Take a slip to print and return at once; where its subject is under way already, that print is returned."""
        with self._changed:
            known = self._newest(slip.subject)
            if known is not None and known.under_way:
                return known
            made = Print(next(self._numbers), slip, "waiting")
            self._make_room()
            self._prints.append(made)
            self._tell()
            if self._worker is None and not self._ending:
                self._worker = threading.Thread(target=self._work, name="terminal-prints", daemon=True)
                self._worker.start()
            return made

    def about(self, subject: str) -> Print | None:
        """Return the newest print of a subject, or none."""
        with self._changed:
            return self._newest(subject)

    def failed(self) -> Print | None:
        """Return the newest print of all where it failed: what a screen must say."""
        with self._changed:
            newest = self._prints[-1] if self._prints else None
            return newest if newest is not None and newest.state == "failed" else None

    def again(self) -> Print | None:
        """Print what failed last once more; none where nothing did."""
        failed = self.failed()
        return None if failed is None else self.submit(failed.slip)

    def forget(self) -> None:
        """Take the fault of the last print off the screens; nothing is printed."""
        with self._changed:
            if self._prints and self._prints[-1].state == "failed":
                self._prints.pop()
                self._tell()

    def wait_idle(self, *, timeout_s: float) -> bool:
        """Wait until nothing is under way; return whether that came true."""
        with self._changed:
            return self._changed.wait_for(lambda: not any(p.under_way for p in self._prints), timeout_s)

    def close(self) -> None:
        """Stop; what still waits is not printed."""
        with self._changed:
            self._ending = True
            worker = self._worker
            self._tell()
        self._printer.stop()
        if worker is not None:
            worker.join()

    def _newest(self, subject: str) -> Print | None:
        return next((p for p in reversed(self._prints) if p.slip.subject == subject), None)

    def _make_room(self) -> None:
        """Forget the oldest print that is over; a deque would forget one that waits."""
        if len(self._prints) == KEPT:
            oldest = next((p for p in self._prints if not p.under_way), self._prints[0])
            self._prints.remove(oldest)

    def _tell(self) -> None:
        self.revision += 1
        self._changed.notify_all()

    def _set(self, number: int, state: State, fault: PrinterFault | None = None) -> Print | None:
        with self._changed:
            for place, known in enumerate(self._prints):
                if known.number == number:
                    self._prints[place] = replace(known, state=state, fault=fault)
                    self._tell()
                    return self._prints[place]
        return None

    def _next(self) -> Print | None:
        with self._changed:
            self._changed.wait_for(lambda: self._ending or any(p.state == "waiting" for p in self._prints))
            return None if self._ending else next(p for p in self._prints if p.state == "waiting")

    def _work(self) -> None:
        while (waiting := self._next()) is not None:
            self._set(waiting.number, "printing")
            state, fault = self._try(waiting.slip)
            self._set(waiting.number, state, fault)

    def _try(self, slip: Slip) -> tuple[State, PrinterFault | None]:
        device = self._device()
        if device is None:
            return "failed", "no_printer"
        try:
            confirmed = self._printer.print(slip, device.address, device.width_mm)
        except PrinterError as error:
            log.warning("a print failed: %s %s", error.fault, error.detail)
            return "failed", error.fault
        except Exception:
            log.exception("a print stumbled")
            return "failed", "stumbled"
        return ("printed" if confirmed else "handed_over"), None

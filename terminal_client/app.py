"""One terminal put together: store, exchange, use cases. The screens are optional.

>>> terminal = Terminal(Path("shop-12"), "http://127.0.0.1:8000")   # doctest: +SKIP
>>> terminal.enrol("K7QX-2M4P"); terminal.start()                    # doctest: +SKIP
>>> use_cases.place_order(terminal.shop, window, lines)              # doctest: +SKIP
"""

import logging
import threading
import time
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError
from importlib.metadata import version as installed_version
from pathlib import Path
from types import TracebackType
from typing import Self

from terminal_client.adapters import system
from terminal_client.adapters.http import HttpPhotos, enrol
from terminal_client.adapters.network import Network
from terminal_client.core import signals
from terminal_client.core.engine import Engine
from terminal_client.core.photo_sending import PhotoSender
from terminal_client.core.pins import Door
from terminal_client.core.ports import Bits, Clock, Printer, Transport
from terminal_client.core.server_clock import ServerClock, milliseconds
from terminal_client.core.store import Identity, Store
from terminal_client.core.use_cases import Shop
from terminal_client.counter import Counter

log = logging.getLogger(__name__)
MODEL = "reference terminal"
TICK_MOST_S = 1.0
TICK_LEAST_S = 0.1


def version() -> str:
    """Return the version of the installed program."""
    try:
        return installed_version("evenhand")
    except PackageNotFoundError:
        return "0"


class OtherRetailerError(Exception):
    """The code belongs to another retailer than the one whose data this store holds."""


class Terminal:
    """One terminal over its data folder. Usable as a context manager; ``stop`` may be repeated."""

    def __init__(
        self,
        data_dir: Path,
        server_url: str,
        *,
        clock: Clock | None = None,
        bits: Bits = system.bits,
        transport: Transport | None = None,
        printer: Printer | None = None,
        machine: str = "",
    ) -> None:
        """Open the store in ``data_dir``; nothing is sent before :meth:`start`. ``machine`` is told at enrolment.

        Raises
        ------
        StoreInUseError, StoreTooNewError, ValueError
            The folder is taken, written by a newer version, or the address is none.
        """
        self.data_dir = data_dir
        self.server_url = server_url
        self.version = version()
        self.machine = machine
        self._clock = clock or system.SystemClock()
        self.store = Store(data_dir)
        self.clock = ServerClock(self.store, self._clock)
        self.engine = Engine(
            self.store,
            transport or Network(server_url),
            clock=self._clock,
            server_clock=self.clock,
            bits=bits,
            version=self.version,
        )
        self.door = Door(self.store, self._clock)
        self.shop = Shop(self.store, self.clock, bits, self.engine.saved, self.door.who)
        self.counter = Counter(self.store, data_dir, printer=printer)
        self._photo_wire = HttpPhotos(server_url, self.store.identity)
        self._photos = PhotoSender(self.store, self.clock, self._photo_wire)
        self._photo_thread: threading.Thread | None = None
        self._woken = threading.Event()
        self._ticker: threading.Thread | None = None
        self._turned_at_s = time.monotonic()

    def __enter__(self) -> Self:
        """Start."""
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop and close the store."""
        self.close()

    def enrol(self, code: str) -> Identity:
        """Exchange a one-use code for this terminal's identity and keep it.

        A new identity for the same retailer keeps everything, queue included.

        Raises
        ------
        Rejected, UnreachableError
            See :func:`terminal_client.adapters.http.enrol`.
        OtherRetailerError
            The store holds another retailer's data. Nothing was changed here, but the code is used.
        """
        asked_ms = self._clock.monotonic_ms()
        enrolled = enrol(self.server_url, code, model=MODEL, version=self.version[:32], machine=self.machine)
        before = self.store.identity()
        if before is not None and before.retailer != enrolled.retailer:
            raise OtherRetailerError(before.name)
        running = self._ticker is not None
        if running:
            self.engine.stop()
        identity = self.store.keep_identity(enrolled)
        self.clock.learn(milliseconds(enrolled.server_time), self._clock.monotonic_ms() - asked_ms)
        if running:
            self.engine.start()
        return identity

    def start(self) -> None:
        """Begin to exchange with the server, now or as soon as the terminal is enrolled."""
        if self._ticker is None:
            self._woken.clear()
            self._ticker = threading.Thread(target=self._tick, name="terminal-tick", daemon=True)
            self.counter.start()
            self.engine.start()
            self._ticker.start()
            self._photo_thread = threading.Thread(target=self._send_photos, name="terminal-photos", daemon=True)
            self._photo_thread.start()

    def stop(self) -> None:
        """End the exchange; use cases go on working and queue. May be started again."""
        ticker, self._ticker = self._ticker, None
        if ticker is not None:
            self._woken.set()
            self.engine.stop()
            ticker.join()
        sender, self._photo_thread = self._photo_thread, None
        if sender is not None:
            sender.join()
            self._photo_wire.close()

    def close(self) -> None:
        """Stop and close the store."""
        self.stop()
        self.counter.close()
        self.store.close()

    def try_again(self) -> None:
        """Begin the exchange anew: now, instead of after the next wait, and also after being turned away."""
        if self._ticker is not None:
            self.engine.stop()
            self.engine.start()

    def wait_until(self, holds: Callable[[], bool], *, deadline_s: float) -> bool:
        """Wait until ``holds``, looking after each change of the store; return whether it came true."""
        end_s = time.monotonic() + deadline_s
        while not holds():
            if time.monotonic() >= end_s:
                return False
            self.store.wait_for_change(timeout_s=0.05)
        return True

    def turned_s_ago(self) -> float:
        """Return how many seconds ago the thread of the exchange has last turned; about a second while all is well."""
        return time.monotonic() - self._turned_at_s

    def _send_photos(self) -> None:
        """Send photos while the server is reached; a photo that waits is looked for every second."""
        while True:
            wait_ms: int | None = None
            if self.engine.link in ("mqtt", "http"):
                try:
                    wait_ms = self._photos.step()
                except Exception:
                    log.exception("the sending of photos stumbled")
            pause_s = TICK_MOST_S if wait_ms is None else wait_ms / 1000
            if self._woken.wait(pause_s):
                return

    def _tick(self) -> None:
        while True:
            self._turned_at_s = time.monotonic()
            due_ms = self.engine.due_ms()
            pause_s = TICK_MOST_S if due_ms is None else (due_ms - self._clock.monotonic_ms()) / 1000
            if self._woken.wait(min(max(pause_s, TICK_LEAST_S), TICK_MOST_S)):
                return
            try:
                self.engine.handle(signals.Tick())
            except Exception:
                log.exception("the exchange stumbled")

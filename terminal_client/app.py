"""One terminal put together: store, exchange, use cases. The screens are optional.

>>> terminal = Terminal(Path("shop-12"), "http://127.0.0.1:8000")   # doctest: +SKIP
>>> terminal.enrol("K7QX-2M4P"); terminal.start()                    # doctest: +SKIP
>>> use_cases.place_order(terminal.shop, window, lines)              # doctest: +SKIP
"""

import logging
import os
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from importlib.metadata import PackageNotFoundError
from importlib.metadata import version as installed_version
from pathlib import Path
from types import TracebackType
from typing import Self

from contract.errors import Rejected
from terminal_client.adapters import system
from terminal_client.adapters.http import (
    HttpAttachments,
    HttpCertificate,
    HttpPhotos,
    HttpUnnamed,
    UnreachableError,
    enrol,
)
from terminal_client.adapters.keys import KeyFolder
from terminal_client.adapters.network import Network
from terminal_client.adapters.updates import Updates, place
from terminal_client.adapters.vitals import read_vitals
from terminal_client.boot import RELEASE
from terminal_client.core import enrolment, signals
from terminal_client.core.attachment_fetching import AttachmentFetcher
from terminal_client.core.engine import Engine
from terminal_client.core.photo_sending import PhotoSender
from terminal_client.core.pins import Door
from terminal_client.core.ports import Bits, Clock, Keys, Printer, Transport, UnnamedWire, Vitals
from terminal_client.core.renewing import Renewer
from terminal_client.core.server_clock import ServerClock, milliseconds
from terminal_client.core.store import Store
from terminal_client.core.use_cases import Shop
from terminal_client.counter import Counter
from terminal_client.steered import Steered

log = logging.getLogger(__name__)
MODEL = "reference terminal"
KEYS = "keys"
TICK_MOST_S = 1.0
ENROLMENT_EVERY_S = 2.0
TICK_LEAST_S = 0.1


def version() -> str:
    """Return the version of the release that the boot chooser started, else of the installed program."""
    release = os.environ.get(RELEASE, "")
    if release:
        return release
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
        keys: Keys | None = None,
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
        key_folder = KeyFolder(data_dir / KEYS)
        self.keys: Keys = keys or key_folder
        self.store = Store(data_dir)
        self.clock = ServerClock(self.store, self._clock)
        self.engine = Engine(
            self.store,
            transport or Network(server_url, key_folder),
            clock=self._clock,
            server_clock=self.clock,
            bits=bits,
            version=self.version,
            vitals=self._vitals,
        )
        self.door = Door(self.store, self._clock)
        self.shop = Shop(self.store, self.clock, bits, self.engine.saved, self.door.who)
        self.counter = Counter(self.store, data_dir, printer=printer)
        self.unnamed_wire: UnnamedWire = HttpUnnamed(server_url)
        self._photo_wire = HttpPhotos(server_url, key_folder, self.store.identity)
        self._photos = PhotoSender(self.store, self.clock, self._photo_wire)
        self._attachment_wire = HttpAttachments(server_url, key_folder, self.store.identity)
        self._attachments = AttachmentFetcher(self.store, self.clock, self._attachment_wire)
        self._certificate_wire = HttpCertificate(server_url, key_folder, self.store.identity)
        self._renewer = Renewer(self.store, self.keys, self._certificate_wire, self.clock, self._anew)
        self._enrolling = threading.RLock()
        self._beside: list[threading.Thread] = []
        self._woken = threading.Event()
        self._ticker: threading.Thread | None = None
        self._turned_at_s = time.monotonic()
        self.bits = bits
        self.restart_wanted = threading.Event()
        self.updates = Updates(self, place(), model=MODEL, clock=self._clock, restart=self.restart_wanted.set)
        self.steered = Steered(self)

    def _vitals(self) -> Vitals:
        """Return how machine, printer and scanner are."""
        device, failed = self.counter.device(), self.counter.prints.failed()
        return replace(
            read_vitals(self.data_dir),
            printer="off" if device is None else "fault" if failed else "ready",
            scanner=self.counter.scanner_state,
        )

    def __enter__(self) -> Self:
        """Start."""
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop and close the store."""
        self.close()

    def enrol(self, code: str, *, clears_pins: bool = False) -> enrolment.Pending | None:
        """Show a one-use code and the request for a key made here; return how that stands, none once it is confirmed.

        A new identity for the same retailer keeps everything, queue included. ``clears_pins``: the owner's PIN was
        forgotten, and goes when the distributor confirms.

        Raises
        ------
        Rejected, UnreachableError
            See :func:`terminal_client.adapters.http.enrol`.
        KeyUnusableError
            No key could be made.
        OtherRetailerError
            The store holds another retailer's data. Nothing was changed here, but the code is used.
        """
        with self._enrolling:
            known = enrolment.pending(self.store)
            if known is None or known.code != code or known.state in ("refused", "expired"):
                made = self.keys.make()
                known = enrolment.begin(self.store, code, made.key, made.csr, clears_pins=clears_pins)
            return self._ask(known)

    def look_at_enrolment(self) -> enrolment.Pending | None:
        """Ask again about the enrolment that is under way; return how it stands, none where there is none any more.

        Raises
        ------
        Rejected, UnreachableError, OtherRetailerError
            As :meth:`enrol`.
        """
        with self._enrolling:
            known = enrolment.pending(self.store)
            return known if known is None or known.state in ("refused", "expired") else self._ask(known)

    def _ask(self, known: enrolment.Pending) -> enrolment.Pending | None:
        asked_ms = self._clock.monotonic_ms()
        try:
            answer = enrol(
                self.server_url,
                known.code,
                csr=known.csr,
                model=MODEL,
                version=self.version[:32],
                machine=self.machine,
            )
        except Rejected:
            self._give_up()
            raise
        self.clock.learn(milliseconds(answer.server_time), self._clock.monotonic_ms() - asked_ms)
        if answer.enrolled is None:
            state = answer.state if answer.state in ("refused", "expired") else "waiting"
            enrolment.stands(self.store, state, answer.reason)
            return enrolment.pending(self.store)
        before = self.store.identity()
        if before is not None and before.retailer != answer.enrolled.retailer:
            self._give_up()
            raise OtherRetailerError(before.name)
        running = self._ticker is not None
        if running:
            self.engine.stop()
        with self.store.transaction():
            self.store.keep_identity(answer.enrolled, known.key)
            enrolment.forget(self.store)
            if known.clears_pins:
                self.door.clear("owner")
        self.keys.keep_only([known.key])
        if running:
            self.engine.start()
        return None

    def give_up_enrolment(self) -> None:
        """Ask no longer; another code may be shown."""
        with self._enrolling:
            self._give_up()

    def _give_up(self) -> None:
        enrolment.forget(self.store)
        identity = self.store.identity()
        self.keys.keep_only([identity.key] if identity else [])

    def _anew(self) -> None:
        """Go on with another certificate; the key before is forgotten once the other one is kept."""
        self.try_again()
        identity = self.store.identity()
        pending = enrolment.pending(self.store)
        self.keys.keep_only([one.key for one in (identity, pending) if one is not None])

    def start(self) -> None:
        """Begin to exchange with the server, now or as soon as the terminal is enrolled."""
        if self._ticker is None:
            self._woken.clear()
            self._ticker = threading.Thread(target=self._tick, name="terminal-tick", daemon=True)
            self.counter.start()
            self.steered.start()
            self.engine.start()
            self._ticker.start()
            self._beside = [
                threading.Thread(target=self._keep_on, args=(step,), name=f"terminal-{name}", daemon=True)
                for name, step in (
                    ("photos", self._photos.step),
                    ("attachments", self._attachments.step),
                    ("certificate", self._renewer.step),
                )
            ]
            self._beside.append(threading.Thread(target=self._keep_asking, name="terminal-enrolment", daemon=True))
            steered = threading.Thread(
                target=self._keep_on, args=(self.steered.step,), kwargs={"also_alone": True}, name="terminal-steered"
            )
            steered.daemon = True
            self._beside.append(steered)
            for thread in self._beside:
                thread.start()

    def stop(self) -> None:
        """End the exchange; use cases go on working and queue. May be started again."""
        ticker, self._ticker = self._ticker, None
        if ticker is not None:
            self._woken.set()
            self.engine.stop()
            ticker.join()
        beside, self._beside = self._beside, []
        for thread in beside:
            thread.join()
        self.updates.close()
        if beside:
            self.steered.stop()
            self._photo_wire.close()
            self._attachment_wire.close()
            self._certificate_wire.close()

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

    def ask_to_restart(self) -> None:
        """Let the program end and begin anew as soon as it can; what runs it looks at :attr:`restart_wanted`."""
        self.restart_wanted.set()

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

    def _keep_on(self, step: Callable[[], int | None], *, also_alone: bool = False) -> None:
        """Go on with what stands beside the exchange while the server is reached, or look for it every second.

        ``also_alone``: also while the server is not reached.
        """
        while True:
            wait_ms: int | None = None
            if also_alone or self.engine.link in ("mqtt", "http"):
                try:
                    wait_ms = step()
                except Exception:
                    log.exception("what is sent or fetched beside the exchange stumbled")
            pause_s = TICK_MOST_S if wait_ms is None else wait_ms / 1000
            if self._woken.wait(pause_s):
                return

    def _keep_asking(self) -> None:
        """Ask again about an enrolment that is under way, whatever the screen shows."""
        while not self._woken.wait(ENROLMENT_EVERY_S):
            try:
                self.look_at_enrolment()
            except (Rejected, UnreachableError, OtherRetailerError) as error:
                log.info("the enrolment was not looked at: %s", error)
            except Exception:
                log.exception("the enrolment stumbled")

    def _tick(self) -> None:
        while True:
            self._turned_at_s = time.monotonic()
            due_ms = self.engine.due_ms()
            pause_s = TICK_MOST_S if due_ms is None else (due_ms - self._clock.monotonic_ms()) / 1000
            if self._woken.wait(min(max(pause_s, TICK_LEAST_S), TICK_MOST_S)):
                return
            try:
                self.engine.handle(signals.Tick())
                self.updates.step()
            except Exception:
                log.exception("the exchange stumbled")

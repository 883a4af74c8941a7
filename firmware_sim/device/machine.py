"""One device: clock, flash, watchdog, printer and scanner, and the real terminal core that runs on them.

Whatever runs on it runs by :meth:`Device.act`: where the power fails in the middle, the device is off from there on.
"""

import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import apsw

from contract.device_api import Enrolled
from firmware_sim.device.ground import Enrolment
from firmware_sim.device.kernel import Kernel
from firmware_sim.device.radio import Air, Radio
from firmware_sim.device.slots import Health, Releases
from firmware_sim.device.storage import ROOMY_BYTES, DeviceFlash, PowerCutError
from terminal_client.core import outbox, signals
from terminal_client.core.engine import Engine
from terminal_client.core.ports import PrinterError, PrinterFault
from terminal_client.core.server_clock import ServerClock, instant
from terminal_client.core.slips import Slip, Width
from terminal_client.core.store import Store
from terminal_client.core.use_cases import Shop

if TYPE_CHECKING:
    from uuid import UUID

WATCHDOG_MS = 60_000
BOOT_MS = 4_000
TICK_LEAST_MS = 100
EPOCH_OF_DEAD_RTC_MS = 946_684_800_000  # 2000-01-01, where a clock without a battery begins
T = TypeVar("T")


@dataclass
class Rtc:
    """A device's clocks over the true time of ``kernel``; ``drift_ppm`` moves both, ``off_ms`` the wall clock alone."""

    kernel: Kernel
    drift_ppm: int = 0
    off_ms: int = 0
    started_ms: int = 0

    def wall_ms(self) -> int:
        """See :class:`terminal_client.core.ports.Clock`."""
        since_ms = self.kernel.now_ms - self.kernel.starts_ms
        return self.kernel.now_ms + self.off_ms + since_ms * self.drift_ppm // 1_000_000

    def monotonic_ms(self) -> int:
        """See :class:`terminal_client.core.ports.Clock`; it begins anew with each start of the machine."""
        since_ms = self.kernel.now_ms - self.started_ms
        return since_ms + since_ms * self.drift_ppm // 1_000_000

    def lose_battery(self) -> None:
        """Begin in the year 2000, as a clock does whose battery is empty."""
        self.off_ms = EPOCH_OF_DEAD_RTC_MS - self.kernel.now_ms


@dataclass
class Paper:
    """A :class:`terminal_client.core.ports.Printer`; ``fault`` is what is wrong with it, if anything."""

    fault: PrinterFault | None = None
    printed: list[str] = field(default_factory=list)

    def print(self, slip: Slip, address: str, width_mm: Width) -> bool:  # noqa: ARG002 - the port's call
        """Put a slip on paper, or say why not."""
        if self.fault is not None:
            raise PrinterError(self.fault)
        self.printed.append(slip.subject)
        return True

    def stop(self) -> None:
        """Nothing is under way."""


@dataclass
class Running:
    """What runs while the device is on; all of it is gone with the power."""

    store: Store
    engine: Engine
    shop: Shop
    clock: ServerClock


class Device:
    """One terminal of the town. ``said`` holds what it said to be saved, by the message's id."""

    def __init__(
        self,
        kernel: Kernel,
        enrolment: Enrolment,
        radio: Radio,
        *,
        flash: DeviceFlash,
        folder: Path,
        chance: random.Random,
    ) -> None:
        self.kernel, self.enrolment, self.radio = kernel, enrolment, radio
        self.flash, self.folder, self.chance = flash, folder, chance
        self.rtc = Rtc(kernel, drift_ppm=chance.randint(-80, 80))
        self.paper = Paper()
        self.said: dict[UUID, str] = {}
        self.troubles: list[str] = []
        self.refused_here: list[tuple[int, str]] = []
        self.running: Running | None = None
        self.hung = False
        self._tick_at: int | None = None
        self._back_after_ms = 0
        self._boots = 0
        self.releases = Releases(kernel, chance, lambda: self.cut_power(0), self._on_the_chooser)
        radio.on_event = self.handle
        radio.powered = lambda: not flash.cut

    @property
    def name(self) -> str:
        """The shop's code: what is written down of a device, as its id is drawn by the server."""
        return self.enrolment.retailer

    def act(self, do: Callable[[Running], T]) -> T | None:
        """Run something on the device, where it is on and not stuck; none where the power failed meanwhile."""
        running = self.running
        if running is None or self.hung:
            return None
        try:
            return do(running)
        except Exception:
            if not self._cut:
                raise
            return None
        finally:
            if self._cut:
                self._go_dark(self._back_after_ms)
            else:
                self._plan_tick()

    @property
    def _cut(self) -> bool:
        """Whether the power failed, in whichever of the two flashes something was being written."""
        return self.flash.cut or self.releases.cut

    def switch_on(self) -> None:
        """Start: the boot takes a moment, then the core runs on what the flash holds."""
        self._boots += 1
        boot = self._boots
        self.kernel.after(BOOT_MS, lambda: self._start(boot))

    def switch_off(self) -> None:
        """Pull the plug; it stays off until somebody switches it on."""
        self._boots += 1
        self.flash.cut = True
        self._end()

    def cut_power(self, back_after_ms: int) -> None:
        """Cut the power now; it is back after so many milliseconds."""
        self.flash.cut = True
        self._go_dark(back_after_ms)

    def cut_power_while_writing(self, operations: int, back_after_ms: int) -> None:
        """Cut the power in the so-manieth operation of the flash from now on."""
        self.flash.cut_after(operations)
        self._back_after_ms = back_after_ms

    def cut_power_while_updating(self, operations: int, back_after_ms: int) -> None:
        """Cut the power in the so-manieth operation on the slots from now on."""
        self.releases.cut_after(operations)
        self._back_after_ms = back_after_ms

    def hang(self) -> None:
        """Let the program stop turning; the watchdog starts the machine anew."""
        if self.running is None:
            return
        self.hung = True
        self.kernel.note("hung", shop=self.name)
        boot = self._boots
        self.kernel.after(WATCHDOG_MS, lambda: self._bite(boot))

    def _bite(self, boot: int) -> None:
        if self.hung and self._boots == boot:
            self.kernel.note("watchdog", shop=self.name)
            self.cut_power(0)

    def _go_dark(self, back_after_ms: int) -> None:
        """Be off, however often this is noticed, until the power is back."""
        self.kernel.after(back_after_ms, self._power_back)
        self._end()

    def _end(self) -> None:
        running, self.running = self.running, None
        self.hung = False
        self._tick_at = None
        self.radio.lose_power()
        if running is None:
            return
        how = self.flash.power_off()
        self.releases.lose_power()
        with suppress(apsw.Error):  # it would write, and cannot any more
            running.store.close()
        self.kernel.note("dark", shop=self.name, flash=how)

    def _power_back(self) -> None:
        if self.running is None:
            self.switch_on()

    def _start(self, boot: int) -> None:
        if self.running is not None or boot != self._boots:
            return
        self.rtc.started_ms = self.kernel.now_ms
        self.flash.power_on()
        health = self._chosen()
        if health is None:
            return
        store = Store(self.folder, vfs=self.flash.name)
        if (found := store.rows("PRAGMA quick_check")) != [("ok",)]:
            self.troubles.append(f"the store is damaged: {found[0][0]}")
        if store.identity() is None:
            store.keep_identity(self._identity(), self.enrolment.key)
        clock = ServerClock(store, self.rtc)
        engine = Engine(
            store, self.radio, clock=self.rtc, server_clock=clock, bits=self.chance.getrandbits, version="1.0.0"
        )
        shop = Shop(store, clock, self.chance.getrandbits, lambda pending: self._saved(engine, pending))
        self.running = Running(store, engine, shop, clock)
        self.kernel.note("on", shop=self.name, queued=outbox.count_waiting(store))
        self.look_for_lost(store)
        self.act(lambda running: running.engine.start())
        if health == "hangs":
            self.hang()

    def _chosen(self) -> Health | None:
        """Let the boot chooser start a release; none where the power fails while it does."""
        try:
            return self.releases.start()
        except PowerCutError:
            self.releases.lose_power()
            self._go_dark(self._back_after_ms)
            return None

    def _on_the_chooser(self, do: Callable[[], None]) -> None:
        """Run something of the boot chooser's, which turns also where the release that it started hangs."""
        if self.running is None:
            return
        try:
            do()
        except PowerCutError:
            self._go_dark(self._back_after_ms)

    def update(self, do: Callable[[Releases], None]) -> None:
        """Let the updater do something, where the device is on."""
        self.act(lambda _running: do(self.releases))

    def _identity(self) -> Enrolled:
        who = self.enrolment
        return Enrolled(
            device=who.device,
            retailer=who.retailer,
            name=who.name,
            broker_host="broker",
            broker_port=1883,
            server_time=instant(self.kernel.now_ms),
        )

    def _saved(self, engine: Engine, pending: signals.Pending) -> None:
        """Note that the core says that a message is saved: from here on it must never be lost."""
        if self.flash.cut:
            raise PowerCutError
        self.said[pending.id] = pending.kind
        self.kernel.note("saved", shop=self.name, message=str(pending.id), kind=pending.kind)
        engine.saved(pending)

    @contextmanager
    def opened(self) -> Iterator[Store]:
        """Give the store as it is, also of a device that is off."""
        if self.running is not None:
            yield self.running.store
            return
        self.flash.power_on()
        store = Store(self.folder, vfs=self.flash.name)
        try:
            yield store
        finally:
            store.close()

    def calm(self) -> None:
        """End everything that is wrong with the device and its surroundings; switch it on where it is off."""
        self.radio.set_link("up")
        self.radio.air = Air()
        self.paper.fault = None
        self.flash.free_bytes = ROOMY_BYTES
        self.flash.spare()
        self.releases.spare()
        if self.hung:
            self.cut_power(0)
        elif self.running is None:
            self.switch_on()

    def look_for_lost(self, store: Store) -> None:
        """Note what was said to be saved and is not there any more."""
        lost = [kind for message, kind in self.said.items() if not outbox.knows(store, message)]
        if lost:
            self.troubles.append(f"{len(lost)} messages that were said to be saved are gone, the first is {lost[0]}")

    def handle(self, event: signals.Event) -> None:
        """Take what the radio tells."""
        self.act(lambda running: running.engine.handle(event))

    def printed(self, slip: Slip) -> bool:
        """Print; return whether anything came out."""
        try:
            return self.paper.print(slip, "simulated", 58)
        except PrinterError:
            return False

    def _plan_tick(self) -> None:
        running = self.running
        due_ms = running.engine.due_ms() if running is not None else None
        if due_ms is None:
            return
        wait_ms = max(TICK_LEAST_MS, due_ms - self.rtc.monotonic_ms())
        at_ms = self.kernel.now_ms + wait_ms
        if self._tick_at is not None and self._tick_at <= at_ms:
            return
        self._tick_at = at_ms
        self.kernel.at(at_ms, lambda: self._tick(at_ms))

    def _tick(self, at_ms: int) -> None:
        if self._tick_at == at_ms:
            self._tick_at = None
            self.handle(signals.Tick())

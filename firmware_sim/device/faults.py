"""What each kind of fault does. A fault of devices gets its device; all get their own chance and how long it lasts."""

import functools
import random
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any
from uuid import UUID

from contract.feed import OrderState
from contract.topics import up_topic
from firmware_sim.device import shopkeeping
from firmware_sim.device.backend import Fuse
from firmware_sim.device.language import FaultKind
from firmware_sim.device.machine import Device, Running
from firmware_sim.device.slots import FAULTY, OLD, Releases
from firmware_sim.device.stand import Stand
from terminal_client.core import feed, outbox

if TYPE_CHECKING:
    from contract.envelope import Envelope

MOST_OPERATIONS, MOST_PLACES = 60, 40
WITHIN_MS, TICK_MS = 30_000, 10_000
FAULTY_SHARE = 0.5
IDLE_CUT_SHARE, IDLE_KILL_SHARE = 0.2, 0.3
"""How many cuts of power and kills of the server fall where nothing is being written."""
JUMPS_MS = (-172_800_000, 172_800_000)
BACK_MS = (60_000, 600_000)

OfDevice = Callable[[Stand, Device, random.Random, int], bool]
OfServer = Callable[[Stand, random.Random, int], bool]


def power_cut(stand: Stand, device: Device, chance: random.Random, lasts_ms: int) -> bool:
    """Cut the power, mostly in the middle of a write to the flash; also where none comes within half a minute."""
    if device.running is None:
        return False
    if chance.random() < IDLE_CUT_SHARE:
        device.cut_power(lasts_ms)
        return True
    device.cut_power_while_writing(chance.randint(1, MOST_OPERATIONS), lasts_ms)
    running = device.running

    def anyway() -> None:
        if device.running is running:
            device.cut_power(lasts_ms)

    stand.kernel.after(WITHIN_MS, anyway)
    return True


def offered(stand: Stand, device: Device, chance: random.Random, _lasts_ms: int) -> bool:
    """Offer a new release, that does not run well on some devices."""
    device.releases.health = chance.choice(FAULTY) if chance.random() < FAULTY_SHARE else "well"
    device.update(Releases.ask)

    def go_on() -> None:
        if not device.releases.at_rest or device.running is None:
            device.update(Releases.tick)
            stand.kernel.after(TICK_MS, go_on)
        elif device.releases.version == OLD and device.releases.state.phase == "idle":
            device.update(Releases.ask)  # the power failed before it was brought: the distributor asks again
            stand.kernel.after(TICK_MS, go_on)

    stand.kernel.after(TICK_MS, go_on)
    return device.running is not None


def update_cut(_stand: Stand, device: Device, chance: random.Random, lasts_ms: int) -> bool:
    """Cut the power in the middle of a write of the update or of the boot record."""
    device.cut_power_while_updating(chance.randint(1, 30), lasts_ms)
    return True


def cloned(stand: Stand, device: Device, chance: random.Random, lasts_ms: int) -> bool:
    """Let somebody copy the whole flash and use it elsewhere: order, and order again, until it is switched off."""
    if device.running is None or device.running.store.reference() is None:
        return False
    clone = stand.copied(device)
    stand.clones.append(clone)
    clone.switch_on()
    for what in ("order_again", "complain", "order_again"):
        at_ms = chance.randint(lasts_ms // 4, max(lasts_ms // 4, lasts_ms * 3 // 4))
        stand.kernel.after(at_ms, functools.partial(shopkeeping.perform, clone, what, chance, tries=2))
    stand.kernel.after(lasts_ms, clone.switch_off)
    return True


def night(_stand: Stand, device: Device, _chance: random.Random, lasts_ms: int) -> bool:
    """Let somebody pull the plug in the evening and put it back in the morning."""
    device.cut_power(lasts_ms)
    return True


def watchdog(_stand: Stand, device: Device, _chance: random.Random, _lasts_ms: int) -> bool:
    """Let the program hang until the watchdog starts the machine anew."""
    device.hang()
    return device.hung


def clock_jump(_stand: Stand, device: Device, chance: random.Random, _lasts_ms: int) -> bool:
    """Let the wall clock jump by up to two days; it is not put right."""
    device.rtc.off_ms += chance.randint(*JUMPS_MS)
    return True


def clock_stopped(_stand: Stand, device: Device, _chance: random.Random, lasts_ms: int) -> bool:
    """Let the clock's battery be empty when the power fails: the machine begins in the year 2000."""
    device.rtc.lose_battery()
    device.cut_power(lasts_ms)
    return True


def link_down(stand: Stand, device: Device, _chance: random.Random, lasts_ms: int) -> bool:
    """Let the network be away."""
    device.radio.set_link("down")
    stand.kernel.after(lasts_ms, lambda: device.radio.set_link("up"))
    return True


def half_open(stand: Stand, device: Device, _chance: random.Random, lasts_ms: int) -> bool:
    """Let nothing arrive any more, and nobody be told."""
    device.radio.set_link("half-open")
    stand.kernel.after(lasts_ms, lambda: device.radio.set_link("up"))
    return True


def bad_air(stand: Stand, device: Device, chance: random.Random, lasts_ms: int) -> bool:
    """Let the air be slow, lose and repeat."""
    before = device.radio.air
    device.radio.air = replace(
        before, most_ms=chance.randint(500, 6_000), loss=chance.uniform(0.05, 0.4), repeats=chance.uniform(0.05, 0.3)
    )

    def better() -> None:
        device.radio.air = before

    stand.kernel.after(lasts_ms, better)
    return True


def no_paper(stand: Stand, device: Device, _chance: random.Random, lasts_ms: int) -> bool:
    """Let the printer be without paper."""
    device.paper.fault = "paper_out"

    def filled() -> None:
        device.paper.fault = None

    stand.kernel.after(lasts_ms, filled)
    return True


def disk_full(stand: Stand, device: Device, chance: random.Random, lasts_ms: int) -> bool:
    """Let the flash have room for a few pages, then for none."""
    room, device.flash.free_bytes = device.flash.free_bytes, 4096 * chance.randint(0, 6)

    def emptied() -> None:
        device.flash.free_bytes = room

    stand.kernel.after(lasts_ms, emptied)
    return True


def said_again(stand: Stand, device: Device, chance: random.Random, _lasts_ms: int) -> bool:
    """Let a message that was received long ago arrive once more, as a network may repeat it."""
    return device.act(lambda running: _say(stand, device, _received(running, chance), None)) or False


def said_differently(stand: Stand, device: Device, chance: random.Random, _lasts_ms: int) -> bool:
    """Let something else arrive under the id of an order that was received."""

    def say(running: Running) -> bool:
        entry = _received(running, chance, "order.place")
        state = None if entry is None else feed.find(running.store, OrderState, f"order:{entry.id}")
        if entry is None or state is None:
            return False
        others = [line.model_copy(update={"quantity_units": line.quantity_units + 1}) for line in state.lines]
        data = entry.data | {"lines": [line.model_dump() for line in others]}
        said = _say(stand, device, entry, data)
        stand.reused += said
        return said

    return device.act(say) or False


def _received(running: Running, chance: random.Random, *kinds: str) -> outbox.Entry | None:
    entries = outbox.of_kinds(running.store, *(kinds or ("order.place", "order.amend", "order.cancel")))
    received = [entry for entry in entries if entry.state == "received"]
    return chance.choice(received) if received else None


def _say(stand: Stand, device: Device, entry: outbox.Entry | None, data: dict[str, Any] | None) -> bool:
    if entry is None or stand.broker.reader is None:
        return False
    running = device.running
    sent: Envelope | None = (
        None if running is None else outbox.envelope(running.store, UUID(str(entry.id)), device=device.enrolment.device)
    )
    if sent is None:
        return False
    if data is not None:
        sent = sent.model_copy(update={"data": data})
    stand.broker.take_up(up_topic(device.enrolment.device, entry.kind), sent.encode())
    return True


def _killed(part: str) -> OfServer:
    def kill(stand: Stand, chance: random.Random, lasts_ms: int) -> bool:
        if chance.random() < IDLE_KILL_SHARE:
            stand.backend.kill(part, lasts_ms)
        else:
            stand.backend.fuses.append(Fuse(part, chance.randint(1, MOST_PLACES)))
        return True

    return kill


def web_down(stand: Stand, _chance: random.Random, lasts_ms: int) -> bool:
    """Let nobody listen where the devices' requests go."""
    stand.backend.kill("web", lasts_ms)
    return True


def broker_killed(stand: Stand, _chance: random.Random, lasts_ms: int) -> bool:
    """Kill the broker and wipe its state."""
    stand.broker.kill(lasts_ms)
    return True


def server_clock_back(stand: Stand, chance: random.Random, _lasts_ms: int) -> bool:
    """Set the server's clock back, as somebody does by hand; it stays so."""
    stand.backend.clock_off_ms -= chance.randint(*BACK_MS)
    return True


def server_restored(stand: Stand, _chance: random.Random, lasts_ms: int) -> bool:
    """Make a backup now, go on, lose the database and bring the backup back."""
    stand.backend.back_up()
    stand.kernel.after(lasts_ms, stand.backend.restore)
    return True


ON_DEVICES: Mapping[FaultKind, OfDevice] = {
    "power_cut": power_cut,
    "cloned": cloned,
    "offered": offered,
    "update_cut": update_cut,
    "night": night,
    "watchdog": watchdog,
    "clock_jump": clock_jump,
    "clock_stopped": clock_stopped,
    "link_down": link_down,
    "half_open": half_open,
    "bad_air": bad_air,
    "no_paper": no_paper,
    "disk_full": disk_full,
    "said_again": said_again,
    "said_differently": said_differently,
}
ON_SERVER: Mapping[FaultKind, OfServer] = {
    "web_down": web_down,
    "web_killed": _killed("web"),
    "ingest_killed": _killed("ingest"),
    "worker_killed": _killed("worker"),
    "broker_killed": broker_killed,
    "server_clock_back": server_clock_back,
    "server_restored": server_restored,
}

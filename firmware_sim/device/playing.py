"""Plays a scenario with a seed: the world is set up, everything drawn is put before the scheduler, and time runs.

The same scenario, seed and number of devices give the same figures wherever they are played; only ``wall_seconds`` is
of this machine.
"""

import functools
import logging
import random
import tempfile
import time
from collections.abc import Iterator, Mapping, MutableMapping
from contextlib import ExitStack, contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import IO, Any

import structlog
from sqlalchemy import Connection

from contract import ids
from firmware_sim.device import faults, judging, shopkeeping
from firmware_sim.device.backend import Backend
from firmware_sim.device.broker import Broker
from firmware_sim.device.ground import STARTS_AT, Enrolment, Ground
from firmware_sim.device.kernel import Kernel
from firmware_sim.device.language import Scenario, Span
from firmware_sim.device.machine import Device
from firmware_sim.device.radio import Radio
from firmware_sim.device.stand import Stand
from firmware_sim.device.storage import DeviceFlash
from terminal_client.core.store import Store

SETTLED_WITHIN_MS = 60_000
SHARE_OUT_EVERY_MS = 5_000
SWITCHED_ON_WITHIN_MS = 6_000


def play(scenario: Scenario, ground: Ground, seed: int, devices: int, log: IO[str] | None = None) -> dict[str, Any]:
    """Play; return the figures: the ledger, the faults, what was looked at, and whether all of it holds.

    Raises
    ------
    ValueError
        Where the ground has fewer terminals than ``devices``.
    """
    if devices > len(ground.terminals):
        raise ValueError(f"the town has {len(ground.terminals)} terminals, {devices} were asked for")
    started_s = time.monotonic()
    kernel = Kernel(seed, STARTS_AT, log)
    drawn = kernel.stream("ids")
    with ExitStack() as ending:
        connection = ending.enter_context(ground.play())
        ending.enter_context(ids.made_from(ids.Source(lambda: kernel.now_ms, drawn.getrandbits)))
        broke: list[str] = []
        ending.enter_context(_listening(broke))
        folder = Path(ending.enter_context(tempfile.TemporaryDirectory(prefix="evenhand-device-")))
        stand = _set_up(scenario, ground, kernel, connection, folder, devices)
        ending.callback(_take_down, stand)
        quiet_ms = kernel.starts_ms + scenario.quiet_s * 1000
        _put_down(stand, scenario, quiet_ms)
        kernel.run(quiet_ms)
        _calm(stand)
        kernel.run(quiet_ms + SETTLED_WITHIN_MS)
        figures = judging.judge(stand, scenario, broke)
    head = {"scenario": scenario.name, "fidelity": "device", "seed": seed, "devices": devices}
    return head | figures | {"wall_seconds": round(time.monotonic() - started_s, 2)}


@functools.cache
def factory_image() -> dict[str, bytes]:
    """Return the flash of a device as it leaves the factory: an empty store."""
    flash = DeviceFlash("factory", random.Random(0), {})  # noqa: S311 - a play, not a secret
    with tempfile.TemporaryDirectory() as folder:
        Store(Path(folder), vfs=flash.name).close()
    contents = flash.contents()
    flash.unregister()
    return contents


def _set_up(
    scenario: Scenario, ground: Ground, kernel: Kernel, connection: Connection, folder: Path, count: int
) -> Stand:
    broker = Broker(kernel)
    backend = Backend(kernel, connection, ground, broker)

    def device(enrolment: Enrolment, called: str, image: Mapping[str, bytes]) -> Device:
        flash = DeviceFlash(f"flash-{called}", kernel.stream(f"flash {called}"), image)
        radio = Radio(kernel, backend, broker, kernel.stream(f"air {called}"), scenario.air)
        chance = kernel.stream(f"device {called}")
        return Device(kernel, enrolment, radio, flash=flash, folder=folder, chance=chance)

    def copied(original: Device) -> Device:
        return device(original.enrolment, f"{original.name} copied", original.flash.contents())

    made = [device(enrolment, enrolment.retailer, factory_image()) for enrolment in ground.terminals[:count]]
    opens_at, closes_at = _at(scenario.opens_s), _at(scenario.closes_s)
    cycle = backend.plan_cycle(opens_at, closes_at, scenario.grace_s)
    return Stand(
        kernel,
        backend,
        broker,
        made,
        copied,
        cycle,
        opens_ms=round(opens_at.timestamp() * 1000),
        closes_ms=round(closes_at.timestamp() * 1000),
        grace_s=scenario.grace_s,
    )


def _take_down(stand: Stand) -> None:
    stand.backend.close()
    for device in stand.everything:
        if device.running is not None:
            device.running.store.close()
        device.flash.unregister()


def _put_down(stand: Stand, scenario: Scenario, quiet_ms: int) -> None:
    """Put everything that the seed draws before the scheduler."""
    kernel = stand.kernel
    stand.kernel.at(stand.opens_ms, stand.backend.tick)
    stand.kernel.at(stand.deadline_ms, lambda: _close(stand, scenario))
    for device in stand.devices:
        kernel.after(device.chance.randrange(SWITCHED_ON_WITHIN_MS), device.switch_on)
    for number, does in enumerate(scenario.does):
        for device in stand.devices:
            chance = kernel.stream(f"does {number} {device.name}")
            if chance.random() >= does.shops:
                continue
            for _ in range(does.times):
                at_ms = _moment(kernel, chance, does.at)
                kernel.at(at_ms, functools.partial(shopkeeping.perform, device, does.what, chance))
    for number, happens in enumerate(scenario.happens):
        of_device = faults.ON_DEVICES.get(happens.what)
        concerned: list[Device | None] = [*stand.devices] if of_device else [None]
        for one in concerned:
            chance = kernel.stream(f"happens {number} {one.name if one else ''}")
            for _ in range(happens.times):
                if chance.random() >= happens.chance:
                    continue
                at_ms = _moment(kernel, chance, happens.at)
                lasts_ms = round(chance.uniform(happens.lasts.first_s, happens.lasts.last_s) * 1000)
                lasts_ms = min(lasts_ms, quiet_ms - at_ms)
                kernel.at(at_ms, functools.partial(_befall, stand, happens.what, one, chance, lasts_ms))


def _moment(kernel: Kernel, chance: random.Random, span: Span) -> int:
    return kernel.starts_ms + round(chance.uniform(span.first_s, span.last_s) * 1000)


def _befall(stand: Stand, what: Any, device: Device | None, chance: random.Random, lasts_ms: int) -> None:
    if device is None:
        happened = faults.ON_SERVER[what](stand, chance, lasts_ms)
    else:
        happened = faults.ON_DEVICES[what](stand, device, chance, lasts_ms)
    if happened:
        stand.faults[what] += 1
        stand.kernel.note("fault", fault=what, shop=device.name if device else None, lasts_ms=lasts_ms)


def _close(stand: Stand, scenario: Scenario) -> None:
    """Keep what stands at the deadline: it is all that may stand, and go on with the cycle."""
    stand.taken_by_close = judging.taken_orders(stand)
    stand.backend.tick()
    if scenario.shares_out:
        _share_out(stand)


def _share_out(stand: Stand) -> None:
    stand.shared_out = stand.backend.share_out(stand.cycle)
    if not stand.shared_out:
        stand.kernel.after(SHARE_OUT_EVERY_MS, lambda: _share_out(stand))


def _calm(stand: Stand) -> None:
    """End every fault: the network is back, the power is on, nobody is going to be killed."""
    stand.kernel.note("quiet")
    stand.backend.fuses.clear()
    for device in stand.everything:
        device.calm()


def _at(seconds: int) -> datetime:
    return STARTS_AT + timedelta(seconds=seconds)


@contextmanager
def _listening(broke: list[str]) -> Iterator[None]:
    """Keep the logs of server and terminal off the screen; what the server calls a failure of its own is kept."""

    def hear(_logger: Any, name: str, said: MutableMapping[str, Any]) -> Any:
        if name in ("error", "exception", "critical") and said["event"] != "id_reused":
            broke.append(f"{said['event']} {said.get('kind', '')}".strip())
        raise structlog.DropEvent

    before = structlog.get_config()
    heard_before = logging.root.manager.disable
    structlog.configure(processors=[hear])
    logging.disable(logging.CRITICAL)
    try:
        yield
    finally:
        structlog.configure(**before)
        logging.disable(heard_before)

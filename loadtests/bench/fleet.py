"""Rows of the fleet: ten thousand terminals with certificates connect, order in the last second, and all come back.

Devices are wire-level (:mod:`firmware_sim.fleet`), all in this process; the installation is a whole one, on this
machine too, so that both share its processors. Each ledger must balance: ids sent = rows = receipts.
"""

import random
import statistics
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final, Literal

import psutil

from contract.feed import Command
from contract.messages import OrderLine, ReportCommand, SendFeedback
from firmware_sim import opening, town, window_rush
from firmware_sim.fleet import Behaviour, Device, Fleet, Ledger
from firmware_sim.identities import DeviceIdentity, enrol
from firmware_sim.opening import private_installation
from firmware_sim.stage import Person, Stage, StageError
from loadtests.bench.problems import Sizes
from loadtests.bench.rows import Row
from server.kit import broker
from server.kit.runtime import running

DEVICES: Final = 10_000
COMMAND: Final = "make bench-fleet"
FOLDER: Final = Path(".evenhand/bench-fleet")
SEED: Final = 1
LAST_S: Final = 1.0
GRACE_S: Final = 120
ASKED_AFTERWARDS: Final = 1_000
UPDATED: Final = 1_000
EACH_BAD: Final = 33
ROLLOUT: Final[dict[str, Any]] = {
    "name": "a release that is bad for some",
    "kind": "update",
    "params": {"release": "0.2.0"},
    "rings": [{"name": "canary", "share_percent": 10}, {"name": "all", "share_percent": 100}],
    "rate_per_minute": 6_000,
    "abort_percent": 2,
    "abort_minimum": 50,
}
_LEAST: Final = 20
_LOOKS_EVERY_S: Final = 0.5
_AT_ONCE: Final = 64
_CONNECTED_WITHIN_S: Final = 300.0
_ANSWERED_WITHIN_S: Final = 300.0
_SETTLED_S: Final = 5.0
_MEMORY_MB, _RECEIPTED_S, _P99_MS = 640, 10.0, 2_000.0


@dataclass(frozen=True)
class Halted:
    """A rollout of a release that is bad for some terminals: on how many it was begun, and on how many it failed."""

    terminals: int
    begun: int
    failed: int
    halted_s: float


@dataclass(frozen=True)
class Crowd:
    """What a size of fleet came to. Times are seconds, memory megabytes (proportional set size)."""

    devices: int
    enrolled_s: float
    connected_s: float
    idle_mb: float
    connected_mb: float
    broker_mb: float
    receipted_s: float
    latencies_ms: Sequence[float]
    back_s: float
    afterwards_ms: Sequence[float]
    orders: dict[str, Any]
    sayings: dict[str, Any]
    commanded_s: float
    commanded: int
    rollout: Halted


def fleet_rows(sizes: Sizes) -> list[Row]:
    """Let fleets of three sizes connect, order at once and come back at once."""
    rows: list[Row] = []
    for count in sizes.of(DEVICES, _LEAST):
        with private_installation(FOLDER) as stage:
            rows += _rows(crowd(stage, count), full=count == DEVICES)
    return rows


def _rows(found: Crowd, *, full: bool) -> list[Row]:
    size = f"{found.devices:,} terminals"

    def row(what: str, measured: float, unit: str, target: str = "–", *, met: bool | None = None) -> Row:
        return Row(what, size, measured, None, unit, None, target, met if full else None, 1, COMMAND)

    unbalanced = sum(not one["balanced"] for one in (found.orders, found.sayings))
    p99, afterwards = _p99(found.latencies_ms), _p99(found.afterwards_ms)
    return [
        row("terminals enrolled, each with a key of its own, confirmed in bulk", found.enrolled_s, "s"),
        row("terminals connected by mutual TLS", found.connected_s, "s"),
        row("server and broker, nobody connected", found.idle_mb, "MB"),
        row(
            "server and broker, all connected by mutual TLS",
            found.connected_mb,
            "MB",
            f"≤ {_MEMORY_MB} MB",
            met=found.connected_mb <= _MEMORY_MB,
        ),
        row("broker alone, a connection", (found.broker_mb) * 1024 / found.devices, "KB"),
        row(
            "all order in the last second: from the close to the last receipt",
            found.receipted_s,
            "s",
            f"≤ {_RECEIPTED_S:.0f} s",
            met=found.receipted_s <= _RECEIPTED_S,
        ),
        row("all order in the last second: publish to receipt, p50", statistics.median(found.latencies_ms), "ms"),
        row("all order in the last second: publish to receipt, p99", p99, "ms"),
        row("all cut and connected again at once", found.back_s, "s"),
        row(
            "after they are back: publish to receipt, p99",
            afterwards,
            "ms",
            f"≤ {_P99_MS:,.0f} ms",
            met=afterwards <= _P99_MS,
        ),
        row("a command to every terminal, done by all", found.commanded_s, "s"),
        row(
            "terminals that did not do it",
            found.devices - found.commanded,
            "",
            "0",
            met=found.commanded == found.devices,
        ),
        row(
            f"update of {found.rollout.terminals:,}, 3 % of them bad, halted by its threshold: begun",
            found.rollout.begun,
            "",
            "some alone",
            met=found.rollout.begun < found.rollout.terminals,
        ),
        row("the same: failed", found.rollout.failed, ""),
        row("the same: from its release to the halt", found.rollout.halted_s, "s"),
        row("ledgers that do not balance", unbalanced, "", "0", met=unbalanced == 0),
    ]


def _p99(values: Sequence[float]) -> float:
    ordered = sorted(values) or [0.0]
    return ordered[min(len(ordered) - 1, len(ordered) * 99 // 100)]


def crowd(stage: Stage, devices: int) -> Crowd:
    """Play all of it on ``stage``.

    Raises
    ------
    StageError
        Where the fleet cannot be enrolled or connected, or a message is not answered in time.
    """
    window_rush.allow_files(devices)
    planner = stage.sign_in("planner", "planner", "fleet")
    made = town.make(SEED, shops=devices)
    opening.bring_in(planner, made)
    idle_mb, broker_idle_mb = resident_mb(stage)
    started = time.monotonic()
    identities = enrol(stage, planner, sorted(shop.code for shop in made.shops))
    enrolled_s = time.monotonic() - started
    ledger = Ledger()
    with closing(Fleet(_devices(made, identities, ledger))) as fleet:
        connected_s = _connected(fleet)
        fleet.run(lambda: False, deadline_s=_SETTLED_S)
        connected_mb, broker_mb = resident_mb(stage)
        receipted_s, orders = _last_second(stage, planner, made, fleet, ledger)
        latencies = list(ledger.latencies_ms)
        fleet.cut()
        back_s = _connected(fleet)
        fleet.run(lambda: False, deadline_s=_SETTLED_S)
        afterwards, sayings = _afterwards(stage, fleet)
        keeper = stage.sign_in("fleet keeper", "fleet")
        commanded_s, commanded = _commanded(keeper, fleet)
        rollout = _halted(keeper, stage.sign_in("second fleet keeper", "fleet"), fleet)
    return Crowd(
        devices,
        enrolled_s,
        connected_s,
        idle_mb,
        connected_mb,
        broker_mb - broker_idle_mb,
        receipted_s,
        latencies,
        back_s,
        afterwards,
        orders,
        sayings,
        commanded_s,
        commanded,
        rollout,
    )


def _devices(made: town.Town, identities: dict[str, DeviceIdentity], ledger: Ledger) -> list[Device]:
    packs = {good.sku: good.pack_units for good in made.skus}
    devices = []
    for shop in made.shops:
        own = random.Random(f"{SEED}:{shop.code}")  # noqa: S311 - a play, not a secret
        wants = dict(sorted(shop.wants.items())) or {next(iter(packs)): 0}
        lines = tuple(OrderLine(sku=sku, quantity_units=units or packs[sku]) for sku, units in wants.items())
        behaviour = Behaviour(lines, before_close_s=own.uniform(0.0, LAST_S))
        devices.append(Device(identities[shop.code], behaviour, ledger, random_bits=own.getrandbits))
    return devices


def _connected(fleet: Fleet) -> float:
    started = time.monotonic()
    fleet.connect(at_once=_AT_ONCE)
    if not fleet.run(lambda: all(one.connected for one in fleet.devices), deadline_s=_CONNECTED_WITHIN_S):
        absent = sum(not one.connected for one in fleet.devices)
        raise StageError(f"{absent} of {len(fleet.devices)} could not connect within {_CONNECTED_WITHIN_S:.0f} s")
    return time.monotonic() - started


def _last_second(
    stage: Stage, planner: Person, made: town.Town, fleet: Fleet, ledger: Ledger
) -> tuple[float, dict[str, Any]]:
    """Open a window long enough for all to hear of it, let all order in its last second; return seconds and ledger."""
    open_for_s = 20.0 + len(fleet.devices) / 200
    announced = time.monotonic()
    cycle = opening.announce_cycle(planner, made, open_for_s=open_for_s, grace_s=GRACE_S)
    closes = time.monotonic() + opening.OPENS_IN_S + open_for_s
    done = fleet.run(
        lambda: len(ledger.sent) == len(fleet.devices) and not ledger.unanswered,
        deadline_s=time.monotonic() - announced + open_for_s + _ANSWERED_WITHIN_S,
    )
    receipted_s = max(0.0, time.monotonic() - closes)
    balance = window_rush.balance(ledger, window_rush.books(stage, planner, cycle))
    return receipted_s, balance | {"balanced": balance["balanced"] and done}


def _afterwards(stage: Stage, fleet: Fleet) -> tuple[Sequence[float], dict[str, Any]]:
    """Let a thousand of them say something; return how long each waited for its receipt, and the ledger."""
    ledger = Ledger()
    some = fleet.devices[:: max(1, len(fleet.devices) // ASKED_AFTERWARDS)]
    for device in some:
        device.ledger = ledger
        device.send(
            "feedback.send",
            SendFeedback(kind="suggestion", category="other", words="All is back."),
            time.monotonic(),
        )
    done = fleet.run(lambda: not ledger.unanswered, deadline_s=_ANSWERED_WITHIN_S)
    taken = window_rush.taken(stage, "feedback.send")
    keys = {key for _, key in taken}
    balanced = done and len(taken) == len(keys) and keys == ledger.sent == ledger.receipts.keys()
    return ledger.latencies_ms, {"sent": len(ledger.sent), "rows": len(taken), "balanced": balanced}


def _commanded(keeper: Person, fleet: Fleet) -> tuple[float, int]:
    """Ask every terminal for something at once; return the seconds until all have done it, and how many have.

    Terminals come to fetch it within a spread that the server names: 5 ms for each of them, a minute at most.
    """
    done: set[str] = set()
    _obeying(fleet.devices, lambda device, command: _does(done, device, command))
    started = time.monotonic()
    wanted = {"kind": "sync", "devices": [one.identity.device for one in fleet.devices], "minutes": 60}
    keeper.post("/api/v1/steering/commands", wanted)
    fleet.run(lambda: len(done) == len(fleet.devices), deadline_s=_ANSWERED_WITHIN_S)
    return time.monotonic() - started, len(done)


def _does(done: set[str], device: str, command: Command) -> Iterator[ReportCommand]:
    done.add(device)
    yield ReportCommand(command=command.command, state="succeeded")


def _halted(keeper: Person, second: Person, fleet: Fleet) -> Halted:
    """Roll a release out to some terminals, of which each 33rd fails; return where its threshold halted it."""
    some = fleet.devices[:UPDATED]
    bad = {one.identity.device for one in some[::EACH_BAD]}

    def obey(device: str, command: Command) -> Iterator[ReportCommand]:
        state: Literal["failed", "succeeded"] = "failed" if device in bad else "succeeded"
        yield ReportCommand(command=command.command, state=state, reason="no_screens" if device in bad else "")

    _obeying(some, obey)
    target = {"devices": [one.identity.device for one in some]}
    rollout = keeper.post("/api/v1/rollouts", ROLLOUT | {"target": target})["rollout"]
    second.post(f"/api/v1/rollouts/{rollout}/release")
    started, looked = time.monotonic(), [0.0]

    def over() -> bool:
        if time.monotonic() - looked[0] < _LOOKS_EVERY_S:
            return False
        looked[0] = time.monotonic()
        return str(keeper.get(f"/api/v1/rollouts/{rollout}")["rollout"]["state"]) in ("halted", "completed")

    fleet.run(over, deadline_s=_ANSWERED_WITHIN_S)
    halted_s = time.monotonic() - started
    rings = keeper.get(f"/api/v1/rollouts/{rollout}")["rings"]
    begun = sum(count for ring in rings for state, count in ring.items() if state != "queued")
    return Halted(len(some), begun, sum(ring.get("failed", 0) for ring in rings), halted_s)


def _obeying(devices: Sequence[Device], obey: Callable[[str, Command], Iterable[ReportCommand]]) -> None:
    ledger = Ledger()
    for device in devices:
        device.ledger = ledger
        device.obeys = partial(obey, device.identity.device)


def resident_mb(stage: Stage) -> tuple[float, float]:
    """Return what the server's processes and the broker hold together, and the broker alone; the database apart."""
    root = psutil.Process(int(running(stage.settings)["pid"]))
    own = [one for one in (root, *root.children(recursive=True)) if one.name() != "postgres"]
    return sum(map(_pss_mb, own)), _pss_mb(psutil.Process(_broker_pid(stage)))


def _broker_pid(stage: Stage) -> int:
    found = broker.attach(stage.settings.data_dir / "broker").pid
    if found is None:
        raise StageError("the broker does not run")
    return found


def _pss_mb(process: psutil.Process) -> float:
    return float(process.memory_full_info().pss) / 2**20

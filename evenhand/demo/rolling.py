"""A release goes to the terminals in rings: it halts on the first failures, what they lacked is mended, and it goes on.

The terminals at the wire stand for terminals that update: each third one has a full flash.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from contract.feed import Command
from contract.messages import ReportCommand
from evenhand.demo.waiting import looked_until
from firmware_sim.fleet import Device, Ledger
from firmware_sim.stage import Person

ROLLOUTS = "/api/v1/rollouts"
RELEASE = "0.2.0"
EACH_WITHOUT_ROOM = 3
FEWEST = 6
MOST = 100
WANTED: dict[str, Any] = {
    "name": "版本 0.2.0 · Release 0.2.0",
    "kind": "update",
    "params": {"release": RELEASE},
    "rings": [
        {"name": "试点 · Canary", "share_percent": 20},
        {"name": "全部 · All", "share_percent": 100},
    ],
    "rate_per_minute": 6_000,
    "abort_percent": 10,
    "abort_minimum": 5,
}


@dataclass(frozen=True)
class Outcome:
    """How it went: its id, all terminals, failures on which it halted, those not begun then, those that updated."""

    rollout: str
    terminals: int
    failed: int
    spared: int
    updated: int


class Flashes:
    """Whose flash has no room for a release, until it is cleared; what each terminal answers to an update."""

    def __init__(self, devices: Sequence[Device]) -> None:
        self.full = {one.identity.device for one in devices[::EACH_WITHOUT_ROOM]}

    def obey(self, device: str, command: Command) -> Iterator[ReportCommand]:
        """Answer a command."""
        if command.kind == "clear_cache":
            self.full.discard(device)
        elif device in self.full:
            yield ReportCommand(command=command.command, state="in_progress")
            yield ReportCommand(command=command.command, state="failed", reason="no_room")
            return
        yield ReportCommand(command=command.command, state="succeeded")


def roll_out(keeper: Person, second: Person, devices: Sequence[Device]) -> Outcome:
    """Propose, release by a second person, see it halt, clear what is full, resume, see it end.

    Raises
    ------
    StageError
        It neither halts nor ends in time.
    """
    flashes, reports = Flashes(devices), Ledger()
    for device in devices:
        device.ledger = reports
        device.obeys = partial(flashes.obey, device.identity.device)
    target = {"devices": [one.identity.device for one in devices]}
    rollout = keeper.post(ROLLOUTS, WANTED | {"target": target})["rollout"]
    second.post(f"{ROLLOUTS}/{rollout}/release")
    halted = looked_until(
        "rollout's halt", lambda: keeper.get(f"{ROLLOUTS}/{rollout}"), lambda now: now["rollout"]["state"] == "halted"
    )
    failed = keeper.every(f"{ROLLOUTS}/{rollout}/terminals", state="failed")
    cleared = {"kind": "clear_cache", "devices": sorted(flashes.full), "minutes": 60}
    keeper.post("/api/v1/steering/commands", cleared)
    looked_until("cleared flashes", lambda: {"state": str(len(flashes.full))}, lambda now: now["state"] == "0")
    keeper.post(f"{ROLLOUTS}/{rollout}/act", {"act": "resume", "again": True})
    ended = looked_until(
        "rollout's end", lambda: keeper.get(f"{ROLLOUTS}/{rollout}"), lambda now: now["rollout"]["state"] == "completed"
    )
    spared = sum(ring.get("queued", 0) for ring in halted["rings"])
    return Outcome(rollout, len(devices), len(failed), spared, sum(ring.get("succeeded", 0) for ring in ended["rings"]))

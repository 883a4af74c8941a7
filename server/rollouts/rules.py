"""Pure decisions about rollouts: what a look at the figures makes of one, and which acts fit which state.

The words are those of the field: rings and canary, rollout rate, abort threshold with its minimum, device time limit.
A terminal ends as *succeeded*, *failed*, *timed out* (begun, and not finished in its time), *rejected* (it would not
begin), *unreachable* (not heard of in its time) or *cancelled*. Failures are the failed, timed out and rejected ones:
a terminal that is switched off says nothing about what is rolled out.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from math import ceil
from typing import Final, Literal

from contract.errors import Conflict, Rejected

State = Literal["proposed", "running", "paused", "halted", "waiting", "completed", "cancelled", "expired"]
DeviceState = Literal[
    "queued", "sent", "in_progress", "succeeded", "failed", "timed_out", "rejected", "cancelled", "unreachable"
]
Why = Literal["", "threshold", "criteria", "word", "nobody_judged", "person", "deadline"]
Advance = Literal["auto", "person"]

GOING_ON: Final[tuple[State, ...]] = ("running", "paused", "halted", "waiting")
ENDED: Final[tuple[State, ...]] = ("completed", "cancelled", "expired")
UNDER_WAY: Final[tuple[DeviceState, ...]] = ("sent", "in_progress")
FAILURES: Final[tuple[DeviceState, ...]] = ("failed", "timed_out", "rejected")
JUDGED: Final[tuple[DeviceState, ...]] = ("succeeded", *FAILURES)
DEVICE_ENDED: Final[tuple[DeviceState, ...]] = (*JUDGED, "cancelled", "unreachable")
BY_TIME: Final[tuple[DeviceState, ...]] = ("timed_out", "unreachable")
"""Ended by the time of the server: the terminal's own last word takes its place, and it can still be called back."""
BY_TWO: Final = frozenset({"update"})
"""Kinds that a second person releases."""
RINGS_MOST: Final = 6
EVERYBODY_PERCENT: Final = 100
"""The share that the last ring has to reach."""
RATE_MOST: Final = 10_000


@dataclass(frozen=True)
class Ring:
    """``share_percent``: how many of all terminals are in it and the rings before. It is left when all of it ended.

    ``advance``: by itself where at least ``success_percent`` of those that can be judged succeeded, or by a person's
    word in any case. Where fewer did, a person decides.
    """

    name: str
    share_percent: int
    advance: Advance = "auto"
    success_percent: int = 95


@dataclass(frozen=True)
class Plan:
    """How a rollout goes.

    At most ``rate_per_minute`` are begun in any minute; it halts once ``abort_minimum`` can be judged and
    ``abort_percent`` of them failed.
    """

    rings: tuple[Ring, ...]
    rate_per_minute: int
    abort_percent: int
    abort_minimum: int


@dataclass(frozen=True)
class Tally:
    """How many terminals of a ring stand in which state.

    ``forgiven_…``: those among the judged, and among the failures, that a person forgave by resuming after a halt.
    """

    queued: int = 0
    under_way: int = 0
    succeeded: int = 0
    failures: int = 0
    other: int = 0
    forgiven_judged: int = 0
    forgiven_failures: int = 0

    @property
    def judged(self) -> int:
        """Those that say something about what is rolled out."""
        return self.succeeded + self.failures

    @property
    def total(self) -> int:
        """All of them."""
        return self.queued + self.under_way + self.judged + self.other

    @property
    def over(self) -> bool:
        """Whether all have ended."""
        return not self.queued and not self.under_way


@dataclass(frozen=True)
class Standing:
    """Where a rollout stands."""

    state: State
    ring: int = 0
    why: Why = ""


@dataclass(frozen=True)
class Step:
    """What is to be done: the standing after, how many to begin, whether what was not begun is cancelled."""

    standing: Standing
    begin: int = 0
    cancel: bool = False


def check_plan(plan: Plan, minutes: int, hours: int) -> None:
    """Refuse a plan that could not go: ``rollout_rings``, ``rollout_range``."""
    shares = [ring.share_percent for ring in plan.rings]
    rising = all(before < after for before, after in zip([0, *shares], shares, strict=False))
    if not shares or len(shares) > RINGS_MOST or shares[-1] != EVERYBODY_PERCENT or not rising:
        raise Rejected("rollout_rings", most=RINGS_MOST)
    for name, value, least, most in (
        ("rate_per_minute", plan.rate_per_minute, 1, RATE_MOST),
        ("abort_percent", plan.abort_percent, 1, 100),
        ("abort_minimum", plan.abort_minimum, 1, 100_000),
        ("device_minutes", minutes, 1, 7 * 24 * 60),
        ("deadline_hours", hours, 1, 90 * 24),
        *(("success_percent", ring.success_percent, 0, 100) for ring in plan.rings),
    ):
        if not least <= value <= most:
            raise Rejected("rollout_range", name=name, value=value, least=least, most=most)
    if minutes > hours * 60:
        raise Rejected("rollout_range", name="device_minutes", value=minutes, least=1, most=hours * 60)


def ring_of(place: int, count: int, rings: Sequence[Ring]) -> int:
    """Return the ring of the terminal at a place, from 0, among ``count``: the canary takes at least one."""
    return next(
        (order for order, ring in enumerate(rings) if place < ceil(count * ring.share_percent / 100)), len(rings) - 1
    )


def order_of(salt: str, device: str, channel: str) -> tuple[int, bytes]:
    """Return the key by which terminals are ordered into rings: those of early channels first, then by a fair hash."""
    first = {"canary": 0, "early": 1}.get(channel, 2)
    return first, hashlib.sha256(f"{salt}\x1f{device}".encode()).digest()


def too_many_fail(plan: Plan, tallies: Sequence[Tally]) -> bool:
    """Return whether the share of failures has reached the threshold, once enough can be judged."""
    judged = sum(tally.judged - tally.forgiven_judged for tally in tallies)
    failures = sum(tally.failures - tally.forgiven_failures for tally in tallies)
    return judged >= plan.abort_minimum and failures > 0 and 100 * failures >= plan.abort_percent * judged


def step(
    plan: Plan,
    standing: Standing,
    tallies: Sequence[Tally],
    *,
    begun_last_minute: int,
    now: datetime,
    deadline: datetime,
    continuous: bool = False,
) -> Step:
    """Return what a look at the figures makes of a rollout; one that was not released or is over stays.

    Too many failures halt it before anything else is said of it, also where they are its last terminals: it completes
    when a person resumed it.
    """
    if standing.state not in GOING_ON:
        return Step(standing)
    if now >= deadline:
        return Step(replace(standing, state="expired", why="deadline"), cancel=True)
    if standing.state == "running" and too_many_fail(plan, tallies):
        return Step(replace(standing, state="halted", why="threshold"))
    if not continuous and standing.state != "halted" and all(tally.over for tally in tallies):
        return Step(replace(standing, state="completed", why=""))
    if standing.state == "running":
        standing = _moved(plan, standing, tallies)
    if standing.state != "running":
        return Step(standing)
    queued = sum(tally.queued for tally in tallies[: standing.ring + 1])
    return Step(standing, begin=min(queued, max(0, plan.rate_per_minute - begun_last_minute)))


def _moved(plan: Plan, standing: Standing, tallies: Sequence[Tally]) -> Standing:
    """Return where a running rollout stands by its figures: in a later ring, or before one that waits."""
    while standing.ring < len(plan.rings) - 1 and all(tally.over for tally in tallies[: standing.ring + 1]):
        held = _held_back(plan.rings[standing.ring], tallies[standing.ring])
        if held:
            return replace(standing, state="waiting", why=held)
        standing = replace(standing, ring=standing.ring + 1)
    return standing


def _held_back(ring: Ring, tally: Tally) -> Why:
    """Return why a ring that has ended is not left by itself; nothing where it is."""
    if not tally.total:
        return ""
    if not tally.judged:
        return "nobody_judged"
    if 100 * tally.succeeded < ring.success_percent * tally.judged:
        return "criteria"
    return "word" if ring.advance == "person" else ""


def paused(standing: Standing) -> Standing:
    """Pause: nothing more is begun until it is resumed; what is under way goes on."""
    _need(standing, "running", "waiting")
    return replace(standing, state="paused", why="person")


def resumed(standing: Standing) -> tuple[Standing, bool]:
    """Resume after a pause or a halt; return also whether what was judged so far is forgiven, as after a halt.

    Who is tried once more is forgiven nothing: what comes of it is judged anew.
    """
    _need(standing, "paused", "halted")
    return replace(standing, state="running", why=""), standing.state == "halted"


def advanced(standing: Standing, rings: int) -> Standing:
    """Go on with the next ring, by a person's word."""
    _need(standing, "waiting")
    return replace(standing, state="running", ring=min(standing.ring + 1, rings - 1), why="")


def cancelled(standing: Standing) -> Standing:
    """Stop for good: what was not begun never is, what is under way is called back."""
    _need(standing, "proposed", *GOING_ON)
    return replace(standing, state="cancelled", why="person")


def released(standing: Standing, *, kind: str, by: str, proposed_by: str) -> Standing:
    """Let a proposed rollout run; what changes programs is released by another person than the one who proposed it."""
    _need(standing, "proposed")
    if kind in BY_TWO and by == proposed_by:
        raise Rejected("same_person", name=by)
    return replace(standing, state="running", why="")


def _need(standing: Standing, *needed: State) -> None:
    if standing.state not in needed:
        raise Conflict("wrong_state", state=standing.state, needed=" / ".join(needed))

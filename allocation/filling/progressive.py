"""Discrete progressive filling, pack by pack: the definition of an allocation in whole packs, and its reference.

Take the packs of all lines in the order of (tier, phase, level, draw); grant a pack if every constraint that it uses
has room for its size; a line stops for good at its first refused pack. Floors come before everything else. The result
is feasible and wastes nothing: no short line has room for one more pack.
"""

import heapq
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from allocation.filling.outcome import Filling, Threshold
from allocation.filling.rules import Order
from allocation.filling.signposts import Level, unit_level
from allocation.problem import Lines, Problem

Draw = Callable[[str, str, int], bytes]
Moment = tuple[int, int, Level]
"""When a pack's turn comes, before any draw: tier, phase, level."""


def fill_progressively(
    problem: Problem,
    lines: Lines,
    order: Order,
    rounding: str,
    draw: Draw,
    chosen: npt.NDArray[np.bool_],
    filling: Filling,
    progress: Callable[[int], None] = lambda _packs: None,
) -> None:
    """Share out pack by pack to the lines of the chosen SKUs, under all constraints.

    Takes time in proportion to the packs granted.

    Parameters
    ----------
    lines
        What each line may get at least and at most.
    chosen
        Per SKU, whether it is shared here; SKUs that meet in a constraint that may become full are chosen together.
    filling
        Written to for the lines of those SKUs.
    progress
        Told the number of packs looked at, now and then.
    """
    filler = _Filler(problem, lines, order, rounding, draw, filling)
    for line in np.flatnonzero(chosen[problem.requests.sku]).tolist():
        filler.admit(line)
    looked_at = 0
    while filler.queue:
        looked_at += filler.take_turn()
        progress(looked_at)
    filler.note_thresholds()


def moment_of(problem: Problem, order: Order, rounding: str, line: int, n: int) -> Moment:
    """Return when the turn of a line's pack `n` comes."""
    phase, pack = order.phase_of(line, n), int(problem.lines.pack[line])
    level = unit_level(
        rounding,
        n,
        carry=int(problem.requests.carry[line]),
        pack=pack,
        rate=int(phase.rate[line]),
        offset=int(phase.offset_packs[line]) * pack,
    )
    return int(order.tier[line]), phase.number, level


@dataclass(eq=False)
class _Filler:
    """The state of a filling: the room left, and the next pack of every line that has not stopped."""

    problem: Problem
    lines: Lines
    order: Order
    rounding: str
    draw: Draw
    filling: Filling
    queue: list[tuple[Moment, int, int]] = field(default_factory=list)
    needs: dict[int, tuple[tuple[int, int], ...]] = field(default_factory=dict)
    room: list[int] = field(init=False)
    last_granted: dict[int, tuple[Moment, int, int]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.room = list(self.problem.constraints.limits)

    def admit(self, line: int) -> None:
        """Grant a line its floor and let its next pack wait for its turn."""
        sku = self.problem.requests.sku[line]
        price = int(self.problem.supply.price_minor[sku])
        uses = self.problem.constraints.of_line(line, int(self.lines.pack[line]), price)
        self.needs[line] = tuple((constraint, size) for constraint, size, _ in uses)
        floor = int(self.lines.floor[line])
        self.filling.granted[line] = floor
        self._take(line, floor)
        self._enqueue_after(line, floor)

    def take_turn(self) -> int:
        """Grant or refuse all packs of the earliest moment, in the order of the draw; return how many they were."""
        moment, turn = self.queue[0][0], []
        while self.queue and self.queue[0][0] == moment:
            turn.append(heapq.heappop(self.queue)[1:])
        if len(turn) > 1:
            turn.sort(key=lambda pack: self._drawn(*pack))
        first_would_get_it = [self._has_room(line) for line, _ in turn]
        for (line, n), would in zip(turn, first_would_get_it, strict=True):
            if self._has_room(line):
                self._take(line, 1)
                self.filling.granted[line] = n
                self.last_granted[int(self.problem.requests.sku[line])] = moment, line, n
                self._enqueue_after(line, n)
            else:
                self.filling.stopped_by[line] = next(c for c, size in self.needs[line] if self.room[c] < size)
                self.filling.by_draw[line] = would
        return len(turn)

    def note_thresholds(self) -> None:
        """Keep the last pack granted of each SKU whose own supply stopped a line."""
        sku, stopped_by = self.problem.requests.sku, self.filling.stopped_by
        short_of_supply = {int(sku[line]) for line in self.needs if stopped_by[line] == sku[line]}
        for k in short_of_supply & self.last_granted.keys():
            moment, line, n = self.last_granted[k]
            self.filling.thresholds[k] = Threshold(*moment, self._drawn(line, n))

    def _enqueue_after(self, line: int, granted: int) -> None:
        if granted == self.lines.eligible[line]:
            return
        n = granted + 1
        moment = moment_of(self.problem, self.order, self.rounding, line, n)
        heapq.heappush(self.queue, (moment, line, n))

    def _drawn(self, line: int, n: int) -> bytes:
        return self.draw(*self.problem.names(line), n)

    def _has_room(self, line: int) -> bool:
        return all(self.room[constraint] >= size for constraint, size in self.needs[line])

    def _take(self, line: int, packs: int) -> None:
        for constraint, size in self.needs[line]:
            self.room[constraint] -= size * packs

"""Filling in exact fractions (``rounding = "none"``): every line rises with the level until something is full.

Floors are given first, and a line with a floor begins to rise when the level would give it more. Carry plays no part:
it makes up for rounding, and nothing is rounded here.
"""

import heapq
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from allocation.filling.outcome import Filling
from allocation.filling.rules import Order
from allocation.problem import Lines, Problem

Mask = npt.NDArray[np.bool_]
Number = int | Fraction
Stage = tuple[int, int]
"""Tier and phase."""

_LEAVE: Final = 0
_ENTER: Final = 1
_FULL: Final = 2


@dataclass(frozen=True)
class _Rise:
    """How a line rises in one stage: from `low` to `high` units, being at `offset` + `rate`·level in between."""

    line: int
    low: Number
    high: Number
    rate: int
    offset: int

    def level_at(self, units: Number) -> Fraction:
        return Fraction(units - self.offset, self.rate)

    def units_at(self, level: Fraction) -> Number:
        return min(max(self.offset + self.rate * level, self.low), self.high)


def fill_exactly(problem: Problem, lines: Lines, order: Order, coupled: Mask, filling: Filling) -> None:
    """Fill all SKUs; `coupled` says which meet others in a constraint that may become full.

    `filling.granted` becomes an array of fractions of packs; `filling.levels` says where each constraint was full.
    """
    sku = problem.requests.sku
    units: list[Any] = (lines.floor * lines.pack).tolist()
    contested = _contested(problem, lines) | coupled
    for line in np.flatnonzero(~contested[sku]).tolist():
        units[line] = int(lines.eligible[line] * lines.pack[line])
    together = _Coupled(problem, lines, units, filling)
    for line in np.flatnonzero(coupled[sku]).tolist():
        together.admit(line)
    alone = _supplies_less_floors(problem, units)
    for stage, rises in _stages(problem, lines, order, contested[sku]):
        by_sku: defaultdict[int, list[_Rise]] = defaultdict(list)
        for rise in rises:
            if filling.stopped_by[rise.line] < 0:
                by_sku[int(sku[rise.line])].append(rise)
        for k in sorted(k for k in by_sku if not coupled[k]):
            alone[k] = _fill_one_supply(by_sku[k], alone[k], units, filling, k, problem, stage)
        together.fill([rise for k in sorted(by_sku) if coupled[k] for rise in by_sku[k]], stage)
    packs = [Fraction(reached, pack) for reached, pack in zip(units, lines.pack.tolist(), strict=True)]
    filling.granted = np.array([*packs, None], dtype=object)[:-1]  # an array of objects, also where all are integers


def _contested(problem: Problem, lines: Lines) -> Mask:
    """Say which SKUs have less supply than is eligible (by floating sums: one too many does no harm)."""
    demand = np.bincount(problem.requests.sku, lines.eligible.astype(np.float64) * lines.pack, len(problem.supply.sku))
    supply = np.array(problem.constraints.limits[: len(problem.supply.sku)], dtype=np.float64)
    contested: Mask = demand * (1 + 1e-6) > supply
    return contested


def _stages(problem: Problem, lines: Lines, order: Order, chosen: Mask) -> Iterator[tuple[Stage, list[_Rise]]]:
    """Yield tier after tier, phase after phase, how the chosen lines rise in it."""
    pack, floor = lines.pack.tolist(), (lines.floor * lines.pack).tolist()
    claim, eligible = (problem.lines.eligible * lines.pack).tolist(), (lines.eligible * lines.pack).tolist()
    two = len(order.phases) > 1
    for tier in np.unique(order.tier).tolist():
        members = np.flatnonzero(chosen & (order.tier == tier)).tolist()
        for phase in order.phases:
            rate, offset = phase.rate.tolist(), phase.offset_packs.tolist()
            rises = []
            for line in members:
                start: Number = 0
                end: Number = claim[line]
                if two:
                    half = Fraction(claim[line], 2)
                    start, end = (half, end) if phase.number else (start, half)
                low, high = max(floor[line], start), min(eligible[line], end)
                if low < high:
                    rises.append(_Rise(line, low, high, rate[line], offset[line] * pack[line]))
            yield (tier, phase.number), rises


def _supplies_less_floors(problem: Problem, units: Sequence[int]) -> list[Any]:
    left: list[Any] = list(problem.constraints.limits[: len(problem.supply.sku)])
    for sku, floor in zip(problem.requests.sku.tolist(), units, strict=True):
        left[sku] -= floor
    return left


def _fill_one_supply(
    rises: list[_Rise], left: Any, units: list[Any], filling: Filling, sku: int, problem: Problem, stage: Stage
) -> Any:
    """Fill lines that meet in one supply; return what is left of it."""
    if sum(rise.high - rise.low for rise in rises) <= left:
        for rise in rises:
            units[rise.line] = rise.high
        return left - sum(rise.high - rise.low for rise in rises)
    level = _level_of_one_supply(rises, left)
    for rise in rises:
        units[rise.line] = reached = rise.units_at(level)
        if reached < rise.high:
            filling.stopped_by[rise.line] = sku
    filling.levels.setdefault(problem.constraints.names[sku], _stated(stage, level))
    return 0


def _level_of_one_supply(rises: list[_Rise], left: Any) -> Fraction:
    """Return the lowest level at which the lines have taken what is left, walking along the bends of the fill curve."""
    bends = []
    for rise in rises:
        for units, sign in ((rise.low, 1), (rise.high, -1)):
            level = rise.level_at(units)
            # Floats that are rounded correctly never turn an order round; fractions decide where floats are equal.
            bends.append((float(level), level, units, sign * rise.rate, sign * rise.offset))
    bends.sort(key=lambda bend: bend[:2])
    # Together the lines are at constant + offset + rate·level units.
    wanted = left + sum(rise.low for rise in rises)
    constant, offset, rate = sum(rise.low for rise in rises), 0, 0
    for _, level, units, more_rate, more_offset in bends:
        if rate and (constant + offset + rate * level) >= wanted:
            break
        if not left and not rate:
            return level
        rate, offset = rate + more_rate, offset + more_offset
        constant += -units if more_rate > 0 else units
    return Fraction(wanted - constant - offset) / rate


class _Coupled:
    """Lines that rise together under several constraints: one sweep over the levels with a lazy heap."""

    def __init__(self, problem: Problem, lines: Lines, units: list[Any], filling: Filling) -> None:
        self.problem, self.lines, self.units, self.filling = problem, lines, units, filling
        self.room: list[Any] = list(problem.constraints.limits)
        self.at: dict[int, Fraction] = {}
        self.rate: defaultdict[int, int] = defaultdict(int)
        self.rising: defaultdict[int, set[int]] = defaultdict(set)
        self.needs: dict[int, tuple[tuple[int, int], ...]] = {}
        self.rises: dict[int, _Rise] = {}
        # Floats that are rounded correctly never turn an order round; fractions decide where floats are equal.
        self.queue: list[tuple[float, Fraction, int, int]] = []
        self.stage: Stage = (0, 0)

    def admit(self, line: int) -> None:
        """Take a line's floor out of its constraints."""
        sku = self.problem.requests.sku[line]
        pack, price = int(self.lines.pack[line]), int(self.problem.supply.price_minor[sku])
        uses = self.problem.constraints.of_line(line, pack, price)
        self.needs[line] = tuple((constraint, size // pack) for constraint, size, _ in uses if size)
        for constraint, size in self.needs[line]:
            self.room[constraint] -= size * self.units[line]

    def fill(self, rises: list[_Rise], stage: Stage) -> None:
        """Let the lines rise until each has reached its end or something that it uses is full."""
        self.stage, self.at = stage, {}
        self.rises = {rise.line: rise for rise in rises}
        for rise in rises:
            self._expect(rise.level_at(rise.low), _ENTER, rise.line)
        while self.queue:
            _, level, event, who = heapq.heappop(self.queue)
            if event == _ENTER:
                self._enter(who, level)
            elif event == _LEAVE and self._is_rising(who):
                self._leave(who, level, self.rises[who].high)
            elif event == _FULL and self.rate[who] and self._room_at(who, level) == 0:
                for line in sorted(self.rising[who]):
                    self._stop(line, level)

    def _expect(self, level: Fraction, event: int, who: int) -> None:
        heapq.heappush(self.queue, (float(level), level, event, who))

    def _room_at(self, constraint: int, level: Fraction) -> Any:
        """Bring the room of a constraint up to a level and return it."""
        before = self.at.get(constraint, level)
        if before is not level:
            self.room[constraint] -= self.rate[constraint] * (level - before)
        self.at[constraint] = level
        return self.room[constraint]

    def _is_rising(self, line: int) -> bool:
        return line in self.rising[self.needs[line][0][0]]

    def _enter(self, line: int, level: Fraction) -> None:
        full = [constraint for constraint, _ in self.needs[line] if self._room_at(constraint, level) == 0]
        if full:
            self._note_stop(line, full[0], level)
            return
        self._change_rate(line, level, 1)
        rise = self.rises[line]
        self._expect(rise.level_at(rise.high), _LEAVE, line)

    def _leave(self, line: int, level: Fraction, units: Number) -> None:
        self.units[line] = units
        self._change_rate(line, level, -1)

    def _stop(self, line: int, level: Fraction) -> None:
        full = next(constraint for constraint, _ in self.needs[line] if self._room_at(constraint, level) == 0)
        self._leave(line, level, self.rises[line].units_at(level))
        self._note_stop(line, full, level)

    def _note_stop(self, line: int, constraint: int, level: Fraction) -> None:
        self.filling.stopped_by[line] = constraint
        self.filling.levels.setdefault(self.problem.constraints.names[constraint], _stated(self.stage, level))

    def _change_rate(self, line: int, level: Fraction, sign: int) -> None:
        for constraint, size in self.needs[line]:
            room = self._room_at(constraint, level)
            self.rate[constraint] += sign * size * self.rises[line].rate
            (self.rising[constraint].add if sign > 0 else self.rising[constraint].discard)(line)
            if self.rate[constraint]:
                self._expect(level + Fraction(room) / self.rate[constraint], _FULL, constraint)


def _stated(stage: Stage, level: Fraction) -> dict[str, Any]:
    return {"tier": stage[0], "phase": stage[1], "level": str(level)}

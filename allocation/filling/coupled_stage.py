"""Columns of coupled filling: who uses what, and the lines of a stage, gathered in stretches by several threads."""

import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from allocation.compiled import plain
from allocation.filling import gather_kernels
from allocation.filling.pack_keys import are_exact, kind_of, pack_keys
from allocation.filling.rules import Phase
from allocation.filling.stage_kernels import BASE, DEN, HIGH, LOW, Flags, Floats, Places, Stage
from allocation.limits import EXACT_FLOAT_END
from allocation.problem import STRETCH_LINES, Lines, Problem
from allocation.tables.columns import IntArray

_THREADS: Final = os.cpu_count() or 1
_WORTH_THREADS: Final = 50_000
"""Lines from which threads are started."""


class Shares:
    """Lines, or what else is counted, in equal shares, one a thread; no more than one where they are few."""

    def __init__(self, lines: int) -> None:
        self.number = _THREADS if lines > _WORTH_THREADS else 1
        self._threads = ThreadPoolExecutor(self.number)

    def each(self, count: int, work: Callable[[int, int, int], Any]) -> list[Any]:
        """Do a work with (share, begin, end) for each share of so many things; return what each gave."""
        ends = np.linspace(0, count, self.number + 1).astype(np.int64).tolist()
        if self.number == 1:
            return [work(0, 0, count)]
        return list(self._threads.map(work, range(self.number), ends[:-1], ends[1:]))

    def close(self) -> None:
        """End the threads."""
        self._threads.shutdown()


@dataclass(frozen=True, eq=False)
class Grid:
    """What does not change from stage to stage: the chosen lines, and who uses what.

    `line` are positions in the problem; the others are as in :class:`~allocation.filling.stage_kernels.Stage`,
    `room` being what the floors leave.
    """

    line: Places
    uses: Places
    size: Floats
    own: Flags
    slot: Places
    room: Floats

    def place(self, begin: int, end: int) -> Any:
        """Return where some of the lines stand in the problem: as a slice where all lines are chosen."""
        return slice(begin, end) if self.line[-1] == len(self.line) - 1 else self.line[begin:end]


def stretches(begin: int, end: int) -> Iterator[tuple[int, int]]:
    """Cut lines into stretches whose columns fit a processor's cache."""
    return ((at, min(at + STRETCH_LINES, end)) for at in range(begin, end, STRETCH_LINES))


def gather(problem: Problem, lines: Lines, chosen: npt.NDArray[np.bool_], shares: Shares) -> Grid | None:
    """Gather who uses what; None where more is asked of a constraint than float64 can add up exactly.

    A constraint with room for everything is left out.

    Parameters
    ----------
    chosen
        Per SKU, whether its lines take part; at least one line does.
    """
    slots, limits = problem.constraints.slots, np.array(problem.constraints.limits, dtype=np.float64)
    supply, sku = problem.supply, problem.requests.sku
    size = np.array([supply.pack * (supply.price_minor.astype(np.float64) if s.in_money else 1.0) for s in slots])
    line = np.flatnonzero(chosen[sku]).astype(np.int32) if not chosen.all() else np.arange(len(sku), dtype=np.int32)
    grid = Grid(
        line,
        np.empty((len(slots), len(line)), dtype=np.int32),
        size,
        np.array([slot.is_own for slot in slots]),
        np.zeros(len(limits), dtype=np.int32),
        np.minimum(limits, EXACT_FLOAT_END),
    )

    def add(_share: int, begin: int, end: int) -> tuple[Floats, Floats]:
        demand, floors = np.zeros(len(limits)), np.zeros(len(limits))
        for here in stretches(begin, end):
            place = grid.place(*here)
            columns = plain(sku[place]), plain(lines.eligible[place]), plain(lines.floor[place])
            for number, slot in enumerate(slots):
                gather_kernels.add_demand(plain(slot.constraint[place]), *columns, size[number], demand, floors)
        return demand, floors

    parts = shares.each(len(line), add)
    demand = np.sum([part[0] for part in parts], axis=0)
    if demand.max(initial=0.0) >= EXACT_FLOAT_END:
        return None
    np.subtract(grid.room, np.sum([part[1] for part in parts], axis=0), out=grid.room)
    may_be_full = demand > limits

    def put(_share: int, begin: int, end: int) -> None:
        for here in stretches(begin, end):
            place = grid.place(*here)
            for number, slot in enumerate(slots):
                constraint = plain(slot.constraint[place])
                gather_kernels.put_uses(constraint, may_be_full, grid.uses[number, slice(*here)])

    shares.each(len(line), put)
    for number, slot in enumerate(slots):
        grid.slot[slot.constraint[slot.constraint >= 0]] = number
    return grid


def have_exact_keys(problem: Problem, phase: Phase, rounding: str, grid: Grid, shares: Shares) -> bool:
    """Say whether the keys of the chosen lines' packs in a phase are exact among each other."""
    with_carry = bool(problem.requests.carry.any())

    def of(_share: int, begin: int, end: int) -> list[tuple[float, float]]:
        keys = (
            pack_keys(problem, rounding, phase, grid.place(*here), with_carry=with_carry)
            for here in stretches(begin, end)
        )
        return [(some.largest_numerator, some.largest_denominator) for some in keys]

    return are_exact([bound for bounds in shares.each(len(grid.line), of) for bound in bounds])


@dataclass(frozen=True, eq=False)
class Rising:
    """What a stage's lines follow from: who rises, from where, up to where.

    `low` and `high` are given the chosen lines' place, as by :meth:`Grid.place`; `takes_part` says who is left out.
    """

    phase: Phase
    low: Callable[[Any], IntArray]
    high: Callable[[Any], IntArray]
    takes_part: Callable[[Any], npt.NDArray[np.bool_]]


def build_stage(
    problem: Problem, rounding: str, grid: Grid, room: Floats, rising: Rising, shares: Shares
) -> Stage | None:
    """Return the stage of the lines of a grid that rise, `room` being left before it; None where there are none."""
    with_carry, lines_in_all = bool(problem.requests.carry.any()), len(grid.line)
    here = np.empty(lines_in_all, dtype=np.bool_)

    def choose(_share: int, begin: int, end: int) -> int:
        for stretch in stretches(begin, end):
            place = grid.place(*stretch)
            here[slice(*stretch)] = rising.takes_part(place) & (rising.low(place) < rising.high(place))
        return int(here[begin:end].sum())

    counts = shares.each(lines_in_all, choose)
    count, starts = sum(counts), np.cumsum([0, *counts])
    if not count:
        return None
    lines, step = np.empty((count, 4)), np.ones(grid.size.shape[1])
    sku, position = np.empty(count, dtype=np.int32), np.empty(count, dtype=np.int32)
    uses = grid.uses if count == lines_in_all else np.empty((len(grid.uses), count), dtype=np.int32)

    def put(share: int, begin: int, end: int) -> None:
        at = int(starts[share])
        for stretch in stretches(begin, end):
            place, some = grid.place(*stretch), here[slice(*stretch)]
            keys = pack_keys(problem, rounding, rising.phase, place, with_carry=with_carry)
            to = slice(at, at + int(some.sum()))
            columns = {DEN: keys.den, BASE: keys.base, LOW: rising.low(place), HIGH: rising.high(place)}
            for number, column in columns.items():
                lines[to, number] = column[some]
            sku[to], position[to] = problem.requests.sku[place][some], grid.line[slice(*stretch)][some]
            step[sku[to]] = keys.step[some]
            if uses is not grid.uses:
                uses[:, to] = grid.uses[:, slice(*stretch)][:, some]
            at = to.stop

    shares.each(lines_in_all, put)
    begin, end, members = _members(uses, grid.own, len(room))
    return Stage(
        kind=kind_of(rounding),
        step=step,
        lines=lines,
        sku=sku,
        uses=uses,
        size=grid.size,
        own=grid.own,
        room=room,
        slot=grid.slot,
        begin=begin,
        end=end,
        members=members,
        stopped_by=np.full(count, -1, dtype=np.int32),
        how=np.zeros(count, dtype=np.int8),
        position=position,
    )


def _members(uses: Places, own: Flags, constraints: int) -> tuple[IntArray, IntArray, Places]:
    """Put the lines of each shared constraint together, and find the stretch of lines of each own one."""
    begin, end = np.zeros(constraints, dtype=np.int64), np.zeros(constraints, dtype=np.int64)
    gather_kernels.count_members(uses, own, begin, end)
    is_shared = np.ones(constraints, dtype=np.bool_)
    for number in np.flatnonzero(own).tolist():
        is_shared[uses[number][uses[number] >= 0]] = False
    counts = np.where(is_shared, end, 0)
    ends = np.cumsum(counts)
    begin[is_shared] = end[is_shared] = (ends - counts)[is_shared]
    members = np.empty(int(ends[-1]), dtype=np.int32)
    gather_kernels.put_members(uses, own, end, members)
    return begin, end, members

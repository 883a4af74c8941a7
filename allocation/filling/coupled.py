"""Discrete progressive filling by jumps: the same filling as pack by pack, in time that hardly depends on the packs.

:mod:`allocation.filling.progressive` is the definition. Here all lines advance together as long as every constraint has
room for all that is due; only the packs of the levels at which a constraint first has not are taken one by one, and
only there a draw is computed. See :mod:`allocation.filling.coupled_kernels` for how those levels are found.
"""

import os
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from itertools import pairwise
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from allocation.filling import coupled_kernels as kernels
from allocation.filling.coupled_kernels import BASE, DEN, HIGH, LOW, SKU, Floats, Places, Search, Stage, key_of
from allocation.filling.outcome import Filling, Threshold
from allocation.filling.pack_keys import PackKeys, are_exact, pack_keys
from allocation.filling.progressive import moment_of
from allocation.filling.rules import Order, Phase
from allocation.limits import EXACT_FLOAT_END
from allocation.problem import Lines, Problem
from allocation.tables.columns import IntArray

Draw = Callable[[str, str, int], bytes]
Mask = npt.NDArray[np.bool_]


_WORTH_THREADS: Final = 100_000
"""Memberships of lines in constraints from which threads are started."""


@dataclass(frozen=True, eq=False)
class _Grid:
    """What does not change from stage to stage: the chosen lines, and who uses what.

    `line` are positions in the problem; the others are as in :class:`~allocation.filling.coupled_kernels.Stage`,
    `room` being what the floors leave.
    """

    line: IntArray
    sku: Places
    uses: Places
    size: Floats
    slot: Places
    room: Floats


def fill_by_jumps(
    problem: Problem,
    lines: Lines,
    order: Order,
    rounding: str,
    draw: Draw,
    chosen: Mask,
    filling: Filling,
    progress: Callable[[int], None] = lambda _packs: None,
) -> bool:
    """Do what :func:`~allocation.filling.progressive.fill_progressively` does, to the last detail.

    Returns
    -------
    bool
        False, with nothing written, where numbers are so large that floats would not be exact.
    """
    grid = _grid(problem, lines, np.flatnonzero(chosen[problem.requests.sku]))
    if grid is None:
        return False
    with_carry = bool(problem.requests.carry.any())
    keys = [pack_keys(problem, rounding, phase, grid.line, with_carry=with_carry) for phase in order.phases]
    if not all(are_exact([(k.largest_numerator, k.largest_denominator)]) for k in keys):
        return False
    filling.granted[grid.line] = lines.floor[grid.line]
    tier, filler = order.tier[grid.line], _Filler(problem, lines, grid, draw, filling)
    for number in np.unique(tier).tolist():
        for phase, phase_keys in zip(order.phases, keys, strict=True):
            filler.fill(phase, phase_keys, tier == number)
            progress(int(filling.granted[grid.line].sum()))
    filler.note_thresholds(order, rounding)
    return True


def prepare_first_level(problem: Problem, order: Order) -> Callable[[], float]:
    """Return what finds the first level at which a constraint is full, all lines rising from nothing in fractions.

    For a rule of one phase without tiers. The level is a float; what is prepared is the arrays of the kernel.
    """
    lines, every = problem.lines, np.arange(len(problem))
    grid = _grid(problem, replace(lines, floor=np.zeros_like(lines.eligible)), every)
    if grid is None:
        raise OverflowError("more is asked of a constraint than float64 can add up exactly")
    keys = pack_keys(problem, "webster", order.phases[0], every, with_carry=bool(problem.requests.carry.any()))
    stage = build_stage(grid, keys, grid.room, every, np.zeros_like(lines.eligible), lines.eligible)
    return partial(kernels.first_in_fractions, stage)


def _grid(problem: Problem, lines: Lines, line: IntArray) -> _Grid | None:
    """Gather who uses what; None where more is asked of a constraint than float64 can add up exactly.

    A constraint with room for everything is left out.
    """
    slots, limits = problem.constraints.slots, np.array(problem.constraints.limits, dtype=np.float64)
    sku, supply = problem.requests.sku[line], problem.supply
    size = np.array([supply.pack * (supply.price_minor.astype(np.float64) if s.in_money else 1.0) for s in slots])
    uses, slot_of = np.empty((len(slots), len(line)), dtype=np.int32), np.zeros(len(limits), dtype=np.int32)
    room = np.minimum(limits, EXACT_FLOAT_END)
    for number, slot in enumerate(slots):
        constraint = slot.constraint[line]
        used = constraint >= 0
        packs = np.where(used, lines.eligible[line], 0).astype(np.float64)
        demand = np.bincount(constraint[used], (packs * size[number, sku])[used], minlength=len(limits))
        if demand.max(initial=0.0) >= EXACT_FLOAT_END:
            return None
        floor = lines.floor[line].astype(np.float64) * size[number, sku]
        uses[number] = np.where(used & (demand > limits)[constraint], constraint, -1)
        room -= np.bincount(constraint[used], floor[used], minlength=len(limits))
        slot_of[constraint[used]] = number
    return _Grid(line, sku.astype(np.int32), uses, size, slot_of, room)


def build_stage(grid: _Grid, keys: PackKeys, room: Floats, here: IntArray, low: IntArray, high: IntArray) -> Stage:
    """Return the stage of some lines of a grid that rise from `low` to `high` packs, `room` being left before it."""
    uses = np.ascontiguousarray(grid.uses[:, here])
    start = np.zeros(len(room) + 1, dtype=np.int64)
    members = np.empty(int((uses >= 0).sum()), dtype=np.int32)
    kernels.grouped(uses, len(room), start, members)
    step = np.ones(grid.size.shape[1])
    step[grid.sku[here]] = keys.step[here]
    lines = np.empty((len(here), 5))
    lines[:, DEN], lines[:, BASE], lines[:, SKU] = keys.den[here], keys.base[here], grid.sku[here]
    lines[:, LOW], lines[:, HIGH] = low, high
    return Stage(
        kind=keys.kind,
        step=step,
        lines=lines,
        uses=uses,
        size=grid.size,
        room=room,
        slot=grid.slot,
        start=start,
        members=members,
        stopped_by=np.full(len(here), -1, dtype=np.int32),
        how=np.zeros(len(here), dtype=np.int8),
        position=grid.line[here],
    )


def _in_runs(uses: Places) -> IntArray:
    """Return an order in which the lines of large constraints stand together, so that passes read memory in order.

    The lines of small constraints, such as a retailer's, fit a processor's cache wherever they are.
    """
    code, kinds = np.zeros(uses.shape[1], dtype=np.uint16), 1
    spans = [
        (int(used.min()), int(used.max()) - int(used.min()) + 2, row) for row in uses if (used := row[row >= 0]).size
    ]
    for first, span, row in sorted(spans, key=lambda entry: entry[1]):
        if kinds * span > np.iinfo(np.uint16).max:
            break
        code = code * np.uint16(span) + np.where(row >= 0, row - first + 1, 0).astype(np.uint16)
        kinds *= span
    return np.argsort(code, kind="stable")


class _Filler:
    """Fills stage after stage; `room` is what is left of each constraint."""

    def __init__(self, problem: Problem, lines: Lines, grid: _Grid, draw: Draw, filling: Filling) -> None:
        self.problem, self.lines, self.grid, self.draw, self.filling = problem, lines, grid, draw, filling
        self.room = grid.room.copy()
        self.last_lines: list[IntArray] = []

    def fill(self, phase: Phase, keys: PackKeys, chosen: Mask) -> None:
        """Fill one stage: the lines of one tier in one phase, as far as they have not stopped."""
        line, granted = self.grid.line, self.filling.granted[self.grid.line]
        low = np.clip(granted, phase.after[line], phase.until[line])
        high = np.minimum(self.lines.eligible[line], phase.until[line])
        here = np.flatnonzero(chosen & (self.filling.stopped_by[line] < 0) & (low < high))
        if not here.size:
            return
        here = here[_in_runs(self.grid.uses[:, here])]
        stage = build_stage(self.grid, keys, self.room, here, low[here], high[here])
        self._run(stage)
        self._name_earlier(stage)
        self._note_last(stage)
        packs = stage.lines[:, HIGH] - stage.lines[:, LOW]
        for uses, size in zip(stage.uses, stage.size, strict=True):
            used = uses >= 0
            taken = packs * size[self.grid.sku[here]]
            self.room -= np.bincount(uses[used], taken[used], minlength=len(self.room))
        self.filling.granted[line[here]] = stage.lines[:, HIGH].astype(np.int64)
        stopped = stage.how != kernels.GOING
        self.filling.stopped_by[line[here[stopped]]] = stage.stopped_by[stopped]
        self.filling.by_draw[line[here]] = stage.how == kernels.DRAWN

    def note_thresholds(self, order: Order, rounding: str) -> None:
        """Keep the last pack granted of each SKU whose own supply stopped a line."""
        problem, filling, grid = self.problem, self.filling, self.grid
        stopped = filling.stopped_by[grid.line] == grid.sku
        wanted = set(grid.sku[stopped].tolist())
        for line in reversed(self.last_lines):
            sku = problem.requests.sku[line]
            for k in sorted(wanted & set(np.unique(sku).tolist())):
                members = line[sku == k].tolist()
                moment = moment_of(problem, order, rounding, members[0], int(filling.granted[members[0]]))
                draws = (self.draw(*problem.names(i), int(filling.granted[i])) for i in members)
                filling.thresholds[k] = Threshold(*moment, max(draws))
                wanted.discard(k)

    def _run(self, stage: Stage) -> None:
        """Go from level to level at which something is refused, and settle what comes first there by the draw."""
        search = _new_search(len(stage.room), len(stage.lines))
        _look_ahead(stage, search)
        kernels.begin(search)
        packs = kernels.advance(stage, search)
        while packs:
            if packs < 0:
                search = search._replace(**_unit_columns(-2 * packs))
                packs = kernels.list_packs(stage, search)
            drawn = search.unit_drawn[:packs]
            at_stake = np.flatnonzero(drawn)
            digests = self._digests(stage, search.unit_line[at_stake], search.unit_pack[at_stake])
            by_digest = sorted(range(len(digests)), key=digests.__getitem__)
            kernels.settle(stage, search, np.concatenate([np.flatnonzero(~drawn), at_stake[by_digest]]))
            packs = kernels.advance(stage, search)

    def _digests(self, stage: Stage, line: Places, n: IntArray) -> list[bytes]:
        position = stage.position[line].tolist()
        return [self.draw(*self.problem.names(i), k) for i, k in zip(position, n.tolist(), strict=True)]

    def _name_earlier(self, stage: Stage) -> None:
        """Name the first constraint in naming order that was full when the turn of a line stopped ahead came."""
        room_for = 1024
        while True:
            line, constraint = np.empty(room_for, dtype=np.int32), np.empty(room_for, dtype=np.int32)
            found = kernels.name_earlier(stage, line, constraint)
            if found <= room_for:
                break
            room_for = found
        ties: defaultdict[tuple[int, float], list[int]] = defaultdict(list)
        for i, c in zip(line[:found].tolist(), constraint[:found].tolist(), strict=True):
            ties[c, key_of(stage, i, float(stage.lines[i, HIGH]) + 1.0)].append(i)
        for (c, level), waiting in ties.items():
            self._name_by_draw(stage, c, level, np.array(waiting, dtype=np.int32))

    def _name_by_draw(self, stage: Stage, constraint: int, level: float, waiting: Places) -> None:
        """Decide whether the constraint was full at the turn of each waiting line's pack, all having the same key."""
        slot = int(stage.slot[constraint])
        members = int(stage.start[constraint + 1] - stage.start[constraint])
        held, nth = np.empty(members, dtype=np.int32), np.empty(members, dtype=np.int64)
        count, room = kernels.packs_at(stage, constraint, level, held, nth)
        drawn = self._digests(stage, held[:count], nth[:count])
        by_digest = sorted(range(count), key=drawn.__getitem__)
        digests = [drawn[i] for i in by_digest]
        size = stage.size[slot, stage.lines[:, SKU].astype(np.int64)]
        left = room - np.cumsum([0.0, *size[held[by_digest]]])
        own = self._digests(stage, waiting, stage.lines[waiting, HIGH].astype(np.int64) + 1)
        for line, digest in zip(waiting.tolist(), own, strict=True):
            full = left[bisect_left(digests, digest)] < size[line]
            if full and slot < stage.slot[stage.stopped_by[line]]:
                stage.stopped_by[line] = constraint

    def _note_last(self, stage: Stage) -> None:
        """Keep which lines have the last pack of their SKU in this stage."""
        last, is_last = np.full(stage.size.shape[1], -np.inf), np.empty(len(stage.lines), dtype=np.bool_)
        kernels.last_keys(stage, last, is_last)
        self.last_lines.append(stage.position[is_last])


def _look_ahead(stage: Stage, search: Search) -> None:
    """Find all first refusals, on all processors: constraints with about the same number of lines go to each."""
    parts = (os.cpu_count() or 1) if len(stage.members) > _WORTH_THREADS else 1
    ends = np.searchsorted(stage.start, np.linspace(0, len(stage.members), parts + 1)[1:-1]).tolist()
    stretches = list(pairwise([0, *ends, len(stage.room)]))
    with ThreadPoolExecutor(parts) as pool:
        list(pool.map(lambda stretch: kernels.look_ahead(stage, search, *stretch), stretches))


def _new_search(constraints: int, lines: int) -> Search:
    return Search(
        first=np.empty(constraints),
        stale=np.zeros(constraints, dtype=np.bool_),
        vague=np.zeros(constraints, dtype=np.bool_),
        heap=np.empty(constraints, dtype=np.int32),
        critical=np.empty(constraints, dtype=np.int32),
        left=np.empty(constraints),
        left_at_first=np.empty(constraints),
        seen_constraint=np.zeros(constraints, dtype=np.int32),
        seen_line=np.zeros(lines, dtype=np.int32),
        crowd=np.zeros(constraints, dtype=np.int32),
        counts=np.zeros(4, dtype=np.int64),
        at_level=np.zeros(1),
        **_unit_columns(1024),
    )


def _unit_columns(packs: int) -> dict[str, Any]:
    return {
        "unit_line": np.empty(packs, dtype=np.int32),
        "unit_pack": np.empty(packs, dtype=np.int64),
        "unit_drawn": np.empty(packs, dtype=np.bool_),
    }

"""Discrete progressive filling by jumps: the same filling as pack by pack, in time that hardly depends on the packs.

:mod:`allocation.filling.progressive` is the definition. Here all lines advance together as long as every constraint has
room for all that is due; only the packs of the levels at which a constraint first has not are taken one by one, and
only there a draw is computed. See :mod:`allocation.filling.coupled_kernels` for how those levels are found.
"""

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Callable
from dataclasses import replace
from functools import partial

import numpy as np
import numpy.typing as npt

from allocation.filling import naming_kernels as naming
from allocation.filling import stage_kernels
from allocation.filling.coupled_search import Seeker
from allocation.filling.coupled_stage import Grid, Rising, Shares, build_stage, gather, have_exact_keys
from allocation.filling.lottery import Drawing
from allocation.filling.outcome import Filling, Threshold
from allocation.filling.progressive import moment_of
from allocation.filling.refusal_kernels import FEW
from allocation.filling.rules import Order, Phase
from allocation.filling.stage_kernels import HIGH, LOW, NEVER, Places, Stage, key_of
from allocation.problem import Lines, Problem
from allocation.tables.columns import IntArray

Mask = npt.NDArray[np.bool_]


def fill_by_jumps(
    problem: Problem,
    lines: Lines,
    order: Order,
    rounding: str,
    draw: Drawing,
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
    shares = Shares(len(problem))
    try:
        grid = gather(problem, lines, chosen, shares)
        if grid is None:
            return False
        if not all(have_exact_keys(problem, phase, rounding, grid, shares) for phase in order.phases):
            return False
        filler = _Filler(problem, lines, order, rounding, draw, grid, filling, shares)
        for number in np.unique(order.tier[grid.place(0, len(grid.line))]).tolist():
            for phase in order.phases:
                filler.fill(phase, number)
                progress(filler.granted)
        filler.note_thresholds()
    finally:
        shares.close()
    return True


def prepare_first_level(problem: Problem, order: Order) -> Callable[[], float]:
    """Return what finds the first level at which a constraint is full, all lines rising from nothing in fractions.

    For a rule of one phase without tiers. The level is a float; what is prepared is the arrays of the kernel.
    """
    lines, shares = problem.lines, Shares(0)
    every = np.ones(len(problem.supply.sku), dtype=np.bool_)
    grid = gather(problem, replace(lines, floor=np.zeros_like(lines.eligible)), every, shares)
    if grid is None:
        raise OverflowError("more is asked of a constraint than float64 can add up exactly")
    rising = Rising(
        order.phases[0],
        lambda at: np.zeros_like(lines.eligible[at]),
        lambda at: lines.eligible[at],
        lambda at: lines.eligible[at] > 0,
    )
    stage = build_stage(problem, "webster", grid, grid.room, rising, shares)
    shares.close()
    return partial(stage_kernels.first_in_fractions, stage) if stage is not None else lambda: NEVER


class _Filler:
    """Fills stage after stage; `room` is what is left of each constraint, `granted` the packs of all chosen lines."""

    def __init__(
        self,
        problem: Problem,
        lines: Lines,
        order: Order,
        rounding: str,
        draw: Drawing,
        grid: Grid,
        filling: Filling,
        shares: Shares,
    ) -> None:
        self.problem, self.lines, self.order, self.rounding = problem, lines, order, rounding
        self.draw, self.grid, self.filling, self.shares = draw, grid, filling, shares
        self.room = grid.room.copy()
        self.last_lines: list[Places] = []
        every = grid.place(0, len(grid.line))
        filling.granted[every] = lines.floor[every]
        self.granted = int(lines.floor[every].sum())

    def fill(self, phase: Phase, tier: int) -> None:
        """Fill one stage: the lines of one tier in one phase, as far as they have not stopped."""
        granted, eligible, tiers = self.filling.granted, self.lines.eligible, self.order.tier
        rising = Rising(
            phase,
            low=lambda at: np.clip(granted[at], phase.after[at], phase.until[at]),
            high=lambda at: np.minimum(eligible[at], phase.until[at]),
            takes_part=lambda at: (tiers[at] == tier) & (self.filling.stopped_by[at] < 0),
        )
        stage = build_stage(self.problem, self.rounding, self.grid, self.room, rising, self.shares)
        if stage is None:
            return
        Seeker(self.problem, self.draw, stage, self.shares).run()
        left = self._left(stage)
        self._name_earlier(stage, left)
        self._note_last(stage)
        self._note_first(stage)
        self.room = left
        columns = self.filling.granted, self.filling.stopped_by, self.filling.by_draw
        self.shares.each(len(stage.how), lambda _, begin, end: naming.write_down(stage, begin, end, *columns))

    def note_thresholds(self) -> None:
        """Keep the last pack granted of each SKU whose own supply stopped a line."""
        problem, filling = self.problem, self.filling
        stopped_by = filling.stopped_by[self.grid.place(0, len(self.grid.line))]
        own = stopped_by[(stopped_by >= 0) & (stopped_by < len(problem.supply.sku))]
        wanted = set(np.unique(own).tolist())
        for line in reversed(self.last_lines):
            sku = problem.requests.sku[line]
            for k in sorted(wanted & set(np.unique(sku).tolist())):
                members = line[sku == k].tolist()
                first = int(filling.granted[members[0]])
                moment = moment_of(problem, self.order, self.rounding, members[0], first)
                draws = (self.draw(*problem.names(i), int(filling.granted[i])) for i in members)
                filling.thresholds[k] = Threshold(*moment, max(draws))
                wanted.discard(k)

    def _left(self, stage: Stage) -> npt.NDArray[np.float64]:
        """Return what is left of each constraint when the stage is filled."""

        def taken(_share: int, begin: int, end: int) -> npt.NDArray[np.float64]:
            of_share = np.zeros(len(stage.room))
            naming.add_taken(stage, begin, end, of_share)
            return of_share

        self.granted += int((stage.lines[:, HIGH] - stage.lines[:, LOW]).sum())
        left: npt.NDArray[np.float64] = stage.room - np.sum(self.shares.each(len(stage.how), taken), axis=0)
        return left

    def _name_earlier(self, stage: Stage, left: npt.NDArray[np.float64]) -> None:
        """Name the first constraint in naming order that was full when the turn of a line stopped ahead came."""

        def doomed(_share: int, begin: int, end: int) -> tuple[Places, Places]:
            room_for = 1024
            while True:
                line, constraint = np.empty(room_for, dtype=np.int32), np.empty(room_for, dtype=np.int32)
                found = naming.list_doomed(stage, left, begin, end, line, constraint)
                if found <= room_for:
                    return line[:found], constraint[:found]
                room_for = found

        parts = self.shares.each(len(stage.how), doomed)
        line, constraint = (np.concatenate(column) for column in zip(*parts, strict=True))
        size = stage.size[stage.slot[constraint], stage.sku[line]]
        together = np.lexsort((size, constraint))
        line, constraint = line[together], constraint[together]
        found = naming.name_earlier(stage, line, constraint, np.empty(FEW), np.empty(FEW))
        ties: defaultdict[tuple[int, float], list[int]] = defaultdict(list)
        for i, c in zip(line[:found].tolist(), constraint[:found].tolist(), strict=True):
            ties[c, key_of(stage, i, float(stage.lines[i, HIGH]) + 1.0)].append(i)
        for (c, level), waiting in ties.items():
            self._name_by_draw(stage, c, level, np.array(waiting, dtype=np.int32))

    def _name_by_draw(self, stage: Stage, constraint: int, level: float, waiting: Places) -> None:
        """Decide whether the constraint was full at the turn of each waiting line's pack, all having the same key."""
        slot = int(stage.slot[constraint])
        members = int(stage.end[constraint] - stage.begin[constraint])
        held, nth = np.empty(members, dtype=np.int32), np.empty(members, dtype=np.int64)
        count, room = naming.packs_at(stage, constraint, level, held, nth)
        drawn = self._digests(stage, held[:count], nth[:count])
        by_digest = sorted(range(count), key=drawn.__getitem__)
        digests = [drawn[i] for i in by_digest]
        size = stage.size[slot, stage.sku]
        left = room - np.cumsum([0.0, *size[held[by_digest]]])
        own = self._digests(stage, waiting, stage.lines[waiting, HIGH].astype(np.int64) + 1)
        for line, digest in zip(waiting.tolist(), own, strict=True):
            full = left[bisect_left(digests, digest)] < size[line]
            if full and slot < stage.slot[stage.stopped_by[line]]:
                stage.stopped_by[line] = constraint

    def _digests(self, stage: Stage, line: Places, n: IntArray) -> list[bytes]:
        position = stage.position[line].tolist()
        return [self.draw(*self.problem.names(i), k) for i, k in zip(position, n.tolist(), strict=True)]

    def _note_last(self, stage: Stage) -> None:
        """Keep which lines have the last pack of their SKU in this stage."""
        count, skus = len(stage.how), stage.size.shape[1]

        def last_keys(_share: int, begin: int, end: int) -> npt.NDArray[np.float64]:
            last = np.full(skus, -np.inf)
            naming.last_keys(stage, begin, end, last)
            return last

        last, is_last = np.max(self.shares.each(count, last_keys), axis=0), np.empty(count, dtype=np.bool_)
        self.shares.each(count, lambda _, begin, end: naming.list_last(stage, begin, end, last, is_last))
        self.last_lines.append(stage.position[is_last])

    def _note_first(self, stage: Stage) -> None:
        """Keep which line had the first pack that each constraint refused."""
        constraints = len(stage.room)

        def first(_share: int, begin: int, end: int) -> tuple[npt.NDArray[np.float64], Places]:
            keys, line = np.full(constraints, NEVER), np.full(constraints, -1, dtype=np.int32)
            naming.first_refused(stage, begin, end, keys, line)
            return keys, line

        least = np.full(constraints, NEVER)
        if not len(self.filling.first_refused):
            self.filling.first_refused = np.full(constraints, -1, dtype=np.int32)
        known = self.filling.first_refused >= 0
        for keys, line in self.shares.each(len(stage.how), first):
            earlier = (keys < least) & ~known
            self.filling.first_refused[earlier] = line[earlier]
            least[earlier] = keys[earlier]

"""Water-filling by compiled kernels: SKU by SKU, on all cores, with the result of :mod:`allocation.water_filling`.

Lines are brought together by SKU once; then each SKU is filled for itself: stage by stage (tier and phase) to the one
in which its supply ends, there down to one step of a fine grid of levels, and within the step by exact comparison and
the draw. A SKU whose numbers do not fit 64 bits is left to the plain way.
"""

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from allocation import filling_kernels as kernels
from allocation.columns import IntArray, Positions, is_constant
from allocation.draw_kernels import draws
from allocation.filling import Filling, Threshold
from allocation.limits import LEVEL_REFINEMENT_BITS, WORD_END
from allocation.line_bytes import Pool
from allocation.lottery import Drawing
from allocation.problem import Lines, Problem
from allocation.rules import Order
from allocation.signposts import CARRY_SCALE, largest_product, unit_level
from allocation.texts import Coded

Mask = npt.NDArray[np.bool_]

_STRETCH_LINES: Final = 1 << 20


def fill_many(
    problem: Problem, lines: Lines, order: Order, rounding: str, draw: Drawing, chosen: Mask, filling: Filling
) -> Mask:
    """Share the supplies of the chosen SKUs; see :func:`allocation.water_filling.fill_supplies`.

    Returns
    -------
    Mask
        The chosen SKUs that were left out, since their numbers may not fit 64 bits.
    """
    packs = (problem.supply.supply - problem.supply.reserve) // problem.supply.pack
    sums, fits = _totals(problem.requests.sku, lines, len(chosen))
    scarce = chosen & fits & (sums[0] > packs)
    filler = _Filler(problem, lines, order, rounding, draw, filling)
    left = packs - sums[1]
    place, ends = _by_sku(problem.requests.sku, scarce, sums[2])
    is_done = np.zeros(len(chosen), dtype=np.bool_)

    def fill(sku: int) -> tuple[int, bool, Threshold | None]:
        here = place[ends[sku] - sums[2, sku] : ends[sku]]
        return sku, *filler.fill(sku, here, int(left[sku]))

    with ThreadPoolExecutor(os.cpu_count()) as threads:
        for sku, done, threshold in threads.map(fill, np.flatnonzero(scarce).tolist()):
            is_done[sku] = done
            if threshold is not None:
                filling.thresholds[sku] = threshold
    left_out: Mask = (chosen & ~fits) | (scarce & ~is_done)
    return left_out


def _totals(sku: Positions, lines: Lines, skus: int) -> tuple[IntArray, Mask]:
    """Return eligible and floor in packs, and lines, per SKU, and for which of them the sums fit."""
    sums, estimates = np.zeros((3, skus), dtype=np.int64), np.zeros((2, skus))
    for here in _stretches(len(sku)):
        kernels.totals(sku[here], _plain(lines.eligible[here]), _plain(lines.floor[here]), sums, estimates)
    fits: Mask = estimates.max(axis=0) < WORD_END / 2
    return sums, fits


def _by_sku(sku: Positions, chosen: Mask, lines: IntArray) -> tuple[Positions, IntArray]:
    """Return the lines of the chosen SKUs, one SKU after the other, and where each SKU's end."""
    count = np.where(chosen, lines, 0)
    ends = np.where(chosen, np.cumsum(count) - count, -1)
    place = np.empty(int(count.sum()), dtype=np.int32)
    for here in _stretches(len(sku)):
        kernels.group(sku[here], here.start, ends, place)
    return place, ends


def _stretches(lines: int) -> Iterator[slice]:
    return (slice(start, min(start + _STRETCH_LINES, lines)) for start in range(0, lines, _STRETCH_LINES))


def _plain(column: IntArray) -> IntArray:
    """Return a column in plain memory, so that kernels are compiled for one kind of array."""
    return np.ascontiguousarray(column)


def _at(column: IntArray, place: Positions) -> IntArray:
    """Return a column at some places, as a copy."""
    return np.full(len(place), column[0]) if is_constant(column) else np.take(column, place)


@dataclass(frozen=True, eq=False)
class _Stage:
    """Stretches of one SKU's lines at one stage, as in :mod:`allocation.water_filling`."""

    phase: int
    member: IntArray
    low: IntArray
    high: IntArray
    rate: IntArray
    offset_packs: IntArray


class _Filler:
    """Fills one SKU after the other, each writing to its own lines alone."""

    def __init__(
        self, problem: Problem, lines: Lines, order: Order, rounding: str, draw: Drawing, filling: Filling
    ) -> None:
        self.problem, self.lines, self.order, self.rounding = problem, lines, order, rounding
        self.draw, self.filling = draw, filling
        self.method = kernels.METHOD[rounding]
        self.scale = CARRY_SCALE if problem.requests.carry.any() else 1

    def fill(self, sku: int, place: Positions, left: int) -> tuple[bool, Threshold | None]:
        """Share what is left of a SKU above the floors; return whether the numbers fit, and its threshold."""
        granted, eligible = _at(self.lines.floor, place), _at(self.lines.eligible, place)
        drawn, threshold = np.zeros(len(place), dtype=np.bool_), None
        if left > 0:
            stage, due = self._stage_of_the_end(place, granted, eligible, left)
            carry = (
                _at(self.problem.requests.carry, place[stage.member]) if self.scale > 1 else np.zeros_like(stage.low)
            )
            target = due + int(stage.low.sum())
            if not self._narrow_down(stage, carry, target):
                return False, None
            granted[stage.member] = stage.low
            threshold = self._decide(sku, place, stage, carry, target - int(stage.low.sum()), (granted, drawn))
        self.filling.granted[place] = granted
        self.filling.by_draw[place] = drawn
        self.filling.stopped_by[place[granted < eligible]] = sku
        return True, threshold

    def _stage_of_the_end(
        self, place: Positions, granted: IntArray, eligible: IntArray, left: int
    ) -> tuple[_Stage, int]:
        """Grant every stage that is filled; return the one in which the supply ends, and how many packs it gets."""
        tier, floor = _at(self.order.tier, place), granted.copy()
        tiers = tier[:1] if is_constant(self.order.tier) else np.unique(tier)
        for number in tiers.tolist():
            of_tier = tier == number
            for phase in self.order.phases:
                after, until = _at(phase.after, place), _at(phase.until, place)
                low, high = np.clip(floor, after, until), np.minimum(eligible, until)
                member = np.flatnonzero(of_tier & (low < high))
                low, high = low[member], high[member]
                amount = int((high - low).sum())
                if amount >= left:
                    where = place[member]
                    rate, offset = _at(phase.rate, where), _at(phase.offset_packs, where)
                    return _Stage(phase.number, member, low, high, rate, offset), left
                granted[member] = high
                left -= amount
        raise AssertionError("a scarce supply was not used up")

    def _narrow_down(self, stage: _Stage, carry: IntArray, target: int) -> bool:
        """Narrow the stage down to one step of its grid; return whether the numbers fit."""
        rate, scale = stage.rate, self.scale
        divisor = int(np.gcd.reduce(rate))
        fastest, slowest = int(rate.max()) // divisor, int(rate.min()) // divisor
        furthest = float(np.abs(stage.offset_packs).max()) * scale + CARRY_SCALE
        reach = (float(stage.high.max()) * scale + furthest) * (fastest / slowest) + furthest + scale
        finest = LEVEL_REFINEMENT_BITS if fastest > slowest else 0
        shift = (fastest - 1).bit_length() + finest
        while not self._fits(reach, shift):
            shift -= 1
            if 1 << max(shift, 0) < fastest:
                return False
        offset = stage.offset_packs * scale + carry
        kernels.narrow_down(self.method, stage.low, stage.high, rate // divisor, offset, scale, shift, target)
        return True

    def _fits(self, reach: float, shift: int) -> bool:
        steps = 2.0 ** max(shift, 0)
        scale = np.array([self.scale * steps])
        products = largest_product(self.rounding, np.array([reach / self.scale]), scale)
        return max(reach * steps, float(products[0])) < WORD_END / 2

    def _decide(
        self,
        sku: int,
        place: Positions,
        stage: _Stage,
        carry: IntArray,
        due: int,
        held: tuple[IntArray, Mask],
    ) -> Threshold:
        """Grant the packs within the last step in their exact order, the last of them by the draw."""
        granted, drawn = held
        open_ = np.flatnonzero(stage.low < stage.high)
        n = stage.low[open_] + 1
        code, levels = self._levels(sku, n, carry[open_], stage.rate[open_], stage.offset_packs[open_])
        in_order = sorted(set(levels))
        rank_of = {level: rank for rank, level in enumerate(in_order)}
        rank = np.array([rank_of[level] for level in levels], dtype=np.int64)[code]
        ends = np.cumsum(np.bincount(rank))
        last = int(np.searchsorted(ends, due))
        member = stage.member[open_]
        granted[member[rank < last]] += 1
        at_stake = np.flatnonzero(rank == last)
        wins, draw = self._draw(sku, place[member[at_stake]], n[at_stake], due - int(ends[last] - len(at_stake)))
        granted[member[at_stake[wins]]] += 1
        drawn[member[at_stake[~wins]]] = True
        tier = int(self.order.tier[place[member[at_stake[0]]]])
        return Threshold(tier, stage.phase, in_order[last], draw)

    def _levels(
        self, sku: int, n: IntArray, carry: IntArray, rate: IntArray, offset: IntArray
    ) -> tuple[npt.NDArray[np.int32], list[Any]]:
        """Return the kind of each unit, and the exact level of each kind."""
        example, code = np.empty(len(n), dtype=np.int32), np.empty(len(n), dtype=np.int32)
        table = np.full(2 << len(n).bit_length(), -1, dtype=np.int32)
        kinds = example[: kernels.alike(n, carry, rate, offset, example, code, table)]
        pack = int(self.problem.supply.pack[sku])
        columns = (column[kinds].tolist() for column in (n, carry, rate, offset))
        return code, [
            unit_level(self.rounding, number, carry=carried, pack=pack, rate=speed, offset=start * pack)
            for number, carried, speed, start in zip(*columns, strict=True)
        ]

    def _draw(self, sku: int, line: Positions, n: IntArray, due: int) -> tuple[Mask, bytes]:
        """Return which of the units are among the first `due` in the order of the draw, and the last of these draws."""
        who = Coded(self.problem.requests.retailer[line], self.problem.retailers.retailer)
        names, sku_name = Pool.of_texts(who.tolist()), self.problem.supply.sku[sku].encode()
        words = draws(self.draw.seed, sku_name, names.content, names.starts, np.arange(len(n)), n)
        first = words[:, 0].astype(np.uint64) << np.uint64(32) | words[:, 1]
        border = np.partition(first, due - 1)[due - 1]
        wins: Mask = first < border
        near = np.flatnonzero(first == border)  # alike in 64 bits: one, or a wonder
        digests = sorted((words[unit].astype(">u4").tobytes(), unit) for unit in near.tolist())
        chosen = digests[: due - int(wins.sum())]
        wins[[unit for _, unit in chosen]] = True
        return wins, chosen[-1][0]

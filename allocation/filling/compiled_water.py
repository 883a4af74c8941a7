"""Water-filling by compiled kernels: SKU by SKU, on all cores, with the result of :mod:`allocation.filling.water`.

Lines are brought together by SKU once; then each SKU is filled for itself: stage by stage (tier and phase) to the one
in which its supply ends, there down to one step of a fine grid of levels, and within the step by exact comparison and
the draw. A SKU whose numbers do not fit 64 bits is left to the plain way.
"""

import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from allocation.filling import water_kernels as kernels
from allocation.filling.draw_kernels import draws
from allocation.filling.lottery import Drawing
from allocation.filling.outcome import Filling, Threshold
from allocation.filling.rules import Order
from allocation.filling.signposts import CARRY_SCALE, largest_product, unit_level
from allocation.hashing.line_bytes import Pool
from allocation.limits import LEVEL_REFINEMENT_BITS, WORD_END
from allocation.problem import Lines, Problem
from allocation.tables.columns import IntArray, Positions, is_constant
from allocation.tables.texts import Coded

Mask = npt.NDArray[np.bool_]

_STRETCH_LINES: Final = 1 << 20
_THREADS: Final = os.cpu_count() or 1


def fill_many(
    problem: Problem, lines: Lines, order: Order, rounding: str, draw: Drawing, chosen: Mask, filling: Filling
) -> Mask:
    """Share the supplies of the chosen SKUs; see :func:`allocation.filling.water.fill_supplies`.

    Returns
    -------
    Mask
        The chosen SKUs that were left out, since their numbers may not fit 64 bits.
    """
    packs = problem.supply.packs_on_offer
    with ThreadPoolExecutor(_THREADS) as threads:
        parts, sums, fits = _totals(threads, problem.requests.sku, lines, len(chosen))
        scarce = chosen & fits & (sums[0] > packs)
        together = _Together(threads, problem.requests.sku, scarce, parts)
        filler = _Filler(problem, lines, order, rounding, draw, together)
        left = packs - sums[1]

        def fill(sku: int) -> tuple[int, Threshold | None]:
            return sku, filler.fill(sku, int(left[sku]))

        done = list(threads.map(fill, np.flatnonzero(scarce).tolist()))
        left_out = chosen & ~fits
        left_out[[sku for sku, _ in done if sku in filler.too_wide]] = True
        filling.thresholds.update({sku: threshold for sku, threshold in done if threshold is not None})
        together.spread(~left_out, filler.held, filler.drawn, filling, lines.eligible)
    return left_out


def _totals(
    threads: ThreadPoolExecutor, sku: Positions, lines: Lines, skus: int
) -> tuple[list[tuple[slice, IntArray]], IntArray, Mask]:
    """Add up eligible and floor in packs, and count lines, per SKU.

    Returns
    -------
    tuple
        Parts of the lines with the number of lines per SKU in each, the sums, and for which SKUs they fit.
    """

    def of(part: slice) -> tuple[IntArray, npt.NDArray[np.float64]]:
        sums, estimates = np.zeros((3, skus), dtype=np.int64), np.zeros((2, skus))
        for here in _stretches(part):
            kernels.totals(sku[here], _plain(lines.eligible[here]), _plain(lines.floor[here]), sums, estimates)
        return sums, estimates

    size = -(-len(sku) // _THREADS)
    parts = [slice(start, min(start + size, len(sku))) for start in range(0, len(sku), max(size, 1))]
    totals = list(threads.map(of, parts))
    sums = np.sum([some for some, _ in totals], axis=0)
    fits: Mask = np.sum([estimate for _, estimate in totals], axis=0).max(axis=0) < WORD_END / 2
    return [(part, some[2]) for part, (some, _) in zip(parts, totals, strict=True)], sums, fits


def _stretches(part: slice) -> Iterator[slice]:
    return (slice(at, min(at + _STRETCH_LINES, part.stop)) for at in range(part.start, part.stop, _STRETCH_LINES))


def _plain(column: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Return a column in plain memory and read-only, so that kernels are compiled for one kind of array."""
    plain = np.ascontiguousarray(column).view()
    plain.setflags(write=False)
    return plain


class _Together:
    """Columns of lines brought together by SKU, the lines of the chosen SKUs alone.

    All lines are gone through in their order and each SKU's written one behind the other, by several threads from
    places of their own: memory is read and written in streams, never here and there.
    """

    def __init__(
        self, threads: ThreadPoolExecutor, sku: Positions, chosen: Mask, parts: list[tuple[slice, IntArray]]
    ) -> None:
        self.threads, self.sku = threads, _plain(sku)
        counts = [np.where(chosen, count, 0) for _, count in parts]
        total = np.sum(counts, axis=0) if counts else np.zeros(len(chosen), dtype=np.int64)
        self.ends = np.cumsum(total)
        self.starts = self.ends - total
        self.lines = int(total.sum())
        self.parts = []
        at = self.starts
        for (part, _), count in zip(parts, counts, strict=True):
            self.parts.append((part, np.where(chosen, at, -1)))
            at = at + count
        self.columns: dict[int, IntArray] = {}
        self.place = np.empty(self.lines, dtype=np.int32)
        self._each(lambda here, ends: kernels.number(self.sku[here], here.start, ends, self.place))

    def bring(self, column: IntArray) -> None:
        """Bring a column together, unless it is one number or was brought before."""
        if not is_constant(column) and id(column) not in self.columns:
            out = self.columns[id(column)] = np.empty(self.lines, dtype=np.int64)
            self._each(lambda here, ends: kernels.bring_together(self.sku[here], _plain(column[here]), ends, out))

    def of(self, sku: int, column: IntArray) -> IntArray:
        """Return a column for the lines of a SKU; not to be written to."""
        here = slice(self.starts[sku], self.ends[sku])
        if is_constant(column):
            return np.full(here.stop - here.start, column[0] if len(column) else 0)
        return self.columns[id(column)][here]

    def spread(self, chosen: Mask, held: IntArray, drawn: Mask, filling: Filling, eligible: IntArray) -> None:
        """Put what the lines of the chosen SKUs hold to their places in a filling."""

        def one(here: slice, ends: IntArray) -> None:
            ends[~chosen] = -1
            places = (filling.granted[here], filling.by_draw[here], filling.stopped_by[here])
            kernels.spread(self.sku[here], ends, held, drawn, places, _plain(eligible[here]))

        self._each(one)

    def _each(self, work: Callable[[slice, IntArray], None]) -> None:
        """Do a work on all lines: each stretch, and where its lines go."""

        def of(part: tuple[slice, IntArray]) -> None:
            lines, ends = part[0], part[1].copy()
            for here in _stretches(lines):
                work(here, ends)

        list(self.threads.map(of, self.parts))


@dataclass(frozen=True, eq=False)
class _Stage:
    """Stretches of one SKU's lines at one stage, as in :mod:`allocation.filling.water`."""

    phase: int
    member: IntArray
    low: IntArray
    high: IntArray
    rate: IntArray
    offset_packs: IntArray


class _Filler:
    """Fills one SKU after the other: `held` and `drawn` get packs and lost draws, in the order of `together`."""

    def __init__(
        self, problem: Problem, lines: Lines, order: Order, rounding: str, draw: Drawing, together: _Together
    ) -> None:
        self.problem, self.lines, self.order, self.rounding = problem, lines, order, rounding
        self.draw, self.together = draw, together
        self.method = kernels.METHOD[rounding]
        self.scale = CARRY_SCALE if problem.requests.carry.any() else 1
        self.held, self.drawn = np.empty(together.lines, dtype=np.int64), np.zeros(together.lines, dtype=np.bool_)
        self.too_wide: set[int] = set()
        for column in (lines.eligible, lines.floor, order.tier, problem.requests.carry):
            together.bring(column)
        for phase in order.phases:
            for column in (phase.after, phase.until, phase.rate, phase.offset_packs):
                together.bring(column)

    def fill(self, sku: int, left: int) -> Threshold | None:
        """Share what is left of a SKU above the floors; return its threshold."""
        of = partial(self.together.of, sku)
        here = slice(self.together.starts[sku], self.together.ends[sku])
        granted, drawn = self.held[here], self.drawn[here]
        granted[:] = of(self.lines.floor)
        if left <= 0:
            return None
        stage, due = self._stage_of_the_end(of, granted, left)
        carry = of(self.problem.requests.carry)[stage.member] if self.scale > 1 else np.zeros_like(stage.low)
        target = due + int(stage.low.sum())
        if not self._narrow_down(stage, carry, target):
            self.too_wide.add(sku)
            return None
        granted[stage.member] = stage.low
        return self._decide(
            sku, self.together.place[here], stage, carry, target - int(stage.low.sum()), (granted, drawn)
        )

    def _stage_of_the_end(self, of: Callable[[IntArray], IntArray], granted: IntArray, left: int) -> tuple[_Stage, int]:
        """Grant every stage that is filled; return the one in which the supply ends, and how many packs it gets."""
        tier, floor, eligible = of(self.order.tier), granted.copy(), of(self.lines.eligible)
        tiers = tier[:1] if is_constant(self.order.tier) else np.unique(tier)
        for number in tiers.tolist():
            of_tier = tier == number
            for phase in self.order.phases:
                low, high = np.clip(floor, of(phase.after), of(phase.until)), np.minimum(eligible, of(phase.until))
                member = np.flatnonzero(of_tier & (low < high))
                low, high = low[member], high[member]
                amount = int((high - low).sum())
                if amount >= left:
                    rate, offset = of(phase.rate)[member], of(phase.offset_packs)[member]
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

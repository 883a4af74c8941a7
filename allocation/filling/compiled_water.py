"""Water-filling by compiled kernels: SKU by SKU, on all cores, with the result of :mod:`allocation.filling.water`.

Where lines are alike they are counted (:mod:`allocation.filling.bins`); else they are brought together by SKU. Then
each supply is shared for itself (:mod:`allocation.filling.one_supply`), and its last packs are drawn for. A SKU whose
numbers do not fit 64 bits is left to the plain way.
"""

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import suppress
from typing import Final

import numpy as np
import numpy.typing as npt

from allocation.compiled import plain
from allocation.filling import water_kernels as kernels
from allocation.filling.bins import Bins, DrawAmong, Filled, Mask
from allocation.filling.draw_kernels import draws
from allocation.filling.lottery import Drawing
from allocation.filling.one_supply import Claims, Ending, TooWideError, claims_by, end_of
from allocation.filling.outcome import Filling, Threshold
from allocation.filling.rules import Order
from allocation.filling.signposts import CARRY_SCALE, Level
from allocation.hashing.line_bytes import Pool
from allocation.limits import WORD_END
from allocation.problem import Lines, Problem
from allocation.tables.columns import IntArray, Positions, constant, is_constant

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
    with ThreadPoolExecutor(_THREADS) as threads:
        way, filled, left_out = _filled(threads, problem, lines, order, rounding, chosen)
        names = Pool.of_texts(problem.retailers.retailer)

        def wins(sku: int, line: Positions | IntArray, n: IntArray) -> Mask:
            ending = filled[sku][1]
            if ending is None:
                raise AssertionError("nothing is drawn for where nothing ended")
            who = problem.requests.retailer[line].astype(np.int64)
            words = draws(draw.seed, problem.supply.sku[sku].encode(), names.content, names.starts, who, n)
            won, last = _first_of(words, ending.due)
            filling.thresholds[sku] = Threshold(ending.tier, ending.phase, ending.level, last)
            return won

        way.settle(filled, wins, filling, lines.eligible)
    return left_out


def last_levels(problem: Problem, lines: Lines, order: Order, rounding: str) -> dict[int, Level]:
    """Return the level at which each supply ends, as if no other constraint existed, without granting anything.

    SKUs whose numbers may not fit 64 bits are left out, and those that have enough, or nothing above floors.
    """
    every = np.ones(len(problem.supply.sku), dtype=np.bool_)
    with ThreadPoolExecutor(_THREADS) as threads:
        _, filled, _ = _filled(threads, problem, lines, order, rounding, every)
    return {sku: ending.level for sku, (_, ending) in filled.items() if ending is not None}


def _filled(
    threads: Executor, problem: Problem, lines: Lines, order: Order, rounding: str, chosen: Mask
) -> "tuple[Bins | _Together, Filled, Mask]":
    """Share the supplies of the chosen SKUs up to the draw; return the SKUs left out too."""
    size = max(-(-len(problem) // _THREADS), 1)
    parts = [slice(at, min(at + size, len(problem))) for at in range(0, len(problem), size)]
    way = Bins.of(threads, problem, lines, order, parts) or _Together(threads, problem, lines, parts)
    packs, scale = problem.supply.packs_on_offer, CARRY_SCALE if problem.requests.carry.any() else 1
    demand, floors, fits = way.sums(problem, lines, order)
    scarce = chosen & fits & (demand > packs)
    way.take(scarce, problem, lines, order)

    def one(sku: int) -> tuple[Claims, Ending | None]:
        claims = way.claims_of(problem, lines, order, sku)
        return claims, end_of(claims, int(packs[sku] - floors[sku]), rounding, scale)

    filled = {}
    waiting = {sku: threads.submit(one, sku) for sku in np.flatnonzero(scarce).tolist()}
    for sku, found in waiting.items():
        with suppress(TooWideError):
            filled[sku] = found.result()
    left_out = chosen & ~fits
    left_out[[sku for sku in waiting if sku not in filled]] = True
    return way, filled, left_out


def _first_of(words: npt.NDArray[np.uint32], due: int) -> tuple[Mask, bytes]:
    """Return which of some draws are among the first `due`, and the last of these."""
    first = words[:, 0].astype(np.uint64) << np.uint64(32) | words[:, 1]
    border = np.partition(first, due - 1)[due - 1]
    wins: Mask = first < border
    near = np.flatnonzero(first == border)  # alike in 64 bits: one, or a wonder
    digests = sorted((words[draw].astype(">u4").tobytes(), draw) for draw in near.tolist())
    chosen = digests[: due - int(wins.sum())]
    wins[[draw for _, draw in chosen]] = True
    return wins, chosen[-1][0]


def _stretches(part: slice) -> Iterator[slice]:
    return (slice(at, min(at + _STRETCH_LINES, part.stop)) for at in range(part.start, part.stop, _STRETCH_LINES))


class _Together:
    """Columns of lines brought together by SKU, the lines of the taken SKUs alone.

    All lines are gone through in their order and each SKU's written one behind the other, by several threads from
    places of their own: memory is read and written in streams, never here and there.
    """

    def __init__(self, threads: Executor, problem: Problem, lines: Lines, parts: Sequence[slice]) -> None:
        self.threads, self.sku, skus = threads, plain(problem.requests.sku), len(problem.supply.sku)

        def of(part: slice) -> tuple[IntArray, npt.NDArray[np.float64]]:
            sums, estimates = np.zeros((3, skus), dtype=np.int64), np.zeros((2, skus))
            for here in _stretches(part):
                columns = plain(lines.eligible[here]), plain(lines.floor[here])
                kernels.totals(self.sku[here], *columns, sums, estimates)
            return sums, estimates

        totals = list(threads.map(of, parts))
        self.counts = [some[2] for some, _ in totals]
        self._sums = np.sum([some for some, _ in totals] or np.zeros((1, 3, skus), dtype=np.int64), axis=0)
        self._estimates = np.sum([some for _, some in totals] or np.zeros((1, 2, skus)), axis=0)
        self._lines_of_parts = parts
        self.columns: dict[int, IntArray] = {}

    def sums(self, _problem: Problem, _lines: Lines, _order: Order) -> tuple[IntArray, IntArray, Mask]:
        """Return eligible and floor in packs per SKU, and which of these sums fit 64 bits."""
        fits: Mask = self._estimates.max(axis=0) < WORD_END / 2
        return self._sums[0], self._sums[1], fits

    def take(self, chosen: Mask, problem: Problem, lines: Lines, order: Order) -> None:
        """Bring together what claims on the chosen SKUs follow from."""
        counts = [np.where(chosen, count, 0) for count in self.counts]
        total = np.sum(counts or np.zeros((1, len(chosen)), dtype=np.int64), axis=0)
        self.ends = np.cumsum(total)
        self.starts = self.ends - total
        self.lines = int(total.sum())
        self.parts = []
        at = self.starts
        for part, count in zip(self._lines_of_parts, counts, strict=True):
            self.parts.append((part, np.where(chosen, at, -1)))
            at = at + count
        self.place = np.empty(self.lines, dtype=np.int32)
        self.held, self.drawn = np.empty(self.lines, dtype=np.int64), np.zeros(self.lines, dtype=np.bool_)
        self._each(lambda here, ends: kernels.number(self.sku[here], here.start, ends, self.place))
        for column in (lines.eligible, lines.floor, order.tier, problem.requests.carry):
            self._bring(column)
        for phase in order.phases:
            for column in (phase.after, phase.until, phase.rate, phase.offset_packs):
                self._bring(column)

    def claims_of(self, problem: Problem, lines: Lines, order: Order, sku: int) -> Claims:
        """Return a claim for each line of a SKU that was taken."""
        here = slice(self.starts[sku], self.ends[sku])

        def column_of(column: IntArray) -> IntArray:
            if is_constant(column):
                return constant(int(column[0]) if len(column) else 0, here.stop - here.start)
            return self.columns[id(column)][here]

        places = self.place[here], np.empty(0, dtype=np.int64), self.held[here]
        return claims_by(column_of, problem, lines, order, sku, places)

    def settle(self, filled: Filled, draw: DrawAmong, filling: Filling, eligible: IntArray) -> None:
        """Draw for the lines at stake, and put what the lines of these SKUs hold to their places in a filling."""

        def drawn(sku: int) -> None:
            claims, ending = filled[sku]
            if ending is not None:
                at_stake = ending.at_stake
                wins = draw(sku, claims.where[at_stake], claims.held[at_stake] + 1)
                claims.held[at_stake[wins]] += 1
                self.drawn[self.starts[sku] + at_stake[~wins]] = True

        list(self.threads.map(drawn, filled))
        left_out = np.ones(len(self.ends), dtype=np.bool_)
        left_out[list(filled)] = False

        def one(here: slice, ends: IntArray) -> None:
            ends[left_out] = -1
            places = (filling.granted[here], filling.by_draw[here], filling.stopped_by[here])
            kernels.spread(self.sku[here], ends, self.held, self.drawn, places, plain(eligible[here]))

        self._each(one)

    def _bring(self, column: IntArray) -> None:
        """Bring a column together, unless it is one number or was brought before."""
        if not is_constant(column) and id(column) not in self.columns:
            out = self.columns[id(column)] = np.empty(self.lines, dtype=np.int64)
            self._each(lambda here, ends: kernels.bring_together(self.sku[here], plain(column[here]), ends, out))

    def _each(self, work: Callable[[slice, IntArray], None]) -> None:
        """Do a work on all lines: each stretch, and where its lines go."""

        def of(part: tuple[slice, IntArray]) -> None:
            lines, ends = part[0], part[1].copy()
            for here in _stretches(lines):
                work(here, ends)

        list(self.threads.map(of, self.parts))

"""Lines that are alike, counted in bins: a histogram over SKU and one or two numbers that all of a line follows from.

Under `max_min` these are what is eligible and the weight. Where few different pairs occur, a supply is shared among
bins instead of lines; lines are read twice, in the order in which they lie: to be counted, and to be given what their
bin gets. Only bins whose next pack has the last level are drawn for, line by line.
"""

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from allocation.filling import bin_kernels as kernels
from allocation.filling.one_supply import Claims, Ending, claims_by
from allocation.filling.outcome import Filling
from allocation.filling.rules import Order
from allocation.problem import Lines, Problem
from allocation.tables.columns import IntArray, Positions, constant, is_constant

Mask = npt.NDArray[np.bool_]
Pair = tuple[IntArray, IntArray]
Filled = Mapping[int, tuple[Claims, Ending | None]]
"""By SKU, its claims with what they hold, and where its supply ended."""
DrawAmong = Callable[[int, Positions | IntArray, IntArray], Mask]
"""Says which of the packs at stake (SKU, lines, the number of the pack of each) are granted."""

_CELLS_END: Final = 1 << 22
"""A table has fewer bins than this, so that it stays in the processor's caches."""
_CELLS_A_LINE: Final = 1.0
"""More bins than that for each line, and lines are not alike enough."""
_NUMBER_END: Final = 1 << 16
_SAMPLE_LINES: Final = 4096


@dataclass(frozen=True, eq=False)
class _Shape:
    """The numbers of bins: `width` first numbers, and the codes of the second ones."""

    skus: int
    width: int
    values: IntArray

    @classmethod
    def of(cls, skus: int, first: IntArray, second: IntArray) -> "_Shape | None":
        """Return the shape that holds these numbers; None where it would be too large."""
        width, end = int(first.max()) + 1, int(second.max()) + 1
        if min(int(first.min()), int(second.min())) < 0 or max(width, end) > _NUMBER_END:
            return None
        seen = np.zeros(end, dtype=np.bool_)
        seen[second] = True
        values = np.flatnonzero(seen)
        return cls(skus, width, values) if skus * width * len(values) < _CELLS_END else None

    @property
    def code(self) -> Positions:
        """The number of each second number, −1 where there is none."""
        code = np.full(int(self.values[-1]) + 1, -1, dtype=np.int32)
        code[self.values] = np.arange(len(self.values))
        return code

    @property
    def cells(self) -> int:
        return self.skus * self.width * len(self.values)


class Bins:
    """The bins of a problem's lines; made by :meth:`of`."""

    def __init__(
        self,
        threads: Executor,
        sku: Positions,
        columns: Pair,
        shape: _Shape,
        counted: Sequence[tuple[slice, Positions]],
    ) -> None:
        self.threads, self.sku, self.columns, self.shape = threads, sku, columns, shape
        self.parts = [part for part, _ in counted]
        box = (len(shape.values), shape.skus, shape.width)
        self.counts_of_parts = [counts.reshape(box) for _, counts in counted]
        self.counts: Positions = np.sum(np.stack(self.counts_of_parts), axis=0, dtype=np.int32)
        self._claims: dict[int, Claims] = {}

    @classmethod
    def of(
        cls, threads: Executor, problem: Problem, lines: Lines, order: Order, parts: Sequence[slice]
    ) -> "Bins | None":
        """Count lines in bins; None where they do not follow from two small numbers, or there would be too many bins.

        A sample says how wide bins are; where it leaves something out, all lines are looked at.
        """
        columns = _columns(problem, lines, order) if len(problem) else None
        if columns is None:
            return None
        sku, skus = problem.requests.sku, len(problem.supply.sku)

        def counted(part: slice, shape: _Shape, code: Positions) -> tuple[slice, Positions] | None:
            counts = np.zeros(shape.cells, dtype=np.int32)
            here, first, second = (_some(column, part) for column in (sku, *columns))
            fits = kernels.count_bins(here, first, second, code, (skus, shape.width), counts)
            return (part, counts) if fits else None

        for looked_at in (slice(None, None, -(-len(problem) // _SAMPLE_LINES)), slice(None)):
            shape = _Shape.of(skus, *(column[looked_at] for column in columns))
            if shape is None or shape.cells > _CELLS_A_LINE * len(problem):
                return None
            found = [some for some in threads.map(partial(counted, shape=shape, code=shape.code), parts) if some]
            if len(found) == len(parts):
                return cls(threads, sku, columns, shape, found)
        return None

    def sums(self, problem: Problem, lines: Lines, order: Order) -> tuple[IntArray, IntArray, Mask]:
        """Return eligible and floor in packs per SKU, and that all these sums fit 64 bits."""
        every = [self.claims_of(problem, lines, order, sku) for sku in range(self.shape.skus)]
        eligible, floors = ([claims.packs(getattr(claims, name)) for claims in every] for name in ("eligible", "floor"))
        return np.array(eligible), np.array(floors), np.ones(len(every), dtype=np.bool_)

    def take(self, scarce: Mask, problem: Problem, lines: Lines, order: Order) -> None:
        """Do nothing: all is there."""

    def claims_of(self, problem: Problem, lines: Lines, order: Order, sku: int) -> Claims:
        """Return a claim for each bin of a SKU that has lines."""
        if sku in self._claims:
            return self._claims[sku]
        counts = self.counts[:, sku].ravel()
        where = np.flatnonzero(counts)
        second, first = np.divmod(where, self.shape.width)
        numbers = first, self.shape.values[second]

        def column_of(column: IntArray) -> IntArray:
            if is_constant(column):
                return column[: len(where)]
            return numbers[0] if column is self.columns[0] else numbers[1]

        places = where, counts[where].astype(np.int64), np.empty_like(where)
        claims = self._claims[sku] = claims_by(column_of, problem, lines, order, sku, places)
        return claims

    def settle(self, filled: Filled, draw: DrawAmong, filling: Filling, eligible: IntArray) -> None:
        """Give the lines of some SKUs what their bins hold, and draw for those at stake."""
        table = np.full(self.counts.shape, -1, dtype=np.int32)
        at_stake = np.zeros((len(self.parts), self.shape.skus), dtype=np.int64)
        for sku, (claims, ending) in filled.items():
            said = claims.held << kernels.SHIFT | np.where(claims.held < claims.eligible, kernels.SHORT, 0)
            if ending is not None:
                said[ending.at_stake] |= kernels.AT_STAKE
                second, first = np.divmod(claims.where[ending.at_stake], self.shape.width)
                at_stake[:, sku] = [counts[second, sku, first].sum() for counts in self.counts_of_parts]
            second, first = np.divmod(claims.where, self.shape.width)
            table[second, sku, first] = said
        ends = np.cumsum(at_stake.T).reshape(at_stake.T.shape)  # SKU by SKU, part by part
        place = np.empty(int(at_stake.sum()), dtype=np.int32)
        self._spread(table.ravel(), (ends - at_stake.T).T, place, filling)

        def drawn(sku: int) -> None:
            line = place[ends[sku, 0] - at_stake[0, sku] : ends[sku, -1]]
            wins = draw(sku, line, filling.granted[line] + 1)
            won = line[wins]
            filling.granted[won] += 1
            filling.stopped_by[won[filling.granted[won] == eligible[won]]] = -1
            filling.by_draw[line[~wins]] = True

        list(self.threads.map(drawn, [sku for sku, (_, ending) in filled.items() if ending is not None]))

    def _spread(self, table: Positions, starts: IntArray, place: Positions, filling: Filling) -> None:
        """Give each line what the table says of its bin; put the numbers of those at stake to their places."""
        code, shape = self.shape.code, (self.shape.skus, self.shape.width)

        def of(number: int) -> None:
            here, ends = self.parts[number], starts[number].copy()
            sku, first, second = (_some(column, here) for column in (self.sku, *self.columns))
            out = filling.granted[here], filling.stopped_by[here]
            kernels.spread_bins(sku, first, second, code, shape, table, here.start, ends, place, out)

        list(self.threads.map(of, range(len(self.parts))))


def _columns(problem: Problem, lines: Lines, order: Order) -> Pair | None:
    """Return the one or two columns that a line's share follows from; None where there are more, or large numbers."""
    every = [lines.eligible, lines.floor, order.tier, problem.requests.carry]
    every += [c for phase in order.phases for c in (phase.after, phase.until, phase.rate, phase.offset_packs)]
    varying = list({id(column): column for column in every if not is_constant(column)}.values())
    if any(abs(int(column[0])) >= _NUMBER_END for column in every if is_constant(column)):
        return None
    match varying:
        case [first]:
            return first, constant(0, len(problem))
        case [first, second]:
            return first, second
    return None


def _some(column: npt.NDArray[Any], part: slice) -> npt.NDArray[Any]:
    """Return a part of a column in plain memory and read-only, as kernels take it; one entry where all are the same."""
    plain = np.ascontiguousarray(column[:1] if is_constant(column) else column[part]).view()
    plain.setflags(write=False)
    return plain

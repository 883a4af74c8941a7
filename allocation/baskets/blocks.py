"""Totals and mixture under supplies alone: block water-filling, exact and without a linear programme.

Where nothing but supplies and the lines' own limits binds, the totals that are possible form a polymatroid, and each
scarce SKU has a level: whoever stands below it has all that it may have of the SKU, whoever stands above it nothing
beyond its floor. SKUs are first filled as one block to a common level; where a flow shows that some would run over
and others be left, the block is parted by the smallest cut into SKUs with a lower and SKUs with a higher level
(S. Fujishige: Lexicographically optimal base of a polymatroid, *Mathematics of Operations Research* 5, 1980).
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Final

import numpy as np
import numpy.typing as npt

from allocation.baskets.claimants import Programme
from allocation.baskets.mixing import Draw, Mixture, costs_of, targets_of
from allocation.errors import AnswerRefusedError, WorkLimitError
from allocation.limits import WORD_END

IntArray = npt.NDArray[np.int64]

_AMPLE: Final = -1
_NO_COST: Final = 1 << 40


@dataclass(frozen=True, eq=False)
class Block:
    """Scarce SKUs that share a level, and the claimants' units beyond `base`, in `scale`-ths of a unit."""

    rows: IntArray
    level: Fraction
    scale: int
    demand: IntArray


@dataclass(eq=False)
class Blocks:
    """A programme with supplies alone, in arrays: one entry a line, a claimant or a row."""

    programme: Programme
    skus: int
    claimant: IntArray = field(init=False)
    row: IntArray = field(init=False)
    low: IntArray = field(init=False)
    more: IntArray = field(init=False)
    room: IntArray = field(init=False)
    weight: IntArray = field(init=False)
    blocks: list[Block] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Lay the programme out, and fill it."""
        programme = self.programme
        count = len(programme.line)
        self.low = np.array(programme.low, dtype=np.int64)
        self.more = np.array(programme.high, dtype=np.int64) - self.low
        self.claimant, self.row = np.empty(count, dtype=np.int64), np.full(count, _AMPLE, dtype=np.int64)
        for c, claimant in enumerate(programme.claimants):
            self.claimant[list(claimant.members)] = c
        self.room = np.empty(len(programme.rows), dtype=np.int64)
        for r, row in enumerate(programme.rows):
            members = list(row.sizes)
            self.row[members] = r
            self.room[r] = int(row.room) - int(self.low[members].sum())
        self.weight = np.array([claimant.weight for claimant in programme.claimants], dtype=np.int64)
        ample = np.where(self.row == _AMPLE, self.more, 0)
        base = self._by_claimant(self.low + ample)
        self._fill(np.arange(len(self.room)), base)

    def units(self) -> list[Fraction]:
        """Return each claimant's total."""
        ample = np.where(self.row == _AMPLE, self.more, 0)
        totals = [Fraction(units) for units in self._by_claimant(self.low + ample).tolist()]
        for block in self.blocks:
            for c in np.flatnonzero(block.demand).tolist():
                totals[c] += Fraction(int(block.demand[c]), block.scale)
        return totals

    def mixture(self, draw: Draw) -> Mixture:
        """Return the cheapest way to make up the totals, and the prices that prove it."""
        programme = self.programme
        targets = targets_of(programme, self.units(), self.skus)
        costs = np.array(
            [costs_of(rest, draw(programme.sku[i], programme.retailer[i], 0)) for i, (_, rest) in enumerate(targets)],
            dtype=np.int64,
        )
        pack, high = np.array(programme.pack, dtype=np.int64), self.low + self.more
        target = np.array([packs for packs, _ in targets], dtype=np.int64) * pack
        bends = np.stack([self.low, target, np.minimum(target + pack, high), high])
        made = [Fraction(units) for units in np.where(self.row == _AMPLE, high, self.low).tolist()]
        for block in self.blocks:
            lines, flow = self._cheapest(block, bends, costs)
            for i, units in zip(lines.tolist(), flow.tolist(), strict=True):
                made[i] += Fraction(units, block.scale)
        return Mixture(made, {r: Fraction(price) for r, price in enumerate(self._prices(made, bends, costs)) if price})

    def _by_claimant(self, amounts: IntArray) -> IntArray:
        sums = np.zeros(len(self.weight), dtype=np.int64)
        np.add.at(sums, self.claimant, amounts)
        return sums

    def _fill(self, rows: IntArray, base: IntArray) -> None:
        """Fill SKUs to one level where that can be, else part them."""
        if not len(rows):
            return
        here = np.isin(self.row, rows)
        end = base + self._by_claimant(np.where(here, self.more, 0))
        concerned = end > base
        total = int(base[concerned].sum()) + int(self.room[rows].sum())
        level = _common_level(self.weight[concerned], base[concerned], end[concerned], total)
        scale = level.denominator
        if (
            total * scale >= WORD_END
            or float(end.max()) * scale >= WORD_END
            or level.numerator * int(self.weight.max()) >= WORD_END
        ):
            raise WorkLimitError(
                "quantities and weights of the baskets are too large to be shared exactly at this size"
            )
        demand = np.clip(self.weight * level.numerator, base * scale, end * scale) - base * scale
        demand[~concerned] = 0
        lines = np.flatnonzero(here & (self.more > 0))
        running_over = self._running_over(rows, lines, demand, scale)
        if running_over is None:
            self.blocks.append(Block(rows, level, scale, demand))
            return
        higher = rows[~np.isin(rows, running_over)]
        self._fill(higher, base)
        self._fill(running_over, base + self._by_claimant(np.where(np.isin(self.row, higher), self.more, 0)))

    def _running_over(self, rows: IntArray, lines: IntArray, demand: IntArray, scale: int) -> IntArray | None:
        """Return the SKUs of which the claimants together want more than there is; None where a flow serves all."""
        from ortools.graph.python import max_flow  # noqa: PLC0415  # only large baskets need it

        claimants = np.unique(self.claimant[lines])
        first_row, source = len(claimants), len(claimants) + len(rows)
        solver = max_flow.SimpleMaxFlow()
        solver.add_arcs_with_capacity(np.full(len(claimants), source), np.arange(len(claimants)), demand[claimants])
        tails = np.searchsorted(claimants, self.claimant[lines])
        heads = first_row + np.searchsorted(rows, self.row[lines])
        solver.add_arcs_with_capacity(tails, heads, self.more[lines] * scale)
        solver.add_arcs_with_capacity(
            first_row + np.arange(len(rows)), np.full(len(rows), source + 1), self.room[rows] * scale
        )
        if solver.solve(source, source + 1) != solver.OPTIMAL:
            raise AnswerRefusedError("a flow of the baskets was not found; nothing is published")
        if solver.optimal_flow() == int(demand.sum()):
            return None
        reached = np.array(solver.get_source_side_min_cut(), dtype=np.int64) - first_row
        return rows[np.sort(reached[(reached >= 0) & (reached < len(rows))])]

    def _cheapest(self, block: Block, bends: IntArray, costs: IntArray) -> tuple[IntArray, IntArray]:
        """Return the lines of a block and what each gets beyond its floor, in the block's scale."""
        from ortools.graph.python import min_cost_flow  # noqa: PLC0415  # only large baskets need it

        lines = np.flatnonzero(np.isin(self.row, block.rows) & (self.more > 0) & (block.demand[self.claimant] > 0))
        claimants = np.unique(self.claimant[lines])
        first_row = len(claimants)
        tails = np.searchsorted(claimants, self.claimant[lines])
        heads = first_row + np.searchsorted(block.rows, self.row[lines])
        solver = min_cost_flow.SimpleMinCostFlow()
        arcs = [
            solver.add_arcs_with_capacity_and_unit_cost(
                tails, heads, (bends[part + 1, lines] - bends[part, lines]) * block.scale, costs[lines, part]
            )
            for part in range(costs.shape[1])
        ]
        solver.set_nodes_supplies(np.arange(first_row), block.demand[claimants])
        solver.set_nodes_supplies(first_row + np.arange(len(block.rows)), -self.room[block.rows] * block.scale)
        if solver.solve() != solver.OPTIMAL:
            raise AnswerRefusedError("a mixture of the baskets was not found; nothing is published")
        return lines, np.sum([solver.flows(arc) for arc in arcs], axis=0)

    def _prices(self, made: list[Fraction], bends: IntArray, costs: IntArray) -> list[int]:
        """Return a price for each row at which no unit moved between lines would save anything.

        Prices are shortest ways among the rows: from row to row leads what the dearest unit there could save at least.
        """
        steps = np.array(
            [[units > end for end in bend] for units, bend in zip(made, bends[1:3].T.tolist(), strict=True)]
        )
        reached = np.array(
            [[units >= end for end in bend] for units, bend in zip(made, bends[1:3].T.tolist(), strict=True)]
        )
        some = np.array([units > low for units, low in zip(made, self.low.tolist(), strict=True)])
        short = np.array([units < high for units, high in zip(made, bends[3].tolist(), strict=True)])
        index = np.arange(len(made))
        saved, spent = costs[index, steps.sum(axis=1)], costs[index, reached.sum(axis=1)]
        rows = len(self.room)
        longest = np.full((rows + 1, rows), _NO_COST, dtype=np.int64)  # the last one is for ample lines
        for k in range(rows + 1):
            mine = some & (self.row == (k if k < rows else _AMPLE))
            of_claimant = np.full(len(self.weight), -_NO_COST, dtype=np.int64)
            np.maximum.at(of_claimant, self.claimant[mine], saved[mine])
            other = short & (of_claimant[self.claimant] > -_NO_COST) & (self.row >= 0)
            np.minimum.at(longest[k], self.row[other], spent[other] - of_claimant[self.claimant[other]])
        price = np.zeros(rows, dtype=np.int64)
        for _ in range(rows + 1):
            nearer = np.minimum(price, (price[None, :] + longest[:rows]).min(axis=1, initial=_NO_COST))
            if (nearer == price).all():
                lift = max(0, int(-price.min(initial=0)), int((-longest[rows] - price).max(initial=0)))
                return [int(p) + lift for p in price.tolist()]
            price = nearer
        raise AnswerRefusedError("the mixture of the baskets is not the cheapest; nothing is published")


def _common_level(weight: IntArray, base: IntArray, end: IntArray, total: int) -> Fraction:
    """Return the level at which claimants that rise from `base` to `end` hold `total` units together, exactly."""
    bends = sorted(set(_bends(weight, base)) | set(_bends(weight, end)))
    low, high = 0, len(bends) - 1
    while low < high:
        middle = (low + high) // 2
        if _held(weight, base, end, bends[middle]) >= total:
            high = middle
        else:
            low = middle + 1
    upper = bends[low]
    lower = bends[low - 1] if low else Fraction(0)
    rising = [
        (w, b)
        for w, b, e in zip(weight.tolist(), base.tolist(), end.tolist(), strict=True)
        if b <= lower * w and e >= upper * w
    ]
    rate = sum(w for w, _ in rising)
    missing = total - _held(weight, base, end, lower)
    return lower + missing / rate if rate else upper


def _bends(weight: IntArray, units: IntArray) -> Iterator[Fraction]:
    for w, amount in set(zip(weight.tolist(), units.tolist(), strict=True)):
        yield Fraction(amount, w)


def _held(weight: IntArray, base: IntArray, end: IntArray, level: Fraction) -> Fraction:
    """Return what all hold at a level."""
    scale = level.denominator
    wide = weight.astype(object) * level.numerator
    held = np.minimum(np.maximum(wide, base.astype(object) * scale), end.astype(object) * scale)
    return Fraction(int(held.sum()), scale)

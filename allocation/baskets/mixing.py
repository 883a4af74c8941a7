"""Which SKUs a claimant's total is made of: the mixture nearest to an even one, and the only one of its cost.

The even mixture is found by biproportional fitting in integers: in turn each claimant's lines are brought to its total
and each SKU's lines down to its supply. It gives each line a target in whole packs. Of all ways to make up the totals
within the constraints the cheapest is taken: a unit up to the target costs next to nothing, one of the next pack
about 2^27, one beyond it about 2^29; what is equal otherwise is told apart by the draw of the line's pack 0.
"""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from allocation.baskets.claimants import Number, Programme, Row
from allocation.baskets.exact_solutions import LinearProgramme, solve_exactly
from allocation.errors import AnswerRefusedError
from allocation.filling.lottery import SEPARATOR
from allocation.limits import WORD_END
from allocation.tables.columns import IntArray

Draw = Callable[[str, str, int], bytes]

ROUNDS: Final = 16
"""Rounds of the fitting; part of the definition."""

_BITS: Final = 16
_ONE: Final = 1 << _BITS


@dataclass(frozen=True)
class Mixture:
    """Units of each line, exact, and the duals of the rows that prove it to be the cheapest."""

    units: list[Fraction]
    of_rows: dict[int, Fraction]


def draw_without_seed(sku: str, retailer: str, n: int) -> bytes:
    """Return what stands for the draw where nothing is rounded and no seed is needed: SHA-256 of the message."""
    return hashlib.sha256(f"{sku}{SEPARATOR}{retailer}{SEPARATOR}{n}".encode()).digest()


def targets_of(programme: Programme, units: Sequence[Number], skus: int) -> list[tuple[int, int]]:
    """Return each line's target in whole packs, and what is left of its even share in 65536ths of a pack.

    Parameters
    ----------
    units
        The total of each claimant.
    skus
        Rows whose constraint is below this are supplies.
    """
    whole = np.array([int(total * _ONE) for total in units], dtype=object)
    largest = max([len(programme.line), *whole.tolist(), *map(_scaled_room, programme.rows)])
    kind: type = np.int64 if float(max(programme.high, default=0)) * _ONE * largest < WORD_END else object
    low: npt.NDArray[Any] = np.array(programme.low, dtype=kind) * _ONE
    high: npt.NDArray[Any] = np.array(programme.high, dtype=kind) * _ONE
    claimant, supply = _claimants_and_supplies(programme, skus)
    goal: npt.NDArray[Any] = whole.astype(kind)
    room: npt.NDArray[Any] = np.array([*map(_scaled_room, programme.rows), 0], dtype=object).astype(kind)
    scarce = supply >= 0
    share = high.copy()
    for _ in range(ROUNDS):
        total = _sums(claimant, share, len(goal))[claimant]
        scaled = share * goal[claimant] // np.maximum(total, 1)
        share = np.where((total > 0).astype(np.bool_), np.minimum(np.maximum(scaled, low), high), share)
        total = _sums(supply[scarce], share[scarce], len(room))[supply]
        scaled = share * room[supply] // np.maximum(total, 1)
        over = scarce & (total > room[supply]).astype(np.bool_)
        share = np.where(over, np.maximum(scaled, low), share)
    return [
        (part // (_ONE * pack), part % (_ONE * pack) // pack)
        for part, pack in zip(share.tolist(), programme.pack, strict=True)
    ]


def _scaled_room(row: Row) -> int:
    return int(row.room * _ONE)


def _claimants_and_supplies(programme: Programme, skus: int) -> tuple[IntArray, IntArray]:
    """Return for each line its claimant, and the row of its supply, −1 where that is not scarce."""
    claimant = np.empty(len(programme.line), dtype=np.int64)
    supply = np.full(len(programme.line), -1, dtype=np.int64)
    for c, one in enumerate(programme.claimants):
        claimant[list(one.members)] = c
    for r, row in enumerate(programme.rows):
        if row.constraint < skus:
            supply[list(row.sizes)] = r
    return claimant, supply


def _sums(group: IntArray, amounts: npt.NDArray[Any], groups: int) -> npt.NDArray[Any]:
    sums = np.zeros(groups, dtype=amounts.dtype)
    np.add.at(sums, group, amounts)
    return sums


def costs_of(rest: int, digest: bytes) -> tuple[int, int, int]:
    """Return what a unit costs up to a line's target, in the pack after it, and beyond.

    A pack of which a larger part is due is cheaper; all costs are below 2^30.
    """
    up_to = int.from_bytes(digest[:4]) >> 6
    after = (1 << 27) + ((_ONE - 1 - rest) << 9) + (int.from_bytes(digest[4:6]) >> 7)
    beyond = (1 << 29) + (int.from_bytes(digest[6:10]) >> 6)
    return up_to, after, beyond


def mixture_of(programme: Programme, units: Sequence[Number], draw: Draw, skus: int) -> Mixture:
    """Return the cheapest way to make up the totals.

    Raises
    ------
    AnswerRefusedError
        Where a solver's answer does not hold in exact numbers, or the totals cannot be had.
    """
    columns: list[tuple[int, int, int]] = []  # line, length, worth
    of_line: list[list[int]] = []
    for i, (packs, rest) in enumerate(targets_of(programme, units, skus)):
        low, high, pack = programme.low[i], programme.high[i], programme.pack[i]
        target = packs * pack
        bends = (low, target, min(target + pack, high), high)
        costs = costs_of(rest, draw(programme.sku[i], programme.retailer[i], 0))
        mine = []
        for start, end, cost in zip(bends[:-1], bends[1:], costs, strict=True):
            if start < end:
                mine.append(len(columns))
                columns.append((i, end - start, -cost))
        of_line.append(mine)
    rows: list[tuple[Number | None, Number | None, dict[int, int]]] = []
    for claimant, total in zip(programme.claimants, units, strict=True):
        above = total - sum(programme.low[i] for i in claimant.members)
        rows.append((above, above, {column: 1 for i in claimant.members for column in of_line[i]}))
    for row in programme.rows:
        room = row.room - sum(size * programme.low[i] for i, size in row.sizes.items())
        rows.append((None, room, {column: size for i, size in row.sizes.items() for column in of_line[i]}))
    solution = solve_exactly(
        LinearProgramme(
            [worth for _, _, worth in columns], [0] * len(columns), [length for _, length, _ in columns], rows
        )
    )
    if solution is None:
        raise AnswerRefusedError("the totals of the baskets cannot be made up of their lines; nothing is published")
    made = [Fraction(low) for low in programme.low]
    for (i, _, _), value in zip(columns, solution.values, strict=True):
        made[i] += value
    first = len(programme.claimants)
    return Mixture(made, {r: dual for r in range(len(programme.rows)) if (dual := solution.duals[first + r])})

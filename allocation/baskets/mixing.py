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
from typing import Final

from allocation.baskets.claimants import Number, Programme
from allocation.baskets.exact_solutions import LinearProgramme, solve_exactly
from allocation.errors import AnswerRefusedError
from allocation.lottery import SEPARATOR

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
    low, high = ([bound * _ONE for bound in bounds] for bounds in (programme.low, programme.high))
    share = list(high)

    def bring(members: Sequence[int], goal: int, *, only_down: bool) -> None:
        total = sum(share[i] for i in members)
        if total > goal or (total and not only_down):
            for i in members:
                share[i] = min(max(share[i] * goal // total, low[i]), high[i])

    for _ in range(ROUNDS):
        for claimant, total in zip(programme.claimants, units, strict=True):
            bring(claimant.members, int(total * _ONE), only_down=False)
        for row in programme.rows:
            if row.constraint < skus:
                bring(list(row.sizes), int(row.room * _ONE), only_down=True)
    return [
        (part // (_ONE * pack), part % (_ONE * pack) // pack) for part, pack in zip(share, programme.pack, strict=True)
    ]


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

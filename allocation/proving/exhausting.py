"""All ways to deal out the packs of a small SKU, to see whether one of them is fairer."""

from collections.abc import Iterator, Sequence
from fractions import Fraction
from itertools import accumulate
from typing import Final

WAYS_LOOKED_AT: Final = 20_000
"""A SKU whose packs can be dealt out in more ways is not looked through."""
LINES_LOOKED_AT: Final = 100
"""Nor is one with more lines."""


def can_be_looked_through(low: Sequence[int], high: Sequence[int], packs: int) -> bool:
    """Say whether so many packs can be dealt out in few ways, each line getting from `low` to `high`."""
    spare, most = packs - sum(low), [top - bottom for bottom, top in zip(low, high, strict=True) if top > bottom]
    if spare > WAYS_LOOKED_AT or len(most) > LINES_LOOKED_AT:
        return False
    counts = [1] + [0] * spare
    for more in most:
        sums = [0, *accumulate(counts)]
        counts = [sums[left + 1] - sums[max(left - more, 0)] for left in range(spare + 1)]
    return counts[spare] <= WAYS_LOOKED_AT


def is_fairest(held: Sequence[int], low: Sequence[int], high: Sequence[int], weight: Sequence[int]) -> bool:
    """Say whether no other way has the greater shares, the smallest compared first, then the next.

    Shares are compared up to the one at which the last pack was due. Lines that stand equal there are told apart by the
    draw alone, and it counts no further what one pack makes of the share of the one or the other.
    """
    above_low = [(some, w) for some, least, w in zip(held, low, weight, strict=True) if some > least]
    level = max((Fraction(some - 1, w) for some, w in above_low), default=Fraction(-1))
    mine = _shares(held, weight, level)
    return all(_shares(other, weight, level) <= mine for other in _dealt(low, high, sum(held)))


def _shares(packs: Sequence[int], weight: Sequence[int], level: Fraction) -> list[tuple[bool, Fraction]]:
    """Return the shares in their order; all above the level are alike."""
    shares = (Fraction(some, w) for some, w in zip(packs, weight, strict=True))
    return sorted((share > level, min(share, level)) for share in shares)


def _dealt(low: Sequence[int], high: Sequence[int], packs: int) -> Iterator[tuple[int, ...]]:
    if not low:
        if packs == 0:
            yield ()
        return
    least, most = sum(low[1:]), sum(high[1:])
    for some in range(max(low[0], packs - most), min(high[0], packs - least) + 1):
        for others in _dealt(low[1:], high[1:], packs - some):
            yield (some, *others)

"""Comparing like with like: mid-ranks among comparable outlets, drawn to the middle where little is known.

Comparable are outlets of one market type and format. Where fewer than `peers_min` of them have figures, all of that
market type are compared with, and where these are too few as well, everybody. The mid-rank of a retailer is

    (number of lower ones + half of the number of equal ones, itself included) / number of those compared

so that equals are equal, the mean is a half, and one alone or everybody alike stands at a half. With n periods of
figures it counts as (n · rank + k · ½) / (n + k), where k is the policy's `shrink_periods`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from allocation.scoring.components import Raw, Wide
from allocation.scoring.history import Flags
from allocation.tables.columns import IntArray

LEVELS: Final = ("format", "market_type", "all")
"""With whom a retailer is compared: its market type and format, its market type, everybody."""

NOBODY: Final = -1


@dataclass(frozen=True, eq=False)
class Groups:
    """The groups of the retailers at each of the :data:`LEVELS`, as numbers."""

    of_level: tuple[IntArray, ...]

    @classmethod
    def of(cls, market_type: Sequence[str], outlet_format: Sequence[str]) -> "Groups":
        """Return the groups that labels make."""
        formats = _numbered(list(zip(market_type, outlet_format, strict=True)))
        return cls((formats, _numbered(list(market_type)), np.zeros(len(market_type), dtype=np.int64)))

    def taken(self, rows: Flags) -> "Groups":
        """Return some of the retailers."""
        return Groups(tuple(groups[rows] for groups in self.of_level))


@dataclass(frozen=True, eq=False)
class Standing:
    """How retailers stand among those they are compared with; for one without figures, nobody.

    `level` is a position in :data:`LEVELS` or :data:`NOBODY`; `peers`, `below` and `equal` count retailers, oneself
    included in the first and the last.
    """

    level: IntArray
    peers: IntArray
    below: IntArray
    equal: IntArray


def standing(order: IntArray, known: Flags, groups: Groups, peers_min: int) -> Standing:
    """Return how retailers stand.

    Parameters
    ----------
    order
        Numbers that compare as what is ranked does; whatever where nothing is known.
    known
        Of whom anything is known.
    groups
        Who is comparable.
    peers_min
        The fewest that are compared with each other without asking a wider group.
    """
    count = len(order)
    found = Standing(np.full(count, NOBODY, dtype=np.int64), *(np.zeros(count, dtype=np.int64) for _ in range(3)))
    open_ = known.copy()
    for level, group in enumerate(groups.of_level):
        sizes = np.bincount(group[known], minlength=int(group.max(initial=0)) + 1)
        here = open_ & ((sizes[group] >= peers_min) | (level == len(LEVELS) - 1))
        if here.any():
            found.level[here] = level
            found.peers[here] = sizes[group[here]]
            found.below[here], found.equal[here] = _counted(order, group, known, here)
            open_ &= ~here
    return found


def _counted(order: IntArray, group: IntArray, known: Flags, asked: Flags) -> tuple[IntArray, IntArray]:
    """Return for each that is asked for how many of its group are below it, and how many equal."""
    _, place = np.unique(order, return_inverse=True)
    key = group * (len(order) + 1) + place
    all_keys = np.sort(key[known])
    first = np.searchsorted(all_keys, group[asked] * (len(order) + 1))
    low, high = (np.searchsorted(all_keys, key[asked], side=side) for side in ("left", "right"))
    return low - first, high - low


def order_of(raw: Raw) -> IntArray:
    """Return whole numbers that compare exactly as the quotients do.

    Two different quotients lie at least 1/d² apart, d being the largest denominator; in steps of half of that their
    floors differ, and only equal ones are equal.
    """
    shift = 2 * int(max(raw.denominator.tolist(), default=1)).bit_length() + 1
    floors = [
        (n << shift) // d if d else NOBODY
        for n, d in zip(raw.numerator.tolist(), raw.denominator.tolist(), strict=True)
    ]
    place = {floor: index for index, floor in enumerate(sorted(set(floors)))}
    return np.array([place[floor] for floor in floors], dtype=np.int64)


def shrunk(stands: Standing, periods: IntArray, shrink_periods: int) -> tuple[Wide, Wide]:
    """Return the ranks that count, as numerators and denominators; a half where nothing is known."""
    n, peers = periods.astype(object), np.maximum(stands.peers, 1).astype(object)
    numerator = n * (2 * stands.below + stands.equal) + shrink_periods * peers
    denominator = 2 * peers * (n + shrink_periods)
    nothing = denominator == 0
    numerator[nothing], denominator[nothing] = 1, 2
    return numerator, denominator


def _numbered(labels: Sequence[object]) -> IntArray:
    place = {label: index for index, label in enumerate(dict.fromkeys(labels))}
    return np.array([place[label] for label in labels], dtype=np.int64)

"""Which line of an exclusive bundle stays: what the first filling settles, and what is left when minimums are chosen.

Of a retailer's lines with one label at most one is granted anything.
"""

from collections import defaultdict
from collections.abc import Sequence
from functools import cmp_to_key, partial

import numpy as np

from allocation.verification.entitlement import Claims, Use
from allocation.verification.given import NONE, Ints
from allocation.verification.turns import Turns

REASON = "quota"
"""The reason of a line left out because another of its bundle stays."""


def has_bundles(claims: Claims) -> bool:
    """Say whether any line has a label."""
    return len(claims.given.labels) > 0


def bundles_of(claims: Claims) -> list[list[int]]:
    """Return the lines of each bundle in which two or more may get something."""
    members: defaultdict[tuple[int, int], list[int]] = defaultdict(list)
    if has_bundles(claims):
        given = claims.given
        for line in np.flatnonzero((given.exclusive != NONE) & (claims.top > 0)).tolist():
            members[int(given.retailer[line]), int(given.exclusive[line])].append(line)
    return [lines for lines in members.values() if len(lines) > 1]


def use_of(claims: Claims, line: int) -> Use:
    """Return a line's bundle as a constraint that has room for one line.

    Its number is beyond those of all constraints and of adjustments, the same for all bundles of one label.
    """
    label = int(claims.given.exclusive[line])
    name = f"exclusive:{claims.given.labels[label]}"
    return Use(name, 1, REASON, len(claims.limits) + 1 + label, 1)


class Bundles:
    """The bundles after the first filling `before`: lines left out by it, and bundles that it leaves undecided."""

    def __init__(self, turns: Turns, claims: Claims, before: Ints) -> None:
        self.turns, self.claims = turns, claims
        self.left_out: set[int] = set()
        self.undecided: list[list[int]] = []
        self.all = bundles_of(claims)
        for lines in self.all:
            promised = [line for line in lines if claims.base[line] > 0]
            able = promised or [line for line in lines if before[line] >= max(1, claims.minimum[line])]
            if able:
                stays = min(able, key=cmp_to_key(partial(self._compare, before)))
                self.left_out.update(line for line in lines if line != stays)
            else:
                self.undecided.append(lines)

    def _compare(self, before: Ints, one: int, other: int) -> int:
        """Compare two lines: the larger part of what is requested comes first, then the draw of the last pack."""
        asked, pack = self.claims.given.requested, self.claims.pack
        parts = [int(before[a]) * int(pack[a]) * int(asked[b]) for a, b in ((one, other), (other, one))]
        if parts[0] != parts[1]:
            return -1 if parts[0] > parts[1] else 1
        draws = [self.turns.draw(line, int(before[line])) for line in (one, other)]
        return -1 if draws[0] < draws[1] else 1

    def left_out_late(self, served: set[int]) -> set[int]:
        """Return the lines without a minimum left out of the undecided bundles when it is known who has his minimum."""
        left_out: set[int] = set()
        for lines in self.undecided:
            without = {line for line in lines if self.claims.minimum[line] == 0}
            left_out |= without
            if without and served.isdisjoint(lines):
                left_out.remove(min(without, key=lambda line: self.turns.of(line, 1)))
        return left_out

    def competing(self, candidates: Sequence[int]) -> dict[int, tuple[int, int]]:
        """Return retailer and label of each candidate that stands with another one in its bundle."""
        given, inside = self.claims.given, set(candidates)
        several = [both for lines in self.undecided if len(both := inside.intersection(lines)) > 1]
        return {line: (int(given.retailer[line]), int(given.exclusive[line])) for both in several for line in both}

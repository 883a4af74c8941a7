"""Were the lines with a minimum rightly chosen? Checked without a solver, exactly wherever that is possible.

The lines that the first filling left below their minimum may share what it gave to them all, and to the lines left out
of exclusive bundles that it settled. Tier by tier as many as possible are served, of a bundle at most one; among
equally many, the line whose minimum's last pack comes first in the order goes first.
"""

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import combinations

import numpy as np

from allocation.limits import PROVABLE_CHOICES
from allocation.verification.bundles import Bundles, use_of
from allocation.verification.entitlement import Claims, Use
from allocation.verification.findings import Findings
from allocation.verification.given import Ints
from allocation.verification.turns import Moment, Turn, Turns


class Choice:
    """The lines below their minimum after the first filling `before`, in their order, and what they may share."""

    def __init__(self, turns: Turns, claims: Claims, before: Ints) -> None:
        self.turns, self.claims = turns, claims
        self.bundles = Bundles(turns, claims, before)
        below = np.flatnonzero((claims.minimum > 0) & (before < claims.minimum)).tolist()
        below = [line for line in below if line not in self.bundles.left_out]
        self.turn: dict[int, Turn] = {line: turns.of(line, int(claims.minimum[line])) for line in below}
        self.lines = sorted(below, key=self.turn.__getitem__)
        self.uses: dict[int, list[Use]] = {line: claims.uses(line) for line in below}
        used = claims.amounts(before)
        self.room = {use.name: use.limit - int(used[use.number]) for uses in self.uses.values() for use in uses}
        for line in [*below, *self.bundles.left_out]:
            for use in claims.uses(line):
                if use.name in self.room:
                    self.room[use.name] += use.size * int(before[line])
        self.bundle: dict[int, Use] = {}
        for line, place in self.bundles.competing(below).items():
            own = replace(use_of(claims, line), name="exclusive:{}:{}".format(*place))
            self.bundle[line], self.room[own.name] = own, own.limit
            self.uses[line].insert(0, own)

    def need(self, line: int, use: Use) -> int:
        """Return what a line's minimum takes of a constraint; a bundle has room for one line."""
        return 1 if use is self.bundle.get(line) else use.size * int(self.claims.minimum[line])

    def groups(self) -> Iterator[list[int]]:
        """Yield the lines that hang together by a constraint, each group in its order."""
        group: dict[str, str] = {}

        def root(name: str) -> str:
            while group.setdefault(name, name) != name:
                name = group[name]
            return name

        for uses in self.uses.values():
            for use in uses[1:]:
                group[root(use.name)] = root(uses[0].name)
        members: defaultdict[str, list[int]] = defaultdict(list)
        for line in self.lines:
            members[root(self.uses[line][0].name)].append(line)
        yield from members.values()

    def fits(self, lines: list[int]) -> bool:
        """Say whether the minimums of these lines have room together."""
        return all(amount <= self.room[name] for name, amount in self.taken(lines).items())

    def why_left_out(self, served: set[int]) -> dict[int, tuple[Use, bool]]:
        """Return for each line left out the first constraint without room for it, and whether the draw alone decided.

        Lines left out since another of their bundle stays are among them, with their bundle as that constraint.

        The draw alone decided where a line of the same SKU, at the same place in the order before any draw, was chosen
        and could have been exchanged for this one.
        """
        taken = self.taken(served)
        alike: defaultdict[tuple[int, Moment], list[int]] = defaultdict(list)
        for line in sorted(served):
            alike[int(self.claims.sku[line]), self.turn[line][:3]].append(line)
        why = {}
        for line in self.lines:
            if line not in served:
                lacking = (u for u in self.uses[line] if taken[u.name] + self.need(line, u) > self.room[u.name])
                others = alike[int(self.claims.sku[line]), self.turn[line][:3]]
                by_draw = any(self._could_exchange(other, line, taken) for other in others)
                why[line] = (next(lacking, self.uses[line][0]), by_draw)
        for line in sorted(self.bundles.left_out | self.bundles.left_out_late(served)):
            why[line] = (use_of(self.claims, line), False)
        return why

    def taken(self, lines: Iterable[int]) -> defaultdict[str, int]:
        """Return what the minimums of these lines take of each constraint."""
        taken: defaultdict[str, int] = defaultdict(int)
        for line in lines:
            for use in self.uses[line]:
                taken[use.name] += self.need(line, use)
        return taken

    def _could_exchange(self, chosen: int, line: int, taken: dict[str, int]) -> bool:
        freed = self.taken([chosen])
        return all(
            taken[use.name] - freed[use.name] + self.need(line, use) <= self.room[use.name] for use in self.uses[line]
        )

    def rank(self, chosen: list[int], group: list[int]) -> tuple[list[int], list[int]]:
        """Return what is made as large as possible: how many of each tier, then who, in the order of the group."""
        served = set(chosen)
        tiers = sorted({self.turn[line][0] for line in group})
        counts = [sum(1 for line in served if self.turn[line][0] == tier) for tier in tiers]
        return counts, [int(line in served) for line in group]


def check_choice(choice: Choice, served: set[int], findings: Findings) -> None:
    """Check every group of lines that hang together."""
    for group in choice.groups():
        chosen = [line for line in group if line in served]
        if not choice.fits(chosen):
            findings.add(_names(choice, chosen[0]), "its minimum and the others chosen take more than the lines held")
        elif (better := _better(choice, group, chosen)) is not None:
            findings.add(_names(choice, better), "has the better right to its minimum than those chosen")


def _better(choice: Choice, group: list[int], chosen: list[int]) -> int | None:
    """Return a line that shows that the choice is not the best, None where there is none."""
    if all(len(choice.uses[line]) == 1 for line in group):  # a bundle is a second one
        best = _best_of_one_supply(choice, group)
    elif len(group) <= PROVABLE_CHOICES:
        subsets = (list(some) for size in range(len(group) + 1) for some in combinations(group, size))
        best = max((some for some in subsets if choice.fits(some)), key=lambda some: choice.rank(some, group))
    else:
        return _better_by_exchange(choice, group, chosen)
    wrong = set(best) ^ set(chosen)
    return next((line for line in group if line in wrong), None)


def _best_of_one_supply(choice: Choice, group: list[int]) -> list[int]:
    """Return the best choice under a single supply: each line is taken if the counts can still be reached after it."""
    left = choice.room[choice.uses[group[0]][0].name]
    size = {line: choice.need(line, choice.uses[line][0]) for line in group}
    of_tier: defaultdict[int, list[int]] = defaultdict(list)
    for line in group:
        of_tier[choice.turn[line][0]].append(line)
    reserved: dict[int, tuple[int, int]] = {}
    for tier, lines in sorted(of_tier.items()):
        count, total = 0, 0
        for amount in sorted(size[line] for line in lines):
            if total + amount > left:
                break
            count, total = count + 1, total + amount
        reserved[tier] = (count, total)
        left -= total
    spare, best = left, []
    for tier, lines in sorted(of_tier.items()):
        wanted, cheapest = reserved[tier]
        undecided = sorted(size[line] for line in lines)
        for line in lines:
            if not wanted:
                break
            del undecided[bisect_left(undecided, size[line])]
            with_it = size[line] + sum(undecided[: wanted - 1])
            if with_it <= cheapest + spare:
                best.append(line)
                spare += cheapest - with_it
                wanted, cheapest = wanted - 1, with_it - size[line]
            else:
                without_it = sum(undecided[:wanted])
                spare += cheapest - without_it
                cheapest = without_it
    return best


def _better_by_exchange(choice: Choice, group: list[int], chosen: list[int]) -> int | None:
    """Look for a line that could be added, or take the place of one that comes after it in the same tier."""
    inside = set(chosen)
    for line in group:
        if line in inside:
            continue
        if choice.fits([*chosen, line]):
            return line
        for later in chosen:
            same_tier_later = choice.turn[line] < choice.turn[later] and choice.turn[line][0] == choice.turn[later][0]
            if same_tier_later and choice.fits([*(other for other in chosen if other != later), line]):
                return line
    return None


def _names(choice: Choice, line: int) -> str:
    return choice.turns.given.place(line)

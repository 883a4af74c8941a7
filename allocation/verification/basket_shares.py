"""Whether the totals of the baskets are the fairest that there can be, and their mixture the one stated.

Totals. The certificate goes through them in stages of rising levels. A stage weighs constraints and claimants; with
these weights every allocation satisfies Σ weight·total ≤ bound. The bound is worked out here from the constraints' room
and the lines' own limits. Where it equals the stage's level, the claimants weighed cannot have more without somebody
having less than the level; by induction over the stages no other totals are as good.

Mixture. Given the totals, prices of the constraints show that no cheaper mixture exists: for each claimant no unit
moved from one line to another would save anything.
"""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Final

from allocation.verification.findings import Findings
from allocation.verification.given import Given

Number = int | Fraction
Claimant = tuple[str, str]
"""Basket and retailer."""

_ROUNDS: Final = 16
_ONE: Final = 1 << 16


@dataclass(frozen=True)
class Constraint:
    """`room` for the lines in baskets, `sizes` of a unit of each, and the reason of a line that it stops."""

    room: Number
    sizes: dict[int, int]
    reason: str


@dataclass(frozen=True)
class Shared:
    """What is shared in baskets; lines are positions in `given`, quantities units.

    `claimants` are the lines of each (basket, retailer); `tight` holds the constraints that could be full, by name, in
    naming order.
    """

    given: Given
    low: dict[int, int]
    high: dict[int, int]
    pack: dict[int, int]
    weight: dict[int, int]
    claimants: dict[tuple[str, str], list[int]]
    tight: dict[str, Constraint]

    def carry(self, claimant: tuple[str, str]) -> int:
        """Return what a claimant is owed, in thousandths of a pack."""
        return sum(int(self.given.carry[line]) for line in self.claimants[claimant])


def check_totals(
    shared: Shared, totals: Mapping[Claimant, Number], stages: Sequence[Mapping[str, Any]], findings: Findings
) -> None:
    """Go through the stages; every claimant must be fixed in one, at its total."""
    fixed: set[Claimant] = set()
    before = Fraction(0)
    for number, stage in enumerate(stages, start=1):
        place, level = f"certificate.json, baskets.stages.{number}", Fraction(stage["level"])
        of_rows = {name: Fraction(dual) for name, dual in stage["constraints"].items()}
        of_claimants = {(basket, retailer): Fraction(dual) for basket, retailer, dual in stage["claimants"]}
        opened = {c: dual for c, dual in of_claimants.items() if c not in fixed}
        if level < before or min([*of_rows.values(), *opened.values()]) < 0 or not opened:
            findings.add(place, "its level falls, it fixes nobody, or it weighs something below 0")
        if sum(dual * shared.weight[shared.claimants[c][0]] for c, dual in opened.items()) != 1:
            findings.add(place, "the weights of its claimants do not add up to 1")
        if _bound(shared, totals, of_rows, of_claimants, fixed) != level:
            findings.add(place, "its weights do not bound the level by {level}", level=level)
        for claimant, dual in opened.items():
            if dual > 0:
                fixed.add(claimant)
                right = level * shared.weight[shared.claimants[claimant][0]]
                if totals[claimant] != right:
                    findings.add(
                        ", ".join(claimant),
                        "its basket holds {found} in the mixture, not {right}",
                        found=totals[claimant],
                        right=right,
                    )
        before = level
    for claimant in sorted(totals.keys() - fixed):
        findings.add(", ".join(claimant), "no stage of the certificate proves the total of its basket")


def check_levels(
    shared: Shared,
    totals: Mapping[Claimant, Number],
    held: Mapping[int, Number],
    levels: Mapping[str, str],
    findings: Findings,
) -> None:
    """Check totals under supplies alone: whoever stands below the level of a supply has all that it may have of it.

    And whoever stands above it has nothing beyond its floor. Together with full supplies these are the conditions of
    optimality of a separable convex programme over a polymatroid, whose only optimum is the weighted lexicographic
    max-min.
    """
    for name, constraint in shared.tight.items():
        if constraint.reason != "supply":
            findings.add("certificate.json", "levels of supplies prove nothing where {name} could be full", name=name)
        elif constraint.room != sum(held[line] for line in constraint.sizes):
            findings.add(name, "it has a level, and something is left of it")
    standing = {
        line: Fraction(totals[claimant]) / shared.weight[line]
        for claimant, lines in shared.claimants.items()
        for line in lines
    }
    ample = set(shared.pack)
    for name, constraint in shared.tight.items():
        level = Fraction(levels[name])
        for line in constraint.sizes:
            ample.discard(line)
            if standing[line] < level and held[line] < shared.high[line]:
                findings.add(
                    shared.given.place(line),
                    "its basket stands below the level of {name}, {level}",
                    name=name,
                    level=level,
                )
            if standing[line] > level and held[line] > shared.low[line]:
                findings.add(
                    shared.given.place(line),
                    "its basket stands above the level of {name}, {level}",
                    name=name,
                    level=level,
                )
    for line in sorted(ample):
        if held[line] < shared.high[line]:
            findings.add(shared.given.place(line), "short of something that is not scarce")


def _bound(
    shared: Shared,
    totals: Mapping[Claimant, Number],
    of_rows: Mapping[str, Fraction],
    of_claimants: Mapping[Claimant, Fraction],
    fixed: set[Claimant],
) -> Number:
    """Return what the weights say that open claimants can have at most, those fixed having their totals."""
    gain: defaultdict[int, Fraction] = defaultdict(Fraction)
    bound: Number = 0
    for claimant, dual in of_claimants.items():
        if claimant in fixed:
            bound -= dual * totals[claimant]
        for line in shared.claimants[claimant]:
            gain[line] += dual
    for name, dual in of_rows.items():
        bound += dual * shared.tight[name].room
        for line, size in shared.tight[name].sizes.items():
            gain[line] -= dual * size
    return bound + sum(more * (shared.high[line] if more > 0 else shared.low[line]) for line, more in gain.items())


def check_mixture(
    shared: Shared,
    totals: Mapping[Claimant, Number],
    held: Mapping[int, Number],
    prices: Mapping[str, str],
    draw: Callable[[int, int], bytes],
    findings: Findings,
) -> None:
    """Check that no unit moved between two lines of a claimant would make the mixture cheaper."""
    price: defaultdict[int, Fraction] = defaultdict(Fraction)
    for name, text in prices.items():
        constraint, of_unit = shared.tight[name], Fraction(text)
        left = constraint.room - sum(size * held[line] for line, size in constraint.sizes.items())
        if left or of_unit < 0:
            findings.add("certificate.json", "{name} has a price in the mixture that it cannot have", name=name)
        for line, size in constraint.sizes.items():
            price[line] += of_unit * size
    targets = _targets(shared, totals)
    for claimant, lines in shared.claimants.items():
        least_saved, least_spent = None, None
        for line in lines:
            saved, spent = _margins(shared, line, held[line], targets[line], draw(line, 0))
            if saved is not None and (least_saved is None or saved + price[line] > least_saved):
                least_saved = saved + price[line]
            if spent is not None and (least_spent is None or spent + price[line] < least_spent):
                least_spent = spent + price[line]
        if least_saved is not None and least_spent is not None and least_saved > least_spent:
            findings.add(", ".join(claimant), "its basket could be made up nearer to an even mixture")


def _margins(
    shared: Shared, line: int, held: Number, target: tuple[int, int], drawn: bytes
) -> tuple[int | None, int | None]:
    """Return what a unit less would save and a unit more would cost; None where there is none."""
    even, rest = target
    costs = (
        int.from_bytes(drawn[:4], "big") >> 6,
        (1 << 27) + ((_ONE - 1 - rest) << 9) + (int.from_bytes(drawn[4:6], "big") >> 7),
        (1 << 29) + (int.from_bytes(drawn[6:10], "big") >> 6),
    )
    ends = (even, min(even + shared.pack[line], shared.high[line]))
    saved = costs[sum(held > end for end in ends)] if held > shared.low[line] else None
    spent = costs[sum(held >= end for end in ends)] if held < shared.high[line] else None
    return saved, spent


def _targets(shared: Shared, totals: Mapping[Claimant, Number]) -> dict[int, tuple[int, int]]:
    """Return each line's even share: whole packs of it in units, and the rest in 65536ths of a pack."""
    share = {line: units * _ONE for line, units in shared.high.items()}
    for _ in range(_ROUNDS):
        for claimant, lines in shared.claimants.items():
            _scale(shared, share, lines, int(totals[claimant] * _ONE))
        for constraint in shared.tight.values():
            goal = int(constraint.room * _ONE)
            if constraint.reason == "supply" and sum(share[line] for line in constraint.sizes) > goal:
                _scale(shared, share, list(constraint.sizes), goal)
    targets = {}
    for line, part in share.items():
        packs, rest = divmod(part, _ONE * shared.pack[line])
        targets[line] = packs * shared.pack[line], rest // shared.pack[line]
    return targets


def _scale(shared: Shared, share: dict[int, int], lines: Sequence[int], goal: int) -> None:
    total = sum(share[line] for line in lines)
    for line in lines if total else ():
        scaled = share[line] * goal // total
        share[line] = min(max(scaled, shared.low[line] * _ONE), shared.high[line] * _ONE)

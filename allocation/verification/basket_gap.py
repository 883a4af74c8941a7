"""How far an approximate answer may be from the best: the stated bound is proven, the gap to it worked out."""

from collections import defaultdict
from collections.abc import Mapping
from fractions import Fraction
from typing import Any

from allocation.verification.basket_shares import Claimant, Constraint, Number, Shared
from allocation.verification.findings import Findings


def check_gap(shared: Shared, held: Mapping[int, Number], stated: Mapping[str, Any], findings: Findings) -> None:
    """Check the bound and the gap; grants must be whole packs.

    The bound: were everybody above the level, those left out who end at or below it by themselves, then the weights'
    sum over all others would be more than what is shown here to be the most.
    """
    for line, units in held.items():
        if units % shared.pack[line]:
            findings.add(shared.given.place(line), "granted part of a pack")
    bound = stated["bound"]
    level = Fraction(bound["level"])
    ends = _ends(shared)
    of_rows = {name: Fraction(dual) for name, dual in bound["constraints"].items()}
    of_claimants = {(basket, retailer): Fraction(dual) for basket, retailer, dual in bound["claimants"]}
    if of_claimants:
        opened = {claimant: dual for claimant, dual in of_claimants.items() if ends[claimant] > level}
        weight = sum(dual * _weight(shared, claimant) for claimant, dual in opened.items())
        most = _most(shared, ends, of_rows, of_claimants, level)
        if min([*of_rows.values(), *opened.values()]) < 0 or weight <= 0 or most > level * weight:
            findings.add("certificate.json", "the weights of the baskets' bound do not prove {level}", level=level)
    elif level < max(ends.values()):
        findings.add("certificate.json", "nothing proves the baskets' bound {level}", level=level)
    gap = Fraction(0)
    for claimant, lines in shared.claimants.items():
        wanted = min(ends[claimant], level) * _weight(shared, claimant)
        units = sum(held[line] for line in lines)
        pack = max(shared.pack[line] for line in lines)
        if units + pack < wanted:
            gap = max(gap, 1 - (units + pack) / wanted)
    findings.expect("certificate.json", "the gap of the baskets", stated["gap"], str(gap))


def _weight(shared: Shared, claimant: Claimant) -> int:
    return shared.weight[shared.claimants[claimant][0]]


def _most(
    shared: Shared,
    ends: Mapping[Claimant, Fraction],
    of_rows: Mapping[str, Fraction],
    of_claimants: Mapping[Claimant, Fraction],
    level: Fraction,
) -> Fraction:
    gain: defaultdict[int, Fraction] = defaultdict(Fraction)
    most = Fraction(0)
    for claimant, dual in of_claimants.items():
        if ends[claimant] <= level:
            most -= dual * ends[claimant] * _weight(shared, claimant)
        for line in shared.claimants[claimant]:
            gain[line] += dual
    for name, dual in of_rows.items():
        most += dual * shared.tight[name].room
        for line, size in shared.tight[name].sizes.items():
            gain[line] -= dual * size
    return most + sum(more * (shared.high[line] if more > 0 else shared.low[line]) for line, more in gain.items())


def _ends(shared: Shared) -> dict[Claimant, Fraction]:
    """Return the level that each claimant could reach within its lines and the constraints that nobody else uses."""
    claimant_of = {line: claimant for claimant, lines in shared.claimants.items() for line in lines}
    own: defaultdict[Claimant, list[Constraint]] = defaultdict(list)
    for constraint in shared.tight.values():
        claimants = {claimant_of[line] for line in constraint.sizes}
        if len(claimants) == 1:
            own[claimants.pop()].append(constraint)
    return {
        claimant: min(
            [Fraction(sum(shared.high[line] for line in lines))] + [_within(shared, lines, c) for c in own[claimant]]
        )
        / _weight(shared, claimant)
        for claimant, lines in shared.claimants.items()
    }


def _within(shared: Shared, lines: list[int], constraint: Constraint) -> Fraction:
    """Return the most units of some lines within one constraint: what takes least of it first."""
    units = Fraction(sum(shared.low[line] for line in lines))
    left = Fraction(constraint.room) - sum(size * shared.low[line] for line, size in constraint.sizes.items())
    for size, line in sorted((constraint.sizes.get(line, 0), line) for line in lines):
        more = Fraction(shared.high[line] - shared.low[line])
        if size and more * size > left:
            return units + left / size
        units, left = units + more, left - more * size
    return units

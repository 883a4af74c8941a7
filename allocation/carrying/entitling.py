"""What each line is entitled to, in whole thousandths of a pack: :func:`allocation.carrying.entitlements` at scale.

SKUs that meet in nothing but their supply are filled by one level each, found with floats and proven with integers:
no fraction a line. Lines under limits across SKUs, and baskets, take the exact sweep.
"""

from dataclasses import replace
from fractions import Fraction
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from allocation.baskets.claimants import has_baskets
from allocation.carrying import divisible, entitlements
from allocation.filling.exact import fill_exactly
from allocation.filling.outcome import Filling
from allocation.filling.rules import order_of
from allocation.limits import CARRY_MAX_THOUSANDTHS as PARTS
from allocation.policy import Policy
from allocation.problem import Lines, Problem
from allocation.solving import coupled_skus
from allocation.tables.columns import IntArray

UNIFORM: Final = Policy(rounding="none")
_SAFE: Final = float(2**52)
"""Sums below this are exact as floats."""

_NEAR: Final = 1e-9
"""Bends that lie relatively nearer to a level than this are compared in integers."""

_ROUNDS: Final = 20


def entitled_thousandths(problem: Problem) -> IntArray:
    """Return what each line is entitled to under the uniform rule, cut to whole thousandths of a pack.

    Never more than is eligible; minimums and carry play no part. Equal to
    ``entitlement · 1000 // pack`` of :func:`allocation.carrying.entitlements`.
    """
    if has_baskets(problem, UNIFORM):
        return _of_fractions(entitlements(problem), problem.lines.pack)
    free = divisible(problem)
    lines = free.lines_to_fill
    coupled = coupled_skus(free, lines)
    thousandths = _alone(free, lines, coupled)
    if coupled.any():
        together = coupled[free.requests.sku]
        only = replace(lines, eligible=np.where(together, lines.eligible, lines.floor))
        filling = Filling.of_all_that_is_eligible(only.eligible)
        fill_exactly(free, only, order_of(free, UNIFORM), coupled, filling)
        packs = filling.granted[together].tolist()
        thousandths[together] = [part.numerator * PARTS // part.denominator for part in map(Fraction, packs)]
    return np.minimum(thousandths, problem.lines.eligible.astype(np.int64) * PARTS)


def _of_fractions(units: list[Fraction], pack: npt.NDArray[Any]) -> IntArray:
    return np.array(
        [part.numerator * PARTS // (part.denominator * size) for part, size in zip(units, pack.tolist(), strict=True)],
        dtype=np.int64,
    )


def _alone(problem: Problem, lines: Lines, coupled: npt.NDArray[np.bool_]) -> IntArray:
    """Fill the SKUs that are not coupled, one after the other; the others' lines are left at what is eligible."""
    sku = problem.requests.sku
    thousandths = lines.eligible.astype(np.int64) * PARTS
    offered = problem.constraints.limits[: len(coupled)]
    demand = np.bincount(sku, lines.eligible.astype(np.float64) * lines.pack, len(coupled))
    order = np.argsort(sku, kind="stable")
    ends = np.searchsorted(sku[order], np.arange(len(coupled)), side="right").tolist()
    start = 0
    for k, end in enumerate(ends):
        members, start = order[start:end], end
        if coupled[k] or not len(members) or demand[k] * (1 + 1e-6) <= offered[k]:
            continue
        pack = int(lines.pack[members[0]])
        floor, eligible, weight = (
            column[members].astype(np.int64) for column in (lines.floor, lines.eligible, lines.weight)
        )
        thousandths[members] = _one_supply(floor * pack, eligible * pack, weight, int(offered[k]), pack)
    return thousandths


def _one_supply(floor: IntArray, eligible: IntArray, weight: IntArray, offered: int, pack: int) -> IntArray:
    """Share one supply: each line at weight · level, from its floor to what is eligible; thousandths of a pack."""
    most = int(eligible.sum(dtype=object))
    if most <= offered:
        return eligible // pack * PARTS
    if max(most, int(weight.sum(dtype=object))) >= _SAFE:
        return _one_supply_of_any_size(floor, eligible, weight, offered, pack)
    starts, stops = floor / weight, eligible / weight
    bends = np.concatenate((starts, stops))
    walk = np.argsort(bends, kind="stable")
    rate = np.cumsum(np.concatenate((weight, -weight))[walk])
    constant = int(floor.sum()) + np.cumsum(np.concatenate((-floor, eligible))[walk])
    reached = np.concatenate(([float(floor.sum())], constant[:-1] + rate[:-1] * bends[walk][1:]))
    place = int(np.searchsorted(np.maximum.accumulate(reached), offered))
    passed = np.zeros(len(bends), dtype=np.bool_)
    passed[walk[:place]] = True
    rising, risen = passed[: len(weight)], passed[len(weight) :]
    for _ in range(_ROUNDS):
        middle = rising & ~risen
        fixed = int(floor[~rising].sum()) + int(eligible[risen].sum())
        if not middle.any():
            if fixed == offered:
                return np.where(risen, eligible, floor) * PARTS // pack
            break
        level = Fraction(offered - fixed, int(weight[middle].sum()))
        found = (_below(floor, weight, starts, level, rising), _below(eligible, weight, stops, level, risen))
        if np.array_equal(found[0], rising) and np.array_equal(found[1], risen):
            units = np.where(risen, eligible, floor) * PARTS // pack
            units[middle] = _parts(weight[middle], level, pack)
            return units
        rising, risen = found
    return _one_supply_of_any_size(floor, eligible, weight, offered, pack)


def _below(
    units: IntArray, weight: IntArray, bends: npt.NDArray[np.float64], level: Fraction, before: npt.NDArray[np.bool_]
) -> npt.NDArray[np.bool_]:
    """Say which bends lie below a level; one that lies on it stays as it was, since it makes no difference."""
    approximate = float(level)
    below = bends < approximate
    near = np.flatnonzero(np.abs(bends - approximate) <= _NEAR * (1 + approximate))
    for line in near.tolist():
        difference = int(units[line]) * level.denominator - int(weight[line]) * level.numerator
        below[line] = before[line] if difference == 0 else difference < 0
    return below


def _parts(weight: IntArray, level: Fraction, pack: int) -> npt.NDArray[Any]:
    """Return weight · level in whole thousandths of a pack."""
    numerator, denominator = level.numerator * PARTS, level.denominator * pack
    if int(weight.max()) * numerator < 2**63 and denominator < 2**63:
        return weight * numerator // denominator
    return np.array([w * numerator // denominator for w in weight.tolist()], dtype=np.int64)


def _one_supply_of_any_size(floor: IntArray, eligible: IntArray, weight: IntArray, offered: int, pack: int) -> IntArray:
    """Do the same in fractions: walk along the bends until the lines have taken what is offered."""
    columns = list(zip(floor.tolist(), eligible.tolist(), weight.tolist(), strict=True))
    bends = sorted(
        [(Fraction(low, w), w, -low) for low, _, w in columns]
        + [(Fraction(high, w), -w, high) for _, high, w in columns]
    )
    constant, rate, level = sum(floor.tolist()), 0, Fraction(0)
    for bend, more_rate, more in bends:
        if rate and constant + rate * bend >= offered:
            level = Fraction(offered - constant, rate)
            break
        level, rate, constant = bend, rate + more_rate, constant + more
        if not rate and constant >= offered:
            break
    shares = (min(max(w * level, Fraction(low)), Fraction(high)) for low, high, w in columns)
    return np.array([share.numerator * PARTS // (share.denominator * pack) for share in shares], dtype=np.int64)

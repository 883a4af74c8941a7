"""Supplies that are shared over several shards: only sums by SKU, and few packs, come together.

Each supply ends at one key. It is bracketed by halving: every shard counts the packs due at a level per SKU, the counts
are added up. When few packs are left between the two ends, the shards send their keys, and of the packs with exactly
the last key their draws. Sums do not depend on how lines are cut, so that the result does not either.
"""

from collections import defaultdict
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from allocation.filling.lottery import drawing
from allocation.filling.outcome import Filling, Threshold
from allocation.filling.pack_keys import Floats, PackKeys, are_exact, pack_keys
from allocation.filling.signposts import Level, unit_level
from allocation.limits import EXACT_FLOAT_END
from allocation.policy import Policy
from allocation.sharding.parts import Part
from allocation.sharding.places import Places
from allocation.tables.columns import IntArray

Mask = npt.NDArray[np.bool_]

_FEW_PACKS: Final = 256
"""Packs of a SKU between two levels that are brought together and put in order."""


@dataclass(frozen=True, eq=False)
class _Stretches:
    """In a shard, the lines of the stage (tier and phase) in which their supply ends, and what came before it.

    `line` are positions in the part, `granted` what each line of the part holds but for these; `low` and `high` are
    what the lines hold at least and at most.
    """

    part: Part
    rounding: str
    granted: IntArray
    at_stake: Mask
    line: IntArray
    sku: IntArray
    phase: IntArray
    keys: PackKeys
    low: Floats
    high: Floats

    def held(self, level: Floats) -> Floats:
        """Return what the lines hold at the level of their SKU."""
        return np.clip(self.keys.packs_up_to(level[self.sku]), self.low, self.high)


def fill_supplies_in_shards(parts: list[Part], policy: Policy, chosen: Mask, places: Places, filling: Filling) -> Mask:
    """Share each chosen SKU's supply among its lines, which are spread over the parts.

    Returns
    -------
    Mask
        The SKUs that were left out, since floats would not be exact for their numbers: all of them or none.
    """
    kept = places.keep(parts)
    problem, phases = parts[0].problem, range(len(parts[0].order.phases))
    with_carry = any(places.ask(_has_carry, kept))
    bounds = places.ask(_key_bounds, kept, policy.rounding, with_carry)
    demand, floors = sum(places.ask(_totals, kept))
    if demand.max(initial=0.0) >= EXACT_FLOAT_END or not all(are_exact([b[i] for b in bounds]) for i in phases):
        return chosen
    packs = problem.supply.packs_on_offer.astype(np.float64)
    scarce = chosen & (demand > packs)
    tiers = np.unique(np.concatenate(places.ask(_tiers, kept)))
    amounts = sum(places.ask(_amounts, kept, tiers))
    ends = np.cumsum(amounts, axis=1)
    left = packs - floors
    critical = np.where(scarce, (ends < left[:, None]).sum(axis=1), ends.shape[1])
    last = np.minimum(critical, ends.shape[1] - 1)
    sku = np.arange(len(packs))
    due = np.where(scarce, left - ends[sku, last] + amounts[sku, last], 0.0)
    stretches = places.derive(_stretches, kept, policy.rounding, with_carry, tiers, critical, due > 0, scarce)
    level, before = _last_keys(places, stretches, due)
    borders, thresholds = _borders(places, stretches, policy, level, due - before)
    stage = {k: (int(tiers[last[k] // len(phases)]), int(last[k] % len(phases))) for k in borders}
    for k, exact in thresholds.items():
        filling.thresholds[k] = Threshold(*stage[k], exact, borders[k])
    settled = places.ask(_settle, stretches, policy, level, borders)
    for part, (granted, by_draw, short) in zip(parts, settled, strict=True):
        filling.granted[part.line], filling.by_draw[part.line] = granted, by_draw
        filling.stopped_by[part.line[short]] = part.problem.requests.sku[short]
    return np.zeros_like(chosen)


def _last_keys(places: Places, stretches: Any, due: Floats) -> tuple[Floats, Floats]:
    """Return per SKU the smallest key up to which `due` packs come, and how many come before it."""
    lows, highs = zip(*places.ask(_ends, stretches, len(due)), strict=True)
    wanted = due > 0
    low = np.where(wanted, np.nextafter(np.min(lows, axis=0), -np.inf), -1.0)
    high = np.where(wanted, np.max(highs, axis=0), -1.0)
    below, above = np.zeros_like(due), sum(places.ask(_due, stretches, high))
    while True:
        middle = low + 0.5 * (high - low)
        open_ = wanted & (above - below > _FEW_PACKS) & (low < middle) & (middle < high)
        if not open_.any():
            break
        count = sum(places.ask(_due, stretches, np.where(open_, middle, low)))
        up = open_ & (count < due)
        down = open_ & ~up
        low[up], below[up] = middle[up], count[up]
        high[down], above[down] = middle[down], count[down]
    keys: defaultdict[int, list[float]] = defaultdict(list)
    few = wanted & (above - below <= _FEW_PACKS)
    for found_sku, found_key in places.ask(_between, stretches, low, high, few):
        for sku, key in zip(found_sku.tolist(), found_key.tolist(), strict=True):
            keys[sku].append(key)
    level, before = np.where(wanted, high, -np.inf), below
    for sku, found in keys.items():
        found.sort()
        level[sku] = found[int(due[sku] - below[sku]) - 1]
        before[sku] += np.searchsorted(found, level[sku])
    return level, before


def _borders(
    places: Places, stretches: Any, policy: Policy, level: Floats, due: Floats
) -> tuple[dict[int, bytes], dict[int, Level]]:
    """Return per SKU the last draw granted of the `due` packs at its last key, and this key's exact level."""
    drawn: defaultdict[int, list[bytes]] = defaultdict(list)
    exact: dict[int, Level] = {}
    for levels, draws in places.ask(_at_last_key, stretches, policy, level):
        exact.update(levels)
        for sku, digests in draws.items():
            drawn[sku] += digests
    return {sku: sorted(digests)[int(due[sku]) - 1] for sku, digests in drawn.items()}, exact


def _has_carry(part: Part) -> bool:
    return bool(part.problem.requests.carry.any())


def _keys(part: Part, rounding: str, *, with_carry: bool) -> list[PackKeys]:
    every = np.arange(len(part.line))
    return [pack_keys(part.problem, rounding, phase, every, with_carry=with_carry) for phase in part.order.phases]


def _key_bounds(part: Part, rounding: str, with_carry: bool) -> list[tuple[float, float]]:  # noqa: FBT001
    keys = _keys(part, rounding, with_carry=with_carry)
    return [(phase.largest_numerator, phase.largest_denominator) for phase in keys]


def _totals(part: Part) -> Floats:
    """Return what is eligible and promised, in packs, per SKU."""
    skus, sku = len(part.problem.supply.sku), part.problem.requests.sku
    return np.array([np.bincount(sku, packs, skus) for packs in (part.lines.eligible, part.lines.floor)])


def _tiers(part: Part) -> IntArray:
    return np.unique(part.order.tier)


def _ranges(part: Part) -> list[tuple[IntArray, IntArray]]:
    """Return, phase by phase, what each line holds before and after."""
    return [
        (np.clip(part.lines.floor, phase.after, phase.until), np.minimum(part.lines.eligible, phase.until))
        for phase in part.order.phases
    ]


def _amounts(part: Part, tiers: IntArray) -> Floats:
    """Return how many packs each stage holds, SKUs × stages."""
    phases, skus, sku = len(part.order.phases), len(part.problem.supply.sku), part.problem.requests.sku
    stage, stages = np.searchsorted(tiers, part.order.tier) * phases, len(tiers) * phases
    amounts = np.zeros((skus, stages))
    for number, (low, high) in enumerate(_ranges(part)):
        packs = np.maximum(high - low, 0)
        amounts += np.bincount(sku * np.int64(stages) + stage + number, packs, skus * stages).reshape(skus, stages)
    return amounts


def _stretches(
    part: Part,
    rounding: str,
    with_carry: bool,  # noqa: FBT001 - called by name of the function alone
    tiers: IntArray,
    critical: IntArray,
    some: Mask,
    scarce: Mask,
) -> _Stretches:
    sku = part.problem.requests.sku.astype(np.int64)
    stage = np.searchsorted(tiers, part.order.tier) * len(part.order.phases)
    at_stake = scarce[sku]
    granted = np.where(at_stake, part.lines.floor, part.lines.eligible)
    line, phase_of, low_of, high_of, keys_of = [], [], [], [], []
    for number, ((low, high), keys) in enumerate(
        zip(_ranges(part), _keys(part, rounding, with_carry=with_carry), strict=True)
    ):
        rising = at_stake & (low < high)
        early = rising & (stage + number < critical[sku])
        granted[early] = high[early]
        here = np.flatnonzero(rising & (stage + number == critical[sku]) & some[sku])
        line.append(here)
        phase_of.append(np.full(len(here), number))
        low_of.append(low[here])
        high_of.append(high[here])
        keys_of.append(keys.only(here))
    keys = replace(
        keys_of[0],
        step=np.concatenate([keys.step for keys in keys_of]),
        base=np.concatenate([keys.base for keys in keys_of]),
        den=np.concatenate([keys.den for keys in keys_of]),
    )
    lines, phases = np.concatenate(line), np.concatenate(phase_of)
    held = [np.concatenate(column).astype(np.float64) for column in (low_of, high_of)]
    return _Stretches(part, rounding, granted, at_stake, lines, sku[lines], phases, keys, *held)


def _ends(stretches: _Stretches, skus: int) -> tuple[Floats, Floats]:
    """Return the first and the last key of each SKU."""
    first, last = np.full(skus, np.inf), np.full(skus, -np.inf)
    np.minimum.at(first, stretches.sku, stretches.keys.of(stretches.low + 1.0))
    np.maximum.at(last, stretches.sku, stretches.keys.of(stretches.high))
    return first, last


def _due(stretches: _Stretches, level: Floats) -> Floats:
    """Return how many packs are due per SKU at its level, besides those held before the stage."""
    return np.bincount(stretches.sku, stretches.held(level) - stretches.low, len(level)).astype(np.float64)


def _between(stretches: _Stretches, low: Floats, high: Floats, few: Mask) -> tuple[IntArray, Floats]:
    """Return SKU and key of the packs above `low` up to `high` of the SKUs that have few."""
    here = np.flatnonzero(few[stretches.sku])
    start, end = stretches.held(low)[here], stretches.held(high)[here]
    packs = (end - start).astype(np.int64)
    which = np.repeat(here, packs)
    before = np.cumsum(packs) - packs
    n = np.repeat(start - before, packs) + np.arange(len(which)) + 1.0
    return stretches.sku[which], stretches.keys.only(which).of(n.astype(np.float64))


def _last_packs(stretches: _Stretches, level: Floats) -> tuple[Floats, Mask]:
    """Return what the lines hold at the last key, and which have a pack with exactly this key."""
    held = stretches.held(level)
    exactly = (held > stretches.low) & (
        stretches.keys.of(np.maximum(held, stretches.low + 1.0)) == level[stretches.sku]
    )
    return held, exactly


def _at_last_key(
    stretches: _Stretches, policy: Policy, level: Floats
) -> tuple[dict[int, Level], dict[int, list[bytes]]]:
    """Return per SKU the exact level of the last key, and the draws of the packs that have it."""
    part, draw = stretches.part, drawing(policy.seed_bytes())
    held, exactly = _last_packs(stretches, level)
    exact: dict[int, Level] = {}
    draws: defaultdict[int, list[bytes]] = defaultdict(list)
    for i in np.flatnonzero(exactly).tolist():
        line, sku, n = int(stretches.line[i]), int(stretches.sku[i]), int(held[i])
        draws[sku].append(draw(*part.problem.names(line), n))
        if sku not in exact:
            phase, pack = part.order.phases[stretches.phase[i]], int(part.lines.pack[line])
            exact[sku] = unit_level(
                stretches.rounding,
                n,
                carry=int(part.problem.requests.carry[line]),
                pack=pack,
                rate=int(phase.rate[line]),
                offset=int(phase.offset_packs[line]) * pack,
            )
    return exact, draws


def _settle(
    stretches: _Stretches, policy: Policy, level: Floats, borders: dict[int, bytes]
) -> tuple[IntArray, Mask, Mask]:
    """Return what each line of the part gets, whether the draw alone stopped it, and whether its supply did."""
    part, draw = stretches.part, drawing(policy.seed_bytes())
    held, exactly = _last_packs(stretches, level)
    granted, by_draw = stretches.granted.copy(), np.zeros(len(part.line), dtype=np.bool_)
    granted[stretches.line] = held
    for i in np.flatnonzero(exactly).tolist():
        line, n = int(stretches.line[i]), int(held[i])
        if draw(*part.problem.names(line), n) > borders[int(stretches.sku[i])]:
            granted[line], by_draw[line] = n - 1, True
    return granted, by_draw, stretches.at_stake & (granted < part.lines.eligible)

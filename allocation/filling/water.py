"""Lines that meet in nothing but a supply: one level a SKU, found for all SKUs at once.

The level is bracketed by halving on a grid of integers, all SKUs together, lines leaving as soon as the bracket holds
none of their signposts; on the grid's last step each line has at most one unit left to decide, and those few are put
in order exactly. Lines that are alike are gone through as one. Integers throughout: 64 bits where everything fits,
Python's own where it would not. Many lines go to :mod:`allocation.filling.compiled_water`, with the same result.
"""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, fields, replace

import numpy as np
import numpy.typing as npt

from allocation import compiled
from allocation.filling.lottery import Drawing
from allocation.filling.outcome import Filling, Threshold
from allocation.filling.rules import Order
from allocation.filling.signposts import CARRY_SCALE, AnyInts, Level, largest_product, packs_due, unit_level
from allocation.limits import LEVEL_REFINEMENT_BITS, WORD_END
from allocation.problem import Lines, Problem
from allocation.tables.columns import IntArray

Mask = npt.NDArray[np.bool_]


@dataclass(eq=False)
class _Stretches:
    """Stretches of packs of lines, of one phase each, that end somewhere between `low` and `high` packs.

    The award of a stretch is `offset` scale-ths of a pack at level 0 and grows by `rate`; `sku` is where it is shared.
    It stands for `count` stretches that are alike, of which `line` is one.
    """

    line: IntArray
    phase: IntArray
    sku: IntArray
    low: AnyInts
    high: AnyInts
    rate: AnyInts
    offset: AnyInts
    count: AnyInts

    def only(self, chosen: Mask | IntArray) -> "_Stretches":
        if chosen.dtype == np.bool_ and chosen.all():
            return replace(self)
        return _Stretches(*(getattr(self, column.name)[chosen] for column in fields(self)))


def fill_supplies(
    problem: Problem, lines: Lines, order: Order, rounding: str, draw: Drawing, chosen: Mask, filling: Filling
) -> None:
    """Share each chosen SKU's supply among its lines, as if no other constraint existed.

    Parameters
    ----------
    lines
        What each line may get at least and at most.
    chosen
        Per SKU, whether it is shared here.
    filling
        Written to for the lines of those SKUs; holds what is eligible before.
    """
    if compiled.worth_it(len(problem)):
        from allocation.filling.compiled_water import fill_many  # noqa: PLC0415  # imports numba

        chosen = fill_many(problem, lines, order, rounding, draw, chosen, filling)
        if not chosen.any():
            return
    sku = problem.requests.sku
    supply_packs = problem.supply.packs_on_offer
    total = _kind_for_sums(lines.eligible)
    demand = _sum_by(sku, lines.eligible.astype(total, copy=False), len(chosen))
    scarce = chosen & (demand > supply_packs).astype(np.bool_)
    at_stake = scarce[sku]
    if not at_stake.any():
        return
    filling.granted[at_stake] = lines.floor[at_stake]
    left = supply_packs - _sum_by(sku, lines.floor.astype(total, copy=False), len(chosen))
    stretches, target = _critical_stretches(problem, lines, order, at_stake, left, filling.granted)
    scale = CARRY_SCALE if problem.requests.carry.any() else 1
    for part, steps in _by_width(stretches, rounding, scale, len(chosen)):
        kinds, kind = _alike(part)
        _narrow_down(kinds, rounding, scale, steps, target)
        filling.granted[part.line] = kinds.low[kind]
        members = _Members(kinds, *_by_kind(part.line, kind, kinds))
        _decide_last_units(problem, order, rounding, draw, members, target, filling)
    short = at_stake & (filling.granted < lines.eligible)
    filling.stopped_by[short] = sku[short]


def _critical_stretches(
    problem: Problem, lines: Lines, order: Order, at_stake: Mask, left: AnyInts, granted: IntArray
) -> tuple[_Stretches, AnyInts]:
    """Grant every stage (tier and phase) that is filled, and return the stretches of the one in which supply ends.

    Returns
    -------
    tuple
        The stretches, and per SKU how many packs they hold together in the end.
    """
    requests, skus = problem.requests, len(left)
    tiers, rank = np.unique(order.tier, return_inverse=True)
    stages = len(tiers) * len(order.phases)
    scale = CARRY_SCALE if requests.carry.any() else 1
    carry = requests.carry if scale > 1 else np.zeros_like(requests.carry)
    parts = []
    for phase in order.phases:
        low, high = np.clip(lines.floor, phase.after, phase.until), np.minimum(lines.eligible, phase.until)
        some = np.flatnonzero(at_stake & (low < high))
        kind = _kind_for_sums(phase.offset_packs, scale)
        offset = phase.offset_packs[some].astype(kind) * scale + carry[some]
        number = np.full_like(some, phase.number)
        parts.append(
            _Stretches(
                *(some, number, requests.sku[some].astype(np.int64), low[some], high[some], phase.rate[some], offset),
                np.ones_like(some),
            )
        )
    every = parts[0]
    if len(parts) > 1:
        every = _Stretches(*(np.concatenate([getattr(p, column.name) for p in parts]) for column in fields(_Stretches)))
    stage = rank[every.line] * len(order.phases) + every.phase
    amount = (every.high - every.low).astype(left.dtype)
    ends = np.cumsum(_sum_by(every.sku * stages + stage, amount, skus * stages).reshape(skus, stages), axis=1)
    critical = (ends < left[:, None]).astype(np.int64).sum(axis=1)
    before = stage < critical[every.sku]
    granted[every.line[before]] = every.high[before]
    here = every.only((stage == critical[every.sku]) & (left > 0).astype(np.bool_)[every.sku])
    taken = np.where(critical > 0, ends[np.arange(skus), np.maximum(critical - 1, 0)], 0)
    return here, left - taken + _sum_by(here.sku, here.low.astype(left.dtype), skus)


def _by_width(stretches: _Stretches, rounding: str, scale: int, skus: int) -> Iterator[tuple[_Stretches, AnyInts]]:
    """Part the stretches into those whose SKU needs no more than 64 bits and the others.

    Yields
    ------
    tuple
        Stretches in a dtype that holds all products, and per SKU the steps of its grid within one level.
    """
    if not stretches.line.size:
        return
    sku, rate = stretches.sku, stretches.rate
    fastest, slowest = np.zeros(skus, dtype=np.int64), np.full(skus, WORD_END, dtype=np.int64)
    np.maximum.at(fastest, sku, rate)
    np.minimum.at(slowest, sku, rate)
    divisor = np.where(fastest == slowest, fastest, 0)
    uneven = (fastest > slowest)[sku]
    np.gcd.at(divisor, sku[uneven], rate[uneven])
    divisor = np.maximum(divisor, 1)
    stretches.rate = rate // divisor[sku]
    fastest, slowest = fastest // divisor, slowest // divisor
    largest, furthest = np.zeros(skus), np.zeros(skus)
    np.maximum.at(largest, sku, stretches.high.astype(np.float64))
    np.maximum.at(furthest, sku, np.abs(stretches.offset).astype(np.float64))
    lines = np.bincount(sku, minlength=skus)
    reach = (largest * scale + furthest) * (fastest / np.maximum(slowest, 1)) + furthest + scale
    bits, fits = np.zeros(skus, dtype=np.int64), np.zeros(skus, dtype=np.bool_)
    for more in range(LEVEL_REFINEMENT_BITS + 1):
        steps = fastest.astype(np.float64) * 2.0**more
        biggest = np.maximum(reach * steps, largest_product(rounding, reach / scale, scale * steps))
        good = (np.maximum(biggest, largest * lines) < WORD_END / 2) & ((more == 0) | (fastest > slowest))
        bits[good], fits = more, fits | good
    for narrow in (True, False):
        chosen = fits[sku] if narrow else ~fits[sku]
        if chosen.any():
            part, kind = stretches.only(chosen), np.int64 if narrow else object
            for name in ("low", "high", "rate", "offset", "count"):
                setattr(part, name, getattr(part, name).astype(kind, copy=False))
            yield part, fastest.astype(kind) * 2 ** (bits if narrow else LEVEL_REFINEMENT_BITS)


def _alike(part: _Stretches) -> tuple[_Stretches, IntArray]:
    """Return one stretch for all that are alike, and for each stretch the position of its kind.

    Where few are alike, or numbers are wide, each is a kind of its own.
    """
    each = np.arange(len(part.line))
    if part.low.dtype == object:
        return part, each
    code, kinds = np.zeros_like(each), 1
    for column in (part.sku, part.phase, part.low, part.high, part.rate, part.offset):
        least = int(column.min())
        width = int(column.max()) - least + 1
        kinds *= width
        if kinds > len(each):
            return part, each
        code = code * width + (column - least)
    count, example, number = np.bincount(code, minlength=kinds), np.empty(kinds, np.int64), np.empty(kinds, np.int64)
    example[code] = each
    there = np.flatnonzero(count)
    number[there] = np.arange(len(there))
    alike = part.only(example[there])
    alike.count = count[there]
    return alike, number[code]


def _narrow_down(part: _Stretches, rounding: str, scale: int, steps: AnyInts, target: AnyInts) -> None:
    """Bring `low` and `high` of each stretch to the two ends of the grid's step in which its SKU's supply ends.

    At the lower end fewer packs are due than `target`, at the upper end at least as many. Within the step an award
    grows by at most one pack, so that a stretch has at most one unit in it.
    """
    sku, groups = part.sku, len(steps)
    target = target.astype(part.low.dtype)
    bottom, top = np.full(groups, WORD_END, dtype=steps.dtype), np.full(groups, -WORD_END, dtype=steps.dtype)
    if steps.dtype == object:
        bottom, top = bottom * WORD_END**4, top * WORD_END**4
    per_level = scale * part.rate
    np.minimum.at(bottom, sku, (part.low * scale - part.offset) * steps[sku] // per_level - 1)
    np.maximum.at(top, sku, -((part.offset - part.high * scale) * steps[sku] // per_level))
    settled = np.zeros(groups, dtype=steps.dtype)
    active = np.arange(len(sku))
    while True:
        is_open = (top - bottom > 1).astype(np.bool_)
        going = is_open[sku[active]] & (part.low[active] < part.high[active])
        leaving = active[~going]
        np.add.at(settled, sku[leaving], part.low[leaving] * part.count[leaving])
        active = active[going]
        if not active.size:
            return
        where, low, high = sku[active], part.low[active], part.high[active]
        middle = (bottom + top) // 2
        award = middle[where] * per_level[active] + part.offset[active] * steps[where]
        due = np.minimum(np.maximum(packs_due(rounding, award, scale * steps[where]), low), high)
        total = settled.copy()
        np.add.at(total, where, due * part.count[active])
        rising = (total < target).astype(np.bool_)
        bottom, top = np.where(is_open & rising, middle, bottom), np.where(is_open & ~rising, middle, top)
        up = rising[where]
        part.low[active[up]], part.high[active[~up]] = due[up], due[~up]


@dataclass(frozen=True, eq=False)
class _Members:
    """Kinds of stretches with their lines: of kind *i*, those of `line` up to `ends[i]`, `count[i]` in number."""

    kinds: _Stretches
    line: IntArray
    ends: IntArray

    def of(self, kind: int) -> IntArray:
        """Return the lines of a kind that has a pack to be decided on."""
        return self.line[self.ends[kind] - int(self.kinds.count[kind]) : self.ends[kind]]


def _by_kind(line: IntArray, kind: IntArray, kinds: _Stretches) -> tuple[IntArray, IntArray]:
    """Return the lines of kinds with a pack to be decided on, kind by kind, and where those of each kind end."""
    undecided = (kinds.low < kinds.high).astype(np.bool_)
    some = np.flatnonzero(undecided[kind])
    in_order = some[np.argsort(kind[some], kind="stable")]
    return line[in_order], np.cumsum(np.where(undecided, kinds.count, 0).astype(np.int64))


def _decide_last_units(
    problem: Problem,
    order: Order,
    rounding: str,
    draw: Drawing,
    members: _Members,
    target: AnyInts,
    filling: Filling,
) -> None:
    """Grant the units within the last step in their exact order, SKU by SKU, until the target is met."""
    kinds = members.kinds
    still_due = target - _sum_by(kinds.sku, (kinds.low * kinds.count).astype(target.dtype), len(target))
    undecided = np.flatnonzero(kinds.low < kinds.high)
    by_sku = undecided[np.argsort(kinds.sku[undecided], kind="stable")]
    sku = kinds.sku[by_sku]
    starts = np.flatnonzero(np.r_[True, sku[1:] != sku[:-1]])
    for start, end in zip(starts.tolist(), [*starts[1:].tolist(), len(sku)], strict=True):
        position = int(sku[start])
        units = _Units(problem, order, rounding, draw, members, position, int(kinds.phase[by_sku[start]]))
        filling.thresholds[position] = units.grant(by_sku[start:end], int(still_due[position]), filling)


@dataclass(frozen=True, eq=False)
class _Units:
    """The exact order of units of one SKU at one stage."""

    problem: Problem
    order: Order
    rounding: str
    draw: Drawing
    members: _Members
    sku: int
    phase: int

    def grant(self, kinds: IntArray, due: int, filling: Filling) -> Threshold:
        """Grant the first `due` of the next units of these kinds; the others of the last level lose by the draw."""
        for level, alike in sorted(self._by_level(kinds).items()):
            line = np.concatenate([self.members.of(kind) for kind in alike])
            if due <= len(line):
                drawn = sorted(zip(self._draws(line, filling.granted[line] + 1), line.tolist(), strict=True))
                filling.granted[[i for _, i in drawn[:due]]] += 1
                filling.by_draw[[i for _, i in drawn[due:]]] = True
                return Threshold(int(self.order.tier[drawn[0][1]]), self.phase, level, drawn[due - 1][0])
            filling.granted[line] += 1
            due -= len(line)
        raise AssertionError("fewer units within the last step than are due")

    def _draws(self, line: IntArray, n: IntArray) -> list[bytes]:
        names = self.problem.retailers.retailer
        retailers = map(names.__getitem__, self.problem.requests.retailer[line].tolist())
        return self.draw.of_units(self.problem.supply.sku[self.sku], zip(retailers, n.tolist(), strict=True))

    def _by_level(self, kinds: IntArray) -> dict[Level, list[int]]:
        """Group kinds by the exact level of their next unit, forming one fraction for all that share its parts."""
        phase, stretches = self.order.phases[self.phase], self.members.kinds
        line = stretches.line[kinds]
        alike: defaultdict[tuple[int, int, int, int], list[int]] = defaultdict(list)
        columns = (
            stretches.low[kinds] + 1,
            self.problem.requests.carry[line],
            phase.rate[line],
            phase.offset_packs[line],
        )
        for kind, *parts in zip(kinds.tolist(), *(column.tolist() for column in columns), strict=True):
            alike[tuple(parts)].append(kind)
        pack = int(self.problem.supply.pack[self.sku])
        levels: defaultdict[Level, list[int]] = defaultdict(list)
        for (n, carried, rate, offset), found in alike.items():
            level = unit_level(self.rounding, n, carry=carried, pack=pack, rate=rate, offset=offset * pack)
            levels[level] += found
        return levels


def _sum_by(group: AnyInts, values: AnyInts, groups: int) -> AnyInts:
    """Sum integers by group, in the dtype of the values, which the caller has chosen to hold the sums."""
    sums = np.zeros(groups, dtype=values.dtype)
    np.add.at(sums, group, values)
    return sums


def _kind_for_sums(values: IntArray, factor: int = 1) -> type:
    return np.int64 if float(values.max(initial=0)) * factor * max(len(values), 1) < WORD_END else object

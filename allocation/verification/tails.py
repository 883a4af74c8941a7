"""The last units granted in each constraint: all that a stop must be compared with.

Lines are gone through some at a time, so that what is made on the way does not grow with the problem.
"""

from collections.abc import Iterator
from dataclasses import dataclass, fields

import numpy as np
import numpy.typing as npt

from allocation.compiled import worth_it
from allocation.verification.entitlement import Claims, Kind, chunks
from allocation.verification.given import NONE, Codes, Ints
from allocation.verification.side_by_side import side_by_side
from allocation.verification.turns import Floats, Turns

Mask = npt.NDArray[np.bool_]


@dataclass(eq=False)
class Filled:
    """A filling to be checked, in packs: `held`, of which `base` came before any turn, and never more than `top`.

    `left` is what it leaves of each constraint.
    """

    held: Ints
    base: Ints
    top: Ints
    left: Ints


@dataclass(eq=False)
class Units:
    """Units, each with its line, number, stage and bounds of its level."""

    line: Ints
    n: Ints
    stage: Ints
    low: Floats
    high: Floats

    def only(self, chosen: Mask | Ints) -> "Units":
        """Return some of them, by a mask or by ascending positions."""
        if len(chosen) == len(self.line) and (chosen.dtype != np.bool_ or chosen.all()):
            return self
        return Units(*(getattr(self, column.name)[chosen] for column in fields(self)))


@dataclass(eq=False)
class Tail:
    """The last units granted in the constraints of a kind.

    Parameters
    ----------
    units, constraint, size
        The units, with their constraint and what each takes of it.
    stage, low
        By constraint, where they begin: all units that may come later are among them.
    end_stage, end_high
        By constraint, where they end for sure.
    """

    kind: Kind
    units: Units
    constraint: Codes
    size: Ints
    stage: Ints
    low: Floats
    end_stage: Ints
    end_high: Floats


def tail_of(turns: Turns, claims: Claims, filled: Filled, kind: Kind, wanted: Ints) -> Tail:
    """Return the last units of each constraint of a kind that together take at least what is `wanted` of it.

    Where nothing is wanted, there are none.
    """
    if kind.even:  # one unit is enough
        units, constraint, size = _joined(list(_last_units(turns, claims, filled, kind, wanted, latest=True)))
        start = _greatest(len(wanted), constraint, units.stage, units.low)
        units, constraint, size = _late(units, constraint, size, start)
    else:
        units, constraint, size = _joined(list(_last_units(turns, claims, filled, kind, wanted)))
        start = start_of_tail(units, constraint, size, wanted)
        units, constraint, size = _late(
            *_further_back(turns, filled, _late(units, constraint, size, start), wanted), start
        )
    return Tail(kind, units, constraint, size, *start, *_greatest(len(wanted), constraint, units.stage, units.high))


def next_units(turns: Turns, line: Ints, held: Ints) -> Units:
    """Return the unit of each line that follows the last one granted."""
    return _units(turns, line, held[line] + 1)


def _units(turns: Turns, line: Ints, n: Ints) -> Units:
    stage = turns.stages(line, n)
    return Units(line, n, stage, *turns.estimate(line, n, stage))


def _last_units(
    turns: Turns, claims: Claims, filled: Filled, kind: Kind, wanted: Ints, *, latest: bool = False
) -> Iterator[tuple[Units, Codes, Ints]]:
    """Yield the last units of lines above their base, where something is wanted, with constraints and sizes.

    If it is for the `latest` alone, of some lines at a time only those that may be the last of their constraint.
    """
    scarce = wanted > 0

    def last(part: slice) -> tuple[Units, Codes, Ints]:
        line = part.start + np.flatnonzero(filled.held[part] > filled.base[part])
        sku = claims.given.sku[line]
        constraint, size = kind.of(claims.given.retailer[line], sku), kind.size[sku]
        here = (constraint != NONE) & scarce[constraint] & (size > 0)
        if not here.all():
            line, constraint, size = line[here], constraint[here], size[here]
        units = _units(turns, line, filled.held[line])
        if not latest:
            return units, constraint, size
        return _late(units, constraint, size, _greatest(len(wanted), constraint, units.stage, units.low))

    return side_by_side(last, chunks(len(filled.held)))


def _late(units: Units, constraint: Codes, size: Ints, start: tuple[Ints, Floats]) -> tuple[Units, Codes, Ints]:
    """Return the units that may come after the start of their constraint's tail."""
    stage, low = (column[constraint] for column in start)
    late = np.flatnonzero((units.stage > stage) | ((units.stage == stage) & (units.high >= low)))
    return units.only(late), constraint[late], size[late]


def _further_back(
    turns: Turns, filled: Filled, last: tuple[Units, Codes, Ints], wanted: Ints
) -> tuple[Units, Codes, Ints]:
    """Return the units of these lines, from the last one back to where they alone take what is wanted."""
    units, constraint, size = last
    count = np.minimum(units.n - filled.base[units.line], -(-wanted[constraint] // size))
    steps = np.arange(count.sum()) - np.repeat(np.cumsum(count) - count, count)
    line, n = np.repeat(units.line, count), np.repeat(units.n, count) - steps
    return _units(turns, line, n), np.repeat(constraint, count), np.repeat(size, count)


def _joined(parts: list[tuple[Units, Codes, Ints]]) -> tuple[Units, Codes, Ints]:
    if not parts:  # there are no lines
        nothing, no_levels = np.empty(0, dtype=np.int64), np.empty(0)
        return Units(nothing, nothing, nothing, no_levels, no_levels), nothing, nothing
    columns = (np.concatenate([getattr(units, column.name) for units, _, _ in parts]) for column in fields(Units))
    return Units(*columns), np.concatenate([c for _, c, _ in parts]), np.concatenate([size for _, _, size in parts])


def _greatest(constraints: int, constraint: Codes, stage: Ints, level: Floats) -> tuple[Ints, Floats]:
    """Return per constraint the latest stage, and the highest level in it; where there is none, before everything."""
    last, highest = np.full(constraints, NONE, dtype=np.int64), np.full(constraints, -np.inf)
    np.maximum.at(last, constraint, stage)
    in_last = stage == last[constraint]
    np.maximum.at(highest, constraint[in_last], level[in_last])
    return last, highest


def start_of_tail(last: Units, constraint: Codes, size: Ints, wanted: Ints) -> tuple[Ints, Floats]:
    """Return per constraint where its last units begin to take what is wanted; before everything where they never do.

    Counts one unit a line, the last; with all of them the wanted amount is reached no earlier.
    """
    stage, low = np.full(len(wanted), NONE, dtype=np.int64), np.full(len(wanted), -np.inf)
    if worth_it(len(constraint)):
        from allocation.verification.levels import order_by, start_of_tails  # noqa: PLC0415  # imports numba

        number, members = constraint.astype(np.int32), np.empty(len(constraint), dtype=np.int64)
        starts = np.r_[0, np.cumsum(np.bincount(number, minlength=len(wanted)))]
        order_by(number, starts[:-1].copy(), members)
        start_of_tails(last.stage, last.low, members, starts, size, wanted, stage, low)
        return stage, low
    order = np.lexsort((-last.low, -last.stage, constraint))
    sorted_constraint = constraint[order]
    taken = np.cumsum(size[order])  # may wrap; within a constraint differences are right all the same
    starts = np.flatnonzero(np.r_[True, sorted_constraint[1:] != sorted_constraint[:-1]]) if len(order) else order
    group = np.repeat(np.arange(len(starts)), np.diff(np.r_[starts, len(order)]))
    taken -= (taken[starts] - size[order][starts])[group]
    reached = np.flatnonzero(taken >= wanted[sorted_constraint])
    first, position = np.unique(sorted_constraint[reached], return_index=True)
    at = order[reached[position]]
    stage[first], low[first] = last.stage[at], last.low[at]
    return stage, low

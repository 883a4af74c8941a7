"""Was every short line rightly stopped? The check that, with feasibility, proves a filling.

For a line stopped by a constraint before its unit with key κ, what is left in the constraint plus all units granted in
it with a key after κ is smaller than that unit's size. Only the last units granted in a constraint can matter: those
that together with what is left make room for the largest pack that was refused. A stop before all of them found room;
a stop after all of them found what is left.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields

import numpy as np
import numpy.typing as npt

from allocation.compiled import worth_it
from allocation.verification.entitlement import Claims, Kind
from allocation.verification.findings import Findings
from allocation.verification.given import NONE, Codes, Ints
from allocation.verification.turns import Floats, Turn, Turns, in_order_of_draws

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
class Stops:
    """For each `short` line, the number of the `constraint` that stopped it, and whether the draw alone did.

    `last` is the last unit granted of each SKU whose supply stopped a line.
    """

    short: Ints
    constraint: Ints
    by_draw: Mask
    last: dict[int, Turn] = field(default_factory=dict)


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
class _Tail:
    """The last units granted in the constraints of a kind, and the stops that they must be compared with.

    `constraint` and `size` are of the units; `at` are the positions of the stops among the short lines, `stop` their
    constraints and `needs` the sizes that were refused.
    """

    kind: Kind
    units: Units
    constraint: Codes
    size: Ints
    at: Ints
    stop: Codes
    needs: Ints


def check_stops(
    turns: Turns,
    claims: Claims,
    filled: Filled,
    findings: Findings,
    *,
    place: str = "",
    thresholds: Mapping[int, Turn] | None = None,
) -> Stops:
    """Go through all short lines.

    Parameters
    ----------
    place
        A prefix for the names of lines, empty for the result itself.
    thresholds
        The last unit of each SKU as the certificate states it; where it is not the last one granted, the lines on the
        wrong side of it are named instead of all that a wrong last unit makes look wrong.
    """
    stopped = _units(turns, np.flatnonzero(filled.held < filled.top), filled.held, 1)
    granted = _units(turns, _granted_beside(claims, filled, stopped.line), filled.held, 0)
    stops = Stops(stopped.line, np.full(len(stopped.line), NONE, dtype=np.int64), np.ones(len(stopped.line), np.bool_))
    tails = [_tail_of(turns, claims, filled, kind, stopped, granted, stops) for kind in claims.kinds]
    _compare_with_tails(turns, filled, tails, stopped, stops)
    stops.by_draw &= stops.constraint != NONE
    named = _name_beyond(turns, claims, filled, thresholds or {}, stops, findings)
    wrong = stopped.line[stops.constraint == NONE]
    for line in wrong[~np.isin(claims.sku[wrong], list(named))].tolist():
        findings.add(
            f"{place}{claims.given.place(line)}",
            "stopped although its next pack came before the last one that was granted, or had room",
        )
    return stops


def _units(turns: Turns, line: Ints, held: Ints, following: int) -> Units:
    """Return the last unit granted of each line, or the one `following` it."""
    n = held[line] + following
    stage = turns.stages(line, n)
    return Units(line, n, stage, *turns.estimate(line, n, stage))


def _granted_beside(claims: Claims, filled: Filled, short: Ints) -> Ints:
    """Return the lines with units above their base that share a constraint with a short line."""
    above = filled.held > filled.base
    beside = np.zeros(len(claims.limits), dtype=np.bool_)
    for kind in claims.kinds:
        number = kind.of(claims.given.retailer[short], claims.given.sku[short])
        beside[kind.first + number[number != NONE].astype(np.int64)] = True
    near = np.zeros(len(above), dtype=np.bool_)
    for kind in claims.kinds:
        number = kind.of(claims.given.retailer, claims.given.sku)
        near |= (number != NONE) & beside[kind.first + np.maximum(number, 0).astype(np.int64)]
    return np.flatnonzero(above & near)


def _tail_of(
    turns: Turns, claims: Claims, filled: Filled, kind: Kind, stopped: Units, granted: Units, stops: Stops
) -> _Tail:
    """Find the last units of each constraint of a kind, and settle all stops that are plainly before or after them.

    A stop that found no room in an earlier kind keeps that; `by_draw` is kept where there may have been room before the
    first unit of its moment.
    """
    retailer, sku, left = (
        claims.given.retailer,
        claims.given.sku,
        filled.left[kind.first : kind.first + len(kind.limits)],
    )
    stop = kind.of(retailer[stopped.line], sku[stopped.line])
    needs = kind.size[sku[stopped.line]]
    largest = np.zeros(len(kind.limits), dtype=np.int64)
    inside = stop != NONE
    np.maximum.at(largest, stop[inside], needs[inside])
    scarce = largest > left
    at = np.flatnonzero(inside & scarce[stop] & (needs > 0))
    stop, needs = stop[at], needs[at]
    mine = kind.of(retailer[granted.line], sku[granted.line])
    size = kind.size[sku[granted.line]]
    chosen = np.flatnonzero((mine != NONE) & scarce[mine] & (size > 0))
    last = granted.only(chosen)
    units, constraint, size, start = _last_units(
        turns, filled, last, mine[chosen], size[chosen], largest - left, even=kind.even
    )
    stage, low = start
    end_stage, end_high = _greatest(len(left), constraint, units.stage, units.high)
    my = stopped.only(at)
    before = (my.stage < stage[stop]) | ((my.stage == stage[stop]) & (my.high < low[stop]))
    after = (my.stage > end_stage[stop]) | ((my.stage == end_stage[stop]) & (my.low > end_high[stop]))
    full = left[stop[after]] < needs[after]
    _settle(stops, at[after], kind, stop[after], full, full)
    between = ~(before | after)
    return _Tail(kind, units, constraint, size, at[between], stop[between], needs[between])


def _settle(stops: Stops, at: Ints, kind: Kind, constraint: Codes, full: Mask, full_before: Mask) -> None:
    """Note the stops at which a constraint was full; the draw did not decide where it was so before their moment.

    Constraints are numbered in naming order: of several, the first is kept.
    """
    here, number = at[full], constraint[full].astype(np.int64) + kind.first
    known = stops.constraint[here]
    stops.constraint[here] = np.where(known == NONE, number, np.minimum(known, number))
    stops.by_draw[at[full_before]] = False


def _last_units(
    turns: Turns, filled: Filled, last: Units, constraint: Codes, size: Ints, wanted: Ints, *, even: bool
) -> tuple[Units, Codes, Ints, tuple[Ints, Floats]]:
    """Return the last units of each constraint that together take at least what is `wanted`.

    Returns
    -------
    tuple
        The units, some more among them; their constraints; their sizes; and per constraint stage and level of where
        they begin: units that may come later are all there.
    """
    if even:  # one unit is enough
        start = _greatest(len(wanted), constraint, last.stage, last.low)
    else:
        start = start_of_tail(last, constraint, size, wanted)
    stage, low = start
    late = (last.stage > stage[constraint]) | ((last.stage == stage[constraint]) & (last.high >= low[constraint]))
    units, constraint, size = last.only(late), constraint[late], size[late]
    if even:
        return units, constraint, size, start
    count = np.minimum(units.n - filled.base[units.line], -(-wanted[constraint] // size))
    steps = np.arange(count.sum()) - np.repeat(np.cumsum(count) - count, count)
    line, n = np.repeat(units.line, count), np.repeat(units.n, count) - steps
    constraint, size = np.repeat(constraint, count), np.repeat(size, count)
    number = turns.stages(line, n)
    units = Units(line, n, number, *turns.estimate(line, n, number))
    late = (units.stage > stage[constraint]) | ((units.stage == stage[constraint]) & (units.high >= low[constraint]))
    return units.only(late), constraint[late], size[late], start


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


def _compare_with_tails(turns: Turns, filled: Filled, tails: Sequence[_Tail], stopped: Units, stops: Stops) -> None:
    """Settle the stops among the last units of a constraint, and note the last unit of each SKU that ran out."""
    every = [*(tail.units for tail in tails), *(stopped.only(tail.at) for tail in tails)]
    ranks = turns.ranks(np.concatenate([u.line for u in every]), np.concatenate([u.n for u in every]))
    parts = np.split(ranks, np.cumsum([len(u.line) for u in every])[:-1])
    for tail, mine, theirs in zip(tails, parts, parts[len(tails) :], strict=False):
        left = filled.left[tail.kind.first :][tail.stop]
        full, full_before = _full(turns, tail, stopped.only(tail.at), left, (mine, theirs), len(ranks))
        _settle(stops, tail.at, tail.kind, tail.stop, full, full_before)
    _note_last(turns, tails[0], parts[0], stops)


def _full(
    turns: Turns, tail: _Tail, stopped: Units, left: Ints, ranks: tuple[Ints, Ints], end: int
) -> tuple[Mask, Mask]:
    """Say at which stops there was no room: at their turn, and before the first unit of their moment.

    The draws are made only where they decide.
    """
    key, stop_key = (
        c.astype(np.int64) * end + rank for c, rank in zip((tail.constraint, tail.stop), ranks, strict=True)
    )
    order = np.argsort(key)
    ordered, taken = key[order], np.r_[0, np.cumsum(tail.size[order])]  # may wrap; differences are right all the same
    first, behind = (np.searchsorted(ordered, stop_key, side) for side in ("left", "right"))
    ending = np.searchsorted(ordered, (tail.stop.astype(np.int64) + 1) * end)
    room = left + (taken[ending] - taken[behind])
    full_before = room + (taken[behind] - taken[first]) < tail.needs
    full = room < tail.needs
    drawn = np.flatnonzero(full & ~full_before)
    if drawn.size:
        rivals = np.flatnonzero(np.isin(key, stop_key[drawn]))
        after = _taken_after(turns, tail, rivals, key, stopped.only(drawn), stop_key[drawn])
        full[drawn] = room[drawn] + after < tail.needs[drawn]
    return full, full_before


def _taken_after(turns: Turns, tail: _Tail, rivals: Ints, key: Ints, drawn: Units, drawn_key: Ints) -> Ints:
    """Return for each refused unit what the units granted at the same moment, but drawn after it, take."""
    units = tail.units.only(rivals)
    draws = turns.draws(np.r_[units.line, drawn.line], np.r_[units.n, drawn.n])
    keys, size = np.r_[key[rivals], drawn_key], np.r_[tail.size[rivals], np.zeros_like(drawn_key)]
    order = in_order_of_draws(keys, draws)
    ordered, taken = keys[order], np.cumsum(size[order])
    position = np.empty_like(order)
    position[order] = np.arange(len(order))
    ends = np.searchsorted(ordered, drawn_key, "right") - 1
    after: Ints = taken[ends] - taken[position[len(rivals) :]]
    return after


def _note_last(turns: Turns, supplies: _Tail, ranks: Ints, stops: Stops) -> None:
    """Note the last unit granted of each SKU whose supply stopped a line."""
    ended = np.zeros(len(supplies.kind.limits), dtype=np.bool_)
    ended[stops.constraint[(stops.constraint >= 0) & (stops.constraint < len(ended))]] = True
    latest = np.full(len(ended), NONE, dtype=np.int64)
    np.maximum.at(latest, supplies.constraint, ranks)
    at = np.flatnonzero(ended[supplies.constraint] & (ranks == latest[supplies.constraint]))
    units, sku = supplies.units.only(at), supplies.constraint[at]
    order = in_order_of_draws(sku, turns.draws(units.line, units.n)) if len(at) else at
    for i in order[np.flatnonzero(np.r_[sku[order][1:] != sku[order][:-1], True])].tolist() if len(at) else ():
        stops.last[int(sku[i])] = turns.of(int(units.line[i]), int(units.n[i]))


def _name_beyond(
    turns: Turns, claims: Claims, filled: Filled, thresholds: Mapping[int, Turn], stops: Stops, findings: Findings
) -> set[int]:
    """For SKUs whose last unit is not the stated one, name the lines on the wrong side of it; return those SKUs."""
    named = set()
    for sku, threshold in sorted(thresholds.items()):
        if stops.last.get(sku) == threshold or claims.coupled[sku]:
            continue
        line = np.flatnonzero(claims.sku == sku)
        held = filled.held[line]
        beyond, short = line[held > filled.base[line]], line[held < filled.top[line]]
        beyond = beyond[turns.later(beyond, filled.held[beyond], threshold)]
        short = short[~turns.later(short, filled.held[short] + 1, threshold)]
        for i in beyond.tolist():
            findings.add(claims.given.place(i), "granted a pack that comes after the threshold")
        for i in short.tolist():
            findings.add(claims.given.place(i), "stopped before a pack that comes up to the threshold")
        if len(beyond) or len(short):
            named.add(sku)
    return named

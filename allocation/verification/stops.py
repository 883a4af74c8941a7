"""Was every short line rightly stopped? The check that, with feasibility, proves a filling.

For a line stopped by a constraint before its unit with key κ, what is left in the constraint plus all units granted in
it with a key after κ is smaller than that unit's size. Only the last units granted in a constraint can matter: those
that together with what is left make room for the largest pack that was refused. A stop before all of them found room;
a stop after all of them found what is left.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from allocation.verification.entitlement import Claims, Kind, chunks
from allocation.verification.findings import Findings
from allocation.verification.given import NONE, Codes, Ints
from allocation.verification.side_by_side import side_by_side
from allocation.verification.tails import Filled, Mask, Tail, Units, next_units, tail_of
from allocation.verification.turns import Turn, Turns, in_order_of_draws

__all__ = ["Filled", "Stops", "check_stops"]


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
class _Near:
    """The stops that must be compared with the units of a tail one by one.

    `at` are their positions among the short lines, `constraint` their constraints, `needs` the sizes that were refused.
    """

    tail: Tail
    at: Ints
    constraint: Codes
    needs: Ints


def check_stops(
    turns: Turns,
    claims: Claims,
    filled: Filled,
    findings: Findings,
    *,
    thresholds: Mapping[int, Turn] | None = None,
) -> Stops:
    """Go through all short lines.

    Parameters
    ----------
    thresholds
        The last unit of each SKU as the certificate states it; where it is not the last one granted, the lines on the
        wrong side of it are named instead of all that a wrong last unit makes look wrong.
    """
    short = np.flatnonzero(filled.held < filled.top)
    stops = Stops(short, np.full(len(short), NONE, dtype=np.int64), np.ones(len(short), dtype=np.bool_))
    near = [_settle_far(turns, claims, filled, kind, stops) for kind in claims.kinds]
    _settle_near(turns, filled, near, stops)
    stops.by_draw &= stops.constraint != NONE
    named = _name_beyond(turns, claims, filled, thresholds or {}, stops, findings)
    wrong = short[stops.constraint == NONE]
    for line in wrong[~np.isin(claims.sku[wrong], list(named))].tolist():
        findings.add(
            claims.given.place(line),
            "stopped although its next pack came before the last one that was granted, or had room",
        )
    return stops


def _settle_far(turns: Turns, claims: Claims, filled: Filled, kind: Kind, stops: Stops) -> _Near:
    """Settle all stops that are plainly before or after the last units of their constraint; return the others."""
    retailer, sku, left = claims.given.retailer, claims.given.sku, filled.left[kind.first :][: len(kind.limits)]
    largest = np.zeros(len(left), dtype=np.int64)
    for part in chunks(len(stops.short)):
        line = stops.short[part]
        stop, needs = kind.of(retailer[line], sku[line]), kind.size[sku[line]]
        np.maximum.at(largest, stop, np.where(stop == NONE, 0, needs))
    scarce = largest > left
    tail = tail_of(turns, claims, filled, kind, np.where(scarce, largest - left, 0))

    def near(part: slice) -> tuple[Ints, Codes, Ints]:
        line = stops.short[part]
        stop, needs = kind.of(retailer[line], sku[line]), kind.size[sku[line]]
        at = np.flatnonzero((stop != NONE) & scarce[stop] & (needs > 0))
        stop, needs, mine = stop[at], needs[at], next_units(turns, line[at], filled.held)
        first, last = tail.stage[stop], tail.end_stage[stop]
        before = (mine.stage < first) | ((mine.stage == first) & (mine.high < tail.low[stop]))
        after = (mine.stage > last) | ((mine.stage == last) & (mine.low > tail.end_high[stop]))
        full = left[stop[after]] < needs[after]
        _settle(stops, part.start + at[after], kind, stop[after], full, full)
        between = ~(before | after)
        return part.start + at[between], stop[between], needs[between]

    found = list(side_by_side(near, chunks(len(stops.short))))
    nothing = np.empty(0, dtype=np.int64)
    return _Near(tail, *map(np.concatenate, zip(*found, strict=True)) if found else (nothing, nothing, nothing))


def _settle(stops: Stops, at: Ints, kind: Kind, constraint: Codes, full: Mask, full_before: Mask) -> None:
    """Note the stops at which a constraint was full; the draw did not decide where it was so before their moment.

    Constraints are numbered in naming order: of several, the first is kept.
    """
    here, number = at[full], constraint[full].astype(np.int64) + kind.first
    known = stops.constraint[here]
    stops.constraint[here] = np.where(known == NONE, number, np.minimum(known, number))
    stops.by_draw[at[full_before]] = False


def _settle_near(turns: Turns, filled: Filled, near: Sequence[_Near], stops: Stops) -> None:
    """Settle the stops among the last units of a constraint, and note the last unit of each SKU that ran out."""
    stopped = [next_units(turns, stops.short[some.at], filled.held) for some in near]
    every = [*(some.tail.units for some in near), *stopped]
    ranks = turns.ranks(np.concatenate([u.line for u in every]), np.concatenate([u.n for u in every]))
    parts = np.split(ranks, np.cumsum([len(u.line) for u in every])[:-1])
    for some, units, mine, theirs in zip(near, stopped, parts, parts[len(near) :], strict=False):
        left = filled.left[some.tail.kind.first :][some.constraint]
        full, full_before = _full(turns, some, units, left, (mine, theirs), len(ranks))
        _settle(stops, some.at, some.tail.kind, some.constraint, full, full_before)
    _note_last(turns, near[0].tail, parts[0], stops)


def _full(
    turns: Turns, near: _Near, stopped: Units, left: Ints, ranks: tuple[Ints, Ints], end: int
) -> tuple[Mask, Mask]:
    """Say at which stops there was no room: at their turn, and before the first unit of their moment.

    The draws are made only where they decide.
    """
    key, stop_key = (
        c.astype(np.int64) * end + rank for c, rank in zip((near.tail.constraint, near.constraint), ranks, strict=True)
    )
    order = np.argsort(key)
    ordered, taken = (
        key[order],
        np.r_[0, np.cumsum(near.tail.size[order])],
    )  # may wrap; differences are right all the same
    first, behind = (np.searchsorted(ordered, stop_key, side) for side in ("left", "right"))
    ending = np.searchsorted(ordered, (near.constraint.astype(np.int64) + 1) * end)
    room = left + (taken[ending] - taken[behind])
    full_before = room + (taken[behind] - taken[first]) < near.needs
    full = room < near.needs
    drawn = np.flatnonzero(full & ~full_before)
    if drawn.size:
        rivals = np.flatnonzero(np.isin(key, stop_key[drawn]))
        after = _taken_after(turns, near.tail, rivals, key, stopped.only(drawn), stop_key[drawn])
        full[drawn] = room[drawn] + after < near.needs[drawn]
    return full, full_before


def _taken_after(turns: Turns, tail: Tail, rivals: Ints, key: Ints, drawn: Units, drawn_key: Ints) -> Ints:
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


def _note_last(turns: Turns, supplies: Tail, ranks: Ints, stops: Stops) -> None:
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

"""Was every short line rightly stopped? The check that, with feasibility, proves a filling."""

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from allocation.verification.entitlement import Claims, Use
from allocation.verification.findings import Findings
from allocation.verification.given import Ints
from allocation.verification.turns import Turn, Turns

Mask = npt.NDArray[np.bool_]


@dataclass(eq=False)
class Filled:
    """A filling to be checked, in packs: `held`, of which `base` came before any turn, and never more than `top`."""

    held: Ints
    base: Ints
    top: Ints


@dataclass(eq=False)
class Stops:
    """What must have stopped each short line: `use`, or its supply where it is not there; whether the draw alone did.

    `last` is each SKU's last unit granted, for SKUs with short lines.
    """

    by_draw: Mask
    use: dict[int, Use] = field(default_factory=dict)
    last: dict[int, Turn] = field(default_factory=dict)


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
    stops = Stops(by_draw=np.zeros(len(filled.held), dtype=np.bool_))
    coupled = np.zeros(len(claims.sku_names), dtype=np.bool_)
    coupled[claims.sku[list(claims.further)]] = True
    alone = ~coupled[claims.sku]
    named = _check_stated(turns, claims, filled, alone, thresholds or {}, findings, stops)
    _check_supplies(turns, claims, filled, alone, named, place, findings, stops)
    if coupled.any():
        _check_coupled(turns, claims, filled, np.flatnonzero(coupled[claims.sku]), place, findings, stops)
    return stops


def _check_supplies(
    turns: Turns,
    claims: Claims,
    filled: Filled,
    here: Mask,
    named: set[int],
    place: str,
    findings: Findings,
    stops: Stops,
) -> None:
    """Check lines that meet in their supply alone: one last unit a SKU, and every next unit after it.

    `named` holds the SKUs whose lines at fault have been named already.
    """
    skus = len(claims.sku_names)
    short = np.flatnonzero(here & (filled.held < filled.top))
    left = claims.supply - _sums(claims.sku, filled.held, skus)
    for sku in np.unique(claims.sku[short]).tolist():
        if left[sku] > 0:
            findings.add(
                f"{place}supply:{claims.sku_names[sku]}", f"room for {left[sku]} more packs, and lines are short"
            )
    short = short[~np.isin(claims.sku[short], list(named))]
    last, highest = _last_units(turns, claims, filled, _granted_beside(claims, filled, here, short), skus, stops)
    nth = filled.held[short] + 1
    sku, stage = claims.sku[short], turns.stages(short, nth)
    low, _ = turns.estimate(short, nth, stage)
    compared = np.flatnonzero(last[sku] >= 0)
    earlier = compared[stage[compared] < last[sku[compared]]]
    same = compared[stage[compared] == last[sku[compared]]]
    for i in earlier.tolist():
        _wrongly_stopped(turns, place, findings, int(short[i]))
    for i in same[low[same] <= highest[sku[same]]].tolist():
        line, n = int(short[i]), int(nth[i])
        *moment, draw = stops.last[int(sku[i])]
        mine = turns.before_draw(line, n)
        stops.by_draw[line] = list(mine) == moment
        if mine < tuple(moment) or (list(mine) == moment and turns.draw(line, n) < draw):
            _wrongly_stopped(turns, place, findings, line)


def _granted_beside(claims: Claims, filled: Filled, here: Mask, short: Ints) -> Ints:
    """Return the lines with units above their base, of the SKUs of the short lines."""
    affected = np.zeros(len(claims.sku_names), dtype=np.bool_)
    affected[claims.sku[short]] = True
    return np.flatnonzero(here & affected[claims.sku] & (filled.held > filled.base))


def _check_stated(
    turns: Turns,
    claims: Claims,
    filled: Filled,
    here: Mask,
    thresholds: Mapping[int, Turn],
    findings: Findings,
    stops: Stops,
) -> set[int]:
    """For SKUs whose last unit is not the stated one, name the lines on the wrong side of it; return those SKUs."""
    short = np.flatnonzero(here & (filled.held < filled.top))
    _last_units(turns, claims, filled, _granted_beside(claims, filled, here, short), len(claims.sku_names), stops)
    wrong = {sku for sku, turn in thresholds.items() if stops.last.get(sku) != turn}
    named = set()
    for line in np.flatnonzero(here & np.isin(claims.sku, list(wrong))).tolist():
        sku, held = int(claims.sku[line]), int(filled.held[line])
        what = None
        if held > filled.base[line] and turns.of(line, held) > thresholds[sku]:
            what = "granted a pack that comes after the threshold"
        elif held < filled.top[line] and turns.of(line, held + 1) <= thresholds[sku]:
            what = "stopped before a pack that comes up to the threshold"
        if what:
            findings.add(f"{turns.given.retailer[line]}, {turns.given.sku[line]}", what)
            named.add(sku)
    return named


def _last_units(
    turns: Turns, claims: Claims, filled: Filled, granted: Ints, skus: int, stops: Stops
) -> tuple[Ints, npt.NDArray[np.float64]]:
    """Find the last unit granted of each SKU; return its stage (−1: none) and an upper bound of its level."""
    nth, sku = filled.held[granted], claims.sku[granted]
    stage = turns.stages(granted, nth)
    last_stage = np.full(skus, -1, dtype=np.int64)
    np.maximum.at(last_stage, sku, stage)
    low, high = turns.estimate(granted, nth, stage)
    at_end = stage == last_stage[sku]
    surely, at_most = np.full(skus, -np.inf), np.full(skus, -np.inf)
    np.maximum.at(surely, sku[at_end], low[at_end])
    np.maximum.at(at_most, sku[at_end], high[at_end])
    candidates: defaultdict[int, list[int]] = defaultdict(list)
    for i in np.flatnonzero(at_end & (high >= surely[sku])).tolist():
        candidates[int(sku[i])].append(int(granted[i]))
    for position, lines in candidates.items():
        moments = [turns.before_draw(line, int(filled.held[line])) for line in lines]
        latest = max(moments)
        draws = [
            turns.draw(line, int(filled.held[line]))
            for line, moment in zip(lines, moments, strict=True)
            if moment == latest
        ]
        stops.last[position] = (*latest, max(draws))
    return last_stage, at_most


def _check_coupled(
    turns: Turns, claims: Claims, filled: Filled, lines: Ints, place: str, findings: Findings, stops: Stops
) -> None:
    """Check lines under several constraints: the room at each refused unit's turn, from all units granted before it."""
    uses = {line: claims.uses(line) for line in lines.tolist()}
    book = sorted(
        (turns.of(line, n), line)
        for line in uses
        for n in range(int(filled.base[line]) + 1, int(filled.held[line]) + 1)
    )
    rooms: dict[str, _Room] = {}
    for line, mine in uses.items():
        for use in mine:
            room = rooms.setdefault(use.name, _Room(claims.limit(use.name)))
            room.at_first -= use.size * int(filled.base[line])
    order = [turn for turn, _ in book]
    for position, (turn, line) in enumerate(book):
        stops.last[int(claims.sku[line])] = turn
        for use in uses[line]:
            rooms[use.name].take(position, use.size)
    for line, mine in uses.items():
        if filled.held[line] >= filled.top[line]:
            continue
        turn = turns.of(line, int(filled.held[line]) + 1)
        at = bisect_left(order, turn)
        full = next((use for use in mine if rooms[use.name].before(at) < use.size), None)
        if full is None:
            _wrongly_stopped(turns, place, findings, line)
            continue
        stops.use[line] = full
        first_of_level = bisect_left(order, (*turn[:3], b""))
        stops.by_draw[line] = all(rooms[use.name].before(first_of_level) >= use.size for use in mine)


@dataclass(eq=False)
class _Room:
    """The room in a constraint as units are granted one after the other."""

    at_first: int
    positions: list[int] = field(default_factory=list)
    taken: list[int] = field(default_factory=lambda: [0])

    def take(self, position: int, size: int) -> None:
        self.positions.append(position)
        self.taken.append(self.taken[-1] + size)

    def before(self, position: int) -> int:
        """Return the room when the unit at `position` of the book comes."""
        return self.at_first - self.taken[bisect_left(self.positions, position)]


def _wrongly_stopped(turns: Turns, place: str, findings: Findings, line: int) -> None:
    findings.add(
        f"{place}{turns.given.retailer[line]}, {turns.given.sku[line]}",
        "stopped although its next pack came before the last one that was granted, or had room",
    )


def _sums(group: Ints, values: Ints, groups: int) -> npt.NDArray[np.object_]:
    """Sum by group, exactly: the low and high halves apart, since sums may pass 64 bits."""
    low, high = np.zeros(groups, dtype=np.int64), np.zeros(groups, dtype=np.int64)
    np.add.at(low, group, values & 0xFFFFFFFF)
    np.add.at(high, group, values >> 32)
    sums: npt.NDArray[np.object_] = high.astype(object) * 2**32 + low.astype(object)
    return sums

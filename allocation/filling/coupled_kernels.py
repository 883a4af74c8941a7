"""Compiled parts of the fast coupled filling: from level to level at which something is refused.

A stage (a tier and a phase) is a set of lines whose packs `low` + 1 … `high` come in the order of their keys. While no
constraint refuses anything, every line simply holds the packs whose keys are not above the level reached.

A constraint can refuse nothing up to a level at which all packs due fit into it. Its *first refusal* is the smallest
key at which they do not. As lines stop, less is due, and a first refusal moves up, never down: a stale one is a bound.
Of the constraints that retailers share, the one with the smallest first refusal is looked at. All retailers advance by
themselves to there (see :mod:`allocation.filling.retailer_kernels`); it is brought up to date; and, if it still is the
smallest, the packs with exactly this key are gone through one by one in the order of the draw. Whoever needs more than
is left then stops, though its next pack may come much later.
"""

from typing import Any, Final, NamedTuple

import numpy as np

from allocation.compiled import jit
from allocation.filling.ramp_kernels import Ramps, guess_by_ramps
from allocation.filling.refusal_kernels import FEW, first_above, first_of_few
from allocation.filling.retailer_kernels import Share, Sweep, advance_retailers, stop
from allocation.filling.stage_kernels import (
    BASE,
    DEN,
    DOOMED,
    DRAWN,
    HIGH,
    LOW,
    NEVER,
    REFUSED,
    Flags,
    Floats,
    Places,
    Stage,
    due,
    extent,
    further,
    guess,
    pack_key,
    packs_up_to,
)
from allocation.tables.columns import IntArray

DONE: Final = 0
RETAILERS_ARE_DUE: Final = 1
"""Many retailers are to advance to :attr:`Search.at_level`, which threads do faster."""
RETAILERS_WAIT: Final = 2
"""Retailers wait for draws, in the share that was handed over."""
DRAW: Final = 3
"""Packs are listed whose order the draw decides; :func:`settle` comes next."""
LENGTHEN: Final = 4
"""There is no room for all packs of the level."""

_ALONE: Final = 64
"""Up to so many blocks of retailers advance without other threads."""


class Search(NamedTuple):
    """Where the search for refusals stands; per constraint unless said otherwise.

    Parameters
    ----------
    first
        The first refusal of a shared one, or a bound below it: where lines have stopped since, and where `vague`.
    heap
        Shared constraints that may still refuse, ordered as a heap by `first`.
    critical
        The constraints that cannot take all packs of the level looked at, shared ones before own ones.
    left, left_at_first
        Room of the critical ones: as their packs are gone through, and before.
    seen_constraint, seen_line
        The number of the level at which a constraint was critical, a line's pack was listed.
    crowd
        How many packs of the level meet in a critical constraint where their order matters.
    counts
        Lengths in use of heap, critical and units; then the number of the level.
    at_level
        The level looked at, and the one that all retailers have advanced to.
    unit_line, unit_pack, unit_drawn
        Per pack of the level: its line, which of the line's packs it is, and whether the draw decides when it comes.
    """

    first: Floats
    vague: Flags
    heap: Places
    critical: Places
    left: Floats
    left_at_first: Floats
    seen_constraint: Places
    seen_line: Places
    crowd: Places
    counts: IntArray
    at_level: Floats
    unit_line: Places
    unit_pack: IntArray
    unit_drawn: Flags


@jit
def _push(search: Search, constraint: int) -> None:
    heap, first = search.heap, search.first
    at = search.counts[0]
    search.counts[0] += 1
    while at > 0:
        above = (at - 1) // 2
        if first[heap[above]] <= first[constraint]:
            break
        heap[at] = heap[above]
        at = above
    heap[at] = constraint


@jit
def _sink(search: Search) -> None:
    """Bring the top of the heap to its place, after its first refusal has moved up."""
    heap, first, length = search.heap, search.first, search.counts[0]
    top, at = heap[0], 0
    while True:
        below = 2 * at + 1
        if below >= length:
            break
        if below + 1 < length and first[heap[below + 1]] < first[heap[below]]:
            below += 1
        if first[top] <= first[heap[below]]:
            break
        heap[at] = heap[below]
        at = below
    heap[at] = top


@jit
def _pop(search: Search) -> None:
    search.counts[0] -= 1
    search.heap[0] = search.heap[search.counts[0]]
    if search.counts[0] > 0:
        _sink(search)


@jit
def _look(stage: Stage, sweep: Sweep, ramps: Ramps, search: Search, constraint: int, bound: float) -> None:
    """Bring the first refusal of a constraint up to date; of a large one, a bound will do if it is above `bound`."""
    search.vague[constraint] = sweep.stale_shared[constraint] = False
    room = stage.room[constraint]
    lines, total, _, _ = extent(stage, constraint)
    if total <= room:
        search.first[constraint] = NEVER
        return
    near, pace = _guess(stage, ramps, constraint, room, bound)
    if lines > FEW:
        level = further(stage.kind, near, -(1.0 + 0.5 * np.sqrt(lines)) / pace)
        if level > bound and due(stage, constraint, level)[0] <= room:
            search.first[constraint], search.vague[constraint] = level, True
            return
    search.first[constraint] = first_above(stage, constraint, room, bound, near, pace)


@jit
def _look_closely(stage: Stage, ramps: Ramps, search: Search, constraint: int) -> None:
    """Replace a bound of a first refusal by itself."""
    search.vague[constraint] = False
    room, bound = stage.room[constraint], search.first[constraint]
    near, pace = _guess(stage, ramps, constraint, room, bound)
    search.first[constraint] = first_above(stage, constraint, room, bound, near, pace)


@jit
def _guess(stage: Stage, ramps: Ramps, constraint: int, room: float, hint: float) -> Any:
    if ramps.first[constraint] >= 0:
        near, pace = guess_by_ramps(stage, ramps, constraint, room)
        if pace > 0.0 and np.isfinite(near):
            return near, pace
    return guess(stage, constraint, room, hint if hint > -NEVER else 0.0, 1.0)


@jit
def look_ahead(stage: Stage, sweep: Sweep, ramps: Ramps, search: Search, begin: int, end: int) -> None:
    """Find the first refusals of the shared constraints from `begin` up to before `end`, or bounds of them."""
    for constraint in range(begin, end):
        search.first[constraint] = NEVER
        if stage.begin[constraint] < stage.end[constraint] and not stage.own[stage.slot[constraint]]:
            _look(stage, sweep, ramps, search, constraint, -NEVER)


@jit
def begin(search: Search) -> None:
    """Put the constraints that may refuse into their order."""
    for constraint in range(len(search.first)):
        if search.first[constraint] < NEVER:
            _push(search, constraint)


@jit
def advance(stage: Stage, sweep: Sweep, ramps: Ramps, search: Search, share: Share) -> int:
    """Go on until something is to be done elsewhere; say what.

    Returns
    -------
    int
        :data:`DONE` where nothing is refused any more, :data:`RETAILERS_ARE_DUE`, :data:`RETAILERS_WAIT`,
        :data:`DRAW` or :data:`LENGTHEN`.
    """
    while True:
        level = search.first[search.heap[0]] if search.counts[0] > 0 else NEVER
        if search.at_level[1] < level:
            search.at_level[0] = level
            if np.sum(sweep.next_of_block <= level) > _ALONE:
                return RETAILERS_ARE_DUE
            advance_retailers(stage, sweep, ramps, share, 0, len(sweep.next_of_block), level)
            if share.counts[0] > 0:
                return RETAILERS_WAIT
            search.at_level[1] = level
        if search.counts[0] == 0:
            return DONE
        if not _is_certain(stage, sweep, ramps, search):
            continue
        _find_critical(stage, sweep, ramps, search)
        if not list_packs(stage, sweep, search, share):
            return LENGTHEN
        for unit in range(search.counts[2]):
            if search.unit_drawn[unit]:
                return DRAW
        settle(stage, sweep, ramps, search, np.arange(search.counts[2]))


@jit
def _is_certain(stage: Stage, sweep: Sweep, ramps: Ramps, search: Search) -> bool:
    """Say whether the smallest first refusal is more than a bound; else look, and bring it to its place."""
    constraint = search.heap[0]
    bound = search.first[constraint]
    if sweep.stale_shared[constraint]:
        _look(stage, sweep, ramps, search, constraint, bound)
    elif search.vague[constraint]:
        _look_closely(stage, ramps, search, constraint)
    else:
        return True
    if search.first[constraint] == NEVER:
        _pop(search)
    elif search.first[constraint] > bound:
        _sink(search)
    return False


@jit
def _find_critical(stage: Stage, sweep: Sweep, ramps: Ramps, search: Search) -> None:
    """Collect the shared constraints that refuse something at the lowest level."""
    search.counts[1] = 0
    level = search.at_level[0] = search.first[search.heap[0]]
    while search.counts[0] > 0 and search.first[search.heap[0]] <= level:
        if _is_certain(stage, sweep, ramps, search):
            search.critical[search.counts[1]] = search.heap[0]
            search.counts[1] += 1
            _pop(search)


@jit
def list_packs(stage: Stage, sweep: Sweep, search: Search, share: Share) -> bool:
    """List the packs with the level looked at of the lines that use a critical constraint; say whether they have room.

    Where a retailer with such a pack has an own constraint that refuses at this level, that is critical too.
    """
    search.counts[3] += 1
    number, level, listed = search.counts[3], search.at_level[0], 0
    while stage.own[stage.slot[search.critical[search.counts[1] - 1]]]:
        search.counts[1] -= 1  # found when the list was too short
    for k in range(search.counts[1]):
        listed = _list_packs_of(stage, search, search.critical[k], level, listed)
    unit = 0
    while unit < listed <= len(search.unit_line):
        line = search.unit_line[unit]
        for slot in range(len(stage.uses)):
            constraint = stage.uses[slot, line]
            if constraint < 0 or not stage.own[slot] or sweep.next[sweep.retailer[constraint]] > level:
                continue
            if search.seen_constraint[constraint] != number and (
                first_of_few(stage, constraint, stage.room[constraint], level, level, share.held, share.keys) == level
            ):
                listed = _list_packs_of(stage, search, constraint, level, listed)
                search.critical[search.counts[1]] = constraint
                search.counts[1] += 1
        unit += 1
    search.counts[2] = listed
    if listed > len(search.unit_line):
        return False
    for unit in range(listed):
        search.unit_drawn[unit] = _meets_a_crowd(stage, search, search.unit_line[unit])
    return True


@jit
def _list_packs_of(stage: Stage, search: Search, constraint: int, level: float, listed: int) -> int:
    """List such packs of one constraint after those `listed`, and note what is left before them; return how many."""
    slot, demand, crowd, smallest = stage.slot[constraint], 0.0, 0, np.inf
    own = stage.own[slot]
    search.seen_constraint[constraint] = search.counts[3]
    kind, step, lines, sku = stage.kind, stage.step, stage.lines, stage.sku
    for j in range(stage.begin[constraint], stage.end[constraint]):
        line = j if own else stage.members[j]
        low, high, base, den = lines[line, LOW], lines[line, HIGH], lines[line, BASE], lines[line, DEN]
        if low >= high:
            continue
        n = packs_up_to(kind, level, step[sku[line]], base, den)
        held, size = min(max(n, low), high), stage.size[slot, sku[line]]
        if low < n <= high and pack_key(kind, n, step[sku[line]], base, den) == level:
            held -= 1.0
            crowd += 1
            smallest = min(smallest, size)
            if search.seen_line[line] != search.counts[3]:
                search.seen_line[line] = search.counts[3]
                if listed < len(search.unit_line):
                    search.unit_line[listed] = line
                    search.unit_pack[listed] = int(n)
                listed += 1
        demand += size * (held - low)
    search.left[constraint] = search.left_at_first[constraint] = stage.room[constraint] - demand
    search.crowd[constraint] = crowd if search.left[constraint] >= smallest else 0
    return listed


@jit
def _meets_a_crowd(stage: Stage, search: Search, line: int) -> bool:
    """Say whether a line uses a critical constraint in which several packs meet, so that the draw may matter."""
    for slot in range(len(stage.uses)):
        constraint = stage.uses[slot, line]
        if constraint >= 0 and search.seen_constraint[constraint] == search.counts[3] and search.crowd[constraint] > 1:
            return True
    return False


@jit
def _without_room(stage: Stage, search: Search, line: int, left: Floats) -> int:
    """Return the first critical constraint with less room than a line's pack needs, −1 where there is none."""
    for slot in range(len(stage.uses)):
        constraint = stage.uses[slot, line]
        if (
            constraint >= 0
            and search.seen_constraint[constraint] == search.counts[3]
            and left[constraint] < stage.size[slot, stage.sku[line]]
        ):
            return int(constraint)
    return -1


@jit
def settle(stage: Stage, sweep: Sweep, ramps: Ramps, search: Search, order: IntArray) -> None:
    """Grant or refuse the packs listed, in the given order; then stop every line that needs more than is left."""
    level = search.at_level[0]
    for unit in order:
        _grant_or_refuse(stage, sweep, ramps, search, search.unit_line[unit], search.unit_pack[unit])
    for k in range(search.counts[1]):
        _stop_what_needs_more(stage, sweep, ramps, search, search.critical[k], level)
    for k in range(search.counts[1]):
        constraint = search.critical[k]
        if stage.own[stage.slot[constraint]]:
            sweep.stale[sweep.retailer[constraint]] = True
        else:
            _look(stage, sweep, ramps, search, constraint, level)
            if search.first[constraint] < NEVER:
                _push(search, constraint)


@jit
def _grant_or_refuse(stage: Stage, sweep: Sweep, ramps: Ramps, search: Search, line: int, pack: int) -> None:
    """Take a pack out of what is left of the critical constraints, or stop its line before it."""
    full = _without_room(stage, search, line, search.left)
    if full >= 0:
        drawn = _without_room(stage, search, line, search.left_at_first) < 0
        stop(stage, sweep, ramps, 0, line, pack - 1.0, full, DRAWN if drawn else REFUSED)
        return
    for slot in range(len(stage.uses)):
        constraint = stage.uses[slot, line]
        if constraint >= 0:
            search.left[constraint] -= stage.size[slot, stage.sku[line]]


@jit
def _stop_what_needs_more(
    stage: Stage, sweep: Sweep, ramps: Ramps, search: Search, constraint: int, level: float
) -> None:
    """Stop the lines of a critical constraint that still rise and whose packs are larger than what is left of it."""
    slot, left = stage.slot[constraint], search.left[constraint]
    kind, step, lines, sku, own = stage.kind, stage.step, stage.lines, stage.sku, stage.own[slot]
    for j in range(stage.begin[constraint], stage.end[constraint]):
        line = j if own else stage.members[j]
        low, high, size = lines[line, LOW], lines[line, HIGH], stage.size[slot, sku[line]]
        if size > left and low < high:
            n = packs_up_to(kind, level, step[sku[line]], lines[line, BASE], lines[line, DEN])
            held = min(max(n, low), high)
            if held < high:
                full = _without_room(stage, search, line, search.left)
                stop(stage, sweep, ramps, 0, line, held, full, DOOMED)

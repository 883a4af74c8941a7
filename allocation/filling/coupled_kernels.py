"""Compiled parts of the fast coupled filling: from level to level at which something is refused.

A stage (a tier and a phase) is a set of lines whose packs `low` + 1 … `high` come in the order of their keys. While no
constraint refuses anything, every line simply holds the packs whose keys are not above the level reached.

A constraint can refuse nothing up to a level at which all packs due fit into it. Its *first refusal* is the smallest
key at which they do not. As lines stop, less is due, and a first refusal moves up, never down: a stale one is a bound.
So the constraint with the smallest first refusal is looked at, brought up to date, and, if it still is the smallest,
the packs with exactly this key are gone through one by one in the order of the draw. Whoever needs more than is left
then stops, though its next pack may come much later.

A first refusal is found in two steps. In fractions, as if packs could be divided, a few Newton steps come near it;
there the whole packs due are counted exactly, from both sides, until so few are in between, about one a line, that
they can be looked at themselves: many lines may have a pack at the very same level.
"""

from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt

from allocation.compiled import jit
from allocation.filling.kernel_constants import CLOSE, DEAN, HALF_STEPS, HUNTINGTON_HILL
from allocation.tables.columns import IntArray

Floats = npt.NDArray[np.float64]
Places = npt.NDArray[np.int32]
Flags = npt.NDArray[np.bool_]

GOING: Final = 0
REFUSED: Final = 1
"""Its turn came, and there had not been room for it before the first pack with its key."""
DRAWN: Final = 2
"""Its turn came, and drawn first among the packs with its key it would have been granted."""
DOOMED: Final = 3
"""Less is left than its next pack takes, whenever that comes."""

DEN, BASE, LOW, HIGH, SKU = 0, 1, 2, 3, 4
"""Columns of :attr:`Stage.lines`."""

NEVER: Final = np.inf
_NEWTON_STEPS: Final = 12
_INSERTION_END: Final = 16
_LARGE: Final = 200
"""Lines of a constraint from which a bound of its first refusal saves much of the work."""


class Stage(NamedTuple):
    """One stage of a filling: all numbers are exact integers in float64, below 2^53.

    Parameters
    ----------
    kind, step
        How packs follow each other, and per SKU by how much; see :func:`pack_key`.
    lines
        Lines × (den, base, low, high, SKU): the numbers of a line's keys, what it holds before the stage and at most in
        it; `high` falls to what a line holds when it stops.
    uses
        Slots × lines: the constraint of each slot, −1 where a line uses none.
    size
        Slots × SKUs: what a pack takes.
    room
        Per constraint, before the stage.
    slot
        Per constraint.
    start, members
        Constraint c is used by the lines ``members[start[c]:start[c + 1]]``.
    stopped_by, how
        Per line, the constraint without room, and :data:`GOING`, :data:`REFUSED`, :data:`DRAWN` or :data:`DOOMED`.
    position
        Per line, its place in the problem.
    """

    kind: int
    step: Floats
    lines: Floats
    uses: Places
    size: Floats
    room: Floats
    slot: Places
    start: IntArray
    members: Places
    stopped_by: Places
    how: npt.NDArray[np.int8]
    position: IntArray


class Search(NamedTuple):
    """Where the search for refusals stands; per constraint unless said otherwise.

    Parameters
    ----------
    first
        The first refusal, or a bound below it: where `stale`, since lines have stopped, and where `vague`.
    heap
        Constraints that may still refuse, ordered as a heap by `first`.
    critical
        The constraints that cannot take all packs of the level looked at.
    left, left_at_first
        Room of the critical ones: as their packs are gone through, and before.
    seen_constraint, seen_line
        The number of the level at which a constraint was critical, a line's pack was listed.
    crowd
        How many packs of the level meet in a critical constraint where their order matters.
    counts
        Lengths in use of heap, critical and units; then the number of the level.
    at_level
        The level looked at, as an array of one.
    unit_line, unit_pack, unit_drawn
        Per pack of the level: its line, which of the line's packs it is, and whether the draw decides when it comes.
    """

    first: Floats
    stale: Flags
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
def pack_key(kind: int, n: float, step: float, base: float, den: float) -> float:
    """Return the key of a line's pack `n`: a quotient of two exact integers, rounded once."""
    if kind == HALF_STEPS:
        return (step * n + base) / den
    if kind == DEAN:
        odd = 2.0 * n - 1.0
        return (step * (n * (n - 1.0)) + base * odd) / (odd * den)
    return (step * (n * (n - 1.0))) / den


@jit
def packs_up_to(kind: int, level: float, step: float, base: float, den: float) -> float:
    """Return how many packs of a line, however long it is, have keys not above a level; 0 or less means none."""
    reached = (level * den - base) / step
    if kind == DEAN:
        reached = 0.5 * (1.0 + 2.0 * reached + np.sqrt(1.0 + 4.0 * reached * reached))
    elif kind == HUNTINGTON_HILL:
        reached = 0.5 + np.sqrt(0.25 + max(reached, 0.0))
    n = np.floor(reached)
    close = CLOSE * (abs(n) + 2.0)
    if close < reached - n < 1.0 - close:
        return float(n)
    # So close to a whole number that only the keys themselves decide.
    n = float(np.rint(reached))
    while pack_key(kind, n + 1.0, step, base, den) <= level:
        n += 1.0
    while n > 0.0 and pack_key(kind, n, step, base, den) > level:
        n -= 1.0
    return n


@jit
def key_of(stage: Stage, line: int, n: float) -> float:
    """Return the key of a line's pack `n`."""
    return pack_key(
        stage.kind, n, stage.step[int(stage.lines[line, SKU])], stage.lines[line, BASE], stage.lines[line, DEN]
    )


@jit
def due_at(stage: Stage, line: int, level: float) -> float:
    """Return how many packs of a line, however long it is, are due at a level; 0 or less means none."""
    return packs_up_to(
        stage.kind, level, stage.step[int(stage.lines[line, SKU])], stage.lines[line, BASE], stage.lines[line, DEN]
    )


@jit
def held_at(stage: Stage, line: int, level: float) -> float:
    """Return how many packs a line holds at a level: all that are due, as far as it goes."""
    if level == NEVER:
        return float(stage.lines[line, HIGH])
    if level == -NEVER:
        return float(stage.lines[line, LOW])
    return float(min(max(due_at(stage, line, level), stage.lines[line, LOW]), stage.lines[line, HIGH]))


@jit
def first_above(  # noqa: C901, PLR0912 - one search: its bounds and steps are eight numbers that belong together
    stage: Stage, constraint: int, room: float, bound: float, hint: float
) -> float:
    """Return the smallest key at which more than `room` is due of a constraint, :data:`NEVER` where there is none.

    Parameters
    ----------
    bound
        No more than `room` is due before it; −∞ where nothing is known.
    hint
        Where to begin to look.
    """
    lines, total, low_packs, high_packs = _extent(stage, constraint)
    if total <= room:
        return NEVER
    low, high, low_demand = bound, NEVER, 0.0
    if bound > -NEVER:
        low_demand, low_packs = _due(stage, constraint, bound)
        if low_demand > room:
            return bound
    guess, pace = _guess(stage, constraint, room, hint, 1.0)
    few, width = 8.0 + lines + 2.0 * np.sqrt(lines), (1.0 + 0.5 * np.sqrt(lines)) / pace
    level = _further(stage.kind, guess, -width)
    while high_packs - low_packs > few:
        if not low < level < high:
            if high == NEVER:
                level = _further(stage.kind, low, width)
            elif low == -NEVER:
                level = _further(stage.kind, high, -width)
            else:
                level = low + 0.5 * (high - low)
                if not low < level < high:
                    return high
            width *= 4.0
            if not low < level < high:
                continue
        demand, packs = _due(stage, constraint, level)
        if demand > room:
            high, high_packs = level, packs
        else:
            low, low_demand, low_packs = level, demand, packs
        if high == NEVER:
            level = _further(stage.kind, level, 2.0 * width)
        elif low == -NEVER:
            level = _further(stage.kind, level, -2.0 * width)
        else:
            level = low + 0.5 * (high - low)
        width *= 4.0
    return _first_among_few(stage, constraint, room - low_demand, low, high, int(high_packs - low_packs))


@jit
def _extent(stage: Stage, constraint: int) -> Any:
    """Return the lines of a constraint that rise, what all of their packs take, and their packs before and after."""
    slot, lines, total, before, after = stage.slot[constraint], 0, 0.0, 0.0, 0.0
    for j in range(stage.start[constraint], stage.start[constraint + 1]):
        line = stage.members[j]
        if stage.lines[line, LOW] < stage.lines[line, HIGH]:
            lines += 1
            total += stage.size[slot, int(stage.lines[line, SKU])] * (stage.lines[line, HIGH] - stage.lines[line, LOW])
            before += stage.lines[line, LOW]
            after += stage.lines[line, HIGH]
    return lines, total, before, after


@jit
def _due(stage: Stage, constraint: int, level: float) -> Any:
    """Return what is due of a constraint at a level, and how many packs its lines hold."""
    slot, demand, packs = stage.slot[constraint], 0.0, 0.0
    for j in range(stage.start[constraint], stage.start[constraint + 1]):
        line = stage.members[j]
        if stage.lines[line, LOW] < stage.lines[line, HIGH]:
            sku = int(stage.lines[line, SKU])
            n = packs_up_to(stage.kind, level, stage.step[sku], stage.lines[line, BASE], stage.lines[line, DEN])
            held = min(max(n, stage.lines[line, LOW]), stage.lines[line, HIGH])
            demand += stage.size[slot, sku] * (held - stage.lines[line, LOW])
            packs += held
    return demand, packs


@jit
def _guess(stage: Stage, constraint: int, room: float, hint: float, near: float) -> Any:
    """Return about where `room` is due, and how many packs come per level there (under a root, of its square root).

    `near` is how many packs it may be wrong by, if packs could be divided.
    """
    level, low, high, found = hint, -NEVER, NEVER, 1.0
    for _ in range(_NEWTON_STEPS):
        demand, pace, rising = _due_in_fractions(stage, constraint, level)
        if demand <= room:
            low = level
        else:
            high = level
        distance = 1.0 + abs(level)
        if pace > 0.0:
            found = rising
            distance = abs(room - demand) / pace
        level = _further(stage.kind, level, distance if demand <= room else -distance)
        if not low <= level <= high:
            level = low + 0.5 * (high - low)
        if pace > 0.0 and distance * rising < near:
            break
    return level, found


@jit
def _due_in_fractions(stage: Stage, constraint: int, level: float) -> Any:
    """Return about what is due of a constraint at a level, and how fast it and the packs grow from there."""
    slot, demand, pace, rising = stage.slot[constraint], 0.0, 0.0, 0.0
    for j in range(stage.start[constraint], stage.start[constraint + 1]):
        line = stage.members[j]
        if stage.lines[line, LOW] < stage.lines[line, HIGH]:
            sku = int(stage.lines[line, SKU])
            step, size = stage.step[sku], stage.size[slot, sku]
            held = (level * stage.lines[line, DEN] - stage.lines[line, BASE]) / step - 0.5
            speed = stage.lines[line, DEN] / step
            if stage.kind == DEAN:
                held = held + 0.5 + np.sqrt(0.25 + (held + 0.5) * (held + 0.5))
                speed *= 2.0
            elif stage.kind == HUNTINGTON_HILL:
                held = np.sqrt(max(held + 0.75, 0.0))
                speed = np.sqrt(speed)
            if held < stage.lines[line, HIGH]:
                if held >= stage.lines[line, LOW]:
                    pace += size * speed
                    rising += speed
            else:
                held = stage.lines[line, HIGH]
            demand += size * (max(held, stage.lines[line, LOW]) - stage.lines[line, LOW])
    return demand, pace, rising


@jit
def first_in_fractions(stage: Stage) -> float:
    """Return the first level at which a constraint is full, if packs could be divided and keys are Webster's."""
    level = NEVER
    for constraint in range(len(stage.room)):
        room = stage.room[constraint]
        if _extent(stage, constraint)[1] <= room:
            continue
        hint = 0.0
        if level < NEVER:
            if _due_in_fractions(stage, constraint, level)[0] <= room:
                continue
            hint = level
        level = _guess(stage, constraint, room, hint, 1e-9)[0]
    return level


@jit
def _further(kind: int, level: float, distance: float) -> float:
    if kind == HUNTINGTON_HILL:
        reached = np.sqrt(max(level, 0.0)) + distance
        return float(reached * reached) if reached >= 0.0 else -1.0
    return level + distance


@jit
def _first_among_few(stage: Stage, constraint: int, room: float, low: float, high: float, packs: int) -> float:
    """Go through the packs with keys above `low`, up to `high`, until they take more than `room`."""
    keys, sizes = np.empty(packs), np.empty(packs)
    slot, found = stage.slot[constraint], 0
    for j in range(stage.start[constraint], stage.start[constraint + 1]):
        line = stage.members[j]
        if stage.lines[line, LOW] < stage.lines[line, HIGH]:
            size = stage.size[slot, int(stage.lines[line, SKU])]
            n, until = held_at(stage, line, low), held_at(stage, line, high)
            while n < until:
                n += 1.0
                keys[found] = key_of(stage, line, n)
                sizes[found] = size
                found += 1
    return _smallest_above(keys, sizes, room)


@jit
def _sort_few(keys: Floats, sizes: Floats, begin: int, end: int) -> None:
    """Put a few keys in order by insertion, each with its size."""
    for i in range(begin, end):
        key, size, at = keys[i], sizes[i], i
        while at > begin and keys[at - 1] > key:
            keys[at], sizes[at] = keys[at - 1], sizes[at - 1]
            at -= 1
        keys[at], sizes[at] = key, size


@jit
def _smallest_above(keys: Floats, sizes: Floats, room: float) -> float:
    """Return the smallest key up to which the sizes are more than `room` together; the arrays are put in disorder."""
    begin, end = 0, len(keys)
    while end - begin > _INSERTION_END:
        first, middle, last = keys[begin], keys[(begin + end) // 2], keys[end - 1]
        pivot = max(min(first, middle), min(max(first, middle), last))
        below, i, above = begin, begin, end
        less, same = 0.0, 0.0
        while i < above:
            key, size = keys[i], sizes[i]
            if key < pivot:
                less += size
                keys[i], sizes[i] = keys[below], sizes[below]
                keys[below], sizes[below] = key, size
                below += 1
                i += 1
            elif key > pivot:
                above -= 1
                keys[i], sizes[i] = keys[above], sizes[above]
                keys[above], sizes[above] = key, size
            else:
                same += size
                i += 1
        if less > room:
            end = below
        elif less + same > room:
            return float(pivot)
        else:
            room -= less + same
            begin = above
    _sort_few(keys, sizes, begin, end)
    for i in range(begin, end):
        room -= sizes[i]
        if room < 0.0:
            return float(keys[i])
    return NEVER


@jit
def grouped(constraint_of: Any, constraints: int, start: Any, members: Any) -> None:
    """List the lines of each constraint: fill `start` and `members`; see :class:`Stage`."""
    for slot in range(constraint_of.shape[0]):
        for line in range(constraint_of.shape[1]):
            if constraint_of[slot, line] >= 0:
                start[constraint_of[slot, line] + 1] += 1
    for constraint in range(constraints):
        start[constraint + 1] += start[constraint]
    at = start[:-1].copy()
    for slot in range(constraint_of.shape[0]):
        for line in range(constraint_of.shape[1]):
            constraint = constraint_of[slot, line]
            if constraint >= 0:
                members[at[constraint]] = line
                at[constraint] += 1


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
def _look(stage: Stage, search: Search, constraint: int, bound: float, hint: float) -> None:
    """Bring the first refusal of a constraint up to date; of a large one, a bound will do if it is above `bound`."""
    search.vague[constraint] = False
    if stage.start[constraint + 1] - stage.start[constraint] > _LARGE:
        level = _safe_level(stage, constraint, stage.room[constraint], hint)
        if level > bound:
            search.first[constraint] = level
            search.vague[constraint] = level < NEVER
            return
    search.first[constraint] = first_above(stage, constraint, stage.room[constraint], bound, hint)


@jit
def _safe_level(stage: Stage, constraint: int, room: float, hint: float) -> float:
    """Return a level shortly before the first refusal, NEVER where there is none, and −NEVER where a guess fails."""
    lines, total, _, _ = _extent(stage, constraint)
    if total <= room:
        return NEVER
    guess, pace = _guess(stage, constraint, room, hint, 1.0)
    level = _further(stage.kind, guess, -(1.0 + 0.5 * np.sqrt(lines)) / pace)
    return level if _due(stage, constraint, level)[0] <= room else -NEVER


@jit
def look_ahead(stage: Stage, search: Search, begin: int, end: int) -> None:
    """Find the first refusals of the constraints from `begin` up to before `end`."""
    hint = 0.0
    for constraint in range(begin, end):
        _look(stage, search, constraint, -NEVER, hint)
        if search.first[constraint] < NEVER:
            hint = search.first[constraint]


@jit
def begin(search: Search) -> None:
    """Put the constraints that may refuse into their order."""
    for constraint in range(len(search.first)):
        if search.first[constraint] < NEVER:
            _push(search, constraint)


@jit
def advance(stage: Stage, search: Search) -> int:
    """Go on to the next level whose packs need a draw, and list them.

    Returns
    -------
    int
        0 where no constraint refuses anything any more; else the number of packs listed, or, negative, how many there
        would be if :attr:`Search.unit_line` were long enough, for another call by :func:`list_packs`.
    """
    while _find_critical(stage, search):
        packs = list_packs(stage, search)
        if packs < 0:
            return packs
        for unit in range(packs):
            if search.unit_drawn[unit]:
                return packs
        settle(stage, search, np.arange(packs))
    return 0


@jit
def _find_critical(stage: Stage, search: Search) -> bool:
    """Collect the constraints that refuse something at the lowest level; say whether there is any."""
    search.counts[1] = 0
    level = NEVER
    while search.counts[0] > 0 and search.first[search.heap[0]] <= level:
        constraint = search.heap[0]
        if search.stale[constraint] or search.vague[constraint]:
            bound = search.first[constraint]
            if search.stale[constraint]:
                search.stale[constraint] = False
                _look(stage, search, constraint, bound, bound)
            else:
                search.vague[constraint] = False
                search.first[constraint] = first_above(stage, constraint, stage.room[constraint], bound, bound)
            if search.first[constraint] == NEVER:
                _pop(search)
                continue
            if search.vague[constraint] or search.first[constraint] > bound:
                _sink(search)
                continue
        level = search.first[constraint]
        search.critical[search.counts[1]] = constraint
        search.counts[1] += 1
        _pop(search)
    search.at_level[0] = level
    return bool(search.counts[1] > 0)


@jit
def list_packs(stage: Stage, search: Search) -> int:
    """List the packs with the level looked at of the lines that use a critical constraint; see :func:`advance`."""
    search.counts[3] += 1
    number, level = search.counts[3], search.at_level[0]
    listed = 0
    for k in range(search.counts[1]):
        constraint = search.critical[k]
        listed = _list_packs_of(stage, search, constraint, level, listed)
        search.seen_constraint[constraint] = number
    if listed > len(search.unit_line):
        return -listed
    search.counts[2] = listed
    for unit in range(listed):
        search.unit_drawn[unit] = _meets_a_crowd(stage, search, search.unit_line[unit])
    return listed


@jit
def _list_packs_of(stage: Stage, search: Search, constraint: int, level: float, listed: int) -> int:
    """List such packs of one constraint after those `listed`, and note what is left before them; return how many."""
    slot, demand, crowd, smallest = stage.slot[constraint], 0.0, 0, np.inf
    for j in range(stage.start[constraint], stage.start[constraint + 1]):
        line = stage.members[j]
        if stage.lines[line, LOW] >= stage.lines[line, HIGH]:
            continue
        n = due_at(stage, line, level)
        held = min(max(n, stage.lines[line, LOW]), stage.lines[line, HIGH])
        size = stage.size[slot, int(stage.lines[line, SKU])]
        if stage.lines[line, LOW] < n <= stage.lines[line, HIGH] and key_of(stage, line, n) == level:
            held -= 1.0
            crowd += 1
            smallest = min(smallest, size)
            if search.seen_line[line] != search.counts[3]:
                search.seen_line[line] = search.counts[3]
                if listed < len(search.unit_line):
                    search.unit_line[listed] = line
                    search.unit_pack[listed] = int(n)
                listed += 1
        demand += size * (held - stage.lines[line, LOW])
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
            and left[constraint] < stage.size[slot, int(stage.lines[line, SKU])]
        ):
            return int(constraint)
    return -1


@jit
def _stop(stage: Stage, search: Search, line: int, packs: float, constraint: int, how: int) -> None:
    stage.lines[line, HIGH] = packs
    stage.stopped_by[line] = constraint
    stage.how[line] = how
    for slot in range(len(stage.uses)):
        if stage.uses[slot, line] >= 0:
            search.stale[stage.uses[slot, line]] = True


@jit
def settle(stage: Stage, search: Search, order: IntArray) -> None:
    """Grant or refuse the packs listed, in the given order; then stop every line that needs more than is left."""
    level = search.at_level[0]
    for unit in order:
        _grant_or_refuse(stage, search, search.unit_line[unit], search.unit_pack[unit])
    for k in range(search.counts[1]):
        _stop_what_needs_more(stage, search, search.critical[k], level)
    for k in range(search.counts[1]):
        constraint = search.critical[k]
        search.stale[constraint] = False
        _look(stage, search, constraint, level, level)
        if search.first[constraint] < NEVER:
            _push(search, constraint)


@jit
def _grant_or_refuse(stage: Stage, search: Search, line: int, pack: int) -> None:
    """Take a pack out of what is left of the critical constraints, or stop its line before it."""
    full = _without_room(stage, search, line, search.left)
    if full >= 0:
        drawn = _without_room(stage, search, line, search.left_at_first) < 0
        _stop(stage, search, line, pack - 1.0, full, DRAWN if drawn else REFUSED)
        return
    for slot in range(len(stage.uses)):
        constraint = stage.uses[slot, line]
        if constraint >= 0:
            search.left[constraint] -= stage.size[slot, int(stage.lines[line, SKU])]


@jit
def _stop_what_needs_more(stage: Stage, search: Search, constraint: int, level: float) -> None:
    """Stop the lines of a critical constraint that still rise and whose packs are larger than what is left of it."""
    slot, left = stage.slot[constraint], search.left[constraint]
    for j in range(stage.start[constraint], stage.start[constraint + 1]):
        line = stage.members[j]
        if stage.size[slot, int(stage.lines[line, SKU])] > left and stage.lines[line, LOW] < stage.lines[line, HIGH]:
            held = held_at(stage, line, level)
            if held < stage.lines[line, HIGH]:
                _stop(stage, search, line, held, _without_room(stage, search, line, search.left), DOOMED)


@jit
def _left_in_the_end(stage: Stage, constraint: int) -> float:
    slot, left = stage.slot[constraint], stage.room[constraint]
    for j in range(stage.start[constraint], stage.start[constraint + 1]):
        line = stage.members[j]
        left -= stage.size[slot, int(stage.lines[line, SKU])] * (stage.lines[line, HIGH] - stage.lines[line, LOW])
    return float(left)


@jit
def name_earlier(stage: Stage, ties: Places, tie_constraint: Places) -> int:
    """Name, for lines stopped ahead, a constraint that comes first in naming order and was full by their turn.

    Returns
    -------
    int
        How many lines are left to the draw: their next pack's key is where such a constraint became too full. They
        are listed in `ties` and `tie_constraint` as far as these go.
    """
    found = 0
    for constraint in range(len(stage.room)):
        slot = stage.slot[constraint]
        left = -1.0
        known_size, known_level = -1.0, 0.0
        for j in range(stage.start[constraint], stage.start[constraint + 1]):
            line = stage.members[j]
            if stage.how[line] != DOOMED or stage.slot[stage.stopped_by[line]] <= slot:
                continue
            if left < 0.0:
                left = _left_in_the_end(stage, constraint)
            size = stage.size[slot, int(stage.lines[line, SKU])]
            if left >= size:
                continue
            if size != known_size:
                known_size = size
                room = stage.room[constraint] - size
                known_level = -NEVER if room < 0.0 else first_above(stage, constraint, room, -NEVER, 0.0)
            key = key_of(stage, line, stage.lines[line, HIGH] + 1.0)
            if known_level < key:
                stage.stopped_by[line] = constraint
            elif known_level == key:
                if found < len(ties):
                    ties[found] = line
                    tie_constraint[found] = constraint
                found += 1
    return found


@jit
def packs_at(stage: Stage, constraint: int, level: float, lines: Places, packs: IntArray) -> Any:
    """List the packs granted of a constraint that have exactly the key `level`: their lines, and which of theirs.

    Returns
    -------
    tuple
        How many they are, and the room before the first of these packs.
    """
    slot, room, found = stage.slot[constraint], stage.room[constraint], 0
    for j in range(stage.start[constraint], stage.start[constraint + 1]):
        line = stage.members[j]
        if stage.lines[line, LOW] < stage.lines[line, HIGH]:
            held = held_at(stage, line, level)
            if held > stage.lines[line, LOW] and key_of(stage, line, held) == level:
                lines[found] = line
                packs[found] = int(held)
                found += 1
                held -= 1.0
            room -= stage.size[slot, int(stage.lines[line, SKU])] * (held - stage.lines[line, LOW])
    return found, room


@jit
def last_keys(stage: Stage, last: Floats, is_last: Flags) -> None:
    """Write per SKU the key of the last pack granted in the stage, and say per line whether it has that pack."""
    for line in range(len(stage.lines)):
        if stage.lines[line, LOW] < stage.lines[line, HIGH]:
            last[int(stage.lines[line, SKU])] = max(
                last[int(stage.lines[line, SKU])], key_of(stage, line, stage.lines[line, HIGH])
            )
    for line in range(len(stage.lines)):
        some = stage.lines[line, LOW] < stage.lines[line, HIGH]
        is_last[line] = some and key_of(stage, line, stage.lines[line, HIGH]) == last[int(stage.lines[line, SKU])]

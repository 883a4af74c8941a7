"""Compiled parts of coupled filling: the smallest key at which not all packs due of a constraint have room.

A first refusal is found in two steps. From a guess, as if packs could be divided, the whole packs due are counted
exactly on both sides, until so few are in between, about one a line, that they can be looked at themselves: many lines
may have a pack at the very same level.
"""

from typing import Any, Final

import numpy as np

from allocation.compiled import jit
from allocation.filling.stage_kernels import (
    HIGH,
    LOW,
    NEVER,
    Floats,
    Stage,
    due,
    extent,
    further,
    guess,
    held_at,
    key_of,
)

_INSERTION_END: Final = 16
_CLOSE_PACKS: Final = 12.0
"""Where no more than so many packs are sure to fit, one goes on pack by pack from where one is."""
FEW: Final = 200
"""Up to so many lines are gone through pack by pack; of more, a bound of the first refusal saves much of the work."""


@jit
def first_above(  # noqa: C901, PLR0912 - one search: its bounds and steps are eight numbers that belong together
    stage: Stage, constraint: int, room: float, bound: float, near: float, pace: float
) -> float:
    """Return the smallest key at which more than `room` is due of a constraint, :data:`NEVER` where there is none.

    Parameters
    ----------
    bound
        No more than `room` is due before it; −∞ where nothing is known.
    near, pace
        About where it is, and how many packs come per level there; see `stage_kernels.guess`.
    """
    lines, total, low_packs, high_packs = extent(stage, constraint)
    if total <= room:
        return NEVER
    low, high, low_demand = -NEVER, NEVER, 0.0
    few, width = 8.0 + lines + 2.0 * np.sqrt(lines), (1.0 + 0.5 * np.sqrt(lines)) / pace
    level = further(stage.kind, near, -width)
    while high_packs - low_packs > few:
        if level <= bound and low < bound:
            level = bound
        elif not low < level < high:
            if high == NEVER:
                level = further(stage.kind, low, width)
            elif low == -NEVER:
                level = further(stage.kind, high, -width)
            else:
                level = low + 0.5 * (high - low)
                if not low < level < high:
                    return high
            width *= 4.0
            if not low < level < high:
                continue
        demand, packs = due(stage, constraint, level)
        if demand > room:
            if level == bound:
                return bound
            high, high_packs = level, packs
        else:
            low, low_demand, low_packs = level, demand, packs
        if high == NEVER:
            level = further(stage.kind, level, 2.0 * width)
        elif low == -NEVER:
            level = further(stage.kind, level, -2.0 * width)
        else:
            level = low + 0.5 * (high - low)
        width *= 4.0
    return _first_among_few(stage, constraint, room - low_demand, low, high, int(high_packs - low_packs))


@jit
def _first_among_few(stage: Stage, constraint: int, room: float, low: float, high: float, packs: int) -> float:
    """Go through the packs with keys above `low`, up to `high`, until they take more than `room`."""
    keys, sizes = np.empty(packs), np.empty(packs)
    slot, found = stage.slot[constraint], 0
    own = stage.own[slot]
    for j in range(stage.begin[constraint], stage.end[constraint]):
        line = j if own else stage.members[j]
        if stage.lines[line, LOW] < stage.lines[line, HIGH]:
            size = stage.size[slot, stage.sku[line]]
            n = held_at(stage, line, high)
            while n > stage.lines[line, LOW]:
                key = key_of(stage, line, n)
                if key <= low:
                    break
                keys[found] = key
                sizes[found] = size
                found += 1
                n -= 1.0
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
def _hold_at(stage: Stage, constraint: int, level: float, held: Floats) -> Any:
    """Write what the lines of a constraint hold at a level; return what is due, and what the largest pack takes."""
    slot, begin, demand, largest = stage.slot[constraint], stage.begin[constraint], 0.0, 0.0
    own = stage.own[slot]
    for k in range(stage.end[constraint] - begin):
        line = begin + k if own else stage.members[begin + k]
        if stage.lines[line, LOW] < stage.lines[line, HIGH]:
            size = stage.size[slot, stage.sku[line]]
            held[k] = held_at(stage, line, level)
            demand += size * (held[k] - stage.lines[line, LOW])
            if held[k] < stage.lines[line, HIGH]:
                largest = max(largest, size)
    return demand, largest


@jit
def first_of_few(  # noqa: C901 - one search, as above
    stage: Stage, constraint: int, room: float, bound: float, hint: float, held: Floats, keys: Floats
) -> float:
    """Return the first refusal of a constraint of few lines, as :func:`first_above`, pack by pack from shortly before.

    `hint` is where to begin to look; `held` and `keys` have places for :data:`FEW` lines.
    """
    slot, begin, end = stage.slot[constraint], stage.begin[constraint], stage.end[constraint]
    lines, total, _, _ = extent(stage, constraint)
    if total <= room:
        return NEVER
    if end - begin > FEW:
        near, pace = guess(stage, constraint, room, hint, 1.0)
        return first_above(stage, constraint, room, bound, near, pace)
    demand, far = 0.0, True
    if bound > -NEVER:
        demand, largest = _hold_at(stage, constraint, bound, held)
        if demand > room:
            return bound
        far = room - demand >= _CLOSE_PACKS * largest
    if far:
        near, pace = guess(stage, constraint, room, hint, 1.0)
        width = (0.5 + 0.4 * np.sqrt(lines)) / pace
        level = further(stage.kind, near, -width)
        while True:
            level = max(level, bound)
            demand, largest = _hold_at(stage, constraint, level, held)
            if demand <= room:
                break
            width *= 4.0
            level = further(stage.kind, level, -width)
    own = stage.own[slot]
    for k in range(end - begin):
        line = begin + k if own else stage.members[begin + k]
        rises = stage.lines[line, LOW] < stage.lines[line, HIGH] and held[k] < stage.lines[line, HIGH]
        keys[k] = key_of(stage, line, held[k] + 1.0) if rises else NEVER
    while True:
        next_one = 0
        for k in range(1, end - begin):
            if keys[k] < keys[next_one]:
                next_one = k
        line = begin + next_one if own else stage.members[begin + next_one]
        demand += stage.size[slot, stage.sku[line]]
        if demand > room:
            return float(keys[next_one])
        held[next_one] += 1.0
        keys[next_one] = (
            key_of(stage, line, held[next_one] + 1.0) if held[next_one] < stage.lines[line, HIGH] else NEVER
        )

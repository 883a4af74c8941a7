"""Compiled parts of coupled filling that all others build on: a stage, its keys, and what is due at a level."""

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

DEN, BASE, LOW, HIGH = 0, 1, 2, 3
"""Columns of :attr:`Stage.lines`."""

NEVER: Final = np.inf
_NEWTON_STEPS: Final = 12


class Stage(NamedTuple):
    """One stage of a filling: all numbers are exact integers in float64, below 2^53.

    Lines are in the order of the problem, so that those of a retailer stand together.

    Parameters
    ----------
    kind, step
        How packs follow each other, and per SKU by how much; see :func:`pack_key`.
    lines
        Lines × (den, base, low, high): the numbers of a line's keys, what it holds before the stage and at most in
        it; `high` falls to what a line holds when it stops. Half a line of a processor's cache.
    sku
        Per line.
    uses
        Slots × lines: the constraint of each slot, −1 where a line uses none.
    size
        Slots × SKUs: what a pack takes.
    own
        Per slot, whether its constraints are those of one retailer each.
    room
        Per constraint, before the stage.
    slot
        Per constraint.
    begin, end, members
        Constraint c is used by the lines ``members[begin[c]:end[c]]``; an own one by the lines ``begin[c]`` up to
        before ``end[c]``.
    stopped_by, how
        Per line, the constraint without room, and :data:`GOING`, :data:`REFUSED`, :data:`DRAWN` or :data:`DOOMED`.
    position
        Per line, its place in the problem.
    """

    kind: int
    step: Floats
    lines: Floats
    sku: Places
    uses: Places
    size: Floats
    own: Flags
    room: Floats
    slot: Places
    begin: IntArray
    end: IntArray
    members: Places
    stopped_by: Places
    how: npt.NDArray[np.int8]
    position: Places


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
    return pack_key(stage.kind, n, stage.step[stage.sku[line]], stage.lines[line, BASE], stage.lines[line, DEN])


@jit
def held_at(stage: Stage, line: int, level: float) -> float:
    """Return how many packs a line holds at a level: all that are due, as far as it goes."""
    if level == NEVER:
        return float(stage.lines[line, HIGH])
    if level == -NEVER:
        return float(stage.lines[line, LOW])
    n = packs_up_to(stage.kind, level, stage.step[stage.sku[line]], stage.lines[line, BASE], stage.lines[line, DEN])
    return float(min(max(n, stage.lines[line, LOW]), stage.lines[line, HIGH]))


@jit
def extent(stage: Stage, constraint: int) -> Any:
    """Return the lines of a constraint that rise, what all of their packs take, and their packs before and after."""
    slot, lines, total, before, after = stage.slot[constraint], 0, 0.0, 0.0, 0.0
    own = stage.own[slot]
    for j in range(stage.begin[constraint], stage.end[constraint]):
        line = j if own else stage.members[j]
        if stage.lines[line, LOW] < stage.lines[line, HIGH]:
            lines += 1
            total += stage.size[slot, stage.sku[line]] * (stage.lines[line, HIGH] - stage.lines[line, LOW])
            before += stage.lines[line, LOW]
            after += stage.lines[line, HIGH]
    return lines, total, before, after


@jit
def due(stage: Stage, constraint: int, level: float) -> Any:
    """Return what is due of a constraint at a level, and how many packs its lines hold."""
    slot, demand, packs = stage.slot[constraint], 0.0, 0.0
    own = stage.own[slot]
    for j in range(stage.begin[constraint], stage.end[constraint]):
        line = j if own else stage.members[j]
        if stage.lines[line, LOW] < stage.lines[line, HIGH]:
            sku = stage.sku[line]
            n = packs_up_to(stage.kind, level, stage.step[sku], stage.lines[line, BASE], stage.lines[line, DEN])
            held = min(max(n, stage.lines[line, LOW]), stage.lines[line, HIGH])
            demand += stage.size[slot, sku] * (held - stage.lines[line, LOW])
            packs += held
    return demand, packs


@jit
def due_in_fractions(stage: Stage, constraint: int, level: float) -> Any:
    """Return about what is due of a constraint at a level, and how fast it and the packs grow from there."""
    slot, demand, pace, rising = stage.slot[constraint], 0.0, 0.0, 0.0
    own = stage.own[slot]
    for j in range(stage.begin[constraint], stage.end[constraint]):
        line = j if own else stage.members[j]
        if stage.lines[line, LOW] < stage.lines[line, HIGH]:
            sku = stage.sku[line]
            a_step, size = 1.0 / stage.step[sku], stage.size[slot, sku]
            speed = stage.lines[line, DEN] * a_step
            held = (level * stage.lines[line, DEN] - stage.lines[line, BASE]) * a_step - 0.5
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
def guess(stage: Stage, constraint: int, room: float, hint: float, near: float) -> Any:
    """Return about where `room` is due, and how many packs come per level there (under a root, of its square root).

    `near` is how many packs it may be wrong by, if packs could be divided.
    """
    level, low, high, found = hint, -NEVER, NEVER, 1.0
    for _ in range(_NEWTON_STEPS):
        demand, pace, rising = due_in_fractions(stage, constraint, level)
        if demand <= room:
            low = level
        else:
            high = level
        distance = 1.0 + abs(level)
        if pace > 0.0:
            found = rising
            distance = abs(room - demand) / pace
        level = further(stage.kind, level, distance if demand <= room else -distance)
        if not low <= level <= high:
            level = low + 0.5 * (high - low)
        if pace > 0.0 and distance * rising < near:
            break
    return level, found


@jit
def further(kind: int, level: float, distance: float) -> float:
    """Return the level at a distance from another, under a root in square roots."""
    if kind == HUNTINGTON_HILL:
        reached = np.sqrt(max(level, 0.0)) + distance
        return float(reached * reached) if reached >= 0.0 else -1.0
    return level + distance


@jit
def first_in_fractions(stage: Stage) -> float:
    """Return the first level at which a constraint is full, if packs could be divided and keys are Webster's."""
    level = NEVER
    for constraint in range(len(stage.room)):
        room = stage.room[constraint]
        if extent(stage, constraint)[1] <= room:
            continue
        hint = 0.0
        if level < NEVER:
            if due_in_fractions(stage, constraint, level)[0] <= room:
                continue
            hint = level
        level = guess(stage, constraint, room, hint, 1e-9)[0]
    return level

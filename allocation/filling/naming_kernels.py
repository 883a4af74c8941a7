"""Compiled parts of coupled filling: what is named, kept and written down once a stage is filled."""

from typing import Any

import numpy as np

from allocation.compiled import jit
from allocation.filling.refusal_kernels import first_above, first_of_few
from allocation.filling.stage_kernels import (
    BASE,
    DEN,
    DOOMED,
    DRAWN,
    GOING,
    HIGH,
    LOW,
    NEVER,
    Flags,
    Floats,
    Places,
    Stage,
    guess,
    held_at,
    key_of,
    pack_key,
)
from allocation.tables.columns import IntArray


@jit
def add_taken(stage: Stage, begin: int, end: int, taken: Floats) -> None:
    """Add what the packs of some lines take of each constraint."""
    for line in range(begin, end):
        packs = stage.lines[line, HIGH] - stage.lines[line, LOW]
        for slot in range(len(stage.uses)):
            if stage.uses[slot, line] >= 0:
                taken[stage.uses[slot, line]] += stage.size[slot, stage.sku[line]] * packs


@jit
def list_doomed(stage: Stage, left: Floats, begin: int, end: int, lines: Places, constraints: Places) -> int:
    """List lines stopped ahead with each constraint that is full in the end and comes earlier in naming order.

    Returns
    -------
    int
        How many there are; they are listed as far as the arrays go.
    """
    found = 0
    for line in range(begin, end):
        if stage.how[line] == DOOMED:
            for slot in range(stage.slot[stage.stopped_by[line]]):
                constraint = stage.uses[slot, line]
                if constraint >= 0 and left[constraint] < stage.size[slot, stage.sku[line]]:
                    if found < len(lines):
                        lines[found], constraints[found] = line, constraint
                    found += 1
    return found


@jit
def name_earlier(stage: Stage, lines: Places, constraints: Places, held: Floats, keys: Floats) -> int:
    """Name, for lines stopped ahead, a constraint that comes first in naming order and was full by their turn.

    Lines and constraints are as listed, those of one constraint and one size together.

    Returns
    -------
    int
        How many are left to the draw: their next pack's key is where the constraint became too full. They are moved
        to the front of both arrays.
    """
    found, known, known_size, level = 0, -1, -1.0, NEVER
    for k in range(len(lines)):
        line, constraint = lines[k], constraints[k]
        slot = stage.slot[constraint]
        if stage.slot[stage.stopped_by[line]] <= slot:
            continue
        size = stage.size[slot, stage.sku[line]]
        if constraint != known or size != known_size:
            known, known_size = constraint, size
            level = _too_full_from(stage, constraint, stage.room[constraint] - size, held, keys)
        key = key_of(stage, line, stage.lines[line, HIGH] + 1.0)
        if level < key:
            stage.stopped_by[line] = constraint
        elif level == key:
            lines[found], constraints[found] = line, constraint
            found += 1
    return found


@jit
def _too_full_from(stage: Stage, constraint: int, room: float, held: Floats, keys: Floats) -> float:
    """Return the smallest key at which more than `room` is due."""
    if room < 0.0:
        return -NEVER
    if stage.own[stage.slot[constraint]]:
        return first_of_few(stage, constraint, room, -NEVER, 0.0, held, keys)
    near, pace = guess(stage, constraint, room, 0.0, 1.0)
    return first_above(stage, constraint, room, -NEVER, near, pace)


@jit
def packs_at(stage: Stage, constraint: int, level: float, lines: Places, packs: IntArray) -> Any:
    """List the packs granted of a constraint that have exactly the key `level`: their lines, and which of theirs.

    Returns
    -------
    tuple
        How many they are, and the room before the first of these packs.
    """
    slot, room, found = stage.slot[constraint], stage.room[constraint], 0
    own = stage.own[slot]
    for j in range(stage.begin[constraint], stage.end[constraint]):
        line = j if own else stage.members[j]
        if stage.lines[line, LOW] < stage.lines[line, HIGH]:
            held = held_at(stage, line, level)
            if held > stage.lines[line, LOW] and key_of(stage, line, held) == level:
                lines[found] = line
                packs[found] = int(held)
                found += 1
                held -= 1.0
            room -= stage.size[slot, stage.sku[line]] * (held - stage.lines[line, LOW])
    return found, room


@jit
def last_keys(stage: Stage, begin: int, end: int, last: Floats) -> None:
    """Write per SKU the largest key of a pack granted to one of some lines in the stage, where it is larger."""
    kind, step, lines, sku = stage.kind, stage.step, stage.lines, stage.sku
    for line in range(begin, end):
        if lines[line, LOW] < lines[line, HIGH]:
            key = pack_key(kind, lines[line, HIGH], step[sku[line]], lines[line, BASE], lines[line, DEN])
            last[sku[line]] = max(last[sku[line]], key)


@jit
def list_last(stage: Stage, begin: int, end: int, last: Floats, is_last: Flags) -> None:
    """Say per line whether it has the last pack granted of its SKU in the stage."""
    kind, step, lines, sku = stage.kind, stage.step, stage.lines, stage.sku
    for line in range(begin, end):
        is_last[line] = False
        if lines[line, LOW] < lines[line, HIGH]:
            key = pack_key(kind, lines[line, HIGH], step[sku[line]], lines[line, BASE], lines[line, DEN])
            is_last[line] = key == last[sku[line]]


@jit
def first_refused(stage: Stage, begin: int, end: int, keys: Floats, first: Places) -> None:
    """Write per constraint the smallest key of a pack that it refused to one of some lines, and the line's position."""
    kind, step, lines, sku, stopped_by = stage.kind, stage.step, stage.lines, stage.sku, stage.stopped_by
    for line in range(begin, end):
        if stage.how[line] != GOING:
            n = lines[line, HIGH] + 1.0
            key = pack_key(kind, n, step[sku[line]], lines[line, BASE], lines[line, DEN])
            if key < keys[stopped_by[line]]:
                keys[stopped_by[line]] = key
                first[stopped_by[line]] = stage.position[line]


@jit
def write_down(stage: Stage, begin: int, end: int, granted: IntArray, stopped_by: Places, by_draw: Flags) -> None:
    """Write to a filling what some lines were granted and what stopped them."""
    for line in range(begin, end):
        at = stage.position[line]
        granted[at] = np.int64(stage.lines[line, HIGH])
        by_draw[at] = stage.how[line] == DRAWN
        if stage.how[line] != GOING:
            stopped_by[at] = stage.stopped_by[line]

"""Compiled parts of coupled filling: retailers advance by themselves, as far as nothing refuses that others share.

A retailer's own constraints, its credit and its units, hold its own lines alone. Up to a level at which no constraint
that is shared refuses anything, what one retailer gets depends on no other. So each goes from refusal to refusal of its
own constraints until the next lies behind that level, its lines in a processor's nearest cache all the while, and
several threads take retailers of their own. Where the order of packs with the same key matters, the retailer waits
until draws have been made, for all that wait at once.
"""

from typing import Any, Final, NamedTuple

import numpy as np

from allocation.compiled import jit
from allocation.filling.ramp_kernels import Ramps, cut_ramp
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
    extent,
    further,
    guess,
    pack_key,
    packs_up_to,
)
from allocation.tables.columns import IntArray

_NEAR_PACKS: Final = 12.0
BLOCK: Final = 64
"""Retailers whose next refusals are looked at together."""


class Sweep(NamedTuple):
    """Where the retailers stand.

    Parameters
    ----------
    start
        Retailer g has the lines from ``start[g]`` up to before ``start[g + 1]``.
    retailer
        Per constraint, whose own it is; −1 where it is shared.
    next, stale
        Per retailer, when one of its own constraints refuses next; a bound below that where `stale`.
    next_of_block
        The smallest of :data:`BLOCK` retailers, or a bound below it.
    stale_shared
        Per constraint, whether a line that uses it has stopped since it was looked at.
    """

    start: IntArray
    retailer: Places
    next: Floats
    stale: Flags
    next_of_block: Floats
    stale_shared: Flags


class Share(NamedTuple):
    """What one thread needs to itself.

    Parameters
    ----------
    number
        Which of the ramps' shares it writes to.
    unit_line, unit_pack
        Packs that wait for draws: their lines, and which of theirs.
    waiting, waiting_from
        The retailers that wait, and where the packs of each begin (one more for the end).
    counts
        How many retailers wait.
    held, keys
        Per line of the retailer looked at: the packs it holds, and the key of its next one, infinite where none comes.
    left, left_at_first
        Per slot: room that is left, and before the first pack with the key looked at; infinite where it has none.
    critical
        Per slot, whether not all packs with that key have room.
    """

    number: int
    unit_line: Places
    unit_pack: IntArray
    waiting: Places
    waiting_from: IntArray
    counts: IntArray
    held: Floats
    keys: Floats
    left: Floats
    left_at_first: Floats
    critical: Flags


@jit
def advance_retailers(
    stage: Stage, sweep: Sweep, ramps: Ramps, share: Share, begin: int, end: int, until: float
) -> None:
    """Let the retailers of some blocks go on to where their next refusals lie behind a level, or at it.

    As many as can wait for draws do; where there are some, draw, call :func:`settle_waiting`, and call again.
    """
    share.counts[0], share.waiting_from[0], hint = 0, 0, 0.0
    retailers = len(sweep.next)
    for block in range(begin, end):
        if sweep.next_of_block[block] > until:
            continue
        lowest = NEVER
        for g in range(block * BLOCK, min((block + 1) * BLOCK, retailers)):
            if sweep.next[g] < until or (sweep.next[g] == until and sweep.stale[g]):
                if not _advance_one(stage, sweep, ramps, share, g, until, hint):
                    return
                if sweep.next[g] < NEVER:
                    hint = sweep.next[g]
            lowest = min(lowest, sweep.next[g])
        sweep.next_of_block[block] = lowest


@jit
def _advance_one(
    stage: Stage, sweep: Sweep, ramps: Ramps, share: Share, retailer: int, until: float, hint: float
) -> bool:
    """Let one retailer go on; say whether there was a place left for it to wait in."""
    begin, end = sweep.start[retailer], sweep.start[retailer + 1]
    bound, far = sweep.next[retailer], True
    while True:
        if far:
            _come_near(stage, share, begin, end, bound, hint if bound == -NEVER else bound)
        level = _next_refusal(stage, share, begin, end)
        sweep.next[retailer], sweep.stale[retailer] = level, False
        if level >= until:
            return True
        at = share.waiting_from[share.counts[0]]
        if at + end - begin > len(share.unit_line) or share.counts[0] + 1 >= len(share.waiting_from):
            return False
        found, matters = _list_packs(stage, share, begin, end, level, at)
        if matters:
            share.waiting[share.counts[0]] = retailer
            share.counts[0] += 1
            share.waiting_from[share.counts[0]] = found
            return True
        _settle(stage, sweep, ramps, share, begin, end, at, found)
        bound, far = level, _has_far_to_go(stage, share, begin, end)


@jit
def _come_near(stage: Stage, share: Share, begin: int, end: int, bound: float, hint: float) -> None:
    """Hold what is due shortly before the next refusal, and not before `bound`."""
    level, width = NEVER, 1.0
    for slot in range(len(stage.uses)):
        constraint = stage.uses[slot, begin]
        if stage.own[slot] and constraint >= 0:
            room = stage.room[constraint]
            lines, total, _, _ = extent(stage, constraint)
            if total > room:
                near, pace = guess(stage, constraint, room, hint, 1.0)
                wide = (0.5 + 0.4 * np.sqrt(lines)) / pace
                safe = further(stage.kind, near, -wide)
                if safe < level:
                    level, width = safe, wide
    while level > bound and not _hold(stage, share, begin, end, level, False):
        width *= 4.0
        level = further(stage.kind, level, -width)
    if level <= bound:
        _hold(stage, share, begin, end, bound, True)


@jit
def _hold(stage: Stage, share: Share, begin: int, end: int, level: float, before: bool) -> bool:  # noqa: FBT001 - numba
    """Let a retailer's lines hold what is due at a level, or before it, and note what is left and what comes next.

    Returns
    -------
    bool
        Whether there is room for what is held.
    """
    kind, step, size, lines, sku = stage.kind, stage.step, stage.size, stage.lines, stage.sku
    holds, keys, fits = share.held, share.keys, True
    for line in range(begin, end):
        a_step, base, den = step[sku[line]], lines[line, BASE], lines[line, DEN]
        low, high = lines[line, LOW], lines[line, HIGH]
        held, key = low, NEVER
        if low < high:
            if level == NEVER:
                held = high
            elif level > -NEVER:
                held = min(max(packs_up_to(kind, level, a_step, base, den), low), high)
                if before and held > low and pack_key(kind, held, a_step, base, den) == level:
                    held -= 1.0
            if held < high:
                key = pack_key(kind, held + 1.0, a_step, base, den)
        holds[line - begin], keys[line - begin] = held, key
    for slot in range(len(stage.uses)):
        share.left[slot], constraint = NEVER, stage.uses[slot, begin]
        if stage.own[slot] and constraint >= 0:
            left = stage.room[constraint]
            for line in range(begin, end):
                left -= size[slot, sku[line]] * (holds[line - begin] - lines[line, LOW])
            share.left[slot] = left
            fits &= left >= 0.0
    return fits


@jit
def _has_far_to_go(stage: Stage, share: Share, begin: int, end: int) -> bool:
    """Say whether so many packs are sure to have room that one does not go on pack by pack."""
    for slot in range(len(stage.uses)):
        if share.left[slot] < NEVER:
            largest = 0.0
            for line in range(begin, end):
                if share.keys[line - begin] < NEVER:
                    largest = max(largest, stage.size[slot, stage.sku[line]])
            if share.left[slot] < _NEAR_PACKS * largest:
                return False
    return True


@jit
def _next_refusal(  # noqa: C901 - calls that pass all arrays would cost more than the work
    stage: Stage, share: Share, begin: int, end: int
) -> float:
    """Take the packs that come next, key by key, as long as all with a key have room; return the key of which not."""
    kind, step, size, lines, sku = stage.kind, stage.step, stage.size, stage.lines, stage.sku
    held, keys, left, critical, slots = share.held, share.keys, share.left, share.critical, len(stage.uses)
    while True:
        level = NEVER
        for k in range(end - begin):
            level = min(level, keys[k])
        if level == NEVER:
            return NEVER
        refuses = False
        for slot in range(slots):
            critical[slot] = False
            if left[slot] < NEVER:
                wanted = 0.0
                for k in range(end - begin):
                    if keys[k] == level:
                        wanted += size[slot, sku[begin + k]]
                critical[slot] = wanted > left[slot]
                refuses |= wanted > left[slot]
        if refuses:
            share.left_at_first[:] = left
            return level
        for k in range(end - begin):
            if keys[k] == level:
                line = begin + k
                held[k] += 1.0
                for slot in range(slots):
                    left[slot] -= size[slot, sku[line]]
                keys[k] = NEVER
                if held[k] < lines[line, HIGH]:
                    keys[k] = pack_key(kind, held[k] + 1.0, step[sku[line]], lines[line, BASE], lines[line, DEN])


@jit
def _list_packs(stage: Stage, share: Share, begin: int, end: int, level: float, at: int) -> Any:
    """List a retailer's packs with a level from `at` on; return where they end, and whether their order matters."""
    found, matters = at, False
    for k in range(end - begin):
        if share.keys[k] == level:
            share.unit_line[found], share.unit_pack[found] = begin + k, int(share.held[k]) + 1
            found += 1
    if found - at > 1:
        for slot in range(len(stage.uses)):
            if share.critical[slot]:
                for unit in range(at, found):
                    matters |= stage.size[slot, stage.sku[share.unit_line[unit]]] <= share.left[slot]
    return found, matters


@jit
def stop(
    stage: Stage, sweep: Sweep, ramps: Ramps, share: int, line: int, packs: float, constraint: int, how: int
) -> None:
    """Let a line stop with some packs; whatever it uses is to be looked at anew."""
    cut_ramp(stage, ramps, share, line, packs)
    stage.lines[line, HIGH] = packs
    stage.stopped_by[line] = constraint
    stage.how[line] = how
    for slot in range(len(stage.uses)):
        used = stage.uses[slot, line]
        if used >= 0:
            if stage.own[slot]:
                sweep.stale[sweep.retailer[used]] = True
            else:
                sweep.stale_shared[used] = True


@jit
def _settle(  # noqa: C901 - calls that pass all arrays would cost more than the work
    stage: Stage, sweep: Sweep, ramps: Ramps, share: Share, begin: int, end: int, first: int, last: int
) -> None:
    """Grant or refuse a retailer's packs in the order in which they stand; stop lines that need more than is left."""
    size, lines, sku, held, keys = stage.size, stage.lines, stage.sku, share.held, share.keys
    left, left_at_first, critical, slots = share.left, share.left_at_first, share.critical, len(stage.uses)
    for unit in range(first, last):
        line = share.unit_line[unit]
        k, full, full_at_first = line - begin, -1, False
        for slot in range(slots - 1, -1, -1):
            if critical[slot]:
                full = slot if left[slot] < size[slot, sku[line]] else full
                full_at_first |= left_at_first[slot] < size[slot, sku[line]]
        if full >= 0:
            how = REFUSED if full_at_first else DRAWN
            stop(stage, sweep, ramps, share.number, line, held[k], stage.uses[full, line], how)
            keys[k] = NEVER
            continue
        for slot in range(slots):
            left[slot] -= size[slot, sku[line]]
        held[k] += 1.0
        keys[k] = NEVER
        if held[k] < lines[line, HIGH]:
            a_step = stage.step[sku[line]]
            keys[k] = pack_key(stage.kind, held[k] + 1.0, a_step, lines[line, BASE], lines[line, DEN])
    for line in range(begin, end):
        if keys[line - begin] < NEVER:
            full = -1
            for slot in range(slots - 1, -1, -1):
                if critical[slot] and left[slot] < size[slot, sku[line]]:
                    full = slot
            if full >= 0:
                stop(stage, sweep, ramps, share.number, line, held[line - begin], stage.uses[full, line], DOOMED)
                keys[line - begin] = NEVER


@jit
def settle_waiting(stage: Stage, sweep: Sweep, ramps: Ramps, share: Share, order: IntArray) -> None:
    """Settle for the retailers that wait; `order` puts each one's packs into the order of the draw."""
    unit_line = share.unit_line[order]
    for waiting in range(share.counts[0]):
        retailer, at = share.waiting[waiting], share.waiting_from[waiting]
        begin, end, last = sweep.start[retailer], sweep.start[retailer + 1], share.waiting_from[waiting + 1]
        _hold(stage, share, begin, end, sweep.next[retailer], True)
        _next_refusal(stage, share, begin, end)
        share.unit_line[at:last] = unit_line[at:last]
        _settle(stage, sweep, ramps, share, begin, end, at, last)
    share.counts[0] = 0

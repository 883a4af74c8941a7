"""Compiled passes over many lines: bounds of levels, and where the last units of constraints begin.

The plain ways in :mod:`allocation.verification.turns` and :mod:`allocation.verification.tails` lead to the same
answers.
"""

import numpy as np
import numpy.typing as npt

from allocation.compiled import jit
from allocation.verification.given import Codes, Ints

Floats = npt.NDArray[np.float64]

ADAMS, DEAN, HUNTINGTON_HILL, WEBSTER, JEFFERSON = range(5)
ROUNDINGS = ("adams", "dean", "huntington_hill", "webster", "jefferson")
MAX_MIN, PROPORTIONAL, EQUAL_LOSSES, TALMUD = range(4)
RULES = ("max_min", "proportional", "equal_losses", "talmud")


@jit
def bound_levels(
    low: Floats,
    high: Floats,
    rounding: int,
    rule: int,
    line: Ints,
    n: Ints,
    stage: Ints,
    sku: Codes,
    pack: Ints,
    carry: Ints,
    weight: Ints,
    claim: Ints,
) -> None:
    """Put bounds around the level of each unit, the `n`-th of a `line`, into `low` and `high`.

    `pack` is by SKU; `carry` is empty where nobody has any.
    """
    for i in range(len(n)):
        at = line[i]
        count, units, owed = float(n[i]), float(pack[sku[at]]), 0.0
        if len(carry) > 0:
            owed = float(carry[at]) / 1000.0
        if rounding == ADAMS:
            signpost = count - 1.0
        elif rounding == DEAN:
            signpost = 2.0 * count * (count - 1.0) / (2.0 * count - 1.0)
        elif rounding == HUNTINGTON_HILL:
            signpost = np.sqrt(count * max(count - 1.0, 0.0))
        elif rounding == WEBSTER:
            signpost = count - 0.5
        else:
            signpost = count
        rate, offset = 1.0, 0.0
        if rule == MAX_MIN:
            rate = float(weight[at])
        elif rule == PROPORTIONAL:
            rate = float(max(claim[at], 1)) * units
        elif rule == EQUAL_LOSSES or stage[i] % 2 == 1:
            offset = float(claim[at])
        scale = units / rate
        level = scale * (signpost - owed - offset)
        error = scale * (count + offset + 2.0) * 2.0**-46
        low[i] = level - error
        high[i] = level + error


@jit
def start_of_tails(
    stage: Ints, low: Floats, members: Ints, starts: Ints, size: Ints, wanted: Ints, out_stage: Ints, out_low: Floats
) -> None:
    """Find where the last units of each constraint begin to take what is `wanted` of it.

    `members` lists the units constraint by constraint, those of constraint *c* from `starts[c]` to `starts[c + 1]`. A
    heap of the latest units is kept whose earliest is taken out as long as the others take enough.
    """
    heap = np.empty(len(members), dtype=np.int64)
    for c in range(len(wanted)):
        length, taken = 0, 0
        for k in range(starts[c], starts[c + 1]):
            unit = members[k]
            if taken >= wanted[c] and not _earlier(stage, low, heap[0], unit):
                continue
            heap[length] = unit
            _sift_up(stage, low, heap, length)
            length += 1
            taken += size[unit]
            while taken - size[heap[0]] >= wanted[c]:
                taken -= size[heap[0]]
                length -= 1
                heap[0] = heap[length]
                _sift_down(stage, low, heap, length)
        if taken >= wanted[c] and length > 0:
            out_stage[c], out_low[c] = stage[heap[0]], low[heap[0]]


@jit
def _earlier(stage: Ints, low: Floats, one: int, other: int) -> bool:
    if stage[one] != stage[other]:
        return bool(stage[one] < stage[other])
    return bool(low[one] < low[other])


@jit
def _sift_up(stage: Ints, low: Floats, heap: Ints, at: int) -> None:
    while at > 0:
        parent = (at - 1) // 2
        if not _earlier(stage, low, heap[at], heap[parent]):
            return
        heap[at], heap[parent] = heap[parent], heap[at]
        at = parent


@jit
def _sift_down(stage: Ints, low: Floats, heap: Ints, length: int) -> None:
    at = 0
    while 2 * at + 1 < length:
        child = 2 * at + 1
        if child + 1 < length and _earlier(stage, low, heap[child + 1], heap[child]):
            child += 1
        if not _earlier(stage, low, heap[child], heap[at]):
            return
        heap[at], heap[child] = heap[child], heap[at]
        at = child


@jit
def order_by(constraint: Codes, counts: Ints, members: Ints) -> None:
    """List the units constraint by constraint; `counts` holds where each begins, and is moved on to where it ends."""
    for i in range(len(constraint)):
        c = constraint[i]
        members[counts[c]] = i
        counts[c] += 1

"""Compiled kernels of water-filling: lines by SKU, the grid's last step, lines that are due alike.

:mod:`allocation.filling.compiled_water` uses them; all numbers are 64-bit integers that the caller has seen to fit.
"""

from typing import Any, Final

import numpy as np
import numpy.typing as npt

from allocation.compiled import jit

Ints = npt.NDArray[np.int64]
Places = npt.NDArray[np.int32]
Flags = npt.NDArray[np.bool_]

ADAMS, DEAN, HUNTINGTON_HILL, WEBSTER, JEFFERSON = range(5)
METHOD: Final = {
    "adams": ADAMS,
    "dean": DEAN,
    "huntington_hill": HUNTINGTON_HILL,
    "webster": WEBSTER,
    "jefferson": JEFFERSON,
}
_SPREAD: Final = 2.0
"""How far beyond the level to go, in square roots of the number of stretches: rounding moves sums by about one."""
_NEAR: Final = 8.0


@jit
def totals(sku: Places, eligible: Ints, floor: Ints, sums: Ints, estimates: npt.NDArray[np.float64]) -> None:
    """Add up per SKU: `sums` gets eligible, floor and lines, `estimates` the first two in floating point."""
    for line in range(len(sku)):
        k = sku[line]
        sums[0, k] += eligible[line]
        sums[1, k] += floor[line]
        sums[2, k] += 1
        estimates[0, k] += eligible[line]
        estimates[1, k] += floor[line]


@jit
def number(sku: Places, first: int, ends: Ints, place: Places) -> None:
    """Put the numbers of lines, the first being `first`, behind those of their SKU; −1 in `ends` for a SKU left out."""
    for line in range(len(sku)):
        k = sku[line]
        if ends[k] >= 0:
            place[ends[k]] = first + line
            ends[k] += 1


@jit
def bring_together(sku: Places, column: Ints, ends: Ints, out: Ints) -> None:
    """Put the numbers of a column behind those of their SKU, as :func:`number` does."""
    for line in range(len(sku)):
        k = sku[line]
        if ends[k] >= 0:
            out[ends[k]] = column[line]
            ends[k] += 1


@jit
def spread(sku: Places, ends: Ints, held: Ints, drawn: Flags, out: tuple[Ints, Flags, Places], eligible: Ints) -> None:
    """Put what lines hold back to their places, and note their SKU as what stopped those that are short."""
    granted, by_draw, stopped_by = out
    for line in range(len(sku)):
        k = sku[line]
        if ends[k] >= 0:
            granted[line] = held[ends[k]]
            by_draw[line] = drawn[ends[k]]
            if granted[line] < eligible[line]:
                stopped_by[line] = k
            ends[k] += 1


@jit
def _due(method: int, award: int, scale: int, shift: int) -> int:
    """Return how many packs are due at an award of `award`/(`scale`·2^`shift`) packs."""
    whole = award >> shift
    if scale > 1:
        whole //= scale
    one = scale << shift
    rest = award - whole * one
    passed = False
    if method == WEBSTER:
        passed = 2 * rest >= one
    elif method == ADAMS:
        passed = True
    elif method == DEAN:
        passed = whole * one <= rest * (2 * whole + 1)
    elif method == HUNTINGTON_HILL:
        passed = whole * (one - 2 * rest) * one <= rest * rest
    return whole + 1 if passed else whole


@jit
def _lines_of(count: Ints, stretch: int) -> int:
    """Return how many lines a stretch stands for."""
    return int(count[stretch]) if len(count) else 1


@jit
def _evaluate(
    method: int, low: Ints, high: Ints, rate: Ints, offset: Ints, count: Ints, at: Any, active: Places, due: Ints
) -> tuple[int, int]:
    """Put into `due` what is due to the active stretches at one step; return the sum, and how fast it rises."""
    level, scale, shift = at
    total, slope = 0, 0
    for j in range(len(active)):
        i = active[j]
        packs = _due(method, level * scale * rate[i] + (offset[i] << shift), scale, shift)
        many = _lines_of(count, i)
        if packs < low[i]:
            packs = low[i]
        elif packs >= high[i]:
            packs = high[i]
        else:
            slope += rate[i] * many
        due[j] = packs
        total += packs * many
    return total, slope


@jit
def _ends(low: Ints, high: Ints, rate: Ints, offset: Ints, scale: int, shift: int) -> tuple[int, int]:
    """Return a step at which no stretch has begun, and one at which all have ended."""
    bottom, top = np.iinfo(np.int64).max, np.iinfo(np.int64).min
    for i in range(len(low)):
        per_level = scale * rate[i]
        bottom = min(bottom, ((low[i] * scale - offset[i]) << shift) // per_level - 1)
        top = max(top, -(((offset[i] - high[i] * scale) << shift) // per_level))
    return bottom, top


@jit
def _sums(low: Ints, high: Ints, rate: Ints, count: Ints) -> tuple[int, int, int]:
    """Return the packs at which all stretches begin and end, and how fast they rise together."""
    under, over, slope = 0, 0, 0
    for i in range(len(low)):
        many = _lines_of(count, i)
        under += low[i] * many
        over += high[i] * many
        slope += rate[i] * many
    return under, over, slope


@jit
def narrow_down(
    method: int, low: Ints, high: Ints, rate: Ints, offset: Ints, count: Ints, grid: tuple[int, int], target: int
) -> None:
    """Bring `low` and `high` of each stretch of one SKU to the two ends of the grid's step in which its supply ends.

    A stretch stands for `count` lines, for one where `count` is empty; `grid` is (`scale`, `shift`). Award in packs at
    step *m*: `rate`·m/2^`shift` + `offset`/`scale`. The level is looked for along the slope of the fill curve (Newton)
    and, near it, a little beyond, until it lies between two steps that were tried; then by interpolation and halving in
    turn. Stretches in which the bracket leaves nothing open are not looked at again.
    """
    scale, shift = grid
    active, due = np.arange(len(low), dtype=np.int32), np.empty(len(low), dtype=np.int64)
    bottom, top = _ends(low, high, rate, offset, scale, shift)
    under, over, slope = _sums(low, high, rate, count)
    settled, total, level, tries, tried_under, tried_over = 0, under, bottom, 0, False, False
    while top - bottom > 1 and len(active):
        width = top - bottom
        step = 0.0
        if tried_under and tried_over:
            tries += 1
            if tries & 1:
                step = float(width) * float(target - under) / float(over - under) + float(bottom - level)
        elif slope > 0:
            gap, spread = float(target - total), _SPREAD * np.sqrt(float(len(active)))
            if abs(gap) < _NEAR * spread:
                gap += spread if gap > 0 else -spread
            step = gap * float(1 << shift) / float(slope)
        level = bottom + width // 2 if step == 0 or abs(step) > width else level + int(step)
        level = min(max(level, bottom + 1), top - 1)
        total, slope = _evaluate(method, low, high, rate, offset, count, (level, scale, shift), active, due)
        total += settled
        rising = total < target
        if rising:
            bottom, under, tried_under = level, total, True
        else:
            top, over, tried_over = level, total, True
        kept = 0
        for j in range(len(active)):
            i = active[j]
            if rising:
                low[i] = due[j]
            else:
                high[i] = due[j]
            if low[i] < high[i]:
                active[kept] = i
                kept += 1
            else:
                settled += low[i] * _lines_of(count, i)
        active = active[:kept]


@jit
def alike(first: Ints, second: Ints, third: Ints, fourth: Ints, example: Places, code: Places, table: Places) -> int:
    """Give rows of four numbers the number of their kind.

    `example` gets the first row of each kind, `code` the kind of each row; `table` holds −1 everywhere, is at least
    twice as long as there are rows, and its length a power of two. Returns the number of kinds.
    """
    kinds, mask = 0, len(table) - 1
    for row in range(len(first)):
        mixed = first[row] * 0x9E3779B97F4A7C1 + second[row] * 0x1B873593CC9E2D51 + third[row] * 0x2545F4914F6CDD1D
        mixed = (mixed ^ fourth[row]) * 0x6C8E9CF570932BD5
        slot = (mixed ^ mixed >> 29) & mask
        while True:
            kind = table[slot]
            if kind < 0:
                table[slot] = kinds
                example[kinds], code[row] = row, kinds
                kinds += 1
                break
            other = example[kind]
            if (
                first[other] == first[row]
                and second[other] == second[row]
                and third[other] == third[row]
                and fourth[other] == fourth[row]
            ):
                code[row] = kind
                break
            slot = (slot + 1) & mask
    return kinds

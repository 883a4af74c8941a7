"""Compiled parts of coupled filling: about when a constraint is full, without going through its lines.

If packs could be divided, what a line takes would rise as a ramp from one level to another. Of each large constraint
the ends of all ramps are kept, added up in bins of levels that widen with the distance from the lowest: so what is due
at the border of a bin follows from one pass over the bins, and a line that stops moves the end of its ramp. It is a
guess: whoever uses it counts the packs that are due there.
"""

import math
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt

from allocation.compiled import jit
from allocation.filling.kernel_constants import DEAN, HUNTINGTON_HILL
from allocation.filling.stage_kernels import BASE, DEN, HIGH, LOW, Stage
from allocation.tables.columns import IntArray

Floats = npt.NDArray[np.float64]

BINS: Final = 1024
_OCTAVES: Final = 16
_BINS_AN_OCTAVE: Final = BINS // _OCTAVES
REACH: Final = 2.0**_OCTAVES
"""How far the bins reach, the narrowest being of length 1 / 64 at a distance of 1."""


class Ramps(NamedTuple):
    """The ends of all ramps, per share of the lines.

    Parameters
    ----------
    origin, scale
        The lowest level, and by what distances from it are multiplied; levels under a root are their square roots.
    first
        Per constraint, where its bins begin; −1 where it has none.
    coarse
        Per constraint, how often its bins are halved in number.
    typical
        Per constraint, what a pack takes of it on average.
    ends
        Shares × bins × (what the ramps that begin less those that end in a bin rise by; that times where they do).
    """

    origin: float
    scale: float
    first: IntArray
    coarse: IntArray
    typical: Floats
    ends: Floats


@jit
def _bin(distance: float) -> int:
    """Return the bin at a distance from the lowest level, scaled."""
    if not distance >= 1.0:
        return 0
    if distance >= REACH:
        return BINS - 1
    part, octave = math.frexp(distance)
    return int((octave - 1) * _BINS_AN_OCTAVE + int((part - 0.5) * (2 * _BINS_AN_OCTAVE)))


@jit
def _border(ramps: Ramps, number: int) -> float:
    """Return where a bin begins."""
    part = 0.5 + (number % _BINS_AN_OCTAVE) / (2 * _BINS_AN_OCTAVE)
    return float(ramps.origin + math.ldexp(part, number // _BINS_AN_OCTAVE + 1) / ramps.scale)


@jit
def _where(kind: int, packs: float, step: float, base: float, den: float) -> float:
    """Return where a line's ramp reaches some packs."""
    if kind == HUNTINGTON_HILL:
        return float(packs * np.sqrt(step / den))
    reached = 0.5 * packs if kind == DEAN else packs + 0.5
    return (reached * step + base) / den


@jit
def _speed(kind: int, step: float, den: float) -> float:
    """Return how many packs come per level, in a line's ramp."""
    if kind == DEAN:
        return 2.0 * den / step
    return float(np.sqrt(den / step)) if kind == HUNTINGTON_HILL else den / step


@jit
def extremes(stage: Stage, begin: int, end: int) -> Any:
    """Return where the first ramp of some lines begins and the last one ends."""
    kind, step, lines, sku, lowest, highest = stage.kind, stage.step, stage.lines, stage.sku, np.inf, -np.inf
    for line in range(begin, end):
        low, high, base, den = lines[line, LOW], lines[line, HIGH], lines[line, BASE], lines[line, DEN]
        if low < high:
            lowest = min(lowest, _where(kind, low, step[sku[line]], base, den))
            highest = max(highest, _where(kind, high, step[sku[line]], base, den))
    return lowest, highest


@jit
def add_ramps(stage: Stage, ramps: Ramps, share: int, begin: int, end: int) -> None:
    """Add the ramps of some lines."""
    kind, step, size, lines, sku = stage.kind, stage.step, stage.size, stage.lines, stage.sku
    origin, scale, starts, coarse, ends = ramps.origin, ramps.scale, ramps.first, ramps.coarse, ramps.ends
    for line in range(begin, end):
        low, high, base, den = lines[line, LOW], lines[line, HIGH], lines[line, BASE], lines[line, DEN]
        if low < high:
            rises, stops = _where(kind, low, step[sku[line]], base, den), _where(kind, high, step[sku[line]], base, den)
            first, last = _bin((rises - origin) * scale), _bin((stops - origin) * scale)
            speed = _speed(kind, step[sku[line]], den)
            for slot in range(len(stage.uses)):
                constraint = stage.uses[slot, line]
                if constraint >= 0 and starts[constraint] >= 0:
                    slope = speed * size[slot, sku[line]]
                    at = starts[constraint] + (first >> coarse[constraint])
                    ends[share, at, 0] += slope
                    ends[share, at, 1] += slope * rises
                    at = starts[constraint] + (last >> coarse[constraint])
                    ends[share, at, 0] -= slope
                    ends[share, at, 1] -= slope * stops


@jit
def cut_ramp(stage: Stage, ramps: Ramps, share: int, line: int, packs: float) -> None:
    """Let a line's ramp end where it reaches some packs, before the line itself is made to."""
    kind, step, sku = stage.kind, stage.step[stage.sku[line]], stage.sku[line]
    base, den, high = stage.lines[line, BASE], stage.lines[line, DEN], stage.lines[line, HIGH]
    was, now = _where(kind, high, step, base, den), _where(kind, packs, step, base, den)
    late, early = _bin((was - ramps.origin) * ramps.scale), _bin((now - ramps.origin) * ramps.scale)
    speed = _speed(kind, step, den)
    for slot in range(len(stage.uses)):
        constraint = stage.uses[slot, line]
        if constraint >= 0 and ramps.first[constraint] >= 0:
            slope = speed * stage.size[slot, sku]
            at = ramps.first[constraint] + (late >> ramps.coarse[constraint])
            ramps.ends[share, at, 0] += slope
            ramps.ends[share, at, 1] += slope * was
            at = ramps.first[constraint] + (early >> ramps.coarse[constraint])
            ramps.ends[share, at, 0] -= slope
            ramps.ends[share, at, 1] -= slope * now


@jit
def guess_by_ramps(stage: Stage, ramps: Ramps, constraint: int, room: float) -> Any:
    """Return about where `room` is due, and how many packs come per level there; as `stage_kernels.guess`."""
    slope, offset, low, reached, pace = 0.0, 0.0, ramps.origin, 0.0, 0.0
    coarse, first = ramps.coarse[constraint], ramps.first[constraint]
    for number in range(BINS >> coarse):
        for share in range(len(ramps.ends)):
            slope += ramps.ends[share, first + number, 0]
            offset += ramps.ends[share, first + number, 1]
        border = _border(ramps, (number + 1) << coarse)
        demand = border * slope - offset
        if demand > reached:
            pace = (demand - reached) / (border - low)
        if demand > room and pace > 0.0:
            low += (room - reached) / pace
            break
        low, reached = border, demand
    level = low * low if stage.kind == HUNTINGTON_HILL else low
    return level, pace / ramps.typical[constraint]

"""Keys of packs as single floats that order them exactly as their levels do, where such floats exist.

A level is a quotient a/b of integers. Division of float64 is rounded correctly (IEEE 754), so that equal quotients give
equal floats and a larger quotient never gives a smaller float. Two different quotients a/b and c/d are at least 1/(b·d)
apart; where all |a|·d stay below 2^51, that is more than the gap between neighbouring floats, and they give different
floats. For Huntington–Hill the squares of the levels take their place, which order the same as long as nothing is
subtracted from the roots.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from allocation.filling.kernel_constants import CLOSE, DEAN, HALF_STEPS, HUNTINGTON_HILL
from allocation.filling.rules import Phase
from allocation.filling.signposts import CARRY_SCALE
from allocation.limits import EXACT_FLOAT_END, EXACT_QUOTIENT_END
from allocation.problem import Problem
from allocation.tables.columns import IntArray

Floats = npt.NDArray[np.float64]

_KINDS: Final = {"dean": DEAN, "huntington_hill": HUNTINGTON_HILL}
_HALF_STEPS_BACK: Final = {"adams": 2, "webster": 1, "jefferson": 0}


@dataclass(frozen=True, eq=False)
class PackKeys:
    """The numbers of the keys of some lines.

    The key of pack `n` is

    - (step·n + base)/den under Adams, Webster and Jefferson (`kind` :data:`HALF_STEPS`),
    - (step·n(n−1) + base·(2n−1))/((2n−1)·den) under Dean,
    - step·n(n−1)/den under Huntington–Hill.

    `step`, `base` and `den` are per line. The largest numerator and denominator say whether keys are exact, together
    with those of all other lines that are compared with them.
    """

    kind: int
    step: Floats
    base: Floats
    den: Floats
    largest_numerator: float
    largest_denominator: float

    def of(self, n: Floats) -> Floats:
        """Return the key of one pack of each line."""
        if self.kind == HALF_STEPS:
            return (self.step * n + self.base) / self.den
        if self.kind == DEAN:
            odd = 2.0 * n - 1.0
            return (self.step * (n * (n - 1.0)) + self.base * odd) / (odd * self.den)
        return self.step * (n * (n - 1.0)) / self.den

    def packs_up_to(self, level: Floats) -> Floats:
        """Return how many packs of each line have keys not above its level; 0 or less means none."""
        reached = (level * self.den - self.base) / self.step
        if self.kind == DEAN:
            reached = 0.5 * (1.0 + 2.0 * reached + np.sqrt(1.0 + 4.0 * reached * reached))
        elif self.kind == HUNTINGTON_HILL:
            reached = 0.5 + np.sqrt(0.25 + np.maximum(reached, 0.0))
        n: Floats = np.floor(reached)
        near = np.abs(reached - np.rint(reached)) <= CLOSE * (np.abs(reached) + 2.0)
        if near.any():
            some, exactly, at = self.only(near), np.rint(reached[near]), level[near]
            while (more := some.of(exactly + 1.0) <= at).any():
                exactly[more] += 1.0
            while (less := (exactly > 0.0) & (some.of(np.maximum(exactly, 1.0)) > at)).any():
                exactly[less] -= 1.0
            n[near] = exactly
        return n

    def only(self, chosen: npt.NDArray[np.bool_] | IntArray) -> "PackKeys":
        """Return the keys of some of the lines."""
        step, base, den = self.step[chosen], self.base[chosen], self.den[chosen]
        return PackKeys(self.kind, step, base, den, self.largest_numerator, self.largest_denominator)


def pack_keys(problem: Problem, rounding: str, phase: Phase, line: IntArray | slice, *, with_carry: bool) -> PackKeys:
    """Return the numbers of the keys of some lines' packs in a phase.

    Parameters
    ----------
    with_carry
        Whether any line that is compared with these has a carry.
    """
    scale = CARRY_SCALE if with_carry else 1
    units = problem.supply.pack[problem.requests.sku[line]].astype(np.float64)
    rate = phase.rate[line].astype(np.float64)
    back = problem.requests.carry[line] + scale * phase.offset_packs[line].astype(np.float64)
    n = problem.lines.eligible[line].astype(np.float64)
    kind = kind_of(rounding)
    base = np.zeros_like(rate)
    if kind == HUNTINGTON_HILL:
        step, den = units * units, rate * rate
        numerator, denominator = step * n * n, den
        if back.any():
            numerator = np.full_like(rate, np.inf)
    elif kind == DEAN:
        step, base, den = 2 * scale * units, -units * back, scale * rate
        numerator, denominator = step * n * n + np.abs(base) * (2 * n), den * (2 * n)
    else:
        steps_back = _HALF_STEPS_BACK[rounding]
        halves = 1 + steps_back % 2
        step, den = halves * scale * units, halves * scale * rate
        base = -units * halves * (scale * steps_back / 2 + back)
        numerator, denominator = step * n + np.abs(base), den
    return PackKeys(kind, step, base, den, float(numerator.max(initial=0.0)), float(denominator.max(initial=0.0)))


def kind_of(rounding: str) -> int:
    """Return how the packs of a line follow each other."""
    return _KINDS.get(rounding, HALF_STEPS)


def are_exact(bounds: Iterable[tuple[float, float]]) -> bool:
    """Say whether keys with these largest numerators and denominators order exactly among each other."""
    numerators, denominators = zip(*bounds, strict=True)
    largest: float = max(numerators)
    return largest * max(denominators) < EXACT_QUOTIENT_END and largest < EXACT_FLOAT_END

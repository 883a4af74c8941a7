"""Keys of packs as single floats that order them exactly as their levels do, where such floats exist.

A level is a quotient a/b of integers. Division of float64 is rounded correctly (IEEE 754), so that equal quotients give
equal floats and a larger quotient never gives a smaller float. Two different quotients a/b and c/d are at least 1/(b·d)
apart; where all |a|·d stay below 2^51, that is more than the gap between neighbouring floats, and they give different
floats. For Huntington–Hill the squares of the levels take their place, which order the same as long as nothing is
subtracted from the roots.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np

from allocation.columns import IntArray
from allocation.coupled_kernels import DEAN, HALF_STEPS, HUNTINGTON_HILL, Floats
from allocation.limits import EXACT_FLOAT_END, EXACT_QUOTIENT_END
from allocation.problem import Problem
from allocation.rules import Phase
from allocation.signposts import CARRY_SCALE

_KINDS: Final = {"dean": DEAN, "huntington_hill": HUNTINGTON_HILL}
_HALF_STEPS_BACK: Final = {"adams": 2, "webster": 1, "jefferson": 0}


@dataclass(frozen=True, eq=False)
class PackKeys:
    """The numbers of the keys of some lines, `step` per SKU; see :func:`allocation.coupled_kernels.pack_key`."""

    kind: int
    step: Floats
    base: Floats
    den: Floats


def pack_keys(problem: Problem, rounding: str, phase: Phase, line: IntArray) -> PackKeys | None:
    """Return the numbers of the keys of some lines' packs in a phase; None where floats would not be exact."""
    sku, carry = problem.requests.sku[line], problem.requests.carry[line]
    scale = CARRY_SCALE if carry.any() else 1
    units, rate = problem.supply.pack.astype(np.float64), phase.rate[line].astype(np.float64)
    back = carry + scale * phase.offset_packs[line].astype(np.float64)
    n = problem.lines.eligible[line].astype(np.float64)
    kind = _KINDS.get(rounding, HALF_STEPS)
    if kind == HUNTINGTON_HILL:
        if back.any():
            return None
        keys = PackKeys(kind, units * units, np.zeros_like(rate), rate * rate)
        numerator, denominator = keys.step[sku] * n * n, keys.den
    elif kind == DEAN:
        keys = PackKeys(kind, 2 * scale * units, -units[sku] * back, scale * rate)
        numerator = keys.step[sku] * n * n + np.abs(keys.base) * (2 * n)
        denominator = keys.den * (2 * n)
    else:
        steps_back = _HALF_STEPS_BACK[rounding]
        halves = 1 + steps_back % 2
        base = -units[sku] * halves * (scale * steps_back / 2 + back)
        keys = PackKeys(kind, halves * scale * units, base, halves * scale * rate)
        numerator, denominator = keys.step[sku] * n + np.abs(keys.base), keys.den
    largest = float(numerator.max(initial=0.0)), float(denominator.max(initial=0.0))
    exact = largest[0] * largest[1] < EXACT_QUOTIENT_END and largest[0] < EXACT_FLOAT_END
    return keys if exact else None

"""Where one more pack is due: the signposts of the divisor methods and the exact key of a unit.

Unit *n* of a line is due when the award that the rule gives the line, in packs, reaches its signpost d(n), less the
line's carry: Adams n−1, Dean 2n(n−1)/(2n−1), Huntington–Hill √(n(n−1)), Webster n−½, Jefferson n. All comparisons are
between integers. See M. L. Balinski and H. P. Young, *Fair Representation* (1982).
"""

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from functools import total_ordering
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from allocation.limits import CARRY_MAX_THOUSANDTHS

AnyInts = npt.NDArray[Any]
"""Integers: int64 where everything fits, else Python's own in an object array. The same code serves both."""

CARRY_SCALE: Final = CARRY_MAX_THOUSANDTHS

# Between n−1 and n lies the one signpost d(n). With an award of r + q/Q packs (0 ≤ q < Q), r packs are due and one
# more where the award has passed d(r+1); each method has its own way to say so without division or root.
_PASSED: Final[dict[str, Callable[[AnyInts, AnyInts, AnyInts], Any]]] = {
    "adams": lambda _r, _q, _scale: 1,
    "dean": lambda r, q, scale: r * scale <= q * (2 * r + 1),
    "huntington_hill": lambda r, q, scale: r * (scale - 2 * q) * scale <= q * q,
    "webster": lambda _r, q, scale: 2 * q >= scale,
    "jefferson": lambda _r, _q, _scale: 0,
}


def packs_due(rounding: str, award: AnyInts, scale: AnyInts | int) -> AnyInts:
    """Return how many packs are due at awards of `award`/`scale` packs; 0 or less means none."""
    whole = award // scale
    rest = award - whole * scale
    return whole + _PASSED[rounding](whole, rest, np.asarray(scale))  # type: ignore[no-any-return]  # arrays in, array out


def estimated_signposts(rounding: str, n: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Return the signposts of units `n` up to rounding errors of a few units in the last place."""
    if rounding == "dean":
        return 2 * n * (n - 1) / (2 * n - 1)
    if rounding == "huntington_hill":
        return np.asarray(np.sqrt(n * (n - 1)))
    return n - {"adams": 1.0, "webster": 0.5, "jefferson": 0.0}[rounding]


def largest_product(rounding: str, award_packs: npt.NDArray[np.float64], scale: AnyInts) -> npt.NDArray[np.float64]:
    """Bound the integers that :func:`packs_due` forms for awards of up to `award_packs` packs."""
    wide = scale.astype(np.float64)
    if rounding == "huntington_hill":
        return (award_packs + 1) * wide * wide
    return (2 * award_packs + 3) * wide


@total_ordering
@dataclass(frozen=True, eq=False)
class Root:
    """The number √`square` − `less`, compared exactly."""

    square: Fraction
    less: Fraction

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Root) and _sign(self, other) == 0

    def __lt__(self, other: "Root") -> bool:
        return _sign(self, other) < 0

    def __hash__(self) -> int:
        # √square is irrational unless it is 0, so that equal numbers have equal parts.
        return hash((self.square, self.less))

    def __str__(self) -> str:
        rest = f"{'-' if self.less > 0 else '+'}{abs(self.less)}" if self.less else ""
        return f"sqrt({self.square}){rest}"


Level = Fraction | Root
"""The level of the filling at which a unit is due; levels of one rounding are all of one kind."""


def unit_level(rounding: str, n: int, *, carry: int, pack: int, rate: int, offset: int) -> Level:
    """Return the level at which an award of `offset` + `rate`·level units reaches the signpost of unit `n`.

    Parameters
    ----------
    rounding
        The method.
    n
        Counts the line's packs from 1.
    carry
        In thousandths of a pack.
    pack
        Units in a pack.
    rate, offset
        How the rule's award, in units, grows with the level.
    """
    if rounding == "huntington_hill":
        return Root(
            Fraction(pack * pack * n * (n - 1), rate * rate),
            Fraction(pack * carry + CARRY_SCALE * offset, CARRY_SCALE * rate),
        )
    if rounding == "dean":
        half_steps = Fraction(4 * n * (n - 1), 2 * n - 1)
    else:
        half_steps = Fraction(2 * n - {"adams": 2, "webster": 1, "jefferson": 0}[rounding])
    signpost = half_steps / 2 - Fraction(carry, CARRY_SCALE)
    return (pack * signpost - offset) / rate


def _sign(a: Root, b: Root) -> int:
    """Return the sign of a − b."""
    if a.less < b.less:
        return -_sign(b, a)
    gap = a.less - b.less  # of √a.square − √b.square − gap, the gap being 0 or more
    surplus = a.square - b.square - gap * gap  # against 2·gap·√b.square, which is 0 or more
    if surplus < 0:
        return -1
    left, right = surplus * surplus, 4 * gap * gap * b.square
    return (left > right) - (left < right)

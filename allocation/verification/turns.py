"""When a unit's turn comes: the order of the packs, in the checker's own arithmetic.

A unit's level is (pack·(signpost − carry) − offset)/rate. Rational levels are fractions; √(n(n−1)) is compared by
integer square roots, finer and finer until two numbers part or are known to be the same.
"""

import hmac
import re
from dataclasses import dataclass
from fractions import Fraction
from functools import cache, total_ordering
from math import isqrt

import numpy as np
import numpy.typing as npt

from allocation.verification.entitlement import Claims
from allocation.verification.given import Given, Ints

_FIRST_BITS = 80


@total_ordering
@dataclass(frozen=True)
class Surd:
    """√`radicand` − `taken`."""

    radicand: Fraction
    taken: Fraction

    def bounds(self, bits: int) -> tuple[Fraction, Fraction]:
        """Return two fractions around the number, 2^−bits apart."""
        scaled = isqrt((self.radicand.numerator << (2 * bits)) // self.radicand.denominator)
        return Fraction(scaled, 1 << bits) - self.taken, Fraction(scaled + 1, 1 << bits) - self.taken

    def __lt__(self, other: "Surd") -> bool:
        if self == other:
            return False
        bits = _FIRST_BITS
        while True:
            (low, high), (other_low, other_high) = self.bounds(bits), other.bounds(bits)
            if high <= other_low:
                return True
            if other_high <= low:
                return False
            bits *= 2

    def __str__(self) -> str:
        if not self.taken:
            return f"sqrt({self.radicand})"
        sign = "-" if self.taken > 0 else "+"
        return f"sqrt({self.radicand}){sign}{abs(self.taken)}"


Level = Fraction | Surd
Moment = tuple[int, int, Level]
"""Tier, phase, level."""
Turn = tuple[int, int, Level, bytes]
"""Tier, phase, level, draw."""


Floats = npt.NDArray[np.float64]


def read_level(text: str) -> Level:
    """Read a level as a certificate states it: ``7/2``, ``sqrt(3/4)`` or ``sqrt(3/4)-1/5``; raises ValueError."""
    found = re.fullmatch(r"sqrt\(([0-9/]+)\)([+-][0-9/]+)?", text)
    return Surd(Fraction(found[1]), -Fraction(found[2] or 0)) if found else Fraction(text)


class Turns:
    """The turns of all units of a problem under a policy."""

    def __init__(self, given: Given, claims: Claims, *, rule: str, rounding: str, seed: bytes) -> None:
        self.given, self.claims, self.rule, self.rounding, self.seed = given, claims, rule, rounding, seed
        self._level = cache(self._level_of)

    def of(self, line: int, n: int) -> Turn:
        """Return the turn of a line's pack `n`."""
        tier, phase, level = self.before_draw(line, n)
        return tier, phase, level, self.draw(line, n)

    def before_draw(self, line: int, n: int) -> tuple[int, int, Level]:
        """Return tier, phase and level of a line's pack `n`."""
        claims = self.claims
        return int(claims.tier[line]), *self._level(
            n, int(claims.pack[line]), int(claims.weight[line]), int(claims.eligible[line]), int(claims.carry[line])
        )

    def draw(self, line: int, n: int) -> bytes:
        """Return the draw of a line's pack `n`."""
        message = "\x1f".join((self.given.sku[line], self.given.retailer[line], str(n)))
        return hmac.digest(self.seed, message.encode(), "sha256")

    def _level_of(self, n: int, pack: int, weight: int, claim: int, carry: int) -> tuple[int, Level]:
        owed = Fraction(carry, 1000)
        if self.rounding == "huntington_hill":
            root, taken = n * (n - 1), owed
        else:
            root = 0
            taken = (
                owed
                - {
                    "adams": Fraction(n - 1),
                    "dean": Fraction(2 * n * (n - 1), 2 * n - 1),
                    "webster": n - Fraction(1, 2),
                    "jefferson": Fraction(n),
                }[self.rounding]
            )
        phase, offset, rate = 0, 0, 1
        match self.rule:
            case "max_min":
                rate = weight
            case "proportional":
                rate = claim * pack
            case "equal_losses":
                offset = claim
            case "talmud":
                limit = Fraction(claim, 2) + taken  # √root ≤ claim/2 + taken?
                if not (limit >= 0 and root <= limit * limit):
                    phase, offset = 1, claim
        scale = Fraction(pack, rate)
        number = Surd(root * scale * scale, (taken + offset) * scale)
        return phase, number if self.rounding == "huntington_hill" else -number.taken

    def stages(self, line: Ints, n: Ints) -> Ints:
        """Return tier and phase of units as one number each, in their order."""
        stage = self.claims.tier[line] * 2
        if self.rule == "talmud":
            phases = (self.before_draw(i, k)[1] for i, k in zip(line.tolist(), n.tolist(), strict=True))
            stage = stage + np.fromiter(phases, dtype=np.int64, count=len(line))
        return stage

    def estimate(self, line: Ints, n: Ints, stage: Ints) -> tuple[Floats, Floats]:
        """Return bounds around the levels of units, to find the few that need an exact comparison."""
        claims = self.claims
        count, pack = n.astype(np.float64), claims.pack[line].astype(np.float64)
        signpost = {
            "adams": count - 1,
            "dean": 2 * count * (count - 1) / (2 * count - 1),
            "huntington_hill": np.sqrt(count * np.maximum(count - 1, 0)),
            "webster": count - 0.5,
            "jefferson": count,
        }[self.rounding] - claims.carry[line] / 1000
        claim = claims.eligible[line].astype(np.float64)
        rate, offset = np.ones_like(pack), np.zeros_like(pack)
        if self.rule == "max_min":
            rate = claims.weight[line].astype(np.float64)
        elif self.rule == "proportional":
            rate = np.maximum(claim, 1) * pack
        else:
            offset = np.where((stage % 2 == 1) | (self.rule == "equal_losses"), claim, 0)
        level = pack * (signpost - offset) / rate
        error = pack * (count + offset + 2) / rate * 2.0**-46
        return level - error, level + error

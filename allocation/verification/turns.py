"""When a unit's turn comes: the order of the packs, in the checker's own arithmetic.

A unit's level is (pack·(signpost − carry) − offset)/rate. Rational levels are fractions; √(n(n−1)) is compared by
integer square roots, finer and finer until two numbers part or are known to be the same. Most units are told apart by
bounds in floating point; what the bounds leave open is decided exactly, once for all units that share their parts.
"""

import hashlib
import hmac
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cache, total_ordering
from itertools import pairwise
from math import isqrt
from typing import Any

import numpy as np
import numpy.typing as npt

from allocation.compiled import worth_it
from allocation.verification.entitlement import Claims
from allocation.verification.given import Codes, Given, Ints

_FIRST_BITS = 80
_BLOCK_BYTES = 64


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
        # Both padded keys of HMAC (RFC 2104) are hashed once for all draws.
        key = seed.ljust(_BLOCK_BYTES, b"\0")
        self._inner, self._outer = (hashlib.sha256(bytes(byte ^ pad for byte in key)) for pad in (0x36, 0x5C))
        self._drawn: dict[tuple[int, int], bytes] = {}

    def of(self, line: int, n: int) -> Turn:
        """Return the turn of a line's pack `n`."""
        tier, phase, level = self.before_draw(line, n)
        return tier, phase, level, self.draw(line, n)

    def before_draw(self, line: int, n: int) -> Moment:
        """Return tier, phase and level of a line's pack `n`."""
        claims = self.claims
        return int(claims.tier[line]), *self._level(
            n, int(claims.pack[line]), int(claims.weight[line]), int(claims.eligible[line]), int(claims.carry[line])
        )

    def draw(self, line: int, n: int) -> bytes:
        """Return the draw of a line's pack `n`."""
        retailer, sku = self.given.names(line)
        return hmac.digest(self.seed, f"{sku}\x1f{retailer}\x1f{n}".encode(), "sha256")

    def draws(self, line: Ints, n: Ints) -> list[bytes]:
        """Return the draws of units, many at a time, each made once."""
        pairs = list(zip(line.tolist(), n.tolist(), strict=True))
        drawn = self._drawn
        for pair, message in zip(pairs, self._messages(line, n), strict=True):
            if pair not in drawn:
                inside, outside = self._inner.copy(), self._outer.copy()
                inside.update(message.encode())
                outside.update(inside.digest())
                drawn[pair] = outside.digest()
        return [drawn[pair] for pair in pairs]

    def _messages(self, line: Ints, n: Ints) -> Iterator[str]:
        retailers = map(self.given.retailers.names.__getitem__, self.given.retailer[line].tolist())
        skus = map(self.given.skus.names.__getitem__, self.given.sku[line].tolist())
        return (f"{sku}\x1f{retailer}\x1f{k}" for retailer, sku, k in zip(retailers, skus, n.tolist(), strict=True))

    def _level_of(self, n: int, pack: int, weight: int, claim: int, carry: int) -> tuple[int, Level]:
        phase, offset, rate = 0, 0, 1
        if self.rule == "max_min":
            rate = weight
        elif self.rule == "proportional":
            rate = claim * pack
        elif self.rule == "equal_losses" or not self._is_in_first_half(n, claim, carry):
            phase, offset = int(self.rule == "talmud"), claim
        owed = carry + 1000 * offset  # in thousandths of a pack
        if self.rounding == "huntington_hill":
            return phase, Surd(Fraction(n * (n - 1) * pack * pack, rate * rate), Fraction(pack * owed, 1000 * rate))
        above, below = _signpost(self.rounding, n)
        return phase, Fraction(pack * (1000 * above - below * owed), 1000 * below * rate)

    def _is_in_first_half(self, n: int, claim: int, carry: int) -> bool:
        """Say whether the signpost, less the carry, lies at or below half the claim."""
        most = 500 * claim + carry  # in thousandths of a pack
        if self.rounding == "huntington_hill":
            return most >= 0 and 10**6 * n * (n - 1) <= most * most
        above, below = _signpost(self.rounding, n)
        return 1000 * above <= below * most

    def stages(self, line: Ints, n: Ints) -> Ints:
        """Return tier and phase of units as one number each, in their order."""
        stage = self.claims.tier[line] * 2
        if self.rule == "talmud":
            stage += ~self._in_first_half(line, n)
        return stage

    def _in_first_half(self, line: Ints, n: Ints) -> npt.NDArray[np.bool_]:
        """Say of which units the signpost, less the carry, lies at or below half the claim; exactly.

        Twice the signpost is near m = 2n − 1, so that the carry counts where m is near the claim alone.
        """
        carry, m = self.claims.carry[line], 2 * n - 1
        above = np.clip(m - self.claims.eligible[line], -5, 5)
        small = np.minimum(m, 2000)
        early: npt.NDArray[np.bool_]
        if self.rounding == "dean":  # twice the signpost is m − 1/m
            early = (1000 * above - 2 * carry) * small <= 1000  # noqa: PLR2004  # thousandths
        elif self.rounding == "huntington_hill":  # twice the signpost is √(m² − 1), against m − over/500
            over = 500 * above - carry
            apart = 250_000 * (small * small - 1) <= (500 * small - over) ** 2
            early = (over <= 0) | ((500 * small >= over) & apart)
        else:
            early = 1000 * (above + {"adams": -1, "webster": 0, "jefferson": 1}[self.rounding]) <= 2 * carry
        return early

    def estimate(self, line: Ints, n: Ints, stage: Ints) -> tuple[Floats, Floats]:
        """Return bounds around the levels of units, to find the few that need an exact comparison."""
        if worth_it(len(line)):
            return self._compiled_estimate(line, n, stage)
        claims = self.claims
        count, pack = n.astype(np.float64), claims.pack[line].astype(np.float64)
        signpost = _signposts(self.rounding, count) - claims.carry[line] / 1000
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

    def _compiled_estimate(self, line: Ints, n: Ints, stage: Ints) -> tuple[Floats, Floats]:
        from allocation.verification.levels import ROUNDINGS, RULES, bound_levels  # noqa: PLC0415  # imports numba

        claims = self.claims
        low, high = np.empty(len(line)), np.empty(len(line))
        sku, owed = np.asarray(claims.sku, dtype=np.int32), claims.carry if claims.carry.any() else claims.carry[:0]
        columns = (line, n, stage, sku, claims.given.skus.pack, owed, claims.weight, claims.eligible)
        arrays: tuple[Any, ...] = tuple(map(np.ascontiguousarray, columns))
        bound_levels(low, high, ROUNDINGS.index(self.rounding), RULES.index(self.rule), *arrays)
        return low, high

    def later(self, line: Ints, n: Ints, turn: Turn) -> npt.NDArray[np.bool_]:
        """Say which units come after a turn, exactly."""
        stage, stated = self.stages(line, n), turn[0] * 2 + turn[1]
        low, high = self.estimate(line, n, stage)
        below, above = _around(turn[2])
        later: npt.NDArray[np.bool_] = (stage > stated) | ((stage == stated) & (low > above))
        near = ~later & (stage == stated) & (high >= below)
        for i in np.flatnonzero(near).tolist():
            later[i] = self.of(int(line[i]), int(n[i])) > turn
        return later

    def ranks(self, line: Ints, n: Ints) -> Ints:
        """Return the places of units in the order of their moments, exactly; units of one moment have one place."""
        claims = self.claims
        stage = self.stages(line, n)
        parts = [stage, n, claims.pack[line], claims.carry[line]]
        if self.rule == "max_min":
            parts.append(claims.weight[line])
        else:
            parts.append(claims.eligible[line])
        first, alike = _distinct(parts)
        line, n, stage = line[first], n[first], stage[first]
        low, high = self.estimate(line, n, stage)
        order = np.lexsort((low, stage))
        rank = np.empty(len(order), dtype=np.int64)
        rank[order] = np.arange(len(order))
        for start, end in _overlapping(stage[order], low[order], high[order]):
            some = order[start:end]
            moments = [self.before_draw(i, k) for i, k in zip(line[some].tolist(), n[some].tolist(), strict=True)]
            position = {moment: start + i for i, moment in enumerate(sorted(set(moments)))}
            rank[some] = [position[moment] for moment in moments]
        places: Ints = rank[alike]
        return places


def _signpost(rounding: str, n: int) -> tuple[int, int]:
    """Return a signpost as numerator and denominator."""
    if rounding == "dean":
        return 2 * n * (n - 1), 2 * n - 1
    return 2 * n - {"adams": 2, "webster": 1, "jefferson": 0}[rounding], 2


def _signposts(rounding: str, count: Floats) -> Floats:
    if rounding == "huntington_hill":
        return np.sqrt(count * np.maximum(count - 1, 0))
    if rounding == "dean":
        return 2 * count * (count - 1) / (2 * count - 1)
    return count - {"adams": 1, "webster": 0.5, "jefferson": 0}[rounding]


def _around(level: Level) -> tuple[float, float]:
    """Return two floats around a level."""
    if isinstance(level, Surd):
        root, taken = float(level.radicand) ** 0.5, float(level.taken)
        error = (root + abs(taken)) * 2.0**-48
        return root - taken - error, root - taken + error
    return float(np.nextafter(float(level), -np.inf)), float(np.nextafter(float(level), np.inf))


def in_order_of_draws(key: Codes, draws: Sequence[bytes]) -> Ints:
    """Return the order of units by `key`, then by draw."""
    words = np.frombuffer(b"".join(draws), dtype=">u8").reshape(-1, 4).astype(np.uint64)
    return np.lexsort((words[:, 3], words[:, 2], words[:, 1], words[:, 0], key))


def _distinct(columns: Sequence[Ints]) -> tuple[Ints, Ints]:
    """Return a row of each different kind, and the kind of each row."""
    code = np.zeros(len(columns[0]), dtype=np.int64)
    for column in columns:
        if len(column) and (column != column[0]).any():
            values, number = np.unique(column, return_inverse=True)
            _, code = np.unique(code * len(values) + number, return_inverse=True)
    _, first = np.unique(code, return_index=True)
    return first, code


def _overlapping(stage: Ints, low: Floats, high: Floats) -> Iterator[tuple[int, int]]:
    """Yield the stretches of sorted intervals that hang together, where there are several in one."""
    starts = np.flatnonzero(stage[1:] != stage[:-1]) + 1
    for start, end in pairwise([0, *starts.tolist(), len(stage)]):
        reach = np.maximum.accumulate(high[start:end])
        bounds = start + np.flatnonzero(np.r_[True, low[start + 1 : end] > reach[:-1], True])
        several = np.flatnonzero(np.diff(bounds) > 1)
        yield from zip(bounds[several].tolist(), bounds[several + 1].tolist(), strict=True)

"""The check of ``rounding = "none"``: exact fractions, printed with twelve decimals.

The certificate states one level for each constraint that stopped somebody. Every line must stand where the lowest of
its constraints' levels lets it stand, and each of those constraints must be full to the last fraction: then every
short line lies in a full constraint in which nobody stands higher, which is what max-min means.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Final

import numpy as np

from allocation.verification.entitlement import Claims, Use
from allocation.verification.findings import Findings
from allocation.verification.given import NONE, Codes, Given
from allocation.verification.rows import ADJUSTMENT, REASONS, Rows

Number = int | Fraction

_ONE: Final = 10**12


@dataclass(frozen=True)
class _Full:
    """Where a constraint was full."""

    tier: int
    phase: int
    level: Fraction


@dataclass(frozen=True)
class _Standing:
    """Where the levels leave each line: units, and for those that are short what stopped them."""

    units: list[Number]
    stopped: dict[int, Use]


def exact_rows(
    given: Given, claims: Claims, rule: str, certificate: Mapping[str, Any], findings: Findings
) -> Rows | None:
    """Return the rows that the levels give, and check the levels against the limits; None where there are no levels."""
    levels = _levels(certificate, findings)
    findings.expect("certificate.json", "thresholds", certificate.get("thresholds"), {})
    findings.expect("certificate.json", "minimums", certificate.get("minimums"), {})
    if claims.minimum.any():
        findings.add("certificate.json", 'lines with a minimum cannot be shared under rounding = "none"')
    if given.labels:
        findings.add("certificate.json", 'lines that exclude each other cannot be shared under rounding = "none"')
    if levels is None:
        return None
    standing = _stand(claims, rule, levels)
    _check_limits(claims, standing, levels, findings)
    reasons, names = _reasons(claims, standing), sorted({use.name for use in standing.stopped.values()})
    position = {name: i for i, name in enumerate([*names, ADJUSTMENT])}
    bound = np.full(len(given), NONE, dtype=np.int32)
    for line, use in standing.stopped.items():
        bound[line] = position[use.name]
    bound[claims.adjusted] = position[ADJUSTMENT]
    weights = claims.weight.tolist()
    return Rows(
        given,
        claims.eligible * claims.pack,
        [_printed(units.numerator, units.denominator) for units in standing.units],
        [
            _printed(units.numerator, units.denominator * weight)
            for units, weight in zip(standing.units, weights, strict=True)
        ],
        claims.weight,
        reasons,
        bound,
        [*names, ADJUSTMENT],
    )


def exact_units(claims: Claims, rule: str, certificate: Mapping[str, Any]) -> list[Number]:
    """Return how many units the levels of a certificate give each line, not cut after any decimal."""
    return _stand(claims, rule, _levels(certificate, Findings()) or {}).units


def cut(number: Fraction) -> str:
    """Print in plain digits, cut after twelve decimals."""
    return _printed(number.numerator, number.denominator)


def _printed(numerator: int, denominator: int) -> str:
    whole, rest = divmod(numerator, denominator)
    if not rest:
        return str(whole)
    decimals = f"{rest * _ONE // denominator:012d}".rstrip("0")
    return f"{whole}.{decimals}" if decimals else str(whole)


def _levels(certificate: Mapping[str, Any], findings: Findings) -> dict[str, _Full] | None:
    stated = certificate.get("levels")
    try:
        return {
            name: _Full(int(full["tier"]), int(full["phase"]), Fraction(full["level"]))
            for name, full in dict(stated or {}).items()
        }
    except (TypeError, KeyError, ValueError, ZeroDivisionError) as error:
        findings.add("certificate.json", "levels cannot be read: {error}", error=repr(error))
        return None


def _stand(claims: Claims, rule: str, levels: Mapping[str, _Full]) -> _Standing:
    """Return how many units the levels give each line, and the first of its constraints that allows no more.

    Only lines that use a constraint with a level are looked at one by one.
    """
    standing = _Standing((claims.top * claims.pack).tolist(), {})
    retailer, sku = claims.given.retailer, claims.given.sku
    lines_of = _LinesOf(claims, rule)
    for kind in claims.kinds:
        number = kind.of(retailer, sku)
        full = {
            at: levels[name] for at in np.unique(number[number != NONE]).tolist() if (name := kind.name(at)) in levels
        }
        has_level = np.zeros(len(kind.limits) + 1, dtype=np.bool_)  # the last place is that of NONE
        has_level[list(full)] = True
        size = kind.size[sku]
        for line in np.flatnonzero(has_level[number] & (size > 0) & ~claims.adjusted).tolist():
            at = int(number[line])
            units = lines_of.reach(line, full[at])
            if units < standing.units[line]:
                standing.units[line] = units
                limit = int(kind.limits[at])
                standing.stopped[line] = Use(kind.name(at), int(size[line]), kind.reason, kind.first + at, limit)
    return standing


class _LinesOf:
    """What lines reach when a constraint becomes full, from columns taken out of arrays once."""

    def __init__(self, claims: Claims, rule: str) -> None:
        self.rule = rule
        self.tier, self.weight = claims.tier.tolist(), claims.weight.tolist()
        self.claim = (claims.eligible * claims.pack).tolist()
        self.floor = (claims.floor * claims.pack).tolist()

    def reach(self, line: int, full: _Full) -> Number:
        """Return how many units a line has when a constraint becomes full."""
        claim, floor, tier = self.claim[line], self.floor[line], self.tier[line]
        if tier != full.tier:
            return int(claim if tier < full.tier else floor)
        award: Number
        low: Number = floor
        high: Number = claim
        match self.rule:
            case "max_min":
                award = full.level * self.weight[line]
            case "proportional":
                award = full.level * claim
            case "equal_losses":
                award = claim + full.level
            case _ if full.phase == 0:
                award, high = full.level, max(floor, Fraction(claim, 2))
            case _:
                award, low = claim + full.level, max(floor, Fraction(claim, 2))
        return min(max(award, low), high)


def _reasons(claims: Claims, standing: _Standing) -> Codes:
    """Return for each line the position of its reason."""
    code = {reason: i for i, reason in enumerate(REASONS)}
    reason = np.where(claims.capped, code["capped"], code["filled"]).astype(np.int8)
    reason[(claims.eligible == 0) & (claims.given.requested > 0)] = code["ineligible"]
    has_some = np.fromiter(map(bool, standing.units), dtype=np.bool_, count=len(standing.units))
    first_tier = np.full(len(claims.sku_names), np.iinfo(np.int64).max, dtype=np.int64)
    np.minimum.at(first_tier, claims.sku[has_some], claims.tier[has_some])
    went_earlier = first_tier[claims.sku] < claims.tier
    floor = (claims.floor * claims.pack).tolist()
    for line, use in standing.stopped.items():
        units = standing.units[line]
        why = "priority" if use.reason == "supply" and went_earlier[line] else use.reason
        reason[line] = code["floor" if units and units == floor[line] else why]
    reason[claims.adjusted] = code["adjusted"]
    return reason


def _check_limits(claims: Claims, standing: _Standing, levels: Mapping[str, _Full], findings: Findings) -> None:
    """Check that nothing is overdrawn, and that whatever has a level is full and stopped somebody."""
    whole = claims.top.copy()
    whole[list(standing.stopped)] = 0
    used: list[Number] = list(map(int, claims.amounts(whole)))
    stopped = np.array(sorted(standing.stopped), dtype=np.int64)
    pack = claims.pack[stopped].tolist()
    for kind in claims.kinds:
        number = kind.of(claims.given.retailer[stopped], claims.sku[stopped])
        size = kind.size[claims.sku[stopped]].tolist()
        for i, at in enumerate(number.tolist()):
            if at != NONE:
                used[kind.first + at] += standing.units[int(stopped[i])] * Fraction(size[i], pack[i])
    named = {use.number: use.name for use in standing.stopped.values()}
    limits = claims.limits.tolist()
    for constraint, (amount, limit) in enumerate(zip(used, limits, strict=True)):
        if amount > limit:
            name = claims.constraint_name(constraint)
            findings.add(name, "{used} granted of {limit}", used=cut(Fraction(amount)), limit=limit)
        elif amount < limit and constraint in named:
            left = cut(Fraction(limit - amount))
            findings.add(named[constraint], "it stopped lines, and {left} is left of it", left=left)
    for name in sorted(levels.keys() - set(named.values())):
        findings.add("certificate.json", "it has a level of {name}, which stopped nobody", name=name)

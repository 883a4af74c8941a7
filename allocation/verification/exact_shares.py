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
from allocation.verification.given import NONE, Given
from allocation.verification.rows import ADJUSTMENT, REASONS, Rows

_ONE: Final = 10**12


@dataclass(frozen=True)
class _Full:
    """Where a constraint was full."""

    tier: int
    phase: int
    level: Fraction


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
    standing = [_stands(claims, rule, line, levels) for line in range(len(given))]
    _check_limits(claims, standing, levels, findings)
    first_tier: dict[int, int] = {}
    for line, (units, _) in enumerate(standing):
        if units:
            sku, tier = int(claims.sku[line]), int(claims.tier[line])
            first_tier[sku] = min(first_tier.get(sku, tier), tier)
    reasons = [
        _reason(given, claims, line, *stood, went_earlier=_earlier(claims, line, first_tier))
        for line, stood in enumerate(standing)
    ]
    bound = [ADJUSTMENT if claims.adjusted[line] else use.name if use else "" for line, (_, use) in enumerate(standing)]
    names = sorted(set(bound) - {""})
    position = {name: i for i, name in enumerate(names)} | {"": NONE}
    weights = claims.weight.tolist()
    return Rows(
        given,
        claims.eligible * claims.pack,
        [cut(units) for units, _ in standing],
        [cut(units / weight) for (units, _), weight in zip(standing, weights, strict=True)],
        claims.weight,
        np.array([REASONS.index(reason) for reason in reasons], dtype=np.int8),
        np.array([position[name] for name in bound], dtype=np.int32),
        names,
    )


def _earlier(claims: Claims, line: int, first_tier: Mapping[int, int]) -> bool:
    tier = int(claims.tier[line])
    return first_tier.get(int(claims.sku[line]), tier) < tier


def exact_units(claims: Claims, rule: str, certificate: Mapping[str, Any]) -> list[Fraction]:
    """Return how many units the levels of a certificate give each line, not cut after any decimal."""
    levels = _levels(certificate, Findings()) or {}
    return [_stands(claims, rule, line, levels)[0] for line in range(len(claims.sku))]


def cut(number: Fraction) -> str:
    """Print in plain digits, cut after twelve decimals."""
    scaled = number.numerator * _ONE // number.denominator
    decimals = f"{scaled % _ONE:012d}".rstrip("0")
    return f"{scaled // _ONE}.{decimals}" if decimals else str(scaled // _ONE)


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


def _stands(claims: Claims, rule: str, line: int, levels: Mapping[str, _Full]) -> tuple[Fraction, Use | None]:
    """Return how many units the levels give a line, and the first of its constraints that allows no more."""
    best: Fraction = Fraction(int(claims.top[line] * claims.pack[line]))
    stopped_by: Use | None = None
    if claims.adjusted[line]:
        return best, None
    for use in claims.uses(line):
        if use.size and use.name in levels:
            units = _reaches(claims, rule, line, levels[use.name])
            if units < best:
                best, stopped_by = units, use
    return best, stopped_by


def _reaches(claims: Claims, rule: str, line: int, full: _Full) -> Fraction:
    """Return how many units a line has when a constraint becomes full."""
    pack, tier = int(claims.pack[line]), int(claims.tier[line])
    claim, floor = Fraction(int(claims.eligible[line]) * pack), Fraction(int(claims.floor[line]) * pack)
    if tier != full.tier:
        return claim if tier < full.tier else floor
    match rule:
        case "max_min":
            award, low, high = full.level * int(claims.weight[line]), floor, claim
        case "proportional":
            award, low, high = full.level * claim, floor, claim
        case "equal_losses":
            award, low, high = claim + full.level, floor, claim
        case _ if full.phase == 0:
            award, low, high = full.level, floor, max(floor, claim / 2)
        case _:
            award, low, high = claim + full.level, max(floor, claim / 2), claim
    return min(max(award, low), high)


def _reason(
    given: Given, claims: Claims, line: int, units: Fraction, stopped_by: Use | None, *, went_earlier: bool
) -> str:
    if claims.adjusted[line]:
        return "adjusted"
    if stopped_by is None:
        if not claims.eligible[line] and given.requested[line] > 0:
            return "ineligible"
        return "capped" if claims.capped[line] else "filled"
    if units and units == int(claims.floor[line] * claims.pack[line]):
        return "floor"
    return "priority" if stopped_by.reason == "supply" and went_earlier else stopped_by.reason


def _check_limits(
    claims: Claims,
    standing: list[tuple[Fraction, Use | None]],
    levels: Mapping[str, _Full],
    findings: Findings,
) -> None:
    """Check that nothing is overdrawn, and that whatever has a level is full and stopped somebody."""
    used: dict[str, Fraction] = {}
    limits: dict[str, int] = {}
    named = {stopped_by.name for _, stopped_by in standing if stopped_by}
    for line, (units, _) in enumerate(standing):
        pack = int(claims.pack[line])
        for use in claims.uses(line):
            used[use.name] = used.get(use.name, Fraction(0)) + units * use.size / pack
            limits[use.name] = use.limit
    for name, amount in used.items():
        if amount > limits[name]:
            findings.add(name, "{used} granted of {limit}", used=cut(amount), limit=limits[name])
        elif name in named and amount < limits[name]:
            findings.add(name, "it stopped lines, and {left} is left of it", left=cut(limits[name] - amount))
    for name in sorted(levels.keys() - named):
        findings.add("certificate.json", "it has a level of {name}, which stopped nobody", name=name)

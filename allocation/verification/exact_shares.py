"""The check of ``rounding = "none"``: exact fractions, printed with twelve decimals.

The certificate states one level for each constraint that stopped somebody. Every line must stand where the lowest of
its constraints' levels lets it stand, and each of those constraints must be full to the last fraction: then every
short line lies in a full constraint in which nobody stands higher, which is what max-min means.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Final

from allocation.verification.entitlement import Claims, Use
from allocation.verification.findings import Findings
from allocation.verification.given import Given
from allocation.verification.published import Published

_ONE: Final = 10**12


@dataclass(frozen=True)
class _Full:
    """Where a constraint was full."""

    tier: int
    phase: int
    level: Fraction


def check_exact_shares(given: Given, claims: Claims, rule: str, published: Published, findings: Findings) -> None:
    """Check grants, shares, constraints and reasons against the levels, and the levels against the limits."""
    levels = _levels(published.certificate, findings)
    for key in ("thresholds", "minimums"):
        findings.expect("certificate.json", key, published.certificate.get(key), {})
    if claims.minimum.any():
        findings.add("certificate.json", 'lines with a minimum cannot be shared under rounding = "none"')
    if levels is None:
        return
    standing = [_stands(claims, rule, line, levels) for line in range(len(given.sku))]
    first_tier: dict[int, int] = {}
    for line, (units, _) in enumerate(standing):
        if units:
            sku, tier = int(claims.sku[line]), int(claims.tier[line])
            first_tier[sku] = min(first_tier.get(sku, tier), tier)
    for line, (units, stopped_by) in enumerate(standing):
        went_earlier = first_tier.get(int(claims.sku[line]), claims.tier[line]) < claims.tier[line]
        right = {
            "granted": cut(units),
            "share": cut(units / int(claims.weight[line])),
            "bound_by": stopped_by.name if stopped_by else "",
            "reason": _reason(given, claims, line, units, stopped_by, went_earlier=bool(went_earlier)),
        }
        for column, text in right.items():
            if (found := published.columns[column][line]) != text:
                findings.add(f"{given.retailer[line]}, {given.sku[line]}", f"{column} is {found!r}, not {text!r}")
    _check_limits(claims, standing, levels, findings)


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
        findings.add("certificate.json", f"levels cannot be read: {error!r}")
        return None


def _stands(claims: Claims, rule: str, line: int, levels: Mapping[str, _Full]) -> tuple[Fraction, Use | None]:
    """Return how many units the levels give a line, and the first of its constraints that allows no more."""
    claim = Fraction(int(claims.eligible[line] * claims.pack[line]))
    best, stopped_by = claim, None
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
    named = {stopped_by.name for _, stopped_by in standing if stopped_by}
    for line, (units, _) in enumerate(standing):
        pack = int(claims.pack[line])
        for use in claims.uses(line):
            used[use.name] = used.get(use.name, Fraction(0)) + units * use.size / pack
    for name, amount in used.items():
        if amount > claims.limit(name):
            findings.add(name, f"{cut(amount)} granted of {claims.limit(name)}")
        elif name in named and amount < claims.limit(name):
            findings.add(name, f"it stopped lines, and {cut(claims.limit(name) - amount)} is left")
    for name in sorted(levels.keys() - named):
        findings.add("certificate.json", f"a level of {name}, which stopped nobody")

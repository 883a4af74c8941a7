"""The checks, one after the other; each says which lines do not hold."""

import hashlib
import re
from collections.abc import Mapping
from fractions import Fraction
from functools import cache
from pathlib import Path
from typing import Any, Final

import numpy as np

from allocation.problem import Problem
from allocation.result import Result
from allocation.verification.choice import Choice, check_choice
from allocation.verification.entitlement import Claims, Use, claims_of
from allocation.verification.exact_shares import check_exact_shares
from allocation.verification.findings import Findings, Unreadable, Verdict
from allocation.verification.given import Given, Ints, given_by, read_given, read_policy
from allocation.verification.published import Published, published_by, read_published
from allocation.verification.stops import Filled, Stops, check_stops
from allocation.verification.turns import Surd, Turn, Turns, read_level

_RULES: Final = {"max_min", "proportional", "equal_losses", "talmud"}
_ROUNDINGS: Final = {"none", "adams", "dean", "huntington_hill", "webster", "jefferson"}
_SEED: Final = re.compile(r"[0-9a-f]{64}")
_WHOLE: Final = re.compile(r"0|[1-9][0-9]{0,18}")
_POLICY_DEFAULTS: Final = {"fairness": "line", "rule": "max_min", "rounding": "webster"}


def verify(problem: Problem, result: Result) -> Verdict:
    """Check a result against its problem.

    Takes near-linear time: one sort a constraint at most.
    """
    findings = Findings()
    return _check(given_by(problem), published_by(result), findings)


def verify_folders(problem: Path, result: Path) -> Verdict:
    """Check a result folder against a problem folder, reading both anew; the policy beside the problem must agree.

    Raises
    ------
    Unreadable
        Where a file is missing or not what its name says.
    """
    findings = Findings()
    given, published = read_given(problem), read_published(result, findings)
    policy = _POLICY_DEFAULTS | read_policy(problem)
    stated = {**_mapping(published.certificate, "policy")}
    if (seed := published.certificate.get("seed")) is not None:
        stated["seed"] = seed
    for key in sorted(policy.keys() | stated.keys()):
        right = policy.get(key)
        right = right.lower() if key == "seed" and isinstance(right, str) else right
        findings.expect("certificate.json", f"{key} of the policy", stated.get(key), right)
    return _check(given, published, findings)


def _check(given: Given, published: Published, findings: Findings) -> Verdict:
    certificate = published.certificate
    lines = len(given.sku)
    _check_hashes(given, published, findings)
    _check_seed(certificate, findings)
    if not _check_lines(given, published, findings):
        return findings.verdict(lines)
    policy = _mapping(certificate, "policy")
    rule, rounding = policy.get("rule"), policy.get("rounding")
    inside = policy.get("inside", "max_min") if rule == "priority" else rule
    if policy.get("fairness") != "line" or inside not in _RULES or rounding not in _ROUNDINGS:
        findings.add("certificate.json", f"a policy that this checker does not know: {dict(policy)}")
        return findings.verdict(lines)
    try:
        claims = claims_of(given, tiered=rule == "priority")
    except (KeyError, ValueError) as error:
        raise Unreadable(f"retailers: rule = priority needs a number in group:tier for everybody ({error})") from error
    places = [f"{r}, {s}" for r, s in zip(given.retailer, given.sku, strict=True)]
    eligible = claims.eligible * claims.pack
    _compare(places, "requested", published, list(map(str, given.requested.tolist())), findings)
    _compare(places, "eligible", published, list(map(str, eligible.tolist())), findings)
    if rounding == "none":
        check_exact_shares(given, claims, str(inside), published, findings)
        return findings.verdict(lines)
    seed = certificate.get("seed")
    if not isinstance(seed, str) or not _SEED.fullmatch(seed):
        findings.add("certificate.json", "the seed is not 64 hexadecimal digits in small letters")
        return findings.verdict(lines)
    held = _check_quantities(claims, published, places, findings)
    if held is not None:
        turns = Turns(given, claims, rule=str(inside), rounding=str(rounding), seed=bytes.fromhex(seed))
        _check_filling(turns, claims, held, published, places, findings)
    return findings.verdict(lines)


def _check_hashes(given: Given, published: Published, findings: Findings) -> None:
    certificate = published.certificate
    findings.expect("certificate.json", "format", certificate.get("format"), "evenhand-certificate-1")
    findings.expect("certificate.json", "input_sha256", certificate.get("input_sha256"), given.sha256())
    findings.expect("certificate.json", "result_sha256", certificate.get("result_sha256"), published.sha256)
    findings.expect("certificate.json", "lines", certificate.get("lines"), len(given.sku))


def _check_seed(certificate: Mapping[str, Any], findings: Findings) -> None:
    """Check that the seed follows from the secret, and the commitment too, where they are published."""
    proof = certificate.get("seed_proof")
    if proof is None:
        return
    try:
        secret, root, commitment = (bytes.fromhex(proof[part]) for part in ("secret", "root", "commitment"))
    except (TypeError, KeyError, ValueError):
        findings.add("certificate.json", "seed_proof needs secret, root and commitment in hexadecimal digits")
        return
    findings.expect("certificate.json", "the commitment", commitment, hashlib.sha256(secret).digest())
    right = hashlib.sha256(secret + root).hexdigest()
    findings.expect("certificate.json", "the seed", certificate.get("seed"), right)


def _check_lines(given: Given, published: Published, findings: Findings) -> bool:
    """Check that the rows are the requests, each once and in order."""
    rows = list(zip(published.columns["retailer"], published.columns["sku"], strict=True))
    asked = list(zip(given.retailer, given.sku, strict=True))
    if rows == asked:
        return True
    wanted, seen = set(asked), set()
    for row in rows:
        if row in seen:
            findings.add(", ".join(row), "stands in the result twice")
        elif row not in wanted:
            findings.add(", ".join(row), "is in the result, but was never requested")
        seen.add(row)
    for row in asked:
        if row not in seen:
            findings.add(", ".join(row), "was requested, but is not in the result")
    if seen == wanted and len(rows) == len(asked):
        first = next(i for i, row in enumerate(rows) if row != asked[i])
        findings.add(", ".join(rows[first]), "not in order: rows are sorted by retailer, then SKU")
    return False


def _check_quantities(claims: Claims, published: Published, places: list[str], findings: Findings) -> Ints | None:
    """Check each grant by itself and every sum; return packs, or None where they cannot be counted."""
    texts = published.columns["granted"]
    wrong = {text for text in set(texts) if not _WHOLE.fullmatch(text)}
    for place, text in zip(places, texts, strict=True) if wrong else ():
        if text in wrong:
            findings.add(place, f"granted is {text!r}, not a whole number")
    if wrong:
        return None
    units = np.array(list(map(int, texts)), dtype=np.uint64)
    pack = claims.pack.astype(np.uint64)
    faults = (
        (units % pack != 0, "granted part of a pack"),
        (units > (claims.eligible * claims.pack).astype(np.uint64), "granted more than is eligible"),
        (units < (claims.floor * claims.pack).astype(np.uint64), "granted less than its floor"),
        (
            (units > 0) & (units < (claims.minimum * claims.pack).astype(np.uint64)),
            "granted something, but less than its minimum",
        ),
    )
    for mask, what in faults:
        for line in np.flatnonzero(mask).tolist():
            findings.add(places[line], what)
    if any(mask.any() for mask, _ in faults):
        return None
    held = (units // pack).astype(np.int64)
    _check_sums(claims, held, "", findings)
    return held


def _check_sums(claims: Claims, held: Ints, place: str, findings: Findings) -> None:
    used: dict[str, int] = {}
    some = np.flatnonzero(held).tolist()
    sku, pack, packs = claims.sku.tolist(), claims.pack.tolist(), held.tolist()
    by_sku = [0] * len(claims.sku_names)
    for line in some:
        by_sku[sku[line]] += pack[line] * packs[line]
        for use in claims.further.get(line, ()):
            used[use.name] = used.get(use.name, 0) + use.size * packs[line]
    used.update({f"supply:{name}": by_sku[i] for i, name in enumerate(claims.sku_names)})
    for name, amount in used.items():
        if amount > claims.limit(name):
            findings.add(f"{place}{name}", f"{amount} granted of {claims.limit(name)}")


def _check_filling(
    turns: Turns, claims: Claims, held: Ints, published: Published, places: list[str], findings: Findings
) -> None:
    """Check stops, thresholds, shares and reasons; first the choice among lines with a minimum, where there are any."""
    certificate, found = published.certificate, findings.found
    left_out: dict[int, tuple[Use, bool]] = {}
    base, top, before = claims.floor, claims.eligible, None
    if claims.minimum.any():
        before = _stated_before(claims, held, certificate, places, findings)
        if before is not None:
            left_out = _check_choice(turns, claims, held, before, places, findings)
        served = (claims.minimum > 0) & (held > 0)
        base = np.where(served, np.maximum(claims.floor, claims.minimum), claims.floor)
        top = claims.eligible.copy()
        top[list(left_out)] = 0
    else:
        findings.expect("certificate.json", "minimums", certificate.get("minimums"), {})
    thresholds = _stated_thresholds(claims, certificate, rounding=turns.rounding)
    stops = check_stops(turns, claims, Filled(held, base, top), findings, thresholds=thresholds)
    if before is not None and findings.found == found:  # what is wrong in both would be named twice
        _check_first_filling(turns, claims, before, findings)
    _check_thresholds(claims, held, top, stops, certificate, findings)
    cut = cache(_cut)  # few pairs are different
    shares = list(map(cut, (held * claims.pack).tolist(), claims.weight.tolist()))
    _compare(places, "share", published, shares, findings)
    bound, reasons = _bound_and_reasons(turns, claims, held, stops, left_out)
    _compare(places, "bound_by", published, bound, findings)
    _compare(places, "reason", published, reasons, findings)


def _check_choice(
    turns: Turns, claims: Claims, held: Ints, before: Ints, places: list[str], findings: Findings
) -> dict[int, tuple[Use, bool]]:
    """Check the choice made after the first filling.

    Returns
    -------
    dict
        For each line left out, the constraint that had no room for its minimum, and whether the draw alone decided.
    """
    choice = Choice(turns, claims, before)
    served = {line for line in choice.lines if held[line] > 0}
    check_choice(choice, served, findings)
    for line in np.flatnonzero((claims.minimum > 0) & (held == 0) & (before >= claims.minimum)).tolist():
        findings.add(places[line], "reached its minimum, and was left out all the same")
    return choice.why_left_out(served)


def _check_first_filling(turns: Turns, claims: Claims, before: Ints, findings: Findings) -> None:
    """Check the filling that knew no minimums, where it may differ from the result."""
    place = "before the minimums, "
    _check_sums(claims, before, place, findings)
    concerned = np.zeros(len(claims.sku_names), dtype=np.bool_)
    concerned[claims.sku[claims.minimum > 0]] = True
    concerned[claims.sku[list(claims.further)]] = True
    top = np.where(concerned[claims.sku], claims.eligible, before)
    check_stops(turns, claims, Filled(before, claims.floor, top), findings, place=place)


def _stated_before(
    claims: Claims, held: Ints, certificate: Mapping[str, Any], places: list[str], findings: Findings
) -> Ints | None:
    """Return the first filling: the result, but for the lines that the certificate names; None where that cannot be."""
    before, position = held.copy(), {place: line for line, place in enumerate(places)}
    for entry in _mapping(certificate, "minimums").get("before", []):
        try:
            retailer, sku, units = entry
            line = position[f"{retailer}, {sku}"]
            packs, rest = divmod(int(units), int(claims.pack[line]))
        except (TypeError, ValueError, KeyError) as error:
            findings.add("certificate.json", f"minimums.before holds {entry!r}: {error!r}")
            return None
        if rest or not claims.floor[line] <= packs <= claims.eligible[line]:
            findings.add(places[line], f"{units} before the minimums cannot be")
            return None
        before[line] = packs
    return before


def _stated_thresholds(claims: Claims, certificate: Mapping[str, Any], *, rounding: str) -> dict[int, Turn]:
    """Read the thresholds that can be read; whether they are right is checked later."""
    position = {name: sku for sku, name in enumerate(claims.sku_names)}
    kind = Surd if rounding == "huntington_hill" else Fraction
    thresholds: dict[int, Turn] = {}
    for name, stated in _mapping(certificate, "thresholds").items():
        try:
            level = read_level(stated["level"])
            turn = (int(stated["tier"]), int(stated["phase"]), level, bytes.fromhex(stated["tie"]))
        except (TypeError, KeyError, ValueError, ZeroDivisionError):
            continue
        if name in position and isinstance(level, kind):
            thresholds[position[name]] = turn
    return thresholds


def _check_thresholds(
    claims: Claims, held: Ints, top: Ints, stops: Stops, certificate: Mapping[str, Any], findings: Findings
) -> None:
    """Compare the certificate's thresholds with the last unit of each SKU whose own supply stopped a line."""
    by_supply = held < top
    by_supply[[line for line, use in stops.use.items() if use.reason != "supply"]] = False
    ended = set(np.unique(claims.sku[by_supply]).tolist())
    right = {}
    for sku in ended & stops.last.keys():
        tier, phase, level, draw = stops.last[sku]
        right[claims.sku_names[sku]] = {"tier": tier, "phase": phase, "level": str(level), "tie": draw.hex()}
    stated = _mapping(certificate, "thresholds")
    for name in sorted(stated.keys() | right.keys()):
        findings.expect("certificate.json", f"the threshold of {name}", stated.get(name), right.get(name))
    findings.expect("certificate.json", "levels", certificate.get("levels"), {})


def _bound_and_reasons(
    turns: Turns, claims: Claims, held: Ints, stops: Stops, left_out: dict[int, tuple[Use, bool]]
) -> tuple[list[str], list[str]]:
    """Return for each line the constraint and the reason that it must have."""
    names = np.array([use.name for use in claims.supplies], dtype=object)
    kind, bound = np.full(len(held), "supply", dtype=object), names[claims.sku]
    by_draw = stops.by_draw.copy()
    for line, use in stops.use.items():
        bound[line], kind[line] = use.name, use.reason
    for line, (use, is_drawn) in left_out.items():
        bound[line], kind[line], by_draw[line] = use.name, use.reason, is_drawn
    first_tier = np.full(len(names), np.iinfo(np.int64).max, dtype=np.int64)
    some = held > 0
    np.minimum.at(first_tier, claims.sku[some], claims.tier[some])
    went_earlier = first_tier[claims.sku] < claims.tier
    enough = held == claims.eligible
    bound[enough] = ""
    reason = np.select(
        [
            enough & (held == 0) & (turns.given.requested > 0),
            enough & claims.capped,
            enough,
            (claims.floor > 0) & (held == claims.floor),
            by_draw,
            went_earlier & (kind == "supply"),
        ],
        ["ineligible", "capped", "filled", "floor", "lottery", "priority"],
        kind,
    )
    return bound.tolist(), reason.tolist()


def _compare(places: list[str], column: str, published: Published, right: list[str], findings: Findings) -> None:
    stated = published.columns[column]
    if stated != right:
        for place, found, wanted in zip(places, stated, right, strict=True):
            if found != wanted:
                findings.add(place, f"{column} is {found!r}, not {wanted!r}")


def _cut(units: int, weight: int) -> str:
    whole, rest = divmod(units, weight)
    decimals = str(10**12 + rest * 10**12 // weight)[1:].rstrip("0")
    return f"{whole}.{decimals}" if decimals else str(whole)


def _mapping(certificate: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    value = certificate.get(key)
    return value if isinstance(value, Mapping) else {}

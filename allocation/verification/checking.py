"""The checks, one after the other; each says which lines do not hold."""

import hashlib
import re
import tomllib
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from fractions import Fraction
from pathlib import Path
from typing import Any, Final

import numpy as np

from allocation.problem import Problem
from allocation.result import Result
from allocation.verification.baskets import has_baskets, rows_with_baskets, taken_apart
from allocation.verification.bundles import REASON, bundles_of, has_bundles
from allocation.verification.canonical import input_sha256, weights_sha256
from allocation.verification.choice import Choice, check_choice
from allocation.verification.decisions import check_decisions
from allocation.verification.entitlement import Claims, Mask, Use, claims_of
from allocation.verification.exact_shares import exact_rows
from allocation.verification.findings import Findings, Unreadable, Verdict
from allocation.verification.given import NONE, Given, Ints, given_by, is_all, units_of
from allocation.verification.held import HeldResult
from allocation.verification.naming import name_wrong_cells, name_wrong_rows, refuse_part_numbers
from allocation.verification.published import Published, check_result_hash, read_published
from allocation.verification.reading import read_given, read_policy
from allocation.verification.refusals import first_refusals
from allocation.verification.rows import ADJUSTMENT, REASONS, Rows
from allocation.verification.stops import Filled, Stops, check_stops
from allocation.verification.turns import Surd, Turn, Turns, read_level

_FAIRNESSES: Final = {"line", "basket"}
_RULES: Final = {"max_min", "proportional", "equal_losses", "talmud"}
_ROUNDINGS: Final = {"none", "adams", "dean", "huntington_hill", "webster", "jefferson"}
_SEED: Final = re.compile(r"[0-9a-f]{64}")
_TIER_END: Final = 10**9
_POLICY_DEFAULTS: Final = {"fairness": "line", "rule": "max_min", "rounding": "webster"}

ANNOUNCED_POLICY: Final = "policy-as-announced.toml"
"""Beside the problem folder: the policy's text whose hash was published before the window opened."""

LeftOut = dict[int, tuple[Use, bool]]
"""For each line left out, the constraint that had no room for it, and whether the draw alone decided."""


def verify(problem: Problem, result: Result) -> Verdict:
    """Check a result against its problem.

    Takes near-linear time: one sort a constraint at most.
    """
    return _check(given_by(problem), HeldResult(result), Findings())


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
    _check_policy(stated, policy, findings)
    _check_announced(problem.parent / ANNOUNCED_POLICY, published.certificate, findings)
    return _check(given, published, findings)


def _check_announced(path: Path, certificate: Mapping[str, Any], findings: Findings) -> None:
    """Check that the policy is the one whose hash was published with the commitment, where the certificate names it."""
    proof = certificate.get("seed_proof")
    due = proof.get("policy_sha256") if isinstance(proof, Mapping) else None
    if due is None:
        return
    try:
        text = path.read_bytes()
        said = tomllib.loads(text.decode("utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise Unreadable(f"{path.name}: {error}") from error
    findings.expect(path.name, "the policy's published hash", hashlib.sha256(text).hexdigest(), due)
    stated = _mapping(certificate, "policy")
    for key, default in _POLICY_DEFAULTS.items():
        findings.expect(path.name, "the announced {name}", said.get(key, default), stated.get(key, default), name=key)


def _check_policy(stated: Mapping[str, Any], policy: Mapping[str, Any], findings: Findings) -> None:
    """Check that the policy of the certificate, its seed included, is the one beside the problem."""
    for key in sorted(policy.keys() | stated.keys()):
        found, right = stated.get(key), policy.get(key)
        right = right.lower() if key == "seed" and isinstance(right, str) else right
        if found == right:
            continue
        text = "the result was made with {key} = {found}, and policy.toml beside the problem says {right}"
        if right is None:
            text = "the result was made with {key} = {found}, and policy.toml beside the problem does not say so"
        findings.add("certificate.json", text, key=key, found=found, right=right)


def _check(given: Given, published: Published, findings: Findings) -> Verdict:
    certificate = published.certificate
    _check_seed(certificate, findings)
    _check_weights(given, certificate, findings)
    findings.expect("certificate.json", "format", certificate.get("format"), "evenhand-certificate-1")
    findings.expect("certificate.json", "lines", certificate.get("lines"), len(given))
    with ThreadPoolExecutor(1) as beside:  # hashing lets go of Python's lock
        hashed = beside.submit(copy_context().run, input_sha256, given)
        rows, of_lines, holds = _checked_rows(given, published)
        if (stated := certificate.get("input_sha256")) != (right := hashed.result()):
            findings.add(
                "certificate.json",
                "the result is of another problem: input_sha256 is {stated}, and that of the problem is {right}",
                stated=stated,
                right=right,
            )
    if holds:
        return findings.verdict(len(given))
    found = findings.found
    check_result_hash(certificate, published.sha256(), findings)
    if name_wrong_rows(given, published, findings):
        findings.include(of_lines)
        if rows is not None:
            name_wrong_cells(rows, published, findings)
    if findings.found == found:
        findings.add("allocation.csv", "the cells are right, but not written as they are to be")
    return findings.verdict(len(given))


def _checked_rows(given: Given, published: Published) -> tuple[Rows | None, Findings, bool]:
    """Return the rows that follow, what was found in them, and whether they are the published ones.

    What is found line by line only means something where the rows are the lines.
    """
    of_lines = Findings()
    rows = _rows_that_follow(given, published, of_lines)
    return rows, of_lines, rows is not None and not of_lines.found and published.says(rows)


def _rows_that_follow(given: Given, published: Published, findings: Findings) -> Rows | None:
    """Go through all checks of the filling; return the rows that must be published, None where they cannot be told."""
    certificate = published.certificate
    policy = _mapping(certificate, "policy")
    rule, rounding = policy.get("rule"), policy.get("rounding")
    inside = policy.get("inside", "max_min") if rule == "priority" else rule
    if policy.get("fairness") not in _FAIRNESSES or inside not in _RULES or rounding not in _ROUNDINGS:
        findings.add("certificate.json", "a policy that this checker does not know: {policy}", policy=dict(policy))
        return None
    units = None
    if rounding != "none":
        seed = certificate.get("seed")
        if not isinstance(seed, str) or not _SEED.fullmatch(seed):
            findings.add("certificate.json", "the seed is not 64 hexadecimal digits in small letters")
            return None
        units = published.granted()
        if units is None or len(units) != len(given):
            refuse_part_numbers(published, findings)
            return None
    try:
        claims = claims_of(given, tiered=rule == "priority")
    except (KeyError, ValueError) as error:
        raise Unreadable(f"retailers: rule = priority needs a number in group:tier for everybody ({error})") from error
    check_decisions(given, claims, certificate, findings)
    if not has_baskets(given, policy):
        return _rows_of_lines(claims, str(inside), str(rounding), units, certificate, findings)
    apart = taken_apart(given, claims, policy)
    if (given.exclusive[apart.inside] != NONE).any():
        findings.add("certificate.json", "lines that exclude each other cannot lie in baskets")
    beside = claims_of(apart.beside, tiered=rule == "priority")
    granted = None if units is None else units[~apart.inside]
    rows = _rows_of_lines(beside, str(inside), str(rounding), granted, certificate, findings)
    return None if rows is None else rows_with_baskets(apart, rows, units, published, findings)


def _rows_of_lines(
    claims: Claims, rule: str, rounding: str, units: Ints | None, certificate: Mapping[str, Any], findings: Findings
) -> Rows | None:
    """Check what is shared line by line; `units` are granted to each, None where nothing is rounded."""
    if units is None:
        return exact_rows(claims.given, claims, rule, certificate, findings)
    held = _check_quantities(claims, units, findings)
    if held is None:
        return None
    turns = Turns(claims.given, claims, rule=rule, rounding=rounding, seed=bytes.fromhex(certificate["seed"]))
    return _check_filling(turns, claims, held, certificate, findings)


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


def _check_weights(given: Given, certificate: Mapping[str, Any], findings: Findings) -> None:
    """Check that the weights are those published with the frozen book, where the certificate names their hash."""
    proof = certificate.get("seed_proof")
    stated = proof.get("weights_sha256") if isinstance(proof, Mapping) else None
    if stated is not None:
        findings.expect("certificate.json", "the weights' published hash", stated, weights_sha256(given))


def _check_quantities(claims: Claims, units: Ints, findings: Findings) -> Ints | None:
    """Check each grant by itself and every sum; return packs, or None where they cannot be counted."""
    held = units if is_all(1, claims.pack) else units // claims.pack
    faults = (
        (units_of(held, claims.pack) != units, "granted part of a pack"),
        (claims.adjusted & (held != claims.fixed), "granted something else than was decided by hand"),
        ((held > claims.top) & ~claims.adjusted, "granted more than is eligible"),
        (held < claims.floor, "granted less than its floor"),
        ((held > 0) & (held < claims.minimum), "granted something, but less than its minimum"),
    )
    for mask, what in faults:
        for line in np.flatnonzero(mask).tolist():
            findings.add(claims.given.place(line), what)
    if any(mask.any() for mask, _ in faults):
        return None
    return held


def _fill(claims: Claims, held: Ints, base: Ints, top: Ints, findings: Findings) -> Filled:
    """Check every sum of a filling."""
    used = claims.amounts(held)
    for constraint in np.flatnonzero(used > claims.limits).tolist():
        name = claims.constraint_name(constraint)
        findings.add(
            name, "{used} granted of {limit}", used=int(used[constraint]), limit=int(claims.limits[constraint])
        )
    left = np.maximum(claims.limits - used, -1).astype(np.int64)
    return Filled(held, base, top, left)


def _check_filling(
    turns: Turns, claims: Claims, held: Ints, certificate: Mapping[str, Any], findings: Findings
) -> Rows:
    """Check sums, stops and thresholds; first the choice among lines with a minimum and of bundles, where any are."""
    left_out: LeftOut = {}
    base, top, before = claims.base, claims.top, None
    choosing = claims.minimum.any() or has_bundles(claims)
    if choosing:
        before = _stated_before(claims, held, certificate, findings)
        served = (claims.minimum > 0) & (held > 0)
        base = np.where(served, np.maximum(claims.base, claims.minimum), claims.base)
        top = claims.top.copy()
    filled = _fill(claims, held, base, top, findings)
    found = findings.found
    if before is not None:
        left_out = _check_choice(turns, claims, held, before, findings)
        top[list(left_out)] = 0
    elif not choosing:
        findings.expect("certificate.json", "minimums", certificate.get("minimums"), {})
    thresholds = _stated_thresholds(claims, certificate, rounding=turns.rounding)
    stops = check_stops(turns, claims, filled, findings, thresholds=thresholds)
    if before is not None and findings.found == found:  # what is wrong in both would be named twice
        _check_first_filling(turns, claims, before, findings)
    _check_thresholds(claims, stops, certificate, findings)
    if findings.found == found:  # refusals follow from the stops
        refusals, stated = first_refusals(turns, claims, held, stops), _mapping(certificate, "levels")
        findings.expect_all("certificate.json", "the first refusal of {name}", stated, refusals)
    return _rows(claims, held, stops, left_out)


def _check_choice(turns: Turns, claims: Claims, held: Ints, before: Ints, findings: Findings) -> LeftOut:
    """Check the choice made after the first filling, and say why the others were left out."""
    choice = Choice(turns, claims, before)
    served = {line for line in choice.lines if held[line] > 0}
    check_choice(choice, served, findings)
    left_out = choice.why_left_out(served)
    for line in np.flatnonzero((claims.minimum > 0) & (held == 0) & (before >= claims.minimum)).tolist():
        if line not in left_out:
            findings.add(claims.given.place(line), "reached its minimum, and was left out all the same")
    for line in left_out:
        if held[line] > 0:
            findings.add(claims.given.place(line), "granted something, although another line of its bundle stays")
    return left_out


def _check_first_filling(turns: Turns, claims: Claims, before: Ints, findings: Findings) -> None:
    """Check the filling that knew no minimums and no bundles, where it may differ from the result."""
    concerned = claims.coupled.copy()
    concerned[claims.sku[claims.minimum > 0]] = True
    for lines in bundles_of(claims):
        concerned[claims.sku[lines]] = True
    top = np.where(concerned[claims.sku], claims.top, before)
    found = Findings()
    check_stops(turns, claims, _fill(claims, before, claims.base, top, found), found)
    findings.include(found, before_choice=True)


def _stated_before(claims: Claims, held: Ints, certificate: Mapping[str, Any], findings: Findings) -> Ints | None:
    """Return the first filling: the result, but for the lines that the certificate names; None where that cannot be."""
    stated = _mapping(certificate, "minimums").get("before", [])
    before = held.copy()
    named = {(entry[0], entry[1]): None for entry in stated if isinstance(entry, list) and len(entry) == 3}  # noqa: PLR2004  # retailer, SKU, units
    position = {claims.given.names(line): line for line in range(len(held))} if named else {}
    for entry in stated:
        try:
            retailer, sku, units = entry
            line = position[retailer, sku]
            packs, rest = divmod(int(units), int(claims.pack[line]))
        except (TypeError, ValueError, KeyError) as error:
            findings.add(
                "certificate.json", "minimums.before cannot hold {entry}: {error}", entry=entry, error=repr(error)
            )
            return None
        if rest or not claims.base[line] <= packs <= claims.top[line]:
            findings.add(
                claims.given.place(line), "it cannot have had {units} before minimums and bundles", units=units
            )
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
        if name in position and isinstance(level, kind) and 0 <= turn[0] < _TIER_END and turn[1] in {0, 1}:
            thresholds[position[name]] = turn
    return thresholds


def _check_thresholds(claims: Claims, stops: Stops, certificate: Mapping[str, Any], findings: Findings) -> None:
    """Compare the certificate's thresholds with the last unit of each SKU whose own supply stopped a line."""
    right = {}
    for sku, (tier, phase, level, draw) in stops.last.items():
        right[claims.sku_names[sku]] = {"tier": tier, "phase": phase, "level": str(level), "tie": draw.hex()}
    findings.expect_all("certificate.json", "the threshold of {name}", _mapping(certificate, "thresholds"), right)


def _rows(claims: Claims, held: Ints, stops: Stops, left_out: LeftOut) -> Rows:
    """Return what each line must say."""
    reason, bound = _reasons(claims, held, stops, left_out)
    used = np.flatnonzero(np.bincount(bound[bound != NONE])).tolist()
    bundles = [f"exclusive:{label}" for label in claims.given.labels]
    further = [ADJUSTMENT, *bundles]
    limits = len(claims.limits)
    names = [claims.constraint_name(number) if number < limits else further[number - limits] for number in used]
    position = np.full(limits + len(further) + 1, NONE, dtype=np.int32)
    position[used] = np.arange(len(used))
    eligible, granted = units_of(claims.eligible, claims.pack), units_of(held, claims.pack)
    return Rows(claims.given, eligible, granted, None, claims.weight, reason, position[bound], names)


def _reasons(
    claims: Claims, held: Ints, stops: Stops, left_out: LeftOut
) -> tuple[np.ndarray[Any, np.dtype[np.int8]], Ints]:
    """Return for each line the number of its reason and of the constraint.

    The number after the last constraint's is that of adjustments; after it come the labels of bundles.
    """
    code = {reason: np.int8(i) for i, reason in enumerate(REASONS)}
    kinds = np.concatenate([np.full(len(kind.limits), code[kind.reason]) for kind in claims.kinds])
    kinds = np.r_[kinds, np.full(1 + len(claims.given.labels), code[REASON])]
    reason = np.where(claims.capped, code["capped"], code["filled"])
    reason[(claims.eligible == 0) & (claims.given.requested > 0)] = code["ineligible"]
    bound = np.full(len(held), NONE, dtype=np.int64)
    by_draw: Mask = stops.by_draw
    short, constraint = stops.short, stops.constraint
    if left_out:
        uses = list(left_out.values())
        short = np.r_[short, np.array(list(left_out), dtype=np.int64)]
        constraint = np.r_[constraint, np.array([use.number for use, _ in uses], dtype=np.int64)]
        by_draw = np.r_[by_draw, np.array([drawn for _, drawn in uses], dtype=np.bool_)]
    first_tier = np.full(len(claims.sku_names), np.iinfo(np.int64).max, dtype=np.int64)
    if claims.tier.any():
        some = held > 0
        np.minimum.at(first_tier, claims.sku[some], claims.tier[some])
    bound[short] = constraint
    why = np.where(constraint == NONE, code["supply"], kinds[constraint])
    went_earlier = first_tier[claims.sku[short]] < claims.tier[short]
    why[(why == code["supply"]) & went_earlier] = code["priority"]
    why[by_draw] = code["lottery"]
    why[(claims.floor[short] > 0) & (held[short] == claims.floor[short])] = code["floor"]
    reason[short] = why
    reason[claims.adjusted], bound[claims.adjusted] = code["adjusted"], len(claims.limits)
    return reason, bound


def _mapping(certificate: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    value = certificate.get(key)
    return value if isinstance(value, Mapping) else {}

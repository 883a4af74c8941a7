"""What is proved of a result, in a few sentences."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np

from allocation.proving.baskets import ENGINE, contradictions_of
from allocation.proving.exhausting import can_be_looked_through, is_fairest
from allocation.proving.programmes import ENGINES, EngineFailed, Floats, leximin, programme_of
from allocation.verification.baskets import has_baskets, mixture_stated, shared_by, taken_apart
from allocation.verification.entitlement import Claims, claims_of
from allocation.verification.findings import Findings, Violation
from allocation.verification.given import NONE, Given, Ints
from allocation.verification.published import GRANTED, PublishedFiles, read_published
from allocation.verification.reading import read_given

RETAILERS_MOST: Final = 500
LINES_MOST: Final = 1_000
"""Above these sizes the programmes take minutes and more."""
RATES_APART_MOST: Final = 10.0**6
"""Weights (or claims) further apart than this cannot be told apart by solvers in floating point."""
TOLERANCE: Final = 1e-6
"""Engines and result agree where no line differs by more than this part of the largest claim."""

_MADE_LARGE: Final = {
    "max_min": "the smallest granted/weight, then the next",
    "proportional": "the smallest granted/claim, then the next",
    "equal_losses": "the smallest granted − claim, then the next",
    "talmud": "the smallest grant up to half the claim, then the smallest granted − claim",
}


class Unprovable(Exception):  # noqa: N818  # a state of the folders, not a fault of the program
    """The problem is of a size or kind that is not proved here; `str()` is one line."""


@dataclass(frozen=True)
class Proof:
    """What was proved.

    Parameters
    ----------
    sentences
        What is shown, and what is not.
    contradictions
        Lines and SKUs that are not as the rule promises; empty where everything is.
    """

    sentences: tuple[str, ...]
    contradictions: tuple[Violation, ...]

    @property
    def holds(self) -> bool:
        """Whether nothing contradicts the result."""
        return not self.contradictions


def prove_folders(problem: Path, result: Path) -> Proof:
    """Prove a result that has been verified already; see the sentences for what.

    Raises
    ------
    Unprovable
        Above the limits of this module, for baskets shared approximately, or where an engine fails.
    Unreadable
        Where a file is missing or not what its name says.
    """
    given, published = read_given(problem), read_published(result, Findings())
    policy = _policy(published.certificate)
    rule = policy.get("inside", "max_min") if policy.get("rule") == "priority" else policy.get("rule")
    if rule not in _MADE_LARGE:
        raise Unprovable(f"rule {rule!r} is not known here")
    _refuse_sizes(given)
    claims = claims_of(given, tiered=policy.get("rule") == "priority")
    if has_baskets(given, policy):
        return _proof_with_baskets(claims, policy, rule, published)
    if policy.get("rounding") == "none":
        return _proof_of_shares(claims, rule, _granted(published))
    held = _granted(published).astype(np.int64) // claims.pack
    return _proof_of_packs(claims, policy, rule, held)


def _policy(certificate: Mapping[str, Any]) -> Mapping[str, Any]:
    policy = certificate.get("policy")
    return policy if isinstance(policy, Mapping) else {}


def _refuse_sizes(given: Given) -> None:
    retailers = len(np.unique(given.retailer))
    if retailers > RETAILERS_MOST or len(given) > LINES_MOST:
        raise Unprovable(
            f"{retailers:,} retailers and {len(given):,} lines; linear programmes prove up to "
            f"{RETAILERS_MOST:,} retailers and {LINES_MOST:,} lines"
        )
    weights = given.weights()
    if len(weights) and weights.max() > RATES_APART_MOST * weights.min():
        raise Unprovable(f"weights are more than {RATES_APART_MOST:,.0f} times apart")


def _granted(published: PublishedFiles) -> Floats:
    return np.array([float(row[GRANTED]) for row in published.cells()], dtype=np.float64)


def _proof_with_baskets(claims: Claims, policy: Mapping[str, Any], rule: str, published: PublishedFiles) -> Proof:
    """Prove the totals of the baskets by another engine; the lines outside of them by themselves."""
    apart = taken_apart(claims.given, claims, policy)
    is_exact = policy.get("rounding") == "none"
    granted = _granted(published)
    shared, held = shared_by(apart, None if is_exact else granted.astype(np.int64), published)
    stated = published.certificate["baskets"]
    if stated["method"] == "approximate":
        raise Unprovable("the baskets are shared approximately; verify works out how far they may be from the best")
    mixture = mixture_stated(shared, held, stated) if shared.tight else held
    totals = {claimant: sum(mixture[line] for line in lines) for claimant, lines in shared.claimants.items()}
    try:
        contradictions = contradictions_of(shared, totals)
    except EngineFailed as error:
        raise Unprovable(f"no optimum was found: {error}") from error
    sentence = f"{len(totals):,} totals of baskets make the smallest, by weight, then the next, as large as can be"
    sentences = (f"{sentence}: {ENGINE} finds the same without their proof.",) * (not contradictions)
    beside = claims_of(apart.beside, tiered=False)
    if not len(beside.sku):
        return Proof(sentences, tuple(contradictions))
    rest = granted[~apart.inside]
    lines = (
        _proof_of_shares(beside, rule, rest)
        if is_exact
        else _proof_of_packs(beside, policy, rule, rest.astype(np.int64) // beside.pack)
    )
    return Proof(sentences + lines.sentences, (*contradictions, *lines.contradictions))


def _optimum(claims: Claims, base: Ints, top: Ints, rule: str) -> tuple[Floats, str, float]:
    """Return the optimum in exact fractions, a sentence on how the engines agree, and the tolerance in units."""
    programme = programme_of(claims, base, top, rule)
    tolerance = TOLERANCE * programme.unit
    try:
        first, second = (leximin(programme, engine) for engine in ENGINES)
    except EngineFailed as error:
        raise Unprovable(f"no optimum was found: {error}") from error
    apart = float(np.abs(first - second).max(initial=0.0))
    if apart > tolerance:
        raise Unprovable(f"{' and '.join(ENGINES)} differ by {apart:.3g} units; neither is believed")
    agreed = f"{' and '.join(ENGINES)} agree to {apart:.1g} units, where {tolerance:.1g} are allowed."
    return first, agreed, tolerance


def _proof_of_shares(claims: Claims, rule: str, granted: Floats) -> Proof:
    right, agreed, tolerance = _optimum(claims, claims.base, claims.top, rule)
    wrong = np.flatnonzero(np.abs(right - granted) > tolerance).tolist()
    contradictions = tuple(
        Violation(claims.given.place(line), f"granted {granted[line]:.6f}, but the optimum is {right[line]:.6f}")
        for line in wrong
    )
    if contradictions:
        return Proof((agreed,), contradictions)
    made_large = _MADE_LARGE[rule] + (", tier after tier" if claims.tier.any() else "")
    return Proof((f"proved: {len(right):,} grants make {made_large}, as large as they can be.", agreed), ())


def _proof_of_packs(claims: Claims, policy: Mapping[str, Any], rule: str, held: Ints) -> Proof:
    """Prove what can be proved of whole packs, and say how far they lie from the optimum in fractions."""
    served, left_out = (claims.minimum > 0) & (held > 0), (claims.minimum > 0) & (held == 0)
    base = np.where(served, np.maximum(claims.base, claims.minimum), claims.base)
    left_out |= (claims.given.exclusive != NONE) & (held == 0)  # where none of a bundle has any, this proves less
    top = np.where(left_out, 0, claims.top)
    right, agreed, _ = _optimum(claims, base, top, rule)
    distance = np.abs(held - right / claims.pack)
    furthest = int(distance.argmax()) if len(distance) else None
    sentences = [f"the optimum in fractions makes {_MADE_LARGE[rule]}, as large as it can be; {agreed}"]
    if furthest is not None:
        sentences.append(
            f"whole packs lie {distance.mean():.2f} packs from it on average, {distance[furthest]:.2f} at most "
            f"({claims.given.place(furthest)}); this is reported, not bounded."
        )
    if served.any() or left_out.any():
        sentences.append(
            "who of the lines with a minimum or in a bundle is served is taken from the result; "
            "verify checks that choice."
        )
    if rule == "max_min" and policy.get("rounding") == "adams" and not (claims.tier.any() or claims.carry.any()):
        more, contradictions = _look_through(claims, base, top, held)
        return Proof((*sentences, more), contradictions)
    sentences.append(
        f"that the packs are those with the smallest keys of {policy.get('rounding')} is what verify itself proves; "
        "only adams under max_min, without carry and tiers, promises the smallest shares in whole packs."
    )
    return Proof(tuple(sentences), ())


def _look_through(claims: Claims, base: Ints, top: Ints, held: Ints) -> tuple[str, tuple[Violation, ...]]:
    """Look through all ways to deal out the packs of each SKU that meets others in nothing."""
    looked_at, left, contradictions = 0, 0, []
    for sku, name in enumerate(claims.sku_names):
        lines = np.flatnonzero(claims.sku == sku)
        low, high, packs = base[lines].tolist(), top[lines].tolist(), held[lines].tolist()
        if claims.coupled[sku] or not can_be_looked_through(low, high, sum(packs)):
            left += 1
            continue
        looked_at += 1
        if not is_fairest(packs, low, high, claims.weight[lines].tolist()):
            contradictions.append(Violation(f"supply:{name}", "its packs can be dealt out more fairly"))
    sentence = f"{looked_at:,} SKUs looked through: no way to deal out their packs is fairer, up to the draw."
    if contradictions:
        sentence = f"{looked_at:,} SKUs looked through."
    if left:
        sentence += f" {left:,} SKUs not: too many ways, or limits across lines, where packs promise no leximin."
    return sentence, tuple(contradictions)

"""What is proved of a result, in a few sentences."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np

from allocation.proving.baskets import ENGINE, contradictions_of
from allocation.proving.exhausting import can_be_looked_through, is_fairest
from allocation.proving.parts import LINES_MOST, Optimum, optimum_of
from allocation.proving.programmes import ENGINES, EngineFailed, Floats, programme_of
from allocation.verification.baskets import has_baskets, mixture_stated, shared_by, taken_apart
from allocation.verification.entitlement import Claims, claims_of
from allocation.verification.findings import Findings, Violation
from allocation.verification.given import NONE, Ints
from allocation.verification.published import GRANTED, PublishedFiles, read_published
from allocation.verification.reading import read_given
from allocation.verification.sentences import Sentence, sentence

LINES_IN_ALL_MOST: Final = 20_000
"""Above this number of lines even programmes that have nothing in common take long together."""

_MADE_LARGE: Final = {
    "max_min": "the smallest granted/weight, then the next",
    "proportional": "the smallest granted/claim, then the next",
    "equal_losses": "the smallest granted − claim, then the next",
    "talmud": "the smallest grant up to half the claim, then the smallest granted − claim",
}


class Unprovable(Exception):  # noqa: N818  # a state of the folders, not a fault of the program
    """The problem is of a size or kind that is not proved here; `str()` is one line in English."""

    def __init__(self, text: str, **facts: Any) -> None:
        self.sentence = sentence(text, **facts)
        super().__init__(self.sentence.said())


@dataclass(frozen=True)
class Proof:
    """What was proved.

    Parameters
    ----------
    sentences
        What is shown, and what is not.
    contradictions
        Lines and SKUs that are not as the rule promises; empty where everything is.
    unproved
        Why parts of the problem were left out; empty where none was.
    """

    sentences: tuple[Sentence, ...]
    contradictions: tuple[Violation, ...]
    unproved: tuple[Sentence, ...] = ()

    @property
    def holds(self) -> bool:
        """Whether nothing contradicts the result."""
        return not self.contradictions

    def as_dict(self, lang: str = "en") -> dict[str, Any]:
        """Return it ready for JSON, in words of `lang`."""
        return {
            "holds": self.holds,
            "said": [each.said(lang) for each in self.sentences],
            "contradictions": [each.said(lang) for each in self.contradictions],
            "unproved": [each.said(lang) for each in self.unproved],
        }


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
        raise Unprovable("the rule {rule} is not known here", rule=rule)
    claims = claims_of(given, tiered=policy.get("rule") == "priority")
    if has_baskets(given, policy):
        return _proof_with_baskets(claims, policy, rule, published)
    _refuse_sizes(len(given), LINES_IN_ALL_MOST)
    if policy.get("rounding") == "none":
        return _proof_of_shares(claims, rule, _granted(published))
    held = _granted(published).astype(np.int64) // claims.pack
    return _proof_of_packs(claims, policy, rule, held)


def _policy(certificate: Mapping[str, Any]) -> Mapping[str, Any]:
    policy = certificate.get("policy")
    return policy if isinstance(policy, Mapping) else {}


def _refuse_sizes(lines: int, most: int) -> None:
    if lines > most:
        raise Unprovable(
            "there are {lines} lines; linear programmes prove up to {most} in all", lines=f"{lines:,}", most=f"{most:,}"
        )


def _granted(published: PublishedFiles) -> Floats:
    return np.array([float(row[GRANTED]) for row in published.cells()], dtype=np.float64)


def _proof_with_baskets(claims: Claims, policy: Mapping[str, Any], rule: str, published: PublishedFiles) -> Proof:
    """Prove the totals of the baskets by another engine; the lines outside of them by themselves."""
    apart = taken_apart(claims.given, claims, policy)
    _refuse_sizes(int(apart.inside.sum()), LINES_MOST)
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
        raise Unprovable("no optimum was found: {error}", error=str(error)) from error
    found = sentence(
        "proved: {totals} totals of baskets make the smallest, by weight, then the next, as large as they can be; "
        "{engine} finds the same without the certificate's proof.",
        totals=f"{len(totals):,}",
        engine=ENGINE,
    )
    sentences = () if contradictions else (found,)
    beside = claims_of(apart.beside, tiered=False)
    if not len(beside.sku):
        return Proof(sentences, tuple(contradictions))
    _refuse_sizes(len(beside.sku), LINES_IN_ALL_MOST)
    rest = granted[~apart.inside]
    lines = (
        _proof_of_shares(beside, rule, rest)
        if is_exact
        else _proof_of_packs(beside, policy, rule, rest.astype(np.int64) // beside.pack)
    )
    return Proof(sentences + lines.sentences, (*contradictions, *lines.contradictions), lines.unproved)


def _solved(claims: Claims, base: Ints, top: Ints, rule: str) -> Optimum:
    """Return the optimum in fractions; refuse where no part of it could be had."""
    optimum = optimum_of(programme_of(claims, base, top, rule))
    if optimum.unproved and not optimum.solved.size:
        raise Unprovable(optimum.unproved[0].text, **optimum.unproved[0].facts)
    return optimum


def _agreed(optimum: Optimum) -> Sentence:
    return sentence(
        "{engines} agree to {apart} units, where {tolerance} are allowed.",
        engines=" / ".join(ENGINES),
        apart=f"{optimum.apart:.1g}",
        tolerance=f"{optimum.tolerance.max(initial=0.0):.1g}",
    )


def _made_large(claims: Claims, rule: str) -> Sentence:
    stated = sentence(_MADE_LARGE[rule])
    return sentence("{made}, tier after tier", made=stated) if claims.tier.any() else stated


def _proof_of_shares(claims: Claims, rule: str, granted: Floats) -> Proof:
    optimum = _solved(claims, claims.base, claims.top, rule)
    lines = optimum.solved
    wrong = lines[np.abs(optimum.units - granted)[lines] > optimum.tolerance[lines]].tolist()
    if wrong:
        contradictions = tuple(
            Violation(
                claims.given.place(line),
                sentence(
                    "granted {granted}, but the optimum is {right}",
                    granted=f"{granted[line]:.6f}",
                    right=f"{optimum.units[line]:.6f}",
                ),
            )
            for line in wrong
        )
        return Proof((_agreed(optimum),), contradictions, optimum.unproved)
    proved = sentence(
        "proved: {lines} grants make {made} as large as they can be.",
        lines=f"{lines.size:,}",
        made=_made_large(claims, rule),
    )
    return Proof((proved, _agreed(optimum)), (), optimum.unproved)


def _proof_of_packs(claims: Claims, policy: Mapping[str, Any], rule: str, held: Ints) -> Proof:
    """Prove what can be proved of whole packs, and say how far they lie from the optimum in fractions."""
    served, left_out = (claims.minimum > 0) & (held > 0), (claims.minimum > 0) & (held == 0)
    base = np.where(served, np.maximum(claims.base, claims.minimum), claims.base)
    left_out |= (claims.given.exclusive != NONE) & (held == 0)  # where none of a bundle has any, this proves less
    top = np.where(left_out, 0, claims.top)
    optimum = _solved(claims, base, top, rule)
    sentences = [
        sentence(
            "the optimum in fractions makes {made} as large as they can be; {agreed}",
            made=_made_large(claims, rule),
            agreed=_agreed(optimum),
        )
    ]
    if (lines := optimum.solved).size:
        distance = np.abs(held - optimum.units / claims.pack)
        furthest = int(lines[distance[lines].argmax()])
        sentences.append(
            sentence(
                "whole packs lie {mean} packs from it on average, {most} at most ({line}); "
                "this is reported, not bounded.",
                mean=f"{distance[lines].mean():.2f}",
                most=f"{distance[furthest]:.2f}",
                line=claims.given.place(furthest),
            )
        )
    if served.any() or left_out.any():
        sentences.append(
            sentence(
                "who of the lines with a minimum or in a bundle is served is taken from the result; "
                "verify checks that choice."
            )
        )
    if rule == "max_min" and policy.get("rounding") == "adams" and not (claims.tier.any() or claims.carry.any()):
        more, contradictions = _look_through(claims, base, top, held)
        return Proof((*sentences, *more), contradictions, optimum.unproved)
    sentences.append(
        sentence(
            "that the packs are those with the smallest keys of {rounding} is what verify itself proves; "
            "only adams under max_min, without carry and tiers, promises the smallest shares in whole packs.",
            rounding=policy.get("rounding"),
        )
    )
    return Proof(tuple(sentences), (), optimum.unproved)


def _look_through(
    claims: Claims, base: Ints, top: Ints, held: Ints
) -> tuple[tuple[Sentence, ...], tuple[Violation, ...]]:
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
            contradictions.append(Violation(f"supply:{name}", sentence("its packs can be dealt out more fairly")))
    text = "SKUs looked through: {skus}; no way to deal out their packs is fairer, up to the draw."
    if contradictions:
        text = "SKUs looked through: {skus}."
    sentences = [sentence(text, skus=f"{looked_at:,}")]
    if left:
        sentences.append(
            sentence(
                "SKUs not looked through: {skus}; too many ways, or limits across lines, where packs promise no "
                "leximin.",
                skus=f"{left:,}",
            )
        )
    return tuple(sentences), tuple(contradictions)

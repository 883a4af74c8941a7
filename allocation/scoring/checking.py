"""Checking published scores: everything computed once more, from the files alone, in another way.

What is counted stands in :mod:`allocation.scoring.recounting`; here it is compared with what was published.
"""

import csv
import hashlib
import json
import tomllib
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import zip_longest
from pathlib import Path
from typing import Any, Final

from allocation.errors import AllocationError
from allocation.scoring.recounting import (
    COMPONENTS,
    Given,
    Quotient,
    earned_tier,
    guarded_weights,
    input_sha256,
    mid_ranks,
    places_of,
    raw_values,
    rows_of,
)

SHOWN: Final = 20
"""Differences that are named one by one."""

_LETTERS: Final = 80

_FILES: Final = ("breakdown.csv", "guards.json", "policy.toml", "report.html", "scores.csv", "weights.csv")


class UnreadableScoresError(AllocationError):
    """A file is missing or not what its name says; `str()` is one line."""


@dataclass(frozen=True)
class Difference:
    """One place where the scores say something else than follows from the figures."""

    where: str
    stated: object
    right: object

    def said(self, lang: str = "en") -> str:
        """Return it as a sentence: ``en`` or ``zh``."""
        stated, right = _shown(self.stated), _shown(self.right)
        return f"{self.where}: is {stated}, not {right}" if lang == "en" else f"{self.where}：为 {stated}，应为 {right}"


@dataclass
class Verdict:
    """What the check found."""

    retailers: int = 0
    found: int = 0
    differences: list[Difference] = field(default_factory=list)

    @property
    def holds(self) -> bool:
        """Whether everything agrees."""
        return not self.found

    def expect(self, where: str, stated: object, right: object) -> None:
        """Note a difference, if it is one."""
        if stated != right:
            self.found += 1
            if len(self.differences) < SHOWN:
                self.differences.append(Difference(where, stated, right))

    def expect_rows(self, where: str, stated: Sequence[object], right: Sequence[object]) -> None:
        """Note where rows differ, one by one."""
        for number, (one, other) in enumerate(zip_longest(stated, right), start=1):
            self.expect(f"{where} {number}", one, other)

    def as_dict(self, lang: str = "en") -> dict[str, Any]:
        """Return the verdict ready for JSON."""
        said = [difference.said(lang) for difference in self.differences]
        return {"holds": self.holds, "retailers": self.retailers, "found": self.found, "differences": said}


def verify_scores(given: Path, published: Path, previous: Path | None = None) -> Verdict:
    """Check a folder of scores against the folder that it was computed from.

    Parameters
    ----------
    given, published
        What was scored, and the scores.
    previous
        The earlier scores that the tiers follow on from. Without it, the previous tiers of a run that had any are
        believed as they stand in the scores.

    Raises
    ------
    UnreadableScoresError
        Where a file is missing or cannot be read.
    """
    try:
        read = Given.read(given, published)
        verdict = _checked(read, published, previous)
        verdict.expect("certificate.json, input_sha256", read.certificate["input_sha256"], input_sha256(given))
    except OSError as error:
        raise UnreadableScoresError(
            f"{error.filename or published}: {error.strerror}; give the folder that was scored, then that of its scores"
        ) from error
    except (ValueError, KeyError, TypeError, csv.Error) as error:
        raise UnreadableScoresError(f"{published}: cannot be checked ({error!r})") from error
    return verdict


def _checked(given: Given, published: Path, previous: Path | None) -> Verdict:
    verdict = Verdict(retailers=len(given.outlets))
    _check_files(given, published, verdict)
    before = _previous(given, published, previous, verdict)
    policy = given.certificate["policy"]
    raw = {
        name: values
        for name in COMPONENTS
        if policy["weights"][name] and any((values := raw_values(name, given)).values())
    }
    whole = sum(policy["weights"][name] for name in raw)
    verdict.expect("certificate.json, not_open", given.certificate["not_open"], given.not_open)
    verdict.expect(
        "certificate.json, components",
        given.certificate["components"],
        {name: {"percent": policy["weights"][name], "of": whole} for name in raw},
    )
    total: defaultdict[str, int] = defaultdict(int)
    stated = iter(list(rows_of(published / "breakdown.csv")))
    ranks = {
        name: mid_ranks({who: one[0] for who, one in values.items() if one}, given.outlets, policy["peers_min"])
        for name, values in raw.items()
    }
    for who in given.outlets:
        for name, values in raw.items():
            right = _breakdown(who, name, values[who], ranks[name].get(who), policy, whole)
            total[who] += round(Fraction(right["contribution"]) * 1000)
            row = next(stated, {})
            for column, cell in right.items():
                verdict.expect(f"breakdown.csv, {who}, {name}, {column}", row.get(column), cell)
            quotient = Fraction(int(row["numerator"]), int(row["denominator"])) if row.get("numerator") else None
            verdict.expect(
                f"breakdown.csv, {who}, {name}, quotient", quotient, value[0] if (value := values[who]) else None
            )
    verdict.expect("breakdown.csv, rows after the last", len(list(stated)), 0)
    _check_scores(given, published, total, before, verdict)
    return verdict


def _previous(given: Given, published: Path, previous: Path | None, verdict: Verdict) -> dict[str, int]:
    """Return the tier that each had earned before, and note where the scores say another."""
    stated = {row["retailer"]: int(row["previous_tier"] or 0) for row in rows_of(published / "scores.csv")}
    follows = given.certificate["previous"]
    if follows is None:
        right = {who: int(outlet.get("tier") or 0) for who, outlet in given.outlets.items()}
    elif previous is None:
        return stated
    else:
        content = (previous / "scores.csv").read_bytes()
        verdict.expect(f"{previous}/scores.csv, hash", hashlib.sha256(content).hexdigest(), follows["score_version"])
        tiers = {row["retailer"]: int(row["earned_tier"]) for row in rows_of(previous / "scores.csv")}
        right = {who: tiers.get(who, 0) for who in given.outlets}
    for who, tier in right.items():
        verdict.expect(f"scores.csv, {who}, previous_tier", stated.get(who), tier)
    return right


def _check_files(given: Given, published: Path, verdict: Verdict) -> None:
    """Hashes, the copy of the policy, and the page beside them."""
    certificate = given.certificate
    hashes = {name: hashlib.sha256((published / name).read_bytes()).hexdigest() for name in _FILES}
    verdict.expect("certificate.json, format", certificate["format"], "evenhand-scores-1")
    verdict.expect("certificate.json, retailers", certificate["retailers"], len(given.outlets))
    verdict.expect("certificate.json, score_version", certificate["score_version"], hashes["scores.csv"])
    for name, right in hashes.items():
        verdict.expect(f"{name}, the hash in certificate.json", certificate["files"].get(name), right)
    policy = tomllib.loads((published / "policy.toml").read_text(encoding="utf-8"))
    verdict.expect("policy.toml", policy, certificate["policy"])
    texts = ("retailer", "decision", "from", "until", "reason", "author", "approver")
    said = [
        {name: str(row[name]) for name in texts} | {"tier": str(row["tier"] or "")} for row in certificate["decisions"]
    ]
    holding = [{name: row[name] for name in (*texts, "tier")} for row in given.decisions]
    verdict.expect("certificate.json, decisions", sorted(map(_sorted, said)), sorted(map(_sorted, holding)))


def _sorted(row: Mapping[str, str]) -> list[tuple[str, str]]:
    return sorted(row.items())


def _breakdown(
    who: str,
    component: str,
    value: Quotient | None,
    ranked: tuple[str, int, Fraction] | None,
    policy: Mapping[str, Any],
    whole: int,
) -> dict[str, str]:
    """Return a row of ``breakdown.csv``, but for the form in which its fraction is written."""
    weight, k = Fraction(policy["weights"][component], whole), policy["shrink_periods"]
    n = value[1] if value else 0
    rank = ranked[2] if ranked else Fraction(1, 2)
    counted = (n * rank + Fraction(k, 2)) / (n + k) if n + k else Fraction(1, 2)
    milli = int(weight * counted * 1_000_000 + Fraction(1, 2))
    return {
        "retailer": who,
        "component": component,
        "raw": _digits(value[0]) if value else "",
        "periods": str(n),
        "compared_with": ranked[0] if ranked else "",
        "peers": str(ranked[1]) if ranked else "",
        "rank": _digits(rank) if ranked else "",
        "shrunk": _digits(counted),
        "weight": _digits(weight),
        "contribution": _points(milli),
    }


def _check_scores(
    given: Given, published: Path, total: Mapping[str, int], before: Mapping[str, int], verdict: Verdict
) -> None:
    policy, outlets = given.certificate["policy"], given.outlets
    ranked = mid_ranks({who: Fraction(total[who]) for who in outlets}, outlets, policy["peers_min"])
    earned = {who: earned_tier(total[who], before.get(who, 0), policy) for who in outlets}
    tier, suspended = dict(earned), set[str]()
    for row in given.decisions:
        if row["decision"] == "suspended":
            suspended.add(row["retailer"])
        else:
            tier[row["retailer"]] = max(tier[row["retailer"]], int(row["tier"]))
    weight, changes = guarded_weights(policy, tier, earned, suspended, raw_values("demand", given))
    stated = list(rows_of(published / "scores.csv"))
    verdict.expect_rows("scores.csv, retailer", [row["retailer"] for row in stated], list(outlets))
    places = places_of(total, ranked, outlets)
    for row in stated:
        who = row["retailer"]
        if who not in outlets:
            continue
        right = {
            "market_type": outlets[who].get("market_type", ""),
            "format": outlets[who].get("format", ""),
            "score": _points(total[who]),
            "compared_with": ranked[who][0],
            "rank": str(places[who]),
            "peers": str(ranked[who][1]),
            "earned_tier": str(earned[who]),
            "tier": str(tier[who]),
            "weight": str(weight[who]),
            "status": "suspended" if who in suspended else "lowered" if tier[who] > earned[who] else "scored",
        }
        for column, cell in right.items():
            verdict.expect(f"scores.csv, {who}, {column}", row[column], cell)
    written = [",".join(row.values()) for row in rows_of(published / "weights.csv")]
    due = [f"{who},{weight[who] or 1},{0 if who in suspended else ''}" for who in outlets]
    verdict.expect_rows("weights.csv, row", written, due)
    listed = [
        (change["retailer"], change["guard"], change["before"], change["after"])
        for change in json.loads((published / "guards.json").read_bytes())["changes"]
    ]
    verdict.expect_rows("guards.json, change", listed, changes)


def _shown(value: object) -> str:
    text = "–" if value is None or value == "" else str(value)
    return text if len(text) <= _LETTERS else text[: _LETTERS - 1] + "…"


def _digits(value: Fraction) -> str:
    """Print a fraction of 0 or more in plain digits, cut after 12 decimals."""
    whole, rest = divmod(value.numerator, value.denominator)
    decimals = f"{rest * 10**12 // value.denominator:012d}".rstrip("0")
    return f"{whole}.{decimals}" if decimals else str(whole)


def _points(milli: int) -> str:
    return f"{milli // 1000}.{milli % 1000:03d}"

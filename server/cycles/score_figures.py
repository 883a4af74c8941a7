"""What two score policies come to, side by side: who moves tier, what the guards change, who wins and loses. Pure."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

import numpy as np

import allocation
from allocation.scoring import Scores, moved
from allocation.scoring.guards import CEILING, FLOOR, facts
from allocation.tables.texts import Coded

LISTED: Final = 200
"""Changes of the guards that are named one by one."""


class Row(NamedTuple):
    """A retailer under both policies; scores in thousandths of a point, quantities in units of all SKUs together.

    None: it is not scored, or ordered nothing on the book. ``guard`` is the one that changed its weight under the
    second policy.
    """

    retailer: str
    first_score_milli: int | None
    second_score_milli: int | None
    first_tier: int | None
    second_tier: int | None
    first_weight: int | None
    second_weight: int | None
    guard: str | None
    requested_units: int | None
    first_units: int | None
    second_units: int | None

    @property
    def tiers_up(self) -> int:
        """By how many tiers it stands better under the second policy, negative where worse."""
        return (self.first_tier or 0) - (self.second_tier or 0)

    @property
    def weight_change(self) -> int:
        """What its weight gains by the second policy."""
        return (self.second_weight or 0) - (self.first_weight or 0)

    @property
    def units_change(self) -> int | None:
        """What it is granted more under the second policy."""
        if self.first_units is None or self.second_units is None:
            return None
        return self.second_units - self.first_units


@dataclass(frozen=True)
class Granted:
    """What retailers asked for and were granted under both policies, in units, by their codes."""

    requested: Mapping[str, int]
    first: Mapping[str, int]
    second: Mapping[str, int]


def granted(first: allocation.Result, second: allocation.Result) -> Granted:
    """Add up the lines of each retailer."""
    return Granted(
        _by_retailer(first, first.requested), _by_retailer(first, first.granted), _by_retailer(second, second.granted)
    )


def rows(first: Scores, second: Scores, units: Granted | None) -> list[Row]:
    """Return every retailer that is scored or on the book, in byte order of the codes."""
    one, other = _placed(first), _placed(second)
    guards = {change.retailer: change.guard for change in second.guarded.changes}
    known = units or Granted({}, {}, {})
    nobody = (None, None, None)
    found = []
    for name in sorted(one.keys() | other.keys() | known.requested.keys()):
        (score, tier, weight), (score_2, tier_2, weight_2) = one.get(name, nobody), other.get(name, nobody)
        found.append(
            Row(
                retailer=name,
                first_score_milli=score,
                second_score_milli=score_2,
                first_tier=tier,
                second_tier=tier_2,
                first_weight=weight,
                second_weight=weight_2,
                guard=guards.get(name),
                requested_units=known.requested.get(name),
                first_units=known.first.get(name),
                second_units=known.second.get(name),
            )
        )
    return found


def figures(first: Scores, second: Scores) -> dict[str, Any]:
    """Return who moves tier and what the guards change, ready for JSON."""
    steps = Counter(
        (move.before.tier, move.after.tier)
        for move in moved(first, second)
        if move.before is not None and move.after is not None
    )
    tiers = Counter({pair: count for pair, count in steps.items() if pair[0] != pair[1]})
    up = sum(count for (before, after), count in tiers.items() if after < before)
    down = sum(count for (before, after), count in tiers.items() if after > before)
    return {
        "scored": len(second),
        "up": up,
        "down": down,
        "same": len(second) - up - down,
        "other_weight": int(np.sum(first.weight != second.weight)),
        "moves": [[*pair, count] for pair, count in sorted(tiers.items())],
        "first": _side(first),
        "second": _side(second),
    }


def fill_by_tier(report: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return a result's tiers in the order of their numbers: retailers, units eligible and granted."""
    listed = sorted(report["groups"].get("tier", []), key=lambda row: int(row["value"]))
    return [{name: row[name] for name in ("value", "retailers", "eligible", "granted")} for row in listed]


def without_tiers(result: allocation.Result) -> allocation.Result:
    """Return a result whose report leaves the tiers out: under another policy they hold other retailers."""
    groups = {name: found for name, found in result.report["groups"].items() if name != "tier"}
    return allocation.Result(
        result.retailer,
        result.sku,
        result.requested,
        result.eligible,
        result.granted,
        result.share,
        result.reason,
        result.bound_by,
        result.certificate,
        {**result.report, "groups": groups},
    )


def _side(scores: Scores) -> dict[str, Any]:
    said = facts(scores.guarded, scores.policy.guards)
    by_guard = Counter(change.guard for change in scores.guarded.changes)
    counted = Counter(scores.tier.tolist())
    return {
        "score_version": scores.version,
        "tiers": [counted[tier] for tier in range(1, scores.policy.tiers + 1)],
        "share_percent_before": said[CEILING]["share_percent_before"],
        "share_percent_after": said[CEILING]["share_percent_after"],
        "floor_changes": by_guard[FLOOR],
        "ceiling_changes": by_guard[CEILING],
        "floor_weight": said[FLOOR]["floor_weight"],
        "highest_weight": said[CEILING]["highest_weight"],
        "changes": said["changes"][:LISTED],
        "absent": list(scores.absent),
    }


def _placed(scores: Scores) -> dict[str, tuple[int, int, int]]:
    columns = (scores.score_milli.tolist(), scores.tier.tolist(), scores.weight.tolist())
    return {name: (score, tier, weight) for name, score, tier, weight in zip(scores.retailer, *columns, strict=True)}


def _by_retailer(result: allocation.Result, units: Any) -> dict[str, int]:
    who = result.retailer if isinstance(result.retailer, Coded) else Coded.of(result.retailer.tolist())
    sums = np.zeros(len(who.texts), dtype=np.int64)
    np.add.at(sums, who.codes, np.asarray(units, dtype=np.int64))
    return dict(zip(who.texts, sums.tolist(), strict=True))

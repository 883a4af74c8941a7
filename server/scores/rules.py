"""Pure decisions about scores: what is in force on a day, what a decision may say."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Literal

from contract.errors import Rejected

DecisionKind = Literal["suspended", "lowered"]
Course = Literal["coming", "holding", "over"]
Status = Literal["scored", "lowered", "suspended"]
Move = Literal["up", "down", "same", "new"]

TIERS_MOST = 1000
TIERS_USUAL = 30
"""Of a score policy that does not say how many; as the scoring library has it."""


@dataclass(frozen=True)
class Held:
    """A decision of two persons on a retailer: from the day ``since`` to the day before ``until``.

    One that was ended early has the day of that as its ``until``; where that is not after ``since`` it never holds.
    """

    decision: DecisionKind
    tier: int | None
    since: date
    until: date
    reason: str

    def holds(self, day: date) -> bool:
        """Return whether it has effect on ``day``."""
        return self.since <= day < self.until


def course_on(since: date, until: date, day: date) -> Course:
    """Return whether a decision is still to come on ``day``, holds, or is over."""
    if day >= until or until <= since:
        return "over"
    return "holding" if day >= since else "coming"


@dataclass(frozen=True)
class Placed:
    """Where a retailer stands in the version in force."""

    earned_tier: int
    tier: int
    weight: int
    status: Status


@dataclass(frozen=True)
class Standing:
    """What counts of a retailer on a day; ``suspended`` says why nothing is allocated to it."""

    tier: int
    weight: int
    suspended: str | None


def move(previous_tier: int | None, earned_tier: int) -> Move:
    """Return which way a retailer moved: to a better tier or a worse one, not at all, or from none."""
    if previous_tier is None:
        return "new"
    return "up" if earned_tier < previous_tier else "down" if earned_tier > previous_tier else "same"


def standing_on(placed: Placed, decisions: Sequence[Held], tier_weights: Sequence[int], day: date) -> Standing:
    """Return what counts on ``day``: as published, but for decisions that began or ended since.

    Where decisions hold as they did, tier and weight are the published ones. Where one has ended, the earned tier has
    its weight of the table again; where one has begun, the weight is at most the lower tier's. A suspended retailer
    keeps a weight of at least 1, with which nothing is allocated. Where no table was published, weights stay.
    """
    holding = [one for one in decisions if one.holds(day)]
    suspended = next((one.reason for one in holding if one.decision == "suspended"), None)
    lowest = max((one.tier or 0 for one in holding if one.decision == "lowered"), default=0)
    tier = min(max(placed.earned_tier, lowest), max(len(tier_weights) or lowest, placed.earned_tier))
    if suspended is not None:
        return Standing(tier, max(placed.weight, 1), suspended)
    if placed.status != "suspended" and tier == placed.tier:
        return Standing(tier, placed.weight, None)
    of_table = tier_weights[tier - 1] if tier <= len(tier_weights) else placed.weight
    falls = tier > placed.tier and placed.status != "suspended"
    return Standing(tier, min(of_table, placed.weight) if falls else of_table, None)


def check_decision(decision: DecisionKind, tier: int | None, since: date, until: date, tiers: int = TIERS_MOST) -> None:
    """Refuse a decision that ends before it begins, or whose tier does not fit what it is or is none of ``tiers``.

    Raises
    ------
    Rejected
        ``decision_dates``, ``decision_tier``.
    """
    if until <= since:
        raise Rejected("decision_dates", since=since.isoformat(), until=until.isoformat())
    if (decision == "lowered") != (tier is not None) or (tier is not None and not 1 <= tier <= tiers):
        raise Rejected("decision_tier", most=tiers)


def check_end(since: date, until: date, ends: date, today: date) -> None:
    """Refuse an early end in the past, or one that is none.

    Raises
    ------
    Rejected
        ``decision_end``.
    """
    if not today <= ends < until:
        raise Rejected(
            "decision_end", since=since.isoformat(), until=until.isoformat(), today=max(today, since).isoformat()
        )


def check_second_person(first: str, second: str) -> None:
    """Refuse the one who did the first step.

    Raises
    ------
    Rejected
        ``same_person``.
    """
    if first == second:
        raise Rejected("same_person", name=second)

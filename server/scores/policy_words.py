"""A score policy in words: each key with its meaning and range, and what two policies say differently. Pure."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import zip_longest
from typing import Any, Final

from allocation.scoring.policy import COMPONENTS, GUARD_RANGES, RANGES, ScorePolicy
from allocation.scoring.texts import COMPONENT_TEXTS
from contract.texts import Language
from server.kit.marking import N_

Value = int | str | None


@dataclass(frozen=True)
class Key:
    """A key of the policy: what it is called and means (``N_`` texts), what it counts, and its range."""

    name: str
    label: str
    meaning: str
    unit: str
    least: int
    most: int


@dataclass(frozen=True)
class Change:
    """A key that two policies say differently; ``tier`` where it is one row of the tiers. None: it has no such row."""

    key: str
    tier: int | None
    before: Value
    after: Value


def _key(name: str, label: str, meaning: str, unit: str) -> Key:
    return Key(name, label, meaning, unit, *({**RANGES, **GUARD_RANGES}[name]))


DAYS: Final = N_("days")
POINTS: Final = N_("points")
PERCENT: Final = "%"

HISTORY: Final = (
    _key("window_days", N_("Days that count"), N_("Figures of so many days before the day of the score count."), DAYS),
    _key(
        "trend_days",
        N_("Trend"),
        N_("The trend compares so many days with as many before them; twice as many fit into the window."),
        DAYS,
    ),
    _key(
        "shrink_periods",
        N_("Drawn to the middle"),
        N_("With so many months of figures of its own, a shop counts half as itself, half as the middle of its peers."),
        N_("months"),
    ),
    _key(
        "peers_min",
        N_("Peers at least"),
        N_("Shops are compared with their like where so many have figures, else with a wider group."),
        N_("shops"),
    ),
)
MOVING: Final = (
    _key("tiers", N_("Tiers"), N_("So many tiers there are; tier 1 is the best."), N_("tiers")),
    _key(
        "margin_points",
        N_("Margin"),
        N_("A score passes the bound of a tier by so much before the tier changes."),
        POINTS,
    ),
    _key("tier_moves_max", N_("Moves at most"), N_("A shop moves by at most so many tiers in one run."), N_("tiers")),
)
GUARDS: Final = (
    _key(
        "largest_share_permille",
        N_("Ceiling for the largest"),
        N_("The largest hundredth of the shops hold at most so many thousandths of all weight; 10 is equal weights."),
        "‰",
    ),
    _key(
        "small_part_percent",
        N_("Who is small"),
        N_("The shops whose demand is among the lowest so many percent are small; 0 for none."),
        PERCENT,
    ),
    _key(
        "small_floor_percent",
        N_("Floor for the small"),
        N_("A small shop weighs at least so many percent of the median weight; 0 for no floor."),
        PERCENT,
    ),
)
COMPONENT_MEANINGS: Final[Mapping[str, str]] = {
    "demand": N_("what customers would have bought of it, had there been enough"),
    "trend": N_("whether that grows"),
    "assortment": N_("how many of the SKUs on offer it sells"),
    "turnover": N_("how fast its stock turns over"),
    "payment": N_("how much of what fell due was paid in time"),
    "acceptance": N_("how many deliveries were taken as they came"),
    "compliance": N_("how many inspections were passed"),
    "service": N_("how many of the points of visits it earned"),
}
KEYS: Final[Mapping[str, Key]] = {key.name: key for key in (*HISTORY, *MOVING, *GUARDS)}
OTHERS: Final[Mapping[str, str]] = {
    "version": N_("Name"),
    "bounds_points": N_("Least score of tier {tier}"),
    "tier_weights": N_("Weight of tier {tier}"),
}
"""What keys are called that are no single number."""


def changes(before: ScorePolicy, after: ScorePolicy) -> list[Change]:
    """Return what two policies say differently, key by key, tier by tier."""
    one, other = before.as_dict(), after.as_dict()
    found = [Change("version", None, before.version, after.version)]
    found += [Change(f"weights.{name}", None, before.weights[name], after.weights[name]) for name in COMPONENTS]
    found += [Change(name, None, one[name], other[name]) for name in RANGES]
    for name in ("bounds_points", "tier_weights"):
        found += [Change(name, tier, *pair) for tier, pair in enumerate(zip_longest(one[name], other[name]), start=1)]
    found += [Change(name, None, one["guards"][name], other["guards"][name]) for name in GUARD_RANGES]
    return [change for change in found if change.before != change.after]


def told(found: list[Change], gettext: Callable[[str], str], language: Language) -> list[dict[str, Any]]:
    """Return changes as a person reads them: what is called so, what it was, what it is."""
    return [
        {
            "name": name_of(one.key, gettext, language, one.tier),
            "before": one.before,
            "after": one.after,
            "unit": gettext(KEYS[one.key].unit) if one.key in KEYS else "%" if one.key.startswith("weights.") else "",
        }
        for one in found
    ]


def name_of(key: str, gettext: Callable[[str], str], language: Language, tier: int | None = None) -> str:
    """Return what a key is called."""
    if key.startswith("weights."):
        return COMPONENT_TEXTS[key.removeprefix("weights.")][0 if language == "en" else 1]
    if key in KEYS:
        return gettext(KEYS[key].label)
    return gettext(OTHERS[key]).format(tier=tier)

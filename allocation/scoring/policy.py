"""The score policy: what counts, how much, and what follows from it; chosen by persons and published with every score.

All numbers are whole, so that every decision can be repeated by hand. A policy file is TOML; whatever a key leaves
unsaid has a default.
"""

import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from typing import Any, Final

from allocation.errors import InputError
from allocation.limits import WEIGHT_MAX

COMPONENTS: Final = (
    *("demand", "trend", "assortment", "turnover"),
    *("payment", "acceptance", "compliance", "service"),
)
"""What a score is made of, in the order in which it is published."""

POINTS: Final = 1000
"""A score lies between 0 and this many points."""

MILLI: Final = 1000
"""Scores are kept in thousandths of a point."""

TIERS_MAX: Final = 1000
DAYS_MAX: Final = 3660
_FILE: Final = "score.toml"
_DEFAULT_WEIGHTS: Final = dict(zip(COMPONENTS, (30, 10, 10, 10, 10, 10, 10, 10), strict=True))


@dataclass(frozen=True)
class Guards:
    """What no table of weights may lead to.

    Parameters
    ----------
    largest_share_permille
        The largest 1 % of the retailers hold at most so many thousandths of all weight; 10 would be equal weights.
    small_part_percent
        Retailers whose demand is among the lowest so many percent of all are small; 0 for none.
    small_floor_percent
        A small retailer's weight is at least so many percent of the median weight; 0 for no floor, at most 100.
    """

    largest_share_permille: int = 50
    small_part_percent: int = 25
    small_floor_percent: int = 50


@dataclass(frozen=True)
class ScorePolicy:
    """How retailers are scored; checked when it is made.

    Parameters
    ----------
    version
        What this policy is called where it is published.
    weights
        Percent of the score for each component, 100 together; one that is not named has 0.
    window_days
        Figures of so many days before the day of the score count.
    trend_days
        The trend compares so many days with as many before them.
    shrink_periods
        How much the middle of the peers counts, in periods: with as many periods of figures, half.
    peers_min
        Retailers are compared within a group only where so many have figures; else within a wider one.
    tiers
        Number of tiers; tier 1 is the best.
    bounds_points
        The least score of each tier but the last, falling; equal steps where empty.
    margin_points
        By how much a score must pass the bound of a tier before the tier changes.
    tier_moves_max
        Tiers that a retailer may move in one run.
    tier_weights
        Weight in the allocation for each tier, the best first, never rising; as many steps as tiers where empty.
    guards
        What no table of weights may lead to.

    Raises
    ------
    InputError
        For a value that cannot be, naming its key.
    """

    version: str = "default"
    weights: Mapping[str, int] = field(default_factory=lambda: dict(_DEFAULT_WEIGHTS))
    window_days: int = 364
    trend_days: int = 91
    shrink_periods: int = 8
    peers_min: int = 5
    tiers: int = 30
    bounds_points: tuple[int, ...] = ()
    margin_points: int = 10
    tier_moves_max: int = 2
    tier_weights: tuple[int, ...] = ()
    guards: Guards = field(default_factory=Guards)

    def __post_init__(self) -> None:
        """Check every value, and fill in what follows from the number of tiers."""
        self._check_numbers()
        self._check_weights()
        if not self.bounds_points:
            steps = (-(-POINTS * (self.tiers - tier) // self.tiers) for tier in range(1, self.tiers))
            object.__setattr__(self, "bounds_points", tuple(steps))
        if not self.tier_weights:
            object.__setattr__(self, "tier_weights", tuple(range(self.tiers, 0, -1)))
        self._check_bounds()
        self._check_table()

    def _check_numbers(self) -> None:
        if not self.version.strip() or not self.version.isprintable():
            refuse("version", self.version, 'name the policy: version = "2027-1"')
        for key, (low, high) in RANGES.items():
            check_whole(key, getattr(self, key), low, high)
        for key, (low, high) in GUARD_RANGES.items():
            check_whole(f"guards.{key}", getattr(self.guards, key), low, high)
        if 2 * self.trend_days > self.window_days:
            refuse("trend_days", self.trend_days, "two spans of the trend do not fit into window_days; shorten it")

    def _check_weights(self) -> None:
        for component, percent in self.weights.items():
            if component not in COMPONENTS:
                refuse("weights", component, f"unknown component; known are {', '.join(COMPONENTS)}")
            check_whole(f"weights.{component}", percent, 0, 100)
        if (total := sum(self.weights.values())) != 100:  # noqa: PLR2004  # percent
            refuse("weights", total, "the weights of all components are percent and must make 100 together")
        object.__setattr__(self, "weights", {name: self.weights.get(name, 0) for name in COMPONENTS})

    def _check_bounds(self) -> None:
        bounds = self.bounds_points
        if len(bounds) != self.tiers - 1:
            refuse(
                "bounds_points",
                len(bounds),
                f"{self.tiers} tiers have {self.tiers - 1} bounds: one for each but the last",
            )
        for tier, (bound, before) in enumerate(zip(bounds, (POINTS + 1, *bounds), strict=False), start=1):
            check_whole("bounds_points", bound, 1, POINTS)
            if bound >= before:
                refuse(
                    "bounds_points",
                    bound,
                    f"the bound of tier {tier} is not below that of tier {tier - 1}; let them fall",
                )

    def _check_table(self) -> None:
        table = self.tier_weights
        if len(table) != self.tiers:
            refuse("tier_weights", len(table), f"give one weight for each of the {self.tiers} tiers, the best first")
        for tier, (weight, before) in enumerate(zip(table, (WEIGHT_MAX, *table), strict=False), start=1):
            check_whole("tier_weights", weight, 1, WEIGHT_MAX)
            if weight > before:
                refuse(
                    "tier_weights",
                    weight,
                    f"tier {tier} would weigh more than the better tier {tier - 1}; never let it rise",
                )

    def as_dict(self) -> dict[str, Any]:
        """Return every value, defaults filled in, ready for JSON."""
        stated = {one.name: getattr(self, one.name) for one in fields(self)}
        lists = {name: list(stated[name]) for name in ("bounds_points", "tier_weights")}
        return stated | lists | {"weights": dict(self.weights), "guards": vars(self.guards).copy()}

    def to_toml(self) -> str:
        """Return the text of a policy file with every key."""
        stated = self.as_dict()
        tables = {name: stated.pop(name) for name in ("weights", "guards")}
        lines = [f"{key} = {_toml(value)}" for key, value in stated.items()]
        for name, table in tables.items():
            lines += ["", f"[{name}]", *(f"{key} = {_toml(value)}" for key, value in table.items())]
        return "\n".join(lines) + "\n"

    @classmethod
    def from_mapping(cls, keys: Mapping[str, Any], table: str = _FILE) -> "ScorePolicy":
        """Make a policy of the keys of a file; unknown ones and values of another kind are refused."""
        try:
            _check_keys(keys, cls, "")
            stated = dict(keys)
            for name in ("bounds_points", "tier_weights"):
                if name in stated:
                    stated[name] = tuple(_of_kind(name, stated[name], list))
            if "version" in stated:
                _of_kind("version", stated["version"], str)
            if "weights" in stated:
                _of_kind("weights", stated["weights"], dict)
            if "guards" in stated:
                _check_keys(_of_kind("guards", stated["guards"], dict), Guards, "guards.")
                stated["guards"] = Guards(**stated["guards"])
            return cls(**stated)
        except InputError as error:
            error.table = table
            raise

    @classmethod
    def from_toml(cls, text: str, table: str = _FILE) -> "ScorePolicy":
        """Read the text of a policy file."""
        try:
            keys = tomllib.loads(text)
        except tomllib.TOMLDecodeError as error:
            raise InputError(table, f"not a score policy: {error}; write one key a line, such as tiers = 30") from error
        return cls.from_mapping(keys, table)


RANGES: Final = {
    "window_days": (2, DAYS_MAX),
    "trend_days": (1, DAYS_MAX),
    "shrink_periods": (0, DAYS_MAX),
    "peers_min": (1, 10**6),
    "tiers": (1, TIERS_MAX),
    "margin_points": (0, POINTS),
    "tier_moves_max": (1, TIERS_MAX),
}
GUARD_RANGES: Final = {
    "largest_share_permille": (10, 1000),  # 1 % of equal retailers hold 10 thousandths: no ceiling can be lower
    "small_part_percent": (0, 100),
    "small_floor_percent": (0, 100),
}
_KIND_NAMES: Final[Mapping[type, str]] = {list: "a list", dict: "a table", str: "a text"}


def refuse(key: str, value: object, what: str) -> None:
    """Raise the error for a key of the policy."""
    raise InputError(_FILE, what, column=key, value=str(value))


def check_whole(key: str, value: object, low: int, high: int) -> None:
    """Refuse what is no whole number from `low` to `high`."""
    if isinstance(value, bool) or not isinstance(value, int):
        refuse(key, value, f"give a whole number from {low} to {high}")
    elif not low <= value <= high:
        refuse(key, value, f"outside of {low} to {high}; change it")


def _check_keys(keys: Mapping[str, Any], known: Callable[..., Any], prefix: str) -> None:
    names = [one.name for one in fields(known)]  # type: ignore[arg-type]  # both are dataclasses
    for key, value in keys.items():
        if key not in names:
            refuse(prefix + key, value, f"unknown key; known are {', '.join(names)}")


def _of_kind(key: str, value: Any, kind: type) -> Any:
    if not isinstance(value, kind):
        refuse(key, value, f"{_KIND_NAMES[kind]} is needed here")
    return value


def _toml(value: object) -> str:
    if isinstance(value, str):
        return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
    return str(value)

"""What a comparison says: plain frozen values, `a` being the first policy and `b` the second.

Quantities are units: integers, or exact fractions where a policy rounds nothing. A winner gets more under `b`.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields, is_dataclass
from fractions import Fraction
from typing import Any, Final

from allocation.reporting.figures import json_number

FORMAT: Final = "evenhand-comparison-1"

Units = int | Fraction


@dataclass(frozen=True)
class Change:
    """What one line or one retailer gets under either policy; `sku` is None for a retailer with all its lines."""

    retailer: str
    sku: str | None
    requested: int
    eligible: int
    a: Units
    b: Units

    @property
    def change(self) -> Units:
        """What it gains by the second policy, negative where it loses."""
        return self.b - self.a


@dataclass(frozen=True)
class Bin:
    """How many change by at least `low` and less than `high` units (in size), upward or downward by `sign`.

    The bin of those that change by nothing has sign 0; the lowest of either side holds all changes below `high`.
    """

    sign: int
    low: int
    high: int
    count: int


@dataclass(frozen=True)
class Movement:
    """How lines or retailers move from `a` to `b`.

    Parameters
    ----------
    gaining, losing, unchanged
        How many of them.
    units_gained, units_lost
        By all winners and all losers together; both 0 or more.
    winners, losers
        Those that move furthest, the furthest first; equal ones in byte order of their names.
    histogram
        All of them by their change, the greatest loss first.
    """

    gaining: int
    losing: int
    unchanged: int
    units_gained: Units
    units_lost: Units
    winners: tuple[Change, ...]
    losers: tuple[Change, ...]
    histogram: tuple[Bin, ...]

    @property
    def count(self) -> int:
        """All of them."""
        return self.gaining + self.losing + self.unchanged


@dataclass(frozen=True)
class Side:
    """One policy and the figures of its result: `totals`, `evenness` and `reasons` as in ``report.json``."""

    name: str
    policy: Mapping[str, str]
    totals: Mapping[str, Any]
    evenness: Mapping[str, Any]
    reasons: Mapping[str, int]

    @property
    def fill(self) -> float:
        """Which part of what was eligible is granted; 1 where nothing was."""
        return _part(self.totals["granted"], self.totals["eligible"])


@dataclass(frozen=True)
class GroupRow:
    """What the retailers with one label of a group get."""

    value: str
    retailers: int
    eligible: int
    a: float
    b: float

    @property
    def fill_a(self) -> float:
        """Which part of what was eligible `a` grants; 1 where nothing was."""
        return _part(self.a, self.eligible)

    @property
    def fill_b(self) -> float:
        """Which part of what was eligible `b` grants; 1 where nothing was."""
        return _part(self.b, self.eligible)


@dataclass(frozen=True)
class SkuRow:
    """What is granted of one SKU."""

    sku: str
    pack: int
    supply: int
    eligible: int
    a: float
    b: float


@dataclass(frozen=True)
class Comparison:
    """Two policies on one problem; `groups` holds the rows of each group (tier, region, …) by its name."""

    input_sha256: str
    a: Side
    b: Side
    lines: Movement
    retailers: Movement
    groups: Mapping[str, tuple[GroupRow, ...]]
    skus: tuple[SkuRow, ...]

    def as_dict(self) -> dict[str, Any]:
        """Return all of it, ready for JSON; fractions become the nearest floats."""
        return {"format": FORMAT, **dict(_members(self))}


def _plain(value: Any) -> Any:
    if is_dataclass(value) and not isinstance(value, type):
        return dict(_members(value))
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return json_number(value) if isinstance(value, Fraction) else value


def _members(value: Any) -> Iterator[tuple[str, Any]]:
    for member in fields(value):
        yield member.name, _plain(getattr(value, member.name))
    if isinstance(value, Change):
        yield "change", _plain(value.change)


def _part(granted: float, eligible: int) -> float:
    return float(Fraction(granted) / eligible) if eligible else 1.0

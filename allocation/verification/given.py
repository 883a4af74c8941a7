"""The problem as the checker sees it: one array a column, names as positions in sorted lists."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from allocation.limits import NO_LIMIT
from allocation.problem import Problem

Ints = npt.NDArray[np.int64]
Codes = npt.NDArray[np.integer[Any]]
"""Positions in a list of names."""
NONE: Final = -1
"""Stands for an absent number."""
ADJUSTMENT_TEXTS: Final = ("reason", "author", "approver")


@dataclass(frozen=True, eq=False)
class Skus:
    """The supply, one entry a SKU, in byte order of the names; quantities in units."""

    names: Sequence[str]
    supply: Ints
    pack: Ints
    price_minor: Ints
    reserve: Ints
    minimum: Ints
    basket: Sequence[str]


@dataclass(frozen=True, eq=False)
class Retailers:
    """The retailers in byte order of the names; `listed` where a table of them was given.

    `groups` holds each group's label of every retailer, empty where it has none.
    """

    names: Sequence[str]
    listed: bool
    weight: Ints
    credit_minor: Ints
    max_units: Ints
    groups: Mapping[str, Sequence[str]]


@dataclass(frozen=True, eq=False)
class Adjustments:
    """Manual decisions in the order of their lines: units granted; reason, author and approver."""

    line: Ints
    granted: Ints
    texts: Sequence[tuple[str, str, str]]


@dataclass(frozen=True, eq=False)
class Given:
    """The problem, lines sorted by retailer and SKU; :data:`NONE` stands for absent numbers.

    `exclusive` are positions in `labels`, each of which some line has. `quotas` maps (group, value, SKU) to units.
    """

    retailer: Codes
    sku: Codes
    requested: Ints
    floor: Ints
    cap: Ints
    weight: Ints
    carry: Ints
    minimum: Ints
    all_or_nothing: Ints | npt.NDArray[np.bool_]
    exclusive: Codes
    labels: Sequence[str]
    skus: Skus
    retailers: Retailers
    quotas: Mapping[tuple[str, str, str], int]
    adjustments: Adjustments

    def __len__(self) -> int:
        """Return the number of lines."""
        return len(self.sku)

    @property
    def without_minimums(self) -> bool:
        """Whether it is plain, without looking at the lines, that none has a minimum or is all or nothing."""
        return is_all(NONE, self.minimum) and is_all(0, self.all_or_nothing) and not self.skus.minimum.any()

    def names(self, line: int) -> tuple[str, str]:
        """Return retailer and SKU of a line."""
        return self.retailers.names[self.retailer[line]], self.skus.names[self.sku[line]]

    def place(self, line: int) -> str:
        """Return how a line is named in findings."""
        return ", ".join(self.names(line))

    def weights(self, part: slice = slice(None)) -> Ints:
        """Return the weight that holds for each line: its own, else its retailer's, else 1."""
        own = self.weight[part]
        if is_all(NONE, own):
            return self.retailers.weight[self.retailer[part]]
        return np.where(own == NONE, self.retailers.weight[self.retailer[part]], own)


def is_all(value: int, column: npt.NDArray[Any]) -> bool:
    """Say whether a column is one number in the memory of one, and this one; a column is not looked through."""
    return column.strides == (0,) and len(column) > 0 and bool(column[0] == value)


def units_of(packs: Ints, pack: Ints) -> Ints:
    """Return packs in units."""
    return packs if is_all(1, pack) else packs * pack


def no_adjustments() -> Adjustments:
    """Return the table where none was given."""
    nothing = np.empty(0, dtype=np.int64)
    return Adjustments(nothing, nothing, ())


def given_by(problem: Problem) -> Given:
    """Take the columns of a problem."""
    requests, supply, retailers, quotas = problem.requests, problem.supply, problem.retailers, problem.quotas
    return Given(
        requests.retailer,
        requests.sku,
        requests.requested,
        requests.floor,
        _or_none(requests.cap, NO_LIMIT),
        _or_none(requests.weight, 0),
        requests.carry,
        requests.minimum,
        requests.all_or_nothing,
        requests.exclusive,
        requests.labels,
        Skus(
            supply.sku,
            supply.supply,
            supply.pack,
            _or_none(supply.price_minor, NO_LIMIT),
            supply.reserve,
            supply.minimum,
            supply.basket,
        ),
        Retailers(
            retailers.retailer,
            retailers.listed,
            retailers.weight,
            _or_none(retailers.credit_minor, NO_LIMIT),
            _or_none(retailers.max_units, NO_LIMIT),
            retailers.groups,
        ),
        dict(zip(zip(quotas.group, quotas.value, quotas.sku, strict=True), quotas.max_units.tolist(), strict=True)),
        _adjustments(problem),
    )


def _or_none(numbers: Ints, absent: int) -> Ints:
    """Replace what stands for an absent number; a column of one number that stands for all stays one."""
    if numbers.strides == (0,) and len(numbers):
        return np.broadcast_to(np.int64(NONE) if numbers[0] == absent else numbers[0], len(numbers))
    return np.where(numbers == absent, NONE, numbers)


def _adjustments(problem: Problem) -> Adjustments:
    decisions = problem.adjustments
    texts = list(zip(decisions.reason, decisions.author, decisions.approver, strict=True))
    return Adjustments(decisions.line, decisions.granted, texts)

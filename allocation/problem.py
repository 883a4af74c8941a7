"""The problem: who asks for what, what there is, and within which limits. Frozen, checked, held in arrays."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from functools import cached_property

import numpy as np
import numpy.typing as npt

from allocation.columns import Column, IntArray, RawTable
from allocation.constraints import Constraints, gather_constraints
from allocation.errors import InputError
from allocation.limits import NO_LIMIT
from allocation.tables import (
    ABSENT,
    Quotas,
    Requests,
    Retailers,
    Supply,
    no_quotas,
    read_quotas,
    read_requests,
    read_retailers,
    read_supply,
    unlisted_retailers,
)


@dataclass(frozen=True, eq=False)
class Lines:
    """What follows for each order line, in the order of the requests; quantities in whole packs.

    `floor` is granted first and never above `eligible`; `minimum` is the least that a line may get unless it gets
    nothing, 0 where there is none or the floor already covers it.
    """

    pack: IntArray
    eligible: IntArray
    floor: IntArray
    minimum: IntArray
    weight: IntArray
    capped: npt.NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Problem:
    """An allocation problem. Make one by :meth:`from_columns`; a folder becomes one by ``folders.read_problem``.

    Lines are kept sorted by retailer, then SKU, in byte order of the names, so that the order of arrival can play
    no part. Everything is read-only.
    """

    requests: Requests
    supply: Supply
    retailers: Retailers
    quotas: Quotas
    lines: Lines = field(init=False)
    constraints: Constraints = field(init=False)

    def __post_init__(self) -> None:
        """Derive what follows for each line, and freeze the arrays."""
        object.__setattr__(self, "lines", _lines(self.requests, self.supply, self.retailers))
        gathered = gather_constraints(self.requests, self.supply, self.retailers, self.quotas)
        object.__setattr__(self, "constraints", gathered)
        for table in (self.requests, self.supply, self.retailers, self.quotas, self.lines):
            for column in fields(table):
                if isinstance(array := getattr(table, column.name), np.ndarray):
                    array.setflags(write=False)

    def __len__(self) -> int:
        """Return the number of lines."""
        return len(self.requests.sku)

    @classmethod
    def from_columns(
        cls,
        requests: Mapping[str, Column],
        supply: Mapping[str, Column],
        retailers: Mapping[str, Column] | None = None,
        quotas: Mapping[str, Column] | None = None,
    ) -> "Problem":
        """Make a problem of columns named as in the files.

        Parameters
        ----------
        requests
            ``retailer, sku, requested`` and, where wanted, ``floor, cap, weight, carry, minimum, all_or_nothing``.
        supply
            ``sku, supply`` and, where wanted, ``pack, price_minor, reserve, minimum``.
        retailers
            ``retailer`` and, where wanted, ``weight, credit_minor, max_units, group:NAME``; None: weight 1 for all.
        quotas
            ``group, value, sku, max_units``.

        Raises
        ------
        InputError
            For the first fault, with table (named as its file), row (the first is 2), column and value.
        """
        return cls.from_tables(
            RawTable("requests.csv", requests),
            RawTable("supply.csv", supply),
            None if retailers is None else RawTable("retailers.csv", retailers),
            None if quotas is None else RawTable("quotas.csv", quotas),
        )

    @classmethod
    def from_tables(
        cls, requests: RawTable, supply: RawTable, retailers: RawTable | None, quotas: RawTable | None
    ) -> "Problem":
        """Make a problem of tables as they were read; see :meth:`from_columns`."""
        checked_supply = read_supply(supply)
        checked_retailers = unlisted_retailers(requests) if retailers is None else read_retailers(retailers)
        checked_quotas = no_quotas() if quotas is None else read_quotas(quotas, checked_retailers, checked_supply)
        checked_requests, order = read_requests(requests, checked_retailers, checked_supply)
        problem = cls(checked_requests, checked_supply, checked_retailers, checked_quotas)
        _refuse_missing_prices(problem, requests, order)
        _refuse_floors_that_overdraw(problem, requests, order)
        return problem

    def names(self, line: int) -> tuple[str, str]:
        """Return SKU and retailer of a line."""
        requests = self.requests
        return self.supply.sku[requests.sku[line]], self.retailers.retailer[requests.retailer[line]]

    @cached_property
    def has_minimums(self) -> bool:
        """Whether a line must get at least some packs or nothing."""
        return bool((self.lines.minimum > 0).any())


def _lines(requests: Requests, supply: Supply, retailers: Retailers) -> Lines:
    pack = supply.pack[requests.sku]
    wanted = requests.requested // pack
    eligible = np.minimum(requests.requested, requests.cap) // pack
    capped = eligible < wanted
    minimum_units = np.where(requests.minimum == ABSENT, supply.minimum[requests.sku], requests.minimum)
    minimum = np.where(requests.all_or_nothing, eligible, -(-minimum_units // pack))
    eligible = np.where(minimum > eligible, 0, eligible)
    floor = np.minimum(-(-requests.floor // pack), eligible)
    floor = np.where(floor > 0, np.minimum(np.maximum(floor, minimum), eligible), 0)
    minimum = np.where((minimum > 1) & (minimum > floor) & (eligible > 0), minimum, 0)
    weight = np.where(requests.weight > 0, requests.weight, retailers.weight[requests.retailer])
    return Lines(pack, eligible, floor, minimum, weight, capped)


def _refuse_missing_prices(problem: Problem, raw: RawTable, order: IntArray) -> None:
    requests = problem.requests
    missing = (
        (problem.retailers.credit_minor[requests.retailer] < NO_LIMIT)
        & (problem.supply.price_minor[requests.sku] == NO_LIMIT)
        & (requests.requested > 0)
    )
    if missing.any():
        raw.refuse(
            int(order[missing].min()),
            "sku",
            "requested by a retailer with credit, but it has no price; give price_minor in supply.csv",
        )


def _refuse_floors_that_overdraw(problem: Problem, raw: RawTable, order: IntArray) -> None:
    """Add the floors up in the order of the rows, and refuse the first that its constraints have no room for."""
    floor, constraints = problem.lines.floor, problem.constraints
    with_floor = np.flatnonzero(floor)
    used: dict[int, int] = {}
    for line in with_floor[np.argsort(order[with_floor])].tolist():
        for constraint, size, _ in constraints.of_line(line, *_pack_and_price(problem, line)):
            used[constraint] = used.get(constraint, 0) + size * int(floor[line])
            if used[constraint] > constraints.limits[constraint]:
                total = sum(
                    size * int(floor[other])
                    for other in with_floor.tolist()
                    for c, size, _ in constraints.of_line(other, *_pack_and_price(problem, other))
                    if c == constraint
                )
                limit = constraints.limits[constraint]
                raise InputError(
                    raw.name,
                    f"floors of {total} are above {constraints.names[constraint]} of {limit}; lower a floor",
                    row=raw.row(int(order[line])),
                    column="floor",
                    value=str(problem.requests.floor[line]),
                )


def _pack_and_price(problem: Problem, line: int) -> tuple[int, int]:
    sku = problem.requests.sku[line]
    return int(problem.supply.pack[sku]), int(problem.supply.price_minor[sku])

"""The problem: who asks for what, what there is, and within which limits. Frozen, checked, held in arrays."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from functools import cached_property

import numpy as np
import numpy.typing as npt

from allocation.adjustments import FILE as ADJUSTMENTS_FILE
from allocation.adjustments import Adjustments, no_adjustments, read_adjustments
from allocation.columns import Column, IntArray, RawTable
from allocation.constraints import Constraints, gather_constraints
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
    nothing, 0 where there is none or the floor already covers it. A line that was decided by hand has what was decided
    as its floor and no minimum; `eligible` stays what it is without the decision.
    """

    pack: IntArray
    eligible: IntArray
    floor: IntArray
    minimum: IntArray
    weight: IntArray
    capped: npt.NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class _Promise:
    """What a line gets before everything else, and the cell that says so."""

    line: np.int64
    raw: RawTable
    row: np.int64 | int
    column: str
    called: str


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
    adjustments: Adjustments = field(default_factory=no_adjustments)
    lines: Lines = field(init=False)
    constraints: Constraints = field(init=False)

    def __post_init__(self) -> None:
        """Derive what follows for each line, and freeze the arrays."""
        object.__setattr__(self, "lines", _lines(self.requests, self.supply, self.retailers, self.adjustments))
        gathered = gather_constraints(self.requests, self.supply, self.retailers, self.quotas)
        object.__setattr__(self, "constraints", gathered)
        for table in (self.requests, self.supply, self.retailers, self.quotas, self.adjustments, self.lines):
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
        adjustments: Mapping[str, Column] | None = None,
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
        adjustments
            ``retailer, sku, granted, reason, author, approver``: lines decided by hand.

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
            None if adjustments is None else RawTable(ADJUSTMENTS_FILE, adjustments),
        )

    @classmethod
    def from_tables(
        cls,
        requests: RawTable,
        supply: RawTable,
        retailers: RawTable | None,
        quotas: RawTable | None,
        adjustments: RawTable | None = None,
    ) -> "Problem":
        """Make a problem of tables as they were read; see :meth:`from_columns`."""
        checked_supply = read_supply(supply)
        checked_retailers = unlisted_retailers(requests) if retailers is None else read_retailers(retailers)
        checked_quotas = no_quotas() if quotas is None else read_quotas(quotas, checked_retailers, checked_supply)
        checked_requests, order = read_requests(requests, checked_retailers, checked_supply)
        decided = (
            no_adjustments()
            if adjustments is None
            else read_adjustments(adjustments, checked_requests, checked_retailers, checked_supply)
        )
        problem = cls(checked_requests, checked_supply, checked_retailers, checked_quotas, decided)
        _refuse_missing_prices(problem, requests, order)
        promises = _floors(problem, requests, order)
        if adjustments is not None:
            _refuse_more_than_eligible(problem, adjustments)
            promises += _decisions(problem, adjustments)
        _refuse_what_overdraws(problem, promises)
        return problem

    def names(self, line: int) -> tuple[str, str]:
        """Return SKU and retailer of a line."""
        requests = self.requests
        return self.supply.sku[requests.sku[line]], self.retailers.retailer[requests.retailer[line]]

    @cached_property
    def lines_to_fill(self) -> Lines:
        """What a filling may give to each line: to one that was decided by hand that, no more and no less."""
        if not len(self.adjustments):
            return self.lines
        eligible, decided = self.lines.eligible.copy(), self.adjustments.line
        eligible[decided] = self.lines.floor[decided]
        return replace(self.lines, eligible=eligible)

    @cached_property
    def has_minimums(self) -> bool:
        """Whether a line must get at least some packs or nothing."""
        return bool((self.lines.minimum > 0).any())


def _lines(requests: Requests, supply: Supply, retailers: Retailers, adjustments: Adjustments) -> Lines:
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
    decided = adjustments.line
    floor[decided], minimum[decided] = adjustments.granted // pack[decided], 0
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


def _refuse_more_than_eligible(problem: Problem, raw: RawTable) -> None:
    line, order = problem.adjustments.line, problem.adjustments.order
    most = problem.lines.eligible[line] * problem.lines.pack[line]
    above = np.flatnonzero(problem.adjustments.granted > most)
    if above.size:
        first = above[order[above].argmin()]
        raw.refuse(int(order[first]), "granted", f"more than the {most[first]} that the line is eligible for; lower it")


def _floors(problem: Problem, raw: RawTable, order: IntArray) -> list[_Promise]:
    """Return the lines with a floor in the order of their rows, those decided by hand left out."""
    promised = problem.lines.floor > 0
    promised[problem.adjustments.line] = False
    lines = np.flatnonzero(promised)
    lines = lines[np.argsort(order[lines])]
    return [_Promise(line, raw, row, "floor", "floors") for line, row in zip(lines, order[lines], strict=True)]


def _decisions(problem: Problem, raw: RawTable) -> list[_Promise]:
    """Return the lines decided by hand in the order of their rows."""
    lines, what = problem.adjustments.line[np.argsort(problem.adjustments.order)], "floors and manual decisions"
    return [_Promise(line, raw, row, "granted", what) for row, line in enumerate(lines)]


def _refuse_what_overdraws(problem: Problem, promises: Sequence[_Promise]) -> None:
    """Add up what is given before everything else, and refuse the first that its constraints have no room for."""
    constraints = problem.constraints
    used: dict[int, int] = {}
    for number, promise in enumerate(promises):
        for constraint, amount in _takes(problem, promise.line):
            used[constraint] = used.get(constraint, 0) + amount
            if used[constraint] > constraints.limits[constraint]:
                after = (use for other in promises[number + 1 :] for use in _takes(problem, other.line))
                total = used[constraint] + sum(more for other, more in after if other == constraint)
                limit = constraints.limits[constraint]
                promise.raw.refuse(
                    int(promise.row),
                    promise.column,
                    f"{promise.called} of {total} are above {constraints.names[constraint]} of {limit}; lower one",
                )


def _takes(problem: Problem, line: np.int64) -> Iterator[tuple[int, int]]:
    """Yield what a line's floor takes of each of its constraints."""
    sku, floor = problem.requests.sku[line], int(problem.lines.floor[line])
    pack, price = int(problem.supply.pack[sku]), int(problem.supply.price_minor[sku])
    for constraint, size, _ in problem.constraints.of_line(int(line), pack, price):
        yield constraint, size * floor

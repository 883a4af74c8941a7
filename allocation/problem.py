"""The problem: who asks for what, what there is, and within which limits. Frozen, checked, held in arrays."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from functools import cached_property
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from allocation.adjustments import FILE as ADJUSTMENTS_FILE
from allocation.adjustments import Adjustments, no_adjustments, read_adjustments
from allocation.conflicts import smallest_conflict
from allocation.constraints import Constraints, gather_constraints
from allocation.limits import NO_LIMIT
from allocation.problem_tables import (
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
from allocation.tables.columns import Column, IntArray, RawTable, constant, is_all

STRETCH_LINES: Final = 1 << 16
"""Lines that are worked on at a time, so that what is in between stays small and near."""


_CONFLICT_NAMED: Final = 5
"""How many of the promises that cannot stand together a message names."""


@dataclass(frozen=True, eq=False)
class Lines:
    """What follows for each order line, in the order of the requests; quantities in whole packs.

    A column that is the same for all lines takes no memory, and `eligible` none where it is what is requested.

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

    def units(self, problem: "Problem") -> int:
        """Return what is promised, in units."""
        return int(problem.lines.floor[self.line]) * int(problem.lines.pack[self.line])


@dataclass(frozen=True, eq=False)
class Problem:
    """An allocation problem. Make one by :meth:`from_columns`; a folder becomes one by ``folders.read_problem``.

    Lines are kept sorted by retailer, then SKU, in byte order of the names, so that the order of arrival can play
    no part; `arrival` holds the lines in that order only where a comparison asked for it. Everything is read-only.
    """

    requests: Requests
    supply: Supply
    retailers: Retailers
    quotas: Quotas
    adjustments: Adjustments = field(default_factory=no_adjustments)
    arrival: IntArray | None = None
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
        *,
        keep_arrival: bool = False,
    ) -> "Problem":
        """Make a problem of columns named as in the files.

        Parameters
        ----------
        requests
            ``retailer, sku, requested`` and, where wanted, ``floor, cap, weight, carry, minimum, all_or_nothing,
            exclusive``.
        supply
            ``sku, supply`` and, where wanted, ``pack, price_minor, reserve, minimum, basket``.
        retailers
            ``retailer`` and, where wanted, ``weight, credit_minor, max_units, group:NAME``; None: weight 1 for all.
        quotas
            ``group, value, sku, max_units``.
        adjustments
            ``retailer, sku, granted, reason, author, approver``: lines decided by hand.
        keep_arrival
            Whether the order of the requests is remembered as the order of arrival, for comparing with first_come.

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
            keep_arrival=keep_arrival,
        )

    @classmethod
    def from_tables(
        cls,
        requests: RawTable,
        supply: RawTable,
        retailers: RawTable | None,
        quotas: RawTable | None,
        adjustments: RawTable | None = None,
        *,
        keep_arrival: bool = False,
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
        arrival = None
        if keep_arrival:
            arrival = np.arange(len(checked_requests.sku)) if order is None else np.argsort(order)
        problem = cls(checked_requests, checked_supply, checked_retailers, checked_quotas, decided, arrival)
        _refuse_missing_prices(problem, requests, order)
        promises = _floors(problem, requests, order)
        if adjustments is not None:
            _refuse_more_than_eligible(problem, adjustments)
            promises += _decisions(problem, adjustments)
        _refuse_what_overdraws(problem, promises)
        _refuse_what_excludes_each_other(problem, promises)
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

    @cached_property
    def has_choices(self) -> bool:
        """Whether it is to be chosen who gets something at all: lines have minimums, or exclude each other."""
        return self.has_minimums or len(self.requests.labels) > 0


def _lines(requests: Requests, supply: Supply, retailers: Retailers, adjustments: Adjustments) -> Lines:
    one_unit = _all_are(1, supply.pack)
    has_minimum = not (
        _all_are(0, supply.minimum) and is_all(ABSENT, requests.minimum) and is_all(0, requests.all_or_nothing)
    )
    has_cap = not is_all(NO_LIMIT, requests.cap)
    varying = {
        "pack": not one_unit,
        "eligible": not one_unit or has_cap or has_minimum,
        "floor": not is_all(0, requests.floor) or len(adjustments) > 0,
        "minimum": has_minimum,
        "weight": not (is_all(0, requests.weight) and _all_are(1, retailers.weight)),
        "capped": has_cap,
    }
    count = len(requests.sku)
    columns: dict[str, npt.NDArray[Any]] = {
        name: np.empty(count, dtype=np.bool_ if name == "capped" else np.int64)
        for name, varies in varying.items()
        if varies
    }
    for start in range(0, count, STRETCH_LINES):
        here = slice(start, start + STRETCH_LINES)
        values = _lines_of(requests, supply, retailers, here)
        for name, column in columns.items():
            column[here] = values[name]
    decided = adjustments.line
    if decided.size:
        columns["floor"][decided] = adjustments.granted // supply.pack[requests.sku[decided]]
        if has_minimum:
            columns["minimum"][decided] = 0
    nothing, one = constant(0, count), constant(1, count)
    return Lines(
        pack=columns.get("pack", one),
        eligible=columns.get("eligible", requests.requested),
        floor=columns.get("floor", nothing),
        minimum=columns.get("minimum", nothing),
        weight=columns.get("weight", one),
        capped=columns.get("capped", np.broadcast_to(np.False_, count)),
    )


def _lines_of(requests: Requests, supply: Supply, retailers: Retailers, here: slice) -> dict[str, npt.NDArray[Any]]:
    sku, requested = requests.sku[here], requests.requested[here]
    pack = supply.pack[sku]
    wanted = requested // pack
    eligible = np.minimum(requested, requests.cap[here]) // pack
    capped = eligible < wanted
    all_or_nothing = requests.all_or_nothing[here]
    minimum_units = np.where(requests.minimum[here] == ABSENT, supply.minimum[sku], requests.minimum[here])
    minimum = np.where(all_or_nothing, eligible, -(-minimum_units // pack))
    eligible = np.where(minimum > eligible, 0, eligible)
    floor = np.minimum(-(-requests.floor[here] // pack), eligible)
    floor = np.where(floor > 0, np.minimum(np.maximum(floor, minimum), eligible), 0)
    minimum = np.where((minimum > 1) & (minimum > floor) & (eligible > 0), minimum, 0)
    weight = requests.weight[here]
    weight = np.where(weight > 0, weight, retailers.weight[requests.retailer[here]])
    return {"pack": pack, "eligible": eligible, "floor": floor, "minimum": minimum, "weight": weight, "capped": capped}


def _all_are(number: int, column: IntArray) -> bool:
    return bool((column == number).all())


def _refuse_missing_prices(problem: Problem, raw: RawTable, order: IntArray | None) -> None:
    requests = problem.requests
    if _all_are(NO_LIMIT, problem.retailers.credit_minor):
        return
    missing = (
        (problem.retailers.credit_minor[requests.retailer] < NO_LIMIT)
        & (problem.supply.price_minor[requests.sku] == NO_LIMIT)
        & (requests.requested > 0)
    )
    if missing.any():
        raw.refuse(
            int(missing.argmax() if order is None else order[missing].min()),
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


def _floors(problem: Problem, raw: RawTable, order: IntArray | None) -> list[_Promise]:
    """Return the lines with a floor in the order of their rows, those decided by hand left out."""
    if is_all(0, problem.lines.floor):
        return []
    promised = problem.lines.floor > 0
    promised[problem.adjustments.line] = False
    lines = np.flatnonzero(promised)
    rows = lines if order is None else order[lines]
    in_order = np.argsort(rows)
    return [
        _Promise(line, raw, row, "floor", "floors") for line, row in zip(lines[in_order], rows[in_order], strict=True)
    ]


def _decisions(problem: Problem, raw: RawTable) -> list[_Promise]:
    """Return the lines decided by hand in the order of their rows."""
    lines, what = problem.adjustments.line[np.argsort(problem.adjustments.order)], "floors and manual decisions"
    return [_Promise(line, raw, row, "granted", what) for row, line in enumerate(lines)]


def _refuse_what_overdraws(problem: Problem, promises: Sequence[_Promise]) -> None:
    """Add up what is given before everything else; where that overdraws a constraint, name the fewest that do."""
    constraints = problem.constraints
    conflict = smallest_conflict((_takes(problem, promise.line) for promise in promises), constraints.limits)
    if conflict is None:
        return
    members = [promises[number] for number in conflict.members]
    named = [
        "{1}, {0} ({2})".format(*problem.names(int(promise.line)), promise.units(problem))
        for promise in members[:_CONFLICT_NAMED]
    ]
    named += [f"{len(members) - len(named)} more"] * (len(members) > len(named))
    members[-1].raw.refuse(
        int(members[-1].row),
        members[-1].column,
        f"{members[-1].called} of {conflict.total} are above {constraints.names[conflict.constraint]} of "
        f"{constraints.limits[conflict.constraint]}; together too much are already: {'; '.join(named)}; lower one",
    )


def _refuse_what_excludes_each_other(problem: Problem, promises: Sequence[_Promise]) -> None:
    """Refuse the second line of a bundle that is given something before everything else."""
    requests = problem.requests
    if not requests.labels:
        return
    promised: dict[tuple[int, int], _Promise] = {}
    for promise in promises:
        bundle = int(requests.retailer[promise.line]), int(requests.exclusive[promise.line])
        if bundle[1] == ABSENT or not promise.units(problem):
            continue
        other = promised.setdefault(bundle, promise)
        if other is not promise:
            sku, retailer = problem.names(int(other.line))
            label = requests.labels[bundle[1]]
            promise.raw.refuse(
                int(promise.row),
                promise.column,
                f"of the lines that exclude each other as {label} only one may get something, and {retailer}, {sku} "
                f"already has {other.units(problem)} in {other.raw.name}; take one out",
            )


def _takes(problem: Problem, line: np.int64) -> Iterator[tuple[int, int]]:
    """Yield what a line's floor takes of each of its constraints."""
    sku, floor = problem.requests.sku[line], int(problem.lines.floor[line])
    pack, price = int(problem.supply.pack[sku]), int(problem.supply.price_minor[sku])
    for constraint, size, _ in problem.constraints.of_line(int(line), pack, price):
        yield constraint, size * floor

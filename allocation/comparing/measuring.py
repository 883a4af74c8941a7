"""Compare: solve one problem under two policies, and put the two results side by side."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from allocation.comparing.comparison import Bin, Change, Comparison, GroupRow, Movement, Side, SkuRow
from allocation.comparing.first_come import fill_first_come, order_of_arrival
from allocation.errors import InputError
from allocation.hashing.canonical import input_sha256
from allocation.limits import WORD_END
from allocation.policy import FirstCome, Policy
from allocation.problem import Problem
from allocation.reasons import reasons
from allocation.reporting.figures import report_figures
from allocation.result import Result
from allocation.solving import Progress, solve
from allocation.tables.columns import Positions

SHOWN: Final = 20
"""Winners and losers that are named, each way."""

BINS_A_SIDE: Final = 9

Amounts = npt.NDArray[Any]
"""Units: int64 where they and their sums fit, else integers or fractions as objects."""


def compare(
    problem: Problem,
    policy_a: Policy | FirstCome | Result,
    policy_b: Policy | FirstCome | Result,
    *,
    seed: str | None = None,
    names: tuple[str, str] = ("A", "B"),
    progress: Progress = lambda _stage, _done, _all: None,
) -> Comparison:
    """Put two policies side by side on one frozen problem.

    Parameters
    ----------
    problem
        The frozen problem; read with its order of arrival where one of the policies is the baseline ``first_come``.
    policy_a, policy_b
        Policies to solve under, or results of this problem that are there already.
    seed
        64 hexadecimal digits; used instead of the seeds of both policies.
    names
        What the two are called.
    progress
        Told now and then how far it is.

    Returns
    -------
    Comparison
        The same for the same arguments, whatever the order of the rows (but for ``first_come``).

    Raises
    ------
    InputError
        Where a policy and the problem do not go together, a seed is missing, or a result is of another problem.
    """
    frozen = input_sha256(problem)
    a, b = (_outcome(problem, frozen, policy, seed, progress) for policy in (policy_a, policy_b))
    return _side_by_side(problem, frozen, a, b, names)


def compare_results(
    problem: Problem, result_a: Result, result_b: Result, *, names: tuple[str, str] = ("A", "B")
) -> Comparison:
    """Put two results of the same lines side by side, also where their limits across lines differ.

    Parameters
    ----------
    problem
        What `result_a` is a result of.
    result_a, result_b
        Of the same requests and supply; credit, quotas and what is all or nothing may differ.
    names
        What the two are called.

    Raises
    ------
    InputError
        Where the results are of other lines.
    """
    frozen = input_sha256(problem)
    a = _outcome(problem, frozen, result_a, None, lambda *_: None)
    if (
        not np.array_equal(result_a.requested, result_b.requested)
        or [row["sku"] for row in result_a.report["skus"]] != [row["sku"] for row in result_b.report["skus"]]
        or result_a.retailer.tolist() != result_b.retailer.tolist()
    ):
        raise InputError("certificate.json", "the two results are of different lines", column="input_sha256")
    return _side_by_side(problem, frozen, a, _Outcome(result_b.granted, result_b.report), names)


def _side_by_side(problem: Problem, frozen: str, a: "_Outcome", b: "_Outcome", names: tuple[str, str]) -> Comparison:
    retailer = problem.requests.retailer
    eligible = problem.lines.eligible * problem.lines.pack
    lines = _Moved(retailer, problem.requests.sku, problem.requests.requested, eligible, a.granted, b.granted)
    return Comparison(
        input_sha256=frozen,
        a=_side(names[0], a.report),
        b=_side(names[1], b.report),
        lines=lines.movement(problem),
        retailers=lines.by_retailer().movement(problem),
        groups={group: _group(rows, b.report["groups"][group]) for group, rows in a.report["groups"].items()},
        skus=tuple(
            SkuRow(row["sku"], row["pack"], row["supply"], row["eligible"], row["granted"], other["granted"])
            for row, other in zip(a.report["skus"], b.report["skus"], strict=True)
        ),
    )


@dataclass(frozen=True, eq=False)
class _Outcome:
    granted: Amounts
    report: Mapping[str, Any]


def _outcome(
    problem: Problem, frozen: str, policy: Policy | FirstCome | Result, seed: str | None, progress: Progress
) -> _Outcome:
    if isinstance(policy, Result):
        if policy.certificate["input_sha256"] != frozen:
            raise InputError("certificate.json", "a result of another problem", column="input_sha256")
        return _Outcome(policy.granted, policy.report)
    if isinstance(policy, Policy):
        result = solve(problem, policy, seed=seed, progress=progress)
        return _Outcome(result.granted, result.report)
    filling = fill_first_come(problem)
    reason = reasons(problem, order_of_arrival(problem), filling)
    return _Outcome(filling.granted * problem.lines.pack, report_figures(problem, policy, filling, reason, {}))


def _side(name: str, report: Mapping[str, Any]) -> Side:
    return Side(name, report["policy"], report["totals"], report["evenness"], report["reasons"])


def _group(rows: list[dict[str, Any]], others: list[dict[str, Any]]) -> tuple[GroupRow, ...]:
    """Return a group's rows, numbered labels in the order of their numbers."""
    both = sorted(zip(rows, others, strict=True), key=lambda pair: _label_order(pair[0]["value"]))
    return tuple(
        GroupRow(row["value"], row["retailers"], row["eligible"], row["granted"], other["granted"])
        for row, other in both
    )


def _label_order(label: str) -> tuple[bool, int, str]:
    is_number = label.isascii() and label.isdigit()
    return (not is_number, int(label) if is_number else 0, label)


@dataclass(frozen=True, eq=False)
class _Moved:
    """Claimants under both policies, sorted by name; `sku` is None where they are retailers."""

    retailer: Positions
    sku: Positions | None
    requested: Amounts
    eligible: Amounts
    a: Amounts
    b: Amounts

    def by_retailer(self) -> "_Moved":
        """Add up the lines of each retailer that asked for something."""
        starts = np.flatnonzero(np.r_[True, self.retailer[1:] != self.retailer[:-1]][: len(self.retailer)])
        if not starts.size:
            return _Moved(self.retailer, None, self.requested, self.eligible, self.a, self.b)
        sums = (np.add.reduceat(_wide(column), starts) for column in (self.requested, self.eligible, self.a, self.b))
        return _Moved(self.retailer[starts], None, *sums)

    def movement(self, problem: Problem) -> Movement:
        """Say who moves how far."""
        change = self.b - self.a
        up, down = (change > 0).astype(np.bool_), (change < 0).astype(np.bool_)
        return Movement(
            gaining=int(up.sum()),
            losing=int(down.sum()),
            unchanged=int((~up & ~down).sum()),
            units_gained=_plain(_wide(change[up]).sum()),
            units_lost=_plain(-_wide(change[down]).sum()),
            winners=tuple(self._named(problem, line) for line in _furthest(-change, up)),
            losers=tuple(self._named(problem, line) for line in _furthest(change, down)),
            histogram=_histogram(change, up, down),
        )

    def _named(self, problem: Problem, line: int) -> Change:
        return Change(
            problem.retailers.retailer[self.retailer[line]],
            None if self.sku is None else problem.supply.sku[self.sku[line]],
            *(_plain(column[line]) for column in (self.requested, self.eligible, self.a, self.b)),
        )


def _furthest(ascending: Amounts, chosen: npt.NDArray[np.bool_]) -> list[int]:
    """Return the positions of the smallest of the chosen, equal ones in their order."""
    positions = np.flatnonzero(chosen)
    order: list[int] = positions[np.argsort(ascending[positions], kind="stable")[:SHOWN]].tolist()
    return order


def _histogram(change: Amounts, up: npt.NDArray[np.bool_], down: npt.NDArray[np.bool_]) -> tuple[Bin, ...]:
    """Count changes in steps of 1, 2, 5, 10, …; below the largest nine steps of either side all in one."""
    largest = max(_plain(change.max()), -_plain(change.min())) if len(change) else 0
    edges = [1]
    while edges[-1] <= largest:
        edges.append(edges[-1] * 5 // 2 if str(edges[-1])[0] == "2" else edges[-1] * 2)
    edges = edges[-BINS_A_SIDE:]
    bins = [Bin(0, 0, 0, int((~up & ~down).sum()))]
    for sign, chosen in ((-1, down), (1, up)):
        place = np.searchsorted(np.array(edges, dtype=change.dtype), sign * change[chosen], side="right")
        counts = np.bincount(place, minlength=len(edges))
        lows = [0, *edges[:-1]]
        side = [Bin(sign, *parts) for parts in zip(lows, edges, counts[: len(edges)].tolist(), strict=True)]
        bins = [*reversed(side), *bins] if sign < 0 else [*bins, *side]
    return tuple(bins)


def _wide(units: Amounts) -> Amounts:
    """Return the units in a dtype that holds all their sums."""
    if units.dtype == object or float(np.abs(units.astype(np.float64)).sum()) < WORD_END / 2:
        return units
    return units.astype(object)


def _plain(number: Any) -> Any:
    return int(number) if isinstance(number, np.integer) or number == int(number) else number

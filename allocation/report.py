"""The figures of a result: who got how much of what, and how evenly; what ``report.json`` says."""

from fractions import Fraction
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from allocation.adjustments import COLUMNS
from allocation.filling import Filling
from allocation.policy import FirstCome, Policy
from allocation.problem import Problem
from allocation.texts import Coded

FORMAT: Final = "evenhand-report-1"
LORENZ_POINTS: Final = 50


def report_figures(
    problem: Problem, policy: Policy | FirstCome, filling: Filling, reason: Coded[str], hashes: dict[str, str]
) -> dict[str, Any]:
    """Return the figures, ready for JSON; quantities in units, exact up to the last division."""
    requests, lines = problem.requests, problem.lines
    granted = filling.granted.astype(object) * lines.pack.astype(object)
    eligible = lines.eligible.astype(object) * lines.pack.astype(object)
    requested = requests.requested.astype(object)
    retailers = len(problem.retailers.retailer)
    by_retailer = {
        "requested": _sums(requests.retailer, requested, retailers),
        "eligible": _sums(requests.retailer, eligible, retailers),
        "granted": _sums(requests.retailer, granted, retailers),
    }
    asked = np.bincount(requests.retailer, minlength=retailers) > 0
    units = sorted(by_retailer["granted"][asked].tolist())
    skus = _skus(problem, filling, requested, eligible, granted)
    return {
        "format": FORMAT,
        **hashes,
        "policy": policy.as_dict(),
        "totals": {
            "lines": len(problem),
            "retailers": int(asked.sum()),
            "skus": sum(1 for sku in skus if sku["lines"]),
            "requested": int(sum(requested)),
            "eligible": int(sum(eligible)),
            "supply": sum(sku["supply"] for sku in skus if sku["lines"]),
            "granted": json_number(sum(granted)),
        },
        "reasons": _counts(reason),
        "evenness": {
            "gini": _gini(units),
            "jain": _jain(units),
            "largest_1_percent_share": _largest_share(units),
            "retailers_at_zero": sum(1 for number in units if not number),
            "lorenz_granted": _lorenz(units),
            "lorenz_requested": _lorenz(sorted(by_retailer["requested"][asked].tolist())),
        },
        "skus": skus,
        "groups": _groups(problem, asked, by_retailer),
        **({"adjustments": _adjustments(problem, eligible)} if len(problem.adjustments) else {}),
    }


def _counts(reason: Coded[str]) -> dict[str, int]:
    counts = np.bincount(reason.codes, minlength=len(reason.texts)).tolist()
    return dict(sorted((text, count) for text, count in zip(reason.texts, counts, strict=True) if count))


def _skus(
    problem: Problem,
    filling: Filling,
    requested: npt.NDArray[np.object_],
    eligible: npt.NDArray[np.object_],
    granted: npt.NDArray[np.object_],
) -> list[dict[str, Any]]:
    position, count = problem.requests.sku, len(problem.supply.sku)
    lines = np.bincount(position, minlength=count).tolist()
    short = np.bincount(position[filling.stopped_by >= 0], minlength=count).tolist()
    sums = [_sums(position, column, count) for column in (requested, eligible, granted)]
    offered = (problem.supply.supply - problem.supply.reserve) // problem.supply.pack * problem.supply.pack
    return [
        {
            "sku": name,
            "pack": int(problem.supply.pack[i]),
            "supply": int(offered[i]),
            "lines": lines[i],
            "short_lines": short[i],
            "requested": int(sums[0][i]),
            "eligible": int(sums[1][i]),
            "granted": json_number(sums[2][i]),
            "level": str(filling.thresholds[i].level) if i in filling.thresholds else None,
        }
        for i, name in enumerate(problem.supply.sku)
    ]


def _groups(
    problem: Problem, asked: npt.NDArray[np.bool_], by_retailer: dict[str, npt.NDArray[np.object_]]
) -> dict[str, list[dict[str, Any]]]:
    groups: dict[str, list[dict[str, Any]]] = {}
    for group, labels in problem.retailers.groups.items():
        values = sorted({labels[i] for i in np.flatnonzero(asked)})
        member = {value: number for number, value in enumerate(values)}
        positions = np.array([member.get(label, -1) for label in labels], dtype=np.int64)
        inside = asked & (positions >= 0)
        sums = {what: _sums(positions[inside], column[inside], len(values)) for what, column in by_retailer.items()}
        groups[group] = [
            {"value": value, "retailers": int((positions[inside] == i).sum())}
            | {what: json_number(column[i]) for what, column in sums.items()}
            for i, value in enumerate(values)
        ]
    return groups


def _adjustments(problem: Problem, eligible: npt.NDArray[np.object_]) -> list[dict[str, Any]]:
    decided = problem.adjustments
    rows = decided.rows(problem.requests, problem.retailers, problem.supply)
    return [
        dict(zip(COLUMNS, row, strict=True)) | {"eligible": most}
        for row, most in zip(rows, eligible[decided.line].tolist(), strict=True)
    ]


def _sums(group: npt.NDArray[Any], values: npt.NDArray[np.object_], groups: int) -> npt.NDArray[np.object_]:
    sums = np.zeros(groups, dtype=object)
    np.add.at(sums, group, values)
    return sums


def json_number(units: Any) -> int | float:
    """Return whole units as they are; a fraction as the nearest float, since JSON knows no fractions."""
    exact = Fraction(units)
    return exact.numerator if exact.denominator == 1 else float(exact)


def _ratio(numerator: Any, denominator: Any) -> float:
    return round(float(Fraction(numerator) / Fraction(denominator)), 6) if denominator else 0.0


def _gini(ascending: list[Any]) -> float:
    count, total = len(ascending), sum(ascending)
    return _ratio(sum((2 * i - count - 1) * x for i, x in enumerate(ascending, start=1)), count * total)


def _jain(units: list[Any]) -> float:
    return _ratio(sum(units) ** 2, len(units) * sum(x * x for x in units))


def _largest_share(ascending: list[Any]) -> float:
    top = -(-len(ascending) // 100)
    return _ratio(sum(ascending[len(ascending) - top :]), sum(ascending)) if ascending else 0.0


def _lorenz(ascending: list[Any]) -> list[list[float]]:
    """Return points (part of the retailers, part of the units), the retailers with least first."""
    count, total = len(ascending), sum(ascending)
    if not total:
        return [[0.0, 0.0], [1.0, 1.0]]
    sums = np.cumsum(np.array([0, *ascending], dtype=object))
    numbers = sorted({count * step // LORENZ_POINTS for step in range(LORENZ_POINTS + 1)})
    return [[_ratio(number, count), _ratio(sums[number], total)] for number in numbers]

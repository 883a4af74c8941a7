"""The figures of a result: who got how much of what, and how evenly; what ``report.json`` says."""

from fractions import Fraction
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from allocation.adjustments import COLUMNS
from allocation.exact_sums import Units, sums_by, total_of, widened
from allocation.filling.outcome import Filling
from allocation.hashing.line_bytes import stretches
from allocation.limits import WORD_END
from allocation.policy import FirstCome, Policy
from allocation.problem import Problem
from allocation.tables.texts import Coded

FORMAT: Final = "evenhand-report-1"
LORENZ_POINTS: Final = 50


def report_figures(
    problem: Problem, policy: Policy | FirstCome, filling: Filling, reason: Coded[str], hashes: dict[str, str]
) -> dict[str, Any]:
    """Return the figures, ready for JSON; quantities in units, exact up to the last division."""
    requests, lines = problem.requests, problem.lines
    columns = {
        "requested": Units(requests.requested),
        "eligible": Units(lines.eligible, lines.pack),
        "granted": Units(filling.granted, lines.pack),
    }
    retailers = len(problem.retailers.retailer)
    by_retailer = {what: sums_by(requests.retailer, column, retailers) for what, column in columns.items()}
    asked = _asked(problem)
    units, wanted = (np.sort(by_retailer[what][asked]) for what in ("granted", "requested"))
    skus = _skus(
        problem,
        filling,
        {what: sums_by(requests.sku, c, len(problem.supply.sku)) for what, c in columns.items()},
        all_in_baskets=isinstance(policy, Policy) and policy.fairness == "basket",
    )
    return {
        "format": FORMAT,
        **hashes,
        "policy": policy.as_dict(),
        "totals": {
            "lines": len(problem),
            "retailers": int(asked.sum()),
            "skus": sum(1 for sku in skus if sku["lines"]),
            "requested": sum(sku["requested"] for sku in skus),
            "eligible": sum(sku["eligible"] for sku in skus),
            "supply": sum(sku["supply"] for sku in skus if sku["lines"]),
            "granted": json_number(total_of(units)),
        },
        "reasons": _counts(reason),
        "evenness": {
            "gini": _gini(units),
            "jain": _jain(units),
            "largest_1_percent_share": _largest_share(units),
            "retailers_at_zero": int((units == 0).sum()),
            "lorenz_granted": _lorenz(units),
            "lorenz_requested": _lorenz(wanted),
        },
        "skus": skus,
        "groups": _groups(problem, asked, by_retailer),
        **({"adjustments": _adjustments(problem)} if len(problem.adjustments) else {}),
        **({"baskets": _baskets(filling)} if filling.baskets else {}),
    }


def _baskets(filling: Filling) -> dict[str, Any]:
    """Say whether baskets were shared exactly or approximately, and how large the gap to the best may be."""
    approximate = filling.baskets["method"] == "approximate"
    gap = json_number(Fraction(filling.baskets["gap"])) if approximate else 0
    return {"approximate": approximate, "gap": gap}


def _counts(reason: Coded[str]) -> dict[str, int]:
    counts = np.bincount(reason.codes, minlength=len(reason.texts)).tolist()
    return dict(sorted((text, count) for text, count in zip(reason.texts, counts, strict=True) if count))


def _asked(problem: Problem) -> npt.NDArray[np.bool_]:
    """Say which retailers have a line."""
    asked = np.zeros(len(problem.retailers.retailer), dtype=np.bool_)
    for here in stretches(len(problem)):
        asked[problem.requests.retailer[here]] = True
    return asked


def _skus(
    problem: Problem, filling: Filling, sums: dict[str, npt.NDArray[Any]], *, all_in_baskets: bool
) -> list[dict[str, Any]]:
    """Return the figures of each SKU; those of one in a basket name its label, which may be empty."""
    position, count = problem.requests.sku, len(problem.supply.sku)
    lines, short = np.zeros(count, dtype=np.int64), np.zeros(count, dtype=np.int64)
    for here in stretches(len(problem)):
        lines += np.bincount(position[here], minlength=count)
        short += np.bincount(position[here][filling.stopped_by[here] >= 0], minlength=count)
    offered, basket = problem.supply.packs_on_offer * problem.supply.pack, problem.supply.basket
    return [
        {
            "sku": name,
            "pack": int(problem.supply.pack[i]),
            "supply": int(offered[i]),
            "lines": int(lines[i]),
            "short_lines": int(short[i]),
            "requested": int(sums["requested"][i]),
            "eligible": int(sums["eligible"][i]),
            "granted": json_number(sums["granted"][i]),
            "level": str(filling.thresholds[i].level) if i in filling.thresholds else None,
            **({"basket": basket[i]} if all_in_baskets or basket[i] else {}),
        }
        for i, name in enumerate(problem.supply.sku)
    ]


def _groups(
    problem: Problem, asked: npt.NDArray[np.bool_], by_retailer: dict[str, npt.NDArray[Any]]
) -> dict[str, list[dict[str, Any]]]:
    groups: dict[str, list[dict[str, Any]]] = {}
    for group, labels in problem.retailers.groups.items():
        label = Coded.of(labels)
        count = np.bincount(label.codes[asked], minlength=len(label.texts))
        sums = {what: sums_by(label.codes, Units(column), len(label.texts)) for what, column in by_retailer.items()}
        groups[group] = [
            {"value": value, "retailers": int(count[i])}
            | {what: json_number(column[i]) for what, column in sums.items()}
            for value, i in sorted((text, i) for i, text in enumerate(label.texts) if count[i])
        ]
    return groups


def _adjustments(problem: Problem) -> list[dict[str, Any]]:
    decided, lines = problem.adjustments, problem.lines
    rows = decided.rows(problem.requests, problem.retailers, problem.supply)
    eligible = lines.eligible[decided.line] * lines.pack[decided.line]
    return [
        dict(zip(COLUMNS, row, strict=True)) | {"eligible": most}
        for row, most in zip(rows, eligible.tolist(), strict=True)
    ]


def json_number(units: Any) -> int | float:
    """Return whole units as they are; a fraction as the nearest float, since JSON knows no fractions."""
    exact = Fraction(int(units) if isinstance(units, np.integer) else units)
    return exact.numerator if exact.denominator == 1 else float(exact)


def _ratio(numerator: Any, denominator: Any) -> float:
    if not denominator:
        return 0.0
    exact = Fraction(int(numerator) if isinstance(numerator, np.integer) else numerator)
    return round(float(exact / denominator), 6)


def _gini(ascending: npt.NDArray[Any]) -> float:
    count, total = len(ascending), total_of(ascending)
    steps = 2 * np.arange(1, count + 1) - count - 1
    return _ratio((steps * widened(ascending, factor=count)).sum(), count * total)


def _jain(units: npt.NDArray[Any]) -> float:
    most = int(units.max(initial=0)) if units.dtype == np.int64 else WORD_END
    wide = widened(units, factor=most)
    return _ratio(total_of(units) ** 2, len(units) * total_of(wide * wide))


def _largest_share(ascending: npt.NDArray[Any]) -> float:
    top = -(-len(ascending) // 100)
    return _ratio(total_of(ascending[len(ascending) - top :]), total_of(ascending)) if len(ascending) else 0.0


def _lorenz(ascending: npt.NDArray[Any]) -> list[list[float]]:
    """Return points (part of the retailers, part of the units), the retailers with least first."""
    count, total = len(ascending), total_of(ascending)
    if not total:
        return [[0.0, 0.0], [1.0, 1.0]]
    sums = np.concatenate(([0], np.cumsum(widened(ascending)))).tolist()
    numbers = sorted({count * step // LORENZ_POINTS for step in range(LORENZ_POINTS + 1)})
    return [[_ratio(number, count), _ratio(sums[number], total)] for number in numbers]

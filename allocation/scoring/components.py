"""The components of a score, before anybody is compared: for each retailer an exact quotient, and how much it rests on.

| component | numerator | denominator |
| --- | --- | --- |
| demand | sum of the demand | periods |
| trend | mean demand of the last days | the same and the mean of as many days before them, together |
| turnover | sum of the units sold | sum of the stock |
| all others | sum of the part that went well | sum of the whole |

A sum below 0 (more came back than was sold) counts as 0.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from allocation.scoring.history import ABSENT, TABLES, THOUSANDTHS, Figures, Flags, History
from allocation.scoring.policy import COMPONENTS, ScorePolicy
from allocation.tables.columns import IntArray

Wide = npt.NDArray[Any]
"""Whole numbers that may pass 64 bits: an array of Python's integers."""


@dataclass(frozen=True, eq=False)
class Raw:
    """One component of all retailers: exact quotients, and the number of periods with figures.

    Where `periods` is 0 nothing is known; numerator and denominator are 0 then.
    """

    numerator: Wide
    denominator: Wide
    periods: IntArray

    @property
    def known(self) -> Flags:
        """Of which retailers there are figures."""
        return self.periods > 0


_PARTS: Final[Mapping[str, str]] = {
    "assortment": "assortment",
    "payment": "payments",
    "acceptance": "deliveries",
    "compliance": "inspections",
    "service": "service",
}
"""The table that holds whole and part of a component."""


def raw_components(history: History, policy: ScorePolicy, day: int) -> dict[str, Raw]:
    """Return the components of which anything is known, from the rows of the window before a day."""
    windows = {
        name: table.taken((table.day < day) & (table.day >= day - policy.window_days))
        for name, table in history.figures.items()
    }
    count = len(history.retailer)
    makers: dict[str, Callable[[], Raw | None]] = {
        "demand": lambda: _demand(windows.get("history"), count),
        "trend": lambda: _trend(windows.get("history"), count, day - policy.trend_days, day - 2 * policy.trend_days),
        "turnover": lambda: _turnover(windows.get("history"), count),
    }
    for component, table in _PARTS.items():
        makers[component] = lambda table=table: _part(windows.get(table), TABLES[table], count)  # type: ignore[misc]
    made = {component: makers[component]() for component in COMPONENTS}
    return {component: raw for component, raw in made.items() if raw is not None and raw.known.any()}


def demand_column(history: History) -> str | None:
    """Return which column demand is taken from: the unconstrained one where it is given, else what was sold."""
    table = history.figures.get("history")
    return None if table is None else next((name for name in ("demand", "sold") if name in table.columns), None)


def _demanded(table: Figures | None) -> tuple[Figures, IntArray] | None:
    """Return the rows with demand, and it in thousandths of a unit."""
    if table is None:
        return None
    if "demand" in table.columns:
        rows = table.taken(table.columns["demand"] != ABSENT)
        return rows, rows.columns["demand"]
    if "sold" in table.columns:
        rows = table.taken(table.columns["sold"] != ABSENT)
        return rows, rows.columns["sold"] * THOUSANDTHS
    return None


def _demand(table: Figures | None, count: int) -> Raw | None:
    found = _demanded(table)
    if found is None:
        return None
    rows, demand = found
    periods = np.bincount(rows.retailer, minlength=count)
    return _raw(_sums(rows, demand, count), THOUSANDTHS * _wide(periods), periods)


def _trend(table: Figures | None, count: int, middle: int, first: int) -> Raw | None:
    found = _demanded(table)
    if found is None:
        return None
    rows, demand = found
    spans = (rows.day >= middle, (rows.day < middle) & (rows.day >= first))
    late, early = (_sums(rows.taken(span), demand[span], count) for span in spans)
    late_periods, early_periods = (np.bincount(rows.retailer[span], minlength=count) for span in spans)
    periods = np.where((late_periods > 0) & (early_periods > 0), late_periods + early_periods, 0)
    numerator, other = late * _wide(early_periods), early * _wide(late_periods)
    still = (numerator + other == 0) & (periods > 0)  # nothing before and nothing now: no change
    numerator[still], other[still] = 1, 1
    return _raw(numerator, numerator + other, periods)


def _turnover(table: Figures | None, count: int) -> Raw | None:
    if table is None or "stock" not in table.columns:
        return None
    stocked = table.taken(table.columns["stock"] > 0)
    periods = np.bincount(stocked.retailer, minlength=count)
    return _raw(
        _sums(stocked, stocked.columns["sold"], count), _sums(stocked, stocked.columns["stock"], count), periods
    )


def _part(table: Figures | None, names: tuple[str, ...], count: int) -> Raw | None:
    if table is None:
        return None
    some = table.taken(table.columns[names[0]] > 0)
    whole, part = (_sums(some, some.columns[name], count) for name in names)
    return _raw(part, whole, np.bincount(some.retailer, minlength=count))


def _sums(rows: Figures, numbers: IntArray, count: int) -> Wide:
    """Return the sum for each retailer, 0 where it is negative; rows are sorted by retailer."""
    sums = np.zeros(count, dtype=np.int64)
    np.add.at(sums, rows.retailer, numbers)
    return _wide(np.maximum(sums, 0))


def _wide(numbers: IntArray) -> Wide:
    return numbers.astype(object)


def _raw(numerator: Wide, denominator: Wide, periods: IntArray) -> Raw:
    known = periods > 0
    return Raw(np.where(known, numerator, 0), np.where(known, denominator, 0), periods.astype(np.int64))

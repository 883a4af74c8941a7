"""Unconstrained demand for a score: estimated once from sales and stock-outs, written down, read like other figures.

The estimate is calculated in floating point and rounded to thousandths of a unit before anything is decided by it: what
is scored and checked are the figures in the file. Requests have no part in it.
"""

from dataclasses import replace
from datetime import date

import numpy as np
import numpy.typing as npt

from allocation.errors import InputError
from allocation.forecasting.censoring import unconstrained
from allocation.scoring.history import ABSENT, FIGURE_END, THOUSANDTHS, Figures, History
from allocation.tables.columns import IntArray

Grid = npt.NDArray[np.float64]


def with_estimated_demand(history: History, before: date | None = None) -> History:
    """Return a history whose demand is estimated from what was sold, what there was to sell, and when it ran out.

    A period in which no less was sold than there was in stock counts as sold out, unless `in_stock` says otherwise;
    with neither of the two, sales are taken for demand. Returns above sales count as nothing sold. See
    :func:`allocation.forecasting.censoring.unconstrained` and docs/forecasting.md for the method.

    Parameters
    ----------
    history
        With the column ``sold``, and ``stock`` or ``in_stock`` or both.
    before
        Only rows before this day are used and kept; all where None.

    Raises
    ------
    InputError
        Where nothing was sold, or demand is given already.
    """
    table = history.figures.get("history")
    if table is None or "sold" not in table.columns:
        raise InputError("history.csv", "column sold is missing; demand is estimated from it", row=1, column="sold")
    if "demand" in table.columns:
        raise InputError("history.csv", "demand is given already; take the column out to estimate it", column="demand")
    if before is not None:
        table = table.taken(table.day < before.toordinal())
    demand = _estimated(table, len(history.retailer))
    columns = {"demand": demand, **table.columns}
    return replace(history, figures={**history.figures, "history": replace(table, columns=columns)})


def _estimated(table: Figures, retailers: int) -> IntArray:
    """Return the demand of each row in thousandths of a unit."""
    days, week = np.unique(table.day, return_inverse=True)

    def grid(column: str, scale: int = 1) -> Grid:
        cells = table.columns[column]
        known = cells != ABSENT
        numbers = np.full((retailers, len(days)), np.nan)
        numbers[table.retailer[known], week[known]] = np.maximum(cells[known], 0) / scale
        return numbers

    seen = unconstrained(
        grid("sold"),
        granted=grid("stock") if "stock" in table.columns else None,
        in_stock_fraction=grid("in_stock", THOUSANDTHS) if "in_stock" in table.columns else None,
    )
    units = seen.mean[table.retailer, week]
    known = np.isfinite(units)
    thousandths = np.full(len(units), ABSENT, dtype=np.int64)
    thousandths[known] = np.minimum(np.rint(units[known] * THOUSANDTHS), FIGURE_END * THOUSANDTHS - 1).astype(np.int64)
    return thousandths

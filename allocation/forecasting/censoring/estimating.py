"""From what was sold, asked for and granted to what would have been sold, had there been enough."""

import os
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from enum import IntEnum
from typing import Final

import numpy as np
import numpy.typing as npt

from allocation.errors import InputError
from allocation.forecasting.censoring.evidence import TABLE, Bools, Evidence, Floats, checked, gather
from allocation.forecasting.censoring.levels import Expected, fit
from allocation.forecasting.censoring.requests import Signal, given_requests, signals

CELL_ERRORS: Final = 2.0
"""A request lifts the estimate of a week at most so many standard errors above what sell-through says of it."""

LINE_ERRORS: Final = 1.0
"""Requests lift the sum of a line's weeks at most so many standard errors above what sell-through says of them."""


_TINY: Final = 1e-9


class Way(IntEnum):
    """How the figure of a week was found; a retailer can be told."""

    UNKNOWN = 0
    """Nothing is known of the week: no figure."""
    SOLD = 1
    """The goods did not run out: demand is what was sold."""
    TIME = 2
    """The goods ran out at a known time: what was sold until then, carried on to the end of the week."""
    REQUEST = 3
    """The goods ran out: the request, divided by how much more than it sells this retailer asks for."""
    MODEL = 4
    """The goods ran out and nothing else is known: what the retailer's other weeks make likely."""
    CAPPED = 5
    """As by request, but that was more than sell-through supports and was cut to it."""


@dataclass(frozen=True)
class Estimates:
    """Unconstrained demand; arrays of the shape of `sold`, `line_ceiling` without the weeks.

    Parameters
    ----------
    mean
        Units, finite and never below what was sold; nan where nothing is known of the week.
    way
        A :class:`Way` for each week.
    ceiling
        Units that sell-through supports at most in the week; no request, the retailer's or another's, has a part in it.
    line_ceiling
        The same for the sum over the weeks of a retailer and class.
    """

    mean: Floats
    way: npt.NDArray[np.int8]
    ceiling: Floats
    line_ceiling: Floats


def unconstrained(
    sold: npt.ArrayLike,
    requested: npt.ArrayLike | None = None,
    granted: npt.ArrayLike | None = None,
    in_stock_fraction: npt.ArrayLike | None = None,
    *,
    opening_stock: npt.ArrayLike | None = None,
) -> Estimates:
    """Estimate what each retailer would have sold in each week, had it had enough.

    Parameters
    ----------
    sold
        Units, of shape (retailers, weeks) for one class of products or (retailers, classes, weeks) for several, the
        weeks in order; nan where not known, as before a retailer opened.
    requested, granted
        Units, the same shape; nan where not known.
    in_stock_fraction
        Part of the week's usual trade that had passed when the goods ran out: 1 where they did not, 0 where there
        were none; nan where not known.
    opening_stock
        Units left over from the week before that could be sold as well; none where absent.

    Returns
    -------
    Estimates
        Of the weeks given and by nothing else: give no week after a cut-off to have an estimate as of then. The same
        input gives the same figures; retailers may stand in any order.

    Raises
    ------
    InputError
        For arrays of different shapes, negative or infinite numbers, fractions above 1; with array and cell.

    Notes
    -----
    A week is taken to have sold out where `in_stock_fraction` is below 1, or, where that is not known, where no less
    was sold than was on offer (`granted` and `opening_stock`); where that is not known either, what was sold is taken
    as demand. For a week that sold out, in this order: sold ÷ fraction in stock; request ÷ the retailer's
    own ratio; the expectation of a negative binomial law, fitted by expectation and maximisation, given at
    least as much as was sold. Requests may be inflated where the policy rewards it, so a request is believed only as
    far as sell-through supports: :data:`CELL_ERRORS`, :data:`LINE_ERRORS`. Classes are estimated one by one.
    """
    try:
        units = np.asarray(sold, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise InputError(TABLE, "numbers are needed; nan where one is not known", column="sold") from error
    if units.ndim not in (2, 3):
        told = f"shape {units.shape}; (retailers, weeks) or (retailers, classes, weeks) is needed"
        raise InputError(TABLE, told, column="sold")
    columns = {
        "sold": units,
        "requested": requested,
        "granted": granted,
        "in_stock_fraction": in_stock_fraction,
        "opening_stock": opening_stock,
    }
    absent = {"opening_stock": 0.0}
    arrays = [checked(name, given, units.shape, absent.get(name, np.nan)) for name, given in columns.items()]
    mean, ceiling = np.full_like(units, np.nan), np.full_like(units, np.nan)
    estimates = Estimates(mean, np.zeros(units.shape, dtype=np.int8), ceiling, np.zeros(units.shape[:-1]))
    if units.ndim == 2:  # noqa: PLR2004 - retailers and weeks
        _estimate(gather(*arrays), estimates)
    else:

        def estimate(of_class: int) -> None:
            evidence = gather(*(np.ascontiguousarray(array[:, of_class]) for array in arrays))
            _estimate(evidence, Estimates(*(array[:, of_class] for array in vars(estimates).values())))

        with ThreadPoolExecutor(os.cpu_count()) as cores:  # numpy leaves the interpreter to others while it counts
            deque(cores.map(estimate, range(units.shape[1])), maxlen=0)
    return estimates


def _estimate(evidence: Evidence, into: Estimates) -> None:
    """Estimate one class, into arrays of (retailers, weeks)."""
    known = evidence.known
    if not known.any():
        return
    expected = fit(evidence)
    into.way[known] = Way.SOLD
    into.way[evidence.timed] = Way.TIME
    into.way[evidence.blind] = Way.MODEL
    into.mean[known] = expected.demand[known]
    into.ceiling[known] = (expected.demand + CELL_ERRORS * np.sqrt(expected.variance))[known]
    demand, variance = (np.where(evidence.blind, part, 0).sum(axis=1) for part in (expected.demand, expected.variance))
    allowed = LINE_ERRORS * np.sqrt(variance + (demand * expected.level_error) ** 2)
    into.line_ceiling[:] = np.where(known, expected.demand, 0).sum(axis=1) + allowed
    by_request = evidence.blind & ~np.isnan(evidence.wanted)
    if by_request.any():
        _believe_requests(evidence, expected, by_request, allowed, into)


def _believe_requests(
    evidence: Evidence, expected: Expected, by_request: Bools, allowed: Floats, into: Estimates
) -> None:
    """Put in what requests say, as far as sell-through supports it."""
    signal = signals(evidence, expected.demand)
    line, week = np.nonzero(by_request)
    told = Signal(signal.demand[line, week], signal.error[line, week])
    sold, supported = evidence.sold[line, week], expected.demand[line, week]
    said = given_requests(told, sold, expected.mean[line, week], expected.shape[line])
    most = into.ceiling[line, week]
    above = np.maximum(np.minimum(said, most), sold) - supported
    lines = len(evidence.known)
    of_line, lifted = np.bincount(line, above, lines), np.bincount(line, np.maximum(above, 0), lines)
    # What lifts is cut down until the sum is allowed: never below what sell-through says of the week.
    kept = 1 - np.maximum(of_line - allowed, 0) / np.maximum(lifted, _TINY)
    into.mean[line, week] = supported + np.where(above > 0, above * kept[line], above)
    capped = (said > most) | ((above > 0) & (kept[line] < 1))
    into.way[line, week] = np.where(capped, Way.CAPPED, Way.REQUEST)

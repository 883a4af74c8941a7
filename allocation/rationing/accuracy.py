"""How near the estimate of unconstrained demand comes to the truth of made-up histories, beside sales alone."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

import numpy as np

from allocation.forecasting.censoring import Estimates, Way, unconstrained
from allocation.rationing.history import Floats, History, Setting, draw_history

SEEDS: Final = (1, 2, 3, 4, 5)
MOST_CUT: Final = 0.2
"""The fifth of the retailers that was cut most often is looked at by itself."""


@dataclass(frozen=True)
class Errors:
    """How far units of demand are from the truth, over the whole history; all relative, 0 being exact.

    Parameters
    ----------
    bias
        Of the sum over all retailers.
    bias_most_cut
        Of the sum over the fifth of them that was cut most often.
    by_retailer
        Mean over retailers of the absolute error of their sum.
    """

    bias: float
    bias_most_cut: float
    by_retailer: float


@dataclass(frozen=True)
class Trial:
    """One history: how much of it was cut, the errors of the estimate and of sales alone, and the ways taken.

    `ways` holds for each way its share of the weeks and the bias of their sum.
    """

    seed: int
    cut: float
    estimated: Errors
    sales_alone: Errors
    ways: dict[Way, tuple[float, float]]


def trials(setting: Setting, seeds: Iterable[int] = SEEDS) -> list[Trial]:
    """Estimate demand of a made-up history for each seed, and compare it with the truth."""
    found = []
    for seed in seeds:
        history = draw_history(setting, seed)
        estimates = estimate(history)
        found.append(
            Trial(
                seed,
                float(history.cut.mean()),
                errors(history, estimates.mean),
                errors(history, history.sold),
                _ways(history, estimates),
            )
        )
    return found


def estimate(history: History) -> Estimates:
    """Estimate unconstrained demand from what a distributor would know."""
    return unconstrained(history.sold, history.requested, history.granted, history.in_stock_fraction)


def errors(history: History, units: Floats) -> Errors:
    """Compare units of each retailer and week with what demand truly was."""
    truth, told = history.demand.units.sum(axis=1), units.sum(axis=1)
    often = np.argsort(-history.cut.sum(axis=1), kind="stable")[: max(1, round(MOST_CUT * len(truth)))]
    return Errors(
        bias=float(told.sum() / truth.sum() - 1),
        bias_most_cut=float(told[often].sum() / truth[often].sum() - 1),
        by_retailer=float(np.abs(told / truth - 1).mean()),
    )


def _ways(history: History, estimates: Estimates) -> dict[Way, tuple[float, float]]:
    found = {}
    for way in Way:
        cells = estimates.way == way
        if cells.any():
            truth = history.demand.units[cells].sum()
            found[way] = float(cells.mean()), float(estimates.mean[cells].sum() / max(truth, 1) - 1)
    return found

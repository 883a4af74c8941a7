"""How good forecasts are: errors and intervals, each in units of the series' own scale."""

from collections.abc import Mapping
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]

MISSED_COSTS: Final = 10.0
"""What an interval pays for each unit by which it misses: 2 / 0.2, for one that is to hold four times in five."""


class Figures(NamedTuple):
    """What a method says of each series and period ahead; no interval where it gives none."""

    mean: FloatArray
    low: FloatArray | None
    high: FloatArray | None


def accuracy(figures: Figures, actual: FloatArray, scale: FloatArray) -> Mapping[str, float]:
    """Return the measures of some series.

    Parameters
    ----------
    figures, actual
        Shape (series, periods).
    scale
        One a series, above 0.

    Returns
    -------
    Mapping
        ``MASE``: mean absolute error over scale (Hyndman and Koehler 2006). ``RMSSE``: root mean square error over
        scale, mean of the series. ``TOT``: root mean square, over the series, of the error of the sum of all periods
        over scale; the error that matters for intermittent demand, since mean absolute errors reward a forecast of
        nothing. ``sum``: all that was forecast over all that came. ``coverage``: how often the interval held.
        ``Winkler``: width of the interval and what it pays for misses, over scale (Winkler 1972).
    """
    apart = figures.mean - actual
    found = {
        "MASE": float((np.abs(apart).mean(axis=1) / scale).mean()),
        "RMSSE": float((np.sqrt((apart**2).mean(axis=1)) / scale).mean()),
        "TOT": float(np.sqrt(((apart.sum(axis=1) / scale) ** 2).mean())),
        "sum": float(figures.mean.sum() / actual.sum()),
    }
    if figures.low is not None and figures.high is not None:
        below, above = np.maximum(figures.low - actual, 0.0), np.maximum(actual - figures.high, 0.0)
        paid = figures.high - figures.low + MISSED_COSTS * (below + above)
        found["coverage"] = float(((below == 0) & (above == 0)).mean())
        found["Winkler"] = float((paid.mean(axis=1) / scale).mean())
    return found


def season_scale(values: FloatArray, season: int = 12) -> float:
    """Return the mean absolute step from one season to the next."""
    return float(np.abs(values[season:] - values[:-season]).mean())


def step_scale(values: FloatArray) -> float:
    """Return the root mean square step from one period to the next."""
    return float(np.sqrt((np.diff(values) ** 2).mean()))

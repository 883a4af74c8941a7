"""The level of a series, drawn towards that of its class as far as its own noise asks for (empirical Bayes).

A part that was sold twice in a year tells little about how often it will be sold; what its class sells tells more. The
noise of a level is the variance of demand over the periods that it rests on. Where the members of a class differ by
much more than their noise, as large and small retailers do, hardly anything is drawn.
"""

from typing import Final

import numpy as np
import numpy.typing as npt

from allocation.forecasting.history import FloatArray
from allocation.forecasting.periods import IntArray

LEAST_MEMBERS: Final = 5
"""A class of fewer members draws nobody: its spread is not known."""


def drawn_levels(levels: FloatArray, noise: FloatArray, members: IntArray, drawn: npt.NDArray[np.bool_]) -> FloatArray:
    """Return levels, some of them drawn towards the mean of their class.

    Parameters
    ----------
    levels
        One a series.
    noise
        Variance of each level that is due to noise.
    members
        The class of each series.
    drawn
        Which series are drawn; all count for their class.
    """
    found = levels.copy()
    for member in np.unique(members):
        rows = members == member
        if rows.sum() < LEAST_MEMBERS:
            continue
        mean = float(levels[rows].mean())
        spread = max(float(levels[rows].var() - noise[rows].mean()), 0.0)
        asked = rows & drawn
        with np.errstate(invalid="ignore"):
            part = np.where(noise[asked] > 0, noise[asked] / (noise[asked] + spread), 0.0)
        found[asked] += part * (mean - levels[asked])
    return found


def noise_of_levels(levels: FloatArray, variance: FloatArray, means: FloatArray, periods: FloatArray) -> FloatArray:
    """Return the variance of levels that rest on so many periods of demand each.

    Variance is taken to go with the mean, in the proportion that all series together have: that of one short series
    is not known, and a series that sold nothing of late would have none.
    """
    sold = means > 0
    proportion = float(np.median(variance[sold] / means[sold])) if sold.any() else 0.0
    return proportion * levels / np.maximum(periods, 1.0)

"""Demand of a made-up town of retailers: seasonal, each retailer its own, more scattered than chance alone.

Retailer *i* sells in week *t*, if it has enough, a negative binomial number of units with mean

    level · trend · drift · season^(sensitivity)         and shape r: variance mean + mean²/r

*level* is lognormal; *trend* changes by some per cent over a year; *drift* is a slow autoregression; *season* is a
yearly wave with two feasts of two weeks; *sensitivity* says how much a retailer feels it; *r* is each retailer's own.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

YEAR_WEEKS: Final = 52
FEASTS: Final = (4, 38)
"""Weeks in which a feast of two weeks begins."""

_WAVE, _FEAST = 0.2, 1.45
_LEVEL, _LEVEL_SPREAD, _LEVEL_LEAST = 40.0, 0.7, 6.0
_TREND_SPREAD, _DRIFT_KEPT, _DRIFT_SPREAD = 0.12, 0.85, 0.08
_SHAPE, _SHAPE_SPREAD, _SHAPE_LEAST = 10.0, 0.4, 3.0


@dataclass(frozen=True)
class Demand:
    """What retailers would sell if they had enough; arrays of shape (retailers, weeks) but `level`."""

    level: Floats
    expected: Floats
    units: Ints


def draw_demand(draw: np.random.Generator, retailers: int, weeks: int) -> Demand:
    """Make up the demand of a town."""
    week = np.arange(weeks) % YEAR_WEEKS
    season = 1 + _WAVE * np.sin(2 * np.pi * (week - 10) / YEAR_WEEKS)
    for feast in FEASTS:
        season = np.where((week >= feast) & (week < feast + 2), season * _FEAST, season)
    level = np.maximum(_LEVEL * draw.lognormal(0, _LEVEL_SPREAD, retailers), _LEVEL_LEAST)
    sensitivity = draw.uniform(0.5, 1.5, (retailers, 1))
    trend = 1 + draw.normal(0, _TREND_SPREAD, (retailers, 1)) * (np.arange(weeks) - weeks / 2) / YEAR_WEEKS
    drift = np.empty((retailers, weeks))
    steps = draw.normal(0, 1, (retailers, weeks))
    drift[:, 0] = _DRIFT_SPREAD * steps[:, 0]
    for t in range(1, weeks):
        drift[:, t] = _DRIFT_KEPT * drift[:, t - 1] + np.sqrt(1 - _DRIFT_KEPT**2) * _DRIFT_SPREAD * steps[:, t]
    expected = level[:, None] * np.maximum(trend, 0.2) * np.exp(drift) * season**sensitivity
    shape = np.maximum(_SHAPE * draw.lognormal(0, _SHAPE_SPREAD, (retailers, 1)), _SHAPE_LEAST)
    return Demand(level, expected, draw.poisson(expected * draw.gamma(shape, 1 / shape, (retailers, weeks))))

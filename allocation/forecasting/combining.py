"""From what the models made of each series to the published figures: weights, levels, intervals."""

from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from allocation.forecasting import intervals
from allocation.forecasting.fitting import Fits
from allocation.forecasting.history import FloatArray
from allocation.forecasting.levels import drawn_levels, noise_of_levels
from allocation.forecasting.weighing import mixed, pooled_errors, weights

_SHORT_SEASONS: Final = 2


class Figures(NamedTuple):
    """Mean and 80 % interval of each series and period ahead, shape (series, horizon); 0 ≤ low ≤ mean ≤ high."""

    mean: FloatArray
    low: FloatArray
    high: FloatArray


def combined(parts: Sequence[Fits], season: int) -> Figures:
    """Return the figures of all series.

    Parameters
    ----------
    parts
        Fits of stretches of the series, in order; each is looked at twice, and may be read anew each time.
    """
    pooled = pooled_errors(parts)
    ahead, tested, small = [], [], []
    for fits in parts:
        ahead.append(mixed(fits.ahead, weights(fits, pooled)))
        judged = mixed(fits.tested, weights(fits, pooled, own=False))
        tested.append(np.where(np.isnan(fits.actual), np.nan, judged))
        small.append(fits._replace(ahead=fits.ahead[:, :0], tested=fits.tested[:, :0]))
    fits = Fits._make(map(np.concatenate, zip(*small, strict=True)))
    mean, before = np.concatenate(ahead), np.concatenate(tested)
    mean = _with_levels(mean, fits, season)
    mean[fits.silent] = 0.0
    low, high = mean.copy(), mean.copy()
    regular, single = ~fits.intermittent & ~fits.silent, fits.intermittent & ~fits.silent
    if regular.any():
        low[regular], high[regular] = _regular(mean[regular], before[regular], _rows(fits, regular))
    if single.any():
        low[single], high[single] = _intermittent(mean[single], before[single], _rows(fits, single))
    return Figures(mean, np.clip(low, 0.0, mean), np.maximum(high, mean))


def _rows(fits: Fits, rows: npt.NDArray[np.bool_]) -> Fits:
    return Fits._make(column[rows] for column in fits)


def _with_levels(mean: FloatArray, fits: Fits, season: int) -> FloatArray:
    """Draw the levels of intermittent and of short series towards those of their classes."""
    level = mean.mean(axis=1)
    drawn = (fits.intermittent | (fits.used < _SHORT_SEASONS * season)) & ~fits.silent
    if not drawn.any():
        return mean
    noise = np.zeros(len(mean))
    for rows in (fits.intermittent & ~fits.silent, ~fits.intermittent & ~fits.silent):
        periods = np.minimum(fits.used[rows], season).astype(np.float64)
        noise[rows] = noise_of_levels(level[rows], fits.variance[rows], fits.level[rows], periods)
    found = drawn_levels(level, noise, fits.members, drawn)
    ratio = np.where(level > 0, found / np.where(level > 0, level, 1.0), 1.0)
    return np.where((level > 0)[:, None], mean * ratio[:, None], found[:, None])


def _regular(mean: FloatArray, before: FloatArray, fits: Fits) -> tuple[FloatArray, FloatArray]:
    level = np.maximum(fits.level, 0.0)
    later = intervals.scales(fits.lag_scale[:, 0], fits.step_scale[:, 0], level)
    earlier = intervals.scales(fits.lag_scale[:, 1], fits.step_scale[:, 1], level)
    with np.errstate(invalid="ignore", divide="ignore"):
        misses = (fits.actual - before) / earlier[:, None]
    misses[~np.isfinite(misses)] = np.nan
    low, high = intervals.quantiles_ahead(misses, mean.shape[1])
    width = (later * intervals.own_widths(misses))[:, None]
    return mean + width * low, mean + width * high


def _intermittent(mean: FloatArray, before: FloatArray, fits: Fits) -> tuple[FloatArray, FloatArray]:
    dispersion = intervals.dispersions(fits.variance, fits.level, fits.unit)
    tested = np.where(np.isnan(before), 0.0, before)
    upper = intervals.upper_probability(fits.actual, tested, fits.unit, dispersion)
    return (
        intervals.counted_quantile(intervals.LOW, mean, fits.unit, dispersion),
        intervals.counted_quantile(upper, mean, fits.unit, dispersion),
    )

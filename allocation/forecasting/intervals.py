"""Intervals that hold four times in five, from what the models missed in the tested periods.

Regular series: the misses of all series, each in units of its own scale, are pooled by how far ahead they were
(split conformal prediction, Vovk et al. 2005; pooled across series). A series that was missed by more than others has
wider intervals. Intermittent series: quantiles of the negative binomial distribution with the forecast's mean and the
series' own dispersion, drawn towards that of all; the probability of the upper one is chosen by what would have cost
least in the tested periods (the pinball loss of the ninth decile).
"""

from typing import Final

import numpy as np

from allocation.forecasting.history import FloatArray

LOW, HIGH = 0.1, 0.9

LAG_PART: Final = 0.75
"""How the scale is mixed of the step over a season and that over a period, as powers."""

OWN_PART: Final = 0.25
"""The power with which a series' own misses, beside those of all, widen its intervals."""

EXPECTED: Final = (-1.0, 1.1)
"""Between these lie four of five misses one period ahead, and :data:`EXPECTED_GROWTH` further each period; taken for
granted as if :data:`EXPECTED_COUNT` series had shown it, so that few do not decide (measured on the M3 competition)."""

EXPECTED_GROWTH: Final = 0.03
EXPECTED_COUNT: Final = 5

UNTESTED_WIDER: Final = 1.5
UNTESTED_GROWTH: Final = 0.1
"""Where no series is long enough to be tested, intervals are so much wider and grow so fast: a step from one period to
the next is all that is known of the scale (the M3 competition's series, cut to ten months, miss by more still)."""

DISPERSION_OWN_PART: Final = 0.5
LEAST_DISPERSION: Final = 1.02
UPPER_PROBABILITIES: Final = np.arange(0.84, 0.971, 0.01)
_CALIBRATED_FROM: Final = 20
_AROUND: Final = 2
_OWN_AT_MOST: Final = 20.0


def scales(lag: FloatArray, step: FloatArray, level: FloatArray) -> FloatArray:
    """Return the unit in which the misses of regular series are counted, above 0 where there is a level."""
    with np.errstate(invalid="ignore", divide="ignore"):
        found = lag**LAG_PART * step ** (1 - LAG_PART)
        found = np.where(np.isfinite(found), found, np.where(np.isfinite(step), step, np.nan))
        relative = found / level
        usual = np.nanmedian(relative[level > 0]) if np.isfinite(relative[level > 0]).any() else 0.0
    return np.where(np.isfinite(found), found, usual * level)


def quantiles_ahead(misses: FloatArray, horizon: int) -> tuple[FloatArray, FloatArray]:
    """Return the lower and upper quantile of pooled misses for each period ahead.

    Parameters
    ----------
    misses
        Actual less forecast in units of the scale, shape (series, horizon); NaN where there is none.
    """
    if np.isnan(misses).all():
        grown = UNTESTED_WIDER * (1.0 + UNTESTED_GROWTH * np.arange(horizon))
    else:
        grown = 1.0 + EXPECTED_GROWTH * np.arange(horizon)
    low, high = EXPECTED[0] * grown, EXPECTED[1] * grown
    for ahead in range(horizon):
        around = misses[:, max(0, ahead - _AROUND) : ahead + _AROUND + 1]
        found = around[~np.isnan(around)]
        if len(found):
            count = len(found) / around.shape[1]
            part = count / (count + EXPECTED_COUNT)
            low[ahead] += part * (np.quantile(found, LOW) - low[ahead])
            high[ahead] += part * (np.quantile(found, HIGH) - high[ahead])
    return np.minimum(low, 0.0), np.maximum(high, 0.0)


def own_widths(misses: FloatArray) -> FloatArray:
    """Return by how much each series' intervals are wider than others', from its own misses; 1 where it has none."""
    seen = (~np.isnan(misses)).sum(axis=1)
    mean = np.nansum(np.abs(misses), axis=1) / np.maximum(seen, 1)
    tested = (seen > 0) & (mean > 0)
    if not tested.any():
        return np.ones(len(misses))
    usual = float(np.exp(np.log(mean[tested]).mean()))
    return (
        np.where(tested, np.clip(np.where(tested, mean, usual) / usual, 1 / _OWN_AT_MOST, _OWN_AT_MOST), 1.0)
        ** OWN_PART
    )


def dispersions(variance: FloatArray, level: FloatArray, unit: FloatArray) -> FloatArray:
    """Return variance over mean of intermittent series, in their units of sale, drawn towards that of all."""
    sold = level > 0
    own = np.where(sold, variance / np.where(sold, level * unit, 1.0), 1.0)
    total = float((level / unit).sum())
    pooled = float((variance / unit**2).sum()) / total if total > 0 else 1.0
    return np.maximum(DISPERSION_OWN_PART * own + (1 - DISPERSION_OWN_PART) * pooled, LEAST_DISPERSION)


def counted_quantile(probability: float, means: FloatArray, unit: FloatArray, dispersion: FloatArray) -> FloatArray:
    """Return a quantile of the negative binomial distribution, shape of `means`: (series, periods)."""
    from scipy.stats import nbinom  # noqa: PLC0415 - a second, paid where intermittent series are

    flat = bool((means == means[:, :1]).all())
    counted = (means[:, :1] if flat else means) / unit[:, None]
    chance = np.broadcast_to(1.0 / dispersion[:, None], counted.shape)
    size = counted * chance / (1.0 - chance)
    found = np.where(counted > 0, nbinom.ppf(probability, np.where(counted > 0, size, 1.0), chance), 0.0)
    return np.broadcast_to(found * unit[:, None], means.shape)


def upper_probability(actual: FloatArray, tested: FloatArray, unit: FloatArray, dispersion: FloatArray) -> float:
    """Return the probability whose quantile would have cost least in the tested periods."""
    seen = ~np.isnan(actual)
    if seen.any(axis=1).sum() < _CALIBRATED_FROM:
        return HIGH
    within = np.sqrt(dispersion * unit * np.maximum(tested[:, 0], unit / actual.shape[1]))
    costs = []
    for probability in UPPER_PROBABILITIES.tolist():
        upper = counted_quantile(probability, tested, unit, dispersion)
        above = (np.nan_to_num(actual) - upper) / within[:, None]
        costs.append(float(np.where(seen, np.maximum(HIGH * above, (HIGH - 1) * above), 0.0).sum()))
    return float(UPPER_PROBABILITIES[int(np.argmin(costs))])

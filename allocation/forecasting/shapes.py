"""The shape of a year: seasonal coefficients, each shrunk as far as its noise asks for.

Classical decomposition by ratios to a centred moving average gives each series its own coefficients. With few years
they are mostly noise, so they are drawn towards those of the class, these towards those of all series, and these
towards 1, by James and Stein's rule: the more, the larger the noise is beside the distance (Miller and Williams 2003,
International Journal of Forecasting 19, found this better than either extreme on the M-competition's series).

A moving average of a year loses a year. A series of less than three years of months, or two of weeks, is set beside a
straight line instead, whose slope is the mean step from one year to the next, so that no season bends it. A series
with hardly more than one year has no coefficients of its own and takes those of its class, unless it has stood still
for a year or longer.
"""

from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np

from allocation.forecasting.history import FloatArray
from allocation.forecasting.periods import IntArray

LEAST_COEFFICIENT: Final = 0.05
_LEAST_LINE: Final = 0.2
MONTHS: Final = 12
"""A finer season, of weeks, is smoothed first."""
_SMOOTHING: Final = np.array([1.0, 2.0, 3.0, 2.0, 1.0]) / 9.0


class Shape(NamedTuple):
    """Coefficients of the places in the year, mean 1, and the variance of one that is due to noise."""

    coefficients: FloatArray
    noise: float


@dataclass(frozen=True, eq=False)
class PooledShapes:
    """Seasonal coefficients of each group: a class' regular series, then its intermittent ones; (groups, season)."""

    of_group: FloatArray


class ShapeSums(NamedTuple):
    """What pooling needs of a stretch of series: by group their number, and sums of shapes, their squares and noise."""

    number: FloatArray
    total: FloatArray
    squares: FloatArray
    noise: FloatArray


def known(values: FloatArray) -> FloatArray:
    """Return values with unknown ones put on straight lines between their neighbours."""
    missing = np.isnan(values)
    if not missing.any():
        return values
    places = np.arange(len(values))
    filled = values.copy()
    filled[missing] = np.interp(places[missing], places[~missing], values[~missing])
    return filled


def ratios(values: FloatArray, season: int) -> FloatArray:
    """Return each value over the centred moving average of one season; NaN where there is none."""
    found = np.full(len(values), np.nan)
    if len(values) < 2 * season + 1:
        return found
    half = season // 2
    weights = np.full(season + 1, 1.0 / season)
    weights[[0, -1]] /= 2
    level = np.convolve(values, weights, "valid")
    inside = values[half : len(values) - half]
    found[half : len(values) - half] = np.where(level > 0, inside / np.where(level > 0, level, 1.0), np.nan)
    return found


def ratios_to_line(values: FloatArray, season: int) -> FloatArray:
    """Return each value over a straight line whose slope is the mean step over a season; NaN where there is none."""
    size = len(values)
    slope = float((values[season:] - values[:-season]).mean()) / season
    middle = float(values[:season].mean() + values[-season:].mean()) / 2
    if middle <= 0:
        return np.full(size, np.nan)
    line = middle + slope * (np.arange(size) - (size - 1) / 2)
    found: FloatArray = values / np.maximum(line, _LEAST_LINE * middle)
    return found


def own_shape(values: FloatArray, places: IntArray, season: int) -> Shape | None:
    """Return the coefficients of one series, None where it is too short; a year without any change has a flat shape."""
    if len(values) >= season and values[0] > 0 and not np.ptp(values):
        return Shape(np.ones(season), 0.0)
    on_line = season < len(values) <= (3 if season <= MONTHS else 2) * season
    found = ratios_to_line(values, season) if on_line else ratios(values, season)
    valid = ~np.isnan(found)
    counted = np.bincount(places[valid], minlength=season)
    if (counted > 0).sum() < season - 1:  # a year of 52 weeks may lack one of its places
        return None
    sums = np.bincount(places[valid], weights=found[valid], minlength=season)
    means = np.where(counted > 0, sums / np.maximum(counted, 1), 1.0)
    beside = found[valid] - means[places[valid]]
    freedom = int(valid.sum()) - season - (2 if on_line else 0)
    if freedom < max(1, season // MONTHS):
        return None
    noise = float((beside**2).sum() / freedom * (1.0 / counted[counted > 0]).mean())
    if on_line:
        noise *= 1.0 + 2.0 / freedom  # the fewer years, the less the noise itself is known
    mean = float(means.mean())
    return Shape(means / mean, noise / mean**2) if mean > 0 else None


def shape_sums(shapes: list[Shape | None], groups: list[int], count_of_groups: int, season: int) -> ShapeSums:
    """Return what pooling needs of some series, each of one group."""
    count, noise = np.zeros(count_of_groups), np.zeros(count_of_groups)
    total, squares = np.zeros((count_of_groups, season)), np.zeros((count_of_groups, season))
    for shape, group in zip(shapes, groups, strict=True):
        if shape is not None:
            count[group] += 1
            total[group] += shape.coefficients
            squares[group] += shape.coefficients**2
            noise[group] += shape.noise
    return ShapeSums(count, total, squares, noise)


def pooled_shapes(parts: list[ShapeSums]) -> PooledShapes:
    """Return the shapes of the groups, each drawn towards that of all series, and this one towards none."""
    sums = ShapeSums(*(np.sum(column, axis=0) for column in zip(*parts, strict=True)))
    season = sums.total.shape[1]
    overall = shrunk(_mean_shape(*(column.sum(axis=0) for column in sums)), np.ones(season))
    return PooledShapes(np.array([shrunk(_mean_shape(*group), overall) for group in zip(*sums, strict=True)]))


def shrunk(own: Shape | None, towards: FloatArray, *, spikes: bool = True) -> FloatArray:
    """Return coefficients drawn towards others; weeks are first drawn towards the mean of their neighbours.

    Parameters
    ----------
    own, towards
        The coefficients, and the others.
    spikes
        Whether a week may stand out from its neighbours. One shop's order, made every other week or once in a month,
        looks like a spike that comes each year; a class shows which of them do.
    """
    if own is None:
        return towards
    base = towards = _along(own.coefficients, towards)
    if len(towards) > MONTHS:
        around = np.concatenate([own.coefficients[-2:], own.coefficients, own.coefficients[:2]])
        smooth = np.convolve(around, _SMOOTHING, "valid")
        base = _drawn(Shape(smooth, own.noise * float((_SMOOTHING**2).sum())), towards)
    found = _drawn(own, base) if spikes or len(towards) <= MONTHS else base
    coefficients: FloatArray = np.maximum(found / found.mean(), LEAST_COEFFICIENT)
    return coefficients


def _along(own: FloatArray, towards: FloatArray) -> FloatArray:
    """Return the point nearest to own coefficients between a flat year and others: not all members have seasons."""
    away = towards - 1.0
    size = float((away**2).sum())
    part = float(((own - 1.0) * away).sum()) / size if size > 0 else 0.0
    along: FloatArray = 1.0 + min(max(part, 0.0), 1.0) * away
    return along


def _drawn(own: Shape, towards: FloatArray) -> FloatArray:
    """Apply James and Stein's rule, positive part."""
    size = len(towards)
    apart = float(((own.coefficients - towards) ** 2).sum()) / (size - 1)
    part = min(1.0, (size - 3) / (size - 1) * own.noise / apart) if apart > 0 else 1.0
    drawn: FloatArray = towards + (1.0 - part) * (own.coefficients - towards)
    return drawn


def _mean_shape(count: float, total: FloatArray, squares: FloatArray, noise: float) -> Shape | None:
    """Return the mean of some shapes; its noise is their spread, or that of the only one."""
    if not count:
        return None
    mean = total / count
    if count == 1:
        return Shape(mean, float(noise))
    spread = np.maximum(squares - count * mean**2, 0.0).mean() / (count - 1)
    return Shape(mean, float(spread / count))

"""How much a moving holiday lifts (or lowers) demand, found where it moved between places of the year.

Within one place of the year (all Januaries, say) the part of a holiday's window that falls there differs from year to
year; the slope of the ratios to the moving average on that part is the holiday's effect, free of the fixed season. A
series keeps an effect of its own where it is beyond doubt, drawn towards that of its class; where the class as a whole
shows one, its members share it. All else is taken for noise.
"""

from typing import Final, NamedTuple

import numpy as np

from allocation.forecasting.calendar import Almanac, Effect
from allocation.forecasting.history import FloatArray
from allocation.forecasting.periods import IntArray
from allocation.forecasting.shapes import ratios

OWN_BEYOND_DOUBT: Final = 5.0
"""An effect this many standard errors from 0 is a series' own: by chance, one series in some thousands shows one."""

POOL_BEYOND_DOUBT: Final = 5.0
"""A class has an effect where its members' standard scores, added and divided by the root of their number, reach it."""

POOL_LEAST: Final = 3
"""A class of fewer series shares what all series have."""

_SCORE_AT_MOST: Final = 6.0
_LEAST_FREEDOM: Final = 10
_LEAST_FACTOR: Final = 0.1


class Slopes(NamedTuple):
    """Of each effect, the slope and its standard error; endless where nothing moved."""

    slope: FloatArray
    error: FloatArray


class EffectSums(NamedTuple):
    """What pooling needs of a stretch of series, by class and effect."""

    number: FloatArray
    scores: FloatArray
    precision: FloatArray
    weighted: FloatArray
    squares: FloatArray


class PooledEffects(NamedTuple):
    """By class and effect: whether it holds, its slope, and the spread of its members' slopes as a variance."""

    holds: FloatArray
    slope: FloatArray
    spread: FloatArray


def slopes(values: FloatArray, places: IntArray, season: int, exposed: FloatArray) -> Slopes | None:
    """Return the slopes of one series on each effect by itself; None where it is too short."""
    found = ratios(values, season)
    valid = ~np.isnan(found)
    freedom = int(valid.sum()) - season - 1
    if freedom < _LEAST_FREEDOM:
        return None
    at = places[valid]
    return _regressed(_within(found[valid][None, :], at, season)[0], _within(exposed[:, valid], at, season), freedom)


def own_effects(
    values: FloatArray, places: IntArray, exposed: FloatArray, almanac: Almanac, pool: PooledEffects, member: int
) -> FloatArray:
    """Return the effects that a series has: one window a holiday at most, 0 for all others."""
    season, effects = almanac.season, almanac.effects
    found = ratios(values, season)
    valid = ~np.isnan(found)
    freedom = int(valid.sum()) - season - 1
    kept = np.zeros(len(effects))
    holidays = np.array([effect.holiday for effect in effects])
    if freedom >= _LEAST_FREEDOM:
        at = places[valid]
        left, within = _within(found[valid][None, :], at, season)[0], _within(exposed[:, valid], at, season)
        open_ = np.ones(len(effects), dtype=np.bool_)
        while open_.any():
            own = _regressed(left, within, freedom)
            score = np.where(open_, np.abs(own.slope) / own.error, 0.0)
            chosen = int(score.argmax())
            shared = open_ & (pool.holds[member] > 0)
            if score[chosen] < OWN_BEYOND_DOUBT:
                if not shared.any():
                    break
                chosen = int(np.flatnonzero(shared)[0])
            kept[chosen] = _drawn(own.slope[chosen], own.error[chosen], pool, member, chosen)
            left = left - kept[chosen] * within[chosen]
            open_ &= holidays != holidays[chosen]
        return kept
    return np.where(pool.holds[member] > 0, pool.slope[member], 0.0)


def factors(kept: FloatArray, exposed: FloatArray) -> FloatArray:
    """Return what effects multiply the demand of each period by."""
    lifted: FloatArray = np.maximum(1.0 + (kept[:, None] * exposed).sum(axis=0), _LEAST_FACTOR)
    return lifted


def effect_sums(found: list[Slopes | None], members: IntArray, classes: int, effects: int) -> EffectSums:
    """Return what pooling needs of some series."""
    sums = EffectSums(*(np.zeros((classes, effects)) for _ in EffectSums._fields))
    for own, member in zip(found, members.tolist(), strict=True):
        if own is None:
            continue
        moved = np.isfinite(own.error) & (own.error > 0)
        precision = np.where(moved, 1.0 / np.where(moved, own.error, 1.0) ** 2, 0.0)
        sums.number[member] += moved
        sums.scores[member] += np.clip(own.slope * np.sqrt(precision), -_SCORE_AT_MOST, _SCORE_AT_MOST)
        sums.precision[member] += precision
        sums.weighted[member] += precision * own.slope
        sums.squares[member] += precision * own.slope**2
    return sums


def pooled_effects(parts: list[EffectSums], effects: tuple[Effect, ...]) -> PooledEffects:
    """Return the effects of the classes: of each holiday the window that shows most, where it is beyond doubt."""
    sums = [np.sum(column, axis=0) for column in zip(*parts, strict=True)]
    few = sums[0].max(axis=1, initial=0) < POOL_LEAST
    count, scores, precision, weighted, squares = (np.where(few[:, None], column.sum(0), column) for column in sums)
    score = np.abs(scores) / np.sqrt(np.maximum(count, 1.0))
    score[count < POOL_LEAST] = 0.0
    holds = np.zeros_like(score)
    for holiday in {effect.holiday for effect in effects}:
        of_holiday = np.array([effect.holiday == holiday for effect in effects])
        best = np.where(of_holiday, score, -1.0).argmax(axis=1)
        rows = np.arange(len(score))
        holds[rows, best] = score[rows, best] >= POOL_BEYOND_DOUBT
    slope = weighted / np.where(precision > 0, precision, 1.0)
    # DerSimonian and Laird's moment estimate of the spread between members, for members of like precision.
    beyond = squares - precision * slope**2 - (count - 1)
    spread = np.maximum(beyond, 0.0) / np.where(precision > 0, precision, 1.0)
    return PooledEffects(holds, slope, spread)


def no_effects(classes: int, effects: int) -> PooledEffects:
    """Return pooled effects of which none holds."""
    return PooledEffects(*(np.zeros((classes, effects)) for _ in PooledEffects._fields))


def _within(rows: FloatArray, at: IntArray, season: int) -> FloatArray:
    """Return rows less their means over each place of the year."""
    order = np.argsort(at, kind="stable")
    counted = np.bincount(at, minlength=season)
    starts = np.concatenate([[0], np.cumsum(counted)[:-1]])[counted > 0]
    means = np.zeros((len(rows), season))
    means[:, counted > 0] = np.add.reduceat(rows[:, order], starts, axis=1) / counted[counted > 0]
    return rows - means[:, at]


def _regressed(left: FloatArray, within: FloatArray, freedom: int) -> Slopes:
    """Regress on each row by itself."""
    size = (within**2).sum(axis=1)
    moved = size > 1e-9  # noqa: PLR2004 - rounding, where nothing moved
    slope = np.where(moved, (within * left).sum(axis=1), 0.0) / np.where(moved, size, 1.0)
    rest = np.maximum((left**2).sum() - slope**2 * size, 1e-12)
    error = np.where(moved, np.sqrt(rest / freedom / np.where(moved, size, 1.0)), np.inf)
    return Slopes(slope, error)


def _drawn(slope: float, error: float, pool: PooledEffects, member: int, effect: int) -> float:
    """Return a slope drawn towards that of its class, or towards 0 where the class has none."""
    if pool.holds[member, effect] and pool.spread[member, effect] + error**2 > 0 and np.isfinite(error):
        part = pool.spread[member, effect] / (pool.spread[member, effect] + error**2)
        return float(part * slope + (1 - part) * pool.slope[member, effect])
    if pool.holds[member, effect]:
        return float(pool.slope[member, effect])
    return float(slope * max(0.0, 1.0 - (error / slope) ** 2))

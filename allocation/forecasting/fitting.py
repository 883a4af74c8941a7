"""One stretch of series: what pooling needs of it, and what each model makes of each series, at two cut-offs.

The later cut-off is the end of a series, from which the published figures start; the earlier one lies a horizon before
it (a third of the history at most), and what came between judges the models. Nothing here looks past a cut-off.
"""

from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from allocation.forecasting.calendar import Almanac
from allocation.forecasting.history import FloatArray, History
from allocation.forecasting.holiday_effects import (
    EffectSums,
    PooledEffects,
    effect_sums,
    factors,
    own_effects,
    slopes,
)
from allocation.forecasting.models import INTERMITTENT, MODELLED_FROM, REGULAR, Fitted, continued
from allocation.forecasting.periods import IntArray
from allocation.forecasting.shapes import PooledShapes, Shape, ShapeSums, known, own_shape, shape_sums, shrunk

INTERMITTENT_FROM: Final = 0.25
"""A series is intermittent where more than this share of its periods, from its first sale on, is without demand."""

TESTED_PART: Final = 3
"""The tested periods are at most one in so many."""

MODELS: Final = max(len(REGULAR), len(INTERMITTENT))
_LEVEL_SEASONS: Final = 3
_SILENT_BY_CHANCE: Final = 1e-4
_SILENT_SEASONS: Final = 3
_OFF_SEASON_AGREEMENT: Final = 0.6
_BEYOND_CHANCE: Final = 4.0


@dataclass(frozen=True, eq=False)
class Pool:
    """What the series lend each other at one cut-off."""

    effects: PooledEffects
    shapes: PooledShapes


class Fits(NamedTuple):
    """What is known of a stretch of series once its models are fitted; rows are series.

    `ahead` and `tested` are the models' figures from the later and the earlier cut-off, (series, models, horizon), NaN
    where there is none; `used` counts the periods from the first sale on; `actual` is what came in the tested periods.
    `lag_scale` is the mean step over a season,
    `step_scale` that of the adjusted series over a period, each at the later and the earlier cut-off. `level` and
    `variance` are of the last years' demand, `unit` is the smallest sale.
    """

    intermittent: npt.NDArray[np.bool_]
    silent: npt.NDArray[np.bool_]
    members: IntArray
    used: IntArray
    periods: IntArray
    ahead: FloatArray
    tested: FloatArray
    actual: FloatArray
    lag_scale: FloatArray
    step_scale: FloatArray
    level: FloatArray
    variance: FloatArray
    unit: FloatArray


def tested_periods(lengths: IntArray, horizon: int) -> IntArray:
    """Return how many last periods of each series judge the models; 0 where too few would be left."""
    periods = np.minimum(horizon, lengths // TESTED_PART)
    return np.where(lengths - periods >= MODELLED_FROM, periods, 0)


def is_intermittent(values: FloatArray, season: int) -> bool:
    """Say whether demand comes in single sales; values from the first sale on."""
    seen = values[~np.isnan(values)]
    return _has_many_zeros(seen) and not has_off_season(values, season)


def _has_many_zeros(values: FloatArray) -> bool:
    return bool((values == 0).mean() > INTERMITTENT_FROM)


def has_off_season(values: FloatArray, season: int) -> bool:
    """Say whether periods without demand come again at the same time of the year, as those of ice or moon cakes do.

    They do where the agreement from one year to the next is beyond chance, by Cohen's kappa (1960).
    """
    without = values == 0
    one, other = without[:-season], without[season:]
    if not len(one):
        return False
    by_chance = float(one.mean() * other.mean() + (1 - one.mean()) * (1 - other.mean()))
    agreed = float((one == other).mean())
    least = max(_OFF_SEASON_AGREEMENT, _BEYOND_CHANCE / float(np.sqrt(len(one))))
    return by_chance < 1 and (agreed - by_chance) / (1 - by_chance) > least


def is_silent(values: FloatArray, season: int) -> bool:
    """Say whether nothing is sold any more.

    Nothing was, for a year at least, and at the rate of sales since the first one, so long a time without any comes
    by chance once in ten thousand. Sales of parts come in clumps: a weaker rule calls parts dead that sell again.
    """
    sold = np.flatnonzero(np.nan_to_num(values) > 0)
    if not len(sold):
        return True
    without = len(values) - 1 - int(sold[-1])
    rate = len(sold) / (len(values) - int(sold[0]))
    by_chance: float = (1.0 - rate) ** without
    return (without >= season and by_chance < _SILENT_BY_CHANCE) or without >= _SILENT_SEASONS * season


def from_first_sale(values: FloatArray) -> FloatArray:
    """Return the values from the first that is not 0; none where all are."""
    sold = np.flatnonzero(np.nan_to_num(values) > 0)
    return values[sold[0] :] if len(sold) else values[:0]


def sums_of_effects(history: History, almanac: Almanac) -> EffectSums:
    """Return what the pooling of holiday effects needs of some series; intermittent ones have none of their own."""
    found = []
    for series in range(len(history)):
        values, places, exposed = _placed(history, series, almanac)
        usable = len(values) and not is_intermittent(values, almanac.season)
        found.append(slopes(known(values), places, almanac.season, exposed) if usable else None)
    return effect_sums(found, history.members, len(history.classes), len(almanac.effects))


def sums_of_shapes(history: History, almanac: Almanac, effects: PooledEffects) -> ShapeSums:
    """Return what the pooling of seasonal shapes needs of some series, holiday effects taken out."""
    found: list[Shape | None] = []
    groups = []
    for series in range(len(history)):
        values, places, exposed = _placed(history, series, almanac)
        member = int(history.members[series])
        if not len(values):
            found.append(None)
            groups.append(0)
            continue
        plain, intermittent = known(values), is_intermittent(values, almanac.season)
        if intermittent:
            kept = _class_effects(effects, member)
        else:
            kept = own_effects(plain, places, exposed, almanac, effects, member)
        found.append(own_shape(plain / factors(kept, exposed), places, almanac.season))
        groups.append(_group(member, intermittent=intermittent))
    return shape_sums(found, groups, 2 * len(history.classes), almanac.season)


def fit(history: History, horizon: int, almanac: Almanac, later: Pool, earlier: Pool) -> Fits:
    """Fit all models to some series at both cut-offs."""
    fits = _empty(history, horizon)
    season = history.frequency.season
    for i in range(len(history)):
        values = history.of(i)
        fits.silent[i] = is_silent(values, season)
        if fits.silent[i]:
            continue
        start = from_first_sale(values)
        fits.intermittent[i] = is_intermittent(start, season)
        fits.used[i] = len(start)
        last = known(start)[-_LEVEL_SEASONS * season :]
        fits.level[i], fits.variance[i] = last.mean(), last.var()
        fits.unit[i] = start[np.nan_to_num(start) > 0].min()
        helped, fitted = _fit_earlier(history, i, almanac, earlier, fits) if fits.periods[i] else (True, None)
        _fit_later(history, i, almanac, later, fits, with_effects=helped, fitted=fitted)
    return fits


def _empty(history: History, horizon: int) -> Fits:
    count = len(history)
    return Fits(
        intermittent=np.zeros(count, dtype=np.bool_),
        silent=np.zeros(count, dtype=np.bool_),
        members=history.members,
        used=history.lengths.copy(),
        periods=tested_periods(history.lengths, horizon),
        ahead=np.full((count, MODELS, horizon), np.nan),
        tested=np.full((count, MODELS, horizon), np.nan),
        actual=np.full((count, horizon), np.nan),
        lag_scale=np.full((count, 2), np.nan),
        step_scale=np.full((count, 2), np.nan),
        level=np.zeros(count),
        variance=np.zeros(count),
        unit=np.ones(count),
    )


def _fit_earlier(history: History, i: int, almanac: Almanac, pool: Pool, fits: Fits) -> tuple[bool, Fitted | None]:
    """Judge the models on the last periods of one series; return whether its holiday effects helped, and the models."""
    periods, intermittent = int(fits.periods[i]), bool(fits.intermittent[i])
    cut = int(history.lengths[i]) - periods
    actual = history.of(i)[cut:]
    fits.actual[i, :periods] = actual
    before = _used(history.of(i)[:cut], intermittent=intermittent)
    if not len(before):
        fits.tested[i, : len(INTERMITTENT if intermittent else REGULAR), :periods] = 0.0
        return True, None
    view = _View(before, int(history.first[i]) + cut, periods, int(history.weekday[i]), int(history.members[i]))
    seasoned = _seasoned(view, almanac, pool, intermittent=intermittent, with_effects=True)
    found, fitted = _forecast(seasoned, periods, almanac.season, intermittent=intermittent)
    helped = True
    if seasoned.has_effects:
        plain = _seasoned(view, almanac, pool, intermittent=intermittent, with_effects=False)
        other, without_them = _forecast(plain, periods, almanac.season, intermittent=intermittent)
        with_effects, without = (float(np.nanmean(np.abs(f.mean(axis=0) - actual))) for f in (found, other))
        helped = with_effects <= without
        found, fitted = (found, fitted) if helped else (other, without_them)
    fits.lag_scale[i, 1], fits.step_scale[i, 1] = _scales(seasoned, almanac.season)
    fits.tested[i, : len(found), :periods] = found
    return helped, fitted


def _fit_later(
    history: History,
    i: int,
    almanac: Almanac,
    pool: Pool,
    fits: Fits,
    *,
    with_effects: bool,
    fitted: Fitted | None,
) -> None:
    intermittent, horizon = bool(fits.intermittent[i]), fits.ahead.shape[2]
    end = int(history.first[i]) + int(history.lengths[i])
    values = _used(history.of(i), intermittent=intermittent)
    view = _View(values, end, horizon, int(history.weekday[i]), int(history.members[i]))
    seasoned = _seasoned(view, almanac, pool, intermittent=intermittent, with_effects=with_effects)
    fits.lag_scale[i, 0], fits.step_scale[i, 0] = _scales(seasoned, almanac.season)
    found, _ = _forecast(seasoned, horizon, almanac.season, intermittent=intermittent, fitted=fitted)
    fits.ahead[i, : len(found)] = found


class _View(NamedTuple):
    """One series up to a cut-off: its values, the number of the next period, and how many are asked for."""

    values: FloatArray
    end: int
    horizon: int
    weekday: int
    member: int


class _Seasoned(NamedTuple):
    """One series up to a cut-off, and the factors of season and holidays before and after it."""

    values: FloatArray
    before: FloatArray
    after: FloatArray
    has_effects: bool


def _seasoned(view: _View, almanac: Almanac, pool: Pool, *, intermittent: bool, with_effects: bool) -> _Seasoned:
    """Return the factors of one series; an intermittent one has those of its class."""
    size, start, past = len(view.values), view.end - len(view.values), view.end + view.horizon
    places = almanac.places_of(start, past, view.weekday)
    exposed = almanac.exposed_of(start, past, view.weekday)
    plain = known(view.values)
    shared = pool.shapes.of_group[_group(view.member, intermittent=intermittent)]
    kept = np.zeros(len(almanac.effects))
    if with_effects and intermittent:
        kept = _class_effects(pool.effects, view.member)
    elif with_effects:
        kept = own_effects(plain, places[:size], exposed[:, :size], almanac, pool.effects, view.member)
    lifted = factors(kept, exposed)
    coefficients = shared
    if not intermittent:
        own = own_shape(plain / lifted[:size], places[:size], almanac.season)
        coefficients = shrunk(own, shared, spikes=_has_many_zeros(plain))
    both = coefficients[places] * lifted
    return _Seasoned(plain, both[:size], both[size:], bool(kept.any()))


def _used(values: FloatArray, *, intermittent: bool) -> FloatArray:
    """Return what models are fitted to: from the first sale on, or all where that sale came by chance; or nothing."""
    started = from_first_sale(values)
    return values if intermittent and len(started) else started


def _group(member: int, *, intermittent: bool) -> int:
    """Return the place of a class' regular or intermittent series among those that share a shape."""
    return 2 * member + intermittent


def _class_effects(effects: PooledEffects, member: int) -> FloatArray:
    return np.where(effects.holds[member] > 0, effects.slope[member], 0.0)


def _forecast(
    seasoned: _Seasoned, horizon: int, season: int, *, intermittent: bool, fitted: Fitted | None = None
) -> tuple[FloatArray, Fitted | None]:
    """Return what each model makes of the periods after the cut-off, and the models."""
    adjusted = seasoned.values / seasoned.before
    if not intermittent and adjusted.any() and _has_many_zeros(adjusted):
        adjusted = adjusted[adjusted > 0]  # the off season tells nothing of the level
    found, kept = continued(adjusted, horizon, season, intermittent=intermittent, fitted=fitted)
    return found * seasoned.after, kept


def _scales(seasoned: _Seasoned, season: int) -> tuple[float, float]:
    """Return the mean step over a season, and over a period once adjusted; NaN where there is none."""
    values = seasoned.values
    adjusted = np.abs(np.diff(values / seasoned.before))[-_LEVEL_SEASONS * season :]
    step = float(adjusted.mean()) if len(adjusted) else np.nan
    lagged = np.abs(values[season:] - values[:-season])
    return (float(lagged.mean()) if len(lagged) > 1 else step), step


def _placed(history: History, series: int, almanac: Almanac) -> tuple[FloatArray, IntArray, FloatArray]:
    """Return a series from its first sale on, the places of its periods in the year, and its exposures."""
    values, weekday = from_first_sale(history.of(series)), int(history.weekday[series])
    end = int(history.first[series]) + int(history.lengths[series])
    start = end - len(values)
    return values, almanac.places_of(start, end, weekday), almanac.exposed_of(start, end, weekday)

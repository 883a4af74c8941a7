"""Demand of the periods to come: the stages, from a history to figures with intervals.

1. Holiday effects and seasonal shapes are pooled over the series, at the end of each and at an earlier cut-off.
2. The models of each series' family are fitted at both cut-offs; what came after the earlier one judges them.
3. Their figures are mixed, levels drawn towards those of the class, intervals set from what was missed.

Stages 1 and 2 go over stretches of series that know nothing of each other, so that they can run in any place and
order, be kept, and be taken up again; only what they pool is brought together.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

import numpy as np

from allocation.forecasting.calendar import Calendar, almanac, built_in_calendar, effects_of
from allocation.forecasting.combining import combined
from allocation.forecasting.fitting import Fits, Pool, fit, sums_of_effects, sums_of_shapes, tested_periods
from allocation.forecasting.history import FloatArray, History
from allocation.forecasting.holiday_effects import EffectSums, PooledEffects, pooled_effects
from allocation.forecasting.periods import Days, first_days
from allocation.forecasting.places import Here, Places, Result
from allocation.forecasting.shapes import ShapeSums, pooled_shapes

STRETCH: Final = 500
"""Series worked on at a time. What is pooled is added up stretch by stretch, so this moves the figures' last digits."""

Progress = Callable[[str, int, int], None]
"""Told the stage, the series done and their number."""


@dataclass(frozen=True, eq=False)
class Forecasts:
    """Demand of the periods to come, series as in the history.

    Parameters
    ----------
    names
        One a series.
    days
        First day of each period, days since 1970-01-01, shape (series, horizon).
    mean, lo80, hi80
        Expected demand and the interval that holds four times in five, same shape; 0 ≤ lo80 ≤ mean ≤ hi80, finite.
    """

    names: tuple[str, ...]
    days: Days
    mean: FloatArray
    lo80: FloatArray
    hi80: FloatArray


def forecast(
    history: History,
    horizon: int,
    *,
    holidays: Calendar | None = None,
    progress: Progress = lambda _stage, _done, _all: None,
    places: Places | None = None,
) -> Forecasts:
    """Forecast each series for the periods after its own last one.

    Parameters
    ----------
    history
        What is known; nothing else is used, so a history cut at a day gives what could have been said on that day.
    horizon
        Periods to forecast, 1 or more.
    holidays
        Dates of the moving holidays; the built-in ones where absent.
    progress
        Told the stage, the series done and their number.
    places
        Where the work is done; here where absent. The figures are the same to the last bit.
    """
    if horizon < 1:
        raise ValueError("a horizon has at least one period")
    calendar = built_in_calendar() if holidays is None else holidays
    where = places or Here()
    ahead = first_days(
        history.frequency,
        (history.first + history.lengths)[:, None] + np.arange(horizon),
        history.weekday[:, None],
    )
    if not len(history):
        nothing = np.zeros((0, horizon))
        return Forecasts((), ahead, nothing, nothing, nothing)

    def each(stage: str, act: Callable[[History], Result], kind: type[Result], of: History) -> Sequence[Result]:
        return where.each(stage, act, kind, _stretches(of), lambda done: progress(stage, done, len(of)))

    earlier_history = history.without_last(tested_periods(history.lengths, horizon))
    later = _pool("seasons", each, history, calendar)
    earlier = _pool("earlier seasons", each, earlier_history, calendar)
    fitted = partial(_fit, horizon=horizon, calendar=calendar, later=later, earlier=earlier)
    figures = combined(each("models", fitted, Fits, history), history.frequency.season)
    return Forecasts(history.names, ahead, *figures)


def _stretches(history: History) -> list[History]:
    return [history.some(start, min(start + STRETCH, len(history))) for start in range(0, len(history), STRETCH)]


def _pool(stage: str, each: Callable[..., Sequence[Any]], history: History, calendar: Calendar) -> Pool:
    found = each(f"{stage}: holidays", partial(_sums_of_effects, calendar=calendar), EffectSums, history)
    effects = pooled_effects(list(found), effects_of(calendar, history.frequency))
    act = partial(_sums_of_shapes, calendar=calendar, effects=effects)
    return Pool(effects, pooled_shapes(list(each(stage, act, ShapeSums, history))))


def _sums_of_effects(stretch: History, calendar: Calendar) -> EffectSums:
    return sums_of_effects(stretch, almanac(calendar, stretch, 1))


def _sums_of_shapes(stretch: History, calendar: Calendar, effects: PooledEffects) -> ShapeSums:
    return sums_of_shapes(stretch, almanac(calendar, stretch, 1), effects)


def _fit(stretch: History, horizon: int, calendar: Calendar, later: Pool, earlier: Pool) -> Fits:
    return fit(stretch, horizon, almanac(calendar, stretch, horizon), later, earlier)

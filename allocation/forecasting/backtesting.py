"""What would have been forecast earlier, beside what came: errors that no figure has seen beforehand."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final

import numpy as np

from allocation.forecasting.calendar import Calendar
from allocation.forecasting.fitting import tested_periods
from allocation.forecasting.forecasting import Progress, forecast
from allocation.forecasting.history import FloatArray, History
from allocation.forecasting.models import MODELLED_FROM
from allocation.forecasting.periods import IntArray
from allocation.forecasting.places import Here, Places, Result
from allocation.forecasting.shapes import known

ORIGINS: Final = 2
"""From so many earlier cut-offs is forecast, each as many periods before the next as are tested from it."""


@dataclass(frozen=True, eq=False)
class Backtest:
    """Errors of each series; NaN where it is too short to be tested, or never changes from one season to the next.

    Parameters
    ----------
    periods
        Periods that were forecast from an earlier cut-off and have come since; those of both cut-offs counted.
    error, seasonal_naive_error
        Mean absolute error of :func:`~allocation.forecasting.forecast`, and of the value one season earlier, both
        over the mean absolute step from one season to the next before the cut-off (Hyndman and Koehler's MASE, 2006).
    """

    periods: IntArray
    error: FloatArray
    seasonal_naive_error: FloatArray


def backtest(
    history: History,
    horizon: int,
    *,
    holidays: Calendar | None = None,
    progress: Progress = lambda _stage, _done, _all: None,
    places: Places | None = None,
) -> Backtest:
    """Forecast the last periods of each series from what was known before them; see :func:`forecast` for the rest.

    At each cut-off everything is done anew from the shortened histories: shapes, effects, weights and intervals.
    """
    size = len(history)
    periods, missed = np.zeros(size, dtype=np.int64), np.zeros((2, size))
    tested = tested_periods(history.lengths, horizon)
    for origin in range(1, ORIGINS + 1):
        cut = tested * origin
        rows = np.flatnonzero((tested > 0) & (history.lengths - cut >= MODELLED_FROM))
        if not len(rows):
            break
        some = history.picked(rows)
        shortened = some.without_last(cut[rows])
        prefix = f"backtest {origin} of {ORIGINS}: "
        found = forecast(
            shortened,
            int(tested.max()),
            holidays=holidays,
            progress=partial(_told, progress, prefix),
            places=_Prefixed(places or Here(), prefix),
        )
        for at, series in enumerate(rows.tolist()):
            before, count = known(shortened.of(at)), int(tested[series])
            actual = some.of(at)[len(before) : len(before) + count]
            seen = ~np.isnan(actual)
            naive = seasonal_naive(before, count, history.frequency.season)
            scale = season_step(before, history.frequency.season)
            periods[series] += int(seen.sum())
            for row, figures in enumerate((found.mean[at, :count], naive)):
                missed[row, series] += float(np.abs(figures - actual)[seen].sum()) / scale if scale > 0 else np.nan
    with np.errstate(divide="ignore", invalid="ignore"):
        errors = missed / periods
    errors[~np.isfinite(errors)] = np.nan
    return Backtest(periods, errors[0], errors[1])


@dataclass(frozen=True)
class _Prefixed:
    """Places that tell the stages of one cut-off from those of others."""

    places: Places
    prefix: str

    def each(
        self,
        stage: str,
        act: Callable[[History], Result],
        kind: type[Result],
        stretches: Sequence[History],
        told: Callable[[int], None],
    ) -> Sequence[Result]:
        return self.places.each(self.prefix + stage, act, kind, stretches, told)


def _told(progress: Progress, prefix: str, stage: str, done: int, total: int) -> None:
    progress(prefix + stage, done, total)


def seasonal_naive(values: FloatArray, horizon: int, season: int) -> FloatArray:
    """Repeat the last season; the last value, where there is no whole season."""
    if len(values) < season:
        return np.full(horizon, values[-1])
    return np.resize(values[-season:], horizon)


def season_step(values: FloatArray, season: int) -> float:
    """Return the mean absolute step from one season to the next, from one period to the next where there is none."""
    steps = np.abs(values[season:] - values[:-season]) if len(values) > season else np.abs(np.diff(values))
    return float(steps.mean()) if len(steps) else 0.0

"""A figure at a cut-off never uses what came after it; a leak that is planted is seen."""

import numpy as np
import pytest
from demand_series import monthly, seasonal, sporadic

from allocation.forecasting import forecast
from allocation.forecasting.backtesting import ORIGINS, backtest, season_step, seasonal_naive
from allocation.forecasting.calendar import almanac, built_in_calendar
from allocation.forecasting.fitting import Pool, fit
from allocation.forecasting.fitting import tested_periods as periods_that_judge
from allocation.forecasting.holiday_effects import no_effects
from allocation.forecasting.shapes import PooledShapes

HORIZON = 6


def two_futures():
    """Series that are the same but for their last year."""
    rng = np.random.default_rng(3)
    kept = [("a", seasonal(48)), ("b", seasonal(48, seed=1)), ("c", sporadic(48))]
    return [monthly(*((name, np.append(v, rng.random(12) * most)) for name, v in kept)) for most in (50, 5000)]


def sees_the_future(forecaster) -> bool:
    """Say whether figures from the cut-off a year before the end depend on that year."""
    first, second = (forecaster(history, np.full(3, 12)) for history in two_futures())
    return any(not np.array_equal(*pair) for pair in zip(first, second, strict=True))


def at_cut_off(history, cut):
    found = forecast(history.without_last(cut), HORIZON)
    return found.mean, found.lo80, found.hi80


def at_cut_off_with_a_leak(history, cut):
    """The commonest leak: a scale that was taken from the whole of each series."""
    whole = np.array([history.of(i).mean() for i in range(len(history))])
    cut_short = history.without_last(cut)
    before = np.array([cut_short.of(i).mean() for i in range(len(history))])
    return tuple(figures * (whole / before)[:, None] for figures in at_cut_off(history, cut))


def test_no_figure_depends_on_what_came_after_its_cut_off():
    assert not sees_the_future(at_cut_off)


def test_a_planted_leak_is_seen():
    assert sees_the_future(at_cut_off_with_a_leak)


def test_what_judges_the_models_was_not_seen_by_them():
    histories = two_futures()
    found = []
    for history in histories:
        known = almanac(built_in_calendar(), history, 12)
        pool = Pool(no_effects(1, len(known.effects)), PooledShapes(np.ones((2, 12))))
        found.append(fit(history, 12, known, pool, pool))
    assert found[0].periods.tolist() == [12, 12, 12]

    assert np.array_equal(found[0].tested, found[1].tested, equal_nan=True)
    assert np.array_equal(found[0].lag_scale[:, 1], found[1].lag_scale[:, 1])
    assert np.array_equal(found[0].step_scale[:, 1], found[1].step_scale[:, 1])
    assert not np.array_equal(found[0].ahead, found[1].ahead, equal_nan=True)


def test_a_backtest_is_what_would_have_been_said():
    history = monthly(("shop", seasonal(60, noise=0.1)))
    found = backtest(history, HORIZON)

    errors, naive = [], []
    for origin in range(1, ORIGINS + 1):
        cut = history.without_last(np.array([HORIZON * origin]))
        before = cut.of(0)
        actual = history.of(0)[len(before) : len(before) + HORIZON]
        scale = season_step(before, 12)
        errors += (np.abs(forecast(cut, HORIZON).mean[0] - actual) / scale).tolist()
        naive += (np.abs(seasonal_naive(before, HORIZON, 12) - actual) / scale).tolist()
    assert found.periods.tolist() == [HORIZON * ORIGINS]
    assert found.error[0] == pytest.approx(np.mean(errors))
    assert found.seasonal_naive_error[0] == pytest.approx(np.mean(naive))


def test_a_backtest_says_nothing_of_a_series_that_is_too_short_or_never_changes():
    history = monthly(("short", [1.0, 2.0, 3.0]), ("same", np.full(40, 5.0)))
    found = backtest(history, HORIZON)

    assert found.periods.tolist() == [12, 0]
    assert np.isnan(found.error).all()
    assert np.isnan(found.seasonal_naive_error).all()


def test_at_most_a_third_of_a_history_judges():
    assert periods_that_judge(np.array([8, 11, 12, 30, 100]), 18).tolist() == [0, 3, 4, 10, 18]

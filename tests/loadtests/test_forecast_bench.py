"""The measures of forecasts are what their definitions say, and the rows can be made."""

import numpy as np
import pytest

from loadtests.bench import forecasts
from loadtests.bench.accuracy import Figures, accuracy, season_scale, step_scale
from loadtests.bench.problems import Sizes


def test_a_forecast_that_comes_true_has_no_error_and_its_interval_holds():
    actual = np.array([[3.0, 4.0], [1.0, 0.0]])
    found = accuracy(Figures(actual, actual, actual), actual, np.ones(2))

    assert found == {"MASE": 0, "RMSSE": 0, "TOT": 0, "sum": 1, "coverage": 1, "Winkler": 0}


def test_the_measures_by_hand():
    actual = np.array([[4.0, 6.0]])
    figures = Figures(np.array([[2.0, 5.0]]), np.array([[1.0, 4.0]]), np.array([[3.0, 8.0]]))
    found = accuracy(figures, actual, np.array([2.0]))

    assert found["MASE"] == pytest.approx((2 + 1) / 2 / 2)
    assert found["RMSSE"] == pytest.approx(np.sqrt((4 + 1) / 2) / 2)
    assert found["TOT"] == pytest.approx(3 / 2)
    assert found["sum"] == pytest.approx(7 / 10)
    assert found["coverage"] == 0.5
    assert found["Winkler"] == pytest.approx((2 + 10 * 1 + 4) / 2 / 2)


def test_a_forecast_of_nothing_does_well_by_mean_absolute_error_and_badly_by_the_sum():
    rng = np.random.default_rng(1)
    actual = (rng.random((400, 12)) < 0.2).astype(float)
    nothing, mean = (accuracy(Figures(np.full((400, 12), v), None, None), actual, np.ones(400)) for v in (0.0, 0.2))

    assert nothing["MASE"] < mean["MASE"]
    assert nothing["TOT"] > mean["TOT"]


def test_scales_by_hand():
    assert season_scale(np.array([1.0, 2.0, 4.0, 1.0]), season=2) == pytest.approx((3 + 1) / 2)
    assert step_scale(np.array([1.0, 2.0, 0.0])) == pytest.approx(np.sqrt((1 + 4) / 2))


@pytest.mark.slow
@pytest.mark.skipif(
    not forecasts.DATA.is_dir(), reason="the public series stand beside the checkout; they are not there"
)
def test_the_public_series_are_what_the_targets_are_meant_for():
    assert sum(1 for _ in forecasts.m3_monthly()) == 1428
    assert sum(1 for _ in forecasts.carparts()) == 2493


@pytest.mark.slow
def test_speed_is_measured_on_one_process_each():
    ratio, extrapolated = forecasts.speed_rows(Sizes(divisor=1000, repeats=1))

    assert ratio.ratio is not None
    assert ratio.ratio > 0
    assert extrapolated.unit == "min"

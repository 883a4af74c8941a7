"""Figures that hold for every series: what edges give, and that nothing looks past its cut-off."""

from dataclasses import replace

import numpy as np
import pytest
from demand_series import JANUARY_2018, monthly, seasonal, sporadic

from allocation.forecasting import Frequency, forecast, history_of
from allocation.forecasting.periods import first_days, iso_dates

EDGES = {
    "all zero": np.zeros(24),
    "one point": [7.0],
    "two points": [3.0, 5.0],
    "constant": np.full(30, 12.0),
    "late start": np.concatenate([np.zeros(20), np.full(10, 50.0) + np.arange(10)]),
    "closed": np.concatenate([seasonal(36), np.zeros(14)]),
    "one sale": np.eye(1, 30, 11)[0],
    "unknown in between": np.where(np.arange(40) % 9 == 4, np.nan, seasonal(40)),
    "unknown at both ends": np.concatenate([[np.nan], seasonal(30), [np.nan, np.nan]]),
    "huge": seasonal(40) * 1e12,
    "tiny": seasonal(40) * 1e-9,
    "steep": 2.0 ** np.arange(20),
    "sporadic": sporadic(40),
    "seasonal": seasonal(60),
}


def everything():
    return monthly(*EDGES.items())


def of(found, name):
    at = found.names.index(name)
    return found.mean[at], found.lo80[at], found.hi80[at]


def test_figures_are_finite_never_negative_and_in_order_for_every_edge():
    found = forecast(everything(), 18)

    assert found.names == tuple(sorted(EDGES))
    assert found.mean.shape == found.lo80.shape == found.hi80.shape == found.days.shape == (len(EDGES), 18)
    for figures in (found.mean, found.lo80, found.hi80):
        assert np.isfinite(figures).all()
    assert (found.lo80 >= 0).all()
    assert (found.lo80 <= found.mean).all()
    assert (found.mean <= found.hi80).all()


def test_nothing_is_expected_where_nothing_was_ever_sold_or_nothing_is_sold_any_more():
    found = forecast(everything(), 6)

    for name in ("all zero", "closed"):
        assert not np.any(of(found, name))


def test_what_is_sold_in_summer_is_expected_in_summer_alone():
    ice = np.where(np.arange(48) % 12 < 5, 0.0, 40 + 2 * np.sin(np.arange(48)))
    mean, low, _ = of(forecast(monthly(("ice", ice)), 12), "ice")

    assert (mean[:5] < 4).all()
    assert (low[:5] < 1).all()
    assert mean[5:] == pytest.approx(40, rel=0.15)


def test_three_years_without_a_sale_are_the_end_however_seldom_it_was_sold():
    once = ("once", np.concatenate([[240.0], np.zeros(36)]))

    assert not np.any(of(forecast(monthly(once), 6), "once"))


def test_a_series_that_was_never_tested_says_less():
    values = seasonal(9)
    _, low, high = of(forecast(monthly(("young", values)), 6), "young")

    assert (np.diff(high - low) >= 0).all()
    assert high[0] - low[0] > 1.5 * np.abs(np.diff(values)).mean()


def test_what_never_changed_goes_on():
    mean, low, high = of(forecast(everything(), 6), "constant")

    assert mean == pytest.approx(12.0)
    assert (high - low < 12).all()


def test_a_shop_that_stood_still_for_a_year_takes_no_season_from_its_class():
    others = [(f"shop {number}", seasonal(60)) for number in range(8)]
    mean, _, _ = of(forecast(monthly(*others, ("still", np.full(20, 12.0))), 12), "still")

    assert np.ptp(mean) == 0
    assert mean[0] == pytest.approx(12.0, rel=0.05)


def test_one_point_alone_goes_on():
    mean, low, high = of(forecast(monthly(("shop", [7.0])), 3), "shop")

    assert mean == pytest.approx(7.0)
    assert (low <= 7).all()
    assert (high >= 7).all()


def test_a_peak_in_december_comes_again_in_december():
    found = forecast(monthly(("shop", seasonal(60))), 12)

    assert found.mean[0].argmax() == 11
    assert found.mean[0] == pytest.approx(seasonal(12, noise=0), rel=0.1)


def test_each_series_is_continued_from_its_own_last_period():
    long, short = seasonal(60), seasonal(50, seed=1)
    found = forecast(monthly(("long", long), ("short", short)), 2)

    assert iso_dates(found.days[0]) == ["2023-01-01", "2023-02-01"]
    assert iso_dates(found.days[1]) == ["2022-03-01", "2022-04-01"]


def test_weeks_begin_on_the_day_on_which_they_began():
    number, weekday = 2600, 4  # a Monday
    history = history_of(Frequency.WEEKLY, [("shop", number, np.full(30, 4.0))], weekday=weekday)
    found = forecast(history, 2)

    assert found.days[0].tolist() == first_days(Frequency.WEEKLY, [number + 30, number + 31], weekday).tolist()
    assert set((found.days[0].astype("datetime64[D]").astype(object)[0]).strftime("%A").split()) == {"Monday"}


def test_what_comes_after_the_cut_off_changes_no_figure():
    # The leak that this looks for: what is pooled, or a scale, taken from the whole series instead of the cut one.
    rng = np.random.default_rng(3)
    kept = [("a", seasonal(48)), ("b", seasonal(48, seed=1)), ("c", sporadic(48))]
    true = monthly(*((name, np.append(values, rng.random(12) * 50)) for name, values in kept))
    other = monthly(*((name, np.append(values, rng.random(12) * 5000)) for name, values in kept))
    cut = np.full(3, 12)

    first, second = (forecast(history.without_last(cut), 6) for history in (true, other))

    assert np.array_equal(first.mean, second.mean)
    assert np.array_equal(first.lo80, second.lo80)
    assert np.array_equal(first.hi80, second.hi80)


def test_the_order_in_which_series_are_handed_over_does_not_matter():
    one = forecast(monthly(*EDGES.items()), 4)
    other = forecast(monthly(*reversed(EDGES.items())), 4)

    assert np.array_equal(one.mean, other.mean)


def test_a_short_series_takes_the_shape_of_its_class():
    members = [(f"long {i}", JANUARY_2018, seasonal(60, seed=i)) for i in range(8)]
    short = ("short", JANUARY_2018 + 42, seasonal(60, seed=9)[42:])

    found = forecast(history_of(Frequency.MONTHLY, [*members, short]), 6)
    alone = forecast(history_of(Frequency.MONTHLY, [short]), 6)

    december_to_january = seasonal(12, noise=0)[0] / seasonal(12, noise=0)[11]
    assert found.mean[-1][0] / found.mean[-1][5] == pytest.approx(1 / 1.1, abs=0.2)  # January to June
    assert abs(found.mean[-1].mean() - 90) < abs(alone.mean[-1].mean() - 90)
    assert december_to_january < 0.5


def test_no_series_gives_no_figures():
    history = monthly(("shop", [1.0]))
    empty = replace(history.some(0, 0))

    assert forecast(empty, 3).mean.shape == (0, 3)


def test_a_horizon_of_nothing_is_refused():
    with pytest.raises(ValueError, match="at least one period"):
        forecast(monthly(("shop", [1.0])), 0)


@pytest.mark.parametrize("values", [[], [np.nan], [1.0, -1.0], [np.inf]])
def test_values_that_are_no_history_are_refused(values):
    with pytest.raises(ValueError, match="series shop"):
        monthly(("shop", values))

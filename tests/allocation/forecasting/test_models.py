"""What the models make of one series, and what is kept of them for a later cut-off."""

import numpy as np
import pytest
from demand_series import seasonal, sporadic

from allocation.forecasting.calendar import built_in_calendar
from allocation.forecasting.fitting import Fits, has_off_season, is_intermittent
from allocation.forecasting.intervals import quantiles_ahead, upper_probability
from allocation.forecasting.models import INTERMITTENT, REGULAR, continued
from allocation.forecasting.shapes import Shape, own_shape, pooled_shapes, shape_sums, shrunk
from allocation.forecasting.weighing import weights

YEAR = np.array([0.8, 0.8, 0.9, 1.0, 1.0, 0.9, 0.9, 0.9, 1.0, 1.0, 1.1, 1.7])


def rising(months: int) -> np.ndarray:
    rng = np.random.default_rng(5)
    return 100 + 2.0 * np.arange(months) + rng.normal(0, 3, months)


def test_each_model_of_a_family_gives_a_row():
    regular, kept = continued(rising(40), 6, 12, intermittent=False)
    single, nothing = continued(sporadic(40), 6, 12, intermittent=True)

    assert regular.shape == (len(REGULAR), 6)
    assert single.shape == (len(INTERMITTENT), 6)
    assert kept is not None
    assert nothing is None


def test_parameters_that_are_kept_give_about_what_new_ones_give():
    values = rising(60)
    _, kept = continued(values[:48], 12, 12, intermittent=False)
    later, _ = continued(values, 12, 12, intermittent=False, fitted=kept)
    anew, _ = continued(values, 12, 12, intermittent=False)

    assert not np.array_equal(later, anew)
    assert later[0] == pytest.approx(anew[0], rel=0.1)  # theta


def test_kept_parameters_that_lead_astray_are_found_anew():
    _, kept = continued(rising(48), 12, 12, intermittent=False)
    fallen = np.concatenate([rising(48), np.full(12, 10.0) + np.arange(12) % 3])
    later, _ = continued(fallen, 12, 12, intermittent=False, fitted=kept)

    assert np.isfinite(later).all()
    assert later.max() <= 3 * fallen.max()


def test_where_nothing_moves_the_long_search_is_left_out():
    rng = np.random.default_rng(2)
    level = 50 + rng.normal(0, 5, 48)
    found, kept = continued(level, 6, 12, intermittent=False)

    assert np.array_equal(found[1], found[2])
    assert kept is not None
    assert sorted(kept.models) == [0]


def test_figures_go_with_the_unit_of_a_series():
    values = rising(40)
    one, _ = continued(values, 6, 12, intermittent=False)
    thousandth, _ = continued(values / 1024, 6, 12, intermittent=False)

    assert thousandth * 1024 == pytest.approx(one, rel=1e-9)


def test_few_years_are_drawn_further_than_many():
    flat = np.ones(12)
    noisy = {years: seasonal(12 * years, noise=0.25, seed=4) for years in (3, 15)}
    drawn = {}
    for years, values in noisy.items():
        own = own_shape(values, np.arange(len(values)) % 12, 12)
        assert own is not None
        apart = np.abs(own.coefficients - 1).sum()
        drawn[years] = np.abs(shrunk(own, flat) - 1).sum() / apart
    assert drawn[3] < drawn[15] <= 1


def test_a_member_without_seasons_is_not_drawn_into_those_of_its_class():
    class_shape = YEAR / YEAR.mean()
    flat = Shape(1 + np.random.default_rng(0).normal(0, 0.02, 12), 0.02**2)

    assert np.abs(shrunk(flat, class_shape) - 1).max() < 0.15


def test_the_season_of_a_year_and_a_half_is_seen_beside_a_trend():
    values = np.resize(YEAR, 20) * np.linspace(1, 2, 20)
    own = own_shape(values, np.arange(20) % 12, 12)

    assert own is not None
    assert own.coefficients == pytest.approx(YEAR / YEAR.mean(), rel=0.1)
    assert own_shape(np.linspace(1, 2, 20), np.arange(20) % 12, 12).coefficients == pytest.approx(1, abs=1e-9)
    assert own_shape(values[:14], np.arange(14) % 12, 12) is None


def test_one_series_of_weeks_shows_waves_and_a_class_shows_spikes():
    spike = np.where(np.arange(52) == 20, 4.0, 1.0)
    own = Shape(spike / spike.mean(), 0.01)

    assert shrunk(own, np.ones(52)).argmax() == 20
    assert shrunk(own, np.ones(52)).max() > 3
    assert shrunk(own, np.ones(52), spikes=False).max() < 2


def test_sales_that_stop_at_the_same_time_of_the_year_are_an_off_season():
    ice = np.where(np.arange(48) % 12 < 5, 0.0, seasonal(48))

    assert has_off_season(ice, 12)
    assert not is_intermittent(ice, 12)
    assert is_intermittent(sporadic(48), 12)
    assert not has_off_season(ice[:12], 12)
    assert not has_off_season(np.zeros(48), 12)


def test_one_sale_long_ago_says_little():
    once = np.concatenate([[240.0], np.zeros(29)])
    found, _ = continued(once, 3, 12, intermittent=True)

    assert found.max() <= 3 * 240 / 30


def test_a_short_member_has_the_shape_of_its_class():
    members = [own_shape(seasonal(60, seed=i), np.arange(60) % 12, 12) for i in range(6)]
    pooled = pooled_shapes([shape_sums(members, [0] * 6, 2, 12)])

    assert shrunk(None, pooled.of_group[0]) == pytest.approx(YEAR / YEAR.mean(), abs=0.05)


def test_quantiles_of_many_misses_are_theirs_and_of_few_are_what_is_expected():
    rng = np.random.default_rng(1)
    low, high = quantiles_ahead(rng.normal(0, 1, (20_000, 3)), 3)
    few_low, _ = quantiles_ahead(np.full((1, 3), -50.0), 3)

    assert low == pytest.approx([-1.2816] * 3, abs=0.03)
    assert high == pytest.approx([1.2816] * 3, abs=0.03)
    assert (few_low > -15).all()


def test_the_upper_probability_is_that_of_the_ninth_decile_where_the_distribution_is_true():
    rng = np.random.default_rng(3)
    mean, dispersion = 6.0, 3.0
    actual = rng.negative_binomial(mean / (dispersion - 1), 1 / dispersion, (3000, 6)).astype(float)
    found = upper_probability(actual, np.full((3000, 6), mean), np.ones(3000), np.full(3000, dispersion))

    assert found == pytest.approx(0.9, abs=0.02)


def test_the_calendar_is_made_once():
    assert built_in_calendar() is built_in_calendar()


def test_a_model_that_was_better_for_a_series_counts_more():
    tested = np.zeros((2, 4, 3))
    tested[:, :3] = np.array([[10.0], [12.0], [14.0]])
    tested[:, 3] = np.nan
    actual = np.array([[10.0] * 3, [14.0] * 3])
    fits = Fits(
        intermittent=np.zeros(2, dtype=np.bool_),
        silent=np.zeros(2, dtype=np.bool_),
        members=np.zeros(2, dtype=np.int64),
        used=np.full(2, 30),
        periods=np.full(2, 3),
        ahead=tested,
        tested=tested,
        actual=actual,
        lag_scale=np.ones((2, 2)),
        step_scale=np.ones((2, 2)),
        level=np.full(2, 10.0),
        variance=np.ones(2),
        unit=np.ones(2),
    )
    counted = weights(fits, {False: np.full(3, 2.0), True: np.full(4, 1.0)})

    assert counted.sum(axis=1) == pytest.approx([1, 1])
    assert counted[0].argmax() == 0
    assert counted[1].argmax() == 2

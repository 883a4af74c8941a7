"""A peak that moves with a holiday is forecast where the holiday will be; where nothing moves, nothing is seen."""

import numpy as np
import pytest
from demand_series import seasonal

from allocation.forecasting import Frequency, forecast, history_of
from allocation.forecasting.calendar import BUILT_IN, Effect, almanac, built_in_calendar
from allocation.forecasting.holiday_effects import (
    effect_sums,
    no_effects,
    own_effects,
    pooled_effects,
    slopes,
)
from allocation.forecasting.periods import iso_dates

SPRING = iso_dates(built_in_calendar()["spring_festival"])
FESTIVAL_MONTH = {int(day[:4]): int(day[5:7]) for day in SPRING}


def moving_peak(first_year: int, months: int, *, noise: float, seed: int = 0) -> np.ndarray:
    """Demand that doubles in the month of the Spring Festival, on a mild season."""
    rng = np.random.default_rng(seed)
    values = []
    for month in range(months):
        year, of_year = first_year + month // 12, month % 12 + 1
        level = 100.0 * (1 + 0.2 * np.sin(of_year / 12 * 2 * np.pi))
        values.append(level * (2.0 if of_year == FESTIVAL_MONTH[year] else 1.0))
    return np.array(values) * (1 + noise * rng.standard_normal(months))


def the_months(first_year: int, values: np.ndarray):
    return history_of(Frequency.MONTHLY, [("shop", (first_year - 1970) * 12, values)])


@pytest.mark.parametrize(("first_year", "years"), [(2018, 6), (2019, 5), (2020, 5), (2019, 6), (2021, 4)])
@pytest.mark.parametrize("noise", [0.0, 0.1])
def test_a_peak_that_moves_with_the_spring_festival_is_forecast_in_its_month(first_year, years, noise):
    values = moving_peak(first_year, 12 * years, noise=noise)
    found = forecast(the_months(first_year, values), 12).mean[0]

    peak = FESTIVAL_MONTH[first_year + years] - 1
    other = 1 - peak
    assert found.argmax() == peak
    assert found[peak] > 1.5 * found[other]


def test_without_knowing_the_festival_the_peak_is_missed():
    # 2023 and 2025 have it in January, the four other years in February.
    nowhere = {"nothing": np.array([0])}
    found = forecast(the_months(2019, moving_peak(2019, 72, noise=0.0)), 12, holidays=nowhere).mean[0]

    assert FESTIVAL_MONTH[2025] == 1
    assert found[0] < 1.5 * found[1]


def test_a_weekly_peak_in_the_week_before_easter_is_forecast_in_that_week():
    easter = built_in_calendar()["easter"]
    numbers = np.arange(2400, 2400 + 6 * 52 + 26)
    starts = numbers * 7 + 4
    has_easter = np.array([((easter > start) & (easter <= start + 7)).any() for start in starts])
    rng = np.random.default_rng(1)
    values = 50.0 * np.where(has_easter, 3.0, 1.0) * (1 + 0.05 * rng.standard_normal(len(numbers)))
    known, ahead = values[:-26], has_easter[-26:]
    assert ahead.sum() == 1

    found = forecast(history_of(Frequency.WEEKLY, [("shop", 2400, known)], weekday=4), 26).mean[0]

    assert found.argmax() == ahead.argmax()
    assert found.max() > 2 * np.median(found)


def test_a_fixed_season_shows_no_holiday():
    values = seasonal(72, noise=0.1)
    history = the_months(2018, values)
    known = almanac(built_in_calendar(), history, 1)
    start = int(history.first[0])
    places, exposed = known.places_of(start, start + 72, 0), known.exposed_of(start, start + 72, 0)

    assert not own_effects(values, places, exposed, known, no_effects(1, len(known.effects)), 0).any()


def test_what_a_class_shows_together_its_members_share():
    # Each alone is in doubt: the lift is near the noise. Twenty together are not.
    alone, known = [], None
    for seed in range(20):
        values = np.maximum(moving_peak(2018, 60, noise=0.4, seed=seed), 0.0)
        history = the_months(2018, values)
        known = almanac(built_in_calendar(), history, 1)
        start = int(history.first[0])
        alone.append(slopes(values, known.places_of(start, start + 60, 0), 12, known.exposed_of(start, start + 60, 0)))
    assert known is not None
    pool = pooled_effects([effect_sums(alone, np.zeros(20, dtype=np.int64), 1, len(known.effects))], known.effects)

    held = [effect for effect, holds in zip(known.effects, pool.holds[0], strict=True) if holds]
    assert [effect.holiday for effect in held] == ["spring_festival"]
    assert pool.slope[0, known.effects.index(held[0])] == pytest.approx(1.0, abs=0.35)


def test_the_parts_of_a_window_that_fall_into_two_months_add_up():
    # The Spring Festival of 2025 is on 29 January: of the 29 days up to it, all are in January.
    history = the_months(2024, np.ones(24))
    known = almanac(built_in_calendar(), history, 1)
    start = int(history.first[0])
    row = known.effects.index(Effect("spring_festival", (-28, 1)))
    exposed = known.exposed_of(start, start + 24, 0)[row]

    assert exposed[12] == 1.0
    assert exposed[:2].tolist() == [pytest.approx(19 / 29), pytest.approx(10 / 29)]  # 10 February 2024
    assert exposed.sum() == pytest.approx(2.0)


def test_the_built_in_dates_are_those_of_the_almanacs():
    known = {name: iso_dates(days) for name, days in built_in_calendar().items()}

    assert sorted(known) == sorted(BUILT_IN)
    for name, day in {
        "spring_festival": "2023-01-22",
        "mid_autumn": "2025-10-06",
        "qingming": "2026-04-05",
        "easter": "2024-03-31",
        "thanksgiving": "2025-11-27",
    }.items():
        assert day in known[name]
        assert len(known[name]) == 199

"""Mean and square of demand above a known least value, against plain sums."""

from math import exp, lgamma, log

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from allocation.forecasting.censoring.negative_binomial import SHAPE_LEAST, SHAPE_MOST, tail_moments


def summed(least, mean, shape):
    """Mean and mean square by adding up the law until nothing is left of it."""
    p = shape / (shape + mean)
    mass = first = second = 0.0
    for k in range(least, least + 400 + int(60 * mean)):
        f = exp(lgamma(k + shape) - lgamma(shape) - lgamma(k + 1) + shape * log(p) + k * log(1 - p))
        mass, first, second = mass + f, first + k * f, second + k * k * f
    return first / mass, second / mass


def one(least, mean, shape):
    first, second = tail_moments(*(np.array([float(value)]) for value in (least, mean, shape)))
    return first[0], second[0]


@pytest.mark.parametrize("shape", [SHAPE_LEAST, 0.77, 2.0, 7.3, SHAPE_MOST])
@pytest.mark.parametrize("mean", [0.05, 0.8, 6.0, 70.0])
def test_both_agree_with_a_plain_sum(mean, shape):
    for least in sorted({0, 1, round(mean / 3), round(mean), round(3 * mean)}):
        assert one(least, mean, shape) == pytest.approx(summed(least, mean, shape), rel=1e-4)


@given(st.integers(0, 10**6), st.floats(1e-6, 1e6), st.floats(SHAPE_LEAST, SHAPE_MOST))
def test_demand_is_no_less_than_what_is_known_and_no_less_than_usual(least, mean, shape):
    first, second = one(least, mean, shape)

    assert first >= max(least, mean) * 0.98
    assert second >= first * first * 0.98


def test_knowing_that_demand_was_not_negative_says_nothing():
    mean, square = one(0, 25, 5)

    assert mean == pytest.approx(25)
    assert square - mean * mean == pytest.approx(25 + 25**2 / 5)

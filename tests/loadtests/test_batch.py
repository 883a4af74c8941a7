"""A batch solves and holds; the figures' small arithmetic is right."""

import numpy as np
import pytest

from allocation import Policy, solve
from loadtests import batch, bench
from loadtests.run import percentile


def test_a_tiny_batch_holds_and_grants_about_half() -> None:
    done = batch.run(400)
    assert done.holds
    assert done.lines == 400
    assert 0 < done.granted_units < done.requested_units


def test_the_same_size_makes_the_same_batch() -> None:
    one, other = batch.problem(200), batch.problem(200)
    assert one.requests.requested.tolist() == other.requests.requested.tolist()
    assert one.supply.supply.tolist() == other.supply.supply.tolist()


def test_the_sorting_that_is_compared_with_shares_the_same_supply_up_to_whole_packs() -> None:
    problem = batch.problem(4000)
    result = solve(problem, Policy(seed=batch.SEED))
    shares = bench.lexsort_filling(problem)
    asked = np.bincount(problem.requests.sku, weights=shares)
    given = np.bincount(problem.requests.sku, weights=result.granted.astype(float))
    assert np.allclose(asked, given)
    assert np.abs(shares - result.granted).max() <= 1


def test_cost_that_grows_with_the_square_has_exponent_two() -> None:
    assert bench.exponent([10, 100, 1000], [1.0, 100.0, 10_000.0]) == pytest.approx(2)


def test_a_percentile_of_a_histogram_is_the_time_that_so_many_do_not_exceed() -> None:
    histogram = [(10.0, 90), (50.0, 8), (900.0, 2)]
    assert percentile(histogram, 50) == 10
    assert percentile(histogram, 95) == 50
    assert percentile(histogram, 99) == 900
    assert percentile([], 95) == 0

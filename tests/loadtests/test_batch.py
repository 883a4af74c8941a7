"""A batch solves and holds; the figures' small arithmetic is right."""

from loadtests import batch
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


def test_a_percentile_of_a_histogram_is_the_time_that_so_many_do_not_exceed() -> None:
    histogram = [(10.0, 90), (50.0, 8), (900.0, 2)]
    assert percentile(histogram, 50) == 10
    assert percentile(histogram, 95) == 50
    assert percentile(histogram, 99) == 900
    assert percentile([], 95) == 0

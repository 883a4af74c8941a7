"""The compiled ways to fill supplies against the plain one: the same to the last detail."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from allocation_problems import ROUNDINGS, RULES, SEED, columns, one_sku, policies
from hypothesis import assume, given, settings

from allocation import Policy, Problem, compiled, solve
from allocation.errors import InputError
from allocation.filling.bins import Bins
from allocation.filling.compiled_water import last_levels
from allocation.filling.rules import order_of
from allocation.national import Book, parts
from allocation.solving import fill

pytestmark = pytest.mark.slow

pytest.importorskip("numba", reason="numba is not installed")


@pytest.fixture(autouse=True, params=["in bins", "brought together"])
def way(request, monkeypatch):
    """Compile for all sizes: lines counted in bins wherever they can be, or nowhere."""
    monkeypatch.setattr(compiled, "WORTH_COMPILING_LINES", 0)
    monkeypatch.setattr("allocation.filling.bins._CELLS_A_LINE", 1e9 if request.param == "in bins" else 0.0)
    return request.param


def assert_both_ways_agree(problem, policy):
    order = order_of(problem, policy)
    fast = fill(problem, problem.lines_to_fill, policy, order, lambda *_: None)
    with compiled.without():
        plain = fill(problem, problem.lines_to_fill, policy, order, lambda *_: None)
    assert fast.granted.tolist() == plain.granted.tolist()
    assert fast.stopped_by.tolist() == plain.stopped_by.tolist()
    assert fast.by_draw.tolist() == plain.by_draw.tolist()
    assert fast.thresholds == plain.thresholds
    return fast


@pytest.mark.slow
@settings(max_examples=600, deadline=None)
@given(columns(), policies())
def test_small_problems_of_every_rule_and_rounding(drawn, policy):
    try:
        problem = Problem.from_columns(**drawn)
    except InputError:
        assume(condition=False)
    assert_both_ways_agree(problem, policy)


@pytest.mark.slow
@pytest.mark.parametrize("rounding", ROUNDINGS)
@pytest.mark.parametrize("rule", RULES)
def test_some_thousand_lines_with_floors_caps_and_carry(rule, rounding):
    rng = np.random.default_rng(7)
    retailers = [f"r{i:04d}" for i in range(900)]
    count = len(retailers)
    requests = {
        "retailer": retailers * 2,
        "sku": ["K"] * count + ["L"] * count,
        "requested": rng.integers(0, 400, 2 * count),
        "floor": rng.integers(0, 3, 2 * count) * rng.integers(0, 2, 2 * count),
        "weight": rng.integers(1, 40, 2 * count),
        "carry": np.r_[rng.integers(-1000, 1001, count), np.zeros(count, dtype=np.int64)],
    }
    for left_out in ((), ("floor", "carry"), ("floor", "weight"), ("carry", "weight")):
        some = {name: column for name, column in requests.items() if name not in left_out}
        problem = Problem.from_columns(some, {"sku": ["K", "L"], "supply": [60_000, 50_000], "pack": [1, 10]})

        filling = assert_both_ways_agree(problem, Policy(rule=rule, rounding=rounding, seed=SEED))

        assert len(filling.thresholds) == 2


@pytest.mark.parametrize("supply", [1, 2**40, 2**61, 2**62 - 1])
def test_quantities_beyond_64_bits_in_between_are_left_to_the_plain_way(supply):
    top = 2**62 - 1
    problem = one_sku([top, top, top, 5], supply, weight=[10**9, 10**9 - 1, 1, 7])

    filling = assert_both_ways_agree(problem, Policy(seed=SEED))

    assert sum(map(int, filling.granted)) == supply


def a_small_country():
    made = list(parts(Book(3_000, 20, 60)))
    retailer, sku, requested = (
        np.concatenate([getattr(part, name) for part in made]) for name in ("retailer", "sku", "requested")
    )
    demand = np.bincount(sku, requested).astype(np.int64)
    return Problem.from_columns(
        {"retailer": [f"r{i:05d}" for i in retailer], "sku": [f"s{k:02d}" for k in sku], "requested": requested},
        {"sku": [f"s{k:02d}" for k in range(60)], "supply": demand // 3},
        {"retailer": [f"r{i:05d}" for i in range(3_000)], "weight": np.concatenate([part.weight for part in made])},
    )


def bins_of(problem):
    parts = [slice(0, len(problem) // 3), slice(len(problem) // 3, len(problem))]
    with ThreadPoolExecutor(2) as threads:
        return Bins.of(threads, problem, problem.lines, order_of(problem, Policy(seed=SEED)), parts)


@pytest.mark.slow
def test_lines_are_counted_in_bins_where_few_of_their_numbers_differ(monkeypatch):
    monkeypatch.setattr("allocation.filling.bins._CELLS_A_LINE", 1.0)
    requested, weights = np.arange(12_000) % 90, np.tile([1, 7, 30], 4_000)

    def country(requested, weight):
        return one_sku(requested.tolist(), 10_000, weight=weight.tolist())

    problem = country(requested, weights)
    rare, wide = (country(np.r_[1, number, requested[2:]], weights) for number in (200, 70_000))
    large = country(requested, weights * 10**7)

    found = bins_of(problem)

    assert found.counts.shape == (3, 1, 90)
    assert found.counts.sum() == 12_000
    assert bins_of(rare).counts.shape == (3, 1, 201), "a number that the sample does not hold"
    assert bins_of(wide) is None
    assert bins_of(large) is None
    for some in (problem, rare, wide, large):
        assert_both_ways_agree(some, Policy(seed=SEED))


def test_levels_alone_are_those_of_the_filling(way):
    problem = a_small_country()
    order = order_of(problem, Policy(seed=SEED))
    filling = fill(problem, problem.lines_to_fill, Policy(seed=SEED), order)

    levels = last_levels(problem, problem.lines_to_fill, order, "webster")

    assert levels == {sku: threshold.level for sku, threshold in filling.thresholds.items()}


def test_a_book_of_a_country_in_small():
    filling = assert_both_ways_agree(a_small_country(), Policy(seed=SEED))

    assert len(filling.thresholds) == 60
    assert filling.by_draw.sum() > 1_000


@pytest.mark.slow
def test_the_number_of_threads_and_of_lines_at_a_time_changes_no_byte(monkeypatch):
    problem, results = a_small_country(), []
    for threads, stretch in ((1, 1 << 20), (2, 1_000), (7, 977)):
        monkeypatch.setattr("allocation.filling.compiled_water._THREADS", threads)
        monkeypatch.setattr("allocation.filling.compiled_water._STRETCH_LINES", stretch)
        monkeypatch.setattr("allocation.hashing.line_bytes.os.cpu_count", lambda threads=threads: threads)
        result = solve(problem, Policy(seed=SEED))
        results.append((result.csv_bytes, result.certificate, result.report))

    assert results[0] == results[1] == results[2]

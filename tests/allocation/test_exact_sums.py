"""Sums are exact whatever the numbers, and narrow where that is sure to do."""

from fractions import Fraction

import numpy as np
from allocation_problems import one_sku
from hypothesis import given
from hypothesis import strategies as st

from allocation import Policy, solve
from allocation.exact_sums import Units, sums_by, total_of, widened


@given(st.lists(st.tuples(st.integers(0, 4), st.integers(0, 2**62 - 1)), min_size=1, max_size=30))
def test_sums_by_group_are_exact(drawn):
    group, numbers = (np.array(column, dtype=np.int64) for column in zip(*drawn, strict=True))

    sums = sums_by(group, Units(numbers), 5)

    assert sums.tolist() == [sum(number for g, number in drawn if g == k) for k in range(5)]


def test_packs_count_by_their_units_and_stretches_add_up(monkeypatch):
    monkeypatch.setattr("allocation.hashing.line_bytes.STRETCH_LINES", 2)
    packs, pack = np.array([1, 2, 3, 4, 5]), np.array([1, 10, 1, 10, 1])

    assert sums_by(np.array([0, 0, 3, 3, 1]), Units(packs, pack), 4).tolist() == [21, 5, 0, 43]
    thirds = np.array([Fraction(1, 3)] * 5, dtype=object)
    assert sums_by(np.array([0, 0, 3, 3, 1]), Units(thirds, pack), 4)[0] == Fraction(11, 3)


def test_what_may_not_fit_is_widened():
    assert widened(np.array([1, 2])).dtype == np.int64
    assert widened(np.array([1, 2]), factor=2**61).dtype == object
    assert total_of(np.array([2**62 - 1] * 9)) == 9 * (2**62 - 1)


def test_the_report_of_huge_quantities_is_exact():
    top = 2**62 - 1
    result = solve(one_sku([top] * 4, top), Policy(seed="00" * 32))

    totals, evenness = result.report["totals"], result.report["evenness"]
    assert (totals["requested"], totals["granted"]) == (4 * top, top)
    assert (evenness["gini"], evenness["jain"]) == (0.0, 1.0)
    assert evenness["lorenz_granted"][-1] == [1.0, 1.0]

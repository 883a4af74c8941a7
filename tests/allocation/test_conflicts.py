"""Floors that cannot be met: the fewest that conflict are named."""

from itertools import combinations

import pytest
from allocation_problems import one_sku
from hypothesis import given
from hypothesis import strategies as st

from allocation import Problem
from allocation.conflicts import smallest_conflict
from allocation.errors import InputError


def test_the_fewest_floors_that_conflict_are_named():
    said = r"row 6, column floor, value \"7\": floors of 19 are above supply:K of 12; .*: r02, K \(6\); r05, K \(7\);"
    with pytest.raises(InputError, match=said):
        one_sku([9] * 5, 12, floor=[2, 6, 2, 2, 7])


def test_a_single_floor_above_its_supply_conflicts_with_nothing_else():
    with pytest.raises(InputError, match=r"row 3, .*: r02, K \(13\); lower one"):
        one_sku([20, 20], 12, floor=[5, 13])


def test_of_many_floors_only_some_are_named():
    with pytest.raises(InputError, match=r"r05, K \(2\); 4 more; lower one"):
        one_sku([2] * 20, 17, floor=[2] * 20)


def test_the_constraint_with_the_smallest_set_is_named():
    with pytest.raises(InputError, match=r"floors of 60 are above credit:b of 50; .*: b, L \(6\);"):
        Problem.from_columns(
            {"retailer": ["a", "c", "b"], "sku": ["K", "K", "L"], "requested": [6, 6, 6], "floor": [6, 6, 6]},
            {"sku": ["K", "L"], "supply": [9, 9], "price_minor": [1, 10]},
            {"retailer": ["a", "b", "c"], "credit_minor": [None, 50, None]},
        )


@given(
    st.lists(
        st.lists(st.tuples(st.integers(0, 2), st.integers(0, 9)), max_size=3, unique_by=lambda use: use[0]), max_size=7
    ),
    st.lists(st.integers(0, 20), min_size=3, max_size=3),
)
def test_no_smaller_set_conflicts(takes, limits):
    def conflicts(members):
        return any(
            sum(amount for i in members for c, amount in takes[i] if c == constraint) > limit
            for constraint, limit in enumerate(limits)
        )

    found = smallest_conflict(takes, limits)
    everybody = range(len(takes))
    smallest = next(
        (size for size in range(len(takes) + 1) if any(map(conflicts, combinations(everybody, size)))), None
    )
    assert (None if found is None else len(found.members)) == smallest
    if found is not None:
        assert conflicts(found.members)
        assert not any(conflicts(set(found.members) - {i}) for i in found.members)

"""Entitlements in thousandths of a pack equal the exact fractions, cut: for few lines and for many."""

import numpy as np
import pytest
from allocation_problems import columns
from hypothesis import given, settings
from hypothesis import strategies as st

from allocation import Problem
from allocation.carrying import entitlements
from allocation.carrying.entitling import entitled_thousandths
from allocation.errors import InputError


def cut(problem):
    packs = problem.lines.pack.tolist()
    return [units * 1000 // pack for units, pack in zip(entitlements(problem), packs, strict=True)]


@pytest.mark.slow
@settings(max_examples=300)
@given(st.data(), st.booleans())
def test_they_are_the_exact_entitlements_cut(data, coupled):
    given_columns = data.draw(columns(coupled=coupled, minimums=data.draw(st.booleans())))
    try:
        problem = Problem.from_columns(**given_columns)
    except InputError:
        return
    assert entitled_thousandths(problem).tolist() == cut(problem)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32), st.integers(1, 300), st.sampled_from((3, 1000, 10**9)), st.sampled_from((50, 10**12)))
def test_they_are_so_for_many_lines_of_any_size(seed, count, largest_weight, largest):
    rng = np.random.default_rng(seed)
    requested = rng.integers(1, largest, count)
    problem = Problem.from_columns(
        {
            "retailer": [f"r{number:04d}" for number in range(count)],
            "sku": ["K"] * count,
            "requested": requested,
            "weight": rng.integers(1, largest_weight, count),
        },
        {"sku": ["K"], "supply": [int(requested.sum()) * int(rng.integers(0, 100)) // 100], "pack": [7]},
    )
    assert entitled_thousandths(problem).tolist() == cut(problem)


def test_a_line_decided_by_hand_and_a_basket_are_entitled_as_the_exact_rule_says():
    requests = {"retailer": ["a", "b", "c"] * 2, "sku": ["k"] * 3 + ["l"] * 3, "requested": [25, 35, 40, 8, 8, 9]}
    decided = {"retailer": ["a"], "sku": ["k"], "granted": [20], "reason": ["x"], "author": ["p"], "approver": ["q"]}
    supply = {"sku": ["k", "l"], "supply": [50, 10]}
    for basket in (["", ""], ["both", "both"]):
        problem = Problem.from_columns(requests, supply | {"basket": basket}, adjustments=decided)
        assert entitled_thousandths(problem).tolist() == cut(problem)

"""Block water-filling under supplies alone: the same bytes as the sequence of linear programmes, at any size."""

import copy
from dataclasses import replace

import numpy as np
import pytest
from basket_problems import basket_columns
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from allocation import Policy, Problem, solve, verify
from allocation.baskets import sharing
from allocation.errors import InputError, WorkLimitError

SEED = "2a" * 32


def market(retailers, *, skus=5):
    """Everybody may want anything."""
    drawn = np.random.default_rng(7)
    names, goods = [f"r{i:05d}" for i in range(retailers)], [f"s{k}" for k in range(skus)]
    return Problem.from_columns(
        {
            "retailer": [name for name in names for _ in goods],
            "sku": goods * retailers,
            "requested": drawn.integers(0, 21, retailers * skus),
        },
        {"sku": goods, "supply": drawn.integers(1, 8, skus) * retailers, "pack": [1, 1, 2, 1, 3][:skus]},
        {"retailer": names, "weight": drawn.integers(1, 6, retailers)},
    )


@pytest.mark.slow
@settings(max_examples=60, deadline=None)
@given(basket_columns(coupled=False), st.sampled_from(("none", "webster", "huntington_hill")))
def test_blocks_and_programmes_agree_to_the_byte(drawn, rounding):
    try:
        problem = Problem.from_columns(**drawn)
    except InputError:
        assume(condition=False)
    policy = Policy(fairness="basket", rounding=rounding)
    by_programmes = solve(problem, policy, seed=SEED)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(sharing, "BASKET_LINES", 0)
        by_blocks = solve(problem, policy, seed=SEED)

    assert by_blocks.csv_bytes == by_programmes.csv_bytes
    assert verify(problem, by_blocks).violations == ()


def test_more_lines_than_programmes_can_take_are_filled_by_blocks():
    problem = market(800)
    result = solve(problem, Policy(fairness="basket"), seed=SEED)

    assert result.certificate["baskets"]["method"] == "blocks"
    assert verify(problem, result).violations == ()


def test_quantities_too_large_for_flows_are_refused(monkeypatch):
    monkeypatch.setattr(sharing, "BASKET_LINES", 0)
    most = 2**61
    problem = Problem.from_columns(
        {"retailer": ["a", "b"], "sku": ["k", "k"], "requested": [most, most - 1]},
        {"sku": ["k"], "supply": [most + 1]},
        {"retailer": ["a", "b"], "weight": [3, 4]},
    )
    with pytest.raises(WorkLimitError, match="too large to be shared exactly at this size"):
        solve(problem, Policy(fairness="basket"), seed=SEED)


def a_level_raised(baskets):
    name = next(iter(baskets["levels"]))
    baskets["levels"][name] += "0"


def a_level_missing(baskets):
    baskets["levels"].popitem()


def a_price_raised(baskets):
    name = next(iter(baskets["mixture"]["constraints"]))
    baskets["mixture"]["constraints"][name] += "00"


@pytest.mark.parametrize("damage", [a_level_raised, a_level_missing, a_price_raised])
def test_a_damaged_proof_fails(damage, monkeypatch):
    monkeypatch.setattr(sharing, "BASKET_LINES", 0)
    problem = market(30)
    result = solve(problem, Policy(fairness="basket"), seed=SEED)
    assert verify(problem, result).violations == ()
    certificate = copy.deepcopy(dict(result.certificate))
    damage(certificate["baskets"])

    assert not verify(problem, replace(result, certificate=certificate)).holds


def test_levels_prove_nothing_where_more_than_supplies_binds(monkeypatch):
    monkeypatch.setattr(sharing, "BASKET_LINES", 0)
    columns = (
        {"retailer": ["a", "b"], "sku": ["k", "k"], "requested": [9, 9]},
        {"sku": ["k"], "supply": [10], "price_minor": [1]},
    )
    result = solve(Problem.from_columns(*columns), Policy(fairness="basket"), seed=SEED)
    with_credit = Problem.from_columns(*columns, {"retailer": ["a", "b"], "credit_minor": [5, 99]})

    said = [str(violation) for violation in verify(with_credit, result).violations]
    assert any("prove nothing where credit:a could be full" in text for text in said)

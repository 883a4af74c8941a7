"""Whether it pays to ask for more than one wants: tried in thousands of random cases.

What a shop gets beyond what it wanted is worth nothing to it: inflating pays where it gets more of what it wanted.
"""

import random

import pytest
from allocation_problems import ROUNDINGS, SEED

from allocation import Policy, Problem, solve

CASES = 4_000


def a_case(draw):
    """Draw one SKU that is short and its shops: what they ask for, weights, supply, who inflates and by how much."""
    count = draw.randint(2, 6)
    asked = [draw.randint(1, 40) for _ in range(count)]
    supply = draw.randint(1, sum(asked))
    weight = [draw.choice((1, 1, 2, 5, 13)) for _ in asked]
    return asked, weight, supply, draw.randrange(count), draw.randint(1, 60)


def got(asked, weight, supply, policy):
    names = [f"r{i}" for i in range(len(asked))]
    problem = Problem.from_columns(
        {"retailer": names, "sku": ["K"] * len(asked), "requested": asked, "weight": weight},
        {"sku": ["K"], "supply": [supply]},
    )
    return solve(problem, policy).granted.tolist()


def cases_in_which_it_pays(rule, *, cases, seed=7):
    draw = random.Random(seed)  # noqa: S311 - cases, no secrets
    paid = 0
    for number in range(cases):
        asked, weight, supply, shop, more = a_case(draw)
        policy = Policy(rule=rule, rounding=ROUNDINGS[number % len(ROUNDINGS)], seed=SEED)
        honest = got(asked, weight, supply, policy)
        inflated = [units + more * (other == shop) for other, units in enumerate(asked)]
        paid += min(got(inflated, weight, supply, policy)[shop], asked[shop]) > honest[shop]
    return paid


@pytest.mark.slow
def test_inflating_never_pays_under_unit_keys():
    assert cases_in_which_it_pays("max_min", cases=CASES) == 0


@pytest.mark.slow
def test_inflating_pays_in_most_cases_under_proportional():
    assert cases_in_which_it_pays("proportional", cases=1_000) == 850


@pytest.mark.parametrize("rule", ["proportional", "equal_losses", "talmud"])
def test_the_other_rules_can_be_played(rule):
    assert cases_in_which_it_pays(rule, cases=40) > 0

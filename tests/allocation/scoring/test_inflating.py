"""A retailer that inflates, splits or cancels its orders, tried through the whole pipeline: its score never rises.

The same with sales as they stand instead of unconstrained demand is the counter-example: there it does. So would it
where refused goods were left out of the stock that turnover is measured by, or refusing them passed for being sold out.
"""

import random

import pytest
from allocation_problems import ROUNDINGS
from playing import Market

CASES = 80


def a_market(draw):
    """Draw three to six shops over six weeks, with supplies from scarce to plenty, never less than one each."""
    shops, weeks = draw.randint(3, 6), 6
    wanted = [[draw.randint(size // 2, size) for _ in range(weeks)] for size in draw.sample(range(4, 60), shops)]
    totals = [sum(shop[n] for shop in wanted) for n in range(weeks)]
    supply = [max(shops, total * draw.randint(20, 110) // 100) for total in totals]
    return Market(wanted, supply, draw.choice([r for r in ROUNDINGS if r != "none"]), draw.random() < 0.5)


def honest(_number, wants):
    return wants, 0


def inflating(draw):
    factors = [draw.choice((1, 2, 5, 50)) for _ in range(6)]
    return lambda number, wants: (wants * factors[number] + draw.randint(0, 3), 0)


def splitting(draw):
    """Order in several pieces, each counted up by one: the book adds them together."""
    pieces = draw.randint(2, 8)
    return lambda _number, wants: (sum(-(-wants // pieces) + 1 for _ in range(pieces)), 0)


def cancelling(draw):
    """Ask for much, and refuse at the door what the customers do not want."""
    part = draw.randint(1, 9)
    return lambda _number, wants: (wants * 10, wants * part // 3)


def risen(strategy, *, cases, estimated, seed=11):
    """Count the cases in which the shop that plays ends with a higher score than if it had been honest."""
    draw = random.Random(seed)  # noqa: S311 - cases, no secrets
    count = 0
    for _ in range(cases):
        market = a_market(draw)
        plays = strategy(draw)
        before = market.scores_when(honest, estimated=estimated)["s0"]
        count += market.scores_when(plays, estimated=estimated)["s0"] > before
    return count


@pytest.mark.slow
@pytest.mark.parametrize("strategy", [inflating, splitting, cancelling])
def test_no_way_of_ordering_raises_a_score(strategy):
    assert risen(strategy, cases=CASES, estimated=True) == 0


@pytest.mark.slow
def test_with_sales_as_they_stand_asking_for_more_does_raise_it():
    assert risen(inflating, cases=CASES, estimated=False) > 0


@pytest.mark.slow
@pytest.mark.parametrize("strategy", [inflating, splitting, cancelling])
def test_some_markets_in_a_moment(strategy):
    assert risen(strategy, cases=8, estimated=True) == 0

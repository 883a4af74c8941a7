"""The fast filling against the definition, and what every filling promises."""

import hmac
from dataclasses import replace

import numpy as np
import pytest
from allocation_problems import ROUNDINGS, SEED, columns, filled_by_the_book, granted, one_sku, policies
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from allocation import Policy, Problem, solve, verify
from allocation.errors import InputError
from allocation.filling.lottery import drawing
from allocation.filling.outcome import Filling
from allocation.filling.progressive import fill_progressively
from allocation.filling.rules import order_of
from allocation.solving import fill


def problem_of(drawn):
    try:
        return Problem.from_columns(**drawn)
    except InputError:
        assume(condition=False)
        raise


@pytest.mark.slow
@settings(max_examples=400, deadline=None)
@given(columns(), policies())
def test_levels_and_pack_by_pack_filling_agree_to_the_last_detail(drawn, policy):
    problem = problem_of(drawn)
    order = order_of(problem, policy)
    reference = Filling.of_all_that_is_eligible(problem.lines.eligible)
    everywhere = np.ones(len(problem.supply.sku), dtype=bool)
    fill_progressively(
        problem, problem.lines, order, policy.rounding, drawing(policy.seed_bytes()), everywhere, reference
    )

    fast = fill(problem, problem.lines, policy, order, lambda *_: None)

    assert fast.granted.tolist() == reference.granted.tolist()
    assert fast.stopped_by.tolist() == reference.stopped_by.tolist()
    assert fast.by_draw.tolist() == reference.by_draw.tolist()
    assert fast.thresholds == reference.thresholds


@settings(max_examples=150, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 12), st.integers(0, 2), st.integers(1, 9)), min_size=1, max_size=5),
    st.integers(0, 40),
    st.sampled_from(ROUNDINGS),
)
def test_a_filling_is_what_sorting_all_packs_gives(drawn, supply, rounding):
    lines = [
        {"retailer": f"r{i:02d}", "eligible": eligible, "floor": min(floor, eligible), "weight": weight}
        for i, (eligible, floor, weight) in enumerate(drawn, start=1)
    ]
    assume(sum(line["floor"] for line in lines) <= supply)
    problem = one_sku(
        [line["eligible"] for line in lines],
        supply,
        floor=[line["floor"] for line in lines],
        weight=[line["weight"] for line in lines],
    )

    assert granted(problem, rounding=rounding) == list(
        filled_by_the_book(lines, supply, rounding=rounding, seed=SEED).values()
    )


@pytest.mark.slow
@settings(max_examples=200, deadline=None)
@given(columns(coupled=True), policies(roundings=(*ROUNDINGS, "none")))
def test_every_result_holds_before_the_checker(drawn, policy):
    problem = problem_of(drawn)

    result = solve(problem, policy)

    assert verify(problem, result).violations == ()
    # Conservation and bounds, once more and by themselves.
    assert all(0 <= g <= e for g, e in zip(result.granted, result.eligible, strict=True))
    for sku, supply, pack in zip(*(drawn["supply"][name] for name in ("sku", "supply", "pack")), strict=True):
        taken = sum(g for g, s in zip(result.granted, result.sku, strict=True) if s == sku)
        assert taken <= supply - supply % pack


@pytest.mark.slow
@settings(max_examples=100, deadline=None)
@given(columns(), policies(roundings=(*ROUNDINGS, "none")), st.randoms(use_true_random=False))
def test_the_order_of_the_rows_has_no_effect(drawn, policy, shuffle):
    problem = problem_of(drawn)
    rows = list(zip(*drawn["requests"].values(), strict=True))
    shuffle.shuffle(rows)
    requests = dict(zip(drawn["requests"], map(list, zip(*rows, strict=True)), strict=True))
    shuffled = Problem.from_columns(requests, drawn["supply"], drawn["retailers"])

    one, other = solve(problem, policy), solve(shuffled, policy)

    assert one.csv_bytes == other.csv_bytes
    assert one.certificate == other.certificate


@pytest.mark.slow
@settings(max_examples=150, deadline=None)
@given(columns(), policies(roundings=(*ROUNDINGS, "none")), st.integers(1, 24))
def test_more_supply_takes_from_nobody(drawn, policy, more):
    less = solve(problem_of(drawn), policy)
    drawn["supply"]["supply"] = [supply + more for supply in drawn["supply"]["supply"]]
    plenty = solve(Problem.from_columns(**drawn), policy)

    assert all(a <= b for a, b in zip(less.granted, plenty.granted, strict=True))


@settings(max_examples=100, deadline=None)
@given(st.integers(1, 6), st.integers(0, 30), st.integers(1, 40), st.integers(1, 9), policies(roundings=ROUNDINGS))
def test_equal_lines_differ_by_one_pack_at_most(count, supply, requested, weight, policy):
    policy = replace(policy, rule="max_min", inside=None)
    got = solve(one_sku([requested] * count, supply, weight=[weight] * count), policy).granted.tolist()

    assert max(got) - min(got) <= 1


@pytest.mark.slow
@settings(max_examples=300, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 20), st.integers(1, 9)), min_size=2, max_size=5),
    st.integers(0, 40),
    st.integers(1, 30),
    st.sampled_from(ROUNDINGS),
)
def test_asking_for_more_never_pays_under_unit_keys(lines, supply, more, rounding):
    asked, weight = [r for r, _ in lines], [w for _, w in lines]
    honest = granted(one_sku(asked, supply, weight=weight), rounding=rounding)
    inflated = granted(one_sku([asked[0] + more, *asked[1:]], supply, weight=weight), rounding=rounding)

    # Whatever it gets beyond what it wanted is worth nothing; of what it wanted it gets no more.
    assert min(inflated[0], asked[0]) <= honest[0]


def test_asking_for_more_pays_under_proportional():
    assert granted(one_sku([10, 10], 10), rule="proportional") == [5, 5]
    assert granted(one_sku([30, 10], 10), rule="proportional")[0] > 5


@settings(max_examples=100, deadline=None)
@given(
    st.lists(st.tuples(st.integers(1, 15), st.integers(1, 5)), min_size=2, max_size=5),
    st.integers(0, 30),
    st.sampled_from(ROUNDINGS),
)
def test_leaving_with_ones_grant_changes_nothing_for_the_others(lines, supply, rounding):
    asked, weight = [r for r, _ in lines], [w for _, w in lines]
    together = granted(one_sku(asked, supply, weight=weight), rounding=rounding)
    names = [f"r{i:02d}" for i in range(2, len(lines) + 1)]
    rest = one_sku(asked[1:], supply - together[0], weight=weight[1:], retailer=names)

    assert granted(rest, rounding=rounding) == together[1:]


def test_carry_turns_a_loser_into_the_next_winner():
    without, owed = one_sku([1, 1], 1), one_sku([1, 1], 1, carry=[0, 500])

    winners = {tuple(granted(without, seed=f"{i:064x}")) for i in range(20)}

    assert winners == {(0, 1), (1, 0)}
    assert {tuple(granted(owed, seed=f"{i:064x}")) for i in range(20)} == {(0, 1)}


def test_a_floor_is_given_first_and_counts_as_the_lines_first_packs():
    assert granted(one_sku([10, 10, 10], 12, floor=[6, 0, 0])) == [6, 3, 3]
    assert granted(one_sku([10, 10, 10], 12, floor=[2, 0, 0])) == [4, 4, 4]


@pytest.mark.parametrize("supply", [1, 2, 3])
def test_the_threshold_is_the_last_pack_that_the_draw_granted(supply):
    problem = one_sku([1, 1, 1, 1], supply)
    result = solve(problem, Policy(), seed=SEED)
    draw = drawing(bytes.fromhex(SEED))
    granted_draws = [draw("K", f"r{i:02d}", 1) for i, units in enumerate(result.granted, start=1) if units]

    assert result.certificate["thresholds"]["K"]["tie"] == max(granted_draws).hex()
    assert verify(problem, result).holds


def test_the_seed_decides_among_equals_also_where_skus_meet_in_a_quota():
    problem = Problem.from_columns(
        {"retailer": ["a", "b", "a", "b"], "sku": ["k", "k", "l", "l"], "requested": [1, 1, 0, 0]},
        {"sku": ["k", "l"], "supply": [9, 9]},
        {"retailer": ["a", "b"], "group:region": ["north", "north"]},
        {"group": ["region"], "value": ["north"], "sku": ["*"], "max_units": [1]},
    )
    winners = set()
    for number in range(12):
        seed = bytes([number]) * 32
        drawn = {name: hmac.digest(seed, f"k\x1f{name}\x1f1".encode(), "sha256") for name in "ab"}
        result = solve(problem, Policy(seed=seed.hex()))
        (winner,) = [row.retailer for row in result.rows() if row.granted == "1"]
        assert winner == min(drawn, key=drawn.__getitem__)
        winners.add(winner)
    assert winners == {"a", "b"}


def test_a_reserve_is_held_back_also_where_skus_meet_in_a_credit():
    problem = Problem.from_columns(
        {"retailer": ["a", "a", "b"], "sku": ["x", "y", "x"], "requested": [20, 20, 20]},
        {"sku": ["x", "y"], "supply": [13, 9], "pack": [2, 1], "reserve": [4, 3], "price_minor": [1, 1]},
        {"retailer": ["a", "b"], "credit_minor": [9, None]},
    )
    result = solve(problem, Policy(), seed=SEED)

    assert sum(granted(one_sku([20, 20], 13, sku={"reserve": 4}))) == 9
    assert result.granted.tolist() == [4, 5, 4]
    assert verify(problem, result).holds


def test_a_quota_of_all_skus_holds_for_their_sum():
    problem = Problem.from_columns(
        {"retailer": ["a", "a", "b"], "sku": ["x", "y", "x"], "requested": [10, 10, 10]},
        {"sku": ["x", "y"], "supply": [20, 20]},
        {"retailer": ["a", "b"], "group:region": ["north", "south"]},
        {"group": ["region"], "value": ["north"], "sku": ["*"], "max_units": [7]},
    )
    result = solve(problem, Policy(), seed=SEED)

    assert sum(result.granted.tolist()[:2]) == 7
    assert result.granted.tolist()[2] == 10
    assert result.bound_by.tolist() == ["quota:region=north:*", "quota:region=north:*", ""]


def test_a_cap_is_the_most_that_is_granted():
    assert granted(one_sku([10, 10], 100, cap=[3, None])) == [3, 10]
    assert granted(one_sku([10, 10], 100, cap=[3, None], sku={"pack": 2})) == [2, 10]


def test_a_carry_moves_a_pack_forward_and_a_debt_moves_it_back():
    assert granted(one_sku([5, 5], 1, carry=[400, -400])) == [1, 0]
    assert granted(one_sku([5, 5], 1, carry=[-400, 400])) == [0, 1]


def test_large_and_small_packs_are_compared_by_units_under_a_credit():
    """Keys by Webster: x in packs of 4 at 2, 6; y singly at ½, 1½, … so that y has 6 before x may have its second."""
    problem = Problem.from_columns(
        {"retailer": ["a", "a"], "sku": ["x", "y"], "requested": [8, 8]},
        {"sku": ["x", "y"], "supply": [80, 80], "pack": [4, 1], "price_minor": [1, 1]},
        {"retailer": ["a"], "credit_minor": [12]},
    )

    assert solve(problem, Policy(), seed=SEED).granted.tolist() == [4, 8]


def test_of_two_full_constraints_the_supply_is_named():
    problem = Problem.from_columns(
        {"retailer": ["a", "a"], "sku": ["x", "y"], "requested": [5, 1]},
        {"sku": ["x", "y"], "supply": [2, 9], "price_minor": [10, 10]},
        {"retailer": ["a"], "credit_minor": [30]},
    )
    result = solve(problem, Policy(), seed=SEED)

    assert result.granted.tolist() == [2, 1]
    assert (result.reason.tolist()[0], result.bound_by.tolist()[0]) == ("supply", "supply:x")


def test_tiers_are_served_one_after_the_other():
    problem = Problem.from_columns(
        {"retailer": ["a", "b", "c"], "sku": ["K"] * 3, "requested": [5, 5, 5]},
        {"sku": ["K"], "supply": [8]},
        {"retailer": ["a", "b", "c"], "group:tier": ["2", "10", "2"]},
    )
    result = solve(problem, Policy(rule="priority", seed=SEED))

    assert result.granted.tolist() == [4, 0, 4]
    assert result.reason.tolist() == ["supply", "priority", "supply"]


@pytest.mark.parametrize("rounding", ROUNDINGS)
def test_numbers_beyond_64_bits_are_exact(rounding):
    top = 2**62 - 1
    problem = one_sku([top, top, top], top, weight=[10**9, 10**9 - 1, 1])
    result = solve(problem, Policy(rounding=rounding, seed=SEED))

    assert sum(map(int, result.granted)) == top
    assert verify(problem, result).holds
    first, second, third = map(int, result.granted)
    assert abs(first * (10**9 - 1) - second * 10**9) <= 2 * 10**9
    assert abs(third * 10**9 - first) <= 2 * 10**9

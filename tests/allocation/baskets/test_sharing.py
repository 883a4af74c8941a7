"""Baskets by hand: what a retailer gets with its whole order."""

from fractions import Fraction

import pytest
from basket_problems import basket_columns, held_by
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from allocation import Policy, Problem, solve, verify
from allocation.errors import InputError

SEED = "2a" * 32
ROUNDINGS = ("none", "adams", "dean", "huntington_hill", "webster", "jefferson")


def problem(requests, supply, *, retailers=None, quotas=None, **more):
    """`requests` as {retailer: {sku: units}}, `supply` as {sku: units}."""
    lines = [(r, s, units) for r, wanted in requests.items() for s, units in wanted.items()]
    return Problem.from_columns(
        {"retailer": [r for r, _, _ in lines], "sku": [s for _, s, _ in lines], "requested": [u for *_, u in lines]},
        {"sku": list(supply), "supply": list(supply.values()), **more},
        retailers,
        quotas,
    )


def solved(given_problem, **policy):
    result = solve(given_problem, Policy(**{"fairness": "basket", **policy}), seed=SEED)
    assert verify(given_problem, result).violations == ()
    return result


TWO_GOODS = {"r1": {"A": 10}, "r2": {"A": 10, "B": 10}, "r3": {"B": 10}}


@pytest.mark.parametrize("rounding", ROUNDINGS)
def test_whoever_can_turn_elsewhere_makes_room_for_those_who_cannot(rounding):
    result = solved(problem(TWO_GOODS, {"A": 12, "B": 6}), rounding=rounding)

    assert held_by(result) == {"r1": 6, "r2": 6, "r3": 6}
    assert result.granted.tolist() == [6, 6, 0, 6]


def test_line_by_line_the_same_goods_would_favour_whoever_asks_for_both():
    result = solve(problem(TWO_GOODS, {"A": 12, "B": 6}), Policy(), seed=SEED)

    assert held_by(result) == {"r1": 6, "r2": 9, "r3": 3}


def test_credit_in_money_counts_and_what_it_leaves_goes_to_others():
    given_problem = problem(
        TWO_GOODS,
        {"A": 15, "B": 6},
        price_minor=[10, 30],
        retailers={"retailer": ["r1", "r2", "r3"], "credit_minor": [None, 40, None]},
    )
    result = solved(given_problem)

    assert held_by(result) == {"r1": 10, "r2": 4, "r3": 6}
    assert result.columns["bound_by"] == ["", "credit:r2", "supply:B", "supply:B"]
    assert result.columns["reason"] == ["filled", "credit", "supply", "supply"]


def test_weights_are_of_the_retailer():
    given_problem = problem(
        TWO_GOODS, {"A": 12, "B": 6}, retailers={"retailer": ["r1", "r2", "r3"], "weight": [2, 1, 1]}
    )
    result = solved(given_problem, rounding="none")

    assert held_by(result) == {"r1": 9, "r2": Fraction(9, 2), "r3": Fraction(9, 2)}


def test_quotas_bind_a_group_of_retailers():
    given_problem = problem(
        TWO_GOODS,
        {"A": 12, "B": 6},
        retailers={"retailer": ["r1", "r2", "r3"], "group:region": ["n", "n", "s"]},
        quotas={"group": ["region"], "value": ["n"], "sku": ["*"], "max_units": [7]},
    )
    result = solved(given_problem, rounding="none")

    assert held_by(result) == {"r1": Fraction(7, 2), "r2": Fraction(7, 2), "r3": 6}
    assert "quota:region=n:*" in result.columns["bound_by"]


def test_an_even_mixture_is_taken_where_it_can_be():
    wanted = {f"r{i}": {"A": 10, "B": 10} for i in range(4)}
    result = solved(problem(wanted, {"A": 20, "B": 20}))

    assert set(result.granted.tolist()) == {5}


def test_scarcer_goods_are_spread_evenly_too():
    wanted = {f"r{i}": {"A": 12, "B": 12} for i in range(4)}
    result = solved(problem(wanted, {"A": 12, "B": 36}))

    assert result.granted.tolist() == [3, 9] * 4


def test_floors_come_first_and_count():
    given_problem = Problem.from_columns(
        {"retailer": ["r1", "r2"], "sku": ["A", "A"], "requested": [10, 10], "floor": [6, 0]},
        {"sku": ["A"], "supply": [8]},
    )
    result = solved(given_problem)

    assert result.granted.tolist() == [6, 2]
    assert result.columns["reason"] == ["floor", "supply"]


def test_only_labelled_goods_are_a_basket_under_line_fairness():
    wanted = {r: {**skus, "C": 10} for r, skus in TWO_GOODS.items()}
    result = solved(problem(wanted, {"A": 12, "B": 6, "C": 9}, basket=["ab", "ab", ""]), fairness="line")

    assert [int(units) for units, sku in zip(result.granted, result.columns["sku"], strict=True) if sku == "C"] == [
        3
    ] * 3
    assert held_by(result) == {"r1": 9, "r2": 9, "r3": 9}


def test_lines_outside_come_before_baskets_in_a_shared_credit():
    given_problem = problem(
        {"r1": {"A": 10, "C": 10}},
        {"A": 10, "C": 10},
        basket=["b", ""],
        price_minor=[10, 10],
        retailers={"retailer": ["r1"], "credit_minor": [140]},
    )
    result = solved(given_problem, fairness="line")

    assert result.granted.tolist() == [4, 10]


def test_no_pack_is_left_that_a_short_line_has_room_for():
    wanted = {f"r{i}": {"A": 9, "B": 9, "C": 9} for i in range(5)}
    result = solved(problem(wanted, {"A": 11, "B": 13, "C": 17}))

    assert result.granted.sum() == 41
    assert sorted(held_by(result).values()) == [8, 8, 8, 8, 9]


def test_what_a_credit_gives_back_goes_to_whoever_has_room():
    given_problem = problem(
        {"r1": {"A": 4, "B": 9}, "r2": {"A": 3, "B": 6}},
        {"A": 11, "B": 5},
        price_minor=[3, 1],
        retailers={"retailer": ["r1", "r2"], "credit_minor": [11, None]},
    )
    result = solved(given_problem)

    assert result.granted.tolist() == [3, 2, 3, 3]
    assert result.columns["bound_by"] == ["credit:r1", "supply:B", "", "supply:B"]


def test_packs_of_several_sizes():
    wanted = {f"r{i}": {"A": 24, "B": 20} for i in range(3)}
    result = solved(problem(wanted, {"A": 36, "B": 25}, pack=[12, 5]))

    assert all(
        units % {"A": 12, "B": 5}[sku] == 0 for units, sku in zip(result.granted, result.columns["sku"], strict=True)
    )
    assert result.granted.sum() == 61


@pytest.mark.parametrize("rounding", ["none", "webster"])
def test_numbers_far_beyond_what_floating_point_tells_apart_are_exact(rounding):
    much = 10**12
    given_problem = problem(
        {"r1": {"A": much, "B": 7}, "r2": {"A": much - 1, "B": 3 * much}, "r3": {"A": 5, "B": much + 1}},
        {"A": much + 7, "B": 2 * much - 3},
        price_minor=[999_983, 3],
        retailers={
            "retailer": ["r1", "r2", "r3"],
            "weight": [10**9, 10**9 - 1, 1],
            "credit_minor": [None, 10**15, None],
        },
    )
    result = solved(given_problem, rounding=rounding)

    assert result.granted.sum() == much + 7 + 2 * much - 3


def test_weights_that_differ_within_a_basket_are_refused():
    given_problem = Problem.from_columns(
        {"retailer": ["r1", "r1"], "sku": ["A", "B"], "requested": [5, 5], "weight": [1, 2]},
        {"sku": ["A", "B"], "supply": [5, 5]},
    )
    with pytest.raises(InputError, match="r1, B: its basket has another line with weight 1") as caught:
        solve(given_problem, Policy(fairness="basket"), seed=SEED)
    assert (caught.value.table, caught.value.column, caught.value.value) == ("requests.csv", "weight", "2")


def test_minimums_in_a_basket_are_refused():
    given_problem = problem({"r1": {"A": 9}}, {"A": 5}, minimum=[4])
    with pytest.raises(InputError, match="r1, A has a minimum and lies in a basket"):
        solve(given_problem, Policy(fairness="basket"), seed=SEED)


def test_other_rules_are_refused():
    with pytest.raises(InputError, match="baskets need rule = max_min"):
        solve(problem({"r1": {"A": 9}}, {"A": 5}), Policy(fairness="basket", rule="talmud"), seed=SEED)


@pytest.mark.slow
@settings(max_examples=40, deadline=None)
@given(basket_columns(), st.sampled_from(ROUNDINGS), st.sampled_from(("line", "basket")))
def test_results_hold_before_the_checker_in_any_order_of_the_rows(drawn, rounding, fairness):
    try:
        given_problem = Problem.from_columns(**drawn)
    except InputError:
        assume(condition=False)
    result = solved(given_problem, rounding=rounding, fairness=fairness)
    turned = {
        name: None if table is None else {key: list(reversed(cells)) for key, cells in table.items()}
        for name, table in drawn.items()
    }
    again = solved(Problem.from_columns(**turned), rounding=rounding, fairness=fairness)

    assert b"".join(again.csv_chunks()) == b"".join(result.csv_chunks())
    assert again.certificate == result.certificate

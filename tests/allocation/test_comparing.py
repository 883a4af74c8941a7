"""Two policies on one problem: who moves, how far, and what the figures say."""

import json
from fractions import Fraction

import pytest
from allocation_problems import RULES, SEED, columns, one_sku, policies
from hypothesis import assume, given, settings

from allocation import Policy, Problem, solve
from allocation.comparing import Bin, compare
from allocation.comparing.first_come import fill_first_come
from allocation.errors import InputError
from allocation.policy import FirstCome, compared_policy

MAX_MIN, PROPORTIONAL = Policy(seed=SEED), Policy(rule="proportional", seed=SEED)


def two_regions(**more):
    """Four shops, one large: 48 units of K and plenty of L."""
    return Problem.from_columns(
        {"retailer": ["d", "a", "b", "c", "a"], "sku": ["K", "K", "K", "K", "L"], "requested": [100, 10, 10, 40, 3]},
        {"sku": ["K", "L"], "supply": [48, 9]},
        {
            "retailer": ["a", "b", "c", "d", "e"],
            "group:region": ["n", "n", "s", "s", "s"],
            "group:tier": ["2", "10", "1", "1", "1"],
        },
        **more,
    )


def test_winners_and_losers_are_named_with_what_they_win_and_lose():
    seen = compare(two_regions(), MAX_MIN, PROPORTIONAL, names=("even", "by request"))

    assert solve(two_regions(), MAX_MIN).granted.tolist() == [10, 3, 10, 14, 14]
    assert [(c.retailer, c.sku, c.a, c.b, c.change) for c in seen.lines.winners] == [("d", "K", 14, 30, 16)]
    assert [(c.retailer, c.sku, c.change) for c in seen.lines.losers] == [
        ("a", "K", -7),
        ("b", "K", -7),
        ("c", "K", -2),
    ]
    assert (seen.lines.gaining, seen.lines.losing, seen.lines.unchanged, seen.lines.count) == (1, 3, 1, 5)
    assert (seen.lines.units_gained, seen.lines.units_lost) == (16, 16)
    assert [(c.retailer, c.sku, c.requested, c.a, c.b) for c in seen.retailers.losers][:1] == [("a", None, 13, 13, 6)]
    assert (seen.a.name, seen.b.name) == ("even", "by request")
    assert seen.a.policy["rule"] == "max_min"


def test_figures_are_those_of_the_two_results():
    problem = two_regions()
    seen = compare(problem, MAX_MIN, PROPORTIONAL)

    for side, policy in ((seen.a, MAX_MIN), (seen.b, PROPORTIONAL)):
        report = solve(problem, policy).report
        assert (side.totals, side.evenness, side.reasons) == (report["totals"], report["evenness"], report["reasons"])
    assert seen.a.evenness["gini"] < seen.b.evenness["gini"]
    assert seen.a.fill == pytest.approx(51 / 163)
    assert [(row.sku, row.a, row.b) for row in seen.skus] == [("K", 48, 48), ("L", 3, 3)]
    assert [(row.value, row.retailers, row.eligible, row.a, row.b) for row in seen.groups["region"]] == [
        ("n", 2, 23, 23, 9),
        ("s", 2, 140, 28, 42),
    ]
    assert [row.value for row in seen.groups["tier"]] == ["1", "2", "10"]
    assert seen.groups["region"][0].fill_a == 1.0


def test_changes_are_counted_in_steps():
    seen = compare(two_regions(), MAX_MIN, PROPORTIONAL)

    some = [(b.sign, b.low, b.high, b.count) for b in seen.lines.histogram if b.count]
    assert some == [(-1, 5, 10, 2), (-1, 2, 5, 1), (0, 0, 0, 1), (1, 10, 20, 1)]
    assert sum(b.count for b in seen.lines.histogram) == seen.lines.count


def test_large_changes_have_the_small_ones_in_one_bin():
    problem = one_sku([10**15, 10**15, 3], 10**15, weight=[1, 2**20, 1])
    seen = compare(problem, MAX_MIN, PROPORTIONAL)

    assert len(seen.lines.histogram) == 19
    assert seen.lines.histogram[10] == Bin(1, 0, 10**12, 0)
    assert sum(b.count for b in seen.lines.histogram) == 3


def test_the_same_policy_twice_moves_nobody():
    seen = compare(two_regions(), MAX_MIN, MAX_MIN)

    assert (seen.lines.gaining, seen.lines.losing, seen.lines.winners, seen.retailers.losers) == (0, 0, (), ())
    assert seen.a.evenness == seen.b.evenness


def test_a_result_that_is_there_already_is_not_solved_again():
    problem = two_regions()
    result = solve(problem, PROPORTIONAL)

    assert compare(problem, MAX_MIN, result) == compare(problem, MAX_MIN, PROPORTIONAL)
    with pytest.raises(InputError, match="another problem"):
        compare(one_sku([1], 1), MAX_MIN, result)


def test_exact_shares_are_compared_exactly():
    problem = one_sku([10, 10, 10], 10)
    seen = compare(problem, Policy(rounding="none"), MAX_MIN)

    assert {change.change for change in seen.lines.winners} == {Fraction(2, 3)}
    assert [b for b in seen.lines.histogram if b.count] == [Bin(-1, 0, 1, 2), Bin(1, 0, 1, 1)]
    stated = json.loads(json.dumps(seen.as_dict()))
    assert stated["lines"]["winners"][0]["change"] == pytest.approx(2 / 3)
    assert stated["format"] == "evenhand-comparison-1"


def test_a_problem_without_lines_compares_to_nothing():
    empty = Problem.from_columns({"retailer": [], "sku": [], "requested": []}, {"sku": ["K"], "supply": [5]})
    seen = compare(empty, MAX_MIN, PROPORTIONAL)

    assert (seen.lines.count, seen.retailers.count) == (0, 0)


def test_sums_beyond_64_bits_are_exact():
    most = 2**62 - 1
    skus = [f"s{i}" for i in range(5)]
    problem = Problem.from_columns(
        {"retailer": ["a"] * 5 + ["b"] * 5, "sku": skus * 2, "requested": [most] * 10, "weight": [1] * 5 + [2] * 5},
        {"sku": skus, "supply": [most] * 5},
    )
    seen = compare(problem, PROPORTIONAL, MAX_MIN)

    assert seen.retailers.winners[0].b + seen.retailers.losers[0].b == 5 * most
    assert seen.retailers.units_gained == seen.retailers.units_lost > 2**60


def first_come(requested, supply, **more):
    """Units by the baseline, in the order of arrival; the last name in byte order arrives first."""
    names = [f"r{i}" for i in range(len(requested), 0, -1)]
    problem = Problem.from_columns(
        {"retailer": names, "sku": ["K"] * len(names), "requested": requested, **more},
        {"sku": ["K"], "supply": [supply], "pack": [2]},
        keep_arrival=True,
    )
    return [2 * packs for packs in fill_first_come(problem).granted.tolist()[::-1]]


def test_who_comes_first_is_served_first_in_whole_packs():
    assert first_come([9, 9, 9], 13) == [8, 4, 0]


def test_floors_and_minimums_hold_for_the_baseline_too():
    assert first_come([9, 9, 9], 13, floor=[0, 0, 2]) == [8, 2, 2]
    assert first_come([9, 9, 9], 13, minimum=[0, 6, 0]) == [8, 0, 4]


def test_the_baseline_keeps_to_every_limit():
    problem = Problem.from_columns(
        {"retailer": ["b", "a", "a"], "sku": ["K", "K", "L"], "requested": [10, 10, 10]},
        {"sku": ["K", "L"], "supply": [12, 12], "price_minor": [10, 10]},
        {"retailer": ["a", "b"], "credit_minor": [100, 50], "group:region": ["n", "n"]},
        {"group": ["region"], "value": ["n"], "sku": ["K"], "max_units": [11]},
        keep_arrival=True,
    )
    seen = compare(problem, FirstCome(), FirstCome())

    assert seen.a.totals["granted"] == 5 + 6 + 4
    assert seen.a.reasons == {"credit": 2, "quota": 1}
    assert seen.a.policy == {"fairness": "line", "rule": "first_come"}


@pytest.mark.slow
@settings(max_examples=100, deadline=None)
@given(columns(coupled=True), policies())
def test_the_baseline_keeps_to_the_supply_and_the_moves_add_up(drawn, policy):
    try:
        problem = Problem.from_columns(**drawn, keep_arrival=True)
    except InputError:
        assume(condition=False)
        return
    seen = compare(problem, FirstCome(), policy)

    assert sum(row.a for row in seen.skus) == seen.a.totals["granted"]
    assert all(0 <= row.a <= row.supply for row in seen.skus)
    assert seen.lines.units_gained - seen.lines.units_lost == seen.b.totals["granted"] - seen.a.totals["granted"]


def test_the_baseline_needs_the_order_of_arrival_and_is_no_policy():
    with pytest.raises(InputError, match="order of arrival"):
        compare(two_regions(), FirstCome(), MAX_MIN)
    with pytest.raises(InputError, match="baseline for comparisons only"):
        Policy(rule="first_come")


def test_a_policy_file_for_a_comparison_may_name_the_baseline():
    assert compared_policy('rule = "first_come"\nrounding = "none"', "a.toml") == FirstCome()
    assert compared_policy('rule = "talmud"', "a.toml") == Policy(rule="talmud")
    for text in ('rule = "first_come"\nrounding = "up"', 'rule = "first_come"\nx = "1"', "rule = ", 'rule = "x"'):
        with pytest.raises(InputError, match=r"a\.toml"):
            compared_policy(text, "a.toml")


@pytest.mark.parametrize("rule", RULES)
def test_the_order_of_the_rows_changes_nothing_but_the_baseline(rule):
    rows = [("a", 10), ("b", 20), ("c", 30)]

    def seen(chosen, policy):
        problem = Problem.from_columns(
            {"retailer": [r for r, _ in chosen], "sku": ["K"] * 3, "requested": [u for _, u in chosen]},
            {"sku": ["K"], "supply": [31]},
            keep_arrival=True,
        )
        return compare(problem, policy, MAX_MIN)

    policy = Policy(rule=rule, seed=SEED)
    assert seen(rows, policy) == seen(rows[::-1], policy)
    assert seen(rows, FirstCome()) != seen(rows[::-1], FirstCome())

"""What every rule and rounding promises, and where a promise ends: tried on drawn problems, shown by a counter-example.

Conservation and bounds under coupling are in ``test_fillings``, with the checker; the order of arrival too.
"""

from dataclasses import replace
from fractions import Fraction

import pytest
from allocation_problems import ROUNDINGS, RULES, SEED, columns, granted, one_sku, policies
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from allocation import Policy, Problem, solve
from allocation.errors import InputError

pytestmark = pytest.mark.slow

EVERY_ROUNDING = (*ROUNDINGS, "none")
LINES = st.lists(st.tuples(st.integers(1, 15), st.integers(1, 5)), min_size=2, max_size=6)


def problem_of(drawn):
    try:
        return Problem.from_columns(**drawn)
    except InputError:
        assume(condition=False)
        raise


@pytest.mark.slow
@settings(max_examples=200, deadline=None)
@given(columns(), policies(roundings=EVERY_ROUNDING))
def test_all_that_can_be_given_is_given_and_never_more(drawn, policy):
    problem = problem_of(drawn)
    result = solve(problem, policy)

    offered = [int(limit) for limit in problem.constraints.limits[: len(problem.supply.sku)]]
    for position, name in enumerate(problem.supply.sku):
        lines = [i for i, sku in enumerate(result.sku) if sku == name]
        assert sum(result.granted[i] for i in lines) == min(offered[position], sum(result.eligible[i] for i in lines))
    floor = (problem.lines.floor * problem.lines.pack).tolist()
    assert all(f <= g <= e for f, g, e in zip(floor, result.granted, result.eligible, strict=True))
    if policy.rounding != "none":
        assert not (result.granted % problem.lines.pack).any()


@pytest.mark.slow
@settings(max_examples=200, deadline=None)
@given(columns(), policies(roundings=EVERY_ROUNDING), st.data())
def test_equals_differ_by_a_pack_at_most_and_by_nothing_where_nothing_is_rounded(drawn, policy, data):
    """Symmetry: two retailers that differ in nothing but their names."""
    problem = problem_of(drawn)
    model = data.draw(st.integers(0, len(problem) - 1))
    sku, retailer = problem.names(model)
    requests, table = drawn["requests"], drawn["retailers"]
    row = list(zip(requests["sku"], requests["retailer"], strict=True)).index((sku, retailer))
    for name, cells in requests.items():
        cells.append("twin" if name == "retailer" else cells[row])
    place = table["retailer"].index(retailer)
    for name, cells in table.items():
        cells.append("twin" if name == "retailer" else cells[place])
    result = solve(problem_of(drawn), policy)
    by_line = dict(zip(zip(result.retailer, result.sku, strict=True), result.granted, strict=True))

    apart = abs(by_line[retailer, sku] - by_line["twin", sku])
    pack = drawn["supply"]["pack"][drawn["supply"]["sku"].index(sku)]
    assert apart <= (0 if policy.rounding == "none" else pack)


@pytest.mark.slow
@settings(max_examples=200, deadline=None)
@given(LINES, st.integers(0, 40), st.sampled_from(RULES), st.sampled_from(EVERY_ROUNDING), st.booleans())
def test_who_leaves_with_his_grant_changes_nothing_for_the_others(lines, supply, rule, rounding, carried):
    """Consistency: the rest, shared by itself, is shared as before."""
    asked, weight = [r for r, _ in lines], [w for _, w in lines]
    carry = [137 * i % 1000 if carried else 0 for i in range(len(lines))]
    together = granted(one_sku(asked, supply, weight=weight, carry=carry), rule=rule, rounding=rounding)
    assume(together[0] == int(together[0]))  # supply is in whole units
    rest = one_sku(
        asked[1:],
        supply - int(together[0]),
        weight=weight[1:],
        carry=carry[1:],
        retailer=[f"r{i:02d}" for i in range(2, len(lines) + 1)],
    )

    assert granted(rest, rule=rule, rounding=rounding) == together[1:]


@settings(max_examples=100, deadline=None)
@given(LINES, st.integers(0, 40), st.sampled_from(EVERY_ROUNDING), st.integers(2, 10**6))
def test_weights_are_a_ratio(lines, supply, rounding, factor):
    asked, weight = [r for r, _ in lines], [w for _, w in lines]
    heavier = [w * factor for w in weight]

    one = granted(one_sku(asked, supply, weight=weight), rounding=rounding)
    assert granted(one_sku(asked, supply, weight=heavier), rounding=rounding) == one


@settings(max_examples=100, deadline=None)
@given(LINES, st.integers(0, 40), st.sampled_from(RULES), st.sampled_from(EVERY_ROUNDING), st.integers(2, 12))
def test_packs_are_a_unit(lines, supply, rule, rounding, pack):
    asked, weight = [r for r, _ in lines], [w for _, w in lines]
    singly = granted(one_sku(asked, supply, weight=weight), rule=rule, rounding=rounding)
    packed = one_sku([r * pack for r in asked], supply * pack, weight=weight, sku={"pack": pack})

    assert granted(packed, rule=rule, rounding=rounding) == [units * pack for units in singly]


@pytest.mark.slow
@settings(max_examples=150, deadline=None)
@given(columns(), policies(rules=("max_min",)), st.data())
def test_a_larger_weight_never_gets_less(drawn, policy, data):
    problem = problem_of(drawn)
    line = data.draw(st.integers(0, len(problem) - 1))
    sku, retailer = problem.names(line)
    before = solve(problem, policy).granted[line]
    pairs = list(zip(drawn["requests"]["sku"], drawn["requests"]["retailer"], strict=True))
    row = pairs.index((sku, retailer))
    weight = drawn["requests"]["weight"]
    weight[row] = min(10**9, weight[row] + data.draw(st.integers(1, 10)))

    assert solve(problem_of(drawn), policy).granted[line] >= before


def coupled(*, supply, quota):
    """Two SKUs under one quota of a region; a asks for both, b for one each."""
    return Problem.from_columns(
        {"retailer": ["a", "a", "b"], "sku": ["x", "y", "y"], "requested": [10, 10, 10]},
        {"sku": ["x", "y"], "supply": [supply, 10]},
        {"retailer": ["a", "b"], "max_units": [quota, None]},
    )


def test_under_coupling_more_supply_may_take_from_somebody():
    scarce, plenty = (solve(coupled(supply=supply, quota=6), Policy(), seed=SEED).granted.tolist() for supply in (0, 6))

    # With x to be had, a spends part of its limit on x and takes less of y, which b gets.
    assert scarce == [0, 5, 5]
    assert plenty == [3, 3, 7]


def test_under_coupling_equal_requests_need_not_be_equally_filled():
    result = solve(coupled(supply=6, quota=6), Policy(), seed=SEED)

    assert result.granted.tolist()[1:] == [3, 7]
    assert result.bound_by.tolist() == ["units:a", "units:a", "supply:y"]


def test_under_coupling_what_is_asked_of_one_sku_moves_another():
    """No promise of truthfulness across SKUs: who leaves one out has more room for the other."""
    both = coupled(supply=6, quota=6)
    only_x = Problem.from_columns(
        {"retailer": ["a", "b"], "sku": ["x", "y"], "requested": [10, 10]},
        {"sku": ["x", "y"], "supply": [6, 10]},
        {"retailer": ["a", "b"], "max_units": [6, None]},
    )

    assert solve(both, Policy(), seed=SEED).granted.tolist()[0] == 3
    assert solve(only_x, Policy(), seed=SEED).granted.tolist()[0] == 6


def test_floors_break_the_tie_of_equals_and_no_more():
    assert granted(one_sku([10, 10], 10, floor=[7, 0])) == [7, 3]
    assert granted(one_sku([10, 10], 10, floor=[5, 0]), rounding="none") == [Fraction(5), Fraction(5)]


@settings(max_examples=60, deadline=None)
@given(columns(coupled=True), policies(roundings=EVERY_ROUNDING))
def test_a_tier_that_is_served_first_does_not_feel_the_later_ones(drawn, policy):
    tiers = dict(zip(drawn["retailers"]["retailer"], map(int, drawn["retailers"]["group:tier"]), strict=True))
    first = min(tiers.values())
    rows = list(zip(*drawn["requests"].values(), strict=True))
    kept = [row for row in rows if tiers[row[0]] == first]
    place = list(drawn["requests"]).index("floor")
    assume(kept)
    assume(not any(row[place] for row in rows if tiers[row[0]] != first))
    alone = dict(zip(drawn["requests"], map(list, zip(*kept, strict=True)), strict=True))
    policy = replace(policy, rule="priority")
    together = solve(problem_of(drawn), policy)
    by_line = dict(zip(zip(together.retailer, together.sku, strict=True), together.granted, strict=True))

    result = solve(problem_of(drawn | {"requests": alone}), policy)

    for retailer, sku, units in zip(result.retailer, result.sku, result.granted, strict=True):
        assert by_line[retailer, sku] == units


def test_no_divisor_method_stays_within_a_pack_of_the_fractions():
    """25 packs by weights 46, 1, 1, 1, 1: in fractions 23 and a half each."""
    asked, weight = [100] * 5, [46, 1, 1, 1, 1]

    assert granted(one_sku(asked, 25, weight=weight), rounding="none") == [23, *[Fraction(1, 2)] * 4]
    assert granted(one_sku(asked, 25, weight=weight), rounding="adams") == [21, 1, 1, 1, 1]
    webster = granted(one_sku(asked, 25, weight=weight))
    assert (webster[0], sorted(webster[1:])) == (23, [0, 0, 1, 1])


@pytest.mark.parametrize("rounding", ["adams", "dean", "huntington_hill"])
def test_roundings_that_lean_to_the_small_grant_every_first_pack_first(rounding):
    assert granted(one_sku([100] * 3, 3, weight=[1000, 1, 1]), rounding=rounding) == [1, 1, 1]


@settings(max_examples=60, deadline=None)
@given(columns(coupled=True), policies(rules=("max_min",), roundings=ROUNDINGS), st.data())
def test_asking_for_more_of_a_line_brings_no_more_of_what_it_wanted_under_any_limits(drawn, policy, data):
    before = problem_of(drawn)
    asked = list(drawn["requests"]["requested"])
    line = data.draw(st.integers(0, len(asked) - 1))
    more = [(units or 0) + 7 * (i == line) for i, units in enumerate(asked)]
    after = problem_of(drawn | {"requests": drawn["requests"] | {"requested": more}})
    name = (drawn["requests"]["retailer"][line], drawn["requests"]["sku"][line])

    pack = dict(zip(before.supply.sku, before.supply.pack.tolist(), strict=True))[name[1]]
    wanted = int(asked[line] or 0) // pack * pack
    honest = int(solve(before, policy, seed=SEED).row(*name).granted)

    assert min(int(solve(after, policy, seed=SEED).row(*name).granted), wanted) <= honest


def test_with_a_smallest_order_asking_for_more_may_pay():
    assert granted(one_sku([3, 9], 20, sku={"minimum": 5})) == [0, 9]
    assert granted(one_sku([5, 9], 20, sku={"minimum": 5})) == [5, 9]

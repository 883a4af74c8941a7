"""Lines that get their minimum or nothing."""

from itertools import combinations

import pytest
from allocation_problems import SEED, columns, filled_by_the_book, one_sku, policies
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from allocation import Policy, Problem, solve, verify
from allocation.errors import AnswerRefusedError, InputError, WorkLimitError
from allocation.filling import minimums


def solved(problem, **policy):
    result = solve(problem, Policy(**policy), seed=SEED)
    assert verify(problem, result).violations == ()
    return result


def test_as_many_as_possible_get_the_smallest_order():
    result = solved(one_sku([20] * 5, 14, sku={"minimum": 6}))

    assert sorted(result.granted.tolist()) == [0, 0, 0, 7, 7]
    assert sorted(set(result.reason)) == ["lottery", "supply"]


def test_the_larger_share_goes_first_to_its_minimum():
    result = solved(one_sku([20] * 3, 7, sku={"minimum": 6}, weight=[1, 2, 3]))

    assert result.granted.tolist() == [0, 0, 7]
    assert result.reason.tolist() == ["supply", "supply", "supply"]


def test_all_or_nothing_is_all_or_nothing():
    result = solved(one_sku([8, 8, 8], 20, all_or_nothing=[1, 1, 1]))

    assert sorted(result.granted.tolist()) == [0, 8, 8]


def test_nobody_else_pays_for_anothers_minimum():
    without = solved(one_sku([10, 10, 10], 12))
    result = solved(one_sku([10, 10, 10], 12, minimum=[0, 6, 6]))

    assert without.granted.tolist() == [4, 4, 4]
    assert result.granted.tolist()[0] >= 4
    assert min(result.granted.tolist()[1:]) == 0


def test_a_minimum_is_rounded_up_to_whole_packs():
    result = solved(one_sku([40, 40], 41, sku={"minimum": 13, "pack": 12}))

    assert sorted(result.granted.tolist()) == [0, 36]


def test_a_request_below_the_minimum_is_not_eligible():
    result = solved(one_sku([5, 20], 50, sku={"minimum": 6}))

    assert result.eligible.tolist() == [0, 20]
    assert result.reason.tolist() == ["ineligible", "filled"]


def test_a_line_may_have_its_own_minimum_or_none():
    result = solved(one_sku([20, 20, 20], 6, sku={"minimum": 6}, minimum=[None, 0, None]))

    assert result.granted.tolist()[1] >= 2


def test_a_floor_brings_its_line_to_the_minimum():
    result = solved(one_sku([20, 20], 8, sku={"minimum": 6}, floor=[2, 0]))

    assert result.granted.tolist() == [8, 0]


def test_credit_and_minimums_meet():
    problem = Problem.from_columns(
        {"retailer": ["a", "a", "b"], "sku": ["x", "y", "x"], "requested": [10, 10, 10], "minimum": [6, 6, 6]},
        {"sku": ["x", "y"], "supply": [12, 12], "price_minor": [10, 10]},
        {"retailer": ["a", "b"], "credit_minor": [100, 60]},
    )
    result = solved(problem)

    assert sorted(result.granted.tolist()[:2]) == [0, 10]
    assert result.granted.tolist()[2] == 6


def test_minimums_need_whole_packs():
    with pytest.raises(InputError, match="a minimum needs whole packs"):
        solve(one_sku([5, 5], 6, minimum=[4, 4]), Policy(rounding="none"))


@settings(max_examples=120, deadline=None)
@given(
    st.lists(st.tuples(st.integers(1, 9), st.integers(0, 6), st.integers(1, 5)), min_size=1, max_size=6),
    st.integers(0, 25),
)
def test_the_choice_is_what_trying_every_subset_gives(drawn, supply):
    lines = [
        {"retailer": f"r{i:02d}", "eligible": eligible if minimum <= eligible else 0, "floor": 0, "weight": weight}
        for i, (eligible, minimum, weight) in enumerate(drawn, start=1)
    ]
    minimum = {line["retailer"]: m for line, (_, m, _) in zip(lines, drawn, strict=True) if line["eligible"] and m > 1}
    first = filled_by_the_book(lines, supply)
    below = [
        line
        for line in lines
        if minimum.get(line["retailer"], 0) > 1 and first[line["retailer"]] < minimum[line["retailer"]]
    ]
    held = sum(first[line["retailer"]] for line in below) if sum(first.values()) == supply else 10**6
    below.sort(key=lambda line: (2 * minimum[line["retailer"]] - 1) / line["weight"])
    keys = [(2 * minimum[line["retailer"]] - 1, line["weight"]) for line in below]
    assume(len({a * 360 // b if a * 360 % b == 0 else (a, b) for a, b in keys}) == len(keys))  # no draw among them
    subsets = [
        set(some)
        for size in range(len(below) + 1)
        for some in combinations([line["retailer"] for line in below], size)
        if sum(minimum[name] for name in some) <= held
    ]
    best = max(subsets, key=lambda some: (len(some), [line["retailer"] in some for line in below]))
    again = [
        line | {"eligible": 0}
        if line in below and line["retailer"] not in best
        else line | {"floor": minimum.get(line["retailer"], 0)}
        for line in lines
    ]

    problem = one_sku(
        [e for e, _, _ in drawn], supply, minimum=[m for _, m, _ in drawn], weight=[w for _, _, w in drawn]
    )

    assert solved(problem).granted.tolist() == list(filled_by_the_book(again, supply).values())


@pytest.mark.slow
@settings(max_examples=150, deadline=None)
@given(columns(coupled=True, minimums=True), policies())
def test_results_with_minimums_hold_before_the_checker(drawn, policy):
    try:
        problem = Problem.from_columns(**drawn)
    except InputError:
        assume(condition=False)
    result = solve(problem, policy)

    assert verify(problem, result).violations == ()
    packs = result.granted // problem.lines.pack
    assert ((packs == 0) | (packs >= problem.lines.minimum)).all()


def test_too_many_lines_that_hang_together_are_refused_before_solving(monkeypatch):
    monkeypatch.setattr(minimums, "MINIMUM_LINES_PER_GROUP", 3)

    with pytest.raises(WorkLimitError, match="at most 3"):
        solve(one_sku([20] * 5, 14, sku={"minimum": 6}), Policy(), seed=SEED)


def test_work_beyond_its_counted_limit_is_refused_and_not_guessed(monkeypatch):
    monkeypatch.setattr(minimums, "MINIMUM_WORK", 0.0)
    asked = [100 + 7 * i for i in range(40)]

    with pytest.raises(WorkLimitError, match="not proven best"):
        solve(one_sku(asked, 2000, all_or_nothing=[1] * 40), Policy(), seed=SEED)


def test_numbers_too_fine_for_a_solver_are_refused():
    asked = [2**40 + 1, 2**40 + 3, 2**40 + 5]

    with pytest.raises(AnswerRefusedError, match="rounder numbers"):
        solve(one_sku(asked, 2**41 + 7, all_or_nothing=[1, 1, 1]), Policy(), seed=SEED)


def test_large_numbers_with_much_in_common_are_solved():
    asked = [3 * 2**40, 5 * 2**40, 7 * 2**40]

    assert sorted(solved(one_sku(asked, 8 * 2**40, all_or_nothing=[1, 1, 1])).granted.tolist()) == [
        0,
        3 * 2**40,
        5 * 2**40,
    ]


def test_an_answer_of_the_solver_that_does_not_fit_is_refused(monkeypatch):
    # The edge of the world: a solver that certifies what is not so.
    monkeypatch.setattr(minimums.Programme, "solve", lambda self: {candidate.line for candidate in self.able})

    with pytest.raises(AnswerRefusedError, match="failed the check"):
        solve(one_sku([20] * 5, 14, sku={"minimum": 6}), Policy(), seed=SEED)

"""Baskets too large for the exact sequence: within every limit, labelled, and with a gap that anyone can work out."""

import copy
from dataclasses import replace
from fractions import Fraction

import pytest
from basket_problems import basket_columns, held_by, market
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from allocation import Policy, Problem, solve, verify
from allocation.baskets import sharing
from allocation.errors import InputError, WorkLimitError
from allocation.reporting.page import report_page
from allocation.verification import baskets as checker

SEED = "2a" * 32


@pytest.fixture(autouse=True)
def few_lines_are_many(monkeypatch):
    monkeypatch.setattr(sharing, "BASKET_LINES", 4)
    monkeypatch.setattr(checker, "BASKET_LINES", 4)


def test_an_approximate_answer_holds_and_says_what_it_is():
    problem = market(retailers=40)
    result = solve(problem, Policy(fairness="basket"), seed=SEED)

    assert verify(problem, result).violations == ()
    assert result.certificate["baskets"]["method"] == "approximate"
    assert result.report["baskets"]["approximate"] is True
    assert float(Fraction(result.certificate["baskets"]["gap"])) == pytest.approx(result.report["baskets"]["gap"])
    assert "Baskets: approximate" in report_page(result.report)


def test_it_is_near_the_exact_answer():
    problem = market(retailers=40)
    result = solve(problem, Policy(fairness="basket"), seed=SEED)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(sharing, "BASKET_LINES", 3000)
        exact = solve(problem, Policy(fairness="basket"), seed=SEED)

    assert "Baskets: approximate" not in report_page(exact.report)
    assert Fraction(result.certificate["baskets"]["gap"]) < Fraction(1, 4)
    held, right = held_by(result), held_by(exact)
    assert sum(abs(held[name] - right[name]) for name in right) < sum(right.values()) / 10


@settings(max_examples=50, deadline=None)
@given(basket_columns(), st.sampled_from(("webster", "adams")))
def test_approximate_answers_hold_before_the_checker(drawn, rounding):
    try:
        problem = Problem.from_columns(**drawn)
    except InputError:
        assume(condition=False)

    assert verify(problem, solve(problem, Policy(fairness="basket", rounding=rounding), seed=SEED)).violations == ()


def a_smaller_gap(baskets):
    baskets["gap"] = "0"
    baskets["bound"]["level"] = "1/1000"


def a_lower_bound(baskets):
    baskets["bound"]["level"] = str(Fraction(baskets["bound"]["level"]) * Fraction(9, 10))


def a_wrong_gap(baskets):
    baskets["gap"] = "1/7919"


def no_bound(baskets):
    baskets["bound"]["claimants"].clear()


@pytest.mark.parametrize("damage", [a_smaller_gap, a_lower_bound, a_wrong_gap, no_bound])
def test_a_bound_that_nothing_proves_fails(damage):
    problem = market(retailers=40)
    result = solve(problem, Policy(fairness="basket"), seed=SEED)
    certificate = copy.deepcopy(dict(result.certificate))
    damage(certificate["baskets"])

    assert not verify(problem, replace(result, certificate=certificate)).holds


def test_approximate_is_no_excuse_where_an_exact_answer_is_due(monkeypatch):
    problem = market(retailers=40)
    result = solve(problem, Policy(fairness="basket"), seed=SEED)
    monkeypatch.setattr(checker, "BASKET_LINES", 3000)

    said = [str(violation) for violation in verify(problem, result).violations]
    assert any("called approximate where an exact answer is due" in text for text in said)


def test_fractions_are_refused_at_that_size():
    with pytest.raises(WorkLimitError, match="at most 4 can be shared in fractions"):
        solve(market(), Policy(fairness="basket", rounding="none"))

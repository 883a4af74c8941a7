"""The fast coupled filling against its definition, pack by pack."""

import random
import subprocess
import sys

import numpy as np
import pytest
from allocation_problems import SEED
from coupled_problems import a_policy, a_problem

from allocation import Policy, Problem, solve, verify
from allocation.errors import InputError
from allocation.filling import coupled_search, coupled_stage
from allocation.filling.coupled import fill_by_jumps
from allocation.filling.lottery import drawing
from allocation.filling.outcome import Filling
from allocation.filling.progressive import fill_progressively
from allocation.filling.rules import order_of
from allocation.solving import fill


def differences(cases: range, most_retailers: int = 25) -> tuple[int, list[str]]:
    """Fill both ways; return how many cases the fast way took, and what differed."""
    taken, found = 0, []
    for case in cases:
        rng = random.Random(case)  # noqa: S311 - cases, no secrets
        try:
            problem, policy = a_problem(rng, most_retailers), a_policy(rng)
        except InputError:  # floors that overdraw a constraint
            continue
        order, draw = order_of(problem, policy), drawing(policy.seed_bytes())
        everywhere = np.ones(len(problem.supply.sku), dtype=bool)
        reference = Filling.of_all_that_is_eligible(problem.lines.eligible)
        fast = Filling.of_all_that_is_eligible(problem.lines.eligible)
        fill_progressively(problem, problem.lines, order, policy.rounding, draw, everywhere, reference)
        if not fill_by_jumps(problem, problem.lines, order, policy.rounding, draw, everywhere, fast):
            continue
        taken += 1
        found += [
            f"case {case}: {what}"
            for what in ("granted", "stopped_by", "by_draw")
            if getattr(fast, what).tolist() != getattr(reference, what).tolist()
        ]
        found += [f"case {case}: thresholds"] if fast.thresholds != reference.thresholds else []
    return taken, found


@pytest.mark.slow
def test_jumps_and_pack_by_pack_agree_to_the_last_detail():
    taken, found = differences(range(900))

    assert found == []
    assert taken > 600


@pytest.mark.slow
def test_they_agree_on_two_threads_where_constraints_are_large_and_many_retailers_wait_for_draws(monkeypatch):
    monkeypatch.setattr(coupled_stage, "_WORTH_THREADS", 0)
    monkeypatch.setattr(coupled_stage, "_THREADS", 2)
    monkeypatch.setattr(coupled_search, "_WAITING_PACKS", 1)
    monkeypatch.setattr(coupled_search, "_WORTH_COMPILED_DRAWS", 3)

    taken, found = differences(range(1000, 1060), most_retailers=700)

    assert found == []
    assert taken > 40


@pytest.mark.slow
def test_kernels_that_are_not_compiled_give_the_same():
    code = (
        "import sys, importlib.util as u; seen = u.find_spec\n"
        "u.find_spec = lambda name, *rest: None if name == 'numba' else seen(name, *rest)\n"
        "sys.path[:0] = ['.', 'tests/support', 'tests/allocation']\n"
        "from test_coupled_filling import differences\n"
        "taken, found = differences(range(60))\n"
        "assert 'numba' not in sys.modules\n"
        "print(taken, found)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    taken, _, found = done.stdout.strip().partition(" ")
    assert found == "[]"
    assert int(taken) > 30


def test_numbers_beyond_exact_floats_are_left_to_the_definition():
    top = 2**61
    problem = Problem.from_columns(
        {"retailer": ["a", "b"], "sku": ["k", "k"], "requested": [top, top], "weight": [10**9, 10**9 - 1]},
        {"sku": ["k"], "supply": [2], "price_minor": [1]},
        {"retailer": ["a", "b"], "credit_minor": [1, 1]},
    )
    policy, filling = Policy(seed=SEED), Filling.of_all_that_is_eligible(problem.lines.eligible)
    order, draw = order_of(problem, policy), drawing(policy.seed_bytes())

    taken = fill_by_jumps(problem, problem.lines, order, "webster", draw, np.ones(1, dtype=bool), filling)

    assert not taken
    assert filling.granted.tolist() == [top, top]
    assert solve(problem, policy).granted.tolist() == [1, 1]


@pytest.mark.slow
def test_large_coupled_problems_are_filled_by_jumps_and_hold_before_the_checker():
    rng = np.random.default_rng(4)
    retailers, skus = [f"{i:03d}" for i in range(60)], ["a", "b", "c"]
    problem = Problem.from_columns(
        {
            "retailer": np.repeat(retailers, 3),
            "sku": skus * 60,
            "requested": rng.integers(1, 2000, 180),
            "weight": rng.integers(1, 30, 180),
        },
        {"sku": skus, "supply": [24_000] * 3, "pack": [1, 6, 1], "price_minor": [3, 1, 7]},
        {"retailer": retailers, "credit_minor": rng.integers(1, 8000, 60), "group:region": ["n", "s"] * 30},
        {"group": ["region", "region"], "value": ["n", "s"], "sku": ["*", "b"], "max_units": [30_000, 4000]},
    )
    policy = Policy(seed=SEED)

    result = solve(problem, policy)

    assert verify(problem, result).violations == ()
    filling = fill(problem, problem.lines_to_fill, policy, order_of(problem, policy), lambda *_: None)
    names = np.array(problem.constraints.names)
    assert set(result.certificate["levels"]) == set(names[np.unique(filling.stopped_by[filling.stopped_by >= 0])])


def test_the_certificate_says_when_each_constraint_first_refused():
    problem = Problem.from_columns(
        {"retailer": ["a", "a", "b"], "sku": ["k", "l", "k"], "requested": [9, 9, 9], "weight": [1, 2, 1]},
        {"sku": ["k", "l"], "supply": [9, 9], "price_minor": [2, 2]},
        {"retailer": ["a", "b"], "credit_minor": [10, None]},
    )
    result = solve(problem, Policy(seed=SEED))

    # a: the packs of l come at 1/4, 3/4, 5/4 …, those of k at 1/2, 3/2 …; the fifth pack takes all of its credit.
    assert result.granted.tolist() == [2, 3, 7]
    assert result.certificate["levels"] == {
        "credit:a": {"tier": 0, "phase": 0, "level": "7/4"},
        "supply:k": {"tier": 0, "phase": 0, "level": "15/2"},
    }

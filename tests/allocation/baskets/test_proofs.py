"""What proves a basket: a second engine agrees, and the checker finds every damage, also where all hashes fit."""

import copy
import os
import random
import subprocess
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

import pytest
from basket_problems import basket_columns, market
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from allocation import Policy, Problem, solve, verify
from allocation.baskets import exact_solutions
from allocation.baskets.equations import ContradictionError, solved
from allocation.errors import AnswerRefusedError, InputError
from allocation.folders import write_problem, write_result
from allocation.proving import prove_folders

SEED = "2a" * 32


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize(("units", "weight", "price"), [(10**6, 10**9, 10), (10**9, 1, 10**6), (10**12, 10**3, 10**3)])
def test_markets_of_any_magnitude_are_solved_exactly(units, weight, price, seed):
    r = random.Random(seed)  # noqa: S311  # an example, no secret
    names, goods = [f"r{i}" for i in range(8)], ["s0", "s1", "s2"]
    lines = [(name, sku) for name in names for sku in goods if r.random() < 0.8]
    problem = Problem.from_columns(
        {
            "retailer": [name for name, _ in lines],
            "sku": [sku for _, sku in lines],
            "requested": [r.randint(0, 2 * units) for _ in lines],
        },
        {
            "sku": goods,
            "supply": [r.randint(0, 8 * units) for _ in goods],
            "price_minor": [r.randint(1, price) for _ in goods],
            "pack": [1, 1, 12],
        },
        {
            "retailer": names,
            "weight": [r.randint(1, weight) for _ in names],
            "credit_minor": [r.choice([None, r.randint(0, units * price)]) for _ in names],
            "group:region": [r.choice("ns") for _ in names],
        },
        {"group": ["region"], "value": ["n"], "sku": ["*"], "max_units": [r.randint(0, 8 * units)]},
    )

    assert verify(problem, solve(problem, Policy(fairness="basket"), seed=SEED)).violations == ()


@pytest.mark.slow
def test_the_hash_seed_of_the_process_plays_no_part(tmp_path):
    write_problem(market(), Policy(fairness="basket", seed=SEED), tmp_path / "problem")
    written = []
    for hash_seed in ("0", "7"):
        out = tmp_path / hash_seed
        subprocess.run(
            [sys.executable, "-m", "evenhand", "allocate", tmp_path / "problem", "--out", out, "--quiet"],
            check=True,
            env=os.environ | {"PYTHONHASHSEED": hash_seed},
        )
        written.append([(out / name).read_bytes() for name in ("allocation.csv", "certificate.json")])

    assert written[0] == written[1]


def proof_of(problem, result, folder):
    policy = Policy(**result.certificate["policy"], seed=result.certificate["seed"])
    write_problem(problem, policy, folder / "problem")
    write_result(result, folder / "result")
    return prove_folders(folder / "problem", folder / "result")


@pytest.mark.slow
@settings(max_examples=40, deadline=None)
@given(basket_columns(), st.sampled_from(("none", "webster")), st.sampled_from(("line", "basket")))
def test_another_engine_finds_the_same_totals(drawn, rounding, fairness):
    try:
        problem = Problem.from_columns(**drawn)
    except InputError:
        assume(condition=False)
    result = solve(problem, Policy(fairness=fairness, rounding=rounding), seed=SEED)
    with tempfile.TemporaryDirectory() as folder:
        assert proof_of(problem, result, Path(folder)).contradictions == ()


def test_another_engine_agrees_on_a_market_and_notices_a_lie(tmp_path):
    problem = market()
    result = solve(problem, Policy(fairness="basket"), seed=SEED)
    proof = proof_of(problem, result, tmp_path / "right")
    assert proof.holds
    assert "12 totals of baskets" in str(proof.sentences[0])

    certificate = copy.deepcopy(dict(result.certificate))
    certificate["baskets"]["mixture"]["units"] = []
    granted = result.granted.copy()
    granted[:4] = 0
    lie = proof_of(problem, replace(result, granted=granted, certificate=certificate), tmp_path / "wrong")
    assert not lie.holds
    assert "but the optimum is" in str(lie.contradictions[0])


def moved_pack(cells, baskets):
    a, b = [i for i, row in enumerate(cells) if row["sku"] == "s0" and row["reason"] == "supply"][:2]
    return {a: int(cells[a]["granted"]) - 1, b: int(cells[b]["granted"]) + 1}


def swapped_goods(cells, baskets):
    """The same totals, made up of other goods."""
    mine = [i for i, row in enumerate(cells) if row["retailer"] == "r03"]
    taken = next(i for i in mine if int(cells[i]["granted"]) > 0)
    given_to = next(i for i in mine if int(cells[i]["granted"]) < int(cells[i]["eligible"]) and i != taken)
    return {taken: int(cells[taken]["granted"]) - 1, given_to: int(cells[given_to]["granted"]) + 1}


def one_removed(cells, baskets):
    i = next(i for i, row in enumerate(cells) if row["reason"] == "supply" and int(row["granted"]) > 0)
    return {i: int(cells[i]["granted"]) - 1}


def one_added(cells, baskets):
    i = next(i for i, row in enumerate(cells) if row["reason"] == "supply")
    return {i: int(cells[i]["granted"]) + 1}


def a_level_raised(cells, baskets):
    baskets["stages"][-1]["level"] += "1"


def a_stage_dropped(cells, baskets):
    del baskets["stages"][0]


def stages_swapped(cells, baskets):
    baskets["stages"][0], baskets["stages"][-1] = baskets["stages"][-1], baskets["stages"][0]


def a_weight_changed(cells, baskets):
    baskets["stages"][-1]["claimants"][0][2] += "7"


def a_weight_of_a_limit_changed(cells, baskets):
    weights = baskets["stages"][-1]["constraints"]
    weights[next(iter(weights))] += "7"


def a_price_changed(cells, baskets):
    prices = baskets["mixture"]["constraints"]
    prices[next(iter(prices))] = "0"


def a_price_below_nothing(cells, baskets):
    prices = baskets["mixture"]["constraints"]
    prices[next(iter(prices))] = "-5"


def a_mixture_changed(cells, baskets):
    baskets["mixture"]["units"][0][2] = "1/3"


def a_line_not_raised(cells, baskets):
    baskets["raised"].pop()


def a_line_raised_too_much(cells, baskets):
    whole = next(row for row in cells if row["reason"] == "filled")
    baskets["raised"].append([whole["retailer"], whole["sku"]])


def all_called_ample(cells, baskets):
    baskets.clear()
    baskets["method"] = "nothing is scarce"


def no_proof_at_all(cells, baskets):
    baskets.clear()


DAMAGES = [
    *(moved_pack, swapped_goods, one_removed, one_added, a_level_raised, a_stage_dropped, stages_swapped),
    *(
        a_weight_changed,
        a_weight_of_a_limit_changed,
        a_price_changed,
        a_price_below_nothing,
        a_mixture_changed,
        a_line_not_raised,
    ),
    *(a_line_raised_too_much, all_called_ample, no_proof_at_all),
]


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_basket_fails(damage):
    problem = market()
    result = solve(problem, Policy(fairness="basket"), seed=SEED)
    assert verify(problem, result).violations == ()
    certificate = copy.deepcopy(dict(result.certificate))
    cells = [vars(row) for row in result.rows()]
    changed = damage(cells, certificate["baskets"])
    granted = result.granted.copy()
    for line, units in (changed or {}).items():
        granted[line] = units

    assert not verify(problem, replace(result, granted=granted, certificate=certificate)).holds


@pytest.mark.parametrize("column", ["reason", "bound_by"])
def test_a_wrong_cell_of_a_basket_is_named(column):
    problem = market()
    result = solve(problem, Policy(fairness="basket"), seed=SEED)
    other = getattr(result, column)
    damaged = replace(result, **{column: replace(other, codes=other.codes[::-1].copy())})

    assert any(f"{column} is" in str(violation) for violation in verify(problem, damaged).violations)


def test_a_solver_that_certifies_what_is_not_so_is_refused(monkeypatch):
    # The edge of the world: an engine whose basis is that of another programme.
    def everything_low(programme, unit=None, *, engine):
        return dict.fromkeys(range(len(programme.worth)), "AT_LOWER_BOUND"), dict.fromkeys(
            range(len(programme.rows)), "BASIC"
        )

    monkeypatch.setattr(exact_solutions, "_basis", everything_low)

    with pytest.raises(AnswerRefusedError, match="no solver's answer holds in exact numbers"):
        solve(market(), Policy(fairness="basket"), seed=SEED)


def test_equations_that_contradict_each_other_have_no_solution():
    assert solved([({"x": 2, "y": 1}, 4), ({"x": 1, "y": -1}, -1)], "xy") == {"x": 1, "y": 2}
    with pytest.raises(ContradictionError):
        solved([({"x": 1}, 1), ({"x": 2}, 3)], "x")

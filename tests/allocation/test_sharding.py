"""Shards give the bytes of one piece, however the lines are cut and wherever they are filled."""

import random
import sys

import pytest
from allocation_problems import ROUNDINGS, RULES, SEED, columns, policies
from coupled_problems import a_policy, a_problem
from hypothesis import HealthCheck, assume, given, settings
from typer.testing import CliRunner

from allocation import Policy, Problem, solve
from allocation.errors import ClusterError, InputError
from allocation.sharding import Here
from allocation.sharding.dask_places import on_dask
from evenhand.cli import app

COUNTS = (1, 2, 7)


def same(problem, policy, places):
    alone, spread = solve(problem, policy), solve(problem, policy, places=places)
    assert spread.csv_bytes == alone.csv_bytes
    assert spread.certificate == alone.certificate


@pytest.mark.slow
@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(columns(), policies(roundings=(*ROUNDINGS, "none")))
def test_supplies_alone_give_the_same_from_any_number_of_shards(drawn, policy):
    try:
        problem = Problem.from_columns(**drawn)
    except InputError:
        assume(condition=False)
        raise

    for count in COUNTS:
        same(problem, policy, Here(count))


@pytest.mark.slow
@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(columns(coupled=True, minimums=True), policies())
def test_coupled_problems_with_minimums_give_the_same_from_any_number_of_shards(drawn, policy):
    try:
        problem = Problem.from_columns(**drawn)
    except InputError:
        assume(condition=False)
        raise

    for count in COUNTS:
        same(problem, policy, Here(count))


@pytest.mark.parametrize("count", COUNTS)
@pytest.mark.parametrize("rounding", [*ROUNDINGS, "none"])
def test_every_rounding_gives_the_same_from_any_number_of_shards(count, rounding):
    for case in range(3):
        problem = a_problem(random.Random(case))  # noqa: S311 - cases, no secrets
        for rule in RULES:
            same(problem, Policy(rule=rule, rounding=rounding, seed=SEED), Here(count))


def test_islands_of_retailers_are_filled_apart():
    retailers = [f"r{i}" for i in range(12)]
    problem = Problem.from_columns(
        {"retailer": retailers * 2, "sku": ["k"] * 12 + ["l"] * 12, "requested": [9] * 24},
        {"sku": ["k", "l"], "supply": [500, 500], "price_minor": [3, 5]},
        {"retailer": retailers, "credit_minor": [20 + i for i in range(12)]},
    )

    for count in COUNTS:
        same(problem, Policy(seed=SEED), Here(count))


def test_numbers_beyond_exact_floats_give_the_same_too():
    top = 2**62 - 1
    problem = Problem.from_columns(
        {"retailer": ["a", "b", "c"], "sku": ["k"] * 3, "requested": [top] * 3, "weight": [10**9, 10**9 - 1, 1]},
        {"sku": ["k"], "supply": [top]},
    )

    same(problem, Policy(seed=SEED), Here(2))


@pytest.mark.slow
def test_workers_of_a_cluster_give_the_same():
    with on_dask("local:2", shards=3) as places:
        for case in range(4):
            rng = random.Random(case)  # noqa: S311 - cases, no secrets
            same(a_problem(rng), a_policy(rng), places)
        retailers = [f"r{i:02d}" for i in range(40)]
        uncoupled = Problem.from_columns(
            {"retailer": retailers, "sku": ["k"] * 40, "requested": list(range(40))}, {"sku": ["k"], "supply": [311]}
        )
        same(uncoupled, Policy(seed=SEED), places)


@pytest.mark.parametrize("address", ["local:", "local:0", "local:many"])
def test_a_number_of_workers_that_is_none_is_refused(address):
    with pytest.raises(ClusterError, match="give a number of workers"), on_dask(address, None):
        pass


def test_shards_are_asked_for_on_the_command_line(tmp_path, monkeypatch):
    folder = tmp_path / "problem"
    folder.mkdir()
    (folder / "requests.csv").write_text("retailer,sku,requested\na,k,7\nb,k,7\nc,k,7\n")
    (folder / "supply.csv").write_text("sku,supply\nk,10\n")
    (folder / "policy.toml").write_text(f'seed = "{SEED}"\n')
    monkeypatch.setitem(sys.modules, "distributed", None)

    alone = CliRunner().invoke(app, ["allocate", str(folder), "--out", str(tmp_path / "alone")])
    cut = CliRunner().invoke(app, ["allocate", str(folder), "--out", str(tmp_path / "cut"), "--shards", "2"])
    missing = CliRunner().invoke(app, ["allocate", str(folder), "--out", str(tmp_path / "no"), "--dask", "local:1"])

    assert (alone.exit_code, cut.exit_code, missing.exit_code) == (0, 0, 1)
    assert (tmp_path / "alone/certificate.json").read_bytes() == (tmp_path / "cut/certificate.json").read_bytes()
    assert missing.stderr == "evenhand: --dask needs Dask; in a clone: pip install '.[dask]'\n"
    assert not (tmp_path / "no").exists()

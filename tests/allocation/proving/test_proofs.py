"""Exact fractions against linear programmes, whole packs against all ways to deal them out, and damage in both."""

import json
from fractions import Fraction
from itertools import product

import numpy as np
import pytest
from allocation_problems import RULES, SEED, columns, one_sku, policies
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from published_results import Published, publish
from typer.testing import CliRunner

from allocation import Policy, Problem, solve
from allocation.errors import InputError
from allocation.proving import Unprovable, parts, proof, prove_folders
from allocation.proving.exhausting import can_be_looked_through, is_fairest
from allocation.proving.programmes import ENGINES, leximin, programme_of
from allocation.verification.entitlement import claims_of
from allocation.verification.given import given_by
from evenhand.cli import app


def optimum(problem, policy, engine="GLOP"):
    """Units a line, by linear programmes alone."""
    claims = claims_of(given_by(problem), tiered=policy.rule == "priority")
    return leximin(programme_of(claims, claims.base, claims.top, policy.rule_inside), engine)


def town(random, retailers, skus):
    """A problem with credit in money, limits of units and quotas, scarce in several of them at once."""
    lines = [(r, s) for r in range(retailers) for s in range(skus) if random.random() < 0.8]
    names = [f"r{i:03d}" for i in range(retailers)]
    asked = random.integers(1, 60, len(lines))
    share = int(asked.sum()) // skus
    return Problem.from_columns(
        {
            "retailer": [names[r] for r, _ in lines],
            "sku": [f"s{s}" for _, s in lines],
            "requested": asked,
            "floor": np.where(random.random(len(lines)) < 0.05, 1, 0),
            "weight": random.integers(1, 31, len(lines)),
        },
        {
            "sku": [f"s{s}" for s in range(skus)],
            "supply": random.integers(share // 3, share, skus),
            "price_minor": random.integers(1, 40, skus),
        },
        {
            "retailer": names,
            "credit_minor": [int(random.integers(200, 3000)) if random.random() < 0.5 else None for _ in names],
            "max_units": [int(random.integers(20, 90)) if random.random() < 0.3 else None for _ in names],
            "group:region": [f"g{i % 4}" for i in range(retailers)],
        },
        {
            "group": ["region"] * 4,
            "value": ["g0", "g1", "g2", "g3"],
            "sku": ["*", "*", "s0", "s1"],
            "max_units": [share // 3, share // 2, share // 9, share // 7],
        },
    )


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize(("retailers", "skus"), [(5, 2), (20, 3)])
def test_shares_under_limits_across_lines_are_the_optimum(engine, retailers, skus):
    problem, policy = town(np.random.default_rng(retailers), retailers, skus), Policy(rounding="none")

    granted = np.array([float(units) for units in solve(problem, policy).granted])

    assert np.abs(granted - optimum(problem, policy, engine)).max() < 1e-5


@pytest.mark.slow
@pytest.mark.parametrize("number", range(6))
def test_shares_of_a_hundred_retailers_are_the_optimum(number):
    problem, policy = town(np.random.default_rng(number), 100, 4), Policy(rounding="none")

    granted = np.array([float(units) for units in solve(problem, policy).granted])

    assert np.abs(granted - optimum(problem, policy)).max() < 1e-5


@settings(max_examples=40, deadline=None)
@given(columns(coupled=True), policies(rules=RULES, roundings=["none"]))
def test_shares_of_small_problems_are_the_optimum_under_every_rule(tables, policy):
    tables["requests"]["weight"] = [1 + weight % 30 for weight in tables["requests"]["weight"]]
    try:
        problem = Problem.from_columns(**tables)
    except InputError:
        assume(False)

    granted = np.array([float(units) for units in solve(problem, policy).granted])

    assert np.abs(granted - optimum(problem, policy)).max() < 1e-5


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 6), st.integers(1, 5)), min_size=1, max_size=5), st.integers(0, 20))
def test_packs_by_adams_are_the_fairest_of_all_ways(lines, supply):
    problem = one_sku([asked for asked, _ in lines], supply, weight=[weight for _, weight in lines])
    held = solve(problem, Policy(rounding="adams"), seed=SEED).granted.tolist()
    asked, weight = [asked for asked, _ in lines], [weight for _, weight in lines]

    every = [packs for packs in product(*(range(some + 1) for some in asked)) if sum(packs) == sum(held)]

    assert is_fairest(held, [0] * len(lines), asked, weight)
    for packs in every:  # not one that lifts the smallest share, or stands it beside fewer others
        assert lowest(packs, weight) <= lowest(held, weight)
        if lowest(packs, weight) < lowest(held, weight):
            assert not is_fairest(packs, [0] * len(lines), asked, weight)


def lowest(packs, weight):
    shares = [Fraction(some, w) for some, w in zip(packs, weight, strict=True)]
    return min(shares), -shares.count(min(shares))


def test_only_few_ways_are_looked_through():
    assert can_be_looked_through([0] * 5, [10] * 5, 9)
    assert can_be_looked_through([3] * 5, [3] * 5, 15)
    assert not can_be_looked_through([0] * 12, [10] * 12, 60)
    assert not can_be_looked_through([0, 0], [10**15] * 2, 10**15)


# The command


def prove(published: Published, *words: str):
    folders = (str(published.problem), str(published.result))
    answer = CliRunner().invoke(app, ["verify", *folders, "--prove", *words])
    assert "Traceback" not in answer.output
    return answer


def test_exact_shares_are_proved(tmp_path):
    answer = prove(publish(town(np.random.default_rng(1), 12, 3), Policy(rounding="none"), tmp_path))

    assert answer.exit_code == 0
    assert "grants make the smallest granted/weight, then the next as large as they can be" in answer.stdout
    assert "GLOP / HIGHS agree to" in answer.stdout


def test_of_whole_packs_it_is_said_what_is_proved_and_what_is_not(tmp_path):
    answer = prove(publish(town(np.random.default_rng(2), 12, 3), Policy(), tmp_path))

    assert answer.exit_code == 0
    assert "packs from it on average" in answer.stdout
    assert "what verify itself proves" in answer.stdout


def test_whole_packs_by_adams_are_looked_through(tmp_path):
    answer = prove(publish(one_sku([5, 6, 7, 2], 11), Policy(rounding="adams"), tmp_path))

    assert answer.exit_code == 0
    assert "SKUs looked through: 1; no way to deal out their packs is fairer, up to the draw" in answer.stdout


def test_shares_that_are_not_the_optimum_contradict_the_proof(tmp_path):
    published = publish(one_sku([50, 50], 60), Policy(rounding="none"), tmp_path)
    rows = published.rows()
    rows[0]["granted"], rows[1]["granted"] = "31", "29"
    published.write_rows(rows)
    published.reseal()

    assert prove(published).exit_code == 1  # the check itself finds it before
    found = prove_folders(published.problem, published.result)
    assert not found.holds
    assert [violation.place for violation in found.contradictions] == ["r01, K", "r02, K"]


def test_packs_that_could_be_dealt_out_more_fairly_contradict_the_proof(tmp_path):
    published = publish(one_sku([5, 5], 6), Policy(rounding="adams"), tmp_path)
    rows = published.rows()
    rows[0]["granted"], rows[1]["granted"] = "4", "2"
    published.write_rows(rows)

    found = prove_folders(published.problem, published.result)

    assert [str(violation) for violation in found.contradictions] == [
        "supply:K: its packs can be dealt out more fairly"
    ]


def test_what_hangs_together_in_too_many_lines_is_refused_with_their_number(tmp_path, monkeypatch):
    monkeypatch.setattr(parts, "LINES_MOST", 3)
    published = publish(one_sku([5] * 4, 6), Policy(), tmp_path)

    answer = prove(published)

    assert answer.exit_code == 2
    assert (
        "evenhand: not proved: 4 lines hang together by supplies and limits; "
        "linear programmes prove up to 3 such lines" in answer.stderr
    )
    assert "未证明：有 4 行通过货源和限额相互关联" in prove(published, "--lang", "zh").stderr


def test_small_skus_beside_a_large_one_are_proved_and_the_large_one_named(tmp_path, monkeypatch):
    monkeypatch.setattr(parts, "LINES_MOST", 3)
    problem = Problem.from_columns(
        {"retailer": [*"abcd", *"abc"], "sku": ["large"] * 4 + ["small"] * 3, "requested": [5] * 7},
        {"sku": ["large", "small"], "supply": [6, 7]},
    )

    answer = prove(publish(problem, Policy(rounding="none"), tmp_path))

    assert answer.exit_code == 2
    assert "proved: 3 grants" in answer.stdout
    assert "4 lines hang together" in answer.stderr


def test_many_lines_that_meet_in_little_are_proved(tmp_path):
    names = [f"r{i:04d}" for i in range(600)]
    problem = Problem.from_columns(
        {"retailer": names * 2, "sku": ["x"] * 600 + ["y"] * 600, "requested": [5 + i % 3 for i in range(1200)]},
        {"sku": ["x", "y"], "supply": [9000, 1500]},
    )

    answer = prove(publish(problem, Policy(rounding="none"), tmp_path))

    assert answer.exit_code == 0, answer.stderr
    assert "proved: 1,200 grants" in answer.stdout


def test_what_is_too_large_in_all_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(proof, "LINES_IN_ALL_MOST", 3)

    answer = prove(publish(one_sku([5] * 4, 6), Policy(), tmp_path))

    assert answer.exit_code == 2
    assert "there are 4 lines; linear programmes prove up to 3 in all" in answer.stderr


def test_what_solvers_cannot_tell_apart_is_refused(tmp_path):
    published = publish(one_sku([5] * 2, 6, weight=[1, 10**9]), Policy(), tmp_path)

    with pytest.raises(Unprovable, match="weights or claims that compete are more than 1,000,000 times apart"):
        prove_folders(published.problem, published.result)


@pytest.mark.parametrize("rule", ["proportional", "equal_losses", "talmud"])
def test_weights_refuse_no_rule_that_does_not_look_at_them(rule, tmp_path):
    published = publish(one_sku([5] * 2, 6, weight=[1, 10**9]), Policy(rule=rule, rounding="none"), tmp_path)

    assert prove_folders(published.problem, published.result).holds


def test_weights_far_apart_that_do_not_compete_are_proved(tmp_path):
    problem = Problem.from_columns(
        {
            "retailer": ["a", "b"] * 2,
            "sku": ["x"] * 2 + ["y"] * 2,
            "requested": [5] * 4,
            "weight": [1, 2, 10**9, 10**9],
        },
        {"sku": ["x", "y"], "supply": [6, 7]},
    )
    published = publish(problem, Policy(rounding="none"), tmp_path)

    found = prove_folders(published.problem, published.result)

    assert (found.holds, found.unproved) == (True, ())


def test_engines_that_disagree_are_not_believed(tmp_path, monkeypatch):
    published = publish(one_sku([50, 50], 60), Policy(rounding="none"), tmp_path)
    monkeypatch.setattr(parts, "leximin", lambda _programme, engine: np.full(2, 30.0 + (engine == "HIGHS")))

    with pytest.raises(Unprovable, match="neither is believed"):
        prove_folders(published.problem, published.result)


def test_the_proof_speaks_chinese_and_json(tmp_path):
    published = publish(one_sku([5, 6, 7, 2], 11), Policy(rounding="adams"), tmp_path)

    assert "已逐一检查 1 个品规" in prove(published, "--lang", "zh").stdout
    told = json.loads(prove(published, "--json").stdout)
    assert (told["holds"], told["lines"], told["proof"]["holds"], told["proof"]["unproved"]) == (True, 4, True, [])
    assert any("no way to deal out their packs is fairer" in said for said in told["proof"]["said"])


def test_an_unknown_rule_is_refused(tmp_path):
    published = publish(one_sku([5] * 2, 6), Policy(), tmp_path)
    certificate = json.loads((published.result / "certificate.json").read_bytes())
    certificate["policy"]["rule"] = "first_come"
    published.write_certificate(certificate)

    with pytest.raises(Unprovable, match="first_come"):
        prove_folders(published.problem, published.result)

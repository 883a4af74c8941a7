"""Manual decisions: exactly what two persons decided, the others filled around it, and marked for ever."""

import csv
import json

import pytest
from allocation_problems import ROUNDINGS, RULES, SEED, columns, one_sku, policies
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from allocation import Policy, Problem, explain, solve
from allocation.errors import InputError
from allocation.folders import read_policy, read_problem, read_result, write_problem, write_result
from allocation.hashing.canonical import input_sha256
from allocation.hashing.digests import sha256_of_rows
from allocation.verification import verify, verify_folders

DECISION = {
    "retailer": ["b"],
    "sku": ["K"],
    "granted": [4],
    "reason": ["flood in the shop"],
    "author": ["planner"],
    "approver": ["head of sales"],
}


def problem_with(decision=None, *, requests=None, supply=None, **tables):
    """Three equal lines for 12 units in single packs; b is decided by hand."""
    asked = {"retailer": ["a", "b", "c"], "sku": ["K"] * 3, "requested": [10, 10, 10]} | (requests or {})
    offered = {"sku": ["K"], "supply": [12]} | (supply or {})
    return Problem.from_columns(asked, offered, adjustments=DECISION | (decision or {}), **tables)


def fault(decision=None, **tables):
    with pytest.raises(InputError) as caught:
        problem_with(decision, **tables)
    error = caught.value
    assert "\n" not in str(error)
    return error.table, error.row, error.column, error.value


@pytest.mark.parametrize("rounding", [*ROUNDINGS, "none"])
@pytest.mark.parametrize("rule", [*RULES, "priority"])
@pytest.mark.parametrize("decided", [0, 4, 10])
def test_a_decided_line_gets_exactly_that_and_the_others_share_the_rest(rule, rounding, decided):
    tiers = {"retailer": ["a", "b", "c"], "group:tier": ["1", "2", "1"]}
    problem = problem_with({"granted": [decided]}, retailers=tiers)
    result = solve(problem, Policy(rule=rule, rounding=rounding), seed=SEED)

    a, b, c = result.granted.tolist()
    assert b == decided
    assert (a, c) == ((12 - decided) / 2, (12 - decided) / 2)
    assert result.reason.tolist() == ["supply", "adjusted", "supply"]
    assert result.bound_by.tolist() == ["supply:K", "adjustment", "supply:K"]
    assert result.eligible.tolist() == [10, 10, 10]


def test_what_the_law_promises_a_line_does_not_bind_a_decision():
    requests = {"floor": [0, 6, 0], "minimum": [0, 8, 0]}

    assert solve(problem_with(requests=requests), Policy(), seed=SEED).granted.tolist() == [4, 4, 4]


def test_a_line_that_gets_all_it_may_stays_marked():
    result = solve(problem_with({"granted": [10]}, supply={"supply": [30]}), Policy(), seed=SEED)

    assert result.granted.tolist() == [10, 10, 10]
    assert result.reason.tolist() == ["filled", "adjusted", "filled"]


def test_a_decision_is_filled_around_under_credit_and_quotas():
    problem = Problem.from_columns(
        {"retailer": ["a", "a", "b"], "sku": ["K", "L", "K"], "requested": [10, 10, 10]},
        {"sku": ["K", "L"], "supply": [12, 12], "price_minor": [10, 10]},
        {"retailer": ["a", "b"], "credit_minor": [100, None], "group:region": ["n", "n"]},
        {"group": ["region"], "value": ["n"], "sku": ["K"], "max_units": [11]},
        {**DECISION, "retailer": ["a"], "granted": [7]},
    )
    result = solve(problem, Policy(), seed=SEED)

    assert result.granted.tolist() == [7, 3, 4]
    assert result.bound_by.tolist() == ["adjustment", "credit:a", "quota:region=n:K"]
    exact = solve(problem, Policy(rounding="none"))
    assert exact.granted.tolist() == [7, 3, 4]


@pytest.mark.slow
@settings(max_examples=150, deadline=None)
@given(columns(coupled=True, minimums=True), policies(), st.data())
def test_a_decision_of_what_would_be_anyway_changes_no_quantity(drawn, policy, data):
    # What a line takes in the end has room beside all that the others take, so that it harms nobody to be first.
    drawn["requests"].pop("minimum")
    drawn["requests"].pop("all_or_nothing")
    drawn["supply"].pop("minimum")
    try:
        problem = Problem.from_columns(**drawn)
    except InputError:
        assume(condition=False)
        return
    free = solve(problem, policy)
    line = data.draw(st.integers(0, len(free) - 1))
    decision = DECISION | {
        "retailer": [free.retailer[line]],
        "sku": [free.sku[line]],
        "granted": [int(free.granted[line])],
    }
    fixed = solve(Problem.from_columns(**drawn, adjustments=decision), policy)

    assert fixed.granted.tolist() == free.granted.tolist()
    assert fixed.reason[line] == "adjusted"


@pytest.mark.parametrize(
    ("decision", "column", "value"),
    [
        ({"retailer": ["d"]}, "retailer", "d"),
        ({"retailer": [""]}, "retailer", ""),
        ({"sku": ["Z"]}, "sku", "Z"),
        ({"granted": ["-1"]}, "granted", "-1"),
        ({"granted": ["1.5"]}, "granted", "1.5"),
        ({"granted": [""]}, "granted", ""),
        ({"granted": ["11"]}, "granted", "11"),
        ({"granted": [2**62]}, "granted", str(2**62)),
        ({"reason": [""]}, "reason", ""),
        ({"reason": [" "]}, "reason", " "),
        ({"author": [None]}, "author", None),
        ({"approver": ["\u3000"]}, "approver", "\u3000"),
        ({"approver": ["x\x1b[2J"]}, "approver", "x\x1b[2J"),
        ({"approver": ["planner"]}, "approver", "planner"),
        ({"approver": [" Planner"]}, "approver", " Planner"),
    ],
)
def test_a_faulty_decision_is_named(decision, column, value):
    assert fault(decision) == ("adjustments.csv", 2, column, value)


def test_missing_unknown_and_doubled_are_named():
    twice = {name: cells * 2 for name, cells in DECISION.items()}
    assert fault(twice) == ("adjustments.csv", 3, "sku", "K")
    assert fault({"note": ["x"]}) == ("adjustments.csv", 1, "note", "note")
    with pytest.raises(InputError, match="column approver: it is missing"):
        Problem.from_columns(
            {"retailer": ["b"], "sku": ["K"], "requested": [5]},
            {"sku": ["K"], "supply": [5]},
            adjustments={name: cells for name, cells in DECISION.items() if name != "approver"},
        )


def test_part_of_a_pack_is_refused():
    assert fault({"granted": [5]}, supply={"pack": [2]}) == ("adjustments.csv", 2, "granted", "5")


def test_decisions_and_floors_together_do_not_overdraw():
    both = {name: cells * 2 for name, cells in DECISION.items()} | {"retailer": ["b", "c"], "granted": [9, 4]}
    assert fault(both) == ("adjustments.csv", 3, "granted", "4")
    assert fault({"granted": [9]}, requests={"floor": [4, 0, 0]}) == ("adjustments.csv", 2, "granted", "9")
    with pytest.raises(InputError, match="floors and manual decisions of 13 are above supply:K of 12"):
        problem_with({"granted": [9]}, requests={"floor": [4, 0, 0]})
    assert fault({"granted": [0]}, requests={"floor": [9, 0, 4]})[:3] == ("requests.csv", 4, "floor")


def test_a_floor_of_a_decided_line_counts_no_more():
    result = solve(problem_with({"granted": [3]}, requests={"floor": [9, 9, 0]}), Policy(), seed=SEED)

    assert result.granted.tolist() == [9, 3, 0]


def test_the_decisions_are_part_of_the_hashed_input():
    problem = problem_with()
    rows = [["a", "K", 10, 0, None, 1, 0], ["b", "K", 10, 0, None, 1, 0], ["c", "K", 10, 0, None, 1, 0]]
    decided = ["b", "K", 4, "flood in the shop", "planner", "head of sales"]

    assert input_sha256(problem) == sha256_of_rows(rows, [["K", 12, 1, None, 0]], [], [], [decided])
    assert input_sha256(problem_with({"reason": ["another"]})) != input_sha256(problem)
    empty = problem_with({name: [] for name in DECISION})
    assert input_sha256(empty) == sha256_of_rows(rows, [["K", 12, 1, None, 0]], [], [])


def test_decisions_are_written_with_the_problem_and_read_again(tmp_path):
    problem = problem_with({"reason": ['水灾, "三天"\n停业']})
    write_problem(problem, Policy(seed=SEED), tmp_path / "problem")

    again = read_problem(tmp_path / "problem")

    with (tmp_path / "problem/adjustments.csv").open(newline="", encoding="utf-8") as file:
        assert list(csv.reader(file))[1] == ["b", "K", "4", '水灾, "三天"\n停业', "planner", "head of sales"]
    assert input_sha256(again) == input_sha256(problem)
    result = solve(again, read_policy(tmp_path / "problem/policy.toml"))
    assert result.csv_bytes == solve(problem, Policy(seed=SEED)).csv_bytes


def test_result_report_and_explanation_name_who_decided_and_why(tmp_path):
    decision = {"reason": ["<b>flood</b>\nin the shop"], "author": ["王 planner"]}
    result = solve(problem_with(decision), Policy(), seed=SEED)
    write_result(result, tmp_path / "result")

    stated = json.loads((tmp_path / "result/certificate.json").read_bytes())["adjustments"]
    assert stated == [["b", "K", 4, "<b>flood</b>\nin the shop", "王 planner", "head of sales"]]
    page = (tmp_path / "result/report.html").read_text("utf-8")
    assert "Decided by hand" in page
    assert "人工决定" in page
    assert "&lt;b&gt;flood&lt;/b&gt;" in page
    published = read_result(tmp_path / "result")
    english, chinese = (explain(published, "b", "K", lang).splitlines()[0] for lang in ("en", "zh"))
    assert english == (
        "You asked for 10 of K and got 4: this was decided by hand by 王 planner and approved by head of sales, "
        "because: <b>flood</b> in the shop"
    )
    assert "决定人：王 planner；" in chinese
    assert "批准人：head of sales；" in chinese
    assert "stopped by" not in explain(published, "b", "K")
    assert published.decisions["b", "K"][0] == decision["reason"][0]


@pytest.mark.parametrize("rounding", ["webster", "none"])
def test_the_checker_knows_decisions_and_sees_when_one_is_taken_away(tmp_path, rounding):
    policy = Policy(rounding=rounding, seed=SEED)
    write_problem(problem_with(), policy, tmp_path / "problem")
    result = solve(problem_with(), policy)
    write_result(result, tmp_path / "result")
    assert verify(problem_with(), result).violations == ()
    assert verify_folders(tmp_path / "problem", tmp_path / "result").violations == ()

    (tmp_path / "problem/adjustments.csv").unlink()
    told = [str(violation) for violation in verify_folders(tmp_path / "problem", tmp_path / "result").violations]

    assert any("input_sha256" in text for text in told)
    assert any(text.startswith("certificate.json: adjustments") for text in told)
    assert any(text.startswith("b, K: reason is 'adjusted'") for text in told)


@pytest.mark.slow
@settings(max_examples=60, deadline=None)
@given(columns(coupled=True, minimums=True), policies(roundings=ROUNDINGS), st.data())
def test_what_is_solved_around_decisions_is_verified(tables, policy, data):
    lines = list(zip(tables["requests"]["retailer"], tables["requests"]["sku"], strict=True))
    decided = data.draw(st.lists(st.sampled_from(lines), unique=True, max_size=3))
    texts = {"reason": ["why"] * len(decided), "author": ["a"] * len(decided), "approver": ["b"] * len(decided)}
    granted = data.draw(st.lists(st.sampled_from((0, 2, 12)), min_size=len(decided), max_size=len(decided)))
    names = {"retailer": [r for r, _ in decided], "sku": [s for _, s in decided], "granted": granted}
    try:
        problem = Problem.from_columns(**tables, adjustments=names | texts)
    except InputError:
        assume(False)

    assert verify(problem, solve(problem, policy)).violations == ()


def test_a_result_without_decisions_says_nothing_of_them():
    result = solve(one_sku([1], 1), Policy(), seed=SEED)

    assert "adjustments" not in result.certificate
    assert "adjustments" not in result.report

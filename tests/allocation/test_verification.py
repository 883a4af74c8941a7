"""The checker finds every kind of damage, also where whoever did it has recomputed the hashes."""

import ast
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from published_results import PROOF, publish

import allocation.verification
from allocation import Policy, Problem, folders, solve, verify
from allocation.verification import Unreadable, verify_folders


def make_problem():
    """Twelve shops; BOX is scarce, in boxes of two; CASE has a minimum; PEN is ample but for one shop's credit."""
    shops = [f"shop{i:02d}" for i in range(12)]
    lines = [(shop, sku) for shop in shops for sku in ("BOX", "CASE", "PEN")]
    return Problem.from_columns(
        {
            "retailer": [shop for shop, _ in lines],
            "sku": [sku for _, sku in lines],
            "requested": [{"BOX": 9 + i % 5, "CASE": 10, "PEN": 3}[sku] for i, (_, sku) in enumerate(lines)],
            "floor": [2 if line == ("shop03", "BOX") else 0 for line in lines],
            "cap": [2 if line == ("shop04", "BOX") else None for line in lines],
            "weight": [1 + i % 4 for i, _ in enumerate(lines)],
        },
        {
            "sku": ["BOX", "CASE", "PEN"],
            "supply": [51, 40, 99],
            "pack": [2, 1, 1],
            "price_minor": [0, 0, 100],
            "minimum": [0, 6, 0],
        },
        {"retailer": shops, "credit_minor": [200 if shop == "shop05" else None for shop in shops]},
    )


@pytest.fixture
def published(tmp_path):
    return publish(make_problem(), Policy(), tmp_path)


def row_of(rows, retailer, sku):
    return next(row for row in rows if (row["retailer"], row["sku"]) == (retailer, sku))


def short(rows, sku="BOX", reason=("supply", "lottery")):
    return [row for row in rows if row["sku"] == sku and row["reason"] in reason]


def set_units(row, units):
    row["granted"] = str(units)


def test_an_untouched_result_holds(published):
    verdict = verify_folders(published.problem, published.result)

    assert verdict.violations == ()
    assert verdict.holds
    assert verdict.lines == 36


def one_pack_moved(rows):
    giver, taker = short(rows)[:2]
    set_units(giver, int(giver["granted"]) - 2)
    set_units(taker, int(taker["granted"]) + 2)
    return giver["retailer"]


def one_pack_added(rows):
    row = short(rows)[0]
    set_units(row, int(row["granted"]) + 2)
    return "supply:BOX"


def one_pack_removed(rows):
    row = next(row for row in short(rows) if row["granted"] != "0")
    set_units(row, int(row["granted"]) - 2)
    return row["retailer"]


def a_part_pack(rows):
    row = short(rows)[0]
    set_units(row, int(row["granted"]) + 1)
    return row["retailer"]


def more_than_asked(rows):
    row = row_of(rows, "shop01", "PEN")
    set_units(row, 4)
    return "shop01"


def two_lines_swapped(rows):
    a, b = next(
        (a, b)
        for a in short(rows)
        for b in short(rows)
        if a["granted"] < b["granted"] and a["eligible"] >= b["granted"]
    )
    a["granted"], b["granted"] = b["granted"], a["granted"]
    return a["retailer"]


def a_share_altered(rows):
    row = short(rows)[0]
    row["share"] = row["share"] + "1"
    return row["retailer"]


def a_reason_altered(rows):
    row = short(rows, reason=("supply",))[0]
    row["reason"] = "lottery"
    return row["retailer"]


def a_constraint_altered(rows):
    row = short(rows)[0]
    row["bound_by"] = "supply:PEN"
    return row["retailer"]


def a_request_altered(rows):
    row_of(rows, "shop00", "PEN")["requested"] = "30"
    return "shop00"


def an_eligible_altered(rows):
    row_of(rows, "shop00", "BOX")["eligible"] = "4"
    return "shop00"


def a_row_dropped(rows):
    return rows.pop(5)["retailer"]


def a_row_doubled(rows):
    rows.insert(5, dict(rows[5]))
    return rows[5]["retailer"]


def a_row_invented(rows):
    rows.append(dict(rows[-1]) | {"retailer": "shop99"})
    return "shop99"


def the_rows_in_another_order(rows):
    rows.reverse()
    return "shop11"


def less_than_the_minimum(rows):
    row = next(row for row in rows if row["sku"] == "CASE" and int(row["granted"]) >= 6)
    set_units(row, 5)
    return row["retailer"]


def another_line_chosen_for_its_minimum(rows):
    left_out = next(row for row in rows if row["sku"] == "CASE" and row["granted"] == "0" and row["reason"] == "supply")
    chosen = next(row for row in rows if row["sku"] == "CASE" and row["granted"] in ("6", "7"))
    left_out["granted"], chosen["granted"] = chosen["granted"], "0"
    return left_out["retailer"]


DAMAGES = [
    one_pack_moved,
    one_pack_added,
    one_pack_removed,
    a_part_pack,
    more_than_asked,
    two_lines_swapped,
    a_share_altered,
    a_reason_altered,
    a_constraint_altered,
    a_request_altered,
    an_eligible_altered,
    a_row_dropped,
    a_row_doubled,
    a_row_invented,
    the_rows_in_another_order,
    less_than_the_minimum,
    another_line_chosen_for_its_minimum,
]


@pytest.mark.parametrize("resealed", [False, True], ids=["as it is", "hashes recomputed"])
@pytest.mark.parametrize("damage", DAMAGES, ids=lambda damage: damage.__name__)
def test_damage_to_the_rows_is_found_and_named(published, damage, resealed):
    rows = published.rows()
    named = damage(rows)
    published.write_rows(rows)
    if resealed:
        published.reseal()

    verdict = verify_folders(published.problem, published.result)

    assert not verdict.holds
    assert any(named in violation.place for violation in verdict.violations), verdict.violations
    assert_said_in_both_languages(verdict)


def assert_said_in_both_languages(verdict):
    """Sentences, and no data structures: every finding has its Chinese, and prints no Python."""
    for violation in verdict.violations:
        english, chinese = violation.said("en"), violation.said("zh")
        assert str(violation) == english
        assert re.search("[一-鿿]", chinese)
        assert not re.search(r"[{}]|None|Fraction\(|array\(", english + chinese), english


def changed(certificate, *path, value):
    inner = certificate
    for key in path[:-1]:
        inner = inner[key]
    inner[path[-1]] = value


@pytest.mark.parametrize("resealed", [False, True], ids=["as it is", "hashes recomputed"])
@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("seed",), "ab" * 32),
        (("policy", "rounding"), "adams"),
        (("policy", "rule"), "proportional"),
        (("policy", "rule"), "first_come"),
        (("input_sha256",), "00" * 32),
        (("lines",), 35),
        (("format",), "another"),
        (("thresholds", "BOX", "level"), "1/3"),
        (("thresholds", "BOX", "tie"), "00" * 32),
        (("thresholds",), {}),
        (("levels",), {"supply:BOX": {"tier": 0, "phase": 0, "level": "1"}}),
        (("minimums",), {}),
        (("minimums", "before"), [["shop00", "CASE", 1]]),
        (("minimums", "before"), [["nobody", "CASE", 1]]),
        (("seed_proof", "secret"), "00" * 32),
        (("seed_proof", "commitment"), "00" * 32),
        (("seed_proof", "root"), "00" * 32),
        (("seed_proof", "root"), "no digits"),
    ],
)
def test_an_edited_certificate_is_found(published, path, value, resealed):
    certificate = published.certificate()
    changed(certificate, *path, value=value)
    published.write_certificate(certificate)
    if resealed:
        published.reseal()

    verdict = verify_folders(published.problem, published.result)
    assert not verdict.holds
    assert_said_in_both_languages(verdict)


def test_other_weights_than_those_published_with_the_book_are_found(published):
    certificate = published.certificate()
    certificate["seed_proof"]["weights_sha256"] = "ab" * 32
    published.write_certificate(certificate)
    published.reseal()

    (violation,) = verify_folders(published.problem, published.result).violations
    assert "the weights' published hash" in str(violation)


@pytest.mark.parametrize("name", ["allocation.csv", "certificate.json", "report.json", "report.html"])
def test_one_byte_changed_anywhere_is_found(published, name):
    content = bytearray((published.result / name).read_bytes())
    position = len(content) // 2
    while chr(content[position]) not in "0123456789":
        position += 1
    content[position] ^= 1
    (published.result / name).write_bytes(content)

    assert not verify_folders(published.problem, published.result).holds


def test_white_space_in_the_certificate_is_found(published):
    with (published.result / "certificate.json").open("a") as file:
        file.write("\n")

    assert not verify_folders(published.problem, published.result).holds


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        ("requests.csv", "shop00,PEN,3", "shop00,PEN,4"),
        ("requests.csv", "shop00,PEN,3", "shop0X,PEN,3"),
        ("supply.csv", "51", "53"),
        ("policy.toml", "webster", "adams"),
        ("policy.toml", "webster", "none"),
        ("policy.toml", PROOF.seed.hex(), "00" * 32),
    ],
)
def test_an_input_changed_afterwards_is_found(published, file, old, new):
    text = (published.problem / file).read_text()
    assert old in text
    (published.problem / file).write_text(text.replace(old, new))
    if new == "shop0X,PEN,3":  # a retailer that the table of retailers does not know
        with pytest.raises(Unreadable):
            verify_folders(published.problem, published.result)
        return

    assert not verify_folders(published.problem, published.result).holds


def test_a_result_verifies_beside_its_own_policy_only(published):
    (published.problem / "policy.toml").unlink()

    verdict = verify_folders(published.problem, published.result)

    (violation,) = verdict.violations
    assert str(violation) == (
        f"certificate.json: the result was made with seed = {PROOF.seed.hex()[:12]}…,"
        " and policy.toml beside the problem does not say so"
    )


@pytest.mark.parametrize("name", ["allocation.csv", "certificate.json", "report.json", "report.html"])
def test_a_missing_file_is_unreadable(published, name):
    (published.result / name).unlink()

    with pytest.raises(Unreadable, match=name):
        verify_folders(published.problem, published.result)


@pytest.mark.parametrize(
    ("name", "content"),
    [("certificate.json", b"{"), ("certificate.json", b"[]"), ("../problem/requests.csv", b"\xff\xfe")],
)
def test_what_cannot_be_read_is_said_to_be_unreadable(published, name, content):
    (published.result / name).write_bytes(content)

    with pytest.raises(Unreadable):
        verify_folders(published.problem, published.result)


@pytest.mark.parametrize("content", [b"", b"\xff", b"retailer,sku\n", b'retailer,"sku\n'])
def test_rows_that_are_no_rows_are_a_violation(published, content):
    (published.result / "allocation.csv").write_bytes(content)

    assert not verify_folders(published.problem, published.result).holds


def test_exact_fractions_are_checked_too(tmp_path):
    problem = Problem.from_columns(
        {"retailer": ["a", "b", "c"], "sku": ["K"] * 3, "requested": [5, 5, 1], "weight": [1, 2, 1]},
        {"sku": ["K"], "supply": [7]},
    )
    published = publish(problem, Policy(rounding="none"), tmp_path)
    assert verify_folders(published.problem, published.result).violations == ()
    rows = published.rows()
    assert [row["granted"] for row in rows] == ["2", "4", "1"]

    rows[0]["granted"], rows[1]["granted"] = "2.5", "3.5"
    published.write_rows(rows)
    published.reseal()
    assert not verify_folders(published.problem, published.result).holds

    certificate = published.certificate()
    certificate["levels"]["supply:K"]["level"] = "19/10"
    published.write_certificate(certificate)
    published.reseal()
    assert not verify_folders(published.problem, published.result).holds


def test_a_wrong_but_feasible_filling_under_credit_is_found():
    problem = Problem.from_columns(
        {"retailer": ["a", "a", "b"], "sku": ["x", "y", "x"], "requested": [5, 5, 5]},
        {"sku": ["x", "y"], "supply": [9, 9], "price_minor": [2, 3]},
        {"retailer": ["a", "b"], "credit_minor": [10, None]},
    )
    result = solve(problem, Policy(seed="00" * 32))
    assert result.granted.tolist() == [2, 2, 5]
    assert verify(problem, result).holds

    wrong = replace(result, granted=np.array([5, 0, 4]))

    assert any("a, y" in violation.place for violation in verify(problem, wrong).violations)


def test_a_carry_of_a_thousandth_below_nothing_is_a_number_and_another_minus_one_is_none(tmp_path):
    problem = Problem.from_columns(
        {"retailer": ["a", "b", "c"], "sku": ["K"] * 3, "requested": [5, 5, 5], "carry": [-1, 0, 1]},
        {"sku": ["K"], "supply": [7]},
    )
    policy = Policy(seed="ab" * 32)
    folders.write_problem(problem, policy, tmp_path / "problem")
    folders.write_result(solve(problem, policy), tmp_path / "result")
    assert verify_folders(tmp_path / "problem", tmp_path / "result").holds

    requests = tmp_path / "problem" / "requests.csv"
    requests.write_text(requests.read_text().replace("a,K,5", "a,K,-1"))
    with pytest.raises(Unreadable, match="'-1' is not a number"):
        verify_folders(tmp_path / "problem", tmp_path / "result")


def test_the_checker_imports_no_solver():
    code = (
        "import sys; from allocation.verification import verify_folders;"
        "print([m for m in sys.modules if m.split('.')[0] in ('ortools', 'numba', 'scipy')])"
    )
    printed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert printed.stdout.strip() == "[]"


def test_the_checker_shares_no_code_with_the_solvers():
    shared = {"allocation.compiled", "allocation.limits", "allocation.problem", "allocation.result"}
    for path in Path(allocation.verification.__file__).parent.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and node.module and node.module.split(".")[0] == "allocation":
                own = node.module.startswith("allocation.verification")
                assert own or node.module in shared, f"{path.name} imports {node.module}"

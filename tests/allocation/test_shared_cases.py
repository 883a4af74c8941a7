"""The cases that outsiders keep beside the project, where they are at hand."""

import csv
import json
import shutil
from pathlib import Path

import pytest

from allocation import Policy, solve
from allocation.errors import InputError
from allocation.folders import read_policy, read_problem, write_result
from allocation.verification import verify_folders

CASES = Path(__file__).parents[3] / "shared" / "cases"
pytestmark = pytest.mark.skipif(not CASES.is_dir(), reason="the shared cases are not beside this checkout")


def solved(folder, **policy):
    stated = read_policy(folder / "policy.toml").as_dict() | policy
    return solve(read_problem(folder), Policy(**stated))


def expected(folder):
    with (folder / "expected.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@pytest.mark.parametrize(
    ("case", "answer"),
    [
        ("C03-boxes", "C03-boxes"),
        ("C05-fifteen-stores/supply-6", "C05-fifteen-stores/supply-6"),
        ("C05-fifteen-stores/supply-30", "C05-fifteen-stores/supply-30"),
        ("C06-row-order/as-entered", "C06-row-order"),
        ("C06-row-order/largest-first", "C06-row-order"),
        ("C06-row-order/smallest-first", "C06-row-order"),
        ("C09-first-column/plain", "C09-first-column"),
        ("C09-first-column/bom", "C09-first-column"),
        ("C09-first-column/crlf", "C09-first-column"),
        ("C10-identifiers", "C10-identifiers"),
    ],
)
def test_a_case_gives_its_expected_answer_and_verifies(case, answer, tmp_path):
    result = solved(CASES / case)
    rows = {row.retailer: vars(row) for row in result.rows()}

    wanted = expected(CASES / answer)
    assert len(wanted) == len(rows)
    for row in wanted:
        assert {column: rows[row["retailer"]][column] for column in row} == row
    write_result(result, tmp_path / "result")
    assert verify_folders(CASES / case, tmp_path / "result").violations == ()


@pytest.mark.parametrize("rounding", ["adams", "dean", "huntington_hill", "webster", "jefferson"])
def test_very_unequal_claims_under_five_roundings(rounding):
    granted = solved(CASES / "C07-very-unequal", rounding=rounding).granted.tolist()

    assert granted == [int(row[rounding]) for row in expected(CASES / "C07-very-unequal")]


@pytest.mark.parametrize(
    "cases",
    [
        [f"C06-row-order/{order}" for order in ("as-entered", "largest-first", "smallest-first")],
        [f"C09-first-column/{form}" for form in ("plain", "bom", "crlf")],
    ],
)
def test_one_problem_has_one_hash(cases):
    hashes = {
        json.dumps([solved(CASES / case).certificate[k] for k in ("input_sha256", "result_sha256")]) for case in cases
    }

    assert len(hashes) == 1


def test_eight_shops_share_ten_apples():
    rows = list(solved(CASES / "C08-equal-claims" / "eight-as-requests").rows())

    assert [(row.granted, row.reason) for row in rows[4:]] == [("1", "filled")] * 4
    assert sorted(row.granted for row in rows[:4]) == ["1", "1", "2", "2"]
    assert {row.reason for row in rows[:4] if row.granted == "1"} == {"lottery"}


@pytest.mark.parametrize(
    ("case", "said"),
    [
        ("C08-equal-claims/eight-as-floors", "floors of 15 are above supply:APPLE of 10"),
        ("C09-first-column/semicolon", "semicolons were found where commas are expected"),
        ("C09-first-column/utf16", "UTF-16"),
    ],
)
def test_a_case_to_be_refused_is_refused(case, said):
    with pytest.raises(InputError, match=said):
        read_problem(CASES / case)


def test_the_chinese_list(tmp_path):
    for form in ("utf8", "gbk"):
        folder = tmp_path / form
        folder.mkdir()
        for name in ("requests.csv", "supply.csv", "policy.toml"):
            shutil.copy(CASES / "C11-chinese-list" / name, folder / name)
        shutil.copy(CASES / "C11-chinese-list" / f"retailers_{form}.csv", folder / "retailers.csv")

    assert solved(tmp_path / "utf8").granted.tolist() == [3, 3, 3, 3]
    with pytest.raises(InputError, match="not UTF-8"):
        read_problem(tmp_path / "gbk")

"""The made-up national book: seeded, sound, the same in both forms, and small where it is wanted small."""

import numpy as np
import pytest
from typer.testing import CliRunner

from allocation import solve, verify
from allocation.errors import InputError
from allocation.folders import POLICY_FILE, read_policy, read_problem
from allocation.hashing.canonical import input_sha256
from allocation.national import Book, parts, write_national
from evenhand.cli import app


def test_the_same_seed_gives_the_same_book_in_either_form(tmp_path):
    hashes = []
    for number, (seed, parquet) in enumerate(((3, True), (3, False), (4, True))):
        write_national(Book(60, 4, 10, seed), tmp_path / str(number), parquet=parquet)
        hashes.append(input_sha256(read_problem(tmp_path / str(number))))

    assert hashes[0] == hashes[1] != hashes[2]


def test_a_book_is_scarce_skewed_and_solved(tmp_path):
    write_national(Book(400, 20, 50), tmp_path / "book")
    problem = read_problem(tmp_path / "book")

    result = solve(problem, read_policy(tmp_path / "book" / POLICY_FILE))

    assert verify(problem, result).holds
    assert len(problem) == 8_000
    assert set(result.reason) >= {"filled", "supply", "lottery"}
    assert 15 <= sum(sku["short_lines"] > 0 for sku in result.report["skus"]) <= 35
    weights = np.sort(problem.retailers.weight)
    assert weights[0] == 1
    assert weights[-1] > 20
    assert np.median(weights) < 10
    assert len(result.report["groups"]["region"]) > 20


def test_parts_follow_each_other_without_a_gap(monkeypatch):
    monkeypatch.setattr("allocation.national._RETAILERS_AT_A_TIME", 7)
    some = list(parts(Book(20, 3, 11)))

    retailer = np.concatenate([part.retailer for part in some])
    sku = np.concatenate([part.sku for part in some])
    assert retailer.tolist() == np.repeat(np.arange(20), 3).tolist()
    assert (np.diff(sku.reshape(20, 3), axis=1) > 0).all()
    assert sku.max() < 11


@pytest.mark.parametrize("book", [(0, 1, 1, 1), (1, 0, 1, 1), (1, 2, 1, 1), (1, 1, 1, -1)])
def test_a_book_that_cannot_be_is_refused(book):
    with pytest.raises(InputError):
        Book(*book)


def test_the_command_writes_a_book_and_refuses_to_overwrite(tmp_path):
    words = ["sample", "national", "--out", str(tmp_path / "book"), "--retailers", "30", "--skus", "40"]

    made = CliRunner().invoke(app, [*words, "--format", "csv"])
    again = CliRunner().invoke(app, words)

    assert (made.exit_code, again.exit_code) == (0, 2)
    assert "600 lines of 30 retailers for 40 SKUs" in made.output
    assert sorted(path.name for path in (tmp_path / "book").iterdir()) == [
        "policy.toml",
        "requests.csv",
        "retailers.csv",
        "supply.csv",
    ]

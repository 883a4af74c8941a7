"""Bad input is refused with file, row, column and value, exit 2, nothing written; strange but valid input is read."""

import csv

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from evenhand.cli import app

SOUND = {
    "requests": {"retailer": ["a", "b"], "sku": ["K", "K"], "requested": [5, 7]},
    "supply": {"sku": ["K"], "supply": [9]},
}
TOP = 2**62 - 1


def write(folder, tables, form, policy):
    folder.mkdir()
    for name, columns in tables.items():
        if form == "csv":
            with (folder / f"{name}.csv").open("w", encoding="utf-8", newline="") as file:
                writer = csv.writer(file)
                writer.writerow(columns)
                writer.writerows(zip(*columns.values(), strict=True))
        else:
            # A column that holds a text is one of texts, as an export writes it.
            arrays = {
                column: pa.array([None if c is None else str(c) for c in cells] if _has_text(cells) else cells)
                for column, cells in columns.items()
            }
            pq.write_table(pa.table(arrays), folder / f"{name}.parquet")
    (folder / "policy.toml").write_text(f'seed = "{"2a" * 32}"\n' if policy is None else policy)


def _has_text(cells):
    return any(isinstance(cell, str) for cell in cells)


def allocate(tmp_path, tables, form, policy=None):
    """Return the exit code, what was said, and the rows of the result, None where there is none."""
    write(tmp_path / "problem", tables, form, policy)
    words = ["allocate", str(tmp_path / "problem"), "--out", str(tmp_path / "result")]
    done = CliRunner().invoke(app, words)
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(
        ["problem", "result"] if done.exit_code == 0 else ["problem"]
    )
    if done.exit_code:
        return done.exit_code, done.stderr, None
    with (tmp_path / "result" / "allocation.csv").open(encoding="utf-8", newline="") as file:
        return 0, "", list(csv.reader(file))[1:]


def changed(table, column, *cells):
    tables = {name: dict(columns) for name, columns in SOUND.items()}
    tables.setdefault(table, {"retailer": ["a", "b"]})[column] = list(cells)
    return tables


@pytest.mark.parametrize("form", ["csv", "parquet"])
@pytest.mark.parametrize(
    ("table", "column", "cells", "row", "value"),
    [
        ("requests", "sku", ("K", "Z"), 3, "Z"),
        ("retailers", "retailer", ("a", "c"), 3, "b"),
        ("requests", "retailer", ("a", "a"), 3, "K"),
        ("supply", "sku", ("K", "K"), 3, "K"),
        ("requests", "requested", (5, -7), 3, "-7"),
        ("requests", "requested", ("5", "1.5"), 3, "1.5"),
        ("requests", "requested", ("5", "NaN"), 3, "NaN"),
        ("requests", "requested", ("5", ""), 3, ""),
        ("requests", "requested", ("5", "many"), 3, "many"),
        ("requests", "requested", ("5", str(2**62)), 3, str(2**62)),
        ("requests", "requested", (5, 2**62), 3, str(2**62)),
        ("supply", "supply", (str(2**70),), 2, str(2**70)),
        ("supply", "pack", (0,), 2, "0"),
        ("requests", "weight", (0, 1), 2, "0"),
        ("requests", "weight", (1, 10**9 + 1), 3, str(10**9 + 1)),
        ("retailers", "weight", (1, 0), 3, "0"),
        ("requests", "floor", (5, 5), 3, "5"),
        ("supply", "reserve", (10,), 2, "10"),
        ("requests", "carry", (0, 1001), 3, "1001"),
        ("requests", "colour", ("red", "blue"), 1, "colour"),
    ],
)
def test_a_fault_is_refused_in_either_form(tmp_path, form, table, column, cells, row, value):
    tables = changed(table, column, *cells)
    if (table, column) == ("supply", "sku"):
        tables["supply"]["supply"] = [9, 9]

    code, said, _ = allocate(tmp_path, tables, form)

    assert code == 2
    at = {("retailers", "retailer"): ("requests", "retailer"), ("requests", "retailer"): ("requests", "sku")}
    where, called = at.get((table, column), (table, column))
    assert said.startswith(f'evenhand: {where}.{form}, row {row}, column {called}, value "{value}": ')
    assert said.count("\n") == 1


@pytest.mark.parametrize("form", ["csv", "parquet"])
def test_a_missing_column_is_refused_in_either_form(tmp_path, form):
    tables = {**SOUND, "requests": {"retailer": ["a"], "sku": ["K"]}}

    code, said, _ = allocate(tmp_path, tables, form)

    assert (code, f"requests.{form}, row 1, column requested" in said) == (2, True)


@pytest.mark.parametrize(
    ("policy", "column", "value"),
    [
        ('rule = "best"\n', "rule", "best"),
        ('seed = "not hexadecimal"\n', "seed", "not hexadecimal"),
        ('rounding = "up"\n', "rounding", "up"),
        ('colour = "red"\n', "colour", "red"),
    ],
)
def test_a_fault_of_the_policy_is_refused(tmp_path, policy, column, value):
    code, said, _ = allocate(tmp_path, SOUND, "csv", policy)

    assert (code, f'policy.toml, column {column}, value "{value}"' in said) == (2, True)


@pytest.mark.parametrize("form", ["csv", "parquet"])
@pytest.mark.parametrize(
    ("requests", "supply", "rows"),
    [
        ({"retailer": [], "sku": [], "requested": []}, 9, []),
        (
            {"retailer": ["a"], "sku": ["K"], "requested": [5]},
            0,
            [["a", "K", "5", "5", "0", "0", "supply", "supply:K"]],
        ),
        ({"retailer": ["a"], "sku": ["K"], "requested": [0]}, 9, [["a", "K", "0", "0", "0", "0", "filled", ""]]),
        (
            {"retailer": ["007", "7"], "sku": ["K", "K"], "requested": ["1", "0002"]},
            9,
            [["007", "K", "1", "1", "1", "1", "filled", ""], ["7", "K", "2", "2", "2", "2", "filled", ""]],
        ),
        (
            {"retailer": ["７", "甲店"], "sku": ["K", "K"], "requested": [1, 2]},
            9,
            [["甲店", "K", "2", "2", "2", "2", "filled", ""], ["７", "K", "1", "1", "1", "1", "filled", ""]],
        ),
        (
            {"retailer": ["a"], "sku": ["K"], "requested": [TOP], "weight": [10**9]},
            TOP,
            [["a", "K", str(TOP), str(TOP), str(TOP), "4611686018.427387903", "filled", ""]],
        ),
    ],
)
def test_strange_but_valid_input_is_read_in_either_form(tmp_path, form, requests, supply, rows):
    tables = {"requests": requests, "supply": {"sku": ["K"], "supply": [supply]}}
    if form == "parquet" and not requests["retailer"]:
        tables["requests"] = {name: pa.array([], pa.string()) for name in requests}

    assert allocate(tmp_path, tables, form) == (0, "", rows)


@pytest.mark.parametrize("form", ["csv", "parquet"])
def test_products_beyond_64_bits_are_exact_in_either_form(tmp_path, form):
    requests = {"retailer": ["a", "b"], "sku": ["K", "K"], "requested": [TOP, TOP], "weight": [10**9, 1]}
    tables = {"requests": requests, "supply": {"sku": ["K"], "supply": [TOP]}}

    _, _, rows = allocate(tmp_path, tables, form)

    granted = [int(row[4]) for row in rows]
    assert sum(granted) == TOP
    assert granted[1] == round(TOP / (10**9 + 1))

"""The same bytes on any number of threads, in any order of the rows, under any hash seed, from CSV or Parquet, with or
without numba.
"""

import os
import random
import subprocess
import sys

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
import pytest
from allocation_problems import SEED

SHOPS = 700

SOLVE = """
import os, sys
from contextlib import nullcontext
from pathlib import Path
threads, numba, problem, out = int(sys.argv[1]), sys.argv[2], Path(sys.argv[3]), Path(sys.argv[4])
os.cpu_count = lambda: threads
from allocation import Policy, compiled, solve
from allocation.folders import read_policy, read_problem, write_result
compiled.WORTH_COMPILING_LINES = 0
with nullcontext() if numba == "on" else compiled.without():
    write_result(solve(read_problem(problem), read_policy(problem / "policy.toml")), out)
"""


def write(folder, *, shuffled=False, parquet=False, rule="max_min"):
    """Write a problem of three SKUs by themselves and two that meet in credit, quotas and decisions by hand."""
    draw = random.Random(11)  # noqa: S311 - a problem, no secret
    names = [f"门店 {i:04d}" for i in range(SHOPS)]
    skus = ("a", "b", "c", "dear", "short")
    requests = [
        {"retailer": name, "sku": sku, "requested": draw.randint(0, 90), "floor": draw.choice((0, 0, 0, 2))}
        for name in names
        for sku in skus
        if draw.random() < 0.9
    ]
    retailers = [
        {
            "retailer": name,
            "weight": draw.choice((1, 2, 5, 50)),
            "credit_minor": draw.choice(("", 900, 3000)),
            "group:region": draw.choice("ns"),
            "group:tier": draw.choice("123"),
        }
        for name in names
    ]
    supply = [
        {"sku": sku, "supply": 5_000 + 700 * i, "pack": 1 + i, "price_minor": 1 + 20 * i} for i, sku in enumerate(skus)
    ]
    quotas = [{"group": "region", "value": value, "sku": "short", "max_units": 2_000} for value in "ns"]
    line = {name: requests[5][name] for name in ("retailer", "sku")}
    decided = [line | {"granted": 0, "reason": "moved", "author": "x", "approver": "y"}]
    tables = {
        "requests": requests,
        "retailers": retailers,
        "supply": supply,
        "quotas": quotas,
        "adjustments": decided,
    }
    folder.mkdir()
    for name, rows in tables.items():
        if shuffled:
            draw.shuffle(rows)
        columns = {
            column: [None if row[column] == "" else row[column] for row in rows]
            for column in (list(rows[0])[::-1] if shuffled else rows[0])
        }
        table = pa.table(columns)
        if parquet:
            pq.write_table(table, folder / f"{name}.parquet")
        else:
            pyarrow.csv.write_csv(table, folder / f"{name}.csv")
    (folder / "policy.toml").write_text(f'rule = "{rule}"\nseed = "{SEED}"\n')
    return folder


@pytest.mark.slow
@pytest.mark.system
@pytest.mark.parametrize("rule", ["max_min", "talmud", "priority"])
def test_every_way_gives_the_same_bytes(tmp_path, rule):
    contents = []
    for number, (threads, numba, hash_seed, given) in enumerate(
        (
            (1, "on", "0", {}),
            (2, "on", "4242", {"parquet": True}),
            (2, "off", "7", {"shuffled": True}),
            (1, "off", "random", {"shuffled": True, "parquet": True}),
        )
    ):
        problem, out = write(tmp_path / f"problem{number}", rule=rule, **given), tmp_path / f"result{number}"
        words = [sys.executable, "-c", SOLVE, str(threads), numba, str(problem), str(out)]
        subprocess.run(words, check=True, env=os.environ | {"PYTHONHASHSEED": hash_seed})
        contents.append({path.name: path.read_bytes() for path in sorted(out.iterdir())})

    assert contents[0]["allocation.csv"].count(b"\n") > 3_000
    for other in contents[1:]:
        assert other == contents[0]

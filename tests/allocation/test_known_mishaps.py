"""Mishaps that were reported elsewhere, retold with small inputs of our own (boxes, percentages and unequal claimants
are among the classical answers, encodings among the folders).
"""

from itertools import permutations

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from allocation_problems import SEED, one_sku

from allocation import Policy, solve
from allocation.errors import InputError
from allocation.folders import read_problem

LOOK_ALIKES = ["00123", "123", "0123", "1E3", "1000", "1e3", "NA", "null", "None", "TRUE", "0x1F", "31", "2.50", "2.5"]
LOOK_ALIKES += ["-0", "0", "2028-01-05", "５", "inf", "#N/A", "nan", "+1"]


def write(folder, **files):
    folder.mkdir()
    (folder / "policy.toml").write_text(f'seed = "{SEED}"\n')
    for name, content in files.items():
        (folder / f"{name}.csv").write_bytes(content if isinstance(content, bytes) else content.encode())
    return folder


def test_whoever_stands_first_in_the_list_gains_nothing_by_it():
    shops = {"north": 7, "east": 5, "south": 7, "west": 3}
    results = set()
    for order in permutations(shops):
        problem = one_sku([40] * 4, 45, retailer=list(order), weight=[shops[name] for name in order])
        result = solve(problem, Policy(), seed=SEED)
        results.add((result.certificate["input_sha256"], result.certificate["result_sha256"], result.csv_bytes))

    assert len(results) == 1


def test_equal_claims_end_at_once_and_the_small_ones_are_filled():
    result = solve(one_sku([5, 3, 2, 2, 1, 1, 1], 10), Policy(), seed=SEED)
    got = result.granted.tolist()

    assert got[4:] == [1, 1, 1]
    assert sorted(got[:4]) == [1, 2, 2, 2]
    assert [row.reason for row in result.rows()].count("lottery") == 1


def test_boxes_are_never_decimal():
    result = solve(one_sku([60, 13], 61, sku={"pack": 12}), Policy(), seed=SEED)

    assert [(row.requested, row.eligible, row.granted) for row in result.rows()] == [
        ("60", "60", "48"),
        ("13", "12", "12"),
    ]


def test_identifiers_that_look_like_numbers_keep_every_character(tmp_path):
    requests = "".join(f"{name},007,{number}\n" for number, name in enumerate(LOOK_ALIKES, start=1))
    folder = write(tmp_path / "csv", requests="retailer,sku,requested\n" + requests, supply="sku,supply\n007,999\n")
    from_csv = solve(read_problem(folder), Policy(), seed=SEED)

    assert {row.retailer: row.granted for row in from_csv.rows()} == {
        name: str(number) for number, name in enumerate(LOOK_ALIKES, start=1)
    }
    assert set(from_csv.reason) == {"filled"}

    parquet = write(tmp_path / "parquet", supply="sku,supply\n007,999\n")
    table = {"retailer": LOOK_ALIKES, "sku": ["007"] * len(LOOK_ALIKES), "requested": range(1, len(LOOK_ALIKES) + 1)}
    pq.write_table(pa.table({name: list(column) for name, column in table.items()}), parquet / "requests.parquet")
    assert solve(read_problem(parquet), Policy(), seed=SEED).csv_bytes == from_csv.csv_bytes


def test_a_list_from_a_chinese_spreadsheet_is_read_as_utf8_and_refused_as_gbk(tmp_path):
    table = "retailer,group:店名,weight\r\nS1,东喆小卖部,3\r\nS2,镕记烟酒店,1\r\n"
    tables = {"requests": "retailer,sku,requested\nS1,K,2\nS2,K,2\n", "supply": "sku,supply\nK,4\n"}
    utf8 = write(tmp_path / "utf8", retailers=table.encode("utf-8-sig"), **tables)
    gbk = write(tmp_path / "gbk", retailers=table.encode("gbk"), **tables)

    assert solve(read_problem(utf8), Policy(), seed=SEED).granted.tolist() == [2, 2]
    with pytest.raises(InputError) as caught:
        read_problem(gbk)
    assert str(caught.value).startswith("retailers.csv, row 1, column 2, value ")
    assert "not UTF-8 from byte 16 of this row; it looks like GBK" in str(caught.value)
    assert 'save it again as "CSV UTF-8' in str(caught.value)

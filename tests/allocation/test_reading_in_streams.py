"""The quick reader and the reader that knows every form see the same cells, and name the same faults."""

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from allocation_problems import SEED
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from allocation import Policy, solve
from allocation.errors import InputError
from allocation.folders import read_problem
from allocation.tables import files as table_files
from allocation.tables.files import read_table
from allocation.tables.plain_csv import look_through
from allocation.tables.texts import Coded

HEADER = "retailer,sku,requested\n"
GOOD = "r1,K,5\nr2,K,07\nr3,L,12\n"


@pytest.fixture(params=["quick", "strict"])
def reader(request, monkeypatch):
    monkeypatch.setattr(table_files, "QUICK_FROM_BYTES", 0 if request.param == "quick" else 2**62)
    return request.param


def cells(table):
    return {name: list(map(str, column)) for name, column in table.columns.items()}


def folder_of(tmp_path, requests):
    tmp_path.mkdir(exist_ok=True)
    (tmp_path / "requests.csv").write_bytes(requests if isinstance(requests, bytes) else requests.encode())
    (tmp_path / "supply.csv").write_text("sku,supply\nK,10\nL,5\n")
    return tmp_path


def both(path, monkeypatch):
    seen = []
    for least in (0, 2**62):
        monkeypatch.setattr(table_files, "QUICK_FROM_BYTES", least)
        try:
            table = read_table(path)
            seen.append((cells(table), [table.row(i) for i in range(len(table))]))
        except InputError as error:
            seen.append(str(error))
    return seen


@pytest.mark.parametrize(
    "content",
    [
        HEADER + GOOD,
        HEADER,
        HEADER.rstrip(),
        (HEADER + GOOD).rstrip(),
        (HEADER + GOOD).replace("\n", "\r\n"),
        "\ufeff" + HEADER + GOOD,
        HEADER + "曾记烟酒商行,００１,5\n",
        HEADER + "r1,K,\n,K,5\n",
        HEADER + "r1,K, 5\nr2,K,0x10\nr3,K,-4\nr4,K,+4\nr5,K,NaN\nr6,NULL,1e3\n",
        HEADER + "r1,K,5\n\nr2,K,5\n",
        HEADER + "\nr1,K,5\n",
        HEADER + "r1,K,5\nr2,K,5\n\n",
        HEADER + "r1,K,5\r\n\r\nr2,K,5\r\n",
        HEADER + "r1,K,5\rr2,K,5\n",
        HEADER + "r1,K,5\r",
        HEADER + '"r,1",K,5\n"r\n2",K,5\n"say ""so""",K,5\n',
        '"retailer","sku","requested"\n"r,1","K","5"\r\n"r\n2","K","6"\n"r3","K",""\n',
        '"retailer\n",sku\n"r1",K\n',
        HEADER + '"r1",K,5\n"r""2",K,5\n',
        HEADER + 'r"1,K,5\n',
        HEADER + '"r1"x,K,5\n',
        HEADER + "r1,K\n",
        HEADER + "r1,K,5,6\n",
        HEADER + "r1;K;5\n",
        "retailer;sku;requested\nr1;K;5\n",
        "retailer,sku,sku\nr1,K,5\n",
        "\n" + HEADER,
        "",
        "retailer\nr1\nr2\n",
        HEADER + "r1,K,5\x00\n",
        HEADER + "r1,K," + "9" * 30 + "\n",
    ],
)
def test_both_readers_see_the_same(tmp_path, monkeypatch, content):
    path = tmp_path / "requests.csv"
    path.write_bytes(content.encode())

    quick, strict = both(path, monkeypatch)

    assert quick == strict


@pytest.mark.parametrize(
    "content",
    [HEADER.encode() + "商行,K,5\n".encode("gbk"), (HEADER + GOOD).encode("utf-16"), HEADER.encode() + b"r\xff,K,5\n"],
)
def test_another_encoding_is_named_by_both(tmp_path, monkeypatch, content):
    path = tmp_path / "requests.csv"
    path.write_bytes(content)

    quick, strict = both(path, monkeypatch)

    assert quick == strict
    assert "UTF-8" in quick


@pytest.mark.slow
@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text(st.sampled_from('a1,"\n\r 的\ufeff'), max_size=30), st.sampled_from(("a,b\n", "a\n", "requested,b\r\n")))
def test_whatever_a_file_holds_both_readers_agree(tmp_path, monkeypatch, body, header):
    path = tmp_path / "some.csv"
    path.write_bytes((header + body).encode())

    quick, strict = both(path, monkeypatch)

    assert quick == strict


def test_a_plain_file_is_recognised_across_pieces(tmp_path, monkeypatch):
    monkeypatch.setattr("allocation.tables.plain_csv._PIECE_BYTES", 3)
    path = tmp_path / "some.csv"
    for content, plain in (
        ("a,b\r\n1,2\r\n", True),
        ("a,的\n1,2\n", True),
        ('"ab","c"\r\n"1,2","say\nso"\n"","的"', True),
        ('a"b,c\n', False),
        ('"ab"c,d\n', False),
        ('"ab""c",d\n', False),
        ('"ab', False),
        ("ab\n\n1\n", False),
        ("ab\r1\n", False),
        ("abcd\r", False),
        ("a\r\n\r\n", False),
    ):
        path.write_bytes(content.encode())
        assert (look_through(path) is not None) is plain, content


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ("r9,K,-5", 'requests.csv, row 5, column requested, value "-5": negative'),
        ("r9,K,1.5", 'requests.csv, row 5, column requested, value "1.5": a fraction'),
        ('r9,K,"1,000"', 'requests.csv, row 5, column requested, value "1,000": separators between digits'),
        ("r9,K,NaN", 'requests.csv, row 5, column requested, value "NaN": not a whole number'),
        ("r9,K,", 'requests.csv, row 5, column requested, value "": a number is needed'),
        ("r9,K, 5", 'requests.csv, row 5, column requested, value " 5": not a whole number'),
        ("r9,K,4611686018427387904", "too large"),
        ("r9,Z,5", 'requests.csv, row 5, column sku, value "Z": unknown sku'),
        ("r1,K,5", 'requests.csv, row 5, column sku, value "K": the same retailer and SKU a second time'),
        (" r9,K,5", 'requests.csv, row 5, column retailer, value " r9": blanks around the name'),
        (",K,5", 'requests.csv, row 5, column retailer, value "": a name is needed'),
        ("r\u200b9,K,5", "requests.csv, row 5, column retailer"),
        ("r9,K", 'requests.csv, row 5, value "r9,K": 2 fields where the header has 3'),
    ],
)
def test_a_fault_is_named_in_the_same_words_by_both(tmp_path, reader, row, said):
    with pytest.raises(InputError) as caught:
        read_problem(folder_of(tmp_path, HEADER + GOOD + row + "\n"))

    assert said in str(caught.value)


def test_strange_but_valid_files_give_the_same_answer(tmp_path, reader):
    bodies = (
        HEADER + GOOD,
        "\ufeff" + (HEADER + GOOD).replace("\n", "\r\n"),
        HEADER + "r1,K,5\n\nr2,K,07\nr3,L,12\n\n",
        HEADER + '"r1","K",5\nr2,K,"7"\nr3,L,12\n',
        "sku,requested,retailer\nL,12,r3\nK,7,r2\nK,5,r1\n",
    )
    answers = {
        solve(read_problem(folder_of(tmp_path / str(i), body)), Policy(), seed=SEED).csv_bytes
        for i, body in enumerate(bodies)
    }

    assert len(answers) == 1


def test_columns_of_numbers_stay_numbers_and_names_stay_names(tmp_path, reader):
    path = tmp_path / "requests.csv"
    path.write_text("retailer,sku,requested\n" + "".join(f"{i:04d},K,{i}\n" for i in range(1, 500)))

    table = read_table(path)

    assert isinstance(table.columns["retailer"], Coded)
    assert table.names("retailer")[0] == "0001"
    assert table.numbers("requested").tolist() == list(range(1, 500))
    if reader == "quick":
        assert isinstance(table.columns["requested"], np.ndarray)


def test_progress_counts_bytes_up_to_the_size(tmp_path, reader):
    folder = folder_of(tmp_path, HEADER + "".join(f"r{i},K,1\n" for i in range(30_000)))
    told = []

    read_problem(folder, lambda name, done, size: told.append((name, done, size)))

    mine = [done for name, done, _ in told if name == "requests.csv"]
    assert mine == sorted(mine)
    assert mine[-1] == (folder / "requests.csv").stat().st_size


def test_parquet_is_read_in_batches(tmp_path, monkeypatch):
    monkeypatch.setattr("allocation.tables.parquet._LINES_AT_A_TIME", 2)
    caps = [None, 4, None, 3, None]
    table = {
        "retailer": [f"r{i}" for i in range(5)],
        "sku": ["K", "L", "K", "L", "K"],
        "requested": [5] * 5,
        "cap": caps,
    }
    pq.write_table(pa.table(table), tmp_path / "requests.parquet")
    pq.write_table(pa.table({"sku": ["K", "L"], "supply": pa.array([9, 9], pa.uint8())}), tmp_path / "supply.parquet")

    problem = read_problem(tmp_path)

    assert problem.lines.eligible.tolist() == [5, 4, 5, 3, 5]
    assert problem.names(3) == ("L", "r3")

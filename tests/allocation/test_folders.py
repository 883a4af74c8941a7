"""Problem and result folders: what spreadsheets write, what is read, and that results are whole or absent."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from allocation_problems import SEED, columns, one_sku
from hypothesis import HealthCheck, assume, given, settings

from allocation import Policy, Problem, folders, solve, whole_folders
from allocation.errors import InputError
from allocation.folders import read_policy, read_problem, read_result, write_problem, write_result
from allocation.hashing.canonical import input_sha256

REQUESTS = "retailer,sku,requested\r\nR1,GRAPE,7\r\nR2,GRAPE,2\r\nR3,GRAPE,5\r\n"
SUPPLY = "sku,supply\nGRAPE,10\n"


@pytest.fixture
def folder(tmp_path):
    path = tmp_path / "problem"
    path.mkdir()
    (path / "requests.csv").write_text(REQUESTS, newline="")
    (path / "supply.csv").write_text(SUPPLY)
    return path


def units(folder):
    return solve(read_problem(folder), Policy(), seed=SEED).granted.tolist()


def refusal(folder):
    with pytest.raises(InputError) as caught:
        read_problem(folder)
    return str(caught.value)


@pytest.mark.parametrize(
    "content",
    [
        REQUESTS.encode(),
        REQUESTS.encode("utf-8-sig"),
        REQUESTS.replace("\r\n", "\n").encode(),
        REQUESTS.rstrip().encode(),
        b'"retailer","sku","requested"\n"R1","GRAPE","7"\n"R2","GRAPE","2"\n"R3","GRAPE","5"\n',
        b"requested,sku,retailer\n7,GRAPE,R1\n\n2,GRAPE,R2\n5,GRAPE,R3\n\n",
    ],
    ids=["crlf", "byte order mark", "lf", "no end of line", "quoted", "other order, empty lines"],
)
def test_the_same_problem_in_many_forms_has_one_hash(folder, content):
    wanted = input_sha256(read_problem(folder))
    (folder / "requests.csv").write_bytes(content)

    assert units(folder) == [4, 2, 4]
    assert input_sha256(read_problem(folder)) == wanted


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (REQUESTS.replace(",", ";").encode(), "semicolons were found where commas are expected"),
        (REQUESTS.replace(",", "\t").encode(), "tabs were found where commas are expected"),
        (REQUESTS.encode("utf-16"), "row 1: this is UTF-16, not UTF-8; save it again as"),
        (REQUESTS.encode("utf-16-le"), "this is UTF-16"),
        (
            REQUESTS.replace("R2", "喆记").encode("gbk"),
            'row 3, column 1, value "\\x86\\xb4\\xbc\\xc7": not UTF-8 from byte 1',
        ),
        (REQUESTS.replace("R2", "喆记").encode("gbk"), "looks like GBK"),
        (b"", "row 1: empty"),
        (b"retailer,sku,requested\nR1,GRAPE\n", 'row 2, value "R1,GRAPE": 2 fields where the header has 3'),
        (b"retailer,sku,requested\n\nR1,GRAPE,1,1\n", "row 3"),
        (b'retailer,sku,requested\nR1,"GRAPE"x,1\n', "row 2: not readable as CSV"),
        (b"retailer,sku,requested,sku\n", 'row 1, column sku, value "sku": the same column a second time'),
        (b"retailer,sku,requested\n\nR1,GRAPE,-1\n", 'row 3, column requested, value "-1": negative'),
    ],
)
def test_what_is_wrong_with_a_file_is_said_in_one_line(folder, content, said):
    (folder / "requests.csv").write_bytes(content)

    text = refusal(folder)

    assert text.startswith("requests.csv, row ")
    assert said in text
    assert "\n" not in text


def test_rows_count_records_also_where_a_field_holds_a_line_break(folder):
    (folder / "retailers.csv").write_text('retailer,group:street\nR1,"Long\nRoad"\nR2,x\nR2,y\n')

    assert refusal(folder).startswith('retailers.csv, row 4, column retailer, value "R2"')


@pytest.mark.parametrize("missing", ["requests", "supply"])
def test_a_missing_table_is_named(folder, missing):
    (folder / f"{missing}.csv").unlink()

    assert refusal(folder).startswith(f"{missing}.csv: missing from ")


def test_a_missing_folder_is_named(tmp_path):
    assert "no such folder" in refusal(tmp_path / "nowhere")


def test_other_files_are_left_alone(folder):
    (folder / "expected.csv").write_text("whatever")

    assert units(folder) == [4, 2, 4]


def write_parquet(folder, name, table):
    (folder / f"{name}.csv").unlink(missing_ok=True)
    pq.write_table(pa.table(table), folder / f"{name}.parquet")


def test_parquet_gives_the_same_as_csv(folder):
    from_csv = solve(read_problem(folder), Policy(), seed=SEED)
    names = pa.array(["R1", "R2", "R3"]).dictionary_encode()
    write_parquet(folder, "requests", {"retailer": names, "sku": ["GRAPE"] * 3, "requested": ["7", "2", "5"]})
    write_parquet(folder, "supply", {"sku": ["GRAPE"], "supply": pa.array([10], pa.uint16())})

    from_parquet = solve(read_problem(folder), Policy(), seed=SEED)

    assert from_parquet.csv_bytes == from_csv.csv_bytes
    assert from_parquet.certificate == from_csv.certificate


@pytest.mark.parametrize(
    ("requests", "said"),
    [
        ({"retailer": [1, 2], "sku": ["GRAPE"] * 2, "requested": [1, 1]}, 'column retailer, value "1": not text'),
        ({"retailer": ["a", "b"], "sku": ["GRAPE"] * 2, "requested": [1.0, 1.5]}, 'column requested, value "1"'),
        (
            {"retailer": ["a", None], "sku": ["GRAPE"] * 2, "requested": [1, 1]},
            "row 3, column retailer: a name is needed",
        ),
        ({"retailer": ["a", "b"], "sku": ["GRAPE"] * 2, "requested": [1, None]}, "row 3, column requested: a number"),
        ({"retailer": ["a", "b"], "sku": ["GRAPE"] * 2, "requested": [1, -7]}, 'row 3, column requested, value "-7"'),
    ],
)
def test_parquet_columns_of_another_kind_are_refused(folder, requests, said):
    write_parquet(folder, "requests", requests)

    assert said in refusal(folder)


def test_a_file_that_only_calls_itself_parquet_is_refused(folder):
    (folder / "supply.csv").unlink()
    (folder / "supply.parquet").write_bytes(b"PAR1")

    assert refusal(folder).startswith("supply.parquet: not readable as Parquet")


def test_one_table_in_two_forms_is_refused(folder):
    pq.write_table(pa.table({"sku": ["GRAPE"], "supply": [10]}), folder / "supply.parquet")

    assert "keep one of the two" in refusal(folder)


def test_a_policy_is_read_with_its_byte_order_mark_and_its_faults_are_named(tmp_path):
    path = tmp_path / "policy.toml"
    path.write_bytes(b'\xef\xbb\xbfrule = "talmud"\r\nrounding = "none"\r\n')
    assert read_policy(path) == Policy(rule="talmud", rounding="none")

    path.write_text("rule = talmud\n")
    with pytest.raises(InputError, match=r"policy.toml: not a policy: .*line 1"):
        read_policy(path)


@pytest.mark.slow
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(columns(coupled=True, minimums=True, bundles=True))
def test_a_problem_survives_being_written_and_read(tmp_path, drawn):
    try:
        problem = Problem.from_columns(**drawn)
    except InputError:
        assume(condition=False)
    place = tmp_path / os.urandom(8).hex()
    write_problem(problem, Policy(seed=SEED), place)

    again = read_problem(place)

    assert input_sha256(again) == input_sha256(problem)
    assert solve(again, Policy(seed=SEED)).csv_bytes == solve(problem, Policy(seed=SEED)).csv_bytes


def test_a_result_is_read_as_it_was_written(tmp_path):
    result = solve(one_sku([5, 5], 7, weight=[3, 7]), Policy(), seed=SEED)
    write_result(result, tmp_path / "result")

    again = read_result(tmp_path / "result")

    assert again.csv_bytes == result.csv_bytes
    assert again.report == result.report
    assert {**again.certificate, **result.certificate} == again.certificate


def test_names_with_commas_and_quotes_are_quoted(tmp_path):
    names = ["a,b", 'say "so"', "曾记烟酒商行", "００１"]
    result = solve(one_sku([1, 2, 3, 4], 10, retailer=names), Policy(), seed=SEED)
    write_result(result, tmp_path / "result")

    lines = (tmp_path / "result" / "allocation.csv").read_bytes().decode().split("\n")

    assert lines[1:] == [
        '"a,b",K,1,1,1,1,filled,',
        '"say ""so""",K,2,2,2,2,filled,',
        "曾记烟酒商行,K,3,3,3,3,filled,",
        "００１,K,4,4,4,4,filled,",
        "",
    ]


def test_shares_are_cut_after_twelve_decimals():
    result = solve(one_sku([2, 1, 7, 999_999_999], 10**10, weight=[3, 8, 7, 10**9]), Policy(), seed=SEED)

    assert result.share.tolist() == ["0.666666666666", "0.125", "1", "0.999999999"]


def test_an_earlier_result_is_replaced_and_anything_else_left_alone(tmp_path):
    result = solve(one_sku([5, 5], 7), Policy(), seed=SEED)
    out = tmp_path / "some" / "result"
    write_result(result, out)
    write_result(solve(one_sku([5, 5], 8), Policy(), seed=SEED), out)
    assert json.loads((out / "report.json").read_bytes())["totals"]["granted"] == 8

    (out / "notes.txt").write_text("mine")
    with pytest.raises(InputError, match="something else stands there"):
        write_result(result, out)
    assert json.loads((out / "report.json").read_bytes())["totals"]["granted"] == 8
    assert sorted(path.name for path in out.parent.iterdir()) == ["result"]


def test_a_full_disk_leaves_nothing_behind_and_the_earlier_result_in_place(tmp_path, monkeypatch):
    result, out = solve(one_sku([5, 5], 7), Policy(), seed=SEED), tmp_path / "result"
    write_result(result, out)
    before = {path.name: path.read_bytes() for path in out.iterdir()}

    def full(_handle):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(whole_folders.os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        write_result(result, out)
    with pytest.raises(OSError, match="No space"):
        write_result(result, tmp_path / "other")

    assert {path.name: path.read_bytes() for path in out.iterdir()} == before
    assert [path.name for path in tmp_path.iterdir()] == ["result"]


def test_a_rename_that_fails_brings_the_earlier_result_back(tmp_path, monkeypatch):
    result, out = solve(one_sku([5, 5], 7), Policy(), seed=SEED), tmp_path / "result"
    write_result(result, out)
    rename = Path.rename

    def fails_for_new(self, target):
        if self.name == "new":
            raise OSError(5, "Input/output error")
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", fails_for_new)
    with pytest.raises(OSError, match="Input/output"):
        write_result(result, out)

    assert sorted(path.name for path in out.iterdir()) == sorted(folders.RESULT_FILES)


@pytest.mark.slow
def test_the_bytes_do_not_depend_on_the_hash_seed(tmp_path):
    code = (
        "import sys; from pathlib import Path; from allocation import Policy, Problem, solve;"
        "from allocation.folders import write_result;"
        "n = 60; names = [f'r{i:02d}' for i in range(n)];"
        "p = Problem.from_columns({'retailer': names * 2, 'sku': ['K'] * n + ['L'] * n, 'requested': [9] * (2 * n),"
        " 'minimum': [0] * n + [4] * n}, {'sku': ['K', 'L'], 'supply': [200, 100], 'price_minor': [3, 2]},"
        " {'retailer': names, 'credit_minor': [20 + i for i in range(n)], 'group:tier': ['1', '2'] * 30});"
        "write_result(solve(p, Policy(rule='priority'), seed='2a' * 32), Path(sys.argv[1]))"
    )
    contents = []
    for hash_seed in ("0", "4242"):
        out = tmp_path / hash_seed
        subprocess.run([sys.executable, "-c", code, out], check=True, env={**os.environ, "PYTHONHASHSEED": hash_seed})
        contents.append({path.name: path.read_bytes() for path in out.iterdir()})

    assert contents[0] == contents[1]


def test_hashing_and_writing_say_how_far_they_are(tmp_path, monkeypatch):
    monkeypatch.setattr("allocation.hashing.line_bytes.STRETCH_LINES", 2)
    told = []

    result = solve(one_sku([5, 5, 5], 7), Policy(), seed=SEED, progress=lambda *step: told.append(step))
    write_result(result, tmp_path / "result", lambda *step: told.append(step))

    assert told == [("hashing", 2, 3), ("hashing", 3, 3), ("writing", 2, 3), ("writing", 3, 3)]

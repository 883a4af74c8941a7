"""From a ledger to a history: whole periods, returns, gaps, ranges; and nine years of a real ledger, scored."""

import csv
from datetime import date
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from real_books import PANEL
from typer.testing import CliRunner

from allocation.errors import InputError
from allocation.scoring.checking import verify_scores
from allocation.scoring.ledger import Named, read_ledger, write_history
from allocation.scoring.scores import COLUMNS as HEADING
from evenhand.score_command import app

LINES = [
    ("2027-01-03", "b", "x", 99),  # a Sunday: its week is not whole
    ("2027-01-04", "b", "x", 5),
    ("2027-01-10", "b", "y", 1),
    ("2027-01-12", "a", "x", 4),
    ("2027-01-12", "b", "x", -2),
    ("2027-01-19", "a", "y", 3),
    ("2027-01-24", "a", "y", 3),
    ("2027-01-26", "a", "y", 50),  # a Tuesday: its week goes on
]


def rows(path):
    with path.open(newline="") as file:
        return list(csv.reader(file))[1:]


@pytest.fixture
def ledger(tmp_path):
    path = tmp_path / "ledger.csv"
    path.write_text("date,retailer,sku,units,note\n" + "".join(f"{','.join(map(str, line))},-\n" for line in LINES))
    return path


def test_weeks_are_whole_gaps_are_zero_and_returns_are_negative(ledger, tmp_path):
    span = write_history(read_ledger(ledger, Named()), tmp_path / "out")

    assert span == (date(2027, 1, 4), date(2027, 1, 25))
    assert rows(tmp_path / "out" / "history.csv") == [
        ["a", "2027-01-11", "4"],
        ["a", "2027-01-18", "6"],
        ["b", "2027-01-04", "6"],
        ["b", "2027-01-11", "-2"],
        ["b", "2027-01-18", "0"],
    ]
    assert rows(tmp_path / "out" / "assortment.csv") == [
        ["a", "2027-01-11", "1", "1"],
        ["a", "2027-01-18", "1", "1"],
        ["b", "2027-01-04", "2", "2"],
        ["b", "2027-01-11", "1", "0"],
        ["b", "2027-01-18", "1", "0"],
    ]


def test_parquet_with_dates_and_numbers_says_the_same(ledger, tmp_path):
    columns = dict(zip(("date", "retailer", "sku", "units"), map(list, zip(*LINES, strict=True)), strict=True))
    columns["date"] = [date.fromisoformat(day) for day in columns["date"]]
    pq.write_table(pa.table(columns), tmp_path / "ledger.parquet")
    one, other = tmp_path / "one", tmp_path / "other"

    write_history(read_ledger(ledger, Named()), one)
    write_history(read_ledger(tmp_path / "ledger.parquet", Named()), other)

    assert {p.name: p.read_bytes() for p in one.iterdir()} == {p.name: p.read_bytes() for p in other.iterdir()}


def test_months_go_over_the_end_of_a_year(tmp_path):
    path = tmp_path / "ledger.csv"
    days = ("2026-11-01", "2026-12-31", "2027-01-05", "2027-02-28")
    path.write_text("date,retailer,sku,units\n" + "".join(f"{day},a,x,1\n" for day in days))

    assert write_history(read_ledger(path, Named()), tmp_path / "out", "month") == (date(2026, 11, 1), date(2027, 3, 1))
    assert [row[1:] for row in rows(tmp_path / "out" / "history.csv")] == [
        ["2026-11-01", "1"],
        ["2026-12-01", "1"],
        ["2027-01-01", "1"],
        ["2027-02-01", "1"],
    ]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("date,retailer,sku\n2027-01-04,a,x\n", "column units: it is missing"),
        ("date,retailer,sku,units\n2027-01-32,a,x,1\n", "row 2, column date"),
        ("date,retailer,sku,units\n2027-01-04,a,x,1.5\n", "row 2, column units"),
        ("date,retailer,sku,units\n2027-01-04,,x,1\n", "row 2, column retailer"),
        ("date,retailer,sku,units\n2027-01-05,a,x,1\n", "no whole week between 2027-01-05 and 2027-01-06"),
        ("date,retailer,sku,units\n", "no lines"),
    ],
)
def test_a_faulty_ledger_is_refused_and_nothing_written(tmp_path, content, said):
    path = tmp_path / "ledger.csv"
    path.write_text(content)

    answer = CliRunner().invoke(app, ["history-of", str(path), "--out", str(tmp_path / "out")])

    assert answer.exit_code == 2
    assert said in answer.stderr
    assert not (tmp_path / "out").exists()


def test_columns_of_another_kind_are_refused(tmp_path):
    pq.write_table(pa.table({"date": [1.5], "retailer": ["a"], "sku": ["x"], "units": [1]}), tmp_path / "l.parquet")
    (tmp_path / "no.parquet").write_text("no")

    with pytest.raises(InputError, match="column date: a column of type double"):
        read_ledger(tmp_path / "l.parquet", Named())
    with pytest.raises(InputError, match="not readable as Parquet"):
        read_ledger(tmp_path / "no.parquet", Named())


@pytest.mark.slow
def test_the_last_whole_period_stands_for_another_and_all_before_it_move_as_far(ledger, tmp_path):
    lines = read_ledger(ledger, Named())
    assert write_history(lines, tmp_path / "moved", last=date(2028, 3, 6)) == (date(2028, 2, 21), date(2028, 3, 13))
    write_history(lines, tmp_path / "as it is")
    moved, as_it_is = (rows(tmp_path / name / "history.csv") for name in ("moved", "as it is"))
    assert [(row[0], row[2]) for row in moved] == [(row[0], row[2]) for row in as_it_is]
    assert {row[1] for row in moved} == {"2028-02-21", "2028-02-28", "2028-03-06"}


@pytest.mark.parametrize(("period", "last"), [("week", date(2028, 3, 7)), ("month", date(2028, 3, 2))])
def test_a_day_that_begins_no_period_is_refused_as_the_last(ledger, tmp_path, period, last):
    lines = [*LINES, ("2027-03-01", "a", "x", 1)]
    ledger.write_text("date,retailer,sku,units\n" + "".join(f"{','.join(map(str, line))}\n" for line in lines))
    with pytest.raises(InputError, match="no first day of a"):
        write_history(read_ledger(ledger, Named()), tmp_path / "moved", period, last=last)


@pytest.mark.skipif(not PANEL.is_file(), reason="the real ledger is not beside the checkout")
def test_nine_years_of_a_real_ledger_are_scored_year_after_year(tmp_path):
    def run(*words):
        answer = CliRunner().invoke(app, list(map(str, words)), catch_exceptions=False)
        assert answer.exit_code == 0, answer.output
        return answer.stdout

    columns = ("--retailer", "store", "--sku", "item", "--units", "bottles")
    assert run("history-of", PANEL, "--out", tmp_path / "panel", *columns).startswith("396,813 lines of 38 retailers")
    previous = ()
    for year in range(2014, 2021):
        out = tmp_path / str(year)
        run("score", tmp_path / "panel", "--out", out, "--as-of", f"{year}-12-28", *previous)
        before = Path(previous[1]) if previous else None
        assert verify_scores(tmp_path / "panel", out, before).holds
        previous = ("--previous", out)

    last = [dict(zip(HEADING, row, strict=True)) for row in rows(tmp_path / "2020" / "scores.csv")]
    before = [dict(zip(HEADING, row, strict=True)) for row in rows(tmp_path / "2019" / "scores.csv")]
    assert [row["previous_tier"] for row in last] == [row["earned_tier"] for row in before]
    assert max(abs(int(row["earned_tier"]) - int(row["previous_tier"])) for row in last) <= 2
    most = max(last, key=lambda row: float(row["score"]))
    assert float(most["score"]) > 700
    # What came later was not looked at.
    cut = tmp_path / "cut"
    cut.mkdir()
    for path in (tmp_path / "panel").iterdir():
        head, *figures = path.read_text().splitlines(keepends=True)
        early = [row for row in figures if path.name == "retailers.csv" or row.split(",")[1] < "2016-12-28"]
        (cut / path.name).write_text("".join([head, *early]))
    run("score", cut, "--out", tmp_path / "early", "--as-of", "2016-12-28", "--previous", tmp_path / "2015")
    assert (tmp_path / "early" / "scores.csv").read_bytes() == (tmp_path / "2016" / "scores.csv").read_bytes()

"""``evenhand forecast``: what it writes, what it refuses, and that a run that was stopped goes on."""

import csv
import re
from itertools import pairwise

import numpy as np
import pytest
from demand_series import seasonal, sporadic
from typer.testing import CliRunner

from allocation.forecasting import Frequency, forecast, forecasting, read_history
from allocation.forecasting.calendar import built_in_calendar
from allocation.forecasting.fitting import Fits
from allocation.forecasting.places import Here, in_processes
from allocation.forecasting.writing import write_forecasts
from evenhand.forecast_command import app

pytestmark = pytest.mark.slow

MONTHS = [f"{2018 + month // 12}-{month % 12 + 1:02d}-01" for month in range(60)]


def run(*words):
    return CliRunner().invoke(app, list(map(str, words)), catch_exceptions=False)


@pytest.fixture
def demand(tmp_path):
    path = tmp_path / "demand.csv"
    series = {f"shop {i}": seasonal(36 + i, seed=i) for i in range(4)} | {"part, small": sporadic(40)}
    rows = [(name, MONTHS[at], value) for name, values in series.items() for at, value in enumerate(values.tolist())]
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([("series", "period", "value"), *rows])
    return path


@pytest.fixture
def out(tmp_path):
    return tmp_path / "out" / "f.csv"


def rows_of(path):
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def test_as_many_rows_a_series_as_are_asked_for_sorted_and_in_order(demand, out):
    done = run(demand, "--freq", "M", "--horizon", 5, "--out", out)

    assert done.exit_code == 0
    assert re.match(r"5 series, 5 periods each; written to .*f\.csv\nread in ", done.stdout)
    rows = rows_of(out)
    assert list(rows[0]) == ["series", "period", "mean", "lo80", "hi80"]
    assert len(rows) == 25
    keys = [(row["series"], row["period"]) for row in rows]
    assert all(one < other for one, other in pairwise(keys))
    assert keys[0] == ("part, small", "2021-05-01")
    for row in rows:
        low, mean, high = (float(row[column]) for column in ("lo80", "mean", "hi80"))
        assert 0 <= low <= mean <= high < np.inf


def test_the_same_bytes_again_and_nothing_else_beside_them(demand, out):
    run(demand, "--freq", "M", "--horizon", 5, "--out", out)
    first = out.read_bytes()
    run(demand, "--freq", "M", "--horizon", 5, "--out", out, "--quiet")

    assert out.read_bytes() == first
    assert [path.name for path in out.parent.iterdir()] == ["f.csv"]


def test_a_backtest_adds_errors_beside_seasonal_naive(demand, out):
    assert run(demand, "--freq", "M", "--horizon", 5, "--out", out, "--backtest", "--quiet").stdout == ""

    rows = rows_of(out)
    assert list(rows[0])[5:] == ["tested_periods", "error", "seasonal_naive_error"]
    assert {row["tested_periods"] for row in rows} == {"10"}
    assert all(float(row["error"]) > 0 and float(row["seasonal_naive_error"]) > 0 for row in rows)


def test_what_was_read_otherwise_than_it_stands_is_told(tmp_path, out):
    path = tmp_path / "demand.csv"
    path.write_text("series,period,value\na,2024-01-01,3\na,2024-02-01,-1\na,2024-04-01,4\n")
    done = run(path, "--freq", "M", "--horizon", 1, "--out", out)

    assert "1 value below 0: no demand" in done.stdout
    assert "1 period without a row: no demand" in done.stdout


@pytest.mark.parametrize(
    ("content", "words", "says"),
    [
        ("series,period,value\na,2024-01-01,x\n", (), 'demand.csv, row 2, column value, value "x": not a number'),
        ("series,period,value\na,2024-01-05,1\n", (), "demand.csv, row 2, column period"),
        ("series;period;value\n", (), "semicolons"),
        (None, (), "demand.csv: cannot be read: No such file"),
        ("series,period,value\na,2024-01-01,1\n", ("--holidays", "none.csv"), "none.csv: cannot be read"),
    ],
)
def test_what_cannot_be_used_is_refused_in_one_line_and_nothing_is_written(tmp_path, out, content, words, says):
    path = tmp_path / "demand.csv"
    if content is not None:
        path.write_text(content)
    refused = run(path, "--freq", "M", "--horizon", 2, "--out", out, *words)

    assert refused.exit_code == 2
    assert refused.stdout == ""
    assert refused.stderr.count("\n") == 1
    assert says in refused.stderr
    assert not out.parent.exists()


def test_a_folder_in_the_place_of_the_file_is_refused_before_anything_is_done(demand, out):
    out.mkdir(parents=True)
    refused = run(demand, "--freq", "M", "--horizon", 2, "--out", out)

    assert refused.exit_code == 2
    assert "a folder stands there" in refused.stderr
    assert list(out.iterdir()) == []


def test_a_file_that_cannot_be_finished_leaves_the_earlier_one(demand, out, monkeypatch):
    history, _ = read_history(demand, Frequency.MONTHLY)
    found = forecast(history, 2)
    write_forecasts(found, out)
    before = out.read_bytes()

    def full(*_words):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("allocation.forecasting.writing.os.fsync", full)
    with pytest.raises(OSError, match="No space left"):
        write_forecasts(forecast(history, 3), out)

    assert out.read_bytes() == before
    assert [path.name for path in out.parent.iterdir()] == ["f.csv"]


class Stopped(BaseException):
    """The process is told to stop."""


@pytest.mark.slow
def test_one_process_or_two_or_one_that_was_stopped_halfway_write_the_same_bytes(demand, tmp_path, monkeypatch):
    monkeypatch.setattr(forecasting, "STRETCH", 2)
    history, _ = read_history(demand, Frequency.MONTHLY)
    calendar = built_in_calendar()

    def written(places, name, told=lambda *_words: None):
        write_forecasts(forecast(history, 4, holidays=calendar, places=places, progress=told), tmp_path / name)
        return (tmp_path / name).read_bytes()

    def stop(stage, done, _all):
        if stage == "models" and done >= 4:
            raise Stopped

    here = written(Here(), "here.csv")
    with in_processes(2, tmp_path / "two.csv", history, 4, calendar) as places:
        assert written(places, "two.csv") == here

    with pytest.raises(Stopped), in_processes(1, tmp_path / "one.csv", history, 4, calendar) as places:
        written(places, "one.csv", stop)
    assert not (tmp_path / "one.csv").exists()
    (kept,) = tmp_path.glob(".one.csv.*.parts")
    finished = {path.name: path.stat().st_mtime_ns for path in kept.glob("*.npz")}
    assert len(finished) >= 14  # four stages of three stretches, and two of the fits
    (kept / "half.1.part").write_bytes(b"PK half a file")

    with in_processes(1, tmp_path / "one.csv", history, 4, calendar) as places:
        fits = places.each("models", _never, Fits, [], lambda _done: None)
        assert len(fits) == 0
        assert written(places, "one.csv") == here
        again = {path.name: path.stat().st_mtime_ns for path in kept.glob("*.npz")}
        assert finished.items() <= again.items()
    assert not kept.exists()


def _never(_history):
    raise AssertionError


@pytest.mark.slow
def test_another_history_does_not_go_on_from_what_was_kept(demand, tmp_path):
    history, _ = read_history(demand, Frequency.MONTHLY)
    calendar = built_in_calendar()
    out = tmp_path / "f.csv"
    for horizon in (2, 3):
        with pytest.raises(Stopped), in_processes(1, out, history, horizon, calendar):
            raise Stopped

    assert len(list(tmp_path.glob(".f.csv.*.parts"))) == 2


def test_what_is_read_is_not_written_over(demand, tmp_path):
    before = demand.read_bytes()
    (tmp_path / "same.csv").symlink_to(demand)

    for out in (demand, tmp_path / "same.csv"):
        done = run(demand, "--freq", "M", "--horizon", 2, "--out", out)
        assert done.exit_code == 2
        assert "name another one" in done.stderr

    assert demand.read_bytes() == before

"""The benchmarks run, compare answers, and keep what other groups measured."""

import json

import numpy as np
import pytest

from allocation import Policy, solve
from allocation.filling.coupled import prepare_first_level
from allocation.filling.rules import order_of
from loadtests.bench import __main__ as bench
from loadtests.bench import page, programmes
from loadtests.bench.filling import lexsort_filling
from loadtests.bench.problems import SEED, Sizes, coupled, uncoupled
from loadtests.bench.rows import Row, exponent, exponent_row, in_turns

ABOUT = {
    "date": "2026-11-30",
    "cpu": "some",
    "cores": 2,
    "load_average_before": 0.1,
    "system": "Linux x86_64",
    "python": "3.11",
    "versions": {"numpy": "2"},
}


def a_row(what: str, *, met: bool | None = True) -> Row:
    return Row(what, "10 lines", 2.0, 1.0, "s", 2.0, "≤ 1×", met, 5, "make bench", 3.0, "It goes into reading.")


def test_the_sorting_that_is_compared_with_shares_the_same_supply_up_to_whole_packs():
    problem = uncoupled(4000)
    result = solve(problem, Policy(seed=SEED))
    shares = lexsort_filling(problem)
    asked = np.bincount(problem.requests.sku, weights=shares)
    given = np.bincount(problem.requests.sku, weights=result.granted.astype(float))

    assert np.allclose(asked, given)
    assert np.abs(shares - result.granted).max() <= 1


@pytest.mark.slow
def test_the_first_level_is_what_a_solver_of_programmes_finds():
    problem = coupled(40, 12, 6)
    level = prepare_first_level(problem, order_of(problem, Policy(seed=SEED)))()
    programme = programmes.first_level_programme(problem)

    assert level == pytest.approx(programmes.by_ortools(programme, "glop")(), rel=1e-9)
    assert level == pytest.approx(programmes.by_highs(programme)(), rel=1e-6)


def test_cost_that_grows_with_the_square_has_exponent_two():
    assert exponent([10, 100, 1000], [1.0, 100.0, 10_000.0]) == pytest.approx(2)
    assert exponent_row("x", [10, 100, 1000], [1.0, 100.0, 10_000.0], "make bench").met is False
    assert exponent_row("x", [10, 20], [1.0, 4.0], "make bench").met is None


def test_acts_take_turns_and_their_memory_is_seen():
    order: list[str] = []
    kept: list[bytes] = []

    def large() -> None:
        order.append("large")
        kept.append(b"x" * 50_000_000)

    found = in_turns({"large": large, "small": lambda: order.append("small")}, 2)

    assert order == ["large", "small"] * 2
    assert found.repeats == {"large": 2, "small": 2}
    assert found.peak_mb["large"] is None or found.peak_mb["large"] > 30


def test_sizes_are_a_hundredth_a_tenth_and_the_whole_or_small_for_a_short_run():
    assert Sizes().of(1000) == (10, 100, 1000)
    assert Sizes(divisor=100).of(1000, 20) == (20, 40)


def test_what_another_group_measured_stays(tmp_path):
    page.write(tmp_path, "system", ABOUT, [a_row("a terminal")])
    page.write(tmp_path, "allocation", ABOUT, [a_row("old")])
    text = page.write(tmp_path, "allocation", ABOUT, [a_row("new", met=False)])

    groups = json.loads((tmp_path / "benchmarks.json").read_text())["groups"]
    assert [row["what"] for row in groups["system"]["rows"]] == ["a terminal"]
    assert [row["what"] for row in groups["allocation"]["rows"]] == ["new"]
    assert (tmp_path / "benchmarks.md").read_text() == text
    assert "- new, 10 lines: the target is ≤ 1×, measured 2×. It goes into reading." in text
    assert "| a terminal | 10 lines | 2 s | 1 s | 2× | 3 MB | ≤ 1× | yes | 5 | `make bench` |" in text


def test_the_page_names_every_group_of_the_command():
    assert list(page.GROUPS) == list(bench.GROUPS)
    assert ", ".join(bench.GROUPS) in page.page({})


def test_an_unknown_group_is_refused(capsys):
    with pytest.raises(SystemExit):
        bench.main(["weather"])

    said = capsys.readouterr().err
    assert "unknown group weather; groups are allocation, console, cycle, fleet, forecast, system, terminal" in said


@pytest.mark.slow
def test_a_short_run_measures_every_row_of_the_allocation(tmp_path, capsys):
    bench.main(["allocation", "--quick", "--docs", str(tmp_path)])

    rows = json.loads((tmp_path / "benchmarks.json").read_text())["groups"]["allocation"]["rows"]
    for peer in ("GLOP", "PDLP", "HiGHS IPM", "cvxpy", "lexsort", "min-cost flow", "verify", "one read pass"):
        assert any(peer in row["what"] for row in rows), peer
    assert "# Benchmarks" in capsys.readouterr().out

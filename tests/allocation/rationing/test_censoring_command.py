"""``evenhand forecast --demo-censoring``: tables that say the same every time."""

import pytest
from typer.testing import CliRunner

from allocation.rationing import accuracy
from evenhand.cli import app


def figures(text, row):
    (line,) = [line for line in text.splitlines() if line.strip().startswith(row)]
    return [float(cell.rstrip("%")) for cell in line.strip().removeprefix(row).split()]


@pytest.mark.slow
def test_the_report_needs_no_file_and_says_the_same_every_time(monkeypatch):
    monkeypatch.setattr(accuracy, "SEEDS", (1,))
    shown, again = (CliRunner().invoke(app, ["forecast", "--demo-censoring"]) for _ in range(2))

    assert shown.exit_code == 0, shown.output
    assert shown.output == again.output
    accurate, without_times, without_both = (part for part in shown.output.split("Error of demand")[1:])
    (trial,) = accuracy.trials(accuracy.Setting(), [1])
    of_estimate, of_sales = trial.estimated, trial.sales_alone
    told = [of_estimate.bias, of_estimate.bias_most_cut, of_estimate.by_retailer]
    told += [of_sales.bias, of_sales.bias_most_cut, of_sales.by_retailer]
    assert figures(accurate, "1")[1:] == pytest.approx([100 * value for value in told], abs=0.051)
    assert figures(accurate, "1")[0] == figures(without_times, "1")[0] == 29.7
    assert figures(without_both, "3 times as much, always")[-1] == 0
    assert figures(without_both, "with the estimate  cycle  1 on:")[10] > 95
    assert figures(without_both, "sales alone        cycle  1 on:")[10] < 70
    assert "not within the year" in without_both

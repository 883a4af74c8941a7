"""Demand estimated from sales and stock-outs, written down as figures that are scored and checked like all others."""

import pytest
from scored_networks import MONDAY, network, week, weekly
from typer.testing import CliRunner

from allocation.errors import InputError
from allocation.scoring import ScorePolicy, score
from allocation.scoring.estimating import with_estimated_demand
from allocation.scoring.given import figures_csv
from evenhand.score_command import app

SHOPS = [f"s{n}" for n in range(6)]


def rationed():
    """Six shops that would sell 20 a week; s0 was given 10 in most weeks, and sold all of it by midweek."""
    table = weekly({name: [20] * 12 for name in SHOPS})
    table["stock"] = [30] * 72
    table["in_stock"] = ["1"] * 72
    for row in range(9):
        table["sold"][row], table["stock"][row], table["in_stock"][row] = 10, 10, "0.5"
    return table


def test_a_shop_that_was_cut_is_scored_by_what_it_would_have_sold():
    policy = ScorePolicy(weights={"demand": 100}, shrink_periods=0)
    history = network(SHOPS, history=rationed())

    estimated = with_estimated_demand(history)
    demand = estimated.figures["history"].columns["demand"]

    assert demand[:9].tolist() == pytest.approx([20_000] * 9, rel=0.1)
    assert demand[9:].tolist() == [20_000] * 63
    assert score(history, policy).score_milli[0] == 83_333  # the lowest of six
    assert score(estimated, policy).demand_column == "demand"
    assert score(estimated, policy).parts["demand"].raw.numerator[0] == pytest.approx(240_000, rel=0.1)


def test_the_order_of_rows_has_no_effect_and_later_rows_neither():
    table = rationed()
    order = list(range(72))[::-1]
    moved = {name: [cells[i] for i in order] for name, cells in table.items()}

    one, other = (
        figures_csv(with_estimated_demand(network(SHOPS, history=rows)), "history") for rows in (table, moved)
    )
    assert one == other

    day = MONDAY.fromisoformat(week(8))
    early = {name: [cells[i] for i in order if table["period"][i] < day.isoformat()] for name, cells in table.items()}
    cut = with_estimated_demand(network(SHOPS, history=table), day)
    assert figures_csv(cut, "history") == figures_csv(with_estimated_demand(network(SHOPS, history=early)), "history")


def test_what_cannot_be_estimated_is_refused():
    with pytest.raises(InputError, match="column sold is missing"):
        with_estimated_demand(network(["a"]))
    with pytest.raises(InputError, match="demand is given already"):
        with_estimated_demand(network(["a"], history=weekly({"a": ["1"]}, "demand") | {"sold": [1]}))


def test_the_command_writes_a_history_that_is_scored_and_verified(tmp_path):
    folder, out = tmp_path / "network", tmp_path / "scores"
    folder.mkdir()
    table = rationed()
    rows = zip(*table.values(), strict=True)
    (folder / "history.csv").write_text("\n".join([",".join(table), *(",".join(map(str, row)) for row in rows)]))
    (folder / "retailers.csv").write_text("\n".join(["retailer", *SHOPS]))

    def run(*words):
        return CliRunner().invoke(app, list(map(str, words)), catch_exceptions=False)

    estimated = tmp_path / "estimated.csv"
    assert "demand of 72 periods of 6 retailers" in run("estimate-demand", folder, "--out", estimated).stdout
    header, first = estimated.read_text().splitlines()[:2]
    assert header == "retailer,period,demand,sold,stock,in_stock"
    assert first.endswith(",10,10,0.5")
    (folder / "history.csv").write_bytes(estimated.read_bytes())
    assert run("score", folder, "--out", out).exit_code == 0
    assert run("verify-score", folder, out).exit_code == 0
    again = run("estimate-demand", folder, "--out", tmp_path / "again.csv")
    assert again.exit_code == 2
    assert not (tmp_path / "again.csv").exists()

"""The commands on known and on real problems: allocate, verify, explain, compare."""

import csv
import json

import pytest
from allocation_problems import SEED
from real_books import DATA, iowa_week, vaccine_week, vaccine_weeks, write_policy
from typer.testing import CliRunner

from allocation import Policy, solve, verify
from allocation.folders import read_problem
from evenhand import allocation_commands, compare_command

on_real_data = pytest.mark.skipif(not DATA.is_dir(), reason="the real ledgers are not beside this checkout")


def run(command, *words):
    answer = CliRunner().invoke(command.app, list(map(str, words)), catch_exceptions=False)
    assert (answer.exit_code, answer.stderr) == (0, "")
    return answer.stdout


def allocated(folder):
    """Allocate a problem folder, check the result, and return its rows."""
    run(allocation_commands, "allocate", folder, "--out", folder.parent / "result")
    assert run(allocation_commands, "verify", folder, folder.parent / "result").startswith("holds")
    with (folder.parent / "result" / "allocation.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def explained(folder, row, lang):
    words = ("--retailer", row["retailer"], "--sku", row["sku"], "--lang", lang)
    return run(allocation_commands, "explain", folder.parent / "result", *words).splitlines()


def compared(folder, *policies):
    words = [word for path in policies for word in ("--policy", path)]
    page = folder.parent / "page.html"
    said = json.loads(run(compare_command, folder, *words, "--html", page))
    assert page.read_text("utf-8").endswith("</html>\n")
    return said


def test_three_clinics_as_another_system_states_them(tmp_path):
    """Open mSupply's case: 50 for requests of 25, 35 and 40 by weights 10, 20 and 50."""
    folder = tmp_path / "problem"
    folder.mkdir()
    (folder / "requests.csv").write_text("retailer,sku,requested,weight\na,K,25,10\nb,K,35,20\nc,K,40,50\n")
    (folder / "supply.csv").write_text("sku,supply\nK,50\n")
    policy = write_policy(folder / "policy.toml", fairness="line", rule="max_min", rounding="webster", seed=SEED)

    assert [row["granted"] for row in allocated(folder)] == ["6", "13", "31"]
    assert explained(folder, {"retailer": "a", "sku": "K"}, "en")[0].startswith("You asked for 25 of K and got 6")
    other = write_policy(tmp_path / "requests.toml", rule="proportional", seed=SEED)
    moved = compared(folder, policy, other)["lines"]
    assert [(line["retailer"], line["change"]) for line in moved["losers"]] == [("c", -11)]
    assert sum(line["change"] for line in moved["winners"]) == 11


@on_real_data
@pytest.mark.slow
def test_a_wholesalers_week_with_credit_and_city_quotas(tmp_path):
    folder = iowa_week(tmp_path / "problem")
    fair = write_policy(folder / "policy.toml", rule="max_min", rounding="webster", seed=SEED)
    rows = allocated(folder)

    reasons = {row["reason"] for row in rows}
    assert len(rows) > 8_000
    assert {"filled", "supply", "credit", "quota"} <= reasons
    for reason, english, chinese in (
        ("credit", "your credit", "信用额度"),
        ("quota", "the quota of city=", "“city="),
        ("supply", "there was not enough for all", "货源不够大家分配"),
    ):
        row = next(row for row in rows if row["reason"] == reason)
        assert english in explained(folder, row, "en")[0]
        assert chinese in explained(folder, row, "zh")[0]
    first = write_policy(tmp_path / "first.toml", rule="first_come")
    said = compared(folder, first, fair)
    assert said["b"]["evenness"]["retailers_at_zero"] < said["a"]["evenness"]["retailers_at_zero"] / 10
    assert said["b"]["evenness"]["gini"] < said["a"]["evenness"]["gini"]
    assert said["lines"]["gaining"] + said["lines"]["losing"] + said["lines"]["unchanged"] == len(rows)
    assert [row["value"] for row in said["groups"]["tier"]] == list(map(str, range(1, 11)))


@on_real_data
@pytest.mark.parametrize("maker", ["pfizer", "moderna"])
def test_every_vaccine_week_in_whole_trays(tmp_path, maker):
    weeks = vaccine_weeks(maker)
    assert len(weeks) > 15
    for number, (week, tray) in enumerate(weeks.items()):
        problem = read_problem(vaccine_week(tmp_path / str(number), maker, week, percent=70))
        result = solve(problem, Policy(seed=SEED))
        assert verify(problem, result).holds
        assert not (result.granted % tray).any()
        assert sum(result.eligible) * 7 // 10 - tray < sum(result.granted) <= sum(result.eligible) * 7 // 10


@on_real_data
def test_a_vaccine_week_by_all_commands(tmp_path):
    folder = vaccine_week(tmp_path / "problem", "pfizer", "03/01/2021", percent=70)
    webster = write_policy(folder / "policy.toml", rule="max_min", rounding="webster", seed=SEED)
    rows = allocated(folder)

    short = next(row for row in rows if row["reason"] == "supply")
    assert f"of pfizer and got {short['granted']}" in explained(folder, short, "en")[0]
    assert any("packs of 1170" in line for line in explained(folder, short, "en"))
    adams = write_policy(tmp_path / "adams.toml", rule="max_min", rounding="adams", seed=SEED)
    jefferson = write_policy(tmp_path / "jefferson.toml", rule="max_min", rounding="jefferson", seed=SEED)
    assert compared(folder, webster, webster)["lines"]["gaining"] == 0
    # Jefferson leans to those who weigh much, Adams to those who weigh little: a tray goes from these to those.
    moved = compared(folder, adams, jefferson)["lines"]
    assert moved["units_gained"] == moved["units_lost"] > 0
    with (folder / "requests.csv").open(encoding="utf-8", newline="") as file:
        weight = {row["retailer"]: int(row["weight"]) for row in csv.DictReader(file)}
    gained, lost = ([weight[line["retailer"]] for line in moved[side]] for side in ("winners", "losers"))
    assert min(gained) > max(lost)

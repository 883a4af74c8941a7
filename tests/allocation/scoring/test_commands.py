"""``evenhand score`` and ``verify-score``: folders in and out, whole or absent, the same bytes, each damage found."""

import json
import os
import re
import subprocess
import sys

import pytest
from typer.testing import CliRunner

from allocation import Policy, solve
from allocation.folders import read_policy, read_problem, write_result
from allocation.scoring import ScorePolicy
from allocation.scoring.folders import SCORE_FILES
from allocation.scoring.sample import Network, write_network
from allocation.verification import verify_folders
from evenhand import sample_command
from evenhand.score_command import app

pytestmark = pytest.mark.slow


def run(*words):
    return CliRunner().invoke(app, list(map(str, words)), catch_exceptions=False)


@pytest.fixture
def folder(tmp_path):
    """Sixty outlets and two years of their figures."""
    made = tmp_path / "network"
    write_network(Network(60, 104), made)
    return made


@pytest.fixture
def scored(folder, tmp_path):
    out = tmp_path / "scores"
    assert run("score", folder, "--out", out, "--policy", folder / "score.toml", "--quiet").output == ""
    return out


def test_scores_are_written_and_hold(folder, tmp_path):
    out = tmp_path / "out" / "scores"

    answer = run("score", folder, "--out", out)

    assert answer.exit_code == 0
    assert re.search(r"^\d+ retailers scored as of 2026-12-29; \d+ weights changed by the guards", answer.stdout)
    certificate = json.loads((out / "certificate.json").read_bytes())
    assert f'score_version = "{certificate["score_version"]}"' in answer.stdout
    assert sorted(path.name for path in out.iterdir()) == sorted(SCORE_FILES)
    assert [path.name for path in out.parent.iterdir()] == ["scores"]
    assert run("verify-score", folder, out).stdout == f"holds: {certificate['retailers']} retailers checked\n"
    header = (out / "scores.csv").read_text().splitlines()[0]
    assert header == (
        "retailer,market_type,format,score,compared_with,rank,peers,previous_tier,earned_tier,tier,weight,status"
    )


def test_the_next_scores_move_on_from_these(folder, scored, tmp_path):
    later, policy = tmp_path / "later", tmp_path / "steep.toml"
    policy.write_text("[weights]\npayment = 100\n")
    (folder / "history.csv").write_text((folder / "history.csv").read_text() + "R0001,2027-01-04,9,9,9\n")

    assert run("score", folder, "--out", later, "--previous", scored, "--policy", policy).exit_code == 0

    assert run("verify-score", folder, later, "--previous", scored).exit_code == 0
    assert run("verify-score", folder, later).exit_code == 0
    rows = [line.split(",") for line in (later / "scores.csv").read_text().splitlines()[1:]]
    before = {line.split(",")[0]: line.split(",")[8] for line in (scored / "scores.csv").read_text().splitlines()[1:]}
    assert [row[7] for row in rows] == [before[row[0]] for row in rows]
    moved = [abs(int(row[8]) - int(row[7])) for row in rows]
    assert max(moved) == ScorePolicy().tier_moves_max
    again = run("score", folder, "--out", tmp_path / "x", "--previous", later)
    assert again.exit_code == 2
    assert "give the ones before these" in again.stderr


def test_previous_scores_that_were_changed_are_refused(folder, scored, tmp_path):
    table = (scored / "scores.csv").read_text()
    (scored / "scores.csv").write_text(table.replace("R0001", "R0009", 1))

    answer = run("score", folder, "--out", tmp_path / "x", "--previous", scored)

    assert answer.exit_code == 2
    assert "scores.csv: changed since it was published" in answer.stderr


def test_the_weights_stand_as_retailers_of_an_allocation_and_its_certificate_names_their_version(scored, tmp_path):
    version = json.loads((scored / "certificate.json").read_bytes())["score_version"]
    rows = [line.split(",") for line in (scored / "weights.csv").read_text().splitlines()[1:]]
    problem, result = tmp_path / "problem", tmp_path / "result"
    problem.mkdir()
    (problem / "retailers.csv").write_bytes((scored / "weights.csv").read_bytes())
    (problem / "supply.csv").write_text("sku,supply\nK,300\n")
    requests = "".join(f"{row[0]},K,40\n" for row in rows)
    (problem / "requests.csv").write_text("retailer,sku,requested\n" + requests)
    policy = Policy(seed="00" * 32, score_version=version, forecast_version="2027-02")
    (problem / "policy.toml").write_text(policy.to_toml())

    solved = solve(read_problem(problem), read_policy(problem / "policy.toml"))
    write_result(solved, result)

    assert verify_folders(problem, result).holds
    stated = json.loads((result / "certificate.json").read_bytes())["policy"]
    assert (stated["score_version"], stated["forecast_version"]) == (version, "2027-02")
    granted = dict(zip(solved.retailer.tolist(), solved.granted.tolist(), strict=True))
    suspended = [row[0] for row in rows if row[2] == "0"]
    assert suspended
    assert [granted[name] for name in suspended] == [0] * len(suspended)
    heavy, light = (pick(rows, key=lambda row: int(row[1]))[0] for pick in (max, min))
    assert granted[heavy] > granted[light]
    (problem / "policy.toml").write_text(policy.to_toml().replace(version, "00" * 32))
    assert not verify_folders(problem, result).holds


def test_the_same_bytes_whatever_the_order_of_rows_and_the_hash_seed(folder, scored, tmp_path):
    for path in folder.glob("*.csv"):
        header, *rows = path.read_text().splitlines()
        path.write_text("\ufeff" + "\r\n".join([header, *rows[::-1]]) + "\r\n", encoding="utf-8", newline="")
    out = tmp_path / "other"
    command = [sys.executable, "-m", "evenhand", "score", folder, "--out", out, "--policy", folder / "score.toml"]

    subprocess.run(command, check=True, env=os.environ | {"PYTHONHASHSEED": "7"}, capture_output=True)

    assert {p.name: p.read_bytes() for p in out.iterdir()} == {p.name: p.read_bytes() for p in scored.iterdir()}
    assert run("verify-score", folder, out).exit_code == 0


@pytest.mark.parametrize(
    ("name", "damage", "said"),
    [
        ("scores.csv", lambda text: text.replace(",scored\n", ",lowered\n", 1), "status: is lowered, not scored"),
        ("scores.csv", lambda text: re.sub(r",\d+,(\d+),scored", r",1,\1,scored", text, count=1), "tier: is 1, not"),
        ("scores.csv", lambda text: re.sub(r",(\d+),scored", r",30,scored", text, count=1), "weight: is 30, not"),
        (
            "scores.csv",
            lambda text: re.sub(r",\d+\.\d+,format", ",999.000,format", text, count=1),
            "score: is 999.000, not",
        ),
        ("scores.csv", lambda text: "".join(text.splitlines(keepends=True)[:-1]), "scores.csv, retailer 59: is –"),
        ("breakdown.csv", lambda text: re.sub(r"demand,\d+", "demand,1", text, count=1), "quotient"),
        ("breakdown.csv", lambda text: re.sub(r"\d\.\d+\n", "9.999\n", text, count=1), "contribution: is"),
        ("breakdown.csv", lambda text: text + text.splitlines()[-1] + "\n", "rows after the last"),
        ("weights.csv", lambda text: re.sub(r",\d+,\n", ",99,\n", text, count=1), "weights.csv"),
        ("guards.json", lambda text: text.replace('"after"', '"before"', 1), "cannot be checked"),
        ("guards.json", lambda text: text.replace("small", "large", 1), "the hash in certificate.json"),
        ("policy.toml", lambda text: text.replace("peers_min = 5", "peers_min = 6"), "policy.toml"),
        ("report.html", lambda text: text + " ", "the hash in certificate.json"),
        ("certificate.json", lambda text: text.replace('"shrink_periods": 8', '"shrink_periods": 9'), "shrunk: is"),
        ("certificate.json", lambda text: text.replace("inspector", "somebody", 1), "certificate.json, decisions"),
        ("certificate.json", lambda text: re.sub(r'"of": 100', '"of": 90', text, count=1), "components"),
    ],
)
def test_every_damage_is_found_and_named(folder, scored, name, damage, said):
    text = (scored / name).read_text(encoding="utf-8")
    changed = damage(text)
    assert changed != text
    (scored / name).write_text(changed, encoding="utf-8")

    answer = run("verify-score", folder, scored)

    assert answer.exit_code in (1, 2)
    assert said in answer.stderr
    assert "Traceback" not in answer.output


def test_a_figure_that_was_changed_afterwards_is_found(folder, scored):
    path = folder / "payments.csv"
    path.write_text(re.sub(r"(R0001,2026-12-21,)\d+,\d+", r"\g<1>1000,0", path.read_text()))

    answer = run("verify-score", folder, scored)

    assert answer.exit_code == 1
    assert "breakdown.csv, R0001, payment, raw" in answer.stderr
    assert "violated: " in answer.stderr
    told = json.loads(run("verify-score", folder, scored, "--json", "--lang", "zh").stdout)
    assert (told["holds"], told["found"] > 1) == (False, True)
    assert re.match("breakdown.csv, R0001, payment, raw：为 .*，应为 ", told["differences"][0])
    assert "处不符" in run("verify-score", folder, scored, "--lang", "zh").stderr


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda folder: (folder / "retailers.csv").unlink(), "retailers.csv: missing"),
        (lambda folder: (folder / "history.csv").write_text("retailer;period;sold\n"), "semicolons were found"),
        (lambda folder: (folder / "history.csv").write_bytes("retailer,period".encode("utf-16")), "this is UTF-16"),
        (lambda folder: (folder / "score.toml").write_text("tiers = 1.5"), "score.toml, column tiers"),
        (lambda folder: (folder / "score.toml").unlink(), "score.toml: no such file"),
        (lambda folder: (folder / "decisions.csv").write_text("retailer\nR0001\n"), "decisions.csv, row 1"),
    ],
)
def test_bad_input_is_refused_in_one_line_and_nothing_is_written(folder, tmp_path, change, said):
    change(folder)
    out = tmp_path / "deep" / "out"

    answer = run("score", folder, "--out", out, "--policy", folder / "score.toml")

    assert answer.exit_code == 2
    assert said in answer.stderr
    assert answer.stderr.count("\n") == 1
    assert not out.parent.exists()


def test_a_bad_day_a_missing_folder_and_something_elses_place_are_refused(folder, tmp_path):
    assert "no date" in run("score", folder, "--out", tmp_path / "x", "--as-of", "tomorrow").stderr
    assert "no such folder" in run("score", tmp_path / "nowhere", "--out", tmp_path / "x").stderr
    assert "something else stands there" in run("score", folder, "--out", folder).stderr
    assert run("verify-score", folder, tmp_path / "nowhere").exit_code == 2
    assert run("score", folder, "--out", tmp_path / "x", "--previous", folder).exit_code == 2
    assert not (tmp_path / "x").exists()


def test_a_sample_is_the_same_for_the_same_number(tmp_path):
    for name, seed in (("a", "3"), ("b", "3"), ("c", "4")):
        words = ["score", "--out", str(tmp_path / name), "--retailers", "20", "--weeks", "30", "--seed", seed]
        assert CliRunner().invoke(sample_command.app, words).exit_code == 0

    a, b, c = ({p.name: p.read_bytes() for p in (tmp_path / name).iterdir()} for name in "abc")
    assert a == b != c
    assert (
        CliRunner().invoke(sample_command.app, ["score", "--out", str(tmp_path / "d"), "--weeks", "0"]).exit_code == 2
    )

"""The commands: exit codes, one-line errors, and what they print."""

import json
import re
import stat
import subprocess
import sys

import pytest
from typer.testing import CliRunner

from evenhand.cli import app

REQUESTS = "retailer,sku,requested,weight\na,K,25,10\nb,K,35,20\nc,K,40,50\n"
POLICY = f'fairness = "line"\nrule = "max_min"\nrounding = "webster"\nseed = "{"00" * 32}"\n'


@pytest.fixture
def problem(tmp_path):
    folder = tmp_path / "problem"
    folder.mkdir()
    (folder / "requests.csv").write_text(REQUESTS)
    (folder / "supply.csv").write_text("sku,supply\nK,50\n")
    (folder / "policy.toml").write_text(POLICY)
    return folder


@pytest.fixture
def out(tmp_path):
    return tmp_path / "out" / "result"


def run(*words):
    return CliRunner().invoke(app, list(map(str, words)), catch_exceptions=False)


def refused(answer, out, *said):
    """Exit 2, one line, nothing written."""
    assert answer.exit_code == 2
    assert answer.stdout == ""
    assert answer.stderr.count("\n") == 1
    for part in said:
        assert part in answer.stderr
    assert not out.exists()


def test_allocate_verify_and_explain(problem, out):
    allocated = run("allocate", problem, "--out", out)

    assert allocated.exit_code == 0
    assert "3 lines: 50 units granted of 100 requested" in allocated.stdout
    assert re.search(
        r"^read in [\d.]+ s, solved in [\d.]+ s, written in [\d.]+ s; at most [\d.]+ GB", allocated.stdout, re.MULTILINE
    )
    assert (out / "allocation.csv").read_text().splitlines()[1] == "a,K,25,25,6,0.6,supply,supply:K"
    assert run("verify", problem, out).exit_code == 0
    explained = run("explain", out, "--retailer", "b", "--sku", "K", "--lang", "zh")
    assert explained.stdout.startswith("K：您申请 35 件，得到 13 件")
    assert run("explain", out, "--retailer", "b").stdout.startswith("You asked for 35 of K and got 13")


def test_quiet_prints_nothing(problem, out):
    answer = run("allocate", problem, "--out", out, "--quiet")

    assert (answer.exit_code, answer.output) == (0, "")


def test_a_damaged_result_is_violated_and_the_line_named(problem, out):
    run("allocate", problem, "--out", out)
    path = out / "allocation.csv"
    path.write_text(path.read_text().replace("31", "30"))

    answer = run("verify", problem, out)

    assert answer.exit_code == 1
    assert "c, K: stopped" in answer.stderr
    assert "Traceback" not in answer.output


def test_what_cannot_be_read_is_unreadable(problem, out, tmp_path):
    assert run("verify", problem, out).exit_code == 2
    run("allocate", problem, "--out", out)
    assert run("verify", tmp_path / "nowhere", out).exit_code == 2
    assert run("explain", tmp_path / "nowhere", "--retailer", "a").exit_code == 2


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ("a,Z,1,1", 'requests.csv, row 5, column sku, value "Z"'),
        ("a,K,1,1", 'requests.csv, row 5, column sku, value "K"'),
        ("d,K,-1,1", 'requests.csv, row 5, column requested, value "-1"'),
        ("d,K,1.5,1", 'requests.csv, row 5, column requested, value "1.5"'),
        ("d,K,1,0", 'requests.csv, row 5, column weight, value "0"'),
    ],
)
def test_bad_input_is_refused_and_nothing_written(problem, out, row, said):
    with (problem / "requests.csv").open("a") as file:
        file.write(row + "\n")

    refused(run("allocate", problem, "--out", out), out, said)
    assert not out.parent.exists()


def test_a_bad_seed_or_policy_is_refused(problem, out, tmp_path):
    refused(run("allocate", problem, "--out", out, "--seed", "xyz"), out, "column seed", "64 hexadecimal digits")
    refused(run("allocate", problem, "--out", out, "--policy", tmp_path / "no.toml"), out, "no.toml: no such file")
    (problem / "policy.toml").write_text(POLICY.replace("max_min", "first_come"))
    refused(run("allocate", problem, "--out", out), out, "policy.toml, column rule")
    (problem / "policy.toml").unlink()
    refused(run("allocate", problem, "--out", out), out, "a seed is needed")


def test_something_else_at_the_place_of_the_result_is_left_alone(problem, out):
    out.mkdir(parents=True)
    (out / "mine.txt").write_text("mine")

    answer = run("allocate", problem, "--out", out)

    assert answer.exit_code == 2
    assert [path.name for path in out.iterdir()] == ["mine.txt"]


def test_another_policy_and_seed_can_be_given(problem, out, tmp_path):
    policy = tmp_path / "other.toml"
    policy.write_text('rounding = "adams"\n')

    assert run("allocate", problem, "--out", out, "--policy", policy, "--seed", "AB" * 32).exit_code == 0
    certificate = json.loads((out / "certificate.json").read_bytes())
    assert (certificate["policy"]["rounding"], certificate["seed"]) == ("adams", "ab" * 32)
    assert run("verify", problem, out).exit_code == 1
    hint = run("allocate", problem, "--out", out, "--policy", policy, "--seed", "AB" * 32).stdout
    assert f"{problem / 'policy.toml'} must then say\n" in hint
    lines = [line.strip() for line in hint.splitlines() if line.startswith("    ")]
    (problem / "policy.toml").write_text("\n".join(lines))
    assert run("verify", problem, out).exit_code == 0
    (problem / "policy.toml").write_text(f'rounding = "adams"\nseed = "{"AB" * 32}"\n')
    assert run("verify", problem, out).exit_code == 0


def test_a_seed_is_committed_to_revealed_and_proven(problem, out, tmp_path):
    secret, proof = tmp_path / "secret.hex", tmp_path / "proof.json"
    committed = run("seed", "commit", "--out", secret)
    assert stat.S_IMODE(secret.stat().st_mode) == 0o600
    assert run("seed", "commit", "--out", secret).exit_code == 1

    revealed = run("seed", "reveal", secret, "--root", "cd" * 32, "--out", proof)
    parts = json.loads(revealed.stdout)
    assert parts["commitment"] == committed.stdout.strip()
    assert json.loads(proof.read_text()) == parts

    assert run("allocate", problem, "--out", out, "--seed-proof", proof).exit_code == 0
    (problem / "policy.toml").write_text(f'seed = "{parts["seed"]}"\n')
    assert run("verify", problem, out).exit_code == 0
    assert json.loads((out / "certificate.json").read_bytes())["seed_proof"]["root"] == "cd" * 32
    refused(run("seed", "reveal", secret, "--root", "xyz"), tmp_path / "nothing", "64 hexadecimal digits")
    nowhere = tmp_path / "nowhere.hex"
    refused(run("seed", "reveal", nowhere, "--root", "cd" * 32), tmp_path / "nothing", f"{nowhere}: No such file")


def test_a_line_that_is_not_there_is_said_to_be_missing(problem, out):
    run("allocate", problem, "--out", out)

    answer = run("explain", out, "--retailer", "nobody")

    assert answer.exit_code == 2
    assert "no line of retailer nobody" in answer.stderr
    chinese = run("explain", out, "--retailer", "a", "--sku", "Z", "--lang", "zh")
    assert (chinese.exit_code, "没有零售户 a、品规 Z 的行" in chinese.stderr) == (2, True)


def test_the_real_command_ends_without_a_traceback(problem, out):
    (problem / "requests.csv").write_bytes("retailer;sku;requested\n".encode("utf-16"))

    answer = subprocess.run(
        [sys.executable, "-m", "evenhand", "allocate", problem, "--out", out],
        capture_output=True,
        text=True,
        check=False,
    )

    assert answer.returncode == 2
    assert answer.stderr.startswith("evenhand: requests.csv, row 1: this is UTF-16")
    assert "Traceback" not in answer.stderr

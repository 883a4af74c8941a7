"""The planted defects fit the source, so that a run of them can tell."""

import subprocess
import sys
from pathlib import Path

CHECKOUT = Path(__file__).parents[2]


def _run(*args: str) -> subprocess.CompletedProcess[str]:
    script = CHECKOUT / "tests/defects/run.py"
    return subprocess.run([sys.executable, script, *args], capture_output=True, text=True, check=False)


def test_every_planted_defect_fits_the_source_and_names_tests_that_are_there():
    ran = _run("--fit")

    assert (ran.returncode, ran.stderr) == (0, "")


def test_the_parts_of_a_run_are_all_defects():
    whole = _run("--list").stdout.splitlines()
    parts = [_run("--list", "--part", f"{number}/3").stdout.splitlines() for number in (1, 2, 3)]

    assert sorted(line for lines in parts for line in lines) == sorted(whole)
    assert len(whole) > 100

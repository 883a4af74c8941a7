"""The auditor's story: a published cycle taken from the console, copied elsewhere, checked by the command alone."""

import io
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from server.cycles import adjusting, service
from server.kit.identity import Operator

pytestmark = [pytest.mark.system, pytest.mark.slow]

PLANNER = Operator(1, "anna", frozenset({"planner"}))
RELEASER = Operator(2, "bo", frozenset({"releaser"}))


def verify(folder: Path) -> subprocess.CompletedProcess[str]:
    """Run the command as an outsider would, with nothing of the server's at hand."""
    command = [sys.executable, "-m", "evenhand", "verify", str(folder)]
    return subprocess.run(
        command, capture_output=True, text=True, cwd=folder, env={"PATH": "/usr/bin:/bin"}, check=False
    )


def test_an_exported_cycle_holds_and_one_altered_manual_change_is_named(town, signed_in, tmp_path: Path) -> None:
    cycle = town.verified()
    wanted = adjusting.Decision("R1", "K1", 40, "the shop feeds the flood's helpers")
    adjustment = town.act(
        lambda session, cycle, **who: adjusting.propose(session, cycle, wanted, **who), cycle, PLANNER
    )
    town.act(adjusting.approve, cycle, RELEASER, adjustment=adjustment)
    town.work()
    town.act(service.send_for_release, cycle, PLANNER)
    town.act(service.release, cycle, RELEASER)
    town.work()
    page = signed_in("auditor", name="au").get(f"/console/cycles/{cycle}/review")
    assert f"/console/cycles/{cycle}/export.zip" in page.text
    answer = signed_in("auditor", name="au").get(f"/console/cycles/{cycle}/export.zip")
    assert answer.status_code == 200
    elsewhere = tmp_path / "elsewhere"
    zipfile.ZipFile(io.BytesIO(answer.content)).extractall(elsewhere)

    held = verify(elsewhere)
    assert held.returncode == 0, held.stdout + held.stderr

    (stated,) = elsewhere.rglob("adjustments.csv")
    kept = stated.read_text("utf-8")
    assert "40" in kept
    stated.write_text(kept.replace(",40,", ",30,"), "utf-8")
    assert stated.read_text("utf-8") != kept
    broken = verify(elsewhere)
    assert broken.returncode != 0
    said = broken.stdout + broken.stderr
    assert "adjust" in said, said

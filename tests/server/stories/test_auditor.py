"""An auditor's day: a published cycle checked elsewhere, the audit filtered, its chain checked, a flipped row named."""

import subprocess
import sys
import zipfile
from pathlib import Path

import psycopg
import pytest
from playwright.sync_api import expect

from server import worker
from server.cycles import adjusting, service
from server.kit.audit_cli import WORDS
from server.kit.identity import Operator

pytestmark = [pytest.mark.system, pytest.mark.slow]

PLANNER = Operator(1, "anna", frozenset({"planner"}))
RELEASER = Operator(2, "bo", frozenset({"releaser"}))
REASON = "the shop feeds the flood's helpers"


def verify(folder: Path) -> subprocess.CompletedProcess[str]:
    """Run the command as an outsider would, with nothing of the server's at hand."""
    command = [sys.executable, "-m", "evenhand", "verify", str(folder)]
    return subprocess.run(
        command, capture_output=True, text=True, cwd=folder, env={"PATH": "/usr/bin:/bin"}, check=False
    )


def published_with_a_change(town) -> str:
    """Publish a cycle in which two persons changed a line by hand; return its address."""
    cycle = town.verified()
    wanted = adjusting.Decision("R1", "K1", 40, REASON)
    adjustment = town.act(adjusting.propose, cycle, PLANNER, wanted=wanted)
    town.act(adjusting.approve, cycle, RELEASER, adjustment=adjustment)
    town.work()
    town.act(service.send_for_release, cycle, PLANNER)
    town.act(service.release, cycle, RELEASER)
    town.work()
    return f"/console/cycles/{cycle}"


def test_a_published_cycle_is_checked_elsewhere_and_one_altered_manual_change_is_found(house, tmp_path: Path):
    place = published_with_a_change(house.town)
    olga = house.come_in("Olga", "auditor")
    page = olga.page

    olga.look()
    page.goto("/console/cycles")
    page.locator(f"main a[href='{place}']").first.click()
    olga.tap("Review the result", role="link")
    expect(page.locator("#adjustments")).to_contain_text(REASON)
    olga.look()
    with page.expect_download() as taking:
        page.get_by_role("link", name=olga.words("For auditors")).first.click()
    elsewhere = tmp_path / "elsewhere"
    with zipfile.ZipFile(taking.value.path()) as files:
        files.extractall(elsewhere)
    held = verify(elsewhere)
    assert held.returncode == 0, held.stdout + held.stderr
    (stated,) = elsewhere.rglob("adjustments.csv")
    kept = stated.read_text("utf-8")
    stated.write_text(kept.replace(",40,", ",30,"), "utf-8")
    assert stated.read_text("utf-8") != kept
    broken = verify(elsewhere)
    assert broken.returncode != 0
    assert "adjust" in broken.stdout + broken.stderr


def test_the_audit_is_filtered_its_chain_checked_and_a_flipped_row_is_named(house):
    olaf = house.come_in("Olaf", "auditor")
    page = olaf.page
    page.goto("/console/audit")
    page.locator("select[name=actor]").select_option("operator:")
    page.wait_for_url("**actor=operator*")
    page.locator("select[name=action]").select_option("operator.password_changed")
    rows = page.locator("#list-rows tbody tr")
    expect(rows.filter(has_text=house.code("Olaf"))).to_have_count(1)
    expect(rows.filter(has_not_text=house.did(("Olaf", "operator.password_changed"))[0][1])).to_have_count(0)
    olaf.look()

    def checks(found: str) -> None:
        worker.seal(house.runtime)
        olaf.page.goto("/console/audit/chain")
        olaf.tap("Check everything now")
        olaf.says("Comparing every entry with its seal")
        house.town.work()
        expect(page.locator("#checks .timeline li").first).to_contain_text(olaf.words(found))

    checks("chain holds")
    flipped = flip(house.admin_url, house.code("Olaf"))
    checks("chain does not hold")
    said = olaf.words(WORDS["changed"]) % {"entry": flipped, "ordinal": flipped}
    expect(page.locator("#checks .timeline li").first).to_contain_text(said)
    page.goto("/console/audit")
    olaf.says("chain does not hold")
    page.goto("/console/audit/chain")
    olaf.look()
    flip(house.admin_url, house.code("Olaf"), back=True)
    checks("chain holds")


def flip(database_url: str, name: str, *, back: bool = False) -> int:
    """Let somebody with the database in hand blame another person for a new password; return the entry's number."""
    true, false = f"operator:{name}", "operator:nobody"
    before, after = (false, true) if back else (true, false)
    with psycopg.connect(database_url.replace("+psycopg", "", 1), autocommit=True) as connection:
        found = connection.execute(
            "UPDATE audit SET actor = %s WHERE actor = %s AND action = 'operator.password_changed' RETURNING id",
            (after, before),
        ).fetchone()
    assert found is not None
    return int(found[0])

"""A regional manager's day: a region's list taken away as a file, a licence signed, no way into another region."""

import csv
import io
from pathlib import Path

import pytest
from factories import make_retailer
from openpyxl import load_workbook
from playwright.sync_api import expect

from server.kit.changing import NEW
from server.kit.db import transaction
from server.kit.identity import SYSTEM, Operator
from server.licences import files
from server.licences.console_files import STEPS
from server.retailers import service
from server.retailers.fields import FIELDS

pytestmark = [pytest.mark.system, pytest.mark.slow]

INSPECTOR = Operator(1, "inspector-1", frozenset({"inspector"}))
#: Names as shops have them and as somebody types who wants a spreadsheet to compute, with what a CSV says of them.
NAMES = {
    "=1+1": "'=1+1",
    "+1-1": "'+1-1",
    "-2+3": "'-2+3",
    "@SUM(A1)": "'@SUM(A1)",
    "+86 10 1234 5678": "+86 10 1234 5678",
    "- none -": "- none -",
    'The "Old", Bridge': 'The "Old", Bridge',
}


def test_a_region_is_signed_for_and_taken_away_as_a_file_and_no_other_is_there(house, tmp_path: Path):
    here, there, strange = house.code("east"), house.code("west"), house.code("RM-W")
    usual = {field.name: field.default for field in FIELDS}
    shops = {house.code(f"0{number}E1"): name for number, name in enumerate(NAMES)}
    with transaction(house.runtime.sessions) as session:
        for code, name in shops.items():
            row = usual | {"code": code, "name": name, "region": here, "route": here, "credit_minor": 123_456}
            service.save_retailer(session, row, SYSTEM, at=house.clock(), seen=NEW)
        make_retailer(session, strange, region=there)
    mine = next(iter(shops))
    with transaction(house.runtime.sessions) as session:
        when = {"at": house.clock(), "zone": house.runtime.settings.tz}
        entries = [files.Entry(shop, "wine", "application") for shop in (mine, strange)]
        number = [files.enter_file(session, entry, "asks to sell wine", INSPECTOR, **when) for entry in entries]
        for one in number:
            files.inspect(session, one, "80 m from a school", INSPECTOR, **when)
    rose = house.come_in("Rose", "regional", regions=(here,))
    page = rose.page

    rose.look()
    waiting = page.locator(".panel", has_text=rose.words("Licence decisions waiting for me"))
    expect(waiting).not_to_contain_text(strange)
    waiting.locator("li a").first.click()
    page.locator("#f-licence_number").fill(house.code("W-9"))
    page.locator("#f-valid_from").fill("2026-12-01")
    page.locator("#f-valid_until").fill("2027-11-30")
    page.locator("form[action$='/grant'] textarea").fill("far enough")
    rose.tap("Grant")
    expect(page.locator("main .timeline li").first).to_contain_text(rose.words(STEPS["granted"]))
    rose.look()

    page.goto("/console/retailers")
    expect(page.locator("#list-rows tbody tr")).to_have_count(len(shops))
    rose.look()
    files_of = {}
    for kind in ("csv", "xlsx"):
        with page.expect_download() as taking:
            page.get_by_role("link", name=kind.upper(), exact=True).click()
        files_of[kind] = tmp_path / f"region.{kind}"
        taking.value.save_as(files_of[kind])
    rows = list(csv.DictReader(io.StringIO(files_of["csv"].read_bytes().decode("utf-8-sig"))))
    assert {row["code"]: row["name"] for row in rows} == {code: NAMES[name] for code, name in shops.items()}
    cells = [list(row) for row in load_workbook(files_of["xlsx"]).active.iter_rows(min_row=2)]
    assert {row[0].value: row[1].value for row in cells} == shops
    assert {cell.data_type for row in cells for cell in row[:2]} == {"s"}, "texts, never computed"
    assert {cell.data_type for row in cells for cell in row[5:8]} == {"n"}, "figures, which can be summed"

    assert page.goto(f"/console/retailers/file?code={strange}").status == 404
    rose.look()
    assert page.goto(f"/console/licences/files/{number[1]}").status == 404
    page.goto(f"/console/retailers?q={strange}")
    rose.says("Nothing fits this search")
    assert page.request.get(f"/console/retailers?q={strange}&format=csv").text().count("\n") == 1
    assert house.trace(f"retailer:{mine}")[:1] == house.did(("Rose", "licence.file_granted"))

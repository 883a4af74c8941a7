"""A list from a Chinese spreadsheet brought in by a person, taken away again, and brought back as it was."""

from pathlib import Path

import pytest
from openpyxl import load_workbook
from playwright.sync_api import expect

from server.kit.db import transaction
from server.retailers import queries as retailers

pytestmark = [pytest.mark.system, pytest.mark.slow]

#: What a spreadsheet would compute, what only looks so, and rare characters.
NAMES = ("镕鑫超市", "喆记小卖部", "=1+1", "+86 10 1234 5678", '"老" 桥头, 店', "-2+3")


def test_a_chinese_list_is_looked_at_stored_exported_and_comes_back_unchanged(house, tmp_path: Path):
    region = house.code("渝中")
    codes = [house.code(f"00{number}E5") for number in range(len(NAMES))]
    lines = ["编号,店名,片区,权重"]
    for code, name in zip(codes, NAMES, strict=True):
        quoted = name.replace('"', '""')
        lines.append(f'{code},"{quoted}",{region},3')
    listed = tmp_path / "名单.csv"
    listed.write_bytes("\r\n".join(lines).encode("gbk"))
    petra = house.come_in("Petra", "planner")
    page = petra.page

    petra.tap("Bring files in", role="link", within=".side")
    page.locator("#f-kind").select_option("retailers")
    page.locator("#f-file").set_input_files(listed)
    petra.tap("Upload and look at it")
    expect(page.locator("#preview")).to_contain_text("镕鑫超市")
    petra.look()
    page.locator("#f-encoding").select_option("utf-8")
    petra.tap("Read it this way")
    petra.says("Nothing of the file can be taken as it is read now")
    petra.look()
    page.locator("#f-encoding").select_option("gb18030")
    petra.tap("Read it this way")
    for field, heading in {"code": "编号", "name": "店名", "region": "片区", "weight": "权重"}.items():
        page.locator(f"[name=column-{field}]").select_option(f"c:{heading}")
    petra.tap("Read it this way")
    expect(page.locator("#trial")).to_contain_text(petra.words("New"))
    petra.look()
    petra.tap("Store")
    page.locator("#confirm").get_by_role("button", name=petra.words("Store")).click()
    petra.says("Every row was taken")
    petra.look()
    with transaction(house.runtime.sessions) as session:
        stored = retailers.retailers(session, codes)
    assert [stored[code].name for code in codes] == list(NAMES)

    page.goto(f"/console/retailers?region={region}")
    taken = {}
    for kind in ("csv", "xlsx"):
        with page.expect_download() as taking:
            page.get_by_role("link", name=kind.upper(), exact=True).click()
        taken[kind] = tmp_path / f"taken.{kind}"
        taking.value.save_as(taken[kind])
    cells = list(load_workbook(taken["xlsx"]).active.iter_rows(min_row=2, max_col=2))
    assert [[cell.value for cell in row] for row in cells] == [list(pair) for pair in zip(codes, NAMES, strict=True)]
    assert {cell.data_type for row in cells for cell in row} == {"s"}, "texts, never computed"
    page.goto("/console/imports?kind=retailers")
    page.locator("#f-file").set_input_files(taken["csv"])
    petra.tap("Upload and look at it")
    expect(page.locator("#trial .figure-value")).to_have_text(["6", "0", "0", "6", "0"])

"""Supply by files: every fault with its place, a file to fill in, the cycle before as a beginning."""

from server.catalogue import queries as catalogue
from server.cycles import supply_queries
from server.kit.db import transaction


def upload(browser, place, content):
    return browser.post(
        f"{place}/supply/file",
        data={"reason": "arrivals", "others": "drop"},
        files={"file": ("s.csv", content, "text/csv")},
    )


def test_every_row_that_does_not_fit_is_named_with_its_column(town, signed_in):
    planner = signed_in("planner", name="anna", language="en")
    place = f"/console/cycles/{town.draft(rows=[])}"
    answer = upload(planner, place, b"sku,supply_units\nK1,abc\nK2,1000\nNONE,5\n")
    assert answer.status_code == 422
    assert "Row 2, supply_units: “abc” is not a whole number" in answer.text
    assert "Row 4, sku: NONE is not in the catalogue" in answer.text
    assert "2 things need correcting" in answer.text


def test_many_faults_are_counted_not_listed(town, signed_in):
    planner = signed_in("planner", name="anna", language="zh")
    place = f"/console/cycles/{town.draft(rows=[])}"
    rows = "".join(f"X{number},1\n" for number in range(50))
    answer = upload(planner, place, f"sku,supply_units\n{rows}".encode())
    assert "第 21 行" in answer.text
    assert "第 22 行" not in answer.text
    assert "另有 30 项" in answer.text


def test_a_fault_of_the_one_sku_stands_at_its_field(town, signed_in):
    planner = signed_in("planner", name="anna", language="en")
    place = f"/console/cycles/{town.draft(rows=[])}"
    answer = planner.post(f"{place}/supply/line", data={"sku": "K1", "supply_units": "many", "reason": "arrivals"})
    assert answer.status_code == 422
    assert 'id="f-supply_units-error"' in answer.text


def test_the_file_to_fill_in_comes_back_as_it_was(town, signed_in):
    planner = signed_in("planner", name="anna")
    first = town.draft()
    filled = planner.get(f"/console/cycles/{first}/supply/to-fill.csv").content
    assert filled.decode("utf-8-sig").splitlines()[0] == "sku,name,supply_units,reserve_units,minimum_units,scarce"
    second = town.draft(rows=[])
    assert planner.get(f"/console/cycles/{second}/supply/to-fill.csv").content == filled, "the cycle before fills it"
    assert upload(planner, f"/console/cycles/{second}", filled).status_code == 303
    with transaction(town.sessions) as session:
        assert supply_queries.supply(session, second) == supply_queries.supply(session, first)


def test_without_any_supply_the_file_has_a_row_for_every_sku(town, signed_in):
    planner = signed_in("planner", name="anna")
    cycle = town.draft(rows=[])
    rows = planner.get(f"/console/cycles/{cycle}/supply/to-fill.csv").text.splitlines()
    with transaction(town.sessions) as session:
        offered = catalogue.skus(session)
    assert [row.split(",")[0] for row in rows[1:]] == list(offered)


def test_the_supply_of_the_cycle_before_is_taken_over(town, signed_in):
    planner = signed_in("planner", name="anna", language="en")
    first = town.draft()
    place = f"/console/cycles/{(second := town.draft(rows=[]))}"
    assert "Begin with the last supply" in planner.get(f"{place}/supply").text
    assert planner.post(f"{place}/supply/before", data={"reason": "as before"}).status_code == 303
    with transaction(town.sessions) as session:
        assert supply_queries.supply(session, second) == supply_queries.supply(session, first)
    assert "Begin with the last supply" not in planner.get(f"{place}/supply").text

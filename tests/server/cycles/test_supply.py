"""Supply as people give it: what is taken, and what a fault says."""

import pytest

from contract.errors import Rejected
from server.catalogue.queries import Sku
from server.cycles import supply, supply_queries
from server.kit.db import transaction

SKUS = {
    name: Sku(name, "货", "Goods", "条", "carton", "goods", pack, 100, 0, None, None, (), (), "offered")
    for name, pack in (("K1", 10), ("007", 1))
}


def test_units_and_packs_reserve_minimum_and_mark_are_read_from_a_file():
    found = supply.read_file(
        "s.csv", b"sku,supply_packs,supply_units,reserve_units,minimum_units,scarce\nK1,6,,5,20,yes\n007,,9,,,\n", SKUS
    )
    assert [(line.sku, line.supply_units, line.pack_units) for line in found] == [("K1", 60, 10), ("007", 9, 1)]
    assert (found[0].reserve_units, found[0].minimum_units, found[0].scarce) == (5, 20, True)
    assert not found[1].scarce


def test_a_file_of_a_spreadsheet_with_its_invisible_mark_is_read():
    assert supply.read_file("s.csv", b"\xef\xbb\xbfsku,supply_units\r\nK1,60\r\n", SKUS)[0].supply_units == 60


@pytest.mark.parametrize(
    ("content", "where"),
    [
        (b"sku,supply_units\nK9,1\n", "row 2, sku"),
        (b"sku,supply_units\nK1,1\nK1,2\n", "row 3, sku"),
        (b"sku,supply_units\nK1,-1\n", "row 2, supply_units"),
        (b"sku,supply_units\nK1,1.5\n", "row 2, supply_units"),
        (b"sku,supply_units\nK1,\n", "row 2, supply_units"),
        (b"sku,supply_units,supply_packs\nK1,1,1\n", "row 2, supply_units"),
        (b"sku,supply_units,reserve_units\nK1,5,6\n", "row 2, reserve_units"),
        (b"sku,supply_units,scarce\nK1,5,perhaps\n", "row 2, scarce"),
        (b"sku,supply_units,colour\nK1,5,red\n", "row 1"),
        (b"sku,supply_units\nK1,5,6\n", "row 2"),
        (b"sku,supply_units\n", "rows"),
    ],
)
def test_a_fault_names_its_row_and_column(content, where):
    with pytest.raises(Rejected) as refused:
        supply.read_file("s.csv", content, SKUS)
    assert refused.value.params["where"] == where


@pytest.mark.parametrize("value", [True, 1.5, -1, 2**60])
def test_rows_of_programs_are_whole_numbers_of_a_sane_size(value):
    with pytest.raises(Rejected) as refused:
        supply.read_rows([{"sku": "K1", "supply_units": value}], SKUS)
    assert refused.value.params["where"] == "row 1, supply_units"


def test_a_version_says_what_it_offers_otherwise_than_the_one_before(town, signed_in):
    cycle = town.draft()
    town.supply(cycle, [{"sku": "K1", "supply_units": 90, "reserve_units": 5}], correct=True)
    town.supply(cycle, [{"sku": "K1", "supply_units": 90}, {"sku": "WINE", "supply_units": 60}])
    with transaction(town.sessions) as session:
        told = {
            version: [(one.sku, one.before_units, one.after_units) for one in found]
            for version, found in supply_queries.differences(session, cycle, (1, 2, 3)).items()
        }
    assert told == {1: [], 2: [("K1", 120, 80)], 3: [("K1", 80, 90), ("K2", 1000, None)]}
    page = signed_in("planner").get(f"/console/cycles/{cycle}/supply").text
    assert "1 SKU differs from version 1" in page
    assert "−40" in page

"""The sample town follows from its seed."""

import csv
import io

import pytest

from firmware_sim import town
from terminal_client.core.codes import gtin


def test_the_same_seed_makes_the_same_town_to_the_byte() -> None:
    one, other = town.make(7, shops=25), town.make(7, shops=25)
    assert one == other
    assert town.skus_csv(one) == town.skus_csv(other)
    assert town.retailers_csv(one) == town.retailers_csv(other)


def test_another_seed_makes_another_town() -> None:
    assert town.retailers_csv(town.make(7, shops=25)) != town.retailers_csv(town.make(8, shops=25))


@pytest.mark.parametrize("shops", [1, 30, 2000])
def test_a_town_has_as_many_shops_as_asked_and_each_its_own_code(shops: int) -> None:
    made = town.make(3, shops=shops)
    assert len({shop.code for shop in made.shops}) == shops
    packs = {good.sku: good.pack_units for good in made.skus}
    assert all(units % packs[sku] == 0 for shop in made.shops for sku, units in shop.wants.items())


def test_every_thing_and_its_case_have_barcodes_that_a_terminal_reads() -> None:
    made = town.make(7, shops=1)
    rows = list(csv.DictReader(io.StringIO(town.skus_csv(made).decode())))
    units = [row["barcodes"] for row in rows]
    cases = [row["case_barcodes"].partition("=") for row in rows]
    assert all(len(code) == 13 and code.startswith("200") and gtin(code) for code in units)
    assert all(len(code) == 14 and gtin(code) for code, _, _ in cases)
    assert len({*units, *(code for code, _, _ in cases)}) == 2 * len(made.skus)
    held = [int(count) for _, _, count in cases]
    assert held == [good.pack_units * town.PACKS_IN_CASE for good in made.skus]

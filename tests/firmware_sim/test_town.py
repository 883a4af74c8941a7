"""The sample town follows from its seed."""

import pytest

from firmware_sim import town


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

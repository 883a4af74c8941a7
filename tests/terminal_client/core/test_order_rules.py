"""What may stand on an order line."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contract.device_api import CatalogueItem
from contract.feed import Text
from terminal_client.core import order_rules

NAME = Text(zh="云岭", en="Yunling")


def item(**changes: Any) -> CatalogueItem:
    known: dict[str, Any] = {"sku": "A", "name": NAME, "unit": NAME, "pack_units": 3, "price_minor": 100}
    return CatalogueItem.model_validate(known | {"minimum_units": 15} | changes)


@pytest.mark.parametrize(
    ("entered", "code", "offers"),
    [
        (1, "below_minimum", (15,)),
        (6, "below_minimum", (15,)),
        (12, "below_minimum", (15,)),
        (13, "below_minimum", (15,)),
        (16, "not_whole_packs", (15, 18)),
    ],
)
def test_what_cannot_be_ordered_is_said_with_what_could_be_tapped(
    entered: int, code: str, offers: tuple[int, ...]
) -> None:
    problem = order_rules.problem_of(item(), entered)
    assert problem is not None
    assert (problem.code, problem.offers_units) == (code, offers)


@pytest.mark.parametrize("entered", [0, 15, 18])
def test_whole_packs_from_the_minimum_up_stand_as_they_are(entered: int) -> None:
    assert order_rules.problem_of(item(), entered) is None


def test_a_limit_cuts_the_offers_and_a_limit_below_the_minimum_leaves_none() -> None:
    tight = order_rules.problem_of(item(limit_units=17), 16)
    assert tight is not None
    assert tight.offers_units == (15,)
    impossible = order_rules.problem_of(item(limit_units=14), 15)
    assert impossible is not None
    assert (impossible.code, impossible.params["minimum"], impossible.params["limit"]) == (
        "minimum_above_limit",
        15,
        14,
    )


def test_without_the_licence_nothing_is_offered() -> None:
    problem = order_rules.problem_of(item(licensed=False, licence_class="C"), 15)
    assert problem is not None
    assert (problem.code, problem.offers_units) == ("not_licensed", ())


ITEMS = st.builds(
    item,
    pack_units=st.integers(1, 50),
    minimum_units=st.integers(0, 200),
    limit_units=st.none() | st.integers(0, 400),
)


@given(ITEMS, st.integers(0, 1000))
def test_every_offer_can_stand_and_none_repeats_what_was_refused(known: CatalogueItem, entered: int) -> None:
    problem = order_rules.problem_of(known, entered)
    offers = problem.offers_units if problem else ()
    assert entered not in offers
    assert all(order_rules.problem_of(known, offer) is None for offer in offers)


@given(ITEMS, st.lists(st.booleans(), max_size=30))
def test_the_stepper_only_ever_stands_on_what_can_be_ordered(known: CatalogueItem, taps: list[bool]) -> None:
    units = 0
    for up in taps:
        before, units = units, order_rules.next_units(known, units, up=up)
        assert units >= before if up else units <= before
        assert order_rules.problem_of(known, units) is None


@pytest.mark.parametrize(("units", "packs"), [(60, (5, 0)), (35, (2, 11)), (11, (0, 11)), (0, (0, 0)), (-13, (-1, -1))])
def test_quantities_are_boxes_and_pieces_and_never_a_fraction(units: int, packs: tuple[int, int]) -> None:
    assert order_rules.in_packs(units, 12) == packs

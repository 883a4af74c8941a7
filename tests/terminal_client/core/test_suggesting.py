"""What is suggested, from what was ordered, the forecast and the stock."""

from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contract.device_api import CatalogueItem
from contract.feed import ForecastClass, ForecastMonth, ForecastPast, Text
from terminal_client.core import order_rules
from terminal_client.core.suggesting import Known, percent_by_class, suggestion

NAME = Text(zh="云岭", en="Yunling")
MARCH = date(2027, 3, 1)


def item(**changes: Any) -> CatalogueItem:
    known: dict[str, Any] = {"sku": "A", "name": NAME, "unit": NAME, "pack_units": 10, "price_minor": 100}
    return CatalogueItem.model_validate(known | changes)


@pytest.mark.parametrize(
    ("known", "units"),
    [
        (Known(40), 40),
        (Known(40, on_hand_units=15), 30),
        (Known(40, on_hand_units=0, percent=20), 50),
        (Known(40, on_hand_units=10, percent=-50), 10),
        (Known(40, on_hand_units=-3), 40),
    ],
)
def test_the_last_order_moved_by_the_forecast_less_the_stock_in_whole_packs(known: Known, units: int) -> None:
    found = suggestion(item(), known)
    assert found is not None
    assert (found.units, found.capped) == (units, False)


@pytest.mark.parametrize("known", [Known(0), Known(0, on_hand_units=0, percent=50), Known(40, on_hand_units=40)])
def test_nothing_is_suggested_where_nothing_was_ordered_or_enough_is_there(known: Known) -> None:
    assert suggestion(item(), known) is None


def test_a_limit_holds_it_back_and_says_so() -> None:
    found = suggestion(item(limit_units=25), Known(40))
    assert found is not None
    assert (found.units, found.capped) == (20, True)
    assert suggestion(item(limit_units=5), Known(40)) is None
    assert suggestion(item(licensed=False), Known(40)) is None


@given(
    st.builds(
        item,
        pack_units=st.integers(1, 50),
        minimum_units=st.integers(0, 200),
        limit_units=st.none() | st.integers(0, 400),
    ),
    st.integers(0, 500),
    st.none() | st.integers(-5, 600),
    st.none() | st.integers(-50, 50),
)
def test_what_is_suggested_can_always_be_ordered(
    known: CatalogueItem, last: int, stock: int | None, percent: int | None
) -> None:
    found = suggestion(known, Known(last, on_hand_units=stock, percent=percent))
    if found is not None:
        assert found.units > 0
        assert order_rules.problem_of(known, found.units) is None


def _class(name: str, came: int | None = 100, **figures: int) -> ForecastClass:
    month = ForecastMonth(period=MARCH, mean_units=90, low_units=60, high_units=130, **figures)
    past = (ForecastPast(period=date(2027, 2, 1), forecast_units=80, came_units=came),)
    return ForecastClass(product_class=name, months=(month,), past=past)


def test_the_figure_agreed_on_goes_before_the_own_one_and_that_before_the_computed_one() -> None:
    classes = [
        _class("computed"),
        _class("own", own_units=120),
        _class("agreed", own_units=120, agreed_units=110),
        _class("far", own_units=900),
        _class("unknown", came=None),
    ]
    assert percent_by_class(classes, MARCH) == {"computed": -10, "own": 20, "agreed": 10, "far": 50}
    assert percent_by_class(classes, date(2027, 9, 1)) == {}

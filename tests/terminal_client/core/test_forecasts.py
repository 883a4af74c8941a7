"""The shop's forecast on the terminal: which one counts, by how much a tap moves a figure."""

from datetime import date
from typing import Any

import pytest

from contract.feed import Forecast, ForecastClass, ForecastMonth
from terminal_client.core import feed, forecasts


def tell(world: Any, version: int, number: int, parts: int, *classes: str) -> None:
    month = ForecastMonth(period=date(2027, 5, 1), mean_units=9, low_units=4, high_units=15)
    message = Forecast(
        version=version,
        part=number,
        parts=parts,
        cut_off=date(2027, 3, 1),
        made_at=world.server.now(),
        classes=tuple(ForecastClass(product_class=name, months=(month,)) for name in classes),
    )
    item = world.server.tell(f"forecast:{number}", "forecast", message)
    feed.apply(world.store, [item], cursor=item.seq, server_ms=world.clock.at_ms)


def shown(world: Any) -> list[str]:
    found = forecasts.read(world.store, world.shop.clock)
    return [] if found is None else [one.known.product_class for one in found.classes]


def test_a_forecast_is_shown_once_all_its_parts_are_there(world: Any) -> None:
    tell(world, 3, 1, 2, "A", "B")
    assert shown(world) == []
    tell(world, 3, 2, 2, "C")
    assert shown(world) == ["A", "B", "C"]


def test_what_is_left_of_a_longer_forecast_before_is_not_shown(world: Any) -> None:
    tell(world, 3, 1, 2, "A", "B")
    tell(world, 3, 2, 2, "C")
    tell(world, 4, 1, 1, "A")
    assert shown(world) == ["A"]


@pytest.mark.parametrize(
    ("mean", "step"), [(0, 1), (19, 1), (40, 2), (99, 2), (100, 5), (120, 5), (200, 10), (999, 20), (12_345, 500)]
)
def test_a_tap_moves_a_figure_by_about_a_twentieth(mean: int, step: int) -> None:
    assert forecasts.step_units(mean) == step

"""Where a cycle's weights come from: a forecast, a figure that was talked over, scores that two persons put in force.

The forecast is asked for once the history is there, and computed while the terminals enrol.
"""

from collections.abc import Callable
from urllib.parse import quote

from evenhand.demo.shops import Shop
from evenhand.demo.waiting import Status, computed
from firmware_sim.stage import ConflictError, Person

FORECASTS = "/api/v1/forecasts"
SCORES = "/api/v1/scores"


def ask_forecast(planner: Person) -> int:
    """Ask for a forecast of all shops; return its number, that of the night's where it was asked for before."""
    try:
        return int(planner.post(f"{FORECASTS}/versions")["number"])
    except ConflictError:
        return int(planner.get(f"{FORECASTS}/versions", limit=1)[0]["number"])


def forecast_when(planner: Person, number: int, holds: Callable[[Status], bool]) -> Status:
    """Return how a forecast stands, once ``holds`` says so of it or it is there.

    Raises
    ------
    StageError
        Where it failed or does not come that far in time.
    """

    def look() -> Status:
        known: list[Status] = planner.get(f"{FORECASTS}/versions")
        return next(one for one in known if one["number"] == number)

    return computed("forecast", look, holds)


def make_scores(planner: Person) -> Status:
    """Have a draft of the scores computed; return it. Raises as :func:`forecast_when`."""
    number = planner.post(f"{SCORES}/runs")["number"]
    return computed("score run", lambda: planner.get(f"{SCORES}/runs/{number}"))


def publish_scores(releaser: Person, number: int) -> Status:
    """Put a draft in force as the second person; return it."""
    releaser.post(f"{SCORES}/runs/{number}/publish")
    published: Status = releaser.get(f"{SCORES}/runs/{number}")
    return published


def talk_over(planner: Person, shop: Shop) -> str:
    """Let a shop say on its terminal what it expects, and the planner meet it half way; return both in words."""
    said = shop.give_figure()
    agreed_units = (said.suggested_units + said.own_units) // 2
    planner.post(
        f"{FORECASTS}/retailers/{quote(shop.code, safe='')}/figures",
        {
            "product_class": said.product_class,
            "period": said.period.isoformat(),
            "kind": "agreed",
            "units": agreed_units,
            "note": "half way between the forecast and the shop's own figure",
        },
    )
    return (
        f"shop {shop.code} expects {said.own_units:,} units where {said.suggested_units:,} are forecast, "
        f"{agreed_units:,} agreed"
    )

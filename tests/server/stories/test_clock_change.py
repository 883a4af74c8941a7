"""A planner's weekly window over a change of clocks: shown beforehand with its offset, and counted down as it is."""

import re
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from factories import make_retailer
from playwright.sync_api import expect

from server import worker
from server.kit.db import transaction

pytestmark = [pytest.mark.system, pytest.mark.slow]

BERLIN = "Europe/Berlin"
#: The Saturday, how many hours lie between its 16:00 in Berlin and Sunday's, the closes of that Sunday and the next.
CHANGES = {
    "zh": (datetime(2027, 3, 27, tzinfo=UTC), 23, ("3月28日 周日 16:00 UTC+02:00", "4月4日 周日 16:00 UTC+02:00")),
    "en": (datetime(2027, 10, 30, tzinfo=UTC), 25, ("31 Oct 2027 16:00 UTC+01:00", "7 Nov 2027 16:00 UTC+01:00")),
}


def test_a_weekend_over_a_change_of_clocks_is_shown_before_and_counted_as_long_as_it_is(house):
    saturday, hours, closes = CHANGES[house.language]
    route, town = house.code("Berlin"), house.town
    house.clock.now = max(house.clock.now, saturday - timedelta(days=4))
    with transaction(house.runtime.sessions) as session:
        make_retailer(session, house.code("CC1"), route=route)
    clara = house.come_in("Clara", "planner")
    page = clara.page

    clara.tap("Schedules", role="link", within=".side")
    typed = {"opens_weekday": "6", "closes_weekday": "7", "route": route}
    for name, value in typed.items():
        page.locator(f"select[name={name}]").select_option(value)
    for name, value in {"opens_time": "16:00", "closes_time": "16:00", "zone": BERLIN}.items():
        page.locator(f"input[name={name}]").fill(value)
    clara.tap("Set it")
    for close in closes:
        expect(page.locator("main")).to_contain_text(close)
    lasts = clara.words("The clocks change in between: it lasts %(hours)s hours.") % {"hours": hours}
    expect(page.locator("main tr", has_text=closes[0])).to_contain_text(lasts)
    clara.look()

    page.goto("/console/cycles/new")
    page.locator("input[name=week]").fill(saturday.date().isoformat())
    clara.tap("Make the draft")
    clara.tap("Plan from the weekly schedules")
    expect(page.locator("main")).to_contain_text(closes[0])
    cycle = UUID(page.url.rsplit("/")[-1])
    town.supply(cycle, [{"sku": "K1", "supply_units": 130}])
    page.reload()
    clara.tap("Announce")
    clara.look()
    clara.tap("Announce", within="#announce")
    town.work()
    house.clock.now = datetime.combine(saturday.date(), datetime.min.time(), UTC) + timedelta(
        hours=16 - 1 - (hours == 25)
    )
    worker.tick(house.runtime)
    town.work()
    page.goto("/console/windows")
    window = page.locator("section", has_text=route)
    expect(window.locator("[data-countdown]")).to_have_text(re.compile(rf"{hours}:00:00|{hours - 1}:59:\d\d"))
    clara.look()
    page.goto("/console/standing")
    clara.tap("Take it away")
    page.locator("#confirm").get_by_role("button", name=clara.words("Take it away")).click()
    expect(page.locator("main")).not_to_contain_text(BERLIN)

"""Two planners on one draft, one person in two tabs, and a published cycle corrected by two who are two."""

import pytest
from people import Screen
from playwright.sync_api import expect

from server.cycles import supply_queries
from server.kit.db import transaction

pytestmark = [pytest.mark.system, pytest.mark.slow]

SENT_BEFORE = "This form was sent before, and was done then. Nothing was done twice."
WORDS = {
    "zh": ("一托盘货受潮", "本周到货", "我的数字"),
    "en": ("a pallet got wet", "the week's arrivals", "my own figure"),
}


def versions(house, cycle) -> list[int]:
    """Return the versions of a cycle's supply, the newest first."""
    with transaction(house.runtime.sessions) as session:
        return [one.version for one in supply_queries.supply_versions(session, cycle)]


def types_supply(at: Screen, sku: str, units: int, reason: str) -> None:
    """Fill in the form of one SKU, and leave it unsent."""
    form = at.page.locator("form[action$='/supply/line']")
    form.locator("[name=sku]").fill(sku)
    form.locator("[name=supply_units]").fill(str(units))
    form.locator("[name=reason]").fill(reason)


def test_the_second_of_two_planners_is_told_and_nothing_is_done_twice(house):
    _, arrivals, own = WORDS[house.language]
    cycle = house.town.draft()
    place = f"/console/cycles/{cycle}/supply"
    pia, paul = house.come_in("Pia", "planner"), house.come_in("Paul", "planner")
    pia.page.locator(f"main a[href='/console/cycles/{cycle}']").first.click()
    pia.tap("Supply", role="link")
    paul.page.goto(place)
    types_supply(pia, "K1", 90, arrivals)
    types_supply(paul, "K1", 80, own)
    form = pia.page.locator("form[action$='/supply/line']")
    sent = {name: form.locator(f"[name={name}]").input_value() for name in ("once", "seen")}
    form.locator("button").dblclick()
    expect(pia.page.locator("main .timeline")).to_contain_text(arrivals)
    assert versions(house, cycle) == [2, 1]
    pia.look()

    pia.page.go_back()
    expect(form.locator("[name=supply_units]")).to_have_value("")
    types_supply(pia, "K1", 90, arrivals)
    for name, value in sent.items():  # as a browser sends a form again that it kept
        form.locator(f"[name={name}]").evaluate("(field, value) => { field.value = value }", value)
    form.locator("button").click()
    expect(pia.page.locator("#notices")).to_contain_text(pia.words(SENT_BEFORE))
    assert versions(house, cycle) == [2, 1]
    pia.look()

    paul.page.locator("form[action$='/supply/line'] button").click()
    paul.says("What you typed, beside what stands there now")
    expect(paul.page.locator("main")).to_contain_text(own)
    expect(paul.page.locator("main")).to_contain_text(arrivals)
    paul.look()
    assert versions(house, cycle)[0] == 2
    assert house.trace(f"cycle:{cycle}")[:1] == house.did(("Pia", "cycle.supply_released"))


def test_a_published_cycle_is_corrected_by_two_persons_who_are_not_one_with_two_tabs(house):
    wet, *_ = WORDS[house.language]
    town = house.town
    cycle = town.published()
    place = f"/console/cycles/{cycle}"
    pia = house.come_in("Pam", "planner", "releaser", second_factor=True)
    pia.page.goto(f"{place}/supply")
    pia.says("The grants are out")
    types_supply(pia, "K1", 90, wet)
    pia.page.locator("form[action$='/supply/line'] [name=reserve_units]").fill("5")
    pia.page.locator("form[action$='/supply/line'] button").click()
    pia.says("A correction is under way")
    pia.look()
    town.work()
    pia.page.goto(f"{place}/review")
    pia.tap("Send to a second person")
    pia.tap("Send it", within="#send")
    pia.says("You sent this result")
    other_tab = house.another_browser("Pam")
    other_tab.page.goto(f"{place}/review")
    other_tab.says("You sent this result")
    expect(other_tab.page.locator("[data-opens=release]")).to_have_count(0)
    csrf = other_tab.page.locator("meta[name=csrf]").get_attribute("content") or ""
    forced = other_tab.page.request.post(f"{place}/release", headers={"X-CSRF-Token": csrf})
    assert forced.status == 422
    assert house.code("Pam") in forced.text()
    assert town.cycle(cycle).state == "in_review"

    rob = house.come_in("Rob", "releaser", second_factor=True)
    rob.look()
    rob.page.locator(f"main a[href^='{place}']").first.click()
    rob.says("A correction is under way")
    rob.look()
    rob.page.locator("[data-opens=release]").click()
    rob.tap("Release", within="#release")
    town.work()
    rob.page.goto(f"{place}/publications")
    expect(rob.page.locator("main")).to_contain_text(rob.words("Publication %(number)s") % {"number": 2})
    expect(rob.page.locator("main")).to_contain_text(rob.words("Corrected because: %(reason)s") % {"reason": wet})
    expect(rob.page.locator("#list-rows tbody tr").first).to_be_visible()
    rob.look()
    did = house.did(("Rob", "cycle.released"), ("Pam", "cycle.sent_for_release"), ("Pam", "cycle.supply_released"))
    assert [one for one in house.trace(f"cycle:{cycle}") if one in did] == did

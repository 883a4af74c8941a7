"""A customer manager's day on a telephone: one shop's e-file, its complaint answered, and nobody else's shop."""

import pytest
from devices import signing
from factories import make_device, make_retailer
from playwright.sync_api import expect

from contract.messages import SendFeedback
from server.kit.db import transaction

pytestmark = [pytest.mark.system, pytest.mark.slow]

WORDS = {
    "zh": ("上周少送了两条", "已核实，下次送货一并补上。", "answer_zh"),
    "en": ("Two cartons were missing last week", "You are right; they come with the next round.", "answer_en"),
}


def test_a_complaint_is_answered_on_a_telephone_and_a_strange_shop_is_not_found(house):
    said, answered, field = WORDS[house.language]
    mine, strange = house.code("CM1"), house.code("CM2")
    here, there = house.code("lakeside"), house.code("uptown")
    with transaction(house.runtime.sessions) as session:
        make_retailer(session, mine, region=here)
        make_retailer(session, strange, region=there)
        make_device(session, mine)
        make_device(session, strange)
    for shop in (mine, strange):
        message = SendFeedback(kind="complaint", category="delivery", words=f"{shop}: {said}")
        receipt = house.tell_as(f"t-{shop.lower()}", signing(f"t-{shop.lower()}"), "feedback.send", message)
        assert receipt["outcome"] == "accepted"
    carla = house.come_in("Carla", "manager", size="phone", regions=(here,))
    page = carla.page

    carla.look()
    card = page.locator(".panel", has=page.get_by_role("link", name=carla.words("Complaints and suggestions")))
    expect(card).to_contain_text(mine)
    expect(card).not_to_contain_text(strange)
    card.locator("li a").first.click()
    carla.says(f"{mine}: {said}")
    carla.tap("Give it to this person")
    page.locator(f"#f-{field}").fill(answered)
    page.locator("#f-close").check()
    carla.look()
    carla.tap("Answer it")
    carla.says(answered)
    carla.look()
    number = page.locator("h1").inner_text().rpartition("#")[2]
    told = [item["data"] for item in house.heard_by(signing(f"t-{mine.lower()}")) if item["kind"] == "feedback"]
    assert answered in str(told)

    page.goto("/console/retailers")
    expect(page.locator("#list-rows tbody tr")).to_have_count(1)
    page.locator("#list-rows tbody a").first.click()
    expect(page.locator("[aria-busy]")).to_have_count(0)
    for part in ("licences", "orders", "deliveries", "feedback", "devices"):
        expect(page.locator(f"#part-{part}")).to_be_visible()
    expect(page.locator("#part-feedback")).to_contain_text(f"#{number}")
    carla.look()
    for path in (f"/console/retailers/file?code={strange}", f"/console/devices/t-{strange.lower()}"):
        assert page.goto(path).status == 404
        assert strange not in page.locator("h1").inner_text()
    carla.look()
    page.goto(f"/console/find?q={strange}")
    expect(page.locator("main").get_by_role("link", name=strange)).to_have_count(0)

    did = house.did(("Carla", "feedback.closed"), ("Carla", "feedback.answered"), ("Carla", "feedback.assigned"))
    assert house.trace(f"feedback:{number}")[:3] == did

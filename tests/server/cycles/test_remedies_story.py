"""How a shop is made good, pressed through the screens: by the reserve, by the carry, by a replacement that leaves."""

import re

import pytest
from factories import send

from contract.messages import ConfirmDelivery, ConfirmedLine
from server.cycles import result_queries
from server.deliveries import queries as deliveries
from server.kit.db import transaction

from .conftest import SUPPLY

pytestmark = pytest.mark.slow

WITH_RESERVE = [{"sku": "K1", "supply_units": 130, "reserve_units": 30}, *SUPPLY[1:]]
STORIES = {
    "en": {
        "reason": "the flood took its stock",
        "reserve": "Publication 2",
        "carry": r"carry, in packs: brought ([+-][\d.]+), takes on ([+-][\d.]+)",
        "way": "waits for the next dispatch",
        "settled": "settled",
    },
    "zh": {
        "reason": "洪水淹了该零售户的库存",
        "reserve": "第 2 次发布",
        "carry": r"结转（包）：上期带入 ([+-][\d.]+)，转入下期 ([+-][\d.]+)",
        "way": "等待下次派发",
        "settled": "已结清",
    },
}
SHOPS = ("R1", "R2", "R3", "R4")
LANGUAGES = pytest.mark.parametrize("language", ["en", "zh"])


def of(town, cycle, retailer: str, sku: str) -> int:
    with transaction(town.sessions) as session:
        grants = result_queries.grants(session, cycle)
        return next(one.granted_units for one in grants if (one.retailer, one.sku) == (retailer, sku))


@LANGUAGES
def test_an_upheld_appeal_is_made_good_out_of_the_reserve_by_two_persons(town, signed_in, language):
    said = STORIES[language]
    cycle = town.published(rows=WITH_RESERVE)
    place = f"/console/cycles/{cycle}"
    planner = signed_in("planner", name="anna", language=language)
    releaser = signed_in("releaser", name="bo", language=language)
    before = {shop: of(town, cycle, shop, "K1") for shop in SHOPS}
    released = {"sku": "K1", "supply_units": "130", "reserve_units": "10", "reason": said["reason"]}
    assert planner.post(f"{place}/supply/line", data=released).status_code == 303
    town.work()
    wanted = {"retailer": "R2", "sku": "K1", "granted_units": str(before["R2"] + 20), "reason": said["reason"]}
    assert planner.post(f"{place}/adjustments", data=wanted).status_code == 303
    page = releaser.get(f"{place}/review").text
    assert said["reason"] in page
    address = page.split(f'action="{place}/adjustments/')[1].split("/")[0]
    assert releaser.post(f"{place}/adjustments/{address}/approve").status_code == 303
    town.work()
    assert planner.post(f"{place}/send").status_code == 303
    assert releaser.post(f"{place}/release").status_code == 303
    town.work()
    assert town.cycle(cycle).state == "published", town.cycle(cycle).trouble
    page = planner.get(f"{place}/publications").text
    assert said["reserve"] in page
    assert said["reason"] in page
    after = {shop: of(town, cycle, shop, "K1") for shop in before}
    assert after == before | {"R2": before["R2"] + 20}, "nobody else pays for it"


@LANGUAGES
def test_what_rounding_took_is_shown_as_carry_and_brought_into_the_next_cycle(town, signed_in, language):
    brought, taken_on = [], []
    for _ in range(2):
        cycle = town.published()
        browser = signed_in("planner", name="anna", language=language)
        pages = [browser.get(f"/console/cycles/{cycle}/explain", params={"retailer": shop}).text for shop in SHOPS]
        lines = [re.findall(STORIES[language]["carry"], page) for page in pages]
        brought.append([sorted(float(before) for before, _ in some if float(before)) for some in lines])
        taken_on.append([sorted(float(after) for _, after in some if float(after)) for some in lines])
        town.clock.advance(days=7)
    assert not any(brought[0])
    assert any(taken_on[0])
    assert brought[1] == taken_on[0]


@LANGUAGES
def test_an_upheld_claim_is_made_good_with_the_next_dispatch(town, signed_in, language):
    said = STORIES[language]
    cycle = town.published()
    planner = signed_in("planner", name="anna", language=language)
    assert planner.post("/console/deliveries/dispatch", data={"cycle": str(cycle)}).status_code == 303
    with transaction(town.sessions) as session:
        (delivery,) = deliveries.deliveries(session, cycle=cycle, retailer="R4")
        (line,) = delivery.lines
        short = ConfirmedLine(
            sku="K1", accepted_units=line.shipped_units - 10, difference="short", difference_units=10, reason="a box"
        )
        message = ConfirmDelivery(delivery=delivery.id, confirmed_at=town.clock.now, lines=(short,))
        assert send(session, town.devices["R4"], "delivery.confirm", message, at=town.clock.now).outcome == "accepted"
        (claim,) = deliveries.claims(session)
    page = f"/console/claims/{claim.id}"
    decided = {"verdict": "upheld", "reason": said["reason"], "remedy": "replacement"}
    assert planner.post(f"{page}/decide", data=decided).status_code == 303
    assert said["way"] in planner.get(page).text
    town.clock.advance(days=7)
    following = town.published()
    planner = signed_in("planner", name="anna", language=language)
    assert planner.post("/console/deliveries/dispatch", data={"cycle": str(following)}).status_code == 303
    assert said["settled"] in planner.get(page).text
    with transaction(town.sessions) as session:
        mine = deliveries.deliveries(session, cycle=following, retailer="R4")
    assert [line.replacement_units for one in mine for line in one.lines if line.replacement_units] == [10]

"""A licence inspector's day: what runs out is renewed, a suspension is signed with open eyes, kept and lifted."""

import re
from datetime import timedelta

import pytest
from devices import signing
from factories import make_device, make_retailer, make_sku, publish_grants
from people import Screen
from playwright.sync_api import expect

from contract.messages import OrderLine, PlaceOrder
from server.deliveries import service as deliveries
from server.kit.db import transaction
from server.kit.identity import Operator
from server.licences.console_files import STEPS

pytestmark = [pytest.mark.system, pytest.mark.slow]

PLANNER = Operator(1, "planner-1", frozenset({"planner"}))
DONE = {"Sign": "signed", "Grant": "granted"}
A_FILE = re.compile(r"/licences/files/\d+$")
WORDS = {
    "zh": ("向未成年人出售", "罚款已缴", "申请延续两年", "材料齐全", "开春再去看一次"),
    "en": ("sold to minors", "the fine is paid", "asks for two more years", "in order", "look again in spring"),
}


def opens_file(at: Screen, shop: str, act: str, number: str, words: str) -> str:
    """Open a file about a licence from the shop's e-file; return its address."""
    at.page.goto(f"/console/retailers/file?code={shop}")
    at.page.get_by_role("link", name=at.words(act) % {"number": number}).click()
    at.page.locator("#f-document").fill("2026-17")
    at.page.locator("#f-words").fill(words)
    at.tap("Open the file")
    at.page.wait_for_url(A_FILE)
    return at.page.url


def decides(at: Screen, file: str, act: str, words: str, *, last_day: str | None = None) -> None:
    """Take the last step of a file."""
    at.page.goto(file)
    if last_day is not None:
        at.page.locator("#f-valid_until").fill(last_day)
    at.page.locator(f"form[action$='/{act.lower()}'] textarea").fill(words)
    at.tap(act)
    if act == "Sign":
        at.tap("Sign", within="#confirm")
    expect(at.page.locator("main .timeline li").first).to_contain_text(at.words(STEPS[DONE[act]]))


def holds_and_orders(house, shop: str, other: str, sku: str, leaf: str) -> PlaceOrder:
    """Let a shop order, be granted and be on the way to get goods of a class; another's licence runs out soon."""
    today = house.clock().date()
    with transaction(house.runtime.sessions) as session:
        make_sku(session, sku, licence_class=leaf)
        make_retailer(session, shop, route=shop, classes=[leaf])
        make_retailer(session, other, classes=[leaf], licensed_until=today + timedelta(days=20))
        make_device(session, shop)
    town = house.town
    cycle = town.draft(rows=[{"sku": sku, "supply_units": 90}], route=shop)
    town.announce(cycle)
    order = PlaceOrder(window=town.open(cycle), lines=(OrderLine(sku=sku, quantity_units=3),))
    assert (
        house.tell_as(f"t-{shop.lower()}", signing(f"t-{shop.lower()}"), "order.place", order)["outcome"] == "accepted"
    )
    with transaction(house.runtime.sessions) as session:
        publish_grants(session, {shop: {sku: 4}}, at=house.clock())
        deliveries.dispatch_cycle(
            session, publish_grants(session, {shop: {sku: 6}}, at=house.clock()), PLANNER, at=house.clock()
        )
    return order


def test_a_licence_is_renewed_another_suspended_with_open_eyes_and_given_back(house):
    sold, paid, asked, fits, note = WORDS[house.language]
    shop, other, sku, leaf = (house.code(one) for one in ("LI1", "LI2", "SMOKE", "leaf"))
    today = house.clock().date()
    order = holds_and_orders(house, shop, other, sku, leaf)
    terminal = (f"t-{shop.lower()}", signing(f"t-{shop.lower()}"), "order.place", order)
    ida, ivo = house.come_in("Ida", "inspector"), house.come_in("Ivo", "inspector")

    ida.look()
    ida.tap("Licences that run out soon", role="link")
    rows = ida.page.locator("#list-rows tbody tr")
    expect(rows.filter(has_text=other)).to_have_count(1)
    expect(rows.filter(has_text=shop)).to_have_count(0)
    renewal = opens_file(ida, other, "Renew %(number)s", f"{leaf}-{other}", asked)
    ida.page.locator("#f-words").fill(fits)
    ida.tap("Keep the findings")
    ida.says("You took a step of this file: another person decides it.")
    ida.look()

    suspension = opens_file(ida, shop, "Suspend %(number)s", f"{leaf}-{shop}", sold)
    touched = ida.page.locator("#touched")
    for part in ("Open orders", "Grants that are not dispatched", "Deliveries on the way"):
        expect(touched).to_contain_text(ida.words(part))
    ida.look()
    assert house.tell_as(*terminal)["outcome"] == "accepted", "what is only proposed changes nothing"

    ivo.page.goto("/console/")
    waiting = ivo.page.locator(".panel", has_text=ivo.words("Licence decisions waiting for me"))
    expect(waiting.locator(f"a[href$='/{suspension.rsplit('/')[-1]}']")).to_be_visible()
    decides(ivo, suspension, "Sign", sold)
    ivo.says("What the signer saw:")
    ivo.look()
    refused = house.tell_as(*terminal)
    assert (refused["outcome"], refused["code"]) == ("rejected", "not_licensed")

    lifting = opens_file(ivo, shop, "Restore %(number)s", f"{leaf}-{shop}", paid)
    decides(ida, lifting, "Sign", paid)
    assert house.tell_as(*terminal)["outcome"] == "accepted"
    decides(ivo, renewal, "Grant", fits, last_day=(today + timedelta(days=750)).isoformat())
    ida.page.goto("/console/licences?stands=expiring")
    expect(rows.filter(has_text=other)).to_have_count(0)

    ida.page.goto(f"/console/retailers/file?code={shop}")
    standing = ida.page.locator("#part-standing")
    standing.locator("textarea[name=words]").last.fill(note)
    standing.locator("form button").last.click()
    expect(standing.locator(".words").first).to_have_text(note)
    ida.look()

    did = house.did(
        ("Ida", "retailer.noted"), ("Ida", "licence.file_signed"), ("Ivo", "licence.file_entered"),
        ("Ivo", "licence.file_signed"), ("Ida", "licence.file_entered"),
    )  # fmt: skip
    assert [one for one in house.trace(f"retailer:{shop}") if one in did] == did

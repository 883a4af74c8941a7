"""The screens and the programs' interface of deliveries and claims, in both languages."""

import pytest
from factories import NOW, make_device, make_retailer, make_sku, publish_grants, send

from contract.messages import ConfirmDelivery, ConfirmedLine
from server.deliveries import queries
from server.deliveries import service as deliveries
from server.kit.db import transaction
from server.kit.identity import Operator
from server.retailers.models import RetailerRow

DISPATCHER = Operator(1, "planner", frozenset({"planner"}))


@pytest.fixture
def cycle(sessions):
    """A published cycle: R1 gets boxes of A, R2 is suspended."""
    with transaction(sessions) as session:
        for sku in "AB":
            make_sku(session, sku, pack_units=12)
        make_retailer(session, "R1")
        make_retailer(session, "R2", route="south", standing="suspended")
        return publish_grants(session, {"R1": {"A": 48}, "R2": {"B": 12}})


@pytest.fixture
def confirmed(sessions, cycle):
    """The same cycle dispatched, and confirmed by R1 with a box and a piece missing."""
    with transaction(sessions) as session:
        deliveries.dispatch_cycle(session, cycle, DISPATCHER, at=NOW)
        delivery = queries.deliveries(session, retailer="R1")[0]
        short = ConfirmedLine(
            sku="A", accepted_units=35, difference="short", difference_units=13, reason="<b>one box</b> was missing"
        )
        message = ConfirmDelivery(delivery=delivery.id, confirmed_at=NOW, lines=(short,))
        assert send(session, make_device(session, "R1"), "delivery.confirm", message).outcome == "accepted"
        return queries.claims(session)[0]


@pytest.mark.parametrize(
    ("language", "words"),
    [("en", ("Nothing was dispatched yet", "No exceptions")), ("zh", ("尚未派发", "没有异常"))],
)
def test_before_anything_happens_the_rooms_say_so(signed_in, language, words):
    browser = signed_in("planner", language=language)
    for address, word in zip(("/console/deliveries", "/console/claims"), words, strict=True):
        answer = browser.get(address)
        assert answer.status_code == 200
        assert word in answer.text


@pytest.mark.parametrize(
    ("language", "waits", "done"),
    [
        ("en", "is published and not dispatched yet", "Deliveries on the way: 1. Held: 1."),
        ("zh", "已发布，尚未派发", "1 张送货单已发出，1 张暂扣。"),
    ],
)
def test_a_planner_dispatches_a_published_cycle_by_its_button(signed_in, cycle, language, waits, done):
    browser = signed_in("planner", language=language)
    assert waits in browser.get("/console/deliveries").text
    sent = browser.post("/console/deliveries/dispatch", data={"cycle": str(cycle)})
    assert sent.status_code == 303
    listed = browser.get(sent.headers["Location"])
    assert done in listed.text
    assert waits not in listed.text
    assert "R1" in listed.text


def test_only_a_planner_dispatches_releases_and_decides(signed_in, confirmed, cycle):
    browser = signed_in("releaser")
    held = "/console/deliveries?state=held"
    assert browser.get(held).status_code == 200
    for address, data in (
        ("/console/deliveries/dispatch", {"cycle": str(cycle)}),
        (f"/console/deliveries/{confirmed.delivery}/release", {}),
        (f"/console/claims/{confirmed.id}/decide", {"verdict": "upheld", "reason": "true"}),
        ("/api/v1/deliveries/dispatch", {}),
    ):
        assert browser.post(address, data=data).status_code == 403


@pytest.mark.parametrize(
    ("language", "packs", "held"), [("en", "2 boxes + 11", "Do not load"), ("zh", "2 箱 + 11", "不得装车")]
)
def test_the_dispatch_list_names_every_shop_of_a_route_in_packs(signed_in, confirmed, cycle, language, packs, held):
    browser = signed_in("planner", language=language)
    every = browser.get(f"/console/deliveries/lists/{cycle}").text
    assert "Shop R1" in every
    assert held in every
    north = browser.get(f"/console/deliveries/lists/{cycle}?route=north").text
    assert "Shop R1" in north
    assert "Shop R2" not in north
    delivery = browser.get(f"/console/deliveries/{confirmed.delivery}").text
    assert packs in delivery


@pytest.mark.parametrize(
    ("language", "why"), [("en", "The shop is suspended: unpaid."), ("zh", "该零售户已停供：unpaid。")]
)
def test_a_held_delivery_says_why_and_goes_when_the_reason_is_gone(signed_in, sessions, confirmed, language, why):
    browser = signed_in("planner", language=language)
    with transaction(sessions) as session:
        held = queries.deliveries(session, state="held")[0]
    page = f"/console/deliveries/{held.id}"
    assert why in browser.get(page).text
    refused = browser.post(f"{page}/release")
    assert refused.status_code == 422
    assert "unpaid" in refused.text
    with transaction(sessions) as session:
        session.get_one(RetailerRow, "R2").standing = "good"
    assert browser.post(f"{page}/release").status_code == 303
    assert why not in browser.get(page).text


@pytest.mark.parametrize(("language", "kind", "boxes"), [("en", "short", "1 box + 1"), ("zh", "短少", "1")])
def test_an_exception_shows_its_owner_its_age_and_what_the_shop_says(
    signed_in, clock, confirmed, language, kind, boxes
):
    clock.advance(days=4)
    browser = signed_in("planner", language=language)
    inbox = browser.get("/console/claims").text
    assert kind in inbox
    assert "planner" in inbox
    assert ("4 days ago" if language == "en" else "4天前") in inbox
    shown = browser.get(f"/console/claims/{confirmed.id}").text
    assert boxes in shown
    assert "&lt;b&gt;one box&lt;/b&gt; was missing" in shown
    home = browser.get("/console/today/goods").text
    assert f"/console/claims/{confirmed.id}" in home


def test_a_decision_is_dated_and_its_reason_stands(signed_in, sessions, clock, confirmed):
    browser = signed_in("planner")
    page = f"/console/claims/{confirmed.id}"
    empty = browser.post(f"{page}/decide", data={"verdict": "upheld", "reason": " "})
    assert empty.status_code == 422
    assert browser.post(f"{page}/decide", data={"verdict": "maybe", "reason": "x"}).status_code == 422
    decided = browser.post(f"{page}/decide", data={"verdict": "upheld", "reason": "the driver saw it"})
    assert decided.status_code == 303
    assert "the driver saw it" in browser.get(page).text
    again = browser.post(f"{page}/decide", data={"verdict": "declined", "reason": "no"})
    assert again.status_code == 409
    assert "no" in again.text
    assert browser.post(f"{page}/settle", data={"note": "sent again"}).status_code == 303
    assert "sent again" in browser.get(page).text


def test_lists_are_searched_filtered_sorted_and_taken_away(signed_in, confirmed):
    browser = signed_in("planner")
    assert "R1" in browser.get("/console/deliveries?q=R1&sort=-units").text
    nothing = browser.get("/console/deliveries?q=nowhere").text
    assert "Nothing fits this search" in nothing
    csv = browser.get("/console/deliveries?format=csv&sort=retailer")
    assert csv.headers["Content-Type"].startswith("text/csv")
    assert len(csv.text.strip().splitlines()) == 3
    claims = browser.get("/console/claims?state=open&owner=planner&format=csv").text
    assert len(claims.strip().splitlines()) == 2
    assert browser.get("/console/claims?format=xlsx").content.startswith(b"PK")
    for column in ("number", "retailer", "sku", "difference", "difference_units", "owner", "state", "opened_at"):
        assert browser.get(f"/console/claims?sort=-{column}").status_code == 200


def test_what_does_not_exist_is_a_page_that_says_so(signed_in):
    browser = signed_in("planner")
    nobody = "01900000-0000-7000-8000-000000000000"
    for address in (
        f"/console/deliveries/{nobody}",
        f"/console/claims/{nobody}",
        f"/console/deliveries/lists/{nobody}",
    ):
        answer = browser.get(address)
        assert answer.status_code == 404
        assert nobody in answer.text


def test_a_program_dispatches_and_reads_how_far_it_is(signed_in, cycle):
    program = signed_in("planner")
    program.headers["Accept"] = "application/json"
    done = program.post("/api/v1/deliveries/dispatch", json={"cycle": str(cycle)})
    assert done.json() == {"shipped": 1, "held": 1, "units": 60}
    totals = program.get("/api/v1/deliveries/totals", params={"cycle": str(cycle)}).json()
    assert (totals["deliveries"], totals["held"], totals["shipped_units"], totals["granted_units"]) == (2, 1, 48, 60)
    listed = program.get("/api/v1/deliveries", params={"state": "shipped"}).json()
    assert listed[0]["lines"][0] == {
        "sku": "A",
        "granted_units": 48,
        "replacement_units": 0,
        "shipped_units": 48,
        "confirmed": None,
    }
    one = program.get(f"/api/v1/deliveries/{listed[0]['id']}").json()
    assert one["number"] == listed[0]["number"]
    unknown = program.post("/api/v1/deliveries/dispatch", json={"cycle": "01900000-0000-7000-8000-000000000000"})
    assert (unknown.status_code, unknown.json()["code"]) == (404, "not_found")


def test_a_program_decides_and_settles_claims(signed_in, confirmed):
    program = signed_in("planner")
    program.headers["Accept"] = "application/json"
    listed = program.get("/api/v1/claims", params={"state": "open"}).json()
    assert [claim["number"] for claim in listed] == [confirmed.number]
    page = f"/api/v1/claims/{confirmed.id}"
    assert program.post(f"{page}/assign", json={"owner": "nobody"}).status_code == 404
    assert program.post(f"{page}/assign", json={"owner": "planner"}).status_code == 204
    assert program.post(f"{page}/decide", json={"verdict": "upheld", "reason": "seen"}).status_code == 204
    again = program.post(f"{page}/decide", json={"verdict": "declined", "reason": "no"})
    assert (again.status_code, again.json()["code"]) == (409, "wrong_state")
    assert program.post(f"{page}/settle", json={"note": "sent again"}).status_code == 204
    assert program.get(page).json()["state"] == "settled"

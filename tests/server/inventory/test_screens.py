"""The screens and the programs' interface of stock, in both languages."""

import re

import pytest
from factories import NOW, make_retailer, make_sku

from contract.ids import uuid7
from server.inventory import rules
from server.inventory import service as inventory
from server.kit.db import transaction
from server.kit.identity import SYSTEM


@pytest.fixture
def stocked(sessions):
    """R1 got three boxes of twelve and has five pieces of them aside."""
    with transaction(sessions) as session:
        make_sku(session, "A", pack_units=12)
        make_retailer(session, "R1")
        cause = inventory.Cause("receipt", "delivery", uuid7(), SYSTEM)
        inventory.book(session, "R1", {"A": rules.Change(36, 5)}, cause, at=NOW)


def correct(browser, act: str, units: int, reason: str = "one given back"):
    return browser.post(
        "/console/stock/R1/correct",
        data={"act": act, "sku": "A", "on_hand_units": units, "held_units": 5, "reason": reason},
    )


@pytest.mark.parametrize(("language", "word"), [("en", "No shop has stock yet"), ("zh", "还没有零售户有库存")])
def test_before_the_first_delivery_the_room_says_so(signed_in, language, word):
    assert word in signed_in("planner", language=language).get("/console/stock").text


@pytest.mark.parametrize(
    ("language", "before", "after"), [("en", "3 boxes", r"2 boxes \+ 11"), ("zh", "3 ?箱", r"2 ?箱 \+ 11")]
)
def test_a_count_is_shown_in_boxes_and_pieces_and_never_in_decimals(signed_in, stocked, language, before, after):
    browser = signed_in("planner", language=language)
    assert re.search(before, browser.get("/console/stock/R1").text)
    assert correct(browser, str(uuid7()), 35).status_code == 303
    page = browser.get("/console/stock/R1").text
    assert re.search(after, page)
    assert "2.9" not in re.sub(r"<svg.*?</svg>", "", page, flags=re.DOTALL)
    assert "one given back" in page


def test_a_form_sent_twice_is_entered_once(signed_in, stocked):
    browser = signed_in("planner")
    same = str(uuid7())
    for _ in range(2):
        assert correct(browser, same, 35).status_code == 303
    browser.headers["Accept"] = "application/json"
    assert len(browser.get("/api/v1/stock/R1/movements").json()) == 2


def test_goods_fetched_leave_what_stood_aside(signed_in, stocked):
    browser = signed_in("planner")
    fetched = {"act": str(uuid7()), "sku": "A", "returned_units": 9, "reason": "driver 7"}
    refused = browser.post("/console/stock/R1/return", data=fetched)
    assert refused.status_code == 422
    assert "driver 7" in refused.text
    assert browser.post("/console/stock/R1/return", data=fetched | {"returned_units": 5}).status_code == 303


def test_who_may_not_plan_may_look(signed_in, stocked):
    browser = signed_in("administrator")
    assert browser.get("/console/stock/R1").status_code == 200
    assert correct(browser, str(uuid7()), 1).status_code == 403


def test_a_shop_that_does_not_exist_is_a_page_that_says_so(signed_in):
    answer = signed_in("planner").get("/console/stock/NOBODY")
    assert answer.status_code == 404
    assert "NOBODY" in answer.text


def test_a_program_reads_corrects_and_returns_stock(signed_in, stocked):
    program = signed_in("planner")
    program.headers["Accept"] = "application/json"
    correction = {"id": str(uuid7()), "sku": "A", "on_hand_units": 35, "held_units": 5, "reason": "counted"}
    for _ in range(2):
        assert program.post("/api/v1/stock/R1/corrections", json=correction).status_code == 204
    returned = {"id": str(uuid7()), "sku": "A", "returned_units": 6, "reason": "fetched"}
    refused = program.post("/api/v1/stock/R1/returns", json=returned)
    assert (refused.status_code, refused.json()["code"]) == (422, "stock_short")
    (line,) = program.get("/api/v1/stock/R1").json()
    assert (line["on_hand_units"], line["held_units"], line["entries"]) == (35, 5, 2)
    assert program.get("/api/v1/stock/NOBODY").status_code == 404
    assert program.get("/console/stock?format=csv").text.count("\nR1,") == 1
    assert program.get("/console/stock/R1?format=xlsx").content.startswith(b"PK")

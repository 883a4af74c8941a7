"""The window room, the missing shops, the list of orders, one order."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

import pytest
from factories import NOW, lines, make_device, make_retailer, make_sku, make_window, place, send
from sqlalchemy.orm import Session, sessionmaker
from starlette.testclient import TestClient

from contract.ids import uuid7
from contract.messages import AmendOrder, CancelOrder, ReportStatus
from server.devices import service as devices
from server.kit.db import transaction
from server.kit.inbox import Arrival
from server.orders import missing, queries, room, windows

SignedIn = Callable[..., TestClient]


@dataclass(frozen=True)
class Town:
    """Five shops on two routes, one of them suspended; R1 changed its order, R2 took its back."""

    window: UUID
    other: UUID
    numbers: dict[str, int]


@pytest.fixture
def town(sessions: sessionmaker[Session]) -> Town:
    with transaction(sessions) as session:
        make_sku(session, "K1", pack_units=10, price_minor=250)
        make_sku(session, "K2")
        shops = (("R1", "north", "hill"), ("R2", "north", "hill"), ("R3", "south", "hill"), ("R4", "south", "lake"))
        for code, route, region in shops:
            make_retailer(session, code, route=route, region=region)
        make_retailer(session, "R5", route="north", region="lake", standing="suspended")
        senders = {code: make_device(session, code) for code in ("R1", "R2", "R3")}
        status = ReportStatus(version="1", queue_length=0, language="en")
        devices.report_statuses(session, [(status, Arrival(uuid7(), senders["R3"], NOW))])
        window = make_window(session)
        other = make_window(session, route="south", closes_at=NOW + timedelta(hours=2))
        session.flush()
        numbers = {}
        for minutes, code in ((1, "R1"), (2, "R2")):
            receipt = place(session, senders[code], window, at=NOW - timedelta(minutes=minutes), K1=20, K2=3)
            assert receipt.number is not None
            numbers[code] = receipt.number
            if code == "R1":
                change = AmendOrder(order=receipt.message, revision=1, lines=lines(K1=35 - 5))
                send(session, senders[code], "order.amend", change)
            else:
                send(session, senders[code], "order.cancel", CancelOrder(order=receipt.message, revision=1))
    return Town(window, other, numbers)


def numbers(page: str) -> list[int]:
    return [int(found) for found in re.findall(r'href="/console/orders/(\d+)"', page)]


def test_the_room_counts_who_is_in_and_missing_by_region_and_route(town: Town, session: Session) -> None:
    window = queries.window(session, town.window)
    assert window is not None
    standing = room.standing(session, window)
    assert (standing.due, standing.came, standing.missing) == (4, 1, 3)
    assert (standing.orders, standing.cancelled, standing.lines, standing.units) == (1, 1, 1, 30)
    assert standing.amount_minor == 30 * 250
    assert {(p.region, p.route): (p.came, p.missing) for p in standing.places} == {
        ("hill", "north"): (1, 1),
        ("hill", "south"): (0, 1),
        ("lake", "south"): (0, 1),
    }
    assert [(p.region, p.due, p.came) for p in standing.by_region()] == [("hill", 3, 1), ("lake", 1, 0)]
    assert [(p.route, p.due, p.came) for p in standing.by_route()] == [("south", 2, 0), ("north", 2, 1)]


def test_a_window_of_one_route_expects_its_shops_alone(town: Town, session: Session) -> None:
    window = queries.window(session, town.other)
    assert window is not None
    assert room.standing(session, window).due == 2
    assert [shop.retailer for shop in missing.shops(session, window, NOW)] == ["R3", "R4"]


def test_the_pace_counts_orders_by_the_minute_they_were_received(town: Town, session: Session) -> None:
    pace = room.pace(session, town.window, NOW + timedelta(seconds=30))
    assert len(pace) == 60
    assert pace[-4:] == [
        (NOW - timedelta(minutes=3), 0),
        (NOW - timedelta(minutes=2), 1),
        (NOW - timedelta(minutes=1), 1),
        (NOW, 0),
    ]


def test_the_room_shows_the_window_live(town: Town, signed_in: SignedIn) -> None:
    page = signed_in("planner").get(f"/console/windows/{town.window}").text
    assert f'data-countdown="{(NOW + timedelta(hours=1)).isoformat().replace("+00:00", "Z")}"' in page
    assert f'data-live="/console/windows/{town.window}/events"' in page
    assert "Orders per minute" in page
    assert "2 without a reachable terminal" in page
    assert "Shop R3" in page


def test_a_window_that_is_over_is_not_asked_for_again(
    town: Town, signed_in: SignedIn, sessions: sessionmaker[Session]
) -> None:
    with transaction(sessions) as session:
        windows.close_due_windows(session, NOW + timedelta(hours=1, seconds=30))
    page = signed_in("planner").get(f"/console/windows/{town.window}").text
    assert "hx-trigger" not in page
    assert "closed" in page


MISSING = [
    ("", ["R2", "R3", "R4"]),
    ("region=lake", ["R4"]),
    ("route=south", ["R3", "R4"]),
    ("terminal=online", ["R3"]),
    ("terminal=offline", ["R2"]),
    ("terminal=none", ["R4"]),
    ("q=shop+r2", ["R2"]),
    ("sort=-retailer", ["R4", "R3", "R2"]),
]


def test_the_missing_shops_are_a_list_to_call(town: Town, signed_in: SignedIn) -> None:
    browser = signed_in("planner")
    for asked, found in MISSING:
        page = browser.get(f"/console/windows/{town.window}/missing?{asked}").text
        assert (asked, re.findall(r"<code>(R\d)</code>", page)) == (asked, found)
        rows = browser.get(f"/console/windows/{town.window}/missing?{asked}&format=csv").text.strip().splitlines()
        assert (asked, len(rows)) == (asked, 1 + len(found))


ASKED = [
    ("", ["R2", "R1"]),
    ("sort=number", ["R1", "R2"]),
    ("sort=-units", ["R1", "R2"]),
    ("state=accepted", ["R1"]),
    ("state=cancelled", ["R2"]),
    ("q=shop+r1", ["R1"]),
    ("q=r2", ["R2"]),
    ("q=99999999999999999999", []),
    ("window=OTHER", []),
    ("window=WINDOW&per_page=1", ["R2"]),
    ("per_page=1&page=2", ["R1"]),
]


def test_orders_are_found_filtered_and_sorted(town: Town, signed_in: SignedIn) -> None:
    browser = signed_in("releaser")
    for words, found in ASKED:
        asked = words.replace("OTHER", str(town.other)).replace("WINDOW", str(town.window))
        page = browser.get(f"/console/orders?{asked}").text
        assert (asked, numbers(page)) == (asked, [town.numbers[code] for code in found])


def test_an_order_is_found_by_its_number(town: Town, signed_in: SignedIn) -> None:
    page = signed_in("planner").get(f"/console/orders?q=%23{town.numbers['R1']}").text
    assert numbers(page) == [town.numbers["R1"]]


def test_orders_are_taken_away_as_they_were_searched(town: Town, signed_in: SignedIn) -> None:
    browser = signed_in("planner")
    rows = browser.get("/console/orders?format=csv&state=accepted").text.strip().splitlines()
    assert len(rows) == 2
    assert "Shop R1" in rows[1]
    sheet = browser.get("/console/orders?format=xlsx")
    assert sheet.content.startswith(b"PK")


def test_one_order_shows_its_lines_in_packs_and_everything_that_was_done(town: Town, signed_in: SignedIn) -> None:
    page = signed_in("planner").get(f"/console/orders/{town.numbers['R1']}").text
    assert "3 boxes" in page
    assert page.index("order.amended") < page.index("order.placed")
    assert "Item K1" in page
    assert "revision 2" in page


def test_a_cancelled_order_stays_readable(town: Town, signed_in: SignedIn) -> None:
    page = signed_in("planner").get(f"/console/orders/{town.numbers['R2']}").text
    assert "count nowhere" in page
    assert "Item K2" in page


def test_what_does_not_exist_is_said(signed_in: SignedIn) -> None:
    browser = signed_in("planner")
    assert browser.get("/console/orders/12345").status_code == 404
    assert browser.get(f"/console/windows/{uuid7()}").status_code == 404
    assert "No window is announced" in browser.get("/console/windows").text
    assert "No order was received yet" in browser.get("/console/orders").text


def test_the_first_page_shows_open_windows_with_who_is_missing(town: Town, signed_in: SignedIn) -> None:
    page = signed_in("planner").get("/console/").text
    assert f"/console/windows/{town.window}/missing" in page
    assert page.count("data-countdown") == 2


def test_the_page_about_a_shop_shows_its_orders_and_its_terminals(town: Town, signed_in: SignedIn) -> None:
    browser = signed_in("planner")
    page = browser.get("/console/retailers/file/orders?code=R1").text
    assert numbers(page) == [town.numbers["R1"]]
    assert "/console/devices/t-r1" in browser.get("/console/retailers/file/devices?code=R1").text
    assert "It has no terminal" in browser.get("/console/retailers/file/devices?code=R4").text


@pytest.mark.parametrize("path", ["windows", "windows/WINDOW", "windows/WINDOW/missing", "orders", "orders/NUMBER"])
def test_every_screen_shows_in_chinese(town: Town, signed_in: SignedIn, path: str) -> None:
    address = path.replace("WINDOW", str(town.window)).replace("NUMBER", str(town.numbers["R1"]))
    page = signed_in("planner", language="zh").get(f"/console/{address}").text
    assert '<html lang="zh-Hans"' in page
    assert "第48周" in page or path in {"orders/NUMBER", "windows/WINDOW/missing"}

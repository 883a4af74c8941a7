"""Dispatch lists: the stops in order, what is loaded, what is held back; on the screen and as a file."""

import csv
import io
from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest
from factories import NOW, make_retailer, make_sku, publish_grants

from contract.errors import Rejected
from server.deliveries import console_lists, routing
from server.deliveries import service as deliveries
from server.kit.db import transaction
from server.kit.identity import Operator

pytestmark = pytest.mark.slow

DISPATCHER = Operator(1, "dispatcher-1", frozenset({"dispatcher"}))
UTC = ZoneInfo("UTC")


@pytest.fixture
def cycle(sessions):
    """Three shops on one route, one of them suspended, and one on another."""
    with transaction(sessions) as session:
        for sku in "AB":
            make_sku(session, sku, pack_units=12)
        for code in ("R1", "R2"):
            make_retailer(session, code)
        make_retailer(session, "R3", standing="suspended")
        make_retailer(session, "R4", route="south")
        made = publish_grants(session, {"R1": {"A": 30, "B": 12}, "R2": {"A": 12}, "R3": {"A": 60}, "R4": {"B": 24}})
        deliveries.dispatch_cycle(session, made, DISPATCHER, at=NOW)
        return made


def test_a_route_loads_what_its_stops_get_and_nothing_that_is_held(session, cycle):
    north, south = routing.lists(session, cycle, UTC)
    assert [(one.sku, one.units, one.stops) for one in north.load] == [("A", 42, 2), ("B", 12, 1)]
    assert [(one.sku, one.units) for one in south.load] == [("B", 24)]
    assert [stop.retailer for stop in north.stops] == ["R1", "R2", "R3"]


def test_stops_keep_the_order_that_a_person_gave_them(session, cycle):
    routing.order_stops(session, "north", ["R3", "R1"], DISPATCHER, at=NOW)
    north = routing.lists(session, cycle, UTC, route="north")[0]
    assert [(stop.number, stop.retailer) for stop in north.stops] == [(1, "R3"), (2, "R1"), (3, "R2")]
    routing.order_stops(session, "north", ["R2", "R1", "R3"], DISPATCHER, at=NOW)
    assert [stop.retailer for stop in routing.lists(session, cycle, UTC)[0].stops] == ["R2", "R1", "R3"]
    with pytest.raises(Rejected, match="R9"):
        routing.order_stops(session, "north", ["R1", "R9"], DISPATCHER, at=NOW)


def test_many_deliveries_are_shown_by_one_route_and_go_out_whole_as_a_file(signed_in, cycle, monkeypatch):
    dispatcher = signed_in("dispatcher")
    place = f"/console/deliveries/lists/{cycle}"
    assert all(shop in dispatcher.get(place).text for shop in ("R1", "R4"))
    monkeypatch.setattr(console_lists, "TOGETHER_MOST", 3)
    page = dispatcher.get(place).text
    assert "R1" in page
    assert "R4" not in page
    assert "R4" in dispatcher.get(f"{place}?route=south").text
    rows = list(csv.DictReader(io.StringIO(dispatcher.get(f"{place}?format=csv").text.removeprefix("\ufeff"))))
    assert {row[next(iter(row))] for row in rows} == {"north", "south"}


def test_what_leaves_on_another_day_stands_on_another_list(session, cycle):
    assert routing.days(session, cycle, UTC) == [NOW.date()]
    assert routing.lists(session, cycle, UTC, day=NOW.date() + timedelta(days=1)) == []
    assert len(routing.lists(session, cycle, UTC, day=NOW.date())) == 2


@pytest.mark.parametrize(("language", "words"), [("en", ("To load", "3 stops")), ("zh", ("装车", "3 站"))])
def test_the_list_is_read_in_both_languages(signed_in, cycle, language, words):
    page = signed_in("dispatcher", language=language).get(f"/console/deliveries/lists/{cycle}?route=north").text
    assert all(word in page for word in words)
    assert ">R1<" in page
    assert ">R4<" not in page


def test_the_list_comes_as_a_file_with_packs_and_loose_units(signed_in, cycle):
    answer = signed_in("dispatcher").get(f"/console/deliveries/lists/{cycle}?format=csv&route=north")
    rows = list(csv.DictReader(io.StringIO(answer.content.decode("utf-8-sig"))))
    assert [
        (row["Stop number"], row["Code of the shop"], row["SKU"], row["Packs"], row["Loose units"]) for row in rows
    ] == [
        ("1", "R1", "A", "2", "6"),
        ("1", "R1", "B", "1", "0"),
        ("2", "R2", "A", "1", "0"),
        ("3", "R3", "A", "5", "0"),
    ]
    assert [row["Held"] for row in rows] == ["", "", "", "held"]


def test_the_dispatcher_orders_the_stops_by_numbers_and_others_do_not(signed_in, cycle):
    form = {"route": "north", "retailer": ["R1", "R2", "R3"], "place": ["3", "1", "nonsense"]}
    assert signed_in("auditor").post(f"/console/deliveries/lists/{cycle}/stops", data=form).status_code == 403
    browser = signed_in("dispatcher")
    sent = browser.post(f"/console/deliveries/lists/{cycle}/stops", data=form)
    assert sent.status_code == 303
    page = browser.get(sent.headers["Location"]).text
    assert page.index("Shop R2") < page.index("Shop R1") < page.index("Shop R3")

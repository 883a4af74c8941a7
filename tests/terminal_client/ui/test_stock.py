"""The stock's screens: a tap sells one, a mistake is taken back by another entry, the owner adjusts."""

import re

import pytest
from till import CASE, GOLD, Till

from contract.feed import Stock
from contract.messages import MoveStock
from terminal_client.core import outbox, stock


@pytest.fixture
def shelf(till: Till) -> Till:
    till.server.tell("stock:GOLD", "stock", Stock(sku="GOLD", on_hand_units=100, as_of=till.server.now()))
    till.server.tell("stock:BLUE", "stock", Stock(sku="BLUE", on_hand_units=0, as_of=till.server.now()))
    till.hear()
    return till


def said(till: Till) -> list[tuple[str, dict[str, int], str | None]]:
    moved = [MoveStock.model_validate(entry.data) for entry in outbox.of_kinds(till.store, "stock.move")]
    return [(one.kind, {line.sku: line.units for line in one.lines}, one.reason) for one in moved]


def words(page: str) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", page).split())


def take_back(till: Till, page: str) -> None:
    found = re.search(r'action="(/undo/[^"]+)".*?name="back" value="([^"]+)"', page, re.DOTALL)
    assert found is not None
    till.tap(found[1], back=found[2])


def test_a_tap_sells_one_at_once_and_is_taken_back_by_another_entry(shelf: Till) -> None:
    shelf.tap("/stock/sell", sku="GOLD", back="till")
    assert said(shelf) == [("sale", {"GOLD": 1}, None)]
    page = shelf.client.get("/stock/till").text
    assert "in stock 99" in words(page)
    take_back(shelf, page)
    take_back(shelf, page)  # a second tap of the same: nothing
    assert said(shelf) == [("sale", {"GOLD": 1}, None), ("refund", {"GOLD": 1}, None)]
    assert stock.read(shelf.store, "GOLD").on_hand_units == 100


def test_many_are_sold_by_the_pad_and_nonsense_is_none(shelf: Till) -> None:
    assert 'name="units"' in shelf.client.get("/stock/till?pad=GOLD").text
    shelf.tap("/stock/sell", sku="GOLD", units="17", back="till")
    for typed in ("0", "", "-3", "1e3", "９"):
        assert "no number of units" in shelf.tap("/stock/sell", sku="GOLD", units=typed).text
    assert said(shelf) == [("sale", {"GOLD": 17}, None)]


def test_scans_sell_at_the_till_and_only_there(shelf: Till) -> None:
    answer = shelf.scan(GOLD, on="/stock/till?q=x")
    assert "sold 1, 99 left" in words(answer.text)
    assert answer.headers["X-Scan-Go"] == "/stock/till"
    assert "sold 36, 63 left" in words(shelf.scan(CASE, on="/stock/till").text)
    shelf.scan(GOLD, on="/stock/till", id="once")
    shelf.scan(GOLD, on="/stock/till", id="once")
    assert shelf.scan(GOLD, on="/stock").headers["X-Scan-Go"] == "/stock?sku=GOLD"
    assert [units for _, units, _ in said(shelf)] == [{"GOLD": 1}, {"GOLD": 36}, {"GOLD": 1}]


def test_an_entry_shows_where_it_stands_until_the_receipt(shelf: Till) -> None:
    shelf.wires.http_works = shelf.wires.broker_works = False
    shelf.tap("/stock/sell", sku="GOLD")
    page = words(shelf.client.get("/stock?sku=GOLD").text)
    assert "Saved here" in page
    assert "book says 100" in page
    shelf.wires.http_works = shelf.wires.broker_works = True
    shelf.hear()
    (entry,) = outbox.of_kinds(shelf.store, "stock.move")
    assert f"#{entry.number}" in words(shelf.client.get("/stock?sku=GOLD").text)


def test_an_adjustment_needs_its_reason_and_what_is_refused_stays_typed(shelf: Till) -> None:
    shelf.tap("/stock/adjust", sku="GOLD", change="damaged", units="3", reason="Wet", own="")
    shelf.tap("/stock/adjust", sku="GOLD", change="expiry", units="2", own="by the window")
    shelf.tap("/stock/adjust", sku="GOLD", change="more", units="4", reason="Found again")
    asked = shelf.tap("/stock/adjust", sku="GOLD", change="less", units="5").text
    assert "Say why" in asked
    assert 'value="5"' in asked
    assert "cannot be taken away" in shelf.tap("/stock/adjust", sku="BLUE", change="expiry", units="1", own="x").text
    assert said(shelf) == [
        ("adjustment", {"GOLD": -3}, "Wet"),
        ("expiry", {"GOLD": 2}, "by the window"),
        ("adjustment", {"GOLD": 4}, "Found again"),
    ]
    take_back(shelf, shelf.client.get("/stock").text)
    assert said(shelf)[-1] == ("adjustment", {"GOLD": -4}, "Mistyped")


def test_a_clerk_sells_and_the_owner_adjusts(shelf: Till) -> None:
    door = shelf.terminal.door
    door.set_pin("owner", "2468")
    door.set_pin("clerk", "1357")
    door.lock()
    shelf.client.post("/lock", data={"pin": "1357"}, headers={"Origin": "http://localhost"})
    door.enter("1357")
    shelf.tap("/stock/sell", sku="GOLD")
    answer = shelf.tap("/stock/adjust", sku="GOLD", change="less", units="1", reason="x")
    assert "/lock?" in answer.headers["Location"]
    assert [entry.by for entry in outbox.of_kinds(shelf.store, "stock.move")] == ["clerk"]


def test_goods_that_are_out_say_since_when(shelf: Till) -> None:
    assert "out since" in words(shelf.client.get("/stock").text)
    assert "None left since" in words(shelf.client.get("/stock?sku=BLUE").text)


def test_the_list_is_searched_also_for_what_was_never_there(shelf: Till) -> None:
    assert "RESERVE" not in shelf.client.get("/stock").text
    assert f'id="row-{b"RESERVE".hex()}"' in shelf.client.get("/stock?q=reserve").text


def test_a_refused_entry_leads_to_its_item(shelf: Till) -> None:
    shelf.server.decide = lambda kind, _: (
        ("stock_short", {"sku": "GOLD", "there": 0, "taken": 1}) if kind == "stock.move" else (None, {})
    )
    shelf.tap("/stock/sell", sku="GOLD")
    shelf.hear()
    assert 'href="/stock?sku=GOLD"' in shelf.client.get("/refused").text
    assert "Refused" in words(shelf.client.get("/stock?sku=GOLD").text)

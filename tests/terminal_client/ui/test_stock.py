"""The stock's screens: a tap sells one, a mistake is taken back by another entry, the owner adjusts."""

import re
from http import HTTPStatus

import pytest
from till import BLUE, CASE, DEADLINE_S, GOLD, Till

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


# A count


def test_a_blind_count_hides_the_figure_until_one_was_typed(shelf: Till) -> None:
    shelf.tap("/stock/count/begin", way="blind")
    page = shelf.client.get("/stock/count?sku=GOLD").text
    assert "100" not in words(page)
    assert "100" not in words(shelf.scan(GOLD, on="/stock/count").text)
    shelf.tap("/stock/count/put", sku="GOLD", units="97")
    asked = words(shelf.client.get("/stock/count?sku=GOLD").text)
    assert "The book says 100" in asked
    assert "3 fewer than in the book" in asked
    assert said(shelf) == []
    # Whatever is tapped, a difference that nobody has confirmed is asked about again.
    assert shelf.client.get("/stock/count/check").headers["Location"] == "/stock/count?sku=GOLD"
    shelf.tap("/stock/count/sure", sku="GOLD")
    assert "BLUE" in shelf.client.get("/stock/count").text
    shelf.tap("/stock/count/put", sku="BLUE", units="0")
    assert "Everything is counted" in shelf.client.get("/stock/count").text
    check = words(shelf.client.get("/stock/count/check").text)
    assert "differs by −3" in check
    for _ in range(2):
        shelf.tap("/stock/count/finish")
    assert said(shelf) == [("count", {"BLUE": 0, "GOLD": 97}, None)]
    assert stock.read(shelf.store, "GOLD").on_hand_units == 97


def test_a_count_with_the_book_beside_it_takes_what_agrees_with_one_tap(shelf: Till) -> None:
    shelf.tap("/stock/count/begin", way="open")
    page = shelf.client.get("/stock/count?sku=GOLD").text
    assert "100, as in the book" in words(page)
    shelf.tap("/stock/count/put", sku="GOLD", units="100")
    assert "no number of units" in words(shelf.tap("/stock/count/put", sku="BLUE", units="many").text)
    shelf.tap("/stock/count/put", sku="BLUE", units="2")
    shelf.tap("/stock/count/again", sku="BLUE")
    check = words(shelf.client.get("/stock/count/check").text)
    assert "1 item was not counted" in check
    assert "everything as in the book" in check


def test_an_item_that_was_never_there_is_counted_by_scanning_it(shelf: Till) -> None:
    shelf.tap("/stock/count/begin", way="open")
    at = shelf.scan("96385074", on="/stock/count").headers["X-Scan-Go"]
    page = shelf.client.get(at).text
    assert 'value="RESERVE"' in page
    shelf.tap("/stock/count/put", sku="RESERVE", units="2")
    assert stock.count_under_way(shelf.store).lines["RESERVE"].counted_units == 2  # type: ignore[union-attr]


def test_a_count_is_given_up_and_taken_up_again(shelf: Till) -> None:
    shelf.tap("/stock/count/begin", way="blind")
    shelf.tap("/stock/count/put", sku="GOLD", units="1")
    shelf.tap("/stock/count/leave")
    offered = shelf.client.get("/stock").text
    assert "How do you want to count?" in shelf.client.get("/stock/count", headers={"HX-Request": "true"}).text
    take_back(shelf, offered)
    assert "The book says" in shelf.client.get("/stock/count").text
    assert said(shelf) == []


# Days of expiry, and the day


def test_a_day_of_expiry_is_learned_from_a_scan_and_the_goods_are_taken_out(shelf: Till) -> None:
    shelf.scan(f"(01)0{GOLD}(17)270101(10)L7", on="/stock")
    shelf.scan(f"(01)0{GOLD}(17)270401(10)L8", on="/stock/till")  # sold: it is not there any more
    page = shelf.client.get("/stock/expiring").text
    assert "expired on 2027-01-01 batch L7" in words(page)
    assert "L8" not in page
    link = re.search(r'href="(/stock/adjust[^"]+)"', page)
    assert link is not None
    asked = shelf.client.get(link[1].replace("&amp;", "&")).text
    assert 'value="2027-01-01"' in asked
    done = shelf.tap(
        "/stock/adjust", sku="GOLD", change="expiry", units="4", reason="x", expires="2027-01-01", batch="L7"
    )
    assert done.headers["Location"] == "/stock/expiring"
    assert said(shelf)[-1] == ("expiry", {"GOLD": 4}, "x")
    shelf.tap("/stock/expiring", sku="GOLD", batch="L7", expires="2027-01-01")
    page = shelf.client.get("/stock/expiring").text
    assert "No day of expiry is known" in page
    take_back(shelf, page)
    assert "L7" in shelf.client.get("/stock/expiring").text


def test_a_day_of_expiry_is_typed_where_a_code_names_none(shelf: Till) -> None:
    assert 'href="/stock/expires?sku=GOLD"' in shelf.client.get("/stock?sku=GOLD").text
    wrong = shelf.tap("/stock/expires", sku="GOLD", day="271332").text
    assert "271332 is not a day" in wrong
    assert 'value="271332"' in wrong
    done = shelf.tap("/stock/expires", sku="GOLD", day="270401")
    assert done.headers["Location"] == "/stock?sku=GOLD"
    take_back(shelf, shelf.client.get("/stock?sku=GOLD").text)
    assert "No day of expiry is known" in shelf.client.get("/stock/expiring").text
    shelf.tap("/stock/expires", sku="GOLD", day="20270401")
    assert "good until 2027-04-01" in words(shelf.client.get("/stock/expiring").text)
    assert "2027-04-01" in shelf.client.get("/stock/expires?sku=GOLD").text
    assert shelf.client.get("/stock/expires?sku=NONE").status_code == HTTPStatus.NOT_FOUND
    assert said(shelf) == []


def test_a_day_is_added_up_and_printed(shelf: Till) -> None:
    shelf.tap("/stock/sell", sku="GOLD", units="7")
    shelf.tap("/stock/sell", sku="GOLD", units="2", act="refund")
    shelf.tap("/stock/adjust", sku="GOLD", change="less", units="1", reason="Stolen")
    page = words(shelf.client.get("/stock/day").text)
    assert "adjusted −1" in page
    assert "Sold 5" in page
    assert shelf.client.get("/stock/day?day=nonsense").status_code == 404
    assert "Nothing was entered" in shelf.client.get("/stock/day?day=2027-03-20").text
    shelf.store.choose("printer", "file:x.bin")
    shelf.tap("/stock/day/slip?day=2027-03-21")
    assert shelf.prints.wait_idle(timeout_s=DEADLINE_S)
    (slip,) = shelf.paper.printed
    assert slip.subject == "day:2027-03-21"


def test_goods_that_arrive_tell_their_day_too(shelf: Till) -> None:
    shelf.scan(f"(01)0{BLUE.zfill(13)}(17)270401", on="/stock/count")
    assert [batch.sku for batch in stock.batches(shelf.store)] == ["BLUE"]

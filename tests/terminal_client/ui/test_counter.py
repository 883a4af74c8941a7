"""At the counter: what a scan does on each screen, slips, and a printer that fails while an order stands."""

import hashlib
import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from till import BLUE, CASE, DEADLINE_S, GOLD, OURS, Till
from werkzeug.test import TestResponse

from contract.book import leaf_bytes
from contract.feed import Delivery, ShippedLine, Stock
from contract.messages import OrderLine
from terminal_client.core import outbox, use_cases
from terminal_client.core.ports import PrinterFault
from terminal_client.core.slips import Pair, Slip, Square, Words


def said(answer: TestResponse) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", answer.text).split())


# Scans


def test_a_scan_on_the_order_screen_adds_a_pack_and_shows_the_row(till: Till) -> None:
    answer = till.scan(GOLD)
    assert till.draft() == {"GOLD": 12}
    assert "now 12 in the order" in said(answer)
    assert answer.headers["X-Scan-Show"] == b"GOLD".hex()
    till.scan(f"(01)0{GOLD}(10)L7")
    assert till.draft() == {"GOLD": 24}


def test_a_case_adds_all_that_it_holds_or_nothing(till: Till) -> None:
    till.scan(CASE)
    assert till.draft() == {"GOLD": 36}
    answer = till.scan(CASE)
    assert till.draft() == {"GOLD": 36}
    assert 'class="note stop"' in answer.text
    assert "60" in said(answer)


def test_the_same_scan_told_twice_counts_once_and_is_answered_alike(till: Till) -> None:
    first, second = till.scan(GOLD, id="a"), till.scan(GOLD, id="a")
    assert till.draft() == {"GOLD": 12}
    assert first.text == second.text


@pytest.mark.parametrize(
    ("scanned", "words"),
    [
        ("6901234567891", "check digit"),
        ("1" * 10_000, "far too much"),
        ("\x1b[2J\x00", "keys that no code holds"),
        ("<script>alert(1)</script>", "no barcode"),
        ("5012345678900", "not in your catalogue"),
        ("96385074", "licence"),
    ],
)
def test_what_cannot_be_ordered_is_said_and_changes_nothing(till: Till, scanned: str, words: str) -> None:
    answer = till.scan(scanned)
    assert words in said(answer)
    assert "<script>" not in answer.text
    assert till.draft() == {}
    assert 'class="note stop"' in answer.text


def test_a_batch_that_may_have_swallowed_a_number_is_to_be_compared_with_the_box(till: Till) -> None:
    answer = till.scan(f"]C1010{GOLD}10L7A3012")
    assert "Batch as read: L7A3012. Compare it with the box." in answer.text
    assert till.draft() == {"GOLD": 12}


def test_a_number_after_a_scan_adds_the_rest_once_or_nothing(till: Till) -> None:
    till.scan(BLUE)
    form = {"id": "number-1", "text": BLUE, "on": "/order", "times": "4"}
    for _ in range(2):
        assert till.client.post("/scans", data=form, headers=OURS).status_code == 200
    assert till.draft() == {"BLUE": 4}
    till.scan(GOLD)
    above = form | {"id": "number-2", "text": GOLD, "times": "6"}
    assert "60" in till.client.post("/scans", data=above, headers=OURS).text
    assert till.draft() == {"BLUE": 4, "GOLD": 12}
    elsewhere = form | {"id": "number-3", "on": "/stock/till"}
    assert "go to Order" in till.client.post("/scans", data=elsewhere, headers=OURS).text
    assert till.draft() == {"BLUE": 4, "GOLD": 12}


def test_goods_that_have_expired_are_marked(till: Till) -> None:
    answer = till.scan(f"(01)0{GOLD}(17)270101", on="/stock")
    assert "Expired on 2027-01-01." in said(answer)
    assert 'class="note wait"' in till.scan(f"(01)0{GOLD}(17)270101").text


def test_while_an_order_stands_a_scan_changes_nothing_and_says_what_to_tap(till: Till) -> None:
    till.order()
    till.travel()
    answer = till.scan(GOLD)
    assert till.draft() == {}
    assert "Change the order" in said(answer)
    till.clock.forward(timedelta(hours=3))
    assert "Nothing can be ordered" in said(till.scan(GOLD))


def deliver(till: Till, number: int, *skus: str) -> Delivery:
    made = Delivery(
        delivery=till.make.id(till.clock.at_ms + number, till.chance),
        number=number,
        cycle=till.window.cycle,
        state="shipped",
        shipped_at=till.server.now() + timedelta(minutes=number),
        lines=tuple(ShippedLine(sku=sku, shipped_units=24, granted_units=24) for sku in skus),
    )
    till.server.tell(f"delivery:{made.delivery}", "delivery", made)
    till.hear()
    return made


def test_a_scan_on_a_delivery_shows_its_line_or_leads_to_the_delivery_that_has_it(till: Till) -> None:
    gold, blue = deliver(till, 1, "GOLD"), deliver(till, 2, "BLUE")
    answer = till.scan(GOLD, on=f"/deliveries/{gold.delivery}")
    assert (answer.headers["X-Scan-Show"], answer.headers.get("X-Scan-Go")) == (b"GOLD".hex(), None)
    answer = till.scan(BLUE, on=f"/deliveries/{gold.delivery}")
    assert answer.headers["X-Scan-Go"] == f"/deliveries/{blue.delivery}"
    assert "delivery #2" in said(answer)
    assert "on no list" in said(till.scan("96385074", on="/deliveries"))
    page = till.client.get(f"/deliveries/{gold.delivery}").text
    assert f'id="row-{b"GOLD".hex()}"' in page
    assert outbox.queued(till.store) == []


def test_a_scan_on_the_stock_screen_shows_what_is_there(till: Till) -> None:
    assert "no stock is known" in said(till.scan(GOLD, on="/stock"))
    till.server.tell("stock:GOLD", "stock", Stock(sku="GOLD", on_hand_units=35, as_of=till.server.now()))
    till.hear()
    assert "35 in stock" in said(till.scan(GOLD, on="/stock"))


def test_elsewhere_a_scan_says_what_it_is_and_does_nothing(till: Till) -> None:
    assert "go to Order" in said(till.scan(GOLD, on="/notices"))
    assert till.draft() == {}


def test_before_enrolment_a_scan_fills_the_code(tmp_path: Path, make: Any) -> None:
    till = Till(tmp_path / "new", make)
    assert till.scan("K7QX-2M4P", on="/enrol").headers["X-Scan-Fill"] == "K7QX-2M4P"
    assert "data-scan-field" in till.client.get("/enrol").text
    till.terminal.close()


def test_what_a_scanner_at_the_machine_read_waits_until_a_screen_has_taken_it(till: Till) -> None:
    assert till.client.get("/scans").status_code == 204
    till.terminal.counter.scans.arrive(GOLD)
    (waiting,) = till.client.get("/scans").get_json(force=True)
    till.scan(waiting["text"], id=waiting["id"])
    assert till.draft() == {"GOLD": 12}
    assert till.client.get("/scans").status_code == 204


def test_while_locked_a_scan_is_answered_and_does_nothing_and_a_clerk_chooses_no_printer(till: Till) -> None:
    till.terminal.door.set_pin("owner", "2468")
    till.terminal.door.set_pin("clerk", "1111")
    till.terminal.door.lock()
    assert "Enter the PIN first" in said(till.scan(GOLD))
    assert till.draft() == {}
    till.terminal.door.enter("1111")
    assert "now 12" in said(till.scan(GOLD))
    assert till.tap("/counter/choose", printer="file:x").headers["Location"].startswith("/lock?")
    assert till.terminal.counter.device() is None


def test_a_trial_scan_shows_everything_that_the_code_says(till: Till) -> None:
    answer = till.scan(f"(01)0{GOLD}(10)LOT-7(17)281200(21)S9(3103)001250", on="/counter")
    assert answer.headers["X-Scan-Go"] == "/counter"
    page = till.client.get("/counter").text
    for shown in ("Yunling Gold", f"0{GOLD}", "LOT-7", "2028-12-31", "S9", "1.250 kg"):
        assert shown in page


# Slips and prints


def with_printer(till: Till) -> None:
    till.tap("/counter/choose", printer="net:192.168.1.50")


def settled(till: Till) -> None:
    assert till.prints.wait_idle(timeout_s=DEADLINE_S)


def words_of(slip: Slip) -> str:
    return " | ".join(
        f"{part.left}: {part.right}" if isinstance(part, Pair) else getattr(part, "text", "") for part in slip.parts
    )


def test_the_receipt_says_received_only_after_the_receipt(till: Till) -> None:
    with_printer(till)
    order = till.order()
    assert "does not count yet" in till.client.get(f"/orders/{order}/slip").text
    till.tap(f"/orders/{order}/slip")
    settled(till)
    till.travel()
    till.tap(f"/orders/{order}/slip")
    settled(till)
    before, after = till.paper.printed
    assert "does not count yet" in words_of(before)
    assert not any(isinstance(part, Square) for part in before.parts)
    assert "Order #100" in words_of(after)
    assert "It counts." in words_of(after)
    assert "Yunling Gold · 2 boxes: 24" in words_of(after)
    assert "UTC+1" in words_of(after)


def test_the_square_of_a_receipt_is_the_leaf_of_the_frozen_book(till: Till) -> None:
    with_printer(till)
    order = till.order()
    till.travel()
    till.tap(f"/orders/{order}/slip")
    settled(till)
    (square,) = [part for part in till.paper.printed[-1].parts if isinstance(part, Square)]
    assert square.content.startswith(f"evenhand:order:{order}:100:1:")
    leaf = square.content.rpartition(":")[2]
    page = till.client.get(f"/orders/{order}/slip").text
    mine = leaf_bytes("R-12", [OrderLine(sku="GOLD", quantity_units=24)])
    assert leaf == hashlib.sha256(b"\x00" + mine).hexdigest()
    assert "<svg" in page
    assert "style=" not in page


@pytest.mark.parametrize("fault", ["paper_out", "cover_open", "unplugged", "no_font", "not_installed"])
def test_a_failed_print_is_said_offered_again_and_changes_no_order(till: Till, fault: PrinterFault) -> None:
    with_printer(till)
    order = till.order()
    till.travel()
    sent = len(till.server.inbox)
    till.paper.fault = fault
    till.tap(f"/orders/{order}/slip")
    settled(till)
    page = till.client.get(f"/orders/{order}/slip").text
    assert 'role="alert"' in page
    assert "Print again" in page
    assert "Not printed" in till.client.get("/order").text
    till.paper.fault = None
    till.tap("/counter/again")
    settled(till)
    till.travel()
    assert len(till.paper.printed) == 1
    assert (len(till.server.inbox), outbox.queued(till.store)) == (sent, [])
    assert "Not printed" not in till.client.get("/order").text


def test_without_a_printer_the_slip_is_on_the_screen_alone(till: Till) -> None:
    order = till.order()
    page = till.client.get(f"/orders/{order}/slip").text
    assert "No printer is chosen" in page
    assert re.search(r'<button class="primary" disabled', page)


def test_an_address_that_is_none_is_said_and_not_kept(till: Till) -> None:
    for address in ("usb:../../etc/passwd", "file:/etc/passwd", "lp0", "net:h:99999", "x" * 500):
        assert "is no printer" in till.tap("/counter/choose", printer=address).text
    assert till.terminal.counter.device() is None
    till.tap("/counter/choose", printer="usb:/dev/usb/lp0")
    till.tap("/counter/choose", paper="58")
    device = till.terminal.counter.device()
    assert device is not None
    assert (device.address, device.width_mm) == ("usb:/dev/usb/lp0", 58)


def test_a_scanner_is_a_device_of_input_and_nothing_else(till: Till) -> None:
    till.tap("/counter/choose", scanner="/etc/passwd")
    till.tap("/counter/choose", scanner="/dev/input/../../etc/passwd")
    assert till.terminal.counter.scanner_path == ""
    till.tap("/counter/choose", scanner="/dev/input/evenhand-scanner")
    assert till.terminal.counter.scanner_path == "/dev/input/evenhand-scanner"
    assert "The scanner is not there" in till.client.get("/counter").text
    assert "data-polls" in till.client.get("/order").text


def test_a_delivery_slip_tells_what_was_counted(till: Till) -> None:
    with_printer(till)
    made = deliver(till, 7, "GOLD", "BLUE")
    use_cases.confirm_delivery(till.shop, made.delivery, rest_as_listed=True)
    till.tap(f"/deliveries/{made.delivery}/slip")
    settled(till)
    (slip,) = till.paper.printed
    assert "Delivery #7" in words_of(slip)
    assert "Blue: 24 / 24" in words_of(slip)
    assert any(isinstance(part, Words) and "does not know it yet" in part.text for part in slip.parts)

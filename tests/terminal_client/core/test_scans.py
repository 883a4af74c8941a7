"""A scan meets the catalogue; and however often it is told, it is acted on once."""

import threading
from datetime import date
from typing import Any

import pytest

from contract.device_api import CaseBarcode
from terminal_client.core import scans
from terminal_client.core.scans import Inbox
from terminal_client.core.views.catalogue import Catalogue

TODAY = date(2027, 3, 21)


@pytest.fixture
def goods(make: Any) -> Catalogue:
    items = (
        make.item(
            "GOLD", barcodes=("6901234567892",), case_barcodes=(CaseBarcode(barcode="16901234567899", units=600),)
        ),
        make.item("BLUE", pack_units=1, barcodes=("042100005264", "OLD-7")),
        make.item("0012345", pack_units=5),
    )
    return Catalogue(make.reference(*items), {item.sku: item for item in items}, frozenset())


@pytest.mark.parametrize(
    ("scanned", "sku", "units"),
    [
        ("6901234567892", "GOLD", 12),
        ("(01)06901234567892(10)A", "GOLD", 12),
        ("16901234567899", "GOLD", 600),
        ("]C102169012345678993702", "GOLD", 1200),
        ("04252614", "BLUE", 1),
        ("0042100005264", "BLUE", 1),
        ("OLD-7", "BLUE", 1),
        ("0012345", "0012345", 5),
    ],
)
def test_a_code_names_goods_and_what_one_scan_stands_for(goods: Catalogue, scanned: str, sku: str, units: int) -> None:
    scan = scans.read(scanned, goods, today=TODAY)
    assert scan.item is not None
    assert (scan.item.sku, scan.units, scan.fault) == (sku, units, None)


CAN, BOX = "036000291452", "11111111111113"


@pytest.fixture
def shelf(make: Any) -> Catalogue:
    items = (make.item("CAN", pack_units=12, barcodes=(CAN,)), make.item("BOX", pack_units=1, barcodes=(BOX,)))
    return Catalogue(make.reference(*items), {item.sku: item for item in items}, frozenset())


@pytest.mark.parametrize("scanned", [CAN, f"0{CAN}", f"00{CAN}", f"]E0{CAN}", f"]C10100{CAN}"])
def test_a_upc_and_its_ean_and_gtin_are_one_product(shelf: Catalogue, scanned: str) -> None:
    scan = scans.read(scanned, shelf, today=TODAY)
    assert scan.item is not None
    assert (scan.item.sku, scan.units) == ("CAN", 12)


@pytest.mark.parametrize(("scanned", "fault"), [("036000291453", "check_digit"), ("36000291452", "not_a_code")])
def test_a_wrong_check_digit_is_no_valid_code_and_a_lost_zero_is_not_found(
    shelf: Catalogue, scanned: str, fault: str
) -> None:
    scan = scans.read(scanned, shelf, today=TODAY)
    assert (scan.item, scan.fault) == (None, fault)


@pytest.mark.parametrize(
    ("scanned", "sku", "batch", "expires", "units", "counted"),
    [
        (f"]C101{BOX}10xyz\x1d3040", "BOX", "xyz", None, 40, 40),
        (f"]C10100{CAN}1727020010L7A\x1d3012", "CAN", "L7A", date(2027, 2, 28), 12, 12),
        (f"]C10100{CAN}1727020010L7A3012", "CAN", "L7A3012", date(2027, 2, 28), 12, None),
        (f"]C101{BOX}10L7A3040", "BOX", "L7A3040", None, 1, None),
    ],
)
def test_a_code_counts_its_pieces_and_a_batch_that_may_have_swallowed_them_is_doubtful(
    shelf: Catalogue, scanned: str, sku: str, batch: str, expires: date | None, units: int, counted: int | None
) -> None:
    scan = scans.read(scanned, shelf, today=TODAY)
    assert scan.item is not None
    assert scan.code is not None
    assert (scan.item.sku, scan.code.batch, scan.code.expires, scan.units) == (sku, batch, expires, units)
    assert (scan.code.count, scan.code.batch_doubtful) == (counted, counted is None)


def test_leading_zeros_are_part_of_a_code(goods: Catalogue) -> None:
    scan = scans.read("12345", goods, today=TODAY)
    assert (scan.item, scan.fault) == (None, "not_a_code")


def test_a_good_code_of_strange_goods_is_no_fault_and_names_nothing(goods: Catalogue) -> None:
    scan = scans.read("96385074", goods, today=TODAY)
    assert scan.code is not None
    assert (scan.item, scan.units, scan.fault) == (None, 0, None)


@pytest.mark.parametrize(("scanned", "fault"), [("6901234567891", "check_digit"), ("\x1b[A", "not_printable")])
def test_what_cannot_be_read_says_why(goods: Catalogue, scanned: str, fault: str) -> None:
    assert scans.read(scanned, goods, today=TODAY).fault == fault


def test_a_scan_that_is_told_twice_is_acted_on_once() -> None:
    inbox = Inbox[int]("run")
    done: list[str] = []

    def act() -> int:
        done.append("acted")
        return len(done)

    assert [inbox.take("a", act), inbox.take("a", act), inbox.take("b", act)] == [1, 1, 2]
    threads = [threading.Thread(target=inbox.take, args=("c", act)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(done) == 3


def test_what_a_device_read_waits_in_order_until_a_screen_took_it_also_after_a_failure() -> None:
    inbox = Inbox[str]("run")
    for text in ("1", "2"):
        inbox.arrive(text)
    first, second = inbox.waiting()

    def fails() -> str:
        raise OSError("the disk")

    with pytest.raises(OSError, match="the disk"):
        inbox.take(first.id, fails)
    assert inbox.waiting() == [first, second]
    inbox.take(first.id, lambda: "done")
    assert inbox.waiting() == [second]


def test_a_scanner_gone_mad_fills_no_memory() -> None:
    inbox = Inbox[str]("run")
    for number in range(1_000):
        inbox.arrive("x" * 10_000 + str(number))
    waiting = inbox.waiting()
    assert len(waiting) == scans.MOST_WAITING
    assert max(len(scan.text) for scan in waiting) == 129

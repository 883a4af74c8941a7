"""Prints run beside everything else: once each, in order, and what fails is said and harms nothing."""

import threading

import pytest

from terminal_client.core import slips
from terminal_client.core.ports import PrinterError, PrinterFault
from terminal_client.core.printing import KEPT, Device, PrintQueue, parse_address
from terminal_client.core.slips import Heading, Pair, Rule, Slip, Square, Width, Words

DEADLINE_S = 30.0


class Paper:
    """A printer in memory: it can be held up, and can fail."""

    def __init__(self) -> None:
        self.printed: list[str] = []
        self.fault: PrinterFault | None = None
        self.confirms = True
        self.may_go = threading.Event()
        self.may_go.set()
        self.begun = threading.Semaphore(0)

    def print(self, slip: Slip, address: str, width_mm: Width) -> bool:
        self.begun.release()
        assert self.may_go.wait(DEADLINE_S)
        if self.fault is not None:
            raise PrinterError(self.fault)
        self.printed.append(f"{slip.subject} {address} {width_mm}")
        return self.confirms

    def stop(self) -> None:
        self.may_go.set()


Made = tuple[PrintQueue, Paper]


@pytest.fixture
def made() -> Made:
    paper = Paper()
    return PrintQueue(paper, lambda: Device("usb:/dev/usb/lp0", 80)), paper


def slip(subject: str = "order:1") -> Slip:
    return Slip(subject, (Words("words"),))


def settled(prints: PrintQueue) -> None:
    assert prints.wait_idle(timeout_s=DEADLINE_S)


def test_prints_come_out_in_the_order_of_their_taps(made: Made) -> None:
    prints, paper = made
    for number in range(5):
        prints.submit(slip(f"order:{number}"))
    settled(prints)
    assert paper.printed == [f"order:{number} usb:/dev/usb/lp0 80" for number in range(5)]
    prints.close()


def test_a_second_tap_while_it_prints_prints_no_second_one_and_one_afterwards_does(made: Made) -> None:
    prints, paper = made
    paper.may_go.clear()
    first = prints.submit(slip())
    assert paper.begun.acquire(timeout=DEADLINE_S)
    assert prints.submit(slip()).number == first.number
    paper.may_go.set()
    settled(prints)
    assert len(paper.printed) == 1
    prints.submit(slip())
    settled(prints)
    assert len(paper.printed) == 2
    prints.close()


def test_handing_in_returns_while_the_printer_is_held_up(made: Made) -> None:
    prints, paper = made
    paper.may_go.clear()
    states = [prints.submit(slip(f"order:{number}")).state for number in range(3)]
    assert states == ["waiting"] * 3
    prints.close()


def test_a_fault_is_said_until_it_is_printed_again_or_left(made: Made) -> None:
    prints, paper = made
    paper.fault = "paper_out"
    prints.submit(slip())
    settled(prints)
    failed = prints.failed()
    assert failed is not None
    assert (failed.state, failed.fault) == ("failed", "paper_out")
    paper.fault = None
    prints.again()
    settled(prints)
    assert prints.failed() is None
    assert paper.printed == ["order:1 usb:/dev/usb/lp0 80"]
    paper.fault = "unplugged"
    prints.submit(slip("order:2"))
    settled(prints)
    prints.forget()
    assert prints.failed() is None
    assert prints.again() is None
    prints.close()


def test_what_the_printer_does_not_confirm_is_not_called_printed(made: Made) -> None:
    prints, paper = made
    paper.confirms = False
    prints.submit(slip())
    settled(prints)
    job = prints.about("order:1")
    assert job is not None
    assert job.state == "handed_over"
    prints.close()


def test_without_a_printer_it_is_said_and_the_queue_goes_on_when_one_is_chosen() -> None:
    device: list[Device | None] = [None]
    paper = Paper()
    prints = PrintQueue(paper, lambda: device[0])
    prints.submit(slip())
    settled(prints)
    assert (job := prints.failed()) is not None
    assert job.fault == "no_printer"
    device[0] = Device("usb:/dev/usb/lp0", 58)
    prints.submit(slip())
    settled(prints)
    assert paper.printed == ["order:1 usb:/dev/usb/lp0 58"]
    prints.close()


def test_many_prints_keep_no_memory_and_none_that_waits_is_forgotten(made: Made) -> None:
    prints, paper = made
    for number in range(KEPT * 3):
        prints.submit(slip(f"order:{number}"))
        settled(prints)
    assert len(paper.printed) == KEPT * 3
    assert prints.about("order:0") is None
    prints.close()


def test_a_slip_travels_to_another_process_and_is_the_same() -> None:
    parts = (Heading("店"), Words("w", strong=True), Pair("a", "1"), Rule(), Square("q", "c"))
    assert slips.from_record(slips.to_record(Slip("x", parts))) == Slip("x", parts)


@pytest.mark.parametrize(
    "address", ["", "usb:", "usb:lp0", "usb:/dev/../etc/passwd", "net:", "net:host:0", "file:../x", "file:a/b", "x:y"]
)
def test_what_is_no_address_of_a_printer_is_refused(address: str) -> None:
    with pytest.raises(ValueError, match=r"printer|invalid literal"):
        parse_address(address)


def test_addresses_name_device_speed_and_port() -> None:
    assert parse_address("serial:/dev/ttyUSB0@19200") == ("serial", "/dev/ttyUSB0", 19200)
    assert parse_address("net:192.168.1.50") == ("net", "192.168.1.50", 9100)
    assert parse_address("net:printer.local:9101") == ("net", "printer.local", 9101)

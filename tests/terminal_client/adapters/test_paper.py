"""From a slip to paper: the bytes, the picture, the ways to a printer, and everything that can go wrong on them."""

import os
import pty
import select
import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from fake_printer import FakePrinter
from PIL import Image, ImageFont

from terminal_client.adapters.paper import __main__ as paper
from terminal_client.adapters.paper import escpos_bytes, fonts, lines, raster
from terminal_client.adapters.printer import EscposPrinter
from terminal_client.core import slips
from terminal_client.core.ports import PrinterError
from terminal_client.core.slips import Heading, Pair, Rule, Slip, Square, Width, Words

GOLDEN = Path(__file__).parent / "golden"
SLIP = Slip(
    "order:1",
    (
        Heading("Harbour Road 12"),
        Words("Order #123", strong=True),
        Rule(),
        Pair("Yunling Gold", "24"),
        Pair("A name that is much too long for one line of this paper, and goes on", "1,234.00"),
        Rule(),
        Square("evenhand:order:1", "To check"),
    ),
)
DATA = b"\x1b@" + b"raster" * 4_000


@pytest.mark.parametrize("width_mm", [58, 80])
def test_the_same_slip_makes_the_same_bytes(width_mm: Width) -> None:
    """In Pillow's own bitmap font, so that no font of the system has a part in it."""
    font = ImageFont.load_default_imagefont()
    made = escpos_bytes.bytes_of(raster.draw(SLIP, width_mm, lambda _dots, _strong: font))
    golden = GOLDEN / f"slip-{width_mm}.escpos"
    assert made == golden.read_bytes()


def test_the_bytes_are_a_start_bands_of_raster_and_a_cut() -> None:
    picture = Image.new("1", (384, 600), 1)
    made = escpos_bytes.bytes_of(picture)
    assert made.startswith(b"\x1b@\x1dv0\x00" + struct.pack("<HH", 48, 256))
    assert made.count(b"\x1dv0\x00") == 3
    assert made.endswith(b"\x1dV\x00")


def test_chinese_is_drawn_and_not_replaced_by_boxes() -> None:
    face = fonts.find(han=True, strong=False)
    drawn = {
        text: raster.draw(Slip("x", (Words(text),)), 80, lambda dots, _strong: face.sized(dots)).tobytes()
        for text in ("店", "茶", "\U0010fffd")
    }
    assert len(set(drawn.values())) == 3


@pytest.mark.parametrize("width_mm", [58, 80])
def test_nothing_stands_outside_the_paper_however_long_a_name_is(width_mm: Width) -> None:
    face = fonts.find(han=True, strong=False)
    texts = ["云岭（硬金）" * 20, "Spring" * 40, "a b " * 60]
    slip = Slip("x", tuple(Pair(text, "¥1,234,567.00") for text in texts))
    for text in texts:
        font = face.sized(raster.BODY_DOTS)
        for line in raster._wrapped(text, raster.DOTS[width_mm], font):  # noqa: SLF001 - the rule itself
            assert font.getlength(line) <= raster.DOTS[width_mm]
    assert raster.draw(slip, width_mm, lambda dots, _strong: face.sized(dots)).width == raster.DOTS[width_mm]


def test_without_a_chinese_font_it_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    class Found:
        stdout = "/usr/share/fonts/latin.ttf\n0\nen|de\n"

    monkeypatch.setattr(fonts.subprocess, "run", lambda *_a, **_k: Found)
    with pytest.raises(PrinterError, match="no_font"):
        fonts.find(han=True, strong=False)
    assert fonts.find(han=False, strong=False).path == "/usr/share/fonts/latin.ttf"


@contextmanager
def a_printer(**manner: Any) -> Iterator[FakePrinter]:
    made = FakePrinter(**manner)
    yield made
    made.close()


def send(printer: FakePrinter, folder: Path, *, patience_s: float = 20.0) -> bool:
    with lines.opened(printer.address, folder, patience_s=patience_s) as line:
        return lines.deliver(line, DATA, patience_s=patience_s)


def test_a_printer_that_says_it_is_done_has_printed(tmp_path: Path) -> None:
    with a_printer() as printer:
        assert send(printer, tmp_path)
    assert DATA in bytes(printer.got)


def test_of_a_printer_that_says_nothing_no_more_is_claimed(tmp_path: Path) -> None:
    with a_printer(silent=True) as printer:
        assert not send(printer, tmp_path)
    assert bytes(printer.got).endswith(DATA)


@pytest.mark.parametrize(
    ("manner", "fault"),
    [
        ({"state": {4: 0x72}}, "paper_out"),
        ({"state": {2: 0x32}}, "paper_out"),
        ({"state": {1: 0x1A, 2: 0x16}}, "cover_open"),
        ({"state": {1: 0x1A}}, "offline"),
        ({"state": {2: 0x52}}, "offline"),
        ({"dies_after": 4_000}, "unplugged"),
        ({"paper_for": 9_000}, "paper_out"),
    ],
)
def test_what_goes_wrong_is_known_by_its_name(manner: dict[str, Any], fault: str, tmp_path: Path) -> None:
    with a_printer(**manner) as printer, pytest.raises(PrinterError) as failed:
        send(printer, tmp_path)
    assert failed.value.fault == fault


def test_with_the_paper_out_beforehand_nothing_is_sent(tmp_path: Path) -> None:
    with a_printer(state={4: 0x72}) as printer, pytest.raises(PrinterError):
        send(printer, tmp_path)
    assert b"raster" not in printer.got


def test_a_printer_that_takes_nothing_more_is_not_waited_for_for_ever() -> None:
    here, there = socket.socketpair()
    with here, there:
        here.setblocking(False)
        here.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
        with pytest.raises(PrinterError, match="stuck"):
            lines.deliver(lines._Socket(here), DATA * 200, patience_s=0.05)  # noqa: SLF001 - a line that is open already


def test_nobody_at_the_address_is_said(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    for address, fault in (
        (f"net:127.0.0.1:{port}", "unreachable"),
        ("usb:/dev/usb/lp99", "missing"),
        ("usb:/dev/shm", "missing"),
        ("nowhere", "missing"),
    ):
        with pytest.raises(PrinterError) as failed, lines.opened(address, tmp_path, patience_s=5):
            pass
        assert failed.value.fault == fault


def test_a_device_that_may_not_be_opened_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> int:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(lines.os, "open", refuse)
    with pytest.raises(PrinterError, match="no_permission"), lines.opened("usb:/dev/usb/lp0", tmp_path, patience_s=5):
        pass


def test_a_serial_line_carries_every_byte_as_it_is(tmp_path: Path) -> None:
    ours, theirs = pty.openpty()
    name = os.ttyname(theirs)
    data = bytes(range(256)) * 8
    got = bytearray()

    def listen() -> None:
        while len(got) < len(lines.OFFLINE) + len(data):
            select.select([ours], [], [], 30)
            got.extend(os.read(ours, 512))

    listening = threading.Thread(target=listen, daemon=True)
    listening.start()
    with lines.opened(f"serial:{name}", tmp_path, patience_s=20) as line:
        assert not lines.deliver(line, data, patience_s=20)
    listening.join(30)
    assert bytes(got) == lines.OFFLINE + data
    os.close(ours)
    os.close(theirs)


def job(address: str, folder: Path) -> dict[str, Any]:
    return {
        "slip": slips.to_record(SLIP),
        "address": address,
        "width_mm": 80,
        "folder": str(folder),
        "patience_s": 20.0,
    }


def test_a_job_ends_with_an_outcome_whatever_happens(tmp_path: Path) -> None:
    assert paper.run(job("file:slips.bin", tmp_path / "prints")) == {"confirmed": False}
    assert (tmp_path / "prints" / "slips.bin").read_bytes().startswith(b"\x1b@\x1dv0")
    with a_printer(state={4: 0x72}) as printer:
        assert paper.run(job(printer.address, tmp_path))["fault"] == "paper_out"


@pytest.mark.slow
def test_each_print_has_a_process_of_its_own(tmp_path: Path) -> None:
    printer = EscposPrinter(tmp_path)
    assert printer.print(SLIP, "file:slips.bin", 58) is False
    assert (tmp_path / "slips.bin").stat().st_size > 10_000
    with a_printer() as there:
        assert printer.print(SLIP, there.address, 58) is True
    with a_printer(state={2: 0x16}) as there, pytest.raises(PrinterError, match="cover_open"):
        printer.print(SLIP, there.address, 58)
    printer.stop()
    with pytest.raises(PrinterError, match="ending"):
        printer.print(SLIP, "file:slips.bin", 58)

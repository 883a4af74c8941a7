"""A scanner at an input device: recorded events through a pipe, plugged out and in again, not allowed."""

import os
import queue
from collections.abc import Iterator
from pathlib import Path

import pytest

from terminal_client.adapters import scanner
from terminal_client.adapters.scanner import EVENT, EvdevScanner

KEY_OF = dict(zip("1234567890", range(2, 12), strict=True))
ENTER = 28
DEADLINE_S = 30.0


def recorded(text: str) -> bytes:
    """What the kernel sends for a scan: scan code, key, report, down and up, a time as long as the machine has it."""
    events = []
    for code in [*(KEY_OF[character] for character in text), ENTER]:
        for value in (1, 0):
            events += [(4, 4, 0x7001E), (1, code, value), (0, 0, 0)]
    return b"".join(EVENT.pack(1_800_000_000, 1_000 + at, *event) for at, event in enumerate(events))


class Plugged:
    """A pipe in the place of a device."""

    def __init__(self, path: Path) -> None:
        self.path = path
        os.mkfifo(path)
        self.end = os.open(path, os.O_RDWR)

    def send(self, data: bytes) -> None:
        os.write(self.end, data)

    def pull_out(self) -> None:
        self.path.unlink()
        os.close(self.end)


@pytest.fixture
def reading(tmp_path: Path) -> Iterator[tuple[EvdevScanner, Path, "queue.Queue[str]"]]:
    path = tmp_path / "event0"
    read: queue.Queue[str] = queue.Queue()
    reader = EvdevScanner(path, look_again_s=0.01)
    yield reader, path, read
    reader.stop()
    assert reader.state == "off"


def until(reader: EvdevScanner, state: str) -> None:
    for _ in range(int(DEADLINE_S / 0.01)):
        if reader.state == state:
            return
        scanner.select.select([], [], [], 0.01)
    raise AssertionError(f"{reader.state}, not {state}")


def test_scans_are_read_whole_also_where_events_come_in_pieces(
    reading: tuple[EvdevScanner, Path, "queue.Queue[str]"],
) -> None:
    reader, path, read = reading
    device = Plugged(path)
    reader.start(read.put)
    data = recorded("6901234567892") + recorded("0012345")
    for at in range(0, len(data), 37):
        device.send(data[at : at + 37])
    assert [read.get(timeout=DEADLINE_S), read.get(timeout=DEADLINE_S)] == ["6901234567892", "0012345"]
    assert reader.state == "shared"  # a pipe cannot be grabbed, and that is said
    os.close(device.end)


def test_a_scanner_that_is_plugged_out_and_in_again_goes_on(
    reading: tuple[EvdevScanner, Path, "queue.Queue[str]"],
) -> None:
    reader, path, read = reading
    reader.start(read.put)
    until(reader, "missing")
    device = Plugged(path)
    until(reader, "shared")
    device.send(recorded("690123")[: EVENT.size * 30])
    device.pull_out()
    until(reader, "missing")
    device = Plugged(path)
    until(reader, "shared")
    device.send(recorded("96385074"))
    assert read.get(timeout=DEADLINE_S) == "96385074"
    os.close(device.end)


def test_keys_that_the_kernel_lost_spoil_the_scan(reading: tuple[EvdevScanner, Path, "queue.Queue[str]"]) -> None:
    reader, path, read = reading
    device = Plugged(path)
    reader.start(read.put)
    whole = recorded("96385074")
    device.send(whole[: EVENT.size * 12] + EVENT.pack(1_800_000_000, 1_020, 0, 3, 0) + whole[EVENT.size * 12 :])
    assert "\x00" in read.get(timeout=DEADLINE_S)
    os.close(device.end)


def test_a_device_that_may_not_be_read_is_said(
    reading: tuple[EvdevScanner, Path, "queue.Queue[str]"], monkeypatch: pytest.MonkeyPatch
) -> None:
    reader, _, read = reading

    def refuse(*_: object) -> int:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(scanner.os, "open", refuse)
    reader.start(read.put)
    until(reader, "no_permission")


def test_a_device_is_grabbed_so_that_its_keys_go_nowhere_else(
    reading: tuple[EvdevScanner, Path, "queue.Queue[str]"], monkeypatch: pytest.MonkeyPatch
) -> None:
    reader, path, read = reading
    asked: list[tuple[int, int]] = []
    monkeypatch.setattr(scanner.fcntl, "ioctl", lambda _device, request, value: asked.append((request, value)))
    device = Plugged(path)
    reader.start(read.put)
    until(reader, "ready")
    assert asked == [(0x40044590, 1)]
    os.close(device.end)

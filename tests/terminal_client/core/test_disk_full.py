"""A full disk: said politely, nothing that was kept is lost, the queue goes on, and room ends it without a restart."""

import os
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import apsw
import pytest
from werkzeug.test import Client

from contract.messages import OrderLine
from firmware_sim.flash import SmallDisk
from terminal_client.app import Terminal
from terminal_client.core import drafts, outbox, use_cases
from terminal_client.core.store import Store
from terminal_client.core.views import order_list, order_screen
from terminal_client.ui import serve

LINES = [OrderLine(sku="GOLD", quantity_units=12)]


@dataclass
class Disk:
    """Where a store lies, and two hands: one that fills the disk, one that makes room."""

    folder: Path
    open_store: Callable[[Path], Store]
    fill: Callable[[], None]
    make_room: Callable[[], None]


@contextmanager
def simulated(folder: Path) -> Iterator[Disk]:
    disk = SmallDisk(f"small-{id(folder)}")

    def fill() -> None:
        disk.free_bytes = 0

    def make_room() -> None:
        disk.free_bytes = 1 << 30

    yield Disk(folder / "t", lambda where: Store(where, vfs=disk.name), fill, make_room)


@contextmanager
def tmpfs(folder: Path) -> Iterator[Disk]:
    if os.geteuid() != 0:
        pytest.skip("only root mounts a small disk")
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", folder], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip("mounting is not allowed here")

    def fill() -> None:
        with (folder / "ballast").open("wb", buffering=0) as ballast:
            try:
                while True:
                    ballast.write(bytes(4096))
            except OSError:
                pass

    try:
        yield Disk(folder / "t", Store, fill, (folder / "ballast").unlink)
    finally:
        subprocess.run(["umount", folder], check=True)


@pytest.fixture(params=[simulated, tmpfs])
def disk(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Disk]:
    with request.param(tmp_path) as found:
        yield found


@pytest.fixture
def shop(disk: Disk, make: Any) -> Iterator[Any]:
    """A terminal with a window, some orders that wait, and a draft."""
    world = make.world(disk.folder, open_store=disk.open_store)
    world.server.reference = make.reference(make.item(), make.item("BLUE", pack_units=1))
    window = make.window(world, closes_in=timedelta(days=2))
    world.run(60)
    world.wires.http_works = False
    world.queued = [use_cases.place_order(world.shop, window.window, LINES) for _ in range(5)]
    use_cases.set_draft_line(world.shop, window.window, "BLUE", 7)
    world.window = window.window
    yield world
    world.engine.stop()
    world.store.close()


def order_until_full(world: Any) -> int:
    """Order until the disk refuses; return how many orders were still taken."""
    for taken in range(2_000):
        try:
            use_cases.place_order(world.shop, world.window, LINES)
        except apsw.FullError:
            return taken
    raise AssertionError("the disk was never full")


def test_what_was_kept_stays_the_queue_is_sent_and_room_ends_it_without_a_restart(shop: Any, disk: Disk) -> None:
    disk.fill()
    taken = order_until_full(shop)
    kept = outbox.queued(shop.store)
    assert len(kept) == 5 + taken
    assert {line.sku for line in drafts.read(shop.store, shop.window).lines} == {"BLUE"}
    assert order_screen.read(shop.store, shop.shop.clock).window.window == shop.window
    assert len(order_list.newest(shop.store, shop.shop.clock, len(kept) + 1)) == len(kept)

    shop.wires.http_works = True
    shop.run(1_200)
    assert set(shop.queued) <= set(shop.server.inbox)
    assert {entry.id for entry in kept} == set(shop.server.inbox)

    disk.make_room()
    shop.run(600)
    assert shop.engine.trouble is None
    assert outbox.count_waiting(shop.store) == 0
    later = use_cases.place_order(shop.shop, shop.window, LINES)
    shop.run(60)
    assert outbox.find(shop.store, later).state == "received"
    assert shop.server.reused == []
    assert shop.store.rows("PRAGMA integrity_check") == [("ok",)]


def test_nothing_is_shown_as_received_while_its_receipt_cannot_be_kept(shop: Any, disk: Disk) -> None:
    disk.fill()
    order_until_full(shop)
    shop.wires.http_works = True
    shop.run(300)
    shown = {entry.id for kind in ("received", "refused") for entry in _all(shop) if entry.state == kind}
    disk.make_room()
    shop.restart()
    kept = {entry.id for entry in _all(shop) if entry.state in ("received", "refused")}
    assert shown <= kept
    assert len(shown) < len(_all(shop)) == len(shop.server.inbox)


def test_the_screen_says_in_words_that_nothing_was_saved_and_what_to_do(tmp_path: Path, make: Any) -> None:
    clock = make.clock()
    server = make.server(clock)
    wires = make.wires(server)
    terminal = Terminal(tmp_path / "t", "http://127.0.0.1:9", clock=clock, transport=wires)
    terminal.store.keep_identity(make.enrolled(server.now()))
    terminal.store.choose("language", "en")
    make.window(SimpleNamespace(server=server, clock=clock, chance=make.chance(1)))
    terminal.engine.start()
    wires.all_travel()
    terminal.store.rows(f"PRAGMA max_page_count = {terminal.store.rows('PRAGMA page_count')[0][0]}")
    browser = Client(serve.web(terminal))
    for number in range(2_000):
        form = {"sku": f"SKU-{number:05}", "quantity": "5"}
        said = browser.post("/order/set", data=form, headers={"Origin": "http://localhost"})
        if said.status_code == 200 and "disk is full" in said.text:
            break
    assert "this was not saved" in said.text
    assert "Call the distributor" in said.text
    assert f"SKU-{number - 1:05}" in browser.get("/order?show=mine").text
    assert f"SKU-{number:05}" not in browser.get("/order?show=mine").text
    terminal.close()


def _all(world: Any) -> list[outbox.Entry]:
    return outbox.of_kinds(world.store, "order.place")

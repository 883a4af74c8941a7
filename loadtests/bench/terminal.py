"""Rows of the terminal of a busy shop: its first screen without a server, the bytes of its first exchange."""

import re
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlencode

from contract.device_api import CatalogueItem, Enrolled, Reference
from contract.envelope import FeedItem
from contract.feed import OrderState, Receipt, Text, WindowState
from contract.ids import uuid7
from contract.messages import OrderLine
from firmware_sim.stage import launch_words
from loadtests.bench.problems import Sizes
from loadtests.bench.rows import REPEATS, Row
from terminal_client.adapters.system import SystemClock, bits
from terminal_client.core import feed, use_cases
from terminal_client.core.server_clock import ServerClock
from terminal_client.core.store import Store

COMMAND: Final = "make bench-terminal"
SKUS, ORDERS, LINES_AN_ORDER = 200, 100, 20
WITHIN_S: Final = 120.0
MOST_S, MOST_KB = 2.0, 64.0
AWAY: Final = "http://127.0.0.1:9"
COUNTED: Final = "tests/server/devices/test_first_exchange.py"


@dataclass
class Running:
    """A terminal's process and the address of its screens."""

    process: subprocess.Popen[str]
    url: str
    first_screen_s: float

    def ask(self, path: str, **form: str) -> bytes:
        """Return a page, or what a form is answered."""
        body = urlencode(form).encode() if form else None
        request = urllib.request.Request(self.url.rstrip("/") + path, body, {"Origin": self.url.rstrip("/")})  # noqa: S310
        with urllib.request.urlopen(request, timeout=WITHIN_S) as page:  # noqa: S310 - our own, on loopback
            answer: bytes = page.read()
            return answer

    def resident_mb(self) -> float:
        """Return what the process holds in memory."""
        status = Path(f"/proc/{self.process.pid}/status").read_text(encoding="ascii")
        return int(next(line.split()[1] for line in status.splitlines() if line.startswith("VmRSS"))) / 1024


@contextmanager
def running(folder: Path, server: str = AWAY) -> Iterator[Running]:
    """Start a terminal, its server away where none is named, and ask for its first screen."""
    words = [*launch_words(), sys.executable, "-m", "terminal_client", "--server", server]
    started = time.perf_counter()
    process = subprocess.Popen(
        [*words, "--data-dir", str(folder), "--port", "0"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    try:
        url = process.stdout.readline().partition("terminal: ")[2].strip() if process.stdout else ""
        here = Running(process, url, 0.0)
        here.ask("/")
        here.first_screen_s = time.perf_counter() - started
        yield here
    finally:
        process.terminate()
        process.wait(10)
        if process.stdout:
            process.stdout.close()


def start_rows(_sizes: Sizes) -> list[Row]:
    """Start a terminal of a busy shop without its server, beside an interpreter that does nothing."""
    screens, bare = [], []
    with tempfile.TemporaryDirectory() as folder:
        furnish(Path(folder))
        for _ in range(REPEATS):
            with running(Path(folder)) as terminal:
                screens.append(terminal.first_screen_s)
            started = time.perf_counter()
            subprocess.run([sys.executable, "-c", "pass"], check=True)
            bare.append(time.perf_counter() - started)
    screen, nothing = statistics.median(screens), statistics.median(bare)
    what = "terminal, start to first screen, server away / an interpreter that does nothing"
    return [Row(what, SIZE, screen, nothing, "s", screen / nothing, "≤ 2 s", screen <= MOST_S, REPEATS, COMMAND)]


def exchange_rows(_sizes: Sizes) -> list[Row]:
    """Have the test count that holds the budget of a first exchange, on a real server and database."""
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder, "counted.xml")
        words = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", f"--junitxml={report}", COUNTED]
        subprocess.run(words, check=True, stdout=subprocess.DEVNULL)
        counted = re.search(r'name="bytes" value="(\d+)"', report.read_text(encoding="utf-8"))
    if counted is None:
        raise RuntimeError(f"{COUNTED} recorded no bytes")
    kb = int(counted[1]) / 1024
    what = "terminal, first exchange, bytes on the wire"
    return [Row(what, f"{SKUS} SKUs, 20 orders", kb, None, "KB", None, "≤ 64 KB", kb <= MOST_KB, 1, COMMAND)]


SIZE: Final = f"{ORDERS * LINES_AN_ORDER:,} lines in {ORDERS} orders, {SKUS} SKUs"


def furnish(folder: Path) -> int:
    """Fill a store with what a busy shop has: a catalogue, an open window, a history of orders; return its cursor."""
    store, clock = Store(folder), SystemClock()
    now = datetime.now(UTC)
    store.keep_identity(Enrolled(device="d-1", retailer="R-1", name="Harbour Road 12", server_time=now))
    server_clock = ServerClock(store, clock)
    server_clock.learn(clock.wall_ms(), 10)
    store.keep_reference(reference())
    items: list[FeedItem] = []

    def tell(key: str, kind: str, message: Any) -> None:
        data = message.model_dump(mode="json", exclude_none=True)
        items.append(FeedItem(seq=len(items) + 1, key=key, kind=kind, at=now, data=data))

    shop = use_cases.Shop(store, server_clock, bits, lambda _message: None)
    word = Text(zh="第 12 周", en="Week 12")
    for number in range(ORDERS + 1):
        closes_at = now + timedelta(days=1 - 7 * (ORDERS - number))
        window = WindowState(
            window=uuid7(),
            cycle=uuid7(),
            name=word,
            opens_at=closes_at - timedelta(days=2),
            closes_at=closes_at,
            grace_s=30,
            zone="Asia/Shanghai",
            state="open" if number == ORDERS else "published",
        )
        tell(f"window:{window.window}", "window", window)
        if number == ORDERS:
            break
        lines = tuple(
            OrderLine(sku=f"{690123 * 10**7 + (number * 3 + line) % SKUS}", quantity_units=10)
            for line in range(LINES_AN_ORDER)
        )
        order = use_cases.place_order(shop, window.window, lines)
        receipt = Receipt(message=order, kind="order.place", outcome="accepted", at=now, number=number + 1, revision=1)
        tell(f"receipt:{order}", "receipt", receipt)
        state = OrderState(
            order=order, window=window.window, number=number + 1, revision=1, state="accepted", at=now, lines=lines
        )
        tell(f"order:{order}", "order", state)
    feed.apply(store, items, cursor=len(items), server_ms=server_clock.now_ms())
    store.close()
    return len(items)


def reference() -> Reference:
    """Return what the distributor tells the shop once: catalogue, credit, standing."""
    items = tuple(
        CatalogueItem(
            sku=f"{690123 * 10**7 + number}",
            name=Text(zh=f"云岭（硬金）{number} 号", en=f"Yunling Gold {number}"),
            unit=Text(zh="条", en="carton"),
            pack_units=10,
            price_minor=23_000,
        )
        for number in range(SKUS)
    )
    return Reference(
        version="v1",
        retailer="R-1",
        name="Harbour Road 12",
        route="North",
        region="Coast",
        tier=21,
        standing="good",
        currency="CNY",
        credit_minor=90_000_000,
        catalogue=items,
    )

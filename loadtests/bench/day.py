"""The row of a terminal's memory: a day at the counter with taps, sales, searches, orders, exchanges and prints."""

import re
import tempfile
from pathlib import Path
from typing import Final

from loadtests.bench.distributor import Distributor, serving
from loadtests.bench.problems import Sizes
from loadtests.bench.rows import Row
from loadtests.bench.terminal import COMMAND, SIZE, SKUS, Running, furnish, reference, running

REQUESTS: Final = 3_000
"""Taps and looks of a day at the counter; that the browser asks for news by itself comes on top."""
LOOK_EVERY: Final = 50
ORDER_EVERY, EXCHANGE_EVERY, PRINT_EVERY = 500, 100, 300
MOST_MB: Final = 64.0
PRINTED: Final = "slips.bin"
LOOKS: Final = (
    *("/order?show=all", "/order/rows?show=all&q=yl", "/order/pad?sku=6901230000001", "/orders", "/grants", "/banner"),
    *("/stock", "/stock/till", "/stock/day", "/stock/count", "/deliveries", "/notices", "/say", "/score", "/forecast"),
    *("/licence", "/settings", "/diagnostics", "/counter", "/keys/candidates?typed=quehuo", "/refused", "/banner"),
)


def memory_rows(sizes: Sizes) -> list[Row]:
    """Use a terminal for a day, and say the most that it held in memory."""
    requests = REQUESTS if sizes.repeats > 1 else 60
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        distributor = Distributor(reference(), head=furnish(folder))
        with serving(distributor), running(folder, distributor.url) as here:
            here.ask("/counter/choose", printer=f"file:{PRINTED}")
            seen = []
            for number in range(requests):
                use(here, number)
                if number % LOOK_EVERY == 0:
                    seen.append(here.resident_mb())
            seen.append(here.resident_mb())
        prints = len(list(folder.rglob(PRINTED)))
    size = f"{SIZE}; {requests:,} requests, {distributor.receipts:,} receipts, {distributor.pages:,} pages of the feed"
    if not distributor.receipts or (sizes.repeats > 1 and not prints):
        raise RuntimeError(f"the day was none: {size}, printed {prints}")
    what = "terminal, most resident memory in a day's use"
    return [Row(what, size, max(seen), None, "MB", None, "≤ 64 MB", max(seen) <= MOST_MB, 1, COMMAND)]


def use(here: Running, number: int) -> None:
    """Do the next thing of the day."""
    sku = f"{690123 * 10**7 + number * 7 % SKUS}"
    if number % ORDER_EVERY == ORDER_EVERY // 10:
        _order(here)
    if number % EXCHANGE_EVERY == EXCHANGE_EVERY // 10:
        here.ask("/settings/try-now", back="/settings")
    if number % PRINT_EVERY == PRINT_EVERY // 10:
        here.ask("/counter/trial", now="yes")
    match number % 6:
        case 0 | 3:
            here.ask("/order/step", sku=sku, way="up" if number % 5 else "down")
        case 1:
            here.ask("/stock/sell", sku=sku, back="till")
        case _:
            here.ask(LOOKS[number % len(LOOKS)])


def _order(here: Running) -> None:
    """Submit what stands in the draft, and begin to change it."""
    here.ask("/order/submit", now="yes")
    order = re.search(rb'name="order" value="([0-9a-f-]{36})"', here.ask("/order?show=mine"))
    if order is not None:
        here.ask("/order/amend", order=order[1].decode())

"""Rows of the console: time and queries of every page, on the network of ``make seed-large``."""

import statistics
from typing import Final

from sqlalchemy import text

from loadtests import console_pages, seeding
from loadtests.bench import served
from loadtests.bench.problems import Sizes
from loadtests.bench.rows import Row
from server.kit.db import transaction

_SMALL: Final = seeding.Size(retailers=40, skus=24, cycles=4, months=14, complaints=70, announcements=4)
_COMMAND: Final = "make bench-console"


def page_rows(sizes: Sizes) -> list[Row]:
    """Open every page as a person with all roles; a tenth or less of the network in a short run."""
    size = seeding.LARGE if sizes.divisor == 1 else _SMALL
    rows = []
    with served.server() as (runtime, owner_url):
        seeding.fill(runtime, size, owner_url=owner_url)
        browser = served.signed_in(runtime)
        with transaction(runtime.sessions) as session:
            pages = list(console_pages.pages(browser.watched.app, session))
            lines = session.scalar(text("SELECT count(*) FROM order_lines"))
        for page in pages:
            found = served.looked_at(browser, runtime, page.address, served.LOOKS if sizes.divisor == 1 else 2)
            rows.append(_row(page.route, found, f"{size.retailers:,} shops, {lines:,} lines"))
    return rows


def _row(route: str, found: served.Looked, size: str) -> Row:
    more = f"p50 {found.p50_ms:.0f} ms, {found.queries} queries"
    what = f"{route}: p95 ({more})"
    if found.whole_ms:
        whole = statistics.median(found.whole_ms)
        what = f"{route}: first byte of a file that is sent while it is made, p95 ({more}; whole in {whole:.0f} ms)"
    return Row(
        what,
        size,
        found.p95_ms,
        None,
        "ms",
        None,
        f"≤ {served.P95_MOST_MS:.0f} ms, ≤ {console_pages.QUERIES_MOST} queries",
        found.within,
        len(found.taken_ms),
        _COMMAND,
    )

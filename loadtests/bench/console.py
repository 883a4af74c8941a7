"""Rows of the console: time and queries of every page, on the network of ``make seed-large``."""

import math
import statistics
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from http import HTTPStatus
from pathlib import Path
from typing import Final

from sqlalchemy import text
from starlette.testclient import TestClient

from loadtests import console_pages, seeding
from loadtests.bench.problems import Sizes
from loadtests.bench.rows import Row
from server import migrations
from server.app import create_app
from server.kit import embedded
from server.kit.db import make_engine, make_sessions, transaction
from server.kit.identity import SYSTEM
from server.kit.runtime import Runtime
from server.kit.settings import Settings
from server.operators import service as operators

P95_MOST_MS: Final = 150.0
LOOKS: Final = 20
"""How often a page is opened after the first time; the slowest but one of twenty is the 95th percentile."""
ENOUGH_S: Final = 10.0
LOOKS_LEAST: Final = 5
"""A page that has taken :data:`ENOUGH_S` together is looked at so often alone: it is far over the limit."""

_SMALL: Final = seeding.Size(retailers=40, skus=24, cycles=4, months=14, complaints=70, announcements=4)
_COMMAND: Final = "make bench-console"


def page_rows(sizes: Sizes) -> list[Row]:
    """Open every page as a person with all roles; a tenth or less of the network in a short run."""
    size = seeding.LARGE if sizes.divisor == 1 else _SMALL
    rows = []
    with _seeded(size) as runtime:
        client = _signed_in(runtime)
        with transaction(runtime.sessions) as session:
            pages = list(console_pages.pages(client.app, session))  # type: ignore[arg-type] # our own application
            lines = session.scalar(text("SELECT count(*) FROM order_lines"))
        for page in pages:
            taken, queries = _looked_at(client, runtime, page.address, LOOKS if sizes.divisor == 1 else 2)
            rows.append(_row(page.route, taken, queries, f"{size.retailers:,} shops, {lines:,} lines"))
    return rows


def _looked_at(client: TestClient, runtime: Runtime, address: str, looks: int) -> tuple[list[float], int]:
    with console_pages.listening(runtime.engine) as heard:
        client.get(address)
    taken = []
    for _ in range(looks):
        started = time.perf_counter()
        answer = client.get(address)
        taken.append((time.perf_counter() - started) * 1000)
        if answer.status_code >= HTTPStatus.INTERNAL_SERVER_ERROR:
            raise RuntimeError(f"{address} answered {answer.status_code}")
        if len(taken) >= LOOKS_LEAST and sum(taken) > ENOUGH_S * 1000:
            break
    return taken, len(heard)


def _row(route: str, taken: Sequence[float], queries: int, size: str) -> Row:
    p95 = sorted(taken)[math.ceil(len(taken) * 0.95) - 1]
    most = console_pages.QUERIES_MOST
    return Row(
        f"{route}: p95 (p50 {statistics.median(taken):.0f} ms, {queries} queries)",
        size,
        p95,
        None,
        "ms",
        None,
        f"≤ {P95_MOST_MS:.0f} ms, ≤ {most} queries",
        p95 <= P95_MOST_MS and queries <= most,
        len(taken),
        _COMMAND,
    )


@contextmanager
def _seeded(size: seeding.Size) -> Iterator[Runtime]:
    """Give a server over a database of its own, seeded and with its statistics gathered."""
    with tempfile.TemporaryDirectory(prefix="evenhand-console-") as folder:
        cluster = embedded.start(Path(folder) / "postgres", durable=False)
        try:
            migrations.upgrade(cluster.owner_url, app_role="evenhand_app")
            engine = make_engine(cluster.app_url, pool=3)
            settings = Settings(database_url=cluster.app_url, zone="Asia/Shanghai", second_factor_required=False)
            runtime = Runtime(settings, engine, make_sessions(engine), lambda: datetime.now(UTC), None)
            seeding.fill(runtime, size, settle=lambda: seeding.gather_statistics(cluster.owner_url))
            yield runtime
            engine.dispose()
        finally:
            embedded.remove_cluster(Path(folder) / "postgres")


def _signed_in(runtime: Runtime) -> TestClient:
    now = runtime.clock()
    with transaction(runtime.sessions) as session:
        operators.add_operator(session, "bench", ["planner", "releaser", "administrator"], by=SYSTEM, at=now)
        opened = operators.open_session(session, "bench", remote="bench", ttl_s=12 * 3600, at=now)
    client = TestClient(create_app(runtime), follow_redirects=False)
    client.cookies.set("evenhand", opened.token)
    client.headers.update({"Accept": "text/html", "Accept-Language": "zh"})
    return client

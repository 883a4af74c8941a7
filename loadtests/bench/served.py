"""The server over a database of its own, in this process, as rows that measure pages need it."""

import math
import statistics
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from http import HTTPStatus
from pathlib import Path
from typing import Final

from starlette.testclient import TestClient

from loadtests import console_pages
from server import migrations
from server.app import create_app
from server.kit import embedded
from server.kit.db import make_engine, make_sessions, transaction
from server.kit.identity import SYSTEM
from server.kit.runtime import Runtime
from server.kit.sealing import Seal
from server.kit.settings import Settings
from server.operators import service as operators

P95_MOST_MS: Final = 150.0
LOOKS: Final = 20
"""How often a page is opened after the first time; the slowest but one of twenty is the 95th percentile."""
ENOUGH_S: Final = 10.0
LOOKS_LEAST: Final = 5
"""A page that has taken :data:`ENOUGH_S` together is looked at so often alone: it is far over the limit."""


@dataclass(frozen=True)
class Looked:
    """How long a page took each time (ms), and how many queries it asked the first time."""

    taken_ms: Sequence[float]
    queries: int

    @property
    def p50_ms(self) -> float:
        """The middle."""
        return statistics.median(self.taken_ms)

    @property
    def p95_ms(self) -> float:
        """The 95th percentile."""
        return sorted(self.taken_ms)[math.ceil(len(self.taken_ms) * 0.95) - 1]

    @property
    def within(self) -> bool:
        """Whether it keeps what every page of the console is to keep."""
        return self.p95_ms <= P95_MOST_MS and self.queries <= console_pages.QUERIES_MOST


@contextmanager
def server() -> Iterator[tuple[Runtime, str]]:
    """Give a server over an empty database, and the address by which the tables' owner fills it."""
    with tempfile.TemporaryDirectory(prefix="evenhand-bench-") as folder:
        cluster = embedded.start(Path(folder) / "postgres", durable=False)
        try:
            migrations.upgrade(cluster.owner_url, app_role="evenhand_app")
            engine = make_engine(cluster.app_url, pool=3)
            settings = Settings(database_url=cluster.app_url, zone="Asia/Shanghai", second_factor_required=False)
            sessions = make_sessions(engine, seal=Seal(settings))
            yield Runtime(settings, engine, sessions, lambda: datetime.now(UTC), None), cluster.owner_url
            engine.dispose()
        finally:
            embedded.remove_cluster(Path(folder) / "postgres")


def signed_in(runtime: Runtime) -> TestClient:
    """Return a browser of somebody with all roles."""
    now = runtime.clock()
    with transaction(runtime.sessions) as session:
        operators.add_operator(session, "bench", ["planner", "releaser", "administrator"], by=SYSTEM, at=now)
        opened = operators.open_session(session, "bench", remote="bench", ttl_s=12 * 3600, at=now)
    client = TestClient(create_app(runtime), follow_redirects=False)
    client.cookies.set("evenhand", opened.token)
    client.headers.update({"Accept": "text/html", "Accept-Language": "zh"})
    return client


def looked_at(client: TestClient, runtime: Runtime, address: str, looks: int) -> Looked:
    """Open a page once, and then so often, as far as there is time.

    Raises
    ------
    RuntimeError
        Where the server fails at it.
    """
    with console_pages.listening(runtime.engine) as heard:
        client.get(address)
    taken: list[float] = []
    for _ in range(looks):
        started = time.perf_counter()
        answer = client.get(address)
        taken.append((time.perf_counter() - started) * 1000)
        if answer.status_code >= HTTPStatus.INTERNAL_SERVER_ERROR:
            raise RuntimeError(f"{address} answered {answer.status_code}")
        if len(taken) >= LOOKS_LEAST and sum(taken) > ENOUGH_S * 1000:
            break
    return Looked(taken, len(heard))

"""The server over a database of its own, in this process, as rows that measure pages need it.

A page is measured by when it is whole. A file that is sent while it is made, however large it comes to be, is measured
by its first byte; when it is whole stands beside it.
"""

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

from fastapi import FastAPI
from starlette.testclient import TestClient
from starlette.types import Message, Receive, Scope, Send

from loadtests import console_pages
from server import migrations
from server.app import create_app
from server.kit import embedded, serving
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


class Watched:
    """An application, and when it had sent a part of its last answer, and in how many parts it sent it."""

    def __init__(self, app: FastAPI) -> None:
        self.app = app
        self.begun_s = 0.0
        self.parts = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer."""
        self.parts = 0

        async def sending(message: Message) -> None:
            if message.get("body"):
                self.begun_s = self.begun_s if self.parts else time.perf_counter()
                self.parts += 1
            await send(message)

        await self.app(scope, receive, sending)


@dataclass(frozen=True)
class Browser:
    """Somebody with all roles, who looks at an application."""

    client: TestClient
    watched: Watched


@dataclass(frozen=True)
class Looked:
    """How long a page took each time (ms), and how many queries it asked the first time.

    Of a file that is sent while it is made, ``taken_ms`` is until its first byte, and ``whole_ms`` until its last.
    """

    taken_ms: Sequence[float]
    queries: int
    whole_ms: Sequence[float] = ()

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


def signed_in(runtime: Runtime) -> Browser:
    """Return a browser of somebody with all roles, before the application as its own process would hold it."""
    now = runtime.clock()
    with transaction(runtime.sessions) as session:
        operators.add_operator(session, "bench", ["planner", "releaser", "administrator"], by=SYSTEM, at=now)
        opened = operators.open_session(session, "bench", remote="bench", ttl_s=12 * 3600, at=now)
    watched = Watched(create_app(runtime))
    client = TestClient(watched, follow_redirects=False)
    client.cookies.set("evenhand", opened.token)
    client.headers.update({"Accept": "text/html", "Accept-Language": "zh"})
    serving.settle()
    return Browser(client, watched)


def looked_at(browser: Browser, runtime: Runtime, address: str, looks: int) -> Looked:
    """Open a page once, and then so often, as far as there is time.

    Raises
    ------
    RuntimeError
        Where the server fails at it.
    """
    client, watched = browser.client, browser.watched
    with console_pages.listening(runtime.engine) as heard:
        client.get(address)
    taken: list[float] = []
    whole: list[float] = []
    for _ in range(looks):
        started = time.perf_counter()
        answer = client.get(address)
        whole.append((time.perf_counter() - started) * 1000)
        taken.append((watched.begun_s - started) * 1000 if watched.parts > 1 else whole[-1])
        if answer.status_code >= HTTPStatus.INTERNAL_SERVER_ERROR:
            raise RuntimeError(f"{address} answered {answer.status_code}")
        if len(whole) >= LOOKS_LEAST and sum(whole) > ENOUGH_S * 1000:
            break
    return Looked(taken, len(heard), whole if watched.parts > 1 else ())

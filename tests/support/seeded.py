"""A small network in which everything has happened, its server, and an address of every page of the console."""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

import rarely_seen
from starlette.testclient import TestClient

from loadtests import console_pages, seeding
from server import migrations
from server.app import create_app
from server.kit import embedded
from server.kit.db import make_engine, make_sessions, transaction
from server.kit.identity import SYSTEM, Role
from server.kit.runtime import Runtime
from server.kit.sealing import Seal
from server.kit.settings import Settings
from server.operators import service as operators

NOW = datetime(2026, 11, 25, 1, 0, tzinfo=UTC)
SMALL = seeding.Size(retailers=30, skus=24, cycles=4, months=14, complaints=70, announcements=4)
EVERYTHING: tuple[Role, ...] = ("planner", "releaser", "administrator", "inspector")


@dataclass
class Network:
    """A server over a seeded database, the browser of somebody with every role, and an address of every page."""

    runtime: Runtime
    browser: TestClient
    pages: list[console_pages.Page]

    def sign_in(self, name: str, *roles: Role) -> str:
        """Add a person; return the token of a session."""
        with transaction(self.runtime.sessions) as session:
            operators.add_operator(session, name, list(roles), by=SYSTEM, at=NOW)
            return operators.open_session(session, name, remote="test", ttl_s=3600, at=NOW).token


@contextlib.contextmanager
def seeded(postgres: embedded.Cluster) -> Iterator[Network]:
    """Fill a database of its own in the cluster and serve it."""
    made = postgres.create_database(f"seeded{len(_made)}")
    _made.append(made)
    migrations.upgrade(made.owner_url, app_role="evenhand_app")
    engine = make_engine(made.app_url, pool=3)
    settings = Settings(
        data_dir=postgres.data_dir.parent / made.database,
        database_url=made.app_url,
        zone="Asia/Shanghai",
        second_factor_required=False,
    )
    runtime = Runtime(settings, engine, make_sessions(engine, seal=Seal(settings)), lambda: NOW, None)
    with contextlib.ExitStack() as ending:
        ending.callback(engine.dispose)
        seeding.fill(runtime, SMALL, owner_url=made.owner_url)
        app = create_app(runtime)
        with transaction(runtime.sessions) as session:
            extra = rarely_seen.come_to(session, settings.data_dir, at=NOW)
            pages = [*console_pages.pages(app, session), *extra]
        network = Network(runtime, TestClient(app, follow_redirects=False), pages)
        network.browser.cookies.set("evenhand", network.sign_in("ann", *EVERYTHING))
        network.browser.headers.update({"Accept": "text/html"})
        yield network


_made: list[embedded.Cluster] = []

"""A real PostgreSQL for the whole run, an empty database for every test, and the real application."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from emptied import empty
from fastapi import FastAPI
from on_a_port import on_a_port
from seeded import Network, seeded
from sqlalchemy import event
from sqlalchemy.orm import Session, sessionmaker
from starlette.testclient import TestClient

from server import migrations
from server.acts import ACTS
from server.app import create_app
from server.kit import embedded
from server.kit.audit import AuditEntry
from server.kit.db import make_engine, make_sessions, transaction
from server.kit.identity import SYSTEM
from server.kit.runtime import Runtime
from server.kit.sealing import Seal
from server.kit.settings import Settings
from server.operators import queries as operators_queries
from server.operators import service as operators

START = datetime(2026, 11, 25, 1, 0, tzinfo=UTC)


@pytest.fixture(autouse=True, scope="session")
def every_act_has_words() -> Iterator[None]:
    """Whatever a test lets happen: what the audit calls it can be read on a screen."""

    def check(_entry: AuditEntry, _args: object, values: dict[str, Any]) -> None:
        assert values["action"] in ACTS, f"server/acts.py has no words for {values['action']!r}"

    event.listen(AuditEntry, "init", check)
    yield
    event.remove(AuditEntry, "init", check)


class SettableClock:
    """The server's clock in the hands of a test."""

    def __init__(self, now: datetime = START) -> None:
        self.now = now

    def __call__(self) -> datetime:
        return self.now

    def advance(self, **by: float) -> datetime:
        self.now += timedelta(**by)
        return self.now


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[embedded.Cluster]:
    """The cluster, for the whole run."""
    folder = tmp_path_factory.mktemp("cluster")
    yield embedded.start(folder / "postgres", durable=False)
    embedded.remove_cluster(folder / "postgres")


@pytest.fixture(scope="session")
def migrated(postgres: embedded.Cluster) -> embedded.Cluster:
    """The migrated database in which the tests stand, one after the other."""
    made = postgres.create_database("tests")
    migrations.upgrade(made.owner_url, app_role="evenhand_app")
    return made


@pytest.fixture
def database(migrated: embedded.Cluster) -> embedded.Cluster:
    """The migrated database, empty."""
    empty(migrated.admin_url)
    return migrated


@pytest.fixture
def clock() -> SettableClock:
    return SettableClock()


@pytest.fixture
def settings(tmp_path: Path, database: embedded.Cluster) -> Settings:
    return Settings(
        data_dir=tmp_path / "data",
        database_url=database.app_url,
        zone="Asia/Shanghai",
        grace_s=30,
        second_factor_required=False,
    )


@pytest.fixture
def runtime(settings: Settings, database: embedded.Cluster, clock: SettableClock) -> Iterator[Runtime]:
    """What a server process holds, over the test's database and clock."""
    engine = make_engine(database.app_url, pool=5)
    yield Runtime(settings, engine, make_sessions(engine, seal=Seal(settings)), clock, None)
    engine.dispose()


@pytest.fixture
def sessions(runtime: Runtime) -> sessionmaker[Session]:
    return runtime.sessions


@pytest.fixture
def session(sessions: sessionmaker[Session]) -> Iterator[Session]:
    """One transaction that sees everything, committed at the end of the test."""
    with transaction(sessions) as opened:
        yield opened


@pytest.fixture(scope="module")
def network(postgres: embedded.Cluster) -> Iterator[Network]:
    """A small network in which everything has happened, for the tests of a file."""
    with seeded(postgres) as made:
        yield made


@pytest.fixture
def app_client(runtime: Runtime) -> Iterator[TestClient]:
    """The real application, nobody signed in."""
    with TestClient(_application(runtime), raise_server_exceptions=True) as client:
        yield client


@pytest.fixture
def served_port(app_client: TestClient) -> Iterator[int]:
    """The port on which the real application is served to a browser."""
    with on_a_port(app_client.app) as port:
        yield port


_applications: dict[tuple[str, str, str, int], FastAPI] = {}


def _application(runtime: Runtime) -> FastAPI:
    """Return the application over ``runtime``; making its routes takes a second, so they are made once."""
    settings = runtime.settings
    alike = (settings.network_name, settings.zone, settings.currency, settings.database_pool)
    if alike not in _applications:
        _applications[alike] = create_app(runtime)
    application = _applications[alike]
    application.state.runtime = runtime
    application.state.console = replace(application.state.console, clock=runtime.clock)
    return application


@pytest.fixture
def signed_in(app_client: TestClient, runtime: Runtime, clock: SettableClock) -> Callable[..., TestClient]:
    """Return a browser of the real application in which a person with the given roles is signed in.

    ``signed_in("planner", name="ann")``; requests carry the forgery token, and ask for pages.
    """

    def sign_in(*roles: str, name: str | None = None, language: str = "en") -> TestClient:
        called = name or "-".join(roles) or "nobody-in-particular"
        with transaction(runtime.sessions) as session:
            if operators_queries.operator(session, called, at=clock()) is None:
                operators.add_operator(session, called, roles, by=SYSTEM, at=clock())
            opened = operators.open_session(session, called, remote="test", ttl_s=3600 * 12, at=clock())
        browser = TestClient(app_client.app, follow_redirects=False)
        browser.cookies.set("evenhand", opened.token)
        browser.cookies.set("lang", language)
        browser.headers.update({"X-CSRF-Token": opened.csrf, "Accept": "text/html"})
        return browser

    return sign_in


@pytest.fixture
def at_another_time(runtime: Runtime) -> Callable[[datetime], Runtime]:
    """The same server as another instant sees it."""
    return lambda now: replace(runtime, clock=lambda: now)

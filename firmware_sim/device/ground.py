"""The ground that plays stand on: a real PostgreSQL, a town in it, one transaction a play that is taken back.

A :class:`Ground` is a database with the sample town brought in, its terminals enrolled and nothing ordered yet. Each
play happens in one transaction of it, in which what the server commits is a savepoint: what was not committed is gone
where the server dies, as ever, and at the end all of it is rolled back. So a play costs no copy of a database, and
finds what the one before found. What holds at a real commit alone - deferred constraints - is looked at before the end.
"""

import random
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from psycopg.pq import ExecStatus, TransactionStatus
from sqlalchemy import Connection, Engine, event, text
from sqlalchemy.orm import Session, sessionmaker

from contract import ids
from contract.device_api import Enrol
from contract.feed import Choice, Question, Text
from firmware_sim import town
from firmware_sim.device import job_queue
from server import migrations, worker
from server.devices import enrolling
from server.devices import queries as device_queries
from server.devices import service as devices
from server.kit import certificates, embedded, outbox
from server.kit.db import EVERYTHING, act_for, make_engine, make_sessions
from server.kit.identity import SYSTEM, Operator
from server.kit.imports import running
from server.kit.runtime import Runtime
from server.kit.sealing import Seal
from server.kit.settings import Settings
from server.surveys import rules as survey_rules
from server.surveys import service as surveys
from server.wiring import IMPORTS

STARTS_AT = datetime(2027, 3, 22, 0, 0, tzinfo=UTC)
PLANNER = Operator(1, "planner", frozenset({"planner"}))
RELEASER = Operator(2, "releaser", frozenset({"releaser"}))
BROKER = "mqtt://simulated:nobody@127.0.0.1:1"
_DAYS = tuple(Choice(id=day, text=Text(zh=day, en=day)) for day in ("mon", "tue", "wed"))
SKUS, SCARCE, TOWN_SEED = 6, 2, 1
SURVEY = survey_rules.Draft(
    title=Text(zh="送货准时吗？", en="Does it come in time?"),
    intro=Text(zh="三个问题。", en="Three questions."),
    questions=(
        Question(id="day", kind="single", text=Text(zh="哪天？", en="Which day?"), choices=_DAYS),
        Question(id="mark", kind="scale", text=Text(zh="几分？", en="How many points?"), low=1, high=5),
        Question(id="words", kind="text", text=Text(zh="还有呢？", en="What else?"), required=False),
    ),
    opens_at=STARTS_AT,
    closes_at=STARTS_AT + timedelta(days=30),
)
#: A town has as many shops at least: a play with fewer devices is then the same wherever it is played.
SHOPS_LEAST = 4
ROLE = "evenhand_app"
_SAVEPOINTS = {"savepoint": "SAVEPOINT", "release_savepoint": "RELEASE", "rollback_to_savepoint": "ROLLBACK TO"}


@dataclass(frozen=True)
class Enrolment:
    """A terminal of the town: who it is at the server."""

    retailer: str
    name: str
    device: str
    key: str


@dataclass(frozen=True)
class Ground:
    """A database with the town in it."""

    cluster: embedded.Cluster
    settings: Settings
    engine: Engine
    town: town.Town
    terminals: tuple[Enrolment, ...]

    @contextmanager
    def play(self) -> Iterator[Connection]:
        """Open the transaction of one play; take everything back at the end."""
        with self.engine.connect() as connection:
            whole = connection.begin()
            try:
                yield connection
            finally:
                whole.rollback()


def _quick_engine(url: str) -> Engine:
    """Return an engine of one connection that knows its statements from one play to the next.

    The driver forgets all that it has prepared with each rollback, which here is nearly always one to a savepoint, and
    counts each name of a savepoint as another statement. So these go past it, to libpq.
    """
    engine = make_engine(url, pool=1)

    def run(dbapi_connection: Any, words: str) -> None:
        libpq = dbapi_connection.driver_connection.pgconn
        if libpq.transaction_status == TransactionStatus.IDLE:  # the driver would begin one by itself
            libpq.exec_(b"BEGIN")
        result = libpq.exec_(words.encode())
        if result.status != ExecStatus.COMMAND_OK:
            raise RuntimeError(f"{words}: {result.error_message.decode()}")

    def of_savepoints(words: str) -> Callable[[Connection, str], None]:
        return lambda connection, name: run(connection.connection, f"{words} {name}")

    for way, words in _SAVEPOINTS.items():
        setattr(engine.dialect, f"do_{way}", of_savepoints(words))

    def roll_back(dbapi_connection: Any) -> None:
        if dbapi_connection.driver_connection.pgconn.transaction_status != TransactionStatus.IDLE:
            run(dbapi_connection, "ROLLBACK")

    engine.dialect.do_rollback = roll_back  # type: ignore[method-assign] # as above

    @event.listens_for(engine, "connect")
    def _connected(dbapi_connection: Any, _record: Any) -> None:
        dbapi_connection.prepare_threshold, dbapi_connection.prepared_max = 0, None
        dbapi_connection.pgconn.exec_(b"SET plan_cache_mode = force_generic_plan")

    return engine


def sessions_in(connection: Connection, settings: Settings) -> sessionmaker[Session]:
    """Return the factory of a play's sessions: what they commit is released, not committed."""
    return sessionmaker(
        connection,
        join_transaction_mode="create_savepoint",
        expire_on_commit=False,
        info={"seal": Seal(settings)},
    )


@contextmanager
def prepared(folder: Path | None, shops: int) -> Iterator[Ground]:
    """Start a database of its own in ``folder``, or a temporary one, with a town of so many shops; remove it after.

    Raises
    ------
    StartError
        Where PostgreSQL does not start.
    """
    with tempfile.TemporaryDirectory(prefix="evenhand-sim-") as temporary:
        base = (folder or Path(temporary)) / "postgres"
        cluster = embedded.start(base, durable=False)
        try:
            with settled(cluster.create_database("town"), shops) as ground:
                yield ground
        finally:
            embedded.remove_cluster(base)


@contextmanager
def settled(cluster: embedded.Cluster, shops: int) -> Iterator[Ground]:
    """Bring the tables and a town of so many shops into an empty database."""
    migrations.upgrade(cluster.owner_url, app_role=ROLE)
    settings = _settings(cluster)
    ground_ids = ids.Source(lambda: round(STARTS_AT.timestamp() * 1000), random.Random(TOWN_SEED).getrandbits)  # noqa: S311 - no secret
    made = town.make(TOWN_SEED, shops=max(shops, SHOPS_LEAST), skus=SKUS, scarce=SCARCE)
    engine = _quick_engine(cluster.app_url)
    try:
        with ids.made_from(ground_ids):
            with Session(engine, expire_on_commit=False, info={"seal": Seal(settings)}) as session, session.begin():
                act_for(session, EVERYTHING)
                _bring_in(session, made)
                terminals = tuple(_enrol(session, made))
                _ask(session)
                session.execute(text("DELETE FROM procrastinate_jobs"))  # whom they would tell knows nothing older
            _begin_the_day(engine, settings)
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(text("ANALYZE"))
        yield Ground(cluster, settings, engine, made, terminals)
    finally:
        engine.dispose()


def _begin_the_day(engine: Engine, settings: Settings) -> None:
    """Do what the worker does once a day, so that it is not done again in each play of that day."""
    sessions = make_sessions(engine, seal=Seal(settings))
    runtime = Runtime(settings, engine, sessions, lambda: STARTS_AT, None)
    worker.tick(runtime)
    for _ in job_queue.work_off(runtime):
        pass
    while outbox.relay_once(sessions, devices_of=device_queries.devices_of, publish=lambda *_: None, now=STARTS_AT):
        pass  # no terminal is connected yet


def _settings(cluster: embedded.Cluster) -> Settings:
    return Settings(
        data_dir=cluster.data_dir.parent / cluster.database,
        database_url=cluster.app_url,
        broker_url=BROKER,
        zone="Asia/Shanghai",
        grace_s=30,
        second_factor_required=False,
    )


def _bring_in(session: Session, made: town.Town) -> None:
    kinds = {kind.name: kind for kind in IMPORTS}
    lists: Mapping[str, bytes] = {
        "skus": town.skus_csv(made),
        "retailers": town.retailers_csv(made),
        "licences": town.licences_csv(made, today=STARTS_AT.date()),
    }
    for name, content in lists.items():
        report = running.run(session, kinds[name], running.Upload(f"{name}.csv", content), actor=SYSTEM, at=STARTS_AT)
        if report.rows_refused:
            raise RuntimeError(f"the town's {name} were refused: {report.refused[0]}")


def _ask(session: Session) -> None:
    """Publish a survey that outlasts every play."""
    asked = surveys.write_survey(session, SURVEY, PLANNER, at=STARTS_AT)
    surveys.publish_survey(session, asked, PLANNER, at=STARTS_AT)


def _enrol(session: Session, made: town.Town) -> Iterator[Enrolment]:
    codes = devices.issue_codes(session, [shop.code for shop in made.shops], PLANNER, at=STARTS_AT)
    names = {shop.code: shop.name for shop in made.shops}
    for retailer, code in codes:
        request = certificates.new_request(certificates.new_key())
        asked = Enrol(code=code, model="simulated", version="1.0.0", csr=request)
        key = enrolling.ask(session, asked, at=STARTS_AT).key
        (device,) = enrolling.confirm(session, [key], PLANNER, at=STARTS_AT)
        yield Enrolment(retailer, names[retailer], device.id, key)

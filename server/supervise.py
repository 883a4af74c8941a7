"""Entry point: the whole installation under one supervisor.

Starts the database and the broker where none are named, migrates, then keeps web, ingest, worker and
solver running: each is a process of its own, started again when it ends, and ends with the supervisor, however
that ends. The broker's identities follow the devices in the database.
"""

import os
import secrets
import signal
import socket
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from types import FrameType
from typing import IO, TypeVar
from urllib.parse import urlsplit

import psycopg
import sqlalchemy.exc
import structlog
from sqlalchemy.orm import Session

from server import migrations, parts
from server.devices import clones
from server.devices.broker_trust import BrokerTrust
from server.devices.enrolling import IDENTITIES_CHANNEL
from server.keeping import kinds
from server.kit import broker as brokers
from server.kit import claims, embedded, nursery, processes
from server.kit.broker_log import BrokerLog
from server.kit.db import make_engine, make_sessions, transaction
from server.kit.nursery import Child, Nursery, NurseryOverError
from server.kit.processes import Ending, StartError
from server.kit.runtime import MQTTS_PORT, write_running
from server.kit.sealing import Seal
from server.kit.settings import Settings

log = structlog.get_logger(__name__)
T = TypeVar("T")

SERVICES = {"ingest": "svc-ingest", "worker": "svc-worker"}
WATCHER = "svc-watch"
READY_WITHIN_S = 170
CALM_AFTER_S = 10.0
IDENTITIES_EVERY_S = 5.0
CONNECTIONS_EVERY_S = 1.0
LOCK = "supervisor.lock"
PORT_FREE_WITHIN_S = 10.0
"""How long the web process of a supervisor that was killed may take to give its port back."""


@dataclass
class Part:
    """One of our processes."""

    name: str
    environment: dict[str, str]
    log: Path
    nursery: Nursery[parts.Wanted]
    process: Child | None = None
    started: float = 0.0
    delay_s: float = 0.2
    restart_at: float = 0.0
    restarts: int = field(default=-1)

    def start(self) -> None:
        """Start the process; it gets SIGTERM when the supervisor ends, however it ends."""
        try:
            self.process = self.nursery.start(parts.Wanted(self.name, self.environment, self.log))
        except OSError as error:
            self._try_again(why=error.strerror)
            return
        self.started = time.monotonic()
        self.restarts += 1

    def watch(self) -> None:
        """Start the process again where it ended, more slowly each time it ends early."""
        now = time.monotonic()
        if self.process is not None and self.process.exitcode is None:
            if now - self.started > CALM_AFTER_S:
                self.delay_s = 0.2
            return
        if self.process is not None:
            self._try_again(status=self.process.exitcode)
            self.process = None
        if now >= self.restart_at:
            self.start()

    def stop(self, patience_s: float = 10.0) -> None:
        """End the process: politely, then not."""
        if self.process is None:
            return
        self.process.send_signal(signal.SIGTERM)
        if not self.process.join(patience_s):
            self.process.send_signal(signal.SIGKILL)
            self.process.join(patience_s)

    def _try_again(self, **why: object) -> None:
        log.error("part_ended", part=self.name, again_in_s=self.delay_s, **why)
        self.restart_at = time.monotonic() + self.delay_s
        self.delay_s = min(self.delay_s * 2, 5.0)


class Supervisor:
    """The running installation."""

    def __init__(self, settings: Settings, nursery: Nursery[parts.Wanted]) -> None:
        self.settings = settings
        self._nursery = nursery
        self._stop = Ending()
        self._watchers = [WATCHER] if settings.broker_watched else []
        self._secrets = {name: secrets.token_urlsafe(32) for name in [*SERVICES.values(), *self._watchers]}
        self._lock: IO[str] | None = None
        self._broker: brokers.Broker | None = None
        self._trust = BrokerTrust(settings)
        self._broker_is_over = False
        self._connections: BrokerLog | None = None
        self._clones = clones.Watch("mqtt")
        self._look_s = 0.0
        self._cluster: embedded.Cluster | None = None
        self._parts: list[Part] = []
        self._keeper: threading.Thread | None = None
        self.web_url = ""

    def start(self) -> None:
        """Start everything and wait until the web process answers.

        Raises
        ------
        StartError
            One line that says what could not start and what to do.
        """
        settings = self.settings
        try:
            kinds.terms(settings)
        except kinds.TermUnknownError as error:
            raise StartError(str(error)) from None
        settings.data_dir.mkdir(parents=True, exist_ok=True)
        self._lock = _claim(settings.data_dir)
        # Before anything else starts: whoever has the port already would answer in our place.
        left_behind = (settings.run_dir / "running.json").exists()
        port = _usable_port(settings.web_host, settings.web_port, patience_s=PORT_FREE_WITHIN_S if left_behind else 0)
        log_dir = settings.data_dir / "logs"
        log_dir.mkdir(exist_ok=True, mode=0o700)
        app_url, owner_url = self._start_database()
        migrations.upgrade(owner_url, app_role=urlsplit(app_url).username or "")
        self._app_url = app_url
        broker_url = self._start_broker()
        self.web_url = settings.public_url or f"http://{settings.web_host}:{port}"
        shared = dict(os.environ) | {
            "EVENHAND_DATA_DIR": str(settings.data_dir.resolve()),
            "EVENHAND_DATABASE_URL": app_url,
            "EVENHAND_WEB_PORT": str(port),
            "EVENHAND_PUBLIC_URL": self.web_url,
        }
        for of_the_owner in (shared, os.environ):  # no part, and not the process they are forked from, may know it
            of_the_owner.pop("EVENHAND_DATABASE_OWNER_URL", None)
        public_port = settings.broker_public_port or self._own_public_port()
        if public_port is not None:
            shared["EVENHAND_BROKER_PUBLIC_PORT"] = str(public_port)
        for name in parts.PARTS:
            own = shared | {"EVENHAND_BROKER_URL": self._url_for(broker_url, name)}
            self._parts.append(Part(name, own, log_dir / f"{name}.log", self._nursery))
        for part in self._parts:
            part.start()
        self._wait_until_ready(f"http://{settings.web_host}:{port}/readyz")
        write_running(
            settings,
            {
                "app_url": app_url,
                "owner_url": owner_url,
                "broker_url": broker_url,
                "broker_public_port": str(public_port or MQTTS_PORT),
                "web_url": self.web_url,
                "pid": str(self._nursery.pid),
                **({"watch_url": self._url_of(broker_url, WATCHER)} if self._broker and self._watchers else {}),
                **{f"{part.name}_pid": str(part.process.pid) for part in self._parts if part.process},
            },
        )

    def run(self) -> None:
        """Keep everything running until :meth:`stop`, then end it in order."""
        try:
            while not self._stop.is_set():
                for part in self._parts:
                    part.watch()
                self._watch_services()
                self._watch_connections()
                self._stop.wait(0.1)
        finally:
            self.shut_down()

    def stop(self) -> None:
        """End :meth:`run`."""
        self._stop.set()

    def shut_down(self) -> None:
        """End every part, then the broker, then the database."""
        self._stop.set()
        for part in self._parts:
            if part.process is not None:
                part.process.send_signal(signal.SIGTERM)
        for part in self._parts:
            part.stop()
        if self._keeper is not None:
            self._keeper.join(timeout=5)
        if self._broker is not None:
            self._broker.stop()
        if self._cluster is not None:
            self._cluster.stop()
        (self.settings.run_dir / "running.json").unlink(missing_ok=True)
        if self._lock is not None:
            self._lock.close()

    def _start_database(self) -> tuple[str, str]:
        settings = self.settings
        if settings.database_url is not None:
            app_url = settings.database_url.get_secret_value()
            owner = settings.database_owner_url
            return app_url, owner.get_secret_value() if owner else app_url
        self._cluster = self._start_cluster()
        return self._cluster.app_url, self._cluster.owner_url

    def _start_broker(self) -> str:
        if self.settings.broker_url is not None:
            return self.settings.broker_url.get_secret_value()
        self._broker = self._start_child_broker()
        self._connections = BrokerLog(self._broker.log)
        self._keeper = threading.Thread(target=self._keep_identities, name="identities", daemon=True)
        self._apply_identities()
        self._keeper.start()
        return self._broker.url

    def _own_public_port(self) -> int | None:
        return None if self._broker is None else self._broker.public_port

    def _url_for(self, url: str, part: str) -> str:
        """Return the broker's address with the name and password of one of our processes."""
        if self._broker is None or part not in SERVICES:
            return url
        return self._url_of(url, SERVICES[part])

    def _url_of(self, url: str, name: str) -> str:
        """Return the broker's address with a service's name and password."""
        parts = urlsplit(url)
        return f"mqtt://{name}:{self._secrets[name]}@{parts.hostname}:{parts.port}"

    def _watch_services(self) -> None:
        """Start database and broker again where they ended."""
        if self._cluster is not None and processes.inspect(self._cluster.pid) is None:
            log.error("database_ended")
            self._cluster = self._again(self._start_cluster) or self._cluster
        if self._broker is not None and self._broker_is_over:
            log.info("broker_anew", why="other authorities, or a certificate that is two thirds over")
            self._broker.stop()
            self._broker_is_over = False
        if self._broker is not None and self._broker.pid is None:
            log.error("broker_ended")
            self._broker = self._again(self._start_child_broker) or self._broker

    def _start_cluster(self) -> embedded.Cluster:
        return embedded.start(self.settings.data_dir / "postgres")

    def _start_child_broker(self) -> brokers.Broker:
        with self._session() as session:
            tls = self._trust.begin(session, at=_machine_time())
        return brokers.start(
            self.settings.data_dir / "broker",
            services=list(SERVICES.values()),
            watchers=self._watchers,
            tls=tls,
            kind=self.settings.broker_kind,
            modules=self.settings.broker_modules,
        )

    @contextmanager
    def _session(self) -> Iterator[Session]:
        engine = make_engine(self._app_url, pool=1)
        try:
            with transaction(make_sessions(engine, seal=Seal(self.settings))) as session:
                yield session
        finally:
            engine.dispose()

    def _again(self, start: Callable[[], T]) -> T | None:
        try:
            return start()
        except StartError as error:
            log.error("restart_failed", why=str(error))  # noqa: TRY400 - one line says it; no trace
            self._stop.wait(1.0)
            return None

    def _keep_identities(self) -> None:
        """Follow the devices: a notification, or some seconds, and the broker's list is made anew."""
        while not self._stop.is_set():
            try:
                with psycopg.connect(self._app_url.replace("+psycopg", "", 1), autocommit=True) as listener:
                    listener.execute(f"LISTEN {IDENTITIES_CHANNEL}")
                    while not self._stop.is_set():
                        self._apply_identities()
                        for _ in listener.notifies(timeout=IDENTITIES_EVERY_S, stop_after=1):
                            pass
            except (psycopg.OperationalError, sqlalchemy.exc.OperationalError, StartError, OSError) as error:
                log.warning("identities_not_applied", why=str(error).splitlines()[0])
                self._stop.wait(1.0)

    def _apply_identities(self) -> None:
        if self._broker is None:
            return
        services = [(name, brokers.password_hash(secret)) for name, secret in self._secrets.items()]
        with self._session() as session:
            self._broker_is_over = self._trust.is_over(session, at=_machine_time())
            self._trust.tell(self._broker, services, session, at=_machine_time())

    def _watch_connections(self) -> None:
        """Look at who connected to the broker from where: two machines with one identity are told of."""
        if self._connections is None or time.monotonic() < self._look_s:
            return
        self._look_s = time.monotonic() + CONNECTIONS_EVERY_S
        found = [
            (one.name, addresses)
            for one in self._connections.news()
            if one.name not in SERVICES.values()
            and (addresses := self._clones.used(one.name, one.address, time.monotonic(), took_over=one.took_over))
        ]
        try:
            for device, addresses in found:
                with self._session() as session:
                    clones.tell(session, device, addresses, "mqtt", at=_machine_time())
        except sqlalchemy.exc.OperationalError as error:
            log.warning("clones_not_told", devices=[device for device, _ in found], why=str(error).splitlines()[0])

    def _wait_until_ready(self, url: str) -> None:
        deadline = time.monotonic() + READY_WITHIN_S
        while time.monotonic() < deadline:
            for part in self._parts:
                part.watch()
            try:
                with urllib.request.urlopen(url, timeout=2):  # noqa: S310 - our own http address
                    return
            except (urllib.error.URLError, OSError):
                if self._stop.wait(0.05):
                    return
        raise StartError(f"the web process did not answer at {url}; see {self.settings.data_dir / 'logs'}")


def _machine_time() -> datetime:
    """Return the time by which the broker, a process on this machine, judges certificates and lists."""
    return datetime.now(UTC)


def _claim(data_dir: Path) -> IO[str]:
    """Hold the data folder for this supervisor alone; the lock ends with the process, however it ends."""
    try:
        return claims.claim(data_dir / LOCK)
    except claims.ClaimedError as claimed:
        who = claims.named(claimed.pid)
        raise StartError(
            f"another server already runs in {data_dir} ({who}); stop it or name another --data-dir"
        ) from None


def _usable_port(host: str, port: int, *, patience_s: float) -> int:
    """Return ``port``, or a free one where it is 0, once a program can listen there.

    Raises
    ------
    StartError
        It cannot be listened at within ``patience_s``.
    """
    deadline = time.monotonic() + patience_s
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    while True:
        try:
            with socket.create_server((host, port), family=family) as probe:
                found: int = probe.getsockname()[1]
                return found
        except OSError as error:
            if time.monotonic() >= deadline:
                why = os.strerror(error.errno) if error.errno else str(error)
                raise StartError(f"port {port} of {host} cannot be used ({why}); choose another by --port") from None
        time.sleep(0.05)  # between two tries


def main(settings: Settings, *, started: Callable[[Supervisor], None]) -> int:
    """Serve until SIGTERM or SIGINT; call ``started`` once everything answers. Return the exit status.

    What the parts have loaded is in memory once: this process loads it and forks them, the supervisor first.
    """
    parts.load()
    return nursery.run(partial(_supervise, settings, started), parts.become)


def _supervise(settings: Settings, started: Callable[[Supervisor], None], forking: Nursery[parts.Wanted]) -> int:
    supervisor = Supervisor(settings, forking)

    def end(_signal: int, _frame: FrameType | None) -> None:
        supervisor.stop()

    signal.signal(signal.SIGTERM, end)
    signal.signal(signal.SIGINT, end)
    try:
        try:
            supervisor.start()
            started(supervisor)
        except BaseException:
            supervisor.shut_down()
            raise
        supervisor.run()
    except (StartError, NurseryOverError) as error:
        sys.exit(f"evenhand: {error}")
    return 0

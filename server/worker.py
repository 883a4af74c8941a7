"""Entry point: background work in one process: the clock's tick, the relay of feeds, webhooks, the job queue.

Guarantees: ticks, sealing and relaying are done by one worker at a time (advisory locks), jobs by any number; a
worker that dies is replaced by the next one, and its half-done job runs again.
"""

import threading
from typing import Any

import psycopg
import structlog
from paho.mqtt import client as mqtt
from prometheus_client import Counter
from sqlalchemy import func, select
from sqlalchemy.exc import OperationalError

from contract import topics
from contract.envelope import FeedItem
from server.background import REACTIONS, TASKS, TICKS
from server.devices import queries as devices
from server.integrations import sending
from server.kit import audit_keys, audit_sealing, broadcasts, events, jobs, outbox, working
from server.kit.broker_line import line_to_broker
from server.kit.db import transaction
from server.kit.processes import Ending
from server.kit.runtime import Runtime
from server.releases import renewing

log = structlog.get_logger(__name__)
RELAYED = Counter("evenhand_relayed", "Feed items handed to the broker")
TICKS_FAILED = Counter("evenhand_ticks_failed", "Timed acts that failed; each is tried again a second later", ["act"])
TICK_S = 1.0
CONCURRENT_JOBS = 2
_TICK_LOCK = 0x45480001
_RELAY_LOCK = 0x45480002
_SEAL_LOCK = 0x45480003


def tick(runtime: Runtime) -> None:
    """Do what is due now: each of the ticks in a transaction of its own, and none waits for another that fails.

    Raises
    ------
    ExceptionGroup
        What failed, each noted in the log and counted before; all others are done.
    """
    failed: list[Exception] = []
    for act in TICKS:
        try:
            with transaction(runtime.sessions) as session:
                if session.scalar(select(func.pg_try_advisory_xact_lock(_TICK_LOCK))):
                    act(session, runtime.clock().astimezone(runtime.settings.tz))
        except Exception as error:
            if _is_away(error):
                raise
            name = f"{act.__module__}.{act.__name__}"
            log.exception("tick_failed", act=name)
            TICKS_FAILED.labels(act=name).inc()
            failed.append(error)
    if failed:
        raise ExceptionGroup("some of what was due failed", failed)


def seal(runtime: Runtime) -> None:
    """Take what was written down since the last time into the audit's chain; keep the new head outside the database."""
    key = audit_keys.signing_key(runtime.settings)
    with transaction(runtime.sessions) as session:
        mine = session.scalar(select(func.pg_try_advisory_xact_lock(_SEAL_LOCK)))
        head = audit_sealing.seal_waiting(session, key, runtime.clock()) if mine else None
    if head is not None:
        audit_keys.keep_head(runtime.settings, head)


def react(runtime: Runtime, *, event: str, data: dict[str, Any]) -> None:
    """Run an event's reactions, each in a transaction of its own."""
    kinds = {events.name_of(kind): kind for kind in REACTIONS}
    kind = kinds.get(event)
    if kind is None:
        log.warning("event_without_reaction", event_name=event)
        return
    told: Any = events.restore(kind, data)
    for reaction in REACTIONS[kind]:
        with transaction(runtime.sessions) as session:
            reaction(session, told, runtime.clock())


class Relay:
    """Publishes what waits in the feeds, as soon as a commit says so."""

    def __init__(self, runtime: Runtime, database_url: str) -> None:
        self._runtime = runtime
        self._conninfo = database_url.replace("+psycopg", "", 1)
        self._connected = threading.Event()
        self._anew = threading.Event()
        line = line_to_broker(runtime.settings)
        self._client = line.client("relay")
        self._client.max_queued_messages_set(0)
        self._client.on_connect = self._on_connect
        self._client.on_disconnect = self._on_disconnect
        line.connect(self._client)

    def _on_connect(self, _client: mqtt.Client, _data: Any, _flags: Any, reason: Any, _props: Any) -> None:
        if reason.is_failure:
            log.warning("broker_refused", reason=str(reason))
        else:
            self._anew.set()
            self._connected.set()

    def _on_disconnect(self, _client: mqtt.Client, _data: Any, _flags: Any, _reason: Any, _props: Any) -> None:
        self._connected.clear()

    def _publish(self, device: str, item: FeedItem) -> None:
        self._client.publish(topics.down_topic(device, item.kind), item.encode(), qos=1)
        RELAYED.inc()

    def _broadcast(self, group: str, news: topics.News) -> None:
        self._client.publish(topics.news_topic(group), news.model_dump_json(), qos=1, retain=True)

    def run(self, stop: Ending) -> None:
        """Relay until ``stop``."""
        self._client.loop_start()
        try:
            while not stop.is_set():
                try:
                    self._serve(stop)
                except (psycopg.OperationalError, OperationalError) as error:
                    log.warning("database_away", why=str(error).splitlines()[0])
                    stop.wait(1.0)
        finally:
            self._client.disconnect()
            self._client.loop_stop()

    def _serve(self, stop: Ending) -> None:
        with psycopg.connect(self._conninfo, autocommit=True) as listener:
            while not stop.is_set():
                row = listener.execute("SELECT pg_try_advisory_lock(%s)", (_RELAY_LOCK,)).fetchone()
                if row and row[0]:
                    break
                stop.wait(0.5)
            listener.execute(f"LISTEN {outbox.CHANNEL}")
            while not stop.is_set():
                if not self._connected.wait(timeout=0.5):
                    continue
                sent = outbox.relay_once(
                    self._runtime.sessions,
                    devices_of=devices.devices_of,
                    publish=self._publish,
                    now=self._runtime.clock(),
                )
                anew = self._anew.is_set()
                self._anew.clear()
                broadcasts.relay_once(
                    self._runtime.sessions, publish=self._broadcast, now=self._runtime.clock(), again=anew
                )
                if not sent:
                    for _ in listener.notifies(timeout=1.0, stop_after=1):
                        pass


def main(runtime: Runtime) -> None:
    """Run until SIGTERM or SIGINT."""
    database_url = runtime.engine.url.render_as_string(hide_password=False)
    stop = Ending()
    relay = Relay(runtime, database_url)
    threads = [
        threading.Thread(target=relay.run, args=(stop,), name="relay"),
        threading.Thread(target=_tick_until, args=(runtime, stop), name="tick"),
        threading.Thread(target=sending.run, args=(runtime, stop), name="webhooks"),
        threading.Thread(target=renewing.run, args=(runtime, stop), name="releases"),
    ]
    for thread in threads:
        thread.start()
    try:
        working.work(runtime, jobs.QUEUE, {events.TASK: react, **TASKS}, stop, at_once=CONCURRENT_JOBS)
    finally:
        stop.set()
        for thread in threads:
            thread.join(timeout=10)


def _tick_until(runtime: Runtime, stop: Ending) -> None:
    while not stop.is_set():
        for act in (tick, seal):
            try:
                act(runtime)
            except OperationalError as error:
                log.warning("database_away", why=str(error).splitlines()[0])
            except ExceptionGroup as failed:
                log.warning("ticks_failed", number=len(failed.exceptions))
            except Exception:
                log.exception("seal_failed")
        stop.wait(TICK_S)


def _is_away(error: Exception) -> bool:
    """Return whether no database answered; what it answered with an error is the matter of one act."""
    return isinstance(error, OperationalError) and getattr(error.orig, "sqlstate", None) is None

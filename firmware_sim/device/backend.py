"""The server of a play: its real services on a real database, by the scheduler's clock, in parts that can be killed.

What runs is the server's own code: the endpoints of the device's interface with their commits, :class:`Ingest` with
its groups and acknowledgements, the relay of the feeds, the worker's ticks, reactions and jobs. What is simulated is
what carries it: sockets, processes, the passing of time. ``fuses`` let a part die at one of its transactions.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from http import HTTPStatus
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, event
from sqlalchemy.orm import Session

from contract.device_api import FeedPage, Reference
from contract.envelope import Envelope, FeedItem
from contract.errors import Rejected
from contract.feed import Receipt
from contract.ids import uuid7
from contract.topics import News
from firmware_sim.device import job_queue
from firmware_sim.device.broker import Broker, BrokerAwayError
from firmware_sim.device.ground import PLANNER, RELEASER, Ground, sessions_in
from firmware_sim.device.kernel import Kernel
from server import ingest as ingest_process
from server import worker
from server.cycles import queries as cycles
from server.cycles import service, window_planning
from server.cycles.supply import Line
from server.deliveries import service as deliveries
from server.devices import http as device_http
from server.devices import queries as devices
from server.kit import broadcasts, outbox
from server.kit.db import EVERYTHING, act_for, transaction
from server.kit.identity import Sender
from server.kit.runtime import Runtime
from server.reference import http as reference_http
from server.wiring import HANDLERS

GROUP_MS, RELAY_MS, JOBS_MS = 10, 20, 20
INGEST_BACK_MS, BROKER_BACK_MS, RESTORED_MS = 1_000, 1_500, 5_000
PARTS = ("web", "ingest", "worker")
_ENDPOINTS: dict[str, Callable[..., Receipt | None]] = {
    route.name: route.endpoint  # type: ignore[attr-defined] # each is an APIRoute
    for route in device_http.message_routes(HANDLERS).routes
}


class KilledError(BaseException):
    """The process that runs dies here; nothing in it may catch this."""


class AwayError(Exception):
    """Nobody listens: the connection is refused."""


@dataclass
class Fuse:
    """Lets a part die at the so-manieth place from now on at which a transaction of it begins or is to be committed."""

    part: str
    left: int


class Backend:
    """A server over the connection of one play. ``clock_off_ms`` is how far its clock is ahead of the true time."""

    def __init__(self, kernel: Kernel, connection: Connection, ground: Ground, broker: Broker) -> None:
        self._kernel = kernel
        self._ground = ground
        self._broker = broker
        self.clock_off_ms = 0
        self.up = dict.fromkeys(PARTS, True)
        self.deaths = 0
        self.asked_at: list[int] = []
        self.fuses: list[Fuse] = []
        self.sessions = sessions_in(connection, ground.settings)
        self.runtime = Runtime(ground.settings, connection.engine, self.sessions, self.clock, None)
        self._connection = connection
        self._running: str | None = None
        self._backed_up_at = self.clock()
        self._ingest = _Ingest(self.runtime, broker)
        self._group: list[ingest_process.Delivered] = []
        self._planned: set[str] = set()
        self._anew = True
        broker.back = self._broker_is_back
        broker.reader = self._arrived
        self._secret = kernel.stream("secret").randbytes(32)
        event.listen(self.sessions, "after_begin", self._after_begin)
        event.listen(self.sessions, "before_commit", self._before_commit)
        event.listen(connection, "before_cursor_execute", self._before_cursor_execute)

    def close(self) -> None:
        """Let go of what listens."""
        event.remove(self.sessions, "after_begin", self._after_begin)
        event.remove(self.sessions, "before_commit", self._before_commit)
        event.remove(self._connection, "before_cursor_execute", self._before_cursor_execute)

    def clock(self) -> datetime:
        """Return the server's time."""
        return self._kernel.now() + timedelta(milliseconds=self.clock_off_ms)

    # Dying and coming back

    def kill(self, part: str, away_ms: int) -> None:
        """End a part now; it serves again after so many milliseconds."""
        self.deaths += 1
        self.up[part] = False
        if part == "ingest":
            self._group.clear()
            self._broker.lose_reader()
        self._kernel.note("killed", part=part)
        self._kernel.after(away_ms, lambda: self._serve_again(part))

    def _serve_again(self, part: str) -> None:
        self.up[part] = True
        if part == "ingest" and self._broker.alive:
            self._broker.reader = self._arrived
        if part == "worker":
            self._anew = True
            self._stir()

    def _broker_is_back(self) -> None:
        def ingest() -> None:
            if self.up["ingest"] and self._broker.alive:
                self._broker.reader = self._arrived

        def relay() -> None:
            self._anew = True
            self.relay()

        self._kernel.after(INGEST_BACK_MS, ingest)
        self._kernel.after(BROKER_BACK_MS, relay)

    @contextmanager
    def _as(self, part: str) -> Iterator[None]:
        """Run as a process that may die."""
        if part == "web":
            self.asked_at.append(self._kernel.now_ms)
        if not self.up[part]:
            raise AwayError
        self._running = part
        try:
            yield
            self._burn()  # the last place: done, and nobody told
        except KilledError:
            self.kill(part, INGEST_BACK_MS)
            raise AwayError from None
        finally:
            self._running = None

    def _stir(self) -> None:
        """Let relay and queue look whether there is something."""
        self._soon("relay", RELAY_MS, self.relay)
        self._soon("jobs", JOBS_MS, self.work)

    def _before_cursor_execute(self, _c: Any, _cursor: Any, statement: str, *_more: Any) -> None:
        """Hear what is notified, as the relay and the queue do; of what is rolled back they find nothing."""
        if "pg_notify" in statement:
            self._soon("relay", RELAY_MS, self.relay)
        elif "procrastinate_defer" in statement:
            self._soon("jobs", JOBS_MS, self.work)

    def _after_begin(self, *_event: Any) -> None:
        self._burn()

    def _before_commit(self, *_event: Any) -> None:
        self._burn()

    def _burn(self) -> None:
        for fuse in self.fuses:
            if fuse.part == self._running:
                fuse.left -= 1
                if fuse.left <= 0:
                    self.fuses.remove(fuse)
                    raise KilledError

    # The device's HTTP interface

    def post(self, device: str, kind: str, raw: bytes) -> Receipt | None:
        """Take a message as ``POST /device/v1/up/{kind}`` does. Raises refusals, and :class:`AwayError`."""
        with self._as("web"), self.sessions() as session:
            sender = _sender(session, device)
            answer = _ENDPOINTS[kind](body=Envelope.decode(raw), sender=sender, session=session, clock=self.clock)
            return None if answer is None else Receipt.model_validate_json(answer.model_dump_json(exclude_none=True))

    def feed(self, device: str, after: int) -> FeedPage:
        """Answer ``GET /device/v1/feed``. Raises as :meth:`post`."""
        with self._as("web"), self.sessions() as session:
            sender = _sender(session, device)
            page = device_http.feed(sender, session, self.clock, after)
            return FeedPage.model_validate_json(page.model_dump_json(exclude_none=True))

    def reference(self, device: str, version: str | None) -> Reference | None:
        """Answer ``GET /device/v1/reference``; none where it is not changed. Raises as :meth:`post`."""
        with self._as("web"), self.sessions() as session:
            sender = _sender(session, device)
            known = None if version is None else f'"{version}"'
            answer = reference_http.reference(sender, session, self.clock, self._ground.settings, known)
            if answer.status_code != HTTPStatus.OK:
                return None
            return Reference.model_validate_json(bytes(answer.body))

    # Ingest

    def _arrived(self, number: int, topic: str, payload: bytes) -> None:
        self._group.append(ingest_process.Delivered(topic, payload, number, 1))
        self._soon("ingest", GROUP_MS, self._settle)

    def _settle(self) -> None:
        group, self._group = self._group, []
        if group:
            try:
                with self._as("ingest"):
                    self._ingest.settle(group)
            except AwayError:
                pass

    # The worker

    def relay(self) -> None:
        """Publish what waits in the feeds, as the relay does; what the broker does not take waits on."""
        if not self.up["worker"] or not self._broker.alive:
            return
        again, self._anew = self._anew, False
        now = self.clock()
        try:
            with self._as("worker"):
                while outbox.relay_once(
                    self.sessions, devices_of=devices.devices_of, publish=self._broker.send_down, now=now
                ):
                    pass
                broadcasts.relay_once(self.sessions, publish=self._broker.send_news, now=now, again=again)
        except (AwayError, BrokerAwayError):
            self._anew = self._anew or again

    def tick(self) -> None:
        """Do what the worker does every second."""
        try:
            with self._as("worker"):
                worker.tick(self.runtime)
        except AwayError:
            self._kernel.after(INGEST_BACK_MS, self.tick)

    def work(self) -> None:
        """Work the queues off."""
        try:
            with self._as("worker"):
                for name in job_queue.work_off(self.runtime):
                    self._kernel.note("job", name=name)
        except AwayError:
            self._soon("jobs", INGEST_BACK_MS, self.work)

    # Backup and restoring

    def back_up(self) -> None:
        """Keep the database as it is now."""
        self._connection.exec_driver_sql("SAVEPOINT backup")
        self._backed_up_at = self.clock()

    def restore(self) -> None:
        """Stop everything and bring the backup back: what came after is gone, and the database has another history."""
        for part in PARTS:
            self.kill(part, RESTORED_MS)
        self._broker.kill(RESTORED_MS)
        self._connection.exec_driver_sql("ROLLBACK TO SAVEPOINT backup")
        with transaction(self.sessions) as session:
            session.add(outbox.Restoration(id=uuid7(), at=self.clock(), made_at=self._backed_up_at))
        self._kernel.note("restored")
        self._kernel.after(RESTORED_MS, self.tick)

    # The people at the distributor

    def plan_cycle(self, opens_at: datetime, closes_at: datetime, grace_s: int) -> UUID:
        """Announce a cycle over the town's supply with one window for everybody; return its id."""
        at = self.clock()
        with transaction(self.sessions) as session:
            new = service.NewCycle("第12周", "Week 12", at.date(), self._ground.settings.zone, grace_s)
            cycle = service.create_cycle(session, new, by=PLANNER, at=at)
            made = self._ground.town
            lines = [
                Line(g.sku, made.supply[g.sku], g.pack_units, 0, g.minimum_grant_units, g.scarce) for g in made.skus
            ]
            service.release_supply(session, cycle, lines, reason="first release", by=PLANNER, at=at)
            window_planning.plan_window(session, cycle, "*", opens_at, closes_at, by=PLANNER, at=at)
            service.announce_cycle(session, cycle, by=PLANNER, at=at, draw=lambda: self._secret)
        return cycle

    def share_out(self, cycle: UUID) -> bool:
        """Do what people do once the result is there: send it, release it, dispatch it; return whether it is done."""
        at = self.clock()
        with transaction(self.sessions) as session:
            found = cycles.cycle(session, cycle)
            state = None if found is None else found.state
            if state == "verified":
                service.send_for_release(session, cycle, by=PLANNER, at=at)
            elif state == "in_review":
                service.release(session, cycle, by=RELEASER, at=at)
            elif state == "published":
                deliveries.dispatch_cycle(session, cycle, PLANNER, at=at)
        return state == "published"

    def _soon(self, what: str, after_ms: int, act: Callable[[], None]) -> None:
        """Let something happen a little later, once, however often it is asked for meanwhile."""
        if what not in self._planned:

            def do() -> None:
                self._planned.remove(what)
                act()

            self._planned.add(what)
            self._kernel.after(after_ms, do)


class _Ingest(ingest_process.Ingest):
    """The real ingest, whose broker is the play's."""

    def __init__(self, runtime: Runtime, broker: Broker) -> None:
        self._broker = broker
        super().__init__(runtime)

    def _make_client(self) -> Any:
        broker = self._broker

        class Client:
            @staticmethod
            def ack(number: int, _qos: int) -> None:
                broker.read(number)

        return Client()


def _sender(session: Session, device: str) -> Sender:
    """Return whom a device speaks for. That a request is signed by its key is looked at where signatures are tested."""
    act_for(session, EVERYTHING)
    party = devices.owners(session, [device]).get(device)
    if party is None:
        raise Rejected("not_enrolled")
    act_for(session, party)
    return Sender(device, party)


def read_down(item: FeedItem) -> FeedItem:
    """Return an item as it arrives over the wire."""
    return FeedItem.decode(item.encode())


def read_news(news: News) -> News:
    """Return news as they arrive over the wire."""
    return News.model_validate_json(news.model_dump_json())

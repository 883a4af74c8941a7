"""What browsers are told while a page stays open: that something changed, by server-sent events.

A transaction that changes something names what (:func:`tell`); when it commits, PostgreSQL notifies every web
process, each of which listens on one connection (:class:`Hub`), however many streams are open. A stream says only
*look again*, never what: the page is read anew through its own route, by the reader's roles and scope.

Guarantees: after a change a stream that follows its topic sends an event, no more than one every :data:`PACE_S`;
a browser that comes back with ``Last-Event-ID`` is told at once where it may have missed something; a stream ends
when its session is over, disabled or changed, within :data:`HEARTBEAT_S` at the latest; a process holds at most
:data:`MOST_STREAMS`, a person at most :data:`MOST_A_PERSON` in it. Streams hold neither a thread nor a database
connection. Nothing grows while a stream stays open.
"""

import asyncio
import json
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Collection, Iterator
from contextlib import contextmanager, suppress
from secrets import token_hex

import psycopg
import structlog
from sqlalchemy import event, text
from sqlalchemy.orm import Session, SessionTransaction
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from contract.errors import Unavailable
from server.kit.identity import Operator
from server.kit.runtime import Runtime

log = structlog.get_logger(__name__)

CHANNEL = "evenhand_live"
EVERY_TOPIC = "*"
"""Followed by pages that show something of everything."""
HEARTBEAT_S = 15.0
AGAIN_MS = 3_000
"""A browser that lost its stream comes back after this."""
PACE_S = 1.0
MOST_STREAMS = 400
MOST_A_PERSON = 12
CHECKED_AT_ONCE = 2

_NOTIFY = text("SELECT pg_notify(:channel, topic) FROM unnest(CAST(:topics AS text[])) AS one (topic)")


def tell(session: Session, *topics: str) -> None:
    """Say that something about ``topics`` changes if this transaction commits: one word each, no data."""
    session.info.setdefault("live_topics", set()).update(topics)


@event.listens_for(Session, "before_commit")
def _notify(session: Session) -> None:
    topics = session.info.pop("live_topics", None)
    if topics:
        session.execute(_NOTIFY, {"channel": CHANNEL, "topics": sorted(topics)})


@event.listens_for(Session, "after_soft_rollback")
def _forget(session: Session, _rolled_back: SessionTransaction) -> None:
    if not session.in_nested_transaction():
        session.info.pop("live_topics", None)


def person_topic(name: str) -> str:
    """Return the topic of what is done to a person: their sessions, their roles."""
    return f"operator:{name}"


class Stream:
    """One browser that waits. ``hit`` is set when one of its topics changed, ``own`` when its person may have."""

    def __init__(self, topics: frozenset[str], person: str) -> None:
        self.topics = topics
        self.person = person
        self.hit = False
        self.own = False
        self.wake = asyncio.Event()

    def told(self, topic: str) -> None:
        """Note that ``topic`` changed."""
        if topic == person_topic(self.person):
            self.own = True
            self.wake.set()
        if topic in self.topics or EVERY_TOPIC in self.topics:
            self.hit = True
            self.wake.set()


class Hub:
    """A process's streams and the one connection that feeds them.

    The connection stands while there are streams. Each time it is made the hub takes a new name: numbers given out
    under an older one say nothing about what was missed.
    """

    def __init__(self, *, most: int = MOST_STREAMS, most_a_person: int = MOST_A_PERSON, pace_s: float = PACE_S) -> None:
        self.pace_s = pace_s
        self._most = most
        self._most_a_person = most_a_person
        self._streams: set[Stream] = set()
        self._listener: asyncio.Task[None] | None = None
        self._name = token_hex(4)
        self._number = 0
        self._last: dict[str, int] = {}
        self._checking = asyncio.Semaphore(CHECKED_AT_ONCE)
        self.closed = False
        self.listens = False

    @property
    def open_streams(self) -> int:
        """How many streams are open."""
        return len(self._streams)

    @property
    def mark(self) -> str:
        """The id of an event that is sent now."""
        return f"{self._name}.{self._number}"

    def missed(self, mark: str, topics: Collection[str]) -> bool:
        """Return whether something about ``topics`` may have changed since the event ``mark``."""
        name, _, number = mark.partition(".")
        if name != self._name or not number.isascii() or not number.isdigit():
            return True
        if EVERY_TOPIC in topics:
            return self._number > int(number[:18])
        return any(self._last.get(topic, 0) > int(number[:18]) for topic in topics)

    @contextmanager
    def joined(self, runtime: Runtime, topics: Collection[str], person: str) -> Iterator[Stream]:
        """Hold a place among the streams.

        Raises
        ------
        Unavailable
            Where the process or the person has as many as it may.
        """
        per_person = Counter(stream.person for stream in self._streams)
        if self.closed or len(self._streams) >= self._most or per_person[person] >= self._most_a_person:
            raise Unavailable("unavailable")
        stream = Stream(frozenset(topics), person)
        self._streams.add(stream)
        if self._listener is None:
            conninfo = runtime.engine.url.render_as_string(hide_password=False).replace("+psycopg", "", 1)
            self._listener = asyncio.create_task(self._listen(conninfo))
        try:
            yield stream
        finally:
            self._streams.discard(stream)
            if not self._streams and self._listener is not None:
                self._listener.cancel()
                self._listener, self.listens = None, False

    async def close(self) -> None:
        """End all streams, and let none begin."""
        self.closed = True
        for stream in self._streams:
            stream.wake.set()
        await asyncio.sleep(0)

    async def checked(self, check: Callable[[], Operator | None]) -> Operator | None:
        """Ask the database who holds a session, a few at once, however many streams want to know."""
        async with self._checking:
            return await run_in_threadpool(check)

    def heard(self, topic: str) -> None:
        """Pass a change on to the streams that follow it."""
        self._number += 1
        self._last[topic] = self._number
        for stream in self._streams:
            stream.told(topic)

    async def _listen(self, conninfo: str) -> None:
        while True:
            try:
                async with await psycopg.AsyncConnection.connect(conninfo, autocommit=True) as connection:
                    await connection.execute(f"LISTEN {CHANNEL}")
                    self._begin_anew()
                    async for notice in connection.notifies():
                        self.heard(notice.payload)
            except psycopg.OperationalError as error:
                self.listens = False
                log.warning("database_away", why=str(error).splitlines()[0])
            await asyncio.sleep(AGAIN_MS / 1000)

    def _begin_anew(self) -> None:
        """Take a new name; whoever waits is told to look, since changes may have gone by unheard."""
        self._name, self._number, self._last, self.listens = token_hex(4), 0, {}, True
        for stream in self._streams:
            stream.hit = True
            stream.wake.set()


def stream(
    request: Request,
    operator: Operator,
    topics: Collection[str],
    *,
    look_every_s: float = 30.0,
) -> StreamingResponse:
    """Return the events of ``topics`` for a signed-in person, for as long as the session stays as it is.

    ``look_every_s``: an event comes at least that often, for what changes by time alone.

    Raises
    ------
    Unavailable
        Where there is no place for another stream.
    """
    hub: Hub = request.app.state.live
    return _Stream(request, hub, operator, topics, look_every_s)


class _Stream(StreamingResponse):
    """Holds its place in the hub from the moment it is made until it has been answered, however that ends."""

    def __init__(
        self,
        request: Request,
        hub: Hub,
        operator: Operator,
        topics: Collection[str],
        look_every_s: float,
    ) -> None:
        self._request, self._hub, self._operator = request, hub, operator
        self._look_every_s = look_every_s
        self._place = hub.joined(request.app.state.runtime, topics, operator.name)
        self._waiting = self._place.__enter__()
        headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
        super().__init__(self._events(), media_type="text/event-stream", headers=headers)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._place.__exit__(None, None, None)

    async def _events(self) -> AsyncIterator[str]:
        hub, waiting = self._hub, self._waiting
        yield f"retry: {AGAIN_MS}\n\n"
        looked = checked = time.monotonic()
        if hub.missed(self._request.headers.get("Last-Event-ID", "")[:64], waiting.topics):
            yield self._look()
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(min(HEARTBEAT_S, self._look_every_s)):
                    await waiting.wake.wait()
            waiting.wake.clear()
            if hub.closed:
                return
            if waiting.own or time.monotonic() - checked >= HEARTBEAT_S:
                waiting.own, checked = False, time.monotonic()
                if await hub.checked(lambda: self._request.app.state.operator_of(self._request)) != self._operator:
                    yield "event: over\ndata: {}\n\n"
                    return
            if waiting.hit or time.monotonic() - looked >= self._look_every_s:
                await asyncio.sleep(max(0.0, looked + hub.pace_s - time.monotonic()))
                looked = time.monotonic()
                yield self._look()
            else:
                yield ": here\n\n"

    def _look(self) -> str:
        self._waiting.hit = False
        now = self._request.app.state.runtime.clock()
        return f"id: {self._hub.mark}\ndata: {json.dumps({'now': now.isoformat()})}\n\n"

"""Entry point: upward MQTT messages, taken in groups, acknowledged after commit.

Guarantees: a message is acknowledged to the broker only when its outcome is committed; one bad message
never fails its group; a shard that is not the hash of its device is refused; each shard has one reader.
"""

import itertools
import signal
import socket
import threading
import time
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from types import FrameType
from typing import Any

import structlog
from paho.mqtt import client as mqtt
from paho.mqtt.properties import Properties
from prometheus_client import Counter, Histogram
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from contract import topics
from contract.envelope import Envelope
from contract.errors import Refusal, Rejected, Unavailable
from contract.messages import RECEIPTED
from server.devices import queries as devices
from server.kit import audit, inbox, leases, outbox
from server.kit.broker_line import line_to_broker
from server.kit.db import EVERYTHING, act_for, scope_of, transaction
from server.kit.identity import Actor, Sender
from server.kit.inbox import Incoming
from server.kit.processes import Ending
from server.kit.runtime import Runtime
from server.wiring import HANDLERS

log = structlog.get_logger(__name__)
GROUPS = Histogram("evenhand_ingest_group", "Messages in one commit", buckets=(1, 2, 4, 8, 16, 32, 64, 128))
REFUSED = Counter("evenhand_ingest_refused", "Messages that no receipt could be given for", ["code"])
LEASE = "ingest"
RENEW_EVERY_S = 1.0
LOOK_EVERY_S = 0.2
TOPIC_MOST = 200
REST_SHARE = 4
"""One in so many of a group is kept for what wants no receipt, where that waits."""


@dataclass(frozen=True)
class Delivered:
    """One message as the broker handed it over."""

    topic: str
    payload: bytes
    mid: int
    qos: int


class Waiting:
    """What was read and is not taken yet. What wants a receipt comes first: a shop waits for that.

    The rest has a share of each group nevertheless (:data:`REST_SHARE`), so that it is delayed and not left out. Among
    each of both sorts the order is kept; between them nothing depends on it.
    """

    def __init__(self) -> None:
        self._first: deque[Delivered] = deque()
        self._rest: deque[Delivered] = deque()
        self._coming = threading.Condition()

    def put(self, message: Delivered) -> None:
        """Add a message."""
        wanted = message.topic.rpartition("/")[2] in RECEIPTED
        with self._coming:
            (self._first if wanted else self._rest).append(message)
            self._coming.notify()

    def group(self, most: int, *, within_s: float, fill_s: float) -> list[Delivered]:
        """Return up to ``most`` messages, those that came ``fill_s`` after the first; none where none came in time."""
        with self._coming:
            if not self._coming.wait_for(self._count, within_s):
                return []
            self._coming.wait_for(lambda: self._count() >= most, fill_s)
            rest = min(len(self._rest), max(most - len(self._first), most // REST_SHARE, 1))
            first = min(len(self._first), most - rest)
            chosen = [self._first.popleft() for _ in range(first)]
            return chosen + [self._rest.popleft() for _ in range(rest)]

    def _count(self) -> int:
        return len(self._first) + len(self._rest)


def take_group(runtime: Runtime, group: Iterable[Delivered]) -> None:
    """Decide every message of a group and commit once; messages of one sender are decided in their order.

    Raises
    ------
    OperationalError
        Where the database is away: nothing was decided, nothing may be acknowledged.
    """
    group = list(group)
    GROUPS.observe(len(group))
    at = runtime.clock()
    with transaction(runtime.sessions, EVERYTHING) as session, outbox.gathered(session):
        read = _read_all(session, group, at)
        # Feeds come at the end, rows of devices before those of shops: in this order everybody takes them.
        for receipted in (False, True):
            for wave in _waves(one for one in read if (one.kind in RECEIPTED) is receipted):
                _take_wave(session, wave, at)
        act_for(session, EVERYTHING)


def give_up(runtime: Runtime, group: Iterable[Delivered]) -> None:
    """Write down of messages that they could not be taken, whatever is in them."""
    with transaction(runtime.sessions) as session:
        for message in group:
            REFUSED.labels("defect").inc()
            _note_failed(session, _device_of(message.topic), {"topic": message.topic[:TOPIC_MOST]}, runtime.clock())


def _device_of(topic: str) -> str:
    """Return the level of a topic at which a device stands, whether or not it is one."""
    return next(iter(topic.split("/")[3:4]), "?")


def _read_all(session: Session, group: Sequence[Delivered], at: datetime) -> list[Incoming]:
    """Return what can be read of a group; the rest is written down as refused."""
    named = {device for message in group for device in message.topic.split("/")[3:4]}
    known = devices.owners(session, named)
    read = (_read(session, message, known, at) for message in group)
    return [incoming for incoming in read if incoming is not None]


def _read(session: Session, message: Delivered, known: Mapping[str, str], at: datetime) -> Incoming | None:
    try:
        address = topics.parse_up(message.topic)
    except ValueError as error:
        REFUSED.labels("topic").inc()
        log.warning("topic_refused", topic=message.topic, why=str(error))
        audit.record(
            session,
            actor=Actor("device", _device_of(message.topic)),
            action="message.topic_refused",
            subject="broker",
            at=at,
            detail={"topic": message.topic[:TOPIC_MOST]},
            alert=True,
        )
        return None
    party = known.get(address.device)
    if party is None:
        REFUSED.labels("not_enrolled").inc()
        log.warning("device_refused", device=address.device)
        return None
    try:
        return Incoming(Sender(address.device, party), address.kind, Envelope.decode(message.payload))
    except Rejected as refusal:
        _note_refusal(address.device, address.kind, refusal)
        return None


def _waves(incoming: Iterable[Incoming]) -> Iterator[list[Incoming]]:
    """Part messages into what can be taken together: one kind that allows it, each party once; the rest stands alone.

    A party's messages keep their order. The first of every party come first, by the parties' names.
    """
    waiting: dict[str, list[Incoming]] = {}
    for one in incoming:
        waiting.setdefault(one.sender.party, []).append(one)
    for turn in itertools.zip_longest(*(waiting[party] for party in sorted(waiting))):
        alone: list[list[Incoming]] = []
        together: dict[str, list[Incoming]] = {}
        for one in turn:
            if one is not None and inbox.goes_together(one, HANDLERS):
                together.setdefault(one.kind, []).append(one)
            elif one is not None:
                alone.append([one])
        yield from (*together.values(), *alone)


def _take_wave(session: Session, wave: Sequence[Incoming], at: datetime) -> None:
    if len(wave) > 1:
        act_for(session, scope_of({one.sender.party for one in wave}))
        try:
            answers = inbox.receive_all(session, wave, HANDLERS[wave[0].kind], at=at)
        except (OperationalError, Unavailable):
            raise
        except inbox.TakenBefore:
            pass
        except Exception:
            log.exception("wave_failed", kind=wave[0].kind, messages=len(wave))
        else:
            for one, answer in zip(wave, answers, strict=True):
                if isinstance(answer, Refusal):
                    _note_refusal(one.sender.device, one.kind, answer)
            return
    for one in wave:
        _take(session, one, at)


def _take(session: Session, one: Incoming, at: datetime) -> None:
    act_for(session, one.sender.party)
    try:
        with session.begin_nested():
            inbox.receive(session, one.sender, one.kind, one.envelope, HANDLERS, at=at)
    except Unavailable:
        raise
    except Refusal as refusal:
        _note_refusal(one.sender.device, one.kind, refusal)
    except OperationalError:
        raise
    except Exception:
        REFUSED.labels("defect").inc()
        log.exception("message_failed", device=one.sender.device, kind=one.kind)
        _note_failed(session, one.sender.device, {"kind": one.kind, "id": str(one.envelope.id)}, at)


def _note_failed(session: Session, device: str, detail: dict[str, Any], at: datetime) -> None:
    audit.record(
        session,
        actor=Actor("device", device),
        action="message.failed",
        subject=f"device:{device}",
        at=at,
        detail=detail,
        alert=True,
    )


def _note_refusal(device: str, kind: str, refusal: Refusal) -> None:
    REFUSED.labels(refusal.code).inc()
    log.warning("message_refused", device=device, kind=kind, code=refusal.code)


class Ingest:
    """One ingest process: leases shards, reads them, commits in groups."""

    def __init__(self, runtime: Runtime, holder: str | None = None) -> None:
        self._runtime = runtime
        # The broker gives one session to an identity, so whoever has ours was killed: its shards are ours at once.
        self._line = line_to_broker(runtime.settings)
        self._holder = holder or self._line.name or f"{socket.gethostname()}:{threading.get_native_id()}"
        self._waiting = Waiting()
        self._stop = Ending()
        self._shards: frozenset[int] = frozenset()
        self._connected = threading.Event()
        self._client = self._make_client()

    def _make_client(self) -> mqtt.Client:
        client = self._line.client(f"ingest-{self._holder}", clean_session=True, manual_ack=True)
        client.max_inflight_messages_set(0)
        client.on_connect = self._on_connect
        client.on_disconnect = self._on_disconnect
        client.on_message = self._on_message
        return client

    def _on_connect(self, client: mqtt.Client, _data: Any, _flags: Any, reason: Any, _props: Properties | None) -> None:
        if reason.is_failure:
            log.warning("broker_refused", reason=str(reason))
            return
        log.info("broker_connected", shards=len(self._shards))
        for shard in self._shards:
            client.subscribe(topics.shard_filter(shard), qos=1)
        self._connected.set()

    def _on_disconnect(
        self, _client: mqtt.Client, _data: Any, _flags: Any, reason: Any, _props: Properties | None
    ) -> None:
        self._connected.clear()
        log.warning("broker_gone", reason=str(reason))

    def _on_message(self, client: mqtt.Client, _data: Any, message: mqtt.MQTTMessage) -> None:
        if not message.payload:  # what we cleared, coming back
            if message.qos:
                client.ack(message.mid, message.qos)
            return
        if message.retain:  # a device left it to be read again with every subscription: once is enough
            client.publish(message.topic, b"", retain=True)
        self._waiting.put(Delivered(message.topic, bytes(message.payload), message.mid, message.qos))

    def stop(self) -> None:
        """End :meth:`run` after the current group."""
        self._stop.set()

    def run(self) -> None:
        """Serve until :meth:`stop`."""
        self._renew()
        self._line.connect(self._client)
        self._client.loop_start()
        renewed = time.monotonic()
        try:
            while not self._stop.is_set():
                if time.monotonic() - renewed >= RENEW_EVERY_S:
                    self._renew()
                    renewed = time.monotonic()
                group = self._next_group()
                if group:
                    self.settle(group)
        finally:
            self._client.disconnect()
            self._client.loop_stop()
            try:
                with transaction(self._runtime.sessions) as session:
                    leases.leave(session, LEASE, self._holder)
            except OperationalError as error:  # they run out by themselves
                log.warning("leases_not_left", why=str(error).splitlines()[0])

    def _next_group(self) -> list[Delivered]:
        settings = self._runtime.settings
        return self._waiting.group(settings.ingest_batch, within_s=LOOK_EVERY_S, fill_s=settings.ingest_wait_ms / 1000)

    def settle(self, group: Sequence[Delivered]) -> None:
        """Commit a group, trying again while the database is away; then acknowledge.

        Where a group as a whole cannot be committed, its messages are taken one by one, so that the one at fault costs
        itself alone: it is written down and acknowledged, or it would come again for ever.
        """
        delay_s, take = 0.1, take_group
        while not self._stop.is_set():
            try:
                take(self._runtime, group)
                break
            except (OperationalError, Unavailable) as error:
                log.warning("database_away", why=str(error).splitlines()[0], retry_s=delay_s)
                self._stop.wait(delay_s)
                delay_s = min(delay_s * 2, 2.0)
            except Exception:
                if take is give_up:
                    raise
                log.exception("group_failed", messages=len(group))
                if len(group) > 1:
                    for message in group:
                        self.settle([message])
                    return
                take = give_up
        else:
            return
        for message in group:
            if message.qos:
                self._client.ack(message.mid, message.qos)

    def _renew(self) -> None:
        try:
            with transaction(self._runtime.sessions) as session:
                held = leases.share(session, LEASE, self._holder, total=topics.SHARDS)
        except OperationalError as error:
            log.warning("leases_not_renewed", why=str(error).splitlines()[0])
            return
        if held == self._shards:
            return
        gained, lost = held - self._shards, self._shards - held
        self._shards = held
        if self._connected.is_set():
            for shard in lost:
                self._client.unsubscribe(topics.shard_filter(shard))
            for shard in gained:
                self._client.subscribe(topics.shard_filter(shard), qos=1)
        log.info("shards_leased", held=len(held), gained=len(gained), lost=len(lost))


def main(runtime: Runtime) -> None:
    """Run until SIGTERM or SIGINT."""
    ingest = Ingest(runtime)

    def end(_signal: int, _frame: FrameType | None) -> None:
        ingest.stop()

    signal.signal(signal.SIGTERM, end)
    signal.signal(signal.SIGINT, end)
    ingest.run()

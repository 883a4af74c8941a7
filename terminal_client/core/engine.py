"""Runs the state machine over a store and a transport; safe to call from any thread.

Guarantees: events are taken one at a time, in the order of their coming; what a step writes is committed
in one transaction before anything of it goes out; where the write fails the step did not happen.
"""

import logging
import threading
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import Literal
from uuid import UUID

import apsw

from contract import messages
from contract.envelope import Envelope
from contract.ids import uuid7
from terminal_client.core import alarms, feed, outbox, photos, shadow, signals, sync
from terminal_client.core.ports import Bits, Clock, Transport, Vitals
from terminal_client.core.server_clock import ServerClock, instant, milliseconds
from terminal_client.core.store import Identity, Store

log = logging.getLogger(__name__)

Link = Literal["off", "searching", "http", "mqtt", "stopped"]


class Engine:
    """The exchange of one terminal. ``trouble`` names what keeps the store from being written, if anything."""

    def __init__(
        self,
        store: Store,
        transport: Transport,
        *,
        clock: Clock,
        server_clock: ServerClock,
        bits: Bits,
        version: str,
        vitals: Callable[[], Vitals] = Vitals,
    ) -> None:
        self._store = store
        self._transport = transport
        self._clock = clock
        self._server_clock = server_clock
        self._bits = bits
        self._version = version
        self._vitals = vitals
        self._storage_errors = 0
        self._identity: Identity | None = None
        self._state: sync.State | None = None
        self._heard_by_http = False
        self._events: deque[signals.Event] = deque()
        self._lock = threading.RLock()
        self._draining = False
        self._learned: signals.Event | None = None
        self.trouble: str | None = None

    def start(self) -> None:
        """Begin to exchange as the store's identity; without one, or when started, nothing happens."""
        with self._lock:
            identity = self._store.identity()
            if identity is None or self._state is not None:
                return
            self._identity = identity
            progress = self._store.progress()
            self._state = sync.begin(
                outbox.waiting(self._store),
                cursor=progress.cursor,
                reference_version=self._store.reference_version(),
                now_ms=self._clock.monotonic_ms(),
                history=progress.history,
                rereading=progress.rereading,
                blank=progress.cursor == 0 and not outbox.any_received(self._store),
            )
        self._transport.open(identity, self.handle)
        self.handle(signals.Tick())

    def stop(self) -> None:
        """End the exchange; what is queued stays queued. May be started again."""
        self._transport.close()
        with self._lock:
            self._state = None
            self._heard_by_http = False
            self._events.clear()

    def saved(self, message: signals.Pending) -> None:
        """Take a message that a use case has just committed."""
        self.handle(signals.Saved(message))

    def handle(self, event: signals.Event) -> None:
        """Take one event, and all that follow from it."""
        self._events.append(event)
        with self._lock:
            if self._draining:
                return
            self._draining = True
            try:
                while self._events and self._state is not None:
                    self._step(self._events.popleft())
            finally:
                self._draining = False
                if self._state is None:
                    self._events.clear()

    def due_ms(self) -> int | None:
        """Return the steady-clock moment of the next useful tick; none while there is nothing to wait for."""
        with self._lock:
            return None if self._state is None else sync.due_ms(self._state)

    @property
    def link(self) -> Link:
        """How the server is reached at the moment."""
        state = self._state
        if state is None:
            return "off"
        if state.stopped_by is not None:
            return "stopped"
        if state.connected:
            return "mqtt"
        return "http" if self._heard_by_http and state.http_failures == 0 else "searching"

    @property
    def stopped_by(self) -> str | None:
        """The code with which the server turned this terminal away, if it did."""
        return None if self._state is None else self._state.stopped_by

    def _step(self, event: signals.Event) -> None:
        before = self._state
        if before is None:
            return
        after, actions = sync.step(before, event, now_ms=self._clock.monotonic_ms(), bits=self._bits)
        try:
            wrote = self._write(actions)
        except apsw.Error as error:
            self._storage_errors += 1
            # The event is lost here and nowhere else: the feed is pulled again, the message sent again.
            trouble = "disk_full" if isinstance(error, apsw.FullError) else "store"
            if trouble != self.trouble:
                log.error("the store cannot be written: %s", error)  # noqa: TRY400 - one line, said once
            self.trouble = trouble
            self._learned = None
            if trouble != "disk_full" or any(not isinstance(a, signals.MarkSent | signals.Send) for a in actions):
                self._state = sync.not_written(before, event, now_ms=self._clock.monotonic_ms(), bits=self._bits)
                return
            # What is kept already goes out, although the disk has no room for the mark that it did.
            wrote = False
        if wrote:
            self.trouble = None
        self._state = after
        if self._learned is not None:
            self._events.appendleft(self._learned)
            self._learned = None
        self._heard_by_http = self._heard_by_http or isinstance(
            event, signals.PageArrived | signals.Answered | signals.ReferenceArrived
        )
        if isinstance(event, signals.Stopped):
            log.error("the server turned this terminal away: %s", event.code)
        for action in actions:
            self._send(action)

    def _write(self, actions: Sequence[signals.Action]) -> bool:
        writes = [action for action in actions if isinstance(action, signals.Write)]
        if not writes:
            return False
        with self._store.transaction():
            for action in writes:
                self._write_one(action)
        return True

    def _write_one(self, action: signals.Write) -> None:
        now_ms = self._server_clock.now_ms()
        match action:
            case signals.Apply(items, cursor):
                device = self._identity.device if self._identity else None
                feed.apply(self._store, items, cursor=cursor, server_ms=now_ms, device=device)
            case signals.KnowHistory(history):
                feed.know_history(self._store, history)
            case signals.StartOver(history):
                feed.start_over(self._store, history)
                outbox.doubt(self._store)
                photos.doubt(self._store)
                shadow.doubt(self._store)
            case signals.ReadWhole():
                self._take_up_forgotten(now_ms)
            case signals.Settle(receipt):
                outbox.settle(self._store, receipt, exchanged_at_ms=now_ms)
                self._store.execute("UPDATE progress SET exchanged_at_ms = ?", (now_ms,))
            case signals.KeepReference(reference):
                self._store.keep_reference(reference)
                self._store.execute("UPDATE progress SET exchanged_at_ms = ?", (now_ms,))
            case signals.LearnTime(server_time, round_trip_ms):
                self._server_clock.learn(milliseconds(server_time), round_trip_ms)
            case signals.MarkSent(ids):
                outbox.mark_sent(self._store, ids, at_ms=now_ms)

    def _take_up_forgotten(self, now_ms: int) -> None:
        feed.let_unsaid_go(self._store)
        if self._identity is not None:
            shadow.let_unsaid_go(self._store, self._identity.device)
        forgotten = outbox.take_up_forgotten(self._store)
        if forgotten:
            alarms.sound(self._store, "server_restored", at_ms=now_ms, count=len(forgotten))
            self._learned = signals.Forgotten(tuple(forgotten))

    def _send(self, action: signals.Action) -> None:
        match action:
            case signals.Publish(message):
                self._transport.publish(*self._queued(message))
            case signals.Post(message):
                self._transport.post(*self._queued(message))
            case signals.Pull(after):
                self._transport.pull(after)
            case signals.AskFeed(after):
                self._say("feed.pull", messages.PullFeed(after=after))
            case signals.FetchReference(version):
                self._transport.fetch_reference(version)
            case signals.Follow(groups):
                self._transport.follow(groups)
            case signals.ReportStatus():
                self._say("device.status", self._status())
            case _:
                pass

    def _queued(self, message: UUID) -> tuple[str, Envelope]:
        entry = self._state.pending[message] if self._state else None
        if entry is None or self._identity is None:
            raise RuntimeError("a message is sent only by a running engine")
        return entry.kind, outbox.envelope(self._store, message, device=self._identity.device)

    def _say(self, kind: str, message: messages.Message) -> None:
        """Publish a message that changes nothing a shop relies on, and is not kept."""
        if self._identity is None:
            return
        try:
            with self._store.transaction():
                seq = self._store.next_message_seq()
        except apsw.Error:
            self._storage_errors += 1
            log.exception("the store could not be written")
            return
        now_ms = self._server_clock.now_ms()
        envelope = Envelope.of(
            id=uuid7(now_ms=lambda: now_ms, random_bits=self._bits),
            device=self._identity.device,
            seq=seq,
            sent_at=instant(now_ms),
            message=message,
        )
        self._transport.publish(kind, envelope)

    def _status(self) -> messages.ReportStatus:
        oldest_ms = outbox.oldest_waiting_ms(self._store)
        waited_ms = 0 if oldest_ms is None else self._server_clock.now_ms() - oldest_ms
        return messages.ReportStatus(
            version=self._version[:32],
            queue_length=outbox.count_waiting(self._store),
            language="en" if self._store.setting("language", "zh") == "en" else "zh",
            clock_offset_ms=self._server_clock.offset_ms,
            feed_seq=self._store.progress().cursor,
            oldest_queued_s=max(0, waited_ms // 1000),
            storage_errors=self._storage_errors,
            **asdict(self._vitals()),
        )

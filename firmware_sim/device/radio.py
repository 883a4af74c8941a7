"""The network of one device: the transport of the real core, over an air that delays, loses, repeats and falls silent.

It does what the terminal's own transport does - one request at a time by HTTP with a timeout, a connection to the
broker that keeps coming back, messages in flight sent again after a reconnection - with the scheduler's time.
"""

import random
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from contract.envelope import Envelope, FeedItem
from contract.errors import Refusal
from contract.feed import Receipt
from contract.topics import News, up_topic
from firmware_sim.device.backend import AwayError, Backend, read_down, read_news
from firmware_sim.device.broker import Broker, BrokerAwayError
from firmware_sim.device.kernel import Kernel
from terminal_client.adapters.http import FINAL, TIMEOUT_S, TURNED_AWAY
from terminal_client.adapters.mqtt import RECONNECT_MOST_S
from terminal_client.core import signals
from terminal_client.core.server_clock import instant
from terminal_client.core.store import Identity

Link = Literal["up", "down", "half-open"]
BACK_AFTER_MS = (1_000, 2_000, 3_000)
BACK_MOST_MS = RECONNECT_MOST_S * 1000
NO_ROUTE_MS = 40
KEEPALIVE_MS = 45_000
RESENT_MS = (200, 3_000)
TIMEOUT_MS = round(TIMEOUT_S * 1000)
Answer = Callable[[Identity], signals.Event]
Failed = Callable[[bool], signals.Event]
Refused = Callable[[Refusal], signals.Event]


@dataclass(frozen=True)
class Air:
    """How a network treats what is sent: latency in milliseconds, the shares that are lost and repeated.

    What was sent later may come earlier by the spread of the latency.
    """

    least_ms: int = 20
    most_ms: int = 120
    loss: float = 0.0
    repeats: float = 0.0


class Radio:
    """Implements :class:`terminal_client.core.ports.Transport` over the scheduler."""

    def __init__(self, kernel: Kernel, backend: Backend, broker: Broker, chance: random.Random, air: Air) -> None:
        self._kernel, self._backend, self._broker = kernel, backend, broker
        self._chance = chance
        self.air = air
        self.link: Link = "up"
        self.dropped = 0
        self.repeated = 0
        self.powered: Callable[[], bool] = lambda: True
        self._identity: Identity | None = None
        self.on_event: Callable[[signals.Event], None] = lambda _event: None
        self._power = 0
        self._end: _End | None = None
        self._failures = 0
        self._back_after_ms = BACK_AFTER_MS[0]
        self._groups: tuple[str, ...] = ()
        self._unacknowledged: dict[str, tuple[str, bytes]] = {}
        self._requests: deque[Callable[[], None]] = deque()
        self._busy = False

    # The port

    def open(self, identity: Identity, deliver: Callable[[signals.Event], None]) -> None:  # noqa: ARG002 - the machine runs what the core would be told
        """See the port; what happens is told to ``on_event``."""
        self._identity = identity
        self._back_after_ms = self._chance.choice(BACK_AFTER_MS)  # as the terminal draws it when it starts
        if identity.broker_host is not None:
            self._soon(self._chance.randrange(50, 400), self._connect)

    def close(self) -> None:
        """See the port."""
        self.lose_power()

    def lose_power(self) -> None:
        """Forget everything under way; the broker notices nothing yet."""
        self._power += 1
        self._identity = None
        self._end, self._failures, self._groups = None, 0, ()
        self._unacknowledged.clear()
        self._requests.clear()
        self._busy = False

    def publish(self, kind: str, envelope: Envelope) -> None:
        """See the port."""
        if self._identity is None or not self.powered():
            return
        raw = envelope.encode()
        topic = up_topic(self._identity.device, kind)
        self._unacknowledged[str(envelope.id)] = (topic, raw)
        self._send(str(envelope.id))

    def post(self, kind: str, envelope: Envelope) -> None:
        """See the port."""
        raw = envelope.encode()
        self._ask(
            lambda who: signals.Answered(envelope.id, self._backend.post(who.device, kind, raw)),
            lambda reached: signals.PostFailed(envelope.id, reached=reached),
            lambda refusal: self._refused(kind, envelope, refusal),
        )

    def pull(self, after: int) -> None:
        """See the port."""
        began_ms = self._kernel.now_ms

        def answer(who: Identity) -> signals.Event:
            page = self._backend.feed(who.device, after)
            return signals.PageArrived(page, 2 * (self._kernel.now_ms - began_ms))

        self._ask(answer, lambda _reached: signals.PullFailed(), lambda _refusal: signals.PullFailed())

    def follow(self, groups: tuple[str, ...]) -> None:
        """See the port."""
        self._groups = groups
        if self._connected and self._identity is not None:
            self._broker.follow(self._identity.device, groups)

    def fetch_reference(self, version: str | None) -> None:
        """See the port."""
        self._ask(
            lambda who: signals.ReferenceArrived(self._backend.reference(who.device, version)),
            lambda _reached: signals.ReferenceFailed(),
            lambda _refusal: signals.ReferenceFailed(),
        )

    # The weather

    def set_link(self, link: Link) -> None:
        """Let the network come and go; ``half-open``: nothing arrives any more, and nobody is told."""
        self.link = link
        if link == "down":
            self._hang_up()

    @property
    def _connected(self) -> bool:
        end = self._end
        who = self._identity
        return end is not None and who is not None and self._broker.connected(who.device, end)

    def _latency_ms(self) -> int:
        return self._chance.randint(self.air.least_ms, self.air.most_ms)

    def _lost(self) -> bool:
        """Say whether what is sent now over a connection of its own is never seen again."""
        lost = self.link != "up" or self._chance.random() < self.air.loss
        self.dropped += lost
        return lost

    def _way_ms(self) -> int | None:
        """Return how long what is sent over the standing connection takes; none where it never comes.

        A packet that was lost is sent again by the connection itself, until the network is away.
        """
        if self.link != "up":
            self.dropped += 1
            return None
        late = self._chance.random() < self.air.loss
        self.dropped += late
        return self._latency_ms() + (self._chance.randint(*RESENT_MS) if late else 0)

    def _repeated(self) -> bool:
        repeated = self._chance.random() < self.air.repeats
        self.repeated += repeated
        return repeated

    def _soon(self, delay_ms: int, act: Callable[[], None]) -> None:
        """Let something happen on this device unless its power fails meanwhile."""
        power = self._power

        def do() -> None:
            if self._power == power:
                act()

        self._kernel.after(delay_ms, do)

    def _tell(self, event: signals.Event) -> None:
        """Tell the core, by way of the machine that it runs on."""
        if self._identity is not None:
            self.on_event(event)

    # The broker

    def _connect(self) -> None:
        who = self._identity
        if who is None or self._end is not None:
            return
        if self.link != "up":
            self._try_again()
            return
        end = _End(self, self._power)
        try:
            self._broker.connect(who.device, end)
        except BrokerAwayError:
            self._try_again()
            return
        self._end, self._failures = end, 0
        self._broker.follow(who.device, self._groups)
        self._soon(2 * self._latency_ms(), lambda: self._taken_in(end))

    def _taken_in(self, end: "_End") -> None:
        if self._end is end and self._connected:
            self._tell(signals.Connected())
            for name in list(self._unacknowledged):
                self._send(name)
            self._soon(KEEPALIVE_MS, lambda: self._look_alive(end))

    def _look_alive(self, end: "_End") -> None:
        """Notice after the keepalive that nobody answers any more."""
        if self._end is not end:
            return
        if self.link != "up":
            self._hang_up()
        else:
            self._soon(KEEPALIVE_MS, lambda: self._look_alive(end))

    def _try_again(self) -> None:
        wait_ms = min(BACK_MOST_MS, self._back_after_ms << min(self._failures, 5))
        self._failures += 1
        self._soon(wait_ms + self._latency_ms(), self._connect)

    def _hang_up(self) -> None:
        end, who = self._end, self._identity
        if end is None or who is None:
            return
        self._broker.disconnect(who.device, end)
        self.connection_broke(end)

    def connection_broke(self, end: "_End") -> None:
        """Lose a connection: the broker, or the network, let it go."""
        if self._end is end:
            self._end = None
            self._tell(signals.Disconnected())
            self._try_again()

    def _send(self, name: str) -> None:
        """Send a message in flight once more; the broker's acknowledgement takes it out of flight."""
        who, sent = self._identity, self._unacknowledged.get(name)
        if sent is None or who is None or not self._connected:
            return
        for _ in range(2 if self._repeated() else 1):
            way_ms = self._way_ms()
            if way_ms is not None:
                self._kernel.after(way_ms, self._arrival(who.device, self._end, name, sent, self._power))

    def _arrival(
        self, device: str, end: "_End | None", name: str, sent: tuple[str, bytes], power: int
    ) -> Callable[[], None]:
        """Return what happens when a message reaches the broker: also of a device whose power failed meanwhile."""

        def arrive() -> None:
            if end is None or not self._broker.connected(device, end):
                return
            self._broker.take_up(*sent)
            way_ms = self._way_ms()
            if way_ms is not None and self._power == power:
                self._soon(way_ms, lambda: self._acknowledged(name))

        return arrive

    def _acknowledged(self, name: str) -> None:
        self._unacknowledged.pop(name, None)

    def heard_item(self, end: "_End", number: int, item: FeedItem) -> None:
        """Take an item on its way down, and acknowledge it where it arrives."""
        for _ in range(2 if self._repeated() else 1):
            way_ms = self._way_ms()
            if way_ms is not None:
                self._kernel.after(way_ms, lambda: self._item_arrives(end, number, item))

    def _item_arrives(self, end: "_End", number: int, item: FeedItem) -> None:
        who = self._identity
        if self._end is end and who is not None:
            self._tell(signals.ItemArrived(read_down(item)))
            if self._identity is not None and self.link == "up":
                self._broker.acknowledged(who.device, number)

    def heard_news(self, end: "_End", group: str, news: News) -> None:
        """Take news on their way down."""

        def arrive() -> None:
            if self._end is end:
                self._tell(signals.NewsArrived(group, read_news(news)))

        way_ms = self._way_ms()
        if way_ms is not None:
            self._kernel.after(way_ms, arrive)

    # HTTP: one request after the other

    def _ask(self, answer: Answer, failed: Failed, refused: Refused) -> None:
        if self.powered():
            self._requests.append(lambda: self._request(answer, failed, refused))
            self._next()

    def _request(self, answer: Answer, failed: Failed, refused: Refused) -> None:
        who, power = self._identity, self._power
        if self.link == "down":
            self._soon(NO_ROUTE_MS, lambda: self._done(failed(False)))
        elif self._lost():
            self._soon(TIMEOUT_MS, lambda: self._done(failed(True)))
        elif who is not None:
            times = 2 if self._repeated() else 1  # a proxy, or a connection that broke, sends a request twice

            def arrive() -> None:
                event = self._served(who, times, answer, failed, refused)
                if self._power != power:
                    return
                if self._lost():
                    self._soon(TIMEOUT_MS, lambda: self._done(failed(True)))
                else:
                    self._soon(self._latency_ms(), lambda: self._done(event))

            self._kernel.after(self._latency_ms(), arrive)

    def _served(self, who: Identity, times: int, answer: Answer, failed: Failed, refused: Refused) -> signals.Event:
        try:
            for _ in range(times):
                event = answer(who)
        except AwayError:
            return failed(True)
        except Refusal as refusal:
            return signals.Stopped(refusal.code) if refusal.code in TURNED_AWAY else refused(refusal)
        return event

    def _next(self) -> None:
        if not self._busy and self._requests:
            self._busy = True
            self._requests.popleft()()

    def _done(self, event: signals.Event) -> None:
        self._busy = False
        self._tell(event)
        self._next()

    def _refused(self, kind: str, envelope: Envelope, refusal: Refusal) -> signals.Event:
        if refusal.family not in FINAL:
            return signals.PostFailed(envelope.id, reached=True)
        at = instant(self._kernel.now_ms)
        return signals.Answered(
            envelope.id,
            Receipt(
                message=envelope.id, kind=kind, outcome="rejected", at=at, code=refusal.code, params=refusal.params
            ),
        )


class _End:
    """The device's end of one connection to the broker, of one run of the device."""

    def __init__(self, radio: Radio, power: int) -> None:
        self._radio, self._power = radio, power

    def item(self, number: int, item: FeedItem) -> None:
        self._radio.heard_item(self, number, item)

    def news(self, group: str, news: News) -> None:
        self._radio.heard_news(self, group, news)

    def broken(self) -> None:
        self._radio.connection_broke(self)

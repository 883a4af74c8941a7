"""Wire-level devices: many MQTT connections in one process, driven by one selector loop.

A device here speaks the published contract and nothing more: it subscribes, pulls its feed, orders when it
sees an open window, and repeats what got no receipt. Its cursor moves over items that follow it without a gap, and
with the answer to a pull. The ledger counts what every device sent and heard.
"""

import selectors
import socket
import ssl
import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from paho.mqtt import client as mqtt
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

from contract import topics
from contract.envelope import Envelope, FeedItem
from contract.feed import Command, Commands, Receipt, WindowState
from contract.ids import uuid7
from contract.messages import Message, OrderLine, PlaceOrder, PullFeed, ReportCommand, ReportStatus
from firmware_sim.identities import DeviceIdentity

REPEAT_AFTER_S = 5.0
KEEPALIVE_S = 120
ACT_EVERY_S = 0.05


@dataclass
class Ledger:
    """What a fleet sent and heard; ids are the keys."""

    sent: set[UUID] = field(default_factory=set)
    published: int = 0
    repeated_on_timeout: int = 0
    receipts: dict[UUID, Receipt] = field(default_factory=dict)
    receipt_items: int = 0
    latencies_ms: list[float] = field(default_factory=list)
    kinds: Counter[str] = field(default_factory=Counter)

    @property
    def unanswered(self) -> set[UUID]:
        """Ids that no receipt was heard for."""
        return self.sent - self.receipts.keys()

    def outcomes(self) -> Counter[str]:
        """Return how many ids ended how: ``accepted`` or the code of the refusal."""
        return Counter(receipt.code or receipt.outcome for receipt in self.receipts.values())


@dataclass(frozen=True)
class Behaviour:
    """What one device is to do.

    ``delay_s`` counts from the moment it sees the open window; ``before_close_s``, where given, counts back from
    the published close instead, and is negative for a device that comes too late.
    """

    lines: tuple[OrderLine, ...]
    delay_s: float = 0.0
    before_close_s: float | None = None
    repeats: int = 0
    drops_after_sending: bool = False


@dataclass
class Cursor:
    """Up to which number a device has its feed.

    It moves over what follows without a gap. The answer to a pull comes in order: what is missing before its first
    item is no more. (A whole terminal pulls pages over HTTP, which say where the feed stands.)
    """

    at: int = 0
    _ahead: set[int] = field(default_factory=set)
    _answer_due: bool = False

    def pulled(self) -> None:
        """Await an answer; what was heard beyond a gap comes again with it."""
        self._answer_due = True
        self._ahead.clear()

    def lost(self) -> None:
        """Await no answer any more: the connection is over."""
        self._answer_due = False

    def heard(self, seq: int) -> None:
        """Take note of an item."""
        if self._answer_due and seq > self.at:
            self.at = seq
        self._answer_due = False
        self._ahead.add(seq)
        while self.at + 1 in self._ahead:
            self.at += 1
        self._ahead = {beyond for beyond in self._ahead if beyond > self.at}


Obeys = Callable[[Command], Iterable[ReportCommand]]
"""What a device answers to a command of the distributor, which it obeys once."""


class Device:
    """One connection. Without ``obeys`` it passes over what the distributor asks of it."""

    def __init__(
        self, identity: DeviceIdentity, behaviour: Behaviour, ledger: Ledger, *, random_bits: Callable[[int], int]
    ) -> None:
        self.identity = identity
        self.behaviour = behaviour
        self.ledger = ledger
        self.connected = False
        self.window: WindowState | None = None
        self.cursor = Cursor()
        self.due_s: float | None = None
        self.sent_s: dict[UUID, float] = {}
        self.waiting: dict[UUID, tuple[str, Envelope, float]] = {}
        self._bits = random_bits
        self.obeys: Obeys | None = None
        self.groups: tuple[str, ...] = (topics.EVERYONE,)
        self.pull_due_s: float | None = None
        self._obeyed: set[UUID] = set()
        self._seq = 0
        self._dropped = False
        self.client = mqtt.Client(
            CallbackAPIVersion.VERSION2, client_id=identity.device, protocol=MQTTProtocolVersion.MQTTv311
        )
        self.client.tls_set_context(identity.tls())
        self.client.on_connect = self._on_connect
        self.client.on_disconnect = self._on_disconnect
        self.client.on_message = self._on_message

    def connect(self) -> None:
        """Open the connection; the loop does the rest."""
        self.client.connect(*self.identity.broker, keepalive=KEEPALIVE_S)

    def lose_connection(self) -> None:
        """Lose the connection, as when the line is cut."""
        sock = self.client.socket()
        if isinstance(sock, socket.socket):
            sock.shutdown(socket.SHUT_RDWR)
            self.client.loop_read()
        self.connected = False

    def act(self, now_s: float) -> None:
        """Do what is due: order, or say again what got no receipt."""
        if not self.connected:
            return
        if self.due_s is not None and now_s >= self.due_s and self.window is not None:
            self.due_s = None
            self.send("order.place", PlaceOrder(window=self.window.window, lines=self.behaviour.lines), now_s)
            for _ in range(self.behaviour.repeats):
                self._again(now_s, all_of_them=True)
            if self.behaviour.drops_after_sending and not self._dropped:
                self._dropped = True
                self.client.disconnect()
                return
        if self.pull_due_s is not None and now_s >= self.pull_due_s:
            self._pull()
        self._again(now_s, all_of_them=False)

    def send(self, kind: str, message: Message, now_s: float) -> UUID:
        """Send a message that wants a receipt; return its id."""
        envelope = self._envelope(message)
        self.ledger.sent.add(envelope.id)
        self.sent_s[envelope.id] = now_s
        self.waiting[envelope.id] = (kind, envelope, now_s)
        self._publish(kind, envelope)
        return envelope.id

    def _again(self, now_s: float, *, all_of_them: bool) -> None:
        for client_id, (kind, envelope, last_s) in list(self.waiting.items()):
            if all_of_them or now_s - last_s >= REPEAT_AFTER_S:
                self.waiting[client_id] = (kind, envelope, now_s)
                self.ledger.repeated_on_timeout += not all_of_them
                self._publish(kind, envelope)

    def _envelope(self, message: Message) -> Envelope:
        self._seq += 1
        return Envelope.of(
            id=uuid7(random_bits=self._bits),
            device=self.identity.device,
            seq=self._seq,
            sent_at=datetime.now(UTC),
            message=message,
        )

    def _publish(self, kind: str, envelope: Envelope) -> None:
        self.ledger.published += 1
        self.client.publish(topics.up_topic(self.identity.device, kind), envelope.encode(), qos=1)

    def _on_connect(self, client: mqtt.Client, _data: Any, _flags: Any, reason: Any, _props: Any) -> None:
        if reason.is_failure:
            return
        self.connected = True
        client.subscribe(
            [(topics.down_filter(self.identity.device), 1), *((topics.news_topic(g), 1) for g in self.groups)]
        )
        status = self._envelope(ReportStatus(version="wire", queue_length=len(self.waiting), language="zh"))
        client.publish(topics.up_topic(self.identity.device, "device.status"), status.encode(), qos=1)
        self._pull()

    def _pull(self) -> None:
        self.pull_due_s = None
        self.cursor.pulled()
        pull = self._envelope(PullFeed(after=self.cursor.at))
        self.client.publish(topics.up_topic(self.identity.device, "feed.pull"), pull.encode(), qos=1)

    def _on_disconnect(self, _client: mqtt.Client, _data: Any, _flags: Any, _reason: Any, _props: Any) -> None:
        self.connected = False
        self.cursor.lost()

    def _on_message(self, _client: mqtt.Client, _data: Any, message: mqtt.MQTTMessage) -> None:
        if topics.parse_news(message.topic) is not None:
            news = topics.News.model_validate_json(message.payload)
            self.pull_due_s = time.monotonic() + self._bits(20) % (news.spread_ms + 1) / 1000
            return
        item = FeedItem.decode(bytes(message.payload))
        self.cursor.heard(item.seq)
        self.ledger.kinds[item.kind] += 1
        if item.kind == "receipt":
            self._heard(Receipt.model_validate(item.data))
        elif item.kind == "commands":
            self._asked(Commands.model_validate(item.data))
        elif item.kind == "window":
            window = WindowState.model_validate(item.data)
            if window.state == "open" and self.window is None:
                self.window = window
                self.due_s = time.monotonic() + self._wait_s(window)

    def _asked(self, asked: Commands) -> None:
        if self.obeys is None or asked.device != self.identity.device:
            return
        for command in asked.commands:
            if command.called_back or command.command in self._obeyed:
                continue
            self._obeyed.add(command.command)
            for report in self.obeys(command):
                self.send("command.state", report, time.monotonic())

    def _wait_s(self, window: WindowState) -> float:
        if self.behaviour.before_close_s is None:
            return self.behaviour.delay_s
        return (window.closes_at - datetime.now(UTC)).total_seconds() - self.behaviour.before_close_s

    def _heard(self, receipt: Receipt) -> None:
        self.ledger.receipt_items += 1
        self.waiting.pop(receipt.message, None)
        if receipt.message in self.ledger.receipts or receipt.message not in self.ledger.sent:
            return
        self.ledger.receipts[receipt.message] = receipt
        self.ledger.latencies_ms.append((time.monotonic() - self.sent_s[receipt.message]) * 1000)


class Fleet:
    """Devices and the one loop that drives them all."""

    def __init__(self, devices: Sequence[Device]) -> None:
        self.devices = devices
        self._selector = selectors.DefaultSelector()

    def connect(self, devices: Iterable[Device] | None = None, *, at_once: int = 1) -> None:
        """Connect all devices that are not, so many at a time."""
        apart = [one for one in (self.devices if devices is None else devices) if not one.client.is_connected()]
        with ThreadPoolExecutor(at_once) as pool:
            for device, _ in zip(apart, pool.map(Device.connect, apart), strict=True):
                self._watch(device)

    def cut(self) -> None:
        """End every connection without a goodbye."""
        for key in list(self._selector.get_map().values()):
            self._selector.unregister(key.fileobj)
        for device in self.devices:
            device.lose_connection()

    def _watch(self, device: Device) -> None:
        sock = device.client.socket()
        if sock is not None:
            self._selector.register(sock, selectors.EVENT_READ, device)

    def run(self, until: Callable[[], bool], *, deadline_s: float) -> bool:
        """Drive the fleet until ``until`` holds; return whether it did within ``deadline_s``."""
        end = time.monotonic() + deadline_s
        acted = housekeeping = 0.0
        while not until():
            for key, _ in self._selector.select(timeout=ACT_EVERY_S):
                self._read(key)
            now = time.monotonic()
            if now >= end:
                return False
            if now - acted >= ACT_EVERY_S:
                acted = now
                self._act(now)
            if now - housekeeping >= 1.0:
                housekeeping = now
                self._keep_house()
        return True

    def _act(self, now_s: float) -> None:
        """Let every device do what is due; going through all of them is what costs, so it is done seldom."""
        for device in self.devices:
            if device.due_s is not None or device.pull_due_s is not None or device.waiting:
                device.act(now_s)
            if device.client.want_write():
                device.client.loop_write()

    def _read(self, key: selectors.SelectorKey) -> None:
        device: Device = key.data
        alive = device.client.loop_read() == mqtt.MQTT_ERR_SUCCESS
        # What TLS has decrypted already no selector tells of.
        while alive and isinstance(sock := device.client.socket(), ssl.SSLSocket) and sock.pending():
            alive = device.client.loop_read() == mqtt.MQTT_ERR_SUCCESS
        if not alive or device.client.socket() is None:
            self._selector.unregister(key.fileobj)

    def _keep_house(self) -> None:
        """Ping, and connect again whoever lost its connection."""
        for key in list(self._selector.get_map().values()):
            if key.data.client.socket() is not key.fileobj:
                self._selector.unregister(key.fileobj)
        for device in self.devices:
            if device.client.socket() is None:
                try:
                    device.connect()
                except OSError:
                    continue
                self._watch(device)
            else:
                device.client.loop_misc()

    def close(self) -> None:
        """Say goodbye."""
        for device in self.devices:
            device.client.disconnect()
            if device.client.want_write():
                device.client.loop_write()
        self._selector.close()

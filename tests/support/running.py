"""A running installation with some shops in it, and devices that speak nothing but the published wire."""

import contextlib
import os
import queue
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx2
import psutil
from paho.mqtt import client as mqtt
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

from contract import topics
from contract.device_api import FeedPage
from contract.envelope import Envelope, FeedItem
from contract.feed import Receipt, WindowState
from contract.ids import uuid7
from contract.messages import Message, OrderLine, PlaceOrder
from firmware_sim.identities import DeviceIdentity, enrol
from firmware_sim.stage import Person, Stage
from server.kit import audit
from server.kit.db import transaction
from server.kit.runtime import open_runtime
from server.orders import queries as orders

SHOPS = tuple(f"S{number:02}" for number in range(1, 17))
SKUS = ("K1", "K2", "K3")
OPENS_IN_S = 1.0
READY_AGAIN_S = 5.0


def import_time_s() -> float:
    """Return how long this machine takes, now, to start an interpreter and import the application."""
    started = time.monotonic()
    subprocess.run([sys.executable, "-c", "import server.app"], check=True)
    return time.monotonic() - started


def until(what: str, holds: Callable[[], Any], *, within_s: float) -> Any:
    """Wait until ``holds`` returns something true and return that; fail saying what did not come."""
    deadline = time.monotonic() + within_s
    while not (found := holds()):
        assert time.monotonic() < deadline, f"{what} did not come within {within_s:.0f} s"
        time.sleep(0.01)  # between two looks
    return found


@dataclass
class Town:
    """An installation, its planner, its shops."""

    stage: Stage
    planner: Person

    @property
    def data_dir(self) -> Path:
        return self.stage.settings.data_dir

    def enrol(self, shop: str) -> DeviceIdentity:
        """Give ``shop`` a device."""
        return enrol(self.stage, self.planner, [shop])[shop]

    def code_for(self, shop: str) -> str:
        issued = self.planner.post("/api/v1/devices/codes", {"retailers": [shop]})
        code: str = issued[0]["code"]
        return code

    def announce(self, *, open_for_s: float, grace_s: int = 0, supply_units: int = 1_000_000) -> tuple[UUID, UUID]:
        """Announce a cycle with one window for all; return cycle and window once that is open."""
        now = datetime.now(UTC)
        week = {"name_zh": "本周", "name_en": "This week", "week": now.date().isoformat(), "grace_s": grace_s}
        cycle = UUID(self.planner.post("/api/v1/cycles", week)["id"])
        path = f"/api/v1/cycles/{cycle}"
        lines = [{"sku": sku, "supply_units": supply_units} for sku in SKUS]
        self.planner.post(f"{path}/supply", {"reason": "first release", "lines": lines})
        opens = datetime.now(UTC) + timedelta(seconds=OPENS_IN_S)
        closes = opens + timedelta(seconds=open_for_s)
        span = {"opens_at": opens.isoformat(), "closes_at": closes.isoformat()}
        window = UUID(self.planner.post(f"{path}/windows", {"route": "*", **span})["id"])
        self.planner.post(f"{path}/announce")
        until("the open window", lambda: self.window(cycle)["state"] == "open", within_s=15)
        return cycle, window

    def window(self, cycle: UUID) -> dict[str, Any]:
        found: dict[str, Any] = self.planner.get(f"/api/v1/cycles/{cycle}")["windows"][0]
        return found

    def orders(self, cycle: UUID) -> list[dict[str, Any]]:
        """Return every order of a cycle, over all pages."""
        return self.planner.every("/api/v1/orders", cycle=str(cycle))

    def has_order(self, shop: str, order: UUID) -> bool:
        with open_runtime(self.stage.settings, need_broker=False) as runtime, transaction(runtime.sessions) as session:
            return orders.order(session, shop, order) is not None

    def alerts(self, action: str) -> list[dict[str, Any]]:
        """Return subject and detail of the alerted audit entries of one action, newest first."""
        with open_runtime(self.stage.settings, need_broker=False) as runtime, transaction(runtime.sessions) as session:
            found = [entry for entry in audit.entries(session, limit=10_000) if entry.action == action and entry.alert]
            return [{"actor": entry.actor, "subject": entry.subject, **entry.detail} for entry in found]

    def is_ready(self) -> bool:
        try:
            return httpx2.get(f"{self.stage.url}/readyz", timeout=2).status_code == 200
        except httpx2.TransportError:
            return False

    def pid_of(self, part: str) -> int | None:
        """Return the process id of one of our processes, ``broker`` or ``database`` while it runs."""
        words = {"broker": ("mosquitto", "node"), "database": ("postgres",)}
        for pid, command in self.children().items():
            program = Path(command[0]).name
            if (program in words[part]) if part in words else command[-1] == part:
                return pid
        return None

    def children(self) -> dict[int, list[str]]:
        """Return the command lines of our processes and of the supervisor's live children by process id."""
        ours = psutil.Process(self.stage.process.pid).children()
        for one in list(ours):
            with contextlib.suppress(psutil.NoSuchProcess):
                ours += one.children()
        found: dict[int, list[str]] = {}
        for one in ours:
            with contextlib.suppress(psutil.NoSuchProcess):  # it ended since
                found[one.pid] = " ".join(one.cmdline()).split()
        return {pid: command for pid, command in found.items() if command}  # none: on its way out

    def kill(self, part: str) -> float:
        """``kill -9``; return after how many seconds another process runs and the server says it is ready.

        Five seconds are promised. Where other work slows the machine down, so that merely importing the
        application takes long, it may be six such imports: everything starts again beside the others' work.
        """
        killed = until(f"a running {part}", lambda: self.pid_of(part), within_s=30)
        os.kill(killed, signal.SIGKILL)
        started = time.monotonic()
        until(
            f"another {part} and /readyz",
            lambda: self.pid_of(part) not in {None, killed} and self.is_ready(),
            within_s=60,
        )
        took_s = time.monotonic() - started
        assert took_s <= READY_AGAIN_S or took_s <= 6 * import_time_s(), f"{part} was away for {took_s:.1f} s"
        return took_s


@dataclass
class Wire:
    """One MQTT connection under the eyes of a test."""

    identity: DeviceIdentity
    client: mqtt.Client
    heard: list[tuple[str, FeedItem]] = field(default_factory=list)

    def send(self, kind: str, message: Message | Envelope, *, topic: str | None = None) -> UUID:
        """Publish a message on the device's own topic, or on another one; return its id."""
        envelope = message if isinstance(message, Envelope) else self.envelope(message)
        sent = self.client.publish(topic or topics.up_topic(self.identity.device, kind), envelope.encode(), qos=1)
        sent.wait_for_publish(10)
        assert sent.is_published(), "the broker did not take the message"
        return envelope.id

    def envelope(self, message: Message, *, device: str | None = None, sent_at: datetime | None = None) -> Envelope:
        return Envelope.of(
            id=uuid7(),
            device=device or self.identity.device,
            seq=1,
            sent_at=sent_at or datetime.now(UTC),
            message=message,
        )

    def receipts(self, message: UUID) -> list[Receipt]:
        """Return every receipt for a message, in the order heard."""
        found = [Receipt.model_validate(item.data) for _, item in list(self.heard) if item.kind == "receipt"]
        return [receipt for receipt in found if receipt.message == message]

    def receipt(self, message: UUID, *, count: int = 1, within_s: float = 15) -> Receipt:
        """Wait for the ``count``-th receipt for a message."""
        until(f"receipt {count} for {message}", lambda: len(self.receipts(message)) >= count, within_s=within_s)
        return self.receipts(message)[count - 1]

    def window(self, window: UUID) -> WindowState | None:
        found = [WindowState.model_validate(item.data) for _, item in list(self.heard) if item.kind == "window"]
        return next((state for state in reversed(found) if state.window == window), None)


def ordering(window: UUID, **units: int) -> PlaceOrder:
    lines = tuple(OrderLine(sku=sku, quantity_units=quantity) for sku, quantity in units.items())
    return PlaceOrder(window=window, lines=lines)


def over_http(town: Town, identity: DeviceIdentity, path: str, envelope: Envelope | None = None) -> httpx2.Response:
    """Ask the device's HTTP interface as ``identity``."""
    url, who = f"{town.stage.url}/device/v1/{path}", identity.auth
    if envelope is None:
        return httpx2.get(url, auth=who, timeout=30)
    headers = {"Content-Type": "application/json"}
    return httpx2.post(url, auth=who, content=envelope.encode(), headers=headers, timeout=30)


def feed_of(town: Town, identity: DeviceIdentity) -> tuple[FeedItem, ...]:
    """Return the first page of a device's feed, pulled by HTTP."""
    answer = over_http(town, identity, "feed?after=0")
    answer.raise_for_status()
    return FeedPage.model_validate(answer.json()).items


def connect(
    identity: DeviceIdentity,
    *,
    filters: tuple[str, ...] | None = None,
    client_id: str | None = None,
    tries_for_s: float = 15,
    will: tuple[str, bytes] | None = None,
    bind_address: str = "",
) -> Wire:
    """Connect a device and subscribe to what is sent to it, or to other filters; it does not reconnect.

    The broker learns of a new identity a moment after its enrolment's commit, so this tries for a while.
    """
    wanted = (topics.down_filter(identity.device),) if filters is None else filters
    tries_until = time.monotonic() + tries_for_s
    while (wire := _connected(identity, client_id or identity.device, wanted, will, bind_address)) is None:
        if time.monotonic() > tries_until:
            raise ConnectionRefusedError(identity.device)
        time.sleep(0.05)  # between two tries
    return wire


def _connected(
    identity: DeviceIdentity,
    client_id: str,
    filters: tuple[str, ...],
    will: tuple[str, bytes] | None,
    bind_address: str,
) -> Wire | None:
    """Return the subscribed connection; none where the broker refuses it."""
    client = mqtt.Client(
        CallbackAPIVersion.VERSION2,
        client_id=client_id,
        protocol=MQTTProtocolVersion.MQTTv311,
        reconnect_on_failure=False,
    )
    client.tls_set_context(identity.tls())
    wire = Wire(identity, client)
    answers: queue.Queue[bool] = queue.Queue()
    client.on_connect = lambda _client, _data, _flags, reason, _props: answers.put(not reason.is_failure)
    client.on_subscribe = lambda _client, _data, _mid, _reasons, _props: answers.put(True)
    client.on_message = lambda _client, _data, message: wire.heard.append(
        (message.topic, FeedItem.decode(bytes(message.payload)))
    )
    client.on_disconnect = lambda _client, _data, _flags, _reason, _props: answers.put(False)
    if will is not None:
        client.will_set(*will, qos=1, retain=True)
    try:
        client.connect(*identity.broker, keepalive=60, bind_address=bind_address)
    except ConnectionError:  # it is being started
        return None
    client.loop_start()
    if not answers.get(timeout=10):
        client.loop_stop()
        return None
    for one in filters:
        client.subscribe(one, qos=1)
        assert answers.get(timeout=10)
    return wire

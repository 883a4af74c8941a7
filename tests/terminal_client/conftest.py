"""A small world for terminals: a clock that is turned by hand, a server in memory, a network that can lose."""

import gettext
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from contract.device_api import CatalogueItem, Enrolled, FeedPage, Reference
from contract.envelope import Envelope, FeedItem
from contract.feed import OrderState, Receipt, Text, WindowState
from contract.ids import uuid7
from contract.messages import RECEIPTED, AmendOrder, Message, PlaceOrder
from terminal_client.core import signals
from terminal_client.core.engine import Engine
from terminal_client.core.server_clock import ServerClock, instant, milliseconds
from terminal_client.core.store import Identity, Store
from terminal_client.core.use_cases import Shop

NOON = datetime(2027, 3, 21, 12, 0, tzinfo=UTC)


@dataclass
class HandClock:
    """Both clocks of a machine, turned by hand; the wall clock may be wrong by ``slow_ms``."""

    at_ms: int = milliseconds(NOON)
    slow_ms: int = 0

    def wall_ms(self) -> int:
        return self.at_ms - self.slow_ms

    def monotonic_ms(self) -> int:
        return self.at_ms

    def forward(self, by: timedelta | int) -> None:
        self.at_ms += by if isinstance(by, int) else round(by / timedelta(milliseconds=1))


@dataclass
class ServerInMemory:
    """Takes messages once by their id, answers with receipts, keeps a compacted feed."""

    clock: HandClock
    decide: Callable[[str, Envelope], tuple[str | None, dict[str, Any]]] = lambda _kind, _envelope: (None, {})
    inbox: dict[UUID, tuple[str, str, Receipt]] = field(default_factory=dict)
    entries: dict[str, FeedItem] = field(default_factory=dict)
    head: int = 0
    reference: Reference | None = None
    reused: list[UUID] = field(default_factory=list)
    history: str | None = None
    news: dict[str, int] = field(default_factory=dict)
    on_item: Callable[[FeedItem], None] = lambda _item: None

    def now(self) -> datetime:
        return instant(self.clock.at_ms)

    def tell(self, key: str, kind: str, message: Message | dict[str, Any]) -> FeedItem:
        self.head += 1
        data = message if isinstance(message, dict) else message.model_dump(mode="json", exclude_none=True)
        item = FeedItem(seq=self.head, key=key, kind=kind, at=self.now(), data=data)
        self.entries[key] = item
        self.on_item(item)
        return item

    def take(self, kind: str, raw: bytes) -> Receipt | None:
        envelope = Envelope.decode(raw)
        if kind == "feed.pull":
            for item in self.after(envelope.data["after"]):
                self.on_item(item)
        if kind not in RECEIPTED:
            return None
        body = Envelope.model_dump_json(envelope, include={"data"})
        if envelope.id in self.inbox:
            known_kind, known_body, receipt = self.inbox[envelope.id]
            if (known_kind, known_body) != (kind, body):
                self.reused.append(envelope.id)
        else:
            code, params = self.decide(kind, envelope)
            code = code or self._conflict(kind, envelope)
            receipt = Receipt(
                message=envelope.id,
                kind=kind,
                outcome="accepted" if code is None else "rejected",
                at=self.now(),
                number=100 + len(self.inbox) if code is None else None,
                revision=self._revision(kind, envelope) if code is None else None,
                code=code,
                params=params,
                device=envelope.device,
            )
            self.inbox[envelope.id] = (kind, body, receipt)
            if code is None:
                self._keep_order(kind, envelope, receipt)
        self.tell(f"receipt:{envelope.id}", "receipt", receipt)
        return receipt

    def backup(self) -> dict[str, Any]:
        return {"inbox": dict(self.inbox), "entries": dict(self.entries), "head": self.head}

    def restore(self, backup: dict[str, Any], *, history: str | None = None) -> None:
        self.inbox, self.entries = dict(backup["inbox"]), dict(backup["entries"])
        self.head, self.history = backup["head"], history

    def after(self, seq: int) -> list[FeedItem]:
        return sorted((item for item in self.entries.values() if item.seq > seq), key=lambda item: item.seq)

    def page(self, after: int, limit: int = 3) -> FeedPage:
        items = self.after(after)
        return FeedPage(
            items=tuple(items[:limit]),
            head=self.head,
            more=len(items) > limit,
            server_time=self.now(),
            history=self.history,
            news=self.news,
        )

    def _conflict(self, kind: str, envelope: Envelope) -> str | None:
        if kind not in ("order.amend", "order.cancel"):
            return None
        entry = self.entries.get(f"order:{envelope.data['order']}")
        if entry is None:
            return "unknown_order"
        if entry.data["state"] == "cancelled":
            return "order_cancelled"
        return None if entry.data["revision"] == envelope.data["revision"] else "order_changed"

    def _revision(self, kind: str, envelope: Envelope) -> int | None:
        if kind == "order.place":
            return 1
        return AmendOrder.model_validate(envelope.data).revision + 1 if kind == "order.amend" else None

    def _keep_order(self, kind: str, envelope: Envelope, receipt: Receipt) -> None:
        if kind == "order.place":
            placed = PlaceOrder.model_validate(envelope.data)
            state = OrderState(
                order=envelope.id,
                window=placed.window,
                number=receipt.number or 0,
                revision=1,
                state="accepted",
                at=receipt.at,
                lines=placed.lines,
            )
        elif kind in ("order.amend", "order.cancel"):
            before = OrderState.model_validate(self.entries[f"order:{envelope.data['order']}"].data)
            change: dict[str, Any] = {"revision": before.revision + 1}
            if kind == "order.amend":
                change["lines"] = AmendOrder.model_validate(envelope.data).lines
            else:
                change["state"] = "cancelled"
            state = before.model_copy(update=change)
        else:
            return
        self.tell(f"order:{state.order}", "order", state)


class Wires:
    """A network in which every parcel waits until the test lets it travel, lose its way, or travel twice."""

    def __init__(self, server: ServerInMemory) -> None:
        self.server = server
        self.parcels: list[Callable[[], None]] = []
        self.connected = False
        self.broker_works = True
        self.http_works = True
        self.turned_away: str | None = None
        self.deliver: Callable[[signals.Event], None] = lambda _event: None
        self.sent: list[tuple[str, str, UUID]] = []
        self.followed: tuple[str, ...] = ()
        server.on_item = self._push

    # the port

    def open(self, identity: Identity, deliver: Callable[[signals.Event], None]) -> None:
        self.identity = identity
        self.deliver = deliver

    def close(self) -> None:
        self.deliver = lambda _event: None
        self.parcels.clear()
        self.connected = False

    def publish(self, kind: str, envelope: Envelope) -> None:
        raw = envelope.encode()
        self.sent.append(("mqtt", kind, envelope.id))
        self.parcels.append(lambda: self._ingest(kind, raw))

    def post(self, kind: str, envelope: Envelope) -> None:
        raw, id_ = envelope.encode(), envelope.id
        self.sent.append(("http", kind, id_))
        self._request(
            lambda: signals.Answered(id_, self.server.take(kind, raw)),
            lambda reached: signals.PostFailed(id_, reached=reached),
        )

    def pull(self, after: int) -> None:
        self._request(lambda: signals.PageArrived(self.server.page(after)), lambda _reached: signals.PullFailed())

    def follow(self, groups: tuple[str, ...]) -> None:
        self.followed = groups

    def fetch_reference(self, version: str | None) -> None:
        def answer() -> signals.Event:
            reference = self.server.reference
            if reference is None:
                return signals.ReferenceFailed()
            return signals.ReferenceArrived(None if reference.version == version else reference)

        self._request(answer, lambda _reached: signals.ReferenceFailed())

    # the test's hands

    def connect(self) -> None:
        if not self.connected and self.broker_works:
            self.connected = True
            self.deliver(signals.Connected())

    def disconnect(self) -> None:
        if self.connected:
            self.connected = False
            self.deliver(signals.Disconnected())

    def travel(self, index: int = 0) -> None:
        if self.parcels:
            self.parcels.pop(index % len(self.parcels))()

    def travel_twice(self, index: int) -> None:
        if self.parcels:
            parcel = self.parcels[index % len(self.parcels)]
            if not getattr(parcel, "once", False):
                parcel()

    def lose(self, index: int) -> None:
        if self.parcels:
            parcel = self.parcels.pop(index % len(self.parcels))
            lost = getattr(parcel, "lost", None)
            if lost is not None:
                lost()

    def all_travel(self) -> None:
        while self.parcels:
            self.travel()

    def _ingest(self, kind: str, raw: bytes) -> None:
        if self.broker_works:
            self.server.take(kind, raw)

    def _push(self, item: FeedItem) -> None:
        if self.connected:
            self.parcels.append(lambda: self.deliver(signals.ItemArrived(item)))

    def _request(self, answer: Callable[[], signals.Event], failure: Callable[[bool], signals.Event]) -> None:
        self.parcels.append(_Request(self, answer, failure))


class _Request:
    """A request is answered exactly once; its loss is a failure after the server may have acted."""

    once = True

    def __init__(
        self, wires: Wires, answer: Callable[[], signals.Event], failure: Callable[[bool], signals.Event]
    ) -> None:
        self._wires, self._answer, self._failure = wires, answer, failure

    def __call__(self) -> None:
        wires = self._wires
        if wires.turned_away is not None:
            wires.deliver(signals.Stopped(wires.turned_away))
        elif wires.http_works:
            wires.deliver(self._answer())
        else:
            wires.deliver(self._failure(False))

    def lost(self) -> None:
        if self._wires.http_works:
            self._answer()
        self._wires.deliver(self._failure(True))


@dataclass
class World:
    """One enrolled terminal, its server, and the wires between them."""

    folder: Path
    clock: HandClock
    server: ServerInMemory
    wires: Wires
    store: Store
    shop: Shop
    engine: Engine
    chance: random.Random
    open_store: Callable[[Path], Store]
    said: Callable[[UUID], None]
    version: str = "1"

    def run(self, for_s: float) -> None:
        """Let time pass, everything travelling at once."""
        end_ms = self.clock.at_ms + round(for_s * 1000)
        self.wires.all_travel()
        while self.clock.at_ms < end_ms:
            due_ms = self.engine.due_ms()
            self.clock.at_ms = min(end_ms, max(self.clock.at_ms, due_ms or end_ms))
            self.engine.handle(signals.Tick())
            self.wires.all_travel()

    def restart(self) -> None:
        """Switch the terminal off and on; only the store stays."""
        self.engine.stop()
        self.store.close()
        self._boot()

    def _boot(self) -> None:
        self.store = self.open_store(self.folder)
        clock = ServerClock(self.store, self.clock)
        self.engine = Engine(
            self.store,
            self.wires,
            clock=self.clock,
            server_clock=clock,
            bits=self.chance.getrandbits,
            version=self.version,
        )
        self.shop = Shop(self.store, clock, self.chance.getrandbits, self._saved)
        self.engine.start()

    def _saved(self, message: signals.Pending) -> None:
        self.said(message.id)
        self.engine.saved(message)


def new_world(
    folder: Path,
    *,
    seed: int = 1,
    open_store: Callable[[Path], Store] = Store,
    server: ServerInMemory | None = None,
) -> World:
    """Return an enrolled terminal that has heard nothing yet, or whatever its folder holds, and its server."""
    server = server or ServerInMemory(HandClock())
    clock = server.clock
    world = World.__new__(World)
    world.folder, world.clock, world.server, world.wires = folder, clock, server, Wires(server)
    world.chance = random.Random(seed)  # noqa: S311 - a test repeats itself by its seed
    world.open_store = open_store
    world.said = lambda _message: None
    store = open_store(folder)
    if store.identity() is None:
        store.keep_identity(enrolled(server.now()))
    store.close()
    world._boot()  # noqa: SLF001 - the factory
    return world


def enrolled(at: datetime, *, retailer: str = "R-12", device: str = "d-12") -> Enrolled:
    return Enrolled(
        device=device,
        retailer=retailer,
        name="Harbour Road 12",
        broker_host="127.0.0.1",
        broker_port=8883,
        server_time=at,
    )


def text(en: str, zh: str) -> Text:
    return Text(en=en, zh=zh)


def new_id(at_ms: int, chance: random.Random) -> UUID:
    return uuid7(now_ms=lambda: at_ms, random_bits=chance.getrandbits)


def a_window(world: World, *, closes_in: timedelta = timedelta(hours=2), **changes: Any) -> WindowState:
    """Announce an open window; return it."""
    now = world.server.now()
    window = WindowState.model_validate(
        {
            "window": new_id(world.clock.at_ms, world.chance),
            "cycle": new_id(world.clock.at_ms, world.chance),
            "name": text("Week 12", "第 12 周"),
            "opens_at": now - timedelta(hours=1),
            "closes_at": now + closes_in,
            "grace_s": 0,
            "zone": "Europe/Berlin",
            "state": "open",
        }
        | changes
    )
    world.server.tell(f"window:{window.window}", "window", window)
    return window


def a_reference(*items: CatalogueItem, credit_minor: int | None = 980_000) -> Reference:
    return Reference(
        version="v1",
        retailer="R-12",
        name="Harbour Road 12",
        route="North",
        region="Coast",
        tier=21,
        standing="good",
        licensed_until=None,
        currency="CNY",
        credit_minor=credit_minor,
        catalogue=items,
    )


def an_item(sku: str = "GOLD", **changes: Any) -> CatalogueItem:
    known: dict[str, Any] = {
        "sku": sku,
        "name": text("Yunling Gold", "云岭（硬金）"),
        "unit": text("carton", "条"),
        "pack_units": 12,
        "price_minor": 23_000,
    }
    return CatalogueItem.model_validate(known | changes)


class Make:
    """The factories, as one fixture: test modules import nothing from each other."""

    world = staticmethod(new_world)
    window = staticmethod(a_window)
    reference = staticmethod(a_reference)
    item = staticmethod(an_item)
    enrolled = staticmethod(enrolled)
    id = staticmethod(new_id)
    text = staticmethod(text)
    clock = HandClock
    server = ServerInMemory
    wires = Wires
    chance = random.Random
    tick = signals.Tick()
    noon = NOON


@pytest.fixture(scope="session")
def make() -> type[Make]:
    return Make


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    here = new_world(tmp_path / "terminal")
    yield here
    here.engine.stop()
    here.store.close()


@pytest.fixture(scope="session")
def plain_texts() -> gettext.NullTranslations:
    return gettext.NullTranslations()

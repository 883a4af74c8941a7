"""An urgent notice to one region reaches sixty terminals, ten of them offline; the reach is right at every moment.

Real terminals' cores over the real interface, ingest and database; the broker here holds what is retained, as the real
one does (``tests/server/kit/test_broker.py``).
"""

import random
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from devices import signing
from factories import make_device, make_retailer
from sqlalchemy.orm import Session, sessionmaker
from starlette.testclient import TestClient

from contract import topics
from contract.device_api import Enrolled, FeedPage
from contract.envelope import Envelope, FeedItem
from contract.feed import Announcement
from contract.topics import News
from server import ingest
from server.announcements import queries, reach, rules
from server.announcements import service as announcements
from server.devices import queries as devices
from server.kit import broadcasts, outbox
from server.kit.db import transaction
from server.kit.identity import Operator
from server.kit.runtime import Runtime
from terminal_client.core import feed, signals, use_cases
from terminal_client.core.engine import Engine
from terminal_client.core.server_clock import ServerClock
from terminal_client.core.store import Identity, Store

PLANNER = Operator(1, "planner-1", frozenset({"planner"}))
SHOPS, AWAY, ELSEWHERE = 60, 10, 5
STEP_MS = 50


class Street:
    """What lies between the terminals and the server: HTTP, and a broker that holds each group's newest news."""

    def __init__(self, client: TestClient, runtime: Runtime) -> None:
        self.client, self.runtime = client, runtime
        self.retained: dict[str, News] = {}
        self.published = 0
        self.one_by_one = 0
        self.terminals: list[Till] = []

    def relay(self) -> None:
        sessions, now = self.runtime.sessions, self.runtime.clock()
        broadcasts.relay_once(sessions, publish=self._tell, now=now)
        while outbox.relay_once(sessions, devices_of=devices.devices_of, publish=self._push, now=now):
            pass

    def _tell(self, group: str, news: News) -> None:
        self.published += 1
        self.retained[group] = news
        for till in self.terminals:
            till.hear(group)

    def _push(self, device: str, item: FeedItem) -> None:
        self.one_by_one += item.kind == "announcement"
        for till in self.terminals:
            if till.identity.device == device and till.online:
                till.deliver(signals.ItemArrived(item))


class Till:
    """One terminal's core, and its way to the server, which can be cut."""

    def __init__(self, street: Street, folder: Path, shop: str, clock: Callable[[], int], seed: int) -> None:
        self.street, self.shop_code, self.online = street, shop, False
        self.groups: tuple[str, ...] = ()
        self.deliver: Callable[[signals.Event], None] = lambda _event: None
        self.store = Store(folder)
        enrolled = Enrolled(
            device=f"t-{shop.lower()}",
            retailer=shop,
            name=shop,
            broker_host="127.0.0.1",
            broker_port=1883,
            server_time=street.runtime.clock(),
        )
        self.identity = self.store.keep_identity(enrolled)
        self._now = clock
        server_clock = ServerClock(self.store, self)
        bits = random.Random(seed).getrandbits  # noqa: S311 - a test repeats itself by its seed
        self.engine = Engine(self.store, self, clock=self, server_clock=server_clock, bits=bits, version="1")
        self.shop = use_cases.Shop(self.store, server_clock, bits, self.engine.saved)
        self._auth = signing(enrolled.device)

    # the clock

    def wall_ms(self) -> int:
        return self._now()

    def monotonic_ms(self) -> int:
        return self._now()

    # the transport

    def open(self, _identity: Identity, deliver: Callable[[signals.Event], None]) -> None:
        self.deliver = deliver

    def close(self) -> None:
        self.deliver = lambda _event: None

    def publish(self, kind: str, envelope: Envelope) -> None:
        if self.online:
            topic = topics.up_topic(self.identity.device, kind)
            ingest.take_group(self.street.runtime, [ingest.Delivered(topic, envelope.encode(), 1, 1)])

    def post(self, _kind: str, envelope: Envelope) -> None:
        self.deliver(signals.PostFailed(envelope.id, reached=False))

    def pull(self, after: int) -> None:
        if not self.online:
            self.deliver(signals.PullFailed())
            return
        answer = self.street.client.get(f"/device/v1/feed?after={after}", auth=self._auth)
        self.deliver(signals.PageArrived(FeedPage.model_validate_json(answer.content)))

    def follow(self, groups: tuple[str, ...]) -> None:
        self.groups = groups
        for group in groups:
            self.hear(group)

    def fetch_reference(self, _version: str | None) -> None:
        self.deliver(signals.ReferenceArrived(None))

    # the world

    def hear(self, group: str) -> None:
        if self.online and group in self.groups and group in self.street.retained:
            self.deliver(signals.NewsArrived(group, self.street.retained[group]))

    def connect(self) -> None:
        self.online = True
        self.deliver(signals.Connected())
        for group in self.groups:
            self.hear(group)

    def cut(self) -> None:
        self.online = False
        self.deliver(signals.Disconnected())

    @property
    def holds(self) -> bool:
        return bool(feed.read(self.store, Announcement))


@pytest.fixture
def street(tmp_path: Path, app_client: TestClient, runtime: Runtime, clock: Any) -> Iterator[Street]:
    with transaction(runtime.sessions) as session:
        for number in range(SHOPS + ELSEWHERE):
            region = "hills" if number < SHOPS else "city"
            make_retailer(session, f"R{number}", region=region, route=f"route-{number % 2}")
            make_device(session, f"R{number}")
    street = Street(app_client, runtime)

    def now_ms() -> int:
        return round(clock().timestamp() * 1000)

    street.terminals = [
        Till(street, tmp_path / str(number), f"R{number}", now_ms, number) for number in range(SHOPS + ELSEWHERE)
    ]
    for till in street.terminals:
        till.online = True
        till.engine.start()
        till.connect()
    yield street
    for till in street.terminals:
        till.engine.stop()
        till.store.close()


def figures(sessions: sessionmaker[Session], notice: UUID) -> tuple[int, int, int, int]:
    with transaction(sessions) as session:
        shown = queries.announcement(session, notice)
        assert shown is not None
        places = reach.places(session, shown)
    assert {place.region for place in places} == {"hills"}
    return (
        sum(place.sent for place in places),
        sum(place.delivered for place in places),
        sum(place.displayed for place in places),
        sum(place.acknowledged for place in places),
    )


def missing(sessions: sessionmaker[Session], notice: UUID) -> set[str]:
    with transaction(sessions) as session:
        shown = queries.announcement(session, notice)
        assert shown is not None
        return {one.retailer for one in reach.recipients(session, shown, reach.Asked(delivered=False))}


@pytest.mark.slow
def test_an_urgent_notice_to_a_region_and_its_reach(street: Street, runtime: Runtime, clock: Any) -> None:
    sessions = runtime.sessions
    hills, city = street.terminals[:SHOPS], street.terminals[SHOPS:]
    away, there = hills[:AWAY], hills[AWAY:]

    def go_on(ms: int) -> None:
        clock.advance(milliseconds=ms)
        for till in street.terminals:
            due_ms = till.engine.due_ms()
            if due_ms is not None and due_ms <= till.monotonic_ms():
                till.engine.handle(signals.Tick())
        street.relay()

    go_on(2_000)
    for till in away:
        till.cut()
    words = {"zh": "停止销售该批次", "en": "Stop selling this batch"}
    draft = {"sort": "urgent", "title": words, "body": words, "must_acknowledge": True}
    with transaction(sessions) as session:
        told = rules.Draft.model_validate(draft | {"audience": {"regions": ["hills"]}})
        notice = announcements.write_announcement(session, told, PLANNER, at=clock())
        assert announcements.publish_announcement(session, notice, PLANNER, at=clock()) == SHOPS
    assert figures(sessions, notice) == (SHOPS, 0, 0, 0)
    street.relay()
    assert (street.published, street.one_by_one) == (2, 0)  # a telling a route, and not one a terminal
    seen = set()
    for _ in range(20):
        go_on(STEP_MS)
        here = sum(till.holds for till in hills)
        seen.add(here)
        assert figures(sessions, notice) == (SHOPS, here, 0, 0)
    assert here == SHOPS - AWAY
    assert len(seen) > 2, "they all came at once"
    assert missing(sessions, notice) == {till.shop_code for till in away}
    for count, till in enumerate(there[:20], start=1):
        use_cases.note_display(till.shop, notice)
        assert figures(sessions, notice) == (SHOPS, SHOPS - AWAY, count, count - 1)
        street.relay()  # its receipt: what is said of one notice goes one after the other
        use_cases.read_announcement(till.shop, notice)
        assert figures(sessions, notice) == (SHOPS, SHOPS - AWAY, count, count)
    for number, till in enumerate(away, start=1):
        till.connect()
        go_on(2_000)
        assert till.holds
        assert figures(sessions, notice) == (SHOPS, SHOPS - AWAY + number, 20, 20)
    assert missing(sessions, notice) == set()
    assert not any(till.holds for till in city)
    clock.now += timedelta(hours=1)
    with transaction(sessions) as session:
        shown = queries.announcement(session, notice)
        assert shown is not None
        curve = reach.over_time(session, shown, clock())
    assert (curve.delivered[-1], curve.displayed[-1], curve.acknowledged[-1]) == (SHOPS, 20, 20)

"""Rows of an announcement to a whole network: bytes through the broker and by HTTP, and seconds until all have it.

Real Mosquitto, a real server, and devices that speak the published wire: each hears that there is something new for its
group, comes at a moment of its own within the spread, fetches its feed by HTTP and says how far its feed stands.
"""

import random
import resource
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import httpx2
from paho.mqtt import client as mqtt

from contract import topics
from contract.device_api import FeedPage
from contract.envelope import FeedItem
from contract.feed import Announcement
from contract.messages import ReportStatus
from contract.topics import News
from firmware_sim import identities, opening
from firmware_sim.fleet import Behaviour, Device, Fleet, Ledger
from firmware_sim.identities import DeviceIdentity
from firmware_sim.stage import Person, Stage
from loadtests.bench.problems import Sizes
from loadtests.bench.rows import Row, exponent_row
from server.kit.broadcasts import spread_ms

COMMAND: Final = "make bench ARGS=voices"
TERMINALS: Final = 10_000
FOLDER: Final = Path(".evenhand/bench-announcement")
BODY: Final = {
    "zh": "请立即停止销售该批次，下架封存，等待回收。" * 12,
    "en": "Stop selling this batch and take it down. " * 12,
}
SPREAD_TARGET: Final = 1.5
_LEAST: Final = 20
_CODES_AT_ONCE: Final = 500
_HANDS: Final = 8
"""How many of them fetch at the same instant: the machine is the server's as well."""
_DEADLINE_S: Final = 600.0
_FILES: Final = 4_000
_QUIET: Final = Behaviour(lines=())


@dataclass
class Wire:
    """Bytes that came to the terminals: by the broker, and by HTTP with status line and headers."""

    told: int = 0
    fetched: int = 0


class Listener(Device):
    """A device that hears the news of its groups and fetches what is new."""

    def __init__(self, identity: DeviceIdentity, wire: Wire, http: httpx2.Client, hands: ThreadPoolExecutor) -> None:
        super().__init__(identity, _QUIET, Ledger(), random_bits=random.getrandbits)
        self.wire, self.held, self.numbers = wire, 0, dict[str, int]()
        self._http, self._hands = http, hands
        self._page: FeedPage | None = None

    def act(self, now_s: float) -> None:
        """Go and fetch when it is time, and say how far the feed stands once a page is there."""
        if self.due_s is None or now_s < self.due_s:
            return
        self.due_s = None
        page, self._page = self._page, None
        if page is None:
            self._hands.submit(self._fetch)
        else:
            self._take(page)

    def _on_connect(self, client: mqtt.Client, _data: Any, _flags: Any, reason: Any, _props: Any) -> None:
        if not reason.is_failure:
            self.connected = True
            client.subscribe(topics.down_filter(self.identity.device), qos=1)
            self.due_s = 0.0

    def _on_message(self, _client: mqtt.Client, _data: Any, message: mqtt.MQTTMessage) -> None:
        group = topics.parse_news(message.topic)
        if group is None:
            return
        self.wire.told += packet_bytes(message.topic, bytes(message.payload))
        news = News.model_validate_json(message.payload)
        if self.numbers.get(group) != news.number:
            self.numbers[group] = news.number
            self.due_s = time.monotonic() + random.uniform(0, news.spread_ms / 1000)  # noqa: S311 - a spread

    def _fetch(self) -> None:
        answer = self._http.get("/device/v1/feed", params={"after": self.cursor.at}, auth=self.identity.auth)
        answer.raise_for_status()
        head = len("HTTP/1.1 200 OK\r\n\r\n") + sum(len(name) + len(value) + 4 for name, value in answer.headers.raw)
        self.wire.fetched += head + answer.num_bytes_downloaded
        self._page = FeedPage.model_validate_json(answer.content)
        self.due_s = 0.0

    def _take(self, page: FeedPage) -> None:
        for group, number in page.news.items():
            if group not in self.numbers:
                self.client.subscribe(topics.news_topic(group), qos=1)
            self.numbers[group] = number
        self.held += sum(item.kind == "announcement" for item in page.items)
        self.cursor.at = max([self.cursor.at, *(item.seq for item in page.items)])
        stands = ReportStatus(version="wire", queue_length=0, language="zh", feed_seq=self.cursor.at)
        self._publish("device.status", self._envelope(stands))


def packet_bytes(topic: str, payload: bytes) -> int:
    """Return the bytes of an MQTT 3.1.1 PUBLISH of QoS 1."""
    rest = 2 + len(topic.encode()) + 2 + len(payload)
    length = 1
    while rest >= 128**length:
        length += 1
    return 1 + length + rest


def announcement_rows(sizes: Sizes) -> list[Row]:
    """Announce to 10,000 terminals of a network, to a tenth and a hundredth of them, each on a route of its own."""
    counts = sizes.of(TERMINALS, _LEAST)
    rows, seconds = [], []
    with _network(counts[-1], counts) as (stage, planner, fleet, wire):
        for count in counts:
            found = _announce(stage, planner, fleet, wire, count, whole=count == counts[-1])
            seconds.append(found["seconds"])
            size, full = f"{count:,} of {counts[-1]:,} terminals", count == TERMINALS
            rows += _rows(size, found, count, full=full)
    return [*rows, exponent_row("announcement, seconds", counts, seconds, COMMAND)]


def _rows(size: str, found: Mapping[str, float], count: int, *, full: bool) -> list[Row]:
    def row(what: str, measured: float, against: float | None, unit: str, target: str = "–") -> Row:
        ratio = None if against is None else measured / against
        met = None if target == "–" or not full or ratio is None else ratio <= SPREAD_TARGET
        return Row(what, size, measured, against, unit, ratio, target, met, 1, COMMAND)

    return [
        row(
            "announcement, through the broker: the notice itself to each / the telling that makes them fetch it",
            found["pushed"] / 1024,
            found["told"] / 1024,
            "KB",
        ),
        row("announcement, fetched by a terminal, headers included", found["fetched"] / count / 1024, None, "KB"),
        row(
            "announcement, until the last terminal has it and the server knows / the time over which they are spread",
            found["seconds"],
            found["spread"],
            "s",
            f"≤ {SPREAD_TARGET}× ({TERMINALS:,} terminals)",
        ),
    ]


@contextmanager
def _network(terminals: int, parts: tuple[int, ...]) -> Iterator[tuple[Stage, Person, Fleet, Wire]]:
    """Run an installation with so many connected terminals; ``parts`` of them stand on a route of their own each."""
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    if terminals + _FILES > most:
        raise RuntimeError(f"{terminals + _FILES} files are needed, the system gives {most}: raise ulimit -Hn")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(terminals + _FILES, 1024), most))
    routes = [route for part in parts[:-1] for route in [f"first-{part}"] * part]
    shops = [f"R{number:05d}" for number in range(terminals)]
    lines = [
        f"{shop},Shop {shop},Riverton,hills,{routes[number] if number < len(routes) else 'rest'},town,3,10"
        for number, shop in enumerate(shops)
    ]
    content = "\n".join(["code,name,city,region,route,market_type,tier,weight", *lines]).encode()
    wire = Wire()
    with opening.private_installation(FOLDER) as stage, ThreadPoolExecutor(_HANDS) as hands:
        planner = stage.sign_in("planner", "planner", "administrator")
        planner.post("/api/v1/imports/retailers", files={"file": ("retailers.csv", content, "text/csv")})
        with httpx2.Client(base_url=stage.url, timeout=120.0) as http:
            devices = []
            for start in range(0, terminals, _CODES_AT_ONCE):
                enrolled = identities.enrol(stage, planner, shops[start : start + _CODES_AT_ONCE])
                devices += [Listener(identity, wire, http, hands) for identity in enrolled.values()]
            fleet = Fleet(devices)
            try:
                fleet.connect()
                _wait(fleet, lambda: all(len(device.numbers) > 1 for device in devices), "the connections")
                yield stage, planner, fleet, wire
            finally:
                fleet.close()


def _announce(stage: Stage, planner: Person, fleet: Fleet, wire: Wire, count: int, *, whole: bool) -> dict[str, float]:
    """Publish a notice to ``count`` terminals, wait until the console counts them all, and return bytes and seconds."""
    whom: dict[str, list[str]] = {} if whole else {"routes": [f"first-{count}"]}
    draft = {"sort": "urgent", "title": {"zh": "停止销售", "en": "Stop selling"}, "body": BODY, "audience": whom}
    notice = planner.post("/api/v1/announcements", draft)["id"]
    devices: Any = fleet.devices
    before = {device.identity.device: device.held for device in devices}
    wire.told = wire.fetched = 0
    started = time.monotonic()
    sent = planner.post(f"/api/v1/announcements/{notice}/publish")["sent"]
    if sent != count:
        raise AssertionError(f"{sent} terminals were meant, not {count}")
    _wait(fleet, lambda: sum(one.held > before[one.identity.device] for one in devices) == count, "the last terminal")
    path = f"/api/v1/announcements/{notice}/reach"
    _wait(fleet, _Asked(lambda: planner.get(path)["delivered"] == count), "the server's figure")
    seconds = time.monotonic() - started
    with httpx2.Client(base_url=stage.url, timeout=120.0) as http:
        one = next(device for device in devices if device.held > before[device.identity.device])
        answer = http.get("/device/v1/feed", auth=one.identity.auth)
    item = next(
        item
        for item in FeedPage.model_validate_json(answer.content).items
        if item.kind == "announcement" and str(Announcement.model_validate(item.data).announcement) == notice
    )
    pushed = packet_bytes(topics.down_topic(one.identity.device, item.kind), FeedItem.encode(item))
    return {
        "told": float(wire.told),
        "fetched": float(wire.fetched),
        "pushed": float(pushed * count),
        "seconds": seconds,
        "spread": spread_ms(count) / 1000,
    }


class _Asked:
    """A question to the server, asked no more often than each half second."""

    def __init__(self, holds: Callable[[], object]) -> None:
        self._holds, self._next_s = holds, 0.0

    def __call__(self) -> bool:
        if time.monotonic() < self._next_s:
            return False
        self._next_s = time.monotonic() + 0.5
        return bool(self._holds())


def _wait(fleet: Fleet, holds: Callable[[], bool], what: str) -> None:
    if not fleet.run(holds, deadline_s=_DEADLINE_S):
        raise RuntimeError(f"{what} did not come within {_DEADLINE_S:.0f} s")

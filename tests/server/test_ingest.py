"""Groups of upward messages: one commit, and no acknowledgement before it."""

import json
from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta

import pytest
from factories import NOW, envelope, lines, make_device, make_retailer, make_sku, make_window
from pydantic import SecretStr
from sqlalchemy import text
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session, sessionmaker

from contract import topics
from contract.ids import uuid7
from contract.messages import PlaceOrder, PullFeed
from server import ingest
from server.ingest import Delivered, Ingest, take_group
from server.kit import audit, inbox, outbox
from server.kit.db import transaction
from server.kit.identity import Sender
from server.kit.runtime import Runtime
from server.orders import queries as orders


@pytest.fixture
def runtime(runtime: Runtime) -> Runtime:
    """A server process that knows a broker, which it need not reach."""
    settings = runtime.settings.model_copy(update={"broker_url": SecretStr("mqtt://svc-ingest:secret@127.0.0.1:1")})
    return replace(runtime, settings=settings, clock=lambda: NOW)


@pytest.fixture
def shop(sessions: sessionmaker[Session]) -> tuple[Sender, Callable[..., Delivered]]:
    """A shop with an open window, and the messages that its terminal sends."""
    with transaction(sessions) as session:
        make_sku(session, "K1")
        make_retailer(session, "R1")
        make_retailer(session, "R2")
        sender = make_device(session, "R1")
        make_device(session, "R2")
        window = make_window(session)

    def order(units: int = 10, *, mid: int = 1, topic: str | None = None, payload: bytes | None = None) -> Delivered:
        body = payload or envelope(sender, PlaceOrder(window=window, lines=lines(K1=units))).encode()
        return Delivered(topic or topics.up_topic(sender.device, "order.place"), body, mid, 1)

    return sender, order


class BrokerSide:
    """What the broker is told: acknowledgements, and what stood in the book when they came."""

    def __init__(self, sessions: sessionmaker[Session]) -> None:
        self.sessions = sessions
        self.acknowledged: list[tuple[int, int]] = []

    def ack(self, mid: int, _qos: int) -> None:
        self.acknowledged.append((mid, orders_of(self.sessions, "R1")))


def orders_of(sessions: sessionmaker[Session], retailer: str) -> int:
    with transaction(sessions) as session:
        return len(orders.orders(session, retailer=retailer))


def receipts_of(sessions: sessionmaker[Session], retailer: str) -> list[str]:
    with transaction(sessions) as session:
        items, _ = outbox.read(session, retailer, after=0)
        return [item.data["outcome"] for item in items if item.kind == "receipt"]


def serving(runtime: Runtime, broker: BrokerSide, monkeypatch: pytest.MonkeyPatch) -> Ingest:
    process = Ingest(runtime, "test")
    monkeypatch.setattr(process, "_client", broker)
    return process


def test_a_message_is_acknowledged_when_its_order_is_in_the_book_and_not_before(runtime, sessions, shop, monkeypatch):
    _, order = shop
    broker = BrokerSide(sessions)

    serving(runtime, broker, monkeypatch).settle([order(mid=1), order(mid=2)])

    assert broker.acknowledged == [(1, 2), (2, 2)]


def test_while_the_database_is_away_nothing_is_acknowledged_and_nothing_lost(runtime, sessions, shop, monkeypatch):
    _, order = shop
    broker = BrokerSide(sessions)
    process = serving(runtime, broker, monkeypatch)
    failures = []

    def away_twice(runtime: Runtime, group: list[Delivered]) -> None:
        if len(failures) < 2:
            failures.append(list(broker.acknowledged))
            raise OperationalError("SELECT 1", {}, Exception("the database is away"))
        take_group(runtime, group)

    monkeypatch.setattr(ingest, "take_group", away_twice)
    process.settle([order(mid=7)])

    assert failures == [[], []]
    assert broker.acknowledged == [(7, 1)]


def test_one_bad_message_does_not_fail_its_group(runtime, sessions, shop):
    sender, order = shop
    other = topics.up_topic("t-r2", "order.place")
    group = [
        order(mid=1),
        order(mid=2, payload=b"\xff no json"),
        order(mid=3, topic=other),  # an envelope of R1's device under R2's topic
        order(mid=4, topic="eh/v1/0/../up/order.place"),
        order(mid=5, topic=topics.up_topic("t-nobody", "order.place")),
        order(mid=6, topic=topics.up_topic(sender.device, "no.such.kind")),
        order(mid=7, payload=json.dumps({"id": str(uuid7()), "device": sender.device}).encode()),
        order(mid=8),
    ]

    take_group(runtime, group)

    assert orders_of(sessions, "R1") == 2
    assert orders_of(sessions, "R2") == 0
    assert receipts_of(sessions, "R1") == ["accepted", "accepted"]


def test_a_topic_with_anothers_shard_is_refused_and_alerted(runtime, sessions, shop):
    sender, order = shop
    wrong = (topics.shard_of(sender.device) + 1) % topics.SHARDS

    take_group(runtime, [order(topic=f"eh/v1/{wrong}/{sender.device}/up/order.place")])

    assert orders_of(sessions, "R1") == 0
    with transaction(sessions) as session:
        assert [entry.action for entry in audit.entries(session) if entry.alert] == ["message.topic_refused"]


def test_a_defect_of_ours_costs_one_message_and_is_alerted(runtime, sessions, shop, monkeypatch):
    _, order = shop
    taken = inbox.receive

    def fails_once(session: Session, *args: object, **kwargs: object) -> object:
        monkeypatch.setattr(inbox, "receive", taken)
        taken(session, *args, **kwargs)
        raise RuntimeError("a defect")

    monkeypatch.setattr(inbox, "receive", fails_once)
    take_group(runtime, [order(mid=1), order(mid=2)])

    assert orders_of(sessions, "R1") == 1
    assert receipts_of(sessions, "R1") == ["accepted"]
    with transaction(sessions) as session:
        assert [entry.action for entry in audit.entries(session) if entry.alert] == ["message.failed"]


def test_what_fails_at_a_groups_end_costs_itself_alone(runtime, sessions, shop, monkeypatch):
    sender, order = shop
    process, broker = Ingest(runtime), BrokerSide(sessions)
    monkeypatch.setattr(process, "_client", broker)
    ended = outbox.gathered

    @contextmanager
    def fails_for_two_units(session):
        with ended(session):
            yield
        if session.scalar(text("SELECT count(*) FROM order_lines WHERE quantity_units = 20")):
            raise ArithmeticError("a number that no column holds")

    monkeypatch.setattr(ingest.outbox, "gathered", fails_for_two_units)
    process.settle([order(mid=1), order(20, mid=2), order(mid=3)])

    assert [mid for mid, _ in broker.acknowledged] == [1, 2, 3]
    assert (orders_of(sessions, "R1"), receipts_of(sessions, "R1")) == (2, ["accepted", "accepted"])
    with transaction(sessions) as session:
        (told,) = [entry for entry in audit.entries(session) if entry.alert]
    assert (told.action, told.actor) == ("message.failed", f"device:{sender.device}")


def test_a_feed_is_pulled_from_numbers_that_a_feed_can_have(runtime, sessions, shop):
    sender, order = shop
    wild = envelope(sender, PullFeed(after=0)).model_dump(mode="json")
    pull = json.dumps(wild | {"data": {"after": 2**63}}).encode()

    take_group(
        runtime, [order(mid=1), Delivered(topics.up_topic(sender.device, "feed.pull"), pull, 2, 1), order(mid=3)]
    )

    assert orders_of(sessions, "R1") == 2


def test_a_late_order_is_refused_whatever_the_terminal_says(runtime, sessions, shop):
    _, order = shop
    late = replace(runtime, clock=lambda: NOW + timedelta(hours=1, seconds=30))

    take_group(late, [order()])

    assert receipts_of(sessions, "R1") == ["rejected"]
    assert orders_of(sessions, "R1") == 0


def test_a_message_without_guarantee_is_taken_and_not_acknowledged(runtime, sessions, shop, monkeypatch):
    _, order = shop
    broker = BrokerSide(sessions)

    serving(runtime, broker, monkeypatch).settle([replace(order(), qos=0)])

    assert broker.acknowledged == []
    assert orders_of(sessions, "R1") == 1

"""What ten thousand terminals say when they come back costs a few statements a group; each word still counts alone."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any
from uuid import UUID

import pytest
from factories import NOW, envelope, lines, make_device, make_retailer, make_sku, make_window
from sqlalchemy import event, select
from sqlalchemy.orm import Session, sessionmaker

from contract import topics
from contract.ids import uuid7
from contract.messages import (
    Message,
    PlaceOrder,
    PullFeed,
    ReportCommand,
    ReportPresence,
    ReportShadow,
    ReportStatus,
    SendFeedback,
)
from server.devices import queries as devices
from server.fleet import history
from server.ingest import Delivered, Waiting, take_group
from server.kit import audit, outbox
from server.kit.db import transaction
from server.kit.identity import Operator, Sender
from server.kit.runtime import Runtime
from server.orders import queries as orders
from server.steering import queries as steering
from server.steering import service

SHOPS = 24
STATEMENTS_A_GROUP = 20
FLEET = Operator(1, "flo", frozenset({"fleet"}))
LINK = uuid7()


@pytest.fixture
def runtime(runtime: Runtime) -> Runtime:
    return replace(runtime, clock=lambda: NOW)


@pytest.fixture
def senders(sessions: sessionmaker[Session]) -> list[Sender]:
    with transaction(sessions) as session:
        codes = [make_retailer(session, f"S{number:02d}") for number in range(SHOPS)]
        return [make_device(session, code) for code in codes]


@pytest.fixture
def commands(sessions: sessionmaker[Session], senders: list[Sender]) -> dict[str, UUID]:
    """A command to each terminal, by its name."""
    with transaction(sessions) as session:
        names = [sender.device for sender in senders]
        return dict(zip(names, service.issue(session, names, "sync", FLEET, at=NOW, minutes=10), strict=True))


def said(sender: Sender, kind: str, message: Message, *, id: UUID | None = None) -> Delivered:  # noqa: A002 - the wire's name
    return Delivered(topics.up_topic(sender.device, kind), envelope(sender, message, id=id).encode(), 1, 1)


def status(**told: Any) -> ReportStatus:
    return ReportStatus.model_validate({"version": "1.0", "queue_length": 0, "language": "zh"} | told)


def nonsense(sender: Sender, kind: str) -> Delivered:
    """Return an envelope whose data is no message of its kind."""
    body = envelope(sender, PullFeed(after=0)).model_copy(update={"data": {"nothing": "of this"}}).encode()
    return Delivered(topics.up_topic(sender.device, kind), body, 1, 1)


@contextmanager
def counted(runtime: Runtime) -> Iterator[list[str]]:
    statements: list[str] = []

    def noted(*args: Any) -> None:
        statements.append(args[2])

    event.listen(runtime.engine, "before_cursor_execute", noted)
    yield statements
    event.remove(runtime.engine, "before_cursor_execute", noted)


KINDS: dict[str, Callable[[UUID], Message]] = {
    "device.status": lambda _: status(feed_seq=3, certificate_until=NOW),
    "device.presence": lambda _: ReportPresence(state="connected", session=LINK),
    "feed.pull": lambda _: PullFeed(after=0),
    "device.shadow": lambda _: ReportShadow(version=1, applied=0, state={"language": "en"}),
    "command.state": lambda command: ReportCommand(command=command, state="succeeded"),
    "feedback.send": lambda _: SendFeedback(kind="suggestion", category="other", words="All is back."),
}


@pytest.mark.parametrize("kind", KINDS)
def test_what_many_terminals_say_takes_as_many_statements_as_what_few_say(runtime, senders, commands, kind):
    def taken(some: list[Sender]) -> int:
        group = [said(sender, kind, KINDS[kind](commands[sender.device])) for sender in some]
        with counted(runtime) as statements:
            take_group(runtime, group)
        return len(statements)

    taken(senders[:1])  # the connection's own first words
    assert taken(senders[3:]) == taken(senders[1:3]) <= STATEMENTS_A_GROUP


def test_repeats_among_new_orders_get_the_stored_receipt_and_cost_no_statement_each(runtime, sessions, senders):
    with transaction(sessions) as session:
        make_sku(session, "K1")
        window = make_window(session)
    ordered = [
        said(sender, "order.place", PlaceOrder(window=window, lines=lines(K1=number + 1)), id=uuid7())
        for number, sender in enumerate(senders)
    ]
    few, many = 2, SHOPS // 2
    with counted(runtime) as first:
        take_group(runtime, ordered[:many])
    with counted(runtime) as second:
        take_group(runtime, ordered[few:])  # most of them again, the others for the first time

    assert len(second) <= len(first)
    with transaction(sessions) as session:
        placed = {order.retailer: order.lines for order in orders.orders(session)}
        receipts = {
            sender.party: [one.data["outcome"] for one in outbox.current(session, sender.party, "receipt:")]
            for sender in senders
        }
    assert placed == {sender.party: (("K1", number + 1),) for number, sender in enumerate(senders)}
    assert set(map(tuple, receipts.values())) == {("accepted",)}


def test_a_used_id_with_another_body_is_refused_alone(runtime, sessions, senders):
    with transaction(sessions) as session:
        make_sku(session, "K1")
        window = make_window(session)
    used = uuid7()
    take_group(runtime, [said(senders[0], "order.place", PlaceOrder(window=window, lines=lines(K1=1)), id=used)])

    take_group(
        runtime,
        [
            said(senders[0], "order.place", PlaceOrder(window=window, lines=lines(K1=9)), id=used),
            *(said(one, "order.place", PlaceOrder(window=window, lines=lines(K1=1))) for one in senders[1:4]),
        ],
    )

    with transaction(sessions) as session:
        assert {order.lines for order in orders.orders(session)} == {(("K1", 1),)}
        assert len(orders.orders(session)) == 4
        assert [entry.action for entry in audit.entries(session) if entry.alert] == ["message.id_reused"]
        told = outbox.current(session, senders[0].party, f"receipt:{used}:reused")
        assert [one.data["code"] for one in told] == ["id_reused"]


@pytest.mark.parametrize("kind", KINDS)
def test_one_that_cannot_be_read_is_refused_alone(runtime, sessions, senders, commands, kind):
    group = [said(sender, kind, KINDS[kind](commands[sender.device])) for sender in senders[1:3]]

    take_group(runtime, [nonsense(senders[0], kind), *group])

    with transaction(sessions) as session:
        receipts = [
            [one.data["outcome"] for one in outbox.current(session, sender.party, "receipt:")] for sender in senders[:3]
        ]
        stands = [steering.command(session, commands[sender.device]) for sender in senders[:3]]
        known = [devices.device(session, sender.device) for sender in senders[:3]]
        shadows = [steering.shadow(session, sender.device).reported for sender in senders[:3]]
    receipted = kind in {"device.shadow", "command.state", "feedback.send"}
    assert receipts == ([["rejected"], ["accepted"], ["accepted"]] if receipted else [[], [], []])
    if kind == "command.state":
        assert [one.state for one in stands if one] == ["sent", "succeeded", "succeeded"]
    if kind == "device.shadow":
        assert shadows == [{}, {"language": "en"}, {"language": "en"}]
    if kind in {"device.status", "device.presence"}:
        assert [one.last_seen_at for one in known if one] == [None, NOW, NOW]


def test_words_of_one_terminal_count_in_their_order(runtime, sessions, senders, commands):
    one, other = senders[:2]
    report = ReportCommand(command=commands[one.device], state="in_progress")
    take_group(
        runtime,
        [
            said(one, "device.presence", ReportPresence(state="connected", session=LINK)),
            said(one, "command.state", report),
            said(other, "command.state", ReportCommand(command=commands[one.device], state="failed")),
            said(one, "device.status", status(version="1.0")),
            said(one, "command.state", report.model_copy(update={"state": "succeeded", "facts": {"disk": "1 GB"}})),
            said(one, "device.status", status(version="2.0")),
            said(one, "device.presence", ReportPresence(state="lost", session=LINK)),
            said(one, "command.state", report.model_copy(update={"state": "failed"})),
        ],
    )

    with transaction(sessions) as session:
        device, command = devices.device(session, one.device), steering.command(session, commands[one.device])
        kept = [found.state for found in history.connections(session, one.device, since=NOW)]
    assert device is not None
    assert device.health is not None
    assert command is not None
    assert (device.version, device.gone_at, device.health.gone_how) == ("2.0", NOW, "lost")
    assert (command.state, command.begun_at, command.ended_at) == ("succeeded", NOW, NOW)
    assert command.brought == {"facts": {"disk": "1 GB"}, "log": []}
    assert sorted(kept) == ["connected", "lost"]


def test_a_pull_brings_what_the_same_group_appended_too(runtime, sessions, senders, commands):
    one = senders[0]
    with transaction(sessions) as session:
        for entry in session.scalars(select(outbox.FeedEntry)):
            entry.published_at = NOW

    take_group(
        runtime,
        [
            said(one, "feed.pull", PullFeed(after=0)),
            said(one, "command.state", ReportCommand(command=commands[one.device], state="succeeded")),
        ],
    )

    with transaction(sessions) as session:
        waiting = session.scalars(
            select(outbox.FeedEntry.kind).where(outbox.FeedEntry.published_at.is_(None)).order_by(outbox.FeedEntry.seq)
        ).all()
    assert waiting == ["commands", "receipt"]


def test_what_wants_a_receipt_is_taken_first_and_the_rest_has_its_share():
    waiting = Waiting()
    sender = Sender("t-r1", "R1")
    statuses = [said(sender, "device.status", status(queue_length=number)) for number in range(6)]
    sent = [said(sender, "command.state", ReportCommand(command=uuid7(), state="succeeded")) for _ in range(9)]
    for message in (*statuses, *sent):
        waiting.put(message)

    groups = [waiting.group(8, within_s=0, fill_s=0) for _ in range(4)]

    assert groups == [[*sent[:6], *statuses[:2]], [*sent[6:], *statuses[2:]], [], []]

"""Orders of many shops that arrive together are decided together, and each as if it had come alone."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any
from uuid import UUID

import pytest
from factories import NOW, envelope, lines, make_device, make_retailer, make_sku, make_window
from sqlalchemy import event, select
from sqlalchemy.orm import Session, sessionmaker

from contract import topics
from contract.ids import uuid7
from contract.messages import AmendOrder, Message, PlaceOrder
from server.ingest import Delivered, take_group
from server.kit import inbox, outbox
from server.kit.db import scope_of, transaction
from server.kit.identity import Sender
from server.kit.runtime import Runtime
from server.orders import queries as orders
from server.orders.models import OrderRow
from server.wiring import HANDLERS

SHOPS = ("good", "limited", "unlicensed", "suspended", "indebted", "elsewhere")


@pytest.fixture
def runtime(runtime: Runtime) -> Runtime:
    return replace(runtime, clock=lambda: NOW)


def open_shops(sessions: sessionmaker[Session], prefix: str) -> dict[str, Sender]:
    """Make one shop of each kind, with a terminal each."""
    with transaction(sessions) as session:
        make_retailer(session, f"{prefix}-good", classes=("A",))
        make_retailer(session, f"{prefix}-limited", classes=("A",), limits={"K1": 20})
        make_retailer(session, f"{prefix}-unlicensed")
        make_retailer(session, f"{prefix}-suspended", classes=("A",), standing="suspended")
        make_retailer(session, f"{prefix}-indebted", classes=("A",), credit_minor=500)
        make_retailer(session, f"{prefix}-elsewhere", classes=("A",), route="south")
        return {kind: make_device(session, f"{prefix}-{kind}") for kind in SHOPS}


@pytest.fixture
def window(sessions: sessionmaker[Session]) -> UUID:
    """A window of the north, for which there are goods that anybody may order and goods of a class."""
    with transaction(sessions) as session:
        make_sku(session, "K1", price_minor=10)
        make_sku(session, "K2", price_minor=100, licence_class="A")
        return make_window(session, route="north")


def delivered(sender: Sender, kind: str, message: Message, *, id: UUID | None = None) -> Delivered:  # noqa: A002 - the wire's name
    body = envelope(sender, message, id=id).encode()
    return Delivered(topics.up_topic(sender.device, kind), body, 1, 1)


def orders_for(shops: dict[str, Sender], window: UUID, ids: Sequence[UUID]) -> list[Delivered]:
    """Return what the shops send: two orders each, a repeat of the first, an amendment, and lines that cannot stand."""
    sent = []
    for number, sender in enumerate(shops.values()):
        first = PlaceOrder(window=window, lines=lines(K1=10, K2=5))
        sent.append(delivered(sender, "order.place", first, id=ids[number]))
    for number, sender in enumerate(shops.values()):
        wanted = (lines(K9=5), lines(K1=15), lines(K1=3), (*lines(K1=5), *lines(K1=5)), lines(K1=40), ())[number]
        sent.append(delivered(sender, "order.place", PlaceOrder(window=window, lines=wanted), id=ids[10 + number]))
    sent += [replace(message, mid=2) for message in sent[:2]]
    sent.append(
        delivered(
            shops["good"],
            "order.amend",
            AmendOrder(order=ids[0], revision=1, lines=lines(K1=20)),
            id=ids[20],
        )
    )
    sent.append(delivered(shops["limited"], "order.place", PlaceOrder(window=window, lines=lines(K1=5)), id=ids[1]))
    return sent


def outcomes(sessions: sessionmaker[Session], shops: dict[str, Sender]) -> dict[str, Any]:
    """Return what each shop was told, and what stands in its orders, without what differs from shop to shop."""
    found = {}
    with transaction(sessions) as session:
        for kind, sender in shops.items():
            items, _ = outbox.read(session, sender.party, after=0)
            told = [
                (item.seq, item.kind, item.data.get("outcome"), item.data.get("code"), item.data.get("revision"))
                for item in items
                if item.kind in {"receipt", "order"}
            ]
            first_seq = told[0][0] if told else 0
            stands = [
                (order.revision, order.state, order.amount_minor, order.lines)
                for order in orders.orders(session, retailer=sender.party)
            ]
            found[kind] = ([(seq - first_seq, *rest) for seq, *rest in told], stands)
    return found


def test_orders_taken_together_end_as_orders_taken_alone(runtime, sessions, window):
    alone, together = open_shops(sessions, "A"), open_shops(sessions, "T")

    for message in orders_for(alone, window, [uuid7() for _ in range(30)]):
        take_group(runtime, [message])
    take_group(runtime, orders_for(together, window, [uuid7() for _ in range(30)]))

    expected = outcomes(sessions, alone)
    assert outcomes(sessions, together) == expected
    codes = {code for told, _ in expected.values() for _, _, _, code, _ in told if code}
    assert codes == {
        "above_limit",
        "credit_exceeded",
        "id_reused",
        "not_licensed",
        "suspended",
        "unknown_sku",
        "unknown_window",
    }


def test_orders_of_many_shops_take_as_many_statements_as_those_of_few(runtime, sessions, window):
    with transaction(sessions) as session:
        for number in range(40):
            make_retailer(session, f"M{number}", classes=("A",))
            make_device(session, f"M{number}")
    statements: list[str] = []

    def noted(*args: Any) -> None:
        statements.append(args[2])

    def taken(numbers: range) -> int:
        group = [
            delivered(
                Sender(f"t-m{number}", f"M{number}"),
                "order.place",
                PlaceOrder(window=window, lines=lines(K1=10, K2=10)),
            )
            for number in numbers
        ]
        statements.clear()
        take_group(runtime, group)
        return len(statements)

    event.listen(runtime.engine, "before_cursor_execute", noted)
    few, many = taken(range(2)), taken(range(2, 40))
    event.remove(runtime.engine, "before_cursor_execute", noted)

    assert many == few <= 30
    with transaction(sessions) as session:
        numbers = session.scalars(select(OrderRow.number)).all()
    assert len(set(numbers)) == 40


def test_a_wave_may_touch_the_rows_of_its_senders_alone(runtime, sessions, window):
    shops = open_shops(sessions, "S")
    with transaction(sessions, scope_of([shops["good"].party, shops["limited"].party])) as session:
        messages = [
            inbox.Incoming(
                shops[kind],
                "order.place",
                envelope(shops[kind], PlaceOrder(window=window, lines=lines(K1=10))),
            )
            for kind in ("good", "limited")
        ]
        receipts = inbox.receive_all(session, messages, HANDLERS["order.place"], at=NOW)
        assert [receipt.outcome for receipt in receipts] == ["accepted", "accepted"]
    with transaction(sessions, shops["good"].party) as session:
        assert {row.retailer for row in session.scalars(select(OrderRow))} == {shops["good"].party}
    with transaction(sessions, scope_of([shops["good"].party, "somebody"])) as session:
        assert len(session.scalars(select(OrderRow)).all()) == 1


def test_a_defect_in_taking_them_together_costs_no_message(runtime, sessions, window, monkeypatch):
    shops = open_shops(sessions, "D")

    def fails(*_args: Any, **_kwargs: Any) -> Any:
        raise RuntimeError("a defect")

    monkeypatch.setattr(inbox, "receive_all", fails)
    take_group(
        runtime,
        [
            delivered(shops[kind], "order.place", PlaceOrder(window=window, lines=lines(K1=10)))
            for kind in ("good", "limited")
        ],
    )

    with transaction(sessions) as session:
        assert len(orders.orders(session)) == 2

"""Seven days and 2,000 messages without the server; then it comes."""

from datetime import timedelta
from typing import Any

import pytest

from contract.envelope import Envelope
from contract.messages import OrderLine
from terminal_client.core import orders, outbox, use_cases

DAYS, A_DAY = 7, 286


def _a_day(world: Any, window: Any) -> None:
    """Write and change orders all day long; every seventh of them will be refused."""
    order = None
    for place in range(A_DAY):
        world.clock.forward(timedelta(minutes=5))
        lines = [OrderLine(sku="GOLD" if place % 7 else "RED", quantity_units=1 + place % 40)]
        if place % 4 == 3 and order is not None:
            use_cases.amend_order(world.shop, order, lines)
        else:
            order = use_cases.place_order(world.shop, window.window, lines)


@pytest.mark.slow
@pytest.mark.parametrize("way", ["mqtt", "http"])
def test_a_week_of_2000_messages_is_kept_and_received_once_in_order(world: Any, make: Any, way: str) -> None:
    window = make.window(world, closes_in=timedelta(days=9))
    world.server.decide = lambda _kind, envelope: (
        ("unknown_sku", {"sku": "RED"}) if "'RED'" in str(envelope.data) else (None, {})
    )
    arrived: list[Any] = []
    take = world.server.take

    def took(kind: str, raw: bytes) -> Any:
        if kind in orders.KINDS:
            arrived.append(Envelope.decode(raw).id)
        return take(kind, raw)

    world.server.take = took
    world.run(2)
    world.wires.http_works = False
    for day in range(DAYS):
        _a_day(world, window)
        world.engine.handle(make.tick)
        world.wires.all_travel()
        if day == 3:
            # Another version of the program, and another name at the server: the old one was revoked meanwhile.
            world.version = "2"
            world.store.keep_identity(make.enrolled(world.server.now(), device="d-13"))
            world.restart()
    entries = outbox.queued(world.store)
    assert len(entries) >= 2_000
    assert {entry.state for entry in entries} == {"saved"}
    assert [entry.saved_at_ms for entry in entries] == sorted(entry.saved_at_ms for entry in entries)
    assert arrived == []

    before = world.store.revision
    world.wires.http_works = True
    if way == "mqtt":
        world.wires.connect()
    world.run(60)
    half_way = outbox.count_waiting(world.store)
    assert {entry.state for entry in outbox.queued(world.store)} <= {"saved", "sent"}
    world.run(540)
    assert half_way < len(entries)
    assert outbox.count_waiting(world.store) == 0
    assert sorted(arrived) == sorted(entry.id for entry in entries)
    assert world.server.reused == []
    places = {id_: place for place, id_ in enumerate(arrived)}
    for entry in entries:
        settled = outbox.find(world.store, entry.id)
        accepted = world.server.inbox[entry.id][2].outcome == "accepted"
        assert settled.state == ("received" if accepted else "refused")
        assert settled.sent_at_ms is not None
        if entry.kind == "order.amend":
            assert places[entry.id] > places[orders.read(world.store, _order(entry)).placed.id]
    # Work grows with what there is to say, and not with its square.
    assert world.store.revision - before <= 6 * len(entries)
    _refusals_stay_until_dealt_with(world)


def _refusals_stay_until_dealt_with(world: Any) -> None:
    refused = outbox.refused(world.store)
    assert len(refused) == sum(1 for _, _, receipt in world.server.inbox.values() if receipt.outcome == "rejected")
    assert len(refused) > 100
    world.restart()
    world.run(3600)
    assert len(outbox.refused(world.store)) == len(refused)
    use_cases.deal_with(world.shop, refused[0].id)
    assert len(outbox.refused(world.store)) == len(refused) - 1
    assert outbox.find(world.store, refused[0].id).dealt_with


def _order(entry: Any) -> Any:
    return type(entry.id)(entry.data["order"])

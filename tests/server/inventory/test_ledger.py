"""The ledger of a shop's stock: what a delivery brings, what a count puts right, and that it never falls below zero."""

from datetime import timedelta

import pytest
from factories import NOW, make_device, make_retailer, make_sku, publish_grants, send
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError, IntegrityError

from contract.errors import Rejected
from contract.feed import Stock
from contract.ids import uuid7
from contract.messages import ConfirmDelivery, ConfirmedLine
from server.deliveries import queries as delivery_queries
from server.deliveries import service as deliveries
from server.deliveries.events import DeliveryConfirmed
from server.inventory import listing, queries, reactions, rules
from server.inventory import service as inventory
from server.inventory.models import MovementRow
from server.kit import audit, outbox
from server.kit.db import act_for, transaction
from server.kit.identity import SYSTEM, Operator

PLANNER = Operator(1, "planner-1", frozenset({"planner"}))


@pytest.fixture
def shop(session):
    for sku in "AB":
        make_sku(session, sku, pack_units=12)
    make_retailer(session, "R1")
    return make_device(session, "R1")


def confirmed(session, shop, shipped: dict[str, int], *lines: ConfirmedLine) -> DeliveryConfirmed:
    cycle = publish_grants(session, {shop.party: shipped})
    deliveries.dispatch_cycle(session, cycle, PLANNER, at=NOW)
    delivery = delivery_queries.deliveries(session, cycle=cycle)[0]
    message = ConfirmDelivery(delivery=delivery.id, confirmed_at=NOW, lines=lines)
    assert send(session, shop, "delivery.confirm", message).outcome == "accepted"
    return DeliveryConfirmed(delivery.id, shop.party, NOW)


def stands(session, sku: str, retailer: str = "R1") -> tuple[int, int]:
    line = queries.stock(session, retailer)[sku]
    return line.on_hand_units, line.held_units


def told(session, sku: str) -> Stock:
    items, _ = outbox.read(session, "R1", after=0)
    return next(Stock.model_validate(item.data) for item in items if item.key == f"stock:{sku}")


def test_a_confirmed_delivery_becomes_stock_in_one_entry_a_sku(session, shop):
    more = ConfirmedLine(sku="A", accepted_units=105, difference="over", difference_units=5, reason="one more")
    event = confirmed(session, shop, {"A": 100, "B": 12}, more, ConfirmedLine(sku="B", accepted_units=12))
    reactions.on_delivery_confirmed(session, event, NOW)
    assert (stands(session, "A"), stands(session, "B")) == ((105, 0), (12, 0))
    entries = queries.movements(session, "R1", sku="A")
    assert [(e.kind, e.on_hand_units, e.held_units, e.source_id) for e in entries] == [
        ("receipt", 105, 0, event.delivery)
    ]
    assert (told(session, "A").on_hand_units, told(session, "A").as_of) == (105, NOW)


def test_the_same_event_a_second_time_books_nothing(session, shop):
    event = confirmed(session, shop, {"A": 24}, ConfirmedLine(sku="A", accepted_units=24))
    for _ in range(3):
        reactions.on_delivery_confirmed(session, event, NOW)
    assert stands(session, "A") == (24, 0)
    assert len(queries.movements(session, "R1")) == 1


def test_goods_held_for_return_stand_aside_until_they_are_fetched(session, shop):
    over = ConfirmedLine(
        sku="A", accepted_units=100, held_units=5, difference="over", difference_units=5, reason="not ours"
    )
    reactions.on_delivery_confirmed(session, confirmed(session, shop, {"A": 100}, over), NOW)
    assert stands(session, "A") == (100, 5)
    assert told(session, "A").held_units == 5
    with pytest.raises(Rejected) as refused:
        inventory.return_held(session, "R1", "A", 6, "fetched", PLANNER, returning=uuid7(), at=NOW)
    assert (refused.value.code, refused.value.params) == ("stock_short", {"sku": "A", "there": 5, "taken": 6})
    same = uuid7()
    for _ in range(2):
        inventory.return_held(session, "R1", "A", 5, "fetched by the driver", PLANNER, returning=same, at=NOW)
    assert stands(session, "A") == (100, 0)
    assert [entry.action for entry in audit.entries(session, subject="retailer:R1")] == ["stock.returned"]


def test_refused_goods_leave_no_entry(session, shop):
    line = ConfirmedLine(sku="A", accepted_units=0, difference="refused", difference_units=10, reason="not ordered")
    reactions.on_delivery_confirmed(session, confirmed(session, shop, {"A": 10}, line), NOW)
    assert queries.stock(session, "R1") == {}


def test_three_boxes_of_twelve_and_one_piece_back_are_thirty_five_pieces(session, shop):
    event = confirmed(session, shop, {"A": 36}, ConfirmedLine(sku="A", accepted_units=36))
    reactions.on_delivery_confirmed(session, event, NOW)
    counted = rules.Stock(on_hand_units=35)
    inventory.correct_stock(session, "R1", "A", counted, "one given back", PLANNER, correction=uuid7(), at=NOW)
    assert stands(session, "A") == (35, 0)
    entries = queries.movements(session, "R1", sku="A")
    assert [(e.kind, e.on_hand_units, e.on_hand_after_units) for e in entries] == [
        ("correction", -1, 35),
        ("receipt", 36, 36),
    ]


def test_a_count_that_differs_in_nothing_makes_no_entry_and_needs_a_reason_all_the_same(session, shop):
    event = confirmed(session, shop, {"A": 36}, ConfirmedLine(sku="A", accepted_units=36))
    reactions.on_delivery_confirmed(session, event, NOW)
    with pytest.raises(Rejected, match="Say why"):
        inventory.correct_stock(session, "R1", "A", rules.Stock(30), " ", PLANNER, correction=uuid7(), at=NOW)
    same = inventory.correct_stock(session, "R1", "A", rules.Stock(36), "counted", PLANNER, correction=uuid7(), at=NOW)
    assert not same
    assert len(queries.movements(session, "R1")) == 1


def test_a_correction_sent_twice_is_booked_once(session, shop):
    same = uuid7()
    for counted in (7, 9):
        inventory.correct_stock(
            session, "R1", "B", rules.Stock(counted), "first count", PLANNER, correction=same, at=NOW
        )
    assert stands(session, "B") == (7, 0)


def test_the_database_refuses_a_negative_stock_and_a_second_booking_of_one_cause(session, shop):
    cause = inventory.Cause("receipt", "delivery", uuid7(), SYSTEM)
    inventory.book(session, "R1", {"A": rules.Change(12)}, cause, at=NOW)
    entry = {
        "retailer": "R1",
        "sku": "A",
        "ordinal": 2,
        "kind": "correction",
        "on_hand_units": -13,
        "held_units": 0,
        "sold_units": 0,
        "on_hand_after_units": -1,
        "held_after_units": 0,
        "brought_after_units": 0,
        "sold_after_units": 0,
        "source": "console",
        "source_id": uuid7(),
        "actor": "operator:x",
        "at": NOW,
        "moved_at": NOW,
    }
    repeated = entry | {"on_hand_units": 1, "on_hand_after_units": 13, "kind": "receipt"}
    repeated |= {"source": "delivery", "source_id": cause.id}
    for wrong, why in ((entry, "never_negative"), (repeated, "source")):
        with pytest.raises(IntegrityError, match=why), session.begin_nested():
            session.execute(MovementRow.__table__.insert().values(wrong))


@pytest.mark.parametrize("act", ["UPDATE stock_movements SET reason = 'x'", "DELETE FROM stock_movements"])
def test_an_entry_can_be_neither_changed_nor_removed(session, shop, act):
    inventory.book(
        session, "R1", {"A": rules.Change(12)}, inventory.Cause("receipt", "delivery", uuid7(), SYSTEM), at=NOW
    )
    with pytest.raises(DBAPIError, match="permission denied"), session.begin_nested():
        session.execute(text(act))


def test_a_terminal_sees_the_stock_of_its_own_shop_alone(sessions):
    with transaction(sessions) as session:
        make_sku(session, "A")
        for number, code in enumerate(("R1", "R2"), start=1):
            make_retailer(session, code)
            cause = inventory.Cause("receipt", "delivery", uuid7(), SYSTEM)
            inventory.book(session, code, {"A": rules.Change(number)}, cause, at=NOW + timedelta(days=number))
        assert [shop.retailer for shop in listing.stocked(session)] == ["R1", "R2"]
        act_for(session, "R1")
        assert stands(session, "A") == (1, 0)
        assert queries.stock(session, "R2") == {}
        assert queries.movements(session, "R2") == []


CHANGES = st.builds(rules.Change, st.integers(-20, 20), st.integers(-20, 20))


@given(st.lists(CHANGES, max_size=40))
def test_no_row_of_changes_ever_leaves_less_than_nothing(changes):
    stock, taken = rules.Stock(), []
    for change in changes:
        try:
            stock = rules.after(stock, change, sku="A")
        except Rejected:
            continue
        taken.append(change)
    assert stock.on_hand_units == sum(change.on_hand_units for change in taken) >= 0
    assert stock.held_units == sum(change.held_units for change in taken) >= 0

"""Owner or clerk: kept with what a terminal said, and shown in the console's history; nobody known is nobody."""

from datetime import timedelta
from typing import Any

import pytest
from factories import NOW, lines, make_device, make_retailer, make_sku, make_window, publish_grants
from sqlalchemy import select

from contract.envelope import Envelope
from contract.ids import uuid7
from contract.messages import ConfirmDelivery, ConfirmedLine, MovedLine, MoveStock, PlaceOrder, SendFeedback
from server.deliveries import queries as delivery_queries
from server.deliveries import service as deliveries
from server.deliveries.models import DeliveryRow
from server.feedback.models import FeedbackRow
from server.inventory.models import StockActRow
from server.kit.db import transaction
from server.kit.identity import Operator, Sender
from server.kit.inbox import Incoming, receive, receive_all
from server.orders.models import OrderRow
from server.wiring import HANDLERS

PLANNER = Operator(1, "planner-1", frozenset({"planner"}))


@pytest.fixture
def shop(sessions) -> Sender:
    with transaction(sessions) as session:
        make_sku(session, "A")
        make_retailer(session, "R1")
        return make_device(session, "R1")


def said(shop: Sender, message: Any, by: str | None) -> Envelope:
    return Envelope.of(id=uuid7(), device=shop.device, seq=1, sent_at=NOW, message=message, by=by)


def test_an_order_names_who_changed_it_last_also_where_orders_are_taken_together(sessions, signed_in, shop):
    with transaction(sessions) as session:
        window = make_window(session)
        placed = said(shop, PlaceOrder(window=window, lines=lines(A=2)), "clerk")
        incoming = Incoming(shop, "order.place", placed)
        (receipt,) = receive_all(session, [incoming], HANDLERS["order.place"], at=NOW)
        assert receipt.outcome == "accepted"
        assert session.scalars(select(OrderRow.said_by)).all() == ["clerk"]
    page = signed_in("planner").get(f"/console/orders/{receipt.number}").text
    assert "by the clerk" in page
    assert " by clerk" not in page


def test_confirmations_complaints_and_stock_name_who_stood_there_and_stock_has_a_number(sessions, signed_in, shop):
    with transaction(sessions) as session:
        cycle = publish_grants(session, {"R1": {"A": 24}})
        deliveries.dispatch_cycle(session, cycle, PLANNER, at=NOW)
        (delivery,) = delivery_queries.deliveries(session, cycle=cycle)
        listed = ConfirmedLine(sku="A", accepted_units=24)
        moved = MoveStock(kind="sale", moved_at=NOW, lines=(MovedLine(sku="A", units=1),))
        told = {
            "delivery.confirm": (ConfirmDelivery(delivery=delivery.id, confirmed_at=NOW, lines=(listed,)), "owner"),
            "feedback.send": (SendFeedback(kind="question", category="price", words="why?"), "clerk"),
            "stock.move": (moved, "clerk"),
        }
        receipts = {
            kind: receive(session, shop, kind, said(shop, message, by), HANDLERS, at=NOW + timedelta(minutes=1))
            for kind, (message, by) in told.items()
        }
        assert session.scalars(select(DeliveryRow.said_by)).all() == ["owner"]
        assert session.scalars(select(FeedbackRow.said_by)).all() == ["clerk"]
        act = session.scalars(select(StockActRow)).one()
        assert (act.said_by, act.number) == ("clerk", receipts["stock.move"].number)
        again = receive(session, shop, "stock.move", said(shop, moved, None), HANDLERS, at=NOW)
        assert again.number > act.number
        feedback = receipts["feedback.send"].message
    browser = signed_in("planner")
    assert "by the owner" in browser.get(f"/console/deliveries/{delivery.id}").text
    assert "by the clerk" in browser.get(f"/console/feedback/{feedback}").text
    ledger = browser.get("/console/stock/R1").text
    assert f"#{act.number} · terminal {shop.device} · by the clerk" in ledger
    assert ledger.count("by the clerk") == 2  # what was found for the sale, and the sale

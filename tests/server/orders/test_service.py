"""Orders on the real database: what is taken, what is refused, and what a repeat does."""

from datetime import timedelta

import pytest
from factories import NOW, lines, make_device, make_retailer, make_sku, make_window, place, send
from sqlalchemy.orm import Session, sessionmaker

from contract.ids import uuid7
from contract.messages import AmendOrder, CancelOrder, PlaceOrder
from server.kit import audit, outbox
from server.kit.db import EVERYTHING, act_for, transaction
from server.orders import queries
from server.orders import windows as order_windows


@pytest.fixture
def shop(session: Session):
    make_sku(session, "K1", pack_units=10, price_minor=100)
    make_sku(session, "K2", pack_units=1, price_minor=2_500, limit_units=20)
    make_retailer(session, "R1", credit_minor=100_000)
    return make_device(session, "R1")


def test_an_order_gets_a_number_and_a_receipt_in_the_feed(session, shop):
    window = make_window(session)
    receipt = place(session, shop, window, K1=30, K2=2)
    assert (receipt.outcome, receipt.revision) == ("accepted", 1)
    order = queries.order(session, "R1", receipt.message)
    assert order is not None
    assert order.lines == (("K1", 30), ("K2", 2))
    assert order.amount_minor == 30 * 100 + 2 * 2_500
    items, head = outbox.read(session, "R1", after=0)
    assert [item.kind for item in items] == ["window", "order", "receipt"]
    assert items[-1].seq == head
    assert items[-1].data["number"] == receipt.number


def test_a_repeat_gets_the_stored_receipt_and_no_second_order(session, shop):
    window = make_window(session)
    message = PlaceOrder(window=window, lines=lines(K1=30))
    same = uuid7()
    first = send(session, shop, "order.place", message, id=same)
    again = send(session, shop, "order.place", message, id=same, at=NOW + timedelta(days=7))
    assert again == first
    assert len(queries.orders(session, retailer="R1")) == 1


def test_the_same_id_with_another_body_is_refused_and_alerted(session, shop):
    window = make_window(session)
    same = uuid7()
    first = send(session, shop, "order.place", PlaceOrder(window=window, lines=lines(K1=30)), id=same)
    other = send(session, shop, "order.place", PlaceOrder(window=window, lines=lines(K1=40)), id=same)
    assert (other.outcome, other.code) == ("rejected", "id_reused")
    order = queries.order(session, "R1", first.message)
    assert order is not None
    assert order.lines == (("K1", 30),)
    assert [entry.action for entry in audit.entries(session) if entry.alert] == ["message.id_reused"]


def test_an_amendment_replaces_all_lines_and_counts_up(session, shop):
    window = make_window(session)
    placed = place(session, shop, window, K1=30, K2=5)
    amended = send(session, shop, "order.amend", AmendOrder(order=placed.message, revision=1, lines=lines(K2=20)))
    assert (amended.outcome, amended.revision, amended.number) == ("accepted", 2, placed.number)
    order = queries.order(session, "R1", placed.message)
    assert order is not None
    assert order.lines == (("K2", 20),)


def test_an_amendment_of_an_older_version_is_refused(session, shop):
    window = make_window(session)
    placed = place(session, shop, window, K1=30)
    send(session, shop, "order.amend", AmendOrder(order=placed.message, revision=1, lines=lines(K1=40)))
    stale = send(session, shop, "order.amend", AmendOrder(order=placed.message, revision=1, lines=lines(K1=50)))
    assert (stale.outcome, stale.code, stale.params) == ("rejected", "order_changed", {"revision": 2})


def test_a_cancelled_order_leaves_the_book(session, shop):
    window = make_window(session)
    placed = place(session, shop, window, K1=30)
    cycle = queries.windows(session)[0].cycle
    assert [line.requested_units for line in queries.book(session, cycle)] == [30]
    send(session, shop, "order.cancel", CancelOrder(order=placed.message, revision=1))
    assert list(queries.book(session, cycle)) == []
    again = send(session, shop, "order.cancel", CancelOrder(order=placed.message, revision=2))
    assert again.code == "order_cancelled"


@pytest.mark.parametrize(
    ("after_close", "outcome"),
    [
        (timedelta(seconds=30) - timedelta(milliseconds=1), "accepted"),
        (timedelta(seconds=30), "rejected"),
        (timedelta(seconds=30, milliseconds=1), "rejected"),
        (timedelta(hours=1), "rejected"),
    ],
)
def test_the_servers_clock_alone_decides_the_closing_second(session, shop, after_close, outcome):
    window = make_window(session, closes_at=NOW, grace_s=30)
    receipt = place(session, shop, window, at=NOW + after_close, K1=10)
    assert receipt.outcome == outcome
    assert receipt.code == (None if outcome == "accepted" else "window_closed")


def test_at_the_closing_second_an_amendment_is_refused_and_the_order_stands_and_a_repeat_is_one_refusal(session, shop):
    window = make_window(session, closes_at=NOW, grace_s=0)
    placed = place(session, shop, window, at=NOW - timedelta(milliseconds=1), K1=10)
    assert (placed.outcome, placed.number) == ("accepted", 1)
    change = AmendOrder(order=placed.message, revision=1, lines=lines(K1=20))
    assert send(session, shop, "order.amend", change, at=NOW).code == "window_closed"
    stands = queries.order(session, "R1", placed.message)
    assert stands is not None
    assert (stands.revision, stands.lines) == (1, (("K1", 10),))
    late, same = PlaceOrder(window=window, lines=lines(K1=10)), uuid7()
    first = send(session, shop, "order.place", late, id=same, at=NOW + timedelta(milliseconds=1))
    assert first.code == "window_closed"
    assert send(session, shop, "order.place", late, id=same, at=NOW + timedelta(hours=1)) == first
    assert len(queries.orders(session, retailer="R1")) == 1


@pytest.mark.parametrize(
    ("limit", "entered", "code", "offers"),
    [
        (None, 1, "below_minimum", "15"),
        (None, 6, "below_minimum", "15"),
        (None, 12, "below_minimum", "15"),
        (None, 13, "below_minimum", "15"),
        (None, 15, None, None),
        (None, 16, "not_whole_packs", "15, 18"),
        (None, 18, None, None),
        (17, 16, "not_whole_packs", "15"),
    ],
)
def test_the_smallest_order_and_the_multiple_are_said_and_never_changed_silently(
    session, shop, limit, entered, code, offers
):
    make_sku(session, "M15", pack_units=3, minimum_units=15, limit_units=limit)
    receipt = place(session, shop, make_window(session), M15=entered)
    assert (receipt.code, receipt.params.get("offers")) == (code, offers)
    stands = queries.order(session, "R1", receipt.message)
    assert (None if stands is None else stands.lines) == (None if code else (("M15", entered),))


def test_the_clock_opens_a_window_before_the_worker_has_noted_it(session, shop):
    window = make_window(session, opens_at=NOW, opened=False)
    early = place(session, shop, window, at=NOW - timedelta(milliseconds=1), K1=10)
    assert early.code == "window_not_open"
    assert place(session, shop, window, at=NOW, K1=10).outcome == "accepted"
    late = place(session, shop, window, at=NOW + timedelta(hours=1, seconds=30), K1=10)
    assert late.code == "window_closed"


def test_a_clock_that_is_set_back_reopens_nothing(session, shop):
    window = make_window(session, closes_at=NOW, grace_s=0)
    order_windows.close_due_windows(session, NOW - timedelta(seconds=1))
    order_windows.close_due_windows(session, NOW + timedelta(seconds=1))
    late = place(session, shop, window, at=NOW - timedelta(minutes=5), K1=10)
    assert late.code == "window_closed"


def test_time_once_noted_counts_before_the_window_is_closed(session, shop):
    window = make_window(session, closes_at=NOW, grace_s=30)
    order_windows.close_due_windows(session, NOW + timedelta(seconds=29))
    assert place(session, shop, window, at=NOW - timedelta(minutes=5), K1=10).outcome == "accepted"
    assert order_windows.close_due_windows(session, NOW - timedelta(hours=2)) == []
    assert order_windows.close_due_windows(session, NOW + timedelta(seconds=30)) == [window]


def test_the_limit_counts_over_all_orders_of_the_cycle(session, shop):
    window = make_window(session)
    assert place(session, shop, window, K2=15).outcome == "accepted"
    second = place(session, shop, window, K2=6)
    assert (second.code, second.params["limit"], second.params["offers"]) == ("above_limit", 5, "5")
    assert place(session, shop, window, K2=5).outcome == "accepted"


def test_credit_counts_over_all_orders_of_the_cycle(session, shop):
    window = make_window(session)
    assert place(session, shop, window, K1=990).outcome == "accepted"
    assert place(session, shop, window, K1=20).code == "credit_exceeded"
    assert place(session, shop, window, K1=10).outcome == "accepted"


def test_goods_of_a_class_need_a_licence_that_is_valid_today(session):
    make_sku(session, "L1", licence_class="liquor")
    make_retailer(session, "R1", classes=["liquor"], licensed_until=NOW.date())
    make_retailer(session, "R2")
    window = make_window(session, closes_at=NOW + timedelta(days=3))
    assert place(session, make_device(session, "R1"), window, L1=1).outcome == "accepted"
    assert place(session, make_device(session, "R2"), window, L1=1).code == "not_licensed"
    device = make_device(session, "R1", device="t-second")
    tomorrow = place(session, device, window, at=NOW + timedelta(days=1), L1=1)
    assert (tomorrow.code, tomorrow.params["licence_class"]) == ("not_licensed", "liquor")


def test_a_suspended_retailer_is_told_why(session):
    make_sku(session)
    make_retailer(session, "R1", standing="suspended")
    receipt = place(session, make_device(session, "R1"), make_window(session), K1=1)
    assert (receipt.code, receipt.params) == ("suspended", {"why": "unpaid"})


def test_a_window_of_another_route_is_unknown(session, shop):
    assert place(session, shop, make_window(session, route="south"), K1=10).code == "unknown_window"
    assert place(session, shop, uuid7(), K1=10).code == "unknown_window"


def test_a_refused_order_leaves_nothing_behind_but_its_refusal(session, shop):
    window = make_window(session)
    same = uuid7()
    message = PlaceOrder(window=window, lines=lines(K1=10, K2=21))
    refused = send(session, shop, "order.place", message, id=same)
    assert refused.code == "above_limit"
    assert queries.orders(session, retailer="R1") == []
    assert send(session, shop, "order.place", message, id=same) == refused


def test_a_retailers_device_sees_no_other_retailers_orders(sessions: sessionmaker[Session]):
    with transaction(sessions) as session:
        make_sku(session)
        window = make_window(session)
        for code in ("R1", "R2"):
            make_retailer(session, code)
            place(session, make_device(session, code), window, K1=3)
    with transaction(sessions, "R1") as session:
        assert {order.retailer for order in queries.orders(session)} == {"R1"}
        assert outbox.read(session, "R2", after=0) == ([], 0)
    with transaction(sessions, "") as session:
        assert queries.orders(session) == []
        act_for(session, EVERYTHING)
        assert len(queries.orders(session)) == 2

"""What a terminal tells of its shop's stock: sales, counts, adjustments, goods past their day."""

from datetime import date, timedelta

import pytest
from factories import NOW, make_device, make_retailer, make_sku, send
from hypothesis import given
from hypothesis import strategies as st

from contract.feed import Receipt
from contract.ids import uuid7
from contract.messages import MovedLine, MoveStock
from server.inventory import queries, rules
from server.inventory import service as inventory
from server.kit import audit, outbox
from server.kit.identity import SYSTEM


@pytest.fixture
def shop(session):
    for sku in "AB":
        make_sku(session, sku)
    make_retailer(session, "R1")
    bring(session, A=10)
    return make_device(session, "R1")


def bring(session, **units: int) -> None:
    cause = inventory.Cause("receipt", "delivery", uuid7(), SYSTEM)
    inventory.book(session, "R1", {sku: rules.Change(more) for sku, more in units.items()}, cause, at=NOW)


def tell(session, shop, kind, reason=None, at=NOW, message_id=None, **units: int) -> Receipt:
    lines = tuple(MovedLine(sku=sku, units=count) for sku, count in units.items())
    message = MoveStock(kind=kind, moved_at=at, lines=lines, reason=reason)
    return send(session, shop, "stock.move", message, id=message_id)


def ledger(session, sku="A"):
    entries = queries.movements(session, "R1", sku=sku)
    return [(one.kind, one.on_hand_units, one.on_hand_after_units) for one in entries][::-1]


def stands(session, sku="A"):
    line = queries.stock(session, "R1")[sku]
    return line.on_hand_units, line.sold_units


def test_sales_leave_the_shelf_and_count_as_sold_once(session, shop):
    same = uuid7()
    for _ in range(2):
        assert tell(session, shop, "sale", message_id=same, A=4).outcome == "accepted"

    assert ledger(session) == [("receipt", 10, 10), ("sale", -4, 6)]
    assert stands(session) == (6, 4)
    items, _ = outbox.read(session, "R1", after=0)
    assert [item.data["on_hand_units"] for item in items if item.key == "stock:A"] == [6]


def test_a_sale_of_more_than_was_known_is_taken_and_what_was_missing_is_found(session, shop):
    assert tell(session, shop, "sale", A=13, B=2).outcome == "accepted"

    assert ledger(session) == [("receipt", 10, 10), ("found", 3, 13), ("sale", -13, 0)]
    assert ledger(session, "B") == [("found", 2, 2), ("sale", -2, 0)]


def test_nothing_counts_as_sold_that_the_distributor_did_not_bring(session, shop):
    tell(session, shop, "adjustment", reason="from the cellar", A=500)
    tell(session, shop, "sale", A=400)
    tell(session, shop, "count", A=900)
    tell(session, shop, "sale", A=900)
    assert stands(session) == (0, 10)

    bring(session, A=5)
    tell(session, shop, "sale", A=5)
    assert stands(session) == (0, 15)


def test_what_customers_bring_back_is_no_longer_sold(session, shop):
    tell(session, shop, "sale", A=4)
    tell(session, shop, "refund", A=1)
    assert stands(session) == (7, 3)
    tell(session, shop, "refund", A=9)
    assert stands(session) == (16, 0)


def test_counts_adjustments_and_goods_past_their_day_are_entries_and_stand_in_the_audit(session, shop):
    tell(session, shop, "count", A=9)
    tell(session, shop, "count", A=9)
    tell(session, shop, "adjustment", reason="broken", A=-2)
    tell(session, shop, "expiry", A=3)

    assert ledger(session)[1:] == [("count", -1, 9), ("adjustment", -2, 7), ("expiry", -3, 4)]
    assert [entry.action for entry in audit.entries(session, subject="retailer:R1")] == [
        "stock.expiry",
        "stock.adjustment",
        "stock.count",
        "stock.count",
    ]


@pytest.mark.parametrize(
    ("kind", "units", "reason", "code"),
    [
        ("sale", 0, None, "units_wrong"),
        ("sale", -1, None, "units_wrong"),
        ("refund", -1, None, "units_wrong"),
        ("count", -1, None, "units_wrong"),
        ("adjustment", 0, "why", "units_wrong"),
        ("adjustment", 1, " ", "reason_missing"),
        ("adjustment", -11, "why", "stock_short"),
        ("expiry", 11, None, "stock_short"),
    ],
)
def test_what_cannot_be_is_refused_and_enters_nothing(session, shop, kind, units, reason, code):
    receipt = tell(session, shop, kind, reason, A=units)
    assert (receipt.outcome, receipt.code) == ("rejected", code)
    assert ledger(session) == [("receipt", 10, 10)]


def test_a_line_that_is_unknown_or_stands_twice_refuses_all(session, shop):
    assert tell(session, shop, "sale", A=1, Z=1).code == "unknown_sku"
    lines = (MovedLine(sku="A", units=1), MovedLine(sku="A", units=2))
    receipt = send(session, shop, "stock.move", MoveStock(kind="sale", moved_at=NOW, lines=lines))
    assert receipt.code == "line_twice"
    assert ledger(session) == [("receipt", 10, 10)]


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        (NOW - timedelta(days=7), NOW - timedelta(days=7)),
        (NOW + timedelta(hours=48), NOW),
        (NOW - timedelta(days=61), NOW),
    ],
)
def test_a_terminals_clock_is_believed_within_reason(session, shop, said, kept):
    tell(session, shop, "sale", at=said, A=1)
    newest = queries.movements(session, "R1", sku="A")[0]
    assert (newest.moved_at, newest.at) == (kept, NOW)


def day(number, change, *, came=None, sold=0):
    return rules.Moved(date(2026, 10, number), change, max(change, 0) if came is None else came, sold)


@pytest.mark.parametrize(
    ("moves", "sold", "out_days"),
    [
        ([day(1, 10), day(4, -10, sold=10)], 10, 27),  # empty from the 5th to the 31st
        ([day(1, 10), day(4, -10, sold=10), day(20, 5)], 10, 15),  # from the 5th to the 19th
        ([day(11, 10)], 0, 0),  # not carried before
        ([day(1, 5), day(2, -5, sold=5), day(4, 0, came=3), day(5, 2)], 5, 1),  # in and out on the 4th
        ([day(1, 5), day(2, -7, sold=5), day(9, 4)], 5, 6),  # still two missing in the books when goods come
    ],
)
def test_days_without_stock_are_those_that_begin_empty_and_bring_nothing(moves, sold, out_days):
    first, last = date(2026, 10, 1), date(2026, 10, 31)
    assert rules.month(moves, date(2026, 8, 1), first, last) == rules.Month(sold, out_days)


def test_what_a_shop_gave_up_is_not_out_of_stock_for_ever():
    moves = [day(1, 10), day(4, -10, sold=10)]
    out = [
        rules.month(moves, date(2026, month - 2, 1), date(2026, month, 1), date(2026, month, 28)).out_days
        for month in (10, 11, 12)
    ]
    assert out == [24, 28, 28]
    assert rules.month(moves, date(2026, 11, 1), date(2027, 1, 1), date(2027, 1, 31)).out_days is None


ACTS = st.tuples(st.sampled_from(["sale", "refund", "count", "adjustment", "expiry", "bring"]), st.integers(1, 30))


@given(st.lists(ACTS, max_size=40))
def test_what_counts_as_sold_is_never_more_than_what_came_in(acts):
    stock = rules.Stock()
    for act, units in acts:
        changes = [("receipt", rules.Change(units, brought_units=units))]
        if act != "bring":
            changes = rules.entries(act, stock, units)
        for _, change in changes:
            if stock.on_hand_units + change.on_hand_units >= 0:
                stock = rules.after(stock, change, sku="A")
        assert 0 <= stock.sold_units <= stock.brought_units
        assert stock.on_hand_units >= 0

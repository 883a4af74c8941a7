"""The shop's stock on its terminal: what an entry does, what is on its way, and that nothing is counted twice."""

from datetime import date, timedelta
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contract.errors import Rejected
from contract.feed import Delivery, ShippedLine, Stock
from contract.messages import ConfirmedLine, MoveStock
from server.inventory import rules
from terminal_client.core import codes, outbox, stock, stock_rules, stock_use_cases, use_cases
from terminal_client.core.delivery_rules import Count
from terminal_client.core.scans import Scan
from terminal_client.core.views import stock as views

GOLD = "6901234567892"


@pytest.fixture
def shop(world: Any, make: Any) -> Any:
    case = {"barcode": "16901234567899", "units": 36}
    world.server.reference = make.reference(make.item(barcodes=(GOLD,), case_barcodes=(case,)), make.item("BLUE"))
    tell(world, GOLD=35)
    world.run(60)
    return world


def tell(world: Any, **units: int) -> None:
    for sku, count in units.items():
        world.server.tell(f"stock:{sku}", "stock", Stock(sku=sku, on_hand_units=count, as_of=world.server.now()))


def stands(world: Any, sku: str = "GOLD") -> int:
    return stock.read(world.store, sku).on_hand_units


def entry(world: Any, message: UUID) -> Any:
    found = outbox.find(world.store, message)
    assert found is not None
    return found


# The figure


@given(
    st.sampled_from(["sale", "refund", "count", "expiry", "adjustment"]),
    st.integers(0, 50),
    st.integers(-50, 50),
    st.integers(0, 50),
)
def test_an_entry_that_is_taken_does_here_what_it_does_at_the_server(
    act: Any, there: int, units: int, brought: int
) -> None:
    try:
        stock_rules.check(act, "A", there, units, "why")
    except Rejected:
        return
    left = rules.Stock(there, brought_units=brought)
    for _, change in rules.entries(act, left, units):
        left = rules.after(left, change, sku="A")
    assert stock_rules.after(act, there, units) == left.on_hand_units


@pytest.mark.parametrize(
    ("act", "units", "reason", "code"),
    [
        ("sale", 0, "", "units_wrong"),
        ("refund", -1, "", "units_wrong"),
        ("count", -1, "", "units_wrong"),
        ("adjustment", 0, "why", "units_wrong"),
        ("sale", 10**6 + 1, "", "units_wrong"),
        ("adjustment", -1, "  ", "reason_missing"),
        ("adjustment", -36, "why", "stock_short"),
        ("expiry", 36, "", "stock_short"),
    ],
)
def test_what_the_server_would_refuse_is_said_before_it_is_queued(
    shop: Any, act: Any, units: int, reason: str, code: str
) -> None:
    with pytest.raises(Rejected) as refused:
        stock_use_cases.move(shop.shop, act, "GOLD", units, reason)
    assert refused.value.code == code
    assert outbox.queued(shop.store) == []
    assert stands(shop) == 35


@pytest.mark.parametrize(
    ("typed", "day"),
    [("270321", date(2027, 3, 21)), ("20270321", date(2027, 3, 21)), ("2028.02.29", date(2028, 2, 29))],
)
def test_a_printed_day_is_read_with_and_without_its_century(typed: str, day: date) -> None:
    assert stock_rules.printed_day(typed) == day


@pytest.mark.parametrize("typed", ["", "271332", "270229", "0321", "202703211", "二七〇三二一"])
def test_what_is_no_day_is_refused_with_what_was_typed(typed: str) -> None:
    with pytest.raises(Rejected) as refused:
        stock_rules.printed_day(typed)
    assert (refused.value.code, refused.value.params) == ("not_a_day", {"day": typed or "–"})


def test_goods_that_nobody_knows_cannot_be_sold(shop: Any) -> None:
    with pytest.raises(Rejected, match="not in the catalogue"):
        stock_use_cases.move(shop.shop, "sale", "NONE", 1)


def test_what_is_on_its_way_counts_once_before_and_after_its_receipt(shop: Any) -> None:
    shop.wires.http_works = shop.wires.broker_works = False
    sold = stock_use_cases.move(shop.shop, "sale", "GOLD", 3)
    assert (stands(shop), entry(shop, sold).state) == (32, "saved")
    assert stock.read(shop.store, "GOLD").book_units == 35
    shop.wires.http_works = shop.wires.broker_works = True
    shop.run(120)
    # The receipt is here, the server's new figure is not.
    assert (stands(shop), entry(shop, sold).state) == (32, "received")
    tell(shop, GOLD=32)
    shop.run(60)
    there = stock.read(shop.store, "GOLD")
    assert (there.on_hand_units, there.book_units, there.on_its_way) == (32, 32, 0)


def test_a_refused_entry_changes_nothing_and_is_shown(shop: Any) -> None:
    shop.server.decide = lambda kind, _: (
        ("stock_short", {"sku": "GOLD", "there": 0, "taken": 3}) if kind == "stock.move" else (None, {})
    )
    stock_use_cases.move(shop.shop, "expiry", "GOLD", 3)
    shop.run(120)
    assert stands(shop) == 35
    assert [move.entry.state for move in views.history(shop.store, "GOLD")] == ["refused"]
    assert len(outbox.refused(shop.store)) == 1


def test_a_count_sets_the_figure_and_a_sale_after_it_is_taken_off(shop: Any) -> None:
    stock_use_cases.begin_count(shop.shop, blind=False)
    stock_use_cases.count_units(shop.shop, "GOLD", 30, sure=True)
    stock_use_cases.finish_count(shop.shop)
    stock_use_cases.move(shop.shop, "sale", "GOLD", 1)
    assert stands(shop) == 29


def test_a_confirmed_delivery_stands_in_the_stock_before_its_receipt(shop: Any, make: Any) -> None:
    lines = (
        ShippedLine(sku="GOLD", shipped_units=12, granted_units=12),
        ShippedLine(sku="BLUE", shipped_units=6, granted_units=6),
    )
    delivery = Delivery(
        delivery=make.id(1, shop.chance),
        number=1,
        cycle=make.id(2, shop.chance),
        state="shipped",
        shipped_at=shop.server.now(),
        lines=lines,
    )
    shop.server.tell(f"delivery:{delivery.delivery}", "delivery", delivery)
    shop.run(60)
    shop.wires.http_works = shop.wires.broker_works = False
    damaged = Count("damaged", 2, 2, reason="wet")
    use_cases.confirm_delivery(shop.shop, delivery.delivery, {"GOLD": damaged}, rest_as_listed=True)
    assert (stands(shop), stands(shop, "BLUE")) == (45, 6)
    assert [(move.act, move.units) for move in views.history(shop.store, "BLUE")] == [("receipt", 6)]


def test_what_came_instead_counts_as_itself() -> None:
    line = ConfirmedLine(
        sku="A", accepted_units=4, difference="wrong_item", difference_units=2, other_sku="B", other_units=3
    )
    assert stock_rules.received([line, ConfirmedLine(sku="B", accepted_units=1)]) == {"A": 4, "B": 4}


def test_an_item_is_out_since_the_sale_that_took_the_last(shop: Any) -> None:
    shop.wires.http_works = shop.wires.broker_works = False
    stock_use_cases.move(shop.shop, "sale", "GOLD", 34)
    assert stock.read(shop.store, "GOLD").out_since_ms is None
    shop.clock.forward(timedelta(hours=3))
    stock_use_cases.move(shop.shop, "sale", "GOLD", 1)
    out_ms = shop.shop.clock.now_ms()
    shop.clock.forward(timedelta(hours=3))
    stock_use_cases.move(shop.shop, "sale", "GOLD", 1)
    assert stands(shop) == 0
    assert stock.read(shop.store, "GOLD").out_since_ms == out_ms


def test_an_item_that_the_server_calls_out_is_out_since_then(shop: Any) -> None:
    tell(shop, BLUE=0)
    said_ms = shop.clock.at_ms
    shop.run(60)
    assert stock.read(shop.store, "BLUE").out_since_ms == said_ms


def test_taking_a_sale_back_is_an_entry_of_its_own(shop: Any) -> None:
    stock_use_cases.move(shop.shop, "sale", "GOLD", 2)
    stock_use_cases.move(shop.shop, "refund", "GOLD", 2)
    assert [(move.act, move.units) for move in views.history(shop.store, "GOLD")] == [("refund", 2), ("sale", 2)]
    assert stands(shop) == 35


def test_one_scan_sells_a_unit_and_a_case_all_that_it_holds(make: Any) -> None:
    item = make.item(barcodes=(GOLD,), case_barcodes=({"barcode": "16901234567899", "units": 36},))
    one = Scan(GOLD, codes.parse(GOLD, today=make.noon.date()), item, item.pack_units)
    case = Scan("16901234567899", codes.parse("16901234567899", today=make.noon.date()), item, 36)
    assert [stock_rules.sold_by(scan, item) for scan in (one, case, Scan("GOLD", None, item, 12))] == [1, 36, 1]


# A count


def test_a_count_survives_a_power_cut_at_any_tap(shop: Any) -> None:
    stock_use_cases.begin_count(shop.shop, blind=True)
    shop.restart()
    line = stock_use_cases.count_units(shop.shop, "GOLD", 33)
    assert (line.book_units, line.sure) == (35, False)
    shop.restart()
    with pytest.raises(Rejected, match="differs from the book"):
        stock_use_cases.finish_count(shop.shop)
    stock_use_cases.be_sure(shop.shop, "GOLD")
    stock_use_cases.count_units(shop.shop, "BLUE", 0)
    shop.restart()
    count = stock.count_under_way(shop.store)
    assert count is not None
    assert count.blind
    assert {sku: (line.counted_units, line.sure) for sku, line in count.lines.items()} == {
        "GOLD": (33, True),
        "BLUE": (0, True),
    }
    (message,) = stock_use_cases.finish_count(shop.shop)
    moved = MoveStock.model_validate(entry(shop, message).data)
    assert (moved.kind, {line.sku: line.units for line in moved.lines}) == ("count", {"GOLD": 33, "BLUE": 0})
    assert stock.count_under_way(shop.store) is None


def test_what_is_sold_between_counting_and_finishing_is_not_counted_back(shop: Any) -> None:
    stock_use_cases.begin_count(shop.shop, blind=False)
    stock_use_cases.count_units(shop.shop, "GOLD", 30, sure=True)
    stock_use_cases.move(shop.shop, "sale", "GOLD", 4)
    stock_use_cases.finish_count(shop.shop)
    assert stands(shop) == 26


def test_a_count_of_nothing_is_none(shop: Any) -> None:
    with pytest.raises(Rejected, match="Nothing was counted"):
        stock_use_cases.count_units(shop.shop, "GOLD", 1)
    stock_use_cases.begin_count(shop.shop, blind=False)
    with pytest.raises(Rejected, match="Nothing was counted"):
        stock_use_cases.finish_count(shop.shop)


def test_a_count_that_was_given_up_can_be_taken_up_again(shop: Any) -> None:
    stock_use_cases.begin_count(shop.shop, blind=True)
    stock_use_cases.count_units(shop.shop, "GOLD", 30)
    before = stock_use_cases.leave_count(shop.shop)
    assert before is not None
    assert stock.count_under_way(shop.store) is None
    stock_use_cases.take_up_count(shop.shop, before)
    assert stock.count_under_way(shop.store) == before


def test_a_long_count_goes_out_in_parts_that_fit(shop: Any, make: Any) -> None:
    skus = [f"{n:064}" for n in range(230)]
    shop.store.keep_reference(make.reference(*(make.item(sku) for sku in skus)).model_copy(update={"version": "v9"}))
    stock_use_cases.begin_count(shop.shop, blind=False)
    for sku in skus:
        stock_use_cases.count_units(shop.shop, sku, 10**6, sure=True)
    sent = [MoveStock.model_validate(entry(shop, message).data) for message in stock_use_cases.finish_count(shop.shop)]
    assert [len(message.lines) for message in sent] == [100, 100, 30]
    assert {line.sku for message in sent for line in message.lines} == set(skus)


# The day, and days of expiry


def test_a_day_adds_up_what_was_entered_here_on_it(shop: Any) -> None:
    stock_use_cases.move(shop.shop, "sale", "GOLD", 5)
    stock_use_cases.move(shop.shop, "refund", "GOLD", 1)
    stock_use_cases.move(shop.shop, "adjustment", "GOLD", -2, "broken")
    stock_use_cases.move(shop.shop, "expiry", "GOLD", 3)
    today = shop.server.now().date()
    shop.clock.forward(timedelta(days=1))
    stock_use_cases.move(shop.shop, "sale", "BLUE", 1)
    utc = shop.server.now().tzinfo
    (row,) = views.day(shop.store, today, utc).rows
    assert (row.sold_units, row.adjusted_units, row.expired_units, row.received_units) == (4, -2, 3, 0)
    assert [row.item.sku for row in views.day(shop.store, today + timedelta(days=1), utc).rows] == ["BLUE"]


def test_batches_that_were_scanned_are_listed_by_their_day_until_they_are_gone(shop: Any) -> None:
    today = shop.server.now().date()
    for batch, days in (("late", 90), ("over", -1), ("soon", 30), ("today", 0)):
        stock_use_cases.see_batch(shop.shop, "GOLD", batch, today + timedelta(days=days))
    stock_use_cases.see_batch(shop.shop, "BLUE", "out", today)
    rows = views.batches(shop.store, today)
    assert [(row.batch.batch, row.lasts) for row in rows] == [
        ("over", "over"),
        ("today", "soon"),
        ("soon", "soon"),
        ("late", "good"),
    ]
    stock_use_cases.batch_gone(shop.shop, "GOLD", "over", today - timedelta(days=1))
    assert [row.batch.batch for row in views.batches(shop.store, today)] == ["today", "soon", "late"]
    stock_use_cases.batch_gone(shop.shop, "GOLD", "over", today - timedelta(days=1), gone=False)
    assert views.batches(shop.store, today)[0].batch.batch == "over"

"""The distributor's own stock: its ledger, what is reserved of it, and differences that take two persons."""

import pytest
from factories import NOW, make_retailer, make_sku, publish_grants
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select, text
from sqlalchemy.exc import DBAPIError, IntegrityError

from contract.errors import Conflict, Rejected
from contract.ids import uuid7
from server.cycles import supply_queries
from server.cycles.models import CycleRow
from server.deliveries import queries as delivery_queries
from server.deliveries import service as deliveries
from server.deliveries.events import GoodsLeft
from server.inventory import depot, depot_queries, depot_rules, proposing, reactions
from server.inventory import service as inventory
from server.inventory.models import DepotMovementRow
from server.inventory.rules import Change
from server.kit.db import transaction
from server.kit.identity import SYSTEM, Operator

KEEPER = Operator(1, "keeper", frozenset({"dispatcher"}))
SECOND = Operator(2, "second", frozenset({"planner"}))
STEPS = st.lists(
    st.tuples(st.sampled_from(["receipt", "issue", "return", "cleared", "count", "spoilage"]), st.integers(1, 50)),
    max_size=30,
)


@pytest.fixture
def stocked(session):
    """100 units of A, at 10.00 each."""
    make_sku(session, "A", pack_units=10, price_minor=1_000)
    make_retailer(session, "R1")
    depot.receive_goods(session, "A", 100, "from the supplier", KEEPER, act=uuid7(), at=NOW)


def line(session, sku: str = "A") -> depot_queries.DepotLine:
    return next(one for one in depot_queries.lines(session) if one.sku == sku)


def left(**units: int) -> GoodsLeft:
    return GoodsLeft(uuid7(), tuple(units.items()), NOW)


@given(STEPS)
def test_what_stands_is_the_sum_of_its_entries_and_never_below_zero(steps):
    stands = depot_rules.Standing()
    on_hand = blocked = 0
    for kind, units in steps:
        entries = {
            "receipt": [depot_rules.Entry("receipt", on_hand_units=units)],
            "issue": depot_rules.issue(stands, units),
            "return": [depot_rules.Entry("return", blocked_units=units)],
            "cleared": [depot_rules.Entry("cleared", on_hand_units=units, blocked_units=-units)],
            "count": [depot_rules.Entry("count", on_hand_units=units - stands.on_hand_units)],
            "spoilage": [depot_rules.Entry("spoilage", on_hand_units=-units)],
        }[kind]
        for entry in entries:
            try:
                stands = depot_rules.after(stands, entry, sku="A")
            except Rejected:
                assert kind in {"cleared", "spoilage"}
                continue
            on_hand, blocked = on_hand + entry.on_hand_units, blocked + entry.blocked_units
        assert (stands.on_hand_units, stands.blocked_units) == (on_hand, blocked)
        assert min(on_hand, blocked) >= 0


@given(st.integers(0, 1000), st.integers(1, 1000))
def test_goods_that_left_were_there_even_where_the_book_did_not_know(there, units):
    stands = depot_rules.Standing(there)
    for entry in depot_rules.issue(stands, units):
        stands = depot_rules.after(stands, entry, sku="A")
    assert stands.on_hand_units == max(there - units, 0)


def test_published_grants_are_reserved_until_they_leave_and_stored_nowhere(session, stocked):
    cycle = publish_grants(session, {"R1": {"A": 30}})
    assert (line(session).on_hand_units, line(session).reserved_units, line(session).free_units) == (100, 30, 70)
    deliveries.dispatch_cycle(session, cycle, KEEPER, at=NOW)
    reactions.on_goods_left(session, left(A=30), NOW)
    assert (line(session).on_hand_units, line(session).reserved_units, line(session).free_units) == (70, 0, 70)


def test_what_is_held_back_stays_reserved_and_is_not_issued(session, stocked):
    make_retailer(session, "R2", standing="suspended")
    cycle = publish_grants(session, {"R1": {"A": 30}, "R2": {"A": 20}})
    deliveries.dispatch_cycle(session, cycle, KEEPER, at=NOW)
    assert line(session).reserved_units == 20
    jobs = session.scalars(text("SELECT args FROM procrastinate_jobs WHERE task_name = 'react'")).all()
    assert [one["data"]["units"] for one in jobs if one["event"] == "deliveries.GoodsLeft"] == [[["A", 30]]]


def test_a_dispatch_is_issued_once(session, stocked):
    event = left(A=30)
    for _ in range(3):
        reactions.on_goods_left(session, event, NOW)
    assert line(session).on_hand_units == 70


def test_more_than_the_book_knew_is_found_first(session, stocked):
    reactions.on_goods_left(session, left(A=130), NOW)
    assert line(session).on_hand_units == 0
    kinds = [(one.kind, one.on_hand_units) for one in depot_queries.movements(session, sku="A")]
    assert kinds == [("issue", -130), ("found", 30), ("receipt", 100)]


def test_what_came_back_is_set_aside_until_somebody_has_looked_at_it(session, stocked):
    changes = {"A": Change(held_units=12)}
    inventory.book(session, "R1", changes, inventory.Cause("receipt", "delivery", uuid7(), SYSTEM), at=NOW)
    inventory.return_held(session, "R1", "A", 12, "the driver took them", KEEPER, returning=uuid7(), at=NOW)
    assert (line(session).on_hand_units, line(session).blocked_units) == (100, 12)
    depot.clear_goods(session, "A", 10, "sound", KEEPER, act=uuid7(), at=NOW)
    assert depot.write_off(session, "A", 2, "broken", KEEPER, blocked=True, act=uuid7(), at=NOW)
    assert (line(session).on_hand_units, line(session).blocked_units) == (110, 0)
    with pytest.raises(Rejected, match="cannot be taken away"):
        depot.clear_goods(session, "A", 1, "sound", KEEPER, act=uuid7(), at=NOW)


def test_a_small_difference_is_entered_by_one_person_and_a_large_one_by_two(session, stocked):
    assert depot.count_goods(session, "A", 100, "as it is", KEEPER, act=uuid7(), at=NOW) is None
    assert depot.count_goods(session, "A", 95, "five are missing", KEEPER, act=uuid7(), at=NOW) is True
    act = uuid7()
    depot.receive_goods(session, "A", 1000, "more", KEEPER, act=uuid7(), at=NOW)
    assert depot.count_goods(session, "A", 900, "many are missing", KEEPER, act=act, at=NOW) is False
    assert line(session).on_hand_units == 1095
    with pytest.raises(Rejected, match="second person must"):
        depot.confirm_act(session, act, KEEPER, at=NOW)
    reactions.on_goods_left(session, left(A=100), NOW)
    depot.confirm_act(session, act, SECOND, at=NOW)
    assert line(session).on_hand_units == 800
    with pytest.raises(Conflict):
        depot.confirm_act(session, act, SECOND, at=NOW)


def test_a_difference_that_was_dropped_is_never_entered(session, stocked):
    act = uuid7()
    depot.receive_goods(session, "A", 1000, "more", KEEPER, act=uuid7(), at=NOW)
    depot.write_off(session, "A", 500, "wet", KEEPER, blocked=False, act=act, at=NOW)
    depot.withdraw_act(session, act, KEEPER, at=NOW)
    with pytest.raises(Conflict):
        depot.confirm_act(session, act, SECOND, at=NOW)
    assert line(session).on_hand_units == 1100


def test_an_act_that_is_sent_again_changes_nothing(session, stocked):
    act = uuid7()
    for _ in range(2):
        depot.receive_goods(session, "A", 5, "more", KEEPER, act=act, at=NOW)
    assert line(session).on_hand_units == 105


def test_the_database_keeps_the_ledger_and_the_two_persons(sessions, session, stocked):
    act = uuid7()
    depot.receive_goods(session, "A", 1000, "more", KEEPER, act=uuid7(), at=NOW)
    depot.write_off(session, "A", 500, "wet", KEEPER, blocked=False, act=act, at=NOW)
    row = session.scalars(select(DepotMovementRow)).first()
    assert row is not None
    session.commit()
    with pytest.raises(DBAPIError), transaction(sessions) as other:
        other.execute(text("UPDATE depot_movements SET on_hand_after_units = 7"))
    with pytest.raises(IntegrityError), transaction(sessions) as other:
        other.execute(text("UPDATE depot_acts SET state = 'booked', decided_by = said_by, decided_at = said_at"))
    values = {c.name: getattr(row, c.name) for c in DepotMovementRow.__table__.columns if c.name != "id"}
    bad = DepotMovementRow(**values | {"ordinal": 9, "kind": "issue", "source_id": uuid7()})
    with pytest.raises(IntegrityError, match="direction"), transaction(sessions) as other:
        other.add(bad)


def test_supply_is_proposed_as_what_is_on_hand_and_not_reserved(session, stocked):
    out = publish_grants(session, {"R1": {"A": 30}})
    with pytest.raises(Conflict, match="published"):
        proposing.propose_supply(session, out, "its grants are out", SECOND, at=NOW)
    open_cycle = publish_grants(session, {"R1": {"A": 30}})
    row = session.get_one(CycleRow, open_cycle)
    row.state, row.published_attempt = "draft", None
    session.flush()
    version = proposing.propose_supply(session, open_cycle, "on hand less reservations", SECOND, at=NOW)
    assert supply_queries.supply(session, open_cycle, version)["A"].supply_units == 70
    depot.write_off(session, "A", 70, "wet", KEEPER, blocked=False, act=uuid7(), at=NOW)
    with pytest.raises(Rejected, match="not reserved"):
        proposing.propose_supply(session, open_cycle, "again", SECOND, at=NOW)


@pytest.mark.parametrize(("language", "words"), [("en", ("Own stock", "Reserved")), ("zh", ("公司库存", "已预留"))])
def test_the_room_shows_what_is_there_and_what_is_promised(sessions, signed_in, language, words):
    with transaction(sessions) as session:
        make_sku(session, "A", pack_units=10, price_minor=1_000)
        make_retailer(session, "R1")
        publish_grants(session, {"R1": {"A": 30}})
    browser = signed_in("dispatcher", language=language)
    form = {"act": str(uuid7()), "kind": "receipt", "sku": "A", "units": "20", "reason": "<b>truck</b>"}
    assert browser.post("/console/depot/enter", data=form).status_code == 303
    page = browser.get("/console/depot").text
    assert all(word in page for word in words)
    assert "&lt;b&gt;truck" in page
    assert browser.get("/api/v1/depot").json()[0]["reserved_units"] == 30


def test_who_does_not_keep_the_stock_sees_it_or_not_at_all(signed_in):
    assert signed_in("auditor").get("/console/depot").status_code == 200
    form = {"act": str(uuid7()), "kind": "receipt", "sku": "A", "units": "20", "reason": "x"}
    assert signed_in("auditor").post("/console/depot/enter", data=form).status_code == 403
    assert signed_in("inspector").get("/console/depot").status_code == 403


def test_a_shop_that_sends_goods_back_fills_what_is_set_aside(session, stocked):
    units = delivery_queries.sent_back(session, uuid7())
    assert units == {}
    delivery = uuid7()
    for _ in range(2):
        depot.take_back(session, {"A": 3}, delivery, at=NOW)
    assert line(session).blocked_units == 3

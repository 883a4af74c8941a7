"""From a published grant to a confirmed delivery and its claims, on the real database."""

from dataclasses import replace
from datetime import timedelta
from uuid import UUID

import pytest
from factories import NOW, make_device, make_retailer, make_sku, publish_grants, send
from sqlalchemy import func, select, text
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.orm import Session

from contract.envelope import MAX_BYTES
from contract.errors import Conflict, Rejected
from contract.feed import Delivery, Receipt
from contract.ids import uuid7
from contract.messages import ConfirmDelivery, ConfirmedLine
from server.deliveries import claiming, queries, telling
from server.deliveries import service as deliveries
from server.deliveries.models import DeliveryRow
from server.kit import audit, outbox
from server.kit.db import act_for, transaction
from server.kit.identity import SYSTEM, Operator, Sender
from server.licences.models import LicenceRow
from server.operators import service as operators
from server.retailers.models import RetailerRow

DISPATCHER = Operator(1, "planner-1", frozenset({"planner"}))
LATER = NOW + timedelta(days=1)


@pytest.fixture
def shop(session: Session) -> Sender:
    for sku in "AB":
        make_sku(session, sku, pack_units=12)
    make_retailer(session, "R1")
    return make_device(session, "R1")


def ship(session: Session, **units: int) -> queries.Delivery:
    cycle = publish_grants(session, {"R1": units})
    deliveries.dispatch_cycle(session, cycle, DISPATCHER, at=NOW)
    return queries.deliveries(session, cycle=cycle)[0]


def confirm(session: Session, shop: Sender, delivery: UUID, *lines: ConfirmedLine, id: UUID | None = None) -> Receipt:  # noqa: A002 - the wire's name
    message = ConfirmDelivery(delivery=delivery, confirmed_at=NOW, lines=lines)
    return send(session, shop, "delivery.confirm", message, id=id, at=LATER)


def short(sku: str, shipped: int, missing: int) -> ConfirmedLine:
    return ConfirmedLine(
        sku=sku,
        accepted_units=shipped - missing,
        difference="short",
        difference_units=missing,
        reason="a box was missing",
    )


def told(session: Session, retailer: str = "R1") -> Delivery:
    items, _ = outbox.read(session, retailer, after=0)
    return next(Delivery.model_validate(item.data) for item in items if item.kind == "delivery")


def feed_kinds(session: Session, retailer: str = "R1") -> list[str]:
    return [item.kind for item in outbox.read(session, retailer, after=0)[0]]


def test_every_retailer_with_a_grant_gets_one_numbered_notice(session, shop):
    make_retailer(session, "R2", route="south")
    make_retailer(session, "R3")
    cycle = publish_grants(session, {"R1": {"A": 48, "B": 12}, "R2": {"A": 24}, "R3": {"A": 0}})
    done = deliveries.dispatch_cycle(session, cycle, DISPATCHER, at=NOW)
    assert done == deliveries.Dispatched(shipped=2, held=0, units=84)
    made = queries.deliveries(session, cycle=cycle)
    assert {one.retailer: [(line.sku, line.shipped_units) for line in one.lines] for one in made} == {
        "R1": [("A", 48), ("B", 12)],
        "R2": [("A", 24)],
    }
    assert len({one.number for one in made}) == 2
    assert queries.routes(session, cycle) == {"north": 1, "south": 1}
    message = told(session)
    assert (message.state, [line.granted_units for line in message.lines]) == ("shipped", [48, 12])
    assert "delivery" not in feed_kinds(session, "R3")


def test_dispatching_again_makes_nothing_new(session, shop):
    cycle = publish_grants(session, {"R1": {"A": 48}})
    deliveries.dispatch_cycle(session, cycle, DISPATCHER, at=NOW)
    head = outbox.read(session, "R1", after=0)[1]
    again = deliveries.dispatch_cycle(session, cycle, DISPATCHER, at=LATER)
    assert again == deliveries.Dispatched(shipped=0, held=0, units=0)
    assert outbox.read(session, "R1", after=0)[1] == head


def test_nothing_leaves_before_the_grants_are_published(session, shop):
    with pytest.raises(Rejected, match="no cycle"):
        deliveries.dispatch_cycle(session, uuid7(), DISPATCHER, at=NOW)
    cycle = publish_grants(session, {"R1": {"A": 48}})
    session.execute(text("UPDATE cycles SET state = 'released', published_at = NULL"))
    session.expire_all()
    with pytest.raises(Conflict, match="released"):
        deliveries.dispatch_cycle(session, cycle, DISPATCHER, at=NOW)


def test_more_lines_than_one_confirmation_can_hold_are_split_over_several_notices(session, shop):
    skus = [make_sku(session, f"S{number:03}") for number in range(120)]
    cycle = publish_grants(session, {"R1": dict.fromkeys(skus, 1)})
    assert deliveries.dispatch_cycle(session, cycle, DISPATCHER, at=NOW).shipped == 3
    made = sorted(queries.deliveries(session, cycle=cycle), key=lambda one: one.part)
    assert [len(one.lines) for one in made] == [50, 50, 20]
    assert [line.sku for one in made for line in one.lines] == skus


def test_the_goods_of_a_suspended_shop_are_held_until_it_is_in_good_standing(session, shop):
    session.get_one(RetailerRow, "R1").standing = "suspended"
    session.get_one(RetailerRow, "R1").standing_reason = "unpaid"
    held = ship(session, A=48)
    assert (held.state, held.held_code, held.held_why) == ("held", "suspended", "unpaid")
    assert "delivery" not in feed_kinds(session)
    receipt = confirm(session, shop, held.id, ConfirmedLine(sku="A", accepted_units=48))
    assert receipt.code == "unknown_delivery"
    with pytest.raises(Rejected, match="unpaid"):
        deliveries.release_delivery(session, held.id, DISPATCHER, at=NOW)
    session.get_one(RetailerRow, "R1").standing = "good"
    session.flush()
    deliveries.release_delivery(session, held.id, DISPATCHER, at=LATER)
    assert told(session).shipped_at == LATER
    with pytest.raises(Conflict):
        deliveries.release_delivery(session, held.id, DISPATCHER, at=LATER)


def test_goods_that_need_a_lapsed_licence_are_held_and_the_line_is_named(session, shop):
    make_sku(session, "L", licence_class="spirits")
    make_retailer(session, "R2", classes=["spirits"])
    cycle = publish_grants(session, {"R1": {"A": 12, "L": 6}, "R2": {"L": 6}})
    done = deliveries.dispatch_cycle(session, cycle, DISPATCHER, at=NOW)
    assert (done.shipped, done.held) == (1, 1)
    held = queries.deliveries(session, state="held")[0]
    assert (held.retailer, held.held_code, held.held_why) == ("R1", "not_licensed", "L (spirits)")
    with pytest.raises(Rejected, match="spirits"):
        deliveries.release_delivery(session, held.id, DISPATCHER, at=NOW)
    session.add(
        LicenceRow(
            retailer="R1",
            licence_class="spirits",
            number="9",
            valid_from=NOW.date(),
            valid_until=LATER.date(),
            state="valid",
            changed_at=NOW,
        )
    )
    session.flush()
    deliveries.release_delivery(session, held.id, DISPATCHER, at=NOW)
    assert queries.deliveries(session, state="held") == []


def test_a_delivery_is_confirmed_line_by_line_with_a_numbered_receipt(session, shop):
    sent = ship(session, A=48, B=12)
    receipt = confirm(
        session, shop, sent.id, ConfirmedLine(sku="A", accepted_units=48), ConfirmedLine(sku="B", accepted_units=12)
    )
    assert (receipt.outcome, receipt.number) == ("accepted", sent.number)
    stands = queries.delivery(session, sent.id)
    assert stands is not None
    assert (stands.state, stands.confirmed_at, stands.confirmed_at_terminal) == ("confirmed", LATER, NOW)
    assert stands.claims == ()
    message = told(session)
    assert (message.state, message.confirmed_at, message.claims) == ("confirmed", LATER, ())


def test_a_repeat_confirms_nothing_twice_and_another_confirmation_is_refused(session, shop):
    sent = ship(session, A=48)
    same = uuid7()
    first = confirm(session, shop, sent.id, short("A", 48, 12), id=same)
    again = confirm(session, shop, sent.id, short("A", 48, 12), id=same)
    assert again == first
    other = confirm(session, shop, sent.id, ConfirmedLine(sku="A", accepted_units=48))
    assert (other.code, other.params) == ("already_confirmed", {"at": LATER.isoformat()})
    assert len(queries.claims(session)) == 1
    jobs = session.scalar(
        text("SELECT count(*) FROM procrastinate_jobs WHERE args->>'event' LIKE '%DeliveryConfirmed'")
    )
    assert jobs == 1


def test_a_refused_confirmation_leaves_the_delivery_as_it_was(session, shop):
    sent = ship(session, A=48, B=12)
    wrong = confirm(session, shop, sent.id, ConfirmedLine(sku="A", accepted_units=40), short("B", 12, 1))
    assert (wrong.code, wrong.params) == ("counts_differ", {"sku": "A", "shipped": 48, "counted": 40})
    missing = confirm(session, shop, sent.id, short("B", 12, 1))
    assert (missing.code, missing.params) == ("line_missing", {"sku": "A"})
    unknown = confirm(
        session,
        shop,
        sent.id,
        ConfirmedLine(sku="A", accepted_units=48),
        ConfirmedLine(
            sku="B",
            accepted_units=0,
            difference="wrong_item",
            difference_units=12,
            other_sku="NOT-OURS",
            other_units=12,
            reason="another brand",
        ),
    )
    assert (unknown.code, unknown.params) == ("unknown_sku", {"sku": "NOT-OURS"})
    stands = queries.delivery(session, sent.id)
    assert stands is not None
    assert (stands.state, stands.claims) == ("shipped", ())


def test_a_text_that_the_database_could_not_keep_is_refused_by_name(session, shop):
    sent = ship(session, A=48)
    message = ConfirmDelivery.model_construct(
        delivery=sent.id,
        confirmed_at=NOW,
        lines=(short("A", 48, 12).model_copy(update={"reason": "a\x00b"}),),
    )
    receipt = send(session, shop, "delivery.confirm", message, at=LATER)
    assert (receipt.code, receipt.params["where"]) == ("malformed", "lines.0.reason")


def test_another_shop_can_neither_confirm_nor_learn_of_a_delivery(session, shop):
    sent = ship(session, A=48)
    make_retailer(session, "R2")
    stranger = make_device(session, "R2")
    receipt = confirm(session, stranger, sent.id, ConfirmedLine(sku="A", accepted_units=48))
    assert receipt.code == "unknown_delivery"


# What more, less or something else arrived means: grant, stock, claim. One row each of a known story.


def _outcome(session: Session, sent: queries.Delivery) -> tuple[dict[str, tuple[int, int]], queries.Claim]:
    stock = {b.sku: (b.on_hand_units, b.held_units) for b in queries.bookings(session, sent.id)}
    claims = queries.claims(session)
    assert len(claims) == 1
    return stock, claims[0]


def test_five_more_than_shipped_and_kept_is_one_entry_of_105_and_one_claim(session, shop):
    sent = ship(session, A=100)
    line = ConfirmedLine(sku="A", accepted_units=105, difference="over", difference_units=5, reason="one box more")
    confirm(session, shop, sent.id, line)
    stock, claim = _outcome(session, sent)
    assert stock == {"A": (105, 0)}
    assert (claim.difference, claim.difference_units, claim.state) == ("over", 5, "open")
    stands = queries.delivery(session, sent.id)
    assert stands is not None
    (shown,) = stands.lines
    assert shown.granted_units == shown.shipped_units == 100
    assert shown.account is not None
    assert (shown.account.missing_units, shown.account.surplus_units) == (0, 5)


def test_five_more_than_shipped_and_held_for_return_are_not_stock(session, shop):
    sent = ship(session, A=100)
    confirm(
        session,
        shop,
        sent.id,
        ConfirmedLine(
            sku="A", accepted_units=100, held_units=5, difference="over", difference_units=5, reason="not ours"
        ),
    )
    stock, claim = _outcome(session, sent)
    assert stock == {"A": (100, 5)}
    assert (claim.difference_units, claim.held_units) == (5, 5)


def test_the_wrong_item_is_stock_of_what_came_and_one_claim_that_names_both(session, shop):
    sent = ship(session, A=24)
    confirm(
        session,
        shop,
        sent.id,
        ConfirmedLine(
            sku="A",
            accepted_units=0,
            difference="wrong_item",
            difference_units=24,
            other_sku="B",
            other_units=24,
            reason="the label says B",
        ),
    )
    stock, claim = _outcome(session, sent)
    assert stock == {"B": (24, 0)}
    assert (claim.sku, claim.difference_units, claim.other_sku, claim.other_units) == ("A", 24, "B", 24)
    stands = queries.delivery(session, sent.id)
    assert stands is not None
    assert stands.lines[0].account is not None
    assert stands.lines[0].account.missing_units == 24


def test_refused_goods_go_back_with_a_reason_and_are_never_stock(session, shop):
    sent = ship(session, A=10)
    without = ConfirmedLine(sku="A", accepted_units=0, difference="refused", difference_units=10)
    assert confirm(session, shop, sent.id, without).code == "reason_missing"
    confirm(session, shop, sent.id, without.model_copy(update={"reason": "not ordered"}))
    stock, claim = _outcome(session, sent)
    assert stock == {}
    assert claim.reason == "not ordered"
    stands = queries.delivery(session, sent.id)
    assert stands is not None
    assert stands.lines[0].account is not None
    assert stands.lines[0].account.sent_back_units == 10


def test_the_database_itself_refuses_counts_that_do_not_add_up(session, shop):
    ship(session, A=24)
    counts = text(
        "UPDATE delivery_lines SET accepted_units = :accepted, held_units = :held,"
        " difference_units = 0, other_units = 0"
    )
    for accepted, held in ((20, 0), (-1, 25)):
        with pytest.raises(IntegrityError), session.begin_nested():
            session.execute(counts, {"accepted": accepted, "held": held})


# Claims


@pytest.fixture
def claim(session: Session, shop: Sender) -> queries.Claim:
    sent = ship(session, A=48)
    confirm(session, shop, sent.id, short("A", 48, 12))
    return queries.claims(session)[0]


def test_a_claim_belongs_to_who_sent_the_goods_and_has_its_age(session, claim):
    assert (claim.owner, claim.state, claim.opened_at) == ("planner-1", "open", LATER)
    assert queries.totals(session).oldest_open_at == LATER
    assert [told(session).claims[0].number, told(session).claims[0].state] == [claim.number, "open"]


def test_a_decision_needs_a_reason_and_reaches_the_terminal(session, claim):
    with pytest.raises(Rejected) as refused:
        claiming.decide_claim(session, claim.id, "upheld", "  ", DISPATCHER, at=LATER)
    assert refused.value.code == "reason_missing"
    claiming.decide_claim(session, claim.id, "upheld", "the driver confirms it", DISPATCHER, at=LATER)
    stands = queries.claim(session, claim.id)
    assert stands is not None
    assert (stands.state, stands.decided_by, stands.decided_at) == ("upheld", "planner-1", LATER)
    assert stands.decision == "the driver confirms it"
    assert told(session).claims[0].state == "upheld"
    assert queries.totals(session).open_claims == 0


def test_a_claim_is_decided_once_and_settled_only_when_it_was_upheld(session, claim):
    with pytest.raises(Conflict):
        claiming.settle_claim(session, claim.id, "sent again", DISPATCHER, at=LATER)
    claiming.decide_claim(session, claim.id, "upheld", "true", DISPATCHER, at=LATER)
    with pytest.raises(Conflict, match="upheld"):
        claiming.decide_claim(session, claim.id, "declined", "or not", DISPATCHER, at=LATER)
    claiming.settle_claim(session, claim.id, "sent with the next truck", DISPATCHER, at=LATER)
    fate = told(session).claims[0]
    assert (fate.state, fate.decision, fate.settlement) == ("settled", "true", "sent with the next truck")
    assert (fate.opened_at, fate.decided_at, fate.settled_at) == (LATER, LATER, LATER)
    acts = [entry.action for entry in audit.entries(session, subject=f"claim:{claim.number}")]
    assert acts == ["claim.settled", "claim.upheld"]


def test_the_fates_of_many_claims_fit_into_an_envelope_or_are_left_out(session, claim):
    one = queries.delivery(session, claim.delivery)
    assert one is not None
    long = replace(
        claim, state="settled", decided_at=LATER, decision="缘" * 500, settled_at=LATER, settlement="果" * 500
    )
    for count, words in ((1, 500), (20, telling.WORDS_CUT), (50, None)):
        whole = replace(one, lines=one.lines * count, claims=(*(replace(long, id=uuid7()) for _ in range(count)),))
        message = telling._message(whole)  # noqa: SLF001 - fifty claims by hand would be a test of hands
        assert [claim.state for claim in message.claims] == ["settled"] * count
        decision = message.claims[0].decision
        assert (decision and len(decision)) == words
        assert len(message.model_dump_json(exclude_none=True).encode()) <= MAX_BYTES


def test_an_open_claim_can_be_given_to_another_person(session, claim):
    with pytest.raises(Rejected, match="nobody"):
        claiming.assign_claim(session, claim.id, "nobody", DISPATCHER, at=LATER)
    operators.add_operator(session, "reader", ["auditor"], by=SYSTEM, at=NOW)
    with pytest.raises(Rejected, match="reader"):  # who reads everything decides nothing
        claiming.assign_claim(session, claim.id, "reader", DISPATCHER, at=LATER)
    operators.add_operator(session, "planner-2", ["planner"], by=SYSTEM, at=NOW)
    claiming.assign_claim(session, claim.id, "planner-2", DISPATCHER, at=LATER)
    assert [one.number for one in queries.claims(session, owner="planner-2")] == [claim.number]


# Who sees what


def test_a_terminal_sees_the_deliveries_of_its_own_shop_alone(sessions):
    with transaction(sessions) as session:
        make_sku(session, "A")
        for code in ("R1", "R2"):
            make_retailer(session, code)
        cycle = publish_grants(session, {"R1": {"A": 5}, "R2": {"A": 7}})
        deliveries.dispatch_cycle(session, cycle, DISPATCHER, at=NOW)
        theirs = queries.deliveries(session, retailer="R2")[0]
    with transaction(sessions, "R1") as session:
        assert [one.retailer for one in queries.deliveries(session)] == ["R1"]
        assert queries.delivery(session, theirs.id) is None
        changed = session.execute(
            text("UPDATE delivery_lines SET granted_units = 99 WHERE retailer = 'R2' RETURNING sku")
        )
        assert changed.all() == []
        session.add(forged_part(theirs))
        with pytest.raises(DBAPIError, match="row-level security"):
            session.flush()
        session.rollback()
    with transaction(sessions, "") as session:
        assert session.scalar(select(func.count()).select_from(DeliveryRow)) == 0
        act_for(session, "R2")
        assert session.scalar(select(func.count()).select_from(DeliveryRow)) == 1


def forged_part(theirs: queries.Delivery) -> DeliveryRow:
    """Return a second notice that nobody sent."""
    return DeliveryRow(
        id=uuid7(),
        retailer=theirs.retailer,
        cycle=theirs.cycle,
        part=2,
        route=theirs.route,
        state="shipped",
        dispatched_at=NOW,
        dispatched_by="nobody",
        shipped_at=NOW,
    )

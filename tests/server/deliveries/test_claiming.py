"""Claims decided: what each way of making good does, and that it is carried out once."""

from datetime import timedelta

import pytest
from factories import NOW, make_device, make_retailer, make_sku, publish_grants, send
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from contract.errors import Conflict, Rejected
from contract.feed import Delivery
from contract.messages import ConfirmDelivery, ConfirmedLine
from server.cycles import shipping
from server.deliveries import claiming, queries, rules
from server.deliveries import service as deliveries
from server.kit import outbox
from server.kit.db import transaction
from server.kit.identity import Operator
from server.retailers.models import RetailerRow

DISPATCHER = Operator(1, "dispatcher-1", frozenset({"dispatcher"}))
LATER = NOW + timedelta(days=1)


@pytest.fixture
def claim(session) -> queries.Claim:
    """R1 misses 12 of 48 units of A, at 10.00 each."""
    make_sku(session, "A", pack_units=12, price_minor=1_000)
    make_retailer(session, "R1")
    shop = make_device(session, "R1")
    cycle = publish_grants(session, {"R1": {"A": 48}})
    deliveries.dispatch_cycle(session, cycle, DISPATCHER, at=NOW)
    delivery = queries.deliveries(session, cycle=cycle)[0]
    line = ConfirmedLine(sku="A", accepted_units=36, difference="short", difference_units=12, reason="a box")
    message = ConfirmDelivery(delivery=delivery.id, confirmed_at=NOW, lines=(line,))
    assert send(session, shop, "delivery.confirm", message).outcome == "accepted"
    return queries.claims(session)[0]


def decide(session, claim, remedy: rules.Remedy) -> queries.Claim:
    claiming.decide_claim(session, claim.id, "upheld", "the driver confirms it", DISPATCHER, remedy=remedy, at=LATER)
    return stands(session, claim)


def stands(session, claim) -> queries.Claim:
    session.expire_all()
    found = queries.claim(session, claim.id)
    assert found is not None
    return found


def next_cycle(session, **units: int) -> list[queries.Delivery]:
    cycle = publish_grants(session, {"R1": units})
    deliveries.dispatch_cycle(session, cycle, DISPATCHER, at=LATER)
    return sorted(queries.deliveries(session, cycle=cycle), key=lambda one: one.part)


def test_a_credit_note_has_a_number_and_an_amount_and_settles_the_claim_at_once(session, claim):
    decided = decide(session, claim, "credit")
    note = queries.remedies(session, claim=claim.id)[0]
    assert (note.kind, note.units, note.price_minor, note.amount_minor) == ("credit", 12, 1_000, 12_000)
    assert decided.state == "settled"
    assert f"#{note.number}" in (decided.settlement or "")
    assert queries.replacements_due(session) == {}


def test_a_replacement_is_due_until_it_leaves_on_a_notice_of_its_own(session, claim):
    assert decide(session, claim, "replacement").state == "upheld"
    assert queries.replacements_due(session) == {"A": 12}
    grant, replacement = next_cycle(session, A=24)
    assert [(line.sku, line.granted_units, line.shipped_units) for line in grant.lines] == [("A", 24, 24)]
    assert [(line.granted_units, line.replacement_units, line.shipped_units) for line in replacement.lines] == [
        (0, 12, 12)
    ]
    assert shipping.shipped_per_sku(session, grant.cycle) == {"A": 24}, "a correction's floor is of grants alone"
    settled = stands(session, claim)
    assert settled.state == "settled"
    assert f"#{replacement.number}" in (settled.settlement or "")
    assert queries.replacements_due(session) == {}
    told = [item.data for item in outbox.read(session, "R1", after=0)[0] if item.kind == "delivery"]
    heard = next(one for one in map(Delivery.model_validate, told) if one.delivery == replacement.id)
    assert [(line.granted_units, line.shipped_units) for line in heard.lines] == [(12, 12)]


def test_a_replacement_leaves_once_however_often_cycles_are_dispatched(session, claim):
    decide(session, claim, "replacement")
    assert len(next_cycle(session, A=24)) == 2
    assert len(next_cycle(session, A=24)) == 1


def test_a_replacement_of_a_suspended_shop_waits_held_and_settles_when_it_is_released(session, claim):
    decide(session, claim, "replacement")
    session.get_one(RetailerRow, "R1").standing = "suspended"
    session.get_one(RetailerRow, "R1").standing_reason = "unpaid"
    session.flush()
    held = next_cycle(session, A=24)[1]
    assert (held.state, stands(session, claim).state) == ("held", "upheld")
    session.get_one(RetailerRow, "R1").standing = "good"
    session.flush()
    deliveries.release_delivery(session, held.id, DISPATCHER, at=LATER)
    assert stands(session, claim).state == "settled"
    assert shipping.shipped_per_sku(session, held.cycle) == {}
    assert deliveries.dispatch_cycle(session, held.cycle, DISPATCHER, at=LATER).units == 0


def test_what_is_to_leave_is_not_settled_by_hand_as_well(session, claim):
    decide(session, claim, "replacement")
    with pytest.raises(Conflict, match="next dispatch"):
        claiming.settle_claim(session, claim.id, "sent again", DISPATCHER, at=LATER)


def test_a_declined_claim_is_made_good_by_nothing(session, claim):
    with pytest.raises(Rejected, match="cannot be made good"):
        claiming.decide_claim(session, claim.id, "declined", "no", DISPATCHER, remedy="credit", at=LATER)


@pytest.mark.parametrize(
    "broken",
    ["amount_minor = amount_minor + 1", "units = 0", "price_minor = NULL", "kind = 'replacement'"],
)
def test_the_database_keeps_a_note_from_saying_another_amount(sessions, session, claim, broken):
    decide(session, claim, "credit")
    session.commit()
    with pytest.raises(IntegrityError), transaction(sessions) as other:
        other.execute(text(f"UPDATE claim_remedies SET {broken}"))  # noqa: S608 - a text of this test


@given(
    difference=st.sampled_from(["short", "over", "damaged", "wrong_item", "wrong_pack", "refused"]),
    units=st.integers(1, 10_000),
    price=st.integers(0, 1_000_000),
    held=st.integers(0, 10_000),
)
def test_goods_and_money_are_never_both_given_and_never_more_than_was_missed(difference, units, price, held):
    owed = rules.owed_units(difference, units)
    for remedy in rules.remedies(difference, units):
        effect = rules.effect(remedy, owed, price, held)
        assert not (effect.replaced_units and effect.credit_minor)
        assert effect.replaced_units <= units
        assert effect.credit_minor <= units * price
        assert effect.fetched_units == held

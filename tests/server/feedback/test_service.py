"""Feedback from a shop's words to its mark, on the real database, and every way in which it is refused."""

from datetime import UTC, date, timedelta
from uuid import UUID

import pytest
from factories import NOW, make_device, make_retailer, make_sku, make_window, place, publish_grants, send
from pydantic import ValidationError
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.orm import Session

from contract.envelope import MAX_BYTES
from contract.errors import Conflict, Rejected
from contract.feed import Feedback, Receipt
from contract.ids import uuid7
from contract.messages import FeedbackAbout, RateFeedback, SendFeedback
from server.deliveries import queries as delivery_queries
from server.deliveries import service as deliveries
from server.feedback import queries
from server.feedback import service as feedback
from server.kit import audit, outbox
from server.kit.db import act_for, transaction
from server.kit.fields import Invalid
from server.kit.identity import SYSTEM, Operator, Sender
from server.operators import service as operators
from server.visits import service as visits
from server.visits.shapes import KeptVisit

PLANNER = Operator(1, "planner-1", frozenset({"planner"}))
ADMINISTRATOR = Operator(2, "admin-1", frozenset({"administrator"}))


@pytest.fixture
def shops(session: Session) -> list[Sender]:
    for person in (PLANNER, ADMINISTRATOR):
        operators.add_operator(session, person.name, tuple(person.roles), by=SYSTEM, at=NOW)
    for code in ("R1", "R2"):
        make_retailer(session, code)
    return [make_device(session, code) for code in ("R1", "R2")]


def say(session: Session, shop: Sender, words: str = "A carton was wet.", **said: object) -> Receipt:
    how = {name: said.pop(name) for name in ("id", "at") if name in said}
    message = SendFeedback.model_validate({"kind": "complaint", "category": "goods", "words": words} | said)
    return send(session, shop, "feedback.send", message, **how)


def kept(session: Session, shop: Sender, words: str = "A carton was wet.", **said: object) -> UUID:
    receipt = say(session, shop, words, **said)
    assert receipt.outcome == "accepted", receipt
    return receipt.message


def rate(session: Session, shop: Sender, about: UUID, *, at=NOW, **said: object) -> Receipt:
    return send(session, shop, "feedback.rate", RateFeedback(feedback=about, **said), at=at)


def answer(session: Session, about: UUID, *, by=PLANNER, zh="", en="It is replaced.", close=True, at=NOW) -> None:
    feedback.answer(session, about, by, answer_zh=zh, answer_en=en, close=close, at=at)


def told(session: Session, about: UUID, retailer: str = "R1") -> Feedback:
    items, _ = outbox.read(session, retailer, after=0)
    return next(Feedback.model_validate(one.data) for one in items if one.key == f"feedback:{about}")


def trail(session: Session, number: int) -> list[str]:
    return [one.action for one in reversed(audit.entries(session, subject=f"feedback:{number}"))]


def test_what_a_shop_says_is_receipted_with_a_number_and_told_with_its_deadline(session, shops):
    receipt = say(session, shops[0])
    found = told(session, receipt.message)
    assert (found.number, found.state, found.words) == (receipt.number, "received", "A carton was wet.")
    assert (found.answer_until, found.by_telephone) == (date(2026, 12, 1), False)
    assert (found.answer, found.reopen_until) == (None, None)
    assert trail(session, receipt.number) == ["feedback.received"]


def test_a_repeat_makes_nothing_twice(session, shops):
    one = uuid7()
    first, second = (say(session, shops[0], id=one) for _ in range(2))
    assert first == second
    assert len(queries.of_shop(session, "R1", limit=9)) == 1


def test_the_trail_holds_no_words(session, shops):
    found = kept(session, shops[0], "The driver shouted.")
    answer(session, found, en="We are sorry.")
    for entry in audit.entries(session):
        assert "shouted" not in str(entry.detail)
        assert "sorry" not in str(entry.detail)


def test_it_goes_from_received_to_closed_and_the_shop_reads_each_step(session, shops):
    found = kept(session, shops[0])
    feedback.assign(session, found, "planner-1", PLANNER, at=NOW)
    assert told(session, found).state == "looked_at"
    answer(session, found, zh="已补发。", en="", close=False)
    item = told(session, found)
    assert (item.state, item.reopen_until) == ("answered", date(2026, 12, 9))
    assert (item.answer.zh, item.answer.en) == ("已补发。", "已补发。")
    feedback.close(session, found, PLANNER, at=NOW)
    assert told(session, found).state == "closed"
    number = queries.feedback(session, found).number
    done = ["received", "assigned", "answered", "closed"]
    assert trail(session, number) == [f"feedback.{act}" for act in done]


def test_nothing_is_closed_unanswered_and_nothing_answered_twice(session, shops):
    found = kept(session, shops[0])
    with pytest.raises(Conflict, match="Nothing is closed unanswered"):
        feedback.close(session, found, PLANNER, at=NOW)
    with pytest.raises(Invalid):
        answer(session, found, en="  ")
    with pytest.raises(Invalid, match="700"):
        answer(session, found, en="x" * 701)
    assert told(session, found).state == "received"
    answer(session, found)
    with pytest.raises(Conflict, match="closed"):
        answer(session, found)
    with pytest.raises(Conflict, match="closed"):
        feedback.assign(session, found, "planner-1", PLANNER, at=NOW)


def test_the_database_keeps_nothing_closed_unanswered_either(session, shops):
    found = kept(session, shops[0])
    with pytest.raises(IntegrityError, match="ck_feedback_"), session.begin_nested():
        session.execute(
            text("UPDATE feedback SET state = 'closed', closed_at = now(), owner = 'x' WHERE id = :id"), {"id": found}
        )


def test_a_closed_one_is_rated_once(session, shops):
    found = kept(session, shops[0])
    answer(session, found, close=False)
    assert rate(session, shops[0], found, satisfaction=5).code == "feedback_not_closed"
    feedback.close(session, found, PLANNER, at=NOW)
    assert rate(session, shops[0], found, satisfaction=5).outcome == "accepted"
    assert told(session, found).satisfaction == 5
    assert rate(session, shops[0], found, satisfaction=1).code == "feedback_rated"
    assert queries.totals(session, PLANNER, NOW).satisfaction == 5


def test_a_closed_one_is_reopened_as_often_as_it_can_be_with_a_new_deadline(session, shops):
    found = kept(session, shops[0])
    assert rate(session, shops[0], found, reopen="Too soon").code == "feedback_open"
    answer(session, found)
    rate(session, shops[0], found, satisfaction=2)
    later = NOW + timedelta(days=5)
    assert rate(session, shops[0], found, reopen="Wet again.", at=later).outcome == "accepted"
    item = told(session, found)
    assert (item.state, item.reopened, item.answer_until) == ("looked_at", "Wet again.", date(2026, 12, 4))
    assert (item.satisfaction, item.closed_at, item.answer.en) == (None, None, "It is replaced.")
    answer(session, found, en="Again replaced.", at=later)
    item = told(session, found)
    assert (item.answer.en, item.reopen_until) == ("Again replaced.", date(2026, 12, 14))
    assert rate(session, shops[0], found, reopen="And again.", at=later).outcome == "accepted"
    answer(session, found, en="For good.", at=later)
    assert told(session, found).reopen_until is None
    assert rate(session, shops[0], found, reopen="Once more", at=later).code == "feedback_reopened"
    written = [one.words_en or one.words_zh for one in queries.entries(session, found)]
    assert written == ["For good.", "And again.", "Again replaced.", "Wet again.", "It is replaced."]
    assert queries.feedback(session, found).reopens == 2


def test_after_the_days_for_it_it_is_not_reopened(session, shops):
    found = kept(session, shops[0])
    answer(session, found)
    over = rate(session, shops[0], found, reopen="Wet again.", at=NOW + timedelta(days=16))
    assert (over.code, over.params["until"]) == ("feedback_reopen_over", "2026-12-09")


def test_rating_says_one_thing(shops):
    with pytest.raises(ValidationError, match="either"):
        RateFeedback(feedback=uuid7())
    with pytest.raises(ValidationError, match="either"):
        RateFeedback(feedback=uuid7(), satisfaction=1, reopen="no")


def test_of_another_shop_nothing_is_rated(session, shops):
    found = kept(session, shops[0])
    answer(session, found)
    assert rate(session, shops[1], found, satisfaction=1).code == "unknown_feedback"
    assert rate(session, shops[1], uuid7(), satisfaction=1).code == "unknown_feedback"


def test_it_is_about_what_the_shop_has(session, shops):
    make_sku(session, "K1")
    window = make_window(session)
    order = place(session, shops[0], window, K1=5).message
    cycle = publish_grants(session, {"R1": {"K1": 10}})
    deliveries.dispatch_cycle(session, cycle, PLANNER, at=NOW)
    delivery = delivery_queries.deliveries(session, retailer="R1")[0].id
    seen = KeptVisit.model_validate({"id": uuid7(), "retailer": "R1", "sort": "visit", "at": NOW, "outcome": "done"})
    visits.keep_visit(session, seen, PLANNER, at=NOW, zone=UTC)
    named = (("order", order), ("order_line", f"{order}/K1"), ("delivery", delivery), ("cycle", cycle), ("sku", "K1"))
    for sort, name in (*named, ("visit", seen.id)):
        about = FeedbackAbout(sort=sort, name=str(name))
        assert told(session, kept(session, shops[0], about=about)).about == about
    for sort, name in (
        ("order", order),
        ("delivery", delivery),
        ("cycle", uuid7()),
        ("sku", "K9"),
        ("order", "x"),
        ("visit", seen.id),
    ):
        about = {"sort": sort, "name": str(name)}
        assert say(session, shops[1], about=about).code == "feedback_about"


def test_words_are_needed_and_are_readable_ones(session, shops):
    assert say(session, shops[0], "  \n").code == "feedback_empty"
    assert say(session, shops[0], "a\x07b").code == "invalid"


def test_the_longest_feedback_fits_into_one_item(session, shops):
    found = kept(session, shops[0], "\N{FIRE}" * 2000)
    answer(session, found, zh="\N{FIRE}" * 700, en="\N{FIRE}" * 700)
    rate(session, shops[0], found, reopen="\N{FIRE}" * 500)
    items, _ = outbox.read(session, "R1", after=0)
    assert max(len(one.encode()) for one in items) <= MAX_BYTES


def test_a_note_stays_inside(session, shops):
    found = kept(session, shops[0])
    before, _ = outbox.read(session, "R1", after=0)
    feedback.note(session, found, "Ask the depot.", PLANNER, at=NOW)
    assert outbox.read(session, "R1", after=0)[0] == before
    assert [(one.sort, one.words_zh) for one in queries.entries(session, found)] == [("note", "Ask the depot.")]
    answer(session, found, close=False)
    feedback.note(session, found, "The depot paid.", PLANNER, at=NOW + timedelta(hours=1))
    feedback.close(session, found, PLANNER, at=NOW + timedelta(hours=1))
    assert told(session, found).answer.en == "It is replaced."


def test_what_was_said_on_the_telephone_says_so(session, shops):
    said = SendFeedback(kind="suggestion", category="price", words="Print the price.")
    found = feedback.enter_feedback(session, "R2", said, PLANNER, at=NOW)
    assert told(session, found, "R2").by_telephone
    assert queries.feedback(session, found).by == "operator:planner-1"
    with pytest.raises(Rejected, match="retailer"):
        feedback.enter_feedback(session, "R9", said, PLANNER, at=NOW)


def test_what_is_about_an_employee_that_nobody_owns_reaches_administrators_alone(session, shops):
    found = kept(session, shops[0], "He was rude.", category="employee")
    assert queries.first(session, PLANNER, limit=9) == []
    assert [one.id for one in queries.first(session, ADMINISTRATOR, limit=9)] == [found]
    assert queries.totals(session, PLANNER, NOW).feedback == 0
    for act in (
        lambda: answer(session, found),
        lambda: feedback.note(session, found, "x", PLANNER, at=NOW),
        lambda: feedback.close(session, found, PLANNER, at=NOW),
        lambda: feedback.assign(session, found, "planner-1", PLANNER, at=NOW),
    ):
        with pytest.raises(Rejected, match="There is no"):
            act()
    feedback.assign(session, found, "admin-1", ADMINISTRATOR, at=NOW)
    answer(session, found, by=ADMINISTRATOR)
    assert told(session, found).state == "closed"


def test_open_ones_stand_by_their_day_and_the_rest_after_them(session, shops):
    slow = kept(session, shops[0])
    fast = kept(session, shops[0], category="terminal")
    done = [kept(session, shops[1]) for _ in range(2)]
    for one in done:
        answer(session, one)
    listed, count = queries.listed(session, queries.Asked(), PLANNER, NOW)
    assert ([one.found.id for one in listed], count) == ([fast, slow, *reversed(done)], 4)
    totals = queries.totals(session, PLANNER, NOW + timedelta(days=3))
    assert (totals.feedback, totals.open, totals.late, totals.answered) == (4, 2, 1, 0)


def test_a_terminal_sees_its_own_shop_alone_and_changes_no_answer(sessions, shops, session):
    session.commit()
    with transaction(sessions) as other:
        for shop in shops:
            answer(other, kept(other, shop))
        act_for(other, "R1")
        assert [
            one.retailer
            for one in queries.newest(other, reader=PLANNER, retailer=None, state=None, before=None, limit=9)
        ] == ["R1"]
        assert other.scalar(text("SELECT count(*) FROM feedback_entries")) == 1
        with pytest.raises(DBAPIError, match="permission denied"), other.begin_nested():
            other.execute(text("UPDATE feedback_entries SET words_en = 'x'"))

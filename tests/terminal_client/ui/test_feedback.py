"""Say something: from the first tap to the mark, and what a lock or a power cut leaves."""

from datetime import date, timedelta
from typing import Any
from uuid import UUID

import pytest
from till import Till

from contract.feed import Delivery, Feedback, Text
from terminal_client.core import feedback, outbox

DELIVERY = UUID(int=5)


def told(till: Till, about: UUID, state: Any, **said: Any) -> None:
    given = {"number": 7, "kind": "complaint", "category": "goods", "words": "wet", "answer_until": date(2027, 3, 29)}
    message = Feedback(feedback=about, state=state, received_at=till.server.now(), **(given | said))
    till.server.tell(f"feedback:{about}", "feedback", message)
    till.hear()


@pytest.fixture
def said(till: Till) -> UUID:
    """Something was said, about nothing in particular."""
    for step, given in (("kind", "complaint"), ("category", "goods"), ("words", "A carton was wet"), ("about", "")):
        till.tap(f"/say/{step}", **{step: given})
    till.tap("/say/send")
    (entry,) = outbox.of_kinds(till.store, "feedback.send")
    return entry.id


def test_it_is_chosen_written_looked_at_and_sent(till: Till) -> None:
    shipped = Delivery(
        delivery=DELIVERY, number=12, cycle=UUID(int=9), state="shipped", shipped_at=till.server.now(), lines=()
    )
    till.server.tell(f"delivery:{DELIVERY}", "delivery", shipped)
    till.hear()
    assert 'href="/say"' in till.client.get("/notices").text
    assert "Nothing said yet" in till.client.get("/say").text
    assert till.tap("/say/kind", kind="complaint").headers["Location"] == "/say/category"
    assert till.tap("/say/category", category="delivery").headers["Location"] == "/say/words"
    assert "It holds no words" in till.tap("/say/words", words=" ").text
    assert till.tap("/say/words", words="A day late").headers["Location"] == "/say/about"
    assert "Delivery #12" in till.client.get("/say/about").text
    till.tap("/say/about", about=f"delivery:{DELIVERY}")
    page = till.client.get("/say/send").text
    for words in ("Complaint", "A day late", "Delivery #12", "Nothing is sent before"):
        assert words in page
    assert outbox.of_kinds(till.store, "feedback.send") == []
    assert till.tap("/say/send").headers["Location"] == "/say"
    (entry,) = outbox.of_kinds(till.store, "feedback.send")
    assert entry.data["about"] == {"sort": "delivery", "name": str(DELIVERY)}
    till.travel()
    page = till.client.get("/say").text
    assert "A day late" in page
    assert "Received" in page


def test_words_are_kept_while_they_are_typed_and_steps_lead_back_to_what_is_missing(till: Till) -> None:
    assert till.client.get("/say/send").headers["Location"] == "/say/kind"
    till.tap("/say/kind", kind="question")
    assert till.client.get("/say/words").headers["Location"] == "/say/category"
    assert "What is it about?" in till.tap("/say/category", category="nothing known").text
    till.tap("/say/category", category="price")
    typing = {"Origin": "http://localhost"}
    assert till.client.post("/say/typing", data={"words": "Why 1"}, headers=typing).status_code == 204
    assert "Why 1" in till.client.get("/say/words").text
    assert "Go on writing" in till.client.get("/say").text


def test_what_is_not_offered_is_no_subject(till: Till) -> None:
    till.tap("/say/about", about="order:of-another-shop")
    draft = feedback.draft(till.store)
    assert draft is not None
    assert draft.about is None


def test_what_was_thrown_away_comes_back_with_one_tap(till: Till) -> None:
    till.tap("/say/kind", kind="question")
    till.tap("/say/discard")
    page = till.client.get("/say").text
    assert "What you wrote was thrown away." in page
    assert feedback.draft(till.store) is None
    till.tap("/undo/" + page.split('action="/undo/')[1].split('"')[0])
    assert feedback.draft(till.store) == feedback.Draft("question")


def test_the_answer_is_read_and_given_a_mark(till: Till, said: UUID) -> None:
    told(till, said, "received")
    assert "Answer by 2027-03-29 at the latest" in till.client.get("/say").text
    told(till, said, "closed", answer=Text(zh="已补发。", en="It is replaced."), reopen_until=date(2027, 4, 4))
    page = till.client.get("/say").text
    for words in ("#7", "Answer: It is replaced.", "How well was it done?", "look at it again"):
        assert words in page
    till.tap(f"/say/{said}/rate", mark="9")
    assert outbox.of_kinds(till.store, "feedback.rate") == []
    till.tap(f"/say/{said}/rate", mark="4")
    assert "Your mark: 4 of 5" in till.client.get("/say").text
    assert "already" in till.tap(f"/say/{said}/rate", mark="1").text


def test_it_is_looked_at_again_with_words(till: Till, said: UUID) -> None:
    told(till, said, "closed", answer=Text(zh="已补发。", en="It is replaced."), reopen_until=date(2027, 4, 4))
    again = f"/say/{said}/again"
    assert "What is not done yet?" in till.client.get(again).text
    assert "It holds no words" in till.tap(again, words=" ").text
    typing = {"Origin": "http://localhost"}
    assert till.client.post(f"/say/{said}/typing", data={"words": "Wet ag"}, headers=typing).status_code == 204
    assert "Wet ag" in till.client.get(again).text
    assert till.tap(again, words="Wet again").headers["Location"] == "/say"
    assert "You asked to look at it again" in till.client.get("/say").text
    (entry,) = outbox.of_kinds(till.store, "feedback.rate")
    assert entry.data == {"feedback": str(said), "reopen": "Wet again"}
    assert till.client.get(f"/say/{UUID(int=1)}/again").status_code == 404


def test_after_the_last_day_there_is_no_button(till: Till, said: UUID) -> None:
    told(till, said, "closed", answer=Text(zh="已补发。", en="It is replaced."), reopen_until=date(2027, 3, 22))
    till.clock.forward(timedelta(days=3))
    assert "look at it again" not in till.client.get("/say").text
    assert "could be reopened until 2027-03-22" in till.tap(f"/say/{said}/again", words="Wet").text

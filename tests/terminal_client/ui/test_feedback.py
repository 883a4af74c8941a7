"""Say something: from the first tap to the mark, and what a lock or a power cut leaves."""

import hashlib
from datetime import date, timedelta
from typing import Any
from uuid import UUID

import pytest
from till import Till

from contract.device_api import SayUnnamed, Unnamed
from contract.errors import Rejected
from contract.feed import Delivery, Feedback, Grant, Grants, Remedy, Text
from contract.messages import FeedbackAbout
from terminal_client.core import feedback, outbox, unnamed
from terminal_client.core.ports import NotReachedError

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


def test_how_a_disputed_grant_is_made_good_stands_with_the_decision(till: Till, said: UUID) -> None:
    decided = {"decision": "upheld", "answer": Text(zh="对。", en="Right."), "answered_at": till.server.now()}
    told(till, said, "answered", **decided, remedy=Remedy(sort="credit", sku="GOLD", units=1200))
    page = till.client.get("/say").text
    assert "Made good: 1,200 of Yunling Gold" in page
    assert "the line of the result says so" in page
    because = Text(zh="货已到。", en="The goods have come.")
    told(till, said, "answered", **decided, remedy=Remedy(sort="none", sku="GOLD", because=because))
    assert "Nothing is made good, because: The goods have come." in till.client.get("/say").text


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


def granted(till: Till) -> str:
    """One line was granted; how it is named."""
    line = Grant(
        sku="K1",
        requested_units=10,
        eligible_units=10,
        granted_units=6,
        weight=3,
        share="2",
        reason="supply",
        supply_units=60,
        asked_units=100,
    )
    told = Grants(
        cycle=UUID(int=9),
        name=Text(zh="第48周", en="Week 48"),
        part=1,
        parts=1,
        released_at=till.server.now(),
        policy="fair share 1",
        seed="ab" * 32,
        input_sha256="cd" * 32,
        result_sha256="ef" * 32,
        lines=(line,),
    )
    till.server.tell(f"grants:{told.cycle}:1", "grants", told)
    till.hear()
    return f"{told.cycle}/K1"


def test_a_grant_is_disputed_from_its_numbers_and_the_decision_comes_back(till: Till) -> None:
    name = granted(till)
    page = till.client.get(f"/grants/{UUID(int=9)}?sku=K1&numbers").text
    assert "Dispute it" in page
    assert till.tap("/say/dispute", grant=name).headers["Location"] == "/say/words"
    assert till.tap("/say/dispute", grant=f"{UUID(int=9)}/K9").headers["Location"] == "/say/kind"
    till.tap("/say/words", words="Others got more")
    assert "Granted: Week 48 K1" in till.client.get("/say/about").text
    till.tap("/say/about", about=f"grant:{name}")
    assert "The answer is a decision" in till.client.get("/say/send").text
    till.tap("/say/send")
    (entry,) = outbox.of_kinds(till.store, "feedback.send")
    assert (entry.data["category"], entry.data["about"]) == ("grant", {"sort": "grant", "name": name})
    because = Text(zh="等数据", en="waiting for the figures")
    told(till, entry.id, "looked_at", category="grant", paused_at=till.server.now(), because=because)
    assert "because: waiting for the figures" in till.client.get("/say").text
    given = {"decision": "dismissed", "answer": Text(zh="按权重", en="By weight"), "answered_at": till.server.now()}
    told(till, entry.id, "answered", category="grant", **given)
    page = till.client.get("/say").text
    assert "Dismissed" in page
    assert "By weight" in page


def test_an_employee_is_named_in_words_and_forgotten_with_the_category(till: Till) -> None:
    for step, chosen in (("kind", "complaint"), ("category", "employee"), ("words", "He shouted")):
        till.tap(f"/say/{step}", **{step: chosen})
    assert "never sees it" in till.client.get("/say/about").text
    till.tap("/say/about", who=" Bo  Chen ")
    assert "About: Bo Chen" in till.client.get("/say/send").text
    assert feedback.draft(till.store).about == FeedbackAbout(sort="employee", name="Bo Chen")
    till.tap("/say/category", category="goods")
    assert feedback.draft(till.store).about is None


class Nameless:
    """A wire without a name, in memory; it may be cut."""

    def __init__(self) -> None:
        self.said: list[SayUnnamed] = []
        self.cut = True

    def say(self, said: SayUnnamed) -> None:
        if self.cut:
            raise NotReachedError("cut")
        self.said.append(said)

    def look(self, code: str) -> Unnamed:
        if code != "known":
            raise Rejected("unknown_code")
        both = Text(zh="一样的", en="The same")
        return Unnamed(state="answered", week=date(2027, 3, 15), answer=both)


def test_without_a_name_nothing_stays_but_a_code_until_it_is_written_down(till: Till) -> None:
    wire = till.terminal.unnamed_wire = Nameless()
    for step, given in (("kind", "complaint"), ("category", "goods"), ("words", "Some get more"), ("about", "")):
        till.tap(f"/say/{step}", **{step: given})
    assert "Send without a name" in till.client.get("/say/send").text
    assert "It is kept here" in till.tap("/say/unnamed/begin").text
    assert outbox.of_kinds(till.store, "feedback.send") == []
    assert feedback.draft(till.store) is None
    wire.cut = False
    assert till.tap("/say/unnamed/send").status_code == 303
    assert till.tap("/say/unnamed/send").status_code == 303
    (said,) = wire.said
    assert (said.words, said.employee) == ("Some get more", "")
    page = till.client.get("/say/unnamed").text
    (known,) = unnamed.read_all(till.store)
    assert known.code in page
    plain = known.code.replace("-", "")
    assert hashlib.sha256(plain.encode()).hexdigest() == said.code_sha256
    till.tap(f"/say/unnamed/{known.id}/throw-away")
    assert unnamed.read_all(till.store) == [known]
    till.tap(f"/say/unnamed/{known.id}/forget")
    assert unnamed.read_all(till.store) == []
    assert known.code not in till.client.get("/say").text


def test_the_answer_is_read_with_the_code(till: Till) -> None:
    till.terminal.unnamed_wire = Nameless()
    assert "Nothing was said under this code" in till.tap("/say/code", code="wrong").text
    page = till.tap("/say/code", code="known").text
    assert "The same" in page
    assert "Answered" in page

"""Feedback on the terminal: written offline, kept over a power cut, sent once, followed, rated, reopened once."""

from datetime import date
from typing import Any
from uuid import UUID

import pytest

from contract.errors import Conflict, Rejected
from contract.feed import Delivery, Feedback, Receipt, Text
from terminal_client.core import feed, feedback, outbox
from terminal_client.core import feedback_use_cases as acts

BOTH = Text(zh="已补发", en="It is replaced")
TODAY = "2027-03-21"


def tell(world: Any, key: str, kind: str, message: Any) -> None:
    item = world.server.tell(key, kind, message)
    feed.apply(world.store, [item], cursor=item.seq, server_ms=world.clock.at_ms)


def told(world: Any, about: UUID, state: Any, **said: Any) -> None:
    given = {"number": 7, "kind": "complaint", "category": "goods", "words": "wet", "answer_until": date(2027, 3, 29)}
    message = Feedback(feedback=about, state=state, received_at=world.server.now(), **(given | said))
    tell(world, f"feedback:{about}", "feedback", message)


def written(world: Any) -> UUID:
    acts.keep(world.shop, kind="complaint", category="goods", words="A carton was wet")
    return acts.send(world.shop)


def only(world: Any) -> feedback.View:
    (view,) = feedback.read_all(world.store)
    return view


def test_a_draft_is_there_after_a_power_cut_at_any_tap_and_goes_with_the_sending(world: Any) -> None:
    for said in ({"kind": "complaint"}, {"category": "goods"}, {"words": "wet"}, {"sort": "order", "name": "x"}):
        acts.keep(world.shop, **said)
        world.restart()
    assert feedback.draft(world.store) == feedback.Draft("complaint", "goods", "wet", "order", "x")

    sent = acts.send(world.shop)

    assert feedback.draft(world.store) is None
    (entry,) = outbox.of_kinds(world.store, "feedback.send")
    assert (entry.id, entry.subject) == (sent, f"feedback:{sent}")
    assert entry.data["about"] == {"sort": "order", "name": "x"}


def test_without_words_nothing_is_queued(world: Any) -> None:
    for said in ({"kind": "complaint"}, {"category": "goods"}, {"words": "  \n"}):
        acts.keep(world.shop, **said)
        with pytest.raises(Rejected, match="no words"):
            acts.send(world.shop)
    assert outbox.of_kinds(world.store, "feedback.send") == []


def test_it_goes_from_saved_here_to_closed(world: Any) -> None:
    sent = written(world)
    assert (only(world).state, only(world).number) == ("saved", None)
    with world.store.transaction():
        outbox.mark_sent(world.store, [sent], at_ms=world.clock.at_ms)
    assert only(world).state == "sent"
    for state in ("received", "looked_at", "answered", "closed"):
        told(world, sent, state, answer=BOTH)
        assert (only(world).state, only(world).number) == (state, 7)


def test_only_a_closed_one_is_rated_and_once(world: Any) -> None:
    sent = written(world)
    with pytest.raises(Rejected, match="no such"):
        acts.rate(world.shop, sent, 5)
    told(world, sent, "answered", answer=BOTH)
    with pytest.raises(Rejected, match="not closed"):
        acts.rate(world.shop, sent, 5)
    told(world, sent, "closed", answer=BOTH)
    assert only(world).to_rate
    acts.rate(world.shop, sent, 4)
    assert only(world).waits
    assert not only(world).to_rate
    with pytest.raises(Conflict, match="already"):
        acts.rate(world.shop, sent, 1)
    told(world, sent, "closed", answer=BOTH, satisfaction=4)
    assert not only(world).to_rate


def test_it_is_reopened_once_with_words_that_survive_a_power_cut(world: Any) -> None:
    sent = written(world)
    with pytest.raises(Rejected, match="no such"):
        acts.reopen(world.shop, sent, TODAY)
    told(world, sent, "closed", answer=BOTH, reopen_until=date(2027, 3, 21))
    with pytest.raises(Rejected, match="no words"):
        acts.reopen(world.shop, sent, TODAY)
    acts.keep_reopening(world.shop, sent, "Wet again")
    world.restart()
    acts.reopen(world.shop, sent, TODAY)
    (entry,) = outbox.of_kinds(world.store, "feedback.rate")
    assert entry.data == {"feedback": str(sent), "reopen": "Wet again"}
    assert feedback.draft(world.store, sent) is None
    acts.keep_reopening(world.shop, sent, "And again")
    with pytest.raises(Rejected, match="as often as it can be"):
        acts.reopen(world.shop, sent, TODAY)
    told(world, sent, "looked_at", answer=BOTH, reopened="Wet again")
    with pytest.raises(Rejected, match="not answered"):
        acts.reopen(world.shop, sent, TODAY)


def test_a_mark_for_the_second_answer_is_asked_for(world: Any) -> None:
    sent = written(world)
    told(world, sent, "closed", answer=BOTH, reopen_until=date(2027, 4, 1))
    acts.keep_reopening(world.shop, sent, "Wet again")
    acts.reopen(world.shop, sent, TODAY)
    told(world, sent, "closed", answer=BOTH, reopened="Wet again")
    assert only(world).to_rate


def test_after_its_last_day_it_is_not_reopened(world: Any) -> None:
    sent = written(world)
    told(world, sent, "closed", answer=BOTH, reopen_until=date(2027, 3, 20))
    acts.keep_reopening(world.shop, sent, "Wet again")
    world.shop.clock.learn(world.clock.at_ms, 40)
    assert feedback.can_reopen(only(world), world.shop.clock, "2027-03-20")
    with pytest.raises(Rejected, match="2027-03-20"):
        acts.reopen(world.shop, sent, TODAY)


def test_what_was_said_by_telephone_is_followed_too(world: Any) -> None:
    told(world, UUID(int=7), "received", by_telephone=True)
    assert (only(world).entry, only(world).state, only(world).words) == (None, "received", "wet")


def test_the_last_deliveries_and_orders_are_offered(world: Any) -> None:
    for number in range(6):
        one = Delivery(
            delivery=UUID(int=number + 1),
            number=number,
            cycle=UUID(int=99),
            state="shipped",
            shipped_at=world.server.now(),
            lines=(),
        )
        tell(world, f"delivery:{one.delivery}", "delivery", one)
    assert [(one.sort, one.number) for one in feedback.subjects(world.store)] == [
        ("delivery", number) for number in (5, 4, 3, 2)
    ]


def test_a_draft_thrown_away_can_be_put_back(world: Any) -> None:
    acts.keep(world.shop, kind="question", words="why")
    thrown = acts.let_go(world.shop)
    assert feedback.draft(world.store) is None
    acts.put_back(world.shop, thrown)
    assert feedback.draft(world.store) == feedback.Draft("question", "", "why")


def test_a_received_reopening_that_the_feed_does_not_show_yet_is_not_asked_for_again(world: Any) -> None:
    sent = written(world)
    told(world, sent, "closed", answer=BOTH, reopen_until=date(2027, 4, 1))
    acts.keep_reopening(world.shop, sent, "Wet again")
    acts.reopen(world.shop, sent, TODAY)
    (entry,) = outbox.of_kinds(world.store, "feedback.rate")
    receipt = Receipt(message=entry.id, kind="feedback.rate", outcome="accepted", at=world.server.now(), number=7)
    with world.store.transaction():
        outbox.settle(world.store, receipt, exchanged_at_ms=world.clock.at_ms)
    assert not feedback.can_reopen(only(world), world.shop.clock, TODAY)
    assert not only(world).to_rate

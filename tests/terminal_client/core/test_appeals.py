"""The appeal on the terminal: written offline, kept over a power cut, sent once, followed to its answer."""

from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from contract.errors import Conflict, Rejected
from contract.feed import Appeal, Score, ScoreDecision, ScorePart, Text
from terminal_client.core import appeals, feed, outbox, use_cases

BOTH = Text(zh="需求", en="demand")


def score(closes_at: datetime | None, run: int = 2) -> Score:
    part = ScorePart(name=BOTH, points=400.0, most_points=500.0, periods=11, advice=BOTH, component="demand")
    return Score(
        run=run,
        as_of=date(2027, 3, 1),
        published_at=datetime.fromisoformat("2027-03-10T00:00:00Z"),
        points=400.0,
        rank=2,
        peers=9,
        tier=12,
        tiers=30,
        weight=19,
        why=BOTH,
        parts=(part,),
        appeals_close_at=closes_at,
        appeals_until=None if closes_at is None else closes_at.date() - timedelta(days=1),
    )


def tell(world: Any, key: str, kind: str, message: Any) -> None:
    item = world.server.tell(key, kind, message)
    feed.apply(world.store, [item], cursor=item.seq, server_ms=world.clock.at_ms)


@pytest.fixture
def scored(world: Any) -> Any:
    tell(world, "score", "score", score(world.server.now() + timedelta(days=3)))
    return world


def shown(world: Any) -> appeals.Shown:
    found = appeals.read(world.store, world.shop.clock)
    assert found is not None
    return found


def answered(appeal: UUID, state: Any, world: Any, **said: Any) -> Appeal:
    given = {"number": 7, "run": 2, "component": "demand", "answer_until": date(2027, 4, 5)} | said
    return Appeal(appeal=appeal, state=state, received_at=world.server.now(), **given)


def test_without_a_score_there_is_nothing_to_appeal_against(world: Any) -> None:
    assert appeals.read(world.store, world.shop.clock) is None
    with pytest.raises(Rejected, match="no published scores"):
        use_cases.keep_appeal(world.shop, component="demand")


def test_a_draft_is_there_after_a_power_cut_and_goes_with_the_sending(scored: Any) -> None:
    use_cases.keep_appeal(scored.shop, component="demand")
    use_cases.keep_appeal(scored.shop, words="October was 420")
    scored.restart()
    assert shown(scored).draft == appeals.Draft(2, "demand", "October was 420")

    sent = use_cases.appeal_score(scored.shop)

    assert shown(scored).draft is None
    (entry,) = outbox.of_kinds(scored.store, "score.appeal")
    assert (entry.id, entry.subject) == (sent, "appeal:2:demand")
    assert entry.data == {"run": 2, "component": "demand", "words": "October was 420"}


def test_an_appeal_goes_from_saved_here_to_its_answer(scored: Any) -> None:
    use_cases.keep_appeal(scored.shop, component="demand")
    sent = use_cases.appeal_score(scored.shop)
    assert [one.state for one in shown(scored).appeals] == ["saved"]
    with scored.store.transaction():
        outbox.mark_sent(scored.store, [sent], at_ms=scored.clock.at_ms)
    assert [one.state for one in shown(scored).appeals] == ["sent"]
    for state in ("received", "looked_at", "upheld"):
        tell(scored, f"appeal:{sent}", "appeal", answered(sent, state, scored, answer=BOTH, remedy=BOTH))
        (one,) = shown(scored).appeals
        assert (one.state, one.number, one.name) == (state, 7, BOTH)


def test_one_open_appeal_a_part_and_another_once_it_is_answered(scored: Any) -> None:
    use_cases.keep_appeal(scored.shop, component="demand")
    sent = use_cases.appeal_score(scored.shop)
    assert [(part.component, part.taken) for part in shown(scored).parts] == [("", False), ("demand", True)]
    with pytest.raises(Conflict, match="open already"):
        use_cases.keep_appeal(scored.shop, component="demand")
    use_cases.keep_appeal(scored.shop, component=appeals.WHOLE)

    tell(scored, f"appeal:{sent}", "appeal", answered(sent, "dismissed", scored, answer=BOTH))

    use_cases.keep_appeal(scored.shop, component="demand")


def test_after_the_period_nothing_is_queued(scored: Any) -> None:
    use_cases.keep_appeal(scored.shop, component="demand")
    scored.clock.forward(timedelta(days=3))
    assert not shown(scored).open
    with pytest.raises(Rejected, match="2027-03-23"):
        use_cases.appeal_score(scored.shop)
    assert outbox.of_kinds(scored.store, "score.appeal") == []


def test_scores_of_an_older_server_take_no_appeal_and_unknown_parts_are_refused(scored: Any) -> None:
    with pytest.raises(Rejected, match="no part payment"):
        use_cases.keep_appeal(scored.shop, component="payment")
    tell(scored, "score", "score", score(None))
    assert not shown(scored).open


def test_an_appeal_by_telephone_and_one_of_an_earlier_terminal_are_followed_too(scored: Any) -> None:
    appeal = UUID(int=7)
    tell(scored, f"appeal:{appeal}", "appeal", answered(appeal, "received", scored, component=None, by_telephone=True))
    (one,) = shown(scored).appeals
    assert (one.state, one.component, one.name, one.entry) == ("received", "", None, None)
    assert shown(scored).parts[0].taken


def test_decisions_are_shown_until_they_are_over(scored: Any) -> None:
    span = {"since": date(2027, 3, 1), "until": date(2027, 4, 1), "reason": "why"}
    for state in ("coming", "holding", "over"):
        made = ScoreDecision(decision=UUID(int=3), sort="lowered", tier=20, state=state, **span)
        tell(scored, f"decision:{made.decision}", "decision", made)
        assert [one.state for one in shown(scored).decisions] == ([] if state == "over" else [state])

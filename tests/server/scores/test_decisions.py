"""Dated decisions: told when approved, when they begin and when they end; ended early; withdrawn; kept for ever."""

from datetime import date, timedelta

import pytest
from factories import make_retailer

from contract.errors import Conflict, Rejected
from contract.feed import Score, ScoreDecision
from server import solver
from server.kit import outbox
from server.kit.db import transaction
from server.scores import decision_queries, decisions, policies, queries, service, telling

from .conftest import PLANNER, RELEASER

NOVEMBER, DECEMBER, MARCH = date(2026, 11, 1), date(2026, 12, 1), date(2027, 3, 1)


def told(room, shop="R1"):
    """What the shop's terminals show: its decisions, and its score once the solver has told it anew."""
    solver.TASKS[service.TELL_SHOPS](room.runtime, retailers=[shop])
    with transaction(room.runtime.sessions) as session:
        items, _ = outbox.read(session, shop, after=0)
    known = [ScoreDecision.model_validate(item.data) for item in items if item.kind == "decision"]
    scores = [Score.model_validate(item.data) for item in items if item.kind == "score"]
    return known, scores[0] if scores else None


def tick(room) -> int:
    now = room.clock().astimezone(room.runtime.settings.tz)
    with transaction(room.runtime.sessions) as session:
        return decisions.keep_time(session, now)


def end(room, decision, ends):
    now = room.clock()
    with transaction(room.runtime.sessions) as session:
        made = decisions.propose_end(session, decision, ends, PLANNER, reason="paid", at=now, today=now.date())
        with pytest.raises(Rejected, match="second person"):
            decisions.approve_end(session, made, PLANNER, at=now, today=now.date())
        decisions.approve_end(session, made, RELEASER, at=now, today=now.date())


def freezes(room, shop="R1"):
    found = room.run(1)
    return room.standings(found, [shop], room.clock().astimezone(room.runtime.settings.tz).date())[shop]


@pytest.fixture
def published(room):
    return room.publish(room.draft().number)


def test_a_decision_is_told_when_it_is_approved_when_it_begins_and_when_it_ends(room, published, clock):
    before = freezes(room)
    room.decide("R1", "lowered", 25, DECEMBER, MARCH)
    (known,), score = told(room)
    assert (known.state, known.tier, score.tier) == ("coming", 25, before.tier)
    assert service.TELL_SHOPS in room.queued()
    assert tick(room) == 0

    clock.advance(days=6)
    assert (tick(room), tick(room)) == (1, 0)
    (known,), score = told(room)
    assert (known.state, score.tier, score.weight) == ("holding", 25, freezes(room).weight)
    assert "tier 25 at best until 2027-03-01: sold to minors" in score.why.en

    clock.now += MARCH - DECEMBER
    assert (tick(room), tick(room)) == (1, 0)
    (known,), score = told(room)
    assert (known.state, score.tier, score.weight) == ("over", before.tier, before.weight)
    assert "minors" not in score.why.en


def test_the_day_begins_in_the_distributors_zone(room, published, clock):
    room.decide("R1", "suspended", None, DECEMBER, MARCH)
    clock.now = clock.now.replace(month=11, day=30, hour=15, minute=59)
    assert tick(room) == 0
    clock.advance(minutes=1)
    assert tick(room) == 1


def test_what_the_freeze_counts_of_a_suspended_shop_is_what_it_is_told(room, published):
    room.decide("R1", "suspended", None, NOVEMBER, MARCH)

    (known,), score = told(room)

    assert freezes(room).suspended == known.reason == "sold to minors"
    assert score.weight == 0
    assert "nothing is allocated to you until 2027-03-01" in score.why.en


def test_a_decision_that_ends_early_ends_for_freeze_terminal_and_the_next_run(room, published, clock):
    made = room.decide("R1", "suspended", None, NOVEMBER, MARCH)
    end(room, made, DECEMBER)
    (known,), _ = told(room)
    assert (known.state, known.until, known.ended_why) == ("holding", DECEMBER, "paid")
    assert freezes(room).suspended is not None

    clock.advance(days=6)
    assert tick(room) == 1

    (known,), score = told(room)
    assert (known.state, freezes(room).suspended) == ("over", None)
    assert score.weight == freezes(room).weight > 0
    assert room.scores(room.draft())["R1"].status == "scored"
    with transaction(room.runtime.sessions) as session:
        held = decision_queries.decision(session, made)
    assert (held.until, held.holds_until, held.ended.approver) == (MARCH, DECEMBER, "bo")


def test_a_decision_that_ends_before_it_began_never_holds(room, published, clock):
    made = room.decide("R1", "suspended", None, DECEMBER, MARCH)
    end(room, made, clock.now.date())
    assert told(room)[0][0].state == "over"

    clock.advance(days=10)

    assert tick(room) == 0
    assert freezes(room).suspended is None
    assert room.draft().certificate["decisions"] == []


def test_a_proposal_is_withdrawn_and_stays_without_effect(room, published):
    with transaction(room.runtime.sessions) as session:
        span = {"reason": "why", "at": room.clock()}
        made = decisions.propose_decision(session, "R1", "suspended", None, NOVEMBER, MARCH, PLANNER, **span)
        decisions.withdraw_decision(session, made, PLANNER, at=room.clock())
        with pytest.raises(Conflict, match="withdrawn"):
            decisions.approve_decision(session, made, RELEASER, at=room.clock(), today=NOVEMBER)
        with pytest.raises(Conflict, match="withdrawn"):
            decisions.withdraw_decision(session, made, RELEASER, at=room.clock())
        with pytest.raises(Conflict, match="withdrawn"):
            decisions.propose_end(session, made, DECEMBER, PLANNER, reason="why", at=room.clock(), today=NOVEMBER)
        assert [one.withdrawn_by for one in decision_queries.decisions(session)] == ["anna"]
    assert told(room)[0] == []
    assert freezes(room).suspended is None


def test_an_end_is_proposed_once_at_a_time_and_can_be_withdrawn(room, published, clock):
    made = room.decide("R1", "suspended", None, NOVEMBER, MARCH)
    today = clock.now.date()
    with transaction(room.runtime.sessions) as session:
        words = {"reason": "why", "at": clock.now, "today": today}
        first = decisions.propose_end(session, made, DECEMBER, PLANNER, **words)
        with pytest.raises(Conflict, match="proposed"):
            decisions.propose_end(session, made, DECEMBER, PLANNER, **words)
        decisions.withdraw_end(session, first, RELEASER, at=clock.now)
        second = decisions.propose_end(session, made, DECEMBER, PLANNER, **words)
        with pytest.raises(Rejected, match="can end early from"):
            decisions.approve_end(session, second, RELEASER, at=clock.now, today=DECEMBER + timedelta(days=1))
        with pytest.raises(Rejected, match="There is no end of a decision"):
            decisions.approve_end(session, made, RELEASER, at=clock.now, today=today)
    assert freezes(room).suspended is not None


def test_a_decision_counts_as_well_for_a_shop_that_is_not_scored(room, published):
    with transaction(room.runtime.sessions) as session:
        make_retailer(session, "R9", tier=4, weight=27)
    room.decide("R9", "lowered", 20, NOVEMBER, MARCH)
    with transaction(room.runtime.sessions) as session:
        found = queries.in_force(session)
        scored = queries.standings(session, found, ["R9"], NOVEMBER, {"R9": (4, 27)})["R9"]
        without_scores = queries.standings(session, None, ["R9"], NOVEMBER, {"R9": (4, 27)})["R9"]
        after = queries.standings(session, found, ["R9"], MARCH, {"R9": (4, 27)})["R9"]
    assert (scored.tier, scored.weight) == (20, 11)
    assert (without_scores.tier, without_scores.weight) == (20, 27)
    assert (after.tier, after.weight) == (4, 27)
    known, score = told(room, "R9")
    assert ([one.state for one in known], score) == (["holding"], None)


def test_nobody_is_told_of_scores_where_none_are_in_force(room):
    telling.shops(room.runtime, retailers=["R1"])
    assert told(room) == ([], None)


def test_a_tier_that_the_policy_does_not_have_is_refused_and_one_that_went_later_is_the_last(room, published, clock):
    with pytest.raises(Rejected) as refused:
        room.decide("R1", "lowered", 31, NOVEMBER, MARCH)
    assert (refused.value.code, refused.value.params["most"]) == ("decision_tier", 30)

    room.decide("R1", "lowered", 25, NOVEMBER, MARCH)
    with transaction(room.runtime.sessions) as session:
        policies.write_policy(session, "tiers = 10\n", PLANNER, reason="fewer tiers", at=clock())
    found = room.draft()

    assert room.scores(found)["R1"].tier == 10

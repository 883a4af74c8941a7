"""Visits that come late, twice, in another order; promises; plans that two people change."""

import itertools
from datetime import date, timedelta
from zoneinfo import ZoneInfo

import pytest
from factories import NOW, make_retailer
from pictures import picture
from sqlalchemy import func, select
from sqlalchemy.orm import Session, sessionmaker

from contract.errors import Conflict, Rejected
from contract.ids import uuid7
from server.kit.changing import ChangedMeanwhileError
from server.kit.computations import StoppedError
from server.kit.db import bounds, transaction
from server.kit.identity import Operator
from server.kit.runtime import Runtime
from server.photos import queries as photos
from server.retailers.models import RetailerRow
from server.visits import making, planning, plans, queries, ruling, service
from server.visits.models import PlanRow, VisitRow
from server.visits.shapes import KeptVisit

ZONE = ZoneInfo("Asia/Shanghai")
TODAY = NOW.astimezone(ZONE).date()
PAT = Operator(1, "pat", frozenset({"planner"}))
MIA = Operator(2, "mia", frozenset({"manager"}))
MAX = Operator(3, "max", frozenset({"manager"}))


def draft(retailer: str = "R1", **said: object) -> KeptVisit:
    whole = {"id": uuid7(), "retailer": retailer, "sort": "visit", "at": NOW, "outcome": "done", **said}
    return KeptVisit.model_validate(whole)


def keep(session: Session, kept: KeptVisit, by: Operator = MIA, at=NOW):
    return service.keep_visit(session, kept, by, at=at, zone=ZONE)


def usual(session: Session) -> ruling.RuleSet:
    words = {one["key"]: (one["key"], ["Is the sign up?"]) for one in ruling.USUAL}
    return ruling.begin_with_usual(session, words, "to begin with", PAT, at=NOW, today=TODAY)


def test_a_draft_that_is_sent_again_counts_once(session: Session) -> None:
    make_retailer(session)
    kept = draft(promises=[{"words": "a new sign", "due_on": TODAY}])
    first = keep(session, kept)
    second = keep(session, kept, at=NOW + timedelta(days=6))
    assert (first.again, second.again, second.number, second.received_at) == (False, True, first.number, NOW)
    assert session.scalar(select(func.count()).select_from(VisitRow)) == 1
    assert len(queries.open_promises(session, until=TODAY)) == 1


def test_the_same_id_with_something_else_or_of_somebody_else_is_refused(session: Session) -> None:
    make_retailer(session)
    kept = draft()
    keep(session, kept)
    with pytest.raises(Conflict, match="used"):
        keep(session, kept.model_copy(update={"words": "more"}))
    with pytest.raises(Conflict, match="used"):
        keep(session, kept, MAX)


def test_whatever_the_order_in_which_visits_come_the_same_is_due(sessions: sessionmaker[Session]) -> None:
    with transaction(sessions) as session:
        make_retailer(session, tier=1)
        usual(session)
    days = (1, 5, 3)
    drafts = [draft(at=NOW - timedelta(days=ago), words=str(ago)) for ago in days]
    seen = set()
    for order in itertools.permutations([*drafts, drafts[0]]):
        with sessions() as session:
            session.info["scope"] = "*"
            for kept in order:
                keep(session, kept)
            every = queries.due(session, today=TODAY, until=TODAY + timedelta(days=30), zone=ZONE)
            (one,) = [due for due in every if due.rule.key == "class-a"]
            seen.add((one.due_on, one.after, session.scalar(select(func.count()).select_from(VisitRow))))
            session.rollback()
    assert seen == {(TODAY + timedelta(days=6), TODAY - timedelta(days=1), 3)}


def test_a_visit_of_a_month_ago_counts_at_its_own_time_and_an_impossible_clock_is_not_believed(
    session: Session,
) -> None:
    make_retailer(session)
    late = keep(session, draft(at=NOW - timedelta(days=30)))
    assert (late.at, late.time_from) == (NOW - timedelta(days=30), "device")
    for wrong in (NOW - timedelta(days=400), NOW + timedelta(days=2)):
        told = keep(session, draft(at=wrong))
        assert (told.at, told.time_from) == (NOW, "server")


def test_what_is_not_there_is_named(session: Session) -> None:
    make_retailer(session)
    for wrong in ({"retailer": "R9"}, {"counts": [{"sku": "K9"}]}, {"stop": uuid7()}):
        with pytest.raises(Rejected, match="There is no"):
            keep(session, draft(**wrong))


def test_a_person_of_another_region_neither_keeps_nor_sees(sessions: sessionmaker[Session]) -> None:
    with transaction(sessions) as session:
        make_retailer(session, region="north")
        kept = draft()
        keep(session, kept)
    with transaction(sessions, bounds(["south"], [])) as session:
        with pytest.raises(Rejected, match="There is no retailer"):
            keep(session, draft())
        with pytest.raises((Conflict, Rejected)):
            keep(session, kept)
        assert queries.visits(session) == ([], 0)


def test_photos_of_an_own_visit_are_kept_once(session: Session) -> None:
    make_retailer(session)
    kept = draft()
    keep(session, kept)
    content = picture()
    for _ in range(2):
        service.keep_photo(session, kept.id, 1, content, MIA, at=NOW)
    assert [one.state for one in photos.photos_of(session, "visit", kept.id)] == ["complete"]
    with pytest.raises(Conflict):
        service.keep_photo(session, kept.id, 1, picture(seed=2), MIA, at=NOW)
    with pytest.raises(Rejected, match="no photo"):
        service.keep_photo(session, kept.id, 2, b"<html>", MIA, at=NOW)
    with pytest.raises(Rejected, match="There is no visit"):
        service.keep_photo(session, kept.id, 2, content, MAX, at=NOW)


def test_a_promise_is_due_until_somebody_says_what_became_of_it(session: Session) -> None:
    make_retailer(session)
    keep(session, draft(promises=[{"words": "a new sign", "due_on": TODAY + timedelta(days=2)}]))
    assert queries.open_promises(session, until=TODAY) == []
    (one,) = queries.open_promises(session, until=TODAY + timedelta(days=2), owner="mia")
    service.settle_promise(session, one.id, "it hangs", MAX, at=NOW)
    assert queries.open_promises(session, until=date.max) == []
    with pytest.raises(Conflict):
        service.settle_promise(session, one.id, "again", MAX, at=NOW)


def test_rules_are_versions_and_the_second_of_two_is_told(session: Session) -> None:
    first = usual(session)
    record = {"name": "Villages", "sort": "visit", "when": "interval", "who": "manager", "days": 30, "shops": 0}
    record |= {"minutes": 30, "tiers": (), "markets": "village\n", "regions": "", "questions": "Is it open?"}
    said = {"at": NOW, "today": TODAY, "seen": first.version}
    second = ruling.write_rule(session, None, record, "more villages", PAT, **said)
    assert [rule.key for rule in second.rules] == ["class-a", "after-a-claim", "month-sample", "villages"]
    assert (second.named("villages").markets, second.named("villages").since) == (("village",), TODAY)
    with pytest.raises(ChangedMeanwhileError):
        ruling.remove_rule(session, "class-a", "none", PAT, at=NOW, seen=first.version)
    assert [one.version for one in ruling.versions(session)] == [second.version, first.version]


def made_plan(runtime: Runtime, *, shops: int = 12, by: Operator = PAT) -> plans.PlanView:
    with transaction(runtime.sessions) as session:
        for number in range(shops):
            region = "north" if number % 3 else "south"
            code = make_retailer(session, f"P{number:02d}", tier=1, region=region)
            shop = session.get_one(RetailerRow, code)
            shop.latitude, shop.longitude = 31 + number / 100, 121
        usual(session)
        terms = planning.Terms(TODAY, 7, (planning.Manager("mia"), planning.Manager("max")), 4, 480, 30)
        plan = plans.ask(session, terms, by, at=NOW)
    making.run(runtime, plan=str(plan))
    with transaction(runtime.sessions) as session:
        return plans.find(session, plan)


def test_a_plan_is_made_in_the_background_of_what_is_due_until_its_end(runtime: Runtime) -> None:
    plan = made_plan(runtime)
    assert (plan.state, plan.steps_done, plan.figures["stops"], plan.figures["left"]) == ("made", plan.steps, 12, 0)
    with transaction(runtime.sessions) as session:
        stops = plans.stops(session, plan.id)
        assert {one.manager for one in stops} <= {"mia", "max"}
        assert [one.travel_m is None for one in stops if one.place == 1] == [True] * len(
            {(s.manager, s.day) for s in stops}
        )
        assert plans.planned_already(session, today=TODAY) == {one.retailer for one in stops}
    making.run(runtime, plan=str(plan.id))  # again, as after a crash: nothing more
    with transaction(runtime.sessions) as session:
        assert len(plans.stops(session, plan.id)) == 12


def test_a_plan_of_a_bounded_person_is_of_his_shops_alone(runtime: Runtime) -> None:
    north = Operator(4, "rea", frozenset({"regional"}), regions=frozenset({"north"}))
    assert made_plan(runtime, by=north).figures["stops"] == 8


def test_a_plan_that_was_stopped_stores_nothing(runtime: Runtime, monkeypatch: pytest.MonkeyPatch) -> None:
    stop_it = plans.stop

    def step_and_stop(session, table, computation, **values):
        with transaction(runtime.sessions) as other:
            stop_it(other, computation, by=PAT, at=NOW)
        raise StoppedError

    monkeypatch.setattr("server.visits.making.computations.note", step_and_stop)
    plan = made_plan(runtime)
    assert (plan.state, plan.figures, plan.stopped_by) == ("stopped", None, "pat")
    with transaction(runtime.sessions) as session:
        assert plans.stops(session, plan.id) == []


def test_a_sick_day_moves_what_is_undone_and_says_what_changed(runtime: Runtime) -> None:
    plan = made_plan(runtime)
    with transaction(runtime.sessions) as session:
        before = plans.stops(session, plan.id)
        sick = next(one for one in before if one.place == 1)
        keep(session, draft(sick.retailer, stop=sick.id))
        ill = {(sick.manager, sick.day)}
        moved = plans.replan(session, plan.id, ill, "ill", PAT, at=NOW, today=TODAY, seen=0)
        after = {one.retailer: one for one in plans.stops(session, plan.id)}
    assert after[sick.retailer].done_at is not None
    of_the_day = {one.retailer for one in before if (one.manager, one.day) == (sick.manager, sick.day)}
    assert {one.stop.retailer for one in moved} == of_the_day - {sick.retailer}
    untouched = [one for one in before if one.retailer not in of_the_day]
    assert all((after[one.retailer].manager, after[one.retailer].day) == (one.manager, one.day) for one in untouched)
    with transaction(runtime.sessions) as session:
        assert {one.retailer for one in plans.moves(session, plan.id)} == of_the_day - {sick.retailer}
        with pytest.raises(ChangedMeanwhileError):
            plans.replan(session, plan.id, ill, "ill", PAT, at=NOW, today=TODAY, seen=0)


def test_a_stop_is_moved_by_hand_but_not_one_that_was_done_nor_by_a_colleague(runtime: Runtime) -> None:
    plan = made_plan(runtime)
    with transaction(runtime.sessions) as session:
        stops = plans.stops(session, plan.id)
        one = next(stop for stop in stops if stop.manager == "mia" and stop.place == 1)
        seen = plans.move_stop(session, plan.id, one.retailer, "max", one.day, 1, PAT, at=NOW, seen=0)
        there = plans.stops(session, plan.id, manager="max", day=one.day)
        assert [stop.place for stop in there] == list(range(1, len(there) + 1))
        assert there[0].retailer == one.retailer
        with pytest.raises(Rejected, match="planner"):
            plans.move_stop(session, plan.id, one.retailer, "mia", one.day, 1, MIA, at=NOW, seen=seen)
        keep(session, draft(one.retailer, stop=one.id), MAX)
        with pytest.raises(Conflict, match="done"):
            plans.move_stop(session, plan.id, one.retailer, "mia", one.day, 1, PAT, at=NOW, seen=seen)
        assert session.get_one(PlanRow, plan.id).revision == seen == 1

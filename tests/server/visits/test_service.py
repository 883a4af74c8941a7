"""Visits that come late, twice, in another order; promises; plans that two people change."""

import itertools
from collections import Counter
from collections.abc import Collection
from dataclasses import replace
from datetime import date, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from factories import NOW, make_retailer
from pictures import picture
from sqlalchemy import func, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session, sessionmaker

from contract.errors import Conflict, Rejected
from contract.ids import uuid7
from server.kit.changing import ChangedMeanwhileError
from server.kit.computations import StoppedError
from server.kit.db import EVERYTHING, bounds, scope_held, transaction
from server.kit.identity import SYSTEM, Operator
from server.kit.retention import ERASED
from server.kit.runtime import Runtime
from server.operators import service as operators
from server.photos import queries as photos
from server.retailers import queries as retailers
from server.retailers.models import RetailerRow
from server.visits import making, planning, plans, queries, retention, ruling, service
from server.visits.distances import Spot, between_m
from server.visits.models import PlanRow, PromiseRow, StopRow, VisitRow
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


def test_a_contact_meets_a_rule_of_its_sort_and_of_the_persons_role_alone(session: Session) -> None:
    make_retailer(session)
    usual(session)
    rea = Operator(4, "rea", frozenset({"regional"}))

    def met(by: Operator, **said: object) -> str | None:
        kept = draft(**said)
        keep(session, kept, by)
        return session.get_one(VisitRow, kept.id).rule

    call = {"sort": "call", "outcome": "reached"}
    assert met(MIA, rule="class-a") == "class-a"
    assert met(rea, rule="after-a-claim", **call) == "after-a-claim"
    assert met(MIA, rule="after-a-claim", **call) is None  # the director's own to make
    assert met(MIA, rule="class-a", **call) is None
    assert met(MIA, rule="a-rule-of-last-year") is None


def test_words_of_a_settled_promise_go_whatever_the_visit_said(session: Session) -> None:
    make_retailer(session)
    keep(session, draft(promises=[{"words": "a sign", "due_on": TODAY}]))
    keep(session, draft(words="sold out", promises=[{"words": "a shelf", "due_on": TODAY}]))
    by_words = {one.words: one.id for one in queries.open_promises(session, until=TODAY)}
    service.settle_promise(session, by_words["a sign"], "it hangs", MIA, at=NOW)
    term, once = NOW + timedelta(days=1), NOW + timedelta(days=2)
    assert retention.count_words(session, term) == retention.erase_words(session, term, once) == 2
    service.settle_promise(session, by_words["a shelf"], "it stands", MIA, at=once)
    assert retention.count_words(session, term) == retention.erase_words(session, term, once) == 1
    session.expire_all()
    promised = session.execute(select(PromiseRow.words, PromiseRow.done_words))
    assert {*map(tuple, promised)} == {(ERASED, ERASED)}
    assert retention.count_words(session, term) == 0


def made_plan(runtime: Runtime, *, shops: int = 12, by: Operator = PAT) -> plans.PlanView:
    with transaction(runtime.sessions) as session:
        for number in range(shops):
            region = "north" if number % 3 else "south"
            code = make_retailer(session, f"P{number:02d}", tier=1, region=region)
            shop = session.get_one(RetailerRow, code)
            shop.latitude, shop.longitude = 31 + number / 100, 121
        usual(session)
        for name in ("mia", "max"):
            operators.add_operator(session, name, ["manager"], by=SYSTEM, at=NOW)
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


def test_a_plan_holds_visits_by_rules_of_those_who_go_alone(runtime: Runtime) -> None:
    with transaction(runtime.sessions) as session:
        make_retailer(session, "V1", tier=3)
    plan = made_plan(runtime)
    record = {"name": "Villages", "sort": "visit", "when": "interval", "who": "regional", "days": 1, "shops": 0}
    record |= {"minutes": 30, "tiers": ("3",), "markets": "", "regions": "", "questions": ""}
    with transaction(runtime.sessions) as session:
        ruling.write_rule(
            session, None, record, "more", PAT, at=NOW, today=TODAY, seen=ruling.in_force(session).version
        )
        for going, there in (("mia", False), ("rea", True)):
            if going == "rea":
                operators.add_operator(session, "rea", ["regional"], by=SYSTEM, at=NOW)
            terms = replace(plan.terms, managers=(planning.Manager(going),))
            asked = plans.find(session, plans.ask(session, terms, PAT, at=NOW))
            assert ("V1" in {one.retailer for one in making.read(session, runtime, asked)}) is there


def bounded_plan(runtime: Runtime) -> tuple[plans.PlanView, Operator, dict[str, plans.StopView]]:
    plan = made_plan(runtime)
    with transaction(runtime.sessions) as session:
        before = {one.retailer: one for one in plans.stops(session, plan.id)}
    return plan, Operator(4, "rea", frozenset({"regional"}), regions=frozenset({"north"})), before


def whole(runtime: Runtime, plan: UUID, south: Collection[str]) -> dict[str, plans.StopView]:
    """Return all stops of a plan, once each day is found to be numbered from one, with the ways between its stops."""
    with transaction(runtime.sessions) as session:
        after = {one.retailer: one for one in plans.stops(session, plan)}
        spots = {one.code: one for one in retailers.outlets(session, on=TODAY)}
    lists: dict[tuple[str | None, date | None], list[plans.StopView]] = {}
    for one in after.values():
        lists.setdefault((one.manager, one.day), []).append(one)
    for stops in lists.values():
        stops.sort(key=lambda one: one.place or 0)
        assert [one.place for one in stops] == list(range(1, len(stops) + 1))
        places = [Spot(spots[one.retailer].latitude or 0, spots[one.retailer].longitude or 0) for one in stops]
        assert [one.travel_m for one in stops] == [None, *(between_m(*pair) for pair in itertools.pairwise(places))]
    assert {*south} <= after.keys()
    return after


def test_a_bounded_person_replans_his_own_stops_in_the_whole_plan(runtime: Runtime) -> None:
    plan, rea, before = bounded_plan(runtime)
    south = {code for code, one in before.items() if int(code[1:]) % 3 == 0}
    sick = next(one for code, one in before.items() if code not in south)
    ill = {(sick.manager, sick.day)}
    with transaction(runtime.sessions, bounds(["north"], [])) as session:
        moved = plans.replan(session, plan.id, ill, "ill", rea, at=NOW, today=TODAY, seen=0)
        assert {one.retailer for one in plans.stops(session, plan.id)} == before.keys() - south
    after = whole(runtime, plan.id, south)
    assert {one.stop.retailer for one in moved} == {
        code for code, one in before.items() if (one.manager, one.day) in ill and code not in south
    }
    assert all((after[code].manager, after[code].day) == (before[code].manager, before[code].day) for code in south)
    days = Counter((one.manager, one.day) for one in after.values())
    assert max(count for where, count in days.items() if where not in ill) <= 4


def test_a_bounded_person_moves_a_stop_among_those_that_he_does_not_see(runtime: Runtime) -> None:
    plan, rea, before = bounded_plan(runtime)
    south = {code for code in before if int(code[1:]) % 3 == 0}
    one = next(stop for code, stop in before.items() if code not in south)
    other = next(stop for code, stop in before.items() if code in south and stop.manager != one.manager)
    with transaction(runtime.sessions, bounds(["north"], [])) as session:
        plans.move_stop(session, plan.id, one.retailer, other.manager, other.day, 1, rea, at=NOW, seen=0)
        with pytest.raises(Rejected, match="There is no stop"):
            plans.move_stop(session, plan.id, other.retailer, one.manager, one.day, 1, rea, at=NOW, seen=1)
    after = whole(runtime, plan.id, south)
    assert after[one.retailer].place == 1
    assert after[other.retailer].place == (other.place or 0) + 1


def test_the_database_lets_no_two_stops_have_one_place(runtime: Runtime) -> None:
    plan = made_plan(runtime)
    with pytest.raises(IntegrityError, match="plan_manager_day_place"), transaction(runtime.sessions) as session:
        session.execute(update(StopRow).where(StopRow.plan == plan.id, StopRow.day.is_not(None)).values(place=1))


def test_the_months_lot_is_the_same_for_whoever_asks(sessions: sessionmaker[Session]) -> None:
    until = TODAY + timedelta(days=30)
    drawn = {}
    with transaction(sessions) as session:
        for number in range(60):
            make_retailer(session, f"L{number:02d}", tier=3, region="north" if number % 3 else "south")
        usual(session)
    for scope in (EVERYTHING, bounds(["south"], [])):
        with transaction(sessions, scope) as session:
            every = queries.due(session, today=TODAY, until=until, zone=ZONE)
            assert scope_held(session) == scope
            month = TODAY.replace(day=1)
            drawn[scope] = {
                one.retailer for one in every if one.rule.when == "sample" and one.due_on.month == month.month
            }
    south = {code for code in drawn[EVERYTHING] if int(code[1:]) % 3 == 0}
    assert len(drawn[EVERYTHING]) == 20
    assert drawn[bounds(["south"], [])] == south


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

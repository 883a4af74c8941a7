"""Rollouts on the real database: rings at a rate, halted by failures, stopped for good, each with its reason."""

from collections import Counter
from collections.abc import Callable
from datetime import datetime, timedelta
from uuid import UUID

import pytest
from factories import NOW, make_device, make_retailer, send
from sqlalchemy import event
from sqlalchemy.orm import Session, sessionmaker
from starlette.testclient import TestClient

from contract.errors import Conflict, Rejected
from contract.messages import ReportCommand, ReportShadow
from server.fleet import groups
from server.kit import audit, outbox
from server.kit.db import transaction
from server.kit.identity import Operator, Sender
from server.rollouts import queries, rules, service
from server.rollouts.audience import Target
from server.rollouts.rules import Plan, Ring
from server.steering import service as steering

FLO = Operator(1, "flo", frozenset({"fleet"}))
GUS = Operator(2, "gus", frozenset({"fleet"}))
PLAN = Plan((Ring("canary", 20), Ring("all", 100)), rate_per_minute=4, abort_percent=50, abort_minimum=2)
SignedIn = Callable[..., TestClient]


@pytest.fixture
def tills(session: Session) -> dict[str, Sender]:
    """Ten terminals, the third of the canary's channel."""
    made = {}
    for number in range(10):
        code = make_retailer(session, f"R{number}", region="north" if number < 5 else "south")
        till = make_device(session, code)
        made[till.device] = till
    send(session, made["t-r3"], "device.shadow", ReportShadow(version=1, applied=0, state={"channel": "canary"}))
    return made


def begin(session: Session, kind: str = "sync", **more: object) -> UUID:
    wanted = {"target": Target(), "plan": PLAN, "params": {}, "device_minutes": 10, "deadline_hours": 2} | more
    return service.propose(session, "a rollout", kind, operator=FLO, at=NOW, **wanted)  # type: ignore[arg-type]


def tick(session: Session, now: datetime) -> None:
    steering.keep_time(session, now)
    service.keep_time(session, now)
    session.flush()


def hear_late(session: Session, now: datetime) -> None:
    """Let a minute go by, in which each rollout that is over has its turn."""
    for second in range(60):
        service.keep_time(session, now + timedelta(seconds=second))


def states(session: Session, rollout: UUID) -> Counter[str]:
    return sum(queries.counts(session, [rollout])[rollout].values(), Counter())


def stands(session: Session, rollout: UUID) -> tuple[str, str, int]:
    found = queries.rollout(session, rollout)
    assert found is not None
    return found.state, found.why, found.ring


def answer(session: Session, tills: dict[str, Sender], rollout: UUID, state: str, most: int = 100, **said: str) -> int:
    """Let terminals that were asked answer; return how many did."""
    waiting = [one for one in queries.terminals(session, rollout, limit=1000) if one.state in rules.UNDER_WAY][:most]
    for one in waiting:
        report = ReportCommand.model_validate({"command": one.command, "state": state, **said})
        send(session, tills[one.device], "command.state", report)
    return len(waiting)


def test_the_canary_goes_first_and_then_everyone_at_the_rate(session: Session, tills: dict[str, Sender]) -> None:
    rollout = begin(session)
    tick(session, NOW)
    canary = [one for one in queries.terminals(session, rollout, limit=100) if one.state == "sent"]
    assert len(canary) == 2
    assert "t-r3" in [one.device for one in canary]
    (item,) = outbox.current(session, "R3", "commands:")
    assert [one["kind"] for one in item.data["commands"]] == ["sync"]

    answer(session, tills, rollout, "succeeded")
    tick(session, NOW + timedelta(seconds=10))
    assert states(session, rollout) == {"succeeded": 2, "sent": 2, "queued": 6}
    answer(session, tills, rollout, "succeeded")
    tick(session, NOW + timedelta(seconds=59))
    assert states(session, rollout)["queued"] == 6
    tick(session, NOW + timedelta(seconds=61))
    assert states(session, rollout) == {"succeeded": 4, "sent": 2, "queued": 4}
    for minute in range(2, 5):
        answer(session, tills, rollout, "succeeded")
        tick(session, NOW + timedelta(minutes=minute, seconds=15))
    answer(session, tills, rollout, "succeeded")
    tick(session, NOW + timedelta(minutes=6))
    assert stands(session, rollout)[0] == "completed"
    assert states(session, rollout) == {"succeeded": 10}


def test_failures_halt_it_and_a_person_resumes_it_with_another_try(session: Session, tills: dict[str, Sender]) -> None:
    rollout = begin(session)
    tick(session, NOW)
    answer(session, tills, rollout, "failed", reason="stumbled", detail="it fell")
    tick(session, NOW + timedelta(minutes=2))
    assert stands(session, rollout) == ("halted", "threshold", 0)
    assert states(session, rollout) == {"failed": 2, "queued": 8}
    assert queries.reasons(session, rollout)[0][:3] == ("failed", "stumbled", 2)
    tick(session, NOW + timedelta(minutes=4))
    assert states(session, rollout)["queued"] == 8

    service.act(session, rollout, "resume", FLO, at=NOW + timedelta(minutes=5), again=True)
    tick(session, NOW + timedelta(minutes=5))
    assert states(session, rollout) == {"sent": 2, "queued": 8}
    answer(session, tills, rollout, "succeeded")
    tick(session, NOW + timedelta(minutes=6))
    assert stands(session, rollout) == ("running", "", 1)
    assert [one.attempt for one in queries.terminals(session, rollout, limit=9, state="succeeded")] == [2, 2]


def test_another_try_after_a_halt_and_a_pause_is_judged_anew(session: Session, tills: dict[str, Sender]) -> None:
    rollout = begin(session)
    tick(session, NOW)
    answer(session, tills, rollout, "failed")
    tick(session, NOW + timedelta(minutes=2))
    service.act(session, rollout, "resume", FLO, at=NOW + timedelta(minutes=3))
    service.act(session, rollout, "pause", FLO, at=NOW + timedelta(minutes=4))
    service.act(session, rollout, "resume", FLO, at=NOW + timedelta(minutes=5), again=True)
    tick(session, NOW + timedelta(minutes=5))
    assert states(session, rollout) == {"sent": 2, "queued": 8}
    answer(session, tills, rollout, "failed")
    tick(session, NOW + timedelta(minutes=7))
    assert stands(session, rollout) == ("halted", "threshold", 0)


def test_a_last_ring_that_fails_at_once_halts_with_an_alert(session: Session, tills: dict[str, Sender]) -> None:
    rollout = begin(session, plan=Plan((Ring("all", 100),), 100, 50, 2))
    tick(session, NOW)
    answer(session, tills, rollout, "failed")
    for minute in (1, 2):
        tick(session, NOW + timedelta(minutes=minute))
    assert stands(session, rollout) == ("halted", "threshold", 0)
    assert [one.action for one in audit.entries(session, limit=99) if one.alert] == ["rollout.halted"]
    service.act(session, rollout, "resume", FLO, at=NOW + timedelta(minutes=3))
    tick(session, NOW + timedelta(minutes=3))
    assert stands(session, rollout)[0] == "completed"


def test_a_terminals_own_late_word_takes_the_place_of_the_servers_ending(
    session: Session, tills: dict[str, Sender]
) -> None:
    late = begin(session, target=Target(devices=("t-r1", "t-r2")), plan=Plan((Ring("all", 100),), 100, 50, 5))
    tick(session, NOW)
    answer(session, tills, late, "in_progress", most=1)
    asked = queries.terminals(session, late, limit=9)
    for _ in range(2):
        tick(session, NOW + timedelta(minutes=12))
    assert states(session, late) == {"timed_out": 1, "unreachable": 1}
    assert stands(session, late)[0] == "completed"
    for one in asked:
        report = ReportCommand.model_validate({"command": one.command, "state": "succeeded"})
        send(session, tills[one.device], "command.state", report)
    hear_late(session, NOW + timedelta(minutes=30))
    assert states(session, late) == {"succeeded": 2}


def test_who_began_and_says_that_its_time_was_over_has_timed_out(session: Session, tills: dict[str, Sender]) -> None:
    rollout = begin(session)
    tick(session, NOW)
    answer(session, tills, rollout, "in_progress", most=1)
    tick(session, NOW + timedelta(seconds=1))
    answer(session, tills, rollout, "expired", reason="too_late")
    tick(session, NOW + timedelta(minutes=10))
    assert (states(session, rollout)["timed_out"], states(session, rollout)["unreachable"]) == (1, 1)


def test_a_stop_reaches_terminals_whose_time_the_server_had_ended(session: Session, tills: dict[str, Sender]) -> None:
    rollout = begin(session, "update", params={"release": "0.3.0"})
    service.release(session, rollout, GUS, at=NOW)
    tick(session, NOW)
    answer(session, tills, rollout, "in_progress")
    for _ in range(2):
        tick(session, NOW + timedelta(minutes=12))
    assert stands(session, rollout)[0] == "halted"
    service.act(session, rollout, "cancel", FLO, at=NOW + timedelta(minutes=13))
    waiting = queries.terminals(session, rollout, limit=9, state="timed_out")
    assert len(waiting) == 2
    for one in waiting:
        (item,) = outbox.current(session, one.retailer, "commands:")
        assert [(each["command"], each["called_back"]) for each in item.data["commands"]] == [(str(one.command), True)]
        said = {"command": one.command, "state": "cancelled", "reason": "called_back"}
        send(session, tills[one.device], "command.state", ReportCommand.model_validate(said))
    hear_late(session, NOW + timedelta(minutes=14))
    assert states(session, rollout) == {"cancelled": 10}


def test_a_stop_stops_what_was_not_begun_and_tells_those_under_way(session: Session, tills: dict[str, Sender]) -> None:
    rollout = begin(session)
    tick(session, NOW)
    answer(session, tills, rollout, "in_progress", most=1)
    tick(session, NOW + timedelta(seconds=1))
    service.act(session, rollout, "cancel", FLO, at=NOW + timedelta(seconds=2))
    assert states(session, rollout) == {"cancelled": 8, "sent": 1, "in_progress": 1}
    told = [item for code in tills for item in outbox.current(session, tills[code].party, "commands:")]
    assert [one["called_back"] for item in told for one in item.data["commands"]] == [True, True]
    with pytest.raises(Conflict):
        service.act(session, rollout, "resume", FLO, at=NOW)
    for minute in range(1, 13):
        tick(session, NOW + timedelta(minutes=minute))
    assert states(session, rollout) == {"cancelled": 9, "timed_out": 1}
    found = queries.rollout(session, rollout)
    assert found is not None
    assert (found.state, found.settled_at is not None) == ("cancelled", True)


def test_silent_terminals_end_as_not_reached_and_a_silent_canary_asks_a_person(
    session: Session, tills: dict[str, Sender]
) -> None:
    rollout = begin(session)
    tick(session, NOW)
    tick(session, NOW + timedelta(minutes=12))
    tick(session, NOW + timedelta(minutes=12))
    assert stands(session, rollout) == ("waiting", "nobody_judged", 0)
    assert states(session, rollout) == {"unreachable": 2, "queued": 8}
    service.act(session, rollout, "advance", FLO, at=NOW + timedelta(minutes=13))
    tick(session, NOW + timedelta(minutes=13))
    assert states(session, rollout)["sent"] == 4
    service.act(session, rollout, "pause", FLO, at=NOW + timedelta(minutes=14))
    tick(session, NOW + timedelta(hours=2, minutes=1))
    tick(session, NOW + timedelta(hours=2, minutes=13))
    assert stands(session, rollout)[:2] == ("expired", "deadline")
    assert states(session, rollout) == {"unreachable": 6, "cancelled": 4}


def test_an_update_waits_for_a_second_person_and_fixes_its_terminals_then(
    session: Session, tills: dict[str, Sender]
) -> None:
    target = Target(regions=("north",))
    rollout = begin(session, "update", params={"release": "0.3.0"}, target=target)
    tick(session, NOW)
    assert states(session, rollout) == {}
    with pytest.raises(Rejected, match="second person"):
        service.release(session, rollout, FLO, at=NOW)
    service.release(session, rollout, GUS, at=NOW)
    tick(session, NOW)
    assert states(session, rollout).total() == 5
    (item,) = outbox.current(session, "R3", "commands:")
    assert item.data["commands"][0]["params"] == {"release": "0.3.0"}


def test_terminals_that_come_to_fit_join_where_that_was_said(session: Session, tills: dict[str, Sender]) -> None:
    fixed = begin(session, target=Target(regions=("north",)))
    growing = begin(session, target=Target(regions=("north",)), continuous=True)
    make_device(session, make_retailer(session, "R99", region="north"))
    tick(session, NOW + timedelta(minutes=2))
    assert (states(session, fixed).total(), states(session, growing).total()) == (5, 6)


def test_groups_are_meant_as_they_are_then_and_who_joins_one_joins_the_rollout(
    session: Session, tills: dict[str, Sender]
) -> None:
    groups.write_group(session, groups.Wanted("pilots", "list", named=("t-r1", "R7")), FLO, at=NOW)
    groups.write_group(session, groups.Wanted("north", "query", rule="region is north"), FLO, at=NOW)
    pilots = begin(session, target=Target(groups=("pilots",)))
    either = begin(session, target=Target(groups=("pilots", "north")), continuous=True)
    assert (states(session, pilots).total(), states(session, either).total()) == (2, 5 + 1)
    make_device(session, make_retailer(session, "R99", region="north"))
    tick(session, NOW + timedelta(minutes=2))
    assert states(session, either).total() == 5 + 1 + 1
    groups.remove_group(session, "north", FLO, at=NOW)
    make_device(session, make_retailer(session, "R98", region="north"))
    tick(session, NOW + timedelta(minutes=4))
    assert states(session, either).total() == 5 + 1 + 1, "whom a group meant that is gone nobody can say"


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"target": Target(groups=("nowhere",))}, "nowhere"),
        ({"plan": Plan((Ring("canary", 50),), 1, 1, 1)}, "rise to 100"),
        ({"plan": Plan(PLAN.rings, 0, 1, 1)}, "rate_per_minute"),
        ({"target": Target(regions=("nowhere",))}, "No terminal"),
        ({"target": Target(devices=("t-r1",)), "continuous": True}, "list"),
        ({"kind": "update"}, "release"),
        ({"device_minutes": 500}, "device_minutes"),
    ],
)
def test_what_could_not_go_is_refused_in_words(
    session: Session, tills: dict[str, Sender], wrong: dict[str, object], said: str
) -> None:
    with pytest.raises(Rejected, match=said):
        begin(session, **wrong)  # type: ignore[arg-type]
    assert queries.rollouts(session, limit=5) == []


def test_a_tick_costs_as_many_statements_for_many_terminals_as_for_few(session: Session) -> None:
    def statements_for(count: int) -> int:
        names = [make_device(session, make_retailer(session, f"S{count}-{n}")).device for n in range(count)]
        plan = Plan((Ring("all", 100),), 1000, 100, 1000)
        begin(session, target=Target(devices=tuple(names)), plan=plan)
        counted: list[str] = []
        connection = session.connection()

        def listen(_connection: object, _cursor: object, statement: str, *_rest: object) -> None:
            counted.append(statement)

        event.listen(connection, "before_cursor_execute", listen)
        service.keep_time(session, NOW)
        event.remove(connection, "before_cursor_execute", listen)
        return len(counted)

    few, many = statements_for(3), statements_for(150)
    assert many <= 2 * few + 4  # it also looks at the first one again


def test_programs_propose_and_stop_and_read_each_terminal(signed_in: SignedIn, sessions: sessionmaker[Session]) -> None:
    with transaction(sessions) as session:
        for number in range(3):
            make_device(session, make_retailer(session, f"R{number}"))
    flo, ann, place = signed_in("fleet", name="flo"), signed_in("auditor", name="ann"), "/api/v1/rollouts"
    body = {"name": "diagnoses", "kind": "diagnose", "rings": [{"name": "all", "share_percent": 100}]}
    assert ann.post(place, json=body).status_code == 403
    rollout = flo.post(place, json=body).json()["rollout"]
    with transaction(sessions) as session:
        service.keep_time(session, NOW)
    assert ann.get(f"{place}/{rollout}").json()["rings"] == [{"sent": 3}]
    update = flo.post(place, json=body | {"kind": "update", "params": {"release": "0.3.0"}}).json()["rollout"]
    minutes = [ann.get(f"{place}/{one}").json()["rollout"]["device_minutes"] for one in (rollout, update)]
    assert minutes == [60, 2880], "an update waits for a night, or a day and a quiet half hour"
    assert flo.post(f"{place}/{update}/act", json={"act": "cancel"}).status_code == 204
    assert flo.post(f"{place}/{rollout}/act", json={"act": "advance"}).json()["code"] == "wrong_state"
    assert flo.post(f"{place}/{rollout}/act", json={"act": "cancel"}).status_code == 204
    assert [one["number"] for one in ann.get(place).json()][1:] == [
        ann.get(f"{place}/{rollout}").json()["rollout"]["number"]
    ]
    assert len(ann.get(f"{place}/{rollout}/terminals?state=sent").json()) == 3


def test_a_person_proposes_counts_releases_and_stops_on_pages(
    signed_in: SignedIn, sessions: sessionmaker[Session]
) -> None:
    with transaction(sessions) as session:
        for number in range(3):
            make_device(session, make_retailer(session, f"R{number}", region="north"))
    flo, gus, place = signed_in("fleet", name="flo"), signed_in("fleet", name="gus"), "/console/rollouts"
    assert "Nothing was rolled out yet" in flo.get(place).text
    assert "3 terminals are meant" in flo.get(f"{place}/audience?regions=north&shares=50,100").text
    assert 'value="2880"' in flo.get(f"{place}/new").text
    assert "No terminal fits" in flo.get(f"{place}/audience?regions=south&shares=100").text
    form = {
        "name": "version 0.3",
        "kind": "update",
        "release": "",
        "shares": "50, 100",
        "advance": "first",
        "success_percent": "95",
        "rate_per_minute": "sixty",
        "abort_percent": "10",
        "abort_minimum": "5",
        "device_minutes": "60",
        "deadline_hours": "24",
    }
    assert "Write a whole number." in flo.post(f"{place}/new", data=form).text
    form["rate_per_minute"] = "60"
    refused = flo.post(f"{place}/new", data=form)
    assert (refused.status_code, "version 0.3" in refused.text) == (422, True)
    made = flo.post(f"{place}/new", data=form | {"release": "0.3.0"})
    assert made.status_code == 303
    here = made.headers["location"]
    assert "Another person releases it" in flo.get(here).text
    assert flo.post(f"{here}/release").status_code == 422
    assert gus.post(f"{here}/release").status_code == 303
    with transaction(sessions) as session:
        service.keep_time(session, NOW)
    page = gus.get(here).text
    assert ("0.3.0" in page, "<svg" in page, "running" in page) == (True, True, True)
    assert gus.post(f"{here}/act", data={"act": "cancel"}).status_code == 303
    assert "not begun any more" in gus.get(here).text
    assert signed_in("manager", name="max").get(here).status_code == 403

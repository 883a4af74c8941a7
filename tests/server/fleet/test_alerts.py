"""Alerts: they open and end by themselves, a storm is one of them, and people take them on, silence them and note."""

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from factories import NOW, make_device, make_retailer
from sqlalchemy import text
from sqlalchemy.orm import Session, sessionmaker
from starlette.testclient import TestClient

from contract.ids import uuid7
from contract.messages import ReportStatus
from server.devices import service as devices
from server.fleet import alarm_rules, alerts, groups, ruling, watching
from server.kit.db import transaction
from server.kit.fields import Invalid
from server.kit.identity import Operator, Sender
from server.kit.inbox import Arrival

SignedIn = Callable[..., TestClient]
BOSS = Operator(1, "boss", frozenset({"fleet"}))
MINUTE = timedelta(minutes=1)


def hear(session: Session, device: str, at: datetime, temperature_c: float = 40.0) -> None:
    status = ReportStatus(version="1.0", queue_length=0, language="zh", temperature_c=temperature_c)
    devices.report_statuses(session, [(status, Arrival(uuid7(), Sender(device, device[2:].upper()), at))])


def open_ones(session: Session, at: datetime) -> list[tuple[str, str | None, int]]:
    session.expire_all()
    return [(one.rule, one.device, one.left) for one in alerts.alerts(session, at=at, limit=None)[0]]


def test_a_hot_terminal_opens_one_alert_and_ends_it_by_itself(session: Session) -> None:
    make_retailer(session)
    make_device(session)
    for minutes, degrees in enumerate((85, 85, 85, 85, 85, 85, 85, 85, 85, 85, 85, 75, 81, 75)):
        at = NOW + minutes * MINUTE
        hear(session, "t-r1", at, degrees)
        watching.look(session, at)
        expected = [("hot", "t-r1", 1)] if minutes >= 10 else []
        assert (minutes, open_ones(session, at)) == (minutes, expected)
    for minutes in range(14, 26):
        at = NOW + minutes * MINUTE
        hear(session, "t-r1", at, 60)
        watching.look(session, at)
    assert open_ones(session, at) == []
    assert alerts.alerts(session, at=at, shown="ended")[1] == 1


@pytest.mark.slow
def test_a_broker_that_is_down_is_one_alert_until_little_is_left_of_it(session: Session) -> None:
    for number in range(alarm_rules.STORM_LEAST + 10):
        make_retailer(session, f"R{number}")
        make_device(session, f"R{number}")
        hear(session, f"t-r{number}", NOW)
    later = NOW + 16 * MINUTE
    session.execute(
        text("UPDATE device_presence SET last_seen_at = last_seen_at + interval '1 hour' WHERE device > 't-r3'")
    )
    watching.look(session, later, ordering=["*"])
    few = open_ones(session, later)
    assert 0 < len(few) < alarm_rules.STORM_LEAST
    session.execute(text("UPDATE device_presence SET last_seen_at = :at"), {"at": NOW})
    watching.look(session, later + MINUTE, ordering=["*"])
    everyone = alarm_rules.STORM_LEAST + 10
    assert open_ones(session, later + MINUTE) == [("offline-ordering", None, everyone)]
    back = later + 3 * MINUTE
    session.execute(text("UPDATE device_presence SET last_seen_at = :at WHERE device <> 't-r7'"), {"at": back})
    for minutes in range(6):
        at = back + minutes * MINUTE / 2
        watching.look(session, at, ordering=["*"])
    assert open_ones(session, at) == [("offline-ordering", "t-r7", 1)]


def test_without_an_open_window_or_on_another_route_nobody_is_alarmed(session: Session) -> None:
    make_retailer(session)
    make_device(session)
    hear(session, "t-r1", NOW)
    at = NOW + 20 * MINUTE
    watching.look(session, at)
    watching.look(session, at, ordering=["south"])
    assert open_ones(session, at) == []
    watching.look(session, at, ordering=["north"])
    assert open_ones(session, at) == [("offline-ordering", "t-r1", 1)]
    devices.revoke(session, "t-r1", "stolen", BOSS, at=at)
    watching.look(session, at + MINUTE, ordering=["north"])
    assert open_ones(session, at) == []


def test_a_rule_whose_group_was_taken_away_is_about_nobody_and_the_others_go_on(session: Session) -> None:
    make_retailer(session)
    make_device(session)
    groups.write_group(session, groups.Wanted("pilot", "list", named=("t-r1",)), BOSS, at=NOW)
    record = {field.name: getattr(ruling.BUILT_IN_SET.rules[6], field.name) for field in ruling.FIELDS}
    told = record | {"name": "Pilot is warm", "value": 50, "clear": 45, "minutes": 0, "group": "pilot"}
    kept = ruling.write_rule(session, "", told, "trial", BOSS, at=NOW, seen=0)
    hear(session, "t-r1", NOW, 85)
    watching.look(session, NOW)
    assert open_ones(session, NOW) == [(kept.rules[-1].key, "t-r1", 1)]
    groups.remove_group(session, "pilot", BOSS, at=NOW)
    for minutes in range(1, 12):
        at = NOW + minutes * MINUTE
        hear(session, "t-r1", at, 85)
        watching.look(session, at)
    assert open_ones(session, at) == [("hot", "t-r1", 1)]


def test_rules_are_versions_and_what_does_not_fit_is_refused(session: Session) -> None:
    record = {field.name: getattr(ruling.BUILT_IN_SET.rules[6], field.name) for field in ruling.FIELDS}
    kept = ruling.write_rule(session, "hot", record | {"value": 70, "clear": 60}, "summer", BOSS, at=NOW, seen=0)
    assert (kept.version, kept.named("hot").value if kept.named("hot") else None) == (1, 70)
    for change, field in (
        ({"clear": 90}, "clear"),
        ({"figure": "version", "value": 0, "clear": 0}, "least"),
        ({"group": "x"}, "group"),
    ):
        with pytest.raises(Invalid) as refused:
            ruling.write_rule(session, "hot", record | change, "why", BOSS, at=NOW, seen=1)
        assert list(refused.value.problems) == [field]
    assert ruling.remove_rule(session, "hot", "cold", BOSS, at=NOW, seen=1).named("hot") is None


def test_a_person_takes_an_alert_on_notes_and_silences_it(sessions: sessionmaker[Session], signed_in: SignedIn) -> None:
    with transaction(sessions) as session:
        make_retailer(session)
        make_device(session)
        number = alerts.suspect_clone(session, "t-r1", "R1", {"addresses": ["10.0.0.1", "10.0.0.2"]}, at=NOW)
        assert alerts.suspect_clone(session, "t-r1", "R1", {}, at=NOW) == number
    keeper = signed_in("fleet")
    assert "Two machines use one identity" in keeper.get("/console/devices/alerts").text
    assert "critical" in keeper.get("/console/today/visits").text
    place = f"/console/devices/alerts/{number}"
    assert "10.0.0.2" in keeper.get(place).text
    assert keeper.post(f"{place}/take").status_code == 303
    first = keeper.get(place).text
    assert "The alert is yours." in first
    assert (
        signed_in("administrator").post(f"{place}/take", follow_redirects=True).text.count("looks after it already")
        == 1
    )
    assert keeper.post(f"{place}/say", data={"words": " ", "act": "silence"}).status_code == 422
    assert keeper.post(f"{place}/say", data={"words": "called the shop", "act": "silence"}).status_code == 303
    assert "called the shop" in keeper.get(place).text
    assert "Nothing fits" in keeper.get("/console/devices/alerts?shown=unseen").text
    assert "t-r1" in keeper.get("/console/devices/alerts?shown=silenced").text
    assert keeper.post(f"{place}/say", data={"words": "one was revoked", "act": "end"}).status_code == 303
    assert "over by now" in keeper.get(place).text
    rules = keeper.get("/console/devices/alerts/rules").text
    assert "Above 80 degrees Celsius" in rules
    assert signed_in("auditor").post(f"{place}/take").status_code == 403
    assert keeper.get("/console/devices/alerts/rules/edit?key=hot").status_code == 200
    assert keeper.post(f"{place}/take", follow_redirects=True).text.count("looks after it already") == 1
    fleet = keeper.post(
        f"/api/v1/fleet/alerts/{number}/notes", json={"words": "later", "silent_until": "2026-11-26T09:00:00"}
    )
    assert fleet.status_code == 422, "an instant without a zone is no instant"

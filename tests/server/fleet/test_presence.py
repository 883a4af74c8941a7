"""Who is there: by the last will, by a goodbye, and by not having been heard; and how it was over time."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from devices import signing
from factories import NOW, make_device, make_retailer
from sqlalchemy import text
from sqlalchemy.orm import Session, sessionmaker
from starlette.testclient import TestClient

from contract.ids import uuid7
from contract.messages import ReportPresence, ReportStatus
from server.devices import queries as devices
from server.devices import service
from server.fleet import history, members, predicate
from server.kit.db import act_for, bounds, transaction
from server.kit.identity import Sender
from server.kit.inbox import Arrival

FIRST, SECOND = uuid7(), uuid7()


@pytest.fixture
def sender(session: Session) -> Sender:
    make_retailer(session)
    return make_device(session)


def hear(session: Session, sender: Sender, at: datetime, **told: Any) -> None:
    status = ReportStatus.model_validate({"version": "1.0", "queue_length": 0, "language": "zh"} | told)
    service.report_statuses(session, [(status, Arrival(uuid7(), sender, at))])


def tell(session: Session, sender: Sender, state: Any, link: Any, at: datetime) -> None:
    history.report_presences(session, [(ReportPresence(state=state, session=link), Arrival(uuid7(), sender, at))])


def stands(session: Session, at: datetime) -> tuple[str, str | None]:
    session.expire_all()
    fleet = members.fleet_query(at)
    state, why = session.execute(members.select(fleet.c.state, fleet.c.why)).one()
    device = devices.device(session, "t-r1")
    assert device is not None
    assert device.state(at) == state
    return state, why


def test_a_terminal_is_there_until_its_will_its_goodbye_or_its_silence_says_otherwise(
    session: Session, sender: Sender
) -> None:
    assert stands(session, NOW) == ("offline", "never")
    second = timedelta(seconds=1)
    tell(session, sender, "connected", FIRST, NOW)
    hear(session, sender, NOW + second)
    assert stands(session, NOW + 2 * second) == ("online", None)
    tell(session, sender, "lost", FIRST, NOW + 3 * second)
    assert stands(session, NOW + 4 * second) == ("offline", "lost")
    tell(session, sender, "connected", SECOND, NOW + 5 * second)
    tell(session, sender, "lost", FIRST, NOW + 6 * second)  # what was taken over ends late
    tell(session, sender, "connected", SECOND, NOW + 7 * second)  # the broker hands it over again
    assert stands(session, NOW + 8 * second) == ("online", None)
    tell(session, sender, "signed_off", SECOND, NOW + 9 * second)
    assert stands(session, NOW + 10 * second) == ("offline", "goodbye")
    service.hear(session, sender, at=NOW + timedelta(minutes=2))
    assert stands(session, NOW + timedelta(minutes=3)) == ("online", None)  # by HTTP, without the broker
    assert stands(session, NOW + timedelta(minutes=9)) == ("offline", "silent")
    kept = [one.state for one in history.connections(session, "t-r1", since=NOW)]
    assert kept == ["signed_off", "connected", "lost", "connected"]


def test_a_tablet_that_only_pulls_is_seen_and_the_sight_is_kept(
    sessions: sessionmaker[Session], app_client: TestClient
) -> None:
    with transaction(sessions) as session:
        make_retailer(session)
        make_device(session)
    assert app_client.get("/device/v1/feed", auth=signing("t-r1", "s" * 43)).status_code == 200
    with transaction(sessions) as session:
        assert stands(session, NOW) == ("online", None)


def test_what_a_terminal_does_not_tell_stays_unknown(session: Session, sender: Sender) -> None:
    hear(session, sender, NOW, disk_free_mb=400, disk_total_mb=16_000, temperature_c=71.5, network="wifi")
    hear(session, sender, NOW + timedelta(minutes=1), printer="fault")
    session.expire_all()
    device = devices.device(session, "t-r1")
    assert device is not None
    assert device.health is not None
    assert (device.health.printer, device.health.network, device.health.disk_free_mb) == ("fault", None, None)


def test_points_are_taken_once_a_quarter_of_an_hour_and_old_parts_go(session: Session, sender: Sender) -> None:
    act_for(session, "*")
    for minutes in (0, 1, 16, 31):
        at = NOW + timedelta(minutes=minutes)
        hear(session, sender, at, queue_length=minutes, disk_free_mb=minutes, disk_total_mb=100)
        history.keep_time(session, at)
    kept = [(one.at, one.queue_length, one.disk_free_percent) for one in history.points(session, "t-r1", since=NOW)]
    quarter = timedelta(minutes=15)
    assert kept == [(NOW, 0, 0.0), (NOW + quarter, 16, 16.0), (NOW + 2 * quarter, 31, 31.0)]
    spreads = history.spreads(session, since=NOW + quarter)
    assert [(one.at - NOW, one.heard, one.median) for one in spreads["queue_length"]] == [
        (quarter, 1, 16.0),
        (2 * quarter, 1, 31.0),
    ]
    assert "temperature_c" not in spreads, "what nobody told is not spread"
    late = NOW + timedelta(days=history.POINTS_DAYS + 5)
    history.keep_time(session, late)
    assert history.points(session, "t-r1", since=NOW) == [
        history.Point(late, False, None, None, None, None)  # nothing was heard for long: a point without figures
    ]
    assert history.spreads(session, since=NOW) == {}
    names = "SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = 'device_points'::regclass"
    parts = sorted(session.scalars(text(names)))
    assert parts[-1] >= f"device_points_{late + timedelta(days=history.AHEAD_DAYS):%Y%m%d}"
    assert parts[0] >= f"device_points_{late - timedelta(days=history.POINTS_DAYS):%Y%m%d}"


def test_history_is_seen_within_bounds_and_never_past_the_whole(session: Session, sender: Sender) -> None:
    hear(session, sender, NOW)
    history.keep_time(session, NOW)
    assert len(history.points(session, "t-r1", since=NOW)) == 1
    past_the_whole = "SELECT count(*) FROM device_points_20261125"
    assert session.scalar(text(past_the_whole)) == 0
    act_for(session, bounds(["elsewhere"], []))
    assert history.points(session, "t-r1", since=NOW) == []


def test_words_of_presence_are_conditions(session: Session, sender: Sender) -> None:
    tell(session, sender, "connected", FIRST, NOW)
    tell(session, sender, "lost", FIRST, NOW + timedelta(seconds=1))
    for said, count in (("state is lost", 1), ("state is offline", 1), ("state is goodbye, online", 0)):
        query = members.devices_by(predicate.read(said), at=NOW + timedelta(seconds=2))
        assert (said, len(session.scalars(query).all())) == (said, count)

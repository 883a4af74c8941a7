"""One telling a group, and who is known to have fetched what it was about."""

from datetime import timedelta

import pytest
from factories import NOW, make_device, make_retailer
from sqlalchemy import select
from sqlalchemy.orm import Session, sessionmaker

from contract.feed import ReferenceChanged
from contract.ids import uuid7
from contract.messages import ReportStatus
from contract.topics import EVERYONE, News, group_of
from server.devices import queries as devices
from server.devices import service
from server.kit import broadcasts, outbox
from server.kit.db import transaction
from server.kit.inbox import Arrival
from server.retailers import queries as retailers

GROUP = group_of("city", "north")
NEWS = ReferenceChanged(version="1")


class Told:
    """A broker that remembers what it holds for each group."""

    def __init__(self) -> None:
        self.holds: dict[str, News] = {}
        self.count = 0

    def __call__(self, group: str, news: News) -> None:
        self.holds[group] = news
        self.count += 1


def test_a_group_is_told_once_however_many_terminals_it_has(session: Session, sessions: sessionmaker[Session]) -> None:
    with transaction(sessions) as other:
        broadcasts.tell(other, [GROUP, EVERYONE], terminals=10_000, at=NOW)
    told = Told()
    assert broadcasts.relay_once(sessions, publish=told, now=NOW) == 2
    assert told.holds[GROUP] == News(number=1, spread_ms=50_000)
    assert broadcasts.relay_once(sessions, publish=told, now=NOW) == 0
    with transaction(sessions) as other:
        broadcasts.tell(other, [GROUP], terminals=1, at=NOW)
    assert broadcasts.relay_once(sessions, publish=told, now=NOW) == 1
    assert told.holds[GROUP] == News(number=2, spread_ms=5)
    assert broadcasts.relay_once(sessions, publish=told, now=NOW, again=True) == 2
    with pytest.raises(ValueError, match="no group"):
        broadcasts.tell(session, ["north"], terminals=1, at=NOW)


def test_what_was_told_by_broadcast_is_not_relayed_one_by_one(
    session: Session, sessions: sessionmaker[Session]
) -> None:
    with transaction(sessions) as other:
        make_retailer(other, "R1")
        make_device(other, "R1")
        outbox.append(other, [outbox.Item("R1", "reference", "reference", NEWS)], at=NOW, by_broadcast=True)
        outbox.append_one(other, "R1", "other", "reference", NEWS, at=NOW)
    sent: list[str] = []
    outbox.relay_once(
        sessions, devices_of=devices.devices_of, publish=lambda _device, item: sent.append(item.key), now=NOW
    )
    assert sent == ["other"]
    items, head = outbox.read(session, "R1", after=0)
    assert ([item.key for item in items], head) == (["reference", "other"], 2)


def test_when_a_terminal_first_has_it_is_noted_once_and_anew_for_what_takes_its_place(session: Session) -> None:
    make_retailer(session, "R1")
    sender = make_device(session, "R1")

    def heard_at() -> object:
        return session.scalar(select(outbox.FeedEntry.heard_at).where(outbox.FeedEntry.key == "reference"))

    def says(seq: int, minutes: int) -> None:
        status = ReportStatus(version="1", queue_length=0, language="zh", clock_offset_ms=0, feed_seq=seq)
        arrival = Arrival(uuid7(), sender, NOW + timedelta(minutes=minutes))
        service.report_statuses(session, [(status, arrival)])

    outbox.append(session, [outbox.Item("R1", "reference", "reference", NEWS)], at=NOW, by_broadcast=True)
    says(0, 1)
    assert heard_at() is None
    says(1, 2)
    says(1, 3)
    assert heard_at() == NOW + timedelta(minutes=2)
    outbox.append(session, [outbox.Item("R1", "reference", "reference", NEWS)], at=NOW, by_broadcast=True)
    assert heard_at() is None
    says(2, 4)
    assert heard_at() == NOW + timedelta(minutes=4)


def test_the_fewest_groups_hold_an_audience(session: Session) -> None:
    for code, region, route in (("R1", "city", "north"), ("R2", "city", "south"), ("R3", "hills", "south")):
        make_retailer(session, code, region=region, route=route)
    assert retailers.groups_around(session, ["R1", "R2", "R3"]) == {EVERYONE}
    assert retailers.groups_around(session, ["R2", "R3"]) == {group_of("city", "south"), group_of("hills", "south")}
    assert retailers.groups_of(session, "R1") == (EVERYONE, GROUP)

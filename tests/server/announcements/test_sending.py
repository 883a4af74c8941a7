"""To whom something goes, when, what becomes of it afterwards, and where the reach stands meanwhile."""

from datetime import timedelta
from uuid import UUID

import pytest
from factories import NOW, make_device, make_retailer, send
from sqlalchemy import select
from sqlalchemy.orm import Session

from contract.errors import Conflict
from contract.feed import Announcement, Text
from contract.messages import DisplayAnnouncement, ReadAnnouncement
from contract.topics import group_of
from server.announcements import queries, reach, rules
from server.announcements import service as announcements
from server.audiences import queries as audiences
from server.audiences.rules import ADDRESSED
from server.kit import broadcasts, outbox
from server.kit.broadcasts import BroadcastRow
from server.kit.fields import Invalid
from server.kit.identity import Operator, Sender

PLANNER = Operator(1, "planner-1", frozenset({"planner"}))
WORDS = {"zh": "通知", "en": "Notice"}
LATER = NOW + timedelta(hours=3)
WHY = Text(zh="内容有误", en="It was wrong")


def draft(**changed: object) -> rules.Draft:
    return rules.Draft.model_validate({"sort": "urgent", "title": WORDS, "body": WORDS} | changed)


def write(session: Session, **changed: object) -> UUID:
    return announcements.write_announcement(session, draft(**changed), PLANNER, at=NOW)


def told(session: Session, retailer: str) -> list[Announcement]:
    items, _ = outbox.read(session, retailer, after=0)
    return [Announcement.model_validate(item.data) for item in items if item.kind == "announcement"]


def shown(session: Session, announcement: UUID) -> queries.Announcement:
    found = queries.announcement(session, announcement)
    assert found is not None
    return found


@pytest.fixture
def shops(session: Session) -> list[Sender]:
    make_retailer(session, "R1", region="city", route="north", classes=["tobacco"])
    make_retailer(session, "R2", region="city", route="south", market_type="rural")
    make_retailer(session, "R3", region="hills", route="south", classes=["liquor"])
    return [make_device(session, code) for code in ("R1", "R2", "R3")]


def test_an_audience_is_chosen_by_class_licence_and_list(session: Session, shops: list[Sender]) -> None:
    def holds(**wanted: object) -> list[str]:
        return audiences.codes_in(session, ADDRESSED.validate_python(wanted), NOW.date())

    assert holds() == ["R1", "R2", "R3"]
    assert holds(market_types=["rural"]) == ["R2"]
    assert holds(licence_classes=["tobacco"]) == ["R1"]
    assert holds(licence="held") == ["R1", "R3"]
    assert holds(licence="suspended") == []
    assert holds(codes=["R3", "R1"], regions=["city"]) == ["R1"]
    with pytest.raises(Invalid, match="R9"):
        write(session, audience={"codes": ["R1", "R9"]})


def test_one_telling_goes_to_each_group_that_holds_the_audience(session: Session, shops: list[Sender]) -> None:
    announcements.publish_announcement(session, write(session, audience={"regions": ["city"]}), PLANNER, at=NOW)
    groups = set(session.scalars(select(BroadcastRow.name)))
    assert groups == {group_of("city", "north"), group_of("city", "south")}
    announcements.publish_announcement(session, write(session), PLANNER, at=NOW)
    assert broadcasts.numbers(session, ["all"]) == {"all": 1}
    waiting = select(outbox.FeedEntry).where(outbox.FeedEntry.published_at.is_(None))
    assert session.scalars(waiting).all() == []  # not one message a device


def test_what_is_scheduled_goes_out_at_its_time_to_those_who_were_meant(session: Session, shops: list[Sender]) -> None:
    planned = write(session, publish_at=LATER, audience={"routes": ["south"]})
    assert announcements.publish_announcement(session, planned, PLANNER, at=NOW) == 2
    assert announcements.keep_time(session, NOW) == []
    assert (shown(session, planned).state, told(session, "R2")) == ("scheduled", [])
    assert announcements.keep_time(session, LATER) == [planned]
    assert [len(told(session, code)) for code in ("R1", "R2", "R3")] == [0, 1, 1]
    assert shown(session, planned).sent_at == LATER
    with pytest.raises(Conflict):
        announcements.unschedule_announcement(session, planned, PLANNER, at=LATER)
    other = write(session, publish_at=LATER)
    announcements.publish_announcement(session, other, PLANNER, at=NOW)
    announcements.unschedule_announcement(session, other, PLANNER, at=NOW)
    assert announcements.keep_time(session, LATER) == []
    assert shown(session, other).state == "draft"


def test_what_would_be_over_at_its_time_is_a_draft_again_and_says_so(session: Session, shops: list[Sender]) -> None:
    planned = write(session, publish_at=LATER, expires_at=LATER + timedelta(hours=1))
    announcements.publish_announcement(session, planned, PLANNER, at=NOW)
    announcements.keep_time(session, LATER + timedelta(hours=2))  # the worker stood still
    assert (shown(session, planned).state, shown(session, planned).not_sent) == ("draft", "over")
    assert told(session, "R1") == []


def test_what_is_taken_back_says_so_in_its_place_and_asks_for_nothing(session: Session, shops: list[Sender]) -> None:
    announcement = write(session, must_acknowledge=True, pinned=True)
    announcements.publish_announcement(session, announcement, PLANNER, at=NOW)
    with pytest.raises(Invalid):
        announcements.withdraw_announcement(session, announcement, Text(zh="", en="x"), PLANNER, at=LATER)
    announcements.withdraw_announcement(session, announcement, WHY, PLANNER, at=LATER)
    (message,) = told(session, "R1")
    assert (message.withdrawn_at, message.withdrawn_why, message.must_acknowledge) == (LATER, WHY, False)
    with pytest.raises(Conflict):
        announcements.withdraw_announcement(session, announcement, WHY, PLANNER, at=LATER)


def test_a_slip_of_the_pen_lets_what_was_read_stand(session: Session, shops: list[Sender]) -> None:
    announcement = write(session, must_acknowledge=True)
    announcements.publish_announcement(session, announcement, PLANNER, at=NOW)
    send(session, shops[0], "announcement.read", ReadAnnouncement(announcement=announcement, read_at=NOW, version=1))
    words = {"title": WORDS, "body": WORDS, "note": WORDS}
    slip = rules.Correction.model_validate(words | {"ask_anew": False})
    announcements.correct_announcement(session, announcement, slip, PLANNER, at=LATER)
    assert (shown(session, announcement).displayed, shown(session, announcement).acknowledged) == (0, 1)
    message = told(session, "R1")[0]
    assert (message.version, message.counts_from, message.corrected_at) == (2, 1, LATER)
    anew = rules.Correction.model_validate(words)
    announcements.correct_announcement(session, announcement, anew, PLANNER, at=LATER)
    assert shown(session, announcement).acknowledged == 0


def test_delivered_displayed_and_acknowledged_stand_right_at_every_moment(
    session: Session, shops: list[Sender]
) -> None:
    announcement = write(session, must_acknowledge=True)
    announcements.publish_announcement(session, announcement, PLANNER, at=NOW)

    def figures() -> tuple[int, int, int]:
        places = reach.places(session, shown(session, announcement))
        return tuple(sum(getattr(one, name) for one in places) for name in ("delivered", "displayed", "acknowledged"))  # type: ignore[return-value] # three of them

    assert figures() == (0, 0, 0)
    outbox.heard(session, "R1", 1, at=NOW + timedelta(minutes=1))
    assert figures() == (1, 0, 0)
    seen = DisplayAnnouncement(announcement=announcement, displayed_at=NOW, version=1)
    send(session, shops[1], "announcement.displayed", seen, at=NOW + timedelta(minutes=2))
    assert figures() == (2, 1, 0)  # what was displayed was delivered, although no cursor said so
    send(
        session,
        shops[0],
        "announcement.read",
        ReadAnnouncement(announcement=announcement, read_at=NOW, version=1),
        at=NOW + timedelta(minutes=3),
    )
    assert figures() == (2, 2, 1)
    curve = reach.over_time(session, shown(session, announcement), NOW + timedelta(minutes=5))
    assert (curve.delivered, curve.displayed, curve.acknowledged) == (
        [1, 2, 2, 2, 2],
        [0, 1, 2, 2, 2],
        [0, 0, 1, 1, 1],
    )
    missing = reach.Asked(delivered=False)
    assert [one.retailer for one in reach.recipients(session, shown(session, announcement), missing)] == ["R3"]
    assert reach.count(session, shown(session, announcement), reach.Asked(region="city")) == 2

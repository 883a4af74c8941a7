"""An announcement from its draft to its reach, on the real database."""

from datetime import timedelta
from uuid import UUID

import pytest
from factories import NOW, make_device, make_retailer, send
from sqlalchemy import select, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from contract.errors import Conflict, Rejected
from contract.feed import Announcement, Receipt
from contract.ids import uuid7
from contract.messages import DisplayAnnouncement, ReadAnnouncement
from server.announcements import queries, reach, rules
from server.announcements import service as announcements
from server.announcements.models import ReceiptRow
from server.kit import audit, outbox
from server.kit.db import act_for, transaction
from server.kit.fields import Invalid
from server.kit.identity import Operator, Sender

PLANNER = Operator(1, "planner-1", frozenset({"planner"}))
LATER = NOW + timedelta(hours=3)


def draft(**changed: object) -> rules.Draft:
    fields: dict[str, object] = {
        "sort": "notice",
        "title": {"zh": "周五提前收单", "en": "Orders close early on Friday"},
        "body": {"zh": "请于 15:00 前下单。", "en": "Order before 15:00."},
        "must_acknowledge": True,
    }
    return rules.Draft.model_validate(fields | changed)


CORRECTION = rules.Correction.model_validate(
    {
        "title": {"zh": "周四提前收单", "en": "Orders close early on Thursday"},
        "body": {"zh": "请于 15:00 前下单。", "en": "Order before 15:00."},
        "note": {"zh": "不是周五，是周四", "en": "Thursday, not Friday"},
    }
)


@pytest.fixture
def shops(session: Session) -> list[Sender]:
    make_retailer(session, "R1", region="city", route="north")
    make_retailer(session, "R2", region="city", route="south")
    make_retailer(session, "R3", region="hills", route="south")
    return [make_device(session, code) for code in ("R1", "R2", "R3")]


def publish(session: Session, **changed: object) -> UUID:
    announcement = announcements.write_announcement(session, draft(**changed), PLANNER, at=NOW)
    announcements.publish_announcement(session, announcement, PLANNER, at=NOW)
    return announcement


def read(session: Session, shop: Sender, announcement: UUID, version: int | None = None, **how: object) -> Receipt:
    message = ReadAnnouncement(announcement=announcement, read_at=NOW + timedelta(minutes=1), version=version)
    return send(session, shop, "announcement.read", message, **how)


def display(session: Session, shop: Sender, announcement: UUID, version: int = 1, **how: object) -> Receipt:
    message = DisplayAnnouncement(announcement=announcement, displayed_at=NOW, version=version)
    return send(session, shop, "announcement.displayed", message, **how)


def told(session: Session, retailer: str = "R1") -> list[Announcement]:
    items, _ = outbox.read(session, retailer, after=0)
    return [Announcement.model_validate(item.data) for item in items if item.kind == "announcement"]


def shown(session: Session, announcement: UUID) -> queries.Announcement:
    found = queries.announcement(session, announcement)
    assert found is not None
    return found


def test_a_draft_reaches_nobody_and_can_be_put_anew(session, shops):
    announcement = announcements.write_announcement(session, draft(), PLANNER, at=NOW)
    assert told(session) == []
    announcements.rewrite_announcement(session, announcement, draft(sort="policy"), PLANNER, at=NOW)
    assert shown(session, announcement).sort == "policy"
    assert read(session, shops[0], announcement).code == "unknown_announcement"


def test_a_published_announcement_reaches_its_audience(session, shops):
    announcement = publish(session, audience={"routes": ["south"]})
    assert [len(told(session, code)) for code in ("R1", "R2", "R3")] == [0, 1, 1]
    message = told(session, "R2")[0]
    assert (message.version, message.must_acknowledge, message.published_at) == (1, True, NOW)
    assert shown(session, announcement).sent == 2
    with pytest.raises(Conflict):
        announcements.publish_announcement(session, announcement, PLANNER, at=NOW)
    with pytest.raises(Conflict, match="published"):
        announcements.rewrite_announcement(session, announcement, draft(), PLANNER, at=NOW)


def test_nothing_is_sent_to_nobody_or_after_it_expired(session, shops):
    nobody = announcements.write_announcement(session, draft(audience={"tiers": [9]}), PLANNER, at=NOW)
    with pytest.raises(Invalid, match="No retailer"):
        announcements.publish_announcement(session, nobody, PLANNER, at=NOW)
    expired = announcements.write_announcement(session, draft(expires_at=NOW), PLANNER, at=NOW)
    with pytest.raises(Invalid, match="over"):
        announcements.publish_announcement(session, expired, PLANNER, at=NOW)
    with pytest.raises(Rejected, match="no announcement"):
        announcements.publish_announcement(session, uuid7(), PLANNER, at=NOW)


def test_the_first_read_is_kept_by_both_clocks_and_later_ones_change_nothing(session, shops):
    announcement = publish(session)
    first = read(session, shops[0], announcement, at=LATER)
    again = read(session, shops[0], announcement, at=LATER + timedelta(days=1))
    assert first.outcome == again.outcome == "accepted"
    kept = session.scalars(select(ReceiptRow)).one()
    assert (kept.sort, kept.received_at, kept.said_at) == ("acknowledged", LATER, NOW + timedelta(minutes=1))
    assert (shown(session, announcement).acknowledged, shown(session, announcement).rate) == (1, 1 / 3)


def test_displayed_and_acknowledged_are_two_receipts_each_kept_once_whatever_comes_first(session, shops):
    announcement = publish(session)
    assert display(session, shops[0], announcement, at=LATER).number == shown(session, announcement).number
    reached = shown(session, announcement)
    assert (reached.sent, reached.displayed, reached.acknowledged, reached.rate) == (3, 1, 0, 0)
    read(session, shops[1], announcement, at=LATER)
    assert (shown(session, announcement).displayed, shown(session, announcement).acknowledged) == (2, 1)
    display(session, shops[1], announcement, at=LATER + timedelta(hours=1))
    display(session, shops[0], announcement, at=LATER + timedelta(hours=1))
    assert (shown(session, announcement).displayed, shown(session, announcement).acknowledged) == (2, 1)
    kept = session.execute(select(ReceiptRow.retailer, ReceiptRow.sort, ReceiptRow.received_at)).all()
    assert sorted(tuple(row) for row in kept) == [
        ("R1", "displayed", LATER),
        ("R2", "acknowledged", LATER),
        ("R2", "displayed", LATER + timedelta(hours=1)),
    ]
    by_shop = {one.retailer: one for one in reach.recipients(session, shown(session, announcement))}
    assert (by_shop["R2"].displayed_at, by_shop["R2"].acknowledged_at) == (LATER, LATER)
    assert (by_shop["R1"].displayed_at, by_shop["R1"].acknowledged_at) == (LATER, None)
    assert display(session, shops[0], announcement, version=2).code == "unknown_announcement"


def test_of_what_asks_for_no_confirmation_the_screens_count_as_reach(session, shops):
    announcement = publish(session, must_acknowledge=False)
    display(session, shops[2], announcement)
    assert shown(session, announcement).rate == 1 / 3


def test_who_did_not_get_it_cannot_have_read_it(session, shops):
    announcement = publish(session, audience={"regions": ["hills"]})
    assert read(session, shops[0], announcement).code == "unknown_announcement"
    assert read(session, shops[2], announcement, version=2).code == "unknown_announcement"


def test_a_correction_is_a_new_version_that_says_so_and_is_read_anew(session, shops):
    announcement = publish(session)
    read(session, shops[0], announcement)
    assert announcements.correct_announcement(session, announcement, CORRECTION, PLANNER, at=LATER) == 2
    (message,) = told(session)
    assert (message.version, message.title.en) == (2, "Orders close early on Thursday")
    assert message.body.en.startswith("Correction (version 2): Thursday, not Friday")
    stands = shown(session, announcement)
    assert [one.version for one in stands.versions] == [2, 1]
    assert (stands.sent, stands.displayed, stands.acknowledged) == (3, 0, 0)
    read(session, shops[1], announcement, version=1, at=LATER)
    assert shown(session, announcement).acknowledged == 0
    read(session, shops[0], announcement, version=2, at=LATER)
    read(session, shops[2], announcement, at=LATER)
    assert shown(session, announcement).acknowledged == 2
    acts = [entry.action for entry in audit.entries(session) if entry.action.startswith("announcement.")]
    assert acts == ["announcement.corrected", "announcement.published", "announcement.written"]


def test_a_draft_cannot_be_corrected(session, shops):
    announcement = announcements.write_announcement(session, draft(), PLANNER, at=NOW)
    with pytest.raises(Conflict, match="draft"):
        announcements.correct_announcement(session, announcement, CORRECTION, PLANNER, at=NOW)


def test_reach_names_who_read_and_when(session, shops):
    announcement = publish(session)
    read(session, shops[1], announcement, at=LATER)
    recipients = reach.recipients(session, shown(session, announcement))
    assert [(one.retailer, one.region, one.acknowledged_at) for one in recipients] == [
        ("R1", "city", None),
        ("R2", "city", LATER),
        ("R3", "hills", None),
    ]
    told = queries.received(session, "R2")
    assert [(one.announcement.id, one.acknowledged_at) for one in told] == [(announcement, LATER)]


def test_a_terminal_sees_only_that_its_own_shop_read(sessions):
    with transaction(sessions) as session:
        for code in ("R1", "R2"):
            make_retailer(session, code)
        senders = [make_device(session, code) for code in ("R1", "R2")]
        announcement = publish(session)
        for sender in senders:
            read(session, sender, announcement)
        act_for(session, "R1")
        assert session.scalars(select(ReceiptRow.retailer)).all() == ["R1"]
        with pytest.raises(DBAPIError, match="permission denied"), session.begin_nested():
            session.execute(text("DELETE FROM announcement_receipts"))

"""Who comes to a meeting: places, the line, words that come twice, late or by telephone, and who was there."""

from datetime import timedelta
from uuid import UUID

import pytest
from factories import NOW, make_device, make_retailer, send
from sqlalchemy.orm import Session

from contract.errors import Rejected
from contract.feed import Announcement, Receipt, Registration
from contract.ids import uuid7
from contract.messages import RegisterForMeeting
from server.announcements import meetings, queries, rules
from server.announcements import service as announcements
from server.kit import outbox
from server.kit.identity import Operator, Sender

PLANNER = Operator(1, "planner-1", frozenset({"planner"}))
WORDS = {"zh": "座谈会", "en": "Round table"}
UNTIL = NOW + timedelta(days=2)
STARTS = NOW + timedelta(days=3)
INVITATION = {
    "sort": "meeting",
    "starts_at": STARTS,
    "ends_at": STARTS + timedelta(hours=2),
    "place": {"zh": "二楼会议室", "en": "Room on the second floor"},
    "places": 1,
    "register_until": UNTIL,
}


@pytest.fixture
def shops(session: Session) -> list[Sender]:
    for code in ("R1", "R2", "R3", "R4"):
        make_retailer(session, code)
    return [make_device(session, code) for code in ("R1", "R2", "R3", "R4")]


@pytest.fixture
def meeting(session: Session, shops: list[Sender]) -> UUID:
    draft = rules.Draft.model_validate(
        {
            "sort": "notice",
            "title": WORDS,
            "body": WORDS,
            "audience": {"codes": ["R1", "R2", "R3"]},
            "invitation": INVITATION,
        }
    )
    announcement = announcements.write_announcement(session, draft, PLANNER, at=NOW)
    announcements.publish_announcement(session, announcement, PLANNER, at=NOW)
    return announcement


def say(session: Session, shop: Sender, meeting: UUID, *, coming: bool = True, **how: object) -> Receipt:
    message = RegisterForMeeting(announcement=meeting, coming=coming, said_at=NOW)
    return send(session, shop, "meeting.register", message, **how)


def stands(session: Session, shop: str) -> Registration | None:
    items, _ = outbox.read(session, shop, after=0)
    found = [Registration.model_validate(item.data) for item in items if item.kind == "registration"]
    return found[-1] if found else None


def states(session: Session, meeting: UUID) -> list[tuple[str, str | None]]:
    return [(guest.retailer, guest.state) for guest in meetings.guests(session, meeting)]


def test_places_go_by_turn_and_who_gives_one_back_lets_the_first_in_line_have_it(session, shops, meeting):
    for shop in shops[:3]:
        assert say(session, shop, meeting).outcome == "accepted"
    assert states(session, meeting) == [("R1", "registered"), ("R2", "waiting"), ("R3", "waiting")]
    assert [getattr(stands(session, code), "waiting", 0) for code in ("R1", "R2", "R3")] == [None, 1, 2]
    say(session, shops[0], meeting, coming=False)
    assert states(session, meeting) == [("R2", "registered"), ("R3", "waiting"), ("R1", "not_coming")]
    third = stands(session, "R3")
    assert third is not None
    assert (third.state, third.waiting) == ("waiting", 1)
    say(session, shops[0], meeting)
    assert states(session, meeting)[-1] == ("R1", "waiting")  # at the end of the line


def test_what_is_said_twice_counts_once_and_what_comes_late_is_refused_visibly(session, shops, meeting):
    same = uuid7()
    first = say(session, shops[0], meeting, id=same)
    assert say(session, shops[0], meeting, id=same) == first
    say(session, shops[0], meeting)
    found = queries.announcement(session, meeting)
    assert found is not None
    assert found.meeting is not None
    assert (found.meeting.registered, found.meeting.waiting) == (1, 0)
    late = say(session, shops[1], meeting, at=UNTIL + timedelta(seconds=1))
    assert (late.outcome, late.code) == ("rejected", "registration_over")
    assert say(session, shops[1], meeting, at=UNTIL).outcome == "accepted"
    assert say(session, shops[0], meeting, coming=False, at=STARTS).outcome == "accepted"
    assert stands(session, "R2").state == "registered"
    assert say(session, shops[3], meeting).code == "unknown_announcement"


def test_the_word_that_was_said_last_counts_in_whatever_order_words_arrive(session, shops, meeting):
    hour = timedelta(hours=1)

    def word(*, coming: bool, said: float, arrives: float) -> Registration | None:
        message = RegisterForMeeting(announcement=meeting, coming=coming, said_at=NOW + said * hour)
        assert send(session, shops[0], "meeting.register", message, at=NOW + arrives * hour).outcome == "accepted"
        return stands(session, "R1")

    assert word(coming=False, said=2, arrives=2).state == "not_coming"
    older = word(coming=True, said=1, arrives=3)
    assert (older.state, older.at) == ("not_coming", NOW + 2 * hour)
    assert word(coming=True, said=4, arrives=4).state == "registered"
    word(coming=True, said=6, arrives=6)
    assert word(coming=False, said=5, arrives=7).state == "registered", "it was said again since"
    assert word(coming=False, said=99, arrives=8).state == "not_coming", "a clock that is ahead is not believed"
    assert word(coming=True, said=9, arrives=9).state == "registered"


def test_a_meeting_that_is_called_off_takes_nobody_any_more(session, shops, meeting):
    announcements.call_off_meeting(session, meeting, PLANNER, at=NOW)
    announcements.call_off_meeting(session, meeting, PLANNER, at=NOW)
    items, _ = outbox.read(session, "R1", after=0)
    (told,) = [Announcement.model_validate(item.data) for item in items if item.kind == "announcement"]
    assert told.meeting is not None
    assert told.meeting.called_off
    assert say(session, shops[0], meeting).code == "meeting_called_off"


def test_attendance_is_taken_by_tick_or_scan_and_the_shop_is_told(session, shops, meeting):
    meetings.register_for(session, meeting, "R2", coming=True, operator=PLANNER, at=NOW)
    assert stands(session, "R2").state == "registered"
    for code, attended, how in (("R2", True, "scan"), ("R3", True, "tick"), ("R3", False, "tick")):
        meetings.take_attendance(session, meeting, code, attended=attended, how=how, operator=PLANNER, at=STARTS)
    guests = {guest.retailer: (guest.attended, guest.how) for guest in meetings.guests(session, meeting)}
    assert guests == {"R1": (None, None), "R2": (True, "scan"), "R3": (False, "tick")}
    assert stands(session, "R2").attended
    with pytest.raises(Rejected, match="R4"):
        meetings.take_attendance(session, meeting, "R4", attended=True, how="scan", operator=PLANNER, at=STARTS)


def test_minutes_go_to_all_who_were_invited(session, shops, meeting):
    minutes = rules.Minutes.model_validate({"title": WORDS, "body": WORDS})
    announcements.publish_minutes(session, meeting, minutes, PLANNER, at=STARTS)
    for code, count in (("R1", 2), ("R4", 0)):
        items, _ = outbox.read(session, code, after=0)
        told = [Announcement.model_validate(item.data) for item in items if item.kind == "announcement"]
        assert len(told) == count
        assert not told or told[-1].minutes_of == meeting

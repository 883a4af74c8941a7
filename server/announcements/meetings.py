"""Meetings that announcements invite to: who comes, who waits, who was there.

A shop has one place. The word counts that was said last, in whatever order words arrive; places go in the order in
which the server heard of them, by its clock; who gives a place back lets the first who waits have it. One meeting is
decided on at a time: its row is locked.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal, cast
from uuid import UUID

from sqlalchemy import case, delete, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from contract import feed
from contract.errors import Rejected
from contract.feed import Text
from contract.messages import RegisterForMeeting
from server.announcements.models import AnnouncementRow, AttendanceRow, MeetingRow, RecipientRow, RegistrationRow
from server.announcements.rules import Invitation, MeetingSort
from server.kit import audit, outbox
from server.kit.clock import happened_at
from server.kit.db import EVERYTHING, acting_for
from server.kit.identity import Operator
from server.kit.inbox import Accepted, Arrival
from server.retailers import queries as retailers

State = Literal["registered", "waiting", "not_coming"]
How = Literal["tick", "scan"]
TOLD_MOST: Final = 20
"""So many of those who wait are told of their new place in the line; the others find it when their turn is near."""


@dataclass(frozen=True)
class Meeting:
    """To what an announcement invites, and how it is filled."""

    sort: MeetingSort
    starts_at: datetime
    ends_at: datetime
    place: Text
    places: int | None
    register_until: datetime | None
    called_off_at: datetime | None
    registered: int
    waiting: int
    not_coming: int
    attended: int

    def told(self) -> feed.Meeting:
        """Return what shops are told of it."""
        return feed.Meeting(
            sort=self.sort,
            starts_at=self.starts_at,
            ends_at=self.ends_at,
            place=self.place,
            places=self.places,
            register_until=self.register_until,
            called_off=self.called_off_at is not None,
        )

    def invitation(self) -> Invitation:
        """Return what a form of it holds."""
        return Invitation(
            sort=self.sort,
            starts_at=self.starts_at,
            ends_at=self.ends_at,
            place=self.place,
            places=self.places,
            register_until=self.register_until,
        )


@dataclass(frozen=True)
class Guest:
    """One shop that was invited: what it said, by whom, and whether it was there; none where nothing is known."""

    retailer: str
    name: str
    region: str
    route: str
    state: State | None
    said_at: datetime | None
    said_by: str | None
    attended: bool | None
    how: How | None


def invite(session: Session, announcement: UUID, invitation: Invitation | None) -> None:
    """Let an announcement that is not sent yet invite to a meeting, another one than before, or to none."""
    if invitation is None:
        session.execute(delete(MeetingRow).where(MeetingRow.announcement_id == announcement))
        return
    values = {
        "sort": invitation.sort,
        "starts_at": invitation.starts_at,
        "ends_at": invitation.ends_at,
        "place_zh": invitation.place.zh.strip(),
        "place_en": invitation.place.en.strip(),
        "places": invitation.places,
        "register_until": invitation.register_until,
    }
    put = insert(MeetingRow).values(announcement_id=announcement, **values)
    session.execute(put.on_conflict_do_update(index_elements=["announcement_id"], set_=values))


def meetings(session: Session, announcements: Collection[UUID]) -> dict[UUID, Meeting]:
    """Return the meetings that these announcements invite to; those that invite to none are absent."""
    rows = session.scalars(
        select(MeetingRow)
        .where(MeetingRow.announcement_id.in_(announcements))
        .execution_options(populate_existing=True)
    ).all()
    if not rows:
        return {}
    ids = [row.announcement_id for row in rows]
    said = select(RegistrationRow.announcement_id, RegistrationRow.state, func.count())
    said = said.where(RegistrationRow.announcement_id.in_(ids))
    counts = {
        (row[0], row[1]): row[2]
        for row in session.execute(said.group_by(RegistrationRow.announcement_id, RegistrationRow.state))
    }
    came = select(AttendanceRow.announcement_id, func.count()).where(
        AttendanceRow.announcement_id.in_(ids), AttendanceRow.attended
    )
    there = {row[0]: row[1] for row in session.execute(came.group_by(AttendanceRow.announcement_id))}
    return {
        row.announcement_id: Meeting(
            sort=cast("MeetingSort", row.sort),
            starts_at=row.starts_at,
            ends_at=row.ends_at,
            place=Text(zh=row.place_zh, en=row.place_en),
            places=row.places,
            register_until=row.register_until,
            called_off_at=row.called_off_at,
            registered=counts.get((row.announcement_id, "registered"), 0),
            waiting=counts.get((row.announcement_id, "waiting"), 0),
            not_coming=counts.get((row.announcement_id, "not_coming"), 0),
            attended=there.get(row.announcement_id, 0),
        )
        for row in rows
    }


def guests(session: Session, announcement: UUID, *, said_something: bool = False) -> list[Guest]:
    """Return who was invited: those who come, who wait in their order, who do not, then those who said nothing."""
    shop = retailers.shops_query().subquery("shops")
    query = (
        select(
            RecipientRow.retailer,
            shop.c.name,
            shop.c.region,
            shop.c.route,
            RegistrationRow.state,
            RegistrationRow.at,
            RegistrationRow.said_by,
            AttendanceRow.attended,
            AttendanceRow.how,
        )
        .join(shop, shop.c.code == RecipientRow.retailer)
        .outerjoin(
            RegistrationRow,
            (RegistrationRow.announcement_id == RecipientRow.announcement_id)
            & (RegistrationRow.retailer == RecipientRow.retailer),
        )
        .outerjoin(
            AttendanceRow,
            (AttendanceRow.announcement_id == RecipientRow.announcement_id)
            & (AttendanceRow.retailer == RecipientRow.retailer),
        )
        .where(RecipientRow.announcement_id == announcement)
    )
    if said_something:
        query = query.where(RegistrationRow.state.is_not(None) | AttendanceRow.attended.is_not(None))
    order = case({"registered": 1, "waiting": 2, "not_coming": 3}, value=RegistrationRow.state, else_=4)
    rows = session.execute(query.order_by(order, RegistrationRow.turn, RecipientRow.retailer.collate("C")))
    return [Guest(*row) for row in rows]


def register(session: Session, said: RegisterForMeeting, arrival: Arrival) -> Accepted:
    """Take what a shop says of its coming; the same again changes nothing, and neither does what was said before.

    Raises
    ------
    Rejected
        ``unknown_announcement``, ``announcement_withdrawn``, ``no_meeting``, ``meeting_called_off``;
        ``registration_over`` where it came after the last instant.
    """
    shop, by = arrival.sender.party, arrival.sender.device
    with acting_for(session, scope=EVERYTHING):  # who else comes and waits decides, and is told
        said_at = happened_at(said.said_at, arrival.at)
        return Accepted(
            _note(session, said.announcement, shop, coming=said.coming, by=by, said_at=said_at, at=arrival.at)
        )


def register_for(
    session: Session, announcement: UUID, shop: str, *, coming: bool, operator: Operator, at: datetime
) -> None:
    """Note what a shop said to a person of the distributor, by telephone; for what it raises see :func:`register`.

    A shop outside the person's bounds is none that was invited.
    """
    if session.get(RecipientRow, (announcement, shop)) is None:
        raise Rejected("not_found", what="retailer", name=shop)
    with acting_for(session, scope=EVERYTHING):
        number = _note(session, announcement, shop, coming=coming, by=operator.name, said_at=at, at=at)
        audit.record(
            session,
            actor=operator.actor,
            action="meeting.registered_for",
            subject=f"retailer:{shop}",
            at=at,
            detail={"announcement": number, "coming": coming},
        )


def _note(
    session: Session, announcement: UUID, shop: str, *, coming: bool, by: str, said_at: datetime, at: datetime
) -> int:
    """Note whether a shop comes; return the announcement's number."""
    row = session.get(AnnouncementRow, announcement)
    invited = session.get(RecipientRow, (announcement, shop))
    if row is None or invited is None:
        raise Rejected("unknown_announcement")
    if row.state == "withdrawn":
        raise Rejected("announcement_withdrawn")
    meeting = session.get(MeetingRow, announcement, with_for_update=True, populate_existing=True)
    if meeting is None:
        raise Rejected("no_meeting")
    if meeting.called_off_at is not None:
        raise Rejected("meeting_called_off")
    last = (meeting.register_until or meeting.starts_at) if coming else meeting.starts_at
    if at > last:
        raise Rejected("registration_over", until=last.isoformat())
    stands = session.get(RegistrationRow, (announcement, shop), populate_existing=True)
    if stands is not None and (stands.state != "not_coming") == coming:
        stands.said_at = max(stands.said_at, said_at)
        return row.number
    if stands is not None and said_at < stands.said_at:
        _tell(session, announcement, {shop}, at)  # the terminal that said it shows how the shop stands
        return row.number
    state: State = "not_coming"
    if coming:
        state = "registered" if _free(session, meeting) else "waiting"
    freed = stands is not None and stands.state == "registered"
    turn = session.scalar(
        select(func.coalesce(func.max(RegistrationRow.turn), 0)).where(RegistrationRow.announcement_id == announcement)
    )
    values = {"state": state, "turn": int(turn or 0) + 1, "said_by": by, "said_at": said_at, "at": at}
    put = insert(RegistrationRow).values(announcement_id=announcement, retailer=shop, **values)
    session.execute(put.on_conflict_do_update(index_elements=["announcement_id", "retailer"], set_=values))
    changed = {shop}
    if freed:
        changed |= _move_up(session, meeting, at)
    _tell(session, announcement, changed, at)
    return row.number


def call_off(session: Session, announcement: UUID, operator: Operator, *, at: datetime) -> bool:
    """Call a meeting off; return whether it was not before. The caller tells those who were invited.

    Raises
    ------
    Rejected
        ``no_meeting``.
    """
    meeting = session.get(MeetingRow, announcement, with_for_update=True)
    if meeting is None:
        raise Rejected("no_meeting")
    if meeting.called_off_at is not None:
        return False
    meeting.called_off_at, meeting.called_off_by = at, operator.name
    session.flush()
    return True


def take_attendance(
    session: Session, announcement: UUID, shop: str, *, attended: bool, how: How, operator: Operator, at: datetime
) -> None:
    """Note whether a shop was there; the newest word counts, and the shop is told.

    Raises
    ------
    Rejected
        ``no_meeting``; ``not_found`` where the shop was not invited.
    """
    meeting, row = session.get(MeetingRow, announcement), session.get(AnnouncementRow, announcement)
    if meeting is None or row is None:
        raise Rejected("no_meeting")
    if session.get(RecipientRow, (announcement, shop)) is None:
        raise Rejected("not_found", what="retailer", name=shop)
    before = session.get(AttendanceRow, (announcement, shop), populate_existing=True)
    if before is not None and before.attended == attended:
        return
    values = {"attended": attended, "how": how, "taken_by": operator.name, "taken_at": at}
    put = insert(AttendanceRow).values(announcement_id=announcement, retailer=shop, **values)
    session.execute(put.on_conflict_do_update(index_elements=["announcement_id", "retailer"], set_=values))
    audit.record(
        session,
        actor=operator.actor,
        action="meeting.attendance_taken",
        subject=f"retailer:{shop}",
        at=at,
        detail={"announcement": row.number, "attended": attended, "how": how},
    )
    _tell(session, announcement, {shop}, at)


def _free(session: Session, meeting: MeetingRow) -> bool:
    if meeting.places is None:
        return True
    taken = session.scalar(
        select(func.count())
        .select_from(RegistrationRow)
        .where(RegistrationRow.announcement_id == meeting.announcement_id, RegistrationRow.state == "registered")
    )
    return int(taken or 0) < meeting.places


def _line(session: Session, announcement: UUID) -> list[str]:
    return list(
        session.scalars(
            select(RegistrationRow.retailer)
            .where(RegistrationRow.announcement_id == announcement, RegistrationRow.state == "waiting")
            .order_by(RegistrationRow.turn)
        )
    )


def _move_up(session: Session, meeting: MeetingRow, at: datetime) -> set[str]:
    """Give the free place to the first who waits; return who is to be told."""
    line = _line(session, meeting.announcement_id)
    if not line or not _free(session, meeting):
        return set()
    first = session.get_one(RegistrationRow, (meeting.announcement_id, line[0]), populate_existing=True)
    first.state, first.at = "registered", at
    session.flush()
    return set(line[:TOLD_MOST])


def _tell(session: Session, announcement: UUID, shops: Iterable[str], at: datetime) -> None:
    line = _line(session, announcement)
    items = []
    for shop in sorted(shops):
        said = session.get(RegistrationRow, (announcement, shop), populate_existing=True)
        came = session.get(AttendanceRow, (announcement, shop), populate_existing=True)
        message = feed.Registration(
            announcement=announcement,
            state=cast("State", said.state) if said is not None else "not_coming",
            at=said.at if said is not None else at,
            waiting=line.index(shop) + 1 if shop in line else None,
            attended=None if came is None else came.attended,
        )
        items.append(outbox.Item(shop, f"registration:{announcement}", "registration", message))
    outbox.append(session, items, at=at)

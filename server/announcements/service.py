"""What can be done with announcements. Nothing here commits."""

from collections.abc import Collection
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import insert, select
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.orm import Session

from contract import feed
from contract.errors import Conflict, Rejected
from contract.ids import uuid7
from contract.messages import DisplayAnnouncement, ReadAnnouncement
from server.announcements import attached, meetings, queries, rules
from server.announcements.models import AnnouncementRow, MeetingRow, ReceiptRow, RecipientRow, VersionRow
from server.audiences import queries as audiences
from server.audiences.rules import ADDRESSED, NOBODY
from server.kit import audit, broadcasts, outbox
from server.kit.changing import ChangedMeanwhileError, Standing, digest
from server.kit.fields import Invalid, Unfit
from server.kit.identity import SYSTEM, Operator
from server.kit.inbox import Accepted, Arrival
from server.kit.marking import N_
from server.retailers import queries as retailers


def write_announcement(session: Session, draft: rules.Draft, operator: Operator, *, at: datetime) -> UUID:
    """Keep a new draft; return its id.

    Raises
    ------
    Invalid
        Naming every field that does not fit.
    """
    _check(session, draft)
    row = AnnouncementRow(
        id=uuid7(), state="draft", version=1, counts_from=1, created_by=operator.name, created_at=at, **_fields(draft)
    )
    session.add(row)
    session.flush()
    meetings.invite(session, row.id, draft.invitation)
    _add_version(session, row, draft.title, draft.body, None, operator, None)
    _record(session, operator, "announcement.written", row, at)
    return row.id


def rewrite_announcement(
    session: Session,
    announcement_id: UUID,
    draft: rules.Draft,
    operator: Operator,
    *,
    at: datetime,
    seen: str | None = None,
) -> None:
    """Put a draft anew; ``seen`` is the :func:`draft_seen` that the person looked at, none for whatever stands there.

    Raises
    ------
    Rejected, Conflict
        ``not_found``; ``Invalid``; ``wrong_state`` where it was sent: then only a correction changes it;
        ``changed_meanwhile``, where another draft stands there than was seen.
    """
    _check(session, draft)
    row = _locked(session, announcement_id, "draft")
    check_seen(session, row.id, seen)
    words = session.get_one(VersionRow, (row.id, 1))
    for name, value in _fields(draft).items():
        setattr(row, name, value)
    row.not_sent = None
    words.title_zh, words.title_en = draft.title.zh.strip(), draft.title.en.strip()
    words.body_zh, words.body_en = draft.body.zh.strip(), draft.body.en.strip()
    words.written_by = operator.name
    session.flush()
    meetings.invite(session, row.id, draft.invitation)
    _record(session, operator, "announcement.rewritten", row, at)


def _check(session: Session, draft: rules.Draft) -> None:
    rules.check_words(draft.title, draft.body)
    rules.check_times(draft)
    audiences.check(session, draft.audience)


def _fields(draft: rules.Draft) -> dict[str, Any]:
    return {
        "sort": draft.sort,
        "audience": ADDRESSED.dump_python(draft.audience, mode="json"),
        "must_acknowledge": draft.must_acknowledge,
        "pinned": draft.pinned,
        "publish_at": draft.publish_at,
        "expires_at": draft.expires_at,
    }


def draft_seen(shown: queries.Announcement) -> str:
    """Return a short digest of what an announcement says, by which a form finds out that it is out of date."""
    words = [[one.version, one.title.zh, one.title.en, one.body.zh, one.body.en] for one in shown.versions]
    whom = ADDRESSED.dump_python(shown.audience, mode="json")
    held = [shown.must_acknowledge, shown.pinned, str(shown.publish_at), str(shown.expires_at), repr(shown.meeting)]
    return digest([shown.sort, whom, held, words])


def check_seen(session: Session, announcement_id: UUID, seen: str | None) -> None:
    """Raise ``changed_meanwhile`` where a locked announcement is not as the person saw it."""
    stands = queries.announcement(session, announcement_id) if seen is not None else None
    if stands is None or draft_seen(stands) == seen:
        return
    words = stands.newest
    raise ChangedMeanwhileError(
        words.title.zh + " / " + words.title.en,
        (
            Standing("title_zh", N_("Title in Chinese"), words.title.zh),
            Standing("title_en", N_("Title in English"), words.title.en),
            Standing("body_zh", N_("Text in Chinese"), words.body.zh),
            Standing("body_en", N_("Text in English"), words.body.en),
        ),
    )


def publish_announcement(
    session: Session, announcement_id: UUID, operator: Operator, *, at: datetime, seen: str | None = None
) -> int:
    """Send a draft to its audience, or at the time that it names; return how many retailers get it.

    Whom it is for is decided now, by what the person may see. ``seen`` as for :func:`rewrite_announcement`.

    Raises
    ------
    Rejected, Conflict
        ``not_found``; ``wrong_state``; ``Invalid`` where it has expired, is too heavy or nobody would get it;
        ``changed_meanwhile``, where another draft stands there than was seen.
    """
    row = _locked(session, announcement_id, "draft")
    check_seen(session, row.id, seen)
    if row.expires_at is not None and row.expires_at <= at:
        raise Invalid({"expires_at": Unfit(rules.OVER)})
    codes = audiences.codes_in(session, ADDRESSED.validate_python(row.audience), at.date())
    if not codes:
        raise Invalid({"audience": Unfit(NOBODY)})
    size = len(_message(session, row, at).model_dump_json(exclude_none=True).encode())
    if size > rules.WIRE_MOST:
        raise Invalid({"body": Unfit(rules.TOO_HEAVY, size=size, most=rules.WIRE_MOST)})
    if row.publish_at is not None and row.publish_at > at:
        row.state, row.scheduled_by, row.scheduled_for = "scheduled", operator.name, codes
        session.flush()
        _record(session, operator, "announcement.scheduled", row, at, sent=len(codes))
        return len(codes)
    _send(session, row, codes, at)
    _record(session, operator, "announcement.published", row, at, sent=len(codes))
    return len(codes)


def unschedule_announcement(session: Session, announcement_id: UUID, operator: Operator, *, at: datetime) -> None:
    """Make a draft again of what was to be sent later.

    Raises
    ------
    Rejected, Conflict
        ``not_found``; ``wrong_state`` where it was sent meanwhile.
    """
    row = _locked(session, announcement_id, "scheduled")
    row.state, row.scheduled_by, row.scheduled_for = "draft", None, None
    session.flush()
    _record(session, operator, "announcement.unscheduled", row, at)


def keep_time(session: Session, now: datetime) -> list[UUID]:
    """Send what is due, to those whom it was scheduled for; return it. What would be over already is a draft again."""
    due = session.scalars(
        select(AnnouncementRow)
        .where(AnnouncementRow.state == "scheduled", AnnouncementRow.publish_at <= now)
        .order_by(AnnouncementRow.id)
        .with_for_update()
    ).all()
    for row in due:
        codes = sorted(retailers.known(session, [str(code) for code in row.scheduled_for or ()]))
        over = row.expires_at is not None and row.expires_at <= now
        row.scheduled_for = None
        if over or not codes:
            row.state, row.not_sent = "draft", (rules.OVER if over else NOBODY).code
            action = "announcement.not_sent"
        else:
            _send(session, row, codes, now)
            action = "announcement.published"
        session.flush()
        detail = {"version": row.version, "sent": len(codes), "by": row.scheduled_by or ""}
        audit.record(session, actor=SYSTEM, action=action, subject=f"announcement:{row.number}", at=now, detail=detail)
    return [row.id for row in due]


def _send(session: Session, row: AnnouncementRow, codes: Collection[str], at: datetime) -> None:
    row.state = "published"
    session.get_one(VersionRow, (row.id, 1)).published_at = at
    session.flush()
    session.execute(
        insert(RecipientRow), [{"announcement_id": row.id, "retailer": code, "sent_at": at} for code in codes]
    )
    tell(session, row, at)


def withdraw_announcement(
    session: Session, announcement_id: UUID, why: feed.Text, operator: Operator, *, at: datetime
) -> None:
    """Take back what was sent, for a reason that the shops read in its place; it asks for nothing any more.

    Raises
    ------
    Rejected, Conflict
        ``not_found``; ``Invalid``; ``wrong_state`` where it was not sent, or taken back already.
    """
    rules.check_reason(why)
    row = _locked(session, announcement_id, "published")
    row.state, row.withdrawn_at, row.withdrawn_by = "withdrawn", at, operator.name
    row.withdrawn_zh, row.withdrawn_en = why.zh.strip(), why.en.strip()
    session.flush()
    tell(session, row, at)
    _record(session, operator, "announcement.withdrawn", row, at, why=why.en.strip())


def call_off_meeting(session: Session, announcement_id: UUID, operator: Operator, *, at: datetime) -> None:
    """Call off what an announcement invites to, and tell all who were invited. Again changes nothing.

    Raises
    ------
    Rejected, Conflict
        ``not_found``, ``no_meeting``; ``wrong_state`` where it was not sent.
    """
    row = _locked(session, announcement_id, "published")
    if meetings.call_off(session, row.id, operator, at=at):
        tell(session, row, at)
        _record(session, operator, "meeting.called_off", row, at)


def publish_minutes(
    session: Session, meeting_id: UUID, minutes: rules.Minutes, operator: Operator, *, at: datetime
) -> UUID:
    """Send the minutes of a meeting to all who were invited, as an announcement of their own; return its id.

    Raises
    ------
    Rejected, Conflict
        ``not_found``, also of what invites to no meeting; ``Invalid``; ``wrong_state`` where it was not sent.
    """
    rules.check_words(minutes.title, minutes.body)
    meeting = _locked(session, meeting_id, "published")
    if session.get(MeetingRow, meeting.id) is None:
        raise Rejected("no_meeting")
    row = AnnouncementRow(
        id=uuid7(),
        sort="notice",
        audience=meeting.audience,
        must_acknowledge=False,
        minutes_of=meeting.id,
        state="draft",
        version=1,
        counts_from=1,
        created_by=operator.name,
        created_at=at,
    )
    session.add(row)
    session.flush()
    _add_version(session, row, minutes.title, minutes.body, None, operator, None)
    invited = select(RecipientRow.retailer).where(RecipientRow.announcement_id == meeting.id)
    codes = session.scalars(invited.order_by(RecipientRow.retailer.collate("C"))).all()
    _send(session, row, codes, at)
    _record(session, operator, "announcement.minutes_published", row, at, meeting=meeting.number, sent=len(codes))
    return row.id


def correct_announcement(
    session: Session,
    announcement_id: UUID,
    correction: rules.Correction,
    operator: Operator,
    *,
    at: datetime,
    seen: str | None = None,
    files: attached.Changed | None = None,
) -> int:
    """Send a new version that says what it puts right, to those who got the first; return its number.

    ``seen`` as for :func:`rewrite_announcement`; ``files`` come and go with the new version.

    Raises
    ------
    Rejected, Conflict
        ``not_found``; ``Invalid``; ``wrong_state`` where it was not sent yet; what
        :func:`server.announcements.attached.correct` refuses.
    """
    rules.check_words(correction.title, correction.body, correction.note)
    row = _locked(session, announcement_id, "published")
    check_seen(session, row.id, seen)
    row.version += 1
    if correction.ask_anew:
        row.counts_from = row.version
    session.flush()
    _add_version(session, row, correction.title, correction.body, correction.note, operator, at)
    if files is not None:
        attached.correct(session, row, files, operator, at=at)
    tell(session, row, at)
    _record(session, operator, "announcement.corrected", row, at, note=correction.note.en)
    return row.version


def note_display(session: Session, shown: DisplayAnnouncement, arrival: Arrival) -> Accepted:
    """Note that a version stood on a shop's screen for the first time; later times change nothing."""
    return _receive(session, shown.announcement, shown.version, "displayed", shown.displayed_at, arrival)


def acknowledge_announcement(session: Session, read: ReadAnnouncement, arrival: Arrival) -> Accepted:
    """Note that somebody said for the first time that he has read a version; later times change nothing."""
    return _receive(session, read.announcement, read.version, "acknowledged", read.read_at, arrival)


def _receive(
    session: Session, announcement: UUID, version: int | None, sort: rules.Sign, said_at: datetime, arrival: Arrival
) -> Accepted:
    party = arrival.sender.party
    row = session.get(AnnouncementRow, announcement)
    if row is None or session.get(RecipientRow, (announcement, party)) is None:
        raise Rejected("unknown_announcement")
    if version is None:
        version = row.version
    if version > row.version:
        raise Rejected("unknown_announcement")
    session.execute(
        upsert(ReceiptRow)
        .values(
            announcement_id=row.id,
            version=version,
            retailer=party,
            sort=sort,
            device=arrival.sender.device,
            said_at=said_at,
            received_at=arrival.at,
        )
        .on_conflict_do_nothing(index_elements=["announcement_id", "version", "retailer", "sort"])
    )
    return Accepted(row.number, version)


def _add_version(
    session: Session,
    row: AnnouncementRow,
    title: feed.Text,
    body: feed.Text,
    note: feed.Text | None,
    operator: Operator,
    published_at: datetime | None,
) -> None:
    session.add(
        VersionRow(
            announcement_id=row.id,
            version=row.version,
            title_zh=title.zh.strip(),
            title_en=title.en.strip(),
            body_zh=body.zh.strip(),
            body_en=body.en.strip(),
            correction_zh=None if note is None else note.zh.strip(),
            correction_en=None if note is None else note.en.strip(),
            written_by=operator.name,
            published_at=published_at,
        )
    )
    session.flush()


def _locked(session: Session, announcement_id: UUID, needed: str) -> AnnouncementRow:
    row = session.get(AnnouncementRow, announcement_id, with_for_update=True)
    if row is None:
        raise Rejected("not_found", what="announcement", name=str(announcement_id))
    if row.state != needed:
        raise Conflict("wrong_state", state=row.state, needed=needed)
    return row


def tell(session: Session, row: AnnouncementRow, at: datetime) -> None:
    """Let those whom it was sent to fetch the newest version: through their feeds, told once a group."""
    codes = session.scalars(
        select(RecipientRow.retailer)
        .where(RecipientRow.announcement_id == row.id)
        .order_by(RecipientRow.retailer.collate("C"))
    ).all()
    message = _message(session, row, at)
    items = [outbox.Item(code, f"announcement:{row.id}", "announcement", message) for code in codes]
    outbox.append(session, items, at=at, by_broadcast=True)
    broadcasts.tell(session, retailers.groups_around(session, codes), terminals=len(codes), at=at)


def _message(session: Session, row: AnnouncementRow, at: datetime) -> feed.Announcement:
    shown = queries.announcement(session, row.id)
    assert shown is not None  # noqa: S101 - locked before
    newest = shown.newest
    withdrawn = None
    if row.withdrawn_zh is not None and row.withdrawn_en is not None:
        withdrawn = feed.Text(zh=row.withdrawn_zh, en=row.withdrawn_en)
    return feed.Announcement(
        announcement=row.id,
        sort=shown.sort,
        title=newest.title,
        body=rules.body_shown(newest.body, newest.version, newest.note),
        version=newest.version,
        published_at=newest.published_at or at,
        expires_at=row.expires_at,
        must_acknowledge=row.must_acknowledge and withdrawn is None,
        pinned=row.pinned,
        corrected_at=newest.published_at if newest.version > 1 else None,
        counts_from=None if row.counts_from == newest.version else row.counts_from,
        withdrawn_at=row.withdrawn_at,
        withdrawn_why=withdrawn,
        attachments=attached.told(session, row.id),
        meeting=None if shown.meeting is None else shown.meeting.told(),
        minutes_of=row.minutes_of,
    )


def _record(
    session: Session, operator: Operator, action: str, row: AnnouncementRow, at: datetime, **detail: str | int
) -> None:
    audit.record(
        session,
        actor=operator.actor,
        action=action,
        subject=f"announcement:{row.number}",
        at=at,
        detail={"version": row.version, **detail},
    )

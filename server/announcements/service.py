"""What can be done with announcements. Nothing here commits."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import insert, select
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.orm import Session

from contract import feed
from contract.errors import Conflict, Rejected
from contract.ids import uuid7
from contract.messages import DisplayAnnouncement, ReadAnnouncement
from server.announcements import queries, rules
from server.announcements.models import AnnouncementRow, ReceiptRow, RecipientRow, VersionRow
from server.kit import audit, outbox
from server.kit.changing import ChangedMeanwhileError, Standing, digest
from server.kit.fields import Invalid, Unfit
from server.kit.identity import Operator
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
    rules.check_words(draft.title, draft.body)
    row = AnnouncementRow(
        id=uuid7(),
        sort=draft.sort,
        audience=queries.AUDIENCE.dump_python(draft.audience, mode="json"),
        must_acknowledge=draft.must_acknowledge,
        expires_at=draft.expires_at,
        state="draft",
        version=1,
        created_by=operator.name,
        created_at=at,
    )
    session.add(row)
    session.flush()
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
    rules.check_words(draft.title, draft.body)
    row = _locked(session, announcement_id, "draft")
    check_seen(session, row.id, seen)
    words = session.get_one(VersionRow, (row.id, 1))
    row.sort = draft.sort
    row.audience = queries.AUDIENCE.dump_python(draft.audience, mode="json")
    row.must_acknowledge = draft.must_acknowledge
    row.expires_at = draft.expires_at
    words.title_zh, words.title_en = draft.title.zh.strip(), draft.title.en.strip()
    words.body_zh, words.body_en = draft.body.zh.strip(), draft.body.en.strip()
    words.written_by = operator.name
    session.flush()
    _record(session, operator, "announcement.rewritten", row, at)


def draft_seen(shown: queries.Announcement) -> str:
    """Return a short digest of what an announcement says, by which a form finds out that it is out of date."""
    words = [[one.version, one.title.zh, one.title.en, one.body.zh, one.body.en] for one in shown.versions]
    audience = queries.AUDIENCE.dump_python(shown.audience, mode="json")
    return digest([shown.sort, audience, shown.must_acknowledge, str(shown.expires_at), words])


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
    """Send a draft to its audience; return how many retailers that are. ``seen`` as for :func:`rewrite_announcement`.

    Raises
    ------
    Rejected, Conflict
        ``not_found``; ``wrong_state``; ``Invalid`` where it has expired or nobody would get it;
        ``changed_meanwhile``, where another draft stands there than was seen.
    """
    row = _locked(session, announcement_id, "draft")
    check_seen(session, row.id, seen)
    if row.expires_at is not None and row.expires_at <= at:
        raise Invalid({"expires_at": Unfit(rules.OVER)})
    codes = retailers.codes_in(session, queries.AUDIENCE.validate_python(row.audience))
    if not codes:
        raise Invalid({"audience": Unfit(rules.NOT_ADDRESSED)})
    row.state = "published"
    session.get_one(VersionRow, (row.id, 1)).published_at = at
    session.flush()
    session.execute(
        insert(RecipientRow), [{"announcement_id": row.id, "retailer": code, "sent_at": at} for code in codes]
    )
    tell(session, row, at)
    _record(session, operator, "announcement.published", row, at, sent=len(codes))
    return len(codes)


def correct_announcement(
    session: Session,
    announcement_id: UUID,
    correction: rules.Correction,
    operator: Operator,
    *,
    at: datetime,
    seen: str | None = None,
) -> int:
    """Send a new version that says what it puts right, to those who got the first; return its number.

    ``seen`` as for :func:`rewrite_announcement`.

    Raises
    ------
    Rejected, Conflict
        ``not_found``; ``Invalid``; ``wrong_state`` where it was not sent yet.
    """
    rules.check_words(correction.title, correction.body, correction.note)
    row = _locked(session, announcement_id, "published")
    check_seen(session, row.id, seen)
    row.version += 1
    session.flush()
    _add_version(session, row, correction.title, correction.body, correction.note, operator, at)
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
    """Send the newest version to the feeds of those whom it was sent to."""
    shown = queries.announcement(session, row.id)
    assert shown is not None  # noqa: S101 - locked before
    newest = shown.newest
    message = feed.Announcement(
        announcement=row.id,
        sort=shown.sort,
        title=newest.title,
        body=rules.body_shown(newest.body, newest.version, newest.note),
        version=newest.version,
        published_at=at,
        expires_at=row.expires_at,
        must_acknowledge=row.must_acknowledge,
    )
    codes = session.scalars(
        select(RecipientRow.retailer)
        .where(RecipientRow.announcement_id == row.id)
        .order_by(RecipientRow.retailer.collate("C"))
    )
    outbox.append(
        session, [outbox.Item(code, f"announcement:{row.id}", "announcement", message) for code in codes], at=at
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

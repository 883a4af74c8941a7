"""How long pictures of announcements are kept, and who came to which meeting."""

from datetime import datetime
from typing import Any, Final

from sqlalchemy import Select, delete, func, or_, select
from sqlalchemy.orm import Session

from server.announcements.models import (
    AnnouncementRow,
    AttachmentRow,
    AttendanceRow,
    MeetingRow,
    PageRow,
    RegistrationRow,
)
from server.kit.marking import N_
from server.kit.retention import Kind, count


def _attached(before: datetime) -> Select[Any]:
    """Select what goes with announcements that no terminal has shown any more since before then."""
    over = or_(AnnouncementRow.expires_at < before, AnnouncementRow.withdrawn_at < before)
    gone = select(AnnouncementRow.id).where(over)
    return select(AttachmentRow.id).where(AttachmentRow.announcement_id.in_(gone))


def count_attachments(session: Session, before: datetime) -> int:
    """Return how many pictures and documents went with announcements that were over before then."""
    return count(session, _attached(before))


def erase_attachments(session: Session, before: datetime, _at: datetime) -> int:
    """Remove what went with announcements that were over before then; their words stay."""
    gone = list(session.scalars(_attached(before)))
    session.execute(delete(PageRow).where(PageRow.attachment_id.in_(gone)))
    session.execute(delete(AttachmentRow).where(AttachmentRow.id.in_(gone)))
    return len(gone)


def _held(before: datetime) -> Select[Any]:
    return select(MeetingRow.announcement_id).where(MeetingRow.ends_at < before)


def count_registrations(session: Session, before: datetime) -> int:
    """Return how many shops have said that they come, or were there, at meetings that ended before then."""
    tables = (RegistrationRow, AttendanceRow)
    rows = (select(func.count()).select_from(one).where(one.announcement_id.in_(_held(before))) for one in tables)
    return sum(session.scalar(one) or 0 for one in rows)


def erase_registrations(session: Session, before: datetime, _at: datetime) -> int:
    """Remove who said so and who was there; that there was a meeting, and its minutes, stay."""
    due = count_registrations(session, before)
    for one in (RegistrationRow, AttendanceRow):
        session.execute(delete(one).where(one.announcement_id.in_(_held(before))))
    return due


RETENTION: Final = (
    Kind(
        "attachments",
        N_("Pictures and documents that went with announcements"),
        N_("To be read with the announcement."),
        N_("the announcement was over"),
        N_("they are removed; the announcement's words, and who was shown them, stay"),
        730,
        count_attachments,
        erase_attachments,
    ),
    Kind(
        "registrations",
        N_("Which shops registered for a meeting, and which were there"),
        N_("To hold the meeting, and to know at the next who was there."),
        N_("the meeting ended"),
        N_("removed; the meeting and its minutes stay"),
        730,
        count_registrations,
        erase_registrations,
    ),
)

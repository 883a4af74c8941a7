"""Reads of announcements and of whom they reached."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from contract.feed import Text
from server.announcements import meetings, rules
from server.announcements.models import AnnouncementRow, ReceiptRow, RecipientRow, VersionRow
from server.audiences.rules import ADDRESSED, Addressed

#: What was confirmed stood on the screen, whichever word of the two came first; of an earlier version it may have.
FIRSTS = (
    func.min(ReceiptRow.received_at).filter(ReceiptRow.version == AnnouncementRow.version).label("displayed_at"),
    func.min(ReceiptRow.received_at).filter(ReceiptRow.sort == "acknowledged").label("acknowledged_at"),
)
#: Receipts that count for the newest version: its own, and what was read of one that a correction let stand.
COUNTS = (ReceiptRow.announcement_id == AnnouncementRow.id) & ReceiptRow.version.between(
    AnnouncementRow.counts_from, AnnouncementRow.version
)


@dataclass(frozen=True)
class Version:
    """The words of one version."""

    version: int
    title: Text
    body: Text
    note: Text | None
    written_by: str
    published_at: datetime | None


@dataclass(frozen=True)
class Announcement:
    """One announcement with its versions, the newest first.

    ``displayed`` counts the shops on whose screens the newest stood, ``acknowledged`` those that confirmed it.
    """

    id: UUID
    number: int
    sort: rules.Sort
    audience: Addressed
    must_acknowledge: bool
    pinned: bool
    publish_at: datetime | None
    expires_at: datetime | None
    state: rules.State
    not_sent: str | None
    withdrawn_at: datetime | None
    withdrawn_by: str | None
    withdrawn_why: Text | None
    minutes_of: UUID | None
    meeting: meetings.Meeting | None
    created_by: str
    created_at: datetime
    versions: tuple[Version, ...]
    sent: int
    displayed: int
    acknowledged: int

    @property
    def newest(self) -> Version:
        """The version that counts."""
        return self.versions[0]

    @property
    def sent_at(self) -> datetime | None:
        """When the newest version was sent."""
        return self.newest.published_at

    @property
    def rate(self) -> float | None:
        """The part of the recipients whom the newest version reached, or none before it was sent.

        Those who confirmed it where it asks for that, else those on whose screens it stood.
        """
        reached = self.acknowledged if self.must_acknowledge else self.displayed
        return reached / self.sent if self.sent else None


@dataclass(frozen=True)
class Received:
    """One announcement as a retailer has it: the receipts of its newest version."""

    announcement: Announcement
    displayed_at: datetime | None
    acknowledged_at: datetime | None


def announcement(session: Session, announcement_id: UUID) -> Announcement | None:
    """Return one announcement, or none."""
    return next(iter(_announcements(session, AnnouncementRow.id == announcement_id)), None)


def announcements(
    session: Session, *, before: int | None = None, limit: int = 500, meetings_too: bool = True
) -> list[Announcement]:
    """Return announcements, the newest first, below the number ``before`` where it is named."""
    where = () if before is None else (AnnouncementRow.number < before,)
    return _announcements(session, *where, limit=limit, meetings_too=meetings_too)


def received(session: Session, retailer: str, *, limit: int = 50) -> list[Received]:
    """Return what a retailer was told, the newest first, and its receipts of the newest version of each."""
    rows = session.execute(
        select(AnnouncementRow.id, *FIRSTS)
        .join(RecipientRow, RecipientRow.announcement_id == AnnouncementRow.id)
        .outerjoin(
            ReceiptRow,
            (ReceiptRow.announcement_id == AnnouncementRow.id)
            & (ReceiptRow.retailer == RecipientRow.retailer)
            & COUNTS,
        )
        .where(RecipientRow.retailer == retailer)
        .group_by(AnnouncementRow.id, AnnouncementRow.number)
        .order_by(AnnouncementRow.number.desc())
        .limit(limit)
    ).all()
    found = {one.id: one for one in _announcements(session, AnnouncementRow.id.in_([row.id for row in rows]))}
    return [Received(found[row.id], row.displayed_at, row.acknowledged_at) for row in rows]


def minutes_of(session: Session, meeting: UUID) -> list[Announcement]:
    """Return the minutes of a meeting, the newest first."""
    return _announcements(session, AnnouncementRow.minutes_of == meeting)


def _announcements(session: Session, *where: Any, limit: int = 500, meetings_too: bool = True) -> list[Announcement]:
    rows = session.scalars(
        select(AnnouncementRow)
        .where(*where)
        .order_by(AnnouncementRow.number.desc())
        .limit(limit)
        .execution_options(populate_existing=True)
    ).all()
    ids = [row.id for row in rows]
    versions: dict[UUID, list[Version]] = {}
    for one in session.scalars(
        select(VersionRow)
        .where(VersionRow.announcement_id.in_(ids))
        .order_by(VersionRow.version.desc())
        .execution_options(populate_existing=True)
    ):
        versions.setdefault(one.announcement_id, []).append(_version(one))
    invited = meetings.meetings(session, ids) if meetings_too else {}
    sent = {
        row.announcement_id: row.shops
        for row in session.execute(
            select(RecipientRow.announcement_id, func.count().label("shops"))
            .where(RecipientRow.announcement_id.in_(ids))
            .group_by(RecipientRow.announcement_id)
        )
    }
    signs = (
        select(
            ReceiptRow.announcement_id,
            func.bool_or(ReceiptRow.version == AnnouncementRow.version).label("displayed"),
            func.bool_or(ReceiptRow.sort == "acknowledged").label("acknowledged"),
        )
        .join(AnnouncementRow, COUNTS)
        .where(ReceiptRow.announcement_id.in_(ids))
        .group_by(ReceiptRow.announcement_id, ReceiptRow.retailer)
        .subquery("signs")
    )
    reached = {
        row.announcement_id: row
        for row in session.execute(
            select(
                signs.c.announcement_id,
                func.count().filter(signs.c.displayed).label("displayed"),
                func.count().filter(signs.c.acknowledged).label("acknowledged"),
            ).group_by(signs.c.announcement_id)
        )
    }
    return [
        Announcement(
            id=row.id,
            number=row.number,
            sort=cast("rules.Sort", row.sort),
            audience=ADDRESSED.validate_python(row.audience),
            must_acknowledge=row.must_acknowledge,
            pinned=row.pinned,
            publish_at=row.publish_at,
            expires_at=row.expires_at,
            state=cast("rules.State", row.state),
            not_sent=row.not_sent,
            withdrawn_at=row.withdrawn_at,
            withdrawn_by=row.withdrawn_by,
            withdrawn_why=_why(row),
            minutes_of=row.minutes_of,
            meeting=invited.get(row.id),
            created_by=row.created_by,
            created_at=row.created_at,
            versions=tuple(versions[row.id]),
            sent=sent.get(row.id, 0),
            displayed=reached[row.id].displayed if row.id in reached else 0,
            acknowledged=reached[row.id].acknowledged if row.id in reached else 0,
        )
        for row in rows
    ]


def _why(row: AnnouncementRow) -> Text | None:
    if row.withdrawn_zh is None or row.withdrawn_en is None:
        return None
    return Text(zh=row.withdrawn_zh, en=row.withdrawn_en)


def _version(row: VersionRow) -> Version:
    note = None
    if row.correction_zh is not None and row.correction_en is not None:
        note = Text(zh=row.correction_zh, en=row.correction_en)
    return Version(
        version=row.version,
        title=Text(zh=row.title_zh, en=row.title_en),
        body=Text(zh=row.body_zh, en=row.body_en),
        note=note,
        written_by=row.written_by,
        published_at=row.published_at,
    )

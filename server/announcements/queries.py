"""Reads of announcements and of whom they reached."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, cast
from uuid import UUID

from pydantic import TypeAdapter
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from contract.feed import Text
from server.announcements import rules
from server.announcements.models import AnnouncementRow, ReadRow, RecipientRow, VersionRow
from server.retailers import queries as retailers
from server.retailers.rules import Audience

AUDIENCE = TypeAdapter(Audience)


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
    """One announcement with its versions, the newest first. ``read`` counts reads of the newest."""

    id: UUID
    number: int
    sort: rules.Sort
    audience: Audience
    must_acknowledge: bool
    expires_at: datetime | None
    state: Literal["draft", "published"]
    created_by: str
    created_at: datetime
    versions: tuple[Version, ...]
    sent: int
    read: int

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
        """The part of the recipients who read the newest version, or none before it was sent."""
        return self.read / self.sent if self.sent else None


@dataclass(frozen=True)
class Received:
    """One announcement as a retailer has it."""

    announcement: Announcement
    read_at: datetime | None


def announcement(session: Session, announcement_id: UUID) -> Announcement | None:
    """Return one announcement, or none."""
    return next(iter(_announcements(session, AnnouncementRow.id == announcement_id)), None)


def announcements(session: Session, *, limit: int = 500) -> list[Announcement]:
    """Return announcements, the newest first."""
    return _announcements(session, limit=limit)


def recipients(session: Session, shown: Announcement) -> list[rules.Recipient]:
    """Return every recipient with its first read of the newest version, by the server's clock."""
    rows = session.execute(
        select(RecipientRow.retailer, ReadRow.received_at)
        .outerjoin(
            ReadRow,
            (ReadRow.announcement_id == RecipientRow.announcement_id)
            & (ReadRow.retailer == RecipientRow.retailer)
            & (ReadRow.version == shown.newest.version),
        )
        .where(RecipientRow.announcement_id == shown.id)
        .order_by(RecipientRow.retailer.collate("C"))
    ).all()
    shops = retailers.retailers(session)
    return [
        rules.Recipient(row.retailer, shops[row.retailer].region, shops[row.retailer].route, row.received_at)
        for row in rows
    ]


def received(session: Session, retailer: str, *, limit: int = 50) -> list[Received]:
    """Return what a retailer was told, the newest first, and when it read the newest version of each."""
    rows = session.execute(
        select(AnnouncementRow.id, ReadRow.received_at)
        .join(RecipientRow, RecipientRow.announcement_id == AnnouncementRow.id)
        .outerjoin(
            ReadRow,
            (ReadRow.announcement_id == AnnouncementRow.id)
            & (ReadRow.retailer == RecipientRow.retailer)
            & (ReadRow.version == AnnouncementRow.version),
        )
        .where(RecipientRow.retailer == retailer)
        .order_by(AnnouncementRow.number.desc())
        .limit(limit)
    ).all()
    found = {one.id: one for one in _announcements(session, AnnouncementRow.id.in_([row.id for row in rows]))}
    return [Received(found[row.id], row.received_at) for row in rows]


def _announcements(session: Session, *where: Any, limit: int = 500) -> list[Announcement]:
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
    sent = {
        row.announcement_id: row.shops
        for row in session.execute(
            select(RecipientRow.announcement_id, func.count().label("shops"))
            .where(RecipientRow.announcement_id.in_(ids))
            .group_by(RecipientRow.announcement_id)
        )
    }
    read = {
        row.announcement_id: row.shops
        for row in session.execute(
            select(ReadRow.announcement_id, func.count().label("shops"))
            .join(
                AnnouncementRow,
                (AnnouncementRow.id == ReadRow.announcement_id) & (AnnouncementRow.version == ReadRow.version),
            )
            .where(ReadRow.announcement_id.in_(ids))
            .group_by(ReadRow.announcement_id)
        )
    }
    return [
        Announcement(
            id=row.id,
            number=row.number,
            sort=cast("rules.Sort", row.sort),
            audience=AUDIENCE.validate_python(row.audience),
            must_acknowledge=row.must_acknowledge,
            expires_at=row.expires_at,
            state=cast('Literal["draft", "published"]', row.state),
            created_by=row.created_by,
            created_at=row.created_at,
            versions=tuple(versions[row.id]),
            sent=sent.get(row.id, 0),
            read=read.get(row.id, 0),
        )
        for row in rows
    ]


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

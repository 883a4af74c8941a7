"""Tables of announcements."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    ForeignKey,
    ForeignKeyConstraint,
    Identity,
    Index,
    UniqueConstraint,
    false,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from server.kit.db import Base


class AnnouncementRow(Base):
    """One announcement over all its versions. ``audience`` is an :class:`~server.audiences.rules.Addressed`.

    That it was read counts where it was said of version ``counts_from`` or a later one.
    """

    __tablename__ = "announcements"
    __table_args__ = (
        CheckConstraint("sort IN ('policy', 'regulation', 'notice', 'promotion', 'urgent')", name="sort"),
        CheckConstraint("state IN ('draft', 'scheduled', 'published', 'withdrawn')", name="state"),
        CheckConstraint("version > 0 AND counts_from BETWEEN 1 AND version", name="version"),
        CheckConstraint("state IN ('published', 'withdrawn') OR version = 1", name="draft"),
        CheckConstraint("state <> 'scheduled' OR publish_at IS NOT NULL", name="scheduled"),
        CheckConstraint(
            "(state = 'withdrawn') = (withdrawn_at IS NOT NULL) AND (withdrawn_at IS NULL) = (withdrawn_by IS NULL)"
            " AND (withdrawn_at IS NULL) = (withdrawn_zh IS NULL) AND (withdrawn_at IS NULL) = (withdrawn_en IS NULL)",
            name="withdrawn",
        ),
        Index("ix_announcements_due", "publish_at", postgresql_where=text("state = 'scheduled'")),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    number: Mapped[int] = mapped_column(BigInteger, Identity(always=True), unique=True)
    sort: Mapped[str]
    audience: Mapped[dict[str, Any]]
    must_acknowledge: Mapped[bool]
    expires_at: Mapped[datetime | None]
    state: Mapped[str]
    version: Mapped[int]
    counts_from: Mapped[int] = mapped_column(server_default="1")
    pinned: Mapped[bool] = mapped_column(server_default=false())
    publish_at: Mapped[datetime | None]
    scheduled_by: Mapped[str | None]
    scheduled_for: Mapped[list[Any] | None]
    not_sent: Mapped[str | None]
    withdrawn_at: Mapped[datetime | None]
    withdrawn_by: Mapped[str | None]
    withdrawn_zh: Mapped[str | None]
    withdrawn_en: Mapped[str | None]
    minutes_of: Mapped[UUID | None] = mapped_column(ForeignKey("announcements.id"))
    created_by: Mapped[str]
    created_at: Mapped[datetime]


class VersionRow(Base):
    """The words of one version. From version 2 on, ``correction`` says what was put right."""

    __tablename__ = "announcement_versions"
    __table_args__ = (
        CheckConstraint("version > 0", name="version"),
        CheckConstraint("(version > 1) = (correction_zh IS NOT NULL AND correction_en IS NOT NULL)", name="correction"),
    )

    announcement_id: Mapped[UUID] = mapped_column(ForeignKey("announcements.id"), primary_key=True)
    version: Mapped[int] = mapped_column(primary_key=True)
    title_zh: Mapped[str]
    title_en: Mapped[str]
    body_zh: Mapped[str]
    body_en: Mapped[str]
    correction_zh: Mapped[str | None]
    correction_en: Mapped[str | None]
    written_by: Mapped[str]
    published_at: Mapped[datetime | None]


class RecipientRow(Base):
    """One retailer to whom the announcement was sent."""

    __tablename__ = "announcement_recipients"
    __append_only__ = True
    __party__ = "retailer"

    announcement_id: Mapped[UUID] = mapped_column(ForeignKey("announcements.id"), primary_key=True)
    retailer: Mapped[str] = mapped_column(ForeignKey("retailers.code"), primary_key=True)
    sent_at: Mapped[datetime]


class ReceiptRow(Base):
    """The first time that a version stood on a retailer's screen, or that somebody confirmed it, by both clocks."""

    __tablename__ = "announcement_receipts"
    __append_only__ = True
    __table_args__ = (
        CheckConstraint("sort IN ('displayed', 'acknowledged')", name="sort"),
        ForeignKeyConstraint(
            ["announcement_id", "retailer"],
            ["announcement_recipients.announcement_id", "announcement_recipients.retailer"],
            name="fk_announcement_receipts_recipient",
        ),
        ForeignKeyConstraint(
            ["announcement_id", "version"],
            ["announcement_versions.announcement_id", "announcement_versions.version"],
            name="fk_announcement_receipts_version",
        ),
        Index("ix_announcement_receipts_received_at", "announcement_id", "received_at"),
    )
    __party__ = "retailer"

    announcement_id: Mapped[UUID] = mapped_column(primary_key=True)
    version: Mapped[int] = mapped_column(primary_key=True)
    retailer: Mapped[str] = mapped_column(primary_key=True)
    sort: Mapped[str] = mapped_column(primary_key=True)
    device: Mapped[str]
    said_at: Mapped[datetime]
    received_at: Mapped[datetime]


class MeetingRow(Base):
    """What an announcement invites to. ``places`` is none where there are enough."""

    __tablename__ = "announcement_meetings"
    __table_args__ = (
        CheckConstraint("sort IN ('meeting', 'training', 'contest')", name="sort"),
        CheckConstraint("ends_at > starts_at", name="ends_at"),
        CheckConstraint("places > 0", name="places"),
        CheckConstraint("(called_off_at IS NULL) = (called_off_by IS NULL)", name="called_off"),
    )

    announcement_id: Mapped[UUID] = mapped_column(ForeignKey("announcements.id"), primary_key=True)
    sort: Mapped[str]
    starts_at: Mapped[datetime]
    ends_at: Mapped[datetime]
    place_zh: Mapped[str]
    place_en: Mapped[str]
    places: Mapped[int | None]
    register_until: Mapped[datetime | None]
    called_off_at: Mapped[datetime | None]
    called_off_by: Mapped[str | None]


class RegistrationRow(Base):
    """How one shop stands with a meeting. ``turn`` orders those who wait: who comes again stands at the end.

    ``said_at`` is when the newest word was said; ``at`` when the server put the shop where it stands.
    """

    __tablename__ = "announcement_registrations"
    __table_args__ = (
        CheckConstraint("state IN ('registered', 'waiting', 'not_coming')", name="state"),
        ForeignKeyConstraint(
            ["announcement_id", "retailer"],
            ["announcement_recipients.announcement_id", "announcement_recipients.retailer"],
            name="fk_announcement_registrations_recipient",
        ),
        UniqueConstraint("announcement_id", "turn"),
    )
    __party__ = "retailer"

    announcement_id: Mapped[UUID] = mapped_column(ForeignKey("announcement_meetings.announcement_id"), primary_key=True)
    retailer: Mapped[str] = mapped_column(primary_key=True)
    state: Mapped[str]
    turn: Mapped[int]
    said_by: Mapped[str]
    said_at: Mapped[datetime]
    at: Mapped[datetime]


class AttendanceRow(Base):
    """Whether a shop was there, as a person ticked or scanned it; the newest word counts."""

    __tablename__ = "announcement_attendance"
    __table_args__ = (
        CheckConstraint("how IN ('tick', 'scan')", name="how"),
        ForeignKeyConstraint(
            ["announcement_id", "retailer"],
            ["announcement_recipients.announcement_id", "announcement_recipients.retailer"],
            name="fk_announcement_attendance_recipient",
        ),
    )
    __party__ = "retailer"

    announcement_id: Mapped[UUID] = mapped_column(ForeignKey("announcement_meetings.announcement_id"), primary_key=True)
    retailer: Mapped[str] = mapped_column(primary_key=True)
    attended: Mapped[bool]
    how: Mapped[str]
    taken_by: Mapped[str]
    taken_at: Mapped[datetime]


class AttachmentRow(Base):
    """A picture or a document that goes with an announcement, each of its pages a picture of its own.

    It goes with the versions from ``since_version`` to ``until_version``, with the newest where that is none.
    """

    __tablename__ = "announcement_attachments"
    __table_args__ = (
        CheckConstraint("kind IN ('picture', 'document')", name="kind"),
        CheckConstraint("since_version >= 1 AND until_version >= since_version", name="versions"),
        UniqueConstraint("announcement_id", "ordinal"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    announcement_id: Mapped[UUID] = mapped_column(ForeignKey("announcements.id"), index=True)
    ordinal: Mapped[int]
    name: Mapped[str]
    kind: Mapped[str]
    source_sha256: Mapped[str]
    source_bytes: Mapped[int]
    since_version: Mapped[int] = mapped_column(server_default="1")
    until_version: Mapped[int | None]
    added_by: Mapped[str]
    added_at: Mapped[datetime]


class PageRow(Base):
    """One page of an attachment, as terminals show it."""

    __tablename__ = "announcement_pages"
    __table_args__ = (
        CheckConstraint("media_type = 'image/jpeg'", name="media_type"),
        CheckConstraint("sha256 ~ '^[0-9a-f]{64}$'", name="sha256"),
        Index("ix_announcement_pages_sha256", "sha256"),
    )

    attachment_id: Mapped[UUID] = mapped_column(ForeignKey("announcement_attachments.id"), primary_key=True)
    ordinal: Mapped[int] = mapped_column(primary_key=True)
    sha256: Mapped[str]
    size_bytes: Mapped[int]
    media_type: Mapped[str]
    width_px: Mapped[int]
    height_px: Mapped[int]
    content: Mapped[bytes] = mapped_column(deferred=True, deferred_raiseload=True)

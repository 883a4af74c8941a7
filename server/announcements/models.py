"""Tables of announcements."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, ForeignKeyConstraint, Identity, Index
from sqlalchemy.orm import Mapped, mapped_column

from server.kit.db import Base


class AnnouncementRow(Base):
    """One announcement over all its versions. ``audience`` is an Audience of retailers."""

    __tablename__ = "announcements"
    __table_args__ = (
        CheckConstraint("sort IN ('policy', 'regulation', 'notice', 'promotion', 'urgent')", name="sort"),
        CheckConstraint("state IN ('draft', 'published')", name="state"),
        CheckConstraint("version > 0", name="version"),
        CheckConstraint("state = 'published' OR version = 1", name="draft"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    number: Mapped[int] = mapped_column(BigInteger, Identity(always=True), unique=True)
    sort: Mapped[str]
    audience: Mapped[dict[str, Any]]
    must_acknowledge: Mapped[bool]
    expires_at: Mapped[datetime | None]
    state: Mapped[str]
    version: Mapped[int]
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

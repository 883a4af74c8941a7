"""Tables of photos."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, ForeignKeyConstraint, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from server.kit.db import Base


class PhotoRow(Base):
    """A photo of a retailer's, from the moment a message names it. ``content`` is what has arrived of it."""

    __tablename__ = "photos"
    __table_args__ = (
        UniqueConstraint("retailer", "sha256"),
        UniqueConstraint("id", "retailer"),
        CheckConstraint("sha256 ~ '^[0-9a-f]{64}$'", name="sha256"),
        CheckConstraint("size_bytes > 0 AND have_bytes BETWEEN 0 AND size_bytes", name="size"),
        CheckConstraint("octet_length(content) = CASE WHEN deleted_at IS NULL THEN have_bytes ELSE 0 END", name="have"),
        CheckConstraint("(complete_at IS NULL) = (media_type IS NULL)", name="media_type"),
        CheckConstraint("complete_at IS NULL OR have_bytes = size_bytes", name="complete"),
        CheckConstraint("refused IS NULL OR have_bytes = 0", name="refused"),
        CheckConstraint("media_type IN ('image/jpeg', 'image/png', 'image/webp')", name="picture"),
        CheckConstraint(
            "(deleted_at IS NULL) = (deleted_by IS NULL) AND (deleted_at IS NULL) = (deleted_why IS NULL)",
            name="deleted",
        ),
    )
    __party__ = "retailer"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    retailer: Mapped[str] = mapped_column(ForeignKey("retailers.code"))
    sha256: Mapped[str]
    size_bytes: Mapped[int]
    have_bytes: Mapped[int]
    content: Mapped[bytes] = mapped_column(deferred=True, deferred_raiseload=True)
    media_type: Mapped[str | None]
    named_at: Mapped[datetime]
    complete_at: Mapped[datetime | None]
    refused: Mapped[str | None]
    deleted_at: Mapped[datetime | None]
    deleted_by: Mapped[str | None]
    deleted_why: Mapped[str | None]


class PhotoUseRow(Base):
    """With what a photo was sent. ``ordinal`` counts the photos of one claim, complaint, appeal or visit from 1."""

    __tablename__ = "photo_uses"
    __append_only__ = True
    __table_args__ = (
        ForeignKeyConstraint(["photo_id", "retailer"], ["photos.id", "photos.retailer"]),
        CheckConstraint("sort IN ('claim', 'feedback', 'appeal', 'visit', 'survey')", name="sort"),
        CheckConstraint("ordinal > 0", name="ordinal"),
    )
    __party__ = "retailer"

    sort: Mapped[str] = mapped_column(primary_key=True)
    subject: Mapped[UUID] = mapped_column(primary_key=True)
    ordinal: Mapped[int] = mapped_column(primary_key=True)
    retailer: Mapped[str]
    photo_id: Mapped[UUID]

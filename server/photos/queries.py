"""Reads of photos."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from server.photos.models import PhotoRow, PhotoUseRow

Sort = Literal["claim", "feedback", "appeal", "visit", "survey"]
State = Literal["waiting", "complete", "refused", "deleted"]


@dataclass(frozen=True)
class Photo:
    """A photo as it was sent with something; *waiting* while the shop's terminal has not sent all of it.

    *Refused*: what came is no picture, and is not kept.
    """

    id: UUID
    ordinal: int
    size_bytes: int
    have_bytes: int
    complete_at: datetime | None
    refused: str | None
    deleted_at: datetime | None
    deleted_by: str | None
    deleted_why: str | None

    @property
    def state(self) -> State:
        """Whether it can be looked at."""
        if self.deleted_at is not None:
            return "deleted"
        if self.refused is not None:
            return "refused"
        return "waiting" if self.complete_at is None else "complete"


def photos_of(session: Session, sort: Sort, subject: UUID) -> list[Photo]:
    """Return the photos that were sent with something, in their order."""
    rows = session.execute(
        select(
            PhotoRow.id,
            PhotoUseRow.ordinal,
            PhotoRow.size_bytes,
            PhotoRow.have_bytes,
            PhotoRow.complete_at,
            PhotoRow.refused,
            PhotoRow.deleted_at,
            PhotoRow.deleted_by,
            PhotoRow.deleted_why,
        )
        .join(PhotoRow, PhotoRow.id == PhotoUseRow.photo_id)
        .where(PhotoUseRow.sort == sort, PhotoUseRow.subject == subject)
        .order_by(PhotoUseRow.ordinal)
    )
    return [Photo(*row) for row in rows]


def content(session: Session, sort: Sort, subject: UUID, ordinal: int) -> tuple[bytes, str] | None:
    """Return the bytes of a whole photo and their media type; none where it is not there, or not any more."""
    row = session.execute(
        select(PhotoRow.content, PhotoRow.media_type)
        .join(PhotoUseRow, PhotoUseRow.photo_id == PhotoRow.id)
        .where(
            PhotoUseRow.sort == sort,
            PhotoUseRow.subject == subject,
            PhotoUseRow.ordinal == ordinal,
            PhotoRow.complete_at.is_not(None),
            PhotoRow.deleted_at.is_(None),
        )
    ).one_or_none()
    return None if row is None else (row.content, row.media_type)


def sent_with(session: Session, photo: UUID) -> tuple[Sort, UUID] | None:
    """Return the first that a photo was sent with; none where there is no such photo."""
    row = session.execute(
        select(PhotoUseRow.sort, PhotoUseRow.subject)
        .where(PhotoUseRow.photo_id == photo)
        .order_by(PhotoUseRow.sort, PhotoUseRow.subject)
        .limit(1)
    ).one_or_none()
    return None if row is None else (row.sort, row.subject)

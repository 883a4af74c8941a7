"""How long photos are kept."""

from datetime import datetime
from typing import Any, Final

from sqlalchemy import Select, func, select, update
from sqlalchemy.orm import Session

from server.kit.marking import N_
from server.kit.retention import Kind, count
from server.photos.models import PhotoRow

BY: Final = "system:retention"
WHY: Final = N_("Its term is over.")


def _old(before: datetime) -> Select[Any]:
    came = func.coalesce(PhotoRow.complete_at, PhotoRow.named_at)
    return select(PhotoRow.id).where(came < before, PhotoRow.deleted_at.is_(None))


def count_photos(session: Session, before: datetime) -> int:
    """Return how many photos came before then and are still there."""
    return count(session, _old(before))


def erase_photos(session: Session, before: datetime, at: datetime) -> int:
    """Delete the bytes of photos that came before then; that there was one, and its SHA-256, stays."""
    gone = update(PhotoRow).where(PhotoRow.id.in_(_old(before)))
    said = gone.values(content=b"", deleted_at=at, deleted_by=BY, deleted_why=WHY)
    return len(session.scalars(said.returning(PhotoRow.id)).all())


RETENTION: Final = (
    Kind(
        "photos",
        N_("Photos sent with claims, complaints and appeals"),
        N_("To decide what they were sent with."),
        N_("the photo came"),
        N_("the picture is removed; that there was one, and its SHA-256, stays"),
        730,
        count_photos,
        erase_photos,
    ),
)

"""What can be done with photos. Nothing here commits.

A part is added to a row that is held until the transaction ends: two senders of one photo follow one another.
"""

import hashlib
from collections.abc import Iterable
from datetime import datetime
from typing import Final
from uuid import UUID

from sqlalchemy import func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session, undefer

from contract.errors import Conflict, Rejected
from contract.ids import uuid7
from contract.photos import MOST_BYTES, MOST_SIDE_PX, PART_BYTES, Photo, PhotoState, measure
from server.kit import audit
from server.kit.db import act_for
from server.kit.fields import Field, Text, require
from server.kit.identity import Operator
from server.kit.marking import N_
from server.photos.models import PhotoRow, PhotoUseRow
from server.photos.queries import Sort

SHOP_MOST_MB: Final = 50
"""What is kept of one shop's photos, deleted ones not counted."""
WHY = (Field("why", N_("Reason"), Text(300)),)


def name_photos(
    session: Session, retailer: str, sort: Sort, subject: UUID, photos: Iterable[Photo] | None, *, at: datetime
) -> None:
    """Expect the photos that a message names, each once; their bytes come later, or never."""
    named = list({photo.sha256: photo for photo in photos or ()}.values())
    if not named:
        return
    session.execute(
        insert(PhotoRow)
        .values(
            [
                {
                    "id": uuid7(),
                    "retailer": retailer,
                    "sha256": photo.sha256,
                    "size_bytes": photo.size_bytes,
                    "have_bytes": 0,
                    "content": b"",
                    "named_at": at,
                }
                for photo in sorted(named, key=lambda photo: photo.sha256)
            ]
        )
        .on_conflict_do_nothing(index_elements=["retailer", "sha256"])
    )
    ids = {
        row.sha256: row.id
        for row in session.execute(
            select(PhotoRow.sha256, PhotoRow.id).where(
                PhotoRow.retailer == retailer, PhotoRow.sha256.in_([photo.sha256 for photo in named])
            )
        )
    }
    uses = [
        {"sort": sort, "subject": subject, "ordinal": ordinal, "retailer": retailer, "photo_id": ids[photo.sha256]}
        for ordinal, photo in enumerate(named, start=1)
    ]
    session.execute(insert(PhotoUseRow), uses)


def keep_photo(
    session: Session, retailer: str, sort: Sort, subject: UUID, ordinal: int, content: bytes, *, at: datetime
) -> None:
    """Keep a whole photo that a person of the distributor took at a shop; the same one again changes nothing.

    Raises
    ------
    Rejected, Conflict
        ``too_large``, ``photo_no_picture``, ``photos_full``, ``photo_deleted``; ``id_reused`` where another photo
        stands at the same place.
    """
    if len(content) > MOST_BYTES:
        raise Rejected("too_large", size=len(content), limit=MOST_BYTES)
    picture = measure(content)
    if picture is None or not picture.fits:
        raise Rejected("photo_no_picture", side=MOST_SIDE_PX)
    sha256 = hashlib.sha256(content).hexdigest()
    photo = {"retailer": retailer, "sha256": sha256, "size_bytes": len(content), "have_bytes": 0, "content": b""}
    scope, person = session.info["scope"], session.info.get("person", "")
    act_for(session, scope)  # a person's session sees no photo that nothing was sent with yet
    session.execute(
        insert(PhotoRow)
        .values(id=uuid7(), named_at=at, **photo)
        .on_conflict_do_nothing(index_elements=["retailer", "sha256"])
    )
    row = _expected(session, retailer, sha256, hold=True)
    use = {"sort": sort, "subject": subject, "ordinal": ordinal, "retailer": retailer, "photo_id": row.id}
    session.execute(insert(PhotoUseRow).values(use).on_conflict_do_nothing())
    act_for(session, scope, person=person)
    stands = session.get_one(PhotoUseRow, (sort, subject, ordinal))
    if stands.photo_id != row.id:
        raise Conflict("id_reused", id=f"{subject} {ordinal}")
    if row.complete_at is None:
        _check_room(session, row)
        row.content, row.have_bytes, row.media_type, row.complete_at = content, len(content), picture.media_type, at
        session.flush()


def state(session: Session, retailer: str, sha256: str) -> PhotoState:
    """Return how much there is of a photo of a shop.

    Raises
    ------
    Rejected
        ``photo_unknown``, ``photo_deleted``.
    """
    return _state(_expected(session, retailer, sha256))


def add_part(session: Session, retailer: str, sha256: str, offset: int, part: bytes, *, at: datetime) -> PhotoState:
    """Add bytes from ``offset`` on and return how much there is then; bytes that are there already change nothing.

    A part that begins beyond what is there is passed over: the answer says where to go on. Where the whole is not what
    its name says, nothing is kept and it begins again; where it is no picture, it is refused for ever.

    Raises
    ------
    Rejected
        ``photo_unknown``, ``photo_deleted``; ``too_large`` for a part; ``photos_full``.
    """
    if len(part) > PART_BYTES:
        raise Rejected("too_large", size=len(part), limit=PART_BYTES)
    row = _expected(session, retailer, sha256, hold=True)
    fresh = part[row.have_bytes - offset :] if offset <= row.have_bytes else b""
    if row.complete_at is not None or row.refused is not None or not fresh:
        return _state(row)
    if row.have_bytes == 0:
        _check_room(session, row)
    content = row.content + fresh
    if len(content) > row.size_bytes:
        return _begin_again(session, row)
    if len(content) == row.size_bytes:
        if hashlib.sha256(content).hexdigest() != row.sha256:
            return _begin_again(session, row)
        picture = measure(content)
        if picture is None or not picture.fits:
            row.refused = "photo_no_picture"
            return _begin_again(session, row)
        row.media_type, row.complete_at = picture.media_type, at
    row.content, row.have_bytes = content, len(content)
    session.flush()
    return _state(row)


def delete_photo(session: Session, photo: UUID, why: str, operator: Operator, *, at: datetime) -> None:
    """Delete the bytes of a photo for good; that it was there, and who deleted it why, stays. Again changes nothing.

    Raises
    ------
    Rejected, Invalid
        ``not_found``; no reason.
    """
    require(WHY, {"why": why.strip()})
    row = session.get(PhotoRow, photo, with_for_update=True)
    if row is None:
        raise Rejected("not_found", what="photo", name=str(photo))
    if row.deleted_at is not None:
        return
    session.execute(
        update(PhotoRow)
        .where(PhotoRow.id == photo)
        .values(content=b"", deleted_at=at, deleted_by=operator.name, deleted_why=why.strip())
    )
    audit.record(
        session,
        actor=operator.actor,
        action="photo.deleted",
        subject=f"retailer:{row.retailer}",
        at=at,
        detail={"photo": row.sha256, "why": why.strip()},
    )


def _expected(session: Session, retailer: str, sha256: str, *, hold: bool = False) -> PhotoRow:
    query = select(PhotoRow).where(PhotoRow.retailer == retailer, PhotoRow.sha256 == sha256)
    if hold:
        query = query.options(undefer(PhotoRow.content)).with_for_update()
    row = session.scalars(query.execution_options(populate_existing=True)).one_or_none()
    if row is None:
        raise Rejected("photo_unknown")
    if row.deleted_at is not None:
        raise Rejected("photo_deleted")
    return row


def _check_room(session: Session, row: PhotoRow) -> None:
    kept = session.scalar(
        select(func.coalesce(func.sum(PhotoRow.have_bytes), 0)).where(
            PhotoRow.retailer == row.retailer, PhotoRow.deleted_at.is_(None)
        )
    )
    if int(kept or 0) + row.size_bytes > SHOP_MOST_MB * 1_000_000:
        raise Rejected("photos_full", limit=SHOP_MOST_MB)


def _begin_again(session: Session, row: PhotoRow) -> PhotoState:
    row.content, row.have_bytes = b"", 0
    session.flush()
    return _state(row)


def _state(row: PhotoRow) -> PhotoState:
    return PhotoState(
        sha256=row.sha256, have_bytes=row.have_bytes, complete=row.complete_at is not None, refused=row.refused
    )

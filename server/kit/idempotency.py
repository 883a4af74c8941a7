"""A program's request does its act once, however often it is sent: the header ``Idempotency-Key``.

The key is claimed before the act and kept with the answer, all in the act's transaction. A repeat waits for the first,
does nothing, and gets the same answer byte for byte. A request that was refused changed nothing and keeps nothing: it
may be sent again under its key. Keys belong to who sent them and are kept for a week at least (:data:`RETENTION`).
"""

import hashlib
from dataclasses import dataclass
from datetime import datetime
from email.message import Message
from typing import Any, Final

from sqlalchemy import LargeBinary, Select, delete, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Mapped, Session, mapped_column

from contract.errors import Conflict, Rejected
from server.kit.db import Base
from server.kit.marking import N_
from server.kit.retention import Kind, count

HEADER = "Idempotency-Key"
REPLAYED = "Idempotency-Replayed"
KEY_MOST = 255
KEPT_DAYS: Final = 7


class KeptAnswer(Base):
    """What a request with a key was answered; ``status`` 0 stands only while the act is under way."""

    __tablename__ = "kept_answers"

    caller: Mapped[str] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(primary_key=True)
    asked_sha256: Mapped[bytes] = mapped_column(LargeBinary(32))
    status: Mapped[int]
    media_type: Mapped[str | None]
    body: Mapped[bytes]
    at: Mapped[datetime] = mapped_column(index=True)


@dataclass(frozen=True)
class Keyed:
    """A request with a key: whose, which, and the digest of all that it asks for."""

    caller: str
    key: str
    asked_sha256: bytes


@dataclass(frozen=True)
class Given:
    """An answer as it goes over the wire."""

    status: int
    media_type: str | None
    body: bytes


def keyed(caller: str, key: str, *, address: str, body_sha256: bytes) -> Keyed:
    """Return a request with its key; ``address`` is method, path and query.

    Raises
    ------
    Rejected
        ``malformed`` where the key is empty, longer than 255 characters or not printable ASCII.
    """
    if not 0 < len(key) <= KEY_MOST or not key.isascii() or not key.isprintable():
        raise Rejected("malformed", where=HEADER, what="key unfit")
    return Keyed(caller, key, hashlib.sha256(address.encode() + b"\n" + body_sha256).digest())


def digest(body: bytes, content_type: str) -> bytes:
    """Return the SHA-256 of a body; the line between a form's parts, which programs draw by lot, is left out."""
    form = Message()
    form["content-type"] = content_type
    boundary = str(form.get_param("boundary") or "").encode()
    return hashlib.sha256(body.replace(b"--" + boundary, b"--") if boundary else body).digest()


def claim(session: Session, asked: Keyed, *, at: datetime) -> Given | None:
    """Take the key for the act that follows; return the answer where it was given before.

    A request at the same time with the same key waits for the end of this transaction.

    Raises
    ------
    Conflict
        ``id_reused`` where the key was used for something else.
    """
    taken = session.scalar(
        insert(KeptAnswer)
        .values(**vars(asked), status=0, media_type=None, body=b"", at=at)
        .on_conflict_do_nothing()
        .returning(KeptAnswer.key)
    )
    if taken is not None:
        return None
    before = session.execute(
        select(KeptAnswer.asked_sha256, KeptAnswer.status, KeptAnswer.media_type, KeptAnswer.body).where(
            KeptAnswer.caller == asked.caller, KeptAnswer.key == asked.key
        )
    ).one()
    if before.asked_sha256 != asked.asked_sha256:
        raise Conflict("id_reused", id=asked.key)
    return Given(before.status, before.media_type, before.body)


def keep(session: Session, asked: Keyed, given: Given) -> None:
    """Keep the answer of the act with its key."""
    session.execute(
        update(KeptAnswer).where(KeptAnswer.caller == asked.caller, KeptAnswer.key == asked.key).values(**vars(given))
    )


def _old(before: datetime) -> Select[Any]:
    return select(KeptAnswer).where(KeptAnswer.at < before)


def count_old(session: Session, before: datetime) -> int:
    """Return how many answers were given before then."""
    return count(session, _old(before))


def erase_old(session: Session, before: datetime, _at: datetime) -> int:
    """Remove answers that were given before then, with their keys."""
    gone = delete(KeptAnswer).where(KeptAnswer.at < before)
    return len(session.scalars(gone.returning(KeptAnswer.key)).all())


RETENTION: Final = (
    Kind(
        "kept_answers",
        N_("Answers to programs that sent an Idempotency-Key"),
        N_("To give the same answer again, and do nothing twice."),
        N_("the answer"),
        N_("removed; the same key would then do its act anew"),
        KEPT_DAYS,
        count_old,
        erase_old,
    ),
)

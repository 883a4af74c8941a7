"""The sealer: takes what was written down into the chain, in batches, and signs where the chain ends.

Guarantees: an entry is sealed once; the chain's numbering has no gap; a head is signed for each batch. Between an act
and its seal lies a second where the worker runs, longer where it does not: what is changed in between is not noticed.
"""

from collections.abc import Iterator
from dataclasses import asdict, fields
from datetime import datetime, timedelta

from sqlalchemy import BigInteger, UniqueConstraint, delete, exists, func, insert, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from server.kit import audit_chain
from server.kit.audit import AuditEntry, AuditUnsealed
from server.kit.audit_chain import GENESIS, Entry, Head, Seal
from server.kit.audit_keys import SigningKey
from server.kit.db import Base

BATCH = 5_000
SEALED_WITHIN = timedelta(minutes=1)
"""An entry that is older and has no seal is a fault: nobody seals, or somebody took it out of what waits."""


class AuditSeal(Base):
    """An entry's place in the chain."""

    __tablename__ = "audit_seals"
    __append_only__ = True
    __table_args__ = (UniqueConstraint("entry"),)

    ordinal: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    entry: Mapped[int] = mapped_column(BigInteger)
    personal_sha256: Mapped[bytes]
    link: Mapped[bytes]


class AuditHead(Base):
    """Where the chain ended at a time, signed."""

    __tablename__ = "audit_heads"
    __append_only__ = True

    ordinal: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    link: Mapped[bytes]
    at: Mapped[datetime]
    key: Mapped[str]
    signature: Mapped[bytes]


def seal_waiting(session: Session, key: SigningKey, at: datetime) -> Head | None:
    """Seal everything that waits and sign the new head; return it, none where nothing waits.

    One sealer at a time: the caller holds the lock.
    """
    last = session.execute(
        select(AuditSeal.ordinal, AuditSeal.link).order_by(AuditSeal.ordinal.desc()).limit(1)
    ).first()
    before = ordinal = 0 if last is None else last.ordinal
    link = GENESIS if last is None else last.link
    while numbers := session.scalars(select(AuditUnsealed.entry).order_by(AuditUnsealed.entry).limit(BATCH)).all():
        entries = session.execute(select(*_ENTRY).where(AuditEntry.id.in_(numbers)).order_by(AuditEntry.id))
        made = list(audit_chain.seals(link, ordinal, (Entry(*row) for row in entries)))
        session.execute(delete(AuditUnsealed).where(AuditUnsealed.entry.in_(numbers)))
        if made:
            session.execute(insert(AuditSeal), [asdict(one) for one in made])
            ordinal, link = made[-1].ordinal, made[-1].link
    if ordinal == before:
        return None
    head = key.sign(ordinal, link, at)
    session.add(AuditHead(**asdict(head)))
    return head


def waiting(session: Session) -> int:
    """Return how many entries wait for their seal."""
    return session.scalar(select(func.count()).select_from(AuditUnsealed)) or 0


def newest_head(session: Session) -> Head | None:
    """Return the newest head; none where nothing was sealed yet."""
    row = session.scalars(select(AuditHead).order_by(AuditHead.ordinal.desc()).limit(1)).first()
    return None if row is None else head_of(row)


def heads(session: Session) -> list[Head]:
    """Return all heads, the oldest first."""
    return [head_of(row) for row in session.scalars(select(AuditHead).order_by(AuditHead.ordinal))]


def unsealed(session: Session, at: datetime, *, most: int = 100) -> list[int]:
    """Return entries that should have been sealed by ``at`` and were not, the oldest first."""
    has_seal = exists().where(AuditSeal.entry == AuditEntry.id)
    query = select(AuditEntry.id).where(~has_seal, AuditEntry.at < at - SEALED_WITHIN)
    return list(session.scalars(query.order_by(AuditEntry.id).limit(most)))


def sealed(session: Session, *, at_once: int) -> Iterator[list[tuple[Seal, Entry | None]]]:
    """Yield the whole chain in its order, ``at_once`` seals at a time, each with its entry; none where it is gone."""
    query = (
        select(*_SEAL, *_ENTRY)
        .outerjoin(AuditEntry, AuditEntry.id == AuditSeal.entry)
        .order_by(AuditSeal.ordinal)
        .execution_options(yield_per=at_once)
    )
    parts = len(_SEAL)
    for rows in session.execute(query).partitions():
        yield [(Seal(*row[:parts]), None if row[parts] is None else Entry(*row[parts:])) for row in rows]


def head_of(row: AuditHead) -> Head:
    """Return a row as the head that it is."""
    return Head(row.ordinal, row.link, row.at, row.key, row.signature)


_SEAL = tuple(getattr(AuditSeal, one.name) for one in fields(Seal))
_ENTRY = tuple(getattr(AuditEntry, one.name) for one in fields(Entry))

"""Leases: which process holds which of a numbered set of things, for a while.

Ingest workers lease shards, so that each shard has one reader and a dead worker's shards are taken over
within :data:`TTL_S`. The database's clock alone counts.
"""

from datetime import datetime

from sqlalchemy import text
from sqlalchemy.orm import Mapped, Session, mapped_column

from server.kit.db import Base

TTL_S = 5


class Lease(Base):
    """One thing of a set, and who holds it until when."""

    __tablename__ = "leases"

    kind: Mapped[str] = mapped_column(primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True)
    holder: Mapped[str]
    expires_at: Mapped[datetime]


_JOIN = text(
    """
    INSERT INTO lease_holders (kind, holder, expires_at)
    VALUES (:kind, :holder, clock_timestamp() + make_interval(secs => :ttl))
    ON CONFLICT (kind, holder) DO UPDATE SET expires_at = excluded.expires_at
    """
)
_COUNT = text("SELECT count(*) FROM lease_holders WHERE kind = :kind AND expires_at > clock_timestamp()")
_RENEW = text(
    """
    UPDATE leases SET expires_at = clock_timestamp() + make_interval(secs => :ttl)
    WHERE kind = :kind AND holder = :holder AND expires_at > clock_timestamp()
    RETURNING number
    """
)
_RELEASE = text("DELETE FROM leases WHERE kind = :kind AND holder = :holder AND number = ANY(:numbers)")
_TAKE = text(
    """
    INSERT INTO leases (kind, number, holder, expires_at)
    SELECT CAST(:kind AS varchar), n, CAST(:holder AS varchar), clock_timestamp() + make_interval(secs => :ttl)
    FROM generate_series(0, CAST(:total AS int) - 1) AS n
    WHERE NOT EXISTS (
        SELECT FROM leases l WHERE l.kind = CAST(:kind AS varchar) AND l.number = n AND l.expires_at > clock_timestamp()
    )
    ORDER BY n LIMIT :want
    ON CONFLICT (kind, number) DO UPDATE SET holder = excluded.holder, expires_at = excluded.expires_at
    WHERE leases.expires_at <= clock_timestamp()
    RETURNING number
    """
)
_LEAVE = text("DELETE FROM lease_holders WHERE kind = :kind AND holder = :holder")


class LeaseHolder(Base):
    """A live process that wants its share of a set."""

    __tablename__ = "lease_holders"

    kind: Mapped[str] = mapped_column(primary_key=True)
    holder: Mapped[str] = mapped_column(primary_key=True)
    expires_at: Mapped[datetime]


def share(session: Session, kind: str, holder: str, *, total: int) -> frozenset[int]:
    """Renew ``holder``'s leases, take or give back until it has its fair share; return what it holds.

    Call it more often than every :data:`TTL_S` seconds and commit. Two holders never hold one number at a
    time, as long as each stops using a number when its lease was not renewed in time.
    """
    session.execute(_JOIN, {"kind": kind, "holder": holder, "ttl": TTL_S * 2})
    holders = session.scalar(_COUNT, {"kind": kind}) or 1
    held = sorted(session.scalars(_RENEW, {"kind": kind, "holder": holder, "ttl": TTL_S}))
    fair = -(-total // holders)
    if len(held) > fair:
        surplus = held[fair:]
        session.execute(_RELEASE, {"kind": kind, "holder": holder, "numbers": surplus})
        held = held[:fair]
    elif len(held) < fair:
        wanted = {"kind": kind, "holder": holder, "ttl": TTL_S, "total": total, "want": fair - len(held)}
        held += session.scalars(_TAKE, wanted)
    return frozenset(held)


def leave(session: Session, kind: str, holder: str) -> None:
    """Give everything back, so that others need not wait for it to expire."""
    mine = session.scalars(_RENEW, {"kind": kind, "holder": holder, "ttl": TTL_S}).all()
    session.execute(_RELEASE, {"kind": kind, "holder": holder, "numbers": list(mine)})
    session.execute(_LEAVE, {"kind": kind, "holder": holder})

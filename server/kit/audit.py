"""Who did what: rows that commit with the act. The application may add rows, never change or remove one."""

from datetime import datetime
from typing import Any

from sqlalchemy import Identity, Index, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from server.kit import live
from server.kit.db import Base
from server.kit.identity import Actor


class AuditEntry(Base):
    """One act."""

    __tablename__ = "audit"
    __append_only__ = True
    __table_args__ = (Index("ix_audit_subject", "subject", "id"),)

    id: Mapped[int] = mapped_column(Identity(always=True), primary_key=True)
    at: Mapped[datetime]
    actor: Mapped[str]
    action: Mapped[str]
    subject: Mapped[str]
    detail: Mapped[dict[str, Any]]
    alert: Mapped[bool]


def record(
    session: Session,
    *,
    actor: Actor,
    action: str,
    subject: str,
    at: datetime,
    detail: dict[str, Any] | None = None,
    alert: bool = False,
) -> None:
    """Add an entry: ``actor`` did ``action`` to ``subject`` (``cycle:ID``, ``retailer:CODE`` ...).

    Open pages that follow the subject's kind are told to look again.
    """
    session.add(AuditEntry(at=at, actor=str(actor), action=action, subject=subject, detail=detail or {}, alert=alert))
    kind, _, name = subject.partition(":")
    live.tell(session, live.person_topic(name) if kind == "operator" else kind)


def entries(
    session: Session, *, subject: str | None = None, limit: int = 200, before: int | None = None
) -> list[AuditEntry]:
    """Return the newest entries first, of one subject where it is named."""
    query = select(AuditEntry).order_by(AuditEntry.id.desc()).limit(limit)
    if subject is not None:
        query = query.where(AuditEntry.subject == subject)
    if before is not None:
        query = query.where(AuditEntry.id < before)
    return list(session.scalars(query))

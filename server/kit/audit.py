"""Who did what: rows that commit with the act. The application may add rows, never change or remove one.

A second later the sealer takes them into the chain (:mod:`server.kit.audit_sealing`); what waits for it stands in
``audit_unsealed``, where a trigger puts every new entry, whoever wrote it.
"""

import secrets
from collections.abc import Collection, Iterable, Mapping
from datetime import datetime
from typing import Any, ClassVar

from sqlalchemy import BigInteger, Identity, Index, select, text
from sqlalchemy.orm import Mapped, Session, mapped_column

from server.kit import live
from server.kit.db import Base
from server.kit.identity import Actor

SALT_BYTES = 16
ERASED = "audit.erased"
ACTED = "acted"
"""In a session's ``info``: an act of it was written down."""


class AuditEntry(Base):
    """One act. Where ``salt`` is none, its personal part was erased: who, what about, details, from where."""

    __tablename__ = "audit"
    __append_only__ = True
    __table_args__ = (
        Index("ix_audit_subject", "subject", "id"),
        Index("ix_audit_actor", "actor", "id"),
        Index("ix_audit_action", "action", "id"),
        Index("ix_audit_alert", "id", postgresql_where=text("alert")),
    )

    __ddl__: ClassVar[tuple[str, ...]] = (
        """
        CREATE FUNCTION audit_empty(emptied bigint[]) RETURNS bigint
        LANGUAGE sql SECURITY DEFINER SET search_path = public AS $$
            WITH done AS (
                UPDATE audit
                SET actor = split_part(actor, ':', 1) || ':', subject = '', detail = '{}', remote = NULL, salt = NULL
                WHERE id = ANY (emptied) AND salt IS NOT NULL AND action <> 'audit.erased' RETURNING 1
            )
            SELECT count(*) FROM done
        $$
        """,
    )
    __ddl_down__: ClassVar[tuple[str, ...]] = ("DROP FUNCTION audit_empty(bigint[])",)

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    at: Mapped[datetime]
    actor: Mapped[str]
    action: Mapped[str]
    subject: Mapped[str]
    detail: Mapped[dict[str, Any]]
    alert: Mapped[bool]
    remote: Mapped[str | None]
    salt: Mapped[bytes | None]


class AuditUnsealed(Base):
    """An entry that waits for the sealer."""

    __tablename__ = "audit_unsealed"
    __ddl__: ClassVar[tuple[str, ...]] = (
        """
        CREATE FUNCTION audit_wait_for_seal() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            INSERT INTO audit_unsealed (entry) SELECT id FROM added;
            RETURN NULL;
        END $$
        """,
        """
        CREATE TRIGGER audit_wait_for_seal AFTER INSERT ON audit REFERENCING NEW TABLE AS added
        FOR EACH STATEMENT EXECUTE FUNCTION audit_wait_for_seal()
        """,
    )
    __ddl_down__: ClassVar[tuple[str, ...]] = (
        "DROP TRIGGER audit_wait_for_seal ON audit",
        "DROP FUNCTION audit_wait_for_seal()",
    )

    entry: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)


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

    From where is what the edge knows (:func:`came_from`): the address of a request, nothing for the system's own acts.
    Open pages that follow the subject's kind are told to look again.
    """
    session.add(
        AuditEntry(
            at=at,
            actor=str(actor),
            action=action,
            subject=subject,
            detail=detail or {},
            alert=alert,
            remote=session.info.get("remote"),
            salt=secrets.token_bytes(SALT_BYTES),
        )
    )
    session.info[ACTED] = True
    kind, _, name = subject.partition(":")
    live.tell(session, live.person_topic(name) if kind == "operator" else kind)


def erase(session: Session, entries: Collection[int], reason: str, actor: Actor, *, at: datetime) -> int:
    """Erase the personal part of entries, and write that down; the chain holds. Return how many were emptied.

    What an erasing says is not erased itself: it names nobody but who ordered it.
    """
    emptied: int = session.scalar(text("SELECT audit_empty(:entries)"), {"entries": list(entries)}) or 0
    detail = {"entries": [[run.start, run.stop - 1] for run in runs(entries)], "reason": reason}
    record(session, actor=actor, action=ERASED, subject="audit", at=at, detail=detail)
    return emptied


def runs(numbers: Iterable[int]) -> list[range]:
    """Return numbers as runs of neighbours, in ascending order."""
    found: list[range] = []
    for number in sorted(set(numbers)):
        if found and found[-1].stop == number:
            found[-1] = range(found[-1].start, number + 1)
        else:
            found.append(range(number, number + 1))
    return found


def came_from(session: Session, remote: str | None) -> None:
    """Let the entries of a session say from where the act came."""
    session.info["remote"] = remote


def changes(before: Mapping[str, Any] | None, after: Mapping[str, Any]) -> dict[str, Any]:
    """Return what an act changed, for the details of its entry: ``{"name": {"before": ..., "after": ...}}``.

    What was new has no *before*. Fields that stayed the same are left out.
    """
    if before is None:
        return {name: {"after": value} for name, value in after.items() if value not in (None, "", [])}
    return {
        name: {"before": before.get(name), "after": value} for name, value in after.items() if before.get(name) != value
    }


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

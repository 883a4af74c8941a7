"""How long the audit says who: the personal part of old entries is erased, and the chain holds (ADR 0039)."""

from datetime import datetime
from typing import Any, Final

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from server.kit import audit
from server.kit.audit import AuditEntry
from server.kit.identity import Actor
from server.kit.marking import N_
from server.kit.retention import Kind, count

ATTEMPTS: Final = ("operator.sign_in_failed", "operator.guessing")
BY: Final = Actor("system", "retention")
AT_ONCE: Final = 100_000


def _attempts(before: datetime) -> Select[Any]:
    return _old(before).where(AuditEntry.action.in_(ATTEMPTS))


def _old(before: datetime) -> Select[Any]:
    kept = AuditEntry.action != audit.ERASED  # it names nobody, and the check of the chain needs it
    return select(AuditEntry.id).where(AuditEntry.at < before, AuditEntry.salt.is_not(None), kept)


def count_attempts(session: Session, before: datetime) -> int:
    """Return how many failed sign-ins of before then still say whose and from where."""
    return count(session, _attempts(before))


def erase_attempts(session: Session, before: datetime, at: datetime) -> int:
    """Erase whose and from where of failed sign-ins of before then."""
    return _erase(session, _attempts(before), "attempts", at)


def count_entries(session: Session, before: datetime) -> int:
    """Return how many entries of before then still say who."""
    return count(session, _old(before))


def erase_entries(session: Session, before: datetime, at: datetime) -> int:
    """Erase the personal part of entries of before then, the oldest first, at most :data:`AT_ONCE` a night."""
    return _erase(session, _old(before), "entries", at)


def _erase(session: Session, query: Select[Any], what: str, at: datetime) -> int:
    entries = session.scalars(query.order_by(AuditEntry.id).limit(AT_ONCE)).all()
    return audit.erase(session, entries, f"retention: {what}", BY, at=at) if entries else 0


RETENTION: Final = (
    Kind(
        "failed_sign_ins",
        N_("Failed sign-ins: whose account, from which address"),
        N_("To notice who guesses at passwords."),
        N_("the attempt"),
        N_("who and from where are erased; that there was an attempt, and when, stays in the chain"),
        180,
        count_attempts,
        erase_attempts,
    ),
    Kind(
        "audit",
        N_("Who in the audit: names, subjects, details and addresses of entries"),
        N_("To prove who did what."),
        N_("the act"),
        N_("these are erased; the act, its time and its place in the chain stay, and the chain still holds"),
        3650,
        count_entries,
        erase_entries,
    ),
)

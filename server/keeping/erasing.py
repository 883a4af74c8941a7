"""The night's job: erase what is past its term, write down how much of which kind, and say so in the audit.

Guarantees: each kind in a transaction of its own together with what is written down of it, so that a job that was
killed goes on with those missing; nothing is erased before its term.
"""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final

from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from server.keeping import kinds
from server.keeping.models import Erasure, RetentionRun
from server.kit import audit, jobs
from server.kit.audit_retention import BY
from server.kit.db import transaction
from server.kit.retention import Kind
from server.kit.runtime import Runtime
from server.kit.settings import Settings

TASK: Final = "retention.erase"
HOUR: Final = 4
ACTION: Final = "retention.erased"


@dataclass(frozen=True)
class Standing:
    """A kind with its term, what was erased of it the last time that there was something, and in all."""

    kind: Kind
    days: int
    last_at: datetime | None
    last: int
    total: int
    due: int | None


def keep_time(session: Session, now: datetime) -> bool:
    """Have the night's erasing done once; ``now`` is the time in the distributor's zone."""
    if now.hour < HOUR:
        return False
    asked = insert(RetentionRun).values(day=now.date(), asked_at=now).on_conflict_do_nothing()
    if session.execute(asked.returning(RetentionRun.number)).one_or_none() is None:
        return False
    jobs.defer(session, TASK, {"day": now.date().isoformat()}, lock="retention")
    return True


def run(runtime: Runtime, *, day: str) -> None:
    """Do the erasing of a night; again it does what is missing."""
    with transaction(runtime.sessions) as session:
        asked = session.scalars(select(RetentionRun).where(RetentionRun.day == date.fromisoformat(day))).one()
        if asked.done_at is not None:
            return
    terms = kinds.terms(runtime.settings)
    for kind in kinds.KINDS:
        with transaction(runtime.sessions) as session:
            if session.get(Erasure, (asked.number, kind.name)) is None:
                _erase(session, asked.number, kind, terms[kind.name], at=runtime.clock())
    with transaction(runtime.sessions) as session:
        session.get_one(RetentionRun, asked.number).done_at = runtime.clock()
        erased = {row.kind: row.erased for row in _erasures(session, asked.number) if row.erased}
        if erased:
            audit.record(session, actor=BY, action=ACTION, subject="retention", at=runtime.clock(), detail=erased)


def _erase(session: Session, run_number: int, kind: Kind, days: int, *, at: datetime) -> None:
    before = at - timedelta(days=days)
    erased = kind.erase(session, before, at)
    session.add(Erasure(run=run_number, kind=kind.name, term_days=days, before=before, erased=erased))


def _erasures(session: Session, run_number: int) -> list[Erasure]:
    return list(session.scalars(select(Erasure).where(Erasure.run == run_number)))


def runs(session: Session, *, limit: int = 14) -> list[tuple[RetentionRun, int]]:
    """Return the newest runs, each with how much it erased."""
    erased = func.coalesce(func.sum(Erasure.erased), 0)
    query = select(RetentionRun, erased).outerjoin(Erasure, Erasure.run == RetentionRun.number)
    found = session.execute(query.group_by(RetentionRun.number).order_by(RetentionRun.number.desc()).limit(limit))
    return [(row, int(total)) for row, total in found]


def standing(session: Session, settings: Settings, *, at: datetime, dry_run: bool) -> list[Standing]:
    """Return each kind as it stands; ``dry_run`` counts what would be erased now."""
    terms = kinds.terms(settings)
    totals = select(Erasure.kind, func.sum(Erasure.erased), func.max(Erasure.run)).where(Erasure.erased > 0)
    last = {kind: (int(total), number) for kind, total, number in session.execute(totals.group_by(Erasure.kind))}
    told = []
    for kind in kinds.KINDS:
        total, number = last.get(kind.name, (0, None))
        row = None if number is None else session.get(Erasure, (number, kind.name))
        when = None if number is None else session.get_one(RetentionRun, number).asked_at
        due = kind.due(session, at - timedelta(days=terms[kind.name])) if dry_run else None
        told.append(Standing(kind, terms[kind.name], when, row.erased if row else 0, total, due))
    return told

"""Checking the whole chain against the entries: by the command, and as a job whose outcome the console shows."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, Identity, Index, func, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from contract.errors import Rejected
from server.kit import audit, audit_chain, audit_keys, audit_sealing, jobs
from server.kit.audit_chain import Checker, Fault, Head
from server.kit.audit_sealing import AuditSeal
from server.kit.db import Base, transaction
from server.kit.identity import SYSTEM, Actor
from server.kit.runtime import Runtime

TASK = "audit.check"
NIGHTLY_HOUR = 3
STEP = 2_000


class AuditCheck(Base):
    """One check of the whole chain: asked for, under way (``entries`` so far), done with its faults."""

    __tablename__ = "audit_checks"
    __table_args__ = (Index("uq_audit_checks_open", "open", unique=True, postgresql_where="open"),)

    number: Mapped[int] = mapped_column(Identity(always=True), primary_key=True)
    asked_at: Mapped[datetime]
    asked_by: Mapped[str]
    open: Mapped[bool]
    done_at: Mapped[datetime | None]
    entries: Mapped[int] = mapped_column(BigInteger)
    total: Mapped[int] = mapped_column(BigInteger)
    emptied: Mapped[int] = mapped_column(BigInteger)
    link: Mapped[bytes | None]
    faults: Mapped[list[Any]]


@dataclass(frozen=True)
class Checked:
    """What a check found: how many entries the chain has, how many of them are emptied, the last link, the faults.

    ``overtaken`` are heads from outside that a restored backup does not reach: what they vouched for is lost.
    """

    entries: int
    emptied: int
    link: bytes
    faults: tuple[Fault, ...]
    overtaken: tuple[Head, ...] = ()


def check_chain(
    session: Session,
    *,
    outside: Iterable[Head],
    public_keys: Mapping[str, bytes],
    at: datetime,
    restored: Iterable[Head] = (),
    progress: Callable[[int], None] = lambda _done: None,
) -> Checked:
    """Go through the whole chain and compare each entry with its seal, each head with its link.

    Parameters
    ----------
    outside
        Heads that were kept elsewhere; a chain that does not reach them was cut off.
    public_keys
        Raw keys by name, from outside the database.
    at
        Now: entries older than a minute must be sealed.
    restored
        Where the chain ended each time a backup was restored: heads of before that lie beyond are set aside.
    progress
        Told after each few thousand entries how many are done.
    """
    outside = list(outside)
    overtaken = audit_chain.overtaken(outside, restored, public_keys)
    outside = [head for head in outside if head not in overtaken]
    checker = Checker([*audit_sealing.heads(session), *outside], public_keys)
    erased: list[range] = []
    done = 0
    for batch in audit_sealing.sealed(session, at_once=STEP):
        for seal, entry in batch:
            checker.seal(seal, entry)
            if entry is not None and entry.action == audit.ERASED:
                erased += [range(first, last + 1) for first, last in entry.detail["entries"]]
        done += len(batch)
        progress(done)
    faults = checker.finish(erased=erased, unsealed=audit_sealing.unsealed(session, at))
    return Checked(done, len(checker.emptied), checker.link, tuple(faults), tuple(overtaken))


def ask(session: Session, actor: Actor, *, at: datetime) -> int:
    """Ask for a check in the background; return its number, that of the one under way where there is one."""
    under_way = session.scalar(select(AuditCheck.number).where(AuditCheck.open))
    if under_way is not None:
        return under_way
    row = AuditCheck(
        asked_at=at, asked_by=str(actor), open=True, entries=0, total=_sealed(session), emptied=0, faults=[], link=None
    )
    session.add(row)
    session.flush()
    jobs.defer(session, TASK, {"number": row.number}, lock=TASK)
    return row.number


def keep_time(session: Session, now: datetime) -> bool:
    """Ask for a check each night; return whether one was asked for. ``now`` is in the distributor's zone."""
    if now.hour < NIGHTLY_HOUR:
        return False
    since = now.replace(hour=NIGHTLY_HOUR, minute=0, second=0, microsecond=0)
    last = session.scalar(select(func.max(AuditCheck.asked_at)))
    if last is not None and last >= since:
        return False
    ask(session, SYSTEM, at=now)
    return True


def run(runtime: Runtime, *, number: int) -> None:
    """Do a check that was asked for; a second time it begins anew. Faults are alerts."""
    kept = audit_keys.kept_head(runtime.settings)

    def progress(done: int) -> None:
        with transaction(runtime.sessions) as aside:
            aside.get_one(AuditCheck, number).entries = done

    with transaction(runtime.sessions) as session:
        found = check_chain(
            session,
            outside=[] if kept is None else [kept],
            public_keys=audit_keys.public_keys(runtime.settings),
            restored=audit_keys.restored_heads(runtime.settings),
            at=runtime.clock(),
            progress=progress,
        )
    with transaction(runtime.sessions) as session:
        row = session.get_one(AuditCheck, number)
        if not row.open:
            return
        row.open, row.done_at = False, runtime.clock()
        row.entries, row.total, row.emptied, row.link = found.entries, found.entries, found.emptied, found.link
        row.faults = [{"kind": one.kind, "ordinal": one.ordinal, "entry": one.entry} for one in found.faults]
        audit.record(
            session,
            actor=SYSTEM,
            action="audit.checked",
            subject="audit",
            at=row.done_at,
            detail={"entries": found.entries, "faults": len(found.faults)},
            alert=bool(found.faults),
        )


def checks(session: Session, *, limit: int = 20) -> list[AuditCheck]:
    """Return the checks, the newest first."""
    return list(session.scalars(select(AuditCheck).order_by(AuditCheck.number.desc()).limit(limit)))


def newest_done(session: Session) -> AuditCheck | None:
    """Return the newest check that ended; none before the first."""
    query = select(AuditCheck).where(~AuditCheck.open).order_by(AuditCheck.number.desc()).limit(1)
    return session.scalars(query).first()


def check_numbered(session: Session, number: int) -> AuditCheck:
    """Return one check; refuse with ``not_found``."""
    found = session.get(AuditCheck, number)
    if found is None:
        raise Rejected("not_found", what="check", name=str(number))
    return found


def faults_of(check: AuditCheck) -> list[Fault]:
    """Return what a check found."""
    return [Fault(one["kind"], one["ordinal"], one["entry"]) for one in check.faults]


def _sealed(session: Session) -> int:
    return session.scalar(select(AuditSeal.ordinal).order_by(AuditSeal.ordinal.desc()).limit(1)) or 0

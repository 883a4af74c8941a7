"""The one way in which a cycle changes its state, for people's acts and the machine's steps alike.

Every move is checked by the rules, dated and named in ``cycle_steps``. Nothing here commits.
"""

from datetime import datetime
from typing import Any, Final, cast
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from contract.errors import Rejected
from server.cycles import rules
from server.cycles.models import CycleRow, CycleStep
from server.cycles.queries import Policy
from server.kit import audit, jobs
from server.kit.identity import Actor, Operator

STOPPED: Final = "stopped"


def locked(session: Session, cycle: UUID) -> CycleRow:
    """Hold the cycle's row until the transaction ends, and return it as it stands; refuse with ``not_found``."""
    row = session.scalars(
        select(CycleRow).where(CycleRow.id == cycle).with_for_update().execution_options(populate_existing=True)
    ).one_or_none()
    if row is None:
        raise Rejected("not_found", what="cycle", name=str(cycle))
    return row


def state_of(row: CycleRow) -> rules.State:
    """Return the cycle's stored state."""
    return cast("rules.State", row.state)


def move(
    session: Session,
    row: CycleRow,
    act: rules.Act,
    *,
    at: datetime,
    actor: Actor,
    detail: dict[str, Any] | None = None,
) -> None:
    """Bring the cycle to the state that ``act`` leads to, or refuse; what troubled it is over."""
    row.state = rules.advance(state_of(row), act)
    row.trouble = None
    row.changed_at = at
    record_step(session, row, at=at, actor=actor, detail=detail)


def record_step(
    session: Session, row: CycleRow, *, at: datetime, actor: Actor, detail: dict[str, Any] | None = None
) -> None:
    """Write down when the cycle came to its state, and who brought it there."""
    session.add(CycleStep(cycle=row.id, state=row.state, at=at, actor=str(actor), detail=detail or {}))
    session.flush()


def resume(session: Session, row: CycleRow) -> None:
    """Queue the machine's own step that is due, if one is; queueing it twice does no harm."""
    row.trouble = None
    step = rules.NEXT_STEP.get(state_of(row))
    if step is not None:
        jobs.defer(session, step, {"cycle": str(row.id)}, queue=jobs.SOLVING, lock=f"cycle:{row.id}")


def stop(row: CycleRow, step: str, name: str, at: datetime) -> None:
    """Write on the cycle that a person stopped a step; it stores nothing until it is resumed."""
    row.trouble = {"step": step, "code": STOPPED, "params": {"name": name}, "at": at.isoformat()}
    row.changed_at = at


def is_stopped(row: CycleRow) -> bool:
    """Return whether a person stopped the step that is due."""
    return row.trouble is not None and row.trouble["code"] == STOPPED


def actor_of(operator: Operator) -> Actor:
    """Return a person as the one who acts."""
    return operator.actor


def note(session: Session, by: Operator, action: str, subject: str, at: datetime, **detail: str | int) -> None:
    """Write down in the audit what a person did."""
    audit.record(session, actor=actor_of(by), action=action, subject=subject, at=at, detail=detail)


def policy_label(policy: Policy) -> str:
    """Return how a policy is published: its name, version and the first digits of its SHA-256."""
    return f"{policy.name} v{policy.version} · sha256 {policy.text_sha256[:16]}"

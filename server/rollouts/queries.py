"""Reads of rollouts."""

from collections import Counter
from dataclasses import dataclass
from datetime import datetime
from typing import Any, get_args
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from server.rollouts import rules
from server.rollouts.models import RolloutDevice, RolloutRow


@dataclass(frozen=True)
class Rollout:
    """One rollout. ``rings`` are as the plan has them."""

    id: UUID
    number: int
    name: str
    kind: str
    params: dict[str, Any]
    target: dict[str, Any]
    continuous: bool
    rings: list[Any]
    rate_per_minute: int
    abort_percent: int
    abort_minimum: int
    device_minutes: int
    deadline_hours: int
    deadline_at: datetime | None
    state: rules.State
    ring: int
    why: rules.Why
    proposed_by: str
    proposed_at: datetime
    released_by: str | None
    released_at: datetime | None
    ended_at: datetime | None
    settled_at: datetime | None


@dataclass(frozen=True)
class Terminal:
    """One terminal of a rollout; ``reason`` for programs, ``detail`` in the terminal's own words."""

    device: str
    retailer: str
    ring: int
    state: rules.DeviceState
    reason: str
    detail: str
    attempt: int
    command: UUID | None
    begun_at: datetime | None
    ended_at: datetime | None


def rollout(session: Session, rollout_id: UUID) -> Rollout | None:
    """Return one rollout, or none."""
    row = session.get(RolloutRow, rollout_id, populate_existing=True)
    return None if row is None else _rollout(row)


def rollouts(session: Session, *, limit: int, before: int | None = None) -> list[Rollout]:
    """Return rollouts, the newest first."""
    query = select(RolloutRow).order_by(RolloutRow.number.desc()).limit(limit)
    if before is not None:
        query = query.where(RolloutRow.number < before)
    return [_rollout(row) for row in session.scalars(query.execution_options(populate_existing=True))]


def counts(session: Session, rollouts_: list[UUID]) -> dict[UUID, dict[int, Counter[str]]]:
    """Return how many terminals of each ring of these rollouts stand in which state."""
    rows = session.execute(
        select(RolloutDevice.rollout, RolloutDevice.ring, RolloutDevice.state, func.count())
        .where(RolloutDevice.rollout.in_(rollouts_))
        .group_by(RolloutDevice.rollout, RolloutDevice.ring, RolloutDevice.state)
    )
    found: dict[UUID, dict[int, Counter[str]]] = {one: {} for one in rollouts_}
    for one, ring, state, number in rows:
        found[one].setdefault(ring, Counter())[state] = number
    return found


def reasons(session: Session, rollout_id: UUID) -> list[tuple[str, str, int, str]]:
    """Return what went wrong: state, reason, how many, and one terminal of them; the most frequent first."""
    number = func.count()
    rows = session.execute(
        select(RolloutDevice.state, RolloutDevice.reason, number, func.min(RolloutDevice.device))
        .where(
            RolloutDevice.rollout == rollout_id,
            RolloutDevice.state.in_((*rules.FAILURES, "unreachable", "cancelled")),
        )
        .group_by(RolloutDevice.state, RolloutDevice.reason)
        .order_by(number.desc(), RolloutDevice.state, RolloutDevice.reason)
    )
    return [(state, reason, count, device) for state, reason, count, device in rows]


def terminals(
    session: Session,
    rollout_id: UUID,
    *,
    limit: int,
    after: str = "",
    state: str | None = None,
    reason: str | None = None,
) -> list[Terminal]:
    """Return terminals of a rollout in the order of their ids, those in one state or with one reason where named."""
    query = select(RolloutDevice).where(RolloutDevice.rollout == rollout_id, RolloutDevice.device > after)
    if state is not None and state in get_args(rules.DeviceState):
        query = query.where(RolloutDevice.state == state)
    if reason is not None:
        query = query.where(RolloutDevice.reason == reason)
    rows = session.scalars(query.order_by(RolloutDevice.device).limit(limit).execution_options(populate_existing=True))
    return [Terminal(**{name: getattr(row, name) for name in Terminal.__dataclass_fields__}) for row in rows]


def _rollout(row: RolloutRow) -> Rollout:
    return Rollout(**{name: getattr(row, name) for name in Rollout.__dataclass_fields__})

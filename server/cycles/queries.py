"""Reads of cycles, for screens and for the capabilities above."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Literal, cast
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from server.cycles.models import (
    CycleRow,
    CycleStep,
    PlannedWindow,
    PolicyRow,
    Publication,
    RouteSchedule,
)
from server.cycles.rules import Schedule, State
from server.orders import queries as orders

ShownState = State | Literal["open"]
OVER: frozenset[ShownState] = frozenset({"draft", "published", "called_off"})


@dataclass(frozen=True)
class Cycle:
    """A cycle as screens and others see it. ``state`` is ``open`` while one of its windows is."""

    id: UUID
    number: int
    name_zh: str
    name_en: str
    week: date
    zone: str
    grace_s: int
    state: ShownState
    policy_name: str
    policy_version: int
    supply_version: int
    commitment: str | None
    book_root: str | None
    announced_scores: str | None
    score_version: str | None
    forecast_version: str | None
    weights_sha256: str | None
    attempt: int
    published_attempt: int | None
    correction_reason: str | None
    created_by: str
    sent_by: str | None
    released_by: str | None
    released_at: datetime | None
    published_at: datetime | None
    trouble: dict[str, Any] | None
    changed_at: datetime

    @property
    def policy(self) -> str:
        """The policy as it is published with the windows: name and version."""
        return f"{self.policy_name} v{self.policy_version}"

    @property
    def published(self) -> bool:
        """Whether grants are out, be they under correction or not."""
        return self.published_attempt is not None

    @property
    def correcting(self) -> bool:
        """Whether a correction of the grants that are out is under way."""
        return self.published and self.state != "published"

    @property
    def standing_attempt(self) -> int:
        """The attempt whose grants are out, also while they are corrected; before the first publication the last one.

        0 before the freeze.
        """
        return self.attempt if self.published_attempt is None else self.published_attempt


@dataclass(frozen=True)
class Step:
    """When a cycle came to a state, and who brought it there."""

    state: str
    at: datetime
    actor: str
    detail: dict[str, Any]


@dataclass(frozen=True)
class Planned:
    """A window of a draft. Instants are UTC; ``notes`` as in :class:`server.cycles.rules.Span`."""

    id: UUID
    route: str
    opens_at: datetime
    closes_at: datetime
    zone: str
    notes: tuple[str, ...]


@dataclass(frozen=True)
class Policy:
    """One version of a policy."""

    name: str
    version: int
    text: str
    text_sha256: str
    author: str
    reason: str
    created_at: datetime


def cycle(session: Session, cycle_id: UUID) -> Cycle | None:
    """Return one cycle, or none."""
    row = session.get(CycleRow, cycle_id)
    return None if row is None else _cycle(row, _open(session, [row]))


def cycles(session: Session, *, before: int | None = None, limit: int = 200) -> list[Cycle]:
    """Return cycles, the newest first, below the number ``before`` where it is named."""
    query = select(CycleRow).order_by(CycleRow.number.desc()).limit(limit)
    rows = session.scalars(query if before is None else query.where(CycleRow.number < before)).all()
    opened = _open(session, rows)
    return [_cycle(row, opened) for row in rows]


def current_cycle(session: Session) -> Cycle | None:
    """Return the newest cycle that is announced and not yet published or called off, or none."""
    row = session.scalars(
        select(CycleRow)
        .where(CycleRow.state.not_in(OVER), CycleRow.published_attempt.is_(None))
        .order_by(CycleRow.number.desc())
        .limit(1)
    ).one_or_none()
    return None if row is None else _cycle(row, _open(session, [row]))


def published_cycles(session: Session, *, limit: int = 200) -> list[Cycle]:
    """Return published cycles, the last published first."""
    rows = session.scalars(
        select(CycleRow)
        .where(CycleRow.published_attempt.is_not(None))
        .order_by(CycleRow.published_at.desc())
        .limit(limit)
    )
    return [_cycle(row, frozenset()) for row in rows]


def published_ids(session: Session) -> dict[UUID, bool]:
    """Return every cycle whose grants are out, be they under correction or not; and whether it was published again."""
    again = select(Publication.cycle).where(Publication.cycle == CycleRow.id, Publication.number > 1).exists()
    return dict(session.execute(select(CycleRow.id, again).where(CycleRow.published_attempt.is_not(None))).all())


def steps(session: Session, cycle_id: UUID) -> list[Step]:
    """Return the cycle's steps, the oldest first."""
    rows = session.scalars(select(CycleStep).where(CycleStep.cycle == cycle_id).order_by(CycleStep.id))
    return [Step(row.state, row.at, row.actor, row.detail) for row in rows]


def planned_windows(session: Session, cycle_id: UUID) -> list[Planned]:
    """Return the windows that the cycle announces, the earliest close first."""
    rows = session.scalars(
        select(PlannedWindow)
        .where(PlannedWindow.cycle == cycle_id)
        .order_by(PlannedWindow.closes_at, PlannedWindow.route)
    )
    return [Planned(row.id, row.route, row.opens_at, row.closes_at, row.zone, tuple(row.note.split())) for row in rows]


def schedules(session: Session) -> list[Schedule]:
    """Return the weekly windows, ``*`` first, then in the routes' order."""
    rows = session.scalars(select(RouteSchedule).order_by(RouteSchedule.route != "*", RouteSchedule.route))
    return [Schedule(r.route, r.opens_weekday, r.opens_time, r.closes_weekday, r.closes_time, r.zone) for r in rows]


def policies(session: Session) -> list[Policy]:
    """Return every version of every policy, the newest first."""
    rows = session.scalars(select(PolicyRow).order_by(PolicyRow.created_at.desc(), PolicyRow.version.desc()))
    return [_policy(row) for row in rows]


def policy(session: Session, name: str, version: int | None = None) -> Policy | None:
    """Return one version of a policy, the newest where none is named; none where there is no such policy."""
    query = select(PolicyRow).where(PolicyRow.name == name).order_by(PolicyRow.version.desc()).limit(1)
    if version is not None:
        query = query.where(PolicyRow.version == version)
    row = session.scalars(query).one_or_none()
    return None if row is None else _policy(row)


def _open(session: Session, rows: Sequence[CycleRow]) -> frozenset[UUID]:
    """Return those of the cycles that have an open window: announced ones alone can."""
    announced = [row.id for row in rows if row.state == "announced"]
    return orders.cycles_open(session, announced) if announced else frozenset()


def _cycle(row: CycleRow, opened: frozenset[UUID]) -> Cycle:
    state = cast("State", row.state)
    return Cycle(
        id=row.id,
        number=row.number,
        name_zh=row.name_zh,
        name_en=row.name_en,
        week=row.week,
        zone=row.zone,
        grace_s=row.grace_s,
        state="open" if state == "announced" and row.id in opened else state,
        policy_name=row.policy_name,
        policy_version=row.policy_version,
        supply_version=row.supply_version,
        commitment=row.commitment,
        book_root=row.book_root,
        announced_scores=row.announced_scores,
        score_version=row.score_version,
        forecast_version=row.forecast_version,
        weights_sha256=row.weights_sha256,
        attempt=row.attempt,
        published_attempt=row.published_attempt,
        correction_reason=row.correction_reason,
        created_by=row.created_by,
        sent_by=row.sent_by,
        released_by=row.released_by,
        released_at=row.released_at,
        published_at=row.published_at,
        trouble=row.trouble,
        changed_at=row.changed_at,
    )


def _policy(row: PolicyRow) -> Policy:
    return Policy(row.name, row.version, row.text, row.text_sha256, row.author, row.reason, row.created_at)

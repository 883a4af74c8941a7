"""Reads of dated decisions and of their early ends."""

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import cast
from uuid import UUID

from sqlalchemy import ARRAY, Select, String, Uuid, and_, any_, func, literal, or_, select
from sqlalchemy.orm import Session

from server.scores.models import DecisionEndRow, DecisionRow
from server.scores.rules import DecisionKind


@dataclass(frozen=True)
class DecisionEnd:
    """That a decision ends early; without an approver it has no effect yet."""

    id: UUID
    decision: UUID
    ends: date
    reason: str
    author: str
    proposed_at: datetime
    approver: str | None
    approved_at: datetime | None
    withdrawn_by: str | None
    withdrawn_at: datetime | None
    appeal: UUID | None

    @property
    def open(self) -> bool:
        """Whether it waits for the second person."""
        return self.approver is None and self.withdrawn_by is None


@dataclass(frozen=True)
class Decision:
    """A dated decision on a retailer; without an approver it has no effect yet."""

    id: UUID
    retailer: str
    decision: DecisionKind
    tier: int | None
    since: date
    until: date
    reason: str
    author: str
    proposed_at: datetime
    approver: str | None
    approved_at: datetime | None
    withdrawn_by: str | None
    withdrawn_at: datetime | None
    ends: tuple[DecisionEnd, ...]

    @property
    def open(self) -> bool:
        """Whether it waits for the second person."""
        return self.approver is None and self.withdrawn_by is None

    def may_be_decided_by(self, name: str) -> bool:
        """Return whether ``name`` is a second person to it, or to an early end of it that waits."""
        if self.open:
            return self.author != name
        return any(end.approver is None and end.author != name for end in self.ends)

    @property
    def ended(self) -> DecisionEnd | None:
        """The approved early end that comes first, if there is one."""
        return min((end for end in self.ends if end.approver is not None), key=lambda end: end.ends, default=None)

    @property
    def holds_until(self) -> date:
        """The first day on which it holds no longer, early ends included."""
        return self.until if self.ended is None else min(self.until, self.ended.ends)


def decisions(
    session: Session, retailers: Collection[str] | None = None, *, approved: bool | None = None
) -> list[Decision]:
    """Return the decisions, on some retailers where they are named, the newest first."""
    query = select(DecisionRow).order_by(DecisionRow.proposed_at.desc(), DecisionRow.id.desc())
    if retailers is not None:
        query = query.where(DecisionRow.retailer == any_(literal(list(retailers), ARRAY(String))))
    if approved is not None:
        query = query.where(DecisionRow.approver.is_not(None) if approved else DecisionRow.approver.is_(None))
    return _with_ends(session, query)


def decision(session: Session, decision_id: UUID) -> Decision | None:
    """Return one decision, or none."""
    row = session.get(DecisionRow, decision_id, populate_existing=True)
    return None if row is None else _decision(row, decision_ends(session, [row.id])[row.id])


def decision_ends(session: Session, decision_ids: Collection[UUID]) -> dict[UUID, list[DecisionEnd]]:
    """Return the early ends proposed of some decisions, the newest first."""
    found: dict[UUID, list[DecisionEnd]] = defaultdict(list)
    rows = session.scalars(
        select(DecisionEndRow)
        .where(DecisionEndRow.decision == any_(literal(list(decision_ids), ARRAY(Uuid))))
        .order_by(DecisionEndRow.proposed_at.desc(), DecisionEndRow.id.desc())
    )
    for row in rows:
        found[row.decision].append(_end(row))
    return found


def waiting(session: Session) -> list[Decision]:
    """Return the decisions that wait for a second person, or whose early end does, the newest first."""
    end_waits = (
        select(DecisionEndRow.id)
        .where(
            DecisionEndRow.decision == DecisionRow.id,
            DecisionEndRow.approver.is_(None),
            DecisionEndRow.withdrawn_by.is_(None),
        )
        .correlate(DecisionRow)
        .exists()
    )
    return _with_ends(
        session,
        select(DecisionRow)
        .where(or_(and_(DecisionRow.approver.is_(None), DecisionRow.withdrawn_by.is_(None)), end_waits))
        .order_by(DecisionRow.proposed_at.desc(), DecisionRow.id.desc()),
    )


def turning(session: Session, day: date) -> list[UUID]:
    """Return the approved decisions that begin or end by ``day`` and were not told so yet."""
    ended = (
        select(func.min(DecisionEndRow.ends))
        .where(DecisionEndRow.decision == DecisionRow.id, DecisionEndRow.approver.is_not(None))
        .scalar_subquery()
    )
    until = func.least(DecisionRow.until, ended)  # where it was not ended early, that is none and does not count
    return list(
        session.scalars(
            select(DecisionRow.id)
            .where(
                DecisionRow.approver.is_not(None),
                DecisionRow.told != "over",
                or_(until <= day, and_(DecisionRow.since <= day, DecisionRow.told != "holding")),
            )
            .order_by(DecisionRow.retailer.collate("C"), DecisionRow.id)
        )
    )


def _with_ends(session: Session, query: Select[DecisionRow]) -> list[Decision]:
    """Return the decisions of a query in its order, each with its early ends, the newest first."""
    joined = query.add_columns(DecisionEndRow).outerjoin(DecisionEndRow, DecisionEndRow.decision == DecisionRow.id)
    found: dict[UUID, tuple[DecisionRow, list[DecisionEnd]]] = {}
    for row, end in session.execute(joined.order_by(DecisionEndRow.proposed_at.desc(), DecisionEndRow.id.desc())):
        ends = found.setdefault(row.id, (row, []))[1]
        if end is not None:
            ends.append(_end(end))
    return [_decision(row, ends) for row, ends in found.values()]


def _decision(row: DecisionRow, ends: Sequence[DecisionEnd]) -> Decision:
    return Decision(
        row.id,
        row.retailer,
        cast("DecisionKind", row.decision),
        row.tier,
        row.since,
        row.until,
        row.reason,
        row.author,
        row.proposed_at,
        row.approver,
        row.approved_at,
        row.withdrawn_by,
        row.withdrawn_at,
        tuple(ends),
    )


def _end(row: DecisionEndRow) -> DecisionEnd:
    return DecisionEnd(
        row.id,
        row.decision,
        row.ends,
        row.reason,
        row.author,
        row.proposed_at,
        row.approver,
        row.approved_at,
        row.withdrawn_by,
        row.withdrawn_at,
        row.appeal,
    )

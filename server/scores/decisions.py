"""Dated decisions on retailers: proposed, approved or withdrawn, ended early. Nothing here commits.

Every row is kept for ever. A retailer's terminals are told when a decision is approved, when its first day begins and
when it ends; what they are told is what the freeze of a cycle counts on that day.
"""

import tomllib
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from contract.errors import Conflict, Rejected
from contract.feed import ScoreDecision
from contract.ids import uuid7
from server.kit import audit, jobs, outbox
from server.kit.fields import require
from server.kit.identity import Operator
from server.retailers import queries as retailers
from server.scores import decision_queries, queries, rules
from server.scores.models import DecisionEndRow, DecisionRow
from server.scores.service import REASON, TELL_SHOPS


def propose_decision(
    session: Session,
    retailer: str,
    decision: rules.DecisionKind,
    tier: int | None,
    since: date,
    until: date,
    operator: Operator,
    *,
    reason: str,
    at: datetime,
) -> UUID:
    """Propose that a retailer is suspended or lowered for some days; a second person approves it.

    Raises
    ------
    Rejected, Invalid
        ``not_found``, ``decision_dates``; ``decision_tier``, also where the newest policy has no such tier; an empty
        or long reason.
    """
    if not retailers.known(session, [retailer]):
        raise Rejected("not_found", what="retailer", name=retailer)
    newest = queries.policy(session)
    said = {} if newest is None else tomllib.loads(newest.text)  # checked by the scoring library when it was written
    rules.check_decision(decision, tier, since, until, said.get("tiers", rules.TIERS_USUAL))
    require(REASON, {"reason": reason.strip()})
    row = DecisionRow(
        id=uuid7(),
        retailer=retailer,
        decision=decision,
        tier=tier,
        since=since,
        until=until,
        reason=reason.strip(),
        author=operator.name,
        proposed_at=at,
    )
    session.add(row)
    session.flush()
    detail = {"decision": decision, "tier": tier, "since": since.isoformat(), "until": until.isoformat()}
    _record(session, operator, "score.decision_proposed", retailer, at, detail | {"id": str(row.id)})
    return row.id


def approve_decision(session: Session, decision: UUID, operator: Operator, *, at: datetime, today: date) -> None:
    """Let a decision have its effect, and tell the retailer.

    Raises
    ------
    Rejected, Conflict
        ``not_found``; ``same_person``; ``wrong_state``, where it was approved or withdrawn before.
    """
    row = _proposed(session, decision)
    rules.check_second_person(row.author, operator.name)
    row.approver, row.approved_at = operator.name, at
    session.flush()
    _record(session, operator, "score.decision_approved", row.retailer, at, {"id": str(row.id)})
    _tell(session, row, today, at)


def withdraw_decision(session: Session, decision: UUID, operator: Operator, *, at: datetime) -> None:
    """Take a proposal back that nobody has approved; its row stays.

    Raises
    ------
    Rejected, Conflict
        ``not_found``; ``wrong_state``, where it was approved or withdrawn before.
    """
    row = _proposed(session, decision)
    row.withdrawn_by, row.withdrawn_at = operator.name, at
    session.flush()
    _record(session, operator, "score.decision_withdrawn", row.retailer, at, {"id": str(row.id)})


def propose_end(
    session: Session,
    decision: UUID,
    ends: date,
    operator: Operator,
    *,
    reason: str,
    at: datetime,
    today: date,
) -> UUID:
    """Propose that a decision holds no longer from the day ``ends`` on; a second person approves it.

    Raises
    ------
    Rejected, Conflict, Invalid
        ``not_found``; ``decision_end``; ``wrong_state``, where the decision was never approved, or another end waits;
        an empty or long reason.
    """
    held = _approved(session, decision)
    rules.check_end(held.since, held.holds_until, ends, today)
    if any(end.open for end in held.ends):
        raise Conflict("wrong_state", state="proposed", needed="approved / withdrawn")
    require(REASON, {"reason": reason.strip()})
    row = _new_end(held, ends, operator.name, reason, at)
    session.add(row)
    session.flush()
    detail = {"id": str(decision), "ends": ends.isoformat()}
    _record(session, operator, "score.decision_end_proposed", held.retailer, at, detail)
    return row.id


def approve_end(session: Session, end: UUID, operator: Operator, *, at: datetime, today: date) -> None:
    """Let a decision end early, and tell the retailer.

    Raises
    ------
    Rejected, Conflict
        ``not_found``; ``same_person``; ``wrong_state``; ``decision_end``, where the day is over by now.
    """
    row = _open_end(session, end)
    held = _approved(session, row.decision)
    rules.check_second_person(row.author, operator.name)
    rules.check_end(held.since, held.holds_until, row.ends, today)
    _end(session, row, operator, at, today)


def end_by_appeal(
    session: Session,
    decision: UUID,
    ends: date,
    author: str,
    operator: Operator,
    *,
    reason: str,
    appeal: UUID,
    at: datetime,
    today: date,
) -> None:
    """Let a decision end as ``author`` proposed in the answer to an appeal. Raises as :func:`approve_end`."""
    held = _approved(session, decision)
    rules.check_second_person(author, operator.name)
    rules.check_end(held.since, held.holds_until, ends, today)
    row = _new_end(held, ends, author, reason, at)
    row.appeal = appeal
    session.add(row)
    _end(session, row, operator, at, today)


def withdraw_end(session: Session, end: UUID, operator: Operator, *, at: datetime) -> None:
    """Take back that a decision is to end early; its row stays.

    Raises
    ------
    Rejected, Conflict
        ``not_found``; ``wrong_state``, where it was approved or withdrawn before.
    """
    row = _open_end(session, end)
    row.withdrawn_by, row.withdrawn_at = operator.name, at
    session.flush()
    _record(session, operator, "score.decision_end_withdrawn", row.retailer, at, {"id": str(row.decision)})


def keep_time(session: Session, now: datetime) -> int:
    """Tell of the decisions that begin or end on the day of ``now``, the time in the distributor's zone."""
    due = decision_queries.turning(session, now.date())
    for decision in due:
        row = session.get(DecisionRow, decision, with_for_update=True, populate_existing=True)
        assert row is not None  # noqa: S101 - rows are never removed
        _tell(session, row, now.date(), now)
    return len(due)


def _new_end(held: decision_queries.Decision, ends: date, author: str, reason: str, at: datetime) -> DecisionEndRow:
    return DecisionEndRow(
        id=uuid7(),
        decision=held.id,
        retailer=held.retailer,
        ends=ends,
        reason=reason.strip(),
        author=author,
        proposed_at=at,
    )


def _end(session: Session, row: DecisionEndRow, operator: Operator, at: datetime, today: date) -> None:
    row.approver, row.approved_at = operator.name, at
    session.flush()
    detail = {"id": str(row.decision), "ends": row.ends.isoformat(), "appeal": row.appeal and str(row.appeal)}
    _record(session, operator, "score.decision_ended", row.retailer, at, detail)
    decided = session.get(DecisionRow, row.decision, with_for_update=True)
    assert decided is not None  # noqa: S101 - a foreign key holds it
    _tell(session, decided, today, at)


def _tell(session: Session, row: DecisionRow, day: date, at: datetime) -> None:
    """Tell the retailer's terminals how a decision stands on a day, and have them told what counts now."""
    held = decision_queries.decision(session, row.id)
    assert held is not None  # noqa: S101 - read above
    row.told = rules.course_on(held.since, held.holds_until, day)
    told = ScoreDecision(
        decision=held.id,
        sort=held.decision,
        tier=held.tier,
        since=held.since,
        until=held.holds_until,
        reason=held.reason,
        state=rules.course_on(held.since, held.holds_until, day),
        ended_why=None if held.ended is None else held.ended.reason,
    )
    outbox.append(session, [outbox.Item(held.retailer, f"decision:{held.id}", "decision", told)], at=at)
    session.flush()
    jobs.defer(session, TELL_SHOPS, {"retailers": [held.retailer]}, queue=jobs.SOLVING, lock="scores")


def _proposed(session: Session, decision: UUID) -> DecisionRow:
    row = session.get(DecisionRow, decision, with_for_update=True, populate_existing=True)
    if row is None:
        raise Rejected("not_found", what="decision", name=str(decision))
    if row.approver is not None or row.withdrawn_by is not None:
        raise Conflict("wrong_state", state="withdrawn" if row.withdrawn_by else "approved", needed="proposed")
    return row


def _approved(session: Session, decision: UUID) -> decision_queries.Decision:
    session.execute(select(DecisionRow.id).where(DecisionRow.id == decision).with_for_update())
    held = decision_queries.decision(session, decision)
    if held is None:
        raise Rejected("not_found", what="decision", name=str(decision))
    if held.approver is None:
        raise Conflict("wrong_state", state="withdrawn" if held.withdrawn_by else "proposed", needed="approved")
    return held


def _open_end(session: Session, end: UUID) -> DecisionEndRow:
    row = session.get(DecisionEndRow, end, with_for_update=True, populate_existing=True)
    if row is None:
        raise Rejected("not_found", what="end of a decision", name=str(end))
    if row.approver is not None or row.withdrawn_by is not None:
        raise Conflict("wrong_state", state="withdrawn" if row.withdrawn_by else "approved", needed="proposed")
    return row


def _record(
    session: Session, operator: Operator, action: str, retailer: str, at: datetime, detail: dict[str, Any]
) -> None:
    actor = operator.actor
    audit.record(session, actor=actor, action=action, subject=f"retailer:{retailer}", at=at, detail=detail)

"""What can be done with scores. Nothing here commits, and nothing here loads the scoring library."""

from datetime import date, datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from contract.errors import Conflict, Rejected
from contract.ids import uuid7
from server.forecasts import queries as forecasts
from server.forecasts import service as forecast_service
from server.kit import audit, jobs
from server.kit.fields import Field, Text, require
from server.kit.identity import Actor, Operator
from server.kit.marking import N_
from server.retailers import queries as retailers
from server.scores import facts, queries, rules
from server.scores.models import DecisionRow, ScoreRun

TASK: Final = "scores.make"
TELL: Final = "scores.tell"
REASON: Final = (Field("reason", N_("Reason"), Text(300)),)


def history_of(session: Session, as_of: date) -> int:
    """Return the newest figure of the months before a day.

    Raises
    ------
    Conflict
        ``wrong_state``, where there is no history of those months.
    """
    history = forecast_service.settled_number(session, as_of)
    if not history:
        raise Conflict("wrong_state", state="no history", needed="history")
    return history


def ask_run(session: Session, operator: Operator, *, at: datetime, today: date) -> int:
    """Have all retailers scored from the months before today's; return the run's number.

    Raises
    ------
    Conflict
        ``wrong_state``, while another run is being computed, or where there is no history of those months.
    """
    _hold(session)
    as_of = today.replace(day=1)
    history = history_of(session, as_of)
    under_way = session.scalar(select(ScoreRun.number).where(ScoreRun.state.in_(("waiting", "working"))))
    if under_way is not None:
        raise Conflict("wrong_state", state="working", needed="draft")
    policy, stands = queries.policy(session), queries.in_force(session)
    forecast = forecasts.version(session, state="done")
    row = ScoreRun(
        id=uuid7(),
        policy_version=None if policy is None else policy.version,
        as_of=as_of,
        history_number=history,
        facts_number=facts.newest(session),
        forecast_number=None if forecast is None else forecast.number,
        previous=None if stands is None else stands.number,
        asked_by=operator.name,
        asked_at=at,
        state="waiting",
        retailers=0,
    )
    session.add(row)
    session.flush()
    jobs.defer(session, TASK, {"run": str(row.id)}, queue=jobs.SOLVING, lock="scores")
    detail = {"as_of": as_of.isoformat(), "policy": row.policy_version, "history_number": history}
    _record(session, operator, "score.asked", f"score:{row.number}", at, detail)
    return row.number


def publish_run(session: Session, number: int, operator: Operator, *, at: datetime) -> queries.Run:
    """Put a draft in force: from now on the freeze takes weights and tiers from it; the shops are told.

    Raises
    ------
    Rejected, Conflict
        ``not_found``; ``same_person``, where the one who asked for the run tries, or who wrote the policy by which
        it counts and no run in force has counted; ``wrong_state``, where it is no
        draft; ``changed_meanwhile``, where other scores are in force than those it was computed on.
    """
    _hold(session)
    row = session.scalars(select(ScoreRun).where(ScoreRun.number == number).with_for_update()).one_or_none()
    if row is None:
        raise Rejected("not_found", what="score run", name=str(number))
    if row.state != "draft":
        raise Conflict("wrong_state", state=row.state, needed="draft")
    stands = queries.in_force(session)
    for first in (row.asked_by, *_policy_authors(session, row, stands)):
        rules.check_second_person(first, operator.name)
    if (None if stands is None else stands.number) != row.previous:
        raise Conflict("changed_meanwhile", name="score")
    row.state, row.published_by, row.published_at = "published", operator.name, at
    session.flush()
    jobs.defer(session, TELL, {"number": number}, queue=jobs.SOLVING, lock="scores")
    _record(session, operator, "score.published", f"score:{number}", at, {"score_version": row.score_version})
    return queries.run_of(row)


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
        ``not_found``, ``decision_dates``, ``decision_tier``; an empty or long reason.
    """
    if not retailers.known(session, [retailer]):
        raise Rejected("not_found", what="retailer", name=retailer)
    rules.check_decision(decision, tier, since, until)
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
    _record(session, operator, "score.decision_proposed", f"retailer:{retailer}", at, detail | {"id": str(row.id)})
    return row.id


def approve_decision(session: Session, decision: UUID, operator: Operator, *, at: datetime) -> None:
    """Let a decision have its effect.

    Raises
    ------
    Rejected, Conflict
        ``not_found``; ``same_person``; ``wrong_state``, where it was approved before.
    """
    row = session.get(DecisionRow, decision, with_for_update=True)
    if row is None:
        raise Rejected("not_found", what="decision", name=str(decision))
    if row.approver is not None:
        raise Conflict("wrong_state", state="approved", needed="proposed")
    rules.check_second_person(row.author, operator.name)
    row.approver, row.approved_at = operator.name, at
    session.flush()
    _record(session, operator, "score.decision_approved", f"retailer:{row.retailer}", at, {"id": str(row.id)})


def _policy_authors(session: Session, row: ScoreRun, stands: queries.Run | None) -> list[str]:
    """Return who wrote the run's policy, where the scores in force count by another one."""
    if row.policy_version is None or (stands is not None and stands.policy_version == row.policy_version):
        return []
    policy = queries.policy(session, row.policy_version)
    return [] if policy is None else [policy.author]


def _hold(session: Session) -> None:
    """Let one run be asked for or published at a time."""
    session.execute(select(func.pg_advisory_xact_lock(func.hashtextextended("scores", 0))))


def _record(
    session: Session, operator: Operator, action: str, subject: str, at: datetime, detail: dict[str, Any]
) -> None:
    audit.record(session, actor=Actor("operator", operator.name), action=action, subject=subject, at=at, detail=detail)

"""What can be done with scores. Nothing here commits, and nothing here loads the scoring library."""

from datetime import date, datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from contract.errors import Conflict, Rejected
from contract.ids import uuid7
from server.forecasts import queries as forecasts
from server.forecasts import service as forecast_service
from server.kit import audit, computations, jobs
from server.kit.fields import Field, Text
from server.kit.identity import Operator
from server.kit.marking import N_
from server.scores import appeal_queries, facts, queries, rules
from server.scores.appeal_rules import APPEAL_DAYS, APPEAL_DAYS_LEAST, APPEAL_DAYS_MOST, end_of
from server.scores.models import ScoreRun

TASK: Final = "scores.make"
TELL: Final = "scores.tell"
TELL_SHOPS: Final = "scores.tell_shops"
UTC_ZONE: Final = ZoneInfo("UTC")
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
    policy, stands = queries.policy(session), queries.in_force(session)
    forecast = forecasts.version(session, state="done")
    row = ScoreRun(
        policy_version=None if policy is None else policy.version,
        as_of=today.replace(day=1),
        forecast_number=None if forecast is None else forecast.number,
        previous=None if stands is None else stands.number,
    )
    return _ask(session, row, operator, at)


def ask_correction(session: Session, number: int, operator: Operator, *, at: datetime) -> int:
    """Have the scores in force computed anew, as they were but from the figures as corrected; return the new number.

    Day, policy and the tiers it starts from are those of the corrected run, so that nobody moves twice.

    Raises
    ------
    Rejected, Conflict
        ``not_found``; ``scores_replaced``, where others are in force; ``nothing_to_correct``, where no upheld appeal
        corrected a figure since; ``wrong_state``, while another run is being computed.
    """
    _hold(session)
    found = queries.run(session, number)
    if found is None:
        raise Rejected("not_found", what="score run", name=str(number))
    stands = queries.in_force(session)
    if stands is None or stands.number != number:
        raise Conflict("scores_replaced", run=number)
    if not appeal_queries.corrected_since(session, number, found.asked_at):
        raise Conflict("nothing_to_correct", run=number)
    row = ScoreRun(
        policy_version=found.policy_version,
        as_of=found.as_of,
        forecast_number=found.forecast_number,
        previous=found.previous,
        corrects=number,
    )
    return _ask(session, row, operator, at)


def stop_run(session: Session, number: int, operator: Operator, *, at: datetime) -> None:
    """Stop a run that is not computed yet.

    Raises
    ------
    Rejected, Conflict
        ``not_found``; ``wrong_state``, where it is over.
    """
    run = session.scalar(select(ScoreRun.id).where(ScoreRun.number == number))
    if run is None:
        raise Rejected("not_found", what="score run", name=str(number))
    computations.stop(session, ScoreRun, run, f"score:{number}", by=operator, at=at)


def publish_run(
    session: Session,
    number: int,
    operator: Operator,
    *,
    at: datetime,
    appeal_days: int = APPEAL_DAYS,
    zone: ZoneInfo = UTC_ZONE,
) -> queries.Run:
    """Put a draft in force: from now on the freeze takes weights and tiers from it; the shops are told.

    Appeals are taken for ``appeal_days`` whole days after today's in ``zone``.

    Raises
    ------
    Rejected, Conflict
        ``not_found``; ``same_person``, where the one who asked for the run tries, or who wrote the policy by which
        it counts and no run in force has counted; ``wrong_state``, where it is no draft; ``changed_meanwhile``, where
        other scores are in force than those it was computed on or corrects; ``appeal_days``, where the period is too
        short or too long.
    """
    _hold(session)
    row = session.scalars(select(ScoreRun).where(ScoreRun.number == number).with_for_update()).one_or_none()
    if row is None:
        raise Rejected("not_found", what="score run", name=str(number))
    if row.state != "draft":
        raise Conflict("wrong_state", state=row.state, needed="draft")
    if not APPEAL_DAYS_LEAST <= appeal_days <= APPEAL_DAYS_MOST:
        raise Rejected("appeal_days", least=APPEAL_DAYS_LEAST, most=APPEAL_DAYS_MOST)
    stands = queries.in_force(session)
    for first in (row.asked_by, *_policy_authors(session, row, stands)):
        rules.check_second_person(first, operator.name)
    if (None if stands is None else stands.number) != queries.run_of(row).replaces:
        raise Conflict("changed_meanwhile", name="score")
    row.state, row.published_by, row.published_at = "published", operator.name, at
    row.appeals_close_at, row.zone = end_of(at, appeal_days, zone), zone.key
    session.flush()
    jobs.defer(session, TELL, {"number": number}, queue=jobs.SOLVING, lock="scores")
    detail = {"score_version": row.score_version, "corrects": row.corrects, "appeal_days": appeal_days}
    _record(session, operator, "score.published", f"score:{number}", at, detail)
    return queries.run_of(row)


def _ask(session: Session, row: ScoreRun, operator: Operator, at: datetime) -> int:
    """Queue a run; the caller holds the scores."""
    row.history_number = history_of(session, row.as_of)
    under_way = session.scalar(select(ScoreRun.number).where(ScoreRun.state.in_(("waiting", "working"))))
    if under_way is not None:
        raise Conflict("wrong_state", state="working", needed="draft")
    row.facts_number = facts.newest(session)
    row.id, row.asked_by, row.asked_at, row.state, row.retailers = uuid7(), operator.name, at, "waiting", 0
    session.add(row)
    session.flush()
    jobs.defer(session, TASK, {"run": str(row.id)}, queue=jobs.SOLVING, lock="scores")
    detail = {
        "as_of": row.as_of.isoformat(),
        "policy": row.policy_version,
        "history_number": row.history_number,
        "corrects": row.corrects,
    }
    _record(session, operator, "score.asked", f"score:{row.number}", at, detail)
    return row.number


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
    audit.record(session, actor=operator.actor, action=action, subject=subject, at=at, detail=detail)

"""Reads of scores."""

from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Literal, cast
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import ARRAY, String, any_, literal, select
from sqlalchemy.orm import Session

from server.scores import decision_queries
from server.scores.appeal_rules import last_day
from server.scores.models import ScorePolicyRow, ScoreRow, ScoreRun
from server.scores.rules import Held, Placed, Standing, Status, standing_on

State = Literal["waiting", "working", "draft", "published", "failed", "stopped"]


@dataclass(frozen=True)
class Policy:
    """One version of the score policy."""

    version: int
    text: str
    text_sha256: str
    author: str
    reason: str
    created_at: datetime


@dataclass(frozen=True)
class Run:
    """One scoring of all retailers; see :class:`server.scores.models.ScoreRun`."""

    id: UUID
    number: int
    policy_version: int | None
    as_of: date
    history_number: int
    facts_number: int
    forecast_number: int | None
    previous: int | None
    asked_by: str
    asked_at: datetime
    state: State
    retailers: int
    score_version: str | None
    certificate: dict[str, Any] | None
    guards: dict[str, Any] | None
    trouble: str | None
    done_at: datetime | None
    published_by: str | None
    published_at: datetime | None
    corrects: int | None
    appeals_close_at: datetime | None
    zone: str | None
    stopped_by: str | None

    @property
    def appeals_until(self) -> date | None:
        """The last day on which appeals are taken, in the zone of the publication."""
        if self.appeals_close_at is None or self.zone is None:
            return None
        return last_day(self.appeals_close_at, ZoneInfo(self.zone))

    @property
    def replaces(self) -> int | None:
        """The run that must be in force for this one to be published."""
        return self.previous if self.corrects is None else self.corrects


@dataclass(frozen=True)
class Score:
    """A retailer in a run; ``parts`` are its rows of ``breakdown.csv``."""

    run: int
    as_of: date
    published_at: datetime | None
    retailer: str
    score_milli: int
    compared_with: str
    rank: int
    peers: int
    previous_tier: int | None
    earned_tier: int
    tier: int
    weight: int
    status: Status
    parts: tuple[dict[str, str], ...]


def policy(session: Session, version: int | None = None) -> Policy | None:
    """Return a version of the score policy, the newest where none is named; none where there is none."""
    query = select(ScorePolicyRow).order_by(ScorePolicyRow.version.desc()).limit(1)
    if version is not None:
        query = query.where(ScorePolicyRow.version == version)
    row = session.scalars(query).one_or_none()
    return None if row is None else _policy(row)


def policies(session: Session) -> list[Policy]:
    """Return every version of the score policy, the newest first."""
    return [_policy(row) for row in session.scalars(select(ScorePolicyRow).order_by(ScorePolicyRow.version.desc()))]


def run(session: Session, number: int) -> Run | None:
    """Return the run of a number, or none."""
    row = session.scalars(
        select(ScoreRun).where(ScoreRun.number == number).execution_options(populate_existing=True)
    ).one_or_none()
    return None if row is None else run_of(row)


def runs(session: Session, limit: int = 50, *, before: int | None = None) -> list[Run]:
    """Return the newest runs, the last first, below the number ``before`` where it is named."""
    query = select(ScoreRun).order_by(ScoreRun.number.desc()).limit(limit)
    return [run_of(row) for row in session.scalars(query if before is None else query.where(ScoreRun.number < before))]


def in_force(session: Session, *, on: datetime | None = None) -> Run | None:
    """Return the run that was published last, at an instant where it is named, or none."""
    published = [ScoreRun.state == "published", *([] if on is None else [ScoreRun.published_at <= on])]
    row = session.scalars(
        select(ScoreRun).where(*published).order_by(ScoreRun.published_at.desc(), ScoreRun.number.desc()).limit(1)
    ).one_or_none()
    return None if row is None else run_of(row)


def published_as(session: Session, score_version: str) -> Run | None:
    """Return the run that was published last with this version, as a frozen cycle names it; or none."""
    row = session.scalars(
        select(ScoreRun)
        .where(ScoreRun.state == "published", ScoreRun.score_version == score_version)
        .order_by(ScoreRun.published_at.desc(), ScoreRun.number.desc())
        .limit(1)
    ).one_or_none()
    return None if row is None else run_of(row)


def standings(
    session: Session,
    found: Run | None,
    retailers: Collection[str],
    day: date,
    own: Mapping[str, tuple[int, int]] | None = None,
) -> dict[str, Standing]:
    """Return what counts on ``day`` of those retailers that a published run has scored.

    Of the others, or of all where none was published, it is told what decisions make of their ``own`` tier and weight,
    where those are given.
    """
    table: list[int] = [] if found is None else (found.certificate or {})["policy"]["tier_weights"]
    placed = {code: Placed(tier, tier, weight, "scored") for code, (tier, weight) in (own or {}).items()}
    if found is not None:
        rows = session.execute(
            select(ScoreRow.retailer, ScoreRow.earned_tier, ScoreRow.tier, ScoreRow.weight, ScoreRow.status).where(
                ScoreRow.run == found.id, ScoreRow.retailer == any_(literal(list(retailers), ARRAY(String)))
            )
        )
        for code, earned, tier, weight, status in rows:
            placed[code] = Placed(earned, tier, weight, cast("Status", status))
    decided: dict[str, list[Held]] = defaultdict(list)
    for one in decision_queries.decisions(session, retailers, approved=True):
        decided[one.retailer].append(Held(one.decision, one.tier, one.since, one.holds_until, one.reason))
    return {code: standing_on(one, decided[code], table, day) for code, one in placed.items()}


def scores(
    session: Session,
    found: Run,
    *,
    retailers: Collection[str] | None = None,
    offset: int = 0,
    limit: int | None = None,
) -> list[Score]:
    """Return a run's retailers, some of them where they are named, the highest score first."""
    query = select(ScoreRow).where(ScoreRow.run == found.id)
    if retailers is not None:
        query = query.where(ScoreRow.retailer == any_(literal(list(retailers), ARRAY(String))))
    rows = session.scalars(
        query.order_by(ScoreRow.score_milli.desc(), ScoreRow.retailer.collate("C")).offset(offset).limit(limit)
    )
    return [_score(row, found.number, found.as_of, found.published_at) for row in rows]


def scores_of(session: Session, retailer: str, *, limit: int = 60) -> list[Score]:
    """Return a retailer's published scores, the newest first."""
    rows = session.execute(
        select(ScoreRow, ScoreRun.number, ScoreRun.as_of, ScoreRun.published_at)
        .join(ScoreRun, ScoreRun.id == ScoreRow.run)
        .where(ScoreRow.retailer == retailer, ScoreRun.state == "published")
        .order_by(ScoreRun.published_at.desc(), ScoreRun.number.desc())
        .limit(limit)
    )
    return [_score(*row) for row in rows]


def score(session: Session, found: Run, retailer: str) -> Score | None:
    """Return one retailer of a run, or none."""
    row = session.get(ScoreRow, (found.id, retailer))
    return None if row is None else _score(row, found.number, found.as_of, found.published_at)


def earned_tiers(session: Session, number: int) -> dict[str, int]:
    """Return the tier that each retailer earned in a run."""
    rows = session.execute(
        select(ScoreRow.retailer, ScoreRow.earned_tier)
        .join(ScoreRun, ScoreRun.id == ScoreRow.run)
        .where(ScoreRun.number == number)
    )
    return {row.retailer: row.earned_tier for row in rows}


def run_of(row: ScoreRun) -> Run:
    """Return a row as others see it."""
    return Run(
        row.id,
        row.number,
        row.policy_version,
        row.as_of,
        row.history_number,
        row.facts_number,
        row.forecast_number,
        row.previous,
        row.asked_by,
        row.asked_at,
        cast("State", row.state),
        row.retailers,
        row.score_version,
        row.certificate,
        row.guards,
        row.trouble,
        row.done_at,
        row.published_by,
        row.published_at,
        row.corrects,
        row.appeals_close_at,
        row.zone,
        row.stopped_by,
    )


def _score(row: ScoreRow, number: int, as_of: date, published_at: datetime | None) -> Score:
    return Score(
        number,
        as_of,
        published_at,
        row.retailer,
        row.score_milli,
        row.compared_with,
        row.rank,
        row.peers,
        row.previous_tier,
        row.earned_tier,
        row.tier,
        row.weight,
        cast("Status", row.status),
        tuple(row.parts),
    )


def _policy(row: ScorePolicyRow) -> Policy:
    return Policy(row.version, row.text, row.text_sha256, row.author, row.reason, row.created_at)

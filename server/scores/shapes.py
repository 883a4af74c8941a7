"""What the JSON interface of scores takes and gives, and how our own views become that."""

from datetime import date, datetime
from typing import Any
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from allocation.scoring.policy import COMPONENTS
from server.scores import decision_queries, queries
from server.scores.rules import DecisionKind


class Body(BaseModel):
    """Base of what is sent here: unknown fields are refused, so that a slip of the pen is not lost."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class NewScorePolicy(Body):
    """A version of the score policy: TOML as ``score.toml``."""

    text: str
    reason: str


class NewDecision(Body):
    """A decision on a retailer from the day ``since`` to the day before ``until``."""

    retailer: str
    decision: DecisionKind
    tier: int | None = Field(default=None, description="the best tier that a lowered retailer may have")
    since: date
    until: date
    reason: str


class NewEnd(Body):
    """That a decision holds no longer from a day on."""

    ends: date
    reason: str


class Asked(BaseModel):
    """The number of a run."""

    number: int


class Proposed(BaseModel):
    """The id of a decision."""

    id: UUID


class ScorePolicyStatus(BaseModel):
    """One version of the score policy; without a version it is the default one."""

    version: int | None
    text: str
    text_sha256: str | None
    author: str | None
    reason: str | None
    created_at: datetime | None


class RunLine(BaseModel):
    """A run in a list."""

    number: int
    state: queries.State
    as_of: date
    policy_version: int | None
    forecast_number: int | None
    previous: int | None
    corrects: int | None
    asked_by: str
    asked_at: datetime
    retailers: int
    score_version: str | None
    trouble: str | None
    published_by: str | None
    published_at: datetime | None
    appeals_until: date | None


class RunStatus(RunLine):
    """A run with what it says of itself; ``absent`` are the components of which nothing is known."""

    components: list[str]
    absent: list[str]
    certificate: dict[str, Any] | None
    guards: dict[str, Any] | None


class ScoreStatus(BaseModel):
    """A retailer in a run; ``parts`` are its rows of ``breakdown.csv``."""

    run: int
    as_of: date
    retailer: str
    score: float
    compared_with: str
    rank: int
    peers: int
    previous_tier: int | None
    earned_tier: int
    tier: int
    weight: int
    status: str
    parts: list[dict[str, str]]


class EndStatus(BaseModel):
    """That a decision ends early; without an approver it has no effect."""

    id: UUID
    ends: date
    reason: str
    author: str
    approver: str | None
    withdrawn_by: str | None
    appeal: UUID | None


class DecisionStatus(BaseModel):
    """A decision; without an approver it has no effect. It holds until ``holds_until``, early ends included."""

    id: UUID
    retailer: str
    decision: DecisionKind
    tier: int | None
    since: date
    until: date
    reason: str
    author: str
    approver: str | None
    withdrawn_by: str | None
    holds_until: date
    ends: list[EndStatus]


def line_of(run: queries.Run) -> RunLine:
    """Return a run for a list."""
    return RunLine(**{name: getattr(run, name) for name in RunLine.model_fields})


def run_of(run: queries.Run) -> RunStatus:
    """Return a run with its certificate."""
    certificate = run.certificate or {}
    return RunStatus(
        **line_of(run).model_dump(),
        components=[name for name in COMPONENTS if name in certificate.get("components", ())],
        absent=[name for name in COMPONENTS if name in certificate.get("absent", ())],
        certificate=run.certificate,
        guards=run.guards,
    )


def score_of(score: queries.Score) -> ScoreStatus:
    """Return a retailer's score in points."""
    given = {name: getattr(score, name) for name in ScoreStatus.model_fields if name not in {"score", "parts"}}
    return ScoreStatus(score=score.score_milli / 1000, parts=list(score.parts), **given)


def decision_of(decision: decision_queries.Decision) -> DecisionStatus:
    """Return a decision with its early ends."""
    ends = [EndStatus(**{name: getattr(end, name) for name in EndStatus.model_fields}) for end in decision.ends]
    plain = (name for name in DecisionStatus.model_fields if name != "ends")
    return DecisionStatus(ends=ends, **{name: getattr(decision, name) for name in plain})


def policy_of(policy: queries.Policy) -> ScorePolicyStatus:
    """Return a version of the score policy."""
    return ScorePolicyStatus(**{name: getattr(policy, name) for name in ScorePolicyStatus.model_fields})

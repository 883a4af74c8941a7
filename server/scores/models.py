"""Tables of scores. Scores are thousandths of a point; a run's rows are written once and never changed."""

from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Identity, Index, LargeBinary
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from server.kit import computations
from server.kit.computations import Computation
from server.kit.db import Base, portions

_HEX_64 = "~ '^[0-9a-f]{64}$'"
_FACTS = "facts IN ('deliveries', 'payments', 'inspections', 'service', 'assortment')"


class ScorePolicyRow(Base):
    """One version of the score policy: TOML as the scoring library reads it."""

    __tablename__ = "score_policies"
    __append_only__ = True
    __table_args__ = (CheckConstraint(f"text_sha256 {_HEX_64}", name="sha256"),)

    version: Mapped[int] = mapped_column(Identity(always=True), primary_key=True)
    text: Mapped[str]
    text_sha256: Mapped[str]
    author: Mapped[str]
    reason: Mapped[str]
    created_at: Mapped[datetime]


class FactRow(Base):
    """What is known of a retailer's month by now, by the scoring library's table.

    ``part`` of ``whole`` is what counts well, such as accepted deliveries of all deliveries.
    """

    __tablename__ = "score_facts"
    __table_args__ = (
        CheckConstraint(_FACTS, name="facts"),
        CheckConstraint("EXTRACT(day FROM period) = 1", name="month"),
        CheckConstraint("part BETWEEN 0 AND whole", name="part"),
        Index("ix_score_facts_period", "facts", "period", "retailer", "changed_at"),
    )
    __party__ = "retailer"

    facts: Mapped[str] = mapped_column(primary_key=True)
    retailer: Mapped[str] = mapped_column(ForeignKey("retailers.code"), primary_key=True)
    period: Mapped[date] = mapped_column(primary_key=True)
    whole: Mapped[int] = mapped_column(BigInteger)
    part: Mapped[int] = mapped_column(BigInteger)
    source: Mapped[str]
    changed_at: Mapped[datetime]


class FactVersion(Base):
    """Every figure that a fact ever had; what counts at a moment is the newest number up to then.

    ``told`` names what changed a figure that is counted, once, such as a delivery.
    """

    __tablename__ = "score_fact_versions"
    __append_only__ = True
    __table_args__ = (
        CheckConstraint(_FACTS, name="facts"),
        CheckConstraint("EXTRACT(day FROM period) = 1", name="month"),
        CheckConstraint("part BETWEEN 0 AND whole", name="part"),
        Index("ix_score_fact_versions_cell", "facts", "retailer", "period", "number"),
    )
    __party__ = "retailer"

    number: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    facts: Mapped[str]
    retailer: Mapped[str] = mapped_column(ForeignKey("retailers.code"))
    period: Mapped[date]
    whole: Mapped[int] = mapped_column(BigInteger)
    part: Mapped[int] = mapped_column(BigInteger)
    source: Mapped[str]
    by: Mapped[str]
    told: Mapped[str | None] = mapped_column(unique=True)
    at: Mapped[datetime]


class TakenSku(Base):
    """A SKU of which a retailer accepted something in a month; ``number`` is the version of the first delivery."""

    __tablename__ = "score_taken_skus"
    __append_only__ = True
    __table_args__ = (CheckConstraint("EXTRACT(day FROM period) = 1", name="month"),)
    __party__ = "retailer"

    retailer: Mapped[str] = mapped_column(ForeignKey("retailers.code"), primary_key=True)
    period: Mapped[date] = mapped_column(primary_key=True)
    sku: Mapped[str] = mapped_column(ForeignKey("skus.sku"), primary_key=True)
    number: Mapped[int] = mapped_column(ForeignKey("score_fact_versions.number"))


class DecisionRow(Base):
    """A dated decision of two persons on a retailer; it has no effect before the second one approved it.

    ``told`` is how it stood when the retailer was last told of it; empty before that.
    """

    __tablename__ = "score_decisions"
    __table_args__ = (
        CheckConstraint("decision IN ('suspended', 'lowered')", name="decision"),
        CheckConstraint("(decision = 'lowered') = (tier IS NOT NULL)", name="tier"),
        CheckConstraint("tier > 0", name="tier_number"),
        CheckConstraint("until > since", name="span"),
        CheckConstraint("approver IS DISTINCT FROM author OR approver IS NULL", name="two_persons"),
        CheckConstraint("(approver IS NULL) = (approved_at IS NULL)", name="approved"),
        CheckConstraint("(withdrawn_by IS NULL) = (withdrawn_at IS NULL)", name="withdrawn"),
        CheckConstraint("approver IS NULL OR withdrawn_by IS NULL", name="one_end"),
        CheckConstraint("told IN ('', 'coming', 'holding', 'over')", name="told"),
        Index("ix_score_decisions_retailer", "retailer"),
        Index("ix_score_decisions_running", "since", postgresql_where="approver IS NOT NULL AND told != 'over'"),
    )
    __party__ = "retailer"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    retailer: Mapped[str] = mapped_column(ForeignKey("retailers.code"))
    decision: Mapped[str]
    tier: Mapped[int | None]
    since: Mapped[date]
    until: Mapped[date]
    reason: Mapped[str]
    author: Mapped[str]
    proposed_at: Mapped[datetime]
    approver: Mapped[str | None]
    approved_at: Mapped[datetime | None]
    withdrawn_by: Mapped[str | None]
    withdrawn_at: Mapped[datetime | None]
    told: Mapped[str] = mapped_column(server_default="")


class DecisionEndRow(Base):
    """That a decision holds no longer from the day ``ends`` on: a row of two persons beside it, never an edit of it."""

    __tablename__ = "score_decision_ends"
    __table_args__ = (
        CheckConstraint("approver IS DISTINCT FROM author OR approver IS NULL", name="two_persons"),
        CheckConstraint("(approver IS NULL) = (approved_at IS NULL)", name="approved"),
        CheckConstraint("(withdrawn_by IS NULL) = (withdrawn_at IS NULL)", name="withdrawn"),
        CheckConstraint("approver IS NULL OR withdrawn_by IS NULL", name="one_end"),
        Index(
            "uq_score_decision_ends_open",
            "decision",
            unique=True,
            postgresql_where="approver IS NULL AND withdrawn_by IS NULL",
        ),
        Index("ix_score_decision_ends_retailer", "retailer"),
    )
    __party__ = "retailer"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    decision: Mapped[UUID] = mapped_column(ForeignKey("score_decisions.id"))
    retailer: Mapped[str] = mapped_column(ForeignKey("retailers.code"))
    ends: Mapped[date]
    reason: Mapped[str]
    author: Mapped[str]
    proposed_at: Mapped[datetime]
    approver: Mapped[str | None]
    approved_at: Mapped[datetime | None]
    withdrawn_by: Mapped[str | None]
    withdrawn_at: Mapped[datetime | None]
    appeal: Mapped[UUID | None] = mapped_column(ForeignKey("score_appeals.id"))


class AppealRow(Base):
    """A retailer says that its score in a run is wrong; an empty ``component`` is the whole score.

    ``answer_until`` is the last day for an answer. It is settled once its answer counts.
    """

    __tablename__ = "score_appeals"
    __table_args__ = (
        CheckConstraint("state IN ('received', 'looked_at', 'proposed', 'upheld', 'dismissed')", name="state"),
        CheckConstraint("(state = 'received') = (owner IS NULL)", name="owner"),
        CheckConstraint("(state IN ('upheld', 'dismissed')) = (settled_at IS NOT NULL)", name="settled"),
        CheckConstraint("figure >= 0", name="figure"),
        Index(
            "uq_score_appeals_open",
            "retailer",
            "run",
            "component",
            unique=True,
            postgresql_where="state IN ('received', 'looked_at', 'proposed')",
        ),
        Index("ix_score_appeals_state", "state", "answer_until"),
        Index("ix_score_appeals_run", "run"),
    )
    __party__ = "retailer"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    number: Mapped[int] = mapped_column(BigInteger, Identity(always=True), unique=True)
    retailer: Mapped[str] = mapped_column(ForeignKey("retailers.code"))
    run: Mapped[int] = mapped_column(BigInteger, ForeignKey("score_runs.number"))
    component: Mapped[str]
    words: Mapped[str]
    figure: Mapped[int | None] = mapped_column(BigInteger)
    by: Mapped[str]
    at: Mapped[datetime]
    answer_until: Mapped[date]
    state: Mapped[str]
    owner: Mapped[str | None]
    settled_at: Mapped[datetime | None]


class AppealAnswerRow(Base):
    """One answer to an appeal with the published figures it stands on, and what it changes.

    One that upholds the appeal counts once a second person approved it; that person may hand it back instead.
    """

    __tablename__ = "score_appeal_answers"
    __table_args__ = (
        CheckConstraint("verdict IN ('upheld', 'dismissed')", name="verdict"),
        CheckConstraint("(verdict = 'upheld') = (remedy IS NOT NULL)", name="remedy"),
        CheckConstraint("answer_zh != '' OR answer_en != ''", name="answer"),
        CheckConstraint("approver IS DISTINCT FROM author OR approver IS NULL", name="two_persons"),
        CheckConstraint("(approver IS NULL) = (approved_at IS NULL)", name="approved"),
        CheckConstraint("num_nulls(returned_by, returned_at, returned_why) IN (0, 3)", name="returned"),
        CheckConstraint("approver IS NULL OR returned_by IS NULL", name="one_end"),
        Index("ix_score_appeal_answers_appeal", "appeal"),
    )
    __party__ = "retailer"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    appeal: Mapped[UUID] = mapped_column(ForeignKey("score_appeals.id"))
    retailer: Mapped[str] = mapped_column(ForeignKey("retailers.code"))
    verdict: Mapped[str]
    answer_zh: Mapped[str]
    answer_en: Mapped[str]
    figures: Mapped[list[Any]]
    remedy: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))
    author: Mapped[str]
    at: Mapped[datetime]
    approver: Mapped[str | None]
    approved_at: Mapped[datetime | None]
    returned_by: Mapped[str | None]
    returned_at: Mapped[datetime | None]
    returned_why: Mapped[str | None]


class CorrectionRow(Base):
    """One figure that an upheld appeal corrected: what stood before, what stands now, why and by whom."""

    __tablename__ = "score_corrections"
    __append_only__ = True
    __table_args__ = (
        CheckConstraint("approver != author", name="two_persons"),
        CheckConstraint("EXTRACT(day FROM period) = 1", name="month"),
        Index("ix_score_corrections_appeal", "appeal"),
    )
    __party__ = "retailer"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    appeal: Mapped[UUID] = mapped_column(ForeignKey("score_appeals.id"))
    retailer: Mapped[str] = mapped_column(ForeignKey("retailers.code"))
    facts: Mapped[str]
    product_class: Mapped[str]
    period: Mapped[date]
    before: Mapped[dict[str, Any]]
    after: Mapped[dict[str, Any]]
    reason: Mapped[str]
    author: Mapped[str]
    approver: Mapped[str]
    at: Mapped[datetime]


class ScoreRun(Computation, Base):
    """One scoring of all retailers: a draft when it is computed, a version in force once a second person published it.

    ``previous`` is the number of the run that was in force when this one was asked for, ``history_number`` the newest
    figure of the demand history that it may use, ``facts_number`` the newest fact, ``forecast_number`` the newest
    forecast version then; without ``policy_version`` the library's default policy counted. ``files`` are what it was
    computed from, what it came to, and the scores before it, as an archive that a stranger can check. One that
    ``corrects`` another is computed like that one from the figures as they stand by now. Appeals are taken before
    ``appeals_close_at``, midnight in ``zone``.
    """

    __tablename__ = "score_runs"
    __table_args__ = (
        *computations.checks("draft", "published"),
        CheckConstraint("(state IN ('draft', 'published')) = (score_version IS NOT NULL)", name="scored"),
        CheckConstraint(
            "num_nulls(score_version, certificate, guards, files) IN (0, 4)",
            name="whole",
        ),
        CheckConstraint("(state = 'published') = (published_by IS NOT NULL)", name="published"),
        CheckConstraint("(published_by IS NULL) = (published_at IS NULL)", name="published_at"),
        CheckConstraint(
            "(published_by IS NULL) = (appeals_close_at IS NULL) AND (published_by IS NULL) = (zone IS NULL)",
            name="appeals",
        ),
        CheckConstraint("appeals_close_at > published_at", name="appeal_period"),
        CheckConstraint("published_by IS DISTINCT FROM asked_by OR published_by IS NULL", name="two_persons"),
        CheckConstraint(f"score_version {_HEX_64}", name="score_version"),
        Index("uq_score_runs_under_way", "under_way", unique=True, postgresql_where="state IN ('waiting', 'working')"),
        Index("ix_score_runs_published", "published_at"),
    )

    number: Mapped[int] = mapped_column(BigInteger, Identity(always=True), unique=True)
    policy_version: Mapped[int | None] = mapped_column(ForeignKey("score_policies.version"))
    as_of: Mapped[date]
    history_number: Mapped[int] = mapped_column(BigInteger)
    facts_number: Mapped[int] = mapped_column(BigInteger)
    forecast_number: Mapped[int | None] = mapped_column(BigInteger)
    previous: Mapped[int | None] = mapped_column(ForeignKey("score_runs.number"))
    corrects: Mapped[int | None] = mapped_column(ForeignKey("score_runs.number"))
    under_way: Mapped[bool] = mapped_column(server_default="true")
    retailers: Mapped[int]
    score_version: Mapped[str | None]
    certificate: Mapped[dict[str, Any] | None]
    guards: Mapped[dict[str, Any] | None]
    files: Mapped[bytes | None] = mapped_column(LargeBinary, deferred=True)
    published_by: Mapped[str | None]
    published_at: Mapped[datetime | None]
    appeals_close_at: Mapped[datetime | None]
    zone: Mapped[str | None]


class ScoreRow(Base):
    """A retailer in a run. ``parts`` are its rows of ``breakdown.csv``, by the names of the columns."""

    __tablename__ = "score_rows"
    __append_only__ = True
    __table_args__ = (
        CheckConstraint("status IN ('scored', 'lowered', 'suspended')", name="status"),
        CheckConstraint("score_milli BETWEEN 0 AND 1000000", name="score"),
        CheckConstraint("tier > 0 AND earned_tier > 0 AND previous_tier > 0", name="tiers"),
        CheckConstraint("weight >= 0", name="weight"),
        Index("ix_score_rows_retailer", "retailer", "run"),
    )
    __party__ = "retailer"
    __ddl__ = portions("score_rows", "run")

    run: Mapped[UUID] = mapped_column(ForeignKey("score_runs.id"), primary_key=True)
    retailer: Mapped[str] = mapped_column(ForeignKey("retailers.code"), primary_key=True)
    market_type: Mapped[str]
    score_milli: Mapped[int]
    compared_with: Mapped[str]
    rank: Mapped[int]
    peers: Mapped[int]
    previous_tier: Mapped[int | None]
    earned_tier: Mapped[int]
    tier: Mapped[int]
    weight: Mapped[int]
    status: Mapped[str]
    parts: Mapped[list[Any]]

"""Tables of surveys."""

from datetime import datetime
from typing import Any, ClassVar
from uuid import UUID

from sqlalchemy import (
    ARRAY,
    BigInteger,
    CheckConstraint,
    ForeignKey,
    ForeignKeyConstraint,
    Identity,
    Index,
    String,
    UniqueConstraint,
)
from sqlalchemy import (
    text as sql,
)
from sqlalchemy.orm import Mapped, mapped_column

from server.kit.db import Base


class SurveyRow(Base):
    """One survey. ``questions`` are :class:`contract.feed.Question` as JSON, ``audience`` an Audience of retailers.

    ``opened_at`` is when the terminals were told; ``revision`` counts the changes of a draft. ``sample`` and
    ``plausible`` are those of the draft as JSON; ``round`` counts the rounds of a series, from 1.
    """

    __tablename__ = "surveys"
    __table_args__ = (
        CheckConstraint("closes_at > opens_at", name="span"),
        CheckConstraint("state IN ('draft', 'published', 'closed')", name="state"),
        CheckConstraint("(state = 'draft') = (published_at IS NULL)", name="published"),
        CheckConstraint("opened_at IS NULL OR published_at IS NOT NULL", name="opened"),
        CheckConstraint("(state = 'closed') = (closed_at IS NOT NULL)", name="closed"),
        CheckConstraint("revision > 0", name="revision"),
        CheckConstraint("sort IN ('survey', 'market')", name="sort"),
        CheckConstraint("grace_h >= 0 AND quota > 0 AND every_days > 0 AND remind_h > 0", name="plan"),
        CheckConstraint("NOT anonymous OR sort = 'survey'", name="anonymous"),
        CheckConstraint("every_days IS NULL OR series IS NOT NULL", name="series"),
        Index("ix_surveys_series", "series", "number"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    number: Mapped[int] = mapped_column(BigInteger, Identity(always=True), unique=True)
    sort: Mapped[str] = mapped_column(server_default="survey")
    series: Mapped[str | None]
    round: Mapped[int] = mapped_column(server_default="1")
    every_days: Mapped[int | None]
    anonymous: Mapped[bool] = mapped_column(server_default=sql("false"))
    sample: Mapped[dict[str, Any]] = mapped_column(server_default=sql("'{}'"))
    quota: Mapped[int | None]
    grace_h: Mapped[int] = mapped_column(server_default="0")
    remind_h: Mapped[int | None]
    reminded_at: Mapped[datetime | None]
    plausible: Mapped[list[Any]] = mapped_column(server_default=sql("'[]'"))
    title_zh: Mapped[str]
    title_en: Mapped[str]
    intro_zh: Mapped[str]
    intro_en: Mapped[str]
    questions: Mapped[list[Any]]
    audience: Mapped[dict[str, Any]]
    opens_at: Mapped[datetime]
    closes_at: Mapped[datetime]
    state: Mapped[str]
    revision: Mapped[int]
    created_by: Mapped[str]
    created_at: Mapped[datetime]
    published_at: Mapped[datetime | None]
    opened_at: Mapped[datetime | None]
    closed_at: Mapped[datetime | None]


class InvitationRow(Base):
    """One retailer that is asked; written when the survey is published, so that the rate has its base."""

    __tablename__ = "survey_invitations"
    __append_only__ = True
    __party__ = "retailer"

    survey_id: Mapped[UUID] = mapped_column(ForeignKey("surveys.id"), primary_key=True)
    retailer: Mapped[str] = mapped_column(ForeignKey("retailers.code"), primary_key=True)
    stratum: Mapped[int] = mapped_column(server_default="0")


class StratumRow(Base):
    """A part of a survey's audience, fixed when it is published: of its ``shops`` so many were ``asked``.

    A shop's inclusion probability is asked of shops; an invitation names its stratum. ``answered`` counts towards the
    quota; the terminals of a part that is full were told at ``full_at``. At the close of an anonymous survey a part
    with few ballots is counted as part of ``pooled_into``.
    """

    __tablename__ = "survey_strata"
    __table_args__ = (CheckConstraint("asked BETWEEN 0 AND shops AND answered BETWEEN 0 AND asked", name="counts"),)

    survey_id: Mapped[UUID] = mapped_column(ForeignKey("surveys.id"), primary_key=True)
    place: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str]
    shops: Mapped[int]
    asked: Mapped[int]
    answered: Mapped[int] = mapped_column(server_default="0")
    full_at: Mapped[datetime | None]
    pooled_into: Mapped[int | None]


class AnswerSetRow(Base):
    """That a retailer answered: once. Of an anonymous survey, nothing of what it answered hangs on it."""

    __tablename__ = "survey_answer_sets"
    __append_only__ = True
    __table_args__ = (
        ForeignKeyConstraint(
            ["survey_id", "retailer"], ["survey_invitations.survey_id", "survey_invitations.retailer"]
        ),
        UniqueConstraint("retailer", "message_id"),
        Index("ix_survey_answer_sets_answered_at", "survey_id", "answered_at", "retailer"),
    )
    __party__ = "retailer"

    survey_id: Mapped[UUID] = mapped_column(primary_key=True)
    retailer: Mapped[str] = mapped_column(primary_key=True)
    number: Mapped[int] = mapped_column(BigInteger, Identity(always=True), unique=True)
    stratum: Mapped[int] = mapped_column(server_default="0")
    message_id: Mapped[UUID]
    device: Mapped[str]
    answered_at: Mapped[datetime]


class AnswerRow(Base):
    """The answer to one question, or to one row of it (``item``): choices, a number or a text. A text may be emptied.

    Photos are counted in ``number``; they stand with the message of the answer set. ``stratum`` is the invitation's.
    """

    __tablename__ = "survey_answers"
    __append_only__ = True
    __ddl__: ClassVar[tuple[str, ...]] = (
        """
        CREATE FUNCTION survey_answers_empty(emptied uuid[]) RETURNS bigint
        LANGUAGE sql SECURITY DEFINER SET search_path = public AS $$
            WITH done AS (
                UPDATE survey_answers SET text = '' WHERE survey_id = ANY (emptied) AND text <> '' RETURNING 1
            ), also AS (
                UPDATE survey_ballots SET text = '' WHERE survey_id = ANY (emptied) AND text <> '' RETURNING 1
            )
            SELECT (SELECT count(*) FROM done) + (SELECT count(*) FROM also)
        $$
        """,
    )
    __ddl_down__: ClassVar[tuple[str, ...]] = ("DROP FUNCTION survey_answers_empty(uuid[])",)
    __table_args__ = (
        ForeignKeyConstraint(
            ["survey_id", "retailer"], ["survey_answer_sets.survey_id", "survey_answer_sets.retailer"]
        ),
        CheckConstraint(
            "num_nonnulls(number, text) + CASE WHEN cardinality(choices) > 0 THEN 1 ELSE 0 END = 1", name="one_form"
        ),
        Index(
            "ix_survey_answers_figures",
            *("survey_id", "question", "item"),
            postgresql_include=["retailer", "stratum", "number"],
            postgresql_where=sql("number IS NOT NULL"),
        ),
    )
    __party__ = "retailer"

    survey_id: Mapped[UUID] = mapped_column(primary_key=True)
    retailer: Mapped[str] = mapped_column(primary_key=True)
    question: Mapped[str] = mapped_column(primary_key=True)
    item: Mapped[str] = mapped_column(primary_key=True, server_default="")
    stratum: Mapped[int] = mapped_column(server_default="0")
    choices: Mapped[list[str]] = mapped_column(ARRAY(String), server_default=sql("'{}'"))
    number: Mapped[int | None] = mapped_column(BigInteger)
    text: Mapped[str | None]


class BallotRow(Base):
    """An answer to an anonymous survey, after the mix. ``ballot`` is random: it joins one shop's answers, nothing else.

    No column here, and none that could be added to a row of the database, leads to the shop: no time, no number in a
    sequence, no order. Several ballots are written by one transaction, in an order drawn by lot.
    """

    __tablename__ = "survey_ballots"
    __append_only__ = True
    __table_args__ = (
        CheckConstraint(
            "num_nonnulls(number, text) + CASE WHEN cardinality(choices) > 0 THEN 1 ELSE 0 END = 1", name="one_form"
        ),
        Index("ix_survey_ballots_survey_id", "survey_id"),
    )

    ballot: Mapped[UUID] = mapped_column(primary_key=True)
    question: Mapped[str] = mapped_column(primary_key=True)
    item: Mapped[str] = mapped_column(primary_key=True)
    survey_id: Mapped[UUID] = mapped_column(ForeignKey("surveys.id"))
    stratum: Mapped[int]
    choices: Mapped[list[str]] = mapped_column(ARRAY(String))
    number: Mapped[int | None] = mapped_column(BigInteger)
    text: Mapped[str | None]


class UrnRow(Base):
    """The answers to an anonymous survey that wait to be mixed, as :class:`server.surveys.mixing.Ballot`; one row."""

    __tablename__ = "survey_urns"

    survey_id: Mapped[UUID] = mapped_column(ForeignKey("surveys.id"), primary_key=True)
    ballots: Mapped[list[Any]]


class ReviewRow(Base):
    """What a person said of a market figure that stood out. The newest counts; the figure itself stays as it came."""

    __tablename__ = "survey_reviews"
    __append_only__ = True
    __table_args__ = (
        ForeignKeyConstraint(
            ["survey_id", "retailer", "question", "item"],
            ["survey_answers.survey_id", "survey_answers.retailer", "survey_answers.question", "survey_answers.item"],
        ),
        CheckConstraint("verdict IN ('accepted', 'rejected')", name="verdict"),
        CheckConstraint("reason <> ''", name="reason"),
        Index("ix_survey_reviews_figure", "survey_id", "retailer", "question", "item"),
    )
    __party__ = "retailer"

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    survey_id: Mapped[UUID]
    retailer: Mapped[str]
    question: Mapped[str]
    item: Mapped[str]
    verdict: Mapped[str]
    reason: Mapped[str]
    by: Mapped[str]
    at: Mapped[datetime]

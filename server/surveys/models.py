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

    ``opened_at`` is when the terminals were told; ``revision`` counts the changes of a draft.
    """

    __tablename__ = "surveys"
    __table_args__ = (
        CheckConstraint("closes_at > opens_at", name="span"),
        CheckConstraint("state IN ('draft', 'published', 'closed')", name="state"),
        CheckConstraint("(state = 'draft') = (published_at IS NULL)", name="published"),
        CheckConstraint("opened_at IS NULL OR published_at IS NOT NULL", name="opened"),
        CheckConstraint("(state = 'closed') = (closed_at IS NOT NULL)", name="closed"),
        CheckConstraint("revision > 0", name="revision"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    number: Mapped[int] = mapped_column(BigInteger, Identity(always=True), unique=True)
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


class AnswerSetRow(Base):
    """That a retailer answered: once."""

    __tablename__ = "survey_answer_sets"
    __append_only__ = True
    __table_args__ = (
        ForeignKeyConstraint(
            ["survey_id", "retailer"], ["survey_invitations.survey_id", "survey_invitations.retailer"]
        ),
        UniqueConstraint("retailer", "message_id"),
        Index("ix_survey_answer_sets_answered_at", "survey_id", "answered_at"),
    )
    __party__ = "retailer"

    survey_id: Mapped[UUID] = mapped_column(primary_key=True)
    retailer: Mapped[str] = mapped_column(primary_key=True)
    number: Mapped[int] = mapped_column(BigInteger, Identity(always=True), unique=True)
    message_id: Mapped[UUID]
    device: Mapped[str]
    answered_at: Mapped[datetime]


class AnswerRow(Base):
    """One question's answer: choices, a number or a text, as the question's kind has it. A text may be emptied."""

    __tablename__ = "survey_answers"
    __append_only__ = True
    __ddl__: ClassVar[tuple[str, ...]] = (
        """
        CREATE FUNCTION survey_answers_empty(emptied uuid[]) RETURNS bigint
        LANGUAGE sql SECURITY DEFINER SET search_path = public AS $$
            WITH done AS (
                UPDATE survey_answers SET text = '' WHERE survey_id = ANY (emptied) AND text <> '' RETURNING 1
            )
            SELECT count(*) FROM done
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
    )
    __party__ = "retailer"

    survey_id: Mapped[UUID] = mapped_column(primary_key=True)
    retailer: Mapped[str] = mapped_column(primary_key=True)
    question: Mapped[str] = mapped_column(primary_key=True)
    choices: Mapped[list[str]] = mapped_column(ARRAY(String), server_default=sql("'{}'"))
    number: Mapped[int | None] = mapped_column(BigInteger)
    text: Mapped[str | None]

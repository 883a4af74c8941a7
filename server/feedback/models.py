"""Tables of feedback."""

from datetime import date, datetime
from typing import ClassVar
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Identity, Index
from sqlalchemy.orm import Mapped, mapped_column

from server.kit.db import Base


class FeedbackRow(Base):
    """One complaint, suggestion or question of a retailer. ``answer_until`` is the last day for an answer.

    ``zone`` is the one in which its days are counted; ``answered_at`` is when the answer that stands was given.
    """

    __tablename__ = "feedback"
    __table_args__ = (
        CheckConstraint("kind IN ('complaint', 'suggestion', 'question')", name="kind"),
        CheckConstraint(
            "category IN ('goods', 'delivery', 'grant', 'price', 'terminal', 'employee', 'other')", name="category"
        ),
        CheckConstraint("about_sort IN ('order', 'delivery', 'cycle', 'sku')", name="about"),
        CheckConstraint("(about_sort IS NULL) = (about_name IS NULL)", name="about_whole"),
        CheckConstraint("words != ''", name="words"),
        CheckConstraint("said_by IN ('owner', 'clerk')", name="said_by"),
        CheckConstraint("state IN ('received', 'looked_at', 'answered', 'closed')", name="state"),
        CheckConstraint("(state = 'received') = (owner IS NULL)", name="owner"),
        CheckConstraint("(state IN ('answered', 'closed')) = (answered_at IS NOT NULL)", name="answered"),
        CheckConstraint("(state = 'closed') = (closed_at IS NOT NULL)", name="closed"),
        CheckConstraint("(reopened_at IS NULL) = (reopened IS NULL)", name="reopened"),
        CheckConstraint("satisfaction BETWEEN 1 AND 5", name="satisfaction"),
        CheckConstraint("satisfaction IS NULL OR state = 'closed'", name="rated"),
        Index("ix_feedback_state", "state", "answer_until"),
        Index("ix_feedback_retailer", "retailer"),
    )
    __party__ = "retailer"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    number: Mapped[int] = mapped_column(BigInteger, Identity(always=True), unique=True)
    retailer: Mapped[str] = mapped_column(ForeignKey("retailers.code"))
    kind: Mapped[str]
    category: Mapped[str]
    about_sort: Mapped[str | None]
    about_name: Mapped[str | None]
    words: Mapped[str]
    by: Mapped[str]
    said_by: Mapped[str | None]
    at: Mapped[datetime]
    zone: Mapped[str]
    answer_until: Mapped[date]
    state: Mapped[str]
    owner: Mapped[str | None]
    answered_at: Mapped[datetime | None]
    closed_at: Mapped[datetime | None]
    reopened_at: Mapped[datetime | None]
    reopened: Mapped[str | None]
    satisfaction: Mapped[int | None]


class FeedbackEntryRow(Base):
    """An answer, or a note that stays inside: what a person wrote to one piece of feedback. Emptied, never changed."""

    __tablename__ = "feedback_entries"
    __append_only__ = True
    __ddl__: ClassVar[tuple[str, ...]] = (
        """
        CREATE FUNCTION feedback_entries_empty(emptied uuid[], mark text) RETURNS void
        LANGUAGE sql SECURITY DEFINER SET search_path = public AS $$
            UPDATE feedback_entries SET words_zh = mark, words_en = mark WHERE feedback = ANY (emptied)
        $$
        """,
    )
    __ddl_down__: ClassVar[tuple[str, ...]] = ("DROP FUNCTION feedback_entries_empty(uuid[], text)",)
    __table_args__ = (
        CheckConstraint("sort IN ('answer', 'note')", name="sort"),
        CheckConstraint("words_zh != '' OR words_en != ''", name="words"),
        Index("ix_feedback_entries_feedback", "feedback"),
    )
    __party__ = "retailer"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    feedback: Mapped[UUID] = mapped_column(ForeignKey("feedback.id"))
    retailer: Mapped[str] = mapped_column(ForeignKey("retailers.code"))
    sort: Mapped[str]
    words_zh: Mapped[str]
    words_en: Mapped[str]
    author: Mapped[str]
    at: Mapped[datetime]

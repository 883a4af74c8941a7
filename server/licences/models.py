"""Tables of licences."""

from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, ForeignKeyConstraint, Identity, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from server.kit.db import Base


class LicenceRow(Base):
    """One licence of a retailer for a class of goods, first to last day included."""

    __tablename__ = "licences"
    __table_args__ = (
        CheckConstraint("valid_until >= valid_from", name="span"),
        CheckConstraint("state IN ('valid', 'suspended', 'cancelled')", name="state"),
        CheckConstraint("state = 'valid' OR state_reason IS NOT NULL", name="state_reason"),
    )
    __party__ = "retailer"

    retailer: Mapped[str] = mapped_column(ForeignKey("retailers.code"), primary_key=True)
    licence_class: Mapped[str] = mapped_column(primary_key=True)
    number: Mapped[str] = mapped_column(primary_key=True)
    valid_from: Mapped[date]
    valid_until: Mapped[date]
    state: Mapped[str]
    state_reason: Mapped[str | None]
    changed_at: Mapped[datetime]


class FileRow(Base):
    """One matter about one licence, from its first paper to its decision.

    ``licence_number`` is empty for an application until it is granted. ``due_on`` is the last day for the next step.
    """

    __tablename__ = "licence_files"
    __table_args__ = (
        CheckConstraint(
            "matter IN ('application', 'renewal', 'suspension', 'restoration', 'cancellation')", name="matter"
        ),
        CheckConstraint(
            "state IN ('received', 'inspected', 'granted', 'refused', 'withdrawn') AND"
            " matter IN ('application', 'renewal') OR"
            " state IN ('proposed', 'signed', 'withdrawn') AND"
            " matter IN ('suspension', 'restoration', 'cancellation')",
            name="state",
        ),
        CheckConstraint("reason != ''", name="reason"),
        CheckConstraint("(state IN ('received', 'inspected', 'proposed')) = (due_on IS NOT NULL)", name="due"),
        CheckConstraint("(due_on IS NULL) = (closed_at IS NOT NULL)", name="closed"),
        CheckConstraint("state NOT IN ('granted', 'refused', 'signed') OR decided_by IS NOT NULL", name="decided"),
        CheckConstraint(
            "decided_by IS NULL OR decided_by != entered_by AND decided_by IS DISTINCT FROM inspected_by",
            name="two_persons",
        ),
        Index(
            "uq_licence_files_open",
            "retailer",
            "licence_class",
            "licence_number",
            unique=True,
            postgresql_where=text("due_on IS NOT NULL"),
        ),
        Index("ix_licence_files_due_on", "due_on", postgresql_where=text("due_on IS NOT NULL")),
        Index("ix_licence_files_retailer", "retailer"),
    )
    __party__ = "retailer"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    number: Mapped[int] = mapped_column(BigInteger, Identity(always=True), unique=True)
    retailer: Mapped[str] = mapped_column(ForeignKey("retailers.code"))
    licence_class: Mapped[str]
    licence_number: Mapped[str]
    matter: Mapped[str]
    state: Mapped[str]
    document: Mapped[str]
    reason: Mapped[str]
    entered_by: Mapped[str]
    entered_at: Mapped[datetime]
    inspected_by: Mapped[str | None]
    decided_by: Mapped[str | None]
    due_on: Mapped[date | None]
    closed_at: Mapped[datetime | None]


class StepRow(Base):
    """What a person did with a file: never changed. ``seen`` is what a signer was shown of what is affected."""

    __tablename__ = "licence_steps"
    __append_only__ = True
    __table_args__ = (
        CheckConstraint("step IN ('entered', 'inspected', 'granted', 'refused', 'signed', 'withdrawn')", name="step"),
        CheckConstraint("words != ''", name="words"),
        Index("ix_licence_steps_file", "file"),
        Index("ix_licence_steps_retailer", "retailer", "id"),
    )
    __party__ = "retailer"

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    file: Mapped[UUID] = mapped_column(ForeignKey("licence_files.id"))
    retailer: Mapped[str] = mapped_column(ForeignKey("retailers.code"))
    step: Mapped[str]
    words: Mapped[str]
    by: Mapped[str]
    at: Mapped[datetime]
    seen: Mapped[dict[str, Any] | None]


class NoticeDay(Base):
    """A day on which licences that run out were looked for; ``steps`` are the days before the end, the fewest first.

    ``done_at`` is none while it is under way.
    """

    __tablename__ = "licence_notice_days"

    day: Mapped[date] = mapped_column(primary_key=True)
    asked_at: Mapped[datetime]
    steps: Mapped[list[Any] | None]
    done_at: Mapped[datetime | None]


class NoticeRow(Base):
    """A shop was told that a licence runs out, once for each last day and step: ``notice`` is the announcement."""

    __tablename__ = "licence_notices"
    __append_only__ = True
    __table_args__ = (
        ForeignKeyConstraint(
            ["retailer", "licence_class", "number"],
            ["licences.retailer", "licences.licence_class", "licences.number"],
            name="fk_licence_notices_licence",
        ),
        CheckConstraint("step_days > 0", name="step_days"),
        Index("ix_licence_notices_notice", "notice"),
    )
    __party__ = "retailer"

    retailer: Mapped[str] = mapped_column(primary_key=True)
    licence_class: Mapped[str] = mapped_column(primary_key=True)
    number: Mapped[str] = mapped_column(primary_key=True)
    valid_until: Mapped[date] = mapped_column(primary_key=True)
    step_days: Mapped[int] = mapped_column(primary_key=True)
    notice: Mapped[UUID]
    at: Mapped[datetime]

"""Tables of keeping: each night's look at what is due to be erased, and what was."""

from datetime import date, datetime

from sqlalchemy import CheckConstraint, ForeignKey, Identity
from sqlalchemy.orm import Mapped, mapped_column

from server.kit.db import Base


class RetentionRun(Base):
    """One night's run; ``done_at`` is none while it is under way."""

    __tablename__ = "retention_runs"

    number: Mapped[int] = mapped_column(Identity(always=True), primary_key=True)
    day: Mapped[date] = mapped_column(unique=True)
    asked_at: Mapped[datetime]
    done_at: Mapped[datetime | None]


class Erasure(Base):
    """What one run erased of one kind: all that was over before ``before``."""

    __tablename__ = "retention_erasures"
    __append_only__ = True
    __table_args__ = (CheckConstraint("erased >= 0", name="erased"),)

    run: Mapped[int] = mapped_column(ForeignKey("retention_runs.number"), primary_key=True)
    kind: Mapped[str] = mapped_column(primary_key=True)
    term_days: Mapped[int]
    before: Mapped[datetime]
    erased: Mapped[int]

"""Tables of keeping: each night's look at what is due to be erased, and what was; what was taken out on one shop."""

from datetime import date, datetime

from sqlalchemy import CheckConstraint, ForeignKey, Identity, Index, LargeBinary
from sqlalchemy.orm import Mapped, mapped_column

from server.kit import computations
from server.kit.computations import Computation
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


class ShopExport(Computation, Base):
    """Everything held on one shop as an archive; ``content`` is emptied after its term, its SHA-256 stays."""

    __tablename__ = "shop_exports"
    __table_args__ = (
        *computations.checks("done"),
        CheckConstraint("parts_done BETWEEN 0 AND parts", name="parts"),
        CheckConstraint("reason != ''", name="reason"),
        CheckConstraint("(state = 'done') = (sha256 IS NOT NULL)", name="whole"),
        CheckConstraint("content IS NULL OR sha256 IS NOT NULL", name="content"),
        Index("ix_shop_exports_retailer", "retailer", "asked_at"),
    )
    __party__ = "retailer"

    retailer: Mapped[str] = mapped_column(ForeignKey("retailers.code"))
    reason: Mapped[str]
    parts_done: Mapped[int] = mapped_column(server_default="0")
    parts: Mapped[int]
    sha256: Mapped[str | None]
    size_bytes: Mapped[int | None]
    content: Mapped[bytes | None] = mapped_column(LargeBinary, deferred=True)

"""Tables of inventory."""

from datetime import date, datetime
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Identity, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from server.kit.db import Base


class MovementRow(Base):
    """One entry of a retailer's ledger. ``ordinal`` counts the entries of one SKU in one shop from 1.

    ``at`` is when it was entered, ``moved_at`` when it happened by what was said. ``sold_units`` are what counts of it
    as sold: no more, over all entries, than the distributor knows to have come in, ``brought_after_units``.
    """

    __tablename__ = "stock_movements"
    __append_only__ = True
    __table_args__ = (
        UniqueConstraint("retailer", "sku", "ordinal"),
        UniqueConstraint("source", "source_id", "sku", "kind"),
        CheckConstraint("ordinal > 0", name="ordinal"),
        CheckConstraint(
            "kind IN ('receipt', 'return', 'correction', 'sale', 'refund', 'count', 'adjustment', 'expiry', 'found')",
            name="kind",
        ),
        CheckConstraint("source IN ('delivery', 'console', 'terminal')", name="source"),
        CheckConstraint("sold_units = 0 OR kind IN ('sale', 'refund')", name="sold"),
        CheckConstraint("kind <> 'sale' OR sold_units BETWEEN 0 AND -on_hand_units", name="sale"),
        CheckConstraint("sold_after_units >= 0", name="sold_after"),
        CheckConstraint("on_hand_units <> 0 OR held_units <> 0", name="something"),
        CheckConstraint("kind <> 'receipt' OR (on_hand_units >= 0 AND held_units >= 0)", name="receipt"),
        CheckConstraint("kind <> 'return' OR (on_hand_units = 0 AND held_units < 0)", name="return"),
        CheckConstraint("on_hand_after_units >= 0 AND held_after_units >= 0", name="never_negative"),
    )
    __party__ = "retailer"

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    retailer: Mapped[str] = mapped_column(ForeignKey("retailers.code"))
    sku: Mapped[str] = mapped_column(ForeignKey("skus.sku"))
    ordinal: Mapped[int]
    kind: Mapped[str]
    on_hand_units: Mapped[int] = mapped_column(BigInteger)
    held_units: Mapped[int] = mapped_column(BigInteger)
    sold_units: Mapped[int] = mapped_column(BigInteger)
    on_hand_after_units: Mapped[int] = mapped_column(BigInteger)
    held_after_units: Mapped[int] = mapped_column(BigInteger)
    brought_after_units: Mapped[int] = mapped_column(BigInteger)
    sold_after_units: Mapped[int] = mapped_column(BigInteger)
    source: Mapped[str]
    source_id: Mapped[UUID]
    reason: Mapped[str | None]
    actor: Mapped[str]
    at: Mapped[datetime]
    moved_at: Mapped[datetime]


class StockActRow(Base):
    """What a terminal told of its shop's stock: one message, its number for people, who stood there."""

    __tablename__ = "stock_acts"
    __append_only__ = True
    __table_args__ = (
        CheckConstraint("kind IN ('sale', 'refund', 'count', 'adjustment', 'expiry')", name="kind"),
        CheckConstraint("said_by IN ('owner', 'clerk')", name="said_by"),
    )
    __party__ = "retailer"

    retailer: Mapped[str] = mapped_column(ForeignKey("retailers.code"), primary_key=True)
    id: Mapped[UUID] = mapped_column(primary_key=True)
    number: Mapped[int] = mapped_column(BigInteger, Identity(always=True), unique=True)
    kind: Mapped[str]
    device: Mapped[str]
    said_by: Mapped[str | None]
    at: Mapped[datetime]


class StockTelling(Base):
    """One telling of the demand history what was sold in the months that were over on ``day``."""

    __tablename__ = "stock_tellings"

    day: Mapped[date] = mapped_column(primary_key=True)
    asked_at: Mapped[datetime]
    done_at: Mapped[datetime | None]
    cells: Mapped[int | None]


class DepotMovementRow(Base):
    """One entry of the distributor's own ledger. ``ordinal`` counts the entries of one SKU in one depot from 1."""

    __tablename__ = "depot_movements"
    __append_only__ = True
    __table_args__ = (
        UniqueConstraint("depot", "sku", "ordinal"),
        UniqueConstraint("source", "source_id", "sku", "kind"),
        CheckConstraint("ordinal > 0", name="ordinal"),
        CheckConstraint(
            "kind IN ('receipt', 'issue', 'found', 'return', 'cleared', 'count', 'spoilage')",
            name="kind",
        ),
        CheckConstraint("source IN ('console', 'dispatch', 'delivery')", name="source"),
        CheckConstraint("on_hand_units <> 0 OR blocked_units <> 0", name="something"),
        CheckConstraint(
            "CASE kind WHEN 'receipt' THEN on_hand_units > 0 AND blocked_units = 0"
            " WHEN 'found' THEN on_hand_units > 0 AND blocked_units = 0"
            " WHEN 'issue' THEN on_hand_units < 0 AND blocked_units = 0"
            " WHEN 'return' THEN on_hand_units = 0 AND blocked_units > 0"
            " WHEN 'cleared' THEN on_hand_units > 0 AND blocked_units = -on_hand_units"
            " WHEN 'count' THEN blocked_units = 0"
            " ELSE on_hand_units <= 0 AND blocked_units <= 0 END",
            name="direction",
        ),
        CheckConstraint("on_hand_after_units >= 0 AND blocked_after_units >= 0", name="never_negative"),
        CheckConstraint(
            "on_hand_after_units >= on_hand_units AND blocked_after_units >= blocked_units"
            " AND (ordinal > 1 OR (on_hand_after_units = on_hand_units AND blocked_after_units = blocked_units))",
            name="after",
        ),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    depot: Mapped[str]
    sku: Mapped[str] = mapped_column(ForeignKey("skus.sku"))
    ordinal: Mapped[int]
    kind: Mapped[str]
    on_hand_units: Mapped[int] = mapped_column(BigInteger)
    blocked_units: Mapped[int] = mapped_column(BigInteger)
    on_hand_after_units: Mapped[int] = mapped_column(BigInteger)
    blocked_after_units: Mapped[int] = mapped_column(BigInteger)
    source: Mapped[str]
    source_id: Mapped[UUID]
    reason: Mapped[str | None]
    actor: Mapped[str]
    at: Mapped[datetime]


class DepotActRow(Base):
    """A count's difference or goods written off; worth more than one person may enter alone, it waits for a second."""

    __tablename__ = "depot_acts"
    __table_args__ = (
        CheckConstraint("kind IN ('count', 'spoilage')", name="kind"),
        CheckConstraint("state IN ('waiting', 'booked', 'withdrawn')", name="state"),
        CheckConstraint("(state = 'waiting') = (decided_at IS NULL AND decided_by IS NULL)", name="decided"),
        CheckConstraint(
            "NOT needs_second OR state <> 'booked' OR decided_by <> said_by",
            name="two_persons",
        ),
        CheckConstraint("on_hand_units <> 0 OR blocked_units <> 0", name="something"),
        CheckConstraint("kind = 'count' OR (on_hand_units <= 0 AND blocked_units <= 0)", name="spoilage"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    number: Mapped[int] = mapped_column(BigInteger, Identity(always=True), unique=True)
    depot: Mapped[str]
    sku: Mapped[str] = mapped_column(ForeignKey("skus.sku"))
    kind: Mapped[str]
    on_hand_units: Mapped[int] = mapped_column(BigInteger)
    blocked_units: Mapped[int] = mapped_column(BigInteger)
    book_units: Mapped[int] = mapped_column(BigInteger)
    needs_second: Mapped[bool]
    reason: Mapped[str]
    state: Mapped[str]
    said_by: Mapped[str]
    said_at: Mapped[datetime]
    decided_by: Mapped[str | None]
    decided_at: Mapped[datetime | None]

"""Tables of deliveries."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    ForeignKey,
    ForeignKeyConstraint,
    Identity,
    Index,
    UniqueConstraint,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from server.kit.db import Base, portions


class DeliveryRow(Base):
    """One shipment notice. ``part`` counts from 1 where a cycle's goods for a retailer need several notices."""

    __tablename__ = "deliveries"
    __table_args__ = (
        UniqueConstraint("cycle", "retailer", "part"),
        UniqueConstraint("id", "retailer"),
        CheckConstraint("part > 0", name="part"),
        CheckConstraint("said_by IN ('owner', 'clerk')", name="said_by"),
        CheckConstraint("state IN ('held', 'shipped', 'confirmed')", name="state"),
        CheckConstraint("(state = 'held') = (shipped_at IS NULL)", name="shipped"),
        CheckConstraint("(state = 'held') = (held_code IS NOT NULL)", name="held"),
        CheckConstraint(
            "(state = 'confirmed') = (confirmed_at IS NOT NULL) AND (state = 'confirmed') = (confirmation IS NOT NULL)",
            name="confirmed",
        ),
        Index("ix_deliveries_retailer", "retailer", "number"),
        Index("ix_deliveries_state", "state", "number"),
    )
    __party__ = "retailer"
    __ddl__ = portions("deliveries", "cycle")

    id: Mapped[UUID] = mapped_column(primary_key=True)
    number: Mapped[int] = mapped_column(BigInteger, Identity(always=True), unique=True)
    retailer: Mapped[str] = mapped_column(ForeignKey("retailers.code"))
    cycle: Mapped[UUID]
    part: Mapped[int]
    route: Mapped[str]
    state: Mapped[str]
    held_code: Mapped[str | None]
    held_why: Mapped[str | None]
    dispatched_at: Mapped[datetime]
    dispatched_by: Mapped[str]
    shipped_at: Mapped[datetime | None]
    confirmed_at: Mapped[datetime | None]
    confirmation: Mapped[UUID | None]
    confirmed_at_terminal: Mapped[datetime | None]
    device: Mapped[str | None]
    said_by: Mapped[str | None]


class DeliveryLineRow(Base):
    """One shipped line: of a grant, or in place of what was claimed; what arrived stands beside it once confirmed."""

    __tablename__ = "delivery_lines"
    __table_args__ = (
        ForeignKeyConstraint(["delivery_id", "retailer"], ["deliveries.id", "deliveries.retailer"]),
        CheckConstraint("granted_units >= 0 AND replacement_units >= 0", name="due"),
        CheckConstraint("shipped_units > 0 AND shipped_units <= granted_units + replacement_units", name="shipped"),
        CheckConstraint(
            "accepted_units >= 0 AND held_units >= 0 AND difference_units >= 0 AND other_units >= 0", name="counts"
        ),
        CheckConstraint("(difference IS NULL) = (COALESCE(difference_units, 0) = 0)", name="difference"),
        CheckConstraint(
            "accepted_units IS NULL OR CASE difference"
            " WHEN 'over' THEN accepted_units + held_units = shipped_units + difference_units"
            " AND held_units <= difference_units"
            " WHEN 'short' THEN accepted_units + difference_units = shipped_units AND held_units = 0"
            " WHEN 'damaged' THEN accepted_units + difference_units = shipped_units AND held_units <= difference_units"
            " WHEN 'refused' THEN accepted_units + difference_units = shipped_units AND held_units <= difference_units"
            " WHEN 'wrong_item' THEN accepted_units + difference_units = shipped_units AND other_sku IS NOT NULL"
            " WHEN 'wrong_pack' THEN accepted_units + difference_units = shipped_units AND other_sku IS NOT NULL"
            " ELSE difference IS NULL AND accepted_units = shipped_units AND held_units = 0 END",
            name="adds_up",
        ),
    )
    __party__ = "retailer"

    delivery_id: Mapped[UUID] = mapped_column(primary_key=True)
    sku: Mapped[str] = mapped_column(ForeignKey("skus.sku"), primary_key=True)
    retailer: Mapped[str]
    granted_units: Mapped[int] = mapped_column(BigInteger)
    replacement_units: Mapped[int] = mapped_column(BigInteger, server_default=text("0"))
    shipped_units: Mapped[int] = mapped_column(BigInteger)
    accepted_units: Mapped[int | None] = mapped_column(BigInteger)
    held_units: Mapped[int | None] = mapped_column(BigInteger)
    difference: Mapped[str | None]
    difference_units: Mapped[int | None] = mapped_column(BigInteger)
    other_sku: Mapped[str | None] = mapped_column(ForeignKey("skus.sku"))
    other_units: Mapped[int | None] = mapped_column(BigInteger)
    reason: Mapped[str | None]


class ClaimRow(Base):
    """One difference, what it is about, whose it is to settle and what became of it."""

    __tablename__ = "claims"
    __table_args__ = (
        ForeignKeyConstraint(
            ["delivery_id", "sku"], ["delivery_lines.delivery_id", "delivery_lines.sku"], name="fk_claims_line"
        ),
        UniqueConstraint("delivery_id", "sku"),
        CheckConstraint("difference_units > 0", name="units"),
        CheckConstraint("state IN ('open', 'upheld', 'declined', 'settled')", name="state"),
        CheckConstraint(
            "(state = 'open') = (decided_at IS NULL) AND (state = 'open') = (decided_by IS NULL)"
            " AND (state = 'open') = (decision IS NULL)",
            name="decided",
        ),
        CheckConstraint("(state = 'settled') = (settled_at IS NOT NULL)", name="settled"),
        Index("ix_claims_state", "state", "opened_at"),
        Index("ix_claims_retailer", "retailer", "number"),
    )
    __party__ = "retailer"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    number: Mapped[int] = mapped_column(BigInteger, Identity(always=True), unique=True)
    retailer: Mapped[str] = mapped_column(ForeignKey("retailers.code"))
    delivery_id: Mapped[UUID]
    sku: Mapped[str]
    difference: Mapped[str]
    difference_units: Mapped[int] = mapped_column(BigInteger)
    owner: Mapped[str]
    state: Mapped[str]
    opened_at: Mapped[datetime]
    decided_at: Mapped[datetime | None]
    decided_by: Mapped[str | None]
    decision: Mapped[str | None]
    settled_at: Mapped[datetime | None]
    settlement: Mapped[str | None]


class RemedyRow(Base):
    """What an upheld claim gets: its goods with the next dispatch, or a credit note over their price.

    ``delivery_id`` is the notice that the replacement leaves with, none before that. A note's number is for people.
    """

    __tablename__ = "claim_remedies"
    __table_args__ = (
        CheckConstraint("kind IN ('replacement', 'credit')", name="kind"),
        CheckConstraint("units > 0", name="units"),
        CheckConstraint("(kind = 'credit') = (price_minor IS NOT NULL)", name="price"),
        CheckConstraint("COALESCE(amount_minor = units * price_minor, kind = 'replacement')", name="amount"),
        CheckConstraint("kind = 'replacement' OR delivery_id IS NULL", name="delivery"),
        Index(
            "ix_claim_remedies_due", "retailer", postgresql_where=text("kind = 'replacement' AND delivery_id IS NULL")
        ),
        Index("ix_claim_remedies_delivery", "delivery_id"),
    )
    __party__ = "retailer"

    claim_id: Mapped[UUID] = mapped_column(ForeignKey("claims.id"), primary_key=True)
    number: Mapped[int] = mapped_column(BigInteger, Identity(always=True), unique=True)
    retailer: Mapped[str] = mapped_column(ForeignKey("retailers.code"))
    sku: Mapped[str] = mapped_column(ForeignKey("skus.sku"))
    kind: Mapped[str]
    units: Mapped[int] = mapped_column(BigInteger)
    price_minor: Mapped[int | None] = mapped_column(BigInteger)
    amount_minor: Mapped[int | None] = mapped_column(BigInteger)
    made_at: Mapped[datetime]
    made_by: Mapped[str]
    delivery_id: Mapped[UUID | None] = mapped_column(ForeignKey("deliveries.id", deferrable=True, initially="DEFERRED"))


class RouteStop(Base):
    """Where a shop stands on its route's way: stops go by ``place``, shops without one after them, by code."""

    __tablename__ = "route_stops"
    __table_args__ = (CheckConstraint("place > 0", name="place"),)
    __party__ = "retailer"

    retailer: Mapped[str] = mapped_column(ForeignKey("retailers.code"), primary_key=True)
    place: Mapped[int]

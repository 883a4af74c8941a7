"""Tables of orders."""

from datetime import datetime
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
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from server.kit.db import Base, portions


class WindowRow(Base):
    """When the retailers of a route may order for a cycle. ``route`` is ``*`` for all of them."""

    __tablename__ = "windows"
    __table_args__ = (
        CheckConstraint("closes_at > opens_at", name="span"),
        CheckConstraint("grace_s >= 0", name="grace"),
        CheckConstraint("state IN ('announced', 'open', 'closed', 'frozen', 'published', 'called_off')", name="state"),
        Index("ix_windows_cycle", "cycle"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    cycle: Mapped[UUID]
    name_zh: Mapped[str]
    name_en: Mapped[str]
    route: Mapped[str]
    opens_at: Mapped[datetime]
    closes_at: Mapped[datetime]
    grace_s: Mapped[int]
    zone: Mapped[str]
    state: Mapped[str]
    commitment: Mapped[str | None]
    policy: Mapped[str | None]
    policy_sha256: Mapped[str | None]
    score_version: Mapped[str | None]
    scarce: Mapped[list[str]] = mapped_column(ARRAY(String), server_default=text("'{}'"))
    unsupplied: Mapped[list[str]] = mapped_column(ARRAY(String), server_default=text("'{}'"))
    seen_at: Mapped[datetime]


class OrderRow(Base):
    """One order as it stands. The number is for people, the id for machines."""

    __tablename__ = "orders"
    __table_args__ = (
        CheckConstraint("state IN ('accepted', 'cancelled')", name="state"),
        CheckConstraint("revision > 0", name="revision"),
        CheckConstraint("said_by IN ('owner', 'clerk')", name="said_by"),
        Index("ix_orders_window_id", "window_id", "retailer"),
    )
    __party__ = "retailer"
    __ddl__ = portions("orders", "window_id")

    retailer: Mapped[str] = mapped_column(ForeignKey("retailers.code"), primary_key=True)
    id: Mapped[UUID] = mapped_column(primary_key=True)
    number: Mapped[int] = mapped_column(BigInteger, Identity(always=True), unique=True)
    window_id: Mapped[UUID] = mapped_column(ForeignKey("windows.id"))
    device: Mapped[str]
    said_by: Mapped[str | None]
    revision: Mapped[int]
    state: Mapped[str]
    amount_minor: Mapped[int] = mapped_column(BigInteger)
    placed_at: Mapped[datetime]
    changed_at: Mapped[datetime]


class OrderLineRow(Base):
    """One line of an order as it stands."""

    __tablename__ = "order_lines"
    __table_args__ = (
        ForeignKeyConstraint(["retailer", "order_id"], ["orders.retailer", "orders.id"], ondelete="CASCADE"),
        CheckConstraint("quantity_units > 0", name="quantity"),
    )
    __party__ = "retailer"

    retailer: Mapped[str] = mapped_column(primary_key=True)
    order_id: Mapped[UUID] = mapped_column(primary_key=True)
    sku: Mapped[str] = mapped_column(ForeignKey("skus.sku"), primary_key=True)
    quantity_units: Mapped[int]
    price_minor: Mapped[int]


class ReminderRow(Base):
    """A notice to shops that had not ordered in a window yet. ``again``: to those reminded before as well."""

    __tablename__ = "reminders"
    __append_only__ = True
    __table_args__ = (Index("ix_reminders_window_id", "window_id"),)

    id: Mapped[UUID] = mapped_column(primary_key=True)
    window_id: Mapped[UUID] = mapped_column(ForeignKey("windows.id"))
    title_zh: Mapped[str]
    title_en: Mapped[str]
    body_zh: Mapped[str]
    body_en: Mapped[str]
    again: Mapped[bool]
    sent_by: Mapped[str]
    sent_at: Mapped[datetime]


class ReminderShop(Base):
    """A shop that a reminder went to."""

    __tablename__ = "reminder_shops"
    __append_only__ = True
    __party__ = "retailer"

    reminder_id: Mapped[UUID] = mapped_column(ForeignKey("reminders.id"), primary_key=True)
    retailer: Mapped[str] = mapped_column(ForeignKey("retailers.code"), primary_key=True)

"""Tables of retailers."""

from datetime import date, datetime

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Identity, Index
from sqlalchemy.orm import Mapped, mapped_column

from server.kit.db import WITHIN, Base

_BOUND = "(SELECT string_to_array(split_part(current_setting('evenhand.scope', true), E'\\x1e', {}), E'\\x1f'))::text[]"
_WITHIN = (
    "SELECT code FROM retailers"  # noqa: S608 - made of the constants above alone
    " WHERE (SELECT current_setting('evenhand.scope', true) LIKE E'in\\x1e%')"
    f" AND ('*' = ANY ({_BOUND.format(2)}) OR region = ANY ({_BOUND.format(2)}))"
    f" AND ('*' = ANY ({_BOUND.format(3)}) OR market_type = ANY ({_BOUND.format(3)}))"
)
"""The shops of a person's regions and classes. The class of a customer is its market type: a tier moves with each
score, and what a person may see must not move by itself."""


class RetailerRow(Base):
    """One shop. From the day ``closed_on`` on it orders and is granted nothing. Places are degrees of WGS 84."""

    __tablename__ = "retailers"
    __table_args__ = (
        CheckConstraint("weight > 0", name="weight"),
        CheckConstraint("tier > 0", name="tier"),
        CheckConstraint("credit_minor >= 0", name="credit"),
        CheckConstraint("standing IN ('good', 'suspended')", name="standing"),
        CheckConstraint("standing = 'good' OR standing_reason IS NOT NULL", name="standing_reason"),
        CheckConstraint("(latitude IS NULL) = (longitude IS NULL)", name="place"),
        CheckConstraint("latitude BETWEEN -90 AND 90 AND longitude BETWEEN -180 AND 180", name="degrees"),
        CheckConstraint(
            "(closed_on IS NULL) = (closed_why IS NULL) AND (closed_on IS NULL) = (closed_by IS NULL)", name="closed"
        ),
    )
    __party__ = "code"
    __ddl__ = (f"CREATE VIEW {WITHIN.name} AS {_WITHIN}",)
    __ddl_down__ = (f"DROP VIEW {WITHIN.name} CASCADE",)

    code: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str]
    address: Mapped[str]
    city: Mapped[str]
    latitude: Mapped[float | None]
    longitude: Mapped[float | None]
    region: Mapped[str] = mapped_column(index=True)
    route: Mapped[str] = mapped_column(index=True)
    market_type: Mapped[str]
    tier: Mapped[int]
    weight: Mapped[int]
    credit_minor: Mapped[int | None] = mapped_column(BigInteger)
    standing: Mapped[str]
    standing_reason: Mapped[str | None]
    closed_on: Mapped[date | None]
    closed_why: Mapped[str | None]
    closed_by: Mapped[str | None]
    created_at: Mapped[datetime]
    changed_at: Mapped[datetime]


class NoteRow(Base):
    """What a person of the distributor noted of a shop; the shop does not see it, and nobody changes it.

    A correction is a row of its own that ``corrects`` an earlier one; each is corrected once at most.
    """

    __tablename__ = "retailer_notes"
    __append_only__ = True
    __table_args__ = (CheckConstraint("words != ''", name="words"), Index("ix_retailer_notes_retailer", "retailer"))
    __party__ = "retailer"

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    retailer: Mapped[str] = mapped_column(ForeignKey("retailers.code"))
    words: Mapped[str]
    author: Mapped[str]
    at: Mapped[datetime]
    corrects: Mapped[int | None] = mapped_column(BigInteger, ForeignKey("retailer_notes.id"), unique=True)


class RetailerLimit(Base):
    """The most units of a SKU that this retailer may order in a cycle; goes before the SKU's own limit."""

    __tablename__ = "retailer_limits"
    __table_args__ = (CheckConstraint("limit_units >= 0", name="limit"),)
    __party__ = "retailer"

    retailer: Mapped[str] = mapped_column(ForeignKey("retailers.code"), primary_key=True)
    sku: Mapped[str] = mapped_column(ForeignKey("skus.sku"), primary_key=True)
    limit_units: Mapped[int]

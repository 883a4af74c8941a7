"""Reads of the ledger, and of the stock that follows from it."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, cast
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.orm import Session

from server.inventory.models import MovementRow

Kind = Literal["receipt", "return", "correction"]
Source = Literal["delivery", "console"]


@dataclass(frozen=True)
class StockLine:
    """How much of one SKU stands in a shop, and since when."""

    sku: str
    on_hand_units: int
    held_units: int
    as_of: datetime
    entries: int


@dataclass(frozen=True)
class Movement:
    """One entry of a ledger."""

    sku: str
    ordinal: int
    kind: Kind
    on_hand_units: int
    held_units: int
    on_hand_after_units: int
    held_after_units: int
    source: Source
    source_id: UUID
    reason: str | None
    actor: str
    at: datetime


@dataclass(frozen=True)
class Stocked:
    """A shop with a ledger: how many SKUs it has, how many units in all."""

    retailer: str
    skus: int
    on_hand_units: int
    held_units: int
    as_of: datetime


def stock(session: Session, retailer: str, skus: Collection[str] | None = None) -> dict[str, StockLine]:
    """Return a shop's stock by SKU in byte order; SKUs that never moved are absent."""
    query = (
        select(MovementRow)
        .ext(distinct_on(MovementRow.sku.collate("C")))
        .where(MovementRow.retailer == retailer)
        .order_by(MovementRow.sku.collate("C"), MovementRow.ordinal.desc())
    )
    if skus is not None:
        query = query.where(MovementRow.sku.in_(skus))
    return {
        row.sku: StockLine(row.sku, row.on_hand_after_units, row.held_after_units, row.at, row.ordinal)
        for row in session.scalars(query)
    }


def movements(session: Session, retailer: str, *, sku: str | None = None, limit: int = 200) -> list[Movement]:
    """Return the entries of a shop's ledger, the newest first."""
    query = select(MovementRow).where(MovementRow.retailer == retailer).order_by(MovementRow.id.desc()).limit(limit)
    if sku is not None:
        query = query.where(MovementRow.sku == sku)
    return [
        Movement(
            sku=row.sku,
            ordinal=row.ordinal,
            kind=cast("Kind", row.kind),
            on_hand_units=row.on_hand_units,
            held_units=row.held_units,
            on_hand_after_units=row.on_hand_after_units,
            held_after_units=row.held_after_units,
            source=cast("Source", row.source),
            source_id=row.source_id,
            reason=row.reason,
            actor=row.actor,
            at=row.at,
        )
        for row in session.scalars(query)
    ]


def stocked(session: Session, *, limit: int = 5000) -> list[Stocked]:
    """Return the shops that have a ledger, in byte order of their codes."""
    last = (
        select(MovementRow)
        .ext(distinct_on(MovementRow.retailer, MovementRow.sku))
        .order_by(MovementRow.retailer, MovementRow.sku, MovementRow.ordinal.desc())
        .subquery()
    )
    rows = session.execute(
        select(
            last.c.retailer,
            func.count(),
            func.sum(last.c.on_hand_after_units),
            func.sum(last.c.held_after_units),
            func.max(last.c.at),
        )
        .group_by(last.c.retailer)
        .order_by(last.c.retailer.collate("C"))
        .limit(limit)
    )
    return [Stocked(code, skus, int(on_hand), int(held), at) for code, skus, on_hand, held, at in rows]


def booked(session: Session, source: Source, source_id: UUID) -> frozenset[str]:
    """Return the SKUs that one cause has entries for."""
    return frozenset(
        session.scalars(select(MovementRow.sku).where(MovementRow.source == source, MovementRow.source_id == source_id))
    )

"""Reads of the ledger, and of the stock that follows from it."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal, cast
from uuid import UUID

from sqlalchemy import ARRAY, Date, String, any_, func, literal, select
from sqlalchemy import cast as cast_to
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.orm import Session

from server.inventory import rules
from server.inventory.models import MovementRow, StockActRow

Kind = Literal["receipt", "return", "correction", "sale", "refund", "count", "adjustment", "expiry", "found"]
Source = Literal["delivery", "console", "terminal"]


@dataclass(frozen=True)
class StockLine:
    """How much of one SKU stands in a shop, and since when."""

    sku: str
    on_hand_units: int
    held_units: int
    as_of: datetime
    entries: int
    brought_units: int
    sold_units: int


@dataclass(frozen=True)
class Movement:
    """One entry of a ledger; of one that a terminal told, the number of its message and who stood there."""

    id: int
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
    moved_at: datetime
    number: int | None
    said_by: Literal["owner", "clerk"] | None


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
        row.sku: StockLine(
            row.sku,
            row.on_hand_after_units,
            row.held_after_units,
            row.at,
            row.ordinal,
            row.brought_after_units,
            row.sold_after_units,
        )
        for row in session.scalars(query)
    }


def movements(
    session: Session, retailer: str, *, sku: str | None = None, before: int | None = None, limit: int = 200
) -> list[Movement]:
    """Return the entries of a shop's ledger, the newest first, below the id ``before`` where it is named."""
    told = (
        (MovementRow.source == "terminal")
        & (StockActRow.retailer == MovementRow.retailer)
        & (StockActRow.id == MovementRow.source_id)
    )
    query = (
        select(MovementRow, StockActRow.number, StockActRow.said_by)
        .outerjoin(StockActRow, told)
        .where(MovementRow.retailer == retailer)
        .order_by(MovementRow.id.desc())
        .limit(limit)
    )
    if sku is not None:
        query = query.where(MovementRow.sku == sku)
    if before is not None:
        query = query.where(MovementRow.id < before)
    return [
        Movement(
            id=row.id,
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
            moved_at=row.moved_at,
            number=number,
            said_by=cast('Literal["owner", "clerk"] | None', said_by),
        )
        for row, number, said_by in session.execute(query)
    ]


def booked(session: Session, source: Source, source_id: UUID) -> frozenset[str]:
    """Return the SKUs that one cause has entries for."""
    return frozenset(
        session.scalars(select(MovementRow.sku).where(MovementRow.source == source, MovementRow.source_id == source_id))
    )


def selling(session: Session, first: datetime, end: datetime) -> list[str]:
    """Return the shops that told of a sale from ``first`` to before ``end``, in byte order of their codes."""
    return list(
        session.scalars(
            select(MovementRow.retailer)
            .where(MovementRow.kind == "sale", MovementRow.moved_at >= first, MovementRow.moved_at < end)
            .group_by(MovementRow.retailer)
            .order_by(MovementRow.retailer.collate("C"))
        )
    )


def moves(
    session: Session, retailers: Collection[str], until: date, zone: str
) -> dict[tuple[str, str], list[rules.Moved]]:
    """Return what happened up to the day ``until`` in the zone ``zone``, by shop and SKU, one entry a day, in order."""
    day = cast_to(func.timezone(zone, MovementRow.moved_at), Date).label("day")
    key = (MovementRow.retailer, MovementRow.sku)
    rows = session.execute(
        select(
            *key,
            day,
            func.sum(MovementRow.on_hand_units),
            func.sum(func.greatest(MovementRow.on_hand_units, 0)),
            func.sum(MovementRow.sold_units),
        )
        .where(MovementRow.retailer == any_(literal(list(retailers), ARRAY(String))), day <= until)
        .group_by(*key, day)
        .order_by(*(column.collate("C") for column in key), day)
    )
    found: dict[tuple[str, str], list[rules.Moved]] = {}
    for retailer, sku, on, change, came, sold in rows:
        found.setdefault((retailer, sku), []).append(rules.Moved(on, int(change), int(came), int(sold)))
    return found

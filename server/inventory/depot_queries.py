"""Reads of the distributor's own stock: what stands, what is reserved of it, how it came to be.

Reservations are derived whenever they are asked for and stored nowhere: what published cycles grant and what has not
left, by line where nobody has dispatched or a correction came after; what is held back; what upheld claims are to get.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.orm import Session

from server.cycles import queries as cycles
from server.cycles import result_queries
from server.deliveries import queries as deliveries
from server.inventory import depot_rules as rules
from server.inventory.depot_rules import DEPOT
from server.inventory.models import DepotActRow, DepotMovementRow


@dataclass(frozen=True)
class DepotLine:
    """How much of one SKU the distributor has, what is promised of it, what is free; ``as_of`` its last entry."""

    sku: str
    on_hand_units: int
    blocked_units: int
    reserved_units: int
    entries: int
    as_of: datetime | None

    @property
    def free_units(self) -> int:
        """What can be promised."""
        return rules.free_units(self.on_hand_units, self.reserved_units)

    @property
    def short_units(self) -> int:
        """What is promised and not there."""
        return max(self.reserved_units - self.on_hand_units, 0)


@dataclass(frozen=True)
class DepotMovement:
    """One entry of the ledger."""

    id: int
    sku: str
    ordinal: int
    kind: str
    on_hand_units: int
    blocked_units: int
    on_hand_after_units: int
    blocked_after_units: int
    source: str
    source_id: UUID
    reason: str | None
    actor: str
    at: datetime


@dataclass(frozen=True)
class DepotAct:
    """A difference that was said, and what became of it."""

    id: UUID
    number: int
    sku: str
    kind: str
    on_hand_units: int
    blocked_units: int
    book_units: int
    needs_second: bool
    reason: str
    state: str
    said_by: str
    said_at: datetime
    decided_by: str | None
    decided_at: datetime | None


def reserved(session: Session) -> dict[str, int]:
    """Return the units by SKU that are promised and have not left."""
    published = cycles.published_ids(session)
    dispatched = deliveries.dispatched(session, published)
    by_line = frozenset(cycle for cycle, again in published.items() if again or cycle not in dispatched)
    promised = result_queries.unshipped_units(session, by_line)
    held = deliveries.held_units(session, replacements_of=by_line)
    for more in (held, deliveries.replacements_due(session)):
        for sku, units in more.items():
            promised[sku] = promised.get(sku, 0) + units
    return promised


def standing(session: Session, skus: Collection[str] | None = None) -> dict[str, DepotMovementRow]:
    """Return the last entry by SKU in byte order; SKUs that never moved are absent."""
    query = (
        select(DepotMovementRow)
        .ext(distinct_on(DepotMovementRow.sku.collate("C")))
        .where(DepotMovementRow.depot == DEPOT)
        .order_by(DepotMovementRow.sku.collate("C"), DepotMovementRow.ordinal.desc())
    )
    if skus is not None:
        query = query.where(DepotMovementRow.sku.in_(skus))
    return {row.sku: row for row in session.scalars(query)}


def lines(session: Session) -> list[DepotLine]:
    """Return the stock by SKU in byte order: what moved ever, and what is reserved."""
    last, promised = standing(session), reserved(session)
    return [
        DepotLine(sku, 0, 0, promised[sku], 0, None)
        if (row := last.get(sku)) is None
        else DepotLine(sku, row.on_hand_after_units, row.blocked_after_units, promised.get(sku, 0), row.ordinal, row.at)
        for sku in sorted(last.keys() | promised.keys(), key=str.encode)
    ]


def movements(
    session: Session, *, sku: str | None = None, before: int | None = None, limit: int = 200
) -> list[DepotMovement]:
    """Return the entries of the ledger, the newest first, below the id ``before`` where it is named."""
    query = select(DepotMovementRow).where(DepotMovementRow.depot == DEPOT).order_by(DepotMovementRow.id.desc())
    if sku is not None:
        query = query.where(DepotMovementRow.sku == sku)
    if before is not None:
        query = query.where(DepotMovementRow.id < before)
    return [
        DepotMovement(
            id=row.id,
            sku=row.sku,
            ordinal=row.ordinal,
            kind=row.kind,
            on_hand_units=row.on_hand_units,
            blocked_units=row.blocked_units,
            on_hand_after_units=row.on_hand_after_units,
            blocked_after_units=row.blocked_after_units,
            source=row.source,
            source_id=row.source_id,
            reason=row.reason,
            actor=row.actor,
            at=row.at,
        )
        for row in session.scalars(query.limit(limit))
    ]


def acts(session: Session, *, state: str | None = None, before: int | None = None, limit: int = 200) -> list[DepotAct]:
    """Return counts and write-offs, the newest first, below the number ``before`` where it is named."""
    query = select(DepotActRow).where(DepotActRow.depot == DEPOT).order_by(DepotActRow.number.desc()).limit(limit)
    if state is not None:
        query = query.where(DepotActRow.state == state)
    if before is not None:
        query = query.where(DepotActRow.number < before)
    return [
        DepotAct(
            id=row.id,
            number=row.number,
            sku=row.sku,
            kind=row.kind,
            on_hand_units=row.on_hand_units,
            blocked_units=row.blocked_units,
            book_units=row.book_units,
            needs_second=row.needs_second,
            reason=row.reason,
            state=row.state,
            said_by=row.said_by,
            said_at=row.said_at,
            decided_by=row.decided_by,
            decided_at=row.decided_at,
        )
        for row in session.scalars(query)
    ]

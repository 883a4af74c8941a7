"""Deliveries and claims in lists: what a screen searches, sorts and takes away as a file."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Select, case, func, or_, select
from sqlalchemy.orm import Session

from server.deliveries.models import ClaimRow, DeliveryLineRow, DeliveryRow
from server.kit.db import streamed


@dataclass(frozen=True)
class Asked:
    """What is asked of a list; an empty text asks for everything. ``order`` begins with ``-`` to descend.

    The state ``late`` asks for what was shipped, or held back, before ``before`` and is not confirmed.
    """

    words: str = ""
    state: str = ""
    cycle: UUID | None = None
    owner: str = ""
    before: datetime | None = None
    order: str = ""
    limit: int | None = None
    offset: int = 0


@dataclass(frozen=True)
class Summary:
    """One delivery on one line."""

    id: UUID
    number: int
    retailer: str
    route: str
    state: str
    shipped_at: datetime | None
    confirmed_at: datetime | None
    lines: int
    units: int
    claims: int
    owner: str


@dataclass(frozen=True)
class ClaimSummary:
    """One claim on one line."""

    id: UUID
    number: int
    retailer: str
    sku: str
    difference: str
    difference_units: int
    owner: str
    state: str
    opened_at: datetime
    decided_at: datetime | None


def _inside(row: type[DeliveryLineRow | ClaimRow], figure: ColumnElement[Any]) -> ColumnElement[Any]:
    """Select a figure of what belongs to a delivery: for those of the page alone, unless the order is by it."""
    return (
        select(figure)
        .select_from(row)
        .where(row.delivery_id == DeliveryRow.id)
        .correlate(DeliveryRow)
        .scalar_subquery()
    )


_LINES = _inside(DeliveryLineRow, func.count())
_UNITS = _inside(DeliveryLineRow, func.sum(DeliveryLineRow.shipped_units))
_CLAIMED = _inside(ClaimRow, func.count())

_DELIVERY_ORDERS: Mapping[str, Any] = {
    "number": DeliveryRow.number,
    "retailer": DeliveryRow.retailer.collate("C"),
    "route": DeliveryRow.route,
    "state": DeliveryRow.state,
    "shipped_at": DeliveryRow.shipped_at,
    "confirmed_at": DeliveryRow.confirmed_at,
    "lines": _LINES,
    "units": _UNITS,
    "claims": _CLAIMED,
    "owner": DeliveryRow.dispatched_by,
}
_CLAIM_ORDERS: Mapping[str, Any] = {
    "number": ClaimRow.number,
    "retailer": ClaimRow.retailer.collate("C"),
    "sku": ClaimRow.sku.collate("C"),
    "difference": ClaimRow.difference,
    "difference_units": ClaimRow.difference_units,
    "owner": ClaimRow.owner,
    "state": ClaimRow.state,
    "opened_at": ClaimRow.opened_at,
}


def deliveries(session: Session, asked: Asked) -> Iterator[Summary]:
    """Yield the deliveries that are asked for, the newest first where no order is named."""
    query = select(DeliveryRow, _LINES, _UNITS, _CLAIMED).where(*_deliveries(asked))
    paged = _paged(query, asked, _DELIVERY_ORDERS, DeliveryRow.number.desc())
    for row, lines, units, claimed in streamed(session, paged):
        yield Summary(
            id=row.id,
            number=row.number,
            retailer=row.retailer,
            route=row.route,
            state=row.state,
            shipped_at=row.shipped_at,
            confirmed_at=row.confirmed_at,
            lines=lines,
            units=int(units or 0),
            claims=claimed,
            owner=row.dispatched_by,
        )


def count_deliveries(session: Session, asked: Asked) -> int:
    """Return how many deliveries are asked for."""
    return session.scalar(select(func.count()).select_from(DeliveryRow).where(*_deliveries(asked))) or 0


def claims(session: Session, asked: Asked) -> Iterator[ClaimSummary]:
    """Yield the claims that are asked for, open ones first and the oldest of them at the head."""
    open_first = case((ClaimRow.state == "open", 0), else_=1)
    query = select(ClaimRow).where(*_claims(asked))
    paged = _paged(query, asked, _CLAIM_ORDERS, open_first, ClaimRow.opened_at, ClaimRow.number)
    for (row,) in streamed(session, paged):
        yield ClaimSummary(
            id=row.id,
            number=row.number,
            retailer=row.retailer,
            sku=row.sku,
            difference=row.difference,
            difference_units=row.difference_units,
            owner=row.owner,
            state=row.state,
            opened_at=row.opened_at,
            decided_at=row.decided_at,
        )


def count_claims(session: Session, asked: Asked) -> int:
    """Return how many claims are asked for."""
    return session.scalar(select(func.count()).select_from(ClaimRow).where(*_claims(asked))) or 0


def owners(session: Session) -> list[str]:
    """Return who has claims."""
    return list(session.scalars(select(ClaimRow.owner).distinct().order_by(ClaimRow.owner)))


def _deliveries(asked: Asked) -> list[ColumnElement[bool]]:
    where: list[ColumnElement[bool]] = []
    if asked.cycle is not None:
        where.append(DeliveryRow.cycle == asked.cycle)
    if asked.state == "late":
        where.append(DeliveryRow.state != "confirmed")
        where.append(func.coalesce(DeliveryRow.shipped_at, DeliveryRow.dispatched_at) < asked.before)
    elif asked.state:
        where.append(DeliveryRow.state == asked.state)
    if asked.words:
        where.append(or_(*_found(asked.words, DeliveryRow.retailer, DeliveryRow.route, DeliveryRow.number)))
    return where


def _claims(asked: Asked) -> list[ColumnElement[bool]]:
    where: list[ColumnElement[bool]] = []
    if asked.state:
        where.append(ClaimRow.state == asked.state)
    if asked.owner:
        where.append(ClaimRow.owner == asked.owner)
    if asked.words:
        where.append(or_(*_found(asked.words, ClaimRow.retailer, ClaimRow.sku, ClaimRow.number)))
    return where


def _found(words: str, *columns: Any) -> list[ColumnElement[bool]]:
    """Return the conditions that one of the columns holds the words, the number exactly."""
    *texts, number = columns
    found = [column.icontains(words, autoescape=True) for column in texts]
    digits = words.removeprefix("#")
    if digits.isascii() and digits.isdigit() and len(digits) <= 18:  # noqa: PLR2004 - what the number's type holds
        found.append(number == int(digits))
    return found


def _paged(query: Select[Any], asked: Asked, orders: Mapping[str, Any], *otherwise: Any) -> Select[Any]:
    chosen = orders.get(asked.order.removeprefix("-"))
    if chosen is not None:
        query = query.order_by(chosen.desc().nulls_last() if asked.order.startswith("-") else chosen.asc())
    query = query.order_by(*otherwise).offset(asked.offset)
    return query if asked.limit is None else query.limit(asked.limit)

"""Reads of findings. Who is bounded to some shops sees those whose every shop is among them."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, cast
from uuid import UUID

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import Session

from server.signals.models import FindingNote, FindingRow, FindingShop, SignalRun
from server.signals.rules import OPEN, Kind, State

SORTS: Final = {"number": FindingRow.number, "found_at": FindingRow.found_at, "said_at": FindingRow.said_at}


@dataclass(frozen=True)
class About:
    """A shop that a finding is about, and its figures."""

    retailer: str
    figures: Mapping[str, Any]


@dataclass(frozen=True)
class Finding:
    """Something that stood out, the shops it is about, and who looks at it."""

    id: UUID
    number: int
    cycle: UUID
    kind: Kind
    key: str
    evidence: Mapping[str, Any]
    shops: tuple[About, ...]
    found_at: datetime
    state: State
    owner: str | None
    said_at: datetime | None


@dataclass(frozen=True)
class Note:
    """What somebody said of a finding, and the state that it got by that."""

    state: State
    owner: str
    words: str
    author: str
    at: datetime


def findings(
    session: Session,
    *,
    kind: str = "",
    state: str = "",
    owner: str = "",
    retailer: str = "",
    sort: str = "number",
    descending: bool = True,
    before: int | None = None,
    limit: int | None = 200,
    offset: int = 0,
) -> tuple[list[Finding], int]:
    """Return findings and how many there are; the state ``open`` is new or looked at.

    The newest first, a page may begin below the number ``before``; the count is of all.
    """
    where = [_whole_within()]
    if kind:
        where.append(FindingRow.kind == kind)
    if state:
        where.append(FindingRow.state.in_(OPEN) if state == "open" else FindingRow.state == state)
    if owner:
        where.append(FindingRow.owner == owner)
    if retailer:
        where.append(FindingRow.id.in_(select(FindingShop.finding).where(FindingShop.retailer == retailer)))
    total = session.scalar(select(func.count()).select_from(FindingRow).where(*where)) or 0
    chosen = SORTS.get(sort, FindingRow.number)
    query = (
        select(FindingRow)
        .where(*where, *(() if before is None else (FindingRow.number < before,)))
        .order_by(chosen.desc().nulls_last() if descending else chosen.asc().nulls_last(), FindingRow.number.desc())
        .offset(offset)
        .limit(limit)
    )
    return _with_shops(session, session.scalars(query).all()), total


def finding(session: Session, number: int) -> Finding | None:
    """Return one finding, or none."""
    rows = session.scalars(select(FindingRow).where(FindingRow.number == number, _whole_within())).all()
    return next(iter(_with_shops(session, rows)), None)


def notes(session: Session, finding: UUID) -> list[Note]:
    """Return what was said of a finding, the last word first."""
    rows = session.scalars(select(FindingNote).where(FindingNote.finding == finding).order_by(FindingNote.id.desc()))
    return [Note(cast("State", row.state), row.owner, row.words, row.author, row.at) for row in rows]


def earlier(session: Session, found: Finding, *, limit: int = 5) -> list[tuple[int, State, datetime]]:
    """Return earlier findings of the same thing: number, state and when it was found; the newest first."""
    query = (
        select(FindingRow.number, FindingRow.state, FindingRow.found_at)
        .where(FindingRow.key == found.key, FindingRow.number < found.number)
        .order_by(FindingRow.number.desc())
        .limit(limit)
    )
    return [(number, cast("State", state), at) for number, state, at in session.execute(query)]


def tally(session: Session) -> dict[tuple[Kind, State], int]:
    """Return how many findings there are by kind and state."""
    query = (
        select(FindingRow.kind, FindingRow.state, func.count())
        .where(_whole_within())
        .group_by(FindingRow.kind, FindingRow.state)
    )
    return {(cast("Kind", kind), cast("State", state)): count for kind, state, count in session.execute(query)}


def owners(session: Session) -> list[str]:
    """Return who has a finding to look at, in the order of names."""
    query = select(FindingRow.owner).where(FindingRow.owner.is_not(None)).distinct().order_by(FindingRow.owner)
    return [name for name in session.scalars(query) if name]


def last_look(session: Session) -> tuple[datetime, int] | None:
    """Return when a book was last looked at to its end, and how many shops had ordered in it."""
    query = select(SignalRun.done_at, SignalRun.shops).where(SignalRun.done_at.is_not(None))
    row = session.execute(query.order_by(SignalRun.done_at.desc()).limit(1)).one_or_none()
    return None if row is None or row[0] is None else (row[0], row[1] or 0)


def _whole_within() -> ColumnElement[bool]:
    """Return that every shop of a finding is within the bounds of who asks: a part would tell of the others."""
    seen = select(func.count()).select_from(FindingShop).where(FindingShop.finding == FindingRow.id).scalar_subquery()
    return seen == FindingRow.shops


def _with_shops(session: Session, rows: Collection[FindingRow]) -> list[Finding]:
    shops: dict[UUID, list[About]] = {}
    about = select(FindingShop).where(FindingShop.finding.in_([row.id for row in rows])).order_by(FindingShop.place)
    for shop in session.scalars(about):
        shops.setdefault(shop.finding, []).append(About(shop.retailer, shop.figures))
    return [
        Finding(
            id=row.id,
            number=row.number,
            cycle=row.cycle,
            kind=cast("Kind", row.kind),
            key=row.key,
            evidence=row.evidence,
            shops=tuple(shops.get(row.id, ())),
            found_at=row.found_at,
            state=cast("State", row.state),
            owner=row.owner,
            said_at=row.said_at,
        )
        for row in rows
    ]

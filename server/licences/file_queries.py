"""Reads of files about licences."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Literal, cast
from uuid import UUID

from sqlalchemy import and_, func, or_, select
from sqlalchemy.orm import Session

from server.licences import rules
from server.licences.models import FileRow, StepRow

SORTS = ("number", "due_on", "entered_at", "retailer", "licence_class", "matter", "state")


@dataclass(frozen=True)
class File:
    """One matter about one licence."""

    id: UUID
    number: int
    retailer: str
    licence_class: str
    licence_number: str
    matter: rules.Matter
    state: rules.FileState
    document: str
    reason: str
    entered_by: str
    entered_at: datetime
    inspected_by: str | None
    decided_by: str | None
    due_on: date | None
    closed_at: datetime | None

    @property
    def acted(self) -> frozenset[str]:
        """Who took a step before the decision."""
        return frozenset(name for name in (self.entered_by, self.inspected_by) if name is not None)


@dataclass(frozen=True)
class StepView:
    """What a person did with a file; ``seen`` is what a signer was shown of what is affected, by part."""

    file: int
    matter: str
    step: str
    words: str
    by: str
    at: datetime
    seen: Mapping[str, Any] | None


def file(session: Session, number: int) -> File | None:
    """Return one file, or none."""
    row = session.scalars(select(FileRow).where(FileRow.number == number)).one_or_none()
    return None if row is None else _file(row)


def steps(
    session: Session, *, number: int | None = None, retailer: str | None = None, limit: int = 200
) -> list[StepView]:
    """Return steps of one file, or of a shop's files, the newest first."""
    query = select(StepRow, FileRow.number, FileRow.matter).join(FileRow, FileRow.id == StepRow.file)
    if number is not None:
        query = query.where(FileRow.number == number)
    if retailer is not None:
        query = query.where(StepRow.retailer == retailer)
    rows = session.execute(query.order_by(StepRow.id.desc()).limit(limit))
    return [StepView(of, matter, row.step, row.words, row.by, row.at, row.seen) for row, of, matter in rows]


def search(
    session: Session,
    *,
    on: date,
    text: str = "",
    matter: str | None = None,
    state: str | None = None,
    retailer: str | None = None,
    sort: str = "due_on",
    descending: bool = False,
    offset: int = 0,
    limit: int | None = 50,
) -> tuple[list[File], int]:
    """Return a page of files and how many there are.

    ``state`` is one of theirs, ``open``, or ``late``: open, and the last day for the next step lies before ``on``.
    ``text`` is looked for in the shop's code, the licence's number and the number of the paper.
    """
    query = select(FileRow)
    if text:
        columns = (FileRow.retailer, FileRow.licence_number, FileRow.document)
        query = query.where(or_(*(column.icontains(text, autoescape=True) for column in columns)))
    if matter is not None:
        query = query.where(FileRow.matter == matter)
    if retailer is not None:
        query = query.where(FileRow.retailer == retailer)
    if state == "open":
        query = query.where(FileRow.due_on.is_not(None))
    elif state == "late":
        query = query.where(FileRow.due_on < on)
    elif state is not None:
        query = query.where(FileRow.state == state)
    total = session.scalar(select(func.count()).select_from(query.subquery())) or 0
    chosen = getattr(FileRow, sort if sort in SORTS else "due_on")
    order = chosen.desc().nulls_last() if descending else chosen.asc().nulls_last()
    rows = session.scalars(query.order_by(order, FileRow.number.desc()).offset(offset).limit(limit))
    return [_file(row) for row in rows], total


Awaited = Literal["decision", "inspection"]


def waiting_for(session: Session, name: str, *parts: Awaited) -> dict[Awaited, list[File]]:
    """Return for each of ``parts`` the open files that wait for it: a decision as the second person, an inspection.

    A file waits for the decision of who had no hand in it; ``name`` asks. The earliest deadline stands first.
    """
    query = select(FileRow).where(FileRow.due_on.is_not(None)).order_by(FileRow.due_on, FileRow.number)
    fits = {
        "inspection": FileRow.state == "received",
        "decision": and_(
            FileRow.state.in_(["inspected", "proposed"]),
            FileRow.entered_by != name,
            FileRow.inspected_by.is_distinct_from(name),
        ),
    }
    found: dict[Awaited, list[File]] = {part: [] for part in parts}
    if parts:
        for row in session.scalars(query.where(or_(*(fits[part] for part in parts)))):
            found["inspection" if row.state == "received" else "decision"].append(_file(row))
    return found


def _file(row: FileRow) -> File:
    return File(
        id=row.id,
        number=row.number,
        retailer=row.retailer,
        licence_class=row.licence_class,
        licence_number=row.licence_number,
        matter=cast("rules.Matter", row.matter),
        state=cast("rules.FileState", row.state),
        document=row.document,
        reason=row.reason,
        entered_by=row.entered_by,
        entered_at=row.entered_at,
        inspected_by=row.inspected_by,
        decided_by=row.decided_by,
        due_on=row.due_on,
        closed_at=row.closed_at,
    )

"""What became of a file, row by row: kept with the import, read on the screen, taken away as a list."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar, TypeVar
from uuid import UUID

from pydantic import TypeAdapter
from sqlalchemy import (
    CheckConstraint,
    Index,
    func,
    literal,
    select,
    tuple_,
)
from sqlalchemy.orm import Mapped, Session, mapped_column

from server.kit.db import Base
from server.kit.fields import Reason, Unfit
from server.kit.marking import N_
from server.kit.sheets import Sheet, csv_text

VALUE_MOST = 200
T = TypeVar("T")


class ImportReport(Base):
    """One stored import. Every row of the file is counted once; what was refused stands here with its reason.

    From ``emptied_at`` on, the values of its rows are gone; what was read, by whom, and how many rows, stays.
    """

    __tablename__ = "import_reports"
    __table_args__ = (
        CheckConstraint("rows_read = rows_new + rows_changed + rows_unchanged + rows_refused", name="every_row"),
        Index("ix_import_reports_at", "at"),
    )
    __append_only__ = True
    __ddl__: ClassVar[tuple[str, ...]] = (
        """
        CREATE FUNCTION import_reports_empty(emptied uuid[], at timestamptz) RETURNS bigint
        LANGUAGE sql SECURITY DEFINER SET search_path = public AS $$
            WITH done AS (
                UPDATE import_reports SET changes = '[]', emptied_at = at, refused = coalesce((
                    SELECT jsonb_agg(one || '{"problems": []}') FROM jsonb_array_elements(refused) AS one
                ), '[]')
                WHERE id = ANY (emptied) AND emptied_at IS NULL RETURNING 1
            )
            SELECT count(*) FROM done
        $$
        """,
    )
    __ddl_down__: ClassVar[tuple[str, ...]] = ("DROP FUNCTION import_reports_empty(uuid[], timestamptz)",)

    id: Mapped[UUID] = mapped_column(primary_key=True)
    kind: Mapped[str]
    file_name: Mapped[str]
    file_sha256: Mapped[str]
    reading: Mapped[dict[str, Any]]
    mapping: Mapped[str]
    by: Mapped[str]
    at: Mapped[datetime]
    rows_read: Mapped[int]
    rows_new: Mapped[int]
    rows_changed: Mapped[int]
    rows_unchanged: Mapped[int]
    rows_refused: Mapped[int]
    refused: Mapped[list[Any]]
    changes: Mapped[list[Any]]
    unused_columns: Mapped[list[Any]]
    emptied_at: Mapped[datetime | None]


@dataclass(frozen=True)
class Problem:
    """Why one cell of a row was refused."""

    column: str
    field: str
    value: str
    reason: Reason
    params: Mapping[str, str | int]

    @property
    def code(self) -> str:
        """The reason's stable code."""
        return self.reason.code

    @classmethod
    def of(cls, column: str, field: str, value: str, unfit: Unfit) -> "Problem":
        """Return the problem that ``unfit`` names."""
        return cls(column, field, shown(value), unfit.reason, {name: shown(one) for name, one in unfit.params.items()})

    def sentence(self, gettext: Callable[[str], str] = str) -> str:
        """Return the reason, and what to do, in the language of ``gettext``."""
        return self.reason.sentence(self.params, gettext)


@dataclass(frozen=True)
class RefusedRow:
    """One row that was not taken."""

    row: int
    problems: tuple[Problem, ...]


def shown(value: T) -> T | str:
    """Return a text cut to what a report holds, a zero byte as the sign for it: no database keeps one."""
    return value[:VALUE_MOST].replace("\0", "\N{SYMBOL FOR NULL}") if isinstance(value, str) else value


_REFUSED: TypeAdapter[tuple[RefusedRow, ...]] = TypeAdapter(tuple[RefusedRow, ...])


@dataclass(frozen=True)
class Change:
    """One value that an import sets in a record that exists."""

    row: int
    record: str
    field: str
    before: str
    after: str


@dataclass(frozen=True)
class Report:
    """What became of a file. ``rows_read`` is the sum of the other four counts; blank rows are no rows.

    ``id`` is none for a trial run, which stores nothing. ``changes`` are the first of the changed values.
    """

    id: UUID | None
    kind: str
    file_name: str
    file_sha256: str
    reading: Mapping[str, Any]
    mapping: str
    by: str
    at: datetime
    rows_new: int
    rows_changed: int
    rows_unchanged: int
    refused: tuple[RefusedRow, ...]
    changes: tuple[Change, ...]
    unused_columns: tuple[str, ...]

    @property
    def rows_refused(self) -> int:
        """How many rows were not taken."""
        return len(self.refused)

    @property
    def rows_taken(self) -> int:
        """How many rows stand in the database as the file says, whether they stood there before or not."""
        return self.rows_new + self.rows_changed + self.rows_unchanged

    @property
    def rows_read(self) -> int:
        """How many rows the file has."""
        return self.rows_taken + self.rows_refused


def keep(session: Session, report: Report) -> None:
    """Store a report beside the rows that it speaks of."""
    assert report.id is not None  # noqa: S101 - a trial run is not kept
    session.add(
        ImportReport(
            id=report.id,
            kind=report.kind,
            file_name=report.file_name,
            file_sha256=report.file_sha256,
            reading=dict(report.reading),
            mapping=report.mapping,
            by=report.by,
            at=report.at,
            rows_read=report.rows_read,
            rows_new=report.rows_new,
            rows_changed=report.rows_changed,
            rows_unchanged=report.rows_unchanged,
            rows_refused=report.rows_refused,
            refused=_REFUSED.dump_python(report.refused, mode="json"),
            changes=[vars(change) for change in report.changes],
            unused_columns=list(report.unused_columns),
        )
    )


def report(session: Session, report_id: UUID) -> Report | None:
    """Return a stored report, or none."""
    row = session.get(ImportReport, report_id)
    return None if row is None else _report(row)


def recent(
    session: Session, *, kind: str | None = None, before: tuple[datetime, UUID] | None = None, limit: int = 50
) -> list[Report]:
    """Return the newest reports first, of one kind and before an instant and an id where they are named."""
    query = select(ImportReport).order_by(ImportReport.at.desc(), ImportReport.id.desc()).limit(limit)
    if kind is not None:
        query = query.where(ImportReport.kind == kind)
    if before is not None:
        query = query.where(tuple_(ImportReport.at, ImportReport.id) < tuple_(*map(literal, before)))
    return [_report(row) for row in session.scalars(query)]


def count(session: Session) -> int:
    """Return how many reports there are."""
    return session.scalar(select(func.count()).select_from(ImportReport)) or 0


def refused_csv(rows: Sequence[RefusedRow], gettext: Callable[[str], str] = str) -> bytes:
    """Return the refused rows as CSV: a line for each problem, with the reason in the language of ``gettext``."""
    headings = (N_("Row"), N_("Column"), N_("Field"), N_("Value"), N_("Code"), N_("Reason"))
    lines = [
        (row.row, one.column, one.field, one.value, one.code, one.sentence(gettext))
        for row in rows
        for one in row.problems
    ]
    return csv_text(
        Sheet([gettext(heading) for heading in headings], ("number", "text", "text", "text", "text", "text"), lines)
    )


def _report(row: ImportReport) -> Report:
    return Report(
        id=row.id,
        kind=row.kind,
        file_name=row.file_name,
        file_sha256=row.file_sha256,
        reading=row.reading,
        mapping=row.mapping,
        by=row.by,
        at=row.at,
        rows_new=row.rows_new,
        rows_changed=row.rows_changed,
        rows_unchanged=row.rows_unchanged,
        refused=_REFUSED.validate_python(row.refused),
        changes=tuple(Change(**one) for one in row.changes),
        unused_columns=tuple(row.unused_columns),
    )

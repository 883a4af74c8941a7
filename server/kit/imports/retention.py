"""How long uploaded files, and what reports say of their rows, are kept."""

from datetime import datetime
from typing import Any, Final

from sqlalchemy import Select, delete, select, text
from sqlalchemy.orm import Session

from server.kit.imports.drafts import KEPT, ImportDraft
from server.kit.imports.reports import ImportReport
from server.kit.marking import N_
from server.kit.retention import Kind, count


def _left(before: datetime) -> Select[Any]:
    return select(ImportDraft.id).where(ImportDraft.created_at < before)


def _old(before: datetime) -> Select[Any]:
    return select(ImportReport.id).where(ImportReport.at < before, ImportReport.emptied_at.is_(None))


def count_files(session: Session, before: datetime) -> int:
    """Return how many uploaded files came before then."""
    return count(session, _left(before))


def erase_files(session: Session, before: datetime, _at: datetime) -> int:
    """Remove uploaded files that came before then."""
    gone = delete(ImportDraft).where(ImportDraft.id.in_(_left(before)))
    return len(session.scalars(gone.returning(ImportDraft.id)).all())


def count_values(session: Session, before: datetime) -> int:
    """Return how many reports of before then still hold values."""
    return count(session, _old(before))


def erase_values(session: Session, before: datetime, at: datetime) -> int:
    """Take the values of rows out of reports of before then; which rows were refused stays."""
    emptied = {"emptied": list(session.scalars(_old(before))), "at": at}
    return session.scalar(text("SELECT import_reports_empty(CAST(:emptied AS uuid[]), :at)"), emptied) or 0


RETENTION: Final = (
    Kind(
        "import_files",
        N_("Files that were brought in, until they are stored or discarded"),
        N_("To look at them before they are stored."),
        N_("the file came"),
        N_("removed"),
        KEPT.days,
        count_files,
        erase_files,
    ),
    Kind(
        "import_values",
        N_("Values of rows in reports of files: refused ones, and before and after of changed ones"),
        N_("To mend the file, and to find out what a file changed."),
        N_("the file was stored"),
        N_("the values are removed; the file's SHA-256, the counts and which rows were refused stay"),
        730,
        count_values,
        erase_values,
    ),
)

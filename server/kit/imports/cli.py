"""The command's way in: a file and its mapping from the disk, a report in lines."""

from datetime import datetime
from pathlib import Path

from sqlalchemy.orm import Session

from server.kit.fields import Reason, Unfit
from server.kit.identity import SYSTEM, Actor
from server.kit.imports.http import ReportBody
from server.kit.imports.reading import FileRefused
from server.kit.imports.reports import Report
from server.kit.imports.running import Upload, bring, mapping_text
from server.kit.marking import N_
from server.kit.records import Kind

SHOWN = 20

CANNOT_OPEN = Reason("cannot_open", N_("It cannot be opened: {what}. Check the path."))


def bring_file(
    session: Session,
    kind: Kind,
    file: Path,
    mapping: Path | None = None,
    *,
    at: datetime,
    dry_run: bool = False,
    actor: Actor = SYSTEM,
) -> Report:
    """Bring a file in.

    Raises
    ------
    FileRefused
        Where a path cannot be opened, or nothing of the file can be taken.
    """
    text = "" if mapping is None else mapping_text(mapping.name, _read(mapping))
    return bring(session, kind, Upload(file.name, _read(file)), text, actor=actor, at=at, dry_run=dry_run)


def lines(report: Report) -> list[str]:
    """Return the report for a terminal: one line of counts, then the first refused rows."""
    done = "would be taken" if report.id is None else "taken"
    counts = f"{report.rows_new} new, {report.rows_changed} changed, {report.rows_unchanged} unchanged"
    read, taken = f"{report.rows_read} rows read", f"{report.rows_taken} {done} ({counts})"
    written = [f"{report.file_name}: {read}, {taken}, {report.rows_refused} refused"]
    problems = [(row.row, one) for row in report.refused for one in row.problems]
    written += [
        f"  row {row}, {one.column or 'the row'}{f' {one.value!r}' if one.value else ''}: {one.sentence()}"
        for row, one in problems[:SHOWN]
    ]
    if len(problems) > SHOWN:
        written.append(f"  and {len(problems) - SHOWN} more")
    return written


def as_json(report: Report) -> str:
    """Return the report as one JSON object, as the HTTP interface gives it."""
    return ReportBody.of(report, str).model_dump_json()


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise FileRefused(str(path), Unfit(CANNOT_OPEN, what=error.strerror or type(error).__name__)) from None

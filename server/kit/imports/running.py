"""One file, one transaction: read, map, check, compare, write, report.

Guarantees: every row of the file is taken (new, changed or unchanged) or refused with its reason; the same file
a second time changes nothing; a trial run writes nothing and reports the same; what is stored stands complete
when the caller commits, or not at all.
"""

import hashlib
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from contract.ids import uuid7
from server.kit import audit, records
from server.kit.fields import NEEDED, Reason, Unfit
from server.kit.identity import Actor
from server.kit.imports import mapping as mappings
from server.kit.imports import reports
from server.kit.imports.mapping import Bound, FieldMap
from server.kit.imports.reading import PARQUET, TOO_LARGE, FileRefused, Row, Sheet, read_sheet
from server.kit.imports.reports import Change, Problem, RefusedRow, Report
from server.kit.marking import N_
from server.kit.records import NOT_KNOWN, Key, Kind, Record, Written

MAX_BYTES = 256 * 1024 * 1024
NAME_MOST = 200
MAX_REFUSED = 100_000
CHANGES_KEPT = 200
PROGRESS_EVERY = 1_000

WRONG_WIDTH = Reason("wrong_width", N_("The row has {found} cells, the headings {expected}. Correct the row."))
REPEATED = Reason("repeated", N_("Row {row} says the same. Remove this one."))
CONTRADICTED = Reason("contradicted", N_("Rows {rows} speak of the same record and differ. Keep the right one."))
NEW_NEEDS = Reason("new_needs", N_("The record is new and needs a value for {field}. Add a column for it."))
NOT_THE_ROWS = Reason(
    "too_many_refused",
    N_("More than {most} rows do not fit: the mapping is wrong rather than the rows. Nothing was stored."),
)

Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Upload:
    """A file as it came; ``name`` is made printable, for it is only shown."""

    name: str
    content: bytes

    def __post_init__(self) -> None:
        printable = "".join(sign if sign.isprintable() else "\N{WHITE SQUARE}" for sign in self.name[:NAME_MOST])
        object.__setattr__(self, "name", printable)

    @property
    def sha256(self) -> str:
        """The file's SHA-256 in hex."""
        return hashlib.sha256(self.content).hexdigest()


@dataclass
class _Taken:
    """A row on its way: what the file says of a record."""

    row: Row
    said: Record
    key: Key


def read_upload(upload: Upload, kind: Kind, field_map: FieldMap) -> tuple[Sheet, FieldMap]:
    """Return the rows of a file, and the mapping that applies: the given one, or by headings where it names no field.

    Raises
    ------
    FileRefused
        Where the file cannot be read.
    """
    if len(upload.content) > MAX_BYTES:
        raise FileRefused(upload.name, Unfit(TOO_LARGE, size=len(upload.content), most=MAX_BYTES))
    wanted = field_map.columns or tuple(field.name for field in kind.fields)
    if upload.content.startswith(PARQUET):
        from server.kit.imports.parquet import read_parquet  # noqa: PLC0415 - 60 MB, for such files alone

        sheet = read_parquet(upload.name, upload.content)
    else:
        sheet = read_sheet(upload.name, upload.content, field_map.choices, wanted)
    return sheet, field_map if field_map.sources else mappings.by_headings(kind.fields, sheet.headings)


def run(
    session: Session,
    kind: Kind,
    upload: Upload,
    field_map: FieldMap = mappings.BY_HEADINGS,
    *,
    actor: Actor,
    at: datetime,
    dry_run: bool = False,
    progress: Progress = lambda _done, _total: None,
) -> Report:
    """Bring a file's rows in, and report on every one of them.

    Parameters
    ----------
    session
        Its transaction takes everything or nothing; it is not committed here.
    kind
        What the rows are.
    upload
        The file.
    field_map
        Which column is which field; one that names no field means that the headings are our fields' names.
    actor, at
        Who brings it, and when.
    dry_run
        Report alone: nothing is written, no event, no audit entry.
    progress
        Told how many of how many rows are checked.

    Raises
    ------
    FileRefused
        Where nothing of the file can be taken.
    """
    sheet, field_map = read_upload(upload, kind, field_map)
    try:
        bound = mappings.bind(field_map, kind.fields, kind.key, sheet.headings)
    except Unfit as unfit:
        raise FileRefused(upload.name, unfit) from None
    desk = _Desk(bound)
    if not dry_run:
        records.hold(session, kind)
    taken = _without_repeats(kind, _said(sheet, bound, kind, desk, progress), desk)
    taken = _with_references(session, kind, taken, desk)
    standing = records.existing(session, kind, [one.key for one in taken], lock=not dry_run)
    written, counts = _compared(kind, taken, standing, desk, str(actor), at)
    if len(desk.refused) > MAX_REFUSED:
        raise FileRefused(upload.name, Unfit(NOT_THE_ROWS, most=MAX_REFUSED))
    report = Report(
        id=None if dry_run else uuid7(),
        kind=kind.name,
        file_name=upload.name,
        file_sha256=upload.sha256,
        reading=vars(sheet.reading) | {"blank_rows": sheet.blank_rows},
        mapping=mappings.write(field_map),
        by=str(actor),
        at=at,
        rows_new=counts["new"],
        rows_changed=counts["changed"],
        rows_unchanged=counts["unchanged"],
        refused=tuple(RefusedRow(number, tuple(desk.refused[number])) for number in sorted(desk.refused)),
        changes=tuple(desk.changes),
        unused_columns=bound.unused,
    )
    if not dry_run:
        _store(session, kind, written, report, actor)
    return report


def bring(
    session: Session, kind: Kind, upload: Upload, mapping: str, *, actor: Actor, at: datetime, dry_run: bool = False
) -> Report:
    """Bring a file in with its mapping as TOML text; an empty one means that the headings are our fields' names.

    Raises
    ------
    FileRefused
        Where the mapping or the file is not fit.
    """
    try:
        field_map = mappings.parse(mapping)
    except Unfit as unfit:
        raise FileRefused(upload.name, unfit) from None
    return run(session, kind, upload, field_map, actor=actor, at=at, dry_run=dry_run)


def mapping_text(name: str, content: bytes) -> str:
    """Return the text of a mapping file; refuse one that is not UTF-8."""
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise FileRefused(name, Unfit(mappings.NOT_UTF_8)) from None


class _Desk:
    """Where refusals and changes of one run gather."""

    def __init__(self, bound: Bound) -> None:
        self._bound = bound
        self._places = {field.name: index for index, field in enumerate(bound.fields)}
        self.refused: dict[int, list[Problem]] = {}
        self.changes: list[Change] = []

    def refuse(self, row: Row, field: str, unfit: Unfit) -> None:
        """Refuse a row for what stands in ``field``; an empty one means the row as a whole."""
        index = self._places.get(field)
        value, column = "", ""
        if index is not None:
            value = self._bound.cell(index, row.cells)
            column = self._bound.columns[index]
        self.refused.setdefault(row.number, []).append(Problem.of(column, field, value, unfit))


def _said(sheet: Sheet, bound: Bound, kind: Kind, desk: _Desk, progress: Progress) -> list[_Taken]:
    """Return what each row says, field by field; rows with a cell that does not fit are refused."""
    width, total = len(sheet.headings), len(sheet.rows)
    columns = [
        (field.name, position, constant, reader)
        for field, position, constant, reader in zip(
            bound.fields, bound.positions, bound.constants, bound.readers, strict=True
        )
    ]
    taken: list[_Taken] = []
    for count, row in enumerate(sheet.rows):
        if count % PROGRESS_EVERY == 0:
            progress(count, total)
        if len(row.cells) != width:
            desk.refused[row.number] = [
                Problem.of("", "", "", Unfit(WRONG_WIDTH, found=len(row.cells), expected=width))
            ]
            continue
        said: Record = {}
        for name, position, constant, reader in columns:
            try:
                said[name] = reader(constant if position is None else row.cells[position])
            except Unfit as unfit:
                desk.refuse(row, name, unfit)
        if row.number not in desk.refused:
            taken.append(_Taken(row, said, kind.key_of(said)))
    progress(total, total)
    return taken


def _without_repeats(kind: Kind, taken: list[_Taken], desk: _Desk) -> list[_Taken]:
    """Refuse rows that repeat an earlier one, and all of those that contradict each other."""
    by_key: dict[Key, list[_Taken]] = {}
    for one in taken:
        by_key.setdefault(one.key, []).append(one)
    kept: list[_Taken] = []
    for same in by_key.values():
        first, *others = same
        if all(other.said == first.said for other in others):
            kept.append(first)
            for other in others:
                desk.refuse(other.row, kind.key[0], Unfit(REPEATED, row=first.row.number))
        else:
            numbers = ", ".join(str(one.row.number) for one in same[:20])
            for one in same:
                desk.refuse(one.row, kind.key[0], Unfit(CONTRADICTED, rows=numbers))
    return kept


def _with_references(session: Session, kind: Kind, taken: list[_Taken], desk: _Desk) -> list[_Taken]:
    """Refuse rows that name something that does not exist."""
    for reference in kind.references:
        named = {one.said[reference.field] for one in taken if one.said.get(reference.field) is not None}
        missing = named - set(reference.known(session, named))
        kept: list[_Taken] = []
        for one in taken:
            value = one.said.get(reference.field)
            if value in missing:
                desk.refuse(one.row, reference.field, Unfit(NOT_KNOWN, what=reference.what, value=str(value)[:40]))
            else:
                kept.append(one)
        taken = kept
    return taken


def _compared(
    kind: Kind, taken: Iterable[_Taken], standing: dict[Key, Record], desk: _Desk, by: str, at: datetime
) -> tuple[list[Written], Counter[str]]:
    """Return what is to be written, records complete, and how many rows are new, changed and unchanged."""
    written: list[Written] = []
    counts: Counter[str] = Counter(new=0, changed=0, unchanged=0)
    for one in taken:
        before = standing.get(one.key)
        try:
            record = before | one.said if before is not None else _completed(kind, one.said)
        except Unfit as unfit:
            desk.refuse(one.row, "", unfit)
            continue
        if record == before:
            counts["unchanged"] += 1
            continue
        broken = kind.broken(record, at)
        if broken is not None:
            desk.refuse(one.row, *broken)
            continue
        counts["new" if before is None else "changed"] += 1
        written.append(Written(before, record, by))
        if before is not None:
            _note_changes(kind, one, before, record, desk)
    return written, counts


def _completed(kind: Kind, said: Record) -> Record:
    """Return a new record with the defaults of the fields that the file does not name."""
    record: Record = {}
    for field in kind.fields:
        value: Any = said.get(field.name, field.default)
        if value is NEEDED:
            raise Unfit(NEW_NEEDS, field=field.name)
        record[field.name] = value
    return record


def _note_changes(kind: Kind, one: _Taken, before: Record, after: Record, desk: _Desk) -> None:
    for field in kind.fields:
        if len(desk.changes) >= CHANGES_KEPT:
            return
        if before[field.name] != after[field.name]:
            was, becomes = field.write(before[field.name]), field.write(after[field.name])
            desk.changes.append(Change(one.row.number, kind.named(after), field.name, was, becomes))


def _store(session: Session, kind: Kind, written: list[Written], report: Report, actor: Actor) -> None:
    if written:
        records.write(session, kind, (one.after for one in written), at=report.at)
        kind.written(session, written, report.at)
    reports.keep(session, report)
    audit.record(
        session,
        actor=actor,
        action="import.stored",
        subject=f"import:{report.id}",
        at=report.at,
        detail={
            "kind": report.kind,
            "file": report.file_name,
            "sha256": report.file_sha256,
            "read": report.rows_read,
            "new": report.rows_new,
            "changed": report.rows_changed,
            "unchanged": report.rows_unchanged,
            "refused": report.rows_refused,
        },
    )

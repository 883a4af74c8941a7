"""Programs' way in: upload a file with its mapping, get the report on every row."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import Depends, File, Form, Request, Response, UploadFile
from pydantic import BaseModel

from contract.errors import Rejected
from server.kit import http, paging, records
from server.kit.console import texts
from server.kit.identity import Role
from server.kit.imports import parquet, reports
from server.kit.imports.reading import FileRefused
from server.kit.imports.reports import Report
from server.kit.imports.running import MAX_BYTES, Upload, bring, mapping_text
from server.kit.records import Kind

ROLES: tuple[Role, ...] = ("planner", "administrator")
CSV_TYPE = "text/csv; charset=utf-8"
MAPPING_MOST = 100_000


class ProblemBody(BaseModel):
    """Why one cell was refused, and what to do."""

    column: str
    field: str
    value: str
    code: str
    reason: str


class RefusedBody(BaseModel):
    """One row that was not taken; row 1 holds the headings."""

    row: int
    problems: list[ProblemBody]


class ChangeBody(BaseModel):
    """One value that the file sets in a record that exists."""

    row: int
    record: str
    field: str
    before: str
    after: str


class ReportBody(BaseModel):
    """What became of a file: ``rows_read`` = ``rows_taken`` + ``rows_refused``; ``id`` is null for a trial run."""

    id: UUID | None
    kind: str
    file_name: str
    file_sha256: str
    reading: dict[str, Any]
    mapping: str
    by: str
    at: datetime
    rows_read: int
    rows_taken: int
    rows_new: int
    rows_changed: int
    rows_unchanged: int
    rows_refused: int
    refused: list[RefusedBody]
    changes: list[ChangeBody]
    unused_columns: list[str]

    @classmethod
    def of(cls, report: Report, gettext: Callable[[str], str]) -> "ReportBody":
        """Return the body of a report, reasons in the language of ``gettext``."""
        return cls(
            **{name: getattr(report, name) for name in _SAME},
            reading=dict(report.reading),
            refused=[
                RefusedBody(
                    row=row.row,
                    problems=[
                        ProblemBody(
                            column=one.column,
                            field=one.field,
                            value=one.value,
                            code=one.code,
                            reason=one.sentence(gettext),
                        )
                        for one in row.problems
                    ],
                )
                for row in report.refused
            ],
            changes=[ChangeBody(**vars(change)) for change in report.changes],
            unused_columns=list(report.unused_columns),
        )


_SAME = (
    "id",
    "kind",
    "file_name",
    "file_sha256",
    "mapping",
    "by",
    "at",
    "rows_read",
    "rows_taken",
    "rows_new",
    "rows_changed",
    "rows_unchanged",
    "rows_refused",
)


class FieldBody(BaseModel):
    """One field that a file can bring."""

    name: str
    label: str
    key: bool
    needed: bool
    default: str


class KindBody(BaseModel):
    """One kind of list that can be brought in."""

    name: str
    label: str
    fields: list[FieldBody]


api = http.router("/api/v1/imports", tag="imports", roles=ROLES)


def _kinds(request: Request) -> Mapping[str, Kind]:
    found: Mapping[str, Kind] = request.app.state.import_kinds
    return found


Kinds = Annotated[Mapping[str, Kind], Depends(_kinds)]


@api.get("/kinds")
def list_kinds(request: Request, kinds: Kinds) -> list[KindBody]:
    """Return what can be brought in, field by field."""
    gettext = texts(request).gettext
    return [_kind_body(kind, gettext) for kind in kinds.values()]


@api.post("/{kind}")
def bring_in(
    request: Request,
    kind: str,
    kinds: Kinds,
    session: http.Db,
    clock: http.Now,
    operator: http.Person,
    file: Annotated[UploadFile, File(description="CSV or Parquet")],
    mapping: Annotated[UploadFile | None, File(description="TOML; without one the headings are our fields")] = None,
    dry_run: Annotated[bool, Form(description="report alone, store nothing")] = False,  # noqa: FBT002 - a form's field
) -> ReportBody:
    """Bring a CSV or Parquet file in; everything or nothing, with a report on every row."""
    gettext = texts(request).gettext
    report = told(
        gettext,
        lambda: bring(
            session,
            known_kind(kinds, kind),
            uploaded(file),
            text_of(mapping),
            actor=operator.actor,
            at=clock(),
            dry_run=dry_run,
        ),
    )
    return ReportBody.of(report, gettext)


@api.get("")
def list_reports(request: Request, session: http.Db, page: paging.Paged, kind: str | None = None) -> list[ReportBody]:
    """Return the newest reports first."""
    gettext = texts(request).gettext
    found = reports.recent(session, kind=kind, before=page.key(datetime, UUID), limit=page.one_more)
    return [ReportBody.of(report, gettext) for report in page.rows(found, lambda report: (report.at, report.id))]


@api.get("/reports/{report_id}")
def one_report(request: Request, session: http.Db, report_id: UUID) -> ReportBody:
    """Return one report."""
    return ReportBody.of(stored_report(session, report_id), texts(request).gettext)


@api.get("/reports/{report_id}/refused.csv", response_class=Response)
def refused_rows(request: Request, session: http.Db, report_id: UUID) -> Response:
    """Return the rows that were not taken, with their reasons."""
    return refused_file(request, stored_report(session, report_id))


@api.get("/{kind}.csv", response_class=Response)
def export(session: http.Db, kinds: Kinds, kind: str) -> Response:
    """Return all records of a kind as a file that can be brought in again, byte for byte the same."""
    known = known_kind(kinds, kind)
    return csv_file(known.name, records.export_csv(known, records.every(session, known)))


@api.get(
    "/{kind}.parquet",
    response_class=Response,
    responses={200: {"content": {parquet.MEDIA: {}}, "description": "A Parquet file"}},
)
def export_typed(session: http.Db, kinds: Kinds, kind: str) -> Response:
    """Return all records of a kind as a Parquet file, numbers and days as such, that can be brought in again."""
    known = known_kind(kinds, kind)
    return saved_as(
        f"{known.name}.parquet", parquet.export_parquet(known, records.every(session, known)), parquet.MEDIA
    )


def told(gettext: Callable[[str], str], act: Callable[[], Report]) -> Report:
    """Return what ``act`` returns; refuse in the language of ``gettext``."""
    try:
        return act()
    except FileRefused as refused:
        raise FileRefused(refused.file, refused.unfit, refused.unfit.sentence(gettext)) from None


def uploaded(file: UploadFile) -> Upload:
    """Return an uploaded file; one byte more than is taken is enough to refuse it."""
    return Upload(file.filename or "file.csv", file.file.read(MAX_BYTES + 1))


def text_of(mapping: UploadFile | None) -> str:
    """Return the text of an uploaded mapping."""
    if mapping is None:
        return ""
    return mapping_text(mapping.filename or "mapping", mapping.file.read(MAPPING_MOST))


def stored_report(session: Any, report_id: UUID) -> Report:
    """Return a stored report, or refuse with ``not_found``."""
    found = reports.report(session, report_id)
    if found is None:
        raise Rejected("not_found", what="report", name=str(report_id))
    return found


def refused_file(request: Request, report: Report) -> Response:
    """Return a report's refused rows as a file."""
    return csv_file("refused", reports.refused_csv(report.refused, texts(request).gettext))


def csv_file(name: str, content: bytes) -> Response:
    """Return a CSV file to be saved under ``name``."""
    return saved_as(f"{name}.csv", content, CSV_TYPE)


def saved_as(name: str, content: bytes, media_type: str) -> Response:
    """Return a file to be saved under ``name``."""
    headers = {"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "no-store"}
    return Response(content, media_type=media_type, headers=headers)


def known_kind(kinds: Mapping[str, Kind], name: str) -> Kind:
    """Return a kind by its name, or refuse with ``not_found``."""
    if name not in kinds:
        raise Rejected("not_found", what="kind of import", name=name)
    return kinds[name]


def _kind_body(kind: Kind, gettext: Callable[[str], str]) -> KindBody:
    return KindBody(
        name=kind.name,
        label=gettext(kind.label),
        fields=[
            FieldBody(
                name=field.name,
                label=gettext(field.label),
                key=field.name in kind.key,
                needed=field.needed,
                default="" if field.needed else field.write(field.default),
            )
            for field in kind.fields
        ],
    )

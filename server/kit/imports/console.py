"""Screens: bring a file in. Upload, look at how it is read and what would become of it, change that, store."""

from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal
from functools import partial
from types import MappingProxyType
from typing import Annotated, Any, cast
from uuid import UUID

from fastapi import File, Form, Request, Response, UploadFile

from server.kit import console, forms, http, records
from server.kit.console import N_, Column, TableView, texts
from server.kit.fields import Unfit
from server.kit.identity import Actor
from server.kit.imports import drafts, reports
from server.kit.imports import mapping as mappings
from server.kit.imports.drafts import ImportDraft, Looks
from server.kit.imports.http import ROLES, Kinds, csv_file, known_kind, refused_file, stored_report, text_of, uploaded
from server.kit.imports.mapping import FieldMap, Source
from server.kit.imports.reading import ENCODINGS, SEPARATORS, Choices, Encoding, FileRefused, Separator, Sheet
from server.kit.imports.running import read_upload
from server.kit.records import Kind

HOME = "/console/imports"
PREVIEW_ROWS = 8
SHOWN_PROBLEMS = 200
CONSTANT = "="
COLUMN = "c:"

COLUMNS = (
    Column("at", N_("When"), "instant", sortable=False),
    Column("kind", N_("List"), sortable=False),
    Column("file_name", N_("File"), sortable=False),
    Column("by", N_("By"), "actor", sortable=False),
    Column("rows_read", N_("Rows"), "number", sortable=False),
    Column("rows_new", N_("New"), "number", sortable=False),
    Column("rows_changed", N_("Changed rows"), "number", sortable=False),
    Column("rows_unchanged", N_("Unchanged"), "number", sortable=False),
    Column("rows_refused", N_("Refused"), "number", sortable=False),
)

Word = Annotated[str, Form(max_length=1000)]


screens = http.router(HOME, tag="console", roles=ROLES)


@screens.get("")
def start(request: Request, session: http.Db, kinds: Kinds, kind: str = "") -> Response:
    """Offer the upload, what waits, and what was brought in."""
    return _start(request, session, kinds, {"kind": kind}, {})


@screens.get("/empty/{kind}.csv")
def empty_file(kinds: Kinds, kind: str) -> Response:
    """Return a file with our headings and no rows, to be filled."""
    return csv_file(kind, records.export_csv(known_kind(kinds, kind), ()))


@screens.post("")
def upload(
    request: Request,
    session: http.Db,
    kinds: Kinds,
    clock: http.Now,
    operator: http.Person,
    file: Annotated[UploadFile, File()],
    kind: Word = "",
    mapping: Annotated[UploadFile | None, File()] = None,
) -> Response:
    """Keep the file and go to where it is looked at."""
    gettext = texts(request).gettext
    if kind not in kinds:
        return _start(request, session, kinds, {"kind": kind}, {"kind": gettext("Choose what the file holds.")})
    came = uploaded(file)
    if not came.content:
        return _start(request, session, kinds, {"kind": kind}, {"file": gettext("Choose a file that holds something.")})
    try:
        said = text_of(mapping)
        draft = drafts.keep(session, kinds[kind], came, said, _actor(operator), minor=_minor(request), at=clock())
    except Unfit as unfit:
        return _start(request, session, kinds, {"kind": kind}, {"mapping": unfit.sentence(gettext)})
    except FileRefused as refused:
        return _start(request, session, kinds, {"kind": kind}, {"mapping": refused.unfit.sentence(gettext)})
    return console.redirect(request, f"{HOME}/drafts/{draft}")


@screens.get("/drafts/{draft_id}")
def look(request: Request, session: http.Db, kinds: Kinds, draft_id: UUID) -> Response:
    """Show how a file is read and what would become of it."""
    draft = drafts.draft_of(session, draft_id)
    if draft.report_id is not None:
        return console.redirect(request, f"{HOME}/reports/{draft.report_id}")
    return _look(request, draft, known_kind(kinds, draft.kind))


@screens.get("/drafts/{draft_id}/progress")
def progress(request: Request, session: http.Db, draft_id: UUID) -> Response:
    """Return how far the work on a large file is; when it is done, the page loads again."""
    draft = drafts.draft_of(session, draft_id)
    if draft.work == "idle":
        return console.redirect(request, f"{HOME}/drafts/{draft_id}")
    return console.fragment(request, "kit/imports/progress.html", draft=draft)


@screens.post("/drafts/{draft_id}/reading")
def change_reading(
    request: Request, session: http.Db, kinds: Kinds, clock: http.Now, operator: http.Person, draft_id: UUID
) -> Response:
    """Read the file in another way: encoding, separator, which column is which field."""
    draft = drafts.draft_of(session, draft_id)
    kind = known_kind(kinds, draft.kind)
    minor = _minor(request)
    before = drafts.looks(draft, kind, minor)
    chosen = _carried_over(_chosen(request.state.typed, kind, before, minor), draft, kind, before.sheet)
    drafts.remap(session, draft, kind, mappings.write(chosen), _actor(operator), minor=minor, at=clock())
    return console.redirect(request, f"{HOME}/drafts/{draft_id}")


@screens.post("/drafts/{draft_id}/mapping")
def change_mapping(
    request: Request,
    session: http.Db,
    kinds: Kinds,
    clock: http.Now,
    operator: http.Person,
    draft_id: UUID,
    mapping: Annotated[str, Form(max_length=100_000)] = "",
) -> Response:
    """Read the file by the mapping that was written."""
    draft = drafts.draft_of(session, draft_id)
    kind = known_kind(kinds, draft.kind)
    try:
        drafts.remap(session, draft, kind, mapping, _actor(operator), minor=_minor(request), at=clock())
    except Unfit as unfit:
        sentence = unfit.sentence(texts(request).gettext)
        return _look(request, draft, kind, written=mapping, errors={"mapping": sentence}, status_code=422)
    return console.redirect(request, f"{HOME}/drafts/{draft_id}")


@screens.post("/drafts/{draft_id}/store")
def store(
    request: Request, session: http.Db, kinds: Kinds, clock: http.Now, operator: http.Person, draft_id: UUID
) -> Response:
    """Store what the trial run showed."""
    draft = drafts.draft_of(session, draft_id)
    try:
        report = drafts.store(session, draft, known_kind(kinds, draft.kind), _actor(operator), at=clock())
    except FileRefused as refused:
        what = refused.unfit.sentence(texts(request).gettext)
        return console.error_page(request, 422, what=what, where=draft.file_name)
    if report is None:
        return console.redirect(request, f"{HOME}/drafts/{draft_id}")
    return console.redirect(request, f"{HOME}/reports/{report}", flash=texts(request).gettext("The file is stored."))


@screens.post("/drafts/{draft_id}/stop")
def stop(request: Request, session: http.Db, draft_id: UUID) -> Response:
    """Stop the work on a large file; where it is over by now, that is said."""
    return console.stopped(request, session, partial(drafts.stop, session, draft_id), back=f"{HOME}/drafts/{draft_id}")


@screens.post("/drafts/{draft_id}/discard")
def discard(request: Request, session: http.Db, draft_id: UUID) -> Response:
    """Forget the file."""
    drafts.discard(session, draft_id)
    return console.redirect(
        request, HOME, flash=texts(request).gettext("The file is discarded; nothing of it was stored."), tone="note"
    )


@screens.get("/reports/{report_id}")
def report_page(request: Request, session: http.Db, kinds: Kinds, report_id: UUID) -> Response:
    """Show what became of a file."""
    report = stored_report(session, report_id)
    return console.page(
        request,
        "kit/imports/report.html",
        report=report,
        kind=kinds.get(report.kind),
        encodings=ENCODINGS,
        separators=SEPARATORS,
        shown=SHOWN_PROBLEMS,
        translate=texts(request).gettext,
    )


@screens.get("/reports/{report_id}/refused.csv")
def refused_rows(request: Request, session: http.Db, report_id: UUID) -> Response:
    """Return the rows that were not taken, with their reasons."""
    return refused_file(request, stored_report(session, report_id))


def _start(
    request: Request, session: Any, by_name: Mapping[str, Kind], values: Mapping[str, str], errors: Mapping[str, str]
) -> Response:
    view = TableView.of(request, COLUMNS)
    done = reports.recent(session, limit=view.offset + view.per_page)
    return console.page(
        request,
        "kit/imports/start.html",
        status_code=422 if errors else 200,
        kinds=tuple(by_name.values()),
        names={name: kind.label for name, kind in by_name.items()},
        waiting=drafts.waiting(session),
        view=view,
        columns=COLUMNS,
        rows=done[view.offset :],
        total=reports.count(session),
        values=values,
        errors=errors,
    )


def _look(
    request: Request,
    draft: ImportDraft,
    kind: Kind,
    *,
    written: str | None = None,
    errors: Mapping[str, str] = MappingProxyType({}),
    status_code: int = 200,
) -> Response:
    gettext = texts(request).gettext
    looks = drafts.looks(draft, kind, _minor(request))
    return console.page(
        request,
        "kit/imports/draft.html",
        status_code=status_code,
        draft=draft,
        kind=kind,
        sheet=looks.sheet,
        preview=looks.sheet.rows[:PREVIEW_ROWS] if looks.sheet else (),
        choices=looks.field_map.choices,
        sources=looks.field_map.sources,
        written=mappings.write(looks.field_map) if written is None else written,
        report=draft.report,
        fault=draft.fault_sentence(gettext),
        encodings=ENCODINGS,
        separators=SEPARATORS,
        errors=errors,
        shown=SHOWN_PROBLEMS,
        translate=gettext,
    )


def _chosen(typed: Mapping[str, str], kind: Kind, before: Looks, minor: Decimal) -> FieldMap:
    """Return the mapping that the form says; what it does not show of a field's source is kept."""
    choices = Choices(
        encoding=cast("Encoding", typed["encoding"]) if typed.get("encoding") in ENCODINGS else None,
        separator=cast("Separator", typed["separator"]) if typed.get("separator") in SEPARATORS else None,
        guarded={"yes": True, "no": False}.get(typed.get("guarded", "")),
    )
    sources: dict[str, Source] = {}
    for field in kind.fields:
        column, old = typed.get(f"column-{field.name}", ""), before.field_map.sources.get(field.name, Source())
        if field.money:
            old = replace(old, multiply=minor if typed.get(f"decimal-{field.name}") else None)
        if column == CONSTANT:
            sources[field.name] = replace(old, column=None, constant=typed.get(f"constant-{field.name}", ""))
        elif column.startswith(COLUMN):
            sources[field.name] = replace(old, column=column.removeprefix(COLUMN), constant=None)
    return FieldMap(choices, MappingProxyType(sources))


def _carried_over(chosen: FieldMap, draft: ImportDraft, kind: Kind, before: Sheet | None) -> FieldMap:
    """Return the mapping for a file that is read anew: in another encoding the same column has another heading.

    Columns keep their places; where the number of columns is another one, the headings decide anew.
    """
    try:
        sheet, _ = read_upload(draft.upload, kind, replace(chosen, sources=MappingProxyType({})))
    except FileRefused:
        return chosen
    if before is None or len(before.headings) != len(sheet.headings):
        return replace(chosen, sources=MappingProxyType({}))
    moved = dict(zip(before.headings, sheet.headings, strict=True))
    return replace(
        chosen,
        sources=MappingProxyType(
            {
                name: source if source.column is None else replace(source, column=moved[source.column])
                for name, source in chosen.sources.items()
                if source.column is None or source.column in moved
            }
        ),
    )


def _minor(request: Request) -> Decimal:
    return forms.minor_units(http.runtime_of(request).settings.currency)


def _actor(operator: Any) -> Actor:
    return Actor("operator", operator.name)

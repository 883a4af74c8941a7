"""The supply page of a cycle: what there is, what is scarce, versions, and the ways to set it."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated
from uuid import UUID

from fastapi import File, Form, Request, Response, UploadFile
from sqlalchemy.orm import Session

from contract.errors import Rejected
from server.catalogue import queries as catalogue
from server.cycles import rules, service, supply, supply_files, supply_queries
from server.cycles.console import PLACE, STATES, named, problems
from server.cycles.http import known
from server.kit import console, http
from server.kit.console.tables import Column, Filter, TableView
from server.kit.console.texts import N_, texts
from server.kit.fields import Invalid
from server.kit.imports.reading import FileRefused

reading = http.router(PLACE, tag="console", roles=())
planning = http.router(PLACE, tag="console", roles=("planner",))

COLUMNS = (
    Column("sku", N_("SKU"), "identifier"),
    Column("name", N_("Name")),
    Column("offered_units", N_("Offered"), "units"),
    Column("supply_units", N_("Supply"), "units"),
    Column("reserve_units", N_("Reserve"), "units"),
    Column("minimum_units", N_("Smallest grant"), "units"),
    Column("pack_units", N_("Pack"), "units"),
    Column("asked_units", N_("Asked last time"), "units"),
    Column("scarce", N_("Scarce"), sortable=False),
)
FILTERS = (Filter("scarce", N_("Scarce"), (("yes", N_("scarce")), ("no", N_("ample")))),)
MISSING_SHOWN = 60
FAULTS_SHOWN = 20
VERSIONS_COMPARED = 5  # the newest versions that are shown with what they changed
OFFERED_MOST = 2000  # SKUs that are proposed while one is typed
_PLACE = re.compile(r"row (?P<row>\d+)(?:, (?P<column>\w+))?")


@dataclass(frozen=True)
class Line:
    """One SKU of the version that counts, in units."""

    sku: str
    name: str
    offered_units: int
    supply_units: int
    reserve_units: int
    minimum_units: int
    pack_units: int
    asked_units: int | None
    scarce: str


@reading.get("/{cycle}/supply")
@http.of_shops
def supply_page(request: Request, session: http.Db, cycle: UUID) -> Response:
    """Show the supply; with ``format`` it comes as a file."""
    return _page(request, session, cycle)


@planning.get("/{cycle}/supply/to-fill.csv")
def file_to_fill(request: Request, session: http.Db, cycle: UUID) -> Response:
    """Return a file to change and bring back: this supply, else that of the cycle before, else every SKU."""
    found = known(session, cycle)
    last = supply_files.before(session, found)
    rows = supply_queries.supply(session, cycle) or (supply_queries.supply(session, last.id) if last else {})
    content = supply_files.to_fill(catalogue.skus(session), rows, chinese=console.language_of(request) == "zh")
    return Response(
        content,
        media_type="text/csv; charset=utf-8",
        headers={
            "Content-Disposition": f'attachment; filename="supply-{found.number}.csv"',
            "X-Content-Type-Options": "nosniff",
            "Cache-Control": "no-store",
        },
    )


@planning.post("/{cycle}/supply/before")
def take_over(
    request: Request,
    session: http.Db,
    clock: http.Now,
    operator: http.Person,
    cycle: UUID,
    reason: Annotated[str, Form()] = "",
    seen: Annotated[int | None, Form()] = None,
) -> Response:
    """Take the supply of the cycle before as a new version, to be corrected where it differs."""
    last = supply_files.before(session, known(session, cycle))
    if last is None:
        raise Rejected("not_found", what="supply", name="")

    def act() -> int:
        lines = supply_files.taken_over(session, last, catalogue.skus(session))
        return service.release_supply(session, cycle, lines, reason=reason, by=operator, at=clock(), seen=seen)

    return _released(request, session, cycle, act, {"reason": reason, "seen": _shown(seen)})


@planning.post("/{cycle}/supply/file")
def upload(
    request: Request,
    session: http.Db,
    clock: http.Now,
    operator: http.Person,
    cycle: UUID,
    file: Annotated[UploadFile, File()],
    reason: Annotated[str, Form()] = "",
    others: Annotated[str, Form()] = "",
    seen: Annotated[int | None, Form()] = None,
) -> Response:
    """Take a file as a new version."""

    def act() -> int:
        lines = supply.read_file(
            file.filename or "supply.csv", file.file.read(), catalogue.skus(session, withdrawn=True)
        )
        change = service.correct_supply if others == "keep" else service.release_supply
        return change(session, cycle, lines, reason=reason, by=operator, at=clock(), seen=seen)

    def placed(refused: Invalid) -> dict[str, str]:
        return _by_place(request, refused)

    return _released(request, session, cycle, act, {"reason": reason, "others": others, "seen": _shown(seen)}, placed)


@planning.post("/{cycle}/supply/line")
def correct_line(
    request: Request,
    session: http.Db,
    clock: http.Now,
    operator: http.Person,
    cycle: UUID,
    sku: Annotated[str, Form()] = "",
    supply_units: Annotated[str, Form()] = "",
    reserve_units: Annotated[str, Form()] = "",
    minimum_units: Annotated[str, Form()] = "",
    scarce: Annotated[str, Form()] = "",
    reason: Annotated[str, Form()] = "",
    seen: Annotated[int | None, Form()] = None,
) -> Response:
    """Set one SKU anew and keep the others."""
    row: dict[str, supply.Cell] = {
        "sku": sku.strip(),
        "supply_units": supply_units.strip(),
        "reserve_units": reserve_units.strip(),
        "minimum_units": minimum_units.strip(),
        "scarce": scarce,
    }

    def act() -> int:
        lines = supply.read_rows([row], catalogue.skus(session, withdrawn=True))
        return service.correct_supply(session, cycle, lines, reason=reason, by=operator, at=clock(), seen=seen)

    def by_field(refused: Invalid) -> dict[str, str]:
        sentences = problems(refused, texts(request).gettext)
        return {where.removeprefix("row 1, "): said for where, said in sentences.items()}

    typed = {"reason": reason, "seen": _shown(seen), **{name: str(value) for name, value in row.items()}}
    return _released(request, session, cycle, act, typed, by_field)


@planning.post("/{cycle}/supply/missing")
def add_missing(
    request: Request,
    session: http.Db,
    clock: http.Now,
    operator: http.Person,
    cycle: UUID,
    sku: Annotated[list[str] | None, Form()] = None,
    units: Annotated[list[str] | None, Form()] = None,
    reason: Annotated[str, Form()] = "",
    seen: Annotated[int | None, Form()] = None,
) -> Response:
    """Add the SKUs that were asked for and are not in the supply; those left empty stay missing."""
    given = [
        {"sku": name, "supply_units": typed.strip()}
        for name, typed in zip(sku or [], units or [], strict=False)
        if typed.strip()
    ]

    def act() -> int:
        lines = supply.read_rows(given, catalogue.skus(session, withdrawn=True))
        return service.correct_supply(session, cycle, lines, reason=reason, by=operator, at=clock(), seen=seen)

    def by_sku(refused: Invalid) -> dict[str, str]:
        return _by_place(request, refused, [row["sku"] for row in given])

    return _released(request, session, cycle, act, {"reason": reason, "seen": _shown(seen)}, by_sku)


def _shown(seen: int | None) -> str:
    """Return the version that a person looked at as the form keeps it through a refusal."""
    return "" if seen is None else str(seen)


def _by_place(request: Request, refused: Invalid, names: Sequence[str] = ()) -> dict[str, str]:
    """Return the sentences of a refusal, each led in by its row and column, or by the row's name."""
    gettext = texts(request).gettext
    said: dict[str, str] = {}
    for where, sentence in problems(refused, gettext).items():
        found = _PLACE.fullmatch(where)
        if found is None:
            said[where] = sentence
            continue
        row, column = int(found["row"]), found["column"]
        named_row = names[row - 1] if row <= len(names) else gettext("Row %(row)s") % {"row": row}
        lead = named_row if names or column is None else f"{named_row}, {column}"
        said[where] = gettext("%(place)s: %(text)s") % {"place": lead, "text": sentence}
    more = len(said) - FAULTS_SHOWN
    if more <= 0:
        return said
    kept = dict(list(said.items())[:FAULTS_SHOWN])
    return kept | {"more": gettext("… and %(count)s more.") % {"count": more}}


def _released(
    request: Request,
    session: Session,
    cycle: UUID,
    act: Callable[[], int],
    values: dict[str, str],
    told: Callable[[Invalid], dict[str, str]] | None = None,
) -> Response:
    gettext = texts(request).gettext
    try:
        version = act()
    except FileRefused as refused:
        session.rollback()
        return _page(request, session, cycle, {"file": refused.unfit.sentence(gettext)}, values)
    except Invalid as refused:
        session.rollback()
        return _page(request, session, cycle, told(refused) if told else problems(refused, gettext), values)
    return console.redirect(
        request,
        f"{PLACE}/{cycle}/supply",
        flash=gettext("Version %(version)s of the supply counts now.") % {"version": version},
    )


def _page(
    request: Request,
    session: Session,
    cycle: UUID,
    errors: dict[str, str] | None = None,
    values: dict[str, str] | None = None,
) -> Response:
    found = known(session, cycle)
    view = TableView.of(request, COLUMNS, filters=FILTERS, sort="sku")
    offered = catalogue.skus(session, withdrawn=True)
    supplied = supply_queries.supply(session, cycle, found.supply_version)
    lines = _lines(request, offered, supplied, supply_queries.asked_last_time(session))
    text, scarce = view.search.casefold(), view.filters.get("scarce")
    kept = [
        line
        for line in lines
        if (text in line.sku.casefold() or text in line.name.casefold())
        and scarce in {None, "yes" if line.scarce else "no"}
    ]
    kept.sort(
        key=lambda line: (getattr(line, view.sort) is not None, getattr(line, view.sort)), reverse=view.descending
    )
    if view.format:
        return console.download(request, COLUMNS, kept, name=f"supply-{found.number}")
    missing = supply_queries.unsupplied(session, cycle, supplied) if found.state in {"open", "closed"} else {}
    versions = supply_queries.supply_versions(session, cycle)
    return console.page(
        request,
        "cycles/supply.html",
        status_code=422 if errors else 200,
        cycle=found,
        name=named(request, found),
        states=STATES,
        view=view,
        columns=COLUMNS,
        filters=FILTERS,
        rows=kept[view.offset : view.offset + view.per_page],
        total=len(kept),
        scarce=sum(1 for line in lines if line.scarce),
        versions=versions,
        differences=supply_queries.differences(session, cycle, [one.version for one in versions[:VERSIONS_COMPARED]]),
        missing=dict(list(missing.items())[:MISSING_SHOWN]),
        missing_count=len(missing),
        skus=offered,
        proposed=list(offered.values()) if len(offered) <= OFFERED_MOST else [],
        before=supply_files.before(session, found),
        takes_supply=rules.takes_supply(found.state),
        again=found.state in rules.REDONE,
        errors=errors or {},
        values=values or {},
    )


def _lines(
    request: Request,
    names: Mapping[str, catalogue.Sku],
    supplied: Mapping[str, supply_queries.Supply],
    asked: Mapping[str, int],
) -> list[Line]:
    gettext = texts(request).gettext
    scarce = supply_queries.scarce_of(supplied, asked)
    chinese = console.language_of(request) == "zh"
    return [
        Line(
            sku=line.sku,
            name=names[line.sku].name_zh if chinese else names[line.sku].name_en,
            offered_units=line.offered_units,
            supply_units=line.supply_units,
            reserve_units=line.reserve_units,
            minimum_units=line.minimum_units,
            pack_units=line.pack_units,
            asked_units=asked.get(line.sku),
            scarce=""
            if line.sku not in scarce
            else gettext("marked")
            if line.marked_scarce
            else gettext("below what was asked last time"),
        )
        for line in supplied.values()
    ]

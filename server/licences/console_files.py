"""Screens of files about licences: the list by deadline, the form that opens one, one file with its steps."""

from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime
from typing import Annotated, Any, Literal
from urllib.parse import urlencode

from fastapi import Depends, Form, Request, Response
from sqlalchemy.orm import Session

from contract.errors import Conflict, Refusal, Rejected
from contract.texts import refusal_text
from server.catalogue import queries as catalogue
from server.kit import console, http
from server.kit.console import N_, Column, Filter, TableView
from server.kit.console.cards import Card
from server.kit.console.texts import language_of, texts
from server.kit.fields import Invalid
from server.kit.identity import Operator
from server.licences import file_queries, files, queries, rules
from server.retailers import affected
from server.retailers import queries as retailers
from server.retailers.affected import Part, Touched

HOME = "/console/licences/files"
TOUCHING: frozenset[rules.Matter] = frozenset({"suspension", "cancellation"})
"""Matters whose signer is shown what they touch."""

reading = http.router(HOME, tag="console", roles=(), shops="all")
entering = http.router(HOME, tag="console", roles=rules.INSPECTORS, shops="all")
deciding = http.router(HOME, tag="console", roles=rules.DECIDERS, shops="all")

MATTERS: dict[str, str] = {
    "application": N_("application"),
    "renewal": N_("renewal"),
    "suspension": N_("suspension"),
    "restoration": N_("restoration"),
    "cancellation": N_("cancellation"),
}
STATES: dict[str, tuple[str, str]] = {
    "received": (N_("to be inspected"), "wait"),
    "inspected": (N_("to be decided"), "wait"),
    "proposed": (N_("to be signed"), "wait"),
    "granted": (N_("licence granted"), "ok"),
    "refused": (N_("licence refused"), "stop"),
    "signed": (N_("signed"), "ok"),
    "withdrawn": (N_("taken back"), "idle"),
}
STEPS: dict[str, str] = {
    "entered": N_("entered"),
    "inspected": N_("inspected"),
    "granted": N_("licence granted"),
    "refused": N_("licence refused"),
    "signed": N_("signed"),
    "withdrawn": N_("taken back"),
}
COLUMNS = (
    Column("number", N_("File"), "number"),
    Column("due_on", N_("Next step until"), "date"),
    Column("state", N_("State")),
    Column("matter", N_("Matter")),
    Column("retailer", N_("Retailer"), "identifier"),
    Column("licence_class", N_("Class")),
    Column("licence_number", N_("Licence"), "identifier", sortable=False),
    Column("entered_by", N_("Entered by"), sortable=False),
    Column("entered_at", N_("Entered"), "instant"),
)
FILTERS = (
    Filter(
        "state",
        N_("State"),
        (("open", N_("under way")), ("late", N_("late")), *((name, words) for name, (words, _) in STATES.items())),
    ),
    Filter("matter", N_("Matter"), tuple(MATTERS.items())),
)
SHOWN_ON_CARD = 5


def _parts(request: Request) -> Sequence[Part]:
    found: Sequence[Part] = request.app.state.touched_parts
    return found


Parts = Annotated[Sequence[Part], Depends(_parts)]
Code = Annotated[str, Form(max_length=64)]
Words = Annotated[str, Form(max_length=4_000)]


@reading.get("")
def list_files(
    request: Request, session: http.Db, clock: http.Now, config: http.Config, operator: http.Person
) -> Response:
    """Show the files, the earliest deadline first, decided ones last; with ``format`` as a file."""
    view = TableView.of(request, COLUMNS, filters=FILTERS, sort="due_on")
    on = clock().astimezone(config.tz).date()
    rows, total = file_queries.search(
        session,
        on=on,
        text=view.search,
        matter=view.filters.get("matter"),
        state=view.filters.get("state"),
        sort=view.sort,
        descending=view.descending,
        offset=0 if view.format else view.offset,
        limit=None if view.format else view.per_page,
    )
    if view.format:
        return console.download(request, COLUMNS, rows, name="licence-files")
    return console.page(
        request,
        "licences/files.html",
        view=view,
        columns=COLUMNS,
        filters=FILTERS,
        rows=rows,
        total=total,
        on=on,
        states=STATES,
        matters=MATTERS,
        inspector=operator.may(*rules.INSPECTORS),
    )


@entering.get("/new")
def new_file(
    request: Request,
    session: http.Db,
    retailer: str = "",
    matter: rules.Matter = "application",
    licence_class: str = "",
    number: str = "",
) -> Response:
    """Offer the form that opens a file, about a licence of a shop where one is named."""
    typed = {"retailer": retailer, "matter": matter, "licence_class": licence_class, "licence_number": number}
    typed |= {"document": "", "words": ""}
    return _form(request, session, typed, "")


@entering.post("/new")
def enter_file(
    request: Request,
    session: http.Db,
    clock: http.Now,
    config: http.Config,
    operator: http.Person,
    matter: Annotated[rules.Matter, Form()],
    retailer: Code = "",
    licence_class: Code = "",
    licence_number: Code = "",
    document: Words = "",
    words: Words = "",
) -> Response:
    """Open a file."""
    entry = files.Entry(retailer, licence_class, matter, licence_number, document)
    try:
        number = files.enter_file(session, entry, words, operator, at=clock(), zone=config.tz)
    except Refusal as refused:
        session.rollback()
        typed = {
            "retailer": retailer,
            "matter": matter,
            "licence_class": licence_class,
            "licence_number": licence_number,
            "document": document,
            "words": words,
        }
        return _form(request, session, typed, _sentence(request, refused))
    said = texts(request).gettext("File #{number} is open. Another person decides it.").format(number=number)
    return console.redirect(request, f"{HOME}/{number}", flash=said)


@reading.get("/{number}")
def show_file(
    request: Request,
    session: http.Db,
    clock: http.Now,
    config: http.Config,
    operator: http.Person,
    parts: Parts,
    number: int,
) -> Response:
    """Show one file: what it is about, its steps, what its signature touches, and what this person may do."""
    return _page(request, session, operator, parts, number, clock().astimezone(config.tz))


@entering.post("/{number}/inspect")
def inspect(
    request: Request,
    session: http.Db,
    clock: http.Now,
    config: http.Config,
    operator: http.Person,
    parts: Parts,
    number: int,
    words: Words = "",
) -> Response:
    """Write down what an inspection found."""
    now = clock()
    return _act(
        request,
        session,
        operator,
        parts,
        number,
        now.astimezone(config.tz),
        {"words": words},
        lambda: files.inspect(session, number, words, operator, at=now, zone=config.tz),
        N_("The findings are kept. Another person decides."),
    )


@deciding.post("/{number}/grant")
def grant(
    request: Request,
    session: http.Db,
    clock: http.Now,
    config: http.Config,
    operator: http.Person,
    parts: Parts,
    number: int,
    licence_number: Code = "",
    valid_from: Annotated[date | Literal[""], Form()] = "",
    valid_until: Annotated[date | Literal[""], Form()] = "",
    words: Words = "",
) -> Response:
    """Grant what was asked for, as the second person."""
    now = clock()
    typed = {
        "licence_number": licence_number,
        "valid_from": str(valid_from),
        "valid_until": str(valid_until),
        "words": words,
    }

    def decide() -> None:
        if not valid_from or not valid_until:
            what = texts(request).gettext("write the first and the last day")
            raise Rejected("invalid", where=texts(request).gettext("Last day"), what=what)
        granted = files.Granted(licence_number, valid_from, valid_until)
        files.grant(session, number, granted, words, operator, at=now)

    said = N_("Granted: the licence counts from its first day on, and the shop is told.")
    return _act(request, session, operator, parts, number, now.astimezone(config.tz), typed, decide, said)


@deciding.post("/{number}/refuse")
def refuse(
    request: Request,
    session: http.Db,
    clock: http.Now,
    config: http.Config,
    operator: http.Person,
    parts: Parts,
    number: int,
    words: Words = "",
) -> Response:
    """Refuse what was asked for, as the second person."""
    now = clock()
    return _act(
        request,
        session,
        operator,
        parts,
        number,
        now.astimezone(config.tz),
        {"refusal": words},
        lambda: files.refuse(session, number, words, operator, at=now),
        N_("Refused. The file stays in the list."),
    )


@deciding.post("/{number}/sign")
def sign(
    request: Request,
    session: http.Db,
    clock: http.Now,
    config: http.Config,
    operator: http.Person,
    parts: Parts,
    number: int,
    shown: Code = "",
    words: Words = "",
) -> Response:
    """Sign what was proposed, as the second person; refused where something else is touched than was shown."""
    at = clock()
    now = at.astimezone(config.tz)

    def decide() -> None:
        file = _found(session, number)
        touched = _touched(session, file, parts, now)
        if affected.digest(touched) != shown:
            raise Conflict("changed_meanwhile", name=f"#{number}")
        files.sign(session, number, words, operator, at=at, seen=affected.told(touched))

    said = N_("Signed: it counts from now on, and the shop is told.")
    return _act(request, session, operator, parts, number, now, {"words": words}, decide, said)


@deciding.post("/{number}/withdraw")
def withdraw(
    request: Request,
    session: http.Db,
    clock: http.Now,
    config: http.Config,
    operator: http.Person,
    parts: Parts,
    number: int,
    words: Words = "",
) -> Response:
    """Close a file without a decision."""
    now = clock()
    return _act(
        request,
        session,
        operator,
        parts,
        number,
        now.astimezone(config.tz),
        {"withdrawal": words},
        lambda: files.withdraw(session, number, words, operator, at=now),
        N_("Withdrawn. The file stays in the list."),
    )


def home_cards(session: Session, operator: Operator, now: datetime) -> list[Card]:
    """Return the files that wait for this person: to be decided as the second one, or to be inspected."""
    mine: list[file_queries.Awaited] = []
    if operator.may(*rules.DECIDERS):
        mine.append("decision")
    if operator.may(*rules.INSPECTORS):
        mine.append("inspection")
    waiting = file_queries.waiting_for(session, operator.name, *mine)
    return [
        *_card(N_("Licence decisions waiting for me"), waiting.get("decision", []), now, 24),
        *_card(N_("Licence files to be inspected"), waiting.get("inspection", []), now, 25),
    ]


def _card(title: str, waiting: list[file_queries.File], now: datetime, order: int) -> list[Card]:
    if not waiting:
        return []
    late = sum(file.due_on is not None and file.due_on < now.date() for file in waiting)
    context = {
        "waiting": waiting[:SHOWN_ON_CARD],
        "total": len(waiting),
        "late": late,
        "today": now.date(),
        "matters": MATTERS,
    }
    tone: Literal["stop", "wait"] = "stop" if late else "wait"
    return [Card(title, "licences/files_card.html", context, order=order, href=f"{HOME}?state=open", tone=tone)]


def _act(
    request: Request,
    session: Session,
    operator: Operator,
    parts: Sequence[Part],
    number: int,
    now: datetime,
    typed: Mapping[str, str],
    step: Callable[[], None],
    said: str,
) -> Response:
    try:
        step()
    except Refusal as refused:
        session.rollback()
        return _page(request, session, operator, parts, number, now, _sentence(request, refused), typed)
    return console.redirect(request, f"{HOME}/{number}", flash=texts(request).gettext(said))


def _page(
    request: Request,
    session: Session,
    operator: Operator,
    parts: Sequence[Part],
    number: int,
    now: datetime,
    refused: str = "",
    typed: Mapping[str, str] | None = None,
) -> Response:
    file = _found(session, number)
    touched = _touched(session, file, parts, now) if file.due_on else []
    return console.page(
        request,
        "licences/file.html",
        status_code=422 if refused else 200,
        file=file,
        shop=retailers.retailer(session, file.retailer),
        licences=queries.licences_of(session, file.retailer),
        steps=file_queries.steps(session, number=number),
        may=rules.may(file.state, operator.roles, operator.name, file.acted),
        acted=operator.name in file.acted,
        touched=touched,
        shown=affected.digest(touched),
        touching=file.matter in TOUCHING,
        matters=MATTERS,
        states=STATES,
        step_words=STEPS,
        today=now.date(),
        refused=refused,
        typed=typed or {},
        most=files.WORDS_MOST,
    )


def _touched(session: Session, file: file_queries.File, parts: Sequence[Part], now: datetime) -> list[Touched]:
    if file.matter not in TOUCHING:
        return []
    every = catalogue.skus(session, withdrawn=True).values()
    skus = [one.sku for one in every if one.licence_class == file.licence_class]
    return affected.read(session, parts, file.retailer, skus, now)


def _form(request: Request, session: Session, typed: Mapping[str, str], refused: str) -> Response:
    return console.page(
        request,
        "licences/file_form.html",
        status_code=422 if refused else 200,
        typed=typed,
        refused=refused,
        matters=MATTERS,
        shop=retailers.retailer(session, typed["retailer"]) if typed["retailer"] else None,
        back=f"/console/retailers/file?{urlencode({'code': typed['retailer']})}" if typed["retailer"] else HOME,
        most=files.WORDS_MOST,
        inspect_days=rules.INSPECT_WORKING_DAYS,
        decide_days=rules.DECIDE_WORKING_DAYS,
        sign_days=rules.SIGN_WORKING_DAYS,
    )


def _found(session: Session, number: int) -> file_queries.File:
    found = file_queries.file(session, number)
    if found is None:
        raise Rejected("not_found", what="licence file", name=f"#{number}")
    return found


def _sentence(request: Request, refused: Refusal) -> str:
    told: Any = refused.told(texts(request).gettext) if isinstance(refused, Invalid) else refused
    return refusal_text(told.code, told.params, language_of(request))

"""Screens of appeals: the inbox by deadline, one appeal with the shop's published figures beside it, the telephone."""

from collections.abc import Iterable, Mapping
from datetime import date, datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import Depends, Form, Request, Response
from sqlalchemy.orm import Session

from contract.errors import Refusal, Rejected
from contract.feed import AppealFigures
from contract.messages import AppealScore
from contract.texts import Language, refusal_text
from server.forecasts import queries as forecasts
from server.kit import audit_trail, console, http
from server.kit.console.cards import Card
from server.kit.console.tables import Column, Filter, TableView
from server.kit.console.texts import N_, language_of, texts
from server.kit.fields import Invalid, Unfit, Whole
from server.kit.identity import Operator
from server.operators import queries as operators
from server.photos import console as photos_console
from server.photos import queries as photos
from server.retailers import queries as retailers
from server.scores import (
    answering,
    appeal_forms,
    appeal_queries,
    appeal_telling,
    appeals,
    decision_queries,
    explaining,
    figures,
    queries,
    remedies,
)
from server.scores.console import APPEAL_STATES

HOME = "/console/appeals"
MONTHS_SHOWN = 12
SOON_DAYS = 3
PLANNER = [Depends(http.needs("planner"))]
RELEASER = [Depends(http.needs("releaser"))]
EITHER = [Depends(http.needs("planner", "releaser"))]

inbox = http.router(HOME, tag="console", roles=())

Words = Annotated[str, Form(max_length=2000)]

COLUMNS = (
    Column("number", N_("Number"), "number"),
    Column("at", N_("Received"), "instant"),
    Column("answer_until", N_("Answer until"), "date"),
    Column("state", N_("State")),
    Column("retailer", N_("Code of the shop"), "identifier"),
    Column("shop", N_("Shop")),
    Column("region", N_("Region")),
    Column("run", N_("Run"), "number"),
    Column("part", N_("About")),
    Column("way", N_("Came by")),
    Column("owner", N_("Owner")),
)
STATES = Filter(
    "state", N_("State"), (("open", N_("to be answered")), *((name, one[0]) for name, one in APPEAL_STATES.items()))
)


@inbox.get("")
@http.of_shops
def list_appeals(request: Request, session: http.Db, clock: http.Now, config: http.Config) -> Response:
    """Show the inbox: open appeals first, the earliest deadline at the head; with ``format`` as a file."""
    every = appeal_queries.appeals(session)
    owners = sorted({one.owner for one in every if one.owner})
    filters = (
        STATES,
        Filter("run", N_("Run"), [(str(n), f"#{n}") for n in sorted({one.run for one in every})], translate=False),
        Filter("owner", N_("Owner"), [(name, name) for name in owners], translate=False),
    )
    view = TableView.of(request, COLUMNS, filters=filters)
    rows = _rows(request, session, every, view)
    if view.format:
        return console.download(request, COLUMNS, rows, name="appeals")
    return console.page(
        request,
        "scores/appeals.html",
        view=view,
        columns=COLUMNS,
        filters=filters,
        rows=rows[view.offset : view.offset + view.per_page],
        total=len(rows),
        totals=appeal_queries.totals(session),
        in_force=queries.in_force(session),
        today=clock().astimezone(config.tz).date(),
        states=APPEAL_STATES,
    )


@inbox.get("/new", dependencies=PLANNER)
def new_appeal(request: Request, session: http.Db, retailer: str = "") -> Response:
    """Show the form for an appeal that a shop makes on the telephone."""
    return _new(request, session, retailer)


@inbox.post("/new", dependencies=PLANNER)
def enter_appeal(
    request: Request,
    session: http.Db,
    clock: http.Now,
    operator: http.Person,
    retailer: Annotated[str, Form(max_length=100)],
    run: Annotated[int, Form(ge=1, lt=2**31)],
    component: Annotated[str, Form(max_length=32)] = "",
    words: Words = "",
    figure: Annotated[str, Form(max_length=20)] = "",
) -> Response:
    """Keep an appeal that a shop makes on the telephone."""
    try:
        own = Whole().read(figure.strip()) if figure.strip() else None
        said = AppealScore.model_construct(run=run, component=component or None, words=words.strip(), figure=own)
        made = appeals.enter_appeal(session, retailer, said, operator, at=clock())
    except (Refusal, Unfit) as refused:
        session.rollback()
        return _new(request, session, retailer, _sentence(request, refused))
    return _back(request, made, texts(request).gettext("The appeal is kept, and the shop is told."))


@inbox.get("/{appeal}")
@http.of_shops
def show_appeal(request: Request, session: http.Db, appeal: UUID) -> Response:
    """Show one appeal with what is needed to answer it."""
    return _page(request, session, appeal)


@inbox.get("/{appeal}/figures")
@http.of_shops
def show_figures(request: Request, session: http.Db, appeal: UUID) -> Response:
    """Show the figures behind an appeal and the shop's place among others; within its page, or as one of its own."""
    found = appeal_queries.appeal(session, appeal)
    run = None if found is None else queries.run(session, found.run)
    if found is None or run is None:
        raise Rejected("not_found", what=texts(request).gettext("appeal"), name=str(appeal))
    (score,) = queries.scores(session, run, retailers=[found.retailer])
    told = _in(language_of(request), figures.of_appeal(session, run, score, found.component))
    if "HX-Request" in request.headers:
        return console.fragment(request, "scores/_appeal_figures.html", appeal=found, figures=told)
    return console.page(request, "scores/appeal_figures.html", appeal=found, figures=told)


@inbox.get("/{appeal}/photos/{ordinal}")
@http.of_shops
def show_photo(session: http.Db, appeal: UUID, ordinal: int) -> Response:
    """Show a photo that came with an appeal."""
    return photos_console.shown(session, "appeal", appeal, ordinal)


@inbox.post("/{appeal}/look-at", dependencies=PLANNER)
def look_at(
    request: Request, session: http.Db, clock: http.Now, operator: http.Person, appeal: UUID, owner: Words = ""
) -> Response:
    """Give an appeal to a person, oneself where nobody is named."""
    name = owner or operator.name
    try:
        appeals.look_at(session, appeal, name, operator, at=clock())
    except Refusal as refused:
        return _refused(request, session, appeal, refused)
    return _back(request, appeal, texts(request).gettext("The appeal is with %(name)s now.") % {"name": name})


@inbox.post("/{appeal}/answer", dependencies=PLANNER)
def answer_appeal(
    request: Request,
    session: http.Db,
    clock: http.Now,
    config: http.Config,
    operator: http.Person,
    appeal: UUID,
    verdict: Annotated[str, Form(pattern="^(dismissed|figures|end|carry)$")],
    answer_zh: Words = "",
    answer_en: Words = "",
) -> Response:
    """Answer an appeal; what it changes is read from the form."""
    now = clock()
    today = now.astimezone(config.tz).date()
    try:
        remedy = appeal_forms.remedy(verdict, request.state.typed)
        answering.answer_appeal(
            session,
            appeal,
            "dismissed" if verdict == "dismissed" else "upheld",
            operator,
            answer_zh=answer_zh,
            answer_en=answer_en,
            remedy=remedy,
            at=now,
            today=today,
        )
    except (Refusal, Unfit) as refused:
        return _refused(request, session, appeal, refused)
    gettext = texts(request).gettext
    if verdict == "dismissed":
        return _back(request, appeal, gettext("The appeal is answered; the shop is told."))
    return _back(request, appeal, gettext("Proposed. Nothing changes before a second person approves it."))


@inbox.post("/{appeal}/approve", dependencies=RELEASER)
def approve_answer(
    request: Request,
    session: http.Db,
    clock: http.Now,
    config: http.Config,
    operator: http.Person,
    appeal: UUID,
    seen: Annotated[UUID | None, Form()] = None,
) -> Response:
    """Uphold an appeal as the second person; what the answer names that was looked at is done."""
    now = clock()
    today = now.astimezone(config.tz).date()
    try:
        answering.approve_answer(session, appeal, operator, at=now, today=today, seen=seen)
    except Refusal as refused:
        return _refused(request, session, appeal, refused)
    return _back(request, appeal, texts(request).gettext("Upheld: what the answer names is done; the shop is told."))


@inbox.post("/{appeal}/return", dependencies=EITHER)
def return_answer(
    request: Request, session: http.Db, clock: http.Now, operator: http.Person, appeal: UUID, why: Words = ""
) -> Response:
    """Hand an answer back that waits for a second person."""
    try:
        answering.return_answer(session, appeal, operator, why=why, at=clock())
    except Refusal as refused:
        return _refused(request, session, appeal, refused)
    return _back(request, appeal, texts(request).gettext("Handed back. The answer is kept; another one can be given."))


def home_cards(session: Session, operator: Operator, now: datetime) -> list[Card]:
    """Return the open appeals by their deadlines."""
    totals = appeal_queries.totals(session)
    if not totals.open or not operator.may("planner", "releaser"):
        return []
    late_in = (totals.until - now.date()).days if totals.until is not None else SOON_DAYS
    return [
        Card(
            title=N_("Appeals against scores"),
            template="scores/cards/appeals.html",
            context={"totals": totals, "first": appeal_queries.appeals(session, states=("received", "looked_at"))[:3]},
            order=55,
            href=HOME,
            tone="stop" if late_in < 0 else "wait",
        )
    ]


def _page(request: Request, session: Session, appeal: UUID, said: str = "") -> Response:
    found = appeal_queries.appeal(session, appeal)
    if found is None:
        raise Rejected("not_found", what=texts(request).gettext("appeal"), name=str(appeal))
    language = language_of(request)
    run = queries.run(session, found.run)
    assert run is not None  # noqa: S101 - a foreign key holds it
    (score,) = queries.scores(session, run, retailers=[found.retailer])
    running = http.runtime_of(request)
    history = audit_trail.newest(session, audit_trail.Asked(subject=f"appeal:{found.number}"), limit=100)
    decisions = [one for one in decision_queries.decisions(session, [found.retailer]) if one.approver is not None]
    today = running.clock().astimezone(running.settings.tz).date()
    corrected = appeal_queries.corrections(session, [found.id])[found.id]
    return console.page(
        request,
        "scores/appeal.html",
        status_code=422 if said else 200,
        said=said,
        typed=getattr(request.state, "typed", {}) if said else {},
        appeal=found,
        part=_part(request, found.component),
        shop=retailers.retailer(session, found.retailer),
        run=run,
        score=score,
        why=explaining.why(run.certificate or {}, score, language),
        months=_months(session, found.retailer, run.as_of),
        decisions=[one for one in decisions if one.holds_until > today],
        answers=[
            (
                one,
                _in(language, [AppealFigures.model_validate(line) for line in one.figures]),
                _said(session, one, language),
            )
            for one in appeal_queries.answers(session, found.id)
        ],
        corrected=appeal_telling.changes(corrected, language),
        corrected_in=appeal_queries.corrected_in(session, corrected[0].at) if corrected else None,
        people=[one for one in operators.operators(session, at=running.clock()) if one.disabled_at is None],
        history=history,
        photos=photos.photos_of(session, "appeal", found.id),
        today=today,
        states=APPEAL_STATES,
        rows_of_sales=appeal_forms.ROWS_OF_SALES,
        facts=tuple(appeal_forms.FACTS.items()),
    )


def _new(request: Request, session: Session, retailer: str, said: str = "") -> Response:
    shop = retailers.retailer(session, retailer) if retailer else None
    found = queries.in_force(session)
    scores = [] if found is None or shop is None else queries.scores(session, found, retailers=[shop.code])
    return console.page(
        request,
        "scores/appeal_new.html",
        status_code=422 if said else 200,
        said=said,
        typed=getattr(request.state, "typed", {}) if said else {},
        shop=shop,
        asked=retailer,
        run=found if scores else None,
        parts=[(part["component"], _part(request, part["component"])) for one in scores for part in one.parts],
    )


def _rows(
    request: Request, session: Session, every: list[appeal_queries.Appeal], view: TableView
) -> list[dict[str, Any]]:
    shops = retailers.retailers(session, {one.retailer for one in every})
    gettext = texts(request).gettext
    rows = [
        vars(one)
        | {
            "shop": shops[one.retailer].name,
            "region": shops[one.retailer].region,
            "part": _part(request, one.component),
            "way": gettext("telephone") if one.by_telephone else gettext("terminal"),
            "open": one.open,
        }
        for one in every
        if _fits(one, view.filters)
    ]
    words = view.search.casefold()
    rows = [
        row
        for row in rows
        if words in f"#{row['number']} {row['retailer']} {row['shop']} {row['words']} {row['owner'] or ''}".casefold()
    ]
    if view.sort:
        rows.sort(key=lambda row: (row[view.sort] is not None, row[view.sort]), reverse=view.descending)
    return rows


def _fits(one: appeal_queries.Appeal, wanted: Mapping[str, str]) -> bool:
    state = wanted.get("state")
    return (
        (state is None or state == one.state or (state == "open" and one.open))
        and wanted.get("run") in {None, str(one.run)}
        and wanted.get("owner") in {None, one.owner}
    )


def _months(session: Session, retailer: str, before: date) -> list[forecasts.Cell]:
    """Return the last months of figures that the scores were computed from, the newest first."""
    cells = [cell for known in forecasts.history(session, retailer).values() for cell in known if cell.period < before]
    cells.sort(key=lambda cell: (cell.period, cell.product_class), reverse=True)
    return cells[:MONTHS_SHOWN]


def _in(language: Language, told: Iterable[AppealFigures]) -> list[dict[str, Any]]:
    """Return figures in one language."""
    spoken = ("name", "raw", "above", "below")
    return [one.model_dump() | {key: getattr(getattr(one, key), language, None) for key in spoken} for one in told]


def _said(session: Session, answer: appeal_queries.Answer, language: Language) -> list[str]:
    """Return what an answer changes, or would, a line each."""
    if answer.remedy is None:
        return []
    remedy = remedies.read(answer.remedy)
    if isinstance(remedy, remedies.EndOfDecision):
        return [appeal_telling.ended(session, answer.remedy, language)]
    if isinstance(remedy, remedies.CarryOn):
        return [appeal_telling.credited(remedy.sku, remedy.carry_thousandths, language)]
    return [appeal_telling.proposed(change.model_dump(mode="json"), language) for change in remedy.changes]


def _part(request: Request, component: str) -> str:
    if not component:
        return texts(request).gettext("the whole score")
    return explaining.component(component, language_of(request))


def _back(request: Request, appeal: UUID, said: str) -> Response:
    return console.redirect(request, f"{HOME}/{appeal}", flash=said)


def _sentence(request: Request, refused: Refusal | Unfit) -> str:
    gettext = texts(request).gettext
    if isinstance(refused, Unfit):
        return refused.sentence(gettext)
    told = refused.told(gettext) if isinstance(refused, Invalid) else refused
    return refusal_text(told.code, told.params, language_of(request))


def _refused(request: Request, session: Session, appeal: UUID, refused: Refusal | Unfit) -> Response:
    session.rollback()
    return _page(request, session, appeal, _sentence(request, refused))

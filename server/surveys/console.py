"""Screens of surveys: the list, the builder, the results."""

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from itertools import zip_longest
from typing import Annotated, Any
from uuid import UUID

from fastapi import Depends, Form, Request, Response
from sqlalchemy.orm import Session

from contract.feed import Question, Row
from contract.texts import Language
from server.audiences import queries as audiences
from server.audiences.rules import HOLDINGS
from server.kit import console, http
from server.kit.console.cards import Card
from server.kit.console.tables import Column, Filter, TableView
from server.kit.console.texts import N_, language_of, texts
from server.kit.fields import Invalid
from server.kit.identity import Operator
from server.retailers import trails
from server.surveys import forms, queries, reading, results, rules, service
from server.surveys.console_figures import known, of
from server.surveys.estimating import SMALL_CELL

STATES = {"draft": N_("draft"), "published": N_("published"), "closed": N_("closed")}

#: Kinds of questions whose answers are figures.
FIGURES = ("scale", "number", "photo")

PLANNER = [Depends(http.needs("planner"))]

surveys = http.router("/console/surveys", tag="console", roles=())

COLUMNS = (
    Column("number", N_("Number"), "number"),
    Column("title", N_("Title"), sortable=False),
    Column("state", N_("State")),
    Column("invited", N_("Asked"), "number"),
    Column("answered", N_("Answered"), "number"),
    Column("rate", N_("Rate"), "percent", sortable=False),
    Column("opens_at", N_("Opens"), "instant"),
    Column("closes_at", N_("Closes"), "instant"),
)
FILTERS = (Filter("state", N_("State"), tuple(STATES.items())),)


@surveys.get("")
@http.of_shops
def list_surveys(request: Request, session: http.Db) -> Response:
    """List the surveys; with ``format`` they come as a file."""
    view = TableView.of(request, COLUMNS, filters=FILTERS, sort="-number")
    language = language_of(request)
    words, state = view.search.casefold(), view.filters.get("state")
    rows: list[dict[str, Any]] = [
        {column.key: getattr(one, column.key) for column in COLUMNS} | {"id": one.id, "title": of(one.title, language)}
        for one in queries.surveys(session, limit=5000)
        if words in f"{one.title.zh} {one.title.en}".casefold() and state in {None, one.state}
    ]
    rows.sort(key=lambda row: row[view.sort], reverse=view.descending)
    if view.format:
        return console.download(request, COLUMNS, rows, name="surveys")
    return console.page(
        request,
        "surveys/list.html",
        view=view,
        columns=COLUMNS,
        filters=FILTERS,
        rows=rows[view.offset : view.offset + view.per_page],
        total=len(rows),
    )


@surveys.get("/new", dependencies=PLANNER)
def new_survey(request: Request, session: http.Db, clock: http.Now, config: http.Config) -> Response:
    """Offer an empty survey to be written."""
    return _builder(request, session, forms.new_form(clock(), config.tz), {}, None, 1)


@surveys.post("/form", dependencies=PLANNER)
def change_form(
    request: Request,
    session: http.Db,
    act: Annotated[str, Form(max_length=40)] = "",
    survey: Annotated[UUID | None, Form()] = None,
    revision: Annotated[int, Form(ge=1)] = 1,
) -> Response:
    """Add, remove or move a question in the form; nothing is stored."""
    form = forms.changed(forms.typed(request.state.typed), act)
    return _builder(request, session, form, {}, survey, revision)


@surveys.post("", dependencies=PLANNER)
def save_survey(
    request: Request,
    session: http.Db,
    clock: http.Now,
    config: http.Config,
    operator: http.Person,
    survey: Annotated[UUID | None, Form()] = None,
    revision: Annotated[int, Form(ge=1)] = 1,
) -> Response:
    """Keep what was typed as a draft, or show what does not fit beside it."""
    gettext = texts(request).gettext
    form = forms.typed(request.state.typed)
    draft, errors = reading.draft_of(form, config.tz, config.currency, gettext)
    if draft is None:
        return _builder(request, session, form, errors, survey, revision)
    if survey is None:
        survey = service.write_survey(session, draft, operator, at=clock())
    else:
        service.rewrite_survey(session, survey, draft, operator, revision=revision, at=clock())
    return console.redirect(
        request, f"/console/surveys/{survey}", flash=gettext("The draft is kept. Nobody is asked yet.")
    )


@surveys.get("/{survey}")
@http.of_shops
def show_survey(request: Request, session: http.Db, clock: http.Now, operator: http.Person, survey: UUID) -> Response:
    """Show a survey as it will be asked, or what was answered so far; with ``format`` the answers as a file."""
    found = known(request, session, survey)
    if request.query_params.get("format") in {"csv", "xlsx"}:
        return (
            _answers_apart(request, session, found, operator) if found.anonymous else _answers(request, session, found)
        )
    hidden = found.anonymous and operator.bounded
    strata = [] if hidden or found.state == "draft" else results.parts(session, found)
    history = trails.newest(session, f"survey:{found.number}", limit=20)
    return console.page(
        request,
        "surveys/survey.html",
        survey=found,
        strata=strata,
        hidden=hidden,
        results=results.results(session, found, strata, bounded=operator.bounded)
        if found.opened_at and not hidden
        else [],
        bounded=operator.bounded,
        planned=service.planned(session, found.audience, found.sample, clock().date())
        if found.state == "draft"
        else [],
        samples=forms.SAMPLES,
        parts=forms.PARTS,
        kinds=forms.KINDS,
        tests=forms.TESTS,
        bins=rules.bins,
        holdings=HOLDINGS,
        history=history,
        problem=None,
    )


@surveys.get("/{survey}/edit", dependencies=PLANNER)
def edit_survey(request: Request, session: http.Db, config: http.Config, survey: UUID) -> Response:
    """Offer a draft to be changed."""
    found = known(request, session, survey)
    if found.state != "draft":
        return console.redirect(
            request,
            f"/console/surveys/{survey}",
            flash=texts(request).gettext("The survey is published: it can no longer be changed."),
            tone="wait",
        )
    return _builder(request, session, forms.filled(found.draft, config.tz, config.currency), {}, survey, found.revision)


@surveys.post("/{survey}/publish", dependencies=PLANNER)
def publish_survey(
    request: Request,
    session: http.Db,
    clock: http.Now,
    config: http.Config,
    operator: http.Person,
    survey: UUID,
    revision: Annotated[int, Form(ge=1)],
) -> Response:
    """Ask the audience by the draft that was seen, or show in the form why it cannot be asked."""
    found = texts(request)
    try:
        asked = service.publish_survey(session, survey, operator, at=clock(), revision=revision)
    except Invalid as refusal:
        session.rollback()
        draft = known(request, session, survey)
        errors = reading.problems_of(refusal, found.gettext)
        return _builder(
            request, session, forms.filled(draft.draft, config.tz, config.currency), errors, survey, draft.revision
        )
    said = found.ngettext("%(count)s shop is asked.", "%(count)s shops are asked.", asked) % {"count": asked}
    return console.redirect(request, f"/console/surveys/{survey}", flash=said)


@surveys.post("/{survey}/close", dependencies=PLANNER)
def close_survey(
    request: Request, session: http.Db, clock: http.Now, config: http.Config, operator: http.Person, survey: UUID
) -> Response:
    """Close a survey before its time."""
    service.close_survey(session, survey, operator, at=clock().astimezone(config.tz))
    said = texts(request).gettext("The survey is closed; the terminals are told.")
    return console.redirect(request, f"/console/surveys/{survey}", flash=said)


def in_e_file(session: Session, retailer: str, _now: datetime) -> Mapping[str, Any] | None:
    """Return what a shop was asked, and when it answered, for its e-file."""
    asked = queries.answered_by(session, retailer, limit=10)
    return {"asked": asked} if asked else None


def home_cards(session: Session, operator: Operator, now: datetime) -> list[Card]:
    """Return the surveys that run, with how many have answered."""
    if not operator.may("planner", "releaser", "administrator", "manager", "regional", "auditor"):
        return []
    running = [one for one in queries.surveys(session, state="published", limit=5) if one.closes_at > now]
    if not running:
        return []
    return [
        Card(
            title=N_("Surveys running"),
            template="surveys/cards/running.html",
            context={"running": running},
            order=60,
            href="/console/surveys",
            tone="note",
        )
    ]


def _builder(
    request: Request,
    session: Session,
    form: forms.SurveyForm,
    errors: dict[str, str],
    survey: UUID | None,
    revision: int,
) -> Response:
    return console.page(
        request,
        "surveys/form.html",
        status_code=422 if errors else 200,
        form=form,
        errors=errors,
        survey=survey,
        revision=revision,
        kinds=forms.KINDS,
        tests=forms.TESTS,
        samples=forms.SAMPLES,
        parts=forms.PARTS,
        spreads=forms.SPREADS,
        sorts=forms.SORTS,
        choices=audiences.choices(session),
        holdings=HOLDINGS,
        questions_most=rules.QUESTIONS_MOST,
    )


def _answers(request: Request, session: Session, survey: queries.Survey) -> Response:
    """Return every answer as a file: one row a shop, one column a question or row."""
    language = language_of(request)
    columns = [
        Column("retailer", N_("Retailer"), "identifier"),
        Column("answered_at", N_("Answered"), "instant"),
        *(
            Column(
                question.id,
                _heading(question, row, language),
                "money" if question.kind == "money" else "number" if question.kind in FIGURES else "text",
                read=_read(question, row, language),
            )
            for question, row in _asked(survey)
        ),
    ]
    return console.download(request, columns, queries.answer_sets(session, survey.id), name=f"survey-{survey.number}")


def _answers_apart(request: Request, session: Session, survey: queries.Survey, operator: Operator) -> Response:
    """Return what an anonymous survey was answered: one column a question or row, each by itself, no row of one shop.

    Of a survey that fewer than five answered, nothing leaves, and nothing to who sees a part of the shops.
    """
    gettext, language = texts(request).gettext, language_of(request)
    strata = [] if operator.bounded else results.parts(session, survey)
    enough = sum(one.answered for one in strata) >= SMALL_CELL
    told = results.results(session, survey, strata) if enough else []
    names = [{one.id: of(one.text, language) for one in result.question.choices} for result in told]
    values = [
        [gettext("not told") if one is None else named.get(str(one), one) for one in column]
        for named, column in zip(names, results.apart(session, survey, told), strict=True)
    ]
    columns = [
        Column(
            str(place),
            _heading(question, row, language),
            "money" if question.kind == "money" else "number" if question.kind in FIGURES else "text",
        )
        for place, (question, row) in enumerate(_asked(survey))
    ]
    keys = [column.key for column in columns]
    rows = [dict(zip(keys, row, strict=False)) for row in zip_longest(*values)]
    return console.download(request, columns, rows, name=f"survey-{survey.number}")


def _asked(survey: queries.Survey) -> Iterator[tuple[Question, Row | None]]:
    yield from ((question, row) for question in survey.questions for row in question.rows or (None,))


def _heading(question: Question, row: Row | None, language: Language) -> str:
    return of(question.text, language) + ("" if row is None else f": {of(row.text, language)}")


def _read(question: Question, row: Row | None, language: Language) -> Callable[[queries.AnswerSet], Any]:
    names = {choice.id: of(choice.text, language) for choice in question.choices}

    def value(one: queries.AnswerSet) -> Any:
        answer = one.answers.get(question.id)
        if row is not None:
            cell = next((cell for cell in (answer.cells or () if answer else ()) if cell.row == row.id), None)
            if question.kind == "matrix":
                return "" if cell is None else names[cell.choice or ""]
            return None if cell is None else cell.number
        if question.kind in FIGURES or question.kind == "money":
            return None if answer is None else answer.number
        if answer is None:
            return ""
        return answer.text or "; ".join(names[choice] for choice in answer.choices)

    return value

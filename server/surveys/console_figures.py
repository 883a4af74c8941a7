"""Screens beside a survey: preview, one shop's answers, texts by words, what stands out, a series over time."""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from babel.numbers import get_currency_precision
from fastapi import Depends, Form, Request, Response
from sqlalchemy.orm import Session

from contract.errors import Rejected
from contract.feed import OnlyIf, Question, Text
from contract.texts import Language, translations
from server.kit import console, http
from server.kit.console.tables import Column
from server.kit.console.texts import N_, language_of, texts
from server.kit.console.time_chart import Band, Line, over_time
from server.kit.fields import Invalid
from server.operators import queries as operators
from server.photos import console as photos_console
from server.photos import queries as photos
from server.surveys import forms, market, queries, results, service, trends
from server.surveys.estimating import Estimate

figures = http.router("/console/surveys", tag="console", roles=())

PLANNER = [Depends(http.needs("planner"))]
WORDS_MOST = 12
SIGNS = {
    "low": N_("below what is plausible"),
    "high": N_("above what is plausible"),
    "change": N_("far from the shop's own last"),
    "region": N_("far from its region's median"),
}
VERDICTS = {"accepted": N_("accepted"), "rejected": N_("rejected")}
#: What a terminal says of itself beside the questions, in its own language.
TILL = {
    "anonymous": N_("Anonymous: the distributor sees that this shop answered, and never what it answered."),
    "photo": N_("Add a photo"),
}


@figures.get("/series/{series}")
@http.of_shops
def show_series(request: Request, session: http.Db, clock: http.Now, operator: http.Person, series: str) -> Response:
    """Show a figure over the surveys of a series, in all, by region and by manager; with ``format`` as a file."""
    shown = trends.rounds(session, series)
    choices = trends.asked_in(shown)
    if not choices:
        raise Rejected("not_found", what=texts(request).gettext("series"), name=series)
    wanted = request.query_params.get("question", "")
    asked = next((one for one in choices if one.key == wanted), choices[0])
    found = trends.trend(session, shown, asked, _managers(session, clock()), bounded=operator.bounded)
    if request.query_params.get("format") in {"csv", "xlsx"}:
        return _series_file(request, series, asked, found)
    return console.page(
        request,
        "surveys/series.html",
        series=series,
        asked=asked,
        choices=choices,
        trend=found,
        bounded=operator.bounded,
        Line=Line,
        Band=Band,
        over_time=over_time,
    )


@figures.get("/{survey}/preview")
@http.of_shops
def preview(request: Request, session: http.Db, survey: UUID) -> Response:
    """Show each question as a terminal shows it, in the language of the terminal that is asked for."""
    found = known(request, session, survey)
    wanted = request.query_params.get("terminal")
    language: Language = "en" if wanted == "en" else "zh" if wanted == "zh" else language_of(request)
    gettext = translations("server", language).gettext
    return console.page(
        request,
        "surveys/preview.html",
        survey=found,
        shown=language,
        till={name: gettext(words) for name, words in TILL.items()},
        only_if=lambda on: _only_if(found, on, language),
    )


@figures.post("/{survey}/remind", dependencies=PLANNER)
def remind(request: Request, session: http.Db, clock: http.Now, operator: http.Person, survey: UUID) -> Response:
    """Ask the shops again that have not answered."""
    count = service.remind(session, survey, operator, at=clock())
    said = texts(request).ngettext("%(count)s shop is asked again.", "%(count)s shops are asked again.", count)
    return console.redirect(request, f"/console/surveys/{survey}", flash=said % {"count": count})


@figures.get("/answers/{message}")
@http.of_shops
def show_answers(request: Request, session: http.Db, message: UUID) -> Response:
    """Show what one shop answered, with its photos; of an anonymous survey there is no such page."""
    survey, answers = _answers(request, session, message)
    return console.page(
        request,
        "surveys/answers.html",
        survey=survey,
        set=answers,
        kinds=forms.KINDS,
        photos=photos.photos_of(session, "survey", message),
    )


@figures.get("/answers/{message}/photos/{ordinal}")
@http.of_shops
def show_photo(request: Request, session: http.Db, message: UUID, ordinal: int) -> Response:
    """Show a photo that came with a shop's answers."""
    _answers(request, session, message)
    return photos_console.shown(session, "survey", message, ordinal)


@figures.get("/{survey}/words/{question}")
@http.of_shops
def show_words(request: Request, session: http.Db, operator: http.Person, survey: UUID, question: str) -> Response:
    """Group the texts of a question by the words that stand in the address."""
    found = known(request, session, survey)
    asked = next((one for one in found.questions if one.id == question and one.kind == "text"), None)
    if asked is None or (found.anonymous and operator.bounded):
        raise Rejected("not_found", what=texts(request).gettext("question"), name=question)
    typed = request.query_params.get("words", "")[:400]
    words = list(dict.fromkeys(word.strip() for word in typed.replace("，", ",").split(",") if word.strip()))
    total, groups = results.grouped(session, found, question, words[:WORDS_MOST])
    return console.page(
        request, "surveys/words.html", survey=found, question=asked, typed=typed, total=total, groups=groups
    )


@figures.get("/{survey}/estimates")
@http.of_shops
def download_estimates(request: Request, session: http.Db, operator: http.Person, survey: UUID) -> Response:
    """Return the estimates with their intervals as a file: one row a choice, a mean or a median."""
    found = known(request, session, survey)
    hidden = found.anonymous and operator.bounded
    strata = [] if hidden else results.parts(session, found)
    told = [] if hidden else results.results(session, found, strata, bounded=operator.bounded)
    rows = [row for result in told for row in _lines(request, result)]
    columns = (
        Column("question", N_("Question")),
        Column("row", N_("Row")),
        Column("figure", N_("Figure")),
        Column("answers", N_("Answers"), "number"),
        Column("value", N_("Estimate"), "number"),
        Column("low", N_("Interval from"), "number"),
        Column("high", N_("Interval to"), "number"),
        Column("unit", N_("Unit")),
    )
    return console.download(request, columns, rows, name=f"survey-{found.number}-estimates")


@figures.get("/{survey}/outliers")
@http.of_shops
def show_outliers(request: Request, session: http.Db, survey: UUID) -> Response:
    """Show the figures of a round that stand out, with what a person said of them."""
    return _outliers(request, session, survey, "")


@figures.post("/{survey}/outliers", dependencies=PLANNER)
def review_outlier(
    request: Request,
    session: http.Db,
    clock: http.Now,
    operator: http.Person,
    survey: UUID,
    retailer: Annotated[str, Form(max_length=64)] = "",
    question: Annotated[str, Form(max_length=32)] = "",
    row: Annotated[str, Form(max_length=32)] = "",
    verdict: Annotated[str, Form(max_length=16)] = "",
    reason: Annotated[str, Form(max_length=1000)] = "",
) -> Response:
    """Accept or reject a figure, for a reason."""
    found = known(request, session, survey)
    try:
        market.review(session, found, (retailer, question, row), verdict, reason, operator, at=clock())
    except Invalid as refusal:
        session.rollback()
        said = refusal.problems["reason"].sentence(texts(request).gettext)
        return _outliers(request, session, survey, said)
    said = texts(request).gettext("It is written down. The figure stays as it came.")
    return console.redirect(request, f"/console/surveys/{survey}/outliers", flash=said)


def known(request: Request, session: Session, survey: UUID) -> queries.Survey:
    """Return a survey, or refuse: ``not_found``."""
    found = queries.survey(session, survey)
    if found is None:
        raise Rejected("not_found", what=texts(request).gettext("survey"), name=str(survey))
    return found


def _answers(request: Request, session: Session, message: UUID) -> tuple[queries.Survey, queries.AnswerSet]:
    found = queries.answer_set(session, message)
    if found is None:
        raise Rejected("not_found", what=texts(request).gettext("answers"), name=str(message))
    return found


def _outliers(request: Request, session: Session, survey: UUID, problem: str) -> Response:
    found = known(request, session, survey)
    language = language_of(request)
    named = {
        (question.id, "" if row is None else row.id): of(question.text, language)
        + ("" if row is None else f": {of(row.text, language)}")
        for question in found.questions
        for row in question.rows or (None,)
    }
    return console.page(
        request,
        "surveys/outliers.html",
        status_code=422 if problem else 200,
        survey=found,
        outliers=market.outliers(session, found),
        named=named,
        kinds={question.id: question.kind for question in found.questions},
        signs=SIGNS,
        verdicts=VERDICTS,
        problem=problem,
    )


def _managers(session: Session, at: datetime) -> list[trends.Manager]:
    return [
        trends.Manager(one.name, frozenset(one.regions), frozenset(one.classes))
        for one in operators.operators(session, at=at)
        if "manager" in one.roles and one.disabled_at is None
    ]


def _lines(request: Request, result: results.Result) -> list[dict[str, Any]]:
    gettext, language = texts(request).gettext, language_of(request)
    unit, places = _unit(request, result.question)
    line = {
        "question": of(result.question.text, language),
        "row": "" if result.row is None else of(result.row.text, language),
    }
    found: list[dict[str, Any]] = []
    for choice, share, (_, count) in zip(result.question.choices, result.shares, result.counts, strict=False):
        part = {"figure": of(choice.text, language), "answers": count, "unit": gettext("share of the shops")}
        found.append(line | part | _bounds(share))
    if result.estimate is not None:
        known = line | {"answers": result.answered, "unit": unit}
        median = {"figure": gettext("median"), "value": _scaled(result.median, places), "low": None, "high": None}
        found += [known | {"figure": gettext("mean")} | _bounds(result.estimate, places), known | median]
    return found


def _unit(request: Request, question: Question) -> tuple[str, int]:
    """Return in what a question's figures are counted, and how many decimal places of it are kept as whole numbers."""
    if question.kind != "money":
        return "", 0
    currency: str = request.app.state.console.currency
    return currency, get_currency_precision(currency)


def _scaled(value: float | None, places: int) -> float | None:
    return value if value is None or not places else round(value / 10**places, places + 4)


def _bounds(estimate: Estimate | None, places: int = 0) -> dict[str, float | None]:
    return {
        name: None if estimate is None else _scaled(getattr(estimate, name), places)
        for name in ("value", "low", "high")
    }


def _series_file(request: Request, series: str, asked: trends.Asked, found: trends.Trend) -> Response:
    gettext = texts(request).gettext
    unit, places = _unit(request, asked.question)
    groups = [
        (gettext("all shops"), "", found.whole),
        *((gettext("region"), name, points) for name, points in found.regions.items()),
        *((gettext("manager"), name, points) for name, points in found.managers.items()),
    ]
    rows = [
        {
            "opens_at": one.opens_at,
            "number": one.number,
            "part": part,
            "name": name,
            "answers": point.answered if point else 0,
            "median": _scaled(point.median, places) if point else None,
            **_bounds(point.estimate if point else None, places),
            "unit": unit,
        }
        for part, name, points in groups
        for one, point in zip(found.rounds, points, strict=True)
    ]
    columns = (
        Column("opens_at", N_("Opens"), "instant"),
        Column("number", N_("Number"), "number"),
        Column("part", N_("Part")),
        Column("name", N_("Name")),
        Column("answers", N_("Answers"), "number"),
        Column("median", N_("Median"), "number"),
        Column("value", N_("Mean"), "number"),
        Column("low", N_("Interval from"), "number"),
        Column("high", N_("Interval to"), "number"),
        Column("unit", N_("Unit")),
    )
    return console.download(request, columns, rows, name=f"series-{series}-{asked.key.replace(':', '-')}")


def of(text: Text, language: Language) -> str:
    """Return what a text says in one language."""
    return text.zh if language == "zh" else text.en


def _only_if(survey: queries.Survey, on: OnlyIf, language: Language) -> str:
    """Return on what a question hangs, in the language of the terminal."""
    gettext = translations("server", language).gettext
    number, named = next((place, one) for place, one in enumerate(survey.questions, start=1) if one.id == on.question)
    chosen = next((f"“{of(one.text, language)}”" for one in named.choices if one.id == on.choice), str(on.number))
    words = {"number": number, "test": gettext(forms.TESTS[on.test]), "answer": chosen}
    return gettext("only if question %(number)s %(test)s %(answer)s") % words

"""A survey, one question a screen; what was answered is kept at every tap, and sent with the last one."""

from uuid import UUID

from werkzeug.exceptions import NotFound
from werkzeug.routing import Rule
from werkzeug.wrappers import Request, Response

from contract.errors import Refusal
from contract.feed import Question
from contract.fitting import used
from contract.messages import Answer, Cell
from contract.photos import MOST_PHOTOS
from terminal_client.core import photos, survey_rules, use_cases
from terminal_client.core.views import catalogue, notices
from terminal_client.core.views.notices import SurveyView
from terminal_client.ui import show as words
from terminal_client.ui.web import Desk, go

MOST_TEXT = 1000
MOST_FIGURE = 12
#: In place of a question's id, which has no dot: the first open one, or the sending.
END = ".end"


def show(desk: Desk, request: Request, survey: UUID) -> Response:
    """Show the question that was asked for, or the first open one; at the end, the sending."""
    view = _find(desk, survey)
    wanted = request.args.get("question")
    found = next((question for question in view.course.asked if question.id == wanted), None)
    return _page(desk, view, found or view.next_open)


def answer(desk: Desk, request: Request, survey: UUID) -> Response:
    """Keep one answer and go on to what is asked after it; a question that is no longer asked is passed over."""
    view = _find(desk, survey)
    asked = view.course.asked
    position = next((n for n, question in enumerate(asked) if question.id == request.form.get("question")), None)
    if position is None:
        return go(f"/surveys/{survey}")
    question = asked[position]
    given = _answer(desk, survey, question, request)
    try:
        survey_rules.check_answer(question, given)
    except Refusal as refused:
        said = desk.pages.refusal(refused.code, {**refused.params, "question": position + 1})
        return _page(desk, view, question, said)
    use_cases.keep_answer(desk.terminal.shop, survey, given)
    following = _find(desk, survey).course.asked[position + 1 :]
    return go(f"/surveys/{survey}?question={following[0].id if following else END}")


def send(desk: Desk, _request: Request, survey: UUID) -> Response:
    """Queue the answers."""
    use_cases.answer_survey(desk.terminal.shop, survey)
    return go(f"/surveys/{survey}")


def _page(desk: Desk, view: SurveyView, question: Question | None, said: str = "") -> Response:
    question = question if view.to_answer else None
    store = desk.terminal.store
    kept = view.kept.get(question.id) if question else None
    return desk.pages.page(
        "survey.html",
        here="notices",
        undo=None,
        view=view,
        asked=view.course.asked,
        most=view.course.most,
        position=view.course.asked.index(question) if question else None,
        question=question,
        kept=kept,
        cells={cell.row: cell for cell in kept.cells or ()} if kept else {},
        figure=lambda number: _typed(desk, question, number),
        unit=catalogue.read(store).currency if question and question.kind == "money" else "",
        place=photos.at_survey(view.survey.survey),
        photos=photos.of_draft(store, photos.at_survey(view.survey.survey)),
        most_photos=(question.most if question else None) or MOST_PHOTOS,
        said=said,
    )


def _answer(desk: Desk, survey: UUID, question: Question, request: Request) -> Answer:
    """Return what the form holds, read as the question's kind has it; what cannot be read is left out."""
    form = request.form
    match used(question):
        case "choices":
            return Answer(question=question.id, choices=tuple(form.getlist("choice")[:20]))
        case "number":
            return Answer(question=question.id, number=_number(desk, question, form.get("number", "")))
        case "photos":
            taken = photos.named(desk.terminal.store, photos.at_survey(survey))
            return Answer(question=question.id, photos=taken)
        case "cells":
            cells = []
            for row in question.rows:
                said = form.get(f"row-{row.id}", "").strip()
                number = None if question.kind == "matrix" else _number(desk, question, said)
                choice = (said[:32] or None) if question.kind == "matrix" else None
                if choice is not None or number is not None:
                    cells.append(Cell(row=row.id, choice=choice, number=number))
            return Answer(question=question.id, cells=tuple(cells) or None)
        case "text":
            return Answer(question=question.id, text=form.get("text", "").strip()[:MOST_TEXT] or None)


def _number(desk: Desk, question: Question, typed: str) -> int | None:
    """Return a typed figure, an amount in minor units; none where it is none."""
    typed = typed.strip()
    if len(typed) > MOST_FIGURE or not typed.isascii():
        return None
    if question.kind != "money":
        return int(typed) if typed.removeprefix("-").isdecimal() else None
    return words.minor_of(typed, catalogue.read(desk.terminal.store).currency)


def _typed(desk: Desk, question: Question | None, number: int | None) -> str:
    """Return a kept figure as it is typed."""
    if number is None or question is None:
        return ""
    if question.kind != "money":
        return str(number)
    return words.typed_amount(number, catalogue.read(desk.terminal.store).currency)


def _find(desk: Desk, survey: UUID) -> SurveyView:
    view = notices.survey(desk.terminal.store, desk.terminal.clock, survey)
    if view is None:
        raise NotFound
    return view


RULES = (
    Rule("/surveys/<uuid:survey>", endpoint=show, methods=["GET"]),
    Rule("/surveys/<uuid:survey>/answer", endpoint=answer, methods=["POST"]),
    Rule("/surveys/<uuid:survey>/send", endpoint=send, methods=["POST"]),
)

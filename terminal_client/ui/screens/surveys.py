"""A survey, one question a screen; what was answered is kept at every tap, and sent with the last one."""

from uuid import UUID

from werkzeug.exceptions import NotFound
from werkzeug.routing import Rule
from werkzeug.wrappers import Request, Response

from contract.errors import Refusal
from contract.feed import Question
from contract.messages import Answer
from terminal_client.core import survey_rules, use_cases
from terminal_client.core.views import notices
from terminal_client.core.views.notices import SurveyView
from terminal_client.ui.web import Desk, go

MOST_TEXT = 1000
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
    given = _answer(question, request)
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
    return desk.pages.page(
        "survey.html",
        here="notices",
        undo=None,
        view=view,
        asked=view.course.asked,
        most=view.course.most,
        position=view.course.asked.index(question) if question else None,
        question=question,
        kept=view.kept.get(question.id) if question else None,
        said=said,
    )


def _answer(question: Question, request: Request) -> Answer:
    typed = request.form.get("number", "").strip()
    number = int(typed) if typed.lstrip("-").isdecimal() and typed.isascii() and len(typed) < 10 else None  # noqa: PLR2004
    words = request.form.get("text", "").strip()[:MOST_TEXT]
    return Answer(
        question=question.id,
        choices=tuple(request.form.getlist("choice")[:20]),
        number=number,
        text=words or None,
    )


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

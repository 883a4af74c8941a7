"""The screen of what was said without a name: the words, the week, the answer."""

from uuid import UUID

from fastapi import Query, Request, Response
from sqlalchemy.orm import Session

from contract.errors import Refusal
from server.feedback import service, unnamed
from server.feedback.console import HOME, Words, sentence
from server.feedback.words import CATEGORIES, KINDS
from server.kit import console, http
from server.kit.console.texts import texts
from server.kit.identity import Operator

PLACE = f"{HOME}/unnamed"
PER_PAGE = 20

nameless = http.router(PLACE, tag="console", roles=("planner", "administrator"))


@nameless.get("")
def list_unnamed(
    request: Request, session: http.Db, operator: http.Person, page: int = Query(default=1, ge=1, le=10_000)
) -> Response:
    """Show what was said without a name, unanswered first."""
    return _page(request, session, operator, page)


@nameless.post("/{unnamed_id}/answer")
def answer(
    request: Request,
    session: http.Db,
    clock: http.Now,
    operator: http.Person,
    unnamed_id: UUID,
    answer_zh: Words = "",
    answer_en: Words = "",
) -> Response:
    """Answer one; whoever has its code reads it."""
    try:
        unnamed.answer(session, unnamed_id, operator, answer_zh=answer_zh, answer_en=answer_en, at=clock())
    except Refusal as refused:
        if refused.code == "not_found":
            raise
        session.rollback()
        return _page(request, session, operator, 1, sentence(request, refused))
    said = texts(request).gettext("It is answered. Whoever has its code reads the answer.")
    return console.redirect(request, PLACE, flash=said)


def _page(request: Request, session: Session, operator: Operator, page: int, said: str = "") -> Response:
    found, total = unnamed.listed(session, operator, limit=PER_PAGE, offset=(page - 1) * PER_PAGE)
    return console.page(
        request,
        "feedback/unnamed.html",
        status_code=422 if said else 200,
        said=said,
        found=found,
        total=total,
        page=page,
        pages=max(1, -(-total // PER_PAGE)),
        kinds=KINDS,
        categories=CATEGORIES,
        most=service.ANSWER_MOST,
    )

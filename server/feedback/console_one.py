"""The page of one complaint, suggestion or question: what is needed to answer it, and every act."""

from collections.abc import Callable
from functools import partial
from typing import Annotated, Any, cast
from uuid import UUID

from fastapi import APIRouter, Depends, Form, Request, Response
from sqlalchemy.orm import Session

from contract.errors import Refusal, Rejected
from contract.messages import FeedbackCategory
from server.cycles import crediting
from server.feedback import queries, remedies, rules, service, setting, subjects
from server.feedback.console import ACTING, HOME, Words, sentence
from server.feedback.words import (
    CATEGORIES,
    DECISIONS,
    ENTRIES,
    GRANT_DECISIONS,
    KINDS,
    REMEDIES,
    STATES,
    SUBJECTS,
    WAYS,
)
from server.kit import audit_trail, console, http
from server.kit.console.texts import language_of, texts
from server.kit.fields import Unfit, Whole
from server.kit.identity import Operator
from server.operators import queries as operators
from server.photos import console as photos_console
from server.photos import queries as photos
from server.retailers import queries as retailers

CONFIRMING = [Depends(http.needs("releaser"))]
RETURNING = [Depends(http.needs(*rules.ACTORS, "releaser"))]
UNITS = Whole(least=1, most=2**62)
one: APIRouter = http.router(HOME, tag="console", roles=(), shops="all")


@one.get("/{feedback}")
def show_feedback(request: Request, session: http.Db, operator: http.Person, feedback: UUID) -> Response:
    """Show one with what is needed to answer it."""
    return _page(request, session, operator, feedback)


@one.get("/{feedback}/photos/{ordinal}")
def show_photo(request: Request, session: http.Db, operator: http.Person, feedback: UUID, ordinal: int) -> Response:
    """Show a photo that came with it, to who sees it."""
    _seen(request, session, operator, feedback)
    return photos_console.shown(session, "feedback", feedback, ordinal)


@one.post("/{feedback}/assign", dependencies=ACTING)
def assign(
    request: Request, session: http.Db, clock: http.Now, operator: http.Person, feedback: UUID, owner: Words = ""
) -> Response:
    """Give it to a person, oneself where nobody is named."""
    name = owner or operator.name
    said = texts(request).gettext("It is with %(name)s now.") % {"name": name}
    act = partial(service.assign, session, feedback, name, operator, at=clock())
    return _done(request, session, operator, feedback, said, act)


@one.post("/{feedback}/sort", dependencies=ACTING)
def sort_again(
    request: Request,
    session: http.Db,
    clock: http.Now,
    operator: http.Person,
    feedback: UUID,
    concerns: Annotated[list[str], Form(default_factory=list, max_length=20)],
    category: Annotated[FeedbackCategory, Form()],
) -> Response:
    """Put it into a category, and say whom it is about."""
    said = texts(request).gettext("It is in its category. Whom it is about sees nothing of it.")
    named = [name for name in concerns if name]
    act = partial(service.sort_again, session, feedback, category, named, operator, at=clock())
    return _done(request, session, operator, feedback, said, act)


@one.post("/{feedback}/pause", dependencies=ACTING)
def pause(
    request: Request,
    session: http.Db,
    clock: http.Now,
    operator: http.Person,
    feedback: UUID,
    because_zh: Words = "",
    because_en: Words = "",
) -> Response:
    """Let its clock stand for a reason."""
    said = texts(request).gettext("Its clock stands; the shop reads why.")
    given = {"because_zh": because_zh, "because_en": because_en}
    act = partial(service.pause, session, feedback, operator, **given, at=clock())
    return _done(request, session, operator, feedback, said, act)


@one.post("/{feedback}/resume", dependencies=ACTING)
def resume(request: Request, session: http.Db, clock: http.Now, operator: http.Person, feedback: UUID) -> Response:
    """Let its clock go on."""
    said = texts(request).gettext("Its clock goes on; the shop is told.")
    act = partial(service.resume, session, feedback, operator, at=clock())
    return _done(request, session, operator, feedback, said, act)


@one.post("/{feedback}/answer", dependencies=ACTING)
def answer(
    request: Request,
    session: http.Db,
    clock: http.Now,
    operator: http.Person,
    feedback: UUID,
    answer_zh: Words = "",
    answer_en: Words = "",
    close: Annotated[str, Form(max_length=3)] = "",
    decision: Annotated[str, Form(pattern="^(upheld|dismissed|credit|none|)$")] = "",
    units: Annotated[str, Form(max_length=20)] = "",
    because_zh: Words = "",
    because_en: Words = "",
) -> Response:
    """Answer it, decide what is disputed and how it is made good, and close it with that where ticked."""
    given: dict[str, Any] = {"answer_zh": answer_zh, "answer_en": answer_en, "close": close == "yes"}
    upheld = decision in {"upheld", *GRANT_DECISIONS}
    decided = "upheld" if upheld else cast("rules.Decision | None", decision or None)
    gettext = texts(request).gettext
    said = gettext("It is answered; the shop is told.")
    if decision in GRANT_DECISIONS:
        said = gettext("Proposed. The shop is told nothing before a second person confirms it.")

    def act() -> None:
        remedy = None
        if decision == "credit":
            remedy = remedies.Remedy(units=UNITS.read(units.strip()))
        elif decision == "none":
            remedy = remedies.Remedy(because_zh=because_zh, because_en=because_en)
        remedies.answer(session, feedback, operator, **given, decision=decided, remedy=remedy, at=clock())

    return _done(request, session, operator, feedback, said, act)


@one.post("/{feedback}/remedy/confirm", dependencies=CONFIRMING)
def confirm_remedy(
    request: Request,
    session: http.Db,
    clock: http.Now,
    operator: http.Person,
    feedback: UUID,
    seen: Annotated[UUID | None, Form()] = None,
) -> Response:
    """Let the answer that was looked at count as the second person."""
    said = texts(request).gettext("Confirmed: it is answered, and the shop is told how it is made good.")
    act = partial(remedies.confirm, session, feedback, operator, at=clock(), seen=seen)
    return _done(request, session, operator, feedback, said, act)


@one.post("/{feedback}/remedy/return", dependencies=RETURNING)
def return_remedy(
    request: Request, session: http.Db, clock: http.Now, operator: http.Person, feedback: UUID, why: Words = ""
) -> Response:
    """Hand back an answer that waits for a second person."""
    said = texts(request).gettext("Handed back. The answer is kept; another one can be given.")
    act = partial(remedies.hand_back, session, feedback, operator, why=why, at=clock())
    return _done(request, session, operator, feedback, said, act)


@one.post("/{feedback}/note", dependencies=ACTING)
def note(
    request: Request, session: http.Db, clock: http.Now, operator: http.Person, feedback: UUID, words: Words = ""
) -> Response:
    """Write a note that stays inside."""
    said = texts(request).gettext("The note is kept. The shop does not see it.")
    act = partial(service.note, session, feedback, words, operator, at=clock())
    return _done(request, session, operator, feedback, said, act)


@one.post("/{feedback}/close", dependencies=ACTING)
def close(request: Request, session: http.Db, clock: http.Now, operator: http.Person, feedback: UUID) -> Response:
    """Close what was answered."""
    said = texts(request).gettext("It is closed; the shop is asked how well it was done.")
    act = partial(service.close, session, feedback, operator, at=clock())
    return _done(request, session, operator, feedback, said, act)


def _seen(request: Request, session: Session, operator: Operator, feedback: UUID) -> queries.Feedback:
    found = queries.feedback(session, feedback)
    if found is None or not rules.sees(operator, found.category, found.concerns, found.owner):
        raise Rejected("not_found", what=texts(request).gettext("feedback"), name=str(feedback))
    return found


def _page(request: Request, session: Session, operator: Operator, feedback: UUID, said: str = "") -> Response:
    found = _seen(request, session, operator, feedback)
    now = http.runtime_of(request).clock()
    shop = retailers.retailer(session, found.retailer)
    everybody = operators.operators(session, at=now)
    able = {one.name for one in setting.fit(everybody, shop)}
    about = None if found.about is None else subjects.subject(session, found.retailer, found.about)
    proposed = queries.remedies(session, feedback)
    shown = {one.answer for one in proposed if one.state == "confirmed"}
    disputed = rules.disputed(found.explanation)
    return console.page(
        request,
        "feedback/one.html",
        actors=rules.ACTORS,
        status_code=422 if said else 200,
        said=said,
        typed=getattr(request.state, "typed", {}) if said else {},
        found=found,
        shop=shop,
        about=about,
        about_name=None if about is None else getattr(about.name, language_of(request)),
        entries=[one for one in queries.entries(session, feedback) if one.id not in shown],
        remedies=proposed,
        remedy_states=REMEDIES,
        credited={one.id: one for one in crediting.of_feedback(session, found.number)} if shown else {},
        most_units=remedies.most_units(session, found.explanation or {}, found.retailer)
        if disputed == "grant" and found.open
        else 0,
        steps=queries.steps(session, feedback),
        people=[one.name for one in everybody if one.name in able and one.name not in found.concerns],
        accounts=[one.name for one in everybody if one.name != operator.name],
        history=audit_trail.newest(session, audit_trail.Asked(subject=f"feedback:{found.number}"), limit=100),
        now=now,
        states=STATES,
        kinds=KINDS,
        categories=CATEGORIES,
        subjects=SUBJECTS,
        ways=WAYS,
        decisions=DECISIONS,
        sorts=ENTRIES,
        grant_decisions=GRANT_DECISIONS,
        most=service.ANSWER_MOST,
        most_because=service.BECAUSE_MOST,
        photos=photos.photos_of(session, "feedback", feedback),
    )


def _done(
    request: Request, session: Session, operator: Operator, feedback: UUID, said: str, act: Callable[[], None]
) -> Response:
    """Do it, and say so; or show the page with why nothing was done."""
    try:
        act()
    except Unfit as unfit:
        session.rollback()
        return _page(request, session, operator, feedback, unfit.sentence(texts(request).gettext))
    except Refusal as refused:
        if refused.code == "not_found" and refused.params.get("name") == str(feedback):
            raise
        session.rollback()
        return _page(request, session, operator, feedback, sentence(request, refused))
    found = queries.feedback(session, feedback)
    seen = found is not None and rules.sees(operator, found.category, found.concerns, found.owner)
    return console.redirect(request, f"{HOME}/{feedback}" if seen else HOME, flash=said)

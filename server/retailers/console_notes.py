"""A shop's standing and notes in its e-file, and the forms of both: notes with their versions, the closing day."""

from collections.abc import Mapping
from datetime import date, datetime
from typing import Annotated, Any, Literal

from fastapi import Form, Request, Response
from sqlalchemy.orm import Session

from server.kit import console, http
from server.kit.console import N_, texts
from server.kit.fields import Invalid
from server.kit.identity import Role
from server.retailers import queries, service
from server.retailers.console import HOME, TONES, back, found_shop

NOTERS: tuple[Role, ...] = ("planner", "administrator", "manager", "inspector", "regional")
CLOSERS: tuple[Role, ...] = ("planner", "administrator", "inspector")

noting = http.router(f"{HOME}/note", tag="console", roles=NOTERS, shops="all")
closing = http.router(f"{HOME}/closing", tag="console", roles=CLOSERS, shops="all")

Code = Annotated[str, Form(max_length=64)]
Words = Annotated[str, Form(max_length=4_000)]


def in_e_file(session: Session, retailer: str, now: datetime) -> Mapping[str, Any]:
    """Return how a shop stands and what was noted of it, for its e-file."""
    shop = found_shop(session, retailer)
    return {
        "shop": shop,
        "tones": TONES,
        "notes": queries.notes(session, retailer),
        "noters": NOTERS,
        "closers": CLOSERS,
        "closed": shop.closed(now.date()),
        "most": service.NOTE_MOST,
    }


@noting.post("")
def add_note(
    request: Request, session: http.Db, clock: http.Now, operator: http.Person, code: Code, words: Words = ""
) -> Response:
    """Note something of a shop."""
    try:
        service.add_note(session, code, words, operator, at=clock())
    except Invalid as refused:
        return _note_form(request, session, code, words, refused)
    return back(request, code, texts(request).gettext("It is noted. It can be corrected; what it said stays readable."))


@noting.post("/correct")
def correct_note(
    request: Request,
    session: http.Db,
    clock: http.Now,
    operator: http.Person,
    code: Code,
    note: Annotated[int, Form(ge=1, le=2**63 - 1)],
    words: Words = "",
) -> Response:
    """Write a note anew, as its next version."""
    try:
        service.correct_note(session, code, note, words, operator, at=clock())
    except Invalid as refused:
        return _note_form(request, session, code, words, refused, note)
    return back(request, code, texts(request).gettext("The note is corrected. What it said before stands under it."))


@closing.get("")
def closing_form(request: Request, session: http.Db, code: str) -> Response:
    """Offer the form of a shop's closing day, beside how it stands now."""
    shop = found_shop(session, code)
    return _closing_form(request, shop, {"on": shop.closed_on or "", "why": shop.closed_why or ""}, {})


@closing.post("")
def close_shop(
    request: Request,
    session: http.Db,
    clock: http.Now,
    operator: http.Person,
    code: Code,
    seen: Code,
    on: Annotated[date | Literal[""], Form()] = "",
    why: Words = "",
) -> Response:
    """Set the day from which on a shop is closed, or correct it."""
    gettext = texts(request).gettext
    shop = found_shop(session, code)
    try:
        if not on:
            return _closing_form(request, shop, {"on": on, "why": why}, {"on": gettext("Choose the first day.")})
        service.close_retailer(session, code, on, why, operator, at=clock(), seen=seen)
    except Invalid as refused:
        said = {"why": next(iter(refused.problems.values())).sentence(gettext)}
        return _closing_form(request, shop, {"on": on, "why": why}, said)
    return back(request, code, gettext("The closing day is set. It can be corrected and taken back here."), "note")


@closing.post("/back")
def reopen_shop(
    request: Request, session: http.Db, clock: http.Now, operator: http.Person, code: Code, seen: Code
) -> Response:
    """Take a closing day back."""
    service.reopen_retailer(session, code, operator, at=clock(), seen=seen)
    return back(request, code, texts(request).gettext("The closing day is taken back: the shop is open."))


def _note_form(
    request: Request, session: Session, code: str, words: str, refused: Invalid, note: int | None = None
) -> Response:
    sentence = next(iter(refused.problems.values())).sentence(texts(request).gettext)
    return console.page(
        request,
        "retailers/note.html",
        status_code=422,
        shop=found_shop(session, code),
        note=note,
        words=words,
        errors={"words": sentence},
        most=service.NOTE_MOST,
    )


def _closing_form(
    request: Request, shop: queries.Retailer, typed: Mapping[str, Any], errors: Mapping[str, str]
) -> Response:
    return console.page(
        request,
        "retailers/closing.html",
        status_code=422 if errors else 200,
        shop=shop,
        typed=typed,
        errors=errors,
        follows=FOLLOWS,
    )


FOLLOWS = (
    N_("its orders are refused, with the reason"),
    N_("its lines in a frozen book get nothing"),
    N_("goods that were granted to it are held at dispatch"),
    N_("it is not counted as missing from a window, and scores list it as closed"),
)

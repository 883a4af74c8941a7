"""The administrator's screen of tokens: make one and show it once, see which are used, revoke."""

from typing import Annotated

from fastapi import Depends, Form, Path, Request, Response
from sqlalchemy.orm import Session

from contract.errors import Refusal, Rejected
from server.integrations import scopes
from server.integrations import tokens as kept
from server.kit import console, http
from server.kit.clock import Clock
from server.kit.console.texts import texts
from server.kit.identity import Role
from server.operators.console import words

READERS: tuple[Role, ...] = ("administrator", "auditor")
KEEPERS: tuple[Role, ...] = ("administrator",)
KEEPING = [Depends(http.needs(*KEEPERS))]
PLACE = "/console/tokens"
tokens = http.router(PLACE, tag="console", roles=READERS)

Number = Annotated[int, Path(ge=1, le=2**31 - 1)]
Several = Annotated[list[str], Form(default_factory=list, max_length=1000)]


@tokens.get("")
def list_tokens(request: Request, session: http.Db, clock: http.Now) -> Response:
    """List the tokens, and offer to make one."""
    return _page(request, session, clock)


@tokens.post("", dependencies=KEEPING)
def make_token(
    request: Request,
    session: http.Db,
    clock: http.Now,
    operator: http.Person,
    wanted: Several,
    regions: Several,
    classes: Several,
    name: Annotated[str, Form(max_length=1000)] = "",
    days: Annotated[int, Form()] = kept.DAYS[1],
) -> Response:
    """Make a token and show it, once."""
    within = kept.Bounds(tuple(regions), tuple(classes))
    try:
        token = kept.make(session, name, wanted, within, days=days, by=operator, at=clock())
    except Refusal as refusal:
        session.rollback()
        return _page(request, session, clock, typed=(name, wanted, within, days), refusal=refusal)
    made = kept.tokens(session)[0]
    return console.page(request, "integrations/new_token.html", token=token, made=made)


@tokens.post("/{number}/revoke", dependencies=KEEPING)
def revoke_token(
    request: Request, session: http.Db, clock: http.Now, operator: http.Person, number: Number
) -> Response:
    """End a token at once."""
    try:
        ended = kept.revoke(session, number, by=operator, at=clock())
    except Rejected as refusal:
        return _page(request, session, clock, refusal=refusal)
    said = texts(request).gettext("The token %(name)s is revoked; it opens nothing any more.")
    return console.redirect(request, PLACE, flash=said % {"name": ended.name})


def _page(
    request: Request,
    session: Session,
    clock: Clock,
    *,
    typed: tuple[str, list[str], kept.Bounds, int] = ("", [], kept.Bounds(), kept.DAYS[1]),
    refusal: Refusal | None = None,
) -> Response:
    now = clock()
    return console.page(
        request,
        "integrations/tokens.html",
        status_code=200 if refusal is None else http.status_of(refusal),
        tokens=[(one, one.state(now)) for one in kept.tokens(session)],
        families=scopes.FAMILIES,
        choices=request.app.state.bound_choices(session),
        days=kept.DAYS,
        keepers=KEEPERS,
        typed=typed,
        problem=None if refusal is None else words(request, refusal),
    )

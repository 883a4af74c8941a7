"""The page on which a shop is suspended: what that touches is shown before."""

from collections.abc import Mapping, Sequence
from typing import Annotated

from fastapi import Depends, Form, Request, Response
from sqlalchemy.orm import Session

from server.catalogue import queries as catalogue
from server.kit import console, http
from server.kit.console import texts
from server.kit.fields import Invalid
from server.retailers import affected, service
from server.retailers.affected import Part, Touched
from server.retailers.console import HOME, KEEPERS, back, found_shop

keeping = http.router(HOME, tag="console", roles=KEEPERS, shops="all")


def _parts(request: Request) -> Sequence[Part]:
    found: Sequence[Part] = request.app.state.touched_parts
    return found


Parts = Annotated[Sequence[Part], Depends(_parts)]


@keeping.get("/suspend")
def suspending(
    request: Request, session: http.Db, clock: http.Now, config: http.Config, parts: Parts, code: str
) -> Response:
    """Show what a suspension touches, and ask for its reason."""
    found_shop(session, code)
    every = catalogue.skus(session, withdrawn=True)
    return _page(request, session, code, affected.read(session, parts, code, every, clock().astimezone(config.tz)))


@keeping.post("/suspend")
def suspend(
    request: Request,
    session: http.Db,
    clock: http.Now,
    config: http.Config,
    operator: http.Person,
    parts: Parts,
    code: Annotated[str, Form(max_length=64)],
    reason: Annotated[str, Form(max_length=200)] = "",
    shown: Annotated[str, Form(max_length=64)] = "",
) -> Response:
    """Let a shop order nothing, for a reason that it reads; asked again where more is touched than was shown."""
    gettext, now = texts(request).gettext, clock()
    found_shop(session, code)
    every = catalogue.skus(session, withdrawn=True)
    touched = affected.read(session, parts, code, every, now.astimezone(config.tz))
    if shown != affected.digest(touched):
        errors = {
            "shown": gettext("What it touches has changed since it was shown. Look at it, then suspend the shop.")
        }
        return _page(request, session, code, touched, errors, reason)
    try:
        service.suspend_retailer(session, code, reason, operator.actor, at=now)
    except Invalid as refusal:
        session.rollback()
        errors = {"reason": next(iter(refusal.problems.values())).sentence(gettext)}
        return _page(request, session, code, touched, errors, reason)
    return back(request, code, gettext("The shop is suspended. It can be restored here."), "note")


def _page(
    request: Request,
    session: Session,
    code: str,
    touched: Sequence[Touched],
    errors: Mapping[str, str] | None = None,
    reason: str = "",
) -> Response:
    return console.page(
        request,
        "retailers/suspending.html",
        status_code=422 if errors else 200,
        shop=found_shop(session, code),
        touched=touched,
        shown=affected.digest(touched),
        errors=errors or {},
        reason=reason,
    )

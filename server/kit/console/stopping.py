"""The button that stops what a person asked for."""

from collections.abc import Callable

from fastapi import Request, Response
from sqlalchemy.orm import Session

from contract.errors import Conflict
from server.kit.console.shell import redirect
from server.kit.console.texts import texts


def stopped(request: Request, session: Session, stop: Callable[[], object], *, back: str) -> Response:
    """Stop something by ``stop`` and go ``back``, where it is said; where it was over by then, that is said."""
    gettext = texts(request).gettext
    try:
        stop()
    except Conflict:
        session.rollback()
        return redirect(request, back, flash=gettext("It was over already; nothing was stopped."), tone="wait")
    return redirect(request, back, flash=gettext("It was stopped; nothing more of it is stored."), tone="note")

"""The screen that says who may see and do what, made from the routes themselves."""

from itertools import groupby
from typing import Any

from fastapi import Request, Response

from server.kit import console, http
from server.operators.console import ROLE_NAMES

access = http.router("/console/access", tag="console", roles=(), shops="all")


@access.get("")
def who_may_what(request: Request, operator: http.Person) -> Response:
    """Show the roles, what each may see and do, and which of it is the reader's."""
    return console.page(
        request,
        "operators/access.html",
        rooms=[(room, list(rows)) for room, rows in groupby(request.app.state.access(request.app), _room)],
        role_names=ROLE_NAMES,
        me=operator,
    )


def _room(row: Any) -> str:
    return str(row.duty.room)

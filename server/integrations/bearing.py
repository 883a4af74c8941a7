"""From a request's ``Authorization: Bearer`` to the program that asks."""

from fastapi import Request
from limits import RateLimitItemPerMinute

from server.integrations import tokens
from server.kit.db import EVERYTHING, transaction
from server.kit.http import remote_of, runtime_of
from server.kit.identity import API, Operator

_SCHEME = f"Bearer {tokens.MARK}"


def load_token(request: Request) -> None:
    """Put the program that a token of ours names on ``request.state`` in place of a person; nobody where it is over.

    A dependency of the whole application, after the one that knows people: who shows a token is never taken for the
    person of a cookie. Tokens count below ``/api/v1/`` alone.

    Raises
    ------
    Unavailable
        ``rate_limited``: too many requests of this token within a minute.
    """
    shown = request.headers.get("Authorization", "")
    if not shown.startswith(_SCHEME) or not request.scope["path"].startswith(API):
        return
    request.state.operator, request.state.csrf = None, ""
    runtime = runtime_of(request)
    with transaction(runtime.sessions, EVERYTHING) as session:
        program: Operator | None = tokens.bearer(
            session, shown.removeprefix("Bearer "), remote=remote_of(request), at=runtime.clock()
        )
    if program is not None:
        limit = RateLimitItemPerMinute(runtime.settings.token_requests_per_minute)
        runtime.attempts.take(limit, program.name)
    request.state.operator = program

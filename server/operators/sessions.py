"""From a request's cookie to the person who asks, and back."""

from dataclasses import replace

from fastapi import Request, Response
from starlette.responses import Response as AnyResponse

from server.kit.db import EVERYTHING, act_for
from server.kit.http import over_tls, runtime_of
from server.kit.identity import Operator, Role
from server.operators import queries
from server.operators.service import SignedIn

NEED_SECOND_FACTOR: tuple[Role, ...] = ("administrator", "releaser")


def load_operator(request: Request) -> None:
    """Put the signed-in person and the session's forgery token on ``request.state``; ``None`` for nobody.

    A dependency of the whole application. It decides nothing: the guards of the routes do.
    """
    request.state.operator = None
    request.state.csrf = ""
    found = _session_of(request)
    if found is not None:
        request.state.operator, request.state.csrf = found


def operator_of(request: Request) -> Operator | None:
    """Return who holds the request's session now, or none: for answers that last."""
    found = _session_of(request)
    return None if found is None else found[0]


def _session_of(request: Request) -> tuple[Operator, str] | None:
    token = token_of(request)
    if not token:
        return None
    runtime = runtime_of(request)
    with runtime.sessions() as session:
        act_for(session, EVERYTHING)
        found = queries.session_of(session, token, runtime.clock())
    if found is None:
        return None
    operator, csrf = found
    asked = runtime.settings.second_factor_required and not runtime.settings.demo
    return replace(operator, needs_second_factor=asked and operator.may(*NEED_SECOND_FACTOR)), csrf


def token_of(request: Request) -> str:
    """Return the session's token that the browser sent, or an empty text."""
    return request.cookies.get(_cookie(request), "")


def keep_session(request: Request, response: Response, opened: SignedIn) -> None:
    """Let the browser keep a session that was just opened."""
    runtime = runtime_of(request)
    response.set_cookie(
        _cookie(request),
        opened.token,
        max_age=int((opened.expires_at - runtime.clock()).total_seconds()),
        path="/",
        secure=over_tls(request),
        httponly=True,
        samesite="lax",
    )


def forget_session(request: Request, response: AnyResponse) -> None:
    """Let the browser forget its session."""
    response.delete_cookie(_cookie(request), path="/", secure=over_tls(request), httponly=True, samesite="lax")


def link_address(base_url: str, token: str) -> str:
    """Return the address of a one-use sign-in link on the server at ``base_url``."""
    return f"{base_url.rstrip('/')}/console/sign-in/link/{token}"


def _cookie(request: Request) -> str:
    """Return the cookie's name. Over TLS its prefix keeps neighbouring hosts from setting it."""
    return "__Host-evenhand" if over_tls(request) else "evenhand"

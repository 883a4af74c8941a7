"""The HTTP edge: where a request gets its session, its person, its transaction and its refusal.

Every router is made by :func:`router`. An endpoint that takes a session and is not a read (``GET``,
``HEAD``) commits when it returns, before the response is sent: what the response says is then true. A
refusal raised anywhere becomes the same JSON, ``{"family", "code", "params", "text"}``, or the same page.
"""

import functools
import inspect
import secrets
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Annotated, Any
from urllib.parse import urlsplit

from fastapi import APIRouter, Depends, Request
from fastapi.routing import APIRoute
from pydantic import BaseModel
from sqlalchemy import Engine
from sqlalchemy.orm import Session, sessionmaker

from contract.errors import Conflict, Refusal, Rejected, Revoked, Unavailable
from contract.texts import Language, refusal_text
from server.kit.clock import Clock
from server.kit.db import EVERYTHING, act_for
from server.kit.identity import Operator, Role
from server.kit.settings import Settings

READS = frozenset({"GET", "HEAD", "OPTIONS"})
STATUS: dict[type[Refusal], int] = {Rejected: 422, Conflict: 409, Unavailable: 503, Revoked: 403}
STATUS_OF_CODE = {
    "sign_in_failed": 401,
    "signed_out": 401,
    "not_enrolled": 401,
    "not_allowed": 403,
    "forged_request": 403,
    "not_found": 404,
    "too_large": 413,
    "rate_limited": 429,
}


@dataclass(frozen=True)
class Runtime:
    """What one process holds for its lifetime; ``app.state.runtime``."""

    settings: Settings
    engine: Engine
    sessions: sessionmaker[Session]
    clock: Clock
    broker_address: tuple[str, int] | None


class CommittingRoute(APIRoute):
    """Commits the endpoint's session when the endpoint returns, before anything is sent."""

    def __init__(self, path: str, endpoint: Callable[..., Any], **kwargs: Any) -> None:
        methods = {method.upper() for method in kwargs.get("methods") or {"GET"}}
        super().__init__(path, endpoint if methods <= READS else _committing(endpoint), **kwargs)


def _committing(endpoint: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(endpoint)
    def run(*args: Any, **kwargs: Any) -> Any:
        answer = endpoint(*args, **kwargs)
        for value in kwargs.values():
            if isinstance(value, Session):
                value.commit()
        return answer

    if inspect.iscoroutinefunction(endpoint):
        raise TypeError(f"{endpoint.__qualname__} must be a plain function: a transaction is synchronous")
    return run


class RefusalBody(BaseModel):
    """How every refusal looks to a program."""

    family: str
    code: str
    params: dict[str, str | int]
    text: str


def router(prefix: str = "", *, tag: str, roles: tuple[Role, ...] | None = None) -> APIRouter:
    """Return a router of a capability; with ``roles``, every route needs one of them."""
    guards = [Depends(needs(*roles))] if roles is not None else []
    return APIRouter(
        prefix=prefix,
        tags=[tag],
        route_class=CommittingRoute,
        dependencies=guards,
        responses={
            422: {"model": RefusalBody, "description": "Refused: the code and its text say why"},
            409: {"model": RefusalBody, "description": "Changed meanwhile: look again"},
        },
    )


def status_of(refusal: Refusal) -> int:
    """Return the HTTP status of a refusal; the only place that knows."""
    return STATUS_OF_CODE.get(refusal.code) or STATUS[type(refusal)]


def body_of(refusal: Refusal, language: Language) -> RefusalBody:
    """Return the JSON body of a refusal."""
    return RefusalBody(
        family=refusal.family,
        code=refusal.code,
        params=refusal.params,
        text=refusal_text(refusal.code, refusal.params, language),
    )


def runtime_of(request: Request) -> Runtime:
    """Return this process's runtime."""
    runtime: Runtime = request.app.state.runtime
    return runtime


def _session(request: Request) -> Iterator[Session]:
    with runtime_of(request).sessions() as session:
        act_for(session, EVERYTHING)
        yield session


def _device_session(request: Request) -> Iterator[Session]:
    """Open a session that sees no party's rows until the device is known."""
    with runtime_of(request).sessions() as session:
        yield session


def _clock(request: Request) -> Clock:
    return runtime_of(request).clock


def _settings(request: Request) -> Settings:
    return runtime_of(request).settings


def _operator(request: Request) -> Operator:
    operator: Operator | None = getattr(request.state, "operator", None)
    if operator is None:
        raise Rejected("signed_out")
    return operator


def needs(*roles: Role) -> Callable[[Request], Operator]:
    """Return the guard that lets through a signed-in person with one of ``roles``; with none, anyone signed in.

    Requests that change something must carry the session's token and come from our own origin.
    """

    def guard(request: Request) -> Operator:
        operator = _operator(request)
        if roles and not operator.may(*roles):
            raise Rejected("not_allowed", role=" / ".join(roles))
        if request.method not in READS:
            _check_forgery(request)
        return operator

    return guard


def _check_forgery(request: Request) -> None:
    expected: str = getattr(request.state, "csrf", "")
    given = request.headers.get("X-CSRF-Token") or getattr(request.state, "form_csrf", "")
    origin = request.headers.get("Origin")
    same = origin is None or urlsplit(origin).netloc == request.headers.get("Host")
    if not expected or not same or not secrets.compare_digest(expected, given):
        raise Rejected("forged_request")


Db = Annotated[Session, Depends(_session)]
DeviceDb = Annotated[Session, Depends(_device_session)]
Now = Annotated[Clock, Depends(_clock)]
Config = Annotated[Settings, Depends(_settings)]
Person = Annotated[Operator, Depends(_operator)]

"""The HTTP edge: where a request gets its session, its person, its transaction and its refusal.

Every router is made by :func:`router`. An endpoint that takes a session and is not a read (``GET``,
``HEAD``) commits when it returns, before the response is sent: what the response says is then true. A
refusal raised anywhere becomes the same JSON, ``{"family", "code", "params", "text"}``, or the same page.
Every route declares who may use it: :func:`needs`, a device's guard, or :func:`everyone`; an application
with a route that declares nothing does not start (:func:`check_guards`).
"""

import functools
import inspect
import secrets
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from dataclasses import dataclass
from http import HTTPStatus
from typing import Annotated, Any, Literal, TypeVar
from urllib.parse import urlsplit

from fastapi import APIRouter, Depends, FastAPI, Request, Response
from fastapi.dependencies.models import Dependant
from fastapi.exceptions import ResponseValidationError
from fastapi.routing import APIRoute, iter_route_contexts
from pydantic import BaseModel
from sqlalchemy.orm import Session
from starlette.datastructures import ImmutableMultiDict

from contract.errors import Conflict, Refusal, Rejected, Revoked, Unavailable
from contract.texts import Language, refusal_text
from server.kit import audit, edge, idempotency, sent_forms
from server.kit.clock import Clock
from server.kit.db import NOTHING, act_for, bounds
from server.kit.identity import API, Operator, Role, scope_of
from server.kit.runtime import Runtime
from server.kit.settings import Settings

READS = frozenset({"GET", "HEAD", "OPTIONS"})
STATUS: dict[type[Refusal], int] = {Rejected: 422, Conflict: 409, Unavailable: 503, Revoked: 403}
STATUS_OF_CODE = {
    "sign_in_failed": 401,
    "signed_out": 401,
    "second_factor_wrong": 401,
    "passkey_wrong": 401,
    "not_enrolled": 401,
    "request_unsigned": 401,
    "request_repeated": 401,
    "clock_off": 401,
    "not_allowed": 403,
    "whole_network": 403,
    "scope_missing": 403,
    "second_factor_needed": 403,
    "out_of_bounds": 403,
    "forged_request": 403,
    "not_found": 404,
    "too_large": 413,
    "rate_limited": 429,
}


F = TypeVar("F", bound=Callable[..., Any])


def of_shops(endpoint: F) -> F:
    """Mark an endpoint as one that reads and changes nothing but rows of shops (or what is everybody's to read).

    A person who is bounded to some regions or classes of shops may use marked ones alone: their rows are within his
    bounds by the session's scope. What concerns the whole network, or comes from files, is not marked.
    """
    endpoint.of_shops = True  # type: ignore[attr-defined] # a mark of ours
    return endpoint


def noting(endpoint: F) -> F:
    """Mark a read that writes down that it was read (who was heard, up to where): it commits like an act."""
    setattr(endpoint, "__noting__", True)  # noqa: B010 - a mark that the type of a function does not know
    return endpoint


def of_own_account(endpoint: F) -> F:
    """Mark an endpoint of the own account: it is open to who still has to set up a second factor."""
    endpoint.of_own_account = True  # type: ignore[attr-defined] # a mark of ours
    return endpoint


class CommittingRoute(APIRoute):
    """Commits the endpoint's session when the endpoint returns, before anything is sent."""

    def __init__(self, path: str, endpoint: Callable[..., Any], **kwargs: Any) -> None:
        methods = {method.upper() for method in kwargs.get("methods") or {"GET"}}
        reads = methods <= READS and not getattr(endpoint, "__noting__", False)
        super().__init__(path, endpoint if reads else _committing(endpoint), **kwargs)

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Return what answers a request; the body of one with a key is digested first, while it can be awaited."""
        handle = super().get_route_handler()

        async def digesting(request: Request) -> Response:
            if idempotency.HEADER in request.headers:
                form = request.headers.get("content-type", "")
                request.state.body_sha256 = idempotency.digest(await request.body(), form)
            return await handle(request)

        return digesting


class ShopsRoute(CommittingRoute):
    """A route of :func:`of_shops`."""

    def __init__(self, path: str, endpoint: Callable[..., Any], **kwargs: Any) -> None:
        super().__init__(path, of_shops(endpoint), **kwargs)


class ShopsReadRoute(CommittingRoute):
    """A route of :func:`of_shops` where it only reads."""

    def __init__(self, path: str, endpoint: Callable[..., Any], **kwargs: Any) -> None:
        methods = {method.upper() for method in kwargs.get("methods") or {"GET"}}
        super().__init__(path, of_shops(endpoint) if methods <= READS else endpoint, **kwargs)


_ROUTES = {None: CommittingRoute, "reads": ShopsReadRoute, "all": ShopsRoute}


def _committing(endpoint: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(endpoint)
    def run(*args: Any, **kwargs: Any) -> Any:
        sessions = [value for value in kwargs.values() if isinstance(value, Session)]
        answer = _once(sessions[0], lambda: endpoint(*args, **kwargs)) if sessions else endpoint(*args, **kwargs)
        for session in sessions:
            session.commit()
        return answer

    if inspect.iscoroutinefunction(endpoint):
        raise TypeError(f"{endpoint.__qualname__} must be a plain function: a transaction is synchronous")
    return run


def _once(session: Session, act: Callable[[], Any]) -> Any:
    """Do ``act``; where a form asks for it that has a number, not a second time (see :mod:`server.kit.sent_forms`)."""
    request: Request | None = session.info.get("request")
    operator: Operator | None = getattr(request.state, "operator", None) if request is not None else None
    if request is None or operator is None:
        return act()
    if idempotency.HEADER in request.headers and request.url.path.startswith(API):
        return _once_by_key(request, session, operator, act)
    if operator.scopes is not None:
        return act()
    typed: ImmutableMultiDict[str, str] = getattr(request.state, "typed", ImmutableMultiDict())
    sent = sent_forms.sending(operator.id, request.url.path, typed.multi_items(), apart=["csrf"])
    if sent is None:
        return act()
    at = runtime_of(request).clock()
    sent_forms.claim(session, sent, at=at)
    answer = act()
    sent_forms.settle(session, sent, _led_to(request, session, answer), at=at)
    return answer


def _once_by_key(request: Request, session: Session, operator: Operator, act: Callable[[], Any]) -> Response:
    """Do what a program asks for under a key, or give the answer that it was given before."""
    asked = idempotency.keyed(
        operator.name,
        request.headers[idempotency.HEADER],
        address=f"{request.method} {request.url.path}?{request.url.query}",
        body_sha256=request.state.body_sha256,
    )
    before = idempotency.claim(session, asked, at=runtime_of(request).clock())
    given = before or _given(request, act())
    if before is None:
        idempotency.keep(session, asked, given)
    answer = Response(given.body, status_code=given.status, media_type=given.media_type)
    if before is not None:
        answer.headers[idempotency.REPLAYED] = "true"
    return answer


def _given(request: Request, answer: Any) -> idempotency.Given:
    if isinstance(answer, Response):
        return idempotency.Given(answer.status_code, answer.media_type, bytes(answer.body))
    route: APIRoute = request.scope["route"]
    if route.response_field is None:
        return idempotency.Given(route.status_code or HTTPStatus.NO_CONTENT, None, b"")
    checked, wrong = route.response_field.validate(answer, {}, loc=("response",))
    if wrong:
        raise ResponseValidationError(wrong, body=answer)
    body = route.response_field.serialize_json(checked)
    return idempotency.Given(route.status_code or HTTPStatus.OK, "application/json", body)


def _led_to(request: Request, session: Session, answer: Any) -> str | None:
    """Return where an act sent the person on; the page of its form where it answered with a page; none for no act.

    What answers with a page was an act where it is written down in the audit.
    """
    if not isinstance(answer, Response) or answer.status_code >= HTTPStatus.BAD_REQUEST:
        return None
    on = answer.headers.get("location") or answer.headers.get("HX-Redirect")
    if on is None and session.info.get(audit.ACTED):
        came_from = urlsplit(request.headers.get("Referer", ""))
        on = f"{came_from.path}?{came_from.query}" if came_from.query else came_from.path
    return on


class RefusalBody(BaseModel):
    """How every refusal looks to a program."""

    family: str
    code: str
    params: dict[str, str | int]
    text: str


_REFUSED_WITH = {
    401: "Nobody is signed in, or no device shows who it is",
    403: "Not with this role, for this shop, from this page; a device: its identity is revoked",
    404: "It does not exist, or is none of yours",
    409: "Changed meanwhile: look again",
    413: "Too large",
    422: "Refused: the code and its text say why",
    429: "Too often: wait the seconds that it says",
    503: "The server cannot answer just now: try again",
}
ANSWERS: dict[int | str, dict[str, Any]] = {
    status: {"model": RefusalBody, "description": said} for status, said in _REFUSED_WITH.items()
}
"""How any route may refuse: written here once for the description of all."""
OPEN_ANSWERS = {status: answer for status, answer in ANSWERS.items() if status not in {401, 404, 409}}


def router(
    prefix: str = "",
    *,
    tag: str,
    roles: tuple[Role, ...] | Literal["everyone"] | None = None,
    shops: Literal["reads", "all"] | None = None,
) -> APIRouter:
    """Return a router of a capability; with ``roles``, every route needs one of them (``()``: to be signed in).

    ``shops`` marks all its routes, or those that read, as :func:`of_shops`: people bounded to some shops may use them.

    Without ``roles`` each route declares its own guard. Screens are no part of the API's description.
    """
    declared = [] if roles is None else [Depends(everyone if roles == "everyone" else needs(*roles))]
    return APIRouter(
        prefix=prefix,
        tags=[tag],
        route_class=_ROUTES[shops],
        dependencies=declared,
        include_in_schema=not prefix.startswith("/console"),
        responses=OPEN_ANSWERS if roles == "everyone" else ANSWERS,
    )


def status_of(refusal: Refusal) -> int:
    """Return the HTTP status of a refusal; the only place that knows."""
    return STATUS_OF_CODE.get(refusal.code) or next(STATUS[kind] for kind in type(refusal).__mro__ if kind in STATUS)


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
    """Open a session that sees the rows of the shops of who is signed in: all, or those within his bounds."""
    with runtime_of(request).sessions() as session:
        operator: Operator | None = getattr(request.state, "operator", None)
        scope = NOTHING if operator is None else bounds(operator.regions, operator.classes)
        act_for(session, scope, person="" if operator is None else operator.name)
        audit.came_from(session, remote_of(request))
        session.info["request"] = request
        yield session


def _device_session(request: Request) -> Iterator[Session]:
    """Open a session that sees no party's rows until the device is known."""
    with runtime_of(request).sessions() as session:
        audit.came_from(session, remote_of(request))
        yield session


def remote_of(request: Request) -> str:
    """Return the address that a request comes from; the proxy's own where no proxy is told to be believed."""
    return request.client.host if request.client else "unknown"


def over_tls(request: Request) -> bool:
    """Return whether browsers reach us over TLS; before a proxy that ends it, the public address says so."""
    return edge.over_tls(request.url.scheme, runtime_of(request).settings)


def _clock(request: Request) -> Clock:
    return runtime_of(request).clock


def _settings(request: Request) -> Settings:
    return runtime_of(request).settings


def _operator(request: Request) -> Operator:
    operator: Operator | None = getattr(request.state, "operator", None)
    if operator is None:
        raise Rejected("signed_out")
    return operator


def guard(declared: F) -> F:
    """Mark a dependency as one that decides who may use a route."""
    declared.is_guard = True  # type: ignore[attr-defined] # a mark of ours
    return declared


async def _form_token(request: Request) -> AsyncIterator[str]:
    """Give the token that a form carries; its texts are kept as ``request.state.typed``, none of what is no form.

    Reading a body must be awaited, so this stands apart from the guards, which are plain functions. The parsed
    form is the one that the endpoint gets: a body is read once.
    """
    request.state.typed = ImmutableMultiDict()
    is_form = request.headers.get("content-type", "").startswith(FORM_TYPES)
    if request.method in READS or not is_form:
        yield ""
        return
    async with request.form() as form:
        request.state.typed = ImmutableMultiDict([(k, v) for k, v in form.multi_items() if isinstance(v, str)])
        token = form.get("csrf")
        yield token if isinstance(token, str) else ""


FORM_TYPES = ("application/x-www-form-urlencoded", "multipart/form-data")


@dataclass(frozen=True)
class Guard:
    """Lets through a signed-in person with one of ``roles``; with none, anyone signed in.

    A person bounded to some shops gets to endpoints of :func:`of_shops` alone.

    Requests that change something must carry the session's token (header ``X-CSRF-Token`` or form field
    ``csrf``) and come from our own origin. A program shows its own token with each request instead, which no browser
    adds by itself; it needs the scope of the address beside the role.
    """

    roles: tuple[Role, ...]
    is_guard = True

    def __call__(self, request: Request, form_token: Annotated[str, Depends(_form_token)]) -> Operator:
        """Return who asks, or refuse."""
        operator = _operator(request)
        if operator.scopes is not None:
            _check_scope(operator.scopes, request)
        if self.roles and not operator.may(*self.roles):
            raise Rejected("not_allowed", role=" / ".join(self.roles))
        if operator.needs_second_factor and not operator.second_factor:
            if not getattr(request.scope["endpoint"], "of_own_account", False):
                raise Rejected("second_factor_needed")
        elif operator.bounded and not getattr(request.scope["endpoint"], "of_shops", False):
            raise Rejected("whole_network")
        if request.method not in READS and operator.scopes is None:
            expected: str = getattr(request.state, "csrf", "")
            given = request.headers.get("X-CSRF-Token") or form_token
            if not expected or not secrets.compare_digest(expected.encode(), given.encode()):
                raise Rejected("forged_request")
            check_origin(request)
        return operator


def _check_scope(scopes: frozenset[str], request: Request) -> None:
    needed = scope_of(request.scope["path"], reads=request.method in READS)
    if needed not in scopes:
        raise Rejected("scope_missing", scope=needed or "console")


def needs(*roles: Role) -> Guard:
    """Return the guard of a route that needs one of ``roles``; with none, anyone signed in."""
    return Guard(roles)


@guard
def everyone(request: Request) -> None:
    """Open a route to everyone on purpose; what it changes must still be sent from our own pages."""
    if request.method not in READS:
        check_origin(request)


def check_origin(request: Request) -> None:
    """Refuse a request that a browser sends from a page that is not ours."""
    origin = request.headers.get("Origin")
    if origin is None or urlsplit(origin).netloc == request.headers.get("Host"):
        return
    public = runtime_of(request).settings.public_url
    if public is None or urlsplit(origin)[:2] != urlsplit(public)[:2]:
        raise Rejected("forged_request")


def guards(dependant: Dependant) -> list[Callable[..., Any]]:
    """Return the guards that a route declares, its routers' before its own."""
    found: list[Callable[..., Any]] = []
    for one in dependant.dependencies:
        if one.call is not None and getattr(one.call, "is_guard", False):
            found.append(one.call)
        found += guards(one)
    return found


def of_people(app: FastAPI) -> Iterator[Any]:
    """Yield the routes that need a signed-in person."""
    for route in iter_route_contexts(app.routes):
        dependant = getattr(route, "dependant", None) if route.path not in _described(app) and route.methods else None
        if dependant is not None and any(isinstance(one, Guard) for one in guards(dependant)):
            yield route


def _described(app: FastAPI) -> set[str | None]:
    return {app.openapi_url, app.docs_url, app.redoc_url, app.swagger_ui_oauth2_redirect_url}


def check_guards(app: FastAPI) -> None:
    """Refuse to serve an application in which a route forgot to say who may use it.

    Raises ``TypeError`` naming the routes. Mounted static files and the API's description are open.
    """
    open_routes = [
        f"{sorted(route.methods or ())} {route.path}"
        for route in iter_route_contexts(app.routes)
        if route.path not in _described(app) and route.methods and not guards(route.dependant)
    ]
    if open_routes:
        raise TypeError("routes without a guard: " + ", ".join(open_routes))


Db = Annotated[Session, Depends(_session)]
DeviceDb = Annotated[Session, Depends(_device_session)]
Now = Annotated[Clock, Depends(_clock)]
Config = Annotated[Settings, Depends(_settings)]
Person = Annotated[Operator, Depends(_operator)]

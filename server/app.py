"""Entry point: the web process. Programs' interface, terminals over HTTP, the console's screens."""

import time
from collections.abc import Awaitable, Callable
from dataclasses import replace
from http import HTTPStatus
from typing import Any

import structlog
from fastapi import APIRouter, Depends, FastAPI, Request, Response
from fastapi.exception_handlers import http_exception_handler
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, PlainTextResponse, RedirectResponse
from prometheus_client import CONTENT_TYPE_LATEST, Histogram, generate_latest
from psycopg.errors import InsufficientPrivilege, NumericValueOutOfRange
from sqlalchemy import text
from sqlalchemy.exc import DataError, OperationalError, ProgrammingError
from starlette.exceptions import HTTPException
from starlette.middleware.gzip import GZipMiddleware
from starlette.types import ASGIApp, Receive, Scope, Send

from contract.errors import Refusal, Rejected, Unavailable
from server import __version__
from server.act_words import TRAIL
from server.duties import access
from server.form_words import FORM_WORDS
from server.integrations.bearing import load_token
from server.kit import console, describing, http, live, misread
from server.kit.admission import Admission
from server.kit.changing import ChangedMeanwhileError
from server.kit.console import Group
from server.kit.console import misread as misread_pages
from server.kit.console.texts import language_of
from server.kit.edge import MAX_BODY_BYTES, OVER, Edge
from server.kit.fields import Invalid
from server.kit.identity import API
from server.kit.marking import N_
from server.kit.runtime import Runtime
from server.kit.sent_forms import SentBeforeError
from server.operators import console as operators_console
from server.operators.sessions import load_operator, operator_of
from server.rooms import (
    ACTS_TO_BEGIN,
    BOUND_CHOICES,
    FINDABLE,
    HOME_PARTS,
    NAVIGATION,
    RETAILER_NARROWINGS,
    RETAILER_SECTIONS,
    ROUTERS,
    SCREENS,
    TOUCHED_PARTS,
    TRAIL_NAMES,
)
from server.wiring import IMPORTS

log = structlog.get_logger(__name__)
SECONDS = Histogram("evenhand_http_seconds", "Time to answer", ["method", "route", "status"])

NO_TOKEN = N_("No token was shown, or it opens nothing any more. Send a valid one in the header Authorization: Bearer.")
"""What a program is told that nobody knows: it can neither sign in nor lose what was typed."""
DESCRIPTION = """
Ordering and fair allocation for a distributor and its licensed retailers.

Every refusal has the same body: `family`, a stable `code`, its `params`, and a sentence in the caller's
language. `422` rejected: explain, do not retry. `409` conflict: refresh. `503` unavailable: retry.
"""


def create_app(runtime: Runtime) -> FastAPI:
    """Return the web application over a runtime."""
    settings = runtime.settings
    app = FastAPI(
        title="Evenhand",
        version=__version__,
        description=DESCRIPTION,
        docs_url=None,
        redoc_url=None,
        dependencies=[Depends(load_operator), Depends(load_token)],
    )
    app.state.runtime = runtime
    app.state.live = live.Hub()
    app.state.operator_of = operator_of
    app.state.home_parts = HOME_PARTS
    app.state.findable = FINDABLE
    app.state.acts_to_begin = ACTS_TO_BEGIN
    app.state.trail_names = TRAIL_NAMES
    app.state.import_kinds = {kind.name: kind for kind in IMPORTS}
    app.state.access = access
    app.state.bound_choices = BOUND_CHOICES
    app.state.retailer_sections = RETAILER_SECTIONS
    app.state.retailer_narrowings = RETAILER_NARROWINGS
    app.state.touched_parts = TOUCHED_PARTS
    app.middleware("http")(_measure)
    app.add_middleware(_ForDevices)
    app.add_middleware(Admission, places=settings.database_pool)
    app.add_middleware(Edge)
    console.install(
        app,
        product=settings.network_name,
        packages=SCREENS,
        navigation=NAVIGATION,
        zone=settings.tz,
        currency=settings.currency,
        clock=runtime.clock,
        trail=TRAIL,
        form_words=FORM_WORDS,
    )
    for router in ROUTERS:
        app.include_router(router)
    app.include_router(health)
    http.check_guards(app)
    app.state.console = replace(app.state.console, navigation=_marked(app))
    describing.describe(app)
    app.add_exception_handler(Refusal, _refused)
    app.add_exception_handler(SentBeforeError, _sent_before)
    app.add_exception_handler(HTTPException, _nowhere)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(DataError, _unkeepable)
    app.add_exception_handler(ProgrammingError, _out_of_bounds)
    app.add_exception_handler(OperationalError, _database_away)
    return app


def _marked(app: FastAPI) -> tuple[Group, ...]:
    """Return the navigation, with what is closed to people of some shops marked by the routes themselves."""
    of_shops = {route.path for route in http.of_people(app) if getattr(route.endpoint, "of_shops", False)}
    return tuple(
        replace(
            group,
            entries=tuple(replace(entry, whole_network=entry.href not in of_shops) for entry in group.entries),
        )
        for group in NAVIGATION
    )


def _refused(request: Request, refusal: Any) -> Response:
    language = language_of(request)
    if isinstance(refusal, Invalid):
        refusal = refusal.told(console.texts(request).gettext)
    body = http.body_of(refusal, language)
    if console.wants_page(request):
        if refusal.code == "signed_out":
            return operators_console.signed_out_page(request)
        if refusal.code == "second_factor_needed":
            return console.redirect(request, "/console/account", flash=body.text, tone="wait")
        stands = refusal.stands if isinstance(refusal, ChangedMeanwhileError) else ()
        wrong = refusal.told_by_field(console.texts(request).gettext) if isinstance(refusal, Invalid) else None
        what = None if wrong else body.text
        return console.error_page(request, http.status_of(refusal), what=what, wrong=wrong, stands=stands)
    if refusal.code == "signed_out" and request.url.path.startswith(API):
        body.text = console.texts(request).gettext(NO_TOKEN)
    headers = _headers(refusal)
    return JSONResponse(body.model_dump(), status_code=http.status_of(refusal), headers=headers)


def _sent_before(request: Request, before: Any) -> Response:
    """Send a person whose form came a second time to where the first one led."""
    said = console.texts(request).gettext("This form was sent before, and was done then. Nothing was done twice.")
    return console.redirect(request, console.local_path(before.led_to) or "/console/", flash=said, tone="note")


def _headers(refusal: Refusal) -> dict[str, str]:
    """Return what a program must do about a refusal, as headers say it."""
    if refusal.code == "not_enrolled":
        return {"WWW-Authenticate": 'Basic realm="evenhand"'}
    if refusal.code == "rate_limited":
        return {"Retry-After": str(refusal.params["seconds"])}
    return {}


async def _nowhere(request: Request, error: Any) -> Response:
    """Answer what came to no endpoint: an unknown address or method (a person gets a page), an unreadable body."""
    if OVER in request.scope:
        return _refused(request, Rejected("too_large", size=request.scope[OVER], limit=MAX_BODY_BYTES))
    if error.status_code == HTTPStatus.BAD_REQUEST:
        return _refused(request, Rejected("malformed", where="request", what=error.detail))
    if console.wants_page(request):
        return console.error_page(request, 404)
    return await http_exception_handler(request, error)


def _invalid(request: Request, error: Any) -> Response:
    found = misread.findings(error.errors(), console.texts(request).gettext)
    if console.wants_page(request):
        return misread_pages.answer(request, found)
    return _refused(request, misread.told(found[0]))


def _unkeepable(request: Request, error: Any) -> Response:
    """Refuse a value that the database has no place for: a zero byte in a text, a number beyond all bounds."""
    log.warning("unkeepable", why=str(error.orig).splitlines()[0])
    if console.wants_page(request) and request.method in http.READS:
        return misread_pages.nowhere(request)
    what = "number too large" if isinstance(error.orig, NumericValueOutOfRange) else "unkeepable"
    return _refused(request, Rejected("malformed", where="request", what=what))


def _out_of_bounds(request: Request, error: Any) -> Response:
    """Refuse to write a shop's row that row-level security keeps from this person; any other mistake is ours."""
    if not isinstance(error.orig, InsufficientPrivilege) or "row-level security" not in str(error.orig):
        raise error
    log.warning("out_of_bounds", why=str(error.orig).splitlines()[0])
    return _refused(request, Rejected("out_of_bounds"))


def _database_away(request: Request, error: Any) -> Response:
    log.error("database_away", why=str(error).splitlines()[0])
    return _refused(request, Unavailable("unavailable"))


async def _measure(request: Request, answer: Callable[[Request], Awaitable[Response]]) -> Response:
    """Time every request by its route, and refuse bodies that say of themselves that they are too large."""
    started = time.perf_counter()
    length = request.headers.get("Content-Length", "0")
    if not length.isdigit() or int(length) > MAX_BODY_BYTES:
        return _refused(request, Rejected("too_large", size=length, limit=MAX_BODY_BYTES))
    response = await answer(request)
    route = getattr(request.scope.get("route"), "path", "none")
    SECONDS.labels(request.method, route, response.status_code).observe(time.perf_counter() - started)
    return response


health = APIRouter(tags=["health"], dependencies=[Depends(http.everyone)])


@health.get("/", include_in_schema=False)
def entrance() -> Response:
    """Send a person who typed the bare address to the console."""
    return RedirectResponse(operators_console.HOME, status_code=303)


@health.get("/healthz", response_class=PlainTextResponse)
def alive() -> str:
    """Say that the process answers."""
    return "ok\n"


@health.get("/readyz")
def ready(request: Request) -> dict[str, str]:
    """Say that the database answers; 503 where it does not."""
    runtime: Runtime = request.app.state.runtime
    with runtime.engine.connect() as connection:
        connection.execute(text("SELECT 1"))
    return {"database": "ok"}


@health.get("/metrics", response_class=PlainTextResponse)
def metrics() -> Response:
    """Return this process's metrics in Prometheus' format."""
    return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)


class _ForDevices:
    """Compresses what devices are answered: they come over slow lines, and ask for it.

    Nothing else is: a page that holds both a secret and what a stranger chose would tell of it by its length.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._plain, self._packed = app, GZipMiddleware(app, minimum_size=1_000, compresslevel=6)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        for_device = scope["type"] == "http" and scope["path"].startswith("/device/")
        await (self._packed if for_device else self._plain)(scope, receive, send)

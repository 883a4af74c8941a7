"""The web application on loopback: who may ask, where it goes, what comes back.

Answers only to its own name (a page elsewhere cannot reach it by a rebound DNS name), takes changes only
from its own pages, and sends a policy under which nothing but its own files runs.
"""

import logging
import mimetypes
import secrets
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from importlib.resources import files
from typing import Any
from urllib.parse import urlsplit

import apsw
from werkzeug.exceptions import HTTPException, MethodNotAllowed, NotFound
from werkzeug.routing import Map, RequestRedirect, Rule
from werkzeug.utils import redirect
from werkzeug.wrappers import Request, Response

from contract.errors import Refusal
from terminal_client.app import Terminal
from terminal_client.core.scans import Scan
from terminal_client.ui import access
from terminal_client.ui.pages import Pages
from terminal_client.ui.show import N_

log = logging.getLogger(__name__)
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self';"
    " connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
MOST_BODY_BYTES = 64 * 1024
#: A photo that is handed in comes alone; the core says how large it may be.
MOST_PHOTO_BODY_BYTES = 1024 * 1024
UNDO_S = 20.0
NAMES = ("127.0.0.1", "localhost", "[::1]")


@dataclass
class Undo:
    """The last destructive tap, for a short time: what was done, and how it is taken back.

    It belongs to the page ``at`` which the tap led to, and ends when another is opened or when it no longer ``holds``.
    """

    token: str
    said: Callable[[], str]
    back: Callable[[], None]
    until_s: float
    then: str = ""
    holds: Callable[[], bool] = lambda: True
    at: str = ""


@dataclass
class Desk:
    """What a screen works with. ``tried`` is the last trial scan, ``code_typed`` what was typed of a code that enrols.

    ``enrolment_fault`` says in the chosen language why the last enrolment failed.
    """

    terminal: Terminal
    pages: Pages
    undo: Undo | None = field(default=None)
    tried: Scan | None = None
    code_typed: str = ""
    enrolment_fault: Callable[[], str] | None = None

    def offer_undo(
        self,
        said: Callable[[], str],
        back: Callable[[], None],
        then: str = "",
        holds: Callable[[], bool] = lambda: True,
    ) -> None:
        """Let the page that comes next offer to take back what was just done while it ``holds``; lead to ``then``.

        ``said`` says in the language chosen by then what was done.
        """
        self.undo = Undo(secrets.token_urlsafe(8), said, back, time.monotonic() + UNDO_S, then, holds)

    def undo_offered(self) -> Undo | None:
        """Return what can still be taken back."""
        offered = self.undo
        return offered if offered is not None and offered.until_s > time.monotonic() and offered.holds() else None

    def opened(self, path: str) -> None:
        """End what could be taken back on another page than the one that is opened."""
        if self.undo is not None and self.undo.at != path:
            self.undo = None

    def led(self, before: Undo | None, answer: Response) -> None:
        """Give what can be taken back since ``before`` to the page that ``answer`` leads to."""
        if self.undo is not None and self.undo is not before:
            leads_to = answer.headers.get("Location") or answer.headers.get("X-Scan-Go") or ""
            self.undo.at = urlsplit(leads_to).path


Screen = Callable[..., Response]


def go(path: str) -> Response:
    """Return the answer that sends the browser to a page of ours."""
    answer = redirect(path, 303)
    assert isinstance(answer, Response)  # noqa: S101 - werkzeug's wider type
    return answer


def is_part(request: Request) -> bool:
    """Return whether a script of ours asks for a part of a page, not a person for a page."""
    return "HX-Request" in request.headers and "HX-Boosted" not in request.headers


def routes(rules: Iterable[Rule]) -> Map:
    """Return which screen answers at which path; what the pages load stands beside the screens."""
    return Map([*rules, Rule("/static/<path:name>", endpoint=_static, methods=["GET"])])


class Web:
    """The WSGI application."""

    def __init__(self, terminal: Terminal, routes: Map) -> None:
        self.desk = Desk(terminal, Pages(terminal))
        self._routes = routes

    def __call__(self, environ: Any, start_response: Any) -> Iterable[bytes]:
        """Answer one request."""
        request = Request(environ)
        request.max_content_length = MOST_PHOTO_BODY_BYTES if request.path == "/photos" else MOST_BODY_BYTES
        response = self._guarded(request) or self._answer(request)
        response.headers.setdefault("Cache-Control", "no-store")
        response.headers["Content-Security-Policy"] = POLICY
        response.headers["X-Content-Type-Options"] = "nosniff"
        response.headers["Referrer-Policy"] = "same-origin"
        response.headers["Cross-Origin-Opener-Policy"] = "same-origin"
        return response(environ, start_response)

    def _guarded(self, request: Request) -> Response | None:
        name, _, port = request.host.rpartition(":")
        if (name or request.host) not in NAMES or (name and not port.isdecimal()):
            return Response("This terminal answers on this machine only.\n", status=421, mimetype="text/plain")
        if request.method in ("GET", "HEAD"):
            return None
        origin = request.headers.get("Origin")
        same = origin == f"{request.scheme}://{request.host}"
        if not same and not (origin is None and request.headers.get("Sec-Fetch-Site") == "same-origin"):
            return Response(
                "Changes are taken from this terminal's own pages only.\n", status=403, mimetype="text/plain"
            )
        return None

    def _answer(self, request: Request) -> Response:
        try:
            return self._screen(request)
        except HTTPException as error:
            return self._missed(request, error)
        except Refusal as refused:
            return self._refused(request, self.desk.pages.refusal(refused.code, refused.params))
        except apsw.FullError:
            said = N_(
                "The disk is full: this was not saved. What was saved before is kept, and goes on being sent."
                " Call the distributor's help desk, which can make room; urgent orders go by telephone until then."
            )
            return self._refused(request, self.desk.pages.text(said))
        except Exception:
            log.exception("the screen %s failed", request.path)
            return self.desk.pages.page("failed.html", http_status=500, here="", undo=None)

    def _missed(self, request: Request, error: HTTPException) -> Response:
        match error:
            case RequestRedirect():
                return go(error.new_url)
            case MethodNotAllowed():
                return go(request.path)
            case NotFound():
                return self.desk.pages.page("missing.html", http_status=404, here="", undo=None)
            case _:
                return Response(error.description or error.name, status=error.code, mimetype="text/plain")

    def _screen(self, request: Request) -> Response:
        screen, values = self._routes.bind_to_environ(request.environ).match()
        if screen is not _static and self._must_enrol(request):
            return go("/enrol")
        door = self.desk.terminal.door
        asks = access.stopped(request, door.standing())
        if asks is not None:
            return Response(headers={"HX-Redirect": asks}) if is_part(request) else go(asks)
        by_itself = request.path.startswith(access.BY_ITSELF) or access.LOOKED_AT in request.headers
        if request.method != "GET" or not by_itself:
            door.touch()
        if request.method == "GET" and screen is not _static and not is_part(request):
            self.desk.opened(request.path)
        before = self.desk.undo
        answer: Response = screen(self.desk, request, **values)
        self.desk.led(before, answer)
        return answer

    def _must_enrol(self, request: Request) -> bool:
        free = ("/enrol", "/settings", "/banner", "/keys", "/lock", "/scans", "/diagnostics", "/health")
        return self.desk.terminal.store.identity() is None and not request.path.startswith(free)

    def _refused(self, request: Request, said: str) -> Response:
        """Say a refusal that a screen did not expect in its place: on a page of its own, with the way back."""
        back = "/" + request.path.strip("/").partition("/")[0]
        page = self.desk.pages.page("refusal.html", here="", undo=None, said=said, back=back)
        if is_part(request):
            page.headers["HX-Retarget"] = "body"
            page.headers["HX-Reswap"] = "innerHTML"
        return page


def _static(_desk: Desk, request: Request, name: str) -> Response:
    if ".." in name.split("/"):
        raise NotFound
    found = files("terminal_client.ui").joinpath("static", name)
    if not found.is_file():
        raise NotFound
    kind = "font/woff2" if name.endswith(".woff2") else mimetypes.guess_type(name)[0]
    answer = Response(found.read_bytes(), mimetype=kind or "application/octet-stream")
    answer.headers["Cache-Control"] = "no-cache"
    answer.add_etag()
    answer.make_conditional(request)
    return answer

"""Pages of the console: one frame, one Jinja environment, the same answers for every capability.

Wiring calls :func:`install` once. A screen is then ``return page(request, "orders/list.html", orders=...)``:
the frame, the language, the formats and the signed-in person are added here. Read from ``request.state``:
``operator`` (has ``.name`` and ``.roles``; absent or ``None`` when nobody is signed in), ``csrf`` (the session's
token) and ``typed`` (form fields to give back on an error page); all optional.

Everything is escaped; no page holds a script or a style, so that the strictest content policy holds.
"""

import base64
import json
import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from decimal import Decimal
from http import HTTPStatus
from typing import Annotated, Any
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Depends, FastAPI, Form, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from sqlalchemy.orm import Session
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

from contract.texts import Language
from server.kit import forms
from server.kit.changing import Standing
from server.kit.clock import Clock, system_clock
from server.kit.console import icons, templating, texts, trail_words
from server.kit.console.frame import THEMES, TONES, Flash, FormWords, Frame, Group, Shell, Tone, current
from server.kit.console.tables import COLUMNS_KEY, TableView
from server.kit.console.trail_words import TrailWords
from server.kit.http import everyone, over_tls
from server.kit.marking import N_
from server.kit.sent_forms import FIELD

HOME = "/console/"
A_YEAR_S = 31_536_000
COOKIE_MOST = 4_000

HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; "
        "connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
    ),
}


def install(
    app: FastAPI,
    *,
    product: str,
    packages: Sequence[str],
    navigation: Sequence[Group],
    zone: ZoneInfo,
    currency: str,
    clock: Clock = system_clock,
    sign_out: str = "/console/sign-out",
    trail: TrailWords | None = None,
    form_words: FormWords | None = None,
) -> None:
    """Prepare ``app`` for :func:`page`: templates of ``packages``, static files, the switches.

    ``trail`` holds the English words, marked for translation, for what the audit keeps as codes; ``form_words`` those
    for what stands in addresses and forms.
    Each of ``packages`` (``"server.orders"``) holds ``templates/<capability>/*.html``.
    Raises ``ValueError`` where a package has no templates, ``KeyError`` where an entry's icon does not exist.
    """
    for group in navigation:
        for entry in group.entries:
            icons.icon(entry.icon)
    app.state.console = Shell(
        product=product,
        navigation=tuple(navigation),
        zone=zone,
        currency=currency,
        clock=clock,
        sign_out=sign_out,
        environment=templating.environment(packages),
        trail=trail or TrailWords(),
        form_words=form_words or FormWords(),
    )
    app.include_router(router)
    app.mount("/console/static", _Static(directory=templating.STATIC), name="console-static")


def page(
    request: Request,
    template: str,
    /,
    *,
    status_code: int = 200,
    flash: Flash | None = None,
    **context: Any,
) -> HTMLResponse:
    """Return a whole page; sentences left by :func:`redirect` are shown on it and forgotten."""
    left = _read_flashes(request)
    response = _render(request, template, status_code, (*left, *((flash,) if flash else ())), context)
    if left:
        response.delete_cookie(
            _flash_cookie(request), path="/", secure=over_tls(request), httponly=True, samesite="lax"
        )
    view = context.get("view")
    if isinstance(view, TableView) and view.chosen_now:
        _keep_columns(request, response, view)
    return response


def _keep_columns(request: Request, response: Response, view: TableView) -> None:
    """Let the browser keep for a year, for this list alone, which of its columns are shown; all need no word."""
    same: Any = {"path": view.path, "secure": over_tls(request), "samesite": "lax", "httponly": True}
    if view.chosen:
        response.set_cookie(COLUMNS_KEY, f"{view.path}:{'.'.join(view.chosen)}", max_age=A_YEAR_S, **same)
    else:
        response.delete_cookie(COLUMNS_KEY, **same)


def acts_of(request: Request) -> Mapping[str, str]:
    """Return the English words for what the audit calls acts."""
    shell: Shell = request.app.state.console
    return shell.trail.acts


TrailNames = Callable[[Session, Collection[str], Language], Mapping[str, str]]
"""What some identifiers name, of those that one capability knows."""


def name_trail(request: Request, session: Session, entries: Iterable[Any]) -> None:
    """Look up what the identifiers in some entries of the audit name; the page then says the names."""
    wanted = trail_words.identifiers(entries)
    lookups: Sequence[TrailNames] = request.app.state.trail_names
    language = texts.language_of(request)
    request.state.trail_names = {
        identifier: name
        for look_up in (lookups if wanted else ())
        for identifier, name in look_up(session, wanted, language).items()
    }


def words_of_forms(request: Request) -> FormWords:
    """Return what people read for names that stand in addresses and forms."""
    shell: Shell = request.app.state.console
    return shell.form_words


def fragment(request: Request, template: str, /, *, status_code: int = 200, **context: Any) -> HTMLResponse:
    """Return a part of a page, for htmx; flashes stay for the next whole page."""
    return _render(request, template, status_code, (), context)


def redirect(request: Request, to: str, *, flash: str | None = None, tone: Tone = "ok") -> Response:
    """Send the browser on after a form (303; ``HX-Redirect`` for htmx), with a sentence to show there.

    Raises ``ValueError`` where ``to`` leaves this server.
    """
    if local_path(to) is None:
        raise ValueError(f"{to!r} is not a path of this server")
    response: Response
    if "HX-Request" in request.headers:
        response = Response(status_code=204, headers={"HX-Redirect": to})
    else:
        response = RedirectResponse(to, status_code=303)
    if flash is not None:
        left = (*_read_flashes(request), Flash(flash, tone))
        response.set_cookie(
            _flash_cookie(request),
            _pack_flashes(left),
            max_age=300,
            httponly=True,
            secure=over_tls(request),
            samesite="lax",
        )
    return response


def local_path(address: str | None) -> str | None:
    """Return ``address`` if it stays on this server (a path, with or without a query), else ``None``.

    Browsers read a backslash as a slash and skip control characters; such addresses are not ours.
    """
    if not address or not address.startswith("/") or address.startswith("//"):
        return None
    if "\\" in address or not address.isprintable() or urlsplit(address).netloc:
        return None
    return address


def wants_page(request: Request) -> bool:
    """Return whether the answer is read by a person in a browser rather than by a program."""
    return request.url.path.startswith("/console") and (
        "text/html" in request.headers.get("accept", "") or "HX-Request" in request.headers
    )


_FAULTS: dict[int, tuple[str, str]] = {
    403: (N_("You may not do this"), N_("Ask somebody with the role that it needs, or go back.")),
    404: (N_("There is nothing here"), N_("Check the address, or start from the overview.")),
    409: (N_("It was changed meanwhile"), N_("Load the page again, look at it, then decide again.")),
    413: (N_("That is too large"), N_("Split it into smaller parts and send them one by one.")),
    422: (N_("This was not accepted"), N_("Go back, correct what is named here, and send it again.")),
    429: (N_("Too many requests"), N_("Wait a minute, then try again.")),
    503: (N_("The server cannot answer just now"), N_("Nothing was changed. Try again in a minute.")),
}
_OUR_FAULT = (
    N_("Something went wrong here"),
    N_("Nothing was stored. Try again; if it happens again, tell the administrator the time shown below."),
)


def error_page(
    request: Request,
    status_code: int,
    *,
    what: str | None = None,
    where: str | None = None,
    do: str | None = None,
    typed: Mapping[str, str] | None = None,
    wrong: Mapping[str, str] | None = None,
    stands: Sequence[Standing] = (),
) -> HTMLResponse:
    """Return an error page in the look: what happened, where, what to do; all in the request's language.

    ``typed`` (or ``request.state.typed``) are form fields: they are shown so that nothing is lost, each beside what
    ``stands`` there now where somebody else changed it; ``wrong`` is what to correct, a sentence by field. Fields are
    named as forms name them. For htmx, and for forms that stay on their page, the same words come as a notice.
    """
    gettext = texts.texts(request).gettext
    title, advice = _FAULTS.get(status_code, _OUR_FAULT)
    kept = _kept(request) if typed is None else typed
    shell: Shell = request.app.state.console
    compared, others = _beside(shell, kept, stands, gettext)
    named = {one.name for one in stands}
    shown = _shown(shell, kept, gettext)
    context: dict[str, Any] = {
        "code": status_code,
        "title": gettext(title),
        "what": what,
        "where": where or f"{request.method} {request.url.path}",
        "do": do or gettext(advice),
        "wrong": {name: (called_field(shell, name, gettext), said) for name, said in (wrong or {}).items()},
        "compared": compared,
        "stands": others,
        "again": _came_from(request) if status_code == HTTPStatus.CONFLICT else None,
        "shown": [(label, value) for name, label, value in shown if name not in named],
    }
    if "HX-Request" in request.headers:
        response = fragment(request, "kit/error_notice.html", status_code=status_code, **context)
        response.headers["HX-Retarget"] = "#notices"
        response.headers["HX-Reswap"] = "innerHTML"
        return response
    return page(request, "kit/error.html", status_code=status_code, **context)


_PRIVATE = ("csrf", "seen", "editing", FIELD, "password", "secret", "token", "credential")
"""What stands in the names of fields that are shown to nobody again."""
_OF_THE_ACCOUNT = ("/console/account", "/console/sign-in")
"""Where every field may hold what is secret."""
_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def _kept(request: Request) -> Mapping[str, str]:
    """Return what was typed into the form that was sent; nothing of one of the own account."""
    if request.url.path.startswith(_OF_THE_ACCOUNT):
        return {}
    typed: Mapping[str, str] | None = getattr(request.state, "typed", None)
    return typed or {}


def _is_private(name: str) -> bool:
    return any(word in name for word in _PRIVATE)


def called_field(shell: Shell, name: str, gettext: Callable[[str], str]) -> str:
    """Return what a form calls a field, as a label begins; the name itself where there is no word for it."""
    words = shell.form_words.fields.get(name) or shell.trail.details.get(name)
    label = gettext(words) if words else name.replace("_", " ")
    return label[:1].upper() + label[1:]


def _choice(shell: Shell, name: str, value: str, gettext: Callable[[str], str]) -> str:
    """Return what a form calls the value of a choice; any other value as it is."""
    words = shell.form_words.choices.get(f"{name}.{value}") or shell.trail.values.get(f"{name}.{value}")
    return gettext(words) if words else value


def _shown(shell: Shell, typed: Mapping[str, str], gettext: Callable[[str], str]) -> list[tuple[str, str, str]]:
    """Return what was typed as (name, label, text): choices by their words, identifiers that nobody typed left out."""
    return [
        (name, called_field(shell, name, gettext), _choice(shell, name, value, gettext))
        for name, value in typed.items()
        if value and not _is_private(name) and not _ID.fullmatch(value)
    ]


def _beside(
    shell: Shell, typed: Mapping[str, str], stands: Sequence[Standing], gettext: Callable[[str], str]
) -> tuple[list[tuple[str, str, str, bool]], list[tuple[str, str]]]:
    """Return the fields of the form beside what stands there now, and what else there is to know of it.

    A row is the label, what was typed, what stands there, and whether they differ.
    """
    minor = forms.minor_units(shell.currency)
    compared, others = [], []
    for one in stands:
        now = _major(one, minor)
        said = _choice(shell, one.name, now, gettext)
        if one.name in typed:
            mine = typed[one.name].strip()
            compared.append((gettext(one.label), _choice(shell, one.name, mine, gettext), said, mine != now))
        elif said:
            others.append((gettext(one.label), said))
    return compared, others


def _came_from(request: Request) -> str | None:
    """Return the page of ours that a form stood on, to load it again."""
    referer = urlsplit(request.headers.get("Referer", ""))
    if referer.netloc != request.headers.get("Host"):
        return None
    return local_path(f"{referer.path}?{referer.query}" if referer.query else referer.path)


def _major(one: Standing, minor: Decimal) -> str:
    """Return what stands in a field as a person types it: money in the major unit."""
    return format(Decimal(one.value) / minor, "f") if one.money and one.value else one.value


router = APIRouter(prefix="/console", tags=["console"], include_in_schema=False, dependencies=[Depends(everyone)])


@router.post("/language")
def switch_language(
    request: Request, lang: Annotated[str, Form(max_length=5)], to: Annotated[str, Form()] = HOME
) -> Response:
    """Keep the language for a year and come back."""
    return _chosen(request, texts.COOKIE, lang if lang in ("zh", "en") else texts.DEFAULT, to)


@router.post("/theme")
def switch_theme(
    request: Request, theme: Annotated[str, Form(max_length=10)], to: Annotated[str, Form()] = HOME
) -> Response:
    """Keep the theme for a year and come back."""
    return _chosen(request, "theme", theme if theme in THEMES else "system", to)


def _chosen(request: Request, cookie: str, value: str, to: str) -> Response:
    response = redirect(request, local_path(to) or HOME)
    response.set_cookie(cookie, value, max_age=A_YEAR_S, secure=over_tls(request), samesite="lax", httponly=True)
    return response


def _render(
    request: Request,
    template: str,
    status_code: int,
    flashes: tuple[Flash, ...],
    context: Mapping[str, Any],
) -> HTMLResponse:
    shell: Shell = request.app.state.console
    frame = Frame(request, shell, texts.language_of(request), flashes)
    reset = current.set(frame)
    try:
        written = shell.environment.get_template(template).render({**context, "frame": frame})
    finally:
        current.reset(reset)
    response = HTMLResponse(written, status_code=status_code, headers=HEADERS)
    response.headers["Vary"] = "Cookie, Accept-Language, HX-Request"
    return response


class _Static(StaticFiles):
    """Files that a browser keeps: for ever under their fingerprint, an hour without."""

    def file_response(self, full_path: Any, stat_result: Any, scope: Scope, status_code: int = 200) -> Response:
        response = super().file_response(full_path, stat_result, scope, status_code)
        versioned = scope["query_string"].startswith(b"v=")
        response.headers["Cache-Control"] = (
            f"public, max-age={A_YEAR_S}, immutable" if versioned else "public, max-age=3600"
        )
        return response


def _flash_cookie(request: Request) -> str:
    """Return the cookie's name; over TLS its prefix keeps neighbouring hosts from setting it.

    It is not signed: it can only show its own browser a short text, escaped.
    """
    return "__Host-flash" if over_tls(request) else "flash"


def _pack_flashes(flashes: Sequence[Flash]) -> str:
    rows = [[flash.tone, flash.text[:300]] for flash in flashes[-3:]]
    return base64.urlsafe_b64encode(json.dumps(rows, ensure_ascii=False).encode()).decode()


def _read_flashes(request: Request) -> tuple[Flash, ...]:
    """Return what the cookie holds; anything that we did not write is dropped."""
    packed = request.cookies.get(_flash_cookie(request), "")
    if not packed or len(packed) > COOKIE_MOST:
        return ()
    try:
        rows = json.loads(base64.urlsafe_b64decode(packed))
        found = tuple(Flash(str(text)[:300], tone) for tone, text in rows)
    except (ValueError, TypeError):
        return ()
    return tuple(flash for flash in found if flash.tone in TONES)[-3:]

"""The one Jinja environment: templates of every capability, filters, functions, texts by language.

Filters and functions ask :data:`server.kit.console.frame.current` for the answer being written, so that macros need
no context of their own.
"""

import hashlib
import secrets
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import jinja2
from markupsafe import Markup

from server.kit.console import charts, formats, icons, trail_words
from server.kit.console.frame import current
from server.kit.sent_forms import FIELD

STATIC = Path(__file__).parent / "static"


def environment(packages: Sequence[str]) -> jinja2.Environment:
    """Return the environment of the kit's templates and those of ``packages``; unknown names are errors."""
    made = jinja2.Environment(
        loader=jinja2.ChoiceLoader(
            [
                jinja2.PackageLoader("server.kit.console", "templates"),
                *(jinja2.PackageLoader(package, "templates") for package in packages),
            ]
        ),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        extensions=["jinja2.ext.i18n", "jinja2.ext.do", "jinja2.ext.loopcontrols"],
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.policies["ext.i18n.trimmed"] = True
    made.install_gettext_callables(  # type: ignore[attr-defined] # added by the extension
        _gettext, _ngettext, newstyle=True
    )
    for name in formats.FILTERS:
        made.globals[name] = _format(name)
        made.filters[name] = _filter(name)
    made.filters["act"] = _act
    made.filters["who"] = _who
    made.filters["about"] = _about
    made.filters["audit_detail"] = _audit_detail
    made.globals.update(
        icon=icons.icon,
        static=static,
        csrf_field=_csrf_field,
        url=_url,
        url_for=_url_for,
        charts=charts,
    )
    return made


def _format(name: str) -> Callable[..., Any]:
    def apply(*args: Any, **kwargs: Any) -> Any:
        return getattr(current.get().formats, name)(*args, **kwargs)

    return apply


def _filter(name: str) -> Callable[..., Any]:
    """Return the format as a filter; asking for the context keeps Jinja from computing it once and for all."""
    apply = _format(name)

    @jinja2.pass_context
    def in_context(_context: jinja2.runtime.Context, *args: Any, **kwargs: Any) -> Any:
        return apply(*args, **kwargs)

    return in_context


def _gettext(text: str) -> str:
    return current.get().formats.texts.gettext(text)


def _ngettext(one: str, many: str, count: int) -> str:
    return current.get().formats.texts.ngettext(one, many, count)


@jinja2.pass_context
def _act(_context: jinja2.runtime.Context, action: str) -> str:
    """Return what the audit calls an act in words; the code itself where there are none."""
    return _gettext(current.get().shell.trail.acts.get(action, action))


@jinja2.pass_context
def _who(_context: jinja2.runtime.Context, actor: str | None) -> str:
    """Return who acted, as a person reads it."""
    return "–" if actor is None else trail_words.who(actor, current.get().formats)


@jinja2.pass_context
def _about(_context: jinja2.runtime.Context, subject: str) -> str:
    frame = current.get()
    return trail_words.about(subject, frame.shell.trail, frame.formats, frame.trail_names)


@jinja2.pass_context
def _audit_detail(_context: jinja2.runtime.Context, detail: Mapping[str, Any]) -> str:
    frame = current.get()
    return trail_words.details(detail, frame.shell.trail, frame.formats, frame.trail_names)


def _url_for(name: str, **params: Any) -> str:
    """Return the path of a named route."""
    return str(current.get().request.app.url_path_for(name, **params))


def _csrf_field() -> Markup:
    """Return the hidden fields that every form which changes something carries.

    The session's token, and a number of this form alone, by which it does its act once.
    """
    field = Markup('<input type="hidden" name="{}" value="{}">')
    return field.format("csrf", current.get().csrf) + field.format(FIELD, secrets.token_urlsafe(12))


def _url(path: str, **query: str | int | None) -> str:
    """Return ``path`` with a query; parameters that are ``None`` are left out."""
    given = {key: value for key, value in query.items() if value is not None}
    return f"{path}?{urlencode(given)}" if given else path


@cache
def static(name: str) -> str:
    """Return the address of a static file, with a fingerprint so that it can be cached for ever.

    Raises ``FileNotFoundError`` where there is no such file (vendored files come with ``make setup``).
    """
    digest = hashlib.sha256((STATIC / name).read_bytes()).hexdigest()[:12]
    return f"/console/static/{name}?v={digest}"

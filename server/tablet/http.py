"""The tablet's page and what it is made of; open to everybody, since none of it knows a shop."""

from typing import Any

from fastapi import Request, Response
from fastapi.responses import HTMLResponse, JSONResponse

from contract.errors import Rejected
from server.kit import http
from server.kit.console.texts import language_of
from server.tablet import files
from server.tablet.words import spoken

A_YEAR_S = 31_536_000
PAGE = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; font-src 'self'; connect-src 'self'; "
        "manifest-src 'self'; worker-src 'self'; form-action 'none'; frame-ancestors 'none'; base-uri 'none'"
    )
}
WORKER = {"Content-Security-Policy": "default-src 'none'; connect-src 'self'; frame-ancestors 'none'"}

page = http.router("/tablet", tag="tablet", roles="everyone")


@page.get("/", include_in_schema=False)
def show_shell() -> Response:
    """Return the page of the tablet."""
    return HTMLResponse(files.shell(), headers=PAGE)


@page.get("/worker.js", include_in_schema=False)
def show_worker() -> Response:
    """Return the program that keeps the page for when there is no network."""
    return Response(files.worker(), media_type="text/javascript", headers=WORKER)


@page.get("/manifest.webmanifest", include_in_schema=False)
def show_manifest(request: Request) -> Response:
    """Say what the page is called and looks like on a home screen."""
    icon: dict[str, Any] = {"src": files.address("icon.svg"), "sizes": "any", "type": "image/svg+xml"}
    language = language_of(request)
    name = spoken(language)["words"]["title"]
    said = {
        "name": name,
        "short_name": name,
        "lang": language,
        "start_url": "/tablet/",
        "scope": "/tablet/",
        "display": "standalone",
        "background_color": "#f4f1e9",
        "theme_color": "#0a4a50",
        "icons": [icon],
    }
    return JSONResponse(said, media_type="application/manifest+json")


@page.get("/files/{version}/{name}", include_in_schema=False)
def show_file(version: str, name: str) -> Response:
    """Return a file of this version, to be kept for ever; there is no other version here."""
    found = files.files().get(name) if version == files.version() else None
    if found is None:
        raise Rejected("not_found", what="file of the tablet", name=name)
    kept = {"Cache-Control": f"public, max-age={A_YEAR_S}, immutable"}
    return Response(found.body, media_type=found.media_type, headers=kept)

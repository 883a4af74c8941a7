"""What holds for every request and answer, whoever is asked: how large a body may be, which headers go out.

Pure ASGI, so that it holds for static files, streams and error pages as well.
"""

from collections.abc import Mapping
from urllib.parse import urlsplit

from fastapi import HTTPException
from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from server.kit.settings import Settings

MAX_BODY_BYTES = 16 * 1024 * 1024
TOO_LARGE = 413
OVER = "evenhand.bytes_over"
"""Where a request says that its body was given up after so many bytes."""
HSTS = "max-age=31536000"
HEADERS: Mapping[str, str] = {
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Permissions-Policy": (
        "accelerometer=(), camera=(), display-capture=(), geolocation=(), gyroscope=(), magnetometer=(), "
        "microphone=(), midi=(), payment=(), usb=(), "
        "publickey-credentials-create=(self), publickey-credentials-get=(self)"
    ),
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}
"""What an answer carries that does not say otherwise itself: pages loosen the first, static files the last."""


def over_tls(scheme: str, settings: Settings) -> bool:
    """Return whether browsers reach us over TLS; before a proxy that ends it, the public address says so."""
    return scheme == "https" or urlsplit(settings.public_url or "").scheme == "https"


class Edge:
    """Refuses bodies above :data:`MAX_BODY_BYTES`, whether their length is said before or not, and sets headers."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        taken = 0

        async def counting() -> Message:
            nonlocal taken
            message = await receive()
            taken += len(message.get("body", b""))
            if taken > MAX_BODY_BYTES:
                scope[OVER] = taken  # a middleware between may make another exception of ours
                raise HTTPException(TOO_LARGE)
            return message

        async def heading(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers.setdefault(name, value)
                if over_tls(scope["scheme"], scope["app"].state.runtime.settings):
                    headers.setdefault("Strict-Transport-Security", HSTS)
            await send(message)

        await self._app(scope, counting, heading)

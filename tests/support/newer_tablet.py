"""A server that hands out a newer version of the tablet's page, or none at all: it stands before the real one."""

import contextlib
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx2

from server.tablet import files

NEWER = f"{files.version()}-next"
KEPT_HEADERS = ("Content-Type", "Content-Security-Policy", "Cache-Control", "ETag", "Retry-After")


class NewerTablet(ThreadingHTTPServer):
    """Passes requests on to ``behind``; once ``is_newer``, the page and its files are called by another version.

    While ``speaks`` is false, what devices say gets no answer at all; the page is handed out all the same.
    """

    daemon_threads = True

    def __init__(self, behind: str) -> None:
        super().__init__(("127.0.0.1", 0), _Passing)
        self.behind = behind
        self.is_newer = False
        self.speaks = True

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def path_behind(self, path: str) -> str | None:
        """Return the path at the real server; none for a file of a version that is not there."""
        old, new = f"/tablet/files/{files.version()}/", f"/tablet/files/{NEWER}/"
        if not self.is_newer:
            return path
        return None if path.startswith(old) else path.replace(new, old, 1)

    def renamed(self, body: bytes) -> bytes:
        return body.replace(files.version().encode(), NEWER.encode()) if self.is_newer else body


class _Passing(BaseHTTPRequestHandler):
    server: NewerTablet

    def do_GET(self) -> None:
        self._answer(None)

    def do_POST(self) -> None:
        self._answer(self.rfile.read(int(self.headers["Content-Length"])))

    def _answer(self, body: bytes | None) -> None:
        with contextlib.suppress(ConnectionError, httpx2.TransportError):  # a page that was left hears no answer
            self._pass(body)

    def _pass(self, body: bytes | None) -> None:
        path = self.server.path_behind(self.path)
        if self.path.startswith("/device/") and not self.server.speaks:
            self.close_connection = True
            return
        if path is None:
            self.send_error(404)
            return
        sent = {name: value for name, value in self.headers.items() if name.lower() != "connection"}
        sent["Accept-Encoding"] = "identity"
        answer = httpx2.request(self.command, self.server.behind + path, content=body, headers=sent, timeout=30)
        content = answer.content if self.path.startswith("/device/") else self.server.renamed(answer.content)
        self.send_response(answer.status_code)
        for name in KEPT_HEADERS:
            if name in answer.headers:
                self.send_header(name, answer.headers[name])
        if answer.status_code != 304:
            self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextmanager
def newer_tablet(behind: str) -> Iterator[NewerTablet]:
    """Stand before a server; end on leaving."""
    with NewerTablet(behind) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield server
        finally:
            server.shutdown()

"""A small server of a repository of releases, with the faults of a bad line or a bad server at hand."""

import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from contract.releases import RANGE_MOST_BYTES
from terminal_client.adapters.keys import KeyFolder

BELOW = "/device/v1/updates/"


@cache
def _key() -> tuple[str, bytes]:
    with tempfile.TemporaryDirectory() as place:
        folder = KeyFolder(Path(place))
        key = folder.make().key
        return key, folder.path(key).read_bytes()


def key_in(folder: Path) -> str:
    """Put a device's key into a folder and return its name; it is made once for all tests of a process."""
    key, private = _key()
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{key}.pem").write_bytes(private)
    return key


@dataclass
class ReleaseServer:
    """What is served, from ``folder`` (metadata/ and targets/); ``asked`` are the paths and ranges that came.

    ``instead`` may give other bytes for a path; ``cut_after`` breaks the line after so many answers of targets.
    """

    folder: Path
    port: int = 0
    asked: list[tuple[str, str]] = field(default_factory=list)
    instead: Callable[[str, bytes], bytes] = lambda _path, data: data
    cut_after: int | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def answer(self, path: str, wanted: str) -> tuple[int, bytes]:
        if path == "/device/v1/time":
            return 200, b'{"server_time": "2027-01-01T00:00:00Z"}'
        file = self.folder / path.removeprefix(BELOW)
        if not path.startswith(BELOW) or not file.is_file():
            return 404, b"{}"
        data = self.instead(path.removeprefix(BELOW), file.read_bytes())
        if not path.startswith(BELOW + "targets/"):
            return 200, data
        first, last = (int(number) for number in wanted.removeprefix("bytes=").split("-"))
        part = data[first : min(last + 1, first + RANGE_MOST_BYTES)]
        return (206, part) if part else (416, b"")


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    serves: ReleaseServer

    def do_GET(self) -> None:
        wanted = self.headers.get("Range", "")
        self.serves.asked.append((self.path, wanted))
        if self.serves.cut_after is not None and "/targets/" in self.path:
            if self.serves.cut_after == 0:
                self.close_connection = True
                return
            self.serves.cut_after -= 1
        status, body = self.serves.answer(self.path, wanted)
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextmanager
def serving(folder: Path) -> Iterator[ReleaseServer]:
    """Serve a folder with metadata/ and targets/ until the block ends."""
    serves = ReleaseServer(folder)
    handler = type("Handler", (_Handler,), {"serves": serves})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        serves.port = server.server_address[1]
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield serves
        finally:
            server.shutdown()
            thread.join()

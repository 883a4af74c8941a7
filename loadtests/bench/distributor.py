"""The distributor's side of a terminal's simulated day: the device's HTTP interface in memory, without a database."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from contract.device_api import FeedPage, Reference
from contract.envelope import Envelope, FeedItem
from contract.feed import OrderState, Receipt
from contract.messages import RECEIPTED, PlaceOrder

UP, FEED, REFERENCE = "/device/v1/up/", "/device/v1/feed", "/device/v1/reference"


@dataclass
class Distributor:
    """What it holds for one shop; ``receipts`` and ``pages`` count what was said. The feed goes on after ``head``."""

    reference: Reference
    head: int
    url: str = ""
    receipts: int = 0
    pages: int = 0
    items: list[FeedItem] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def take(self, kind: str, envelope: Envelope) -> bytes:
        """Accept a message: a receipt in the answer and in the feed, and the state of an order."""
        if kind not in RECEIPTED:
            return b"{}"
        with self.lock:
            self.receipts += 1
            now, number = datetime.now(UTC), self.receipts
            receipt = Receipt(message=envelope.id, kind=kind, outcome="accepted", at=now, number=number, revision=1)
            self._tell(f"receipt:{envelope.id}", "receipt", receipt)
            if kind == "order.place":
                placed = PlaceOrder.model_validate(envelope.data)
                state = OrderState(
                    order=envelope.id,
                    window=placed.window,
                    number=number,
                    revision=1,
                    state="accepted",
                    at=now,
                    lines=placed.lines,
                )
                self._tell(f"order:{envelope.id}", "order", state)
        return receipt.model_dump_json(exclude_none=True).encode()

    def page(self, after: int) -> bytes:
        """Return the feed after a cursor."""
        with self.lock:
            self.pages += 1
            told = [item for item in self.items if item.seq > after]
            head = self.head + len(self.items)
        page = FeedPage(items=tuple(told), head=head, more=False, server_time=datetime.now(UTC))
        return page.model_dump_json(by_alias=True, exclude_none=True).encode()

    def _tell(self, key: str, kind: str, message: Any) -> None:
        seq, data = self.head + len(self.items) + 1, message.model_dump(mode="json", exclude_none=True)
        self.items.append(FeedItem(seq=seq, key=key, kind=kind, at=datetime.now(UTC), data=data))


@contextmanager
def serving(distributor: Distributor) -> Iterator[None]:
    """Answer a terminal on a free port of this machine; ``url`` is where."""

    class Answers(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            asked = urlsplit(self.path)
            if asked.path == FEED:
                self._say(200, distributor.page(int(parse_qs(asked.query)["after"][0])))
            elif asked.path == REFERENCE and self.headers["If-None-Match"] == f'"{distributor.reference.version}"':
                self._say(304)
            elif asked.path == REFERENCE:
                self._say(200, distributor.reference.model_dump_json(exclude_none=True).encode())
            else:
                self._say(404)

        def do_POST(self) -> None:
            raw = self.rfile.read(int(self.headers["Content-Length"]))
            kind = self.path.removeprefix(UP)
            self._say(200, distributor.take(kind, Envelope.model_validate(json.loads(raw))))

        def _say(self, status: int, body: bytes = b"") -> None:
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            """Say nothing: the figures stand on the same screen."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Answers)
    distributor.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
        thread.join()

"""The device's HTTP interface: only the server's own words count as an answer."""

import gzip
import json
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from queue import Queue
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key

from contract import signing
from contract.device_api import Enrolment, FeedPage
from contract.envelope import Envelope
from contract.errors import Rejected
from contract.feed import Receipt
from contract.ids import uuid7
from contract.messages import ReadAnnouncement
from server.kit.certificates import is_signed
from terminal_client.adapters import http, making_key
from terminal_client.adapters.keys import KeyFolder, KeyUnusableError
from terminal_client.core import signals
from terminal_client.core.store import Identity

AT = datetime(2027, 3, 21, 12, tzinfo=UTC)
Keys = tuple[KeyFolder, Identity, bytes]


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Keys:
    """Return a terminal's keys, who it is, and the public half of its key."""
    folder = tmp_path_factory.mktemp("keys")
    key = making_key.make(folder)["key"]
    private = load_pem_private_key((folder / f"{key}.pem").read_bytes(), None)
    public = private.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return KeyFolder(folder), Identity("d-12", "R-12", "Harbour Road 12", None, None, key), public


MESSAGE = ReadAnnouncement(announcement=uuid7(), read_at=AT)
ENVELOPE = Envelope.of(id=uuid7(), device="d-12", seq=1, sent_at=AT, message=MESSAGE)
RECEIPT = Receipt(message=ENVELOPE.id, kind="announcement.read", outcome="accepted", at=AT)


class Stub:
    """Says what it is told to say, and remembers what it was asked."""

    def __init__(self) -> None:
        self.status, self.body, self.headers = 200, b"", {"Content-Type": "application/json"}
        self.asked: list[tuple[str, str, dict[str, str], bytes]] = []
        stub = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def answer(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                stub.asked.append((self.command, self.path, dict(self.headers), body))
                self.send_response(stub.status)
                for name, value in stub.headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(stub.body)))
                self.end_headers()
                self.wfile.write(stub.body)

            do_GET = do_POST = answer  # noqa: N815 - the library's names

            def log_message(self, *_args: Any) -> None:
                """Say nothing."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, args=(0.01,), daemon=True).start()

    def says(self, status: int, body: Any, **headers: str) -> None:
        self.status = status
        self.body = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.headers = {"Content-Type": "application/json", **headers}


@pytest.fixture
def stub() -> Iterator[Stub]:
    here = Stub()
    yield here
    here.server.shutdown()
    here.server.server_close()


@pytest.fixture
def events() -> "Queue[signals.Event]":
    return Queue()


@pytest.fixture
def worker(stub: Stub, keys: Keys, events: "Queue[signals.Event]") -> Iterator[http.HttpWorker]:
    here = http.HttpWorker(stub.url, *keys[:2], events.put)
    yield here
    here.close()


def refusal(family: str, code: str, **params: str) -> dict[str, Any]:
    return {"family": family, "code": code, "params": params, "text": "..."}


def test_a_receipt_settles_and_the_key_has_signed(stub: Stub, keys: Keys, worker: Any, events: Any) -> None:
    stub.says(200, RECEIPT.model_dump_json().encode())
    worker.post("announcement.read", ENVELOPE)
    assert events.get(timeout=5) == signals.Answered(ENVELOPE.id, RECEIPT)
    method, path, headers, body = stub.asked[0]
    assert (method, path) == ("POST", "/device/v1/up/announcement.read")
    said = signing.read(method, path, body, {name.lower(): value for name, value in headers.items()})
    assert said.key == keys[1].key
    assert is_signed(keys[2], said.base, said.signature)
    assert Envelope.decode(body) == ENVELOPE


def test_a_refusing_receipt_settles_too(stub: Stub, worker: Any, events: Any) -> None:
    refused = Receipt(
        message=ENVELOPE.id, kind="announcement.read", outcome="rejected", at=AT, code="unknown_announcement"
    )
    stub.says(200, refused.model_dump_json().encode())
    worker.post("announcement.read", ENVELOPE)
    assert events.get(timeout=5) == signals.Answered(ENVELOPE.id, refused)


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (200, b"<html>Please sign in to the hotel network</html>"),
        (200, {"ok": True}),
        (200, RECEIPT.model_copy(update={"message": uuid7()}).model_dump_json().encode()),
        (404, b"not found"),
        (502, b"<html>bad gateway</html>"),
        (503, refusal("unavailable", "unavailable")),
        (429, refusal("rejected", "rate_limited", seconds="7")),
        (422, {"code": "no such code"}),
    ],
)
def test_what_is_not_the_servers_word_on_this_message_settles_nothing(
    stub: Stub, worker: Any, events: Any, status: int, body: Any
) -> None:
    stub.says(status, body)
    worker.post("announcement.read", ENVELOPE)
    assert events.get(timeout=5) == signals.PostFailed(ENVELOPE.id, reached=True)


def test_a_wanted_pause_is_kept(stub: Stub, worker: Any, events: Any) -> None:
    stub.says(429, refusal("rejected", "rate_limited", seconds="7"), **{"Retry-After": "7"})
    worker.post("announcement.read", ENVELOPE)
    assert events.get(timeout=5) == signals.PostFailed(ENVELOPE.id, reached=True, wait_ms=7000)


def test_a_final_refusal_before_the_inbox_becomes_a_visible_one(stub: Stub, worker: Any, events: Any) -> None:
    stub.says(422, refusal("rejected", "unsupported", kind="announcement.read", version="1"))
    worker.post("announcement.read", ENVELOPE)
    answered = events.get(timeout=5)
    assert (answered.receipt.outcome, answered.receipt.code) == ("rejected", "unsupported")


@pytest.mark.parametrize(("status", "code"), [(403, "device_revoked"), (401, "not_enrolled")])
def test_a_terminal_that_is_turned_away_stops(stub: Stub, worker: Any, events: Any, status: int, code: str) -> None:
    stub.says(status, refusal("revoked", code))
    for ask in (
        lambda: worker.post("announcement.read", ENVELOPE),
        lambda: worker.pull(0),
        lambda: worker.fetch_reference(None),
    ):
        ask()
        assert events.get(timeout=5) == signals.Stopped(code)


def test_a_server_that_is_away_was_not_reached(keys: Keys, events: Any) -> None:
    worker = http.HttpWorker("http://127.0.0.1:9", *keys[:2], events.put)
    worker.post("announcement.read", ENVELOPE)
    assert events.get(timeout=5) == signals.PostFailed(ENVELOPE.id, reached=False)
    worker.pull(0)
    assert events.get(timeout=5) == signals.PullFailed()
    worker.close()


def test_the_feed_comes_with_the_servers_time(stub: Stub, worker: Any, events: Any) -> None:
    page = FeedPage(items=(), head=7, more=False, server_time=AT)
    stub.says(200, page.model_dump_json().encode())
    worker.pull(7)
    assert events.get(timeout=5).page == page
    assert stub.asked[0][1] == "/device/v1/feed?after=7"


def test_a_reference_that_did_not_change_is_not_sent_again(stub: Stub, worker: Any, events: Any, make: Any) -> None:
    reference = make.reference(make.item(), credit_minor=None)
    stub.says(200, reference.model_dump_json(exclude_none=True).encode())
    worker.fetch_reference(None)
    assert events.get(timeout=5) == signals.ReferenceArrived(reference)
    stub.says(304, b"")
    worker.fetch_reference("v1")
    assert events.get(timeout=5) == signals.ReferenceArrived(None)
    assert stub.asked[1][2]["If-None-Match"] == '"v1"'


def test_a_code_is_exchanged_or_refused_in_the_servers_words(stub: Stub, make: Any) -> None:
    stands = Enrolment(state="confirmed", fingerprint="ab", expires_at=AT, enrolled=make.enrolled(AT), server_time=AT)
    stub.says(200, stands.model_dump_json().encode())
    assert http.enrol(stub.url, "k7qx2m4p", csr="c", model="m", version="1") == stands
    assert json.loads(stub.asked[0][3])["code"] == "K7QX2M4P"
    stub.says(422, refusal("rejected", "code_expired", at="12:00"))
    with pytest.raises(Rejected) as refused:
        http.enrol(stub.url, "k7qx2m4p", csr="c", model="m", version="1")
    assert (refused.value.code, refused.value.params) == ("code_expired", {"at": "12:00"})
    with pytest.raises(Rejected):
        http.enrol(stub.url, "x", csr="c", model="m", version="1")
    stub.says(200, b"<html>hotel</html>")
    with pytest.raises(http.UnreachableError):
        http.enrol(stub.url, "k7qx2m4p", csr="c", model="m", version="1")


@pytest.mark.parametrize("address", ["", "example.org", "ftp://example.org", "http://"])
def test_an_address_that_is_none_is_refused_at_the_start(address: str) -> None:
    with pytest.raises(ValueError, match="write http://host:port"):
        http.Connection(address)


def test_a_packed_answer_is_read_and_a_broken_one_is_no_answer(stub: Stub, keys: Keys) -> None:
    page = FeedPage(items=(), head=7, more=False, server_time=AT)
    packed = gzip.compress(page.model_dump_json().encode())
    for body, read in ((packed, True), (packed[:20], False), (b"no gzip", False)):
        stub.body, stub.headers = body, {"Content-Encoding": "gzip"}
        events: Queue[signals.Event] = Queue()
        worker = http.HttpWorker(stub.url, *keys[:2], events.put)
        worker.pull(0)
        event = events.get(timeout=30)
        worker.close()
        assert isinstance(event, signals.PageArrived if read else signals.PullFailed)
    assert stub.asked[0][2]["Accept-Encoding"] == "gzip"


def test_what_unpacks_to_more_than_is_taken_is_no_answer(
    stub: Stub, keys: Keys, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http, "MOST_BYTES", 1_000)
    stub.body, stub.headers = gzip.compress(b" " * 900_000 + b"{}"), {"Content-Encoding": "gzip"}
    events: Queue[signals.Event] = Queue()
    worker = http.HttpWorker(stub.url, *keys[:2], events.put)
    worker.pull(0)
    assert isinstance(events.get(timeout=30), signals.PullFailed)
    worker.close()


def test_a_clock_that_is_wrong_is_put_right_by_the_answer_and_the_request_signed_again(
    stub: Stub, keys: Keys, worker: Any, events: Any
) -> None:
    server_s = int(datetime.now(UTC).timestamp()) - 48 * 3600
    stub.says(401, refusal("unavailable", "clock_off") | {"params": {"server_s": server_s}})
    worker.pull(0)
    assert events.get(timeout=5) == signals.PullFailed()
    by = [
        signing.read(method, path, body, {name.lower(): value for name, value in headers.items()})
        for method, path, headers, body in stub.asked
    ]
    assert len(by) == 2
    assert abs(by[1].created_s - server_s) < 60
    assert by[0].nonce != by[1].nonce
    assert keys[1].key == by[1].key


def test_a_terminal_whose_key_is_gone_reaches_nobody_and_says_so(stub: Stub, tmp_path: Path, events: Any) -> None:
    me = Identity("d-12", "R-12", "Harbour Road 12", None, None, "ab" * 32)
    worker = http.HttpWorker(stub.url, KeyFolder(tmp_path), me, events.put)
    worker.post("announcement.read", ENVELOPE)
    assert events.get(timeout=5) == signals.PostFailed(ENVELOPE.id, reached=False)
    worker.close()
    with pytest.raises(KeyUnusableError, match="not on this terminal"):
        KeyFolder(tmp_path).sign("ab" * 32, b"")
    assert not stub.asked


def test_a_terminal_that_was_known_by_a_secret_asks_for_a_new_code(stub: Stub, tmp_path: Path, events: Any) -> None:
    me = Identity("d-12", "R-12", "Harbour Road 12", None, None)
    worker = http.HttpWorker(stub.url, KeyFolder(tmp_path), me, events.put)
    worker.pull(0)
    assert events.get(timeout=5) == signals.Stopped("not_enrolled")
    worker.close()

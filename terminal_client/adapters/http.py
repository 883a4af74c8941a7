"""The device's HTTP interface with the standard library alone: enrolment, posts, the feed, the reference.

A status or body that is not the server's own (a captive portal, a proxy's error page) counts as no answer.
"""

import base64
import http.client
import json
import logging
import queue
import socket
import ssl
import threading
import time
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from errno import EHOSTUNREACH, ENETDOWN, ENETUNREACH
from typing import Any, Literal, TypeVar
from urllib.parse import urlsplit

from pydantic import BaseModel, ValidationError

from contract.device_api import Enrol, Enrolled, FeedPage, Reference
from contract.envelope import Envelope
from contract.errors import TEXTS, Rejected
from contract.feed import Receipt
from contract.messages import RECEIPTED
from contract.photos import PhotoState
from terminal_client.core import signals
from terminal_client.core.ports import NotReachedError
from terminal_client.core.server_clock import instant
from terminal_client.core.store import Identity

log = logging.getLogger(__name__)
TIMEOUT_S = 10.0
MOST_BYTES = 8 * 1024 * 1024
#: With these the identity is gone, whatever the status.
TURNED_AWAY = frozenset({"device_revoked", "not_enrolled"})
#: Families of which an answer is final.
FINAL = frozenset({"rejected", "conflict"})
OK, NOT_MODIFIED, REFUSED_FROM, TOO_MANY = 200, 304, 400, 429

#: What a server says to an enrolment that it does not know in this form.
OTHER_VERSION = frozenset({"malformed", "invalid", "not_found", "unsupported"})
#: OpenSSL's numbers for a certificate that is not valid yet or not any more.
CERTIFICATE_DATES = frozenset({9, 10})

B = TypeVar("B", bound=BaseModel)

#: Why there was no answer of the server: no way to it, nobody there, a certificate whose days are not now (by this
#: machine's clock) or that is another's, words of something else, words of a server of another version, not just now.
Why = Literal["no_network", "no_answer", "clock", "not_trusted", "not_ours", "other_version", "busy"]


class UnreachableError(Exception):
    """There was no answer of the server, and why. ``reached``: the request may have arrived."""

    def __init__(self, what: str, *, reached: bool, why: Why = "no_answer") -> None:
        super().__init__(what)
        self.reached = reached
        self.why: Why = why


@dataclass(frozen=True)
class Reply:
    """An answer: status, body, a wanted pause, and the time it took there and back."""

    status: int
    body: bytes
    wait_ms: int
    round_trip_ms: int

    def read(self, family: type[B]) -> B:
        """Return the body as ``family``; raise ``UnreachableError`` where it is none."""
        try:
            return family.model_validate_json(self.body)
        except ValidationError as error:
            said = f"not an answer of the server (status {self.status})"
            raise UnreachableError(said, reached=True, why=self._whose_words()) from error

    def _whose_words(self) -> Why:
        """Return whether words that cannot be read may be a server's of another version: those are an object."""
        try:
            return "other_version" if isinstance(json.loads(self.body), dict) else "not_ours"
        except ValueError:
            return "not_ours"

    def refusal(self) -> tuple[str, str, dict[str, str | int]] | None:
        """Return family, code and parameters of a refusal in the server's form, or none."""
        if self.status < REFUSED_FROM:
            return None
        try:
            body: Any = json.loads(self.body)
        except ValueError:
            return None
        if not isinstance(body, dict) or body.get("code") not in TEXTS:
            return None
        params = body.get("params")
        clean = {k: v for k, v in params.items() if isinstance(v, str | int)} if isinstance(params, dict) else {}
        return str(body.get("family", "")), str(body["code"]), clean


class Connection:
    """One connection to the server, opened again where it broke. For one thread."""

    def __init__(self, server_url: str, *, timeout_s: float = TIMEOUT_S) -> None:
        """Take ``http://host:port`` or ``https://host``, maybe with a path in front of ``/device``."""
        parts = urlsplit(server_url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError(f"{server_url!r} is not the address of a server; write http://host:port")
        make = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
        self._connection = make(parts.hostname, parts.port, timeout=timeout_s)
        self._prefix = parts.path.rstrip("/")

    def ask(self, method: str, path: str, *, body: bytes | None = None, headers: dict[str, str] | None = None) -> Reply:
        """Return the answer; raise ``UnreachableError`` where there is none."""
        headers = {"Content-Type": "application/json", "Accept-Encoding": "gzip", **(headers or {})}
        fresh = self._connection.sock is None
        try:
            return self._ask_once(method, path, body, headers)
        except UnreachableError:
            if fresh:
                raise
            # The server closed an idle connection; ids make a second sending harmless.
            return self._ask_once(method, path, body, headers)

    def _ask_once(self, method: str, path: str, body: bytes | None, headers: dict[str, str]) -> Reply:
        began_s = time.monotonic()
        reached = False
        try:
            if self._connection.sock is None:
                self._connection.connect()
            reached = True
            self._connection.request(method, self._prefix + path, body, headers)
            response = self._connection.getresponse()
            raw = _unpacked(response.read(MOST_BYTES), response.headers.get("Content-Encoding"))
            if response.will_close:
                self._connection.close()
            wait = response.headers.get("Retry-After", "")
        except (OSError, http.client.HTTPException, zlib.error) as error:
            self._connection.close()
            raise UnreachableError(str(error) or type(error).__name__, reached=reached, why=_why(error)) from error
        return Reply(
            status=response.status,
            body=raw,
            wait_ms=int(wait) * 1000 if wait.isdecimal() else 0,
            round_trip_ms=round((time.monotonic() - began_s) * 1000),
        )

    def close(self) -> None:
        """Close the connection; it opens again when asked."""
        self._connection.close()


def _why(error: Exception) -> Why:
    if isinstance(error, ssl.SSLCertVerificationError):
        return "clock" if error.verify_code in CERTIFICATE_DATES else "not_trusted"
    if isinstance(error, socket.gaierror):
        return "no_network"
    if isinstance(error, OSError) and error.errno in (ENETDOWN, ENETUNREACH, EHOSTUNREACH):
        return "no_network"
    return "no_answer"


def enrol(server_url: str, code: str, *, model: str, version: str, machine: str = "") -> Enrolled:
    """Exchange a one-use code for an identity.

    Raises
    ------
    Rejected
        With the server's code: the code is unknown, expired or used, or has no possible form.
    UnreachableError
        Where the server did not answer, and why.
    """
    try:
        asked = Enrol(code=code, model=model, version=version, machine=machine)
    except ValidationError:
        raise Rejected("code_unknown") from None
    connection = Connection(server_url)
    try:
        reply = connection.ask("POST", "/device/v1/enrol", body=asked.model_dump_json().encode())
    finally:
        connection.close()
    refusal = reply.refusal()
    if refusal is not None:
        family, code_, params = refusal
        if family == "unavailable":
            raise UnreachableError(code_, reached=True, why="busy")
        if code_ in OTHER_VERSION:
            raise UnreachableError(code_, reached=True, why="other_version")
        raise Rejected(code_, **params)
    return reply.read(Enrolled)


class HttpWorker:
    """Carries out a transport's HTTP requests one after the other, in a thread of its own."""

    def __init__(self, server_url: str, identity: Identity, deliver: Callable[[signals.Event], None]) -> None:
        self._headers = _signed_in(identity)
        self._connection = Connection(server_url)
        self._deliver = deliver
        self._jobs: queue.SimpleQueue[Callable[[], signals.Event] | None] = queue.SimpleQueue()
        self._closed = False
        self._thread = threading.Thread(target=self._work, name="terminal-http", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop after the request that is under way; its answer is dropped."""
        self._closed = True
        self._jobs.put(None)
        if self._thread is not threading.current_thread():
            self._thread.join(timeout=2 * TIMEOUT_S)

    def post(self, kind: str, envelope: Envelope) -> None:
        """Queue the sending of a message."""
        self._jobs.put(lambda: self._post(kind, envelope))

    def pull(self, after: int) -> None:
        """Queue a pull of the feed."""
        self._jobs.put(lambda: self._pull(after))

    def fetch_reference(self, version: str | None) -> None:
        """Queue the fetching of the reference."""
        self._jobs.put(lambda: self._fetch_reference(version))

    def _work(self) -> None:
        while (job := self._jobs.get()) is not None:
            event = job()
            if not self._closed:
                self._deliver(event)
        self._connection.close()

    def _post(self, kind: str, envelope: Envelope) -> signals.Event:
        try:
            reply = self._connection.ask("POST", f"/device/v1/up/{kind}", body=envelope.encode(), headers=self._headers)
            refusal = reply.refusal()
            if refusal is None:
                if reply.status >= OK + 100:
                    return signals.PostFailed(envelope.id, reached=True, wait_ms=reply.wait_ms)
                return signals.Answered(envelope.id, _receipt(reply, kind, envelope))
        except UnreachableError as error:
            return signals.PostFailed(envelope.id, reached=error.reached)
        family, code, params = refusal
        if code in TURNED_AWAY:
            return signals.Stopped(code)
        if family not in FINAL or reply.status == TOO_MANY:
            return signals.PostFailed(envelope.id, reached=True, wait_ms=reply.wait_ms)
        at = instant(time.time_ns() // 1_000_000)
        refused = Receipt(message=envelope.id, kind=kind, outcome="rejected", at=at, code=code, params=params)
        return signals.Answered(envelope.id, refused)

    def _pull(self, after: int) -> signals.Event:
        try:
            reply = self._connection.ask("GET", f"/device/v1/feed?after={after}", headers=self._headers)
            refusal = reply.refusal()
            if refusal is not None:
                return signals.Stopped(refusal[1]) if refusal[1] in TURNED_AWAY else signals.PullFailed()
            return signals.PageArrived(reply.read(FeedPage), reply.round_trip_ms)
        except UnreachableError as error:
            log.debug("no feed: %s", error)
            return signals.PullFailed()

    def _fetch_reference(self, version: str | None) -> signals.Event:
        headers = dict(self._headers)
        if version is not None:
            headers["If-None-Match"] = f'"{version}"'
        try:
            reply = self._connection.ask("GET", "/device/v1/reference", headers=headers)
            if reply.status == NOT_MODIFIED:
                return signals.ReferenceArrived(None)
            refusal = reply.refusal()
            if refusal is not None:
                return signals.Stopped(refusal[1]) if refusal[1] in TURNED_AWAY else signals.ReferenceFailed()
            return signals.ReferenceArrived(reply.read(Reference))
        except UnreachableError as error:
            log.debug("no reference: %s", error)
            return signals.ReferenceFailed()


class HttpPhotos:
    """Sends photos over a connection of their own, so that no message waits behind one. For one thread."""

    def __init__(self, server_url: str, identity: Callable[[], Identity | None]) -> None:
        self._connection = Connection(server_url)
        self._identity = identity

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()

    def photo_state(self, sha256: str) -> PhotoState:
        """See :class:`~terminal_client.core.ports.PhotoWire`."""
        return self._ask("GET", sha256, None, {})

    def add_to_photo(self, sha256: str, offset: int, part: bytes) -> PhotoState:
        """See :class:`~terminal_client.core.ports.PhotoWire`."""
        headers = {"Content-Type": "application/octet-stream", "Upload-Offset": str(offset)}
        return self._ask("PATCH", sha256, part, headers)

    def _ask(self, method: str, sha256: str, body: bytes | None, headers: dict[str, str]) -> PhotoState:
        identity = self._identity()
        if identity is None:
            raise NotReachedError("not enrolled")
        try:
            reply = self._connection.ask(
                method, f"/device/v1/photos/{sha256}", body=body, headers=_signed_in(identity) | headers
            )
            refusal = reply.refusal()
            if refusal is None:
                return reply.read(PhotoState)
        except UnreachableError as error:
            raise NotReachedError(str(error)) from error
        family, code, params = refusal
        if family not in FINAL or reply.status == TOO_MANY or code in TURNED_AWAY | OTHER_VERSION:
            raise NotReachedError(code)
        raise Rejected(code, **params)


def _signed_in(identity: Identity) -> dict[str, str]:
    pair = base64.b64encode(f"{identity.device}:{identity.secret}".encode()).decode()
    return {"Authorization": f"Basic {pair}"}


def _unpacked(raw: bytes, encoding: str | None) -> bytes:
    """Return a body as it was before packing, up to :data:`MOST_BYTES` of it."""
    if encoding != "gzip":
        return raw
    return zlib.decompressobj(wbits=zlib.MAX_WBITS | 16).decompress(raw, MOST_BYTES)


def _receipt(reply: Reply, kind: str, envelope: Envelope) -> Receipt | None:
    """Return the receipt in an answer; it must be about the message that was sent."""
    if kind not in RECEIPTED:
        return None
    receipt = reply.read(Receipt)
    if receipt.message != envelope.id:
        raise UnreachableError("a receipt about another message", reached=True)
    return receipt

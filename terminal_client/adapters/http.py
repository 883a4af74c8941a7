"""The device's HTTP interface with the standard library alone: enrolment, posts, the feed, the reference.

A status or body that is not the server's own (a captive portal, a proxy's error page) counts as no answer.
"""

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

from contract.device_api import (
    AskUnnamed,
    Certified,
    Enrol,
    Enrolment,
    FeedPage,
    Reference,
    Renew,
    SayUnnamed,
    Unnamed,
)
from contract.envelope import Envelope
from contract.errors import TEXTS, Rejected
from contract.feed import Receipt
from contract.messages import RECEIPTED
from contract.photos import PhotoState
from terminal_client.adapters.keys import KeyFolder, KeyUnusableError, Signer
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
OK, PARTIAL, NOT_MODIFIED, REFUSED_FROM, TOO_MANY = 200, 206, 304, 400, 429

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

    def ask(
        self,
        method: str,
        path: str,
        *,
        body: bytes | None = None,
        headers: dict[str, str] | None = None,
        signer: Signer | None = None,
    ) -> Reply:
        """Return the answer to a request, signed if there is a ``signer``; raise ``UnreachableError`` without one."""
        headers = {"Content-Type": "application/json", "Accept-Encoding": "gzip", **(headers or {})}
        reply = self._ask_signed(method, path, body, headers, signer)
        refusal = reply.refusal()
        if signer is not None and refusal is not None and refusal[1] == "clock_off":
            signer.learn(int(refusal[2].get("server_s", 0)))
            reply = self._ask_signed(method, path, body, headers, signer)
        return reply

    def _ask_signed(
        self, method: str, path: str, body: bytes | None, headers: dict[str, str], signer: Signer | None
    ) -> Reply:
        def once() -> Reply:
            try:
                signed = {} if signer is None else signer.fields(method, path, body)
            except KeyUnusableError as error:
                raise UnreachableError(str(error), reached=False) from error
            return self._ask_once(method, path, body, headers | signed)

        fresh = self._connection.sock is None
        try:
            return once()
        except UnreachableError:
            if fresh:
                raise
            # The server closed an idle connection; ids make a second sending harmless.
            return once()

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


def enrol(server_url: str, code: str, *, csr: str, model: str, version: str, machine: str = "") -> Enrolment:
    """Show a one-use code and the request for a key; return how it stands. To be asked again while that is open.

    Raises
    ------
    Rejected
        With the server's code: the code is unknown, expired or used, or has no possible form.
    UnreachableError
        Where the server did not answer, and why.
    """
    try:
        asked = Enrol(code=code, model=model, version=version, machine=machine, csr=csr)
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
    return reply.read(Enrolment)


class HttpWorker:
    """Carries out a transport's HTTP requests one after the other, in a thread of its own."""

    def __init__(
        self, server_url: str, keys: KeyFolder, identity: Identity, deliver: Callable[[signals.Event], None]
    ) -> None:
        self._signer = Signer(keys, identity.key)
        self._known = bool(identity.key)
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
            event = job() if self._known else signals.Stopped("not_enrolled")
            if not self._closed:
                self._deliver(event)
        self._connection.close()

    def _post(self, kind: str, envelope: Envelope) -> signals.Event:
        try:
            reply = self._connection.ask("POST", f"/device/v1/up/{kind}", body=envelope.encode(), signer=self._signer)
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
            reply = self._connection.ask("GET", f"/device/v1/feed?after={after}", signer=self._signer)
            refusal = reply.refusal()
            if refusal is not None:
                return signals.Stopped(refusal[1]) if refusal[1] in TURNED_AWAY else signals.PullFailed()
            return signals.PageArrived(reply.read(FeedPage), reply.round_trip_ms)
        except UnreachableError as error:
            log.debug("no feed: %s", error)
            return signals.PullFailed()

    def _fetch_reference(self, version: str | None) -> signals.Event:
        headers: dict[str, str] = {}
        if version is not None:
            headers["If-None-Match"] = f'"{version}"'
        try:
            reply = self._connection.ask("GET", "/device/v1/reference", headers=headers, signer=self._signer)
            if reply.status == NOT_MODIFIED:
                return signals.ReferenceArrived(None)
            refusal = reply.refusal()
            if refusal is not None:
                return signals.Stopped(refusal[1]) if refusal[1] in TURNED_AWAY else signals.ReferenceFailed()
            return signals.ReferenceArrived(reply.read(Reference))
        except UnreachableError as error:
            log.debug("no reference: %s", error)
            return signals.ReferenceFailed()


class _OwnConnection:
    """A connection of its own on which this terminal signs what it asks. For one thread."""

    def __init__(self, server_url: str, keys: KeyFolder, identity: Callable[[], Identity | None]) -> None:
        self._connection = Connection(server_url)
        self._sign = _Signers(keys, identity)

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()


class HttpPhotos(_OwnConnection):
    """Sends photos over a connection of their own, so that no message waits behind one. For one thread."""

    def photo_state(self, sha256: str) -> PhotoState:
        """See :class:`~terminal_client.core.ports.PhotoWire`."""
        return self._ask("GET", sha256, None, {})

    def add_to_photo(self, sha256: str, offset: int, part: bytes) -> PhotoState:
        """See :class:`~terminal_client.core.ports.PhotoWire`."""
        headers = {"Content-Type": "application/octet-stream", "Upload-Offset": str(offset)}
        return self._ask("PATCH", sha256, part, headers)

    def _ask(self, method: str, sha256: str, body: bytes | None, headers: dict[str, str]) -> PhotoState:
        signer = self._sign.now()
        try:
            path = f"/device/v1/photos/{sha256}"
            reply = self._connection.ask(method, path, body=body, headers=headers, signer=signer)
            refusal = reply.refusal()
            if refusal is None:
                return reply.read(PhotoState)
        except UnreachableError as error:
            raise NotReachedError(str(error)) from error
        family, code, params = refusal
        if family not in FINAL or reply.status == TOO_MANY or code in TURNED_AWAY | OTHER_VERSION:
            raise NotReachedError(code)
        raise Rejected(code, **params)


class HttpUnnamed:
    """Says something without a name: a connection of its own each time, and nothing of the device on it."""

    def __init__(self, server_url: str) -> None:
        self._server_url = server_url

    def say(self, said: SayUnnamed) -> None:
        """See :class:`~terminal_client.core.ports.UnnamedWire`."""
        self._ask("/device/v1/unnamed", said)

    def look(self, code: str) -> Unnamed:
        """See :class:`~terminal_client.core.ports.UnnamedWire`."""
        reply = self._ask("/device/v1/unnamed/look", AskUnnamed(code=code))
        try:
            return reply.read(Unnamed)
        except UnreachableError as error:
            raise NotReachedError(str(error)) from error

    def _ask(self, path: str, body: BaseModel) -> Reply:
        connection = Connection(self._server_url)
        try:
            reply = connection.ask("POST", path, body=body.model_dump_json().encode())
        except UnreachableError as error:
            raise NotReachedError(str(error)) from error
        finally:
            connection.close()
        refusal = reply.refusal()
        if refusal is None and reply.status < REFUSED_FROM:
            return reply
        family, code, params = refusal or ("", "no answer of the server", {})
        if family not in FINAL or reply.status == TOO_MANY:
            raise NotReachedError(code)
        raise Rejected(code, **params)


class HttpAttachments(_OwnConnection):
    """Fetches what goes with announcements, over a connection of its own. For one thread."""

    def part_of_attachment(self, sha256: str, offset: int, count: int) -> bytes:
        """See :class:`~terminal_client.core.ports.AttachmentWire`."""
        signer = self._sign.now()
        headers = {"Range": f"bytes={offset}-{offset + count - 1}", "Accept-Encoding": "identity"}
        try:
            reply = self._connection.ask("GET", f"/device/v1/attachments/{sha256}", headers=headers, signer=signer)
        except UnreachableError as error:
            raise NotReachedError(str(error)) from error
        if reply.status == PARTIAL and 0 < len(reply.body) <= count:
            return reply.body
        refusal = reply.refusal()
        if refusal is not None and refusal[0] in FINAL and refusal[1] not in TURNED_AWAY | OTHER_VERSION:
            raise Rejected(refusal[1], **refusal[2])
        raise NotReachedError(f"status {reply.status}")


class HttpCertificate(_OwnConnection):
    """Looks at this terminal's certificate and renews it. For one thread."""

    def look_at_certificate(self) -> Certified:
        """See :class:`~terminal_client.core.ports.CertificateWire`."""
        return self._ask("GET", "/device/v1/certificate", None)

    def renew_certificate(self, csr: str) -> Certified:
        """See :class:`~terminal_client.core.ports.CertificateWire`."""
        return self._ask("POST", "/device/v1/renew", Renew(csr=csr).model_dump_json().encode())

    def _ask(self, method: str, path: str, body: bytes | None) -> Certified:
        try:
            reply = self._connection.ask(method, path, body=body, signer=self._sign.now())
            refusal = reply.refusal()
            if refusal is None:
                return reply.read(Certified)
        except UnreachableError as error:
            raise NotReachedError(str(error)) from error
        family, code, params = refusal
        if family not in FINAL or reply.status == TOO_MANY or code in TURNED_AWAY | OTHER_VERSION:
            raise NotReachedError(code)
        raise Rejected(code, **params)


class HttpUpdates(_OwnConnection):
    """Reads files of the repository of releases, over a connection of its own. For one thread."""

    def part_of_file(self, path: str, offset: int, count: int) -> Reply:
        """Return the answer to a request for at most ``count`` bytes of a file from ``offset`` on.

        Raises :class:`NotReachedError` where there is none.
        """
        headers = {"Range": f"bytes={offset}-{offset + count - 1}", "Accept-Encoding": "identity"}
        try:
            path = f"/device/v1/updates/{path}"
            return self._connection.ask("GET", path, headers=headers, signer=self._sign.now())
        except UnreachableError as error:
            raise NotReachedError(str(error)) from error


class _Signers:
    """The signer of whoever this terminal is now; what it learned of the clock is kept while that is the same key."""

    def __init__(self, keys: KeyFolder, identity: Callable[[], Identity | None]) -> None:
        self._keys = keys
        self._identity = identity
        self._made: tuple[str, Signer] | None = None

    def now(self) -> Signer:
        """Return it; :class:`NotReachedError` where the terminal is not enrolled."""
        identity = self._identity()
        if identity is None or not identity.key:
            raise NotReachedError("not enrolled")
        if self._made is None or self._made[0] != identity.key:
            self._made = identity.key, Signer(self._keys, identity.key)
        return self._made[1]


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

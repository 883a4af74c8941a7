"""One signed POST to an address of others, which must not become a way into the own network.

Only ``https`` (a demonstration may use ``http``), only addresses that are everybody's unless a setting says otherwise.
The name is looked up once and the connection goes to the address that was looked at, so that a name which changes its
mind in between gains nothing. Redirects are not followed; an answer is read up to :data:`ANSWER_BYTES`, within
:data:`TIMEOUT_S` in all.
"""

import base64
import hashlib
import hmac
import http.client
import ipaddress
import socket
import ssl
import threading
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final
from urllib.parse import SplitResult, urlsplit

from contract.errors import Rejected

TIMEOUT_S = 10.0
ANSWER_BYTES = 2_000
#: The statuses by which the other side says that it has an event.
SUCCESS: Final = range(HTTPStatus.OK, HTTPStatus.MULTIPLE_CHOICES)
SECRET_MARK = "whsec_"  # noqa: S105 - what a secret begins with
_UNICAST = ipaddress.ip_network("2000::/3")
_PROTOCOLS = ipaddress.ip_network("192.0.0.0/24")


@dataclass(frozen=True)
class Allowed:
    """What else than ``https`` to public addresses is allowed."""

    plain_http: bool = False
    private_addresses: bool = False


@dataclass(frozen=True)
class Answer:
    """What came of an attempt: the status, none where nobody answered; the beginning of the answer, or why not."""

    status: int | None
    said: str

    @property
    def taken(self) -> bool:
        """Whether the other side has the event."""
        return self.status in SUCCESS


class RefusedAddressError(OSError):
    """The address leads into a network that is not everybody's."""


def signature(secret: str, message_id: str, timestamp: int, body: bytes) -> str:
    """Return the header ``webhook-signature``: HMAC-SHA256 over ``id.timestamp.body``, as standardwebhooks.com says."""
    key = base64.b64decode(secret.removeprefix(SECRET_MARK))
    signed = f"{message_id}.{timestamp}.".encode() + body
    return "v1," + base64.b64encode(hmac.digest(key, signed, hashlib.sha256)).decode()


def check_address(url: str, allowed: Allowed) -> SplitResult:
    """Return the parts of an address that may be posted to, as far as its text says.

    Raises
    ------
    Rejected
        ``webhook_address``: no ``https``, no host, a user's name or a fragment in it, or a number that is private.
    """
    try:
        parts = urlsplit(url)
        schemes = {"https", "http"} if allowed.plain_http else {"https"}
        fits = parts.scheme in schemes and parts.hostname and not parts.username and not parts.fragment
        if not fits or not url.isascii() or not url.isprintable() or " " in url or parts.port == 0:
            raise Rejected("webhook_address", url=url[:200])
    except ValueError:
        raise Rejected("webhook_address", url=url[:200]) from None
    try:
        number = ipaddress.ip_address(parts.hostname or "")
    except ValueError:
        return parts
    if not allowed.private_addresses and not is_public(str(number)):
        raise Rejected("webhook_address", url=url[:200])
    return parts


def is_public(address: str) -> bool:
    """Return whether an IP address is everybody's, also by what it may carry inside."""
    found = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(found, ipaddress.IPv6Address):
        if found.ipv4_mapped is not None:
            return is_public(str(found.ipv4_mapped))
        return found in _UNICAST and found.is_global and not found.sixtofour and not found.teredo
    return found.is_global and not found.is_multicast and found not in _PROTOCOLS


def post(url: str, headers: dict[str, str], body: bytes, allowed: Allowed, *, timeout_s: float = TIMEOUT_S) -> Answer:
    """Send ``body`` once and return what came of it; every mishap is an answer, none is raised."""
    try:
        parts = check_address(url, allowed)
        return _post(parts, headers, body, allowed, timeout_s)
    except Rejected as refused:
        return Answer(None, refused.code)
    except (OSError, http.client.HTTPException, UnicodeError) as error:
        return Answer(None, f"{type(error).__name__}: {error}"[:ANSWER_BYTES])


def _post(parts: SplitResult, headers: dict[str, str], body: bytes, allowed: Allowed, timeout_s: float) -> Answer:
    host = parts.hostname or ""
    port = parts.port or (443 if parts.scheme == "https" else 80)
    address = _address(host, port, allowed)
    connection = http.client.HTTPConnection(host, port, timeout=timeout_s)
    plain = socket.create_connection((address, port), timeout=timeout_s)
    ends = threading.Timer(timeout_s, _break, (plain,))
    ends.daemon = True
    ends.start()
    try:
        connection.sock = plain
        if parts.scheme == "https":
            connection.sock = ssl.create_default_context().wrap_socket(plain, server_hostname=host)
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        connection.request("POST", target, body=body, headers={**headers, "Host": parts.netloc})
        answer = connection.getresponse()
        return Answer(answer.status, answer.read(ANSWER_BYTES).decode("utf-8", "replace").replace("\x00", ""))
    finally:
        ends.cancel()
        connection.close()
        plain.close()


def _address(host: str, port: int, allowed: Allowed) -> str:
    found = [str(one[4][0]) for one in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)]
    if not allowed.private_addresses and not all(is_public(one) for one in found):
        raise RefusedAddressError(f"{host} leads to a private address")
    return found[0]


def _break(connection: socket.socket) -> None:
    try:
        connection.shutdown(socket.SHUT_RDWR)
    except OSError:
        return

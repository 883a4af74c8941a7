"""Identities of simulated devices: a key made here, a request for it, and an operator who confirms by the interface."""

import ssl
import tempfile
from collections.abc import Generator, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cached_property
from uuid import uuid4

import httpx2
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

from contract import signing
from contract.device_api import Enrol, Enrolled, Enrolment
from firmware_sim.stage import Person, Stage, StageError
from server.kit import certificates
from terminal_client.app import Terminal

AT_ONCE = 8
CONFIRMED_AT_ONCE = 500


class Signing(httpx2.Auth):
    """Signs each request of an HTTP client by a device's key."""

    def __init__(self, key: ec.EllipticCurvePrivateKey) -> None:
        self.key = key
        self.ahead = timedelta(0)
        self.name = signing.fingerprint(certificates.public_der(key.public_key()))

    def fields(self, method: str, target: str, body: bytes, *, at: datetime) -> dict[str, str]:
        """Return the fields of a request that is signed at ``at``."""
        created_s = int(at.timestamp())
        said = signing.prepare(method, target, body, key=self.name, created_s=created_s, nonce=uuid4().hex)
        r, s = decode_dss_signature(self.key.sign(said.base, ec.ECDSA(hashes.SHA256())))
        return said.signed(r.to_bytes(32) + s.to_bytes(32))

    def sync_auth_flow(self, request: httpx2.Request) -> Generator[httpx2.Request, httpx2.Response, None]:
        """Sign and send; sign again by the server's clock where ours is off."""
        request.read()
        target = request.url.raw_path.decode("ascii")
        request.headers.update(self.fields(request.method, target, request.content, at=self._at()))
        answer = yield request
        if answer.status_code == httpx2.codes.UNAUTHORIZED:
            answer.read()
            if answer.json().get("code") != "clock_off":
                return
            server = datetime.fromtimestamp(answer.json()["params"]["server_s"], UTC)
            self.ahead = server - datetime.now(UTC)
            request.headers.update(self.fields(request.method, target, request.content, at=self._at()))
            yield request

    def _at(self) -> datetime:
        return datetime.now(UTC) + self.ahead


@dataclass(frozen=True)
class DeviceIdentity:
    """One enrolled device: what the server told it, and its key."""

    enrolled: Enrolled
    key: ec.EllipticCurvePrivateKey = field(repr=False)

    @property
    def device(self) -> str:
        """Its id."""
        return self.enrolled.device

    @property
    def retailer(self) -> str:
        """Whose it is."""
        return self.enrolled.retailer

    @property
    def broker(self) -> tuple[str, int]:
        """Where it reaches the broker; ``ValueError`` where it was told of none."""
        host, port = self.enrolled.broker_host, self.enrolled.broker_port
        if host is None or port is None:
            raise ValueError(f"device {self.device} was told of no broker")
        return host, port

    @cached_property
    def auth(self) -> Signing:
        """How it signs its requests."""
        return Signing(self.key)

    def tls(self) -> ssl.SSLContext:
        """Return the context of a connection to the broker."""
        certified = self.enrolled.certified
        if certified is None:
            raise ValueError(f"device {self.device} has no certificate")
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.load_verify_locations(cadata=certified.authorities)
        with tempfile.NamedTemporaryFile("w", suffix=".pem") as both:
            both.write(certified.certificate + certificates.key_pem(self.key))
            both.flush()
            context.load_cert_chain(both.name)
        return context


def ask(client: httpx2.Client, code: str, key: ec.EllipticCurvePrivateKey) -> Enrolment:
    """Show a code and the request for a key; return how that stands.

    Raises
    ------
    StageError
        With what the server said.
    """
    asked = Enrol(code=code, model="wire", csr=certificates.new_request(key))
    answer = client.post("/device/v1/enrol", json=asked.model_dump())
    if answer.is_error:
        raise StageError(f"a terminal could not be enrolled: {answer.status_code} {answer.text[:200]}")
    return Enrolment.model_validate(answer.json())


def confirm(keeper: Person, fingerprints: Sequence[str]) -> dict[str, Enrolled]:
    """Let an operator confirm terminals whose fingerprints are known to be right; return what each is told."""
    told: dict[str, Enrolled] = {}
    for start in range(0, len(fingerprints), CONFIRMED_AT_ONCE):
        some = list(fingerprints[start : start + CONFIRMED_AT_ONCE])
        for one in keeper.post("/api/v1/devices/enrolments/confirm", {"fingerprints": some}):
            told[one["fingerprint"]] = Enrolled.model_validate(one["enrolled"])
    return told


def enrol_codes(server_url: str, keeper: Person, codes: Mapping[str, str]) -> dict[str, DeviceIdentity]:
    """Enrol a device with each code and let ``keeper`` confirm all; return the identities by the names of the codes."""
    with httpx2.Client(base_url=server_url, timeout=120.0) as client, ThreadPoolExecutor(AT_ONCE) as pool:

        def one(name: str) -> tuple[str, str, ec.EllipticCurvePrivateKey]:
            key = certificates.new_key()
            return name, ask(client, codes[name], key).fingerprint, key

        asked = list(pool.map(one, codes))
    told = confirm(keeper, [fingerprint for _, fingerprint, _ in asked])
    return {name: DeviceIdentity(told[fingerprint], key) for name, fingerprint, key in asked}


def enrol(stage: Stage, keeper: Person, retailers: Iterable[str]) -> dict[str, DeviceIdentity]:
    """Enrol one device a retailer with its one-use code; return the identities by retailer.

    Raises
    ------
    StageError
        For the first that was refused, with what the server said.
    """
    issued = keeper.post("/api/v1/devices/codes", {"retailers": list(retailers)})
    return enrol_codes(stage.url, keeper, {one["retailer"]: one["code"] for one in issued})


def let_in(terminal: Terminal, keeper: Person, code: str) -> None:
    """Enrol a whole terminal: it shows the code, an operator confirms the fingerprint that it shows."""
    asked = terminal.enrol(code)
    if asked is not None:
        confirm(keeper, [asked.key])
        terminal.look_at_enrolment()

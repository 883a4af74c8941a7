"""How a device signs its HTTP requests: HTTP Message Signatures (RFC 9421) in one fixed form.

Covered are ``@method``, ``@path``, ``@query`` and, where there is a body, ``content-digest`` (RFC 9530, SHA-256). The
parameters are ``created`` (seconds since 1970), ``nonce`` (used once), ``keyid`` (the fingerprint of the key),
``alg="ecdsa-p256-sha256"`` and ``tag="evenhand-device"``. Both sides make the signed bytes here; neither signs nor
verifies here, so that the terminal needs no library for it.
"""

import base64
import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass

ALGORITHM = "ecdsa-p256-sha256"
TAG = "evenhand-device"
LABEL = "device"
SIGNATURE_BYTES = 64
TOLERATED_S = 300
"""How far ``created`` may lie from the server's clock, either way."""
WITHOUT_BODY = ("@method", "@path", "@query")
WITH_BODY = (*WITHOUT_BODY, "content-digest")
_NAMES = r'\(("[a-z@-]+"(?: "[a-z@-]+")*)\)'
_SAID = r';[a-z]+=(?:\d{1,12}|"[ !#-\[\]-~]{1,128}")'
_INPUT = re.compile(rf"([a-z*][a-z0-9_.*-]{{0,63}})=({_NAMES}((?:{_SAID})+))")
_PARAMETER = re.compile(r';([a-z]+)=(?:(\d{1,12})|"([ !#-\[\]-~]{1,128})")')
_FIELD_MOST = 1024


@dataclass(frozen=True)
class Signed:
    """What a request says of its signature: who signed what, when; ``base`` are the bytes that were signed."""

    key: str
    created_s: int
    nonce: str
    base: bytes
    signature: bytes


class UnsignedError(ValueError):
    """A request bears no signature of this form, or its body is another than the signed one; the words say which."""


def fingerprint(public_key_der: bytes) -> str:
    """Return the name of a public key: SHA-256 of its SubjectPublicKeyInfo (DER), 64 hexadecimal digits."""
    return hashlib.sha256(public_key_der).hexdigest()


def shown(key: str) -> str:
    """Return a fingerprint as people compare it: its first 32 digits in groups of four; 128 bits."""
    return " ".join(key[start : start + 4] for start in range(0, 32, 4))


def content_digest(body: bytes) -> str:
    """Return the value of ``Content-Digest``."""
    return f"sha-256=:{base64.b64encode(hashlib.sha256(body).digest()).decode()}:"


@dataclass(frozen=True)
class Unsigned:
    """A request on its way to be signed: the bytes to sign, and the fields that go with their signature."""

    base: bytes
    fields: dict[str, str]

    def signed(self, signature: bytes) -> dict[str, str]:
        """Return the fields of the signed request; ``signature`` is R and S, 32 bytes each."""
        return self.fields | {"Signature": f"{LABEL}=:{base64.b64encode(signature).decode()}:"}


def prepare(method: str, target: str, body: bytes | None, *, key: str, created_s: int, nonce: str) -> Unsigned:
    """Return what is to be signed of a request; ``target`` is path and query as the server sees them."""
    fields = {"Content-Digest": content_digest(body)} if body else {}
    covered = WITH_BODY if body else WITHOUT_BODY
    names = " ".join(f'"{name}"' for name in covered)
    said = f'({names});created={created_s};nonce="{nonce}";keyid="{key}";alg="{ALGORITHM}";tag="{TAG}"'
    base = _base(method, target, fields.get("Content-Digest", ""), covered, said)
    return Unsigned(base, fields | {"Signature-Input": f"{LABEL}={said}"})


def read(method: str, target: str, body: bytes, fields: Mapping[str, str]) -> Signed:
    """Return what a request says of its signature, which is not verified here; ``fields`` by lower-case names.

    Raises
    ------
    UnsignedError
        It has none of this form, it does not cover what it must, or its body has another digest.
    """
    stated, given = fields.get("signature-input", ""), fields.get("signature", "")
    found = _INPUT.fullmatch(stated) if len(stated) <= _FIELD_MOST else None
    if found is None:
        raise UnsignedError("there is no field Signature-Input of the form in docs/contract")
    label, said, names, rest = found.groups()
    parameters = {name: number or text for name, number, text in _PARAMETER.findall(rest)}
    covered = tuple(name.strip('"') for name in names.split())
    if sorted(covered) != sorted(WITH_BODY if body else WITHOUT_BODY):
        raise UnsignedError(f"the signature covers {' '.join(covered)}")
    if (parameters.get("alg"), parameters.get("tag")) != (ALGORITHM, TAG):
        raise UnsignedError(f'alg must be "{ALGORITHM}" and tag "{TAG}"')
    if not {"created", "nonce", "keyid"} <= parameters.keys() or not parameters["created"].isdecimal():
        raise UnsignedError("created, nonce and keyid are needed")
    digest = fields.get("content-digest", "")
    if body and digest != content_digest(body):
        raise UnsignedError("the body is not the signed one")
    base = _base(method, target, digest, covered, said)
    return Signed(parameters["keyid"], int(parameters["created"]), parameters["nonce"], base, _signature(label, given))


def _base(method: str, target: str, digest: str, covered: tuple[str, ...], said: str) -> bytes:
    path, _, query = target.partition("?")
    values = {"@method": method, "@path": path or "/", "@query": f"?{query}", "content-digest": digest}
    lines = [f'"{name}": {values[name]}' for name in covered]
    return "\n".join([*lines, f'"@signature-params": {said}']).encode()


def _signature(label: str, given: str) -> bytes:
    prefix = f"{label}=:"
    if len(given) <= _FIELD_MOST and given.startswith(prefix) and given.endswith(":"):
        try:
            signature = base64.b64decode(given[len(prefix) : -1], validate=True)
        except ValueError:
            signature = b""
        if len(signature) == SIGNATURE_BYTES:
            return signature
    raise UnsignedError("the field Signature holds no signature of 64 bytes")

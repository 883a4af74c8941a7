"""Certificates (X.509, P-256): authorities, what they issue, and lists of what was revoked. Nothing is stored here.

Every certificate begins :data:`BACKDATED` before it is issued, and is replaced at two thirds of its life: by a clock
that is wrong by a month either way it is valid all the same.
"""

import ipaddress
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_der_public_key,
    load_pem_private_key,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

BACKDATED: Final = timedelta(days=30)
AUTHORITY_LIFE: Final = timedelta(days=3650)
DEVICE_LIFE: Final = timedelta(days=365)
SERVICE_LIFE: Final = timedelta(days=90)
LIST_LIFE: Final = timedelta(days=30)
"""How long a list of revoked certificates is believed; a new one is made long before."""
SHA256: Final = hashes.SHA256()


class RequestError(ValueError):
    """A signing request cannot be used; the words say why."""


@dataclass(frozen=True)
class Authority:
    """A certificate that others are believed by, and its private key; both in PEM."""

    certificate_pem: str
    key_pem: str

    @property
    def certificate(self) -> x509.Certificate:
        """The certificate, read."""
        return x509.load_pem_x509_certificate(self.certificate_pem.encode())

    @property
    def key(self) -> ec.EllipticCurvePrivateKey:
        """The private key, read."""
        return private_key(self.key_pem)


@dataclass(frozen=True)
class Issued:
    """A certificate in PEM, its serial number in hexadecimal digits, and its time."""

    pem: str
    serial: str
    issued_at: datetime
    expires_at: datetime


def renew_at(issued_at: datetime, expires_at: datetime) -> datetime:
    """Return when a certificate is to be replaced: after two thirds of its life."""
    return issued_at + (expires_at - issued_at) * 2 / 3


def new_key() -> ec.EllipticCurvePrivateKey:
    """Return a fresh P-256 key."""
    return ec.generate_private_key(ec.SECP256R1())


def key_pem(key: ec.EllipticCurvePrivateKey) -> str:
    """Return a private key in PEM."""
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


def private_key(pem: str) -> ec.EllipticCurvePrivateKey:
    """Return the private key in a PEM; ``ValueError`` where it is none of P-256."""
    key = load_pem_private_key(pem.encode(), password=None)
    if not isinstance(key, ec.EllipticCurvePrivateKey) or not isinstance(key.curve, ec.SECP256R1):
        raise ValueError("it is no private key of the curve P-256")  # noqa: TRY004 - of a wrong text
    return key


def public_der(key: ec.EllipticCurvePublicKey) -> bytes:
    """Return a public key as its fingerprint is made from it."""
    return key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def new_request(key: ec.EllipticCurvePrivateKey, name: str = "new") -> str:
    """Return a signing request for a key, in PEM; the name that it asks for counts for nothing."""
    asked = x509.CertificateSigningRequestBuilder().subject_name(_named(name))
    return asked.sign(key, SHA256).public_bytes(Encoding.PEM).decode()


def requested_key(request_pem: str) -> ec.EllipticCurvePublicKey:
    """Return the key of a signing request that was signed by it.

    Raises
    ------
    RequestError
        It is no such request, not of a P-256 key, or not signed by that key.
    """
    try:
        asked = x509.load_pem_x509_csr(request_pem.encode())
        key = asked.public_key()
        signed = asked.is_signature_valid
    except (ValueError, TypeError, UnicodeError) as error:
        raise RequestError("it is no PKCS #10 request in PEM") from error
    if not isinstance(key, ec.EllipticCurvePublicKey) or not isinstance(key.curve, ec.SECP256R1):
        raise RequestError("its key is not of the curve P-256")
    if not signed:
        raise RequestError("it is not signed by its own key")
    return key


def new_authority(name: str, at: datetime) -> Authority:
    """Return a new authority, valid for ten years."""
    key = new_key()
    built = (
        x509.CertificateBuilder()
        .subject_name(_named(name))
        .issuer_name(_named(name))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(at - BACKDATED)
        .not_valid_after(at + AUTHORITY_LIFE)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(signs_certificates=True), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )
    return Authority(built.sign(key, SHA256).public_bytes(Encoding.PEM).decode(), key_pem(key))


def issue_to_client(authority: Authority, key: ec.EllipticCurvePublicKey, name: str, at: datetime) -> Issued:
    """Return a certificate by which a device, or a service, shows brokers that it is ``name``."""
    return _issue(authority, key, name, at, DEVICE_LIFE, ExtendedKeyUsageOID.CLIENT_AUTH, ())


def issue_to_server(authority: Authority, key: ec.EllipticCurvePublicKey, hosts: Iterable[str], at: datetime) -> Issued:
    """Return a certificate by which a server shows clients that it is one of ``hosts``: names or addresses."""
    wanted = tuple(dict.fromkeys(hosts))
    return _issue(authority, key, wanted[0], at, SERVICE_LIFE, ExtendedKeyUsageOID.SERVER_AUTH, wanted)


def revocation_list(authority: Authority, serials: Iterable[tuple[str, datetime]], at: datetime) -> str:
    """Return what an authority says of the certificates that it takes back, in PEM; an empty list too is said."""
    certificate = authority.certificate
    built = x509.CertificateRevocationListBuilder(
        issuer_name=certificate.subject, last_update=at, next_update=at + LIST_LIFE
    ).add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(authority.key.public_key()), critical=False)
    for serial, since in serials:
        revoked = x509.RevokedCertificateBuilder().serial_number(int(serial, 16)).revocation_date(since).build()
        built = built.add_revoked_certificate(revoked)
    return built.sign(authority.key, SHA256).public_bytes(Encoding.PEM).decode()


def is_signed(public_key_der: bytes, signed: bytes, signature: bytes) -> bool:
    """Return whether ``signature``, R and S of 32 bytes each (RFC 9421, 3.3.4), is the key's."""
    key = load_der_public_key(public_key_der)
    if not isinstance(key, ec.EllipticCurvePublicKey):
        return False
    numbers = int.from_bytes(signature[:32]), int.from_bytes(signature[32:])
    try:
        key.verify(encode_dss_signature(*numbers), signed, ec.ECDSA(SHA256))
    except InvalidSignature:
        return False
    return True


def _issue(
    authority: Authority,
    key: ec.EllipticCurvePublicKey,
    name: str,
    at: datetime,
    life: timedelta,
    use: x509.ObjectIdentifier,
    hosts: tuple[str, ...],
) -> Issued:
    serial, expires_at = x509.random_serial_number(), at + life
    built = (
        x509.CertificateBuilder()
        .subject_name(_named(name))
        .issuer_name(authority.certificate.subject)
        .public_key(key)
        .serial_number(serial)
        .not_valid_before(at - BACKDATED)
        .not_valid_after(expires_at)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(signs_certificates=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([use]), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(authority.key.public_key()),
            critical=False,
        )
    )
    if hosts:
        built = built.add_extension(x509.SubjectAlternativeName([_host(host) for host in hosts]), critical=False)
    pem = built.sign(authority.key, SHA256).public_bytes(Encoding.PEM).decode()
    return Issued(pem, f"{serial:x}", at, expires_at)


def _named(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name[:64])])


def _host(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)


def _usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        encipher_only=False,
        decipher_only=False,
    )

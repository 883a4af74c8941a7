"""Who signed a request: the one way in for devices over HTTP."""

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from contract import signing
from contract.errors import Rejected, Revoked, Unavailable
from server.devices.models import DeviceCertificate, DeviceRow
from server.kit import certificates
from server.kit.identity import Sender
from server.kit.nonces import Nonces


def authenticate(
    session: Session, method: str, target: str, body: bytes, fields: Mapping[str, str], nonces: Nonces, *, at: datetime
) -> Sender:
    """Return whom the signer of a request speaks for; nothing of the request was looked at before.

    Raises
    ------
    Rejected
        ``request_unsigned``; ``not_enrolled``, for an unknown key and a wrong signature alike; ``request_repeated``.
    Unavailable
        ``clock_off``, with the server's time: sign again by it. ``certificate_expired``: renew it first.
    Revoked
        ``device_revoked``.
    """
    sender, expires_at = signer(session, method, target, body, fields, nonces, at=at)
    if at >= expires_at:
        raise Unavailable("certificate_expired")
    return sender


def signer(
    session: Session, method: str, target: str, body: bytes, fields: Mapping[str, str], nonces: Nonces, *, at: datetime
) -> tuple[Sender, datetime]:
    """Return whom the signer speaks for, and when the last certificate of its key ends, which may be over."""
    if "signature-input" not in fields:
        raise Rejected("not_enrolled")
    try:
        said = signing.read(method, target, body, fields)
    except signing.UnsignedError as error:
        raise Rejected("request_unsigned", why=str(error)) from error
    query = (
        select(DeviceCertificate, DeviceRow)
        .join(DeviceRow, DeviceRow.id == DeviceCertificate.device)
        .where(DeviceCertificate.key == said.key)
        .order_by(DeviceCertificate.expires_at.desc())
        .limit(1)
    )
    found = session.execute(query).one_or_none()
    if found is None or not certificates.is_signed(found[0].public_key, said.base, said.signature):
        raise Rejected("not_enrolled")
    certificate, device = found
    if device.revoked_at is not None:
        raise Revoked("device_revoked")
    if abs(at.timestamp() - said.created_s) > signing.TOLERATED_S:
        raise Unavailable("clock_off", server_s=int(at.timestamp()))
    if not nonces.take(said.key, said.nonce):
        raise Rejected("request_repeated")
    return Sender(device.id, device.retailer), certificate.expires_at

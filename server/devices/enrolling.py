"""How a terminal becomes a device. Nothing here commits.

It shows a code and the request for its key, a person compares fingerprints, and it is issued a certificate; later the
next one.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from cryptography.hazmat.primitives.asymmetric import ec
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from contract.device_api import Enrol
from contract.errors import Rejected, Revoked
from contract.signing import fingerprint
from server.devices import authority, rules
from server.devices.models import DeviceCertificate, DeviceRow, Enrolment, EnrolmentCode
from server.kit import audit, certificates
from server.kit.identity import Actor, Operator

IDENTITIES_CHANNEL = "evenhand_identities"


@dataclass(frozen=True)
class Waiting:
    """A terminal that waits for a person to compare its fingerprint."""

    key: str
    retailer: str
    model: str
    version: str
    asked_at: datetime
    expires_at: datetime


def ask(session: Session, asked: Enrol, *, at: datetime) -> Enrolment:
    """Take a terminal's request, or say again how it stands: the same code and key may ask as often as they want.

    Raises
    ------
    Rejected
        ``csr_invalid``, ``code_unknown``, ``code_expired`` or ``code_used``.
    """
    digest = rules.code_digest(asked.code)
    code = session.get(EnrolmentCode, digest, with_for_update=True)
    if code is None:
        raise Rejected("code_unknown")
    key = fingerprint(certificates.public_der(requested_key(asked.csr)))
    known = session.get(Enrolment, key)
    if known is not None and known.code_sha256 == digest:
        return known
    if code.used_at is not None:
        raise Rejected("code_used")
    if at >= code.expires_at:
        raise Rejected("code_expired", at=code.expires_at.isoformat())
    if known is not None or session.scalar(select(DeviceCertificate.serial).where(DeviceCertificate.key == key)):
        raise Rejected("csr_invalid", why="its key asked before, with another code; make a new one")
    code.used_at = at
    row = Enrolment(
        key=key,
        retailer=code.retailer,
        code_sha256=digest,
        request=asked.csr,
        model=asked.model,
        version=asked.version,
        machine=asked.machine or None,
        asked_at=at,
        expires_at=at + rules.WAITING_TTL,
        reason="",
    )
    session.add(row)
    session.flush()
    audit.record(
        session,
        actor=Actor("device", key[:16]),
        action="device.enrolment_asked",
        subject=f"retailer:{row.retailer}",
        at=at,
        detail={"fingerprint": key, "model": row.model, "version": row.version},
    )
    return row


def requested_key(request_pem: str) -> ec.EllipticCurvePublicKey:
    """Return the key of a signing request; ``csr_invalid`` where there is none."""
    try:
        return certificates.requested_key(request_pem)
    except certificates.RequestError as error:
        raise Rejected("csr_invalid", why=str(error)) from error


def waiting(session: Session, at: datetime, *, after: str | None = None, limit: int) -> list[Waiting]:
    """Return terminals that wait for a decision, by their fingerprints, those after one."""
    query = select(Enrolment).where(Enrolment.confirmed.is_(None), Enrolment.expires_at > at)
    if after is not None:
        query = query.where(Enrolment.key > after)
    return [_waiting(row) for row in session.scalars(query.order_by(Enrolment.key).limit(limit))]


def waiting_longest(session: Session, at: datetime, *, limit: int) -> list[Waiting]:
    """Return the terminals that wait longest for a decision."""
    query = select(Enrolment).where(Enrolment.confirmed.is_(None), Enrolment.expires_at > at)
    return [_waiting(row) for row in session.scalars(query.order_by(Enrolment.asked_at, Enrolment.key).limit(limit))]


def _waiting(row: Enrolment) -> Waiting:
    return Waiting(row.key, row.retailer, row.model, row.version, row.asked_at, row.expires_at)


def count_waiting(session: Session, at: datetime) -> int:
    """Return how many terminals wait for a decision."""
    query = select(func.count()).select_from(Enrolment)
    return session.scalar(query.where(Enrolment.confirmed.is_(None), Enrolment.expires_at > at)) or 0


def confirm(session: Session, keys: Sequence[str], operator: Operator, *, at: datetime) -> list[DeviceRow]:
    """Make devices of the terminals with these fingerprints, which a person compared; in the order of ``keys``.

    Who is confirmed already stays as it is.

    Raises
    ------
    Rejected
        ``enrolment_unknown``, ``enrolment_refused`` or ``enrolment_over`` for the first that cannot be; then none is.
    """
    devices: dict[str, DeviceRow] = {}
    fresh: list[tuple[DeviceRow, str]] = []
    for key in dict.fromkeys(sorted(keys)):
        row = _to_decide(session, key, at)
        if row.confirmed:
            devices[key] = session.get_one(DeviceRow, row.device)
            continue
        device = DeviceRow(
            id=rules.new_device_id(), retailer=row.retailer, model=row.model, machine=row.machine, enrolled_at=at
        )
        session.add(device)
        row.confirmed, row.decided_at, row.decided_by, row.device = True, at, operator.name, device.id
        devices[key] = device
        fresh.append((device, key))
        session.flush()
        authority.issue_to_device(session, device.id, requested_key(row.request), at=at)
        code = session.get_one(EnrolmentCode, row.code_sha256)
        code.device = device.id
    for device, key in fresh:
        audit.record(
            session,
            actor=operator.actor,
            action="device.enrolled",
            subject=f"retailer:{device.retailer}",
            at=at,
            detail={"device": device.id, "model": device.model, "fingerprint": key},
        )
    session.flush()
    session.execute(select(func.pg_notify(IDENTITIES_CHANNEL, "enrolled")))
    return [devices[key] for key in keys]


def refuse(session: Session, key: str, reason: str, operator: Operator, *, at: datetime) -> None:
    """Turn a waiting terminal away, with a reason that it shows.

    Raises
    ------
    Rejected
        ``enrolment_unknown`` or ``enrolment_over``.
    """
    row = _to_decide(session, key, at)
    if row.confirmed:
        raise Rejected("enrolment_unknown", fingerprint=key)
    row.confirmed, row.decided_at, row.decided_by, row.reason = False, at, operator.name, reason
    audit.record(
        session,
        actor=operator.actor,
        action="device.enrolment_refused",
        subject=f"retailer:{row.retailer}",
        at=at,
        detail={"fingerprint": key, "reason": reason},
    )
    session.flush()


def _to_decide(session: Session, key: str, at: datetime) -> Enrolment:
    row = session.get(Enrolment, key, with_for_update=True)
    if row is None:
        raise Rejected("enrolment_unknown", fingerprint=key)
    if row.confirmed is False:
        raise Rejected("enrolment_refused", reason=row.reason)
    if row.confirmed is None and at >= row.expires_at:
        raise Rejected("enrolment_over", fingerprint=key)
    return row


def renew(session: Session, device: str, request_pem: str, *, at: datetime) -> DeviceCertificate:
    """Issue the next certificate to a device, for the key that it has or a new one; the earlier one stays valid.

    Raises
    ------
    Rejected
        ``csr_invalid``.
    Revoked
        ``device_revoked``, also where that happened while the request was on its way.
    """
    if session.get_one(DeviceRow, device, with_for_update=True, populate_existing=True).revoked_at is not None:
        raise Revoked("device_revoked")
    row = authority.issue_to_device(session, device, requested_key(request_pem), at=at)
    audit.record(
        session,
        actor=Actor("device", device),
        action="device.certificate_renewed",
        subject=f"device:{device}",
        at=at,
        detail={"fingerprint": row.key, "serial": row.serial},
    )
    return row


def newest_certificate(session: Session, device: str) -> DeviceCertificate | None:
    """Return the certificate that was issued to a device last."""
    query = select(DeviceCertificate).where(DeviceCertificate.device == device)
    return session.scalar(query.order_by(DeviceCertificate.issued_at.desc(), DeviceCertificate.serial).limit(1))

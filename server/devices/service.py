"""What can be done with devices. Nothing here commits."""

import secrets
from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from contract.device_api import Enrol
from contract.errors import Rejected, Revoked
from contract.messages import PullFeed, ReportStatus
from server.devices import rules
from server.devices.models import DevicePresence, DeviceRow, EnrolmentCode
from server.kit import audit, outbox
from server.kit.broker import password_hash
from server.kit.identity import Actor, Operator, Sender
from server.kit.inbox import Accepted, Arrival
from server.retailers import queries as retailers

IDENTITIES_CHANNEL = "evenhand_identities"


def issue_codes(
    session: Session, codes_for: Sequence[str], operator: Operator, *, at: datetime
) -> list[tuple[str, str]]:
    """Return (retailer, code) for each retailer in ``codes_for``; the codes are kept as hashes alone.

    Raises
    ------
    Rejected
        ``not_found``, naming the first retailer that is unknown; then no code is issued.
    """
    known = retailers.retailers(session, codes_for)
    issued: list[tuple[str, str]] = []
    for retailer in codes_for:
        if retailer not in known:
            raise Rejected("not_found", what="retailer", name=retailer)
        code = rules.new_code()
        session.add(
            EnrolmentCode(
                code_sha256=rules.code_digest(code),
                retailer=retailer,
                created_by=operator.name,
                created_at=at,
                expires_at=at + rules.CODE_TTL,
            )
        )
        issued.append((retailer, code))
    audit.record(
        session,
        actor=operator.actor,
        action="device.codes_issued",
        subject=f"retailer:{codes_for[0]}" if len(codes_for) == 1 else "retailers",
        at=at,
        detail={"retailers": list(codes_for)},
    )
    session.flush()
    return issued


def enrol(session: Session, enrolment: Enrol, *, at: datetime) -> tuple[DeviceRow, str]:
    """Turn a one-use code into a device; return it and its secret, which is kept nowhere else.

    Raises
    ------
    Rejected
        ``code_unknown``, ``code_expired`` or ``code_used``.
    """
    code = session.get(EnrolmentCode, rules.code_digest(enrolment.code), with_for_update=True)
    if code is None:
        raise Rejected("code_unknown")
    if code.used_at is not None:
        raise Rejected("code_used")
    if at >= code.expires_at:
        raise Rejected("code_expired", at=code.expires_at.isoformat())
    secret = secrets.token_urlsafe(32)
    device = DeviceRow(
        id=rules.new_device_id(),
        retailer=code.retailer,
        secret_sha256=rules.secret_digest(secret),
        broker_hash=password_hash(secret),
        model=enrolment.model,
        machine=enrolment.machine or None,
        enrolled_at=at,
    )
    code.used_at = at
    code.device = device.id
    session.add(device)
    session.flush()
    audit.record(
        session,
        actor=Actor("device", device.id),
        action="device.enrolled",
        subject=f"retailer:{device.retailer}",
        at=at,
        detail={"device": device.id, "model": enrolment.model, "version": enrolment.version},
    )
    session.execute(select(func.pg_notify(IDENTITIES_CHANNEL, device.id)))
    return device, secret


def revoke(session: Session, device_id: str, reason: str, operator: Operator, *, at: datetime) -> None:
    """Shut a device out of HTTP at once, and of the broker as soon as its keeper is told."""
    device = session.get(DeviceRow, device_id, with_for_update=True)
    if device is None:
        raise Rejected("not_found", what="device", name=device_id)
    if device.revoked_at is not None:
        return
    device.revoked_at = at
    device.revoked_reason = reason
    audit.record(
        session,
        actor=operator.actor,
        action="device.revoked",
        subject=f"device:{device_id}",
        at=at,
        detail={"retailer": device.retailer, "reason": reason},
    )
    session.execute(select(func.pg_notify(IDENTITIES_CHANNEL, device_id)))


def authenticate(session: Session, device_id: str, secret: str) -> Sender:
    """Return whom a device speaks for.

    Raises
    ------
    Rejected
        ``not_enrolled``, for an unknown id and for a wrong secret alike.
    Revoked
        ``device_revoked``.
    """
    device = session.get(DeviceRow, device_id)
    given = rules.secret_digest(secret)
    if device is None or not secrets.compare_digest(device.secret_sha256, given):
        raise Rejected("not_enrolled")
    if device.revoked_at is not None:
        raise Revoked("device_revoked")
    return Sender(device.id, device.retailer)


def pull_feed(session: Session, pull: PullFeed, arrival: Arrival) -> Accepted | None:
    """Let the relay send the retailer's feed again from a cursor."""
    outbox.resend(session, arrival.sender.party, after=pull.after)
    return None


def report_status(session: Session, status: ReportStatus, arrival: Arrival) -> Accepted | None:
    """Write down what a device says of itself."""
    values = {
        "last_seen_at": arrival.at,
        "version": status.version,
        "queue_length": status.queue_length,
        "language": status.language,
        "clock_offset_ms": status.clock_offset_ms,
        "feed_seq": status.feed_seq,
    }
    session.execute(
        insert(DevicePresence)
        .values(device=arrival.sender.device, **values)
        .on_conflict_do_update(index_elements=["device"], set_=values)
    )
    return None

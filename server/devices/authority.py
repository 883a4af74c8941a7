"""The fleet's authority: who is believed, what it issues, what it took back. Nothing here commits.

Private keys stand in the database sealed, so that a backup has them, every web process is the same authority, and a
dump alone is none.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from cryptography.hazmat.primitives.asymmetric import ec
from sqlalchemy import Select, func, select, text
from sqlalchemy.orm import Session

from contract.device_api import Certified
from contract.errors import Conflict, Rejected
from contract.signing import fingerprint
from server.devices.models import DeviceCertificate, DeviceRow, FleetAuthority
from server.kit import audit, certificates, sealing
from server.kit.certificates import Authority, Issued
from server.kit.identity import Actor

NAME: Final = "Evenhand fleet {number}"
ACTOR: Final = Actor("system", "fleet authority")


@dataclass(frozen=True)
class Standing:
    """An authority that is believed, and how many live devices have no certificate but its."""

    number: int
    made_at: datetime
    devices: int


def issuing(session: Session, at: datetime) -> tuple[int, Authority]:
    """Return the authority that issues to devices, by number; the first call makes the first one."""
    row = session.scalar(_believed().order_by(FleetAuthority.number.desc()).limit(1))
    return _opened(session, row or _make(session, at))


def trusted_pem(session: Session) -> str:
    """Return the certificates of all authorities that are believed, in PEM, the newest first."""
    query = select(FleetAuthority.certificate).where(FleetAuthority.retired_at.is_(None))
    return "".join(session.scalars(query.order_by(FleetAuthority.number.desc())))


def issue_to_device(
    session: Session, device: str, key: ec.EllipticCurvePublicKey, *, at: datetime
) -> DeviceCertificate:
    """Issue a certificate to a device and keep it.

    Raises
    ------
    Rejected
        ``csr_invalid`` where the key is another device's.
    """
    der = certificates.public_der(key)
    name = fingerprint(der)
    others = select(DeviceCertificate.device).where(DeviceCertificate.key == name, DeviceCertificate.device != device)
    if session.scalar(others.limit(1)) is not None:
        raise Rejected("csr_invalid", why="its key is another terminal's; each makes its own")
    number, authority = issuing(session, at)
    issued = certificates.issue_to_client(authority, key, device, at)
    row = DeviceCertificate(
        serial=issued.serial,
        device=device,
        authority=number,
        key=name,
        public_key=der,
        certificate=issued.pem,
        issued_at=at,
        expires_at=issued.expires_at,
    )
    session.add(row)
    session.flush()
    return row


def certified(session: Session, row: DeviceCertificate, *, at: datetime) -> Certified:
    """Return what a device needs of its certificate; one of an authority before the newest is to be renewed now."""
    newest, _ = issuing(session, at)
    usual = certificates.renew_at(row.issued_at, row.expires_at)
    return Certified(
        certificate=row.certificate,
        authorities=trusted_pem(session),
        expires_at=row.expires_at,
        renew_at=usual if row.authority == newest else min(usual, at),
    )


def issue_to_broker(
    session: Session, key: ec.EllipticCurvePublicKey, hosts: Collection[str], *, at: datetime
) -> Issued:
    """Issue a certificate to a broker, by the oldest authority that is believed: all terminals know that one."""
    issuing(session, at)
    row = session.scalars(_believed().order_by(FleetAuthority.number).limit(1)).one()
    _, authority = _opened(session, row)
    return certificates.issue_to_server(authority, key, hosts, at)


def revocations_pem(session: Session, *, at: datetime) -> str:
    """Return the lists of revoked certificates, one of each authority that is believed, in PEM.

    A revoked terminal's are all on them, whatever was noted of each.
    """
    issuing(session, at)
    lists: list[str] = []
    since = func.coalesce(DeviceCertificate.revoked_at, DeviceRow.revoked_at)
    for row in session.scalars(_believed().order_by(FleetAuthority.number)):
        number, authority = _opened(session, row)
        query = (
            select(DeviceCertificate.serial, since)
            .join(DeviceRow, DeviceRow.id == DeviceCertificate.device)
            .where(DeviceCertificate.authority == number, since.is_not(None))
            .where(DeviceCertificate.expires_at > at)
            .order_by(DeviceCertificate.serial)
        )
        taken_back = [(serial, revoked_at) for serial, revoked_at in session.execute(query)]
        lists.append(certificates.revocation_list(authority, taken_back, at))
    return "".join(lists)


def revoke_all(session: Session, devices: Iterable[str], *, at: datetime) -> None:
    """Take back every certificate of these devices."""
    query = select(DeviceCertificate).where(
        DeviceCertificate.device.in_(list(devices)), DeviceCertificate.revoked_at.is_(None)
    )
    for row in session.scalars(query.with_for_update()):
        row.revoked_at = at
    session.flush()


def standing(session: Session, at: datetime) -> list[Standing]:
    """Return the authorities that are believed, the newest first."""
    newest = (
        select(DeviceCertificate.device, func.max(DeviceCertificate.authority).label("authority"))
        .join(DeviceRow, DeviceRow.id == DeviceCertificate.device)
        .where(DeviceRow.revoked_at.is_(None), DeviceCertificate.expires_at > at)
        .group_by(DeviceCertificate.device)
        .subquery()
    )
    counted = select(newest.c.authority, func.count().label("live")).group_by(newest.c.authority)
    devices = {row.authority: row.live for row in session.execute(counted)}
    rows = session.scalars(_believed().order_by(FleetAuthority.number.desc()))
    return [Standing(row.number, row.made_at, devices.get(row.number, 0)) for row in rows]


def begin_rotation(session: Session, actor: Actor, *, at: datetime) -> int:
    """Make another authority, which issues from now on; the earlier one stays believed. Return its number.

    Raises
    ------
    Conflict
        ``authority_rotating`` where an earlier one is not retired yet.
    """
    issuing(session, at)
    if len(standing(session, at)) > 1:
        raise Conflict("authority_rotating")
    row = _make(session, at, actor)
    return row.number


def end_rotation(session: Session, actor: Actor, *, at: datetime, even_if_needed: bool = False) -> int:
    """Believe the oldest authority no longer; return its number.

    Raises
    ------
    Conflict
        ``authority_needed`` where it is the only one, or live devices have no other certificate.
    """
    known = standing(session, at)
    if len(known) == 1 or (known[-1].devices and not even_if_needed):
        raise Conflict("authority_needed", devices=known[-1].devices if known else 0)
    row = session.get_one(FleetAuthority, known[-1].number, with_for_update=True)
    row.retired_at = at
    session.flush()
    _record(session, actor, "fleet.authority_retired", row.number, at)
    return row.number


def _believed() -> Select[FleetAuthority]:
    return select(FleetAuthority).where(FleetAuthority.retired_at.is_(None))


def _make(session: Session, at: datetime, actor: Actor = ACTOR) -> FleetAuthority:
    """Make an authority; of two processes at once the second one finds what the first made."""
    session.execute(text("SELECT pg_advisory_xact_lock(hashtext('fleet_authorities'))"))
    number = (session.scalar(select(func.max(FleetAuthority.number))) or 0) + 1
    if actor is ACTOR and (found := session.scalar(_believed().limit(1))) is not None:
        return found
    made = certificates.new_authority(NAME.format(number=number), at)
    row = FleetAuthority(
        number=number,
        certificate=made.certificate_pem,
        sealed_key=sealing.of(session).seal(_purpose(number), made.key_pem),
        made_at=at,
    )
    session.add(row)
    session.flush()
    _record(session, actor, "fleet.authority_made", number, at)
    return row


def _record(session: Session, actor: Actor, action: str, number: int, at: datetime) -> None:
    audit.record(
        session, actor=actor, action=action, subject=f"fleet_authority:{number}", at=at, detail={"number": number}
    )


def _opened(session: Session, row: FleetAuthority) -> tuple[int, Authority]:
    return row.number, Authority(row.certificate, sealing.of(session).opened(_purpose(row.number), row.sealed_key))


def _purpose(number: int) -> str:
    return f"fleet authority {number}"

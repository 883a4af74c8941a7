"""Reads of devices."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from server.devices.models import DevicePresence, DeviceRow


@dataclass(frozen=True)
class Device:
    """One terminal with what it last said of itself."""

    id: str
    retailer: str
    model: str
    enrolled_at: datetime
    revoked_at: datetime | None
    revoked_reason: str | None
    last_seen_at: datetime | None
    version: str | None
    queue_length: int | None
    language: str | None
    clock_offset_ms: int | None


def devices(session: Session, *, retailer: str | None = None) -> list[Device]:
    """Return the terminals, of one retailer where named, the newest first."""
    query = (
        select(DeviceRow, DevicePresence)
        .outerjoin(DevicePresence, DevicePresence.device == DeviceRow.id)
        .order_by(DeviceRow.enrolled_at.desc(), DeviceRow.id)
    )
    if retailer is not None:
        query = query.where(DeviceRow.retailer == retailer)
    return [_device(row, presence) for row, presence in session.execute(query).tuples()]


def device(session: Session, device_id: str) -> Device | None:
    """Return one terminal, or none."""
    row = session.get(DeviceRow, device_id)
    return None if row is None else _device(row, session.get(DevicePresence, device_id))


def owners(session: Session, ids: Iterable[str]) -> dict[str, str]:
    """Return the retailer of each device that is not revoked; unknown and revoked ones are absent."""
    rows = session.execute(
        select(DeviceRow.id, DeviceRow.retailer).where(DeviceRow.id.in_(list(ids)), DeviceRow.revoked_at.is_(None))
    )
    return {row.id: row.retailer for row in rows}


def devices_of(session: Session, retailers: Iterable[str]) -> dict[str, list[str]]:
    """Return the ids of each retailer's devices that are not revoked."""
    rows = session.execute(
        select(DeviceRow.retailer, DeviceRow.id)
        .where(DeviceRow.retailer.in_(list(retailers)), DeviceRow.revoked_at.is_(None))
        .order_by(DeviceRow.retailer, DeviceRow.id)
    )
    found: dict[str, list[str]] = {}
    for row in rows:
        found.setdefault(row.retailer, []).append(row.id)
    return found


def broker_identities(session: Session) -> list[tuple[str, str]]:
    """Return (device id, broker's password hash) of every device that may connect."""
    rows = session.execute(
        select(DeviceRow.id, DeviceRow.broker_hash).where(DeviceRow.revoked_at.is_(None)).order_by(DeviceRow.id)
    )
    return [(row.id, row.broker_hash) for row in rows]


def _device(row: DeviceRow, presence: DevicePresence | None) -> Device:
    return Device(
        id=row.id,
        retailer=row.retailer,
        model=row.model,
        enrolled_at=row.enrolled_at,
        revoked_at=row.revoked_at,
        revoked_reason=row.revoked_reason,
        last_seen_at=presence.last_seen_at if presence else None,
        version=presence.version if presence else None,
        queue_length=presence.queue_length if presence else None,
        language=presence.language if presence else None,
        clock_offset_ms=presence.clock_offset_ms if presence else None,
    )

"""Reads of devices."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import ColumnElement, Select, and_, case, func, or_, select
from sqlalchemy.orm import Session

from server.devices import rules
from server.devices.models import DeviceCertificate, DevicePresence, DeviceRow
from server.retailers import queries as retailers_queries

State = Literal["online", "offline", "revoked"]
SORTS: dict[str, Any] = {
    "retailer": DeviceRow.retailer,
    "id": DeviceRow.id,
    "model": DeviceRow.model,
    "version": DevicePresence.version,
    "last_seen_at": DevicePresence.last_seen_at,
    "queue_length": DevicePresence.queue_length,
    "enrolled_at": DeviceRow.enrolled_at,
}


_FREE = 100.0 * DevicePresence.disk_free_mb / func.nullif(DevicePresence.disk_total_mb, 0)


@dataclass(frozen=True)
class Health:
    """How a terminal is, as it last told; what it did not tell is none. ``gone_how``: how its last connection ended."""

    reported_at: datetime | None
    connected_at: datetime | None
    gone_how: str | None
    oldest_queued_s: int | None
    disk_free_mb: int | None
    disk_total_mb: int | None
    temperature_c: float | None
    certificate_from: datetime | None
    certificate_until: datetime | None
    storage_errors: int | None
    printer: str | None
    scanner: str | None
    network: str | None
    system: str | None


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
    gone_at: datetime | None = None
    health: "Health | None" = None

    def state(self, now: datetime) -> State:
        """Return whether the terminal may speak, and was heard of lately."""
        if self.revoked_at is not None:
            return "revoked"
        return "online" if rules.is_online(self.last_seen_at, now, self.gone_at) else "offline"


@dataclass(frozen=True)
class Fleet:
    """All terminals in figures; ``queued`` messages wait on terminals that are not revoked."""

    online: int
    offline: int
    revoked: int
    queued: int


def fleet(session: Session, now: datetime) -> Fleet:
    """Return how many terminals are in which state."""
    states = [func.count().filter(_in_state(state, now)) for state in ("online", "offline", "revoked")]
    queued = func.sum(DevicePresence.queue_length).filter(DeviceRow.revoked_at.is_(None))
    counts = session.execute(
        select(states[0], states[1], states[2], func.coalesce(queued, 0))
        .select_from(DeviceRow)
        .outerjoin(DevicePresence, DevicePresence.device == DeviceRow.id)
    ).one()
    return Fleet(*(int(count) for count in counts))


def search(
    session: Session,
    now: datetime,
    *,
    text: str = "",
    retailers: Collection[str] = (),
    state: State | None = None,
    version: str | None = None,
    sort: str = "retailer",
    descending: bool = False,
    offset: int = 0,
    limit: int | None = 50,
) -> tuple[list[Device], int]:
    """Return a page of terminals and how many there are.

    ``text`` is looked for in id, retailer and model; terminals of ``retailers`` fit it too.
    """
    conditions: list[ColumnElement[bool]] = []
    if text:
        columns = (DeviceRow.id, DeviceRow.retailer, DeviceRow.model)
        conditions.append(
            or_(*(column.icontains(text, autoescape=True) for column in columns), DeviceRow.retailer.in_(retailers))
        )
    if state is not None:
        conditions.append(_in_state(state, now))
    if version is not None:
        conditions.append(DevicePresence.version == version)
    counted = select(func.count(DeviceRow.id)).outerjoin(DevicePresence, DevicePresence.device == DeviceRow.id)
    total = session.scalar(counted.where(*conditions)) or 0
    chosen = SORTS.get(sort, DeviceRow.retailer)
    rows = session.execute(
        select(DeviceRow, DevicePresence)
        .outerjoin(DevicePresence, DevicePresence.device == DeviceRow.id)
        .where(*conditions)
        .order_by(chosen.desc().nulls_last() if descending else chosen.asc().nulls_first(), DeviceRow.id)
        .offset(offset)
        .limit(limit)
    )
    return [_device(row, presence) for row, presence in rows], total


def silent_longest(session: Session, now: datetime, *, limit: int) -> list[Device]:
    """Return the terminals that are offline, those first that were never heard of, then the longest silent."""
    rows = session.execute(
        select(DeviceRow, DevicePresence)
        .outerjoin(DevicePresence, DevicePresence.device == DeviceRow.id)
        .where(_in_state("offline", now))
        .order_by(DevicePresence.last_seen_at.asc().nulls_first(), DeviceRow.id)
        .limit(limit)
    )
    return [_device(row, presence) for row, presence in rows]


def wide_query(now: datetime) -> Select[*tuple[Any, ...]]:
    """Select one row a terminal, who it is and what it last said of itself, for lists and groups of the fleet.

    ``state`` is as :meth:`Device.state` says; ``why`` says of one that is offline how that is known.
    """
    heard = DevicePresence.last_seen_at
    state = case((DeviceRow.revoked_at.is_not(None), "revoked"), (_in_state("online", now), "online"), else_="offline")
    why = case(
        (state != "offline", None),
        (heard.is_(None), "never"),
        (DevicePresence.gone_at < heard, "silent"),
        (DevicePresence.gone_how == "signed_off", "goodbye"),
        (DevicePresence.gone_how == "lost", "lost"),
        else_="silent",
    )
    held = (
        select(
            DeviceCertificate.device,
            func.max(DeviceCertificate.issued_at).label("begun"),
            func.max(DeviceCertificate.expires_at).label("ends"),
        )
        .where(DeviceCertificate.revoked_at.is_(None))
        .group_by(DeviceCertificate.device)
        .subquery()
    )
    return (
        select(
            DeviceRow.id.label("device"),
            DeviceRow.retailer,
            DeviceRow.model,
            DeviceRow.enrolled_at,
            DeviceRow.revoked_at,
            heard,
            DevicePresence.version,
            DevicePresence.queue_length,
            DevicePresence.clock_offset_ms,
            DevicePresence.connected_at,
            DevicePresence.gone_at,
            DevicePresence.oldest_queued_s,
            _FREE.label("disk_free_percent"),
            DevicePresence.temperature_c,
            DevicePresence.storage_errors,
            func.coalesce(DevicePresence.certificate_from, held.c.begun).label("certificate_from"),
            func.coalesce(DevicePresence.certificate_until, held.c.ends).label("certificate_until"),
            DevicePresence.reported_at,
            state.label("state"),
            why.label("why"),
        )
        .outerjoin(DevicePresence, DevicePresence.device == DeviceRow.id)
        .outerjoin(held, held.c.device == DeviceRow.id)
    )


def versions(session: Session) -> list[str]:
    """Return the versions that terminals run."""
    told = select(DevicePresence.version).where(DevicePresence.version.is_not(None)).distinct()
    return [version for version in session.scalars(told.order_by(DevicePresence.version)) if version is not None]


def by_version(session: Session) -> dict[str, int]:
    """Return how many terminals, of those that may speak, run each version; those that never told one are left out."""
    counted = (
        select(DevicePresence.version, func.count())
        .join(DeviceRow, DeviceRow.id == DevicePresence.device)
        .where(DeviceRow.revoked_at.is_(None))
        .group_by(DevicePresence.version)
    )
    return {version: count for version, count in session.execute(counted) if version is not None}


def online_query(now: datetime) -> Select[str]:
    """Select the retailers of which a terminal was heard lately."""
    return (
        select(DeviceRow.retailer)
        .outerjoin(DevicePresence, DevicePresence.device == DeviceRow.id)
        .where(_in_state("online", now))
    )


def served_query() -> Select[str]:
    """Select the retailers that have a terminal which is not revoked."""
    return select(DeviceRow.retailer).where(DeviceRow.revoked_at.is_(None))


def retailers_with_device(session: Session) -> frozenset[str]:
    """Return the retailers that have a terminal which is not revoked."""
    return frozenset(session.scalars(served_query().distinct()))


def devices(session: Session, *, retailer: str | None = None) -> list[Device]:
    """Return the terminals, of one retailer where named, the newest first."""
    query = (
        select(DeviceRow, DevicePresence)
        .outerjoin(DevicePresence, DevicePresence.device == DeviceRow.id)
        .order_by(DeviceRow.enrolled_at.desc(), DeviceRow.id)
    )
    if retailer is not None:
        query = query.where(DeviceRow.retailer == retailer)
    return [_device(row, presence) for row, presence in session.execute(query)]


def device(session: Session, device_id: str) -> Device | None:
    """Return one terminal, or none."""
    query = (
        select(DeviceRow, DevicePresence)
        .outerjoin(DevicePresence, DevicePresence.device == DeviceRow.id)
        .where(DeviceRow.id == device_id)
    )
    found = session.execute(query).one_or_none()
    return None if found is None else _device(*found)


def owners(session: Session, ids: Iterable[str]) -> dict[str, str]:
    """Return the retailer of each device that is not revoked; unknown and revoked ones are absent."""
    rows = session.execute(
        select(DeviceRow.id, DeviceRow.retailer).where(DeviceRow.id.in_(list(ids)), DeviceRow.revoked_at.is_(None))
    )
    return {row.id: row.retailer for row in rows}


def models(session: Session) -> list[str]:
    """Return the models that there are among the terminals that are not revoked."""
    query = select(DeviceRow.model).where(DeviceRow.revoked_at.is_(None)).distinct().order_by(DeviceRow.model)
    return list(session.scalars(query))


def identities(
    session: Session, *, versions: Collection[str] = (), models: Collection[str] = ()
) -> list[tuple[str, str]]:
    """Return (device, retailer) of the terminals that are not revoked, of some versions and models where named."""
    query = select(DeviceRow.id, DeviceRow.retailer).where(DeviceRow.revoked_at.is_(None)).order_by(DeviceRow.id)
    if versions:
        query = query.join(DevicePresence, DevicePresence.device == DeviceRow.id)
        query = query.where(DevicePresence.version.in_(versions))
    if models:
        query = query.where(DeviceRow.model.in_(models))
    return [(device, retailer) for device, retailer in session.execute(query)]


def machines(session: Session, ids: Iterable[str]) -> dict[str, str]:
    """Return the digests of the computers that the named devices run on, of those that told them."""
    query = select(DeviceRow.id, DeviceRow.machine).where(DeviceRow.id.in_(set(ids)), DeviceRow.machine.is_not(None))
    return {device: machine for device, machine in session.execute(query) if machine}


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


def broker_groups(session: Session) -> dict[str, str]:
    """Return the group of every device that may connect."""
    live = select(DeviceRow.id, DeviceRow.retailer).where(DeviceRow.revoked_at.is_(None))
    group = retailers_queries.groups(session)
    return {row.id: group[row.retailer] for row in session.execute(live)}


def revoked(session: Session) -> list[str]:
    """Return the devices that are revoked."""
    return list(session.scalars(select(DeviceRow.id).where(DeviceRow.revoked_at.is_not(None)).order_by(DeviceRow.id)))


def _in_state(state: str, now: datetime) -> ColumnElement[bool]:
    if state == "revoked":
        return DeviceRow.revoked_at.is_not(None)
    there = DevicePresence.gone_at.is_(None) | (DevicePresence.gone_at < DevicePresence.last_seen_at)
    heard = func.coalesce((DevicePresence.last_seen_at > now - rules.OFFLINE_AFTER) & there, False)
    return and_(DeviceRow.revoked_at.is_(None), heard if state == "online" else ~heard)


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
        gone_at=presence.gone_at if presence else None,
        health=None if presence is None else Health(*(getattr(presence, one.name) for one in fields(Health))),
    )

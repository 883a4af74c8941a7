"""Reads of the fleet's pages."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import ColumnElement, FromClause, Select, func, or_, select
from sqlalchemy.orm import Session

from server.devices.queries import State
from server.fleet import members, predicate
from server.fleet.models import DeviceTag

SORTS: Final = (
    "retailer",
    "id",
    "model",
    "version",
    "ring",
    "region",
    "route",
    "last_seen_at",
    "queue_length",
    "enrolled_at",
)


@dataclass(frozen=True)
class Row:
    """One terminal in a list; ``why`` says of one that is offline how that is known."""

    id: str
    retailer: str
    shop: str
    region: str
    route: str
    model: str
    version: str | None
    ring: str
    state: State
    why: str | None
    last_seen_at: datetime | None
    queue_length: int | None
    enrolled_at: datetime


@dataclass(frozen=True)
class Choices:
    """What a list can be narrowed to: what some terminal has."""

    versions: tuple[str, ...]
    models: tuple[str, ...]
    regions: tuple[str, ...]
    routes: tuple[str, ...]
    tags: tuple[str, ...]


def search(
    session: Session,
    *,
    at: datetime,
    text: str = "",
    conditions: Sequence[predicate.Condition] = (),
    within: Select[str] | None = None,
    sort: str = "retailer",
    descending: bool = False,
    offset: int = 0,
    limit: int | None = 50,
) -> tuple[list[Row], int]:
    """Return a page of terminals and how many there are; ``within`` selects the ids of a group.

    ``text`` is looked for in the terminal's id and model and in the shop's code and name.
    """
    fleet = members.fleet_query(at)
    fits = members.holds(conditions, fleet)
    if text:
        columns = (fleet.c.device, fleet.c.model, fleet.c.retailer, fleet.c.name)
        fits.append(or_(*(column.icontains(text, autoescape=True) for column in columns)))
    if within is not None:
        fits.append(fleet.c.device.in_(within))
    total = session.scalar(select(func.count()).select_from(fleet).where(*fits)) or 0
    chosen = _sorted_by(fleet, sort)
    order = chosen.desc().nulls_last() if descending else chosen.asc().nulls_first()
    rows = session.execute(
        select(fleet).where(*fits).order_by(order, fleet.c.device).offset(offset).limit(limit)
    ).mappings()
    return [_row(one) for one in rows], total


def row(session: Session, device: str, *, at: datetime) -> Row | None:
    """Return one terminal, or none."""
    fleet = members.fleet_query(at)
    found = session.execute(select(fleet).where(fleet.c.device == device)).mappings().one_or_none()
    return None if found is None else _row(found)


def choices(session: Session, *, at: datetime) -> Choices:
    """Return what the list can be narrowed to, in one query."""
    fleet = members.fleet_query(at)

    def every(column: ColumnElement[Any]) -> ColumnElement[Any]:
        return func.array_agg(column.distinct())

    of_fleet = select(
        every(fleet.c.version).label("versions"),
        every(fleet.c.model).label("models"),
        every(fleet.c.region).label("regions"),
        every(fleet.c.route).label("routes"),
    ).subquery()
    found = session.execute(
        select(of_fleet, select(func.array_agg(DeviceTag.tag.distinct())).scalar_subquery().label("tags"))
    ).one()
    return Choices(*(tuple(sorted(one for one in values or () if one)) for values in found))


def count(session: Session, conditions: Sequence[predicate.Condition], *, at: datetime) -> int:
    """Return how many terminals a predicate means."""
    return session.scalar(select(func.count()).select_from(members.devices_by(conditions, at=at).subquery())) or 0


def shares(session: Session, *, at: datetime) -> dict[tuple[str, str | None, str], int]:
    """Return how many terminals that are not revoked there are by ring, version and state."""
    fleet = members.fleet_query(at)
    by = (fleet.c.ring, fleet.c.version, fleet.c.state)
    query = select(*by, func.count()).where(fleet.c.state != "revoked").group_by(*by)
    return {(ring, version, state): count for ring, version, state, count in session.execute(query)}


def members_after(session: Session, chosen: Select[str], *, after: str | None, limit: int) -> list[str]:
    """Return ids that a query selects, in their order, after one."""
    ids = chosen.subquery()
    (device,) = ids.c
    query = select(device).order_by(device.collate("C")).limit(limit)
    return list(session.scalars(query if after is None else query.where(device.collate("C") > after)))


def _sorted_by(fleet: FromClause, sort: str) -> ColumnElement[Any]:
    if sort == "version":
        return members.version_numbers(fleet.c.version)
    return fleet.c[{"id": "device"}.get(sort, sort) if sort in SORTS else "retailer"]


def _row(found: Any) -> Row:
    return Row(
        id=found["device"],
        retailer=found["retailer"],
        shop=found["name"],
        region=found["region"],
        route=found["route"],
        model=found["model"],
        version=found["version"],
        ring=found["ring"],
        state=found["state"],
        why=found["why"],
        last_seen_at=found["last_seen_at"],
        queue_length=found["queue_length"],
        enrolled_at=found["enrolled_at"],
    )

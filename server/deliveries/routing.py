"""Dispatch lists: what a vehicle loads, where it stops, what it hands over at each stop. Nothing here commits."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import ARRAY, Date, String, any_, func, literal, select
from sqlalchemy import cast as cast_to
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.orm import Session

from contract.errors import Rejected
from server.deliveries import queries
from server.deliveries.models import DeliveryRow, RouteStop
from server.kit import audit
from server.kit.identity import Operator
from server.retailers import queries as retailers

_LEFT = func.coalesce(DeliveryRow.shipped_at, DeliveryRow.dispatched_at)


@dataclass(frozen=True)
class Load:
    """What a vehicle takes of one SKU, and for how many stops."""

    sku: str
    units: int
    stops: int


@dataclass(frozen=True)
class Stop:
    """One shop on the way; its deliveries by number, those held back among them."""

    number: int
    retailer: str
    deliveries: tuple[queries.Delivery, ...]


@dataclass(frozen=True)
class RouteList:
    """What goes on one route: the stops in order, and what is loaded for them. What is held back is not loaded."""

    route: str
    stops: tuple[Stop, ...]
    load: tuple[Load, ...]

    @property
    def units(self) -> int:
        """All units that are loaded."""
        return sum(one.units for one in self.load)


def days(session: Session, cycle: UUID, zone: ZoneInfo) -> list[date]:
    """Return the days, in ``zone``, on which goods of the cycle left, or were held back."""
    day = cast_to(func.timezone(zone.key, _LEFT), Date)
    return list(session.scalars(select(day).where(DeliveryRow.cycle == cycle).distinct().order_by(day)))


def lists(
    session: Session, cycle: UUID, zone: ZoneInfo, *, route: str = "", day: date | None = None
) -> list[RouteList]:
    """Return the lists of a cycle by route, of one route and one day in ``zone`` where they are named."""
    query = select(DeliveryRow.id).where(DeliveryRow.cycle == cycle)
    if route:
        query = query.where(DeliveryRow.route == route)
    if day is not None:
        query = query.where(cast_to(func.timezone(zone.key, _LEFT), Date) == day)
    found = queries.deliveries_by_id(session, session.scalars(query).all())
    places = stop_places(session, {one.retailer for one in found})
    by_route: dict[str, dict[str, list[queries.Delivery]]] = {}
    for one in found:
        by_route.setdefault(one.route, {}).setdefault(one.retailer, []).append(one)
    return [_list(name, by_route[name], places) for name in sorted(by_route, key=str.encode)]


def stop_places(session: Session, codes: Collection[str]) -> dict[str, int]:
    """Return where shops stand on their route's way; those that nobody placed are absent."""
    query = select(RouteStop).where(RouteStop.retailer == any_(literal(list(codes), ARRAY(String))))
    return {row.retailer: row.place for row in session.scalars(query)}


def order_stops(session: Session, route: str, codes: Sequence[str], operator: Operator, *, at: datetime) -> None:
    """Put the shops ``codes`` of a route into this order, from 1.

    Raises
    ------
    Rejected
        ``not_found``, naming a shop that is not there.
    """
    places = {code: place for place, code in enumerate(dict.fromkeys(codes), start=1)}
    for code in sorted(places.keys() - retailers.known(session, places.keys())):
        raise Rejected("not_found", what="retailer", name=code)
    if not places:
        return
    statement = upsert(RouteStop).values([{"retailer": code, "place": place} for code, place in sorted(places.items())])
    statement = statement.on_conflict_do_update(index_elements=["retailer"], set_={"place": statement.excluded.place})
    session.execute(statement)
    audit.record(
        session,
        actor=operator.actor,
        action="route.ordered",
        subject=f"route:{route}",
        at=at,
        detail={"stops": len(places)},
    )


def _list(route: str, shops: dict[str, list[queries.Delivery]], places: dict[str, int]) -> RouteList:
    order = sorted(shops, key=lambda code: (places.get(code, len(places) + 2**31), code.encode()))
    stops = tuple(Stop(number, code, tuple(shops[code])) for number, code in enumerate(order, start=1))
    units: dict[str, int] = {}
    wanted: dict[str, set[str]] = {}
    for stop in stops:
        for line in (line for one in stop.deliveries if one.state != "held" for line in one.lines):
            units[line.sku] = units.get(line.sku, 0) + line.shipped_units
            wanted.setdefault(line.sku, set()).add(stop.retailer)
    load = tuple(Load(sku, units[sku], len(wanted[sku])) for sku in sorted(units, key=str.encode))
    return RouteList(route, stops, load)

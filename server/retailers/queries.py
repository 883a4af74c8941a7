"""Reads of retailers."""

import hashlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Literal, cast
from uuid import UUID

from sqlalchemy import (
    ARRAY,
    ColumnElement,
    Date,
    Select,
    String,
    Uuid,
    and_,
    any_,
    column,
    func,
    literal,
    or_,
    select,
)
from sqlalchemy.dialects.postgresql import aggregate_order_by
from sqlalchemy.orm import Session

from contract.topics import EVERYONE, group_of
from server.kit.changing import digest
from server.retailers.models import NoteRow, RetailerLimit, RetailerRow
from server.retailers.rules import Audience

Standing = Literal["good", "suspended"]
CODE: ColumnElement[str] = RetailerRow.code.expression
SORTS = ("code", "name", "city", "region", "route", "tier", "weight", "credit_minor", "standing")


@dataclass(frozen=True)
class Retailer:
    """One shop as others see it."""

    code: str
    name: str
    address: str
    city: str
    region: str
    route: str
    market_type: str
    tier: int
    weight: int
    credit_minor: int | None
    standing: Standing
    standing_reason: str | None
    closed_on: date | None = None
    closed_why: str | None = None
    closed_by: str | None = None
    latitude: float | None = None
    longitude: float | None = None

    @property
    def closing(self) -> str:
        """How the closing stands, as a short digest: whoever changes it says what it saw."""
        stands = repr((self.closed_on, self.closed_why, self.closed_by))
        return hashlib.sha256(stands.encode()).hexdigest()[:16]

    def closed(self, day: date) -> bool:
        """Return whether the shop is closed on a day; the day of closing is the first."""
        return self.closed_on is not None and self.closed_on <= day

    def on(self, day: date) -> "Retailer":
        """Return the shop as it stands on a day: suspended once it is closed, for the reason of the closing."""
        return replace(self, standing="suspended", standing_reason=self.closed_why) if self.closed(day) else self


@dataclass(frozen=True)
class Note:
    """What a person of the distributor noted of a shop; ``earlier`` are the versions that it corrects, newest first."""

    id: int
    words: str
    author: str
    at: datetime
    earlier: tuple["Note", ...] = ()


def retailer(session: Session, code: str) -> Retailer | None:
    """Return one shop, or none."""
    row = session.get(RetailerRow, code)
    return None if row is None else view(row)


def retailers(session: Session, wanted: Collection[str] | None = None) -> dict[str, Retailer]:
    """Return the shops, all or the ``wanted`` ones, by code."""
    query = select(RetailerRow).order_by(RetailerRow.code.collate("C"))
    if wanted is not None:
        query = query.where(RetailerRow.code == any_(literal(list(wanted), ARRAY(String))))
    return {row.code: view(row) for row in session.scalars(query)}


def names(session: Session, wanted: Collection[str] | None = None) -> dict[str, str]:
    """Return what shops are called, all or the ``wanted`` ones, by code."""
    query = select(RetailerRow.code, RetailerRow.name)
    if wanted is not None:
        query = query.where(RetailerRow.code == any_(literal(list(wanted), ARRAY(String))))
    return dict(session.execute(query).all())


def known(session: Session, wanted: Collection[str]) -> frozenset[str]:
    """Return those of the ``wanted`` codes that a shop has."""
    return frozenset(
        session.scalars(select(RetailerRow.code).where(RetailerRow.code == any_(literal(list(wanted), ARRAY(String)))))
    )


def count(session: Session, *fits: ColumnElement[bool]) -> int:
    """Return how many shops there are of which all of ``fits`` hold."""
    return session.scalar(select(func.count()).select_from(RetailerRow).where(*fits)) or 0


def search(
    session: Session,
    *,
    text: str = "",
    region: str | None = None,
    route: str | None = None,
    market_type: str | None = None,
    standing: str | None = None,
    fits: Sequence[ColumnElement[bool]] = (),
    sort: str = "code",
    descending: bool = False,
    offset: int = 0,
    after: str | None = None,
    limit: int | None = 50,
) -> tuple[list[Retailer], int]:
    """Return a page of shops and how many there are; ``text`` is looked for in code, name, city and address.

    ``fits`` are conditions on :data:`CODE`. In byte order of codes a page may begin ``after`` one; the count is of all.
    """
    chosen_shops = _wanted(text, region=region, route=route, market_type=market_type, standing=standing)
    query = select(RetailerRow).where(*fits, *chosen_shops)
    code = RetailerRow.code.collate("C")
    chosen = getattr(RetailerRow, sort) if sort in SORTS and sort != "code" else code
    order = chosen.desc().nulls_last() if descending else chosen.asc().nulls_last()
    shown = query if after is None else query.where(code > after)
    rows = session.scalars(shown.order_by(order, code).offset(offset).limit(limit))
    found = [view(row) for row in rows]
    if limit is None and not offset:
        return found, len(found)
    return found, session.scalar(select(func.count()).select_from(query.subquery())) or 0


@dataclass(frozen=True)
class Outlet:
    """What visits need to know of a shop; places are degrees, ``closed_on`` is the first day without it."""

    code: str
    tier: int
    market_type: str
    region: str
    route: str
    created_at: datetime
    latitude: float | None
    longitude: float | None
    closed_on: date | None


def outlets(session: Session, *, on: date, wanted: Collection[str] | None = None) -> list[Outlet]:
    """Return the shops that are not closed on a day, all or the ``wanted`` ones, in byte order of their codes."""
    row = RetailerRow
    query = select(
        row.code,
        row.tier,
        row.market_type,
        row.region,
        row.route,
        row.created_at,
        row.latitude,
        row.longitude,
        row.closed_on,
    ).where(or_(row.closed_on.is_(None), row.closed_on > on))
    if wanted is not None:
        query = query.where(row.code == any_(literal(list(wanted), ARRAY(String))))
    return [Outlet(*found) for found in session.execute(query.order_by(row.code.collate("C")))]


def closed_on(day: date) -> ColumnElement[bool]:
    """Return the condition that a shop is closed on a day."""
    return RetailerRow.closed_on <= day


def closed_codes(day: date) -> Select[str]:
    """Return the query of the codes of the shops that are closed on a day."""
    return select(RetailerRow.code).where(closed_on(day))


def shops_query(
    *, text: str = "", region: str | None = None, route: str | None = None, standing: str | None = None
) -> Select[str, str, str, str]:
    """Return code, name, region and route of the shops that :func:`search` finds, for lists of other capabilities."""
    return select(RetailerRow.code, RetailerRow.name, RetailerRow.region, RetailerRow.route).where(
        *_wanted(text, region=region, route=route, standing=standing)
    )


def codes_on_route(session: Session, route: str) -> list[str]:
    """Return the codes of the shops on ``route``, of all shops where it is ``*``."""
    query = select(RetailerRow.code).order_by(RetailerRow.code)
    if route != "*":
        query = query.where(RetailerRow.route == route)
    return list(session.scalars(query))


@dataclass(frozen=True)
class Round:
    """Shops that are waited for: on ``route`` (``*``: all) on the day ``on``, under an id of who asks."""

    id: UUID
    on: date
    route: str = "*"


def tally(
    session: Session, came: Select[UUID, str], rounds: Sequence[Round]
) -> dict[UUID, dict[tuple[str, str], tuple[int, int]]]:
    """Return for each round how many shops in good standing each (region, route) has, and how many of them came.

    ``came`` selects the ids of rounds and the codes of shops. Those that are closed on the day are not counted.
    """
    ids, days, routes = zip(*((one.id, one.on, one.route) for one in rounds), strict=True) if rounds else ((), (), ())
    asked = (
        func.unnest(literal(ids, ARRAY(Uuid)), literal(days, ARRAY(Date)), literal(routes, ARRAY(String)))
        .table_valued(column("id", Uuid), column("on_day", Date), column("asked_route", String), name="asked")
        .render_derived()
    )
    those = came.distinct().subquery()
    those_id, those_retailer = those.c
    query = (
        select(asked.c.id, RetailerRow.region, RetailerRow.route, func.count(), func.count(those_retailer))
        .select_from(asked)
        .join(RetailerRow, or_(asked.c.asked_route == "*", asked.c.asked_route == RetailerRow.route))
        .outerjoin(those, and_(those_id == asked.c.id, those_retailer == RetailerRow.code))
        .where(
            RetailerRow.standing == "good", or_(RetailerRow.closed_on.is_(None), RetailerRow.closed_on > asked.c.on_day)
        )
        .group_by(asked.c.id, RetailerRow.region, RetailerRow.route)
        .order_by(RetailerRow.region, RetailerRow.route)
    )
    counted: dict[UUID, dict[tuple[str, str], tuple[int, int]]] = {one.id: {} for one in rounds}
    for asked_id, region, route, due, those_came in session.execute(query):
        counted[asked_id][region, route] = (due, those_came)
    return counted


def by_region(session: Session, came: Select[str], routes: Collection[str]) -> dict[str, tuple[int, int]]:
    """Return how many shops on ``routes`` (``*``: all) each region has, and how many came; ``came`` selects those."""
    query = select(RetailerRow.region, func.count(), func.count().filter(RetailerRow.code.in_(came)))
    if "*" not in routes:
        query = query.where(RetailerRow.route.in_(routes))
    rows = session.execute(query.group_by(RetailerRow.region).order_by(RetailerRow.region.collate("C")))
    return {region: (due, those) for region, due, those in rows}


def codes_in(session: Session, audience: Audience) -> list[str]:
    """Return the codes of the shops in ``audience``."""
    rows = session.execute(
        select(RetailerRow.code, RetailerRow.region, RetailerRow.route, RetailerRow.tier).order_by(RetailerRow.code)
    )
    return [row.code for row in rows if audience.takes_in(row.region, row.route, row.tier)]


def codes_of_types(session: Session, types: Collection[str]) -> frozenset[str]:
    """Return the codes of the shops of these market types."""
    return frozenset(session.scalars(select(RetailerRow.code).where(RetailerRow.market_type.in_(types))))


def places_in(session: Session, audience: Audience) -> dict[str, tuple[str, int]]:
    """Return region and tier of the shops in ``audience``, by code."""
    rows = session.execute(select(RetailerRow.code, RetailerRow.region, RetailerRow.route, RetailerRow.tier))
    return {row.code: (row.region, row.tier) for row in rows if audience.takes_in(row.region, row.route, row.tier)}


def places_query() -> Select[str, str, str]:
    """Return code, region and class of every shop, for sums of other capabilities by these."""
    return select(RetailerRow.code, RetailerRow.region, RetailerRow.market_type)


def standing_query() -> Select[str, str, str, str, str, str, int, float | None, float | None]:
    """Select where every shop stands: code, name, region, route, market, tier, place; for lists of others."""
    row = RetailerRow
    return select(
        row.code,
        row.name,
        row.city,
        row.region,
        row.route,
        row.market_type.label("market"),
        row.tier,
        row.latitude,
        row.longitude,
    )


def audience_choices(session: Session) -> Audience:
    """Return every region, route and tier that a shop stands in, for a form to choose from."""
    columns = (RetailerRow.region, RetailerRow.route, RetailerRow.tier)
    every = session.execute(select(*(func.array_agg(aggregate_order_by(one.distinct(), one)) for one in columns))).one()
    regions, routes, tiers = (tuple(values or ()) for values in every)
    return Audience(regions=regions, routes=routes, tiers=tiers)


def groups(session: Session, codes: Collection[str] | None = None) -> dict[str, str]:
    """Return the group of each shop, in which its terminals are told that there is something new."""
    query = select(RetailerRow.code, RetailerRow.region, RetailerRow.route)
    if codes is not None:
        query = query.where(RetailerRow.code == any_(literal(list(codes), ARRAY(String))))
    return {row.code: group_of(row.region, row.route) for row in session.execute(query)}


def groups_of(session: Session, code: str) -> tuple[str, ...]:
    """Return the groups whose news a shop's terminals hear: everyone's, and that of its route within its region."""
    return (EVERYONE, *groups(session, [code]).values())


def groups_around(session: Session, codes: Collection[str]) -> frozenset[str]:
    """Return the fewest groups that hold every one of these shops; others of them hear of it and find nothing."""
    if session.scalar(select(func.count()).select_from(RetailerRow)) == len(set(codes)):
        return frozenset({EVERYONE})
    return frozenset(groups(session, codes).values())


def routes(session: Session) -> tuple[str, ...]:
    """Return every route that a shop stands on."""
    return tuple(session.scalars(select(RetailerRow.route).distinct().order_by(RetailerRow.route)))


def market_types(session: Session) -> tuple[str, ...]:
    """Return every market type that a shop stands in."""
    return tuple(session.scalars(select(RetailerRow.market_type).distinct().order_by(RetailerRow.market_type)))


def bound_choices(session: Session) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the regions and the classes of shops that a person can be bounded to: those that have a name."""
    regions = session.scalars(select(RetailerRow.region).distinct().order_by(RetailerRow.region))
    return tuple(filter(None, regions)), tuple(filter(None, market_types(session)))


def limits(session: Session, code: str, skus: Collection[str] | None = None) -> dict[str, int]:
    """Return the shop's own limits in units by SKU."""
    query = select(RetailerLimit.sku, RetailerLimit.limit_units).where(RetailerLimit.retailer == code)
    if skus is not None:
        query = query.where(RetailerLimit.sku.in_(skus))
    return {row.sku: row.limit_units for row in session.execute(query)}


def limits_version(found: Mapping[str, int]) -> str:
    """Return a short digest of a shop's own limits, by which a form finds out that it is out of date."""
    return digest(sorted(found.items()))


def limits_of(
    session: Session, codes: Collection[str], skus: Collection[str] | None = None
) -> dict[tuple[str, str], int]:
    """Return the own limits in units of several shops, by shop and SKU."""
    query = select(RetailerLimit.retailer, RetailerLimit.sku, RetailerLimit.limit_units).where(
        RetailerLimit.retailer == any_(literal(list(codes), ARRAY(String)))
    )
    if skus is not None:
        query = query.where(RetailerLimit.sku == any_(literal(list(skus), ARRAY(String))))
    return {(row.retailer, row.sku): row.limit_units for row in session.execute(query)}


def notes(session: Session, code: str) -> list[Note]:
    """Return what was noted of a shop, as it stands by now, the newest first."""
    stands: dict[int, Note] = {}
    for row in session.scalars(select(NoteRow).where(NoteRow.retailer == code).order_by(NoteRow.id)):
        before = None if row.corrects is None else stands.pop(row.corrects)
        earlier = () if before is None else (replace(before, earlier=()), *before.earlier)
        stands[row.id] = Note(row.id, row.words, row.author, row.at, earlier)
    return sorted(stands.values(), key=lambda note: note.id, reverse=True)


def _wanted(
    text: str,
    *,
    region: str | None = None,
    route: str | None = None,
    market_type: str | None = None,
    standing: str | None = None,
) -> list[ColumnElement[bool]]:
    """Return the conditions of a search; ``text`` is looked for in code, name, city and address."""
    columns = (RetailerRow.code, RetailerRow.name, RetailerRow.city, RetailerRow.address)
    wanted = [or_(*(column.icontains(text, autoescape=True) for column in columns))] if text else []
    chosen = (
        (RetailerRow.region, region),
        (RetailerRow.route, route),
        (RetailerRow.market_type, market_type),
        (RetailerRow.standing, standing),
    )
    return [*wanted, *(column == value for column, value in chosen if value is not None)]


def view(row: RetailerRow) -> Retailer:
    """Return a row as others see it."""
    return Retailer(
        code=row.code,
        name=row.name,
        address=row.address,
        city=row.city,
        region=row.region,
        route=row.route,
        market_type=row.market_type,
        tier=row.tier,
        weight=row.weight,
        credit_minor=row.credit_minor,
        standing=cast("Standing", row.standing),
        standing_reason=row.standing_reason,
        closed_on=row.closed_on,
        closed_why=row.closed_why,
        closed_by=row.closed_by,
        latitude=row.latitude,
        longitude=row.longitude,
    )

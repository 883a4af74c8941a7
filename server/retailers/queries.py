"""Reads of retailers."""

import hashlib
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Literal, cast

from sqlalchemy import ARRAY, ColumnElement, Select, String, any_, func, literal, or_, select
from sqlalchemy.dialects.postgresql import aggregate_order_by
from sqlalchemy.orm import Session

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


def closed_on(day: date) -> ColumnElement[bool]:
    """Return the condition that a shop is closed on a day."""
    return RetailerRow.closed_on <= day


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


def tally(session: Session, came: Select[str], *, on: date, route: str = "*") -> dict[tuple[str, str], tuple[int, int]]:
    """Return how many shops in good standing each (region, route) has, of ``route`` (``*``: all), and how many came.

    ``came`` selects the codes of those that did. Shops that are closed on the day ``on`` are not counted.
    """
    counted = (func.count(), func.count().filter(RetailerRow.code.in_(came)))
    query = (
        select(RetailerRow.region, RetailerRow.route, *counted)
        .where(RetailerRow.standing == "good", or_(RetailerRow.closed_on.is_(None), RetailerRow.closed_on > on))
        .group_by(RetailerRow.region, RetailerRow.route)
        .order_by(RetailerRow.region, RetailerRow.route)
    )
    if route != "*":
        query = query.where(RetailerRow.route == route)
    return {(region, on_route): (due, those) for region, on_route, due, those in session.execute(query)}


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


def audience_choices(session: Session) -> Audience:
    """Return every region, route and tier that a shop stands in, for a form to choose from."""
    columns = (RetailerRow.region, RetailerRow.route, RetailerRow.tier)
    every = session.execute(select(*(func.array_agg(aggregate_order_by(one.distinct(), one)) for one in columns))).one()
    regions, routes, tiers = (tuple(values or ()) for values in every)
    return Audience(regions=regions, routes=routes, tiers=tiers)


def routes(session: Session) -> tuple[str, ...]:
    """Return every route that a shop stands on."""
    return tuple(session.scalars(select(RetailerRow.route).distinct().order_by(RetailerRow.route)))


def market_types(session: Session) -> tuple[str, ...]:
    """Return every market type that a shop stands in."""
    return tuple(session.scalars(select(RetailerRow.market_type).distinct().order_by(RetailerRow.market_type)))


def bound_choices(session: Session) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the regions and the classes of shops that a person can be bounded to."""
    return tuple(session.scalars(select(RetailerRow.region).distinct().order_by(RetailerRow.region))), market_types(
        session
    )


def limits(session: Session, code: str, skus: Collection[str] | None = None) -> dict[str, int]:
    """Return the shop's own limits in units by SKU."""
    query = select(RetailerLimit.sku, RetailerLimit.limit_units).where(RetailerLimit.retailer == code)
    if skus is not None:
        query = query.where(RetailerLimit.sku.in_(skus))
    return {row.sku: row.limit_units for row in session.execute(query)}


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
    )

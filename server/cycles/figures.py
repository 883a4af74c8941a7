"""Figures of a cycle for its screens: who has ordered, who got how much, how evenly. Reads only."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from fractions import Fraction
from uuid import UUID

from sqlalchemy import ColumnElement, and_, func, select, tuple_
from sqlalchemy.orm import Session

from server.catalogue import queries as catalogue
from server.cycles import result_queries, supply_queries
from server.cycles.models import BookLine, BookRetailer, GrantRow
from server.orders import queries as orders
from server.retailers import queries as retailers

FURTHEST = 12
BOUNDS_SHOWN = 12


@dataclass(frozen=True)
class Region:
    """How many of a region's retailers have ordered."""

    region: str
    retailers_due: int
    retailers_in: int

    @property
    def missing(self) -> int:
        """How many have not."""
        return self.retailers_due - self.retailers_in


@dataclass(frozen=True)
class Room:
    """The window room: what has come in. Instants are none before the windows are announced."""

    progress: orders.Progress
    regions: tuple[Region, ...]
    windows: tuple[orders.WindowView, ...]
    opens_at: datetime | None
    closes_at: datetime | None


@dataclass(frozen=True)
class Group:
    """What the retailers of a tier or region asked for and got, in units."""

    label: str
    retailers: int
    requested_units: int
    granted_units: int

    @property
    def fill(self) -> float:
        """Granted by requested."""
        return self.granted_units / self.requested_units if self.requested_units else 0.0


@dataclass(frozen=True)
class SkuFigures:
    """One SKU of a result, in units. ``offered_units`` is the supply less the reserve, in whole packs."""

    sku: str
    name_zh: str
    name_en: str
    pack_units: int
    offered_units: int
    requested_units: int
    granted_units: int
    lines: int
    short_lines: int
    level: float | None

    @property
    def fill(self) -> float:
        """Granted by requested."""
        return self.granted_units / self.requested_units if self.requested_units else 0.0


@dataclass(frozen=True)
class Bound:
    """A limit across lines that stopped somebody: how many lines, and what they missed of what they could have had.

    ``level`` is the share (units by weight) at which it first refused, where the certificate states it.
    """

    name: str
    lines: int
    missed_units: int
    level: float | None


@dataclass(frozen=True)
class Carries:
    """What lines brought along from earlier cycles, in packs: how many lines, owed to them, and owed by them."""

    lines: int
    owed_packs: float
    owing_packs: float


@dataclass(frozen=True)
class FarLine:
    """A line that got much less than it asked for, and why."""

    retailer: str
    name: str
    region: str
    sku: str
    requested_units: int
    granted_units: int
    reason: str
    ineligible_why: str | None


@dataclass(frozen=True)
class _Attempt:
    """The attempt of a cycle that the figures are of."""

    id: UUID
    attempt: int
    supply_version: int


@dataclass(frozen=True)
class Review:
    """What a person looks at before release.

    ``shares`` are granted units by weight, one a retailer, over the SKUs that fell short (over all, where none
    did); ``asked_shares`` the requested ones. Evenness figures speak of the same set.
    """

    lines: int
    retailers: int
    requested_units: int
    offered_units: int
    granted_units: int
    short_skus: int
    retailers_at_zero: int
    largest_share: float
    gini: float
    shares: tuple[float, ...]
    asked_shares: tuple[float, ...]
    tiers: tuple[Group, ...]
    regions: tuple[Group, ...]
    skus: tuple[SkuFigures, ...]
    reasons: dict[str, int]


@dataclass(frozen=True)
class Details:
    """What stands beside a review: limits across lines, carries, and the lines furthest from their request."""

    bounds: tuple[Bound, ...]
    carries: Carries
    furthest: tuple[FarLine, ...]


@dataclass(frozen=True)
class _Shop:
    region: str
    tier: int
    weight: int
    requested: int
    granted: int
    requested_short: int
    granted_short: int
    asked_short: bool


def room(session: Session, cycle: UUID) -> Room:
    """Return who has ordered and who is missing, of the retailers on the routes of the cycle's windows."""
    windows = tuple(orders.windows(session, cycle=cycle))
    if not windows:
        return Room(orders.Progress(0, 0, 0, 0, 0), (), (), None, None)
    counted = retailers.by_region(session, orders.came_query(cycle), {window.route for window in windows})
    return Room(
        progress=orders.progress(session, cycle, retailers_due=sum(due for due, _ in counted.values())),
        regions=tuple(Region(region, due, came) for region, (due, came) in counted.items()),
        windows=windows,
        opens_at=min((w.opens_at for w in windows), default=None),
        closes_at=max((w.closes_at for w in windows), default=None),
    )


def opens_at(session: Session, cycle: UUID) -> datetime | None:
    """Return when the first window of a cycle opens, or none before they are announced."""
    return min((window.opens_at for window in orders.windows(session, cycle=cycle)), default=None)


def review(session: Session, cycle: UUID, run: result_queries.Run | None) -> Review | None:
    """Return the figures of an attempt; none before it is solved."""
    if run is None:
        return None
    row = _Attempt(cycle, run.attempt, run.supply_version)
    levels = _levels(run)
    skus, reasons = _skus(session, row, levels)
    if not skus:
        return None
    short = [figures.sku for figures in skus if figures.short_lines]
    shops = _shops(session, row, short)
    judged = [shop for shop in shops if shop.asked_short]
    shares = sorted(shop.granted_short / shop.weight for shop in judged)
    return Review(
        lines=sum(figures.lines for figures in skus),
        retailers=len(shops),
        requested_units=sum(figures.requested_units for figures in skus),
        offered_units=sum(figures.offered_units for figures in skus),
        granted_units=sum(figures.granted_units for figures in skus),
        short_skus=len(short),
        retailers_at_zero=sum(1 for shop in shops if not shop.granted),
        largest_share=largest_share([shop.granted_short for shop in judged]),
        gini=gini(shares),
        shares=tuple(shares),
        asked_shares=tuple(sorted(shop.requested_short / shop.weight for shop in judged)),
        tiers=_groups((str(shop.tier), shop) for shop in sorted(shops, key=lambda shop: shop.tier)),
        regions=_groups((shop.region, shop) for shop in sorted(shops, key=lambda shop: shop.region)),
        skus=tuple(skus),
        reasons=reasons,
    )


def details(session: Session, cycle: UUID, run: result_queries.Run) -> Details:
    """Return what bound the lines of an attempt, what they brought along, and who was left furthest behind."""
    row = _Attempt(cycle, run.attempt, run.supply_version)
    return Details(
        bounds=_bounds(session, row, _levels(run)), carries=_carries(session, row), furthest=_furthest(session, row)
    )


def gini(ascending: Sequence[float]) -> float:
    """Return the Gini coefficient of values in rising order: 0 where all are equal, towards 1 where one has all."""
    count, total = len(ascending), sum(ascending)
    if not total:
        return 0.0
    return sum((2 * i - count - 1) * value for i, value in enumerate(ascending, start=1)) / (count * total)


def largest_share(units: Sequence[int]) -> float:
    """Return the part that the largest hundredth of the retailers (at least one) holds together."""
    total = sum(units)
    if not total:
        return 0.0
    largest = sorted(units, reverse=True)[: -(-len(units) // 100)]
    return float(Fraction(sum(largest), total))


def _of_attempt(row: _Attempt) -> ColumnElement[bool]:
    return and_(GrantRow.cycle == row.id, GrantRow.attempt == row.attempt)


def _levels(run: result_queries.Run) -> dict[str, float]:
    """Return the level at which each constraint first refused, by its name, as the certificate states it."""
    certificate = {} if run.certificate is None else json.loads(run.certificate)
    stated = {f"supply:{sku}": found for sku, found in certificate.get("thresholds", {}).items()}
    stated |= certificate.get("levels", {})
    return {name: float(Fraction(found["level"])) for name, found in stated.items() if _is_plain(found["level"])}


def _is_plain(level: str) -> bool:
    """Say whether a level is a number; under some roundings it is stated as a root."""
    return level.replace("/", "", 1).replace("-", "", 1).isdecimal()


def _bounds(session: Session, row: _Attempt, levels: Mapping[str, float]) -> tuple[Bound, ...]:
    found = session.execute(
        select(GrantRow.bound_by, func.count(), func.sum(GrantRow.eligible_units - GrantRow.granted_units))
        .where(
            _of_attempt(row),
            GrantRow.bound_by.not_in(("", "adjustment")),
            GrantRow.bound_by.not_like("supply:%"),
        )
        .group_by(GrantRow.bound_by)
        .order_by(func.count().desc(), GrantRow.bound_by.collate("C"))
        .limit(BOUNDS_SHOWN)
    )
    return tuple(Bound(name, lines, int(missed), levels.get(name)) for name, lines, missed in found)


def _carries(session: Session, row: _Attempt) -> Carries:
    carry = BookLine.carry_thousandths
    lines, owed, owing = session.execute(
        select(
            func.count(),
            func.coalesce(func.sum(carry).filter(carry > 0), 0),
            func.coalesce(func.sum(carry).filter(carry < 0), 0),
        ).where(BookLine.cycle == row.id, carry != 0)
    ).one()
    return Carries(lines, int(owed) / 1000, -int(owing) / 1000)


def _skus(session: Session, row: _Attempt, levels: Mapping[str, float]) -> tuple[list[SkuFigures], dict[str, int]]:
    """Return the figures by SKU in byte order and how many lines each reason has: one pass over the grants."""
    supply = supply_queries.supply(session, row.id, row.supply_version)
    names = catalogue.skus(session, withdrawn=True)
    sums = session.execute(
        select(
            GrantRow.sku,
            GrantRow.reason,
            func.sum(GrantRow.requested_units),
            func.sum(GrantRow.granted_units),
            func.count(),
            func.count().filter(GrantRow.granted_units < GrantRow.eligible_units),
        )
        .where(_of_attempt(row))
        .group_by(func.grouping_sets(tuple_(GrantRow.sku), tuple_(GrantRow.reason)))
        .order_by(GrantRow.sku.collate("C"), GrantRow.reason)
    ).all()
    return [
        SkuFigures(
            sku=sku,
            name_zh=names[sku].name_zh,
            name_en=names[sku].name_en,
            pack_units=supply[sku].pack_units,
            offered_units=supply[sku].offered_units,
            requested_units=int(requested),
            granted_units=int(granted),
            lines=lines,
            short_lines=short,
            level=levels.get(f"supply:{sku}"),
        )
        for sku, _, requested, granted, lines, short in sums
        if sku is not None
    ], {reason: lines for sku, reason, _, _, lines, _ in sums if sku is None}


def _shops(session: Session, row: _Attempt, short: Sequence[str]) -> list[_Shop]:
    of_short = GrantRow.sku.in_(short) if short else GrantRow.sku.is_not(None)
    summed = (
        select(
            GrantRow.retailer,
            func.sum(GrantRow.requested_units).label("asked"),
            func.sum(GrantRow.granted_units).label("got"),
            func.coalesce(func.sum(GrantRow.requested_units).filter(of_short), 0).label("asked_short"),
            func.coalesce(func.sum(GrantRow.granted_units).filter(of_short), 0).label("got_short"),
            (func.count().filter(of_short) > 0).label("has_short"),
        )
        .where(_of_attempt(row))
        .group_by(GrantRow.retailer)
        .subquery()
    )
    sums = session.execute(
        select(BookRetailer.region, BookRetailer.tier, BookRetailer.weight, *summed.c[1:])
        .join(summed, summed.c.retailer == BookRetailer.retailer)
        .where(BookRetailer.cycle == row.id)
    )
    return [
        _Shop(region, tier, weight, int(asked), int(got), int(asked_short), int(got_short), bool(has_short))
        for region, tier, weight, asked, got, asked_short, got_short, has_short in sums
    ]


def _groups(shops: Iterable[tuple[str, _Shop]]) -> tuple[Group, ...]:
    found: dict[str, list[_Shop]] = {}
    for label, shop in shops:
        found.setdefault(label, []).append(shop)
    return tuple(
        Group(label, len(those), sum(shop.requested for shop in those), sum(shop.granted for shop in those))
        for label, those in found.items()
    )


def _furthest(session: Session, row: _Attempt) -> tuple[FarLine, ...]:
    missing = GrantRow.requested_units - GrantRow.granted_units
    order = (missing.desc(), GrantRow.retailer.collate("C"), GrantRow.sku.collate("C"))
    first = (
        select(GrantRow.retailer, GrantRow.sku).where(_of_attempt(row), missing > 0).order_by(*order).limit(FURTHEST)
    )
    lines = session.execute(
        select(GrantRow, BookRetailer.region, BookLine.ineligible_why)
        .join(BookRetailer, (BookRetailer.cycle == GrantRow.cycle) & (BookRetailer.retailer == GrantRow.retailer))
        .join(
            BookLine,
            (BookLine.cycle == GrantRow.cycle)
            & (BookLine.retailer == GrantRow.retailer)
            & (BookLine.sku == GrantRow.sku),
        )
        .where(_of_attempt(row), tuple_(GrantRow.retailer, GrantRow.sku).in_(first))
        .order_by(*order)
    ).all()
    names = retailers.retailers(session, {line.retailer for line, _, _ in lines})
    return tuple(
        FarLine(
            retailer=line.retailer,
            name=names[line.retailer].name,
            region=region,
            sku=line.sku,
            requested_units=line.requested_units,
            granted_units=line.granted_units,
            reason=line.reason,
            ineligible_why=why,
        )
        for line, region, why in lines
    )

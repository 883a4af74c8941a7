"""Where complaints come from: how many by month, category and region, and what comes again and again."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Final, Literal, cast

from sqlalchemy import ColumnElement, Select, Subquery, case, func, literal, select, union_all
from sqlalchemy.orm import Session

from server.feedback.models import FeedbackRow
from server.feedback.queries import visible
from server.kit.identity import Operator
from server.retailers import queries as retailers

DAYS: Final = 365
REPEATS_LEAST: Final = 2
SHOWN: Final = 100
Sort = Literal["retailer", "route", "employee", "sku"]


@dataclass(frozen=True)
class Counts:
    """How many there are: by month (its first day), category and region."""

    months: Mapping[date, int]
    categories: Mapping[str, int]
    regions: Mapping[str, int]


@dataclass(frozen=True)
class Repeat:
    """Complaints of one category that share a shop, route, employee or SKU: so many, the last one, their marks."""

    sort: Sort
    name: str
    category: str
    count: int
    late: int
    reopened: int
    mark: float | None
    last_at: datetime


def counts(session: Session, reader: Operator, now: datetime, *, category: str = "", region: str = "") -> Counts:
    """Return how many came within a year that the reader sees, of a category and region where they are named.

    Months are those of the zone of ``now``. They are all there, those without any too.
    """
    told = _told(reader, now, category, region)
    query = (
        select(told.c.month, told.c.category, told.c.region, func.count())
        .group_by(func.grouping_sets(told.c.month, told.c.category, told.c.region))
        .order_by(told.c.month, told.c.category, told.c.region)
    )
    months: Counter[date] = Counter(dict.fromkeys(_months(now), 0))
    categories: Counter[str] = Counter()
    regions: Counter[str] = Counter()
    for month, of_category, of_region, count in session.execute(query):
        if month is not None:
            months[month.date()] += count
        elif of_category is not None:
            categories[of_category] += count
        else:
            regions[of_region] += count
    return Counts(dict(sorted(months.items())), dict(categories.most_common()), dict(regions.most_common()))


def repeats(
    session: Session, reader: Operator, now: datetime, *, category: str = "", region: str = "", limit: int | None = None
) -> list[Repeat]:
    """Return what came at least twice within a year for the same cause, the most frequent first."""
    told = _told(reader, now, category, region)
    groups: dict[Sort, tuple[Select[Any], ColumnElement[Any]]] = {
        "retailer": (select(told), told.c.retailer),
        "route": (select(told), told.c.route),
        "sku": (select(told).where(told.c.sku != ""), told.c.sku),
    }
    named = select(told, func.unnest(told.c.concerns).label("employee")).subquery()
    parts = [_group(sort, query.subquery(), column.name) for sort, (query, column) in groups.items()]
    parts.append(_group("employee", named, "employee"))
    found = union_all(*parts).subquery()
    query = select(found).order_by(found.c.many.desc(), found.c.last_at.desc(), found.c.name, found.c.category)
    return [
        Repeat(
            cast("Sort", row.sort),
            row.name,
            row.category,
            row.many,
            row.late,
            row.reopened,
            None if row.mark is None else float(row.mark),
            row.last_at,
        )
        for row in session.execute(query.limit(limit))
    ]


def _group(sort: Sort, told: Subquery, name: str) -> Select[Any]:
    return (
        select(
            literal(sort).label("sort"),
            told.c[name].label("name"),
            told.c.category.label("category"),
            func.count().label("many"),
            func.sum(told.c.late).label("late"),
            func.sum(told.c.again).label("reopened"),
            func.avg(told.c.satisfaction).label("mark"),
            func.max(told.c.at).label("last_at"),
        )
        .group_by(told.c[name], told.c.category)
        .having(func.count() >= REPEATS_LEAST)
    )


def _told(reader: Operator, now: datetime, category: str, region: str) -> Subquery:
    shops = retailers.shops_query().subquery()
    ended = func.coalesce(FeedbackRow.answered_at, FeedbackRow.paused_at, now)
    query = (
        select(
            func.date_trunc("month", func.timezone(str(now.tzinfo), FeedbackRow.at)).label("month"),
            FeedbackRow.category,
            FeedbackRow.retailer,
            FeedbackRow.concerns,
            FeedbackRow.satisfaction,
            FeedbackRow.at,
            shops.c.region,
            shops.c.route,
            case((ended > FeedbackRow.due_at, 1), else_=0).label("late"),
            case((FeedbackRow.reopens > 0, 1), else_=0).label("again"),
            case(
                (FeedbackRow.about_sort == "sku", FeedbackRow.about_name),
                (
                    FeedbackRow.about_sort.in_(("grant", "order_line")),
                    func.split_part(FeedbackRow.about_name, "/", 2),
                ),
                else_="",
            ).label("sku"),
        )
        .join(shops, shops.c.code == FeedbackRow.retailer)
        .where(FeedbackRow.at >= now - timedelta(days=DAYS), visible(reader))
    )
    if category:
        query = query.where(FeedbackRow.category == category)
    if region:
        query = query.where(shops.c.region == region)
    return query.subquery()


def _months(now: datetime) -> list[date]:
    first = (now - timedelta(days=DAYS)).date().replace(day=1)
    found = []
    while first <= now.date():
        found.append(first)
        first = (first + timedelta(days=32)).replace(day=1)
    return found

"""The shops of a version in lists: what a screen searches, sorts and takes away as a file."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import Any, Literal

from sqlalchemy import Integer, Select, Subquery, cast, func, select, tuple_
from sqlalchemy.orm import Session

from server.forecasts import rules
from server.forecasts.models import FigureRow, SeriesRow
from server.forecasts.queries import FigureKind, Version
from server.kit.db import streamed
from server.retailers import queries as retailers

Agreed = Literal["", "none", "some", "alone"]
"""Which shops by their agreed figures: none yet, some, some that one person alone agreed to."""


@dataclass(frozen=True)
class Asked:
    """Which shops are asked for; an empty text asks for all. ``order`` begins with ``-`` to descend."""

    words: str = ""
    region: str = ""
    agreed: Agreed = ""
    order: str = "retailer"
    limit: int | None = None
    offset: int = 0


@dataclass(frozen=True)
class Listed:
    """A shop in the list: what its classes are forecast together for a month, in whole units, and the figures given."""

    retailer: str
    name: str
    region: str
    classes: int
    mean_units: int
    own: int
    agreed: int


def shops(session: Session, found: Version, period: date, asked: Asked) -> Iterator[Listed]:
    """Yield the shops that are asked for, with what a version forecasts for a month and the figures given for it.

    Texts stand in byte order; what is equal by the shops' codes.
    """
    query = _query(found, period, asked).offset(asked.offset).limit(asked.limit)
    for row in streamed(session, query):
        yield Listed(*row)


def count(session: Session, found: Version, period: date, asked: Asked) -> int:
    """Return how many shops are asked for."""
    query = _query(found, period, asked).order_by(None)
    return session.scalar(query.with_only_columns(func.count(), maintain_column_froms=True)) or 0


def _query(found: Version, period: date, asked: Asked) -> Select[Any]:
    place = rules.between(found.cut_off, period) + 1
    series = (
        select(
            SeriesRow.retailer,
            func.count().label("classes"),
            cast(func.round(func.sum(SeriesRow.mean[place])), Integer).label("mean_units"),
        )
        .where(SeriesRow.version == found.id)
        .group_by(SeriesRow.retailer)
        .subquery("series")
    )
    shop = retailers.shops_query(text=asked.words, region=asked.region or None).subquery("shops")
    own, agreed, alone = _given(period, "own"), _given(period, "agreed"), _alone(period)
    own_classes, agreed_classes = func.coalesce(own.c.classes, 0), func.coalesce(agreed.c.classes, 0)
    query = (
        select(
            shop.c.code, shop.c.name, shop.c.region, series.c.classes, series.c.mean_units, own_classes, agreed_classes
        )
        .join(series, series.c.retailer == shop.c.code)
        .outerjoin(own, own.c.retailer == shop.c.code)
        .outerjoin(agreed, agreed.c.retailer == shop.c.code)
    )
    if asked.agreed == "none":
        query = query.where(agreed.c.classes.is_(None))
    elif asked.agreed == "some":
        query = query.where(agreed.c.classes.is_not(None))
    elif asked.agreed == "alone":
        query = query.join(alone, alone.c.retailer == shop.c.code)
    orders = {
        "retailer": shop.c.code.collate("C"),
        "name": shop.c.name.collate("C"),
        "region": shop.c.region.collate("C"),
        "classes": series.c.classes,
        "mean_units": series.c.mean_units,
        "own": own_classes,
        "agreed": agreed_classes,
    }
    chosen = orders[asked.order.removeprefix("-")]
    return query.order_by(chosen.desc() if asked.order.startswith("-") else chosen, shop.c.code.collate("C"))


def _given(period: date, kind: FigureKind) -> Subquery:
    """Select in how many classes each shop has a figure of a kind for a month."""
    return (
        select(FigureRow.retailer, func.count(FigureRow.product_class.distinct()).label("classes"))
        .where(FigureRow.period == period, FigureRow.kind == kind)
        .group_by(FigureRow.retailer)
        .subquery(kind)
    )


def _alone(period: date) -> Subquery:
    """Select the shops of which an agreed figure that counts is one person's."""
    one = tuple_(FigureRow.retailer, FigureRow.product_class, FigureRow.version)
    newest = (
        select(FigureRow.retailer, FigureRow.product_class, func.max(FigureRow.version))
        .where(FigureRow.period == period, FigureRow.kind == "agreed")
        .group_by(FigureRow.retailer, FigureRow.product_class)
    )
    return (
        select(FigureRow.retailer)
        .where(FigureRow.period == period, FigureRow.kind == "agreed", FigureRow.confirms.is_(None), one.in_(newest))
        .distinct()
        .subquery("alone")
    )

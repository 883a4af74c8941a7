"""The shops with stock in lists: what a screen searches, sorts and takes away as a file."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, FromClause, Select, Subquery, func, or_, select, true
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.orm import Session

from server.inventory.models import MovementRow
from server.kit.db import streamed
from server.retailers import queries as retailers


@dataclass(frozen=True)
class Asked:
    """Which shops are asked for; empty words ask for all. ``order`` begins with ``-`` to descend."""

    words: str = ""
    order: str = "retailer"
    limit: int | None = None
    offset: int = 0


@dataclass(frozen=True)
class Stocked:
    """A shop with a ledger: how many SKUs it has, how many units in all."""

    retailer: str
    shop: str
    skus: int
    on_hand_units: int
    held_units: int
    as_of: datetime


def stocked(session: Session, asked: Asked | None = None) -> Iterator[Stocked]:
    """Yield the shops that have a ledger, in byte order of their codes where no other order is asked for.

    A shop is added up when its turn comes: who asks for a page in the order of codes or names pays for its shops alone.
    """
    asked = asked or Asked()
    shop = _shops()
    texts: dict[str, Any] = {"retailer": shop.c.code, "shop": shop.c.name}
    wanted = select(shop.c.code, shop.c.name).where(*_conditions(shop, asked))
    key = asked.order.removeprefix("-")
    if key in texts:
        paged = _paged(wanted, texts[key].collate("C"), shop.c.code, asked).subquery("page")
        figures = _figures(paged)
        texts = {"retailer": paged.c.code, "shop": paged.c.name}
        query = _ordered(select(paged, *figures.c).join(figures, true()), texts[key].collate("C"), paged.c.code, asked)
    else:
        every = wanted.subquery("every")
        figures = _figures(every)
        query = _paged(select(every, *figures.c).join(figures, true()), figures.c[key], every.c.code, asked)
    for code, name, skus, on_hand, held, at in streamed(session, query):
        yield Stocked(code, name, skus, int(on_hand), int(held), at)


def _figures(shop: Subquery) -> FromClause:
    """Select what the newest entries of a shop's SKUs add up to."""
    newest = (
        select(MovementRow.on_hand_after_units, MovementRow.held_after_units, MovementRow.at)
        .ext(distinct_on(MovementRow.sku))
        .where(MovementRow.retailer == shop.c.code)
        .order_by(MovementRow.sku.desc(), MovementRow.ordinal.desc())  # as the index stands, read backwards
        .correlate(shop)
        .subquery("newest")
    )
    return (
        select(
            func.count().label("skus"),
            func.sum(newest.c.on_hand_after_units).label("on_hand_units"),
            func.sum(newest.c.held_after_units).label("held_units"),
            func.max(newest.c.at).label("as_of"),
        )
        .select_from(newest)
        .correlate(shop)
        .lateral("figures")
    )


def _ordered(query: Select[Any], chosen: Any, code: ColumnElement[str], asked: Asked) -> Select[Any]:
    return query.order_by(chosen.desc() if asked.order.startswith("-") else chosen, code.collate("C"))


def _paged(query: Select[Any], chosen: Any, code: ColumnElement[str], asked: Asked) -> Select[Any]:
    return _ordered(query, chosen, code, asked).offset(asked.offset).limit(asked.limit)


def count(session: Session, asked: Asked) -> int:
    """Return how many shops are asked for."""
    shop = _shops()
    return session.scalar(select(func.count()).select_from(shop).where(*_conditions(shop, asked))) or 0


def _shops() -> Subquery:
    return retailers.shops_query().subquery("shops")


def _conditions(shop: Subquery, asked: Asked) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = [
        select(MovementRow.id).where(MovementRow.retailer == shop.c.code).correlate(shop).exists()
    ]
    if asked.words:
        columns = (shop.c.code, shop.c.name)
        conditions.append(or_(*(column.icontains(asked.words, autoescape=True) for column in columns)))
    return conditions

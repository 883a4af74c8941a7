"""Whom the newest version of an announcement reached: counted by place, over time, listed."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Subquery, func, select
from sqlalchemy.orm import Session

from server.announcements import rules
from server.announcements.models import ReceiptRow, RecipientRow
from server.announcements.queries import FIRSTS, Announcement
from server.kit.db import streamed
from server.retailers import queries as retailers


@dataclass(frozen=True)
class Asked:
    """Which recipients are asked for; none of a sign asks for both. ``order`` begins with ``-`` to descend."""

    words: str = ""
    displayed: bool | None = None
    acknowledged: bool | None = None
    order: str = "retailer"
    limit: int | None = None
    offset: int = 0


def recipients(session: Session, shown: Announcement, asked: Asked | None = None) -> Iterator[rules.Recipient]:
    """Yield the recipients that are asked for, by code where nothing else is.

    Each with its first receipts of the newest version, by the server's clock. What was never displayed stands last,
    or first where the order is turned round.
    """
    asked = asked or Asked()
    every = _recipients(shown)
    chosen: Any = every.c[asked.order.removeprefix("-")]
    if not asked.order.endswith("_at"):
        chosen = chosen.collate("C")
    order = chosen.desc().nulls_first() if asked.order.startswith("-") else chosen.asc().nulls_last()
    query = (
        select(every)
        .where(*_conditions(every, asked))
        .order_by(order, every.c.retailer.collate("C"))
        .offset(asked.offset)
        .limit(asked.limit)
    )
    for row in streamed(session, query):
        yield rules.Recipient(*row)


def count(session: Session, shown: Announcement, asked: Asked) -> int:
    """Return how many recipients are asked for."""
    every = _recipients(shown)
    return session.scalar(select(func.count()).select_from(every).where(*_conditions(every, asked))) or 0


def places(session: Session, shown: Announcement) -> list[rules.Reached]:
    """Return how many recipients there are of each region and route, and how many of them it reached."""
    every = _recipients(shown)
    place = (every.c.region, every.c.route)
    signs = (func.count(every.c.displayed_at), func.count(every.c.acknowledged_at))
    return [rules.Reached(*row) for row in session.execute(select(*place, func.count(), *signs).group_by(*place))]


def instants(session: Session, shown: Announcement) -> list[datetime]:
    """Return when each recipient that it reached was: confirmed it where it asks for that, else saw it first."""
    every = _recipients(shown)
    at = every.c.acknowledged_at if shown.must_acknowledge else every.c.displayed_at
    return list(session.scalars(select(at).where(at.is_not(None))))


def _recipients(shown: Announcement) -> Subquery:
    """Select what a :class:`rules.Recipient` holds of every recipient."""
    firsts = (
        select(ReceiptRow.retailer, *FIRSTS)
        .where(ReceiptRow.announcement_id == shown.id, ReceiptRow.version == shown.newest.version)
        .group_by(ReceiptRow.retailer)
        .subquery("firsts")
    )
    shop = retailers.shops_query().subquery("shops")
    return (
        select(RecipientRow.retailer, shop.c.region, shop.c.route, firsts.c.displayed_at, firsts.c.acknowledged_at)
        .join(shop, shop.c.code == RecipientRow.retailer)
        .outerjoin(firsts, firsts.c.retailer == RecipientRow.retailer)
        .where(RecipientRow.announcement_id == shown.id)
        .subquery("recipients")
    )


def _conditions(every: Subquery, asked: Asked) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = []
    if asked.words:
        conditions.append(every.c.retailer.icontains(asked.words, autoescape=True))
    signs: tuple[tuple[Any, bool | None], ...] = (
        (every.c.displayed_at, asked.displayed),
        (every.c.acknowledged_at, asked.acknowledged),
    )
    conditions += [at.is_not(None) if wanted else at.is_(None) for at, wanted in signs if wanted is not None]
    return conditions

"""Whom the newest version of an announcement reached: counted by place, over time, listed."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Integer, Subquery, case, extract, func, select
from sqlalchemy.orm import Session

from server.announcements import rules
from server.announcements.models import AnnouncementRow, ReceiptRow, RecipientRow
from server.announcements.queries import COUNTS, FIRSTS, Announcement
from server.kit.db import streamed
from server.kit.outbox import FeedEntry
from server.retailers import queries as retailers


@dataclass(frozen=True)
class Asked:
    """Which recipients are asked for; none of a sign asks for both. ``order`` begins with ``-`` to descend."""

    words: str = ""
    region: str | None = None
    delivered: bool | None = None
    displayed: bool | None = None
    acknowledged: bool | None = None
    order: str = "retailer"
    limit: int | None = None
    offset: int = 0


@dataclass(frozen=True)
class Curve:
    """How many there were at the end of each step since the sending, which all are ``step`` wide."""

    step: timedelta
    ends: list[datetime]
    delivered: list[int]
    displayed: list[int]
    acknowledged: list[int]


SIGNS = ("delivered_at", "displayed_at", "acknowledged_at")


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
    signs = (func.count(every.c[name]) for name in SIGNS)
    return [rules.Reached(*row) for row in session.execute(select(*place, func.count(), *signs).group_by(*place))]


def over_time(session: Session, shown: Announcement, now: datetime) -> Curve:
    """Return how many it had been delivered to, displayed at and confirmed by at the end of each step since sending."""
    sent_at = shown.sent_at or now
    step, count = rules.steps_since(sent_at, now)
    every = _recipients(shown)
    numbers = [
        func.greatest(func.ceil(extract("epoch", every.c[name] - sent_at) / step.total_seconds()) - 1, 0)
        for name in SIGNS
    ]
    at_steps = [
        case((every.c[name].is_not(None), number)).cast(Integer).label(name)
        for name, number in zip(SIGNS, numbers, strict=True)
    ]
    came: list[Counter[int]] = [Counter(), Counter(), Counter()]
    for row in session.execute(select(*at_steps, func.count()).group_by(*at_steps)):
        for counter, number in zip(came, row[:3], strict=True):
            if number is not None:
                counter[number] += row[3]
    delivered, displayed, acknowledged = (rules.over_time(one, count) for one in came)
    ends = [sent_at + step * (number + 1) for number in range(count)]
    return Curve(step, ends, delivered, displayed, acknowledged)


def _recipients(shown: Announcement) -> Subquery:
    """Select what a :class:`rules.Recipient` holds of every recipient."""
    firsts = (
        select(ReceiptRow.retailer, *FIRSTS)
        .join(AnnouncementRow, COUNTS)
        .where(ReceiptRow.announcement_id == shown.id)
        .group_by(ReceiptRow.retailer)
        .subquery("firsts")
    )
    shop = retailers.shops_query().subquery("shops")
    delivered = func.least(FeedEntry.heard_at, firsts.c.displayed_at).label("delivered_at")
    return (
        select(
            RecipientRow.retailer,
            shop.c.name,
            shop.c.region,
            shop.c.route,
            delivered,
            firsts.c.displayed_at,
            firsts.c.acknowledged_at,
        )
        .join(shop, shop.c.code == RecipientRow.retailer)
        .outerjoin(firsts, firsts.c.retailer == RecipientRow.retailer)
        .outerjoin(
            FeedEntry, (FeedEntry.recipient == RecipientRow.retailer) & (FeedEntry.key == f"announcement:{shown.id}")
        )
        .where(RecipientRow.announcement_id == shown.id)
        .subquery("recipients")
    )


def _conditions(every: Subquery, asked: Asked) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = []
    if asked.words:
        conditions.append(
            every.c.retailer.icontains(asked.words, autoescape=True)
            | every.c.name.icontains(asked.words, autoescape=True)
        )
    if asked.region is not None:
        conditions.append(every.c.region == asked.region)
    signs: tuple[tuple[Any, bool | None], ...] = (
        (every.c.delivered_at, asked.delivered),
        (every.c.displayed_at, asked.displayed),
        (every.c.acknowledged_at, asked.acknowledged),
    )
    conditions += [at.is_not(None) if wanted else at.is_(None) for at, wanted in signs if wanted is not None]
    return conditions

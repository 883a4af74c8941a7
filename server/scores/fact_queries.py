"""Reads of facts."""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import and_, exists, func, literal, or_, select
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.orm import Session

from server.scores.models import FactRow, FactVersion, TakenSku

ASSORTMENT, DELIVERIES = "assortment", "deliveries"


@dataclass(frozen=True)
class Fact:
    """What was told of a retailer's month: a whole and its good part."""

    facts: str
    retailer: str
    period: date
    whole: int
    part: int


@dataclass(frozen=True)
class Told:
    """One version of a fact: the figures, where they come from, who told them and when."""

    number: int
    whole: int
    part: int
    source: str
    by: str
    at: datetime


def facts_until(session: Session, day: date, number: int) -> Iterator[Fact]:
    """Yield what was known of the months before ``day`` when the facts stood at ``number``; by table and retailer.

    Where no file tells the assortment of a shop that confirmed deliveries in a month, it is what the shop accepted of
    the SKUs of which anybody accepted something in that month.
    """
    key = (FactVersion.facts.collate("C"), FactVersion.retailer.collate("C"), FactVersion.period)
    rows = session.execute(
        select(FactVersion.facts, FactVersion.retailer, FactVersion.period, FactVersion.whole, FactVersion.part)
        .ext(distinct_on(*key))
        .where(FactVersion.period < day, FactVersion.number <= number)
        .order_by(*key, FactVersion.number.desc())
    )
    told: dict[str, set[tuple[str, date]]] = {ASSORTMENT: set(), DELIVERIES: set()}
    for facts, retailer, period, whole, part in rows:
        if facts in told:
            told[facts].add((retailer, period))
        yield Fact(facts, retailer, period, whole, part)
    accepted = _accepted_until(session, day, number)
    offered: dict[date, set[str]] = defaultdict(set)
    for (_, period), skus in accepted.items():
        offered[period] |= skus
    for retailer, period in sorted(told[DELIVERIES] - told[ASSORTMENT]):
        if offered[period]:
            yield Fact(ASSORTMENT, retailer, period, len(offered[period]), len(accepted.get((retailer, period), ())))


def versions_of(session: Session, facts: str, retailer: str, period: date) -> list[Told]:
    """Return every version of a fact, the newest first."""
    rows = session.scalars(
        select(FactVersion)
        .where(FactVersion.facts == facts, FactVersion.retailer == retailer, FactVersion.period == period)
        .order_by(FactVersion.number.desc())
    )
    return [Told(row.number, row.whole, row.part, row.source, row.by, row.at) for row in rows]


def _accepted_until(session: Session, day: date, number: int) -> dict[tuple[str, date], set[str]]:
    """Return the SKUs of which each shop accepted something, by shop and month."""
    rows = session.execute(
        select(TakenSku.retailer, TakenSku.period, TakenSku.sku).where(TakenSku.period < day, TakenSku.number <= number)
    )
    found: dict[tuple[str, date], set[str]] = defaultdict(set)
    for retailer, period, sku in rows:
        found[retailer, period].add(sku)
    return found


@dataclass(frozen=True)
class Covered:
    """Of how many retailers something is known, and since when the last of it is."""

    retailers: int
    told_at: datetime


def coverage(session: Session, since: date, before: date) -> dict[tuple[str, date | None], Covered]:
    """Return how much is known by now of the months from ``since`` to before ``before``.

    By table and month; with no month stands what is known of the months together.
    """
    within = (FactRow.period >= since, FactRow.period < before)
    told = [FactRow.facts != ASSORTMENT, *within]
    taken = exists().where(TakenSku.period == FactRow.period)
    assortment = [or_(FactRow.facts == ASSORTMENT, and_(FactRow.facts == DELIVERIES, taken)), *within]
    found: dict[tuple[str, date | None], Covered] = {}
    shops = func.count(FactRow.retailer.distinct())
    for table, known in ((FactRow.facts, told), (literal(ASSORTMENT), assortment)):
        named = table.label("table")
        by_month = select(named, FactRow.period, shops, func.max(FactRow.changed_at)).where(*known)
        for name, month, count, at in session.execute(by_month.group_by("table", FactRow.period)):
            found[name, month] = Covered(count, at)
        newest = {name: max(one.told_at for (of, _), one in found.items() if of == name) for name, _ in found}
        together = select(named, shops).where(*known).group_by("table")
        found |= {(name, None): Covered(count, newest[name]) for name, count in session.execute(together)}
    return found

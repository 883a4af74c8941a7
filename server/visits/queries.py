"""Reads of visits: what is due, what was kept, what was promised."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any, Final, Literal, cast
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import Uuid, func, literal, null, select
from sqlalchemy import cast as cast_to
from sqlalchemy.orm import Session

from server.deliveries import queries as deliveries
from server.kit.db import EVERYTHING, acting_for, scope_held
from server.retailers import queries as retailers
from server.visits import rules, ruling
from server.visits.models import PlanRow, PromiseRow, StopRow, VisitRow
from server.visits.rules import Contacts, Due, Outcome, Shop, Sort

AHEAD: Final = timedelta(days=14)
"""So far ahead the list of what is due looks."""


@dataclass(frozen=True)
class Visit:
    """A visit or a call as it was kept."""

    id: UUID
    number: int
    retailer: str
    sort: Sort
    rule: str | None
    stop: UUID | None
    employee: str
    at: datetime
    time_from: str
    day: date
    received_at: datetime
    latitude: float | None
    longitude: float | None
    accuracy_m: int | None
    place_said: str
    answers: Sequence[Mapping[str, Any]]
    counts: Sequence[Mapping[str, Any]]
    words: str
    outcome: Outcome
    try_again_on: date | None


@dataclass(frozen=True)
class Promise:
    """What was promised a shop, and what became of it."""

    id: UUID
    visit: UUID
    retailer: str
    words: str
    due_on: date
    owner: str
    done_at: datetime | None
    done_by: str | None
    done_words: str | None


def due(
    session: Session,
    *,
    today: date,
    until: date,
    zone: ZoneInfo,
    rule_set: ruling.RuleSet | None = None,
    outlets: Sequence[retailers.Outlet] | None = None,
) -> list[Due]:
    """Return what is due until a day by the rules in force (or those given), for all shops that the session sees.

    A month's lot is drawn of all shops, whoever asks: it is the same for everybody.
    """
    in_force = ruling.in_force(session) if rule_set is None else rule_set
    if not in_force.rules:
        return []
    drawn = any(rule.when == "sample" for rule in in_force.rules)
    every = drawn_from(session, rules.lots_from(today), zone) if drawn else None
    if outlets is None and every is not None and scope_held(session) == EVERYTHING:
        seen = [one for one in every if one.closed is None or one.closed > today]
    else:
        seen = [_shop(one, zone) for one in (retailers.outlets(session, on=today) if outlets is None else outlets)]
    claimed: list[rules.Claimed] = []
    if any(rule.when == "claim" for rule in in_force.rules):
        since = datetime.combine(today - rules.CLAIMS_LOOKED_BACK, time(), zone)
        claimed = [
            rules.Claimed(retailer, number, at.astimezone(zone))
            for retailer, number, at in deliveries.claimed_since(session, since)
        ]
    known = contacts(session, zone)
    return rules.due(in_force.rules, seen, claimed, known, today=today, until=until, drawn_from=every)


def drawn_from(session: Session, month: date, zone: ZoneInfo) -> list[Shop]:
    """Return all shops that were not closed when a month began: of these its lot and later ones are drawn."""
    with acting_for(session, scope=EVERYTHING):
        return [_shop(one, zone) for one in retailers.outlets(session, on=month)]


def contacts(session: Session, zone: ZoneInfo) -> Contacts:
    """Return the last contacts by shop, sort and rule."""
    counts = VisitRow.outcome.in_(rules.COUNTS)
    query = select(
        VisitRow.retailer,
        VisitRow.sort,
        VisitRow.rule,
        func.max(VisitRow.day).filter(counts),
        func.max(VisitRow.at).filter(counts),
        func.max(VisitRow.at).filter(~counts),
        func.max(VisitRow.try_again_on),
    ).group_by(VisitRow.retailer, VisitRow.sort, VisitRow.rule)
    last: dict[tuple[str, str], date] = {}
    by_rule: dict[tuple[str, str], datetime] = {}
    try_on: dict[tuple[str, str], date] = {}
    for retailer, sort, rule, counted, counted_at, tried_at, again in session.execute(query):
        if counted is not None:
            last[retailer, sort] = max(counted, last.get((retailer, sort), counted))
        if rule is None:
            continue
        if counted is not None:
            by_rule[retailer, rule] = max(counted_at, by_rule.get((retailer, rule), counted_at)).astimezone(zone)
        if again is not None and (counted is None or counted_at < tried_at):
            try_on[retailer, rule] = again
    return Contacts(last, by_rule, try_on)


def visit(session: Session, id_: UUID) -> Visit | None:
    """Return one visit or call, or none."""
    row = session.get(VisitRow, id_)
    return None if row is None else _view(row)


def visits(
    session: Session,
    *,
    retailer: str = "",
    employee: str = "",
    sort: str = "",
    outcome: str = "",
    since: date | None = None,
    until: date | None = None,
    before: int | None = None,
    limit: int | None = 50,
    offset: int = 0,
) -> tuple[list[Visit], int]:
    """Return visits and calls, the last received first, and how many there are; a page may begin below a number."""
    chosen: list[tuple[Any, str]] = [
        (VisitRow.retailer, retailer),
        (VisitRow.employee, employee),
        (VisitRow.sort, sort),
        (VisitRow.outcome, outcome),
    ]
    where = [column == value for column, value in chosen if value]
    where += [] if since is None else [VisitRow.day >= since]
    where += [] if until is None else [VisitRow.day <= until]
    total = session.scalar(select(func.count()).select_from(VisitRow).where(*where)) or 0
    query = select(VisitRow).where(*where, *(() if before is None else (VisitRow.number < before,)))
    rows = session.scalars(query.order_by(VisitRow.number.desc()).offset(offset).limit(limit))
    return [_view(row) for row in rows], total


def promises_of(session: Session, visit_ids: Collection[UUID]) -> list[Promise]:
    """Return what was promised at some visits, in the order in which it was."""
    query = select(PromiseRow).where(PromiseRow.visit.in_(visit_ids)).order_by(PromiseRow.visit, PromiseRow.ordinal)
    return [_promise(row) for row in session.scalars(query)]


def open_promises(session: Session, *, until: date, owner: str = "", limit: int = 200) -> list[Promise]:
    """Return promises that are not kept yet and are due until a day, the earliest first."""
    where = [PromiseRow.done_at.is_(None), PromiseRow.due_on <= until]
    where += [PromiseRow.owner == owner] if owner else []
    query = select(PromiseRow).where(*where).order_by(PromiseRow.due_on, PromiseRow.id).limit(limit)
    return [_promise(row) for row in session.scalars(query)]


@dataclass(frozen=True)
class Own:
    """Something of a person's own that is due: a promise, with the visit and its words, or a stop of a plan."""

    sort: Literal["promise", "stop"]
    retailer: str
    due_on: date
    visit: UUID | None
    words: str


def own_today(session: Session, name: str, today: date) -> list[Own]:
    """Return the promises of a person that are due, and his stops of the day, in one query; the earliest first."""
    promised = select(
        literal("promise").label("sort"), PromiseRow.retailer, PromiseRow.due_on, PromiseRow.visit, PromiseRow.words
    ).where(PromiseRow.owner == name, PromiseRow.done_at.is_(None), PromiseRow.due_on <= today)
    planned = (
        select(literal("stop"), StopRow.retailer, StopRow.due_on, cast_to(null(), Uuid), literal(""))
        .join(PlanRow, PlanRow.id == StopRow.plan)
        .where(StopRow.manager == name, StopRow.day == today, StopRow.done_at.is_(None), PlanRow.state == "made")
        .distinct()
    )
    both = promised.union_all(planned).subquery()
    return [Own(*row) for row in session.execute(select(both).order_by(both.c.due_on, both.c.retailer))]


def _shop(one: retailers.Outlet, zone: ZoneInfo) -> Shop:
    return Shop(one.code, one.tier, one.market_type, one.region, _day(one.created_at, zone), one.closed_on)


def _day(at: datetime, zone: ZoneInfo) -> date:
    return at.astimezone(zone).date()


def _view(row: VisitRow) -> Visit:
    return Visit(
        row.id,
        row.number,
        row.retailer,
        cast("Sort", row.sort),
        row.rule,
        row.stop,
        row.employee,
        row.at,
        row.time_from,
        row.day,
        row.received_at,
        row.latitude,
        row.longitude,
        row.accuracy_m,
        row.place_said,
        row.answers,
        row.counts,
        row.words,
        cast("Outcome", row.outcome),
        row.try_again_on,
    )


def _promise(row: PromiseRow) -> Promise:
    return Promise(
        row.id,
        row.visit,
        row.retailer,
        row.words,
        row.due_on,
        row.owner,
        row.done_at,
        row.done_by,
        row.done_words,
    )

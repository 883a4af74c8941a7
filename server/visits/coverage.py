"""How far rules and plans were met: by employee and by rule, between two days. Reads only."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from server.visits.models import PlanRow, PromiseRow, StopRow, VisitRow
from server.visits.rules import COUNTS, Due


@dataclass(frozen=True)
class Person:
    """What one employee had planned, did, and what came of it. ``late`` were done after the day that they were due."""

    name: str
    planned: int = 0
    done: int = 0
    late: int = 0
    missed: int = 0
    visits: int = 0
    calls: int = 0
    reached: int = 0
    shut: int = 0
    shops: int = 0
    promises: int = 0
    promises_late: int = 0


@dataclass(frozen=True)
class OfRule:
    """How many shops a rule is about that are due, and by how many days at most they are late."""

    key: str
    due: int
    late: int
    most_days: int


def people(session: Session, *, since: date, until: date, today: date, employee: str = "") -> list[Person]:
    """Return the figures of each employee, by name; of one alone where he is named."""
    figures: dict[str, dict[str, int]] = {}
    for rows in (_stops, _contacts, _promises):
        for name, found in rows(session, since, until, today, employee).items():
            figures.setdefault(name, {}).update(found)
    return [Person(name, **figures[name]) for name in sorted(figures)]


def by_rule(due: Sequence[Due], today: date) -> list[OfRule]:
    """Return what is due by rule, in the order of the rules."""
    found: dict[str, list[int]] = {}
    for one in due:
        found.setdefault(one.rule.key, []).append(max(0, (today - one.due_on).days))
    return [OfRule(key, len(days), sum(day > 0 for day in days), max(days)) for key, days in found.items()]


def _stops(session: Session, since: date, until: date, today: date, employee: str) -> Mapping[str, dict[str, int]]:
    done = StopRow.done_at.is_not(None)
    late = (VisitRow.day > StopRow.due_on) & (VisitRow.day > StopRow.day)
    query = (
        select(
            StopRow.manager,
            func.count(StopRow.id.distinct()),
            func.count(StopRow.id.distinct()).filter(done),
            func.count(StopRow.id.distinct()).filter(done, late),
            func.count(StopRow.id.distinct()).filter(~done, StopRow.day < today),
        )
        .join(PlanRow, PlanRow.id == StopRow.plan)
        .outerjoin(VisitRow, (VisitRow.stop == StopRow.id) & VisitRow.outcome.in_(COUNTS))
        .where(PlanRow.state == "made", StopRow.day.between(since, until))
        .group_by(StopRow.manager)
    )
    if employee:
        query = query.where(StopRow.manager == employee)
    return {
        str(name): {"planned": planned, "done": met, "late": after, "missed": missed}
        for name, planned, met, after, missed in session.execute(query)
    }


def _contacts(session: Session, since: date, until: date, _today: date, employee: str) -> Mapping[str, dict[str, int]]:
    query = (
        select(
            VisitRow.employee,
            func.count().filter(VisitRow.outcome == "done"),
            func.count().filter(VisitRow.sort == "call"),
            func.count().filter(VisitRow.outcome == "reached"),
            func.count().filter(VisitRow.outcome == "shut"),
            func.count(VisitRow.retailer.distinct()),
        )
        .where(VisitRow.day.between(since, until))
        .group_by(VisitRow.employee)
    )
    if employee:
        query = query.where(VisitRow.employee == employee)
    return {
        name: {"visits": visits, "calls": calls, "reached": reached, "shut": shut, "shops": shops}
        for name, visits, calls, reached, shut, shops in session.execute(query)
    }


def _promises(session: Session, since: date, until: date, today: date, employee: str) -> Mapping[str, dict[str, int]]:
    query = (
        select(
            PromiseRow.owner,
            func.count().filter(PromiseRow.due_on.between(since, until)),
            func.count().filter(PromiseRow.done_at.is_(None), PromiseRow.due_on < today),
        )
        .where(PromiseRow.due_on <= until)
        .group_by(PromiseRow.owner)
    )
    if employee:
        query = query.where(PromiseRow.owner == employee)
    return {name: {"promises": promised, "promises_late": late} for name, promised, late in session.execute(query)}

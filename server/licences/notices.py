"""Telling shops that their licences run out: once for each licence, last day and step, from so many days before.

A licence is told of while it counts, unless another of its class follows it, a renewal of it is open, or its shop
is closed. Those of one class, last day and step go into one notice. Guarantees: looked for once a day; each notice in a
transaction of its own together with what was told, so that a job that was killed goes on with those missing; none
goes out twice. Nothing but :func:`run` commits.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Final
from uuid import UUID

from sqlalchemy import ColumnElement, Integer, and_, case, exists, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from contract.ids import uuid7
from server.kit import events, jobs
from server.kit.db import transaction
from server.kit.runtime import Runtime
from server.licences import rules
from server.licences.events import LicencesEnding
from server.licences.models import LicenceRow, NoticeDay, NoticeRow
from server.licences.queries import Licence, as_licence, ending_within, renewing
from server.retailers import queries as retailers

TASK: Final = "licences.tell_endings"
HOUR: Final = 7
"""From this hour on shops are told, by the distributor's clock."""


@dataclass(frozen=True)
class Notice:
    """One notice: that licences of a class run out on a day, and the step that it belongs to."""

    id: UUID
    licence_class: str
    valid_until: date
    step_days: int


@dataclass(frozen=True)
class Told:
    """That a shop was told of a licence's last day."""

    licence_class: str
    number: str
    valid_until: date
    step_days: int
    at: datetime


@dataclass(frozen=True)
class Ending:
    """How many licences run out within so many days with none to follow, and for how many no renewal is open."""

    days: int
    licences: int
    without_renewal: int


def keep_time(session: Session, now: datetime) -> bool:
    """Have the day's licences looked for once; ``now`` is the time in the distributor's zone."""
    if now.hour < HOUR:
        return False
    asked = insert(NoticeDay).values(day=now.date(), asked_at=now).on_conflict_do_nothing()
    if session.execute(asked.returning(NoticeDay.day)).one_or_none() is None:
        return False
    jobs.defer(session, TASK, {"day": now.date().isoformat()}, lock="licence-notices")
    return True


def run(runtime: Runtime, *, day: str) -> None:
    """Tell what is due on a day; again it does what is missing."""
    on, steps = date.fromisoformat(day), sorted(set(runtime.settings.licence_notice_days))
    with transaction(runtime.sessions) as session:
        row = session.get_one(NoticeDay, on)
        if row.done_at is not None:
            return
        row.steps = steps
        missing = due(session, on, steps)
    for licence_class, valid_until, step in missing:
        with transaction(runtime.sessions) as session:
            over_at = datetime.combine(valid_until + timedelta(days=1), time(), runtime.settings.tz)
            notice = Notice(uuid7(), licence_class, valid_until, step)
            tell(session, on, notice, over_at, urgent=step == steps[0], at=runtime.clock())
    with transaction(runtime.sessions) as session:
        session.get_one(NoticeDay, on).done_at = runtime.clock()


def due(session: Session, on: date, steps: Sequence[int]) -> list[tuple[str, date, int]]:
    """Return the class, last day and step of each notice that is due on a day, the first end first.

    Of the steps that have begun the nearest counts: a licence that is brought in late is told of once.
    """
    if not steps:
        return []
    ends = select(LicenceRow.licence_class, LicenceRow.valid_until, _step(on, steps)).where(*_untold(on, steps))
    rows = session.execute(ends.distinct().order_by(LicenceRow.valid_until, LicenceRow.licence_class))
    return [(licence_class, valid_until, step) for licence_class, valid_until, step in rows]


def tell(session: Session, on: date, notice: Notice, over_at: datetime, *, urgent: bool, at: datetime) -> int:
    """Have the shops told whose licences a notice means and that were not told of its step; return how many licences.

    Asked by two at once, each licence counts for the first.
    """
    alike = {"licence_class": notice.licence_class, "valid_until": notice.valid_until}
    query = select(LicenceRow.retailer, LicenceRow.number).filter_by(**alike)
    found = session.execute(query.where(*_untold(on, [notice.step_days]))).all()
    if not found:
        return 0
    told = {**alike, "step_days": notice.step_days, "notice": notice.id, "at": at}
    rows = [{"retailer": retailer, "number": number, **told} for retailer, number in found]
    kept = insert(NoticeRow).on_conflict_do_nothing().returning(NoticeRow.retailer)
    count = len(session.execute(kept, rows).all())
    if count:
        events.publish(session, LicencesEnding(notice.id, over_at, urgent, at))
    return count


def notice(session: Session, notice_id: UUID) -> tuple[Notice, list[str]] | None:
    """Return one notice and the shops that it tells, by code; or none."""
    query = select(NoticeRow).where(NoticeRow.notice == notice_id).order_by(NoticeRow.retailer.collate("C"))
    rows = session.scalars(query).all()
    if not rows:
        return None
    found = Notice(notice_id, rows[0].licence_class, rows[0].valid_until, rows[0].step_days)
    return found, list(dict.fromkeys(row.retailer for row in rows))


def told(session: Session, retailer: str) -> list[Told]:
    """Return what a shop was told of its licences, the newest first."""
    query = select(NoticeRow).where(NoticeRow.retailer == retailer).order_by(NoticeRow.at.desc(), NoticeRow.number)
    return [
        Told(row.licence_class, row.number, row.valid_until, row.step_days, row.at) for row in session.scalars(query)
    ]


def endings(session: Session, on: date) -> list[Ending]:
    """Return how many licences run out within each of the steps that were last looked for, the fewest days first."""
    newest = select(NoticeDay.steps).where(NoticeDay.steps.is_not(None)).order_by(NoticeDay.day.desc()).limit(1)
    usual = func.jsonb_build_array(*sorted(rules.NOTICE_STEPS_USUAL))
    steps = func.jsonb_array_elements_text(func.coalesce(newest.scalar_subquery(), usual))
    step = select(steps.cast(Integer).label("days")).subquery()
    query = (
        select(step.c.days, func.count(LicenceRow.retailer), func.count().filter(~renewing()))
        .select_from(step)
        .join(LicenceRow, and_(*ending_within(on, step.c.days)))
        .group_by(step.c.days)
        .order_by(step.c.days)
    )
    return [Ending(days, licences, without) for days, licences, without in session.execute(query)]


def ending(session: Session, on: date, days: int, *, limit: int) -> list[Licence]:
    """Return the first licences that run out within so many days, those without an open renewal."""
    query = select(LicenceRow).where(*ending_within(on, days), ~renewing())
    order = (LicenceRow.valid_until, LicenceRow.retailer, LicenceRow.licence_class, LicenceRow.number)
    return [as_licence(row) for row in session.scalars(query.order_by(*order).limit(limit))]


def _step(on: date, steps: Sequence[int]) -> ColumnElement[int]:
    return case(*((LicenceRow.valid_until < on + timedelta(days=step), step) for step in sorted(steps)))


def _untold(on: date, steps: Sequence[int]) -> tuple[ColumnElement[bool], ...]:
    before = exists().where(
        NoticeRow.retailer == LicenceRow.retailer,
        NoticeRow.licence_class == LicenceRow.licence_class,
        NoticeRow.number == LicenceRow.number,
        NoticeRow.valid_until == LicenceRow.valid_until,
        NoticeRow.step_days == _step(on, steps),
    )
    open_shops = LicenceRow.retailer.not_in(retailers.closed_codes(on))
    return (*ending_within(on, max(steps)), ~renewing(), ~before, open_shops)

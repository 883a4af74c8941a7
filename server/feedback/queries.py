"""Reads of feedback. What is about an employee is left out unless it is asked for."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal, cast
from uuid import UUID

from sqlalchemy import (
    Select,
    case,
    func,
    select,
)
from sqlalchemy.orm import Session

from contract.feed import Text
from contract.messages import FeedbackAbout, FeedbackCategory, FeedbackKind
from server.feedback.models import FeedbackEntryRow, FeedbackRow
from server.feedback.rules import OPEN, State

BY_OPERATOR = "operator:"


@dataclass(frozen=True)
class Feedback:
    """One complaint, suggestion or question as it stands."""

    id: UUID
    number: int
    retailer: str
    kind: FeedbackKind
    category: FeedbackCategory
    about: FeedbackAbout | None
    words: str
    by: str
    at: datetime
    zone: str
    answer_until: date
    state: State
    owner: str | None
    answered_at: datetime | None
    closed_at: datetime | None
    reopened_at: datetime | None
    reopened: str | None
    satisfaction: int | None

    @property
    def open(self) -> bool:
        """Whether it waits for an answer."""
        return self.state in OPEN

    @property
    def by_telephone(self) -> bool:
        """Whether an operator entered it for the shop."""
        return self.by.startswith(BY_OPERATOR)


@dataclass(frozen=True)
class Entry:
    """An answer, or a note that stays inside; one language of the words may be empty."""

    sort: Literal["answer", "note"]
    words_zh: str
    words_en: str
    author: str
    at: datetime

    @property
    def both(self) -> Text:
        """The words in both languages; where one was not written, the other stands for it."""
        return Text(zh=self.words_zh or self.words_en, en=self.words_en or self.words_zh)


@dataclass(frozen=True)
class Totals:
    """How much there is; ``late`` of the ``open`` ones are past their day, ``satisfaction`` is the mean mark."""

    feedback: int
    open: int
    late: int
    answered: int
    satisfaction: float | None


def feedback(session: Session, feedback_id: UUID) -> Feedback | None:
    """Return one piece of feedback, or none."""
    row = session.get(FeedbackRow, feedback_id, populate_existing=True)
    return None if row is None else view(row)


def every(
    session: Session,
    *,
    retailer: str | None = None,
    state: State | None = None,
    employees: bool = False,
    limit: int | None = None,
) -> list[Feedback]:
    """Return feedback: open first, the earlier day for an answer before the later, then the rest, newest first."""
    waits = FeedbackRow.state.in_(OPEN)
    by_day = case((waits, FeedbackRow.answer_until))
    query = _named(retailer, state, employees=employees)
    ordered = query.order_by(waits.desc(), by_day, case((waits, FeedbackRow.number)), FeedbackRow.number.desc())
    return [view(row) for row in session.scalars(ordered.limit(limit))]


def newest(
    session: Session,
    *,
    retailer: str | None,
    state: State | None,
    employees: bool,
    before: int | None,
    limit: int,
) -> list[Feedback]:
    """Return feedback, the newest number first, below the number ``before`` where it is named."""
    query = _named(retailer, state, employees=employees).order_by(FeedbackRow.number.desc()).limit(limit)
    if before is not None:
        query = query.where(FeedbackRow.number < before)
    return [view(row) for row in session.scalars(query)]


def _named(retailer: str | None, state: State | None, *, employees: bool) -> Select[FeedbackRow]:
    query = select(FeedbackRow)
    if retailer is not None:
        query = query.where(FeedbackRow.retailer == retailer)
    if state is not None:
        query = query.where(FeedbackRow.state == state)
    return query if employees else query.where(FeedbackRow.category != "employee")


def entries(session: Session, feedback_id: UUID) -> list[Entry]:
    """Return the answers and notes of one piece of feedback, the newest first."""
    rows = session.scalars(
        select(FeedbackEntryRow)
        .where(FeedbackEntryRow.feedback == feedback_id)
        .order_by(FeedbackEntryRow.at.desc(), FeedbackEntryRow.id.desc())
    )
    return [
        Entry(cast("Literal['answer', 'note']", row.sort), row.words_zh, row.words_en, row.author, row.at)
        for row in rows
    ]


def totals(session: Session, today: date, *, employees: bool = False) -> Totals:
    """Return how much feedback there is on the distributor's day ``today``."""
    waits = FeedbackRow.state.in_(OPEN)
    query = select(
        func.count(),
        func.count().filter(waits),
        func.count().filter(waits, FeedbackRow.answer_until < today),
        func.count().filter(FeedbackRow.state == "answered"),
        func.avg(FeedbackRow.satisfaction),
    )
    if not employees:
        query = query.where(FeedbackRow.category != "employee")
    whole, waiting, late, answered, mark = session.execute(query).one()
    return Totals(whole, waiting, late, answered, None if mark is None else float(mark))


def view(row: FeedbackRow) -> Feedback:
    """Return a row as others see it."""
    about = None
    if row.about_sort is not None:
        about = FeedbackAbout.model_validate({"sort": row.about_sort, "name": row.about_name})
    return Feedback(
        id=row.id,
        number=row.number,
        retailer=row.retailer,
        kind=cast("FeedbackKind", row.kind),
        category=cast("FeedbackCategory", row.category),
        about=about,
        words=row.words,
        by=row.by,
        at=row.at,
        zone=row.zone,
        answer_until=row.answer_until,
        state=cast("State", row.state),
        owner=row.owner,
        answered_at=row.answered_at,
        closed_at=row.closed_at,
        reopened_at=row.reopened_at,
        reopened=row.reopened,
        satisfaction=row.satisfaction,
    )

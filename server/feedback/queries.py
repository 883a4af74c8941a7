"""Reads of feedback. Whoever reads is named: what is about an employee is there for few, for nobody where none is."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Literal, cast
from uuid import UUID

from sqlalchemy import ColumnElement, Select, and_, case, false, func, literal, or_, select, true
from sqlalchemy.orm import Session

from contract.feed import Text
from contract.messages import FeedbackAbout, FeedbackCategory, FeedbackKind
from server.feedback.models import FeedbackEntryRow, FeedbackRow, FeedbackStepRow, RemedyRow
from server.feedback.rules import OPEN, Decision, RemedyState, State, Way
from server.kit.db import streamed
from server.kit.identity import Operator
from server.retailers import queries as retailers

EntrySort = Literal["answer", "note", "pause", "reopening", "proposal", "no_remedy", "returned"]


@dataclass(frozen=True)
class Feedback:
    """One complaint, suggestion or question as it stands."""

    id: UUID
    number: int
    retailer: str
    kind: FeedbackKind
    category: FeedbackCategory
    way: Way
    about: FeedbackAbout | None
    concerns: tuple[str, ...]
    words: str
    explanation: dict[str, Any] | None
    by: str
    at: datetime
    zone: str
    due_at: datetime
    answer_until: date
    state: State
    owner: str | None
    paused_at: datetime | None
    escalated: int
    answered_at: datetime | None
    decision: Decision | None
    closed_at: datetime | None
    reopened_at: datetime | None
    reopened: str | None
    reopens: int
    satisfaction: int | None

    @property
    def open(self) -> bool:
        """Whether it waits for an answer."""
        return self.state in OPEN

    @property
    def by_telephone(self) -> bool:
        """Whether an employee entered it for the shop."""
        return self.way != "terminal"

    def late(self, now: datetime) -> bool:
        """Whether it should have been answered by ``now``; while its clock stands, nothing becomes late."""
        return self.open and self.due_at < (self.paused_at or now)


@dataclass(frozen=True)
class Entry:
    """What was written to it; one language of the words may be empty."""

    id: UUID
    sort: EntrySort
    words_zh: str
    words_en: str
    author: str
    at: datetime

    @property
    def both(self) -> Text:
        """The words in both languages; where one was not written, the other stands for it."""
        return Text(zh=self.words_zh or self.words_en, en=self.words_en or self.words_zh)


@dataclass(frozen=True)
class Remedy:
    """How an upheld dispute about a grant is made good; ``answer`` and ``because`` are entries.

    ``units`` are none where nothing is made good. ``decided_by`` confirmed it or handed it back.
    """

    id: UUID
    units: int | None
    answer: UUID
    because: UUID | None
    closes: bool
    author: str
    at: datetime
    state: RemedyState
    decided_by: str | None
    decided_at: datetime | None


@dataclass(frozen=True)
class Step:
    """It was late, and went from one person to the next; ``round`` counts the reopenings before."""

    round: int
    step: int
    before: str | None
    owner: str
    at: datetime


@dataclass(frozen=True)
class Totals:
    """How much there is; ``late`` of the ``open`` ones are past their deadline, ``satisfaction`` is the mean mark."""

    feedback: int
    open: int
    late: int
    answered: int
    satisfaction: float | None


@dataclass(frozen=True)
class Asked:
    """What is asked of the list; what is empty does not narrow. ``order`` begins with ``-`` to descend."""

    words: str = ""
    state: str = ""
    kind: str = ""
    category: str = ""
    owner: str = ""
    way: str = ""
    region: str = ""
    order: str = ""
    limit: int | None = None
    offset: int = 0


@dataclass(frozen=True)
class Listed:
    """One with its shop's name and region."""

    found: Feedback
    shop: str
    region: str


def feedback(session: Session, feedback_id: UUID) -> Feedback | None:
    """Return one piece of feedback, or none; whether the person who asks sees it is for :func:`rules.sees` to say."""
    row = session.get(FeedbackRow, feedback_id, populate_existing=True)
    return None if row is None else view(row)


def visible(reader: Operator | None) -> ColumnElement[bool]:
    """Return the condition for what a reader sees: :func:`server.feedback.rules.sees`, for the database."""
    plain = FeedbackRow.category != "employee"
    if reader is None or reader.scopes is not None:
        return plain
    named = FeedbackRow.concerns != literal([], FeedbackRow.concerns.type)
    keeps = or_(FeedbackRow.owner.is_(None), named) if reader.may("administrator") else false()
    about_others = literal(reader.name) != FeedbackRow.concerns.all_()
    return and_(about_others, or_(plain, FeedbackRow.owner == reader.name, keeps))


def late(now: datetime) -> ColumnElement[bool]:
    """Return the condition for what should have been answered by ``now``: :meth:`Feedback.late`, for the database."""
    return and_(FeedbackRow.state.in_(OPEN), FeedbackRow.due_at < func.coalesce(FeedbackRow.paused_at, now))


def of_shop(session: Session, retailer: str, *, limit: int) -> list[Feedback]:
    """Return what a shop said that everybody may read: open first, the earlier deadline before the later."""
    query = select(FeedbackRow).where(FeedbackRow.retailer == retailer, visible(None)).order_by(*_BY_DEADLINE)
    return [view(row) for row in session.scalars(query.limit(limit))]


def first(session: Session, reader: Operator, *, limit: int, mine: bool = False) -> list[Feedback]:
    """Return what waits for an answer, the earliest deadline first; with ``mine`` what waits for the reader's."""
    query = select(FeedbackRow).where(FeedbackRow.state.in_(OPEN), visible(reader)).order_by(*_BY_DEADLINE)
    if mine:
        query = query.where(FeedbackRow.owner == reader.name)
    return [view(row) for row in session.scalars(query.limit(limit))]


def listed(session: Session, asked: Asked, reader: Operator, now: datetime) -> tuple[list[Listed], int]:
    """Return one page of what the reader sees, and how much there is of it on all pages."""
    query = _asked(asked, reader, now)
    total = session.scalar(select(func.count()).select_from(query.order_by(None).subquery())) or 0
    rows = session.execute(query.limit(asked.limit).offset(asked.offset))
    return [Listed(view(row), shop, region) for row, shop, region in rows], total


def every(session: Session, asked: Asked, reader: Operator, now: datetime) -> Iterator[Listed]:
    """Yield all of it, for a file, in the same order."""
    for row, shop, region in streamed(session, _asked(asked, reader, now)):
        yield Listed(view(row), shop, region)


def owners(session: Session, reader: Operator) -> list[str]:
    """Return who owns or owned anything that the reader sees, by name."""
    query = select(FeedbackRow.owner).where(FeedbackRow.owner.is_not(None), visible(reader)).distinct()
    return sorted(name for name in session.scalars(query) if name is not None)


def newest(
    session: Session,
    *,
    reader: Operator,
    retailer: str | None,
    state: State | None,
    before: int | None,
    limit: int,
) -> list[Feedback]:
    """Return feedback, the newest number first, below the number ``before`` where it is named."""
    query = select(FeedbackRow).where(visible(reader)).order_by(FeedbackRow.number.desc()).limit(limit)
    if retailer is not None:
        query = query.where(FeedbackRow.retailer == retailer)
    if state is not None:
        query = query.where(FeedbackRow.state == state)
    if before is not None:
        query = query.where(FeedbackRow.number < before)
    return [view(row) for row in session.scalars(query)]


def entries(session: Session, feedback_id: UUID) -> list[Entry]:
    """Return what was written to one piece of feedback, the newest first."""
    rows = session.scalars(
        select(FeedbackEntryRow)
        .where(FeedbackEntryRow.feedback == feedback_id)
        .order_by(FeedbackEntryRow.at.desc(), FeedbackEntryRow.id.desc())
    )
    return [Entry(row.id, cast("EntrySort", row.sort), row.words_zh, row.words_en, row.author, row.at) for row in rows]


def remedies(session: Session, feedback_id: UUID) -> list[Remedy]:
    """Return how one piece of feedback was to be made good, the newest first."""
    rows = session.scalars(
        select(RemedyRow)
        .where(RemedyRow.feedback == feedback_id)
        .order_by(RemedyRow.at.desc(), RemedyRow.id.desc())
        .execution_options(populate_existing=True)
    )
    return [
        Remedy(
            row.id,
            row.units,
            row.answer,
            row.because,
            row.closes,
            row.author,
            row.at,
            cast("RemedyState", row.state),
            row.decided_by,
            row.decided_at,
        )
        for row in rows
    ]


def to_confirm(session: Session, reader: Operator, *, limit: int) -> list[Feedback]:
    """Return what the reader sees and may answer with as the second person, the earliest deadline first."""
    if not reader.may("releaser"):
        return []
    proposed = select(RemedyRow.feedback).where(RemedyRow.state == "proposed", RemedyRow.author != reader.name)
    query = select(FeedbackRow).where(FeedbackRow.id.in_(proposed), visible(reader)).order_by(*_BY_DEADLINE)
    return [view(row) for row in session.scalars(query.limit(limit))]


def steps(session: Session, feedback_id: UUID) -> list[Step]:
    """Return how one piece of feedback was escalated, the first step first."""
    rows = session.scalars(
        select(FeedbackStepRow)
        .where(FeedbackStepRow.feedback == feedback_id)
        .order_by(FeedbackStepRow.round, FeedbackStepRow.step)
    )
    return [Step(row.round, row.step, row.before, row.owner, row.at) for row in rows]


def totals(session: Session, reader: Operator, now: datetime, *, mine: bool = False) -> Totals:
    """Return how much feedback there is for a reader at an instant; with ``mine`` what the reader owns."""
    query = select(
        func.count(),
        func.count().filter(FeedbackRow.state.in_(OPEN)),
        func.count().filter(late(now)),
        func.count().filter(FeedbackRow.state == "answered"),
        func.avg(FeedbackRow.satisfaction),
    ).where(visible(reader), FeedbackRow.owner == reader.name if mine else true())
    whole, waiting, overdue, answered, mark = session.execute(query).one()
    return Totals(whole, waiting, overdue, answered, None if mark is None else float(mark))


_WAITS = FeedbackRow.state.in_(OPEN)
_BY_DEADLINE = (_WAITS.desc(), case((_WAITS, FeedbackRow.due_at)), FeedbackRow.number.desc())


def _asked(asked: Asked, reader: Operator, now: datetime) -> Select[Any]:
    shops = retailers.shops_query().subquery()
    query = (
        select(FeedbackRow, shops.c.name, shops.c.region)
        .join(shops, shops.c.code == FeedbackRow.retailer)
        .where(visible(reader))
    )
    narrowing = {
        "kind": FeedbackRow.kind,
        "category": FeedbackRow.category,
        "owner": FeedbackRow.owner,
        "way": FeedbackRow.way,
        "region": shops.c.region,
    }
    for key, column in narrowing.items():
        if getattr(asked, key):
            query = query.where(column == getattr(asked, key))
    match asked.state:
        case "":
            pass
        case "open":
            query = query.where(_WAITS)
        case "late":
            query = query.where(late(now))
        case "paused":
            query = query.where(FeedbackRow.paused_at.is_not(None))
        case _:
            query = query.where(FeedbackRow.state == asked.state)
    if asked.words:
        told = func.concat_ws(
            " ",
            literal("#").concat(FeedbackRow.number),
            FeedbackRow.retailer,
            shops.c.name,
            shops.c.route,
            FeedbackRow.words,
            FeedbackRow.owner,
            FeedbackRow.about_name,
            func.array_to_string(FeedbackRow.concerns, " "),
        )
        query = query.where(told.icontains(asked.words, autoescape=True))
    key = asked.order.removeprefix("-")
    if not key:
        return query.order_by(*_BY_DEADLINE)
    by: Any = shops.c[{"shop": "name"}.get(key, key)] if key in {"shop", "region"} else getattr(FeedbackRow, key)
    ordered = by.desc().nulls_last() if asked.order.startswith("-") else by.asc().nulls_first()
    return query.order_by(ordered, FeedbackRow.number.desc())


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
        way=cast("Way", row.way),
        about=about,
        concerns=tuple(row.concerns),
        words=row.words,
        explanation=row.explanation,
        by=row.by,
        at=row.at,
        zone=row.zone,
        due_at=row.due_at,
        answer_until=row.answer_until,
        state=cast("State", row.state),
        owner=row.owner,
        paused_at=row.paused_at,
        escalated=row.escalated,
        answered_at=row.answered_at,
        decision=cast("Decision | None", row.decision),
        closed_at=row.closed_at,
        reopened_at=row.reopened_at,
        reopened=row.reopened,
        reopens=row.reopens,
        satisfaction=row.satisfaction,
    )

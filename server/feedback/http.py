"""``/api/v1/feedback``: everything that a person can do with feedback, for programs."""

from datetime import date, datetime
from typing import Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict

from contract.errors import Rejected
from contract.messages import FeedbackAbout, FeedbackCategory, FeedbackKind, SendFeedback
from server.feedback import queries, rules, service
from server.kit import http, paging
from server.kit.identity import Role

PLACE = "/api/v1/feedback"
reading = http.router(PLACE, tag="feedback", roles=(), shops="all")
ACTORS: tuple[Role, ...] = ("planner", "administrator", "manager")
acting = http.router(PLACE, tag="feedback", roles=ACTORS, shops="all")


class Body(BaseModel):
    """What a program sends; a name that is not known is refused."""

    model_config = ConfigDict(extra="forbid")


class NewFeedback(Body):
    """What a shop says on the telephone."""

    retailer: str
    said: SendFeedback


class NewAnswer(Body):
    """An answer in one language or both; ``close`` closes it with that."""

    answer_zh: str = ""
    answer_en: str = ""
    close: bool = False


class Owner(Body):
    """Who looks at it."""

    owner: str


class NewNote(Body):
    """A note that stays inside."""

    note: str


class Made(BaseModel):
    """The id of what was made."""

    id: UUID


class EntryStatus(BaseModel):
    """An answer, or a note that stays inside; one language may be empty."""

    sort: Literal["answer", "note"]
    words_zh: str
    words_en: str
    author: str
    at: datetime


class FeedbackLine(BaseModel):
    """One complaint, suggestion or question in a list."""

    id: UUID
    number: int
    retailer: str
    kind: FeedbackKind
    category: FeedbackCategory
    about: FeedbackAbout | None
    words: str
    by: str
    at: datetime
    answer_until: date
    state: rules.State
    owner: str | None
    answered_at: datetime | None
    closed_at: datetime | None
    reopened_at: datetime | None
    reopened: str | None
    satisfaction: int | None


class FeedbackStatus(FeedbackLine):
    """One with its answers and notes, the newest first."""

    entries: list[EntryStatus]


@reading.get("")
def list_feedback(
    session: http.Db,
    page: paging.Paged,
    operator: http.Person,
    retailer: str | None = None,
    state: rules.State | None = None,
) -> list[FeedbackLine]:
    """Return feedback, the newest first; what is about employees to administrators alone."""
    employees = rules.seen_by("employee", operator.roles)
    found = queries.newest(
        session, retailer=retailer, state=state, employees=employees, before=page.key(int), limit=page.one_more
    )
    rows = page.rows(found, lambda one: (one.number,))
    return [FeedbackLine.model_validate(one, from_attributes=True) for one in rows]


@acting.post("", status_code=201)
def enter_feedback(new: NewFeedback, session: http.Db, operator: http.Person, clock: http.Now) -> Made:
    """Keep what a shop says on the telephone."""
    return Made(id=service.enter_feedback(session, new.retailer, new.said, operator, at=clock()))


@reading.get("/{feedback}")
def feedback_status(feedback: UUID, session: http.Db, operator: http.Person) -> FeedbackStatus:
    """Return one with its answers and notes."""
    found = queries.feedback(session, feedback)
    if found is None or not rules.seen_by(found.category, operator.roles):
        raise Rejected("not_found", what="feedback", name=str(feedback))
    return FeedbackStatus(
        **FeedbackLine.model_validate(found, from_attributes=True).model_dump(),
        entries=[EntryStatus.model_validate(one, from_attributes=True) for one in queries.entries(session, feedback)],
    )


@acting.post("/{feedback}/assign", status_code=204)
def assign(feedback: UUID, said: Owner, session: http.Db, operator: http.Person, clock: http.Now) -> None:
    """Give it to a person; the shop is told that somebody looks at it."""
    service.assign(session, feedback, said.owner, operator, at=clock())


@acting.post("/{feedback}/answer", status_code=204)
def answer(feedback: UUID, new: NewAnswer, session: http.Db, operator: http.Person, clock: http.Now) -> None:
    """Answer it, and close it with that where asked."""
    service.answer(
        session,
        feedback,
        operator,
        answer_zh=new.answer_zh,
        answer_en=new.answer_en,
        close=new.close,
        at=clock(),
    )


@acting.post("/{feedback}/note", status_code=204)
def note(feedback: UUID, new: NewNote, session: http.Db, operator: http.Person, clock: http.Now) -> None:
    """Write a note that stays inside."""
    service.note(session, feedback, new.note, operator, at=clock())


@acting.post("/{feedback}/close", status_code=204)
def close(feedback: UUID, session: http.Db, operator: http.Person, clock: http.Now) -> None:
    """Close what was answered."""
    service.close(session, feedback, operator, at=clock())

"""``/api/v1/feedback``: everything that a person can do with feedback, for programs."""

from datetime import date, datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import Header
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy.orm import Session

from contract.errors import Rejected
from contract.messages import FeedbackAbout, FeedbackCategory, FeedbackKind, SendFeedback
from server.cycles import crediting
from server.feedback import queries, remedies, rules, service, setting, terms
from server.kit import http, paging

PLACE = "/api/v1/feedback"
reading = http.router(PLACE, tag="feedback", roles=(), shops="all")
acting = http.router(PLACE, tag="feedback", roles=rules.ACTORS, shops="all")
confirming = http.router(PLACE, tag="feedback", roles=("releaser",), shops="all")
returning = http.router(PLACE, tag="feedback", roles=(*rules.ACTORS, "releaser"), shops="all")
setting_terms = http.router(f"{PLACE}/terms", tag="feedback", roles=("administrator",))


class Body(BaseModel):
    """What a program sends; a name that is not known is refused."""

    model_config = ConfigDict(extra="forbid")


class NewFeedback(Body):
    """What a shop says to an employee, and on which way."""

    retailer: str
    said: SendFeedback
    way: Literal["telephone", "visit", "counter"] = "telephone"


class Credit(Body):
    """Units of the disputed SKU that the shop is credited with in the next sharings."""

    sort: Literal["credit"]
    units: Annotated[int, Field(ge=1, lt=2**62, strict=True)]


class Nothing(Body):
    """Nothing is made good, for a reason in one language or both; the shop reads it."""

    sort: Literal["none"]
    because_zh: str = ""
    because_en: str = ""


class NewAnswer(Body):
    """An answer in one language or both; ``close`` closes it with that, ``decision`` decides what is disputed.

    One that upholds a dispute about a grant names its ``remedy``, and counts once a second person confirmed it.
    """

    answer_zh: str = ""
    answer_en: str = ""
    close: bool = False
    decision: rules.Decision | None = None
    remedy: Annotated[Credit | Nothing, Field(discriminator="sort")] | None = None


class Why(Body):
    """Why an answer is handed back; it stays inside."""

    why: str


class Owner(Body):
    """Who looks at it."""

    owner: str


class Pause(Body):
    """Why its clock stands, in one language or both; the shop reads it."""

    because_zh: str = ""
    because_en: str = ""


class Sorting(Body):
    """Its category and, where that is ``employee``, the accounts of the employees whom it is about."""

    category: FeedbackCategory
    concerns: Annotated[list[str], Field(default_factory=list, max_length=20)]


TermsSeen = Annotated[int | None, Header(alias="If-Match", description="the version of the terms that was seen")]


class NewTerms(Body):
    """What is promised from now on: working hours and days, hours by category, owners, chains, steps, reopening."""

    zone: str
    opens: Annotated[str, Field(pattern="^([01][0-9]|2[0-3]):[0-5][0-9]$")]
    closes: Annotated[str, Field(pattern="^([01][0-9]|2[0-3]):[0-5][0-9]$")]
    holidays: Annotated[list[date], Field(max_length=terms.DAYS_MOST)]
    worked: Annotated[list[date], Field(max_length=terms.DAYS_MOST)]
    hours: dict[FeedbackCategory, int]
    owners: dict[FeedbackCategory, str]
    chains: dict[FeedbackCategory, list[str]]
    step_hours: int
    reopen_days: int
    reopens_most: int


class TermsVersion(BaseModel):
    """One version of the terms."""

    version: int
    zone: str
    body: dict[str, Any]
    author: str
    at: datetime


class MadeVersion(BaseModel):
    """The number of the version that was set."""

    version: int


class NewNote(Body):
    """A note that stays inside."""

    note: str


class Made(BaseModel):
    """The id of what was made."""

    id: UUID


class EntryStatus(BaseModel):
    """An answer, a note that stays inside, why it waits or was reopened; one language may be empty."""

    sort: queries.EntrySort
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
    way: rules.Way
    about: FeedbackAbout | None
    words: str
    by: str
    at: datetime
    due_at: datetime
    answer_until: date
    state: rules.State
    owner: str | None
    paused_at: datetime | None
    escalated: int
    answered_at: datetime | None
    decision: rules.Decision | None
    closed_at: datetime | None
    reopened_at: datetime | None
    reopened: str | None
    reopens: int
    satisfaction: int | None


class TakenStatus(BaseModel):
    """What the book of one cycle took in of a credit."""

    cycle: UUID
    number: int
    units: int


class CreditStatus(BaseModel):
    """A credit that was confirmed, what is still due of it, and which cycles took in how much."""

    units: int
    left_units: int
    taken: list[TakenStatus]


class RemedyStatus(BaseModel):
    """How an upheld dispute about a grant is made good: units, or none; proposed, confirmed or handed back."""

    id: UUID
    units: int | None
    author: str
    at: datetime
    state: rules.RemedyState
    decided_by: str | None
    decided_at: datetime | None
    credit: CreditStatus | None


class FeedbackStatus(FeedbackLine):
    """One with its answers and notes, the newest first, what is disputed as it was frozen, and how it is made good."""

    entries: list[EntryStatus]
    remedies: list[RemedyStatus]
    explanation: dict[str, Any] | None


@reading.get("")
def list_feedback(
    session: http.Db,
    page: paging.Paged,
    operator: http.Person,
    retailer: str | None = None,
    state: rules.State | None = None,
) -> list[FeedbackLine]:
    """Return feedback, the newest first; of what is about employees what the person sees, for a program nothing."""
    found = queries.newest(
        session, reader=operator, retailer=retailer, state=state, before=page.key(int), limit=page.one_more
    )
    rows = page.rows(found, lambda one: (one.number,))
    return [FeedbackLine.model_validate(one, from_attributes=True) for one in rows]


@acting.post("", status_code=201)
def enter_feedback(new: NewFeedback, session: http.Db, operator: http.Person, clock: http.Now) -> Made:
    """Keep what a shop says to an employee."""
    return Made(id=service.enter_feedback(session, new.retailer, new.said, operator, way=new.way, at=clock()))


@reading.get("/{feedback}")
def feedback_status(feedback: UUID, session: http.Db, operator: http.Person) -> FeedbackStatus:
    """Return one with its answers and notes."""
    found = queries.feedback(session, feedback)
    if found is None or not rules.sees(operator, found.category, found.concerns, found.owner):
        raise Rejected("not_found", what="feedback", name=str(feedback))
    return FeedbackStatus(
        **FeedbackLine.model_validate(found, from_attributes=True).model_dump(),
        entries=[EntryStatus.model_validate(one, from_attributes=True) for one in queries.entries(session, feedback)],
        remedies=_remedies(session, found),
        explanation=found.explanation,
    )


@acting.post("/{feedback}/assign", status_code=204)
def assign(feedback: UUID, said: Owner, session: http.Db, operator: http.Person, clock: http.Now) -> None:
    """Give it to a person; the shop is told that somebody looks at it."""
    service.assign(session, feedback, said.owner, operator, at=clock())


@acting.post("/{feedback}/answer", status_code=204)
def answer(feedback: UUID, new: NewAnswer, session: http.Db, operator: http.Person, clock: http.Now) -> None:
    """Answer it, and close it with that where asked; where a second person confirms it, it is proposed."""
    given = new.remedy
    remedy = None
    if isinstance(given, Credit):
        remedy = remedies.Remedy(units=given.units)
    elif isinstance(given, Nothing):
        remedy = remedies.Remedy(because_zh=given.because_zh, because_en=given.because_en)
    remedies.answer(
        session,
        feedback,
        operator,
        answer_zh=new.answer_zh,
        answer_en=new.answer_en,
        close=new.close,
        decision=new.decision,
        remedy=remedy,
        at=clock(),
    )


@confirming.post("/{feedback}/remedy/confirm", status_code=204)
def confirm_remedy(
    feedback: UUID,
    session: http.Db,
    operator: http.Person,
    clock: http.Now,
    if_match: Annotated[UUID | None, Header(description="the id of the remedy that was looked at")] = None,
) -> None:
    """Let an answer that upholds a dispute about a grant count, as the second person; the shop is told.

    With ``If-Match`` only the answer with that remedy counts.
    """
    remedies.confirm(session, feedback, operator, at=clock(), seen=if_match)


@returning.post("/{feedback}/remedy/return", status_code=204)
def return_remedy(feedback: UUID, said: Why, session: http.Db, operator: http.Person, clock: http.Now) -> None:
    """Hand back an answer that waits for a second person; it is kept, and another one can be given."""
    remedies.hand_back(session, feedback, operator, why=said.why, at=clock())


@acting.post("/{feedback}/pause", status_code=204)
def pause(feedback: UUID, new: Pause, session: http.Db, operator: http.Person, clock: http.Now) -> None:
    """Let its clock stand for a reason; the shop is told."""
    service.pause(session, feedback, operator, because_zh=new.because_zh, because_en=new.because_en, at=clock())


@acting.post("/{feedback}/resume", status_code=204)
def resume(feedback: UUID, session: http.Db, operator: http.Person, clock: http.Now) -> None:
    """Let its clock go on; the shop is told."""
    service.resume(session, feedback, operator, at=clock())


@acting.post("/{feedback}/sort", status_code=204)
def sort_again(feedback: UUID, new: Sorting, session: http.Db, operator: http.Person, clock: http.Now) -> None:
    """Put it into a category, and say which employees it is about: they see nothing of it."""
    service.sort_again(session, feedback, new.category, new.concerns, operator, at=clock())


@setting_terms.get("")
def list_terms(session: http.Db) -> list[TermsVersion]:
    """Return the versions of what is promised, the newest first."""
    return [TermsVersion.model_validate(one, from_attributes=True) for one in setting.versions(session)]


@setting_terms.post("", status_code=201)
def set_terms(
    new: NewTerms, session: http.Db, operator: http.Person, clock: http.Now, if_match: TermsSeen = None
) -> MadeVersion:
    """Set what is promised from now on; with ``If-Match`` only where that version still holds."""
    body = new.model_dump(mode="json", exclude={"zone"})
    held = setting.made(new.zone, body)
    return MadeVersion(version=setting.set_terms(session, held, new.zone, operator, at=clock(), seen=if_match))


@acting.post("/{feedback}/note", status_code=204)
def note(feedback: UUID, new: NewNote, session: http.Db, operator: http.Person, clock: http.Now) -> None:
    """Write a note that stays inside."""
    service.note(session, feedback, new.note, operator, at=clock())


@acting.post("/{feedback}/close", status_code=204)
def close(feedback: UUID, session: http.Db, operator: http.Person, clock: http.Now) -> None:
    """Close what was answered."""
    service.close(session, feedback, operator, at=clock())


def _remedies(session: Session, found: queries.Feedback) -> list[RemedyStatus]:
    credited = {one.id: one for one in crediting.of_feedback(session, found.number)}
    status = []
    for one in queries.remedies(session, found.id):
        credit = credited.get(one.id)
        shown = None if credit is None else CreditStatus.model_validate(credit, from_attributes=True)
        status.append(RemedyStatus.model_validate(vars(one) | {"credit": shown}, from_attributes=True))
    return status

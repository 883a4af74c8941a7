"""``/api/v1/scores/appeals``: everything that a person can do with appeals, for programs."""

from datetime import date, datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import Header, Query
from pydantic import BaseModel, Field

from contract.errors import Rejected
from contract.messages import AppealScore
from server.kit import http, paging
from server.scores import answering, appeal_queries, appeals, remedies, shapes
from server.scores.appeal_rules import AppealState, Verdict

PLACE = "/api/v1/scores/appeals"
reading = http.router(PLACE, tag="scores", roles=(), shops="reads")
planning = http.router(PLACE, tag="scores", roles=("planner",))
releasing = http.router(PLACE, tag="scores", roles=("releaser",))
acting = http.router(PLACE, tag="scores", roles=("planner", "releaser"))


class NewAppeal(shapes.Body):
    """An appeal that a shop made on the telephone; without a component the whole score is meant."""

    retailer: str
    appeal: AppealScore


class NewAnswer(shapes.Body):
    """An answer in one language or both; upheld, with what it changes."""

    verdict: Verdict
    answer_zh: str = ""
    answer_en: str = ""
    remedy: remedies.Remedy | None = None


class Owner(shapes.Body):
    """Who looks at it."""

    owner: str


class Why(shapes.Body):
    """Why an answer is handed back."""

    why: str


class Made(BaseModel):
    """The id of what was made."""

    id: UUID


class AnswerStatus(BaseModel):
    """One answer with the figures it stands on; one that upholds counts once it has an approver."""

    id: UUID
    verdict: Verdict
    answer_zh: str
    answer_en: str
    figures: list[dict[str, Any]]
    remedy: dict[str, Any] | None
    author: str
    at: datetime
    approver: str | None
    returned_by: str | None
    returned_why: str | None


class CorrectionStatus(BaseModel):
    """One corrected figure: before, after, why and by whom."""

    facts: str
    product_class: str
    period: date
    before: dict[str, Any]
    after: dict[str, Any]
    reason: str
    author: str
    approver: str
    at: datetime


class AppealLine(BaseModel):
    """An appeal in a list; an empty component is the whole score."""

    id: UUID
    number: int
    retailer: str
    run: int
    component: str
    words: str
    figure: int | None
    by: str
    at: datetime
    answer_until: date
    state: AppealState
    owner: str | None
    settled_at: datetime | None


class AppealStatus(AppealLine):
    """An appeal with its answers, the newest first, and what it corrected."""

    answers: list[AnswerStatus]
    corrections: list[CorrectionStatus] = Field(description="empty where a decision was ended")


@reading.get("")
def list_appeals(
    session: http.Db,
    page: paging.Paged,
    retailer: str | None = None,
    run: Annotated[int | None, Query(ge=1, lt=2**31)] = None,
    state: AppealState | None = None,
) -> list[AppealLine]:
    """Return appeals, the newest first."""
    found = appeal_queries.newest(
        session, retailer=retailer, run=run, state=state, before=page.key(int), limit=page.one_more
    )
    rows = page.rows(found, lambda one: (one.number,))
    return [AppealLine.model_validate(one, from_attributes=True) for one in rows]


@planning.post("", status_code=201)
def enter_appeal(new: NewAppeal, session: http.Db, operator: http.Person, clock: http.Now) -> Made:
    """Keep an appeal that a shop made on the telephone."""
    return Made(id=appeals.enter_appeal(session, new.retailer, new.appeal, operator, at=clock()))


@reading.get("/{appeal}")
def appeal_status(appeal: UUID, session: http.Db) -> AppealStatus:
    """Return an appeal with its answers and what it corrected."""
    found = appeal_queries.appeal(session, appeal)
    if found is None:
        raise Rejected("not_found", what="appeal", name=str(appeal))
    answers = appeal_queries.answers(session, appeal)
    corrected = appeal_queries.corrections(session, [appeal])[appeal]
    return AppealStatus(
        **AppealLine.model_validate(found, from_attributes=True).model_dump(),
        answers=[AnswerStatus.model_validate(one, from_attributes=True) for one in answers],
        corrections=[CorrectionStatus.model_validate(one, from_attributes=True) for one in corrected],
    )


@planning.post("/{appeal}/look-at", status_code=204)
def look_at(appeal: UUID, said: Owner, session: http.Db, operator: http.Person, clock: http.Now) -> None:
    """Give an open appeal to a person; the shop is told that somebody looks at it."""
    appeals.look_at(session, appeal, said.owner, operator, at=clock())


@planning.post("/{appeal}/answer", status_code=201)
def answer_appeal(
    appeal: UUID,
    new: NewAnswer,
    session: http.Db,
    operator: http.Person,
    clock: http.Now,
    settings: http.Config,
) -> Made:
    """Answer an appeal; one that is upheld waits for a second person."""
    now = clock()
    made = answering.answer_appeal(
        session,
        appeal,
        new.verdict,
        operator,
        answer_zh=new.answer_zh,
        answer_en=new.answer_en,
        remedy=new.remedy,
        at=now,
        today=now.astimezone(settings.tz).date(),
    )
    return Made(id=made)


@releasing.post("/{appeal}/approve", status_code=204)
def approve_answer(
    appeal: UUID,
    session: http.Db,
    operator: http.Person,
    clock: http.Now,
    settings: http.Config,
    if_match: Annotated[UUID | None, Header(description="the id of the answer that was looked at")] = None,
) -> None:
    """Uphold an appeal as the second person; what the answer names is done. With ``If-Match`` only that answer."""
    now = clock()
    today = now.astimezone(settings.tz).date()
    answering.approve_answer(session, appeal, operator, at=now, today=today, seen=if_match)


@acting.post("/{appeal}/return", status_code=204)
def return_answer(appeal: UUID, said: Why, session: http.Db, operator: http.Person, clock: http.Now) -> None:
    """Hand an answer back that waits for a second person."""
    answering.return_answer(session, appeal, operator, why=said.why, at=clock())

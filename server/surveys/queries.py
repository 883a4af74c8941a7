"""Reads of surveys and their results."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal, cast
from uuid import UUID

from pydantic import TypeAdapter
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from contract.feed import Question, Text
from contract.messages import Answer, Cell
from server.audiences.rules import ADDRESSED, Addressed
from server.surveys import rules
from server.surveys.models import AnswerRow, AnswerSetRow, BallotRow, InvitationRow, StratumRow, SurveyRow

SurveyState = Literal["draft", "published", "closed"]

QUESTIONS = TypeAdapter(tuple[Question, ...])
PLAUSIBLE = TypeAdapter(tuple[rules.Plausible, ...])


@dataclass(frozen=True)
class Survey:
    """One survey, and how many were asked and answered."""

    id: UUID
    number: int
    title: Text
    intro: Text
    questions: tuple[Question, ...]
    audience: Addressed
    opens_at: datetime
    closes_at: datetime
    state: SurveyState
    revision: int
    created_by: str
    created_at: datetime
    published_at: datetime | None
    opened_at: datetime | None
    closed_at: datetime | None
    sort: Literal["survey", "market"]
    series: str | None
    round: int
    every_days: int | None
    anonymous: bool
    sample: rules.Sample
    quota: int | None
    grace_h: int
    remind_h: int | None
    reminded_at: datetime | None
    plausible: tuple[rules.Plausible, ...]
    invited: int
    answered: int

    @property
    def draft(self) -> rules.Draft:
        """The survey as it was written."""
        return rules.Draft(
            title=self.title,
            intro=self.intro,
            questions=self.questions,
            audience=self.audience,
            opens_at=self.opens_at,
            closes_at=self.closes_at,
            sort=self.sort,
            series=self.series,
            every_days=self.every_days,
            anonymous=self.anonymous,
            sample=self.sample,
            quota=self.quota,
            grace_h=self.grace_h,
            remind_h=self.remind_h,
            plausible=self.plausible,
        )

    @property
    def ends_at(self) -> datetime:
        """Until when the server takes answers that were given before the close."""
        return self.closes_at + timedelta(hours=self.grace_h)

    @property
    def rate(self) -> float | None:
        """The part of the invited who answered, or none before anyone was invited."""
        return self.answered / self.invited if self.invited else None


@dataclass(frozen=True)
class AnswerSet:
    """All that one retailer answered, by question; of an anonymous survey without whose and when."""

    retailer: str
    answered_at: datetime | None
    answers: dict[str, Answer]
    message: UUID | None = None


def survey(session: Session, survey_id: UUID) -> Survey | None:
    """Return one survey, or none."""
    return next(iter(_surveys(session, SurveyRow.id == survey_id)), None)


def surveys(
    session: Session, *, state: SurveyState | None = None, before: int | None = None, limit: int = 200
) -> list[Survey]:
    """Return surveys, the newest first, below the number ``before`` where it is named."""
    named = [] if state is None else [SurveyRow.state == state]
    return _surveys(session, *named, *([] if before is None else [SurveyRow.number < before]), limit=limit)


def surveys_of(session: Session, series: str, *, limit: int) -> list[Survey]:
    """Return the surveys of a series, the newest first."""
    return _surveys(session, SurveyRow.series == series, limit=limit)


def answer_sets(session: Session, survey_id: UUID) -> Iterator[AnswerSet]:
    """Yield what each retailer answered, in the order of answering; photos are counted in ``number``."""
    found: dict[str, dict[str, Answer]] = {}
    for row in session.scalars(select(AnswerRow).where(AnswerRow.survey_id == survey_id)):
        _add(found.setdefault(row.retailer, {}), row)
    for one in session.scalars(
        select(AnswerSetRow).where(AnswerSetRow.survey_id == survey_id).order_by(AnswerSetRow.number)
    ):
        yield AnswerSet(one.retailer, one.answered_at, found.get(one.retailer, {}))


def ballots(session: Session, survey_id: UUID) -> Iterator[AnswerSet]:
    """Yield what was answered to an anonymous survey, without whose and when, in an order that says nothing."""
    found: dict[UUID, dict[str, Answer]] = {}
    for row in session.scalars(
        select(BallotRow).where(BallotRow.survey_id == survey_id).order_by(BallotRow.ballot, BallotRow.question)
    ):
        _add(found.setdefault(row.ballot, {}), row)
    for answers in found.values():
        yield AnswerSet("", None, answers)


def answer_set(session: Session, message: UUID) -> tuple[Survey, AnswerSet] | None:
    """Return what one message answered, with its survey; none where there is none, or it is anonymous."""
    row = session.scalars(select(AnswerSetRow).where(AnswerSetRow.message_id == message)).one_or_none()
    shown = None if row is None else survey(session, row.survey_id)
    if row is None or shown is None or shown.anonymous:
        return None
    answers: dict[str, Answer] = {}
    for one in session.scalars(
        select(AnswerRow).where(AnswerRow.survey_id == row.survey_id, AnswerRow.retailer == row.retailer)
    ):
        _add(answers, one)
    return shown, AnswerSet(row.retailer, row.answered_at, answers, row.message_id)


def _add(answers: dict[str, Answer], row: AnswerRow | BallotRow) -> None:
    if row.item:
        cell = Cell(row=row.item, choice=next(iter(row.choices), None), number=row.number)
        before = answers.get(row.question)
        cells = (*(before.cells or () if before else ()), cell)
        answers[row.question] = Answer(question=row.question, cells=cells)
    else:
        answers[row.question] = Answer(
            question=row.question, choices=tuple(row.choices), number=row.number, text=row.text
        )


def invited(session: Session, survey_id: UUID) -> list[str]:
    """Return the codes of the retailers that were asked."""
    return list(
        session.scalars(
            select(InvitationRow.retailer)
            .where(InvitationRow.survey_id == survey_id)
            .order_by(InvitationRow.retailer.collate("C"))
        )
    )


def answered_by(
    session: Session, retailer: str, *, limit: int = 50
) -> list[tuple[Survey, datetime | None, UUID | None]]:
    """Return the surveys that a retailer was asked, the newest first, when it answered each, and by which message.

    Of an anonymous survey no message is told: nothing leads from the shop to what it said.
    """
    rows = session.execute(
        select(InvitationRow.survey_id, AnswerSetRow.answered_at, AnswerSetRow.message_id)
        .join(SurveyRow, SurveyRow.id == InvitationRow.survey_id)
        .outerjoin(
            AnswerSetRow,
            (AnswerSetRow.survey_id == InvitationRow.survey_id) & (AnswerSetRow.retailer == InvitationRow.retailer),
        )
        .where(InvitationRow.retailer == retailer)
        .order_by(SurveyRow.number.desc())
        .limit(limit)
    ).all()
    found = {one.id: one for one in _surveys(session, SurveyRow.id.in_([row.survey_id for row in rows]))}
    return [
        (found[row.survey_id], row.answered_at, None if found[row.survey_id].anonymous else row.message_id)
        for row in rows
    ]


def silent(session: Session, survey_id: UUID, *, stratum: int | None = None, full: bool = True) -> list[str]:
    """Return the codes of the retailers that were asked and have not answered, of one stratum where it is named.

    Those of strata whose quota is ``full`` can be left out: their answers are not taken any more.
    """
    answered = select(AnswerSetRow.retailer).where(AnswerSetRow.survey_id == survey_id)
    query = select(InvitationRow.retailer).where(
        InvitationRow.survey_id == survey_id, InvitationRow.retailer.not_in(answered)
    )
    if stratum is not None:
        query = query.where(InvitationRow.stratum == stratum)
    if not full:
        done = (
            select(StratumRow.place)
            .join(SurveyRow, SurveyRow.id == StratumRow.survey_id)
            .where(
                StratumRow.survey_id == survey_id,
                StratumRow.full_at.is_not(None) | (StratumRow.answered >= SurveyRow.quota),
            )
        )
        query = query.where(InvitationRow.stratum.not_in(done))
    return list(session.scalars(query.order_by(InvitationRow.retailer.collate("C"))))


def ballots_left(session: Session, survey_id: UUID) -> dict[int, int]:
    """Return how many ballots of an anonymous survey have left the urn, by stratum."""
    rows = session.execute(
        select(BallotRow.stratum, func.count(BallotRow.ballot.distinct()))
        .where(BallotRow.survey_id == survey_id)
        .group_by(BallotRow.stratum)
    )
    return dict(rows.all())


def sample_of(row: SurveyRow) -> rules.Sample:
    """Return how a survey's sample is drawn."""
    return rules.Sample.model_validate(row.sample)


def questions_of(row: SurveyRow) -> tuple[Question, ...]:
    """Return a survey's questions."""
    return QUESTIONS.validate_python(row.questions)


def _surveys(session: Session, *where: Any, limit: int = 200) -> list[Survey]:
    asked, answered = (
        select(func.count()).select_from(table).where(table.survey_id == SurveyRow.id).scalar_subquery()
        for table in (InvitationRow, AnswerSetRow)
    )
    rows = session.execute(
        select(SurveyRow, asked.label("invited"), answered.label("answered"))
        .where(*where)
        .order_by(SurveyRow.number.desc())
        .limit(limit)
        .execution_options(populate_existing=True)
    )
    return [
        Survey(
            id=row.id,
            number=row.number,
            title=Text(zh=row.title_zh, en=row.title_en),
            intro=Text(zh=row.intro_zh, en=row.intro_en),
            questions=questions_of(row),
            audience=ADDRESSED.validate_python(row.audience),
            opens_at=row.opens_at,
            closes_at=row.closes_at,
            state=cast("SurveyState", row.state),
            revision=row.revision,
            created_by=row.created_by,
            created_at=row.created_at,
            published_at=row.published_at,
            opened_at=row.opened_at,
            closed_at=row.closed_at,
            sort=cast("Any", row.sort),
            series=row.series,
            round=row.round,
            every_days=row.every_days,
            anonymous=row.anonymous,
            sample=sample_of(row),
            quota=row.quota,
            grace_h=row.grace_h,
            remind_h=row.remind_h,
            reminded_at=row.reminded_at,
            plausible=PLAUSIBLE.validate_python(row.plausible),
            invited=invited,
            answered=answers,
        )
        for row, invited, answers in rows
    ]

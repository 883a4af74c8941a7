"""Reads of surveys and their results."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, cast
from uuid import UUID

from pydantic import TypeAdapter
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from contract.feed import Question, Text
from contract.messages import Answer
from server.retailers.rules import Audience
from server.surveys import rules
from server.surveys.models import AnswerRow, AnswerSetRow, InvitationRow, SurveyRow

SurveyState = Literal["draft", "published", "closed"]
TEXTS_SHOWN = 200

QUESTIONS = TypeAdapter(tuple[Question, ...])
AUDIENCE = TypeAdapter(Audience)


@dataclass(frozen=True)
class Survey:
    """One survey, and how many were asked and answered."""

    id: UUID
    number: int
    title: Text
    intro: Text
    questions: tuple[Question, ...]
    audience: Audience
    opens_at: datetime
    closes_at: datetime
    state: SurveyState
    revision: int
    created_by: str
    created_at: datetime
    published_at: datetime | None
    opened_at: datetime | None
    closed_at: datetime | None
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
        )

    @property
    def rate(self) -> float | None:
        """The part of the invited who answered, or none before anyone was invited."""
        return self.answered / self.invited if self.invited else None


@dataclass(frozen=True)
class Words:
    """One free text, and who wrote it."""

    retailer: str
    text: str
    at: datetime


@dataclass(frozen=True)
class Result:
    """What was answered to one question; ``asked`` counts the shops that answered the survey and were asked this.

    ``counts`` are by choice's id in the question's order, or by number in its order; ``texts`` are the newest
    :data:`TEXTS_SHOWN`.
    """

    question: Question
    asked: int
    answered: int
    counts: tuple[tuple[str, int], ...]
    mean: float | None
    median: float | None
    texts: tuple[Words, ...]


@dataclass(frozen=True)
class AnswerSet:
    """All that one retailer answered, by question."""

    retailer: str
    answered_at: datetime
    answers: dict[str, Answer]


def survey(session: Session, survey_id: UUID) -> Survey | None:
    """Return one survey, or none."""
    return next(iter(_surveys(session, SurveyRow.id == survey_id)), None)


def surveys(
    session: Session, *, state: SurveyState | None = None, before: int | None = None, limit: int = 200
) -> list[Survey]:
    """Return surveys, the newest first, below the number ``before`` where it is named."""
    named = [] if state is None else [SurveyRow.state == state]
    return _surveys(session, *named, *([] if before is None else [SurveyRow.number < before]), limit=limit)


def results(session: Session, shown: Survey) -> list[Result]:
    """Return the results of every question, in the survey's order."""
    given = {
        row.question: row.answers
        for row in session.execute(
            select(AnswerRow.question, func.count().label("answers"))
            .where(AnswerRow.survey_id == shown.id)
            .group_by(AnswerRow.question)
        )
    }
    chosen = func.unnest(AnswerRow.choices).label("choice")
    choices: dict[str, dict[str, int]] = {}
    for question, choice, count in session.execute(
        select(AnswerRow.question, chosen, func.count())
        .where(AnswerRow.survey_id == shown.id)
        .group_by(AnswerRow.question, chosen)
    ):
        choices.setdefault(question, {})[choice] = count
    numbers: dict[str, dict[int, int]] = {}
    for question, number, count in session.execute(
        select(AnswerRow.question, AnswerRow.number, func.count())
        .where(AnswerRow.survey_id == shown.id, AnswerRow.number.is_not(None))
        .group_by(AnswerRow.question, AnswerRow.number)
        .order_by(AnswerRow.number)
    ):
        numbers.setdefault(question, {})[int(number or 0)] = count
    named = {question.id: question.only_if.question if question.only_if else "" for question in shown.questions}
    return [
        _result(
            question,
            rules.asked_count(
                question.only_if,
                shown.answered,
                choices.get(named[question.id], {}),
                numbers.get(named[question.id], {}),
                given.get(named[question.id], 0),
            ),
            given.get(question.id, 0),
            choices.get(question.id, {}),
            numbers.get(question.id, {}),
            texts(session, shown.id, question.id, limit=TEXTS_SHOWN) if question.kind == "text" else [],
        )
        for question in shown.questions
    ]


def texts(session: Session, survey_id: UUID, question: str, *, limit: int) -> list[Words]:
    """Return the free texts that were given to a question, the newest first."""
    rows = session.execute(
        select(AnswerRow.retailer, AnswerRow.text, AnswerSetRow.answered_at)
        .join(
            AnswerSetRow,
            (AnswerSetRow.survey_id == AnswerRow.survey_id) & (AnswerSetRow.retailer == AnswerRow.retailer),
        )
        .where(AnswerRow.survey_id == survey_id, AnswerRow.question == question, AnswerRow.text.is_not(None))
        .order_by(AnswerSetRow.answered_at.desc(), AnswerRow.retailer)
        .limit(limit)
    )
    return [Words(row.retailer, row.text or "", row.answered_at) for row in rows]


def answer_sets(session: Session, survey_id: UUID) -> Iterator[AnswerSet]:
    """Yield what each retailer answered, in the order of answering."""
    answers: dict[str, dict[str, Answer]] = {}
    for row in session.scalars(select(AnswerRow).where(AnswerRow.survey_id == survey_id)):
        answers.setdefault(row.retailer, {})[row.question] = Answer(
            question=row.question, choices=tuple(row.choices), number=row.number, text=row.text
        )
    for one in session.scalars(
        select(AnswerSetRow).where(AnswerSetRow.survey_id == survey_id).order_by(AnswerSetRow.number)
    ):
        yield AnswerSet(one.retailer, one.answered_at, answers.get(one.retailer, {}))


def invited(session: Session, survey_id: UUID) -> list[str]:
    """Return the codes of the retailers that were asked."""
    return list(
        session.scalars(
            select(InvitationRow.retailer)
            .where(InvitationRow.survey_id == survey_id)
            .order_by(InvitationRow.retailer.collate("C"))
        )
    )


def answered_by(session: Session, retailer: str, *, limit: int = 50) -> list[tuple[Survey, datetime | None]]:
    """Return the surveys that a retailer was asked, the newest first, and when it answered each."""
    rows = session.execute(
        select(InvitationRow.survey_id, AnswerSetRow.answered_at)
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
    return [(found[row.survey_id], row.answered_at) for row in rows]


def questions_of(row: SurveyRow) -> tuple[Question, ...]:
    """Return a survey's questions."""
    return QUESTIONS.validate_python(row.questions)


def _result(
    question: Question, asked: int, answered: int, choices: dict[str, int], numbers: dict[int, int], words: list[Words]
) -> Result:
    if question.kind in {"single", "multiple"}:
        counts = tuple((choice.id, choices.get(choice.id, 0)) for choice in question.choices)
        return Result(question, asked, answered, counts, None, None, ())
    if question.kind == "scale" and question.low is not None and question.high is not None:
        numbers = {value: numbers.get(value, 0) for value in range(question.low, question.high + 1)}
    average = rules.middle(numbers)
    return Result(
        question,
        asked,
        answered,
        tuple((str(value), count) for value, count in numbers.items()),
        None if average is None else float(average[0]),
        None if average is None else float(average[1]),
        tuple(words),
    )


def _surveys(session: Session, *where: Any, limit: int = 200) -> list[Survey]:
    rows = session.scalars(
        select(SurveyRow)
        .where(*where)
        .order_by(SurveyRow.number.desc())
        .limit(limit)
        .execution_options(populate_existing=True)
    ).all()
    ids = [row.id for row in rows]
    asked, answered = (
        {
            row.survey_id: row.shops
            for row in session.execute(
                select(table.survey_id, func.count().label("shops"))
                .where(table.survey_id.in_(ids))
                .group_by(table.survey_id)
            )
        }
        for table in (InvitationRow, AnswerSetRow)
    )
    return [
        Survey(
            id=row.id,
            number=row.number,
            title=Text(zh=row.title_zh, en=row.title_en),
            intro=Text(zh=row.intro_zh, en=row.intro_en),
            questions=questions_of(row),
            audience=AUDIENCE.validate_python(row.audience),
            opens_at=row.opens_at,
            closes_at=row.closes_at,
            state=cast("SurveyState", row.state),
            revision=row.revision,
            created_by=row.created_by,
            created_at=row.created_at,
            published_at=row.published_at,
            opened_at=row.opened_at,
            closed_at=row.closed_at,
            invited=asked.get(row.id, 0),
            answered=answered.get(row.id, 0),
        )
        for row in rows
    ]

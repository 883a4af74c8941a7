"""How long what people wrote in surveys is kept."""

from datetime import datetime
from typing import Any, Final

from sqlalchemy import Select, select, text
from sqlalchemy.orm import Session

from server.kit.marking import N_
from server.kit.retention import Kind, count
from server.surveys.models import AnswerRow, BallotRow, SurveyRow


def _closed(before: datetime) -> Select[Any]:
    return select(SurveyRow.id).where(SurveyRow.closed_at < before)


def count_texts(session: Session, before: datetime) -> int:
    """Return how many texts stand in surveys that were closed before then."""
    tables = (AnswerRow, BallotRow)
    return sum(
        count(session, select(one.question).where(one.survey_id.in_(_closed(before)), one.text != "")) for one in tables
    )


def erase_texts(session: Session, before: datetime, _at: datetime) -> int:
    """Empty the texts of surveys that were closed before then; choices and numbers stay."""
    closed = list(session.scalars(_closed(before)))
    return session.scalar(text("SELECT survey_answers_empty(CAST(:emptied AS uuid[]))"), {"emptied": closed}) or 0


RETENTION: Final = (
    Kind(
        "survey_texts",
        N_("What shops wrote in surveys in their own words"),
        N_("To learn from it."),
        N_("the survey was closed"),
        N_("the text is removed; that it was answered, choices and numbers stay"),
        730,
        count_texts,
        erase_texts,
    ),
)

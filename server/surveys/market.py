"""Market data: figures that stand out, what a person said of them, and how the middle moves from round to round."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from contract.errors import Rejected
from server.kit import audit
from server.kit.fields import Field, Text, require
from server.kit.identity import Operator
from server.kit.marking import N_
from server.retailers import queries as retailers
from server.retailers.rules import Audience
from server.surveys import plausibility
from server.surveys.models import AnswerRow, ReviewRow, SurveyRow
from server.surveys.plausibility import Figure, Sign
from server.surveys.queries import Survey

REASON = (Field("reason", N_("Reason"), Text(300)),)
VERDICTS = ("accepted", "rejected")
EVERYWHERE = Audience()
Place = tuple[str, str, str]
"""Where a figure stands: retailer, question, row."""


@dataclass(frozen=True)
class Review:
    """What a person said of a figure."""

    verdict: str
    reason: str
    by: str
    at: datetime


@dataclass(frozen=True)
class Outlier:
    """A figure that stands out: by what, what is usual in its region, and what a person said, where one did."""

    figure: Figure
    signs: tuple[Sign, ...]
    usual: float
    review: Review | None


def outliers(session: Session, shown: Survey) -> list[Outlier]:
    """Return what stands out in a round, what nobody looked at first. Of nothing it is said that it is wrong."""
    bounds = {one.question: one for one in shown.plausible}
    said = reviews(session, shown.id)
    found = [
        Outlier(figure, signs, around.middle, said.get((figure.retailer, *figure.at)))
        for figure, signs, around in plausibility.standing_out(_figures(session, shown), bounds)
    ]
    return sorted(found, key=lambda one: (one.review is not None, -len(one.signs), one.figure.retailer, one.figure.at))


def reviews(session: Session, survey_id: UUID) -> dict[Place, Review]:
    """Return the newest word on each figure that a person looked at."""
    rows = session.scalars(select(ReviewRow).where(ReviewRow.survey_id == survey_id).order_by(ReviewRow.id))
    return {(row.retailer, row.question, row.item): Review(row.verdict, row.reason, row.by, row.at) for row in rows}


def review(
    session: Session,
    shown: Survey,
    place: Place,
    verdict: str,
    reason: str,
    operator: Operator,
    *,
    at: datetime,
) -> None:
    """Write down what a person says of a figure. The figure stays as it came; rejected, it counts in nothing.

    Raises
    ------
    Rejected, Invalid
        ``not_found``; an empty or long reason.
    """
    require(REASON, {"reason": reason.strip()})
    retailer, question, item = place
    known = session.get(AnswerRow, (shown.id, retailer, question, item))
    if known is None or known.number is None or verdict not in VERDICTS:
        raise Rejected("not_found", what="figure", name=f"{retailer} {question} {item}".strip())
    session.add(
        ReviewRow(
            survey_id=shown.id,
            retailer=retailer,
            question=question,
            item=item,
            verdict=verdict,
            reason=reason.strip(),
            by=operator.name,
            at=at,
        )
    )
    detail = {"retailer": retailer, "question": question, "row": item, "value": known.number, "reason": reason.strip()}
    subject = f"survey:{shown.number}"
    audit.record(
        session, actor=operator.actor, action=f"survey.figure_{verdict}", subject=subject, at=at, detail=detail
    )


def _figures(session: Session, shown: Survey) -> list[Figure]:
    numeric = [question.id for question in shown.questions if question.kind in {"number", "money"}]
    places = retailers.places_in(session, EVERYWHERE)
    last = _last(session, shown)
    rows = session.execute(
        select(AnswerRow.retailer, AnswerRow.question, AnswerRow.item, AnswerRow.number)
        .where(AnswerRow.survey_id == shown.id, AnswerRow.question.in_(numeric), AnswerRow.number.is_not(None))
        .order_by(AnswerRow.retailer.collate("C"), AnswerRow.question, AnswerRow.item)
    )
    return [
        Figure(retailer, places[retailer][0], (question, item), number or 0, last.get((retailer, question, item)))
        for retailer, question, item, number in rows
    ]


def _last(session: Session, shown: Survey) -> Mapping[Place, int]:
    """Return what each shop said in the round before, without what was rejected."""
    if shown.series is None:
        return {}
    before = session.scalar(
        select(func.max(SurveyRow.number)).where(
            SurveyRow.series == shown.series, SurveyRow.number < shown.number, SurveyRow.state != "draft"
        )
    )
    if before is None:
        return {}
    survey_id = session.scalars(select(SurveyRow.id).where(SurveyRow.number == before)).one()
    rejected = {place for place, one in reviews(session, survey_id).items() if one.verdict == "rejected"}
    rows = session.execute(
        select(AnswerRow.retailer, AnswerRow.question, AnswerRow.item, AnswerRow.number).where(
            AnswerRow.survey_id == survey_id, AnswerRow.number.is_not(None)
        )
    )
    told = {(retailer, question, item): number or 0 for retailer, question, item, number in rows}
    return {place: number for place, number in told.items() if place not in rejected}

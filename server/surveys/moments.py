"""What a shop was asked and answered, for its timeline."""

from datetime import datetime

from sqlalchemy import Select

from server.kit.console.moments import Moments, moments, numbered
from server.kit.marking import N_
from server.surveys.models import AnswerSetRow, SurveyRow


def _answered(retailer: str) -> Select[datetime, str, str, str]:
    query = moments(AnswerSetRow.answered_at, "answered", numbered(SurveyRow.number), SurveyRow.id)
    return query.join(SurveyRow, SurveyRow.id == AnswerSetRow.survey_id).where(AnswerSetRow.retailer == retailer)


MOMENTS = (Moments({"answered": (N_("survey answered"),)}, "/console/surveys/{key}", _answered),)

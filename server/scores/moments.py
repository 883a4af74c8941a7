"""A shop's scores, decisions on it and its appeals, for its timeline."""

from datetime import datetime
from typing import Any

from sqlalchemy import Select

from server.kit.console.moments import Moments, moments, numbered
from server.kit.marking import N_
from server.scores.models import AppealRow, DecisionRow, ScoreRow, ScoreRun

_APPEAL = "/console/appeals/{key}"


def _published(retailer: str) -> Select[datetime, str, str, str]:
    query = moments(ScoreRun.published_at, "published", numbered(ScoreRun.number), ScoreRow.retailer)
    return query.join(ScoreRow, ScoreRow.run == ScoreRun.id).where(
        ScoreRow.retailer == retailer, ScoreRun.published_at.is_not(None)
    )


def _decided(retailer: str) -> Select[datetime, str, str, str]:
    query = moments(DecisionRow.approved_at, DecisionRow.decision, DecisionRow.reason, DecisionRow.retailer)
    return query.where(DecisionRow.retailer == retailer)


def _appeal(at: Any, word: Any, retailer: str) -> Select[datetime, str, str, str]:
    return moments(at, word, numbered(AppealRow.number), AppealRow.id).where(
        AppealRow.retailer == retailer, at.is_not(None)
    )


MOMENTS = (
    Moments({"published": (N_("score published"),)}, "/console/scores/shop?code={key}", _published),
    Moments(
        {"suspended": (N_("scoring suspended by decision"),), "lowered": (N_("tier lowered by decision"),)},
        "/console/scores/shop?code={key}",
        _decided,
    ),
    Moments(
        {"appealed": (N_("appeal against a score"),)},
        _APPEAL,
        lambda retailer: _appeal(AppealRow.at, "appealed", retailer),
    ),
    Moments(
        {"upheld": (N_("appeal upheld"),), "dismissed": (N_("appeal dismissed"),)},
        _APPEAL,
        lambda retailer: _appeal(AppealRow.settled_at, AppealRow.state, retailer),
    ),
)

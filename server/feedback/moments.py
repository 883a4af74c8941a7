"""What a shop said, for its timeline, which everybody reads: nothing about employees."""

from datetime import datetime
from typing import Any

from sqlalchemy import Select

from server.feedback.models import FeedbackRow
from server.kit.console.moments import Moments, moments, numbered
from server.kit.marking import N_


def _of(at: Any, word: Any, retailer: str) -> Select[datetime, str, str, str]:
    query = moments(at, word, numbered(FeedbackRow.number), FeedbackRow.id)
    return query.where(FeedbackRow.retailer == retailer, FeedbackRow.category != "employee")


MOMENTS = (
    Moments(
        {
            "complaint": (N_("complaint received"),),
            "suggestion": (N_("suggestion received"),),
            "question": (N_("question received"),),
        },
        "/console/feedback/{key}",
        lambda retailer: _of(FeedbackRow.at, FeedbackRow.kind, retailer),
    ),
    Moments(
        {"answered": (N_("the shop was answered"),)},
        "/console/feedback/{key}",
        lambda retailer: _of(FeedbackRow.answered_at, "answered", retailer),
    ),
)

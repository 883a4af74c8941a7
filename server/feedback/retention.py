"""How long the words of complaints, answers and notes are kept."""

from datetime import datetime
from typing import Any, Final

from sqlalchemy import Select, select, text
from sqlalchemy.orm import Session

from server.feedback import service
from server.feedback.models import FeedbackRow
from server.kit.marking import N_
from server.kit.retention import ERASED, Kind, count


def _closed(before: datetime) -> Select[Any]:
    return select(FeedbackRow).where(FeedbackRow.closed_at < before, FeedbackRow.words != ERASED)


def count_words(session: Session, before: datetime) -> int:
    """Return how many complaints, suggestions and questions were closed before then and still have their words."""
    return count(session, _closed(before))


def erase_words(session: Session, before: datetime, at: datetime) -> int:
    """Take the words out of what was closed before then, its answers and notes; the shop's terminal is told so."""
    closed = session.scalars(_closed(before).with_for_update()).all()
    empty = text("SELECT feedback_entries_empty(CAST(:emptied AS uuid[]), :mark)")
    session.execute(empty, {"emptied": [row.id for row in closed], "mark": ERASED})
    for row in closed:
        row.words = ERASED
        row.reopened = None if row.reopened is None else ERASED
    session.flush()
    session.expire_all()
    service.tell_again(session, closed, at=at)
    return len(closed)


RETENTION: Final = (
    Kind(
        "feedback",
        N_("Words of complaints, suggestions, questions, of answers and notes on them"),
        N_("To answer them, and to know what was answered when it comes up again."),
        N_("it was closed"),
        N_("the words are removed, here and on the terminal; category, days and satisfaction stay"),
        1095,
        count_words,
        erase_words,
    ),
)

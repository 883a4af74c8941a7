"""How long the words of complaints, answers and notes are kept."""

from datetime import datetime
from typing import Any, Final

from sqlalchemy import Select, delete, func, select, text
from sqlalchemy.orm import Session

from server.feedback import telling
from server.feedback.models import FeedbackRow, UnnamedRow
from server.feedback.rules import OPEN
from server.kit.marking import N_
from server.kit.retention import ERASED, Kind, count


def _done(before: datetime) -> Select[Any]:
    done_at = func.coalesce(FeedbackRow.closed_at, FeedbackRow.answered_at)
    return select(FeedbackRow).where(done_at < before, FeedbackRow.state.not_in(OPEN), FeedbackRow.words != ERASED)


def count_words(session: Session, before: datetime) -> int:
    """Return how many complaints, suggestions and questions were done with before then and still have their words."""
    return count(session, _done(before))


def erase_words(session: Session, before: datetime, at: datetime) -> int:
    """Take the words out of what was closed before then, or answered and not closed, its answers and notes.

    What an employee was called goes with them; whose accounts it concerns stays, for that keeps it from them. The
    shop's terminal is told so.
    """
    done = session.scalars(_done(before).with_for_update()).all()
    empty = text("SELECT feedback_entries_empty(CAST(:emptied AS uuid[]), :mark)")
    session.execute(empty, {"emptied": [row.id for row in done], "mark": ERASED})
    for row in done:
        row.words = ERASED
        row.reopened = None if row.reopened is None else ERASED
        row.about_name = ERASED if row.about_sort == "employee" else row.about_name
    session.flush()
    session.expire_all()
    telling.tell_again(session, done, at=at)
    return len(done)


def _answered(before: datetime) -> Select[Any]:
    return select(UnnamedRow).where(UnnamedRow.answered_on < before.date())


def count_unnamed(session: Session, before: datetime) -> int:
    """Return how much of what was said without a name was answered before then."""
    return count(session, _answered(before))


def erase_unnamed(session: Session, before: datetime, _at: datetime) -> int:
    """Delete what was said without a name and answered before then."""
    gone = delete(UnnamedRow).where(UnnamedRow.answered_on < before.date()).returning(UnnamedRow.id)
    return len(session.scalars(gone).all())


RETENTION: Final = (
    Kind(
        "feedback_unnamed",
        N_("What was said without a name"),
        N_("To answer it; nobody knows whose it is."),
        N_("it was answered"),
        N_("it is deleted with its answer"),
        365,
        count_unnamed,
        erase_unnamed,
    ),
    Kind(
        "feedback",
        N_("Words of complaints, suggestions, questions, of answers and notes on them; what an employee was called"),
        N_("To answer them, and to know what was answered when it comes up again."),
        N_("it was closed, or answered where nobody closed it"),
        N_(
            "they are removed, here and on the terminal; category, days and satisfaction stay, and which accounts it"
            " concerns, for that keeps it from them"
        ),
        1095,
        count_words,
        erase_words,
    ),
)

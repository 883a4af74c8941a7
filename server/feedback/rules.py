"""Pure decisions about feedback: until when it is answered, what may be done with it in which state, who sees it."""

from collections.abc import Collection
from datetime import date, datetime, time, timedelta, tzinfo
from typing import Final, Literal

from contract.errors import Conflict, Rejected
from contract.messages import FeedbackCategory
from server.kit.identity import Role
from server.kit.workdays import working_days_after

State = Literal["received", "looked_at", "answered", "closed"]

OPEN: Final[tuple[State, ...]] = ("received", "looked_at")
"""Feedback in one of these waits for an answer."""

ANSWER_WORKING_DAYS: Final[dict[FeedbackCategory, int]] = {
    "terminal": 2,
    "delivery": 3,
    "goods": 5,
    "grant": 5,
    "price": 5,
    "other": 5,
    "employee": 10,
}
"""An answer is late once so many working days after the day of the feedback are over."""

REOPEN_DAYS: Final = 14
"""So many whole days after the day of the answer, or of the closing, a shop can ask to look at it again."""


def answer_until(category: FeedbackCategory, at: datetime, zone: tzinfo) -> date:
    """Return the last day for an answer to what came ``at``."""
    return working_days_after(at.astimezone(zone).date(), ANSWER_WORKING_DAYS[category])


def reopen_until(done_at: datetime, zone: tzinfo) -> date:
    """Return the last day on which what was answered or closed at ``done_at`` can be reopened."""
    return done_at.astimezone(zone).date() + timedelta(days=REOPEN_DAYS)


def seen_by(category: str, roles: Collection[Role]) -> bool:
    """Return whether people with ``roles`` see feedback of a category."""
    return category != "employee" or "administrator" in roles


def check_open(state: State) -> None:
    """Refuse to give to a person, or to answer, what waits for no answer.

    Raises
    ------
    Conflict
        ``wrong_state``.
    """
    if state not in OPEN:
        raise Conflict("wrong_state", state=state, needed=" / ".join(OPEN))


def check_closing(number: int, state: State) -> None:
    """Refuse to close what has no answer, and what is closed.

    Raises
    ------
    Conflict
        ``feedback_unanswered``, ``wrong_state``.
    """
    if state in OPEN:
        raise Conflict("feedback_unanswered", number=number)
    if state != "answered":
        raise Conflict("wrong_state", state=state, needed="answered")


def check_rating(number: int, state: State, satisfaction: int | None) -> None:
    """Refuse to rate what is not closed, or was rated.

    Raises
    ------
    Rejected, Conflict
        ``feedback_not_closed``, ``feedback_rated``.
    """
    if state != "closed":
        raise Rejected("feedback_not_closed", number=number)
    if satisfaction is not None:
        raise Conflict("feedback_rated", number=number)


def check_reopening(
    number: int, state: State, reopened_at: datetime | None, done_at: datetime | None, at: datetime, zone: tzinfo
) -> None:
    """Refuse to reopen what waits for an answer, was reopened before, or was done too long ago.

    Raises
    ------
    Rejected
        ``feedback_open``, ``feedback_reopened``, ``feedback_reopen_over`` with the last day.
    """
    if state in OPEN or done_at is None:
        raise Rejected("feedback_open", number=number)
    if reopened_at is not None:
        raise Rejected("feedback_reopened", number=number)
    until = reopen_until(done_at, zone)
    if at >= datetime.combine(until + timedelta(days=1), time(), zone):
        raise Rejected("feedback_reopen_over", number=number, until=until.isoformat())

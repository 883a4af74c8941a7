"""How long the words and places of visits are kept; photos have the term of all photos."""

from datetime import datetime
from typing import Any, Final

from sqlalchemy import Select, func, or_, select, update
from sqlalchemy.orm import Session

from server.kit.marking import N_
from server.kit.retention import ERASED, Kind, count
from server.visits.models import PromiseRow, VisitRow


def _placed(before: datetime) -> Select[Any]:
    return select(VisitRow.id).where(VisitRow.received_at < before, VisitRow.latitude.is_not(None))


def count_places(session: Session, before: datetime) -> int:
    """Return how many visits came before then and still say where the device was."""
    return count(session, _placed(before))


def erase_places(session: Session, before: datetime, _at: datetime) -> int:
    """Take the place out of visits that came before then; that there was one is said."""
    gone = update(VisitRow).where(VisitRow.id.in_(_placed(before)))
    empty = gone.values(latitude=None, longitude=None, accuracy_m=None, place_said="erased")
    return len(session.scalars(empty.returning(VisitRow.id)).all())


def _worded(before: datetime) -> Select[Any]:
    told = or_(VisitRow.words.not_in(("", ERASED)), func.jsonb_array_length(VisitRow.answers) > 0)
    return select(VisitRow.id).where(VisitRow.received_at < before, told)


def _settled(before: datetime) -> Select[Any]:
    came = select(VisitRow.id).where(VisitRow.received_at < before)
    words = or_(PromiseRow.words != ERASED, PromiseRow.done_words != ERASED)
    return select(PromiseRow.id).where(PromiseRow.visit.in_(came), PromiseRow.done_at.is_not(None), words)


def count_words(session: Session, before: datetime) -> int:
    """Return how many visits came before then with words or answers, and how many settled promises have theirs."""
    return count(session, _worded(before)) + count(session, _settled(before))


def erase_words(session: Session, before: datetime, _at: datetime) -> int:
    """Take words and answers out of visits that came before then, and the words of settled promises of such visits.

    A promise that is open keeps its words until it is settled.
    """
    visits = update(VisitRow).where(VisitRow.id.in_(_worded(before))).values(words=ERASED, answers=[])
    promises = update(PromiseRow).where(PromiseRow.id.in_(_settled(before))).values(words=ERASED, done_words=ERASED)
    emptied = session.scalars(visits.returning(VisitRow.id)).all()
    return len(emptied) + len(session.scalars(promises.returning(PromiseRow.id)).all())


RETENTION: Final = (
    Kind(
        "visit_places",
        N_("Where a device was when a visit was kept"),
        N_("To see that a visit was at the shop, while somebody may ask."),
        N_("the visit came"),
        N_("the place is removed; the visit stays"),
        90,
        count_places,
        erase_places,
    ),
    Kind(
        "visit_words",
        N_("Words, answers and settled promises of visits and calls"),
        N_("To know at the next visit what was found and promised at the last."),
        N_("the visit came"),
        N_("the words are removed; who visited when, what was counted, and the outcome stay"),
        730,
        count_words,
        erase_words,
    ),
)

"""What can be done with feedback. Nothing here commits.

Every act holds the row until its transaction ends, is written into the audit, and is told to the shop's terminals
unless it stays inside. Words stand in the tables of feedback alone: the audit names numbers, states and people.
"""

from collections.abc import Iterable
from datetime import datetime
from typing import Any, Final
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy.orm import Session

from contract import feed
from contract.errors import Rejected
from contract.ids import uuid7
from contract.messages import RateFeedback, SendFeedback
from server.cycles import queries as cycles
from server.feedback import queries, rules, subjects
from server.feedback.models import FeedbackEntryRow, FeedbackRow
from server.kit import audit, outbox
from server.kit.fields import Field, Text, require
from server.kit.identity import Actor, Operator
from server.kit.inbox import Accepted, Arrival
from server.kit.marking import N_
from server.operators import queries as operators
from server.photos import service as photos
from server.retailers import service as retailers

SAID_MOST: Final = 2000
ANSWER_MOST: Final = 700
"""With the longest words of a shop, two answers of this length still fit into one item of the feed."""

SAID = (Field("words", N_("The shop's words"), Text(SAID_MOST)),)
REOPENED = (Field("reopen", N_("The shop's words"), Text(500)),)
NOTE = (Field("note", N_("Note"), Text(1000)),)
NEEDED = (Field("answer", N_("Answer"), Text(2 * ANSWER_MOST)),)
ANSWER = (
    Field("answer_zh", N_("Answer in Chinese"), Text(ANSWER_MOST, needed=False)),
    Field("answer_en", N_("Answer in English"), Text(ANSWER_MOST, needed=False)),
)


def take_feedback(session: Session, said: SendFeedback, arrival: Arrival) -> Accepted:
    """Keep what a shop's terminal says. Raises as :func:`enter_feedback`."""
    by = Actor("device", arrival.sender.device)
    row = _kept(session, arrival.id, arrival.sender.party, said, by, arrival.at, said_by=arrival.by)
    return Accepted(number=row.number, tell=(_item(session, row),))


def take_rating(session: Session, said: RateFeedback, arrival: Arrival) -> Accepted:
    """Take how well the sender's shop finds a closed one done, or look at it again, once.

    Raises
    ------
    Rejected, Conflict, Invalid
        ``unknown_feedback``; ``feedback_not_closed``, ``feedback_rated``; ``feedback_open``, ``feedback_reopened``,
        ``feedback_reopen_over``; words that cannot be kept.
    """
    row = session.get(FeedbackRow, said.feedback, with_for_update=True, populate_existing=True)
    if row is None or row.retailer != arrival.sender.party:
        raise Rejected("unknown_feedback")
    known = queries.view(row)
    by, at = Actor("device", arrival.sender.device), arrival.at
    if said.reopen is None:
        rules.check_rating(row.number, known.state, row.satisfaction)
        row.satisfaction = said.satisfaction
        _record(session, by, "feedback.rated", row, at, satisfaction=said.satisfaction, **arrival.said)
    else:
        zone = ZoneInfo(row.zone)
        done_at = row.closed_at or row.answered_at
        rules.check_reopening(row.number, known.state, row.reopened_at, done_at, at, zone)
        require(REOPENED, {"reopen": said.reopen})
        _record(session, by, "feedback.reopened", row, at, satisfaction=row.satisfaction, **arrival.said)
        row.state, row.reopened, row.reopened_at = "looked_at", said.reopen.strip(), at
        row.answered_at = row.closed_at = row.satisfaction = None
        row.answer_until = rules.answer_until(known.category, at, zone)
    session.flush()
    return Accepted(number=row.number, tell=(_item(session, row),))


def enter_feedback(session: Session, retailer: str, said: SendFeedback, operator: Operator, *, at: datetime) -> UUID:
    """Keep what a shop says on the telephone, recorded as such, and tell its terminals; return its id.

    Raises
    ------
    Rejected, Invalid
        ``not_found``; ``feedback_empty``; ``feedback_about``; words that cannot be kept.
    """
    row = _kept(session, uuid7(), retailer, said, operator.actor, at)
    _tell(session, row, at)
    return row.id


def assign(session: Session, feedback: UUID, owner: str, operator: Operator, *, at: datetime) -> None:
    """Give it to a person, who looks at it now.

    Raises
    ------
    Rejected, Conflict
        ``not_found``, for the feedback and for a person who does not see it; ``wrong_state``, where it is answered.
    """
    row = _locked(session, feedback, operator)
    rules.check_open(queries.view(row).state)
    person = operators.operator(session, owner, at=at)
    if person is None or person.disabled_at is not None or not rules.seen_by(row.category, person.roles):
        raise Rejected("not_found", what="operator", name=owner)
    first = row.state == "received"
    row.state, row.owner = "looked_at", owner
    session.flush()
    _record(session, operator.actor, "feedback.assigned", row, at, owner=owner)
    if first:
        _tell(session, row, at)


def answer(
    session: Session, feedback: UUID, operator: Operator, *, answer_zh: str, answer_en: str, close: bool, at: datetime
) -> None:
    """Answer it in one language or both, and close it with that where asked.

    Raises
    ------
    Rejected, Conflict, Invalid
        ``not_found``; ``wrong_state``, where it is answered; no words, or too many.
    """
    row = _locked(session, feedback, operator)
    rules.check_open(queries.view(row).state)
    words = {"answer_zh": answer_zh.strip(), "answer_en": answer_en.strip()}
    require(NEEDED, {"answer": "".join(words.values())})
    require(ANSWER, words)
    session.add(_entry(row, "answer", words["answer_zh"], words["answer_en"], operator, at))
    row.owner = row.owner or operator.name
    row.state, row.answered_at = "answered", at
    session.flush()
    _record(session, operator.actor, "feedback.answered", row, at)
    if close:
        _close(session, row, operator, at)
    _tell(session, row, at)


def note(session: Session, feedback: UUID, words: str, operator: Operator, *, at: datetime) -> None:
    """Write a note that stays inside.

    Raises
    ------
    Rejected, Invalid
        ``not_found``; no words, or too many.
    """
    row = _locked(session, feedback, operator)
    require(NOTE, {"note": words.strip()})
    session.add(_entry(row, "note", words.strip(), "", operator, at))
    session.flush()
    _record(session, operator.actor, "feedback.noted", row, at)


def close(session: Session, feedback: UUID, operator: Operator, *, at: datetime) -> None:
    """Close what was answered.

    Raises
    ------
    Rejected, Conflict
        ``not_found``; ``feedback_unanswered``; ``wrong_state``.
    """
    row = _locked(session, feedback, operator)
    _close(session, row, operator, at)
    _tell(session, row, at)


def _kept(
    session: Session,
    feedback: UUID,
    retailer: str,
    said: SendFeedback,
    by: Actor,
    at: datetime,
    *,
    said_by: str | None = None,
) -> FeedbackRow:
    retailers.lock_retailer(session, retailer)
    if not said.words.strip():
        raise Rejected("feedback_empty")
    require(SAID, {"words": said.words})
    if said.about is not None:
        subjects.check(session, retailer, said.about)
    newest = cycles.cycles(session, limit=1)
    zone = newest[0].zone if newest else "UTC"
    row = FeedbackRow(
        id=feedback,
        retailer=retailer,
        kind=said.kind,
        category=said.category,
        about_sort=said.about and said.about.sort,
        about_name=said.about and said.about.name,
        words=said.words.strip(),
        by=str(by),
        said_by=said_by,
        at=at,
        zone=zone,
        answer_until=rules.answer_until(said.category, at, ZoneInfo(zone)),
        state="received",
    )
    session.add(row)
    session.flush()
    photos.name_photos(session, retailer, "feedback", row.id, said.photos, at=at)
    stood = {} if said_by is None else {"by": said_by}
    _record(session, by, "feedback.received", row, at, id=str(row.id), kind=row.kind, **stood)
    return row


def _locked(session: Session, feedback: UUID, operator: Operator) -> FeedbackRow:
    row = session.get(FeedbackRow, feedback, with_for_update=True, populate_existing=True)
    if row is None or not rules.seen_by(row.category, operator.roles):
        raise Rejected("not_found", what="feedback", name=str(feedback))
    return row


def _close(session: Session, row: FeedbackRow, operator: Operator, at: datetime) -> None:
    rules.check_closing(row.number, queries.view(row).state)
    row.state, row.closed_at = "closed", at
    session.flush()
    _record(session, operator.actor, "feedback.closed", row, at)


def _entry(row: FeedbackRow, sort: str, zh: str, en: str, operator: Operator, at: datetime) -> FeedbackEntryRow:
    return FeedbackEntryRow(
        id=uuid7(),
        feedback=row.id,
        retailer=row.retailer,
        sort=sort,
        words_zh=zh,
        words_en=en,
        author=operator.name,
        at=at,
    )


def tell_again(session: Session, rows: Iterable[FeedbackRow], *, at: datetime) -> None:
    """Tell the shops how their feedback stands, after its words were erased."""
    outbox.append(session, [_item(session, row) for row in rows], at=at)


def _item(session: Session, row: FeedbackRow) -> outbox.Item:
    known = queries.view(row)
    given = next((one for one in queries.entries(session, row.id) if one.sort == "answer"), None)
    done_at = row.closed_at or row.answered_at
    reopens = done_at is not None and row.reopened_at is None
    message = feed.Feedback(
        feedback=row.id,
        number=row.number,
        kind=known.kind,
        category=known.category,
        about=known.about,
        words=row.words,
        state=known.state,
        received_at=row.at,
        answer_until=row.answer_until,
        by_telephone=known.by_telephone,
        answer=None if given is None else given.both,
        answered_at=None if given is None else given.at,
        closed_at=row.closed_at,
        reopen_until=rules.reopen_until(done_at, ZoneInfo(row.zone)) if reopens and done_at else None,
        reopened=row.reopened,
        satisfaction=row.satisfaction,
    )
    return outbox.Item(row.retailer, f"feedback:{row.id}", "feedback", message)


def _tell(session: Session, row: FeedbackRow, at: datetime) -> None:
    outbox.append(session, [_item(session, row)], at=at)


def _record(session: Session, actor: Actor, action: str, row: FeedbackRow, at: datetime, **detail: Any) -> None:
    whole = {"retailer": row.retailer, "category": row.category} | detail
    audit.record(session, actor=actor, action=action, subject=f"feedback:{row.number}", at=at, detail=whole)

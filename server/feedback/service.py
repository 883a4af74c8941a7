"""What can be done with feedback. Nothing here commits.

Every act holds the row until its transaction ends, is written into the audit, and is told to the shop's terminals
unless it stays inside. Words stand in the tables of feedback alone: the audit names numbers, states and owners, and
never whom a complaint is about.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import select
from sqlalchemy.orm import Session

from contract.errors import Conflict, Rejected
from contract.ids import uuid7
from contract.messages import FeedbackCategory, RateFeedback, SendFeedback
from server.feedback import disputing, queries, rules, setting, subjects, telling, terms
from server.feedback.models import FeedbackEntryRow, FeedbackRow, FeedbackStepRow
from server.kit import audit
from server.kit.db import NOBODY, acting_for
from server.kit.fields import Field, Text, require
from server.kit.identity import SYSTEM, Actor, Operator
from server.kit.inbox import Accepted, Arrival
from server.kit.marking import N_
from server.operators import queries as operators
from server.photos import service as photos
from server.retailers import queries as shops
from server.retailers import service as retailers

SAID_MOST: Final = 2000
ANSWER_MOST: Final = 700
"""With the longest words of a shop, two answers of this length still fit into one item of the feed."""
BECAUSE_MOST: Final = 200
LATE_AT_ONCE: Final = 200

SAID = (Field("words", N_("The shop's words"), Text(SAID_MOST)),)
REOPENED = (Field("reopen", N_("The shop's words"), Text(500)),)
NOTE = (Field("note", N_("Note"), Text(1000)),)
NEEDED = (Field("answer", N_("Answer"), Text(2 * ANSWER_MOST)),)
ANSWER = (
    Field("answer_zh", N_("Answer in Chinese"), Text(ANSWER_MOST, needed=False)),
    Field("answer_en", N_("Answer in English"), Text(ANSWER_MOST, needed=False)),
)
BECAUSE_NEEDED = (Field("because", N_("Reason"), Text(2 * BECAUSE_MOST)),)
BECAUSE = (
    Field("because_zh", N_("Reason in Chinese"), Text(BECAUSE_MOST, needed=False)),
    Field("because_en", N_("Reason in English"), Text(BECAUSE_MOST, needed=False)),
)


def take_feedback(session: Session, told: Sequence[tuple[SendFeedback, Arrival]]) -> list[Accepted | Rejected]:
    """Keep what terminals of different shops say; each stands or is refused by itself, in their order.

    As many statements as for one, but for what is about something and for photos.
    """
    said = [
        _Said(arrival.id, arrival.sender.party, one, Actor("device", arrival.sender.device), "terminal", arrival.by)
        for one, arrival in told
    ]
    kept, held = _keep(session, said, told[0][1].at)
    return [
        row if isinstance(row, Rejected) else Accepted(number=row.number, tell=(telling.new_item(row, held),))
        for row in kept
    ]


def take_rating(session: Session, said: RateFeedback, arrival: Arrival) -> Accepted:
    """Take how well the sender's shop finds a closed one done, or look at it again, as often as the terms have it.

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
        record(session, by, "feedback.rated", row, at, satisfaction=said.satisfaction, **arrival.said)
    else:
        held = setting.in_force(session)
        rules.check_reopening(
            row.number,
            known.state,
            row.closed_at or row.answered_at,
            at,
            ZoneInfo(row.zone),
            again=row.reopens < held.reopens_most,
            days=held.reopen_days,
        )
        require(REOPENED, {"reopen": said.reopen})
        record(session, by, "feedback.reopened", row, at, satisfaction=row.satisfaction, **arrival.said)
        words = said.reopen.strip()
        row.state, row.reopened, row.reopened_at, row.reopens = "looked_at", words, at, row.reopens + 1
        row.answered_at = row.closed_at = row.satisfaction = row.decision = None
        row.escalated = row.sorted_after = 0
        _begin(row, held, known.category, at)
        session.add(entry(row, "reopening", words, "", arrival.sender.device, at))
    session.flush()
    return Accepted(number=row.number, tell=(telling.item(session, row),))


def enter_feedback(
    session: Session,
    retailer: str,
    said: SendFeedback,
    operator: Operator,
    *,
    at: datetime,
    way: rules.Way = "telephone",
) -> UUID:
    """Keep what a shop says to an employee, recorded as such, and tell its terminals; return its id.

    Raises
    ------
    Rejected, Invalid
        ``not_found``; ``feedback_empty``; ``feedback_about``; ``feedback_own``; words that cannot be kept.
    """
    if said.about is not None and said.about.sort == "employee":
        meant = rules.concerned(said.about.name, operators.names_with(session, rules.ACTORS))
        if operator.name in meant:
            raise Rejected("feedback_own")
    with acting_for(session, person=NOBODY):
        (row,), _ = _keep(session, [_Said(uuid7(), retailer, said, operator.actor, way)], at)
        if isinstance(row, Rejected):
            raise row
        telling.tell(session, row, at)
    return row.id


def assign(session: Session, feedback: UUID, owner: str, operator: Operator, *, at: datetime) -> None:
    """Give it to a person, who looks at it now.

    Raises
    ------
    Rejected, Conflict
        ``not_found``, for the feedback and for a person who may not act on it; ``wrong_state``, where it is answered.
    """
    row = locked(session, feedback, operator)
    rules.check_open(queries.view(row).state)
    if owner in row.concerns or owner not in _people(session, row, at):
        raise Rejected("not_found", what="operator", name=owner)
    first = row.state == "received"
    with acting_for(session, person=NOBODY):
        row.state, row.owner = "looked_at", owner
        session.flush()
        record(session, operator.actor, "feedback.assigned", row, at, owner=owner)
        if first:
            telling.tell(session, row, at)


def sort_again(
    session: Session,
    feedback: UUID,
    category: FeedbackCategory,
    concerns: Iterable[str],
    operator: Operator,
    *,
    at: datetime,
) -> None:
    """Put it into another category, and say which employees it is about: from now on they see nothing of it.

    The deadline is the new category's, counted from when it came or was reopened. With an employee's name it goes to
    that employee's superior. Where it comes to be about an employee, or nobody knows any more about whom, it goes on to
    another person than the one who says so, else to administrators: nobody keeps to himself what is about him.

    Raises
    ------
    Rejected, Conflict
        ``not_found``, for the feedback and for an account; ``feedback_own``; ``wrong_state``, where it is answered.
    """
    row = locked(session, feedback, operator)
    rules.check_open(queries.view(row).state)
    named = sorted(set(concerns)) if category == "employee" else []
    if operator.name in named:
        raise Rejected("feedback_own")
    for name in named:
        if operators.operator(session, name, at=at) is None:
            raise Rejected("not_found", what="operator", name=name)
    people = setting.actors(session, shops.retailer(session, row.retailer), at=at)
    held = setting.in_force(session)
    hides = category == "employee" and (row.category != "employee" or (bool(row.concerns) and not named))
    with acting_for(session, person=NOBODY):
        row.category, row.concerns, row.sorted_after = category, named, row.escalated
        if named or hides:
            shut = [*named, operator.name] if hides else named
            row.owner = setting.first_owner(held, category, shut, people)
            row.state = "received" if row.owner is None else row.state
        _begin(row, held, category, row.reopened_at or row.at)
        row.paused_at = None
        session.flush()
        record(session, operator.actor, "feedback.sorted", row, at)
        telling.tell(session, row, at)


def pause(
    session: Session, feedback: UUID, operator: Operator, *, because_zh: str, because_en: str, at: datetime
) -> None:
    """Stop its clock for a reason that the shop reads.

    Raises
    ------
    Rejected, Conflict, Invalid
        ``not_found``; ``wrong_state``, ``feedback_paused``; no reason, or one too long.
    """
    row = locked(session, feedback, operator)
    rules.check_pausing(row.number, queries.view(row).state, row.paused_at)
    words = {"because_zh": because_zh.strip(), "because_en": because_en.strip()}
    require(BECAUSE_NEEDED, {"because": "".join(words.values())})
    require(BECAUSE, words)
    session.add(entry(row, "pause", words["because_zh"], words["because_en"], operator.name, at))
    row.owner, row.state, row.paused_at = row.owner or operator.name, "looked_at", at
    session.flush()
    record(session, operator.actor, "feedback.paused", row, at)
    telling.tell(session, row, at)


def resume(session: Session, feedback: UUID, operator: Operator, *, at: datetime) -> None:
    """Let its clock go on: as much working time is left as when it stopped.

    Raises
    ------
    Rejected, Conflict
        ``not_found``; ``wrong_state``, where it is not paused.
    """
    row = locked(session, feedback, operator)
    _resume(row, setting.in_force(session), at)
    session.flush()
    record(session, operator.actor, "feedback.resumed", row, at)
    telling.tell(session, row, at)


def answer(
    session: Session,
    feedback: UUID,
    operator: Operator,
    *,
    answer_zh: str,
    answer_en: str,
    close: bool,
    at: datetime,
    decision: rules.Decision | None = None,
) -> None:
    """Answer it in one language or both, and close it with that where asked; what is disputed is decided with it.

    A dispute about a grant is upheld by :func:`server.feedback.remedies.answer`, with what makes it good.

    Raises
    ------
    Rejected, Conflict, Invalid
        ``not_found``; ``wrong_state``, where it is answered; ``feedback_proposed``; ``feedback_decision``,
        ``feedback_remedy``; no words, or too many.
    """
    row, words = answering(session, feedback, operator, answer_zh, answer_en, decision)
    if rules.made_good(decision, rules.disputed(row.explanation)):
        raise Rejected("feedback_remedy", number=row.number)
    settle(session, row, words, operator.name, operator, close=close, decision=decision, at=at)


def answering(
    session: Session,
    feedback: UUID,
    operator: Operator,
    answer_zh: str,
    answer_en: str,
    decision: rules.Decision | None,
) -> tuple[FeedbackRow, tuple[str, str]]:
    """Hold what is to be answered, and return its row and the words that can be kept. Raises as :func:`answer`."""
    row = locked(session, feedback, operator)
    rules.check_open(queries.view(row).state)
    if any(one.state == "proposed" for one in queries.remedies(session, row.id)):
        raise Conflict("feedback_proposed", number=row.number)
    rules.check_decision(row.number, decision, disputed=row.explanation is not None)
    words = {"answer_zh": answer_zh.strip(), "answer_en": answer_en.strip()}
    require(NEEDED, {"answer": "".join(words.values())})
    require(ANSWER, words)
    return row, (words["answer_zh"], words["answer_en"])


def settle(
    session: Session,
    row: FeedbackRow,
    words: tuple[str, str],
    author: str,
    operator: Operator,
    *,
    close: bool,
    decision: rules.Decision | None,
    at: datetime,
) -> None:
    """Let an answer of ``author`` count, by the act of a person; a clock that stood goes on before."""
    if row.paused_at is not None:
        _resume(row, setting.in_force(session), at)
    session.add(entry(row, "answer", *words, author, at))
    row.owner = row.owner or author
    row.state, row.answered_at, row.decision = "answered", at, decision
    row.escalate_at = None
    session.flush()
    decided = {} if decision is None else {"decision": decision}
    record(session, operator.actor, "feedback.answered", row, at, **decided)
    if close:
        _close(session, row, operator, at)
    telling.tell(session, row, at)


def note(session: Session, feedback: UUID, words: str, operator: Operator, *, at: datetime) -> None:
    """Write a note that stays inside.

    Raises
    ------
    Rejected, Invalid
        ``not_found``; no words, or too many.
    """
    row = locked(session, feedback, operator)
    require(NOTE, {"note": words.strip()})
    session.add(entry(row, "note", words.strip(), "", operator.name, at))
    session.flush()
    record(session, operator.actor, "feedback.noted", row, at)


def close(session: Session, feedback: UUID, operator: Operator, *, at: datetime) -> None:
    """Close what was answered.

    Raises
    ------
    Rejected, Conflict
        ``not_found``; ``feedback_unanswered``; ``wrong_state``.
    """
    row = locked(session, feedback, operator)
    _close(session, row, operator, at)
    telling.tell(session, row, at)


def keep_time(session: Session, now: datetime) -> int:
    """Hand what is late to the next person of its chain, a step once; return how many steps were taken.

    Nobody gets what is about himself. After its owner comes who stands behind him in the chain; where he is not in it,
    the first one who has not had it since it was sorted. Where the chain is at its end, it stays where it is, late.
    """
    late = session.scalars(
        select(FeedbackRow)
        .where(FeedbackRow.escalate_at <= now, FeedbackRow.state.in_(rules.OPEN), FeedbackRow.paused_at.is_(None))
        .order_by(FeedbackRow.escalate_at, FeedbackRow.id)
        .limit(LATE_AT_ONCE)
        .with_for_update(skip_locked=True)
    ).all()
    if not late:
        return 0
    held, taken = setting.in_force(session), 0
    known = shops.retailers(session, {row.retailer for row in late})
    had = _had(session, [row.id for row in late])
    for row in late:
        people = setting.actors(session, known[row.retailer], at=now)
        category = queries.view(row).category
        chain = setting.chain(held, category, row.concerns, people)
        following = rules.next_person(chain, had[row.id], row.owner, row.concerns, {one.name for one in people})
        if following is None:
            row.escalate_at = None
            continue
        step = FeedbackStepRow(
            feedback=row.id,
            round=row.reopens,
            step=row.escalated + 1,
            retailer=row.retailer,
            before=row.owner,
            owner=following,
            at=now,
        )
        session.add(step)
        row.owner, row.escalated, row.escalate_at = following, row.escalated + 1, held.next_step_at(now)
        session.flush()
        record(session, SYSTEM, "feedback.escalated", row, now, owner=following, step=row.escalated)
        taken += 1
    return taken


def _had(session: Session, late: Collection[UUID]) -> dict[UUID, set[str]]:
    """Return to whom each one went by escalation since it came, was reopened, or was sorted into its category."""
    found: dict[UUID, set[str]] = {one: set() for one in late}
    steps = (
        select(FeedbackStepRow.feedback, FeedbackStepRow.owner)
        .join(FeedbackRow, FeedbackRow.id == FeedbackStepRow.feedback)
        .where(
            FeedbackRow.id.in_(late),
            FeedbackStepRow.round == FeedbackRow.reopens,
            FeedbackStepRow.step > FeedbackRow.sorted_after,
        )
    )
    for feedback, owner in session.execute(steps):
        found[feedback].add(owner)
    return found


@dataclass(frozen=True)
class _Said:
    """What a shop said, by whom it was brought, and who stood at the terminal where one asks."""

    feedback: UUID
    retailer: str
    message: SendFeedback
    by: Actor
    way: rules.Way
    said_by: str | None = None


def _keep(session: Session, said: Sequence[_Said], at: datetime) -> tuple[list[FeedbackRow | Rejected], terms.Terms]:
    """Keep what different shops said, or say why not; return it with the terms that hold."""
    known = retailers.lock_retailers(session, {one.retailer for one in said})
    held = setting.in_force(session)
    everybody = operators.operators(session, at=at)
    found: list[FeedbackRow | Rejected] = []
    for one in said:
        try:
            found.append(_row(session, one, known.get(one.retailer), held, everybody, at))
        except Rejected as refusal:
            found.append(refusal)
    session.add_all(row for row in found if isinstance(row, FeedbackRow))
    session.flush()
    for one, row in zip(said, found, strict=True):
        if isinstance(row, FeedbackRow):
            photos.name_photos(session, one.retailer, "feedback", row.id, one.message.photos, at=at)
            stood = {} if one.said_by is None else {"by": one.said_by}
            record(session, one.by, "feedback.received", row, at, id=str(row.id), kind=row.kind, way=one.way, **stood)
    return found, held


def _row(
    session: Session,
    one: _Said,
    shop: shops.Retailer | None,
    held: terms.Terms,
    everybody: Sequence[operators.OperatorView],
    at: datetime,
) -> FeedbackRow:
    said = one.message
    if shop is None:
        raise Rejected("not_found", what="retailer", name=one.retailer)
    if not said.words.strip():
        raise Rejected("feedback_empty")
    require(SAID, {"words": said.words})
    if said.about is not None:
        subjects.check(session, one.retailer, said.about)
    category: FeedbackCategory = said.category
    concerns: list[str] = []
    if said.about is not None and said.about.sort == "employee":
        category = "employee"
        concerns = rules.concerned(said.about.name, [person.name for person in everybody])
    row = FeedbackRow(
        id=one.feedback,
        retailer=one.retailer,
        kind=said.kind,
        category=category,
        way=one.way,
        about_sort=said.about and said.about.sort,
        about_name=said.about and said.about.name,
        concerns=concerns,
        words=said.words.strip(),
        explanation=disputing.frozen(session, one.retailer, said.about),
        by=str(one.by),
        said_by=one.said_by,
        at=at,
        owner=setting.first_owner(held, category, concerns, setting.fit(everybody, shop)),
        state="received",
        escalated=0,
        reopens=0,
    )
    _begin(row, held, category, at)
    return row


def _begin(row: FeedbackRow, held: terms.Terms, category: FeedbackCategory, at: datetime) -> None:
    """Let its deadline begin at an instant."""
    row.due_at = row.escalate_at = held.due_at(category, at)
    row.zone = str(held.calendar.zone)
    row.answer_until = row.due_at.astimezone(held.calendar.zone).date()


def _resume(row: FeedbackRow, held: terms.Terms, at: datetime) -> None:
    if row.paused_at is None:
        raise Conflict("wrong_state", state=row.state, needed="paused")
    row.due_at = held.moved(row.due_at, row.paused_at, at)
    if row.escalate_at is not None:
        row.escalate_at = held.moved(row.escalate_at, row.paused_at, at)
    row.answer_until = row.due_at.astimezone(ZoneInfo(row.zone)).date()
    row.paused_at = None


def _people(session: Session, row: FeedbackRow, at: datetime) -> set[str]:
    return {one.name for one in setting.actors(session, shops.retailer(session, row.retailer), at=at)}


def locked(session: Session, feedback: UUID, operator: Operator) -> FeedbackRow:
    """Hold one until the transaction ends, and return its row; ``not_found`` where the person does not see it."""
    row = session.get(FeedbackRow, feedback, with_for_update=True, populate_existing=True)
    if row is None or not rules.sees(operator, row.category, row.concerns, row.owner):
        raise Rejected("not_found", what="feedback", name=str(feedback))
    return row


def _close(session: Session, row: FeedbackRow, operator: Operator, at: datetime) -> None:
    rules.check_closing(row.number, queries.view(row).state)
    row.state, row.closed_at = "closed", at
    session.flush()
    record(session, operator.actor, "feedback.closed", row, at)


def entry(row: FeedbackRow, sort: queries.EntrySort, zh: str, en: str, author: str, at: datetime) -> FeedbackEntryRow:
    """Return words to be kept with one."""
    return FeedbackEntryRow(
        id=uuid7(),
        feedback=row.id,
        retailer=row.retailer,
        sort=sort,
        words_zh=zh,
        words_en=en,
        author=author,
        at=at,
    )


def record(session: Session, actor: Actor, action: str, row: FeedbackRow, at: datetime, **detail: Any) -> None:
    """Write down what was done with one, without words and without whom it concerns."""
    whole = {"retailer": row.retailer, "category": row.category} | detail
    audit.record(session, actor=actor, action=action, subject=f"feedback:{row.number}", at=at, detail=whole)

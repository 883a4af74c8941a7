"""What shops say without saying who they are. Nothing here commits.

Nothing is written down on arrival but the row itself (:class:`server.feedback.models.UnnamedRow`): no audit, no
receipt, no item of a feed, no device, no address, no instant. What is promised by that, and what is not, stands in
ADR 0050.
"""

import hashlib
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import cast
from uuid import UUID

from sqlalchemy import ColumnElement, and_, func, literal, or_, select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from contract.device_api import SayUnnamed, Unnamed
from contract.errors import Conflict, Rejected
from contract.feed import Text
from contract.messages import FeedbackCategory, FeedbackKind
from server.feedback import rules
from server.feedback.models import UnnamedRow
from server.feedback.service import ANSWER, NEEDED, SAID
from server.kit import audit
from server.kit.fields import require
from server.kit.identity import Operator
from server.operators import queries as operators


@dataclass(frozen=True)
class View:
    """One of them, as those who answer see it."""

    id: UUID
    week: date
    kind: FeedbackKind
    category: FeedbackCategory
    words: str
    concerns: tuple[str, ...]
    answer_zh: str
    answer_en: str
    answered_by: str | None
    answered_on: date | None


def take(session: Session, said: SayUnnamed, *, at: datetime) -> None:
    """Keep it, once by its id. A repeat changes nothing; the same id with other words is refused.

    Raises
    ------
    Rejected, Conflict, Invalid
        ``feedback_empty``; ``id_reused``; words that cannot be kept.
    """
    if not said.words.strip():
        raise Rejected("feedback_empty")
    require(SAID, {"words": said.words})
    code = bytes.fromhex(said.code_sha256)
    category: FeedbackCategory = "employee" if said.employee.strip() else said.category
    meant = [one.name for one in operators.operators(session, at=at)] if said.employee.strip() else []
    kept = session.execute(
        insert(UnnamedRow)
        .values(
            id=said.id,
            code_sha256=code,
            week=_week(at),
            kind=said.kind,
            category=category,
            words=said.words.strip() + (f"\n({said.employee.strip()})" if said.employee.strip() else ""),
            concerns=rules.concerned(said.employee, meant) if meant else [],
            answer_zh="",
            answer_en="",
        )
        .on_conflict_do_nothing()  # a repeat, also one that comes while the first is taken: an error would be logged
        .returning(UnnamedRow.id)
    )
    if kept.first() is not None:
        return
    same = or_(UnnamedRow.id == said.id, UnnamedRow.code_sha256 == code)
    known = session.scalars(select(UnnamedRow).where(same).limit(1)).one()
    if (known.id, known.code_sha256) != (said.id, code) or not known.words.startswith(said.words.strip()):
        raise Conflict("id_reused", id=str(said.id))


def look(session: Session, code: str) -> Unnamed:
    """Return how it stands to whoever shows its code.

    Raises
    ------
    Rejected
        ``unknown_code``.
    """
    plain = "".join(letter for letter in code.upper() if letter.isalnum())
    digest = hashlib.sha256(plain.encode()).digest()
    row = session.scalars(select(UnnamedRow).where(UnnamedRow.code_sha256 == digest)).one_or_none()
    if row is None:
        raise Rejected("unknown_code")
    if row.answered_by is None:
        return Unnamed(state="received", week=row.week)
    both = Text(zh=row.answer_zh or row.answer_en, en=row.answer_en or row.answer_zh)
    return Unnamed(state="answered", week=row.week, answer=both)


def listed(session: Session, reader: Operator, *, limit: int, offset: int = 0) -> tuple[list[View], int]:
    """Return what the reader sees of them, unanswered first, and how many there are.

    The order within a week is that of their random ids: it says nothing.
    """
    seen = _visible(reader)
    total = session.scalar(select(func.count()).select_from(UnnamedRow).where(seen)) or 0
    query = select(UnnamedRow).where(seen).order_by(UnnamedRow.answered_by.is_not(None), UnnamedRow.week, UnnamedRow.id)
    return [_view(row) for row in session.scalars(query.limit(limit).offset(offset))], total


def answer(
    session: Session, unnamed: UUID, operator: Operator, *, answer_zh: str, answer_en: str, at: datetime
) -> None:
    """Answer it, once; whoever has the code reads it.

    Raises
    ------
    Rejected, Conflict, Invalid
        ``not_found``, also for whom it concerns; ``wrong_state``; no words, or too many.
    """
    row = session.scalars(
        select(UnnamedRow).where(UnnamedRow.id == unnamed, _visible(operator)).with_for_update()
    ).one_or_none()
    if row is None:
        raise Rejected("not_found", what="feedback", name=str(unnamed))
    if row.answered_by is not None:
        raise Conflict("wrong_state", state="answered", needed="received")
    words = {"answer_zh": answer_zh.strip(), "answer_en": answer_en.strip()}
    require(NEEDED, {"answer": "".join(words.values())})
    require(ANSWER, words)
    row.answer_zh, row.answer_en = words["answer_zh"], words["answer_en"]
    row.answered_by, row.answered_on = operator.name, at.date()
    session.flush()
    audit.record(
        session,
        actor=operator.actor,
        action="feedback.unnamed_answered",
        subject=f"unnamed:{unnamed}",
        at=at,
        detail={"category": row.category},
    )


def keep_time(session: Session, now: datetime) -> int:
    """Once a week is over, write all rows anew in a random order; return how many there are, 0 where none is due."""
    due = select(UnnamedRow.id).where(UnnamedRow.mixed.is_(False), UnnamedRow.week < _week(now)).limit(1)
    if session.scalar(due) is None:
        return 0
    return session.scalar(_MIX, {"week": _week(now)}) or 0


_MIX = text(
    """
    WITH gone AS (DELETE FROM feedback_unnamed RETURNING *),
    mixed AS (
        INSERT INTO feedback_unnamed (id, code_sha256, week, mixed, kind, category, words, concerns,
                                      answer_zh, answer_en, answered_by, answered_on)
        SELECT id, code_sha256, week, mixed OR week < :week, kind, category, words,
            concerns, answer_zh, answer_en, answered_by, answered_on
        FROM gone ORDER BY random() RETURNING 1
    )
    SELECT count(*) FROM mixed
    """
)


def _week(at: datetime) -> date:
    return at.date() - timedelta(days=at.date().weekday())


def _visible(reader: Operator) -> ColumnElement[bool]:
    about_others = literal(reader.name) != UnnamedRow.concerns.all_()
    keeps = reader.may("administrator") and reader.scopes is None
    return about_others if keeps else and_(about_others, UnnamedRow.category != "employee")


def _view(row: UnnamedRow) -> View:
    return View(
        id=row.id,
        week=row.week,
        kind=cast("FeedbackKind", row.kind),
        category=cast("FeedbackCategory", row.category),
        words=row.words,
        concerns=tuple(row.concerns),
        answer_zh=row.answer_zh,
        answer_en=row.answer_en,
        answered_by=row.answered_by,
        answered_on=row.answered_on,
    )

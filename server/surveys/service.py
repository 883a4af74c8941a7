"""What can be done with surveys. Nothing here commits.

An answering transaction holds the survey's row in share mode, closing takes it for update: what is receipted is
counted, and nothing is counted after the close.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import insert, select
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.orm import Session

from contract import feed
from contract.errors import Conflict, Rejected
from contract.ids import uuid7
from contract.messages import AnswerSurvey
from server.kit import audit, outbox
from server.kit.changing import ChangedMeanwhileError, Standing
from server.kit.fields import Invalid, Unfit
from server.kit.identity import SYSTEM, Operator
from server.kit.inbox import Accepted, Arrival
from server.kit.marking import N_
from server.retailers import queries as retailers
from server.surveys import queries, rules
from server.surveys.models import AnswerRow, AnswerSetRow, InvitationRow, SurveyRow


def write_survey(session: Session, draft: rules.Draft, operator: Operator, *, at: datetime) -> UUID:
    """Keep a new draft; return its id.

    Raises
    ------
    Invalid
        Naming every field that does not fit.
    """
    rules.check_draft(draft)
    row = SurveyRow(id=uuid7(), state="draft", revision=1, created_by=operator.name, created_at=at, **_columns(draft))
    session.add(row)
    session.flush()
    _record(session, operator, "survey.written", row, at)
    return row.id


def rewrite_survey(
    session: Session, survey_id: UUID, draft: rules.Draft, operator: Operator, *, revision: int, at: datetime
) -> None:
    """Put a draft anew. ``revision`` is the one that the person saw.

    Raises
    ------
    Rejected, Conflict
        ``not_found``; ``Invalid``; ``wrong_state`` where it is published; ``changed_meanwhile``.
    """
    rules.check_draft(draft)
    row = _locked(session, survey_id, "draft")
    if row.revision != revision:
        raise ChangedMeanwhileError(
            f"{row.title_zh} / {row.title_en}",
            (
                Standing("title_zh", N_("Title in Chinese"), row.title_zh),
                Standing("title_en", N_("Title in English"), row.title_en),
            ),
        )
    for name, value in _columns(draft).items():
        setattr(row, name, value)
    row.revision += 1
    session.flush()
    _record(session, operator, "survey.rewritten", row, at)


def publish_survey(session: Session, survey_id: UUID, operator: Operator, *, at: datetime) -> int:
    """Fix the questions and who is asked, and ask as soon as it opens; return how many retailers are asked.

    Raises
    ------
    Rejected, Conflict
        ``not_found``; ``wrong_state``; ``Invalid`` where the close is over or nobody would be asked.
    """
    row = _locked(session, survey_id, "draft")
    if row.closes_at <= at:
        raise Invalid({"closes_at": Unfit(rules.OVER)})
    asked = retailers.codes_in(session, queries.AUDIENCE.validate_python(row.audience))
    if not asked:
        raise Invalid({"audience": Unfit(rules.NOT_ASKED)})
    row.state = "published"
    row.published_at = at
    session.flush()
    session.execute(insert(InvitationRow), [{"survey_id": row.id, "retailer": code} for code in asked])
    _record(session, operator, "survey.published", row, at, asked=len(asked))
    if row.opens_at <= at:
        _open(session, row, at)
    return len(asked)


def close_survey(session: Session, survey_id: UUID, operator: Operator, *, at: datetime) -> None:
    """Close a survey before its time.

    Raises
    ------
    Rejected, Conflict
        ``not_found``, or ``wrong_state`` where it is no published survey.
    """
    row = _locked(session, survey_id, "published")
    _close(session, row, at)
    _record(session, operator, "survey.closed", row, at)


def keep_time(session: Session, now: datetime) -> list[UUID]:
    """Open the published surveys whose time has come, close those whose time is over; return them."""
    due = session.scalars(
        select(SurveyRow)
        .where(
            SurveyRow.state == "published",
            (SurveyRow.closes_at <= now) | (SurveyRow.opened_at.is_(None) & (SurveyRow.opens_at <= now)),
        )
        .order_by(SurveyRow.id)
        .with_for_update()
    ).all()
    for row in due:
        if row.closes_at <= now:
            _close(session, row, now)
            audit.record(session, actor=SYSTEM, action="survey.closed", subject=f"survey:{row.number}", at=now)
        else:
            _open(session, row, now)
    return [row.id for row in due]


def answer_survey(session: Session, given: AnswerSurvey, arrival: Arrival) -> Accepted:
    """Take the answers of the sender's retailer, once."""
    party = arrival.sender.party
    row = session.scalars(
        select(SurveyRow).where(SurveyRow.id == given.survey).with_for_update(read=True)
    ).one_or_none()
    if row is None or row.opened_at is None or session.get(InvitationRow, (row.id, party)) is None:
        raise Rejected("unknown_survey")
    if session.get(AnswerSetRow, (row.id, party)) is not None:
        raise Conflict("already_answered")
    rules.check_open(row.state, row.closes_at, row.closed_at, arrival.at)
    answers = rules.fitting(queries.questions_of(row), given.answers)
    number = session.scalar(
        upsert(AnswerSetRow)
        .values(
            survey_id=row.id,
            retailer=party,
            message_id=arrival.id,
            device=arrival.sender.device,
            answered_at=arrival.at,
        )
        .on_conflict_do_nothing(index_elements=["survey_id", "retailer"])
        .returning(AnswerSetRow.number)
    )
    if number is None:
        raise Conflict("already_answered")
    if answers:
        session.execute(
            insert(AnswerRow),
            [
                {
                    "survey_id": row.id,
                    "retailer": party,
                    "question": answer.question,
                    "choices": list(answer.choices),
                    "number": answer.number,
                    "text": (answer.text or "").strip() or None,
                }
                for answer in answers
            ],
        )
    return Accepted(number)


def _columns(draft: rules.Draft) -> dict[str, Any]:
    return {
        "title_zh": draft.title.zh.strip(),
        "title_en": draft.title.en.strip(),
        "intro_zh": draft.intro.zh.strip(),
        "intro_en": draft.intro.en.strip(),
        "questions": queries.QUESTIONS.dump_python(draft.questions, mode="json"),
        "audience": queries.AUDIENCE.dump_python(draft.audience, mode="json"),
        "opens_at": draft.opens_at,
        "closes_at": draft.closes_at,
    }


def _locked(session: Session, survey_id: UUID, needed: queries.SurveyState) -> SurveyRow:
    row = session.get(SurveyRow, survey_id, with_for_update=True)
    if row is None:
        raise Rejected("not_found", what="survey", name=str(survey_id))
    if row.state != needed:
        raise Conflict("wrong_state", state=row.state, needed=needed)
    return row


def _open(session: Session, row: SurveyRow, at: datetime) -> None:
    row.opened_at = at
    session.flush()
    _tell(session, row, queries.invited(session, row.id), at)


def _close(session: Session, row: SurveyRow, at: datetime) -> None:
    row.state = "closed"
    row.closed_at = at
    session.flush()
    if row.opened_at is not None:
        _tell(session, row, queries.invited(session, row.id), at)


def _tell(session: Session, row: SurveyRow, codes: Sequence[str], at: datetime) -> None:
    message = feed.Survey(
        survey=row.id,
        title=feed.Text(zh=row.title_zh, en=row.title_en),
        intro=feed.Text(zh=row.intro_zh, en=row.intro_en),
        state="closed" if row.state == "closed" else "open",
        closes_at=row.closes_at,
        questions=queries.questions_of(row),
    )
    outbox.append(session, [outbox.Item(code, f"survey:{row.id}", "survey", message) for code in codes], at=at)


def _record(
    session: Session, operator: Operator, action: str, row: SurveyRow, at: datetime, **detail: str | int
) -> None:
    audit.record(
        session,
        actor=operator.actor,
        action=action,
        subject=f"survey:{row.number}",
        at=at,
        detail={"revision": row.revision, **detail},
    )

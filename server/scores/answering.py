"""Answers to appeals: given with the published figures, approved by a second person where something changes.

Nothing here commits. A dismissal counts at once. An answer that upholds an appeal names what it changes and counts,
with the change, once another person approved it; until then the shop reads that its appeal is being looked at.
"""

from datetime import date, datetime
from typing import Final
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from contract.errors import Conflict, Rejected
from contract.ids import uuid7
from server.kit.changing import ChangedMeanwhileError
from server.kit.fields import Field, Text, require
from server.kit.identity import Operator
from server.kit.marking import N_
from server.scores import appeal_queries, appeal_rules, figures, queries, remedies, rules
from server.scores.appeals import locked, published_by, record, tell
from server.scores.models import AppealAnswerRow, AppealRow
from server.scores.service import REASON

WORDS_MOST: Final = 1000
WORDS = (
    Field("answer_zh", N_("Answer in Chinese"), Text(WORDS_MOST, needed=False)),
    Field("answer_en", N_("Answer in English"), Text(WORDS_MOST, needed=False)),
)
NEEDED = (Field("answer", N_("Answer"), Text(2 * WORDS_MOST)),)


def answer_appeal(
    session: Session,
    appeal: UUID,
    verdict: appeal_rules.Verdict,
    operator: Operator,
    *,
    answer_zh: str,
    answer_en: str,
    remedy: remedies.AnyRemedy | None,
    at: datetime,
    today: date,
) -> UUID:
    """Answer an appeal, in one language or in both; the published figures are kept with the answer.

    Raises
    ------
    Rejected, Conflict, Invalid
        ``not_found``; ``wrong_state``, where it is answered or an answer waits for a second person;
        ``own_publication``; ``no_remedy``, where an upheld appeal names no remedy or a dismissed one does; what
        :func:`server.scores.remedies.check` refuses; no words, or too many.
    """
    row = locked(session, appeal)
    if row.state not in {"received", "looked_at"}:
        raise Conflict("wrong_state", state=row.state, needed="received / looked_at")
    appeal_rules.check_answerer(published_by(session, row.run), operator.name)
    words = {"answer_zh": answer_zh.strip(), "answer_en": answer_en.strip()}
    require(NEEDED, {"answer": "".join(words.values())})
    require(WORDS, words)
    if (verdict == "upheld") != (remedy is not None):
        raise Rejected("no_remedy")
    if remedy is not None:
        remedies.check(session, row, remedy, today)
    given = AppealAnswerRow(
        id=uuid7(),
        appeal=row.id,
        retailer=row.retailer,
        verdict=verdict,
        **words,
        figures=_figures(session, row),
        remedy=None if remedy is None else remedy.model_dump(mode="json"),
        author=operator.name,
        at=at,
    )
    session.add(given)
    row.owner = row.owner or operator.name
    row.state = "proposed" if verdict == "upheld" else "dismissed"
    row.settled_at = at if verdict == "dismissed" else None
    session.flush()
    action = "score.appeal_dismissed" if verdict == "dismissed" else "score.appeal_upheld_proposed"
    detail = {"answer": str(given.id), "remedy": given.remedy}
    record(session, operator.actor, action, row, at, detail)
    tell(session, row, at=at)
    return given.id


def approve_answer(
    session: Session, appeal: UUID, operator: Operator, *, at: datetime, today: date, seen: UUID | None = None
) -> None:
    """Uphold an appeal as the second person: what the answer names is done, and the shop is told.

    ``seen`` is the answer that was looked at, none for any.

    Raises
    ------
    Rejected, Conflict
        ``not_found``; ``wrong_state``; ``same_person``; ``changed_meanwhile``, where another answer waits by now; what
        :func:`server.scores.remedies.check` refuses by now.
    """
    row, given = _waiting(session, appeal)
    rules.check_second_person(given.author, operator.name)
    if seen not in {None, given.id}:
        raise ChangedMeanwhileError(f"#{row.number}")
    given.approver, given.approved_at = operator.name, at
    row.state, row.settled_at = "upheld", at
    session.flush()
    remedies.carry_out(session, row, appeal_queries.answer_of(given), operator, at=at, today=today)
    detail = {"answer": str(given.id), "remedy": given.remedy}
    record(session, operator.actor, "score.appeal_upheld", row, at, detail)
    tell(session, row, at=at)


def return_answer(session: Session, appeal: UUID, operator: Operator, *, why: str, at: datetime) -> None:
    """Hand an answer back that waits for a second person; it is kept, and the appeal is looked at again.

    Raises
    ------
    Rejected, Conflict, Invalid
        ``not_found``; ``wrong_state``; an empty or long reason.
    """
    row, given = _waiting(session, appeal)
    require(REASON, {"reason": why.strip()})
    given.returned_by, given.returned_at, given.returned_why = operator.name, at, why.strip()
    row.state = "looked_at"
    session.flush()
    detail = {"answer": str(given.id), "why": given.returned_why}
    record(session, operator.actor, "score.appeal_returned", row, at, detail)


def _waiting(session: Session, appeal: UUID) -> tuple[AppealRow, AppealAnswerRow]:
    row = locked(session, appeal)
    if row.state != "proposed":
        raise Conflict("wrong_state", state=row.state, needed="proposed")
    given = session.scalars(
        select(AppealAnswerRow).where(
            AppealAnswerRow.appeal == row.id,
            AppealAnswerRow.verdict == "upheld",
            AppealAnswerRow.returned_by.is_(None),
        )
    ).one()
    return row, given


def _figures(session: Session, row: AppealRow) -> list[dict[str, object]]:
    found = queries.run(session, row.run)
    assert found is not None  # noqa: S101 - a foreign key holds it
    (score,) = queries.scores(session, found, retailers=[row.retailer])
    told = figures.of_appeal(session, found, score, row.component)
    return [one.model_dump(mode="json", exclude_none=True) for one in told]

"""How an upheld dispute about a grant is made good: said with the answer, confirmed by a second person.

The answer counts with the confirmation; until then the shop reads that somebody looks at it, and the deadline goes on.
Confirmed units are a credit of the retailer (:mod:`server.cycles.crediting`), which the next frozen books take in. What
is handed back stays readable, and another answer can be given. Nothing here commits.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from contract.errors import Conflict, Rejected
from contract.ids import uuid7
from server.cycles import crediting
from server.cycles.rules import check_second_person
from server.feedback import rules, service, telling
from server.feedback.models import FeedbackEntryRow, FeedbackRow, RemedyRow
from server.kit.changing import ChangedMeanwhileError
from server.kit.fields import Field, Text, require
from server.kit.identity import Operator
from server.kit.marking import N_

WHY = (Field("why", N_("Reason"), Text(500)),)


@dataclass(frozen=True)
class Remedy:
    """So many units of the disputed SKU; where there are none, nothing is made good, and the shop reads why."""

    units: int | None = None
    because_zh: str = ""
    because_en: str = ""


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
    remedy: Remedy | None = None,
) -> bool:
    """Answer it; return whether the answer counts, False where a second person is to confirm it with its remedy.

    Raises
    ------
    Rejected, Conflict, Invalid
        As :func:`server.feedback.service.answer`; ``malformed``, for a remedy where nothing is to be made good; what
        :func:`server.cycles.crediting.check` refuses; no reason for nothing, or one too long.
    """
    row, words = service.answering(session, feedback, operator, answer_zh, answer_en, decision)
    if not rules.made_good(decision, rules.disputed(row.explanation)):
        if remedy is not None:
            raise Rejected("malformed", where="remedy", what="nothing is to be made good")
        service.settle(session, row, words, operator.name, operator, close=close, decision=decision, at=at)
        return True
    if remedy is None:
        raise Rejected("feedback_remedy", number=row.number)
    proposal = service.entry(row, "proposal", *words, operator.name, at)
    because = _because(session, row, remedy, operator, at)
    session.add_all([proposal] if because is None else [proposal, because])
    session.flush()
    made = RemedyRow(
        id=uuid7(),
        feedback=row.id,
        retailer=row.retailer,
        units=remedy.units,
        answer=proposal.id,
        because=None if because is None else because.id,
        closes=close,
        author=operator.name,
        at=at,
        state="proposed",
    )
    session.add(made)
    first = row.state == "received"
    row.state, row.owner = "looked_at", row.owner or operator.name
    session.flush()
    service.record(session, operator.actor, "feedback.remedy_proposed", row, at, **_detail(row, made))
    if first:
        telling.tell(session, row, at)
    return False


def confirm(session: Session, feedback: UUID, operator: Operator, *, at: datetime, seen: UUID | None = None) -> None:
    """Let the answer count as the second person: the credit is given, and the shop is told.

    ``seen`` is the remedy that was looked at, none for any.

    Raises
    ------
    Rejected, Conflict
        ``not_found``; ``wrong_state``; ``same_person``; ``changed_meanwhile``, where another remedy waits by now; what
        :func:`server.cycles.crediting.check` refuses by now.
    """
    row, made = _waiting(session, feedback, operator)
    check_second_person(made.author, operator.name)
    if seen not in {None, made.id}:
        raise ChangedMeanwhileError(f"#{row.number}")
    if made.units is not None:
        wanted = _wanted(row, made.units)
        crediting.give(session, made.id, wanted, feedback=row.number, author=made.author, by=operator, at=at)
    made.state, made.decided_by, made.decided_at = "confirmed", operator.name, at
    session.flush()
    service.record(session, operator.actor, "feedback.remedy_confirmed", row, at, **_detail(row, made))
    said = session.get_one(FeedbackEntryRow, made.answer)
    words = said.words_zh, said.words_en
    service.settle(session, row, words, made.author, operator, close=made.closes, decision="upheld", at=at)


def hand_back(session: Session, feedback: UUID, operator: Operator, *, why: str, at: datetime) -> None:
    """Hand the answer back with a reason that stays inside; it is kept, and another one can be given.

    Raises
    ------
    Rejected, Conflict, Invalid
        ``not_found``; ``wrong_state``; an empty or long reason.
    """
    row, made = _waiting(session, feedback, operator)
    require(WHY, {"why": why.strip()})
    session.add(service.entry(row, "returned", why.strip(), "", operator.name, at))
    made.state, made.decided_by, made.decided_at = "returned", operator.name, at
    session.flush()
    service.record(session, operator.actor, "feedback.remedy_returned", row, at, **_detail(row, made))


def _because(
    session: Session, row: FeedbackRow, remedy: Remedy, operator: Operator, at: datetime
) -> FeedbackEntryRow | None:
    """Refuse a remedy that cannot be; return why nothing is made good, as it is kept."""
    if remedy.units is not None:
        crediting.check(session, _wanted(row, remedy.units))
        return None
    because = {"because_zh": remedy.because_zh.strip(), "because_en": remedy.because_en.strip()}
    require(service.BECAUSE_NEEDED, {"because": "".join(because.values())})
    require(service.BECAUSE, because)
    return service.entry(row, "no_remedy", because["because_zh"], because["because_en"], operator.name, at)


def most_units(session: Session, explanation: dict[str, Any], retailer: str) -> int:
    """Return how many units can still be made good for a disputed grant."""
    return crediting.most_units(session, UUID(explanation["cycle"]), retailer, explanation["line"]["sku"])


def _wanted(row: FeedbackRow, units: int) -> crediting.Wanted:
    frozen = row.explanation or {}
    return crediting.Wanted(UUID(frozen["cycle"]), row.retailer, frozen["line"]["sku"], units)


def _waiting(session: Session, feedback: UUID, operator: Operator) -> tuple[FeedbackRow, RemedyRow]:
    row = service.locked(session, feedback, operator)
    made = session.scalar(select(RemedyRow).where(RemedyRow.feedback == row.id, RemedyRow.state == "proposed"))
    if made is None:
        raise Conflict("wrong_state", state=row.state, needed="proposed")
    return row, made


def _detail(row: FeedbackRow, made: RemedyRow) -> dict[str, Any]:
    if made.units is None:
        return {"remedy": "none"}
    return {"remedy": "credit", "sku": (row.explanation or {})["line"]["sku"], "units": made.units}

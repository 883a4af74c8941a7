"""Taking the answers of a shop: once, and where it was promised so that nobody can tell whose they are."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from random import SystemRandom
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import delete, insert, select, update
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.orm import Session

from contract.errors import Conflict, Rejected
from contract.messages import Answer, AnswerSurvey
from server.kit.inbox import Accepted, Arrival
from server.photos import service as photos
from server.surveys import answering, mixing, queries, rules
from server.surveys.models import (
    AnswerRow,
    AnswerSetRow,
    BallotRow,
    InvitationRow,
    StratumRow,
    SurveyRow,
    UrnRow,
)

LOTS = SystemRandom()


def answer_survey(session: Session, given: AnswerSurvey, arrival: Arrival) -> Accepted:
    """Take the answers of the sender's retailer, once.

    Of an anonymous survey the answer set says that the shop answered; what it answered goes into the urn
    (:mod:`server.surveys.mixing`), and no number is told with the receipt.
    """
    party = arrival.sender.party
    row = session.scalars(
        select(SurveyRow).where(SurveyRow.id == given.survey).with_for_update(read=True)
    ).one_or_none()
    asked = None if row is None or row.opened_at is None else session.get(InvitationRow, (row.id, party))
    if row is None or asked is None:
        raise Rejected("unknown_survey")
    if session.get(AnswerSetRow, (row.id, party)) is not None:
        raise Conflict("already_answered")
    rules.check_open(row.state, row.closes_at, row.closed_at, arrival.at, row.grace_h)
    answers = _fitting(row, given)
    _take_place(session, row, asked.stratum)
    number = session.scalar(
        upsert(AnswerSetRow)
        .values(
            survey_id=row.id,
            retailer=party,
            stratum=asked.stratum,
            message_id=arrival.id,
            device=arrival.sender.device,
            answered_at=arrival.at,
        )
        .on_conflict_do_nothing(index_elements=["survey_id", "retailer"])
        .returning(AnswerSetRow.number)
    )
    if number is None:
        raise Conflict("already_answered")
    rows = [one for answer in answers for one in _rows(answer)]
    if row.anonymous:
        _put_in_urn(session, row.id, mixing.Ballot(asked.stratum, tuple(rows)))
        return Accepted()
    named = [photo for answer in answers for photo in answer.photos or ()]
    photos.name_photos(session, party, "survey", arrival.id, named, at=arrival.at)
    if rows:
        known = {"survey_id": row.id, "retailer": party, "stratum": asked.stratum}
        session.execute(insert(AnswerRow), [known | one for one in rows])
    return Accepted(number)


def empty_urn(session: Session, survey_id: UUID) -> None:
    """Let everything leave the urn at the close, inside the caller's transaction, and say what was put together."""
    waiting = _waiting(session, survey_id)
    left = queries.ballots_left(session, survey_id)
    leave, pooled = mixing.empty(waiting, left, LOTS)
    _cast(session, survey_id, leave)
    session.execute(delete(UrnRow).where(UrnRow.survey_id == survey_id))
    for place, into in pooled.items():
        session.execute(
            update(StratumRow)
            .where(StratumRow.survey_id == survey_id, StratumRow.place == place)
            .values(pooled_into=into)
        )


def _fitting(row: SurveyRow, given: AnswerSurvey) -> list[Answer]:
    """Return the answers that fit; a refusal of an anonymous one names the question and not what was answered."""
    if row.anonymous and given.blind is None:
        raise Rejected("answer_not_blinded")
    try:
        return answering.fitting(queries.questions_of(row), given.answers)
    except Rejected:
        if not row.anonymous:
            raise
        raise Rejected("anonymous_unfit") from None


def _take_place(session: Session, row: SurveyRow, stratum: int) -> None:
    """Count towards the quota of the stratum, or refuse where it is full."""
    if row.quota is None:
        return
    counted = session.scalar(
        update(StratumRow)
        .where(StratumRow.survey_id == row.id, StratumRow.place == stratum, StratumRow.answered < row.quota)
        .values(answered=StratumRow.answered + 1)
        .returning(StratumRow.answered)
    )
    if counted is None:
        raise Rejected("survey_full", quota=row.quota)


def _rows(answer: Answer) -> Iterator[dict[str, Any]]:
    one: dict[str, Any] = {"question": answer.question, "item": "", "choices": [], "number": None, "text": None}
    if answer.cells:
        for cell in answer.cells:
            yield one | {
                "item": cell.row,
                "choices": [] if cell.choice is None else [cell.choice],
                "number": cell.number,
            }
    else:
        number = len(answer.photos) if answer.photos else answer.number
        text = (answer.text or "").strip() or None
        yield one | {"choices": list(answer.choices), "number": number, "text": text}


def _put_in_urn(session: Session, survey_id: UUID, ballot: mixing.Ballot) -> None:
    session.execute(upsert(UrnRow).values(survey_id=survey_id, ballots=[]).on_conflict_do_nothing())
    mixed = mixing.put_in(_waiting(session, survey_id), ballot, LOTS)
    session.execute(
        update(UrnRow).where(UrnRow.survey_id == survey_id).values(ballots=[asdict(one) for one in mixed.stay])
    )
    _cast(session, survey_id, mixed.leave)


def _waiting(session: Session, survey_id: UUID) -> list[mixing.Ballot]:
    held = session.scalar(select(UrnRow.ballots).where(UrnRow.survey_id == survey_id).with_for_update())
    return [mixing.Ballot(one["stratum"], tuple(one["answers"])) for one in held or ()]


def _cast(session: Session, survey_id: UUID, ballots: Sequence[mixing.Ballot]) -> None:
    rows: list[Mapping[str, Any]] = []
    for one in ballots:
        name = {"ballot": uuid4(), "survey_id": survey_id, "stratum": one.stratum}
        rows += [name | dict(answer) for answer in one.answers]
    if rows:
        session.execute(insert(BallotRow), rows)

"""Appeals against a published score: taken from a terminal or on the telephone, and looked at. Nothing here commits.

An appeal is kept for ever, as are all its answers (:mod:`server.scores.answering`). Nothing here loads the scoring
library.
"""

from datetime import datetime
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import select
from sqlalchemy.orm import Session

from contract.errors import Conflict, Rejected
from contract.ids import uuid7
from contract.messages import AppealScore
from server.kit import audit, outbox
from server.kit.fields import Field, Text, Whole, require
from server.kit.identity import Actor, Operator
from server.kit.inbox import Accepted, Arrival
from server.kit.marking import N_
from server.photos import service as photos
from server.retailers import service as retailer_locks
from server.scores import appeal_queries, appeal_rules, appeal_telling, queries
from server.scores.appeal_queries import Appeal
from server.scores.models import AppealRow, ScoreRow, ScoreRun

ENTERED = (
    Field("words", N_("The shop's words"), Text(500, needed=False)),
    Field("figure", N_("The shop's own figure"), Whole(), optional=True),
)


def take_appeal(session: Session, said: AppealScore, arrival: Arrival) -> Accepted:
    """Keep an appeal that came from a shop's terminal. Raises as :func:`enter_appeal`."""
    by = Actor("device", arrival.sender.device)
    kept = _kept(session, arrival.id, arrival.sender.party, said, by, arrival.at)
    return Accepted(number=kept.number, tell=(appeal_telling.item(session, kept),))


def enter_appeal(session: Session, retailer: str, said: AppealScore, operator: Operator, *, at: datetime) -> UUID:
    """Keep an appeal that a shop made on the telephone, recorded as such, and tell its terminals.

    Raises
    ------
    Rejected, Conflict, Invalid
        ``not_found``; ``unknown_scores``, ``not_scored``, ``unknown_part``; ``appeals_over``; ``already_appealed``;
        words too long.
    """
    require(ENTERED, {"words": said.words, "figure": said.figure})
    kept = _kept(session, uuid7(), retailer, said, operator.actor, at)
    outbox.append(session, [appeal_telling.item(session, kept)], at=at)
    return kept.id


def look_at(session: Session, appeal: UUID, owner: str, operator: Operator, *, at: datetime) -> None:
    """Give an open appeal to a person, who looks at it now; the shop is told that somebody does.

    Raises
    ------
    Rejected, Conflict
        ``not_found``; ``own_publication``; ``wrong_state``, where it is answered.
    """
    row = locked(session, appeal)
    if row.state not in {"received", "looked_at"}:
        raise Conflict("wrong_state", state=row.state, needed="received / looked_at")
    appeal_rules.check_answerer(published_by(session, row.run), owner)
    first = row.state == "received"
    row.state, row.owner = "looked_at", owner
    session.flush()
    record(session, operator.actor, "score.appeal_looked_at", row, at, {"owner": owner})
    if first:
        tell(session, row, at=at)


def locked(session: Session, appeal: UUID) -> AppealRow:
    """Hold an appeal until the transaction ends, and return its row.

    Raises
    ------
    Rejected
        ``not_found``.
    """
    row = session.get(AppealRow, appeal, with_for_update=True, populate_existing=True)
    if row is None:
        raise Rejected("not_found", what="appeal", name=str(appeal))
    return row


def tell(session: Session, row: AppealRow, *, at: datetime) -> None:
    """Tell the shop's terminals how its appeal stands."""
    outbox.append(session, [appeal_telling.item(session, appeal_queries.appeal_of(row))], at=at)


def record(session: Session, actor: Actor, action: str, row: AppealRow, at: datetime, detail: dict[str, Any]) -> None:
    """Write down what was done with an appeal."""
    whole = {"retailer": row.retailer, "run": row.run, "component": row.component} | detail
    audit.record(session, actor=actor, action=action, subject=f"appeal:{row.number}", at=at, detail=whole)


def published_by(session: Session, run: int) -> str | None:
    """Return who published a run."""
    return session.scalar(select(ScoreRun.published_by).where(ScoreRun.number == run))


def _kept(session: Session, appeal_id: UUID, retailer: str, said: AppealScore, by: Actor, at: datetime) -> Appeal:
    retailer_locks.lock_retailer(session, retailer)  # of two for the same part, the second sees the first
    found = queries.run(session, said.run)
    if found is None or found.appeals_close_at is None or found.zone is None:
        raise Rejected("unknown_scores", run=said.run)
    parts = session.scalar(select(ScoreRow.parts).where(ScoreRow.run == found.id, ScoreRow.retailer == retailer))
    if parts is None:
        raise Rejected("not_scored", run=said.run)
    component = said.component or ""
    if component and all(part["component"] != component for part in parts):
        raise Rejected("unknown_part", component=component)
    zone = ZoneInfo(found.zone)
    appeal_rules.check_period(found.appeals_close_at, at, zone)
    before = session.scalar(
        select(AppealRow.number).where(
            AppealRow.retailer == retailer,
            AppealRow.run == said.run,
            AppealRow.component == component,
            AppealRow.state.in_(appeal_rules.OPEN),
        )
    )
    if before is not None:
        raise Conflict("already_appealed", run=said.run, number=before)
    row = AppealRow(
        id=appeal_id,
        retailer=retailer,
        run=said.run,
        component=component,
        words=said.words.strip(),
        figure=said.figure,
        by=str(by),
        at=at,
        answer_until=appeal_rules.days_after(at, appeal_rules.ANSWER_DAYS, zone),
        state="received",
    )
    session.add(row)
    session.flush()
    photos.name_photos(session, retailer, "appeal", row.id, said.photos, at=at)
    record(session, by, "score.appealed", row, at, {"id": str(row.id)})
    return appeal_queries.appeal_of(row)

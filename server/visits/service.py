"""What can be done with visits and calls: keep one, add a photo, settle a promise. Nothing here commits.

A visit is kept once under the id of its draft: a repeat, whenever it comes, gets the receipt again; the same id with
something else in it is refused. No visit depends on another: they may come in any order.
"""

import hashlib
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from contract.errors import Conflict, Rejected
from contract.ids import uuid7
from server.catalogue import queries as catalogue
from server.kit import audit
from server.kit.fields import Field, Text, require
from server.kit.identity import Operator, Role
from server.kit.marking import N_
from server.photos import service as photos
from server.retailers import queries as retailers
from server.visits import ruling
from server.visits.models import PromiseRow, StopRow, VisitRow
from server.visits.rules import COUNTS
from server.visits.shapes import PHOTOS_MOST, KeptVisit, Receipt

VISITORS: tuple[Role, ...] = ("manager", "regional", "planner", "administrator")
LATE_MOST: Final = timedelta(days=60)
"""A device's clock is believed for so long back: a draft may lie on a telephone over a holiday."""
AHEAD_MOST: Final = timedelta(minutes=10)
WORDS: Final = (Field("words", N_("In words"), Text(300)),)


def keep_visit(session: Session, kept: KeptVisit, operator: Operator, *, at: datetime, zone: ZoneInfo) -> Receipt:
    """Keep a visit or a call; again it changes nothing, and gets the same receipt.

    Raises
    ------
    Conflict, Rejected
        ``id_reused`` for the id with something else, or of somebody else; ``not_found`` for the shop, the stop, a SKU.
        A rule that is not in force, is about the other sort, or is another role's is not named: it is not met by that.
    """
    digest = hashlib.sha256(kept.model_dump_json().encode()).digest()
    standing = session.get(VisitRow, kept.id)
    if standing is not None:
        return _again(standing, digest, operator)
    _check_known(session, kept)
    believed = at - LATE_MOST <= kept.at <= at + AHEAD_MOST
    happened = min(kept.at, at) if believed else at
    values = {
        "id": kept.id,
        "retailer": kept.retailer,
        "sort": kept.sort,
        "rule": _rule(session, kept, operator),
        "stop": kept.stop,
        "employee": operator.name,
        "at": happened,
        "time_from": "device" if believed else "server",
        "day": happened.astimezone(zone).date(),
        "received_at": at,
        "latitude": None if kept.place is None else kept.place.latitude,
        "longitude": None if kept.place is None else kept.place.longitude,
        "accuracy_m": None if kept.place is None else kept.place.accuracy_m,
        "place_said": kept.place_said,
        "answers": [one.model_dump() for one in kept.answers],
        "counts": [one.model_dump() for one in kept.counts],
        "words": kept.words.strip(),
        "outcome": kept.outcome,
        "try_again_on": kept.try_again_on,
        "body_sha256": digest,
    }
    taken = insert(VisitRow).values(values).on_conflict_do_nothing().returning(VisitRow.id)
    if session.scalar(taken) is None:
        standing = session.get(VisitRow, kept.id)
        if standing is None:
            raise Conflict("id_reused", id=str(kept.id))
        return _again(standing, digest, operator)
    for ordinal, promise in enumerate(kept.promises, start=1):
        session.add(
            PromiseRow(
                id=uuid7(),
                visit=kept.id,
                ordinal=ordinal,
                retailer=kept.retailer,
                words=promise.words,
                due_on=promise.due_on,
                owner=operator.name,
            )
        )
    if kept.stop is not None and kept.outcome in COUNTS:
        met = update(StopRow).where(StopRow.id == kept.stop, StopRow.done_at.is_(None)).values(done_at=happened)
        session.execute(met)
    audit.record(
        session,
        actor=operator.actor,
        action=f"visit.{kept.sort}_kept",
        subject=f"retailer:{kept.retailer}",
        at=at,
        detail={"visit": str(kept.id), "outcome": kept.outcome, "promises": len(kept.promises)},
    )
    return _receipt(session.get_one(VisitRow, kept.id), again=False)


def keep_photo(
    session: Session, visit: UUID, ordinal: int, content: bytes, operator: Operator, *, at: datetime
) -> None:
    """Keep a photo with a visit of one's own; the same one again changes nothing.

    Raises
    ------
    Rejected, Conflict
        ``not_found``, also for somebody else's visit and an ordinal that is none; ``id_reused`` for another photo
        at the same place; what :func:`server.photos.service.keep_photo` raises.
    """
    row = session.get(VisitRow, visit)
    if row is None or row.employee != operator.name or not 0 < ordinal <= PHOTOS_MOST:
        raise Rejected("not_found", what="visit", name=f"{visit} {ordinal}")
    photos.keep_photo(session, row.retailer, "visit", visit, ordinal, content, at=at)


def settle_promise(session: Session, promise: UUID, words: str, operator: Operator, *, at: datetime) -> None:
    """Say what became of a promise.

    Raises
    ------
    Rejected, Conflict, Invalid
        ``not_found``; ``wrong_state`` where it was said before; no words, or too many.
    """
    require(WORDS, {"words": words.strip()})
    row = session.scalars(select(PromiseRow).where(PromiseRow.id == promise).with_for_update()).one_or_none()
    if row is None:
        raise Rejected("not_found", what="promise", name=str(promise))
    if row.done_at is not None:
        raise Conflict("wrong_state", state="done", needed="open")
    row.done_at, row.done_by, row.done_words = at, operator.name, words.strip()
    audit.record(
        session,
        actor=operator.actor,
        action="visit.promise_settled",
        subject=f"retailer:{row.retailer}",
        at=at,
        detail={"promise": str(promise), "due_on": row.due_on.isoformat()},
    )


def _check_known(session: Session, kept: KeptVisit) -> None:
    if not retailers.known(session, [kept.retailer]):
        raise Rejected("not_found", what="retailer", name=kept.retailer)
    if kept.stop is not None:
        stop = session.get(StopRow, kept.stop)
        if stop is None or stop.retailer != kept.retailer:
            raise Rejected("not_found", what="stop", name=str(kept.stop))
    skus = {one.sku for one in kept.counts}
    for sku in sorted(skus - catalogue.known(session, skus)):
        raise Rejected("not_found", what="SKU", name=sku)


def _rule(session: Session, kept: KeptVisit, operator: Operator) -> str | None:
    rule = None if kept.rule is None else ruling.in_force(session).named(kept.rule)
    return rule.key if rule is not None and rule.sort == kept.sort and operator.may(rule.who) else None


def _again(row: VisitRow, digest: bytes, operator: Operator) -> Receipt:
    if row.body_sha256 != digest or row.employee != operator.name:
        raise Conflict("id_reused", id=str(row.id))
    return _receipt(row, again=True)


def _receipt(row: VisitRow, *, again: bool) -> Receipt:
    return Receipt(
        id=row.id,
        number=row.number,
        received_at=row.received_at,
        at=row.at,
        time_from="device" if row.time_from == "device" else "server",
        again=again,
    )

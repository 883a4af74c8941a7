"""Every upward message is taken once: (party, the client's id) is its key for ever.

Guarantees: the handler's rows, the receipt and its feed item commit together or not at all; a repeat gets
the stored receipt and changes nothing; the same id with another body is refused, alerted and changes
nothing. A refusal is stored too, so that asking again gives the same answer.
"""

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar
from uuid import UUID

import structlog
from prometheus_client import Counter
from pydantic import ValidationError
from sqlalchemy import select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Mapped, Session, mapped_column

from contract.envelope import SCHEMA, Envelope, malformed
from contract.errors import Conflict, Refusal, Rejected
from contract.feed import Receipt
from contract.messages import RECEIPTED, Message
from server.kit import audit, outbox
from server.kit.db import Base
from server.kit.identity import Actor, Sender

log = structlog.get_logger(__name__)
RECEIPTS = Counter("evenhand_receipts", "Receipts by kind and outcome", ["kind", "outcome"])
REUSED_IDS = Counter("evenhand_reused_ids", "Messages that carried a used id with another body")

M = TypeVar("M", bound=Message)


class InboxEntry(Base):
    """One message that was taken, and what was answered. Never deleted, never partitioned."""

    __tablename__ = "inbox"
    __party__ = "party"

    party: Mapped[str] = mapped_column(primary_key=True)
    client_id: Mapped[UUID] = mapped_column(primary_key=True)
    device: Mapped[str]
    kind: Mapped[str]
    body_sha256: Mapped[bytes]
    received_at: Mapped[datetime]
    receipt: Mapped[dict[str, Any] | None]


@dataclass(frozen=True)
class Arrival:
    """What a handler is told beside the message itself."""

    id: UUID
    sender: Sender
    at: datetime


@dataclass(frozen=True)
class Accepted:
    """What a handler answers: the number that people use, the version of what it made, what its party is told.

    ``tell`` goes into the feed together with the receipt, in one step.
    """

    number: int | None = None
    revision: int | None = None
    tell: tuple[outbox.Item, ...] = ()


@dataclass(frozen=True)
class Handler:
    """How one kind is read and acted on. Handlers never commit, and raise refusals."""

    message: type[Message]
    act: Callable[[Session, Any, Arrival], Accepted | None]


Handlers = Mapping[str, Handler]


def handler(message: type[M], act: Callable[[Session, M, Arrival], Accepted | None]) -> Handler:
    """Pair a family with the use case that takes it, types checked."""
    return Handler(message, act)


def receive(
    session: Session, sender: Sender, kind: str, envelope: Envelope, handlers: Handlers, *, at: datetime
) -> Receipt | None:
    """Take one message of ``sender``; return its receipt, or none for kinds that get none.

    Raises
    ------
    Rejected
        ``wrong_device`` and ``unsupported``, which are not stored: they are defects of the sender.
    Unavailable
        Where nothing was decided; the sender tries again with the same id.
    """
    if envelope.device != sender.device:
        raise Rejected("wrong_device", named=envelope.device, device=sender.device)
    known = handlers.get(kind)
    if known is None or envelope.schema_ > SCHEMA:
        raise Rejected("unsupported", kind=kind, version=envelope.schema_)
    arrival = Arrival(envelope.id, sender, at)
    if kind not in RECEIPTED:
        known.act(session, _read(known.message, envelope.data), arrival)
        return None
    body = _digest(kind, envelope.data)
    taken = session.execute(
        insert(InboxEntry)
        .values(
            party=sender.party,
            client_id=envelope.id,
            device=sender.device,
            kind=kind,
            body_sha256=body,
            received_at=at,
            receipt=None,
        )
        .on_conflict_do_nothing()
        .returning(InboxEntry.client_id)
    ).first()
    if taken is None:
        return _again(session, sender, kind, envelope.id, body, at)
    receipt, told = _decide(session, known, envelope, kind, arrival)
    session.execute(
        update(InboxEntry)
        .where(InboxEntry.party == sender.party, InboxEntry.client_id == envelope.id)
        .values(receipt=receipt.model_dump(mode="json", exclude_none=True))
    )
    _tell(session, sender, f"receipt:{envelope.id}", receipt, *told)
    return receipt


def _decide(
    session: Session, known: Handler, envelope: Envelope, kind: str, arrival: Arrival
) -> tuple[Receipt, tuple[outbox.Item, ...]]:
    try:
        with session.begin_nested():
            done = known.act(session, _read(known.message, envelope.data), arrival) or Accepted()
    except (Rejected, Conflict) as refusal:
        return _refusal(envelope.id, kind, refusal, arrival.at), ()
    RECEIPTS.labels(kind, "accepted").inc()
    receipt = Receipt(
        message=envelope.id,
        kind=kind,
        outcome="accepted",
        at=arrival.at,
        number=done.number,
        revision=done.revision,
    )
    return receipt, done.tell


def _again(session: Session, sender: Sender, kind: str, client_id: UUID, body: bytes, at: datetime) -> Receipt:
    """Answer a message whose id was seen before."""
    entry = session.scalars(
        select(InboxEntry).where(InboxEntry.party == sender.party, InboxEntry.client_id == client_id)
    ).one()
    if entry.body_sha256 == body and entry.receipt is not None:
        receipt = Receipt.model_validate(entry.receipt)
        _tell(session, sender, f"receipt:{client_id}", receipt)
        return receipt
    REUSED_IDS.inc()
    log.error("id_reused", party=sender.party, device=sender.device, id=str(client_id), kind=kind)
    audit.record(
        session,
        actor=Actor("device", sender.device),
        action="message.id_reused",
        subject=f"message:{client_id}",
        detail={"kind": kind, "first_kind": entry.kind, "first_device": entry.device},
        at=at,
        alert=True,
    )
    receipt = _refusal(client_id, kind, Rejected("id_reused", id=str(client_id)), at)
    _tell(session, sender, f"receipt:{client_id}:reused", receipt)
    return receipt


def _refusal(client_id: UUID, kind: str, refusal: Refusal, at: datetime) -> Receipt:
    RECEIPTS.labels(kind, "rejected").inc()
    return Receipt(message=client_id, kind=kind, outcome="rejected", at=at, code=refusal.code, params=refusal.params)


def _tell(session: Session, sender: Sender, key: str, receipt: Receipt, *before: outbox.Item) -> None:
    outbox.append(session, [*before, outbox.Item(sender.party, key, "receipt", receipt)], at=receipt.at)


def _read(message: type[M], data: dict[str, Any]) -> M:
    try:
        return message.model_validate(data)
    except ValidationError as error:
        raise malformed(error) from None


def _digest(kind: str, data: dict[str, Any]) -> bytes:
    text = json.dumps([kind, data], sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).digest()

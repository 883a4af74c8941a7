"""Every upward message is taken once: (party, the client's id) is its key for ever.

Guarantees: the handler's rows, the receipt and its feed item commit together or not at all; a repeat gets
the stored receipt and changes nothing; the same id with another body is refused, alerted and changes
nothing. A refusal is stored too, so that asking again gives the same answer.
"""

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Literal, TypeVar
from uuid import UUID

import structlog
from prometheus_client import Counter
from pydantic import ValidationError
from sqlalchemy import select, tuple_, update
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
    """What a handler is told beside the message itself; ``by`` is who stood at the terminal, where it asks for PINs."""

    id: UUID
    sender: Sender
    at: datetime
    by: Literal["owner", "clerk"] | None = None

    @property
    def said(self) -> dict[str, str]:
        """Who stood at the terminal, as a detail of what is written down; empty where nobody knows."""
        return {} if self.by is None else {"by": self.by}


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
    """How one kind is read and acted on. Handlers never commit, and raise refusals.

    ``act_all``, where there is one, takes messages of different parties together: it answers each by itself, in their
    order, and writes nothing for one that it refuses.
    """

    message: type[Message]
    act: Callable[[Session, Any, Arrival], Accepted | None]
    act_all: Callable[[Session, Sequence[tuple[Any, Arrival]]], Sequence[Accepted | Rejected]] | None = None


Handlers = Mapping[str, Handler]


def handler(
    message: type[M],
    act: Callable[[Session, M, Arrival], Accepted | None],
    act_all: Callable[[Session, Sequence[tuple[M, Arrival]]], Sequence[Accepted | Rejected]] | None = None,
) -> Handler:
    """Pair a family with the use case that takes it, types checked."""
    return Handler(message, act, act_all)


@dataclass(frozen=True)
class Incoming:
    """One message of a sender, not yet taken."""

    sender: Sender
    kind: str
    envelope: Envelope


class TakenBefore(Exception):  # noqa: N818 - an answer to the caller, not a failure
    """Some of the messages were seen before: take them one by one."""


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
    arrival = Arrival(envelope.id, sender, at, envelope.by)
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
    answer = _decide(session, known, envelope, arrival)
    receipt = _receipt(sender, envelope.id, kind, answer, at)
    session.execute(
        update(InboxEntry)
        .where(InboxEntry.party == sender.party, InboxEntry.client_id == envelope.id)
        .values(receipt=receipt.model_dump(mode="json", exclude_none=True))
    )
    outbox.append(session, [*_told(answer), _receipt_item(sender, receipt)], at=at)
    return receipt


def goes_together(one: Incoming, handlers: Handlers) -> bool:
    """Say whether a message may be taken together with others of its kind; see :func:`receive_all`."""
    known = handlers.get(one.kind)
    return (
        known is not None
        and known.act_all is not None
        and one.envelope.device == one.sender.device
        and one.envelope.schema_ <= SCHEMA
    )


def receive_all(session: Session, incoming: Sequence[Incoming], handler: Handler, *, at: datetime) -> list[Receipt]:
    """Take messages of one kind and of different parties together; return their receipts, in their order.

    Takes a fixed number of statements, however many messages there are. Each is answered by itself.

    Raises
    ------
    TakenBefore
        Where an id was used before, by a repeat or by an error: nothing was written.
    """
    assert handler.act_all is not None  # noqa: S101 - the caller asked whether there is one
    answers: dict[int, Accepted | Rejected] = {}
    read: dict[int, tuple[Message, Arrival]] = {}
    for number, one in enumerate(incoming):
        try:
            arrival = Arrival(one.envelope.id, one.sender, at, one.envelope.by)
            read[number] = _read(handler.message, one.envelope.data), arrival
        except Rejected as refusal:
            answers[number] = refusal
    with session.begin_nested():
        _refuse_known(session, incoming)
        answers |= dict(zip(read, handler.act_all(session, list(read.values())), strict=True))
        receipts = [
            _receipt(one.sender, one.envelope.id, one.kind, answers[number], at) for number, one in enumerate(incoming)
        ]
        _enter(session, incoming, receipts, at)
        told = [
            [*_told(answers[number]), _receipt_item(one.sender, receipt)]
            for number, (one, receipt) in enumerate(zip(incoming, receipts, strict=True))
        ]
        outbox.append(session, [item for items in told for item in items], at=at)
    return receipts


def _enter(session: Session, incoming: Sequence[Incoming], receipts: Sequence[Receipt], at: datetime) -> None:
    """Write the entries of messages that are decided; refused where another has taken one meanwhile."""
    entries = [
        {
            "party": one.sender.party,
            "client_id": one.envelope.id,
            "device": one.sender.device,
            "kind": one.kind,
            "body_sha256": _digest(one.kind, one.envelope.data),
            "received_at": at,
            "receipt": receipt.model_dump(mode="json", exclude_none=True),
        }
        for one, receipt in zip(incoming, receipts, strict=True)
    ]
    entered = session.scalars(insert(InboxEntry).values(entries).on_conflict_do_nothing().returning(InboxEntry.party))
    if len(entered.all()) < len(entries):
        raise TakenBefore


def _refuse_known(session: Session, incoming: Sequence[Incoming]) -> None:
    keys = [(one.sender.party, one.envelope.id) for one in incoming]
    known = select(InboxEntry.client_id).where(tuple_(InboxEntry.party, InboxEntry.client_id).in_(keys)).limit(1)
    if len(set(keys)) < len(keys) or session.scalar(known) is not None:
        raise TakenBefore


def _decide(session: Session, known: Handler, envelope: Envelope, arrival: Arrival) -> Accepted | Rejected | Conflict:
    try:
        with session.begin_nested():
            return known.act(session, _read(known.message, envelope.data), arrival) or Accepted()
    except (Rejected, Conflict) as refusal:
        return refusal


def _again(session: Session, sender: Sender, kind: str, client_id: UUID, body: bytes, at: datetime) -> Receipt:
    """Answer a message whose id was seen before."""
    entry = session.scalars(
        select(InboxEntry).where(InboxEntry.party == sender.party, InboxEntry.client_id == client_id)
    ).one()
    if entry.body_sha256 == body and entry.receipt is not None:
        receipt = Receipt.model_validate(entry.receipt)
        outbox.append(session, [_receipt_item(sender, receipt)], at=receipt.at)
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
    receipt = _receipt(sender, client_id, kind, Rejected("id_reused", id=str(client_id)), at)
    outbox.append(session, [replace(_receipt_item(sender, receipt), key=f"receipt:{client_id}:reused")], at=at)
    return receipt


def _receipt(sender: Sender, client_id: UUID, kind: str, answer: Accepted | Refusal, at: datetime) -> Receipt:
    common: dict[str, Any] = {"message": client_id, "kind": kind, "at": at, "device": sender.device}
    if isinstance(answer, Refusal):
        RECEIPTS.labels(kind, "rejected").inc()
        return Receipt(outcome="rejected", code=answer.code, params=answer.params, **common)
    RECEIPTS.labels(kind, "accepted").inc()
    return Receipt(outcome="accepted", number=answer.number, revision=answer.revision, **common)


def _told(answer: Accepted | Refusal) -> tuple[outbox.Item, ...]:
    return () if isinstance(answer, Refusal) else answer.tell


def _receipt_item(sender: Sender, receipt: Receipt) -> outbox.Item:
    return outbox.Item(sender.party, f"receipt:{receipt.message}", "receipt", receipt)


def _read(message: type[M], data: dict[str, Any]) -> M:
    try:
        return message.model_validate(data)
    except ValidationError as error:
        raise malformed(error) from None


def _digest(kind: str, data: dict[str, Any]) -> bytes:
    text = json.dumps([kind, data], sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).digest()

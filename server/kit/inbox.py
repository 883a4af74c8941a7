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
from sqlalchemy import ARRAY, String, Uuid, func, literal, select, text, update
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


_ENTER = text(
    """
    INSERT INTO inbox (party, client_id, device, kind, body_sha256, received_at, receipt)
        SELECT party, client_id, device, kind, decode(body_sha256, 'hex'), :at, receipt
        FROM json_to_recordset(CAST(:entries AS json)) AS one
            (party text, client_id uuid, device text, kind text, body_sha256 text, receipt jsonb)
    ON CONFLICT DO NOTHING RETURNING party
    """
)
"""One text whatever their number, and one value: it is compiled, read and planned once, not for each group anew."""


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


ActAll = Callable[[Session, Sequence[tuple[M, Arrival]]], Sequence[Accepted | Rejected] | None]


@dataclass(frozen=True)
class Handler:
    """How one kind is read and acted on. Handlers never commit, and raise refusals.

    ``act_all``, where there is one, takes messages of different parties together: it answers each by itself, in their
    order, and writes nothing for one that it refuses. It answers nothing at all where it refuses none and says nothing
    beyond the receipt.
    """

    message: type[Message]
    act: Callable[[Session, Any, Arrival], Accepted | None]
    act_all: ActAll[Any] | None = None


Handlers = Mapping[str, Handler]


def handler(message: type[M], act: Callable[[Session, M, Arrival], Accepted | None]) -> Handler:
    """Pair a family with the use case that takes it, types checked."""
    return Handler(message, act)


def handler_of_many(message: type[M], act_all: ActAll[M]) -> Handler:
    """Pair a family with a use case that takes many; one alone is taken as many that are one."""

    def act(session: Session, one: M, arrival: Arrival) -> Accepted | None:
        (answer,) = act_all(session, [(one, arrival)]) or (None,)
        if isinstance(answer, Rejected):
            raise answer
        return answer

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
        one = Incoming(sender, kind, envelope)
        return _answer_again(session, one, _known(session, [one])[_key(one)], at)
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


def receive_all(
    session: Session, incoming: Sequence[Incoming], handler: Handler, *, at: datetime
) -> list[Receipt | Rejected | None]:
    """Take messages of one kind and of different parties together; return their receipts, in their order.

    Takes a fixed number of statements, however many messages there are, and however many of them are repeats. Each is
    answered by itself. Of a kind that gets no receipt there is none, or why one was refused.

    Raises
    ------
    TakenBefore
        Where another transaction took one of them meanwhile: nothing was written.
    """
    with session.begin_nested():
        if incoming[0].kind not in RECEIPTED:
            decided = _decide_all(session, incoming, handler, at)
            return [answer if isinstance(answer, Rejected) else None for answer in decided]
        known = _known(session, incoming)
        again = {key: _answer_again(session, one, known[key], at) for one in incoming if (key := _key(one)) in known}
        new = [one for one in incoming if _key(one) not in known]
        answers = _decide_all(session, new, handler, at)
        receipts = [
            _receipt(one.sender, one.envelope.id, one.kind, answer, at)
            for one, answer in zip(new, answers, strict=True)
        ]
        _enter(session, new, receipts, at)
        told = [
            [*_told(answer), _receipt_item(one.sender, receipt)]
            for one, answer, receipt in zip(new, answers, receipts, strict=True)
        ]
        outbox.append(session, [item for items in told for item in items], at=at)
    given = again | {_key(one): receipt for one, receipt in zip(new, receipts, strict=True)}
    return [given[_key(one)] for one in incoming]


def _decide_all(
    session: Session, incoming: Sequence[Incoming], handler: Handler, at: datetime
) -> list[Accepted | Rejected]:
    """Read messages and act on those that can be read; return the answers in their order."""
    answers: dict[int, Accepted | Rejected] = {}
    read: dict[int, tuple[Message, Arrival]] = {}
    for number, one in enumerate(incoming):
        try:
            arrival = Arrival(one.envelope.id, one.sender, at, one.envelope.by)
            read[number] = _read(handler.message, one.envelope.data), arrival
        except Rejected as refusal:
            answers[number] = refusal
    if read:
        if handler.act_all is None:
            raise TypeError(f"messages like {handler.message.__name__} are taken one by one")
        said = handler.act_all(session, list(read.values()))
        answers |= dict(zip(read, said if said is not None else [Accepted()] * len(read), strict=True))
    return [answers[number] for number in range(len(incoming))]


def _enter(session: Session, incoming: Sequence[Incoming], receipts: Sequence[Receipt], at: datetime) -> None:
    """Write the entries of messages that are decided; refused where another has taken one meanwhile."""
    if not incoming:
        return
    entries = [
        {
            "party": one.sender.party,
            "client_id": str(one.envelope.id),
            "device": one.sender.device,
            "kind": one.kind,
            "body_sha256": _digest(one.kind, one.envelope.data).hex(),
            "receipt": receipt.model_dump(mode="json", exclude_none=True),
        }
        for one, receipt in zip(incoming, receipts, strict=True)
    ]
    entered = session.scalars(_ENTER, {"entries": json.dumps(entries), "at": at})
    if len(entered.all()) < len(entries):
        raise TakenBefore


def _key(one: Incoming) -> tuple[str, UUID]:
    return one.sender.party, one.envelope.id


def _known(session: Session, incoming: Sequence[Incoming]) -> dict[tuple[str, UUID], InboxEntry]:
    """Return the entries of those that were taken before."""
    keys = [_key(one) for one in incoming]
    if len(set(keys)) < len(keys):
        raise TakenBefore
    parties = literal([party for party, _ in keys], ARRAY(String))
    ids = literal([client_id for _, client_id in keys], ARRAY(Uuid))
    given = func.unnest(parties, ids).table_valued("party", "client_id").render_derived(name="given")
    query = select(InboxEntry).join(
        given, (InboxEntry.party == given.c.party) & (InboxEntry.client_id == given.c.client_id)
    )
    return {(entry.party, entry.client_id): entry for entry in session.scalars(query)}


def _decide(session: Session, known: Handler, envelope: Envelope, arrival: Arrival) -> Accepted | Rejected | Conflict:
    try:
        with session.begin_nested():
            return known.act(session, _read(known.message, envelope.data), arrival) or Accepted()
    except (Rejected, Conflict) as refusal:
        return refusal


def _answer_again(session: Session, one: Incoming, entry: InboxEntry, at: datetime) -> Receipt:
    """Answer a message whose id was seen before: a repeat by the stored receipt; anything else is refused."""
    sender, kind, client_id = one.sender, one.kind, one.envelope.id
    if entry.body_sha256 == _digest(kind, one.envelope.data) and entry.receipt is not None:
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

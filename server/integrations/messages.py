"""Messages of webhooks: queued, attempted, delivered or parked, sent again by a person. Nothing here commits.

A message is queued in the transaction of its reaction and sent at least once: an attempt that nobody noted (a killed
worker) is made again after :data:`LEASE`. After :data:`ATTEMPTS` failures it is parked until a person sends it again.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from uuid import UUID, uuid5

from sqlalchemy import Select, delete, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from contract.errors import Rejected
from contract.ids import uuid7
from server.integrations import telling, webhooks
from server.integrations.models import Webhook, WebhookMessage
from server.integrations.posting import Answer
from server.kit import sealing
from server.kit.db import WITHIN, act_for, bounds, scope_held
from server.kit.identity import Operator
from server.kit.marking import N_
from server.kit.retention import Kind, count

ATTEMPTS = 8
FIRST_WAIT_S = 5
WAIT_FACTOR = 4
WAIT_MOST_S = 6 * 3600
LEASE = timedelta(minutes=2)
SHOWN = 100


@dataclass(frozen=True)
class Due:
    """One message whose attempt begins now; ``secrets`` sign it, the newest first."""

    id: UUID
    url: str
    secrets: tuple[str, ...]
    body: str
    attempt: int


def wait_s(attempt: int) -> int:
    """Return the seconds between a failed ``attempt`` (from 1) and the next one: 5, 20, 80 ... at most six hours."""
    return min(FIRST_WAIT_S * int(WAIT_FACTOR ** (attempt - 1)), WAIT_MOST_S)


def on_event(session: Session, event: Any, at: datetime) -> None:
    """React to any event of :data:`telling.FACTS`: queue it for those who asked to be told; a repeat queues nothing."""
    fact = telling.FACTS[type(event)]
    told = session.execute(
        select(Webhook.id, Webhook.regions, Webhook.classes).where(
            Webhook.stopped_at.is_(None), Webhook.events.contains([fact.name])
        )
    ).all()
    facts = fact.told(event) if told else []
    by_bounds: dict[tuple[tuple[str, ...], tuple[str, ...]], list[UUID]] = {}
    for webhook, regions, classes in told:
        by_bounds.setdefault((tuple(regions), tuple(classes)), []).append(webhook)
    for within, some in by_bounds.items():
        for one in _within(session, facts, bounds(*within)) if any(within) else facts:
            _queue(session, some, fact.name, one.key, _body(fact.name, one.data | {"link": one.link}, event.at), at)


def _within(session: Session, facts: Sequence[telling.Told], scope: str) -> list[telling.Told]:
    """Return what is told of shops within a scope, and what concerns no shop; of lists of shops those within it."""
    named = {one.data["retailer"] for one in facts if "retailer" in one.data}
    named.update(code for one in facts for code in one.data.get("retailers") or ())
    before, person = scope_held(session), session.info.get("person", "")
    act_for(session, scope)
    there = set(session.scalars(select(WITHIN.c.code).where(WITHIN.c.code.in_(sorted(named)))))
    act_for(session, before, person=person)
    kept = []
    for one in facts:
        listed = one.data.get("retailers")
        if listed is not None:
            some = [code for code in listed if code in there]
            kept += [replace(one, data=one.data | {"retailers": some})] if some else []
        elif one.data.get("retailer") is None or one.data["retailer"] in there:
            kept.append(one)
    return kept


def test(session: Session, webhook: UUID, *, by: Operator, at: datetime) -> None:
    """Queue a message that says nothing but that it is a test.

    Raises
    ------
    Rejected, Conflict
        ``not_found``; ``wrong_state`` where the webhook is stopped.
    """
    row = webhooks.locked(session, webhook, told=True)
    _queue(session, [row.id], telling.TEST, str(uuid7()), _body(telling.TEST, {}, at), at)
    webhooks.note(session, by, "webhook.tested", row, at, {})


def send_again(session: Session, webhook: UUID, message: UUID, *, by: Operator, at: datetime) -> None:
    """Send a message again, whatever became of it: the same id and body, attempts counted anew.

    Raises
    ------
    Rejected, Conflict
        ``not_found``; ``wrong_state`` where the webhook is stopped.
    """
    row = webhooks.locked(session, webhook, told=True)
    found = session.scalar(
        update(WebhookMessage)
        .where(WebhookMessage.id == message, WebhookMessage.webhook == webhook)
        .values(state="waiting", attempts=0, due_at=at)
        .returning(WebhookMessage.event)
    )
    if found is None:
        raise Rejected("not_found", what="message", name=str(message))
    webhooks.note(session, by, "webhook.sent_again", row, at, {"message": str(message), "event": found})


def send_parked_again(session: Session, webhook: UUID, *, by: Operator, at: datetime) -> int:
    """Send all again that is parked, as :func:`send_again` does with one; return how many."""
    row = webhooks.locked(session, webhook, told=True)
    again = session.scalars(
        update(WebhookMessage)
        .where(WebhookMessage.webhook == webhook, WebhookMessage.state == "parked")
        .values(state="waiting", attempts=0, due_at=at)
        .returning(WebhookMessage.id)
    ).all()
    if again:
        webhooks.note(session, by, "webhook.sent_again", row, at, {"messages": len(again)})
    return len(again)


def with_due(session: Session, at: datetime) -> list[UUID]:
    """Return the webhooks for which an attempt is due."""
    due = select(WebhookMessage.webhook).where(WebhookMessage.state == "waiting", WebhookMessage.due_at <= at)
    return list(session.scalars(due.distinct()))


def take_due(session: Session, webhook: UUID, at: datetime) -> Due | None:
    """Return the message of a webhook whose attempt begins now, and let nobody else try it for :data:`LEASE`."""
    found = session.execute(
        select(WebhookMessage, Webhook)
        .join(Webhook, Webhook.id == WebhookMessage.webhook)
        .where(WebhookMessage.webhook == webhook, WebhookMessage.state == "waiting", WebhookMessage.due_at <= at)
        .order_by(WebhookMessage.due_at, WebhookMessage.made_at, WebhookMessage.id)
        .limit(1)
        .with_for_update(skip_locked=True, of=WebhookMessage)
    ).one_or_none()
    if found is None:
        return None
    row, to = found
    row.attempts, row.due_at, row.tried_at = row.attempts + 1, at + LEASE, at
    former = to.sealed_former if to.former_until is not None and at < to.former_until else None
    sealed = [to.sealed_secret] if former is None else [to.sealed_secret, former]
    secrets = tuple(sealing.of(session).opened(webhooks.purpose(webhook), one) for one in sealed)
    return Due(row.id, to.url, secrets, row.body, row.attempts)


def note_answer(session: Session, due: Due, answer: Answer, at: datetime) -> str:
    """Write down what came of an attempt; return the message's state, an empty text where a newer attempt counts."""
    row = session.scalars(select(WebhookMessage).where(WebhookMessage.id == due.id).with_for_update()).one_or_none()
    if row is None or row.attempts != due.attempt or row.state != "waiting":
        return ""
    row.status, row.answer = answer.status, answer.said
    if answer.taken:
        row.state = "delivered"
    elif due.attempt >= ATTEMPTS:
        row.state = "parked"
    else:
        row.due_at = at + timedelta(seconds=wait_s(due.attempt))
    return row.state


def messages(session: Session, webhook: UUID) -> list[WebhookMessage]:
    """Return the last messages of a webhook: those that are parked first, then the newest."""
    return list(
        session.scalars(
            select(WebhookMessage)
            .where(WebhookMessage.webhook == webhook)
            .order_by((WebhookMessage.state == "parked").desc(), WebhookMessage.made_at.desc(), WebhookMessage.id)
            .limit(SHOWN)
        )
    )


def _body(event: str, data: Mapping[str, Any], happened_at: datetime) -> str:
    told = {"type": event, "timestamp": happened_at.astimezone(UTC).isoformat(), "data": dict(data)}
    return json.dumps(told, ensure_ascii=False, separators=(",", ":"))


def _queue(session: Session, to: Iterable[UUID], event: str, key: str, body: str, at: datetime) -> None:
    rows = [
        {
            "id": uuid5(webhook, f"{event}:{key}"),
            "webhook": webhook,
            "event": event,
            "body": body,
            "made_at": at,
            "state": "waiting",
            "attempts": 0,
            "due_at": at,
        }
        for webhook in to
    ]
    session.execute(insert(WebhookMessage).values(rows).on_conflict_do_nothing())


def _old(before: datetime) -> Select[Any]:
    return select(WebhookMessage.id).where(WebhookMessage.made_at < before, WebhookMessage.state != "waiting")


def count_old(session: Session, before: datetime) -> int:
    """Return how many messages that are over were made before then."""
    return count(session, _old(before))


def erase_old(session: Session, before: datetime, _at: datetime) -> int:
    """Remove messages that are over and were made before then, parked ones too."""
    gone = delete(WebhookMessage).where(WebhookMessage.id.in_(_old(before)))
    return len(session.scalars(gone.returning(WebhookMessage.id)).all())


RETENTION: Final = (
    Kind(
        "webhook_messages",
        N_("Messages of webhooks: event, ids, what was answered"),
        N_("To see whether they arrived, and to send them again."),
        N_("the event"),
        N_("removed"),
        90,
        count_old,
        erase_old,
    ),
)

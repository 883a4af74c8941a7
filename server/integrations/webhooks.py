"""Webhooks: which addresses are told of what, and with which secret. Nothing here commits.

What is told to them are :mod:`server.integrations.messages`.
"""

import base64
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from contract.errors import Conflict, Rejected
from contract.ids import uuid7
from server.integrations import telling
from server.integrations.models import Webhook, WebhookMessage
from server.integrations.posting import SECRET_MARK, Allowed, check_address
from server.integrations.tokens import Bounds
from server.kit import audit, events, sealing
from server.kit.db import bounds
from server.kit.identity import Operator

EVERYWHERE = Bounds()
FORMER_FOR = timedelta(days=1)
"""How long a secret that was replaced still signs beside the new one."""


@dataclass(frozen=True)
class WebhookView:
    """A webhook as the administrator sees it, with how many of its messages wait and are parked."""

    id: UUID
    url: str
    events: tuple[str, ...]
    regions: tuple[str, ...]
    classes: tuple[str, ...]
    made_by: str
    made_at: datetime
    stopped_at: datetime | None
    former_until: datetime | None
    waiting: int = 0
    parked: int = 0

    @property
    def host(self) -> str:
        """Whose address it is."""
        return urlsplit(self.url).netloc


def make(
    session: Session,
    url: str,
    wanted: Iterable[str],
    allowed: Allowed,
    *,
    by: Operator,
    at: datetime,
    within: Bounds = EVERYWHERE,
) -> tuple[UUID, str]:
    """Tell ``url`` of these events from now on; return the webhook and its secret, which is shown once.

    ``within`` are the shops whose events it is told; what concerns no shop is told in any case.

    Raises
    ------
    Rejected
        ``webhook_address``; ``events_needed`` for none; ``not_found`` for an event that there is not; ``malformed`` for
        a bound that could bound nothing.
    """
    tidy = url.strip()
    check_address(tidy, allowed)
    asked = set(wanted)
    for event in sorted(asked - set(telling.EVENTS)):
        raise Rejected("not_found", what="event", name=event)
    if not asked:
        raise Rejected("events_needed")
    try:
        bounds(within.regions, within.classes)
    except ValueError as why:
        raise Rejected("malformed", where="regions", what=str(why)) from None
    webhook, secret = uuid7(), _new_secret()
    row = Webhook(
        id=webhook,
        url=tidy,
        events=[event for event in telling.EVENTS if event in asked],
        regions=sorted(set(within.regions)),
        classes=sorted(set(within.classes)),
        sealed_secret=sealing.of(session).seal(purpose(webhook), secret),
        sealed_former=None,
        former_until=None,
        made_by=by.name,
        made_at=at,
        stopped_at=None,
    )
    session.add(row)
    session.flush()
    _listen(session)
    note(session, by, "webhook.made", row, at, {"events": row.events, "regions": row.regions, "classes": row.classes})
    return row.id, secret


def rotate(session: Session, webhook: UUID, *, by: Operator, at: datetime) -> tuple[WebhookView, str]:
    """Give the webhook a new secret and return it; for :data:`FORMER_FOR` the former one signs beside it."""
    row = locked(session, webhook)
    secret = _new_secret()
    row.sealed_former, row.former_until = row.sealed_secret, at + FORMER_FOR
    row.sealed_secret = sealing.of(session).seal(purpose(webhook), secret)
    note(session, by, "webhook.rotated", row, at, {})
    return _view(row), secret


def purpose(webhook: UUID) -> str:
    """Return what a webhook's secrets are sealed for."""
    return f"webhook:{webhook}"


def seal_anew(session: Session) -> int:
    """Seal every webhook's secrets by the newest key; return how many webhooks there are."""
    seal = sealing.of(session)
    rows = session.scalars(select(Webhook).with_for_update()).all()
    for row in rows:
        wanted = purpose(row.id)
        row.sealed_secret = seal.seal(wanted, seal.opened(wanted, row.sealed_secret))
        if row.sealed_former is not None:
            row.sealed_former = seal.seal(wanted, seal.opened(wanted, row.sealed_former))
    return len(rows)


def stop(session: Session, webhook: UUID, *, by: Operator, at: datetime) -> None:
    """Tell the address nothing more; what waits is parked."""
    row = locked(session, webhook)
    if row.stopped_at is None:
        row.stopped_at = at
        session.execute(
            update(WebhookMessage)
            .where(WebhookMessage.webhook == webhook, WebhookMessage.state == "waiting")
            .values(state="parked")
        )
        session.flush()
        _listen(session)
        note(session, by, "webhook.stopped", row, at, {})


def resume(session: Session, webhook: UUID, *, by: Operator, at: datetime) -> None:
    """Tell the address again of what happens from now on."""
    row = locked(session, webhook)
    if row.stopped_at is not None:
        row.stopped_at = None
        session.flush()
        _listen(session)
        note(session, by, "webhook.resumed", row, at, {})


def webhooks(session: Session, webhook: UUID | None = None) -> list[WebhookView]:
    """Return the webhooks, or the one that is named, the oldest first."""
    left = WebhookMessage.state.in_(["waiting", "parked"])
    counts = (
        select(
            WebhookMessage.webhook,
            func.count().filter(WebhookMessage.state == "waiting").label("waiting"),
            func.count().filter(WebhookMessage.state == "parked").label("parked"),
        )
        .where(left)
        .group_by(WebhookMessage.webhook)
        .subquery()
    )
    query = (
        select(Webhook, func.coalesce(counts.c.waiting, 0), func.coalesce(counts.c.parked, 0))
        .outerjoin(counts, counts.c.webhook == Webhook.id)
        .order_by(Webhook.id)
    )
    if webhook is not None:
        query = query.where(Webhook.id == webhook)
    return [_view(row, waiting, parked) for row, waiting, parked in session.execute(query)]


def locked(session: Session, webhook: UUID, *, told: bool = False) -> Webhook:
    """Return a webhook's row and hold it; ``told``: one that is stopped is refused.

    Raises
    ------
    Rejected, Conflict
        ``not_found``; ``wrong_state``.
    """
    row = session.scalars(select(Webhook).where(Webhook.id == webhook).with_for_update()).one_or_none()
    if row is None:
        raise Rejected("not_found", what="webhook", name=str(webhook))
    if told and row.stopped_at is not None:
        raise Conflict("wrong_state", state="stopped", needed="active")
    return row


def note(session: Session, by: Operator, action: str, row: Webhook, at: datetime, detail: dict[str, Any]) -> None:
    """Write down what was done with a webhook."""
    told = detail | {"url": row.url}
    audit.record(session, actor=by.actor, action=action, subject=f"webhook:{row.id}", at=at, detail=told)


def _listen(session: Session) -> None:
    """Have those events queued that some webhook is told of."""
    told = session.scalars(select(func.unnest(Webhook.events)).where(Webhook.stopped_at.is_(None)).distinct()).all()
    events.await_only(session, [kind for kind, fact in telling.FACTS.items() if fact.name in told])


def _new_secret() -> str:
    return SECRET_MARK + base64.b64encode(secrets.token_bytes(32)).decode()


def _view(row: Webhook, waiting: int = 0, parked: int = 0) -> WebhookView:
    return WebhookView(
        id=row.id,
        url=row.url,
        events=tuple(row.events),
        regions=tuple(row.regions),
        classes=tuple(row.classes),
        made_by=row.made_by,
        made_at=row.made_at,
        stopped_at=row.stopped_at,
        former_until=row.former_until,
        waiting=waiting,
        parked=parked,
    )

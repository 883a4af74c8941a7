"""Tables of integrations."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Identity, Index, String, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from server.kit.db import Base


class ApiToken(Base):
    """What a program shows with each request. The program holds the token, the table its SHA-256."""

    __tablename__ = "api_tokens"
    __table_args__ = (Index("uq_api_tokens_name", text("lower(name)"), unique=True),)

    id: Mapped[int] = mapped_column(Identity(always=True), primary_key=True)
    name: Mapped[str]
    token_sha256: Mapped[bytes] = mapped_column(unique=True)
    scopes: Mapped[list[str]] = mapped_column(ARRAY(String))
    regions: Mapped[list[str]] = mapped_column(ARRAY(String))
    classes: Mapped[list[str]] = mapped_column(ARRAY(String))
    made_by: Mapped[str]
    made_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    last_used_at: Mapped[datetime | None]
    last_remote: Mapped[str | None]
    revoked_at: Mapped[datetime | None]


class Webhook(Base):
    """An address of others that is told of events.

    The secret signs what goes there, so it is kept to be read again, sealed. Until ``former_until`` the one before it
    signs too. Of shops it is told of those within ``regions`` and ``classes``; none named: of all.
    """

    __tablename__ = "webhooks"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    url: Mapped[str]
    events: Mapped[list[str]] = mapped_column(ARRAY(String))
    regions: Mapped[list[str]] = mapped_column(ARRAY(String))
    classes: Mapped[list[str]] = mapped_column(ARRAY(String))
    sealed_secret: Mapped[str]
    sealed_former: Mapped[str | None]
    former_until: Mapped[datetime | None]
    made_by: Mapped[str]
    made_at: Mapped[datetime]
    stopped_at: Mapped[datetime | None]


class WebhookMessage(Base):
    """One event for one address: what is sent, how often it was tried, what came of it.

    ``body`` is sent byte for byte the same with every attempt. ``due_at`` is when the next attempt may begin.
    """

    __tablename__ = "webhook_messages"
    __table_args__ = (
        CheckConstraint("state IN ('waiting', 'delivered', 'parked')", name="state"),
        Index("ix_webhook_messages_webhook", "webhook", "made_at"),
        Index("ix_webhook_messages_made_at", "made_at"),
        Index("ix_webhook_messages_due", "webhook", "due_at", postgresql_where=text("state = 'waiting'")),
        Index("ix_webhook_messages_parked", "webhook", postgresql_where=text("state = 'parked'")),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    webhook: Mapped[UUID] = mapped_column(ForeignKey("webhooks.id"))
    event: Mapped[str]
    body: Mapped[str]
    made_at: Mapped[datetime]
    state: Mapped[str]
    attempts: Mapped[int]
    due_at: Mapped[datetime]
    tried_at: Mapped[datetime | None]
    status: Mapped[int | None]
    answer: Mapped[str | None]

"""Tables of rollouts."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Identity, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from server.kit.db import Base
from server.rollouts.rules import DEVICE_ENDED, ENDED, GOING_ON, UNDER_WAY

_STATES = ", ".join(f"'{state}'" for state in ("proposed", *GOING_ON, *ENDED))
_DEVICE_STATES = ", ".join(f"'{state}'" for state in ("queued", *UNDER_WAY, *DEVICE_ENDED))
_DEVICE_ENDED = ", ".join(f"'{state}'" for state in DEVICE_ENDED)


class RolloutRow(Base):
    """One rollout. ``settled_at`` is set once it is over and every terminal of it has ended."""

    __tablename__ = "rollouts"
    __table_args__ = (
        CheckConstraint(f"state IN ({_STATES})", name="state"),
        CheckConstraint("released_by IS NULL OR kind <> 'update' OR released_by <> proposed_by", name="two_persons"),
        Index("ix_rollouts_open", "number", postgresql_where=text("settled_at IS NULL")),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    number: Mapped[int] = mapped_column(BigInteger, Identity(always=True), unique=True)
    name: Mapped[str]
    kind: Mapped[str]
    params: Mapped[dict[str, Any]]
    target: Mapped[dict[str, Any]]
    continuous: Mapped[bool]
    rings: Mapped[list[Any]]
    rate_per_minute: Mapped[int]
    abort_percent: Mapped[int]
    abort_minimum: Mapped[int]
    device_minutes: Mapped[int]
    deadline_hours: Mapped[int]
    deadline_at: Mapped[datetime | None]
    state: Mapped[str]
    ring: Mapped[int] = mapped_column(server_default=text("0"))
    why: Mapped[str] = mapped_column(server_default=text("''"))
    proposed_by: Mapped[str]
    proposed_at: Mapped[datetime]
    released_by: Mapped[str | None]
    released_at: Mapped[datetime | None]
    joined_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]
    settled_at: Mapped[datetime | None]


class RolloutDevice(Base):
    """One terminal of a rollout. ``command`` is what it was asked, in its last attempt.

    ``forgiven``: it had ended when a person resumed the rollout after a halt; the threshold counts it no more.
    """

    __tablename__ = "rollout_devices"
    __table_args__ = (
        CheckConstraint(f"state IN ({_DEVICE_STATES})", name="state"),
        CheckConstraint(f"(state IN ({_DEVICE_ENDED})) = (ended_at IS NOT NULL)", name="ended"),
        Index("ix_rollout_devices_waiting", "rollout", "ring", "place", postgresql_where=text("state = 'queued'")),
        Index("ix_rollout_devices_begun", "rollout", "begun_at", postgresql_where=text("begun_at IS NOT NULL")),
        Index("ix_rollout_devices_device", "device"),
    )

    rollout: Mapped[UUID] = mapped_column(ForeignKey("rollouts.id"), primary_key=True)
    device: Mapped[str] = mapped_column(ForeignKey("devices.id"), primary_key=True)
    retailer: Mapped[str]
    ring: Mapped[int]
    place: Mapped[int]
    state: Mapped[str]
    reason: Mapped[str] = mapped_column(server_default=text("''"))
    detail: Mapped[str] = mapped_column(server_default=text("''"))
    attempt: Mapped[int] = mapped_column(server_default=text("0"))
    forgiven: Mapped[bool] = mapped_column(server_default=text("false"))
    command: Mapped[UUID | None]
    begun_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]

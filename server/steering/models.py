"""Tables of what terminals are set to and asked to do."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from server.kit.db import Base
from server.steering.rules import BY_TIME, ENDED, OPEN

_STATES = ", ".join(f"'{state}'" for state in (*OPEN, *ENDED))
_OPEN = ", ".join(f"'{state}'" for state in OPEN)
_BY_TIME = ", ".join(f"'{state}'" for state in BY_TIME)


class ShadowRow(Base):
    """One terminal's desired and reported state. ``desired`` holds ``{name: {value, held, version}}``."""

    __tablename__ = "device_shadows"
    __party__ = "retailer"

    device: Mapped[str] = mapped_column(ForeignKey("devices.id"), primary_key=True)
    retailer: Mapped[str]
    desired_version: Mapped[int] = mapped_column(server_default=text("0"))
    desired: Mapped[dict[str, Any]]
    desired_at: Mapped[datetime | None]
    desired_by: Mapped[str | None]
    reported_version: Mapped[int] = mapped_column(server_default=text("0"))
    reported: Mapped[dict[str, Any]]
    reported_at: Mapped[datetime | None]
    applied_version: Mapped[int] = mapped_column(server_default=text("0"))
    refused: Mapped[dict[str, Any]]


class CommandRow(Base):
    """One command to one terminal. ``batch`` names those that were given together, or the rollout they are of."""

    __tablename__ = "device_commands"
    __party__ = "retailer"
    __table_args__ = (
        CheckConstraint(f"state IN ({_STATES})", name="state"),
        CheckConstraint(f"(state IN ({_OPEN})) = (ended_at IS NULL)", name="ended"),
        Index("ix_device_commands_device", "device", "issued_at"),
        Index("ix_device_commands_open", "device", postgresql_where=text(f"state IN ({_OPEN})")),
        Index("ix_device_commands_expiring", "expires_at", postgresql_where=text(f"state IN ({_OPEN})")),
        Index(
            "ix_device_commands_recalled",
            "device",
            postgresql_where=text(f"called_back_at IS NOT NULL AND state IN ({_BY_TIME})"),
        ),
        Index("ix_device_commands_batch", "batch", postgresql_where=text("batch IS NOT NULL")),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    device: Mapped[str] = mapped_column(ForeignKey("devices.id"))
    retailer: Mapped[str]
    kind: Mapped[str]
    params: Mapped[dict[str, Any]]
    batch: Mapped[UUID | None]
    issued_at: Mapped[datetime]
    issued_by: Mapped[str]
    expires_at: Mapped[datetime]
    called_back_at: Mapped[datetime | None]
    state: Mapped[str]
    reason: Mapped[str] = mapped_column(server_default=text("''"))
    detail: Mapped[str] = mapped_column(server_default=text("''"))
    begun_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]
    brought: Mapped[dict[str, Any] | None]

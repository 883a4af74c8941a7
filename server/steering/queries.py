"""Reads of what terminals are set to and asked to do."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session

from server.steering import rules
from server.steering.models import CommandRow, ShadowRow


@dataclass(frozen=True)
class Shadow:
    """One terminal's two states. ``desired`` holds ``{name: {value, held, version}}``."""

    device: str
    desired_version: int = 0
    desired: dict[str, Any] = field(default_factory=dict)
    desired_at: datetime | None = None
    desired_by: str | None = None
    reported_version: int = 0
    reported: dict[str, Any] = field(default_factory=dict)
    reported_at: datetime | None = None
    applied_version: int = 0
    refused: dict[str, Any] = field(default_factory=dict)

    @property
    def delta(self) -> dict[str, str]:
        """What is not reported as it is desired, with the desired value."""
        return rules.delta(self.desired, self.reported)

    def difference(self, name: str) -> rules.Difference:
        """Return how a setting stands."""
        return rules.difference(name, self.desired, self.reported, self.applied_version, self.refused)


@dataclass(frozen=True)
class Command:
    """One command. ``brought`` is what a diagnosis brought: facts, and the lines of a log."""

    id: UUID
    device: str
    kind: str
    params: dict[str, Any]
    batch: UUID | None
    issued_at: datetime
    issued_by: str
    expires_at: datetime
    called_back_at: datetime | None
    state: rules.State
    reason: str
    detail: str
    begun_at: datetime | None
    ended_at: datetime | None
    brought: dict[str, Any] | None

    @property
    def may_be_called_back(self) -> bool:
        """Whether the terminal may still be asked to leave it be."""
        return rules.may_call_back(self.state, self.reason)


def shadow(session: Session, device: str) -> Shadow:
    """Return a terminal's two states, both empty where nothing was wanted or reported yet."""
    row = session.get(ShadowRow, device, populate_existing=True)
    return (
        Shadow(device) if row is None else Shadow(**{name: getattr(row, name) for name in Shadow.__dataclass_fields__})
    )


def commands(
    session: Session, device: str, *, limit: int = 20, before: tuple[datetime, UUID] | None = None
) -> list[Command]:
    """Return a terminal's commands, the newest first."""
    query = select(CommandRow).where(CommandRow.device == device)
    if before is not None:
        query = query.where(
            (CommandRow.issued_at < before[0]) | ((CommandRow.issued_at == before[0]) & (CommandRow.id < before[1]))
        )
    rows = session.scalars(query.order_by(CommandRow.issued_at.desc(), CommandRow.id.desc()).limit(limit))
    return [_command(row) for row in rows]


def command(session: Session, command_id: UUID) -> Command | None:
    """Return one command, or none."""
    row = session.get(CommandRow, command_id, populate_existing=True)
    return None if row is None else _command(row)


def outcomes(batches: Sequence[UUID]) -> Select[UUID, str, str, str, datetime | None, datetime | None]:
    """Select how the commands of batches stand: id, state, reason, detail, begun and ended."""
    return select(
        CommandRow.id, CommandRow.state, CommandRow.reason, CommandRow.detail, CommandRow.begun_at, CommandRow.ended_at
    ).where(CommandRow.batch.in_(batches))


def given_since(session: Session, batch: UUID, since: datetime) -> int:
    """Return how many commands of a batch were given after an instant."""
    query = select(func.count()).where(CommandRow.batch == batch, CommandRow.issued_at > since)
    return session.scalar(query) or 0


def channels(session: Session) -> dict[str, str]:
    """Return the channel of each terminal that is in another one than the usual: as wanted, else as reported."""
    channel = func.coalesce(ShadowRow.desired["channel"]["value"].astext, ShadowRow.reported["channel"].astext)
    rows = session.execute(select(ShadowRow.device, channel).where(channel.is_not(None), channel != "stable"))
    return {device: str(found) for device, found in rows}


def _command(row: CommandRow) -> Command:
    return Command(**{name: getattr(row, name) for name in Command.__dataclass_fields__})

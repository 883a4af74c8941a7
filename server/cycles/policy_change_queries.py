"""Reads of proposals to change a policy after its announcement; for the worker too, which loads no allocation core."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from server.cycles.models import PolicyChange


@dataclass(frozen=True)
class Change:
    """A proposal, what stood before it, and who decided."""

    id: UUID
    cycle: UUID
    name: str
    version: int
    from_name: str
    from_version: int
    reason: str
    author: str
    proposed_at: datetime
    state: str
    decided_by: str | None
    decided_at: datetime | None
    decided_why: str | None

    @property
    def policy(self) -> str:
        """Name and version for people."""
        return f"{self.name} v{self.version}"

    @property
    def before(self) -> str:
        """Name and version of what stood before, for people."""
        return f"{self.from_name} v{self.from_version}"


def changes(session: Session, cycle: UUID) -> list[Change]:
    """Return every proposal of a cycle, the newest first."""
    rows = session.scalars(
        select(PolicyChange).where(PolicyChange.cycle == cycle).order_by(PolicyChange.proposed_at.desc())
    )
    return [_view(row) for row in rows]


def approved(session: Session, limit: int = 50) -> list[Change]:
    """Return the newest proposals that a second person approved, over all cycles."""
    query = select(PolicyChange).where(PolicyChange.state == "approved").order_by(PolicyChange.decided_at.desc())
    return [_view(row) for row in session.scalars(query.limit(limit))]


def change(session: Session, change: UUID) -> Change | None:
    """Return one proposal, or none."""
    row = session.get(PolicyChange, change)
    return None if row is None else _view(row)


def _view(row: PolicyChange) -> Change:
    return Change(
        row.id,
        row.cycle,
        row.name,
        row.version,
        row.from_name,
        row.from_version,
        row.reason,
        row.author,
        row.proposed_at,
        row.state,
        row.decided_by,
        row.decided_at,
        row.decided_why,
    )

"""The secret of a cycle's draw: kept at the announcement, sealed where it lies, opened to solve and to publish.

What is announced is its hash; who reads the database, or a dump of it, before the publication learns no draw.
"""

from datetime import datetime
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from server.cycles.models import CycleSecret
from server.kit import sealing


def keep(session: Session, cycle: UUID, secret: str, *, at: datetime) -> None:
    """Keep the secret (hex) that was drawn for a cycle."""
    sealed = sealing.of(session).seal(_purpose(cycle), secret)
    session.add(CycleSecret(cycle=cycle, sealed_secret=sealed, drawn_at=at))


def opened(session: Session, cycle: UUID) -> str | None:
    """Return the secret (hex) of a cycle that was announced; none of another one.

    Raises
    ------
    SealError
        None of the installation's keys opens it.
    """
    sealed = session.scalar(select(CycleSecret.sealed_secret).where(CycleSecret.cycle == cycle))
    return None if sealed is None else sealing.of(session).opened(_purpose(cycle), sealed)


def _purpose(cycle: UUID) -> str:
    return f"draw:{cycle}"

"""How long commands and what they brought are kept."""

from datetime import datetime
from typing import Any, Final

from sqlalchemy import Select, delete, select
from sqlalchemy.orm import Session

from server.kit.marking import N_
from server.kit.retention import Kind, count
from server.steering.models import CommandRow


def _over(before: datetime) -> Select[Any]:
    return select(CommandRow.id).where(CommandRow.ended_at < before)


def count_commands(session: Session, before: datetime) -> int:
    """Return how many commands ended before then."""
    return count(session, _over(before))


def erase_commands(session: Session, before: datetime, _at: datetime) -> int:
    """Remove commands that ended before then, and what they brought."""
    gone = delete(CommandRow).where(CommandRow.id.in_(_over(before)))
    return len(session.scalars(gone.returning(CommandRow.id)).all())


RETENTION: Final = (
    Kind(
        "commands",
        N_("What terminals were asked to do, and diagnoses that they sent"),
        N_("To find out why a terminal failed."),
        N_("the command ended"),
        N_("removed"),
        365,
        count_commands,
        erase_commands,
    ),
)

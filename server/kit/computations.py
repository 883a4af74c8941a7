"""Computations that somebody asked for: they wait, are worked on, and end with a result, failed, or stopped.

Each is a row of a table with the columns of :class:`Computation`, and a job of the queue. Guarantees: it goes on when
nobody looks; what a killed process was doing is taken up by the next one; once a person has stopped it, nothing more of
it is stored, and a process that still works on it finds out at its next step.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any, Final, TypeVar
from uuid import UUID

import structlog
from sqlalchemy import CheckConstraint, update
from sqlalchemy.orm import Mapped, Session, mapped_column

from contract.errors import Conflict, Rejected
from server.kit import audit
from server.kit.identity import Operator

log = structlog.get_logger(__name__)
UNDER_WAY: Final = ("waiting", "working")


class StoppedError(Exception):
    """A person stopped the computation meanwhile; what it was about to store is not wanted."""


class Computation:
    """The columns of a computation; ``trouble`` is why it failed, ``stopped_by`` the operator who stopped it."""

    id: Mapped[UUID] = mapped_column(primary_key=True)
    asked_by: Mapped[str]
    asked_at: Mapped[datetime]
    state: Mapped[str]
    trouble: Mapped[str | None]
    stopped_by: Mapped[str | None]
    done_at: Mapped[datetime | None]


C = TypeVar("C", bound=Computation)


def checks(*results: str) -> tuple[CheckConstraint, ...]:
    """Return what holds of the columns; ``results`` are the states of those that came to something."""
    states = ", ".join(f"'{state}'" for state in (*UNDER_WAY, *results, "failed", "stopped"))
    return (
        CheckConstraint(f"state IN ({states})", name="state"),
        CheckConstraint("(state = 'failed') = (trouble IS NOT NULL)", name="trouble"),
        CheckConstraint("(state = 'stopped') = (stopped_by IS NOT NULL)", name="stopped"),
        CheckConstraint("(state IN ('waiting', 'working')) = (done_at IS NULL)", name="done"),
    )


def begin(session: Session, table: type[C], computation: UUID) -> C | None:
    """Take a computation up, or up again after a crash, and hold its row; none where it is over."""
    row = session.get(table, computation, with_for_update=True)
    if row is None or row.state not in UNDER_WAY:
        return None
    row.state = "working"
    return row


def note(session: Session, table: type[Computation], computation: UUID, **values: Any) -> None:
    """Write down how far it is, or how it ended.

    Raises
    ------
    StoppedError
        Where it is not being worked on any more; what else the transaction holds must not be stored either.
    """
    query = update(table).where(table.id == computation, table.state == "working").values(**values)
    if session.scalar(query.returning(table.id)) is None:
        raise StoppedError


@contextmanager
def until_stopped(what: str) -> Iterator[None]:
    """Leave the block where a person has stopped the computation; ``what`` is its name in the log."""
    try:
        yield
    except StoppedError:
        log.info("computation_stopped", what=what)


def stop(
    session: Session, table: type[Computation], computation: UUID, subject: str, *, by: Operator, at: datetime
) -> None:
    """Stop a computation that waits or is worked on; ``subject`` is ``kind:name``, as the audit has it.

    Raises
    ------
    Rejected, Conflict
        ``not_found``; ``wrong_state``, where it is over.
    """
    row = session.get(table, computation, with_for_update=True, populate_existing=True)
    kind, _, name = subject.partition(":")
    if row is None:
        raise Rejected("not_found", what=kind, name=name)
    if row.state not in UNDER_WAY:
        raise Conflict("wrong_state", state=row.state, needed=" / ".join(UNDER_WAY))
    row.state, row.stopped_by, row.done_at = "stopped", by.name, at
    audit.record(session, actor=by.actor, action=f"{kind}.stopped", subject=subject, at=at)

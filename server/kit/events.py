"""What a capability tells those above it: an event, queued in the same transaction, delivered at least once.

Events are frozen dataclasses of plain fields, one class a fact, named in the past tense. Who reacts stands
in ``server/background.py`` alone. Reactions run in the worker, each in a transaction of its own.
"""

import dataclasses
from collections.abc import Iterable
from datetime import datetime
from typing import Any, TypeVar
from uuid import UUID

from pydantic import TypeAdapter
from sqlalchemy import delete, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Mapped, Session, mapped_column

from server.kit import jobs
from server.kit.db import Base

E = TypeVar("E")
TASK = "react"


class AwaitedEvent(Base):
    """An event that somebody outside wants to be told of."""

    __tablename__ = "awaited_events"

    name: Mapped[str] = mapped_column(primary_key=True)


def publish(session: Session, event: Any, *, lock: str | None = None) -> None:
    """Queue ``event`` for its reactions; those with the same ``lock`` keep their order."""
    jobs.defer(session, TASK, {"event": name_of(type(event)), "data": plain(event)}, lock=lock)


def publish_awaited(session: Session, event: Any) -> None:
    """Queue an event that nothing here needs, where somebody outside awaits it (:func:`await_only`)."""
    awaited = select(AwaitedEvent.name).where(AwaitedEvent.name == name_of(type(event)))
    if session.connection().scalar(awaited) is not None:
        publish(session, event)


def await_only(session: Session, kinds: Iterable[type]) -> None:
    """From the commit on, events of these classes are awaited, and no others."""
    names = [name_of(kind) for kind in kinds]
    session.execute(delete(AwaitedEvent).where(AwaitedEvent.name.not_in(names)))
    if names:
        session.execute(insert(AwaitedEvent).values([{"name": name} for name in names]).on_conflict_do_nothing())


def name_of(kind: type) -> str:
    """Return the event's stable name: capability and class."""
    return f"{kind.__module__.split('.')[-2]}.{kind.__name__}"


def restore(kind: type[E], data: dict[str, Any]) -> E:
    """Return the event that :func:`publish` wrote down."""
    return TypeAdapter(kind).validate_python(data)


def plain(event: Any) -> dict[str, Any]:
    """Return an event as the queue keeps it: what JSON knows, ids and instants as text. :func:`restore` reads it."""

    def written(value: Any) -> Any:
        if isinstance(value, UUID):
            return str(value)
        return value.isoformat() if isinstance(value, datetime) else value

    return {field.name: written(getattr(event, field.name)) for field in dataclasses.fields(event)}

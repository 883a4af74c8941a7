"""What a capability tells those above it: an event, queued in the same transaction, delivered at least once.

Events are frozen dataclasses of plain fields, one class a fact, named in the past tense. Who reacts stands
in ``server/background.py`` alone. Reactions run in the worker, each in a transaction of its own.
"""

import dataclasses
from datetime import datetime
from typing import Any, TypeVar
from uuid import UUID

from pydantic import TypeAdapter
from sqlalchemy.orm import Session

from server.kit import jobs

E = TypeVar("E")
TASK = "react"


def publish(session: Session, event: Any, *, lock: str | None = None) -> None:
    """Queue ``event`` for its reactions; those with the same ``lock`` keep their order."""
    jobs.defer(session, TASK, {"event": name_of(type(event)), "data": _plain(event)}, lock=lock)


def name_of(kind: type) -> str:
    """Return the event's stable name: capability and class."""
    return f"{kind.__module__.split('.')[-2]}.{kind.__name__}"


def restore(kind: type[E], data: dict[str, Any]) -> E:
    """Return the event that :func:`publish` wrote down."""
    return TypeAdapter(kind).validate_python(data)


def _plain(event: Any) -> dict[str, Any]:
    def plain(value: Any) -> Any:
        if isinstance(value, UUID):
            return str(value)
        return value.isoformat() if isinstance(value, datetime) else value

    return {field.name: plain(getattr(event, field.name)) for field in dataclasses.fields(event)}

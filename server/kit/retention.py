"""What is kept of persons, and for how long: each kind in words, and the two acts on it that its owner knows."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session

ERASED: Final = "—"
"""What stands where words of a person stood."""


@dataclass(frozen=True)
class Kind:
    """One kind of personal data. ``days`` are counted from ``since``; both acts take the instant that is too old.

    ``due`` counts what ``erase`` would take; ``erase`` takes the instant of the erasing, too, and returns how many.
    Doing it twice erases nothing more.
    """

    name: str
    what: str
    why: str
    since: str
    then: str
    days: int
    due: Callable[[Session, datetime], int]
    erase: Callable[[Session, datetime, datetime], int]


def count(session: Session, query: Select[Any]) -> int:
    """Return how many rows a query has."""
    return session.scalar(select(func.count()).select_from(query.subquery())) or 0

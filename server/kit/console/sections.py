"""Parts of a page about one thing, filled by the capabilities that know about it; wiring lists them."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import func, literal, select, union_all
from sqlalchemy.orm import Session

from server.kit.console.moments import Moments
from server.kit.identity import Operator, Role


@dataclass(frozen=True)
class Section:
    """One part: a heading, and a template that gets what ``read`` returns.

    ``read`` is given the session, the name of the thing that the page is about, and the time in the distributor's
    zone; where it returns none, ``empty`` is said instead. The template finds what it returns as ``part_of``. ``label``
    and ``empty`` are ``N_`` texts; ``key`` names the part in addresses. People without one of ``roles`` are shown
    neither the part nor its ``moments``; no roles: everybody is. Parts stand by ``order``.
    """

    key: str
    label: str
    template: str
    read: Callable[[Session, str, datetime], Mapping[str, Any] | None]
    empty: str
    order: int
    roles: tuple[Role, ...] = ()
    moments: tuple[Moments, ...] = ()

    def open_to(self, operator: Operator) -> bool:
        """Return whether a person may see this part."""
        return not self.roles or operator.may(*self.roles)


@dataclass(frozen=True)
class Moment:
    """One thing that happened: of which part, its words (``N_`` texts), a note, and where it leads."""

    at: datetime
    section: Section
    words: tuple[str, ...]
    note: str
    href: str
    key: str


def timeline(
    session: Session,
    sections: Iterable[Section],
    name: str,
    *,
    since: datetime | None = None,
    before: datetime | None = None,
    offset: int = 0,
    limit: int = 50,
) -> tuple[list[Moment], int]:
    """Return what happened to one thing, the newest first, and how much there is; by two queries, whatever the parts.

    Only what happened from ``since`` on and ``before`` an instant, where these are named.
    """
    sorts = [(section, moments) for section in sections for moments in section.moments]
    if not sorts:
        return [], 0
    parts = []
    for at, (_, moments) in enumerate(sorts):
        happened = moments.read(name).subquery()
        when, word, note, key = happened.c
        parts.append(
            select(
                literal(at).label("sort"),
                when.label("happened_at"),
                word.label("word"),
                note.label("note"),
                key.label("key"),
            )
        )
    every = union_all(*parts).subquery()
    wanted = select(every).where(every.c.happened_at.is_not(None))
    if since is not None:
        wanted = wanted.where(every.c.happened_at >= since)
    if before is not None:
        wanted = wanted.where(every.c.happened_at < before)
    total = session.scalar(select(func.count()).select_from(wanted.subquery())) or 0
    newest = wanted.order_by(every.c.happened_at.desc(), every.c.sort, every.c.key).offset(offset).limit(limit)
    found = []
    for sort, happened_at, word, note, key in session.execute(newest):
        section, moments = sorts[sort]
        found.append(Moment(happened_at, section, moments.words[word], note or "", moments.href, key or ""))
    return found, total

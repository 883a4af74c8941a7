"""Reads of the audit, for the screen that every capability shares."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, func, or_, select, true
from sqlalchemy.orm import Session

from server.kit.audit import AuditEntry
from server.kit.db import HIDDEN, streamed
from server.kit.identity import Role

READERS: tuple[Role, ...] = ("administrator", "releaser", "auditor")
_SAID_APART = (("by", "owner"), ("by", "clerk"))


@dataclass(frozen=True)
class Asked:
    """Which entries are wanted; what is empty does not narrow.

    ``words`` are looked for anywhere in an entry; with a colon (``order:12``, ``operator:anna``) they name an
    actor or a subject exactly.
    """

    words: str = ""
    actor: str = ""
    action: str = ""
    subject: str = ""
    alerts: bool = False
    since: datetime | None = None
    before: datetime | None = None
    oldest_first: bool = False


def search(session: Session, asked: Asked, *, limit: int, offset: int = 0) -> tuple[list[AuditEntry], int]:
    """Return a page of entries, the newest first unless asked otherwise, and how many there are."""
    conditions = _conditions(session, asked)
    total = session.scalar(select(func.count(AuditEntry.id)).where(*conditions)) or 0
    return list(session.scalars(_select(asked, conditions).limit(limit).offset(offset))), total


def newest(session: Session, asked: Asked, *, limit: int) -> list[AuditEntry]:
    """Return the first entries of :func:`search` without counting them all."""
    return list(session.scalars(_select(asked, _conditions(session, asked)).limit(limit)))


def every(session: Session, asked: Asked) -> Iterator[AuditEntry]:
    """Yield the entries for a file, in the same order."""
    for (entry,) in streamed(session, _select(asked, _conditions(session, asked))):
        yield entry


def actions(session: Session) -> list[str]:
    """Return the kinds of acts that were ever written down."""
    first = select(AuditEntry.action).order_by(AuditEntry.action).limit(1).cte("acts", recursive=True)
    next_one = (
        select(AuditEntry.action)
        .where(AuditEntry.action > first.c.action)
        .order_by(AuditEntry.action)
        .limit(1)
        .scalar_subquery()
    )
    acts = first.union_all(select(next_one).where(first.c.action.is_not(None)))
    return list(session.scalars(select(acts.c.action).where(acts.c.action.is_not(None))))


def shown_detail(detail: dict[str, Any]) -> str:
    """Return an entry's details on one line: ``retailer R1 · lines 3``; what changed as ``name A → B``.

    Which person of a shop it was (``by``) is left to the screen's own words.
    """

    def shown(value: Any) -> str:
        if isinstance(value, dict) and "after" in value and value.keys() <= {"before", "after"}:
            return f"{shown(value.get('before', ''))} → {shown(value['after'])}".removeprefix(" → ")
        if isinstance(value, list):
            return ", ".join(shown(one) for one in value)
        return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)

    return " · ".join(f"{key} {shown(value)}" for key, value in detail.items() if (key, value) not in _SAID_APART)


def _select(asked: Asked, conditions: list[ColumnElement[bool]]) -> Select[AuditEntry]:
    order = AuditEntry.id.asc() if asked.oldest_first else AuditEntry.id.desc()
    return select(AuditEntry).where(*conditions).order_by(order)


def _conditions(session: Session, asked: Asked) -> list[ColumnElement[bool]]:
    """Return what narrows; what concerns the person who asks, and is kept from him, is no entry of his either."""
    conditions: list[ColumnElement[bool]] = []
    if session.info.get("person"):
        conditions.append(AuditEntry.subject.not_in(select(HIDDEN.c.subject)))
    if ":" in asked.words:
        conditions.append(or_(AuditEntry.actor == asked.words, AuditEntry.subject == asked.words))
    elif asked.words:
        text = func.concat_ws(" ", AuditEntry.actor, AuditEntry.action, AuditEntry.subject, AuditEntry.detail)
        conditions.append(text.icontains(asked.words, autoescape=True))
    if asked.actor:
        conditions.append(AuditEntry.actor.istartswith(asked.actor, autoescape=True))
    if asked.action:
        conditions.append(AuditEntry.action == asked.action)
    if asked.subject:
        conditions.append(AuditEntry.subject == asked.subject)
    if asked.alerts:
        conditions.append(AuditEntry.alert == true())
    if asked.since is not None:
        conditions.append(AuditEntry.at >= asked.since)
    if asked.before is not None:
        conditions.append(AuditEntry.at < asked.before)
    return conditions

"""Tokens of programs: made, used, revoked. Nothing here commits.

A token is ``evh_`` and 256 random bits; the table keeps the SHA-256 of it. Who holds it reaches what its scopes and
bounds name until it expires or is revoked, from one request to the next.
"""

import hashlib
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from contract.errors import Conflict, Rejected
from server.integrations import scopes
from server.integrations.models import ApiToken
from server.kit import audit
from server.kit.db import bounds
from server.kit.identity import PROGRAM, Actor, Operator
from server.operators.rules import tidy_name

MARK = "evh_"
BITS = 256
DAYS: tuple[int, ...] = (30, 90, 365)
USE_NOTED_EVERY = timedelta(minutes=1)
"""A request does not write: when a token was last used is right to a minute."""


@dataclass(frozen=True)
class TokenView:
    """A token as the administrator sees it; the token itself is nowhere."""

    id: int
    name: str
    scopes: tuple[str, ...]
    regions: tuple[str, ...]
    classes: tuple[str, ...]
    made_by: str
    made_at: datetime
    expires_at: datetime
    last_used_at: datetime | None
    last_remote: str | None
    revoked_at: datetime | None

    def state(self, at: datetime) -> str:
        """Return ``active``, ``revoked`` or ``expired``."""
        if self.revoked_at is not None:
            return "revoked"
        return "active" if at < self.expires_at else "expired"


@dataclass(frozen=True)
class Bounds:
    """The shops that a token reaches: those of the regions and of the classes; none named: all."""

    regions: tuple[str, ...] = ()
    classes: tuple[str, ...] = ()


def make(
    session: Session, name: str, wanted: Iterable[str], within: Bounds, *, days: int, by: Operator, at: datetime
) -> str:
    """Make a token that holds for ``days`` days, and return it: it is known to nobody afterwards.

    Raises
    ------
    Rejected
        ``name_invalid``; ``scopes_needed``; ``not_found`` for an unknown scope; ``malformed`` for a bound that could
        bound nothing, or for another number of days than :data:`DAYS` offers.
    Conflict
        ``already_exists``: names are given once, also those of revoked tokens, so that the audit stays unmistakable.
    """
    tidy = tidy_name(name)
    granted = scopes.known(wanted)
    if days not in DAYS:
        raise Rejected("malformed", where="days", what=str(days))
    try:
        bounds(within.regions, within.classes)
    except ValueError as why:
        raise Rejected("malformed", where="regions", what=str(why)) from None
    if session.scalar(select(ApiToken.id).where(func.lower(ApiToken.name) == func.lower(tidy))) is not None:
        raise Conflict("already_exists", what="token", name=tidy)
    token = MARK + secrets.token_urlsafe(BITS // 8)
    row = ApiToken(
        name=tidy,
        token_sha256=digest(token),
        scopes=granted,
        regions=sorted(set(within.regions)),
        classes=sorted(set(within.classes)),
        made_by=by.name,
        made_at=at,
        expires_at=at + timedelta(days=days),
        last_used_at=None,
        last_remote=None,
        revoked_at=None,
    )
    session.add(row)
    session.flush()
    detail = {"scopes": granted, "regions": row.regions, "classes": row.classes, "days": days}
    _note(session, by.actor, "token.made", row, at, detail)
    return token


def revoke(session: Session, number: int, *, by: Operator, at: datetime) -> TokenView:
    """End a token at once; nothing happens where it was revoked already.

    Raises
    ------
    Rejected
        ``not_found``.
    """
    row = session.scalars(select(ApiToken).where(ApiToken.id == number).with_for_update()).one_or_none()
    if row is None:
        raise Rejected("not_found", what="token", name=number)
    if row.revoked_at is None:
        row.revoked_at = at
        _note(session, by.actor, "token.revoked", row, at, {})
    return _view(row)


def bearer(session: Session, token: str, *, remote: str, at: datetime) -> Operator | None:
    """Return the program that holds ``token``, or none where it is unknown, expired or revoked; note the use."""
    row = session.scalars(
        select(ApiToken).where(
            ApiToken.token_sha256 == digest(token), ApiToken.expires_at > at, ApiToken.revoked_at.is_(None)
        )
    ).one_or_none()
    if row is None:
        return None
    if row.last_used_at is None or at - row.last_used_at >= USE_NOTED_EVERY:
        session.execute(update(ApiToken).where(ApiToken.id == row.id).values(last_used_at=at, last_remote=remote))
    return Operator(
        row.id,
        PROGRAM + row.name,
        scopes.ROLES,
        regions=frozenset(row.regions),
        classes=frozenset(row.classes),
        scopes=frozenset(row.scopes),
    )


def tokens(session: Session) -> list[TokenView]:
    """Return all tokens, the newest first."""
    return [_view(row) for row in session.scalars(select(ApiToken).order_by(ApiToken.id.desc()))]


def digest(token: str) -> bytes:
    """Return what the table keeps of a token."""
    return hashlib.sha256(token.encode()).digest()


def _view(row: ApiToken) -> TokenView:
    return TokenView(
        id=row.id,
        name=row.name,
        scopes=tuple(row.scopes),
        regions=tuple(row.regions),
        classes=tuple(row.classes),
        made_by=row.made_by,
        made_at=row.made_at,
        expires_at=row.expires_at,
        last_used_at=row.last_used_at,
        last_remote=row.last_remote,
        revoked_at=row.revoked_at,
    )


def _note(session: Session, by: Actor, action: str, row: ApiToken, at: datetime, detail: dict[str, object]) -> None:
    audit.record(session, actor=by, action=action, subject=f"token:{row.name}", at=at, detail=detail)

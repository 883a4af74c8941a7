"""Reads of people and their sessions."""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import cast

from sqlalchemy import exists, func, or_, select
from sqlalchemy.orm import Session, aliased

from server.kit.identity import Operator, Role
from server.operators.models import OperatorRow, OperatorSession, Passkey, SignInLink, TotpSecret


@dataclass(frozen=True)
class OperatorView:
    """A person as the administrator sees them."""

    id: int
    name: str
    roles: frozenset[Role]
    regions: tuple[str, ...]
    classes: tuple[str, ...]
    second_factor: bool
    has_password: bool
    created_at: datetime
    disabled_at: datetime | None
    sessions: int
    last_sign_in_at: datetime | None
    superior: str | None = None


@dataclass(frozen=True)
class SignedInBrowser:
    """One open session. ``current`` marks the one that asks."""

    created_at: datetime
    expires_at: datetime
    remote: str
    current: bool


@dataclass(frozen=True)
class PasskeyView:
    """One passkey as its owner sees it."""

    credential: bytes
    name: str
    created_at: datetime
    used_at: datetime | None


_HAS_SECOND_FACTOR = or_(
    exists().where(TotpSecret.operator_id == OperatorRow.id, TotpSecret.confirmed_at.is_not(None)),
    exists().where(Passkey.operator_id == OperatorRow.id),
)


def digest(token: str) -> bytes:
    """Return what the tables keep of a token."""
    return hashlib.sha256(token.encode()).digest()


def session_of(session: Session, token: str, at: datetime) -> tuple[Operator, str] | None:
    """Return who holds ``token`` and their forgery token, or none where it is unknown, over or disabled."""
    row = session.execute(
        select(OperatorRow, OperatorSession.csrf, _HAS_SECOND_FACTOR)
        .join(OperatorSession, OperatorSession.operator_id == OperatorRow.id)
        .where(
            OperatorSession.token_sha256 == digest(token),
            OperatorSession.expires_at > at,
            ~OperatorSession.waits_for_second_factor,
            OperatorRow.disabled_at.is_(None),
        )
    ).one_or_none()
    if row is None:
        return None
    person, csrf, second_factor = row
    return replace(operator_from(person), second_factor=second_factor), csrf


def waiting_for_second_factor(session: Session, token: str, at: datetime) -> Operator | None:
    """Return whose password was right in the session of ``token`` that waits for the second factor, or none."""
    row = session.scalar(
        select(OperatorRow)
        .join(OperatorSession, OperatorSession.operator_id == OperatorRow.id)
        .where(
            OperatorSession.token_sha256 == digest(token),
            OperatorSession.expires_at > at,
            OperatorSession.waits_for_second_factor,
            OperatorRow.disabled_at.is_(None),
        )
    )
    return None if row is None else operator_from(row)


def has_second_factor(session: Session, operator_id: int) -> bool:
    """Return whether a second factor of a person counts."""
    return bool(session.scalar(select(_HAS_SECOND_FACTOR).where(OperatorRow.id == operator_id)))


def has_app(session: Session, operator_id: int) -> bool:
    """Return whether an app of a person counts."""
    found = session.get(TotpSecret, operator_id)
    return found is not None and found.confirmed_at is not None


def passkeys(session: Session, operator_id: int) -> list[PasskeyView]:
    """Return a person's passkeys, the oldest first."""
    rows = session.scalars(
        select(Passkey).where(Passkey.operator_id == operator_id).order_by(Passkey.created_at, Passkey.credential)
    )
    return [PasskeyView(row.credential, row.name, row.created_at, row.used_at) for row in rows]


def operator(session: Session, name: str, *, at: datetime) -> OperatorView | None:
    """Return one person by name, whatever the case of its letters, or none."""
    return next(iter(operators(session, at=at, name=name)), None)


def operator_numbered(session: Session, number: int, *, at: datetime) -> OperatorView | None:
    """Return one person by number, or none."""
    row = session.get(OperatorRow, number)
    return None if row is None else operator(session, row.name, at=at)


def operators(session: Session, *, at: datetime, name: str | None = None) -> list[OperatorView]:
    """Return the people, by name; sessions that are over at ``at`` are not counted."""
    live = (
        select(
            OperatorSession.operator_id,
            func.count().filter(OperatorSession.expires_at > at).label("sessions"),
            func.max(OperatorSession.created_at).label("last"),
        )
        .where(~OperatorSession.waits_for_second_factor)
        .group_by(OperatorSession.operator_id)
        .subquery()
    )
    above = aliased(OperatorRow)
    query = (
        select(OperatorRow, func.coalesce(live.c.sessions, 0), live.c.last, _HAS_SECOND_FACTOR, above.name)
        .outerjoin(live, live.c.operator_id == OperatorRow.id)
        .outerjoin(above, above.id == OperatorRow.superior_id)
        .order_by(func.lower(OperatorRow.name))
    )
    if name is not None:
        query = query.where(func.lower(OperatorRow.name) == func.lower(name))
    return [
        OperatorView(
            id=row.id,
            name=row.name,
            roles=cast("frozenset[Role]", frozenset(row.roles)),
            regions=tuple(row.regions),
            classes=tuple(row.classes),
            second_factor=second_factor,
            has_password=row.password_hash is not None,
            created_at=row.created_at,
            disabled_at=row.disabled_at,
            sessions=count,
            last_sign_in_at=last,
            superior=superior,
        )
        for row, count, last, second_factor, superior in session.execute(query)
    ]


def browsers(session: Session, operator_id: int, *, token: str, at: datetime) -> list[SignedInBrowser]:
    """Return where a person is signed in, the newest first."""
    rows = session.scalars(
        select(OperatorSession)
        .where(
            OperatorSession.operator_id == operator_id,
            OperatorSession.expires_at > at,
            ~OperatorSession.waits_for_second_factor,
        )
        .order_by(OperatorSession.created_at.desc())
    )
    asking = digest(token)
    return [SignedInBrowser(row.created_at, row.expires_at, row.remote, row.token_sha256 == asking) for row in rows]


def link_owner(session: Session, token: str, at: datetime) -> str | None:
    """Return whom a sign-in link lets in, or none where it is spent."""
    return session.scalar(
        select(OperatorRow.name)
        .join(SignInLink, SignInLink.operator_id == OperatorRow.id)
        .where(
            SignInLink.token_sha256 == digest(token),
            SignInLink.used_at.is_(None),
            SignInLink.expires_at > at,
            OperatorRow.disabled_at.is_(None),
        )
    )


def names_with(session: Session, roles: Iterable[Role]) -> list[str]:
    """Return the names of those who hold one of ``roles`` and may sign in."""
    wanted = list(roles)
    return list(
        session.scalars(
            select(OperatorRow.name)
            .where(OperatorRow.disabled_at.is_(None), OperatorRow.roles.overlap(wanted))
            .order_by(func.lower(OperatorRow.name))
        )
    )


def operator_from(row: OperatorRow) -> Operator:
    """Return a row as the identity that guards and services know."""
    return Operator(
        row.id,
        row.name,
        cast("frozenset[Role]", frozenset(row.roles)),
        regions=frozenset(row.regions),
        classes=frozenset(row.classes),
    )

"""What the command does with people; the command opens the transaction and commits it.

Nobody is signed in at a command line, so these acts stand in the audit as the command's.
"""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy.orm import Session

from server.kit.identity import Actor
from server.operators import queries, service
from server.operators.sessions import link_address

COMMAND = Actor("system", "command")


def add(session: Session, name: str, roles: Sequence[str], *, at: datetime) -> None:
    """Add a person with these roles; ``link`` makes the first way in."""
    service.add_operator(session, name, roles, by=COMMAND, at=at)


def link(session: Session, name: str, *, base_url: str, ttl_s: int, at: datetime) -> str:
    """Return the address that signs ``name`` in once, within ``ttl_s`` seconds."""
    return link_address(base_url, service.make_link(session, name, ttl_s=ttl_s, by=COMMAND, at=at))


def set_roles(session: Session, name: str, roles: Sequence[str], *, at: datetime) -> None:
    """Give a person these roles and no others."""
    service.set_roles(session, name, roles, by=COMMAND, at=at)


def disable(session: Session, name: str, *, at: datetime) -> None:
    """Shut a person out; their sessions end."""
    service.disable_operator(session, name, by=COMMAND, at=at)


def enable(session: Session, name: str, *, at: datetime) -> None:
    """Let a disabled person in again."""
    service.enable_operator(session, name, by=COMMAND, at=at)


def end_sessions(session: Session, name: str, *, at: datetime) -> int:
    """Sign a person out everywhere; return how many sessions ended."""
    return service.end_sessions(session, name, by=COMMAND, at=at)


def people(session: Session, *, at: datetime) -> list[queries.OperatorView]:
    """Return everybody, by name."""
    return queries.operators(session, at=at)

"""How passwords are kept: Argon2id with the parameters of RFC 9106's second choice (64 MiB, three passes)."""

import secrets
from functools import cache
from threading import BoundedSemaphore

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerifyMismatchError

from server.operators.rules import PASSWORD_MAX

HASHER = PasswordHasher()
_AT_ONCE = BoundedSemaphore(4)  # each takes 64 MiB; many sign-ins at once must not take all memory


def hashed(password: str) -> str:
    """Return what is kept of a password."""
    with _AT_ONCE:
        return HASHER.hash(password)


def fits(password: str, kept: str | None) -> bool:
    """Return whether ``password`` is the one that ``kept`` was made of; for ``None`` no, after as long a time."""
    with _AT_ONCE:
        try:
            return HASHER.verify(kept or _nobodys(HASHER), password[: PASSWORD_MAX + 1]) and kept is not None
        except (VerifyMismatchError, InvalidHashError):
            return False


def is_outdated(kept: str) -> bool:
    """Return whether ``kept`` was made with other parameters than today's."""
    return HASHER.check_needs_rehash(kept)


@cache
def _nobodys(hasher: PasswordHasher) -> str:
    return hasher.hash(secrets.token_urlsafe())

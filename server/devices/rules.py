"""Pure decisions about devices: codes that people can type, ids, presence."""

import hashlib
import secrets
from collections.abc import Callable
from datetime import datetime, timedelta

CODE_TTL = timedelta(minutes=15)
OFFLINE_AFTER = timedelta(minutes=3)

#: No 0/O, 1/I/L: a code is read aloud and typed with one finger.
ALPHABET = "23456789ABCDEFGHJKMNPQRSTUVWXYZ"
CODE_LENGTH = 8


def new_code(choose: Callable[[str], str] = secrets.choice) -> str:
    """Return a fresh enrolment code: 8 of 31 characters, about 40 bits, valid for minutes."""
    return "".join(choose(ALPHABET) for _ in range(CODE_LENGTH))


def code_digest(code: str) -> bytes:
    """Return what the server keeps of a code; blanks, dashes and case do not matter."""
    plain = "".join(c for c in code.upper() if c.isalnum())
    return hashlib.sha256(plain.encode()).digest()


def new_device_id(random_hex: Callable[[int], str] = secrets.token_hex) -> str:
    """Return a fresh device id, as topics allow it."""
    return f"t-{random_hex(8)}"


def secret_digest(secret: str) -> bytes:
    """Return what the server keeps of a device's secret: 256 random bits need no slow hash."""
    return hashlib.sha256(secret.encode()).digest()


def is_online(last_seen_at: datetime | None, now: datetime) -> bool:
    """Return whether a device was heard of lately."""
    return last_seen_at is not None and now - last_seen_at < OFFLINE_AFTER

"""Pure decisions about devices: codes that people can type, ids, presence."""

import hashlib
import secrets
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Literal

CODE_TTL = timedelta(minutes=15)
WAITING_TTL = timedelta(hours=24)
"""How long a terminal waits for somebody to compare its fingerprint."""
OFFLINE_AFTER = timedelta(minutes=3)
HEARD_EVERY = timedelta(minutes=1)
"""A request of a terminal is noted as a sign of life no more often than this."""

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


def enrolment_state(
    confirmed: bool | None,  # noqa: FBT001 - as it is stored
    expires_at: datetime,
    now: datetime,
) -> Literal["waiting", "confirmed", "refused", "expired"]:
    """Return how an enrolment stands; what was decided stays so."""
    if confirmed is not None:
        return "confirmed" if confirmed else "refused"
    return "waiting" if now < expires_at else "expired"


def is_online(last_seen_at: datetime | None, now: datetime, gone_at: datetime | None = None) -> bool:
    """Return whether a device was heard of lately, and not told to be gone since then."""
    if last_seen_at is None or now - last_seen_at >= OFFLINE_AFTER:
        return False
    return gone_at is None or gone_at < last_seen_at

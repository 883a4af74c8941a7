"""Client-made identifiers: UUID version 7 (RFC 9562, section 5.7).

Written out because the simulator must own both time and randomness, which the libraries take from
the machine.
"""

import secrets
import time
from collections.abc import Callable
from uuid import UUID


def uuid7(*, now_ms: Callable[[], int] | None = None, random_bits: Callable[[int], int] = secrets.randbits) -> UUID:
    """Return a new UUIDv7: 48 bits of milliseconds since 1970, 74 random bits.

    Parameters
    ----------
    now_ms
        Milliseconds since the epoch; the machine's clock where absent.
    random_bits
        Called with a count, returns that many random bits.
    """
    stamp = time.time_ns() // 1_000_000 if now_ms is None else now_ms()
    value = (stamp & ((1 << 48) - 1)) << 80
    value |= 0x7 << 76 | random_bits(12) << 64
    value |= 0b10 << 62 | random_bits(62)
    return UUID(int=value)

"""Client-made identifiers: UUID version 7 (RFC 9562, section 5.7).

Written out because the simulator must own both time and randomness, which the libraries take from
the machine.
"""

import secrets
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from uuid import UUID


@dataclass(frozen=True)
class Source:
    """Where ids come from: milliseconds since 1970, and a function that returns so many random bits."""

    now_ms: Callable[[], int]
    random_bits: Callable[[int], int]


MACHINE = Source(lambda: time.time_ns() // 1_000_000, secrets.randbits)
_source: ContextVar[Source] = ContextVar("source", default=MACHINE)


@contextmanager
def made_from(source: Source) -> Iterator[None]:
    """Make ids from ``source`` within, where the caller of :func:`uuid7` names none: a simulator owns its ids."""
    token = _source.set(source)
    try:
        yield
    finally:
        _source.reset(token)


def uuid7(*, now_ms: Callable[[], int] | None = None, random_bits: Callable[[int], int] | None = None) -> UUID:
    """Return a new UUIDv7: 48 bits of milliseconds since 1970, 74 random bits.

    Parameters
    ----------
    now_ms
        Milliseconds since the epoch; the machine's clock where absent.
    random_bits
        Called with a count, returns that many random bits; the machine's where absent.
    """
    source = _source.get()
    stamp = (now_ms or source.now_ms)()
    draw = random_bits or source.random_bits
    value = (stamp & ((1 << 48) - 1)) << 80
    value |= 0x7 << 76 | draw(12) << 64
    value |= 0b10 << 62 | draw(62)
    return UUID(int=value)

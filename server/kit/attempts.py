"""How often something may fail before it has to wait (passwords, codes), and how often it may be asked for at all.

The counts live in this process's memory: they are looked at before every attempt, must not cost a transaction
of their own, and may be forgotten. With N web processes a guesser gets N times as many attempts, and a restart
starts afresh; the limits are set so that this is still far too few for a password or a code. They run on the
machine's clock, not on the server's.
"""

import time

from limits import RateLimitItem, parse
from limits.storage import MemoryStorage
from limits.strategies import MovingWindowRateLimiter

from contract.errors import Unavailable

PER_ACCOUNT = parse("10 per 15 minutes")
PER_ADDRESS = parse("50 per 15 minutes")
ASKED_PER_ADDRESS = parse("300 per 15 minutes")
"""How often who is not signed in may ask for something that is written down, a challenge."""


class Attempts:
    """Counts of failed attempts, by limit and key."""

    def __init__(self) -> None:
        self._limiter = MovingWindowRateLimiter(MemoryStorage())

    def check(self, limit: RateLimitItem, *key: str) -> None:
        """Refuse while ``key`` has used up ``limit``.

        Raises
        ------
        Unavailable
            ``rate_limited``, with the seconds to wait.
        """
        if not self._limiter.test(limit, *key):
            until, _ = self._limiter.get_window_stats(limit, *key)
            raise Unavailable("rate_limited", seconds=max(1, round(until - time.time())))

    def take(self, limit: RateLimitItem, *key: str) -> None:
        """Count a request of ``key``; refuse it, as :meth:`check` does, where ``limit`` is used up."""
        if not self._limiter.hit(limit, *key):
            self.check(limit, *key)

    def failed(self, limit: RateLimitItem, *key: str) -> bool:
        """Count a failure; return whether ``key`` has now used up ``limit``."""
        self._limiter.hit(limit, *key)
        return not self._limiter.test(limit, *key)

    def forget(self, limit: RateLimitItem, *key: str) -> None:
        """Start afresh for ``key``, after a success."""
        self._limiter.clear(limit, *key)

"""What may be used once: the nonces of signed requests."""

import threading
import time


class Nonces:
    """The nonces of this process's last minutes: a signed request counts once.

    Two halves, each of ``kept_s``, which is as long as a signature can be good: a nonce is forgotten when none that it
    stands in would be taken. With several web processes each knows its own; what changes something is kept from
    counting twice by its id as well.
    """

    def __init__(self, kept_s: float = 600) -> None:
        self._kept_s = kept_s
        self._lock = threading.Lock()
        self._before: set[tuple[str, str]] = set()
        self._now: set[tuple[str, str]] = set()
        self._since_s = time.monotonic()

    def take(self, key: str, nonce: str) -> bool:
        """Return whether a key uses a nonce for the first time."""
        one = (key, nonce)
        with self._lock:
            if time.monotonic() - self._since_s > self._kept_s:
                self._before, self._now, self._since_s = self._now, set(), time.monotonic()
            if one in self._now or one in self._before:
                return False
            self._now.add(one)
            return True

"""The machine's clocks and randomness."""

import secrets
import time

bits = secrets.randbits


class SystemClock:
    """The clocks of a Linux machine or, with less care for sleep, of any other."""

    def wall_ms(self) -> int:
        """Return milliseconds since 1970 by the wall clock."""
        return time.time_ns() // 1_000_000

    def monotonic_ms(self) -> int:
        """Return steady milliseconds that also count while the machine sleeps, where it can tell."""
        if hasattr(time, "CLOCK_BOOTTIME"):
            return time.clock_gettime_ns(time.CLOCK_BOOTTIME) // 1_000_000
        return time.monotonic_ns() // 1_000_000

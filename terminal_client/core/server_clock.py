"""What time is it at the server? Learned from its answers, carried on by the machine's steady clock."""

import threading
from datetime import UTC, datetime

from terminal_client.core.ports import Clock
from terminal_client.core.store import Store

#: By how much a cheap quartz may run fast or slow.
DRIFT_PPM = 100
#: What is less uncertain than this counts as certain: about what a tap and its way take.
SURE_MS = 2_000


class ServerClock:
    """The server's clock as far as this terminal knows it. Times are milliseconds since 1970.

    Once learned it does not follow jumps of the machine's wall clock, and is less and less certain, as the
    steady clock drifts. After a restart it starts from the wall clock and the offset that was kept. What that
    clock did meanwhile nobody can say: until the next exchange ``trusted`` is false, the countdown says so,
    and nothing is held back by it.
    """

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._lock = threading.Lock()
        progress = store.progress()
        wall_ms = clock.wall_ms()
        self._anchor = (wall_ms + (progress.offset_ms or 0), clock.monotonic_ms())
        self._best_trip_ms: int | None = None
        self._trip_ms: int | None = None

    def now_ms(self) -> int:
        """Return the server's time."""
        server_ms, monotonic_ms = self._anchor
        return server_ms + self._clock.monotonic_ms() - monotonic_ms

    def now(self) -> datetime:
        """Return the server's time, aware, in UTC."""
        return instant(self.now_ms())

    @property
    def trusted(self) -> bool:
        """Whether the server's time was learned since this terminal was switched on."""
        return self._trip_ms is not None

    def uncertain_by_ms(self) -> int | None:
        """Return by how much the server's time may differ from :meth:`now_ms`; none where it is anybody's guess."""
        if self._trip_ms is None:
            return None
        elapsed_ms = self._clock.monotonic_ms() - self._anchor[1]
        return self._trip_ms // 2 + elapsed_ms * DRIFT_PPM // 1_000_000

    def has_passed(self, moment_ms: int) -> bool:
        """Return whether it is certainly later than a moment at the server, but for :data:`SURE_MS`."""
        doubt_ms = self.uncertain_by_ms()
        if doubt_ms is None:
            return False
        return self.now_ms() - (doubt_ms if doubt_ms >= SURE_MS else 0) >= moment_ms

    @property
    def offset_ms(self) -> int:
        """How far the machine's wall clock lies behind the server's."""
        return self.now_ms() - self._clock.wall_ms()

    def learn(self, server_ms: int, round_trip_ms: int) -> None:
        """Take the time from an answer that took ``round_trip_ms`` there and back.

        An answer that took much longer than the best one says less, and is passed over unless the two
        disagree by more than its own uncertainty.
        """
        with self._lock:
            now_ms = server_ms + round_trip_ms // 2
            doubt_ms = self.uncertain_by_ms()
            better = self._best_trip_ms is None or round_trip_ms <= 2 * self._best_trip_ms + 50
            better = better or doubt_ms is None or round_trip_ms // 2 < doubt_ms
            if not better and abs(now_ms - self.now_ms()) <= round_trip_ms:
                return
            self._best_trip_ms = min(round_trip_ms, self._best_trip_ms or round_trip_ms)
            self._anchor = (now_ms, self._clock.monotonic_ms())
            self._trip_ms = round_trip_ms
        wall_ms = self._clock.wall_ms()
        with self._store.transaction():
            self._store.execute(
                "UPDATE progress SET offset_ms = ?, measured_at_wall_ms = ?", (now_ms - wall_ms, wall_ms)
            )


def milliseconds(at: datetime) -> int:
    """Return an aware instant as milliseconds since 1970."""
    return round(at.timestamp() * 1000)


def instant(at_ms: int) -> datetime:
    """Return milliseconds since 1970 as an aware instant in UTC."""
    return datetime.fromtimestamp(at_ms / 1000, tz=UTC)

"""The one scheduler of a play: it owns time, chance and the event log, and nothing else in a play has any of them.

Guarantees: events happen one at a time, in the order of their virtual time and, within a millisecond, of their being
asked for; each part of the play draws from a stream of its own, so that one that draws more changes no other's luck;
what is logged is the same to the byte wherever the same seed is played.
"""

import hashlib
import heapq
import itertools
import json
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import IO

Act = Callable[[], None]


@dataclass(order=True)
class Event:
    """Something that is going to happen, unless it is called off."""

    at_ms: int
    number: int
    act: Act | None = field(compare=False)

    def call_off(self) -> None:
        """Let it not happen."""
        self.act = None


class Kernel:
    """Virtual time from ``starts_at`` on. ``log`` gets one JSON object a line, where there is one."""

    def __init__(self, seed: int, starts_at: datetime, log: IO[str] | None = None) -> None:
        self.seed = seed
        self.starts_ms = round(starts_at.timestamp() * 1000)
        self.now_ms = self.starts_ms
        self.happened = 0
        self._log = log
        self._digest = hashlib.sha256()
        self._events: list[Event] = []
        self._numbers = itertools.count()

    def stream(self, name: str) -> random.Random:
        """Return the stream of chance called ``name``, from its beginning."""
        return random.Random(f"{self.seed}:{name}")  # noqa: S311 - a play, not a secret

    def at(self, at_ms: int, act: Act) -> Event:
        """Let ``act`` happen at a moment, now where that is over."""
        event = Event(max(at_ms, self.now_ms), next(self._numbers), act)
        heapq.heappush(self._events, event)
        return event

    def after(self, delay_ms: int, act: Act) -> Event:
        """Let ``act`` happen after so many milliseconds."""
        return self.at(self.now_ms + delay_ms, act)

    def run(self, until_ms: int) -> None:
        """Let everything happen up to a moment, and end there."""
        while self._events and self._events[0].at_ms <= until_ms:
            event = heapq.heappop(self._events)
            if event.act is not None:
                self.now_ms = event.at_ms
                self.happened += 1
                event.act()
        self.now_ms = until_ms

    def note(self, what: str, **facts: str | int | None) -> None:
        """Write down that something happened."""
        line = json.dumps({"ms": self.now_ms - self.starts_ms, "what": what} | facts, ensure_ascii=False)
        self._digest.update(line.encode())
        if self._log is not None:
            self._log.write(line + "\n")

    def now(self) -> datetime:
        """Return the virtual time, aware, in UTC."""
        return datetime.fromtimestamp(self.now_ms / 1000, tz=UTC)

    @property
    def sha256(self) -> str:
        """Fingerprint of all that was noted so far."""
        return self._digest.hexdigest()

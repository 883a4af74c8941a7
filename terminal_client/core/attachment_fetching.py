"""Fetches what goes with announcements, part by part, beside the exchange. Knows no network: that is a port.

One step is one request; what a cut interrupted goes on where it stood, also after the terminal was off.
"""

from dataclasses import dataclass, field

import apsw

from contract.errors import Rejected
from terminal_client.core import attachments
from terminal_client.core.ports import AttachmentWire, NotReachedError
from terminal_client.core.server_clock import ServerClock
from terminal_client.core.store import Store

AT_ONCE_MS = 0
PAUSE_MS = 5_000
PAUSE_MOST_MS = 300_000


@dataclass
class AttachmentFetcher:
    """Where the fetching stands. For one thread."""

    store: Store
    clock: ServerClock
    wire: AttachmentWire
    _failures: int = field(default=0)
    _revision: int = field(default=-1)

    def step(self) -> int | None:
        """Do what is next; return after how many milliseconds to go on, none where nothing is wanted."""
        if self._revision != self.store.feed_revision:
            self._revision = self.store.feed_revision
            attachments.let_go(self.store, self.clock)
        wanted = attachments.next_wanted(self.store, self.clock)
        if wanted is None:
            return None
        try:
            part = self.wire.part_of_attachment(wanted.sha256, wanted.have_bytes, attachments.PART_BYTES)
            attachments.add(self.store, wanted, part, at_ms=self.clock.now_ms())
        except (NotReachedError, apsw.FullError):
            self._failures += 1
            return min(PAUSE_MOST_MS, PAUSE_MS << min(self._failures - 1, 10))
        except Rejected:
            attachments.put_off(self.store, wanted, at_ms=self.clock.now_ms())
        self._failures = 0
        return AT_ONCE_MS

"""Sends photos, part by part, after the messages that name them. Knows no network: that is a :class:`PhotoWire`.

One step is one request, so that a photo never holds up the exchange for long; what a cut interrupted goes on where
the server says that it stands.
"""

from dataclasses import dataclass, field

from contract.errors import Rejected
from contract.photos import PART_BYTES, PhotoState
from terminal_client.core import photos
from terminal_client.core.ports import NotReachedError, PhotoWire
from terminal_client.core.server_clock import ServerClock
from terminal_client.core.store import Store

AT_ONCE_MS = 0
PAUSE_MS = 5_000
PAUSE_MOST_MS = 300_000
BEGUN_MOST = 3
"""So often a photo is sent from its beginning; what then does not arrive as it was sent never will."""


@dataclass
class PhotoSender:
    """Where the sending stands. For one thread; what is lost with it is asked of the server again."""

    store: Store
    clock: ServerClock
    wire: PhotoWire
    _name: str = ""
    _have_bytes: int | None = None
    _begun: int = 0
    _failures: int = field(default=0)

    def step(self) -> int | None:
        """Do what is next; return after how many milliseconds to go on, none where nothing waits."""
        photo = photos.to_send(self.store)
        if photo is None:
            return None
        if photo.sha256 != self._name:
            self._name, self._have_bytes, self._begun = photo.sha256, None, 0
        try:
            state = self._say(photo)
        except NotReachedError:
            self._failures += 1
            self._have_bytes = None
            return min(PAUSE_MOST_MS, PAUSE_MS << min(self._failures - 1, 10))
        except Rejected as refusal:
            self._settle(refusal.code)
            return AT_ONCE_MS
        self._failures = 0
        if state.complete:
            self._settle("received")
        elif state.refused is not None:
            self._settle(state.refused)
        elif self._begun > BEGUN_MOST:
            self._settle("photo_damaged")
        else:
            self._have_bytes = state.have_bytes
        return AT_ONCE_MS

    def _say(self, photo: photos.ToSend) -> PhotoState:
        if self._have_bytes is None:
            return self.wire.photo_state(photo.sha256)
        if self._have_bytes == 0:
            self._begun += 1
        part = photos.part_of(self.store, photo.sha256, self._have_bytes, PART_BYTES)
        return self.wire.add_to_photo(photo.sha256, self._have_bytes, part)

    def _settle(self, outcome: str) -> None:
        photos.settle(self.store, self._name, outcome, at_ms=self.clock.now_ms())
        self._name = ""

"""Who connected to our own Mosquitto from where, as its log says: the only place where a broker tells addresses."""

import os
import re
from dataclasses import dataclass
from pathlib import Path

LOG_MOST_BYTES = 32 * 1024 * 1024
"""From here on what was read is thrown away: the broker appends, and goes on at the beginning."""
_CONNECTED = re.compile(r"New client connected from (\S+):\d+ as (\S+) \(")
_TAKEN_OVER = re.compile(r"Client (\S+) already connected, closing old connection")


@dataclass(frozen=True)
class Connected:
    """A session began; ``took_over``: another one of the same identity was alive, and was ended by it."""

    name: str
    address: str
    took_over: bool


class BrokerLog:
    """Reads what was added since the last look; begins at what is there now."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._read_bytes = path.stat().st_size if path.exists() else 0
        self._taken_over: set[str] = set()

    def news(self) -> list[Connected]:
        """Return the sessions that began, in their order."""
        if not self._path.exists():
            return []
        if self._path.stat().st_size < self._read_bytes:  # another file began
            self._read_bytes = 0
        with self._path.open("rb") as source:
            source.seek(self._read_bytes)
            added = source.read()
        whole = added[: added.rfind(b"\n") + 1]
        self._read_bytes += len(whole)
        if self._read_bytes > LOG_MOST_BYTES:
            os.truncate(self._path, 0)
            self._read_bytes = 0
        return [one for line in whole.decode(errors="replace").splitlines() if (one := self._read(line)) is not None]

    def _read(self, line: str) -> Connected | None:
        if (ended := _TAKEN_OVER.search(line)) is not None:
            self._taken_over.add(ended[1])
        if (began := _CONNECTED.search(line)) is None:
            return None
        took_over = began[2] in self._taken_over
        self._taken_over.discard(began[2])
        return Connected(began[2], began[1], took_over)

"""A broker as far as a play sees one: QoS 1, sessions that outlive a connection, and all of it in memory.

What it promises is little. An acknowledgement says that the broker has a message, not that anybody will read it: where
the reader is away, or the broker is killed, the message is gone, and nobody is told. What a device has not acknowledged
comes again when it is back. Where the state was wiped, nothing comes again, and nobody is subscribed any more.
"""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from contract.envelope import FeedItem
from contract.topics import News
from firmware_sim.device.kernel import Kernel

if TYPE_CHECKING:
    from collections.abc import Callable


class BrokerAwayError(Exception):
    """Nobody answers at the broker's address."""


class Connected(Protocol):
    """A device's end of a connection."""

    def item(self, number: int, item: FeedItem) -> None:
        """Take an item; answered by :meth:`Broker.acknowledged`."""

    def news(self, group: str, news: News) -> None:
        """Take the newest news of a group that is followed."""

    def broken(self) -> None:
        """Learn that the connection is gone."""


@dataclass
class _Session:
    end: Connected | None = None
    in_flight: dict[int, FeedItem] = field(default_factory=dict)
    groups: set[str] = field(default_factory=set)


class Broker:
    """One broker. ``alive`` says whether it answers; ``reader`` is who reads what devices send, if anybody does."""

    def __init__(self, kernel: Kernel) -> None:
        self._kernel = kernel
        self.alive = True
        self.reader: Callable[[int, str, bytes], None] | None = None
        self.lost_upward = 0
        self._numbers = 0
        self._sessions: dict[str, _Session] = {}
        self._unread: dict[int, tuple[str, bytes]] = {}
        self._retained: dict[str, News] = {}
        self.back: Callable[[], None] = lambda: None

    def connect(self, device: str, end: Connected) -> None:
        """Take a device in: its session goes on where it stopped, an older connection under the name is closed.

        Raises
        ------
        BrokerAwayError
            See there.
        """
        if not self.alive:
            raise BrokerAwayError
        session = self._sessions.setdefault(device, _Session())
        older, session.end = session.end, end
        if older is not None and older is not end:
            older.broken()
        for number, item in list(session.in_flight.items()):
            end.item(number, item)

    def disconnect(self, device: str, end: Connected) -> None:
        """Forget a connection; the session stays."""
        session = self._sessions.get(device)
        if session is not None and session.end is end:
            session.end = None

    def connected(self, device: str, end: Connected) -> bool:
        """Return whether this is the device's live connection."""
        session = self._sessions.get(device)
        return self.alive and session is not None and session.end is end

    def follow(self, device: str, groups: tuple[str, ...]) -> None:
        """Subscribe a device to the news of these groups alone; it is told the newest of each at once."""
        session = self._sessions.setdefault(device, _Session())
        new = [group for group in groups if group not in session.groups]
        session.groups = set(groups)
        for group in new:
            if session.end is not None and group in self._retained:
                session.end.news(group, self._retained[group])

    def acknowledged(self, device: str, number: int) -> None:
        """Let go what a device has."""
        session = self._sessions.get(device)
        if session is not None:
            session.in_flight.pop(number, None)

    def take_up(self, topic: str, payload: bytes) -> None:
        """Take what a device sent. That it is taken says nothing: without a reader it is gone."""
        if self.reader is None:
            self.lost_upward += 1
            return
        self._numbers += 1
        self._unread[self._numbers] = (topic, payload)
        self.reader(self._numbers, topic, payload)

    def read(self, number: int) -> None:
        """Let go what the reader has."""
        self._unread.pop(number, None)

    def lose_reader(self) -> None:
        """Lose the reader's connection; its session was a clean one, and what it had not acknowledged is gone."""
        self.reader = None
        self.lost_upward += len(self._unread)
        self._unread.clear()

    def send_down(self, device: str, item: FeedItem) -> None:
        """Send an item to a device, or keep it in its session until it is back. Raises :class:`BrokerAwayError`."""
        if not self.alive:
            raise BrokerAwayError
        session = self._sessions.get(device)
        if session is None:
            return
        self._numbers += 1
        session.in_flight[self._numbers] = item
        if session.end is not None:
            session.end.item(self._numbers, item)

    def send_news(self, group: str, news: News) -> None:
        """Tell everybody who follows a group, and keep it for who comes later. Raises :class:`BrokerAwayError`."""
        if not self.alive:
            raise BrokerAwayError
        self._retained[group] = news
        for session in self._sessions.values():
            if session.end is not None and group in session.groups:
                session.end.news(group, news)

    def kill(self, away_ms: int) -> None:
        """Kill the broker and wipe its state; it is there again, empty, after so many milliseconds."""
        self.alive = False
        sessions, self._sessions, self._retained = self._sessions, {}, {}
        self.lose_reader()
        for session in sessions.values():
            if session.end is not None:
                session.end.broken()
        self._kernel.after(away_ms, self._again)

    def _again(self) -> None:
        self.alive = True
        self.back()

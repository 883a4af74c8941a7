"""What the core needs of the world: time, randomness, a network."""

from collections.abc import Callable
from typing import Protocol

from contract.envelope import Envelope
from terminal_client.core.signals import Event
from terminal_client.core.store import Identity

#: Called with a count, returns that many random bits.
Bits = Callable[[int], int]


class Clock(Protocol):
    """The machine's two clocks. Neither decides anything: the server's does."""

    def wall_ms(self) -> int:
        """Return milliseconds since 1970; may be wrong by days and may jump."""

    def monotonic_ms(self) -> int:
        """Return milliseconds that only grow while the machine runs, and also while it sleeps."""


class Transport(Protocol):
    """The network of one device. No call blocks or raises; what happens is told to ``deliver``.

    Guarantees wanted: each ``post``, ``pull`` and ``fetch_reference`` is answered by exactly one event,
    success or failure, unless the link is closed first; ``deliver`` may be called from any thread.
    """

    def open(self, identity: Identity, deliver: Callable[[Event], None]) -> None:
        """Start trying to reach the broker and the server as ``identity``."""

    def close(self) -> None:
        """Stop; no event is delivered afterwards."""

    def publish(self, kind: str, envelope: Envelope) -> None:
        """Hand a message to the broker; whether it arrives is not promised."""

    def post(self, kind: str, envelope: Envelope) -> None:
        """Send a message by HTTP; answered by ``Answered``, ``PostFailed`` or ``Stopped``."""

    def pull(self, after: int) -> None:
        """Ask for the feed after ``after``; answered by ``PageArrived``, ``PullFailed`` or ``Stopped``."""

    def fetch_reference(self, version: str | None) -> None:
        """Ask for the reference unless it is ``version``; answered by ``ReferenceArrived`` or ``ReferenceFailed``."""

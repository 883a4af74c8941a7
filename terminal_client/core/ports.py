"""What the core needs of the world: time, randomness, a network, paper, a scanner."""

from collections.abc import Callable
from typing import Literal, Protocol

from contract.envelope import Envelope
from contract.photos import PhotoState
from terminal_client.core.signals import Event
from terminal_client.core.slips import Slip, Width
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


class NotReachedError(Exception):
    """The server gave no answer that decides anything."""


class PhotoWire(Protocol):
    """How photos reach the server: one request a call, which may take its time.

    Each raises :class:`NotReachedError`, or ``Rejected`` where the server will not take the photo.
    """

    def photo_state(self, sha256: str) -> PhotoState:
        """Return how much of a photo the server has."""

    def add_to_photo(self, sha256: str, offset: int, part: bytes) -> PhotoState:
        """Add a part; return how much the server has then."""


#: Why nothing, or not all of it, came out of the printer.
PrinterFault = Literal[
    "no_printer",
    "not_installed",
    "no_font",
    "missing",
    "no_permission",
    "unreachable",
    "offline",
    "paper_out",
    "cover_open",
    "unplugged",
    "stuck",
    "stumbled",
]


class PrinterError(Exception):
    """A print failed: ``fault`` is why, for people; ``detail`` is for the log."""

    def __init__(self, fault: PrinterFault, detail: str = "") -> None:
        self.fault: PrinterFault = fault
        self.detail = detail
        super().__init__(f"{fault} {detail}".rstrip())


class Printer(Protocol):
    """Puts slips on paper, one at a time."""

    def print(self, slip: Slip, address: str, width_mm: Width) -> bool:
        """Print and return whether the printer confirmed it; it may take its time.

        Raises
        ------
        PrinterError
            Nothing, or not all of it, is on paper.
        """

    def stop(self) -> None:
        """End a print that is under way; it raises :class:`PrinterError` then."""


#: How a scanner at the machine is doing.
ScannerState = Literal["off", "ready", "shared", "missing", "no_permission"]


class Scanner(Protocol):
    """Reads a scanner that is plugged into this machine, past the browser."""

    @property
    def state(self) -> ScannerState:
        """How it is doing. ``shared``: read, but the keys also go elsewhere, because it could not be grabbed."""

    def start(self, deliver: Callable[[str], None]) -> None:
        """Begin to read; ``deliver`` gets each scan's text once, from any thread. Plugging in and out is followed."""

    def stop(self) -> None:
        """Stop and let the device go."""

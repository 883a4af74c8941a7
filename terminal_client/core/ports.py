"""What the core needs of the world: time, randomness, a network, paper, a scanner."""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Literal, Protocol

from contract.device_api import Certified, SayUnnamed, Unnamed
from contract.envelope import Envelope
from contract.messages import NetworkKind, Printing, Scanning
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


@dataclass(frozen=True)
class Vitals:
    """How the machine under the terminal is; what cannot be told is none."""

    disk_free_mb: int | None = None
    disk_total_mb: int | None = None
    temperature_c: float | None = None
    printer: Printing | None = None
    scanner: Scanning | None = None
    network: NetworkKind | None = None
    system: str | None = None


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

    def follow(self, groups: tuple[str, ...]) -> None:
        """Hear the news of these groups from the broker, each told as ``NewsArrived``, and of no others any more."""

    def fetch_reference(self, version: str | None) -> None:
        """Ask for the reference unless it is ``version``; answered by ``ReferenceArrived`` or ``ReferenceFailed``."""


@dataclass(frozen=True)
class NewKey:
    """A key pair that was made here: the fingerprint of its public half, and a signing request (PKCS #10, PEM)."""

    key: str
    csr: str


class Keys(Protocol):
    """The private keys of this terminal. They are named by their fingerprints and never leave it."""

    def make(self) -> NewKey:
        """Make a key pair and keep it."""

    def keep_only(self, keys: Collection[str]) -> None:
        """Forget all others."""


class CertificateWire(Protocol):
    """How this terminal's certificate is looked at and renewed: one request a call, signed by its key.

    Each raises :class:`NotReachedError`, or ``Rejected`` where the server says no.
    """

    def look_at_certificate(self) -> Certified:
        """Return the newest one, who is believed, and when the next is due."""

    def renew_certificate(self, csr: str) -> Certified:
        """Return the next one, for the key that the request is of."""


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


class UnnamedWire(Protocol):
    """How something is said without a name: no request shows which device sends it.

    Each raises :class:`NotReachedError`, or ``Rejected`` where the server says no.
    """

    def say(self, said: SayUnnamed) -> None:
        """Hand it over; handed over twice it is kept once."""

    def look(self, code: str) -> Unnamed:
        """Return how it stands under a code."""


class AttachmentWire(Protocol):
    """How what goes with announcements comes: one request a call, which may take its time."""

    def part_of_attachment(self, sha256: str, offset: int, count: int) -> bytes:
        """Return at most ``count`` bytes from ``offset`` on, at least one.

        Raises
        ------
        NotReachedError
            Nothing was decided.
        Rejected
            The server does not give it.
        """


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


class UpdateAnswer(Protocol):
    """What the server answers about a file of the repository of releases."""

    @property
    def status(self) -> int:
        """The status of HTTP."""

    @property
    def body(self) -> bytes:
        """What came."""


class UpdateWire(Protocol):
    """How the repository of releases is read: one request a call, which may take its time."""

    def part_of_file(self, path: str, offset: int, count: int) -> UpdateAnswer:
        """Ask for at most ``count`` bytes of a file from ``offset`` on; :class:`NotReachedError` where none answers."""

    def close(self) -> None:
        """Close the connection."""


class Slots(Protocol):
    """The flash that releases lie on: files named by paths below one folder.

    Nothing is certain before it is synced. What ``write`` handed over may be there wholly, in part or not at all until
    ``sync`` of that file; what ``rename`` and ``remove`` did, and that a new name is there, until ``sync_names``,
    earlier changes of names before later ones. A rename happens wholly or not at all. Each raises ``OSError`` where the
    flash does not do it; a full one with ``errno.ENOSPC``.
    """

    def read(self, path: str) -> bytes | None:
        """Return what a file holds, or none where it is not there or cannot be read."""

    def write(self, path: str, data: bytes) -> None:
        """Make a file of these bytes, in place of an earlier one, with the folders above it."""

    def sync(self, path: str) -> None:
        """Return once what was written to the file is on the flash."""

    def rename(self, path: str, to: str) -> None:
        """Give a file another name, which stands for it alone from then on."""

    def remove(self, path: str) -> None:
        """Remove a file; one that is not there is no error."""

    def sync_names(self) -> None:
        """Return once every change of names is on the flash."""

    def paths(self, below: str) -> list[str]:
        """Return the files below a folder, by their paths, in order."""

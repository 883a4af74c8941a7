"""What goes with announcements, kept on the terminal for days without a network, within a bound.

Pages are fetched in the order in which they matter: of what is urgent or to be confirmed, then the newest. What no
announcement that holds names any more, or what is beyond :data:`KEPT_MOST_BYTES`, goes: it can be fetched again.
"""

from dataclasses import dataclass
from hashlib import sha256

from contract.feed import AnnouncedPage, Announcement
from terminal_client.core import feed
from terminal_client.core.server_clock import ServerClock, milliseconds
from terminal_client.core.store import Store

KEPT_MOST_BYTES = 24 * 1024 * 1024
PART_BYTES = 32 * 1024
"""Fetched at once: a slow line gets one through before it gives up."""
DAMAGED_PAUSE_MS = 3_600_000


@dataclass(frozen=True)
class Wanted:
    """The page that is to be fetched next, from where on."""

    sha256: str
    size_bytes: int
    have_bytes: int


def pages(store: Store, clock: ServerClock) -> list[AnnouncedPage]:
    """Return the pages of what holds, those first that matter most, each once and within the bound."""
    now = clock.now()

    def place(told: Announcement) -> tuple[bool, int]:
        return not (told.sort == "urgent" or told.must_acknowledge), -milliseconds(told.published_at)

    holding = [
        told
        for told in feed.read(store, Announcement)
        if told.attachments and told.withdrawn_at is None and (told.expires_at is None or told.expires_at > now)
    ]
    found: dict[str, AnnouncedPage] = {}
    size = 0
    for told in sorted(holding, key=place):
        for page in (page for one in told.attachments for page in one.pages):
            if page.sha256 not in found and size + page.size_bytes <= KEPT_MOST_BYTES:
                found[page.sha256] = page
                size += page.size_bytes
    return list(found.values())


def next_wanted(store: Store, clock: ServerClock) -> Wanted | None:
    """Return what is to be fetched next; none where everything is here or has to wait."""
    wanted = pages(store, clock)
    if not wanted:
        return None
    here = {
        name: (size, complete, not_before)
        for name, size, complete, not_before in store.rows(
            "SELECT sha256, length(content), complete, not_before_ms FROM attachment"
        )
    }
    for page in wanted:
        have, complete, not_before_ms = here.get(page.sha256, (0, 0, 0))
        if not complete and not_before_ms <= clock.now_ms():
            return Wanted(page.sha256, page.size_bytes, have)
    return None


def add(store: Store, wanted: Wanted, part: bytes, *, at_ms: int) -> None:
    """Add a part to what is here of a page; where the whole is not what its name says, it begins again later."""
    with store.transaction():
        rows = store.rows("SELECT content FROM attachment WHERE sha256 = ?", (wanted.sha256,))
        content = (rows[0][0] if rows else b"")[: wanted.have_bytes] + part
        complete = len(content) >= wanted.size_bytes
        not_before_ms = 0
        if complete and sha256(content).hexdigest() != wanted.sha256:
            content, complete, not_before_ms = b"", False, at_ms + DAMAGED_PAUSE_MS
        _put(store, wanted, content, complete=complete, not_before_ms=not_before_ms)


def put_off(store: Store, wanted: Wanted, *, at_ms: int) -> None:
    """Leave alone for a while what the server does not give."""
    with store.transaction():
        _put(store, wanted, b"", complete=False, not_before_ms=at_ms + DAMAGED_PAUSE_MS)


def let_go(store: Store, clock: ServerClock) -> None:
    """Remove what no announcement that holds needs any more."""
    kept = {page.sha256 for page in pages(store, clock)}
    gone = [name for (name,) in store.rows("SELECT sha256 FROM attachment") if name not in kept]
    if gone:
        with store.transaction():
            for name in gone:
                store.execute("DELETE FROM attachment WHERE sha256 = ?", (name,))


def forget_all(store: Store) -> int:
    """Let every page go, to be fetched anew where it is still wanted; return how many there were."""
    with store.transaction():
        return store.execute("DELETE FROM attachment")


def here(store: Store) -> dict[str, int]:
    """Return how many bytes of each page are here; of a whole one, all of them."""
    return dict(store.rows("SELECT sha256, length(content) FROM attachment"))


def content(store: Store, name: str) -> bytes | None:
    """Return a page that is here whole, or none."""
    rows = store.rows("SELECT content FROM attachment WHERE sha256 = ? AND complete", (name,))
    return bytes(rows[0][0]) if rows else None


def _put(store: Store, wanted: Wanted, content: bytes, *, complete: bool, not_before_ms: int) -> None:
    store.execute(
        "INSERT INTO attachment VALUES (?, ?, ?, ?, ?) ON CONFLICT (sha256) DO UPDATE SET"
        " content = excluded.content, complete = excluded.complete, not_before_ms = excluded.not_before_ms",
        (wanted.sha256, wanted.size_bytes, content, int(complete), not_before_ms),
    )

"""Photos on the terminal: kept with what is being written, named by its message, sent after it.

A photo lies in the store beside the outbox from the moment it was taken. It goes out once the server has received a
message that names it, and is *received* only by the server's word that it has all of it. Nothing that a message
names is deleted; what was taken away before it was sent goes with the last draft that held it.
"""

from dataclasses import dataclass
from hashlib import sha256
from typing import Literal
from uuid import UUID

from contract.errors import Rejected
from contract.photos import MOST_BYTES, MOST_IN_DELIVERY, MOST_PHOTOS, MOST_SIDE_PX, Photo, measure
from terminal_client.core.store import Store

FEEDBACK = "feedback"
THROWN = "feedback:thrown"
"""What was thrown away with a complaint, until it is put back or the next one is thrown away."""
State = Literal["kept", "waiting", "received", "refused"]


@dataclass(frozen=True)
class Kept:
    """A photo and what has become of it; ``code`` is why the server does not take it."""

    sha256: str
    state: State
    code: str | None = None


@dataclass(frozen=True)
class ToSend:
    """A photo that the server waits for."""

    sha256: str
    media_type: str
    size_bytes: int


def at_line(delivery: UUID, sku: str) -> str:
    """Return the place of a delivery's line."""
    return f"{_delivery(delivery)}{sku}"


def at_appeal(run: int) -> str:
    """Return the place of an appeal against a run's score."""
    return f"appeal:{run}"


def at_survey(survey: UUID) -> str:
    """Return the place of a survey's one question for photos."""
    return f"survey:{survey}"


def keep(store: Store, place: str, content: bytes, *, at_ms: int) -> str:
    """Keep a photo with what is being written at ``place``; return its SHA-256. The same one again changes nothing.

    Raises
    ------
    Rejected
        ``photo_no_picture``, ``photo_too_large``, ``photo_too_many``: nothing is kept.
    """
    picture = measure(content)
    if picture is None or not picture.fits:
        raise Rejected("photo_no_picture", side=MOST_SIDE_PX)
    if len(content) > MOST_BYTES:
        raise Rejected("photo_too_large", size=len(content), limit=MOST_BYTES)
    name = sha256(content).hexdigest()
    with store.transaction():
        there = [photo.sha256 for photo in of_draft(store, place)]
        if name in there:
            return name
        if len(there) >= MOST_PHOTOS:
            raise Rejected("photo_too_many", most=MOST_PHOTOS)
        if place.startswith("delivery:") and _count_beside(store, place) >= MOST_IN_DELIVERY:
            raise Rejected("photo_too_many", most=MOST_IN_DELIVERY)
        store.execute(
            "INSERT OR IGNORE INTO photo (sha256, media_type, size_bytes, content, taken_at_ms) VALUES (?, ?, ?, ?, ?)",
            (name, picture.media_type, len(content), content, at_ms),
        )
        store.execute("INSERT INTO draft_photo VALUES (?, ?, ?)", (place, name, at_ms))
    return name


def take_away(store: Store, place: str, name: str) -> None:
    """Take a photo away from what is being written."""
    with store.transaction():
        store.execute("DELETE FROM draft_photo WHERE place = ? AND sha256 = ?", (place, name))
        _let_go(store)


def of_draft(store: Store, place: str) -> list[Kept]:
    """Return the photos of what is being written, in the order of their taking."""
    rows = store.rows("SELECT sha256 FROM draft_photo WHERE place = ? ORDER BY added_at_ms, sha256", (place,))
    return [Kept(name, "kept") for (name,) in rows]


def named(store: Store, place: str) -> tuple[Photo, ...] | None:
    """Return the photos of what is being written as a message names them; none where there are none."""
    rows = store.rows(
        "SELECT p.sha256, p.size_bytes FROM draft_photo d JOIN photo p USING (sha256) WHERE d.place = ?"
        " ORDER BY d.added_at_ms, p.sha256",
        (place,),
    )
    return tuple(Photo(sha256=name, size_bytes=size) for name, size in rows) or None


def hand_over(store: Store, place: str, message: UUID, part: str = "") -> None:
    """Give the photos at ``place`` to the message that names them, inside the caller's transaction."""
    for ordinal, photo in enumerate(of_draft(store, place)):
        store.execute("INSERT INTO message_photo VALUES (?, ?, ?, ?)", (str(message), part, ordinal, photo.sha256))
    drop(store, place)


def drop(store: Store, place: str) -> None:
    """Let go what was not handed over at ``place``, inside the caller's transaction."""
    store.execute("DELETE FROM draft_photo WHERE place = ?", (place,))
    _let_go(store)


def drop_of_delivery(store: Store, delivery: UUID) -> None:
    """Let go what lines hold that are confirmed without a difference, inside the caller's transaction."""
    start = _delivery(delivery)
    store.execute("DELETE FROM draft_photo WHERE substr(place, 1, ?) = ?", (len(start), start))
    _let_go(store)


def move(store: Store, place: str, to: str) -> None:
    """Move what is at a place to another one, whose own is let go, inside the caller's transaction."""
    drop(store, to)
    store.execute("UPDATE draft_photo SET place = ? WHERE place = ?", (to, place))


def of_message(store: Store, message: UUID, part: str = "") -> list[Kept]:
    """Return the photos that a message named, with what has become of each; of a refused one they are only *kept*."""
    rows = store.rows(
        "SELECT p.sha256, p.outcome, o.outcome FROM message_photo m JOIN photo p USING (sha256)"
        " JOIN outbox o ON o.id = m.message WHERE m.message = ? AND m.part = ? ORDER BY m.ordinal",
        (str(message), part),
    )
    return [Kept(name, "kept") if of == "rejected" else _kept(name, outcome) for name, outcome, of in rows]


def content(store: Store, name: str) -> tuple[bytes, str] | None:
    """Return a photo's bytes and their media type, or none."""
    rows = store.rows("SELECT content, media_type FROM photo WHERE sha256 = ?", (name,))
    return (rows[0][0], rows[0][1]) if rows else None


def part_of(store: Store, name: str, start: int, count: int) -> bytes:
    """Return at most ``count`` bytes of a photo from ``start`` on, without the rest of it."""
    rows = store.rows("SELECT substr(content, ?, ?) FROM photo WHERE sha256 = ?", (start + 1, count, name))
    return bytes(rows[0][0]) if rows else b""


def to_send(store: Store) -> ToSend | None:
    """Return the photo that the server waits for longest: named by a message that it has received."""
    rows = store.rows(
        "SELECT p.sha256, p.media_type, p.size_bytes FROM photo p JOIN message_photo m USING (sha256)"
        " JOIN outbox o ON o.id = m.message WHERE p.outcome IS NULL AND o.outcome = 'accepted' AND NOT o.doubted"
        " ORDER BY o.place, m.part, m.ordinal LIMIT 1"
    )
    return ToSend(*rows[0]) if rows else None


def count_waiting(store: Store) -> int:
    """Return how many photos that a message names the server has not taken and not refused."""
    sql = (
        "SELECT count(DISTINCT p.sha256) FROM photo p JOIN message_photo m USING (sha256)"
        " JOIN outbox o ON o.id = m.message WHERE p.outcome IS NULL AND o.outcome IS NOT 'rejected'"
    )
    count: int = store.rows(sql)[0][0]
    return count


def settle(store: Store, name: str, outcome: str, *, at_ms: int) -> None:
    """Write the server's word on a photo: ``received``, or the code with which it does not take it."""
    with store.transaction():
        store.execute("UPDATE photo SET outcome = ?, settled_at_ms = ? WHERE sha256 = ?", (outcome, at_ms, name))


def doubt(store: Store) -> None:
    """Ask again, inside the caller's transaction, for every photo: the server came back from a backup."""
    store.execute("UPDATE photo SET outcome = NULL, settled_at_ms = NULL WHERE outcome IS NOT NULL")


def _kept(name: str, outcome: str | None) -> Kept:
    if outcome is None:
        return Kept(name, "waiting")
    return Kept(name, "received") if outcome == "received" else Kept(name, "refused", outcome)


def _delivery(delivery: UUID) -> str:
    return f"delivery:{delivery}:"


def _count_beside(store: Store, place: str) -> int:
    start = place[: len(_delivery(UUID(int=0)))]
    sql = "SELECT count(*) FROM draft_photo WHERE substr(place, 1, ?) = ?"
    count: int = store.rows(sql, (len(start), start))[0][0]
    return count


def _let_go(store: Store) -> None:
    store.execute(
        "DELETE FROM photo WHERE NOT EXISTS (SELECT 1 FROM draft_photo d WHERE d.sha256 = photo.sha256)"
        " AND NOT EXISTS (SELECT 1 FROM message_photo m WHERE m.sha256 = photo.sha256)"
    )

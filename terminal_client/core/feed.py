"""The server's feed on this side: applied once, kept by key, read by family.

Applying is idempotent and bears any order: an item counts only where it is newer than what stands under
its key. Kinds that this version does not know are kept for a later one.
"""

import json
import logging
from collections.abc import Iterable, Sequence
from typing import TypeVar

from pydantic import ValidationError

from contract.envelope import FeedItem
from contract.feed import DOWN, BookEntry, Commands, Desired, Receipt, WindowState
from contract.messages import Message
from terminal_client.core import alarms, commands, outbox, shadow
from terminal_client.core.store import Store

log = logging.getLogger(__name__)
M = TypeVar("M", bound=Message)


def apply(store: Store, items: Sequence[FeedItem], *, cursor: int, server_ms: int, device: str | None = None) -> None:
    """Take ``items`` and move the cursor to ``cursor``, never back, in one transaction.

    A receipt for a message that ``device`` is said to have sent and never did raises an alarm.
    """
    with store.transaction():
        store.feed_revision += 1
        for item in items:
            _take(store, item, server_ms, device)
        store.execute("UPDATE progress SET cursor = max(cursor, ?), exchanged_at_ms = ?", (cursor, server_ms))


def start_over(store: Store, history: str | None) -> None:
    """Begin the feed of a restored server again. What is known stays until it was read whole."""
    with store.transaction():
        store.execute("UPDATE progress SET cursor = 0, rereading = 1, history = ?", (history,))
        store.feed_revision += 1
        store.execute("UPDATE feed SET seq = 0")


def let_unsaid_go(store: Store) -> None:
    """Let go what a restored server did not say again: it does not hold it any more."""
    with store.transaction():
        store.execute("UPDATE progress SET rereading = 0")
        store.feed_revision += 1
        store.execute("DELETE FROM feed WHERE seq = 0")


def know_history(store: Store, history: str) -> None:
    """Keep which history of the server's database the cursor belongs to."""
    with store.transaction():
        store.execute("UPDATE progress SET history = ?", (history,))


def _take(store: Store, item: FeedItem, server_ms: int, device: str | None) -> None:
    if item.kind == "receipt":
        receipt = parse(Receipt, item)
        if receipt is not None:
            outbox.settle(store, receipt, exchanged_at_ms=server_ms)
            if device is not None and receipt.device == device and not outbox.knows(store, receipt.message):
                alarms.sound(store, "identity_doubled", at_ms=server_ms)
        return
    newer = store.execute(
        "INSERT INTO feed VALUES (?, ?, ?, ?, ?)"
        " ON CONFLICT (key) DO UPDATE SET seq = excluded.seq, kind = excluded.kind, at = excluded.at,"
        " data = excluded.data WHERE excluded.seq > feed.seq",
        (
            item.key,
            item.seq,
            item.kind,
            item.at.isoformat(),
            json.dumps(item.data, ensure_ascii=False),
        ),
    )
    if newer and item.kind == "window":
        window = parse(WindowState, item)
        if window is not None:
            _note_announced(store, window, server_ms)
    if newer and item.kind == "book":
        entry = parse(BookEntry, item)
        if entry is not None and entry.weights_sha256 is not None:
            store.execute(
                "INSERT OR IGNORE INTO seen_weights VALUES (?, ?, ?)",
                (str(entry.cycle), entry.weights_sha256, server_ms),
            )
    if newer and item.kind in ("desired", "commands"):
        _be_steered(store, item, server_ms, device)


def _be_steered(store: Store, item: FeedItem, server_ms: int, device: str | None) -> None:
    """Take what is for this very terminal; what is for another one of the shop is passed over."""
    if item.kind == "desired":
        desired = parse(Desired, item)
        if desired is not None and desired.device == device:
            shadow.take(store, desired)
    else:
        told = parse(Commands, item)
        if told is not None and told.device == device:
            commands.take(store, told, at_ms=server_ms)


def _note_announced(store: Store, window: WindowState, server_ms: int) -> None:
    """Keep what a window says of the draw and of the rules: the first commitment, the last terms until it is over."""
    if window.commitment is not None:
        store.execute(
            "INSERT OR IGNORE INTO seen_commitment VALUES (?, ?, ?)",
            (str(window.cycle), window.commitment, server_ms),
        )
    if window.state in ("announced", "open") and window.policy_sha256 is not None:
        store.execute(
            "INSERT INTO seen_terms VALUES (?, ?, ?, ?) ON CONFLICT (cycle) DO UPDATE SET"
            " policy_sha256 = excluded.policy_sha256, score_version = excluded.score_version,"
            " seen_at_ms = excluded.seen_at_ms",
            (str(window.cycle), window.policy_sha256, window.score_version, server_ms),
        )


def parse(family: type[M], item: FeedItem) -> M | None:
    """Return the item's message, or none where this version cannot read it."""
    try:
        return family.model_validate(item.data)
    except ValidationError as error:
        log.warning("feed item %s (%s) cannot be read: %s", item.key, item.kind, error)
        return None


def read(store: Store, family: type[M]) -> list[M]:
    """Return every current item of a family, in the order of the feed."""
    return _parsed(family, store.rows("SELECT data FROM feed WHERE kind = ? ORDER BY seq", (_kind(family),)))


def naming(store: Store, family: type[M], field: str, values: Iterable[object]) -> list[M]:
    """Return the current items of a family whose ``field`` is one of ``values``, in the order of the feed."""
    rows = store.rows(
        "SELECT data FROM feed WHERE kind = :kind AND data ->> :field IN (SELECT value FROM json_each(:values))"
        " ORDER BY seq",
        {"kind": _kind(family), "field": field, "values": json.dumps([str(value) for value in values])},
    )
    return _parsed(family, rows)


def _kind(family: type[Message]) -> str:
    return next(name for name, model in DOWN.items() if model is family)


def _parsed(family: type[M], rows: Iterable[tuple[str]]) -> list[M]:
    """Return what of the rows this version can read."""
    found = []
    for (data,) in rows:
        try:
            found.append(family.model_validate_json(data))
        except ValidationError:
            log.warning("an item of kind %s cannot be read by this version", _kind(family))
    return found


def windows(store: Store) -> tuple[WindowState, ...]:
    """Return every window, in order of closing; read anew only after the feed has changed: every screen asks often."""
    revision, kept = store.feed_revision, store.kept_windows
    if kept is None or kept[0] != revision:
        kept = (revision, tuple(sorted(read(store, WindowState), key=lambda window: window.closes_at)))
        store.kept_windows = kept
    return kept[1]


def find(store: Store, family: type[M], key: str) -> M | None:
    """Return the current item under a key, or none that this version can read."""
    try:
        return next(
            (family.model_validate_json(data) for (data,) in store.rows("SELECT data FROM feed WHERE key = ?", (key,))),
            None,
        )
    except ValidationError:
        log.warning("the item %s cannot be read by this version", key)
        return None


def newest(store: Store, family: type[M], count: int) -> list[M]:
    """Return the ``count`` items of a family that came last, newest first: without reading a year of them."""
    sql = "SELECT data FROM feed WHERE kind = ? ORDER BY seq DESC LIMIT ?"
    return _parsed(family, store.rows(sql, (_kind(family), count)))


def seen_commitment(store: Store, cycle: str) -> tuple[str, int] | None:
    """Return the commitment first seen for a cycle and when that was, in server time."""
    found = store.rows("SELECT commitment, seen_at_ms FROM seen_commitment WHERE cycle = ?", (cycle,))
    return found[0] if found else None


def seen_terms(store: Store, cycle: str) -> tuple[str, str | None, int] | None:
    """Return policy and scores as they were last announced while a cycle's windows were not over, and when that was."""
    found = store.rows("SELECT policy_sha256, score_version, seen_at_ms FROM seen_terms WHERE cycle = ?", (cycle,))
    return found[0] if found else None


def seen_weights(store: Store, cycle: str) -> str | None:
    """Return the hash of the weights as it first came with a cycle's frozen book."""
    found = store.rows("SELECT weights_sha256 FROM seen_weights WHERE cycle = ?", (cycle,))
    return found[0][0] if found else None

"""What went wrong between terminal and server and a person must hear of. It stands until somebody has said: seen."""

from dataclasses import dataclass
from typing import Literal

from terminal_client.core.store import Store

#: ``server_restored``: the server had forgotten ``count`` things, and they are sent again.
#: ``identity_doubled``: the server answered ``count`` messages of this terminal that it never sent.
#: ``identify``: the distributor asked which terminal this is.
Code = Literal["server_restored", "identity_doubled", "identify"]


@dataclass(frozen=True)
class Alarm:
    """One alarm, with the server's time at which it was last raised."""

    code: Code
    raised_at_ms: int
    count: int


def sound(store: Store, code: Code, *, at_ms: int, count: int = 1) -> None:
    """Raise an alarm inside the caller's transaction; one that still stands counts further."""
    store.execute(
        "INSERT INTO alarm VALUES (?, ?, ?, NULL) ON CONFLICT (code) DO UPDATE SET"
        " raised_at_ms = excluded.raised_at_ms, seen_at_ms = NULL,"
        " count = excluded.count + CASE WHEN seen_at_ms IS NULL THEN count ELSE 0 END",
        (code, at_ms, count),
    )


def standing(store: Store) -> list[Alarm]:
    """Return the alarms that nobody has seen yet, newest first."""
    sql = "SELECT code, raised_at_ms, count FROM alarm WHERE seen_at_ms IS NULL ORDER BY raised_at_ms DESC, code"
    return [Alarm(*row) for row in store.rows(sql)]


def see(store: Store, code: str, *, at_ms: int) -> None:
    """Take an alarm off the screen; its row stays."""
    with store.transaction():
        store.execute("UPDATE alarm SET seen_at_ms = ? WHERE code = ? AND seen_at_ms IS NULL", (at_ms, code))

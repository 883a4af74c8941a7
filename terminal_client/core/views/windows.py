"""Which window it is about, and how long it is still open, in server time."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from uuid import UUID

from contract.feed import Text, WindowState
from terminal_client.core import feed
from terminal_client.core.server_clock import ServerClock, milliseconds
from terminal_client.core.store import Store

Phase = Literal["before", "open", "closed"]


@dataclass(frozen=True)
class WindowView:
    """A window and its countdown: ``remaining_ms`` to the opening before it, to the close while it is open.

    A window that may be open still is open, with nothing remaining.
    """

    window: UUID
    cycle: UUID
    name: Text
    phase: Phase
    state: str
    opens_at: datetime
    closes_at: datetime
    zone: str
    remaining_ms: int
    unsupplied: frozenset[str]


def read_all(store: Store, clock: ServerClock) -> list[WindowView]:
    """Return every window that is known, in order of closing."""
    now_ms = clock.now_ms()
    return [
        _view(window, now_ms, closed=clock.has_passed(milliseconds(window.closes_at))) for window in feed.windows(store)
    ]


def current(store: Store, clock: ServerClock) -> WindowView | None:
    """Return the open window that closes first, else the next to open, else the last that was open."""
    return first(read_all(store, clock))


def first(views: Sequence[WindowView]) -> WindowView | None:
    """Return the current one of all windows in order of closing; see :func:`current`."""
    for phase, pick in (("open", 0), ("before", 0), ("closed", -1)):
        matching = [view for view in views if view.phase == phase]
        if matching:
            return matching[pick]
    return None


def find(store: Store, clock: ServerClock, window: UUID) -> WindowView | None:
    """Return one window, or none."""
    return next((view for view in read_all(store, clock) if view.window == window), None)


def _view(window: WindowState, now_ms: int, *, closed: bool) -> WindowView:
    opens_ms, closes_ms = milliseconds(window.opens_at), milliseconds(window.closes_at)
    phase: Phase = "open"
    if window.state not in ("announced", "open") or closed:
        phase = "closed"
    elif window.state == "announced" and now_ms < opens_ms:
        phase = "before"
    remaining_ms = {"before": opens_ms - now_ms, "open": max(closes_ms - now_ms, 0), "closed": 0}[phase]
    return WindowView(
        window=window.window,
        cycle=window.cycle,
        name=window.name,
        phase=phase,
        state=window.state,
        opens_at=window.opens_at,
        closes_at=window.closes_at,
        zone=window.zone,
        remaining_ms=remaining_ms,
        unsupplied=frozenset(window.unsupplied),
    )

"""Which window it is about, and how long it is still open, in server time."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from uuid import UUID

from contract.feed import Text, WindowState
from terminal_client.core import feed
from terminal_client.core.server_clock import ServerClock, milliseconds
from terminal_client.core.store import Store

Phase = Literal["before", "open", "closed"]
#: What it is about: the first one that is open, else the first to come, else the last.
CURRENT: tuple[tuple[Phase, int], ...] = (("open", 0), ("before", 0), ("closed", -1))


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
    return [_view(window, _phase(window, clock, now_ms), now_ms) for window in feed.windows(store)]


def current(store: Store, clock: ServerClock) -> WindowView | None:
    """Return the open window that closes first, else the next to open, else the last that was open."""
    now_ms = clock.now_ms()
    states = [(window, _phase(window, clock, now_ms)) for window in feed.windows(store)]
    for wanted, pick in CURRENT:
        matching = [window for window, phase in states if phase == wanted]
        if matching:
            return _view(matching[pick], wanted, now_ms)
    return None


def find(store: Store, clock: ServerClock, window: UUID) -> WindowView | None:
    """Return one window, or none."""
    return next((view for view in read_all(store, clock) if view.window == window), None)


def _phase(window: WindowState, clock: ServerClock, now_ms: int) -> Phase:
    """Return where a window stands; of all that are over, years of them, the clock is not asked."""
    if window.state not in ("announced", "open") or clock.has_passed(milliseconds(window.closes_at)):
        return "closed"
    return "before" if window.state == "announced" and now_ms < milliseconds(window.opens_at) else "open"


def _view(window: WindowState, phase: Phase, now_ms: int) -> WindowView:
    until_ms = {"before": milliseconds(window.opens_at), "open": milliseconds(window.closes_at), "closed": now_ms}
    return WindowView(
        window=window.window,
        cycle=window.cycle,
        name=window.name,
        phase=phase,
        state=window.state,
        opens_at=window.opens_at,
        closes_at=window.closes_at,
        zone=window.zone,
        remaining_ms=max(until_ms[phase] - now_ms, 0),
        unsupplied=frozenset(window.unsupplied),
    )

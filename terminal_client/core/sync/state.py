"""What is under way, and the small steps that all of the machine takes on it."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from uuid import UUID

from terminal_client.core.signals import Action, Pending

ANSWER_WAIT_MS = 5_000
IN_FLIGHT = 20
BACKOFF_MS = 1_000
BACKOFF_MOST_MS = 30_000
#: How long a gap may close by itself before it is pulled.
GAP_WAIT_MS = 400
#: How often the feed is asked for while the broker brings it anyway, and while it does not.
PULL_CONNECTED_MS = 600_000
PULL_ALONE_MS = 30_000
STATUS_MS = 80_000
#: After a lost connection all terminals of a network come back together: spread them.
SPREAD_MS = 1_500
#: Items remembered beyond a gap; what is above is pulled anyway.
AHEAD = 512
#: Codes with which nothing was decided.
UNDECIDED = frozenset({"unavailable", "rate_limited"})


@dataclass(frozen=True)
class State:
    """What is under way. ``blank``: nothing was ever heard of the server that it could have forgotten.

    ``news`` are the groups that are followed, each with the number that was heard last; ``again_at_ms`` is when to pull
    for what was heard while a pull was under way, which may have been answered before it.
    """

    cursor: int
    reference_version: str | None
    at_ms: int
    pending: Mapping[UUID, Pending] = field(default_factory=dict)
    ahead: frozenset[int] = frozenset()
    connected: bool = False
    stopped_by: str | None = None
    http_failures: int = 0
    http_not_before_ms: int = 0
    pulling: bool = False
    pulled_after: int = 0
    pull_at_ms: int = 0
    fetching: bool = False
    fetch_at_ms: int | None = None
    fetch_failures: int = 0
    status_at_ms: int = 0
    news: Mapping[str, int] = field(default_factory=dict)
    again_at_ms: int | None = None
    history: str | None = None
    rereading: bool = False
    blank: bool = True


@dataclass(frozen=True)
class Moment:
    """When a step happens, and its share of chance."""

    now_ms: int
    bits: Callable[[int], int]

    def up_to(self, most_ms: int) -> int:
        """Return a chance from 0 to ``most_ms``."""
        return most_ms * self.bits(16) // 0xFFFF

    def backoff(self, failures: int) -> int:
        """Return half to all of a wait that doubles with each failure, up to :data:`BACKOFF_MOST_MS`."""
        most_ms = min(BACKOFF_MOST_MS, BACKOFF_MS << min(failures, 16))
        return most_ms // 2 + self.up_to(most_ms // 2)


Outcome = tuple[State, Sequence[Action]]


def begin(
    pending: Iterable[Pending],
    *,
    cursor: int,
    reference_version: str | None,
    now_ms: int,
    history: str | None = None,
    rereading: bool = False,
    blank: bool = True,
) -> State:
    """Return the state of a terminal that was just switched on."""
    return State(
        cursor=cursor,
        reference_version=reference_version,
        at_ms=now_ms,
        pending={message.id: message for message in pending},
        pull_at_ms=now_ms,
        fetch_at_ms=now_ms if reference_version is None else None,
        status_at_ms=now_ms,
        history=history,
        rereading=rereading,
        blank=blank,
    )


def with_message(state: State, message: Pending) -> State:
    """Return the state with ``message`` waiting, in its old place where it waited before."""
    return replace(state, pending={**state.pending, message.id: message})


def try_later(state: State, message_id: UUID, at: Moment) -> State:
    """Return the state in which a message that came to nothing waits, longer after each time."""
    message = state.pending.get(message_id)
    if message is None:
        return state
    again_ms = at.now_ms + at.backoff(message.tries)
    again = replace(message, way=None, prefers="mqtt", tries=message.tries + 1, not_before_ms=again_ms)
    return with_message(state, again)


def without_message(state: State, message_id: UUID) -> State:
    """Return the state without a message that has its answer."""
    if message_id not in state.pending:
        return state
    return replace(state, pending={key: m for key, m in state.pending.items() if key != message_id})


def http_works(state: State) -> State:
    """Let nobody wait any longer for a failure that is over."""
    if not state.http_failures:
        return state
    pending = {m.id: replace(m, not_before_ms=0) for m in state.pending.values()}
    return replace(state, http_failures=0, http_not_before_ms=0, pending=pending)


def http_failed(state: State, at: Moment) -> State:
    """Let the next request wait, longer after each failure."""
    gate_ms = at.now_ms + at.backoff(state.http_failures)
    return replace(state, http_failures=state.http_failures + 1, http_not_before_ms=gate_ms)

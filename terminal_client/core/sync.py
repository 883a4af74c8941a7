"""When to say what to the server: a pure state machine, ``step(state, event) -> state, actions``.

It knows neither store nor network. The engine feeds it events and carries out its actions; what an action
writes is written before anything else goes out, and a write that fails leaves the old state standing.

- A message goes to the broker while it is connected, else by HTTP, under the same id. Unanswered for
  :data:`ANSWER_WAIT_MS` it takes the other way. The broker's acknowledgement is not even an event here:
  only a receipt, from the feed or as the answer to a post, ends a message.
- Messages about one subject (an order and its amendments) go one after the other; others side by side.
- The cursor moves over items that follow it without a gap, and over pages, which the server vouches for.
  An item beyond a gap is applied at once and the gap is pulled.
- Failures are retried for ever, ever more slowly, with jitter. A revoked identity stops everything.

All times are the steady clock's milliseconds.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any
from uuid import UUID

from pydantic import ValidationError

from contract.envelope import FeedItem
from contract.feed import Receipt, ReferenceChanged
from terminal_client.core.signals import (
    Action,
    Answered,
    Apply,
    AskFeed,
    Connected,
    Disconnected,
    Event,
    FetchReference,
    ForgetCursor,
    ItemArrived,
    KeepReference,
    LearnTime,
    MarkSent,
    PageArrived,
    Pending,
    Post,
    PostFailed,
    Publish,
    Pull,
    PullFailed,
    ReferenceArrived,
    ReferenceFailed,
    ReportStatus,
    Saved,
    Send,
    Settle,
    Stopped,
    Tick,
    Way,
)

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
    """What is under way. Only the cursor and the pending messages are also in the store."""

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
    pull_at_ms: int = 0
    fetching: bool = False
    fetch_at_ms: int | None = None
    fetch_failures: int = 0
    status_at_ms: int = 0


@dataclass(frozen=True)
class _Moment:
    """When a step happens, and its share of chance."""

    now_ms: int
    bits: Callable[[int], int]

    def up_to(self, most_ms: int) -> int:
        return most_ms * self.bits(16) // 0xFFFF

    def backoff(self, failures: int) -> int:
        """Return half to all of a wait that doubles with each failure, up to :data:`BACKOFF_MOST_MS`."""
        most_ms = min(BACKOFF_MOST_MS, BACKOFF_MS << min(failures, 16))
        return most_ms // 2 + self.up_to(most_ms // 2)


Outcome = tuple[State, Sequence[Action]]


def begin(pending: Iterable[Pending], *, cursor: int, reference_version: str | None, now_ms: int) -> State:
    """Return the state of a terminal that was just switched on."""
    return State(
        cursor=cursor,
        reference_version=reference_version,
        at_ms=now_ms,
        pending={message.id: message for message in pending},
        pull_at_ms=now_ms,
        fetch_at_ms=now_ms if reference_version is None else None,
        status_at_ms=now_ms,
    )


def step(state: State, event: Event, *, now_ms: int, bits: Callable[[int], int]) -> tuple[State, tuple[Action, ...]]:
    """Return what ``event`` makes of ``state``, and what is to be done, in order."""
    at = _Moment(now_ms, bits)
    state, actions = _take(state, event, at)
    if state.stopped_by is not None:
        return state, tuple(actions)
    state = _give_up_waiting(state, at)
    state, sends = _send(state, at)
    state, asks = _ask(state, at)
    return state, (*actions, *sends, *asks)


def not_written(state: State, event: Event, *, now_ms: int, bits: Callable[[int], int]) -> State:
    """Return the state after a step whose writes failed: what was learned is asked for again later."""
    at = _Moment(now_ms, bits)
    failed: Event = event
    match event:
        case ItemArrived():
            return replace(state, pull_at_ms=min(state.pull_at_ms, now_ms + BACKOFF_MS))
        case PageArrived():
            failed = PullFailed()
        case ReferenceArrived():
            failed = ReferenceFailed()
        case Answered(message, _):
            failed = PostFailed(message, reached=False)
        case _:
            pass
    return _take(state, failed, at)[0]


def due_ms(state: State) -> int | None:
    """Return the next moment at which a ``Tick`` may change something; none where only an event can.

    What was due at the last step and did not go waits for another thing to end, not for time.
    """
    if state.stopped_by is not None:
        return None
    moments = [state.status_at_ms] if state.connected else []
    if not state.pulling:
        moments.append(state.pull_at_ms)
    if state.fetch_at_ms is not None and not state.fetching:
        moments.append(state.fetch_at_ms)
    for message in _first_of_subjects(state):
        if message.way == "mqtt":
            moments.append(message.since_ms + ANSWER_WAIT_MS)
        elif message.way is None:
            gate_ms = 0 if state.connected else state.http_not_before_ms
            moments.append(max(message.not_before_ms, gate_ms))
    return min((moment for moment in moments if moment > state.at_ms), default=None)


# What each event makes of the state


def _take(state: State, event: Event, at: _Moment) -> Outcome:
    return _HANDLERS[type(event)](replace(state, at_ms=at.now_ms), event, at)


def _ticked(state: State, _event: Tick, _at: _Moment) -> Outcome:
    return state, ()


def _saved(state: State, event: Saved, _at: _Moment) -> Outcome:
    return _with(state, event.message), ()


def _connected(state: State, _event: Connected, at: _Moment) -> Outcome:
    soon_ms = at.now_ms + at.up_to(SPREAD_MS)
    pending = {
        m.id: replace(m, prefers="mqtt", not_before_ms=min(m.not_before_ms, soon_ms)) for m in state.pending.values()
    }
    pull_at_ms = min(state.pull_at_ms, soon_ms)
    return replace(state, connected=True, pending=pending, pull_at_ms=pull_at_ms, status_at_ms=at.now_ms), ()


def _disconnected(state: State, _event: Disconnected, at: _Moment) -> Outcome:
    back_ms = at.now_ms + at.up_to(SPREAD_MS)
    pending = {
        m.id: replace(m, way=None, not_before_ms=back_ms) if m.way == "mqtt" else m for m in state.pending.values()
    }
    pull_at_ms = min(state.pull_at_ms, at.now_ms + PULL_ALONE_MS)
    return replace(state, connected=False, pending=pending, pull_at_ms=pull_at_ms), ()


def _item_arrived(state: State, event: ItemArrived, at: _Moment) -> Outcome:
    seq = event.item.seq
    if seq > state.cursor:
        cursor, ahead = state.cursor, state.ahead | {seq}
        while cursor + 1 in ahead:
            cursor += 1
        ahead = frozenset(sorted(beyond for beyond in ahead if beyond > cursor)[:AHEAD])
        if ahead:
            state = replace(state, pull_at_ms=min(state.pull_at_ms, at.now_ms + GAP_WAIT_MS))
        state = replace(state, cursor=cursor, ahead=ahead)
    state = _read_items(state, (event.item,), at)
    return state, (Apply((event.item,), state.cursor),)


def _page_arrived(state: State, event: PageArrived, at: _Moment) -> Outcome:
    page = event.page
    state = replace(_http_works(state), pulling=False)
    learn = LearnTime(page.server_time, event.round_trip_ms)
    if page.head < state.cursor and not page.items:
        return replace(state, cursor=0, ahead=frozenset(), pull_at_ms=at.now_ms), (learn, ForgetCursor())
    # Not the head: it may have been read a moment after the items.
    cursor = max(state.cursor, page.items[-1].seq) if page.items else state.cursor
    ahead = frozenset(seq for seq in state.ahead if seq > cursor)
    every_ms = PULL_CONNECTED_MS if state.connected else PULL_ALONE_MS
    if page.more:
        pause_ms = 0
    elif ahead:
        pause_ms = GAP_WAIT_MS
    else:
        pause_ms = every_ms // 2 + at.up_to(every_ms)
    state = replace(state, cursor=cursor, ahead=ahead, pull_at_ms=at.now_ms + pause_ms)
    return _read_items(state, page.items, at), (learn, Apply(page.items, cursor))


def _pull_failed(state: State, _event: PullFailed, at: _Moment) -> Outcome:
    state = _http_failed(replace(state, pulling=False), at)
    state = replace(state, pull_at_ms=state.http_not_before_ms)
    return state, (AskFeed(state.cursor),) if state.connected else ()


def _answered(state: State, event: Answered, at: _Moment) -> Outcome:
    receipt = event.receipt
    if receipt is not None and receipt.code in UNDECIDED:
        return _post_failed(state, PostFailed(event.message, reached=True), at)
    state = _http_works(_without(state, event.message))
    return state, () if receipt is None else (Settle(receipt),)


def _post_failed(state: State, event: PostFailed, at: _Moment) -> Outcome:
    state = _http_failed(state, at)
    gate_ms = max(state.http_not_before_ms, at.now_ms + event.wait_ms)
    state = replace(state, http_not_before_ms=gate_ms)
    message = state.pending.get(event.message)
    if message is not None:
        again_ms = at.now_ms + at.backoff(message.tries)
        message = replace(message, way=None, prefers="mqtt", tries=message.tries + 1, not_before_ms=again_ms)
        state = _with(state, message)
    return state, (MarkSent((event.message,)),) if event.reached else ()


def _reference_arrived(state: State, event: ReferenceArrived, _at: _Moment) -> Outcome:
    state = replace(_http_works(state), fetching=False, fetch_at_ms=None, fetch_failures=0)
    if event.reference is None:
        return state, ()
    return replace(state, reference_version=event.reference.version), (KeepReference(event.reference),)


def _reference_failed(state: State, _event: ReferenceFailed, at: _Moment) -> Outcome:
    fetch_at_ms = at.now_ms + at.backoff(state.fetch_failures)
    failures = state.fetch_failures + 1
    return replace(state, fetching=False, fetch_at_ms=fetch_at_ms, fetch_failures=failures), ()


def _stopped(state: State, event: Stopped, _at: _Moment) -> Outcome:
    still = {m.id: replace(m, way=None) for m in state.pending.values()}
    state = replace(state, connected=False, pulling=False, fetching=False, pending=still)
    return replace(state, stopped_by=event.code), ()


_HANDLERS: dict[type, Callable[[State, Any, _Moment], Outcome]] = {
    Tick: _ticked,
    Saved: _saved,
    Connected: _connected,
    Disconnected: _disconnected,
    ItemArrived: _item_arrived,
    PageArrived: _page_arrived,
    PullFailed: _pull_failed,
    Answered: _answered,
    PostFailed: _post_failed,
    ReferenceArrived: _reference_arrived,
    ReferenceFailed: _reference_failed,
    Stopped: _stopped,
}


def _read_items(state: State, items: Iterable[FeedItem], at: _Moment) -> State:
    """Let the machine know what it must of the items: receipts, and a new reference."""
    for item in items:
        try:
            if item.kind == "receipt":
                state = _without(state, Receipt.model_validate(item.data).message)
            elif item.kind == "reference":
                version = ReferenceChanged.model_validate(item.data).version
                if version != state.reference_version:
                    state = replace(state, fetch_at_ms=at.now_ms)
        except ValidationError:
            continue
    return state


# What is sent, and which way


def _give_up_waiting(state: State, at: _Moment) -> State:
    """Turn what the broker took and nobody answered to the other way, now or a little later."""
    late = [m for m in state.pending.values() if m.way == "mqtt" and at.now_ms - m.since_ms >= ANSWER_WAIT_MS]
    if not late:
        return state
    gate_open = state.http_not_before_ms <= at.now_ms
    changed = {
        m.id: replace(
            m,
            way=None,
            prefers="http",
            tries=m.tries + 1,
            not_before_ms=at.now_ms if gate_open else at.now_ms + at.backoff(m.tries),
        )
        for m in late
    }
    return replace(state, pending={**state.pending, **changed})


def _first_of_subjects(state: State) -> list[Pending]:
    seen: set[str] = set()
    first = []
    for message in state.pending.values():
        if message.subject not in seen:
            seen.add(message.subject)
            first.append(message)
    return first


def _send(state: State, at: _Moment) -> Outcome:
    candidates = _first_of_subjects(state)
    flying = sum(message.way == "mqtt" for message in candidates)
    posting = any(message.way == "http" for message in candidates)
    sends: list[Send] = []
    started: dict[UUID, Pending] = {}
    for message in candidates:
        if message.way is not None or message.not_before_ms > at.now_ms:
            continue
        way = _way(state, message, at)
        if way == "mqtt" and flying < IN_FLIGHT:
            flying += 1
            sends.append(Publish(message.id))
        elif way == "http" and not posting:
            posting = True
            sends.append(Post(message.id))
        else:
            continue
        started[message.id] = replace(message, way=way, since_ms=at.now_ms)
    if not started:
        return state, ()
    published = tuple(send.message for send in sends if isinstance(send, Publish))
    marks = (MarkSent(published),) if published else ()
    return replace(state, pending={**state.pending, **started}), (*marks, *sends)


def _way(state: State, message: Pending, at: _Moment) -> Way | None:
    gate_open = state.http_not_before_ms <= at.now_ms
    if state.connected and (message.prefers == "mqtt" or not gate_open):
        return "mqtt"
    return "http" if gate_open else None


def _ask(state: State, at: _Moment) -> Outcome:
    asks: list[Send] = []
    if not state.pulling and state.pull_at_ms <= at.now_ms:
        state = replace(state, pulling=True)
        asks.append(Pull(state.cursor))
    if state.fetch_at_ms is not None and not state.fetching and state.fetch_at_ms <= at.now_ms:
        state = replace(state, fetching=True)
        asks.append(FetchReference(state.reference_version))
    if state.connected and state.status_at_ms <= at.now_ms:
        state = replace(state, status_at_ms=at.now_ms + STATUS_MS // 2 + at.up_to(STATUS_MS))
        asks.append(ReportStatus())
    return state, asks


def _with(state: State, message: Pending) -> State:
    return replace(state, pending={**state.pending, message.id: message})


def _without(state: State, message_id: UUID) -> State:
    if message_id not in state.pending:
        return state
    return replace(state, pending={key: m for key, m in state.pending.items() if key != message_id})


def _http_works(state: State) -> State:
    """Let nobody wait any longer for a failure that is over."""
    if not state.http_failures:
        return state
    pending = {m.id: replace(m, not_before_ms=0) for m in state.pending.values()}
    return replace(state, http_failures=0, http_not_before_ms=0, pending=pending)


def _http_failed(state: State, at: _Moment) -> State:
    gate_ms = at.now_ms + at.backoff(state.http_failures)
    return replace(state, http_failures=state.http_failures + 1, http_not_before_ms=gate_ms)

"""What each event makes of the state."""

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

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
    Follow,
    Forgotten,
    ItemArrived,
    KeepReference,
    KnowHistory,
    LearnTime,
    MarkSent,
    NewsArrived,
    PageArrived,
    PostFailed,
    PullFailed,
    ReadWhole,
    ReferenceArrived,
    ReferenceFailed,
    Saved,
    Settle,
    StartOver,
    Stopped,
    Tick,
)
from terminal_client.core.sync.state import (
    AHEAD,
    GAP_WAIT_MS,
    PULL_ALONE_MS,
    PULL_CONNECTED_MS,
    SPREAD_MS,
    UNDECIDED,
    Moment,
    Outcome,
    State,
    http_failed,
    http_works,
    try_later,
    with_message,
    without_message,
)


def take(state: State, event: Event, at: Moment) -> Outcome:
    """Return what ``event`` alone makes of ``state``, and what is to be written for it."""
    return _HANDLERS[type(event)](replace(state, at_ms=at.now_ms), event, at)


def _ticked(state: State, _event: Tick, _at: Moment) -> Outcome:
    return state, ()


def _saved(state: State, event: Saved, _at: Moment) -> Outcome:
    return with_message(state, event.message), ()


def _connected(state: State, _event: Connected, at: Moment) -> Outcome:
    soon_ms = at.now_ms + at.up_to(SPREAD_MS)
    pending = {
        m.id: replace(m, prefers="mqtt", not_before_ms=min(m.not_before_ms, soon_ms)) for m in state.pending.values()
    }
    pull_at_ms = min(state.pull_at_ms, soon_ms)
    return replace(state, connected=True, pending=pending, pull_at_ms=pull_at_ms, status_at_ms=at.now_ms), ()


def _disconnected(state: State, _event: Disconnected, at: Moment) -> Outcome:
    back_ms = at.now_ms + at.up_to(SPREAD_MS)
    pending = {
        m.id: replace(m, way=None, not_before_ms=back_ms) if m.way == "mqtt" else m for m in state.pending.values()
    }
    pull_at_ms = min(state.pull_at_ms, at.now_ms + PULL_ALONE_MS)
    return replace(state, connected=False, pending=pending, pull_at_ms=pull_at_ms), ()


def _item_arrived(state: State, event: ItemArrived, at: Moment) -> Outcome:
    seq = event.item.seq
    state = replace(state, blank=False)
    if seq > state.cursor:
        cursor, ahead = state.cursor, state.ahead | {seq}
        while cursor + 1 in ahead:
            cursor += 1
        ahead = frozenset(sorted(beyond for beyond in ahead if beyond > cursor)[:AHEAD])
        if ahead:
            # Not before HTTP may be tried again: a failure asks over the broker, whose answer shows the gap once more.
            gap_ms = max(at.now_ms + GAP_WAIT_MS, state.http_not_before_ms)
            state = replace(state, pull_at_ms=min(state.pull_at_ms, gap_ms))
        state = replace(state, cursor=cursor, ahead=ahead)
    else:
        # A repeat, or news of a server that counts anew: its next page says which.
        state = replace(state, pull_at_ms=min(state.pull_at_ms, at.now_ms + PULL_ALONE_MS))
    state = _read_items(state, (event.item,), at)
    return state, (Apply((event.item,), state.cursor),)


def _news_arrived(state: State, event: NewsArrived, at: Moment) -> Outcome:
    if event.news.number == state.news.get(event.group):
        return state, ()
    state = replace(state, news={**state.news, event.group: event.news.number})
    come_ms = at.now_ms + at.up_to(event.news.spread_ms)
    if state.pulling:
        return replace(state, again_at_ms=min(come_ms, state.again_at_ms or come_ms)), ()
    return replace(state, pull_at_ms=min(state.pull_at_ms, come_ms)), ()


def _page_arrived(state: State, event: PageArrived, at: Moment) -> Outcome:
    page = event.page
    follow = () if page.news.keys() == state.news.keys() else (Follow(tuple(page.news)),)
    again_ms = state.again_at_ms
    state = replace(http_works(state), pulling=False, news=dict(page.news), again_at_ms=None)
    if page.items and state.connected:
        state = replace(state, status_at_ms=at.now_ms)  # the distributor learns that it is here
    learn = LearnTime(page.server_time, event.round_trip_ms)
    if page.head < state.pulled_after or (page.history not in (state.history, None) and not state.blank):
        state = replace(state, cursor=0, ahead=frozenset(), pull_at_ms=at.now_ms, rereading=True)
        return replace(state, history=page.history), (learn, StartOver(page.history), *follow)
    state = replace(state, blank=False)
    writes: list[Action] = [learn]
    if page.history != state.history and page.history is not None:
        state = replace(state, history=page.history)
        writes.append(KnowHistory(page.history))
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
    pull_at_ms = at.now_ms + pause_ms if again_ms is None else min(again_ms, at.now_ms + pause_ms)
    state = replace(state, cursor=cursor, ahead=ahead, pull_at_ms=pull_at_ms)
    writes.append(Apply(page.items, cursor))
    if state.rereading and not page.more:
        state = replace(state, rereading=False)
        writes.append(ReadWhole())
    return _read_items(state, page.items, at), (*writes, *follow)


def _pull_failed(state: State, _event: PullFailed, at: Moment) -> Outcome:
    state = http_failed(replace(state, pulling=False), at)
    state = replace(state, pull_at_ms=state.http_not_before_ms)
    return state, (AskFeed(state.cursor),) if state.connected else ()


def _answered(state: State, event: Answered, at: Moment) -> Outcome:
    receipt = event.receipt
    if receipt is not None and receipt.code in UNDECIDED:
        return _post_failed(state, PostFailed(event.message, reached=True), at)
    state = replace(http_works(without_message(state, event.message)), blank=False)
    return state, () if receipt is None else (Settle(receipt),)


def _post_failed(state: State, event: PostFailed, at: Moment) -> Outcome:
    state = http_failed(state, at)
    gate_ms = max(state.http_not_before_ms, at.now_ms + event.wait_ms)
    state = try_later(replace(state, http_not_before_ms=gate_ms), event.message, at)
    return state, (MarkSent((event.message,)),) if event.reached else ()


def _reference_arrived(state: State, event: ReferenceArrived, _at: Moment) -> Outcome:
    state = replace(http_works(state), fetching=False, fetch_at_ms=None, fetch_failures=0)
    if event.reference is None:
        return state, ()
    return replace(state, reference_version=event.reference.version), (KeepReference(event.reference),)


def _reference_failed(state: State, _event: ReferenceFailed, at: Moment) -> Outcome:
    fetch_at_ms = at.now_ms + at.backoff(state.fetch_failures)
    failures = state.fetch_failures + 1
    return replace(state, fetching=False, fetch_at_ms=fetch_at_ms, fetch_failures=failures), ()


def _forgotten(state: State, event: Forgotten, _at: Moment) -> Outcome:
    return replace(state, pending={m.id: m for m in event.messages} | dict(state.pending)), ()


def _stopped(state: State, event: Stopped, _at: Moment) -> Outcome:
    still = {m.id: replace(m, way=None) for m in state.pending.values()}
    state = replace(state, connected=False, pulling=False, fetching=False, pending=still)
    return replace(state, stopped_by=event.code), ()


_HANDLERS: dict[type, Callable[[State, Any, Moment], Outcome]] = {
    Tick: _ticked,
    Saved: _saved,
    Connected: _connected,
    Disconnected: _disconnected,
    ItemArrived: _item_arrived,
    NewsArrived: _news_arrived,
    PageArrived: _page_arrived,
    PullFailed: _pull_failed,
    Answered: _answered,
    PostFailed: _post_failed,
    ReferenceArrived: _reference_arrived,
    ReferenceFailed: _reference_failed,
    Forgotten: _forgotten,
    Stopped: _stopped,
}


def _read_items(state: State, items: Iterable[FeedItem], at: Moment) -> State:
    """Let the machine know what it must of the items: receipts, and a new reference."""
    for item in items:
        try:
            if item.kind == "receipt":
                state = without_message(state, Receipt.model_validate(item.data).message)
            elif item.kind == "reference":
                version = ReferenceChanged.model_validate(item.data).version
                if version != state.reference_version:
                    state = replace(state, fetch_at_ms=at.now_ms)
        except ValidationError:
            continue
    return state

"""What is sent and asked for, when, and which way."""

from dataclasses import replace
from typing import TYPE_CHECKING

from terminal_client.core.signals import FetchReference, MarkSent, Pending, Post, Publish, Pull, ReportStatus, Send, Way
from terminal_client.core.sync.state import ANSWER_WAIT_MS, IN_FLIGHT, STATUS_MS, Moment, Outcome, State

if TYPE_CHECKING:
    from uuid import UUID


def give_up_waiting(state: State, at: Moment) -> State:
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


def first_of_subjects(state: State) -> list[Pending]:
    """Return the oldest waiting message of each subject, oldest first: the ones that may travel."""
    seen: set[str] = set()
    first = []
    for message in state.pending.values():
        if message.subject not in seen:
            seen.add(message.subject)
            first.append(message)
    return first


def send(state: State, at: Moment) -> Outcome:
    """Let go what may go now: some messages by the broker side by side, one at a time by HTTP.

    While a restored server's feed is read, what changes a forgotten order must not overtake it: everything waits, as
    long as the server answers.
    """
    if state.rereading and not state.http_failures:
        return state, ()
    # What failed before lets others pass, or one that cannot be decided would hold up all.
    candidates = sorted(first_of_subjects(state), key=lambda message: message.tries)
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


def _way(state: State, message: Pending, at: Moment) -> Way | None:
    gate_open = state.http_not_before_ms <= at.now_ms
    if state.connected and (message.prefers == "mqtt" or not gate_open):
        return "mqtt"
    return "http" if gate_open else None


def ask(state: State, at: Moment) -> Outcome:
    """Ask for feed and reference, and report, where it is time."""
    asks: list[Send] = []
    if not state.pulling and state.pull_at_ms <= at.now_ms:
        state = replace(state, pulling=True, pulled_after=state.cursor)
        asks.append(Pull(state.cursor))
    if state.fetch_at_ms is not None and not state.fetching and state.fetch_at_ms <= at.now_ms:
        state = replace(state, fetching=True)
        asks.append(FetchReference(state.reference_version))
    if state.connected and state.status_at_ms <= at.now_ms:
        state = replace(state, status_at_ms=at.now_ms + STATUS_MS // 2 + at.up_to(STATUS_MS))
        asks.append(ReportStatus())
    return state, asks

"""One step of the exchange, and when the next one is due."""

from collections.abc import Callable
from dataclasses import replace

from terminal_client.core.signals import (
    Action,
    Answered,
    Event,
    ItemArrived,
    PageArrived,
    PullFailed,
    ReferenceArrived,
    ReferenceFailed,
)
from terminal_client.core.sync.hearing import take
from terminal_client.core.sync.speaking import ask, first_of_subjects, give_up_waiting, send
from terminal_client.core.sync.state import ANSWER_WAIT_MS, BACKOFF_MS, Moment, State, try_later


def step(state: State, event: Event, *, now_ms: int, bits: Callable[[int], int]) -> tuple[State, tuple[Action, ...]]:
    """Return what ``event`` makes of ``state``, and what is to be done, in order."""
    at = Moment(now_ms, bits)
    state, actions = take(state, event, at)
    if state.stopped_by is not None:
        return state, tuple(actions)
    state = give_up_waiting(state, at)
    state, sends = send(state, at)
    state, asks = ask(state, at)
    return state, (*actions, *sends, *asks)


def not_written(state: State, event: Event, *, now_ms: int, bits: Callable[[int], int]) -> State:
    """Return the state after a step whose writes failed: what was learned is asked for again later."""
    at = Moment(now_ms, bits)
    failed: Event = event
    match event:
        case ItemArrived():
            return replace(state, pull_at_ms=min(state.pull_at_ms, now_ms + BACKOFF_MS))
        case PageArrived():
            failed = PullFailed()
        case ReferenceArrived():
            failed = ReferenceFailed()
        case Answered(message, _):
            return try_later(replace(state, at_ms=now_ms), message, at)
        case _:
            pass
    return take(state, failed, at)[0]


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
    for message in first_of_subjects(state):
        if message.way == "mqtt":
            moments.append(message.since_ms + ANSWER_WAIT_MS)
        elif message.way is None:
            gate_ms = 0 if state.connected else state.http_not_before_ms
            moments.append(max(message.not_before_ms, gate_ms))
    return min((moment for moment in moments if moment > state.at_ms), default=None)

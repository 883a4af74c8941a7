"""When a new release is fetched, lies waiting, and is switched to: a pure state machine.

Asked for a release, by the distributor or by a person at the terminal, it has the release brought into the free slot
(:mod:`terminal_client.core.staging`), waits until a change hurts nobody (:func:`hindrance`), switches the boot record
and asks for a restart. What follows is the boot chooser's (:mod:`terminal_client.core.booting`), whose verdict it
reports.

>>> state = begin(running="0.1.0", returned=None, on_trial=False)
>>> state, actions = step(state, Asked("0.2.0", by="distributor"), Situation(now_ms=0))
>>> actions
(Bring(version='0.2.0', again=False),)
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal

from contract.update_words import BringReason, ReturnReason, WaitReason
from contract.update_words import State as Phase
from terminal_client.core.booting import Returned

HOUR_MS = 3_600_000
#: No change in the last hour of an ordering window.
BEFORE_CLOSING_MS = HOUR_MS
#: The night, in minutes of the shop's day.
NIGHT = (2 * 60, 5 * 60)
#: After so long, a release that lies ready takes any quiet half hour: many terminals are switched off at night.
NIGHT_ONLY_MS = 24 * HOUR_MS
QUIET_MS = 30 * 60_000
#: At night, or where a person asked, so long nobody has touched the screen.
UNTOUCHED_MS = 5 * 60_000
#: What cannot be sent for so long does not hold an update up any more: it may be what mends it. It stays in the store.
UNSENT_MOST_MS = 48 * HOUR_MS
POSTPONE_MS = 24 * HOUR_MS
POSTPONE_MOST = 3
#: A failed fetch is tried again after this, doubled each time up to the most.
AGAIN_MS, AGAIN_MOST_MS = 60_000, 6 * HOUR_MS
#: With these the terminal tries again by itself.
PASSING: frozenset[BringReason] = frozenset({"offline", "slow", "expired", "stumbled"})

By = Literal["distributor", "shop"]


@dataclass(frozen=True)
class Situation:
    """How the terminal is at this moment. ``now_ms`` is the steady clock; ``minute_of_day`` is the shop's time.

    ``server_ms``: the server's time since 1970, which goes on while the terminal is switched off; none where it is not
    known. ``closes_in_ms``: until the next close of an open window. ``unsent_for_ms``: since the oldest item that has
    not reached the server was saved. ``untouched_ms``: since a person last touched the screen. ``chance``: 0 to 1.
    """

    now_ms: int
    minute_of_day: int | None = None
    server_ms: int | None = None
    closes_in_ms: int | None = None
    unsent_for_ms: int | None = None
    untouched_ms: int = 1 << 62
    chance: float = 0.0


@dataclass(frozen=True)
class Waited:
    """How long a release has lain ready, and how often the shop put it off, by the server's time since 1970."""

    version: str = ""
    ready_at_ms: int | None = None
    postponed: int = 0
    postponed_until_ms: int | None = None


@dataclass(frozen=True)
class State:
    """Where an update stands. ``asked``: the version, the newest where empty, none where nobody asks.

    ``again``: also one that was tried here and returned from. ``next``: what was asked for while a change was under
    way, and is begun once that has ended well. ``back``: what was last returned from, unless it was asked for since.
    """

    running: str
    phase: Phase = "idle"
    asked: str | None = None
    by: By = "distributor"
    again: bool = False
    version: str = ""
    reason: BringReason | WaitReason | ReturnReason | None = None
    done_bytes: int = 0
    size_bytes: int = 0
    failures: int = 0
    again_at_ms: int | None = None
    at_once: bool = False
    waited: Waited = Waited()
    next: "Asked | None" = None
    back: Returned | None = None


# Events: what happened.


@dataclass(frozen=True)
class Tick:
    """Time went by."""


@dataclass(frozen=True)
class Asked:
    """Somebody wants a release: this one, or the newest that suits where ``version`` is empty.

    ``again``: also one that was tried here and returned from. ``waited``: from before a restart.
    """

    version: str
    by: By
    again: bool = False
    waited: Waited = Waited()


@dataclass(frozen=True)
class Withdrawn:
    """The distributor does not want a release any more; what runs goes on, what lies ready is left lying."""

    version: str


@dataclass(frozen=True)
class Progress:
    """So much of a release has come."""

    version: str
    done_bytes: int
    size_bytes: int


@dataclass(frozen=True)
class Brought:
    """A release lies whole in the free slot."""

    version: str


@dataclass(frozen=True)
class NothingNew:
    """There is no release that is newer than what runs."""


@dataclass(frozen=True)
class NotBrought:
    """Nothing came, and why."""

    reason: BringReason


@dataclass(frozen=True)
class AtOnce:
    """A person at the terminal does not want to wait for the night."""


@dataclass(frozen=True)
class Postponed:
    """A person at the terminal wants it later."""


@dataclass(frozen=True)
class NotSwitched:
    """The boot record could not be written."""


@dataclass(frozen=True)
class Confirmed:
    """The boot chooser found the release that runs to be well."""


Event = (
    Tick
    | Asked
    | Withdrawn
    | Progress
    | Brought
    | NothingNew
    | NotBrought
    | AtOnce
    | Postponed
    | NotSwitched
    | Confirmed
)


# Actions: what is to be done, in order.


@dataclass(frozen=True)
class Bring:
    """Fetch a release into the free slot; answered by ``Brought``, ``NothingNew`` or ``NotBrought``."""

    version: str
    again: bool


@dataclass(frozen=True)
class Stop:
    """Stop fetching."""


@dataclass(frozen=True)
class Switch:
    """Let the next start try this release; answered by ``NotSwitched`` where that fails."""

    version: str


@dataclass(frozen=True)
class Restart:
    """End, so that the chooser starts what the record says."""


Action = Bring | Stop | Switch | Restart
Outcome = tuple[State, tuple[Action, ...]]


def begin(*, running: str, returned: Returned | None, on_trial: bool) -> State:
    """Return the state of a terminal that was just started, by what the chooser's record says."""
    if on_trial:
        return State(running=running, phase="trial", version=running)
    if returned is not None:
        return State(running=running, phase="returned", version=returned.version, reason=returned.reason, back=returned)
    return State(running=running)


def step(state: State, event: Event, at: Situation) -> Outcome:
    """Return what ``event`` makes of ``state``, and what is to be done."""
    return _HANDLERS[type(event)](state, event, at)


Fate = Literal["works", "failed", "tried", "wanted", "shops", "gone"]


def fate(state: State, version: str) -> Fate:
    """Return how it stands with a release that the distributor asked for.

    ``failed``: for good, or returned from. ``tried``: switched to or on trial, and not to be stopped any more.
    ``wanted``: asked for, and still to be withdrawn. ``shops``: the shop asked for the newest, which may be this one.
    ``gone``: nobody asks for it any more.
    """
    under_way = state.phase in ("bringing", "waiting") or (state.phase == "failed" and state.again_at_ms is not None)
    back = state.back is not None and state.back.version == version
    fates: tuple[tuple[Fate, bool], ...] = (
        ("works", state.running == version and state.phase != "trial"),
        ("tried", state.phase in ("switching", "trial") and state.version == version),
        ("wanted", state.next is not None and (state.next.version, state.next.by) == (version, "distributor")),
        ("wanted", under_way and (state.asked, state.by) == (version, "distributor")),
        ("shops", under_way and state.version in ("", version)),
        ("failed", back or (state.phase == "failed" and state.version == version)),
    )
    return next((fate for fate, holds in fates if holds), "gone")


def why_failed(state: State, version: str) -> str:
    """Return why a release that was asked for has failed; nothing where that is not known."""
    if state.version == version or state.back is None or state.back.version != version:
        return state.reason or ""
    return state.back.reason


def wish(state: State) -> Asked | None:
    """Return what is still to be asked for after a restart; what failed for good waits for people."""
    if state.next is not None:
        return state.next
    if state.asked is None or (state.phase == "failed" and state.again_at_ms is None):
        return None
    return Asked(state.asked, state.by, state.again, state.waited)


def hindrance(state: State, at: Situation) -> WaitReason | None:
    """Return why a switch would be untimely now; none where it may be.

    Never in the last hour of a window. Not while something is unsent, for two days. Not while the shop has postponed
    it, three days at most. Not while somebody works with the screen; at night, or after a day in any quiet half hour.
    A person who wants it at once is asked for nothing but the first two.
    """
    if at.closes_in_ms is not None and at.closes_in_ms <= BEFORE_CLOSING_MS:
        return "window_closing"
    if at.unsent_for_ms is not None and at.unsent_for_ms < UNSENT_MOST_MS:
        return "unsent"
    if state.at_once:
        return None
    until_ms = state.waited.postponed_until_ms
    if until_ms is not None and (at.server_ms is None or at.server_ms < until_ms):
        return "postponed"
    return _of_the_hour(state, at)


def _of_the_hour(state: State, at: Situation) -> WaitReason | None:
    if at.minute_of_day is not None and NIGHT[0] <= at.minute_of_day < NIGHT[1]:
        return "in_use" if at.untouched_ms < UNTOUCHED_MS else None
    ready_at_ms = state.waited.ready_at_ms
    if ready_at_ms is None or at.server_ms is None or at.server_ms - ready_at_ms < NIGHT_ONLY_MS:
        return "hours"
    return "in_use" if at.untouched_ms < QUIET_MS else None


def may_postpone(state: State) -> bool:
    """Return whether the shop may put it off once more."""
    return state.phase == "waiting" and state.waited.postponed < POSTPONE_MOST


def _ticked(state: State, _event: Tick, at: Situation) -> Outcome:
    if state.phase == "waiting":
        return _switch_or_wait(state, at)
    if state.asked is not None and state.again_at_ms is not None and at.now_ms >= state.again_at_ms:
        return _bring(state)
    return state, ()


def _asked(state: State, event: Asked, _at: Situation) -> Outcome:
    if state.phase in ("switching", "trial"):
        return replace(state, next=None if event.version == state.version else event), ()
    if event.version == state.running != "":
        return state, ()
    same = event.version == state.asked or (event.version == state.version and state.phase == "waiting")
    if same and state.phase in ("bringing", "waiting"):
        return state, ()
    stop = (Stop(),) if state.phase == "bringing" else ()
    waited = event.waited if event.waited.version else state.waited
    back = None if state.back is None or event.version in ("", state.back.version) else state.back
    wanted = State(state.running, asked=event.version, by=event.by, again=event.again, waited=waited, back=back)
    after, actions = _bring(wanted)
    return after, (*stop, *actions)


def _withdrawn(state: State, event: Withdrawn, _at: Situation) -> Outcome:
    if state.next is not None and state.next.version == event.version and state.next.by == "distributor":
        return replace(state, next=None), ()
    if state.phase not in ("bringing", "waiting", "failed"):
        return state, ()
    if state.asked != event.version or state.by != "distributor":
        return state, ()
    stop = (Stop(),) if state.phase == "bringing" else ()
    return State(running=state.running), stop


def _progressed(state: State, event: Progress, _at: Situation) -> Outcome:
    if state.phase != "bringing":
        return state, ()
    return replace(state, version=event.version, done_bytes=event.done_bytes, size_bytes=event.size_bytes), ()


def _brought(state: State, event: Brought, at: Situation) -> Outcome:
    if state.phase != "bringing":
        return state, ()
    waited = state.waited if state.waited.version == event.version else Waited(event.version)
    ready = replace(
        state, phase="waiting", version=event.version, reason=None, failures=0, again_at_ms=None, waited=waited
    )
    return _switch_or_wait(ready, at)


def _nothing_new(state: State, _event: NothingNew, _at: Situation) -> Outcome:
    return (State(running=state.running), ()) if state.phase == "bringing" else (state, ())


def _not_brought(state: State, event: NotBrought, at: Situation) -> Outcome:
    if state.phase != "bringing":
        return state, ()
    again_at_ms = None
    if event.reason in PASSING:
        most_ms = min(AGAIN_MOST_MS, AGAIN_MS << min(state.failures, 12))
        again_at_ms = at.now_ms + most_ms // 2 + int(most_ms // 2 * at.chance)
    failed = replace(state, phase="failed", reason=event.reason, failures=state.failures + 1, again_at_ms=again_at_ms)
    return failed, ()


def _at_once(state: State, _event: AtOnce, at: Situation) -> Outcome:
    if state.phase != "waiting":
        return state, ()
    return _switch_or_wait(replace(state, at_once=True, waited=replace(state.waited, postponed_until_ms=None)), at)


def _postponed(state: State, _event: Postponed, at: Situation) -> Outcome:
    if not may_postpone(state) or at.server_ms is None:
        return state, ()
    waited = replace(state.waited, postponed=state.waited.postponed + 1, postponed_until_ms=at.server_ms + POSTPONE_MS)
    return _switch_or_wait(replace(state, at_once=False, waited=waited), at)


def _not_switched(state: State, _event: NotSwitched, at: Situation) -> Outcome:
    if state.phase != "switching":
        return state, ()
    failed, _ = _not_brought(replace(state, phase="bringing", next=None), NotBrought("stumbled"), at)
    return _asked(failed, state.next, at) if state.next else (failed, ())


def _confirmed(state: State, _event: Confirmed, at: Situation) -> Outcome:
    if state.phase != "trial":
        return state, ()
    well = replace(state, phase="confirmed", next=None)
    return _asked(well, state.next, at) if state.next else (well, ())


def _bring(state: State) -> Outcome:
    asked = state.asked or ""
    after = replace(state, phase="bringing", version=asked, reason=None, done_bytes=0, size_bytes=0, again_at_ms=None)
    return after, (Bring(asked, state.again),)


def _switch_or_wait(state: State, at: Situation) -> Outcome:
    if state.waited.ready_at_ms is None:
        state = replace(state, waited=replace(state.waited, ready_at_ms=at.server_ms))
    hindered = hindrance(state, at)
    if hindered is not None:
        return replace(state, reason=hindered), ()
    return replace(state, phase="switching", reason=None), (Switch(state.version), Restart())


_HANDLERS: dict[type, Callable[..., Outcome]] = {
    Tick: _ticked,
    Asked: _asked,
    Withdrawn: _withdrawn,
    Progress: _progressed,
    Brought: _brought,
    NothingNew: _nothing_new,
    NotBrought: _not_brought,
    AtOnce: _at_once,
    Postponed: _postponed,
    NotSwitched: _not_switched,
    Confirmed: _confirmed,
}

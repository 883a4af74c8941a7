"""Appeals against the shop's score: what can be appealed against, what was sent, and what became of it."""

from dataclasses import dataclass
from typing import Literal

from contract.feed import Appeal, Score, ScoreDecision, Text
from terminal_client.core import feed, outbox
from terminal_client.core.outbox import Entry
from terminal_client.core.server_clock import ServerClock, milliseconds
from terminal_client.core.store import Store

WHOLE = ""
"""The component of an appeal that is about the whole score."""

State = Literal["saved", "sent", "received", "refused", "looked_at", "upheld", "dismissed"]
OPEN: frozenset[State] = frozenset({"saved", "sent", "received", "looked_at"})


@dataclass(frozen=True)
class Draft:
    """An appeal that is being written; ``component`` is empty for the whole score."""

    run: int
    component: str
    words: str


@dataclass(frozen=True)
class AppealView:
    """One appeal: as it was said here, as the server tells of it, or both."""

    run: int
    component: str
    name: Text | None
    words: str
    entry: Entry | None
    told: Appeal | None

    @property
    def state(self) -> State:
        """Where it stands: *saved* here, *sent*, *received* or *refused*, then what the server says."""
        if self.told is not None:
            return self.told.state
        return "saved" if self.entry is None else self.entry.state

    @property
    def number(self) -> int | None:
        """The number by which people name it, once it was received."""
        if self.told is not None:
            return self.told.number
        return None if self.entry is None else self.entry.number


@dataclass(frozen=True)
class Part:
    """What an appeal can be about; the whole score has no name. ``taken``: an appeal against it is open."""

    component: str
    name: Text | None
    taken: bool


@dataclass(frozen=True)
class Shown:
    """The score that counts with its decisions, its appeals, the newest first, and whether one is still taken."""

    score: Score
    decisions: tuple[ScoreDecision, ...]
    appeals: tuple[AppealView, ...]
    parts: tuple[Part, ...]
    draft: Draft | None
    open: bool


def subject(run: int, component: str) -> str:
    """Return what messages about an appeal are about."""
    return f"appeal:{run}:{component}"


def read(store: Store, clock: ServerClock) -> Shown | None:
    """Return the newest score with all that is to be said of appeals; none before a score came."""
    known = feed.read(store, Score)
    if not known:
        return None
    score = known[-1]
    names = {part.component: part.name for part in score.parts if part.component}
    appeals = _appeals(store, names)
    taken = {one.component for one in appeals if one.run == score.run and one.state in OPEN}
    closes_at = score.appeals_close_at
    return Shown(
        score=score,
        decisions=tuple(one for one in feed.read(store, ScoreDecision) if one.state != "over"),
        appeals=appeals,
        parts=tuple(Part(name, names.get(name), name in taken) for name in (WHOLE, *names)),
        draft=draft(store, score.run),
        open=closes_at is not None and clock.now_ms() < milliseconds(closes_at),
    )


def _appeals(store: Store, names: dict[str, Text]) -> tuple[AppealView, ...]:
    told = {one.appeal: one for one in feed.read(store, Appeal)}
    found = []
    for entry in outbox.of_kinds(store, "score.appeal"):
        component = entry.data.get("component") or WHOLE
        known = told.pop(entry.id, None)
        found.append(
            AppealView(entry.data["run"], component, names.get(component), entry.data.get("words", ""), entry, known)
        )
    for one in told.values():  # by telephone, or sent by a terminal before this one
        component = one.component or WHOLE
        found.append(AppealView(one.run, component, names.get(component), one.words, None, one))
    return tuple(sorted(found, key=_newest_first))


def _newest_first(view: AppealView) -> int:
    if view.told is not None:
        return -milliseconds(view.told.received_at)
    return 0 if view.entry is None else -view.entry.saved_at_ms


def draft(store: Store, run: int) -> Draft | None:
    """Return the appeal against a run's score that is being written, if there is one."""
    rows = store.rows("SELECT component, words FROM draft_appeal WHERE run = ?", (run,))
    return Draft(run, *rows[0]) if rows else None


def put_draft(store: Store, kept: Draft) -> None:
    """Keep an unfinished appeal, inside the caller's transaction."""
    store.execute("INSERT OR REPLACE INTO draft_appeal VALUES (?, ?, ?)", (kept.run, kept.component, kept.words))


def drop_draft(store: Store, run: int) -> None:
    """Forget an unfinished appeal, inside the caller's transaction."""
    store.execute("DELETE FROM draft_appeal WHERE run = ?", (run,))

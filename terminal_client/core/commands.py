"""What the distributor asks this terminal to do: kept when it comes, begun once, answered once.

Guarantees: that a command is begun is written before anything is done, so that no command is begun twice, whatever
happens in between; one whose time is over by the server's clock, or that was called back, is not begun. Each is
answered by one last word through the outbox, which commits with the row that says so. What a run of the program left
under way is answered by the next one: by what its kind knows of it, else as *interrupted*.
"""

import json
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal
from uuid import UUID

from contract.envelope import MAX_BYTES
from contract.feed import Commands
from contract.ids import uuid7
from contract.messages import ReportCommand
from contract.steering import CommandState
from terminal_client.core import outbox
from terminal_client.core.ports import Bits
from terminal_client.core.server_clock import ServerClock, milliseconds
from terminal_client.core.signals import Pending
from terminal_client.core.store import Store

log = logging.getLogger(__name__)
KIND = "command.state"
KEPT = 200
"""Commands that are remembered beyond their end: longer than any list that still names them."""
ROOM_BYTES = 2_048
"""Of an envelope, what stands beside the lines of a log."""

Ended = Literal["succeeded", "failed", "rejected", "interrupted", "expired", "cancelled"]
_COLUMNS = "id, kind, params, expires_at_ms, called_back, begun_at_ms, ended_at_ms, state, reason"


@dataclass(frozen=True)
class Asked:
    """One command. Times are milliseconds of the server's since 1970."""

    id: UUID
    kind: str
    params: dict[str, str]
    expires_at_ms: int
    called_back: bool
    begun_at_ms: int | None
    ended_at_ms: int | None
    state: Ended | None
    reason: str


@dataclass(frozen=True)
class Outcome:
    """How a command ended: ``reason`` for programs, ``detail`` for people, what a diagnosis brings."""

    state: Ended = "succeeded"
    reason: str = ""
    detail: str = ""
    facts: Mapping[str, str] = field(default_factory=dict)
    log: tuple[str, ...] = ()


def interrupted(_asked: Asked) -> Outcome:
    """Answer what a run of the program left under way, where nothing is known of it."""
    return Outcome("interrupted", "stopped_on_the_way")


@dataclass(frozen=True)
class Deed:
    """How a kind is done. ``do`` returns how it ended, or none where it goes on and is answered by :meth:`Runner.end`.

    ``after`` is asked in the next run of the program about one that was under way. That something which ``lasts``
    was begun is told.
    """

    do: Callable[[Asked], Outcome | None]
    after: Callable[[Asked], Outcome | None] = interrupted
    lasts: bool = False


def take(store: Store, told: Commands, *, at_ms: int) -> None:
    """Keep what a newer list asks for, inside the caller's transaction; what it does not name any more is over."""
    for one in told.commands:
        store.execute(
            "INSERT OR IGNORE INTO command (id, kind, params, expires_at_ms) VALUES (?, ?, ?, ?)",
            (str(one.command), one.kind, json.dumps(one.params, ensure_ascii=False), milliseconds(one.expires_at)),
        )
        if one.called_back:
            store.execute("UPDATE command SET called_back = 1 WHERE id = ?", (str(one.command),))
    named = json.dumps([str(one.command) for one in told.commands])
    store.execute(
        "UPDATE command SET state = 'expired', reason = 'too_late', ended_at_ms = ?"
        " WHERE ended_at_ms IS NULL AND begun_at_ms IS NULL AND id NOT IN (SELECT value FROM json_each(?))",
        (at_ms, named),
    )
    store.execute(
        "DELETE FROM command WHERE ended_at_ms IS NOT NULL AND id NOT IN (SELECT value FROM json_each(?))"
        " AND place <= (SELECT max(place) FROM command) - ?",
        (named, KEPT),
    )


def newest(store: Store, count: int) -> list[Asked]:
    """Return the commands that came last, newest first."""
    return _read(store, "ORDER BY place DESC LIMIT ?", (count,))


def called_back(store: Store, command: UUID) -> bool:
    """Return whether a command is not wanted any more: what takes long asks where it could still stop."""
    return bool(store.rows("SELECT 1 FROM command WHERE id = ? AND called_back", (str(command),)))


class Runner:
    """Does what was asked, one command at a time. ``step`` is for one thread; ``end`` may be called from any."""

    def __init__(
        self,
        store: Store,
        clock: ServerClock,
        bits: Bits,
        saved: Callable[[Pending], None],
        deeds: Mapping[str, Deed],
    ) -> None:
        self._store = store
        self._clock = clock
        self._bits = bits
        self._saved = saved
        self._deeds = deeds
        self._took_up = False

    def step(self) -> int | None:
        """Do what is next; return 0 where more waits, none where nothing does."""
        if not self._took_up:
            self._took_up = True
            for left in _read(self._store, "WHERE begun_at_ms IS NOT NULL AND ended_at_ms IS NULL ORDER BY place", ()):
                deed = self._deeds.get(left.kind)
                outcome = interrupted(left) if deed is None else _safely(deed.after, left)
                if outcome is not None:
                    self.end(left.id, outcome)
        waiting = _read(self._store, "WHERE begun_at_ms IS NULL AND ended_at_ms IS NULL ORDER BY place LIMIT 1", ())
        if not waiting:
            return None
        asked, deed = waiting[0], self._deeds.get(waiting[0].kind)
        if asked.called_back:
            self.end(asked.id, Outcome("cancelled", "called_back"))
        elif self._clock.now_ms() >= asked.expires_at_ms:
            self.end(asked.id, Outcome("expired", "too_late"))
        elif deed is None:
            self.end(asked.id, Outcome("rejected", "unknown_kind"))
        else:
            self._begin(asked, told=deed.lasts)
            outcome = _safely(deed.do, asked)
            if outcome is not None:
                self.end(asked.id, outcome)
        return 0

    def end(self, command: UUID, outcome: Outcome) -> None:
        """Write down and answer how a command ended; of several words the first counts."""
        with self._store.transaction():
            now_ms = self._clock.now_ms()
            changed = self._store.execute(
                "UPDATE command SET state = ?, reason = ?, ended_at_ms = ? WHERE id = ? AND ended_at_ms IS NULL",
                (outcome.state, outcome.reason, now_ms, str(command)),
            )
            pending = self._answer(command, outcome, outcome.state) if changed else None
        if pending is not None:
            self._saved(pending)

    def _begin(self, asked: Asked, *, told: bool) -> None:
        with self._store.transaction():
            now_ms = self._clock.now_ms()
            self._store.execute("UPDATE command SET begun_at_ms = ? WHERE id = ?", (now_ms, str(asked.id)))
            pending = self._answer(asked.id, Outcome(), "in_progress") if told else None
        if pending is not None:
            self._saved(pending)

    def _answer(self, command: UUID, outcome: Outcome, state: CommandState) -> Pending:
        now_ms = self._clock.now_ms()
        return outbox.add(
            self._store,
            id=uuid7(now_ms=lambda: now_ms, random_bits=self._bits),
            kind=KIND,
            subject=f"command:{command}",
            message=ReportCommand(
                command=command,
                state=state,
                reason=outcome.reason,
                detail=outcome.detail,
                facts=dict(outcome.facts),
                log=_newest_that_fit(outcome.log, MAX_BYTES - ROOM_BYTES - len(json.dumps(dict(outcome.facts)))),
            ),
            saved_at_ms=now_ms,
        )


def _safely(act: Callable[[Asked], Outcome | None], asked: Asked) -> Outcome | None:
    try:
        return act(asked)
    except Exception as error:
        log.exception("the command %s stumbled", asked.kind)
        return Outcome("failed", "stumbled", f"{type(error).__name__}: {error}"[:200].replace("\x00", ""))


def _newest_that_fit(lines: tuple[str, ...], room_bytes: int) -> tuple[str, ...]:
    kept: list[str] = []
    for line in reversed(lines):
        room_bytes -= len(json.dumps(line, ensure_ascii=False).encode()) + 1
        if room_bytes < 0:
            break
        kept.append(line)
    return tuple(reversed(kept))


def _read(store: Store, where: str, values: tuple[int, ...]) -> list[Asked]:
    rows = store.rows(f"SELECT {_COLUMNS} FROM command {where}", values)  # noqa: S608 - clauses of ours
    return [
        Asked(UUID(one), kind, json.loads(params), expires, bool(back), begun, ended, state, reason)
        for one, kind, params, expires, back, begun, ended, state, reason in rows
    ]

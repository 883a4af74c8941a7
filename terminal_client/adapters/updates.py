"""Updates on a real machine: the state machine of :mod:`terminal_client.core.updating`, driven once a second.

Releases are fetched by a child process (:mod:`terminal_client.bring`); the boot record is written here; the end of the
program is asked for, and the boot chooser (:mod:`terminal_client.boot`) starts what the record names. A terminal that
was not started by the chooser has no slots, and says so.
"""

import json
import logging
import os
import platform
import queue
import random
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import apsw

from contract.update_words import REASONS
from terminal_client.adapters.slots import FolderSlots
from terminal_client.boot import RELEASES, ROOT
from terminal_client.core import booting, outbox, shadow, updating
from terminal_client.core.offers import Machine
from terminal_client.core.ports import Clock
from terminal_client.core.store import MIGRATIONS
from terminal_client.core.updating import Asked, By, Situation, Waited
from terminal_client.core.views import windows

if TYPE_CHECKING:
    from terminal_client.app import Terminal

log = logging.getLogger(__name__)
#: A child that says nothing for so long is ended.
SILENT_MOST_S = 180.0
ASKED = "update_asked"
#: Beside the wish, which releases before this one read too: what else is known of it.
KEPT = "update_kept"


@dataclass(frozen=True)
class Place:
    """Where releases lie on this machine, and the root of trust that the image brought."""

    folder: Path
    root: Path


def place(environment: Mapping[str, str] = os.environ) -> Place | None:
    """Return where releases lie, as the chooser says; none where it did not start this program."""
    folder, root = environment.get(RELEASES, ""), environment.get(ROOT, "")
    return Place(Path(folder), Path(root)) if folder and root else None


class Updates:
    """The updates of one terminal. :meth:`step` is for one thread; the others may be called from any."""

    def __init__(
        self, terminal: "Terminal", at: Place | None, *, model: str, clock: Clock, restart: Callable[[], None]
    ) -> None:
        self._model = model
        self._clock = clock
        self._terminal = terminal
        self._place = at
        self._restart = restart
        self._slots = FolderSlots(at.folder) if at else None
        record = booting.read(self._slots) if self._slots else booting.Record()
        self.state = updating.begin(
            running=terminal.version, returned=record.returned, on_trial=record.on_trial and at is not None
        )
        self._events: queue.SimpleQueue[updating.Event] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._unheard: list[str] = []
        self._written = (terminal.store.setting(ASKED, ""), terminal.store.setting(KEPT, ""))
        self._wish_kept = True
        self._child: subprocess.Popen[str] | None = None
        self._heard_at_s = 0.0
        self._take_up(record)

    @property
    def possible(self) -> bool:
        """Whether this terminal can be updated by the server."""
        return self._place is not None

    def ask(self, version: str, *, by: By = "distributor", again: bool = False) -> None:
        """Want a release, the newest where ``version`` is empty; ``again`` also one that did not work here before.

        It is written down at once, and taken into the state by the next :meth:`step`.
        """
        with self._lock:
            self._put(Asked(version, by, again))
            self._write(Asked(version, by, again, self.state.waited), switched=False)

    def withdraw(self, version: str) -> None:
        """Want a release no more, on the distributor's word; see :meth:`fate` for what became of that."""
        self._events.put(updating.Withdrawn(version))

    def fate(self, version: str) -> tuple[updating.Fate, str] | None:
        """Return how it stands with a release that was asked for, and why it failed where it did.

        None while that wish was not taken into the state yet: so what failed or was returned from counts only where
        that happened after it was asked for.
        """
        with self._lock:
            if version in self._unheard:
                return None
            return updating.fate(self.state, version), updating.why_failed(self.state, version)

    def at_once(self) -> None:
        """Switch as soon as no order is at risk."""
        self._events.put(updating.AtOnce())

    def postpone(self) -> None:
        """Switch a day later, where that may still be asked for."""
        self._events.put(updating.Postponed())

    def reported(self) -> dict[str, str]:
        """Return what the distributor is told: state, version, and the reason where there is one."""
        state = self.state
        told = {"update": state.phase, "update_version": state.version}
        return told | ({"update_reason": state.reason} if state.reason else {})

    def step(self) -> None:
        """Take what happened, and do what follows."""
        if self._child is not None and time.monotonic() - self._heard_at_s > SILENT_MOST_S:
            self._end_child()
            self._events.put(updating.NotBrought("slow"))
        if self.state.phase == "trial" and self._slots is not None and booting.read(self._slots).confirmed:
            self._events.put(updating.Confirmed())
        while True:
            try:
                event = self._events.get_nowait()
            except queue.Empty:
                break
            self._handle(event)
        self._handle(updating.Tick())

    def close(self) -> None:
        """End a fetch that is under way; it goes on after the next start."""
        self._end_child()

    def _handle(self, event: updating.Event) -> None:
        at = self._situation()
        with self._lock:
            self.state, actions = updating.step(self.state, event, at)
            if isinstance(event, Asked):
                self._unheard.remove(event.version)
            if not self._unheard:  # else a newer wish is written down already
                self._write(updating.wish(self.state), switched=self.state.phase == "switching")
        for action in actions:
            match action:
                case updating.Bring(version, again):
                    self._bring(version, again=again)
                case updating.Stop():
                    self._end_child()
                case updating.Switch(version):
                    self._switch(version)
                case updating.Restart():
                    if self.state.phase == "switching":
                        self._restart()

    def _take_up(self, record: booting.Record) -> None:
        """Want what was wanted before the start, unless it runs now, is on trial or was returned from since."""
        wanted = self._terminal.store.setting(ASKED, "")
        if not wanted:
            return
        version, by = json.loads(wanted)
        kept: dict[str, Any] = json.loads(self._terminal.store.setting(KEPT, "") or "{}")
        if kept.get("wish") != [version, by]:
            kept = {}  # written by a release that kept less
        returned = record.returned is not None and version in ("", record.returned.version)
        tried = kept.get("switched", True) and (record.on_trial or returned)
        with self._lock:
            if tried or version == self._terminal.version:
                self._write(None, switched=False)
            else:
                told = kept.get("waited", {})
                waited = Waited(**{name: told[name] for name in Waited.__dataclass_fields__ if name in told})
                self._put(Asked(version, by, bool(kept.get("again")), waited))

    def _put(self, wish: Asked) -> None:
        self._unheard.append(wish.version)
        self._events.put(wish)

    def _write(self, wish: Asked | None, *, switched: bool) -> None:
        """Write down what is to be asked for after a restart, where that is new.

        ``switched``: its trial may have begun. Where the store takes nothing, the next step tries again, and nothing is
        switched to before.
        """
        written = ("", "")
        if wish is not None:
            asked = [wish.version, wish.by]
            kept = {"wish": asked, "again": wish.again, "switched": switched, "waited": asdict(wish.waited)}
            written = (json.dumps(asked), json.dumps(kept))
        if written == self._written:
            return
        try:
            with self._terminal.store.transaction():
                self._terminal.store.choose(ASKED, written[0])
                self._terminal.store.choose(KEPT, written[1])
        except apsw.Error as error:
            self._wish_kept = False
            log.warning("the wish for a release could not be written down: %s", error)
        else:
            self._written, self._wish_kept = written, True

    def _switch(self, version: str) -> None:
        slots = self._slots
        if slots is None:
            return
        if not self._wish_kept:
            self._handle(updating.NotSwitched())
            return
        record = booting.read(slots)
        try:
            slot = booting.free_slot(record)
            booting.keep(slots, booting.switched(slots, record, slot, version))
        except (OSError, ValueError) as error:
            log.error("the update cannot be switched to: %s", error)  # noqa: TRY400 - one line says all
            self._handle(updating.NotSwitched())

    def _bring(self, version: str, *, again: bool) -> None:
        identity, at = self._terminal.store.identity(), self._place
        if at is None or identity is None or not at.root.is_file():
            self._events.put(updating.NotBrought("no_slots"))
            return
        self._end_child()
        record = booting.read(FolderSlots(at.folder))
        told = {
            "server_url": self._terminal.server_url,
            "identity": {name: getattr(identity, name) for name in identity.__dataclass_fields__},
            "data_dir": str(self._terminal.data_dir),
            "folder": str(at.folder),
            "root": str(at.root),
            "wanted": version,
            "again": again,
            "machine": self._machine(record).__dict__,
            "now_ms": self._terminal.clock.now_ms(),
        }
        self._heard_at_s = time.monotonic()
        temporary = at.folder / "incoming"
        temporary.mkdir(parents=True, exist_ok=True)
        child = subprocess.Popen(
            [sys.executable, "-m", "terminal_client.bring"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "TMPDIR": str(temporary)},
        )
        self._child = child
        threading.Thread(
            target=self._listen, args=(child, json.dumps(told)), name="terminal-update", daemon=True
        ).start()

    def _machine(self, record: booting.Record) -> Machine:
        return Machine(
            running=self._terminal.version,
            model=self._model,
            platform=f"{platform.system().lower()}_{platform.machine().lower()}",
            python=".".join(platform.python_version_tuple()[:2]),
            store_version=len(MIGRATIONS),
            returned=record.returned.version if record.returned else "",
        )

    def _listen(self, child: subprocess.Popen[str], wish: str) -> None:
        """Hear a child until it ends; one that ends without a last word stumbled."""
        if child.stdin is None or child.stdout is None:
            return
        try:
            child.stdin.write(wish + "\n")
            child.stdin.close()
        except OSError:
            log.warning("the program that fetches releases ended before it was told which")
        last: updating.Event = updating.NotBrought("stumbled")
        for line in child.stdout:
            event = _event(line)
            if isinstance(event, updating.Progress) and self._child is child:
                self._heard_at_s = time.monotonic()
                self._events.put(event)
            elif event is not None:
                last = event
        child.stdout.close()
        child.wait()
        if self._child is child:
            self._child = None
            self._events.put(last)

    def _end_child(self) -> None:
        child, self._child = self._child, None
        if child is not None:
            child.kill()

    def _situation(self) -> Situation:
        terminal = self._terminal
        current = windows.current(terminal.store, terminal.clock)
        # the terminal's own state tells of the update: it is new whenever this changes, and nobody's order
        unsent = (entry.saved_at_ms for entry in outbox.queued(terminal.store) if entry.kind != shadow.KIND)
        oldest = min(unsent, default=None)
        zone = ZoneInfo(current.zone) if current else None
        local = terminal.clock.now().astimezone(zone) if terminal.clock.trusted else datetime.now(tz=zone)
        return Situation(
            now_ms=self._clock.monotonic_ms(),
            minute_of_day=local.hour * 60 + local.minute,
            server_ms=terminal.clock.now_ms() if terminal.clock.trusted else None,
            closes_in_ms=current.remaining_ms if current and current.phase == "open" else None,
            unsent_for_ms=None if oldest is None else max(0, terminal.clock.now_ms() - oldest),
            untouched_ms=terminal.door.untouched_ms(),
            chance=random.random(),  # noqa: S311 - spreads a fleet that tries again
        )


def _event(line: str) -> updating.Event | None:
    """Return what a line of the child says; none where it says nothing that is known."""
    try:
        told: Any = json.loads(line)
        if "progress" in told:
            version, done, size = told["progress"]
            return updating.Progress(str(version), int(done), int(size))
        if "brought" in told:
            return updating.Brought(str(told["brought"]))
        if "nothing_new" in told:
            return updating.NothingNew()
        if told["not_brought"] in REASONS:
            return updating.NotBrought(told["not_brought"])
    except (ValueError, TypeError, KeyError):
        log.warning("the program that fetches releases said %r", line[:200])
    return None

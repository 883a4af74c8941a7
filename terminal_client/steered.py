"""What a command of the distributor does on this terminal, and the report of its own state: the core's ports filled in.

The kinds stand in one table; what is added to it needs a :class:`~terminal_client.core.commands.Deed`.
"""

import logging
from typing import TYPE_CHECKING, Final

from contract.ids import uuid7
from contract.texts import translations
from terminal_client.adapters import system
from terminal_client.adapters.log_tail import LEVELS, LogTail
from terminal_client.core import alarms, attachments, outbox, photos, shadow
from terminal_client.core.commands import Asked, Deed, Outcome, Runner, called_back
from terminal_client.core.server_clock import instant
from terminal_client.core.slips import Heading, Pair, Slip, Words

if TYPE_CHECKING:
    from terminal_client.app import Terminal

PRINT_WAIT_S: Final = 90.0
VERSION_SHOWN: Final = 12


def N_(text: str) -> str:  # noqa: N802 - the mark that extraction knows
    """Mark ``text`` for extraction."""
    return text


class Steered:
    """One terminal under the distributor's hand. ``step`` is for one thread."""

    def __init__(self, terminal: "Terminal") -> None:
        self._terminal = terminal
        self._tail = LogTail()
        self._level: str | None = None
        self._updating: list[Asked] = []
        self.deeds: dict[str, Deed] = {
            "sync": Deed(self._sync),
            "restart": Deed(self._restart, after=lambda _asked: Outcome(), lasts=True),
            "diagnose": Deed(self._diagnose),
            "identify": Deed(self._identify),
            "clear_cache": Deed(self._clear_cache),
            "print_test": Deed(self._print_test),
            "update": Deed(self._update, after=self._updated, lasts=True),
        }
        self.runner = Runner(terminal.store, terminal.clock, terminal.bits, terminal.engine.saved, self.deeds)

    def start(self) -> None:
        """Begin to listen to the log."""
        logging.getLogger().addHandler(self._tail)

    def stop(self) -> None:
        """Listen no longer."""
        logging.getLogger().removeHandler(self._tail)

    def step(self) -> int | None:
        """Follow the log's level, tell the own state where it is new, do the next command."""
        level = shadow.state(self._terminal.store)["log_level"]
        if level != self._level:
            self._level = level
            logging.getLogger("terminal_client").setLevel(LEVELS[level])
        if self._terminal.store.identity() is None:
            return None
        self._report()
        for asked in tuple(self._updating):
            self._end_update(asked, self._become_of(asked))
        return self.runner.step()

    def _report(self) -> None:
        terminal = self._terminal
        if terminal.engine.link not in ("mqtt", "http"):
            return  # what the shop chooses offline is told once it is connected again
        now_ms = terminal.clock.now_ms()
        facts = {
            "version": terminal.version[:200],
            "catalogue_version": (terminal.store.reference_version() or "")[:VERSION_SHOWN],
        }
        facts |= terminal.updates.reported()
        number = uuid7(now_ms=lambda: now_ms, random_bits=terminal.bits)
        pending = shadow.report(terminal.store, facts, id=number, at_ms=now_ms)
        if pending is not None:
            terminal.engine.saved(pending)

    def _sync(self, _asked: Asked) -> Outcome:
        self._terminal.try_again()
        return Outcome()

    def _update(self, asked: Asked) -> Outcome | None:
        updates, release = self._terminal.updates, asked.params.get("release", "")
        if release == self._terminal.version and updates.state.phase != "trial":
            return Outcome()
        if not updates.possible:
            return Outcome("failed", "no_slots")
        updates.ask(release, again=True)
        self._updated(asked)
        return None

    def _updated(self, asked: Asked) -> None:
        """Follow an update that was begun, also by an earlier run of the program, in the place of one like it."""
        for before in tuple(self._updating):
            if before.params == asked.params:
                self._end_update(before, Outcome("cancelled", "superseded"))
        self._updating.append(asked)

    def _become_of(self, asked: Asked) -> Outcome | None:
        """Return how an update ended; none while that is open.

        What was called back, or is not done in its time, is left be: that is answered once it can no more be switched
        to. What is tried already ends as the trial does.
        """
        updates, release = self._terminal.updates, asked.params.get("release", "")
        told = updates.fate(release)
        if told is None or told[0] == "tried":
            return None
        fate, why = told
        if fate == "works":
            return Outcome()
        if fate == "failed":
            return Outcome("failed", why)
        left_be = None
        if called_back(self._terminal.store, asked.id):
            left_be = Outcome("cancelled", "called_back")
        elif self._terminal.clock.has_passed(asked.expires_at_ms):
            left_be = Outcome("expired", "too_late")
        if left_be is not None and fate == "wanted":
            updates.withdraw(release)
            return None
        return left_be or (Outcome("cancelled", "superseded") if fate == "gone" else None)

    def _end_update(self, asked: Asked, outcome: Outcome | None) -> None:
        if outcome is not None:
            self._updating.remove(asked)
            self.runner.end(asked.id, outcome)

    def _restart(self, _asked: Asked) -> None:
        self._terminal.ask_to_restart()

    def _identify(self, _asked: Asked) -> Outcome:
        with self._terminal.store.transaction():
            alarms.sound(self._terminal.store, "identify", at_ms=self._terminal.clock.now_ms())
        return Outcome()

    def _clear_cache(self, _asked: Asked) -> Outcome:
        gone = attachments.forget_all(self._terminal.store)
        return Outcome(detail=f"{gone} files")

    def _diagnose(self, _asked: Asked) -> Outcome:
        terminal = self._terminal
        disk = system.disk(terminal.data_dir)
        doubt_ms = terminal.clock.uncertain_by_ms()
        queued = outbox.queued(terminal.store)
        failed = terminal.counter.prints.failed()
        device = terminal.counter.device()
        facts = {
            "version": terminal.version,
            "connection": terminal.engine.link,
            "trouble": terminal.engine.trouble or "-",
            "waiting": str(len(queued)),
            "waits_since": _instant(min((one.saved_at_ms for one in queued), default=None)),
            "refused": str(len(outbox.refused(terminal.store))),
            "photos_waiting": str(photos.count_waiting(terminal.store)),
            "last_exchange": _instant(terminal.store.progress().exchanged_at_ms),
            "cursor": str(terminal.store.progress().cursor),
            "catalogue_version": (terminal.store.reference_version() or "-")[:VERSION_SHOWN],
            "clock_offset_ms": str(terminal.clock.offset_ms),
            "clock_doubt_ms": "-" if doubt_ms is None else str(doubt_ms),
            "store_bytes": str(disk.used_bytes),
            "disk_free_bytes": str(disk.free_bytes),
            "disk_kind": disk.kind or "-",
            "printer": f"{device.address} {device.width_mm} mm" if device else "-",
            "printer_fault": failed.fault if failed and failed.fault else "-",
            "scanner": terminal.counter.scanner_state,
        }
        return Outcome(facts={name: said[:200] for name, said in facts.items()}, log=self._tail.lines())

    def _print_test(self, _asked: Asked) -> Outcome:
        terminal = self._terminal
        if terminal.counter.device() is None:
            return Outcome("failed", "no_printer")
        language = "en" if terminal.store.setting("language", "zh") == "en" else "zh"
        gettext = translations("terminal_client", language).gettext
        identity = terminal.store.identity()
        slip = Slip(
            "asked-trial",
            (
                Heading(gettext(N_("Trial"))),
                Words(gettext(N_("The distributor asked for this print. It can be thrown away."))),
                Pair(gettext(N_("Terminal")), identity.device if identity else "-"),
            ),
        )
        made = terminal.counter.prints.submit(slip)
        terminal.counter.prints.wait_idle(timeout_s=PRINT_WAIT_S)
        ended = terminal.counter.prints.about(made.slip.subject)
        if ended is None or ended.under_way or ended.state == "failed":
            return Outcome("failed", "not_printed", (ended.fault or "") if ended else "")
        return Outcome(detail=ended.state)


def _instant(at_ms: int | None) -> str:
    return "-" if at_ms is None else instant(at_ms).isoformat(timespec="seconds")

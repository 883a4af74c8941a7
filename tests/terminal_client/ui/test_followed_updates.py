"""An update from the distributor's word to the last word of the terminal, over restarts, stops and second thoughts."""

from datetime import timedelta
from pathlib import Path
from uuid import UUID, uuid4

import pytest
from releases import in_slot, small_release
from till import Till

from contract.feed import Command, Commands
from contract.messages import ReportCommand
from terminal_client.adapters.slots import FolderSlots
from terminal_client.adapters.updates import ASKED, Place, Updates
from terminal_client.core import booting, commands, outbox, updating
from terminal_client.core.updating import Brought, NotBrought
from terminal_client.steered import Steered

HOURS = timedelta(hours=1)


class Fetched(Updates):
    """Updates whose child process is the test."""

    wanted: list[tuple[str, bool]]

    def _bring(self, version: str, *, again: bool) -> None:
        self.wanted = [*getattr(self, "wanted", []), (version, again)]

    def comes(self, event: updating.Event) -> None:
        self._events.put(event)


class Machine:
    """A terminal with its slots: what the chooser does is done by hand."""

    def __init__(self, till: Till, folder: Path) -> None:
        self.till, self.folder = till, folder
        self.slots = FolderSlots(folder)
        for path, data in (in_slot("a", small_release("2.0.0")) | in_slot("b", small_release("3.0.0"))).items():
            self.slots.write(path, data)
        self.told: dict[UUID, Command] = {}
        self.start(till.terminal.version)

    def start(self, version: str, record: booting.Record | None = None) -> None:
        """Begin a run of the program after the chooser has written a record."""
        if record is not None:
            booting.keep(self.slots, record)
        terminal = self.till.terminal
        terminal.version = version
        terminal.restart_wanted.clear()
        self.updates = Fetched(
            terminal,
            Place(self.folder, self.folder / "root.json"),
            model="reference terminal",
            clock=self.till.clock,
            restart=terminal.restart_wanted.set,
        )
        terminal.updates, terminal.steered = self.updates, Steered(terminal)

    def ask(self, release: str, *, lasts: timedelta = 48 * HOURS) -> UUID:
        now = self.till.server.now()
        params = {"release": release}
        one = Command(command=uuid4(), kind="update", issued_at=now, expires_at=now + lasts, params=params)
        self.told[one.command] = one
        self.tell()
        return one.command

    def call_back(self, command: UUID) -> None:
        self.told[command] = self.told[command].model_copy(update={"called_back": True})
        self.tell()

    def tell(self) -> None:
        identity = self.till.store.identity()
        assert identity is not None
        device = identity.device
        listed = Commands(device=device, commands=tuple(self.told.values()))
        self.till.server.tell(f"commands:{device}", "commands", listed)
        self.till.hear()

    def turn(self) -> None:
        """Let both threads turn, the one of commands first, and all that is said reach the server."""
        for _ in range(4):
            self.till.terminal.steered.step()
            self.updates.step()
            self.till.hear()

    def pass_by(self, time: timedelta) -> None:
        self.till.clock.forward(time)
        self.turn()

    def until_night(self) -> None:
        for _ in range(48):
            self.pass_by(HOURS / 2)
            if self.updates.state.phase != "waiting":
                return

    def words(self, command: UUID) -> list[tuple[str, str]]:
        said = [ReportCommand.model_validate(one.data) for one in outbox.of_kinds(self.till.store, commands.KIND)]
        return [(one.state, one.reason) for one in said if one.command == command]


@pytest.fixture
def machine(till: Till, tmp_path: Path) -> Machine:
    return Machine(till, tmp_path / "releases")


BEGUN = ("in_progress", "")


def test_what_is_not_done_in_its_time_is_left_be_and_said(machine: Machine) -> None:
    command = machine.ask("2.0.0", lasts=HOURS)
    machine.turn()
    machine.updates.comes(Brought("2.0.0"))
    machine.turn()
    assert (machine.updates.state.phase, machine.words(command)) == ("waiting", [BEGUN])
    machine.pass_by(HOURS)
    assert machine.words(command) == [BEGUN, ("expired", "too_late")]
    machine.until_night()
    assert (machine.updates.state.phase, machine.till.terminal.restart_wanted.is_set()) == ("idle", False)
    assert machine.till.store.setting(ASKED, "") == ""


def test_what_is_called_back_while_it_waits_is_answered_when_it_can_be_switched_to_no_more(machine: Machine) -> None:
    command = machine.ask("2.0.0")
    machine.turn()
    machine.updates.comes(Brought("2.0.0"))
    machine.turn()
    machine.call_back(command)
    machine.till.terminal.steered.step()
    assert machine.words(command) == [BEGUN], "the updater has not heard of it yet"
    machine.turn()
    assert machine.words(command) == [BEGUN, ("cancelled", "called_back")]
    machine.until_night()
    assert machine.updates.state.phase == "idle"


def test_a_call_back_of_what_is_tried_ends_as_the_trial_does(machine: Machine) -> None:
    command = machine.ask("2.0.0")
    machine.turn()
    machine.updates.comes(Brought("2.0.0"))
    machine.turn()
    machine.until_night()
    assert machine.updates.state.phase == "switching"
    machine.call_back(command)
    machine.turn()
    record = booting.read(machine.slots)
    machine.start("2.0.0")
    machine.turn()
    assert machine.words(command) == [BEGUN]
    machine.start("2.0.0", booting.confirmed(record))
    machine.turn()
    assert machine.words(command) == [BEGUN, ("succeeded", "")]


def test_a_release_that_did_not_work_is_tried_once_more_and_answered_by_that_try(machine: Machine) -> None:
    back = booting.Record(returned=booting.Returned("2.0.0", "ended", 3))
    machine.start("1.0.0", back)
    command = machine.ask("2.0.0")
    machine.till.terminal.steered.step()
    machine.till.terminal.steered.step()
    assert machine.words(command) == [BEGUN], "what ended before says nothing of this try"
    machine.start("1.0.0")
    machine.turn()
    assert (machine.updates.wanted, machine.words(command)) == ([("2.0.0", True)], [BEGUN])
    machine.updates.comes(NotBrought("no_room"))
    machine.turn()
    assert machine.words(command) == [BEGUN, ("failed", "no_room")]
    machine.start("1.0.0")
    machine.turn()
    assert machine.updates.state.phase == "returned", "what failed for good is not tried again by a restart"


def test_another_return_ends_the_second_try_and_is_not_followed_by_a_third(machine: Machine) -> None:
    machine.start("1.0.0", booting.Record(returned=booting.Returned("2.0.0", "ended", 3)))
    command = machine.ask("2.0.0")
    machine.turn()
    machine.updates.comes(Brought("2.0.0"))
    machine.turn()
    machine.until_night()
    assert booting.read(machine.slots).on_trial
    machine.start("1.0.0", booting.Record(returned=booting.Returned("2.0.0", "no_screens", 3)))
    machine.turn()
    assert machine.words(command) == [BEGUN, ("failed", "no_screens")]
    assert machine.updates.state.phase == "returned"


def test_what_is_asked_for_during_a_trial_is_done_after_it_also_over_a_restart(machine: Machine) -> None:
    first = machine.ask("2.0.0")
    machine.turn()
    machine.updates.comes(Brought("2.0.0"))
    machine.turn()
    machine.until_night()
    record = booting.read(machine.slots)
    machine.start("2.0.0")
    second = machine.ask("3.0.0")
    machine.turn()
    assert (machine.updates.state.phase, machine.words(first), machine.words(second)) == ("trial", [BEGUN], [BEGUN])
    machine.start("2.0.0")
    machine.turn()
    booting.keep(machine.slots, booting.confirmed(record))
    machine.turn()
    assert machine.words(first) == [BEGUN, ("succeeded", "")]
    assert (machine.updates.state.phase, machine.updates.wanted) == ("bringing", [("3.0.0", True)])
    machine.updates.comes(NotBrought("older"))
    machine.turn()
    assert machine.words(second) == [BEGUN, ("failed", "older")]


@pytest.mark.parametrize("then", ["2.0.0", "3.0.0"])
def test_a_second_wish_ends_the_first_and_is_followed_itself(machine: Machine, then: str) -> None:
    first = machine.ask("2.0.0")
    machine.turn()
    machine.updates.comes(Brought("2.0.0"))
    machine.turn()
    second = machine.ask(then)
    machine.turn()
    assert machine.words(first) == [BEGUN, ("cancelled", "superseded")]
    machine.call_back(first)
    machine.turn()
    assert machine.words(second) == [BEGUN]
    assert machine.updates.state.asked == then, "the call back of the first is not one of the second"
    machine.call_back(second)
    machine.turn()
    assert machine.words(second) == [BEGUN, ("cancelled", "called_back")]


def test_a_terminal_that_is_off_at_night_changes_after_a_day_of_waiting(machine: Machine) -> None:
    machine.ask("2.0.0")
    for day in range(2):
        machine.start("1.0.0")
        machine.turn()
        machine.updates.comes(Brought("2.0.0"))
        machine.turn()
        if day == 0:
            machine.updates.postpone()
            machine.turn()
            assert machine.updates.state.reason == "postponed"
            machine.till.clock.forward(23 * HOURS)
    assert (machine.updates.state.waited.postponed, machine.updates.state.phase) == (1, "waiting")
    machine.pass_by(HOURS)
    assert machine.updates.state.phase == "switching"


def test_a_release_that_waits_is_told_of_once(machine: Machine) -> None:
    machine.ask("2.0.0")
    machine.turn()
    machine.updates.comes(Brought("2.0.0"))
    machine.turn()
    told = [one for one, _, _ in machine.till.server.inbox.values()].count("device.shadow")
    for _ in range(5):
        machine.turn()
    assert machine.updates.state.reason == "hours"
    assert [one for one, _, _ in machine.till.server.inbox.values()].count("device.shadow") - told <= 1

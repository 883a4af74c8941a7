"""What a shop sees of the distributor's hand: settings that are held, what was asked and how it ended."""

from datetime import timedelta
from uuid import uuid4

import pytest
from till import OURS, Till

from contract.feed import Command, Commands, Desired, DesiredSetting
from contract.messages import ReportCommand
from terminal_client.core import commands, outbox
from terminal_client.counter import PRINTER


def ask(till: Till, *kinds: str) -> None:
    now, device = till.server.now(), till.store.identity().device  # type: ignore[union-attr] # it is enrolled
    asked = tuple(
        Command(command=uuid4(), kind=kind, issued_at=now, expires_at=now + timedelta(hours=1)) for kind in kinds
    )
    till.server.tell(f"commands:{device}", "commands", Commands(device=device, commands=asked))
    till.hear()
    while till.terminal.steered.step() is not None:
        pass
    till.hear()


def words(till: Till) -> dict[str, ReportCommand]:
    kinds = {one.id: one.kind for one in commands.newest(till.store, 20)}
    said = [ReportCommand.model_validate(one.data) for one in outbox.of_kinds(till.store, commands.KIND)]
    return {kinds[one.command]: one for one in said}


@pytest.fixture
def held(till: Till) -> Till:
    device = till.store.identity().device  # type: ignore[union-attr] # it is enrolled
    wanted = Desired(device=device, version=1, settings={"size": DesiredSetting(value="large", held=True, version=1)})
    till.server.tell(f"desired:{device}", "desired", wanted)
    till.hear()
    return till


def test_a_held_setting_says_who_set_it_and_takes_no_other_choice(held: Till) -> None:
    page = held.client.get("/settings").text
    assert page.count("set by the distributor") == 1
    assert 'name="size" disabled' in page
    held.client.post("/settings", data={"size": "normal"}, headers=OURS)
    assert held.store.setting("size", "") == "large"
    held.client.post("/settings", data={"sound": "off"}, headers=OURS)
    assert held.store.setting("sound", "") == "off"


def test_the_own_state_is_told_while_connected_and_waits_nowhere_while_not(held: Till) -> None:
    held.terminal.steered.step()
    (told,) = outbox.of_kinds(held.store, "device.shadow")
    assert (told.data["applied"], told.data["state"]["size"]) == (1, "large")
    held.hear()
    held.engine.stop()
    held.client.post("/settings", data={"sound": "off"}, headers=OURS)
    held.terminal.steered.step()
    assert len(outbox.of_kinds(held.store, "device.shadow")) == 1


def test_each_kind_does_what_it_says_and_answers(till: Till) -> None:
    ask(till, "diagnose", "identify", "print_test", "sync", "clear_cache", "dance")
    said = words(till)
    assert {kind: one.state for kind, one in said.items()} == {
        "diagnose": "succeeded",
        "identify": "succeeded",
        "print_test": "failed",
        "sync": "succeeded",
        "clear_cache": "succeeded",
        "dance": "rejected",
    }
    assert said["print_test"].reason == "no_printer"
    assert said["diagnose"].facts["waiting"].isdigit()
    assert "PRIVATE" not in said["diagnose"].model_dump_json()
    assert "read out: d-12" in till.client.get("/settings").text
    till.store.choose(PRINTER, "file:slips")
    ask(till, "print_test")
    assert words(till)["print_test"].state == "succeeded"
    assert till.paper.printed[0].subject == "asked-trial"


def test_a_restart_is_wanted_once_and_has_succeeded_when_the_program_is_there_again(till: Till) -> None:
    ask(till, "restart")
    assert till.terminal.restart_wanted.is_set()
    assert words(till)["restart"].state == "in_progress"


@pytest.mark.parametrize(("language", "said"), [("en", "print a trial · did not succeed"), ("zh", "试打印 · 未成功")])
def test_diagnostics_say_what_was_asked_last_and_what_became_of_it(till: Till, language: str, said: str) -> None:
    till.store.choose("language", language)
    assert ("nothing yet" if language == "en" else "尚无") in till.client.get("/diagnostics").text
    ask(till, "print_test")
    assert said in till.client.get("/diagnostics").text

"""The terminal under the distributor's hand: settings by version and keeper, commands begun once and answered once."""

import random
from datetime import timedelta
from itertools import permutations
from typing import Any
from uuid import UUID, uuid4

import pytest

from contract.errors import Rejected
from contract.feed import Command, Commands, Desired, DesiredSetting
from contract.messages import ReportCommand, ReportShadow
from terminal_client.core import commands, feed, outbox, shadow
from terminal_client.core.commands import Asked, Deed, Outcome, Runner

DEVICE = "d-12"


def tell(world: Any, message: Desired | Commands) -> None:
    kind = "desired" if isinstance(message, Desired) else "commands"
    item = world.server.tell(f"{kind}:{message.device}", kind, message)
    feed.apply(world.store, [item], cursor=item.seq, server_ms=world.clock.at_ms, device=DEVICE)


def desired(version: int, device: str = DEVICE, **settings: tuple[str, bool, int]) -> Desired:
    named = {name: DesiredSetting(value=value, held=held, version=at) for name, (value, held, at) in settings.items()}
    return Desired(device=device, version=version, settings=named)


def asked(
    world: Any, kind: str = "sync", *, minutes: int = 60, called_back: bool = False, id_: UUID | None = None
) -> Command:
    now = world.server.now()
    return Command(
        command=id_ or uuid4(),
        kind=kind,
        issued_at=now,
        expires_at=now + timedelta(minutes=minutes),
        called_back=called_back,
    )


def runner(world: Any, **deeds: Deed) -> Runner:
    return Runner(world.store, world.shop.clock, world.chance.getrandbits, world.engine.saved, deeds)


def words(world: Any) -> list[ReportCommand]:
    return [ReportCommand.model_validate(one.data) for one in outbox.of_kinds(world.store, commands.KIND)]


def test_a_value_that_is_not_held_is_followed_once_and_the_shop_may_choose_again(world: Any) -> None:
    tell(world, desired(1, size=("large", False, 1)))
    assert shadow.state(world.store)["size"] == "large"

    shadow.choose(world.store, "size", "normal")
    tell(world, desired(2, size=("large", False, 1), theme=("dark", False, 2)))

    assert (shadow.state(world.store)["size"], shadow.state(world.store)["theme"]) == ("normal", "dark")
    tell(world, desired(3, size=("large", False, 3), theme=("dark", False, 2)))
    assert shadow.state(world.store)["size"] == "large"


def test_what_is_held_cannot_be_chosen_and_goes_back_to_the_shops_own_choice(world: Any) -> None:
    shadow.choose(world.store, "language", "en")
    tell(world, desired(1, language=("zh", True, 1), channel=("canary", False, 1)))
    assert shadow.bound(world.store) == {"language", "channel"}
    with pytest.raises(Rejected, match="set language"):
        shadow.choose(world.store, "language", "en")

    tell(world, desired(2, channel=("canary", False, 1)))

    assert shadow.state(world.store)["language"] == "en"
    assert shadow.bound(world.store) == {"channel"}


def test_older_and_repeated_states_change_nothing_in_whatever_order_they_come(world: Any) -> None:
    states = [
        desired(1, size=("large", False, 1)),
        desired(2, size=("large", False, 1), sound=("off", True, 2)),
        desired(3, size=("normal", False, 3), sound=("off", True, 2)),
    ]
    for order in permutations(states):
        with world.store.transaction():
            world.store.execute("UPDATE shadow SET applied = 0")
            world.store.execute("DELETE FROM desired_setting")
            world.store.execute("DELETE FROM setting")
            for state in (*order, *order):
                shadow.take(world.store, state)
        assert shadow.state(world.store)["size"] == "normal", order
        assert shadow.state(world.store)["sound"] == "off", order


def test_what_is_for_another_terminal_of_the_shop_is_passed_over(world: Any) -> None:
    tell(world, desired(1, device="d-13", size=("large", True, 1)))
    tell(world, Commands(device="d-13", commands=(asked(world),)))
    assert shadow.bound(world.store) == frozenset()
    assert commands.newest(world.store, 5) == []


def test_the_own_state_is_told_where_it_is_new_with_what_could_not_be_followed(world: Any) -> None:
    tell(world, desired(4, size=("huge", False, 4), sound=("off", False, 4), lamp=("red", False, 4)))

    def report() -> ReportShadow | None:
        number = commands.uuid7(now_ms=lambda: world.clock.at_ms, random_bits=world.chance.getrandbits)
        pending = shadow.report(world.store, {"version": "1"}, id=number, at_ms=world.clock.at_ms)
        if pending is None:
            return None
        world.engine.saved(pending)
        return ReportShadow.model_validate(outbox.about(world.store, shadow.SUBJECT)[-1].data)

    first = report()
    assert first is not None
    assert (first.version, first.applied, first.state["sound"]) == (1, 4, "off")
    assert first.refused == {"lamp": "unknown_setting", "size": "unknown_value"}
    assert report() is None
    world.run(5)
    shadow.choose(world.store, "sound", "on")
    second = report()
    assert second is not None
    assert (second.version, second.state["sound"]) == (2, "on")


def test_a_restored_server_counts_anew_and_does_not_undo_what_the_shop_chose(world: Any) -> None:
    tell(world, desired(5, size=("large", False, 5), language=("en", True, 4)))
    shadow.choose(world.store, "size", "normal")
    with world.store.transaction():
        shadow.doubt(world.store)
        shadow.take(world.store, desired(2, size=("large", False, 2), language=("en", True, 1)))
    assert shadow.state(world.store)["size"] == "normal"
    assert shadow.bound(world.store) == {"language"}
    with world.store.transaction():
        world.store.execute("DELETE FROM feed")
        shadow.let_unsaid_go(world.store, DEVICE)
    assert shadow.bound(world.store) == frozenset()
    assert shadow.state(world.store)["language"] == "zh"


def test_a_command_is_done_once_however_often_and_in_whatever_list_it_comes(world: Any) -> None:
    done: list[UUID] = []

    def do(one: Asked) -> Outcome:
        done.append(one.id)
        return Outcome()

    command = asked(world)
    running = runner(world, sync=Deed(do))
    for _ in range(3):
        tell(world, Commands(device=DEVICE, commands=(command,)))
        while running.step() is not None:
            pass
    assert done == [command.command]
    assert [(word.command, word.state) for word in words(world)] == [(command.command, "succeeded")]


def test_what_ended_the_program_is_answered_as_interrupted_and_never_begun_again(world: Any) -> None:
    begun: list[UUID] = []

    class PowerCutError(BaseException):
        pass

    def falls(one: Asked) -> Outcome:
        begun.append(one.id)
        raise PowerCutError

    command = asked(world, "clear_cache")
    tell(world, Commands(device=DEVICE, commands=(command,)))
    with pytest.raises(PowerCutError):
        runner(world, clear_cache=Deed(falls)).step()

    for _ in range(2):
        world.restart()
        again = runner(world, clear_cache=Deed(falls))
        while again.step() is not None:
            pass

    assert begun == [command.command]
    assert [word.state for word in words(world)] == ["interrupted"]


def test_a_kind_that_ends_the_program_says_itself_how_it_went(world: Any) -> None:
    command = asked(world, "restart")
    tell(world, Commands(device=DEVICE, commands=(command,)))
    deed = Deed(lambda _asked: None, after=lambda _asked: Outcome(), lasts=True)
    runner(world, restart=deed).step()
    assert [word.state for word in words(world)] == ["in_progress"]
    world.restart()
    runner(world, restart=deed).step()
    assert [word.state for word in words(world)] == ["in_progress", "succeeded"]


def test_late_called_back_and_unknown_commands_are_answered_and_not_begun(world: Any) -> None:
    def never(_asked: Asked) -> Outcome:
        raise AssertionError

    late, back, unknown = asked(world, minutes=1), asked(world, called_back=True), asked(world, "dance")
    tell(world, Commands(device=DEVICE, commands=(late, back, unknown)))
    world.clock.forward(timedelta(minutes=2))
    running = runner(world, sync=Deed(never))
    while running.step() is not None:
        pass
    assert [(word.state, word.reason) for word in words(world)] == [
        ("expired", "too_late"),
        ("cancelled", "called_back"),
        ("rejected", "unknown_kind"),
    ]


def test_what_stumbles_has_failed_with_its_words_and_the_next_goes_on(world: Any) -> None:
    def stumbles(_asked: Asked) -> Outcome:
        raise OSError("no such printer")

    tell(world, Commands(device=DEVICE, commands=(asked(world, "print_test"), asked(world))))
    running = runner(world, print_test=Deed(stumbles), sync=Deed(lambda _asked: Outcome()))
    while running.step() is not None:
        pass
    assert [word.state for word in words(world)] == ["failed", "succeeded"]
    assert words(world)[0].detail == "OSError: no such printer"


def test_the_newest_lines_of_a_log_go_as_far_as_they_fit(world: Any) -> None:
    lines = tuple(f"{number:03} {'满' * 190}" for number in range(60))
    tell(world, Commands(device=DEVICE, commands=(asked(world, "diagnose"),)))
    runner(world, diagnose=Deed(lambda _asked: Outcome(facts={"version": "1"}, log=lines))).step()
    (word,) = words(world)
    assert 10 < len(word.log) < 60
    assert word.log[-1] == lines[-1]


@pytest.mark.parametrize("seed", range(20))
def test_lists_may_repeat_and_the_program_may_fall_anywhere(world: Any, seed: int) -> None:
    chance = random.Random(seed)  # noqa: S311 - a test repeats itself by its seed
    begun: list[UUID] = []

    class PowerCutError(BaseException):
        pass

    def do(one: Asked) -> Outcome:
        begun.append(one.id)
        if chance.random() < 0.3:
            raise PowerCutError
        return Outcome()

    known: list[Command] = []
    running = runner(world, sync=Deed(do))
    for _ in range(60):
        if chance.random() < 0.3:
            known.append(asked(world, minutes=chance.choice((1, 60))))
        if known and chance.random() < 0.5:
            tell(world, Commands(device=DEVICE, commands=tuple(known)))
        world.clock.forward(chance.randrange(30_000))
        try:
            running.step()
        except PowerCutError:
            world.restart()
            running = runner(world, sync=Deed(do))
    tell(world, Commands(device=DEVICE, commands=tuple(known)))
    world.restart()
    running = runner(world, sync=Deed(lambda _asked: Outcome()))
    while running.step() is not None:
        pass
    assert len(begun) == len(set(begun))
    assert sorted(word.command for word in words(world)) == sorted(one.command for one in known)

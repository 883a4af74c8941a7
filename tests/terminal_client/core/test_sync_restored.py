"""A server that came back from an older backup, a terminal that exists twice, and clocks that lie."""

from datetime import timedelta
from typing import Any

import pytest

from contract.feed import OrderState
from contract.messages import OrderLine
from terminal_client.core import alarms, feed, orders, outbox, signals, use_cases

LINES = [OrderLine(sku="GOLD", quantity_units=12)]


def lines(units: int) -> list[OrderLine]:
    return [OrderLine(sku="GOLD", quantity_units=units)]


@pytest.fixture
def two(world: Any, make: Any) -> Any:
    """A window with an order from before the backup, one from after it, and the backup."""
    world.server.history = "7-1"
    window = make.window(world, closes_in=timedelta(days=2))
    world.run(2)
    before = use_cases.place_order(world.shop, window.window, LINES)
    world.run(60)
    backup = world.server.backup()
    after = use_cases.place_order(world.shop, window.window, LINES)
    use_cases.amend_order(world.shop, after, lines(24))
    world.run(60)
    assert orders.read(world.store, after).received_lines == tuple(lines(24))
    return window, before, after, backup


def test_what_a_restored_server_forgot_is_sent_again_under_the_same_ids(world: Any, two: Any) -> None:
    _, before, after, backup = two
    sent = len(world.wires.sent)
    world.server.restore(backup)
    assert after not in world.server.inbox
    world.run(120)
    assert orders.read(world.store, after).received_lines == tuple(lines(24))
    kinds = [(kind, id_) for _, kind, id_ in world.wires.sent[sent:]]
    assert kinds[0] == ("order.place", after)
    assert [kind for kind, _ in kinds] == ["order.place", "order.amend"]
    assert before not in {id_ for _, id_ in kinds}
    assert world.server.reused == []


def test_a_backup_that_has_overtaken_the_cursor_is_known_by_its_history(world: Any, make: Any, two: Any) -> None:
    _, _, after, backup = two
    world.server.restore(backup, history="7-2")
    for _ in range(9):
        make.window(world)
    assert world.server.head > world.store.progress().cursor
    world.run(120)
    assert world.store.progress().history == "7-2"
    assert after in world.server.inbox
    assert orders.read(world.store, after).state == "received"


def test_the_screen_says_what_the_server_forgot_and_shows_it_as_sent_until_the_new_receipt(
    world: Any, two: Any
) -> None:
    _, _, after, backup = two
    number = orders.read(world.store, after).number
    world.server.restore(backup, history="7-2")
    held: list[Any] = []
    world.wires.post = lambda _kind, envelope: held.append(envelope.id)
    world.run(120)
    found = orders.read(world.store, after)
    assert (found.state, found.placed.lost_number) == ("sent", number)
    assert [(alarm.code, alarm.count) for alarm in alarms.standing(world.store)] == [("server_restored", 2)]
    del world.wires.post
    world.engine.handle(signals.PostFailed(held[0], reached=False))
    world.run(120)
    assert orders.read(world.store, after).state == "received"
    alarms.see(world.store, "server_restored", at_ms=1)
    assert alarms.standing(world.store) == []


def test_what_a_closed_window_refuses_after_a_restore_is_said_and_not_sent_again(world: Any, two: Any) -> None:
    _, _, after, backup = two
    world.server.restore(backup, history="7-2")
    world.server.decide = lambda _kind, _envelope: ("window_closed", {"closed_at": "now"})
    world.run(120)
    refused = outbox.refused(world.store)
    assert after in [entry.id for entry in refused]
    assert all(entry.lost_at_ms for entry in refused)
    sent = len(world.wires.sent)
    world.run(3600)
    assert len(world.wires.sent) == sent


def test_what_the_server_does_not_hold_any_more_is_not_shown_as_held(world: Any, make: Any, two: Any) -> None:
    _, before, after, backup = two
    world.server.restore(backup, history="7-2")
    world.wires.post = lambda _kind, _envelope: None
    world.run(120)
    assert {state.order for state in feed.read(world.store, OrderState)} == {before}
    assert orders.read(world.store, after).state == "sent"


def test_a_restart_in_the_middle_of_reading_again_goes_on_with_it(world: Any, make: Any, two: Any) -> None:
    _, _, after, backup = two
    world.server.restore(backup, history="7-2")
    for _ in range(9):
        make.window(world)
    while not world.store.progress().rereading:
        world.clock.forward(1000)
        world.engine.handle(signals.Tick())
        world.wires.travel()
    world.restart()
    assert world.store.progress().rereading
    world.run(120)
    assert not world.store.progress().rereading
    assert after in world.server.inbox


def test_the_same_history_under_another_name_sends_nothing_again(world: Any, two: Any) -> None:
    sent = len(world.wires.sent)
    world.server.history = "7-2"
    world.run(120)
    assert len(world.wires.sent) == sent
    assert alarms.standing(world.store) == []
    assert world.store.progress().cursor == world.server.head


def test_news_that_overtake_a_page_are_not_taken_for_an_older_server(world: Any, make: Any) -> None:
    make.window(world)
    world.wires.connect()
    world.run(3)
    world.clock.forward(timedelta(minutes=20))
    world.engine.handle(signals.Tick())
    page = world.server.page(world.store.progress().cursor)
    item = world.server.tell("weather:1", "weather", {"rain": True})
    world.engine.handle(signals.ItemArrived(item))
    world.engine.handle(signals.PageArrived(page))
    assert world.store.progress().cursor == item.seq


# Two with one identity


@pytest.fixture
def twins(world: Any, make: Any, tmp_path: Any) -> Any:
    """A terminal and one that was started from a copy of its store."""
    window = make.window(world, closes_in=timedelta(days=1))
    world.run(2)
    use_cases.place_order(world.shop, window.window, LINES)
    world.run(2)
    copy = tmp_path / "copy"
    copy.mkdir()
    (copy / "terminal.sqlite3").write_bytes(_bytes_of(world))
    other = make.world(copy, seed=99, server=world.server)
    yield window, other
    other.engine.stop()
    other.store.close()


def test_a_copy_of_a_terminal_is_noticed_on_both_screens_and_nothing_is_lost_or_doubled(world: Any, twins: Any) -> None:
    window, other = twins
    mine = use_cases.place_order(world.shop, window.window, LINES)
    world.run(60)
    theirs = use_cases.place_order(other.shop, window.window, LINES)
    other.run(60)
    world.run(60)
    assert {"identity_doubled"} == {alarm.code for alarm in alarms.standing(world.store)}
    assert {"identity_doubled"} == {alarm.code for alarm in alarms.standing(other.store)}
    assert {mine, theirs} <= set(world.server.inbox)
    assert world.server.reused == []


def test_a_message_queued_in_both_copies_is_one_message(world: Any, make: Any, tmp_path: Any) -> None:
    window = make.window(world)
    world.run(2)
    world.wires.http_works = False
    order = use_cases.place_order(world.shop, window.window, LINES)
    copy = tmp_path / "copy"
    copy.mkdir()
    (copy / "terminal.sqlite3").write_bytes(_bytes_of(world))
    world.wires.http_works = True
    other = make.world(copy, seed=5, server=world.server)
    other.run(60)
    world.run(60)
    assert list(world.server.inbox) == [order]
    assert orders.read(world.store, order).number == orders.read(other.store, order).number
    other.engine.stop()
    other.store.close()


def test_receipts_of_the_shops_other_terminal_are_no_alarm(world: Any, make: Any) -> None:
    other = make.world(world.folder.parent / "other", seed=8, server=world.server)
    other.store.keep_identity(make.enrolled(world.server.now(), device="d-13"))
    other.restart()
    window = make.window(world)
    other.run(5)
    order = use_cases.place_order(other.shop, window.window, LINES)
    other.run(5)
    world.run(60)
    assert orders.read(world.store, order).state == "received"
    assert alarms.standing(world.store) == []
    other.engine.stop()
    other.store.close()


# Clocks


@pytest.mark.parametrize("hours", [-48, 48])
def test_a_wall_clock_that_jumps_in_the_middle_moves_neither_countdown_nor_queue(
    world: Any, make: Any, hours: int
) -> None:
    window = make.window(world, closes_in=timedelta(hours=2))
    world.run(2)
    before_ms = world.shop.clock.now_ms()
    world.clock.slow_ms += hours * 3_600_000
    assert world.shop.clock.now_ms() == before_ms
    order = use_cases.place_order(world.shop, window.window, LINES)
    world.run(60)
    found = orders.read(world.store, order)
    assert found.state == "received"
    assert abs(found.placed.saved_at_ms - before_ms) < 5_000


@pytest.mark.parametrize("hours", [-48, 48])
def test_after_a_restart_with_a_clock_48_hours_wrong_nothing_is_held_back_and_the_server_mends_it(
    world: Any, make: Any, hours: int
) -> None:
    window = make.window(world, closes_in=timedelta(hours=2))
    world.run(2)
    world.wires.http_works = False
    world.clock.slow_ms += hours * 3_600_000
    world.restart()
    assert world.shop.clock.uncertain_by_ms() is None
    order = use_cases.place_order(world.shop, window.window, LINES)
    world.wires.http_works = True
    world.run(60)
    assert orders.read(world.store, order).state == "received"
    assert world.shop.clock.uncertain_by_ms() < 100
    assert abs(world.shop.clock.now_ms() - world.clock.at_ms) < 100


def test_the_longer_without_exchange_the_less_certain_and_the_server_decides_within_it(world: Any, make: Any) -> None:
    window = make.window(world, closes_in=timedelta(days=3))
    world.run(2)
    world.wires.http_works = False
    world.run(3 * 86_400 - 30)
    assert 25_000 < world.shop.clock.uncertain_by_ms() < 27_000
    world.clock.forward(timedelta(seconds=40))
    assert not world.shop.clock.has_passed(round(window.closes_at.timestamp() * 1000))
    use_cases.place_order(world.shop, window.window, LINES)
    world.clock.forward(timedelta(seconds=40))
    assert world.shop.clock.has_passed(round(window.closes_at.timestamp() * 1000))


def test_an_answer_that_took_long_counts_once_the_clock_is_less_certain_than_it(world: Any) -> None:
    clock, server_ms = world.shop.clock, world.clock.at_ms
    clock.learn(server_ms, 10)
    clock.learn(server_ms + 900, 2_000)
    assert clock.now_ms() == server_ms + 5
    world.clock.forward(timedelta(hours=6))
    clock.learn(world.clock.at_ms, 2_000)
    assert clock.uncertain_by_ms() == 1_000


def _bytes_of(world: Any) -> bytes:
    world.store.rows("PRAGMA wal_checkpoint(TRUNCATE)")
    data: bytes = (world.folder / "terminal.sqlite3").read_bytes()
    return data

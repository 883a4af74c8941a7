"""What the screen says of the exchange: alarms, what is uncertain, and what a full disk means."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from werkzeug.test import Client

from terminal_client.app import Terminal
from terminal_client.core import alarms, feed
from terminal_client.ui import serve

OURS = {"Origin": "http://localhost"}


@pytest.fixture
def screen(tmp_path: Path, make: Any) -> Iterator[Any]:
    """An enrolled terminal with an open window, and a browser."""
    clock = make.clock()
    server = make.server(clock)
    terminal = Terminal(tmp_path / "t", "http://127.0.0.1:9", clock=clock, transport=make.wires(server))
    terminal.store.keep_identity(make.enrolled(server.now()))
    terminal.store.choose("language", "en")
    terminal.clock.learn(clock.at_ms, 10)
    client = Client(serve.web(terminal))
    client.terminal, client.hand = terminal, clock
    yield client
    terminal.close()


def test_an_alarm_stands_above_every_screen_until_somebody_has_seen_it(screen: Client) -> None:
    store = screen.terminal.store
    assert "Server restored" not in screen.get("/orders").text
    with store.transaction():
        alarms.sound(store, "server_restored", at_ms=screen.hand.at_ms, count=3)
    assert "Server restored" in screen.get("/orders").text
    assert "had forgotten 3 things" in screen.get("/settings").text
    store.choose("language", "zh")
    assert "丢失了本终端已送达的 3 条内容" in screen.get("/settings").text
    assert screen.post("/settings/seen", data={"code": "server_restored"}, headers=OURS).status_code == 303
    assert "服务器已恢复备份" not in screen.get("/orders").text
    with store.transaction():
        alarms.sound(store, "server_restored", at_ms=screen.hand.at_ms, count=1)
    assert [alarm.count for alarm in alarms.standing(store)] == [1]


def test_a_terminal_that_exists_twice_says_what_to_do(screen: Client) -> None:
    with screen.terminal.store.transaction():
        alarms.sound(screen.terminal.store, "identity_doubled", at_ms=screen.hand.at_ms)
    assert "This terminal exists twice" in screen.get("/order").text
    assert "ask for a new code" in screen.get("/settings").text


def test_the_countdown_says_by_how_much_it_may_be_wrong(screen: Client, make: Any) -> None:
    world = SimpleNamespace(server=make.server(screen.hand), clock=screen.hand, chance=make.chance(1))
    make.window(world, closes_in=timedelta(days=9))
    feed.apply(screen.terminal.store, world.server.after(0), cursor=1, server_ms=screen.hand.at_ms)
    assert "±" not in screen.get("/order").text
    screen.hand.forward(timedelta(days=3))
    assert "± 26 s" in screen.get("/order").text


def test_after_a_restart_without_the_server_the_countdown_is_not_sure(
    screen: Client, make: Any, tmp_path: Path
) -> None:
    world = SimpleNamespace(server=make.server(screen.hand), clock=screen.hand, chance=make.chance(1))
    make.window(world, closes_in=timedelta(days=9))
    feed.apply(screen.terminal.store, world.server.after(0), cursor=1, server_ms=screen.hand.at_ms)
    screen.terminal.close()
    again = Terminal(
        tmp_path / "t", "http://127.0.0.1:9", clock=screen.hand, transport=make.wires(make.server(screen.hand))
    )
    assert "not sure" in Client(serve.web(again)).get("/order").text
    again.close()

"""A shop of many years: a screen reads the orders of its window and the one before, however many there are."""

from datetime import timedelta
from typing import Any

import pytest

from contract.feed import Grant, Grants, OrderState, WindowState
from contract.messages import OrderLine
from terminal_client.core import drafts, feed, orders, use_cases
from terminal_client.core.store import Store
from terminal_client.core.views import order_list, order_screen, windows

WEEKS = 30


def years(world: Any, make: Any) -> list[WindowState]:
    """Place one order a window; the last window is open and has none yet."""
    world.server.reference = make.reference(make.item())
    made = []
    for week in range(WEEKS):
        window = make.window(world, closes_in=timedelta(hours=2), name=make.text(f"Week {week}", f"第 {week} 周"))
        world.run(2)
        if week < WEEKS - 1:
            use_cases.place_order(world.shop, window.window, [OrderLine(sku="GOLD", quantity_units=12 * (week + 1))])
            world.run(2)
            window = window.model_copy(update={"state": "published"})
            world.server.tell(f"window:{window.window}", "window", window)
        world.run(60)
        world.clock.forward(timedelta(days=7))
        made.append(window)
    world.server.tell(
        f"window:{made[-1].window}",
        "window",
        made[-1].model_copy(update={"closes_at": world.server.now() + timedelta(hours=2)}),
    )
    world.run(60)
    return made


def test_a_tap_reads_two_orders_and_not_those_of_years(world: Any, make: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    made = years(world, make)
    read: list[type] = []
    ask = OrderState.model_validate_json
    monkeypatch.setattr(OrderState, "model_validate_json", lambda data: read.append(OrderState) or ask(data))
    whole: list[str] = []
    everything = feed.read
    monkeypatch.setattr(feed, "read", lambda store, family: whole.append(family.__name__) or everything(store, family))
    windows.current(world.store, world.shop.clock)
    use_cases.set_draft_line(world.shop, made[-1].window, "GOLD", 24)
    whole.clear()
    screen = order_screen.read(world.store, world.shop.clock, choice="all")
    assert screen.rows[0].last_units == 12 * (WEEKS - 1)
    assert (screen.rows[0].quantity_units, screen.order) == (24, None)
    assert len(read) <= 2
    assert not {"OrderState", "WindowState"} & set(whole)


def test_the_orders_of_windows_are_those_among_all_that_name_them(world: Any, make: Any) -> None:
    made = years(world, make)
    use_cases.place_order(world.shop, made[-1].window, [OrderLine(sku="GOLD", quantity_units=12)])
    everything = orders.read_all(world.store)
    assert list(orders.newest(world.store)) == everything
    for wanted in ([made[-1].window], [made[0].window, made[3].window], []):
        expected = [order for order in everything if order.window in wanted]
        assert orders.in_windows(world.store, wanted) == expected
        assert len(expected) == len(wanted)


def test_windows_are_read_anew_when_the_feed_changed_or_a_change_was_taken_back(world: Any, make: Any) -> None:
    window = make.window(world)
    world.run(2)
    assert [known.state for known in feed.windows(world.store)] == ["open"]
    assert feed.windows(world.store) is feed.windows(world.store)
    world.server.tell(f"window:{window.window}", "window", window.model_copy(update={"state": "closed"}))
    world.run(60)
    assert [known.state for known in feed.windows(world.store)] == ["closed"]

    def stumbles(store: Store) -> None:
        with store.transaction():
            feed.start_over(store, None)
            feed.let_unsaid_go(store)
            assert feed.windows(store) == ()
            raise OSError("the disk")

    with pytest.raises(OSError, match="the disk"):
        stumbles(world.store)
    assert [known.state for known in feed.windows(world.store)] == ["closed"]


def test_a_draft_keeps_the_windows_that_were_read(world: Any, make: Any) -> None:
    window = make.window(world)
    world.run(2)
    before = feed.windows(world.store)
    with world.store.transaction():
        drafts.put_line(world.store, window.window, "GOLD", 12)
    assert feed.windows(world.store) is before


def test_my_orders_read_the_newest_and_the_grants_of_their_cycles(
    world: Any, make: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = years(world, make)
    for number, window in enumerate(made[:-1]):
        line = Grant(
            sku="GOLD",
            requested_units=12 * (number + 1),
            eligible_units=12,
            granted_units=12,
            weight=1,
            share="12",
            reason="supply",
            supply_units=100,
            asked_units=100,
        )
        part = Grants(
            cycle=window.cycle,
            name=window.name,
            part=1,
            parts=1,
            released_at=world.server.now(),
            policy="max_min",
            seed="s",
            input_sha256="i",
            result_sha256="r",
            lines=(line,),
        )
        world.server.tell(f"grants:{window.cycle}:1", "grants", part)
    world.run(60)
    read: list[str] = []
    for family in (OrderState, Grants):
        ask = family.model_validate_json
        monkeypatch.setattr(family, "model_validate_json", lambda data, ask=ask: read.append("one") or ask(data))
    views = order_list.newest(world.store, world.shop.clock, 5)
    assert [view.requested_units for view in views] == [12 * number for number in range(WEEKS - 1, WEEKS - 6, -1)]
    assert len(read) <= 10
    assert orders.count(world.store) == WEEKS - 1

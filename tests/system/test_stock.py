"""A shop's stock from its terminal to the ledger of a running server: entered offline, told once each."""

from pathlib import Path
from typing import Any

import pytest
from running import SHOPS, SKUS, Town

from firmware_sim.identities import let_in
from terminal_client.app import Terminal
from terminal_client.core import outbox, stock, stock_use_cases

pytestmark = [pytest.mark.system, pytest.mark.slow]
DEADLINE_S = 120.0


def ledger(town: Town, sku: str) -> list[tuple[Any, ...]]:
    moved = town.planner.get(f"/api/v1/stock/{SHOPS[0]}/movements", sku=sku)
    return [(each["kind"], each["on_hand_units"], each["on_hand_after_units"], each["reason"]) for each in moved][::-1]


def test_what_was_entered_offline_stands_in_the_ledger_once_and_the_terminal_shows_it(
    town: Town, tmp_path: Path
) -> None:
    goods, other = SKUS[:2]
    with Terminal(tmp_path / "terminal", town.stage.url) as terminal:
        let_in(terminal, town.planner, town.code_for(SHOPS[0]))
        shop = terminal.shop
        assert terminal.wait_until(lambda: terminal.store.reference() is not None, deadline_s=DEADLINE_S)
        terminal.stop()

        stock_use_cases.begin_count(shop, blind=True)
        stock_use_cases.count_units(shop, goods, 20, sure=True)
        stock_use_cases.count_units(shop, other, 0)
        stock_use_cases.finish_count(shop)
        stock_use_cases.move(shop, "sale", goods, 3)
        stock_use_cases.move(shop, "refund", goods, 1)
        stock_use_cases.move(shop, "adjustment", goods, -2, "wet")
        stock_use_cases.move(shop, "expiry", goods, 4)
        entered = [one for one in outbox.queued(terminal.store) if one.kind == "stock.move"]
        assert (stock.read(terminal.store, goods).on_hand_units, len(entered)) == (12, 5)

        terminal.start()
        assert terminal.wait_until(lambda: outbox.count_waiting(terminal.store) == 0, deadline_s=DEADLINE_S)
        assert outbox.refused(terminal.store) == []

        def told() -> bool:
            there = stock.read(terminal.store, goods)
            return (there.book_units, there.on_its_way) == (12, 0)

        assert terminal.wait_until(told, deadline_s=DEADLINE_S), stock.read(terminal.store, goods)
        assert stock.read(terminal.store, other).on_hand_units == 0
    assert sorted(ledger(town, goods)) == sorted(
        [
            ("count", 20, 20, None),
            ("sale", -3, 17, None),
            ("refund", 1, 18, None),
            ("adjustment", -2, 16, "wet"),
            ("expiry", -4, 12, None),
        ]
    )
    assert ledger(town, other) == []

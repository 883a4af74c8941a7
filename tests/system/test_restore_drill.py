"""The drill: a backup during orders, more orders, the server lost, the backup restored elsewhere."""

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from urllib.parse import urlsplit
from uuid import UUID

import pytest
from running import SHOPS, Town, ordering, until

from firmware_sim.identities import let_in
from firmware_sim.stage import installation
from server.kit import broker, embedded
from terminal_client.app import Terminal
from terminal_client.core import feed, outbox, use_cases

pytestmark = [pytest.mark.system, pytest.mark.slow]

BEFORE, DURING, AFTER = 1, 2, 2
SOON_S = 90.0


def evenhand(*words: str | Path, data_dir: Path) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "evenhand", *map(str, words)],
        env=os.environ | {"EVENHAND_DATA_DIR": str(data_dir)},
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def place(terminal: Terminal, window: UUID, units: int) -> UUID:
    return use_cases.place_order(terminal.shop, window, ordering(window, K1=units).lines)


def receipted(terminal: Terminal) -> set[UUID]:
    """Return the orders of this terminal that the server says it has."""
    return {one.id for one in outbox.of_kinds(terminal.store, "order.place") if one.state == "received"}


@pytest.fixture
def elsewhere(tmp_path: Path) -> Iterator[Path]:
    yield (folder := tmp_path / "elsewhere")
    if (folder / "broker").exists():
        broker.remove_broker(folder / "broker")
    if (folder / "postgres").exists():
        embedded.remove_cluster(folder / "postgres")


def test_nothing_that_was_receipted_is_lost(town: Town, elsewhere: Path, tmp_path: Path) -> None:
    secret, public, file = tmp_path / "secret", tmp_path / "public", tmp_path / "town.backup"
    public.write_text(evenhand("backup-key", "--out", secret, data_dir=tmp_path))
    cycle, window = town.announce(open_for_s=3_600)
    with ExitStack() as open_terminals:
        terminals = []
        for shop in SHOPS[: BEFORE + DURING + AFTER]:
            terminal = open_terminals.enter_context(Terminal(tmp_path / shop, town.stage.url))
            let_in(terminal, town.planner, town.code_for(shop))
            terminals.append(terminal)
        before, during, after = terminals[:BEFORE], terminals[BEFORE:-AFTER], terminals[-AFTER:]
        for terminal in terminals:
            until("the open window", lambda one=terminal: feed.windows(one.store), within_s=SOON_S)

        for terminal in before:
            place(terminal, window, 2)
        rush = threading.Thread(target=lambda: [place(terminal, window, 3) for terminal in during])
        rush.start()
        evenhand("backup", "--out", file, "--recipient", public, data_dir=town.data_dir)
        rush.join()
        for terminal in after:
            place(terminal, window, 4)
        for terminal in terminals:
            until("a receipt", lambda one=terminal: receipted(one), within_s=SOON_S)
        known = {UUID(order["id"]) for order in town.orders(cycle)}
        assert known == {order for terminal in terminals for order in receipted(terminal)}
        assert len(known) == len(terminals)

        port = urlsplit(town.stage.url).port
        town.stage.close()
        evenhand("restore", file, "--identity", secret, data_dir=elsewhere)
        with installation(elsewhere, environment={"EVENHAND_WEB_PORT": str(port)}) as stage:
            again = Town(stage, stage.sign_in("auditor-1", "planner", "auditor"))

            until("every order", lambda: {UUID(one["id"]) for one in again.orders(cycle)} == known, within_s=SOON_S)
            for terminal in terminals:
                until("its receipt again", lambda one=terminal: receipted(one), within_s=SOON_S)
            assert evenhand("audit", "verify", data_dir=elsewhere).startswith("The audit holds")

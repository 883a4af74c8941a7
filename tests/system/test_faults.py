"""What is killed while shops order costs nobody a receipted order, doubles none, and comes back by itself.

The parts are real processes and end by ``kill -9``; the shops run whole terminals with their own stores.
"""

import os
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

import httpx2
import pytest
from running import SHOPS, Town, Wire, feed_of, ordering, over_http, until

from contract.device_api import ServerTime
from contract.envelope import Envelope
from contract.feed import Receipt, WindowState
from contract.messages import OrderLine
from firmware_sim.identities import let_in
from terminal_client.app import Terminal
from terminal_client.core import feed, outbox, use_cases
from terminal_client.core.outbox import Entry

pytestmark = [pytest.mark.system, pytest.mark.slow]

Wired = Callable[..., Wire]
TERMINALS = 10
ROUNDS = 2
MOST_UNDER_WAY = 4
SETTLED_WITHIN_S = 60
ENDED_WITHIN_S = 30
ORDER_KINDS = ("order.place", "order.amend", "order.cancel")


class Rush:
    """Terminals that order, amend and cancel without pause, each in a thread of its own, until told to end."""

    def __init__(self, terminals: dict[str, Terminal], window: UUID) -> None:
        self.terminals = terminals
        self._window = window
        self._over = threading.Event()
        self._pool = ThreadPoolExecutor(len(terminals))
        self._shops = [self._pool.submit(self._order, terminal) for terminal in terminals.values()]

    def end(self) -> None:
        """Let no terminal say anything new; raise what stopped one of them."""
        self._over.set()
        self._pool.shutdown(wait=True)
        for shop in self._shops:
            shop.result()

    def entries(self, shop: str) -> list[Entry]:
        return outbox.of_kinds(self.terminals[shop].store, *ORDER_KINDS)

    def receipts(self) -> int:
        """Return how many messages have a receipt by now."""
        return sum(entry.state in {"received", "refused"} for shop in self.terminals for entry in self.entries(shop))

    def waiting(self) -> int:
        return sum(outbox.count_waiting(terminal.store) for terminal in self.terminals.values())

    def _order(self, terminal: Terminal) -> None:
        """Place an order, change it twice, cancel every second one; little is under way at a time."""
        turn = 0
        while not self._over.is_set():
            turn += 1
            order = use_cases.place_order(terminal.shop, self._window, self._lines(turn))
            acts: list[Callable[[], object]] = [
                lambda order=order: use_cases.amend_order(terminal.shop, order, self._lines(2)),
                lambda order=order: use_cases.amend_order(terminal.shop, order, self._lines(3)),
            ]
            if turn % 2:
                acts.append(lambda order=order: use_cases.cancel_order(terminal.shop, order))
            for act in acts:
                self._pause(terminal)
                if self._over.is_set():
                    return
                act()
            self._pause(terminal)

    def _pause(self, terminal: Terminal) -> None:
        self._over.wait(0.1)  # between two taps of a finger
        while outbox.count_waiting(terminal.store) >= MOST_UNDER_WAY and not self._over.is_set():
            terminal.store.wait_for_change(timeout_s=0.05)

    def _lines(self, units: int) -> tuple[OrderLine, ...]:
        return tuple(OrderLine(sku=sku, quantity_units=units) for sku in ("K1", "K2"))


@pytest.fixture(scope="module")
def cycle_and_window(town: Town) -> tuple[UUID, UUID]:
    return town.announce(open_for_s=3600)


@pytest.fixture
def terminals(town: Town, cycle_and_window: tuple[UUID, UUID], tmp_path: Path) -> Iterator[dict[str, Terminal]]:
    """Whole terminals of ten shops that know the open window."""
    opened = {shop: Terminal(tmp_path / shop, town.stage.url) for shop in SHOPS[:TERMINALS]}
    for shop, terminal in opened.items():
        let_in(terminal, town.planner, town.code_for(shop))
        terminal.start()
    for shop, terminal in opened.items():
        known = terminal.wait_until(lambda t=terminal: bool(_open_windows(t)), deadline_s=30)
        assert known, f"shop {shop} does not know the window"
    yield opened
    for terminal in opened.values():
        terminal.close()


def _open_windows(terminal: Terminal) -> list[UUID]:
    return [window.window for window in feed.read(terminal.store, WindowState) if window.state == "open"]


def assert_receipts_and_book_agree(town: Town, cycle: UUID, rush: Rush) -> None:
    """Every receipted act stands on the server once, at the receipted revision; nothing stands that nobody sent."""
    rows = town.orders(cycle)
    standing = {(row["retailer"], UUID(row["id"])): row for row in rows}
    assert len(standing) == len(rows), "an order stands twice"
    of_shops = {key for key in standing if key[0] in rush.terminals}

    receipted: dict[tuple[str, UUID], list[Entry]] = {}
    sent: set[tuple[str, UUID]] = set()
    for shop in rush.terminals:
        for entry in rush.entries(shop):
            order = (shop, UUID(entry.subject.removeprefix("order:")))
            if entry.kind == "order.place":
                sent.add(order)
            if entry.state == "received":
                receipted.setdefault(order, []).append(entry)
    assert of_shops <= sent, "an order stands that no terminal sent"
    assert of_shops == receipted.keys(), "receipted orders are missing, or orders stand without a receipt"
    for order, entries in receipted.items():
        row = standing[order]
        revisions = [entry.revision for entry in entries]
        assert len(set(revisions)) == len(revisions), f"two receipts for one revision of {order}"
        newest = max(entries, key=lambda entry: entry.revision or 0)
        assert row["revision"] == newest.revision == len(entries), (row, revisions)
        assert row["state"] == ("cancelled" if newest.kind == "order.cancel" else "accepted")
        if newest.kind != "order.cancel":
            said = {line["sku"]: line["quantity_units"] for line in newest.data["lines"]}
            assert {line["sku"]: line["quantity_units"] for line in row["lines"]} == said


def test_kills_in_turn_while_terminals_order_lose_and_double_nothing(
    town: Town,
    cycle_and_window: tuple[UUID, UUID],
    terminals: dict[str, Terminal],
    record_property: Callable[[str, object], None],
) -> None:
    cycle, window = cycle_and_window
    rush = Rush(terminals, window)
    started = time.monotonic()
    ready_after_s: dict[str, list[float]] = {}
    try:
        for _ in range(ROUNDS):
            for part in ("web", "ingest", "worker", "solver", "broker"):
                heard = rush.receipts()
                ready_after_s.setdefault(part, []).append(round(town.kill(part), 1))
                until(f"new receipts after the end of {part}", lambda h=heard: rush.receipts() > h + 5, within_s=60)
    finally:
        rush.end()
    ended = time.monotonic()
    until("the last receipt", lambda: rush.waiting() == 0, within_s=SETTLED_WITHIN_S)

    record_property("ready_after_s", ready_after_s)
    record_property("rush_s", round(ended - started, 1))
    record_property("settled_after_s", round(time.monotonic() - ended, 1))
    states = Counter(entry.code or entry.state for shop in terminals for entry in rush.entries(shop))
    record_property("outcomes", dict(states))
    assert set(states) == {"received"}, states
    assert_receipts_and_book_agree(town, cycle, rush)


def test_an_ingest_killed_as_soon_as_its_commit_is_seen_doubles_nothing(
    town: Town, cycle_and_window: tuple[UUID, UUID], wired: Wired
) -> None:
    cycle, window = cycle_and_window
    wire = wired(town.enrol(SHOPS[-1]))
    sent = {}
    for _ in range(3):
        burst = [wire.envelope(ordering(window, K3=1)) for _ in range(20)]
        for envelope in burst:
            wire.send("order.place", envelope)

        def first_is_committed(first: Envelope = burst[0]) -> bool:
            wire.send("order.place", first)  # nobody may have listened yet
            return town.has_order(SHOPS[-1], first.id)

        until("the first commit", first_is_committed, within_s=30)
        town.kill("ingest")
        burst.append(wire.envelope(ordering(window, K3=1)))  # its receipt shows that the next ingest listens
        sent |= {envelope.id: envelope for envelope in burst}

        def all_answered(burst: list[Envelope] = burst) -> bool:
            missing = [envelope for envelope in burst if not wire.receipts(envelope.id)]
            for envelope in missing:
                wire.send("order.place", envelope)
            return not missing

        until("a receipt for each", all_answered, within_s=30)
    assert {wire.receipt(order).outcome for order in sent} == {"accepted"}
    found = [UUID(row["id"]) for row in town.orders(cycle) if row["retailer"] == SHOPS[-1]]
    assert len(found) == len(set(found))
    assert set(found) == set(sent)


def test_a_late_order_is_refused_by_the_servers_clock_and_a_repeat_hears_the_stored_receipt(
    town: Town, wired: Wired
) -> None:
    identity = town.enrol(SHOPS[-2])
    wire = wired(identity)
    _, window = town.announce(open_for_s=3, grace_s=1)
    seen = until("the window at the device", lambda: wire.window(window), within_s=15)
    order = ordering(window, K1=2)

    fast = wire.envelope(order, sent_at=datetime.now(UTC) + timedelta(hours=48))
    wire.send("order.place", fast)
    assert wire.receipt(fast.id).outcome == "accepted"

    def server_time() -> datetime:
        answer = httpx2.get(f"{town.stage.url}/device/v1/time", timeout=30)
        return ServerTime.model_validate(answer.json()).server_time

    deadline = seen.closes_at + timedelta(seconds=seen.grace_s)
    until("the deadline by the server's clock", lambda: server_time() >= deadline, within_s=30)
    slow = wire.envelope(order, sent_at=seen.opens_at + timedelta(seconds=1))
    wire.send("order.place", slow)
    refused = wire.receipt(slow.id)
    assert (refused.outcome, refused.code) == ("rejected", "window_closed")
    assert refused.at >= deadline

    wire.send("order.place", slow)
    assert wire.receipt(slow.id, count=2) == refused
    by_http = Receipt.model_validate(over_http(town, identity, "up/order.place", slow).json())
    assert by_http == refused

    other_body = slow.model_copy(update={"data": ordering(window, K1=3).model_dump(mode="json")})
    wire.send("order.place", other_body)
    reused = until(
        "the refusal of the used id",
        lambda: next((receipt for receipt in wire.receipts(slow.id) if receipt.code == "id_reused"), None),
        within_s=15,
    )
    assert reused.outcome == "rejected"
    alerts = [alert for alert in town.alerts("message.id_reused") if alert["subject"] == f"message:{slow.id}"]
    assert [alert["actor"] for alert in alerts] == [f"device:{identity.device}"]
    stored = {item.key: item.data for item in feed_of(town, identity)}
    assert stored[f"receipt:{slow.id}"]["code"] == "window_closed"
    assert not town.has_order(SHOPS[-2], slow.id)


def test_the_same_id_with_another_body_leaves_the_accepted_order_as_it_was(
    town: Town, cycle_and_window: tuple[UUID, UUID], wired: Wired
) -> None:
    _, window = cycle_and_window
    identity = town.enrol(SHOPS[-3])
    wire = wired(identity)
    first = wire.envelope(ordering(window, K1=2))
    wire.send("order.place", first)
    accepted = wire.receipt(first.id)
    assert accepted.outcome == "accepted"
    changed = first.model_copy(update={"data": ordering(window, K1=200).model_dump(mode="json")})
    answer = over_http(town, identity, "up/order.place", changed)
    assert answer.json()["code"] == "id_reused"
    assert f"message:{first.id}" in {alert["subject"] for alert in town.alerts("message.id_reused")}
    kept = town.planner.get(f"/api/v1/orders/{SHOPS[-3]}/{first.id}")
    assert (kept["revision"], kept["lines"]) == (1, [{"sku": "K1", "quantity_units": 2}])


def test_a_killed_database_comes_back_with_every_receipted_order(
    town: Town, cycle_and_window: tuple[UUID, UUID], wired: Wired
) -> None:
    _, window = cycle_and_window
    wire = wired(town.enrol(SHOPS[-4]))
    before = wire.send("order.place", ordering(window, K1=1))
    assert wire.receipt(before).outcome == "accepted"

    killed = until("the database", lambda: town.pid_of("database"), within_s=30)
    os.kill(killed, signal.SIGKILL)
    during = wire.send("order.place", ordering(window, K1=1))  # the broker takes it, ingest waits for the database
    until("another database", lambda: town.pid_of("database") not in {None, killed}, within_s=30)
    until("/readyz", town.is_ready, within_s=30)
    assert wire.receipt(during, within_s=30).outcome == "accepted"
    assert town.has_order(SHOPS[-4], before)
    assert wired(town.enrol(SHOPS[-5])), "the broker still learns of new devices"


def test_when_the_supervisor_is_killed_everything_it_started_ends(town: Town) -> None:
    children = town.children()
    assert len(children) >= 6
    town.stage.process.kill()
    town.stage.process.wait(10)
    deadline = time.monotonic() + ENDED_WITHIN_S
    while left := [" ".join(words[-2:]) for pid, words in children.items() if _runs(pid)]:
        assert time.monotonic() < deadline, f"still running: {left}"
        time.sleep(0.05)  # between two looks


def _runs(pid: int) -> bool:
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8")
    except (FileNotFoundError, ProcessLookupError):
        return False
    return stat.rpartition(")")[2].split()[0] not in "ZX"

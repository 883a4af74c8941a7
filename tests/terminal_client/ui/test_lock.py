"""What the lock lets through, on the screens."""

import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from werkzeug.test import Client, TestResponse

from contract.device_api import Enrolled, Enrolment
from contract.envelope import Envelope
from terminal_client.app import Terminal
from terminal_client.core import drafts, outbox, use_cases
from terminal_client.ui import serve

OURS = {"Origin": "http://localhost"}


class Till:
    """An enrolled terminal with an open window."""

    def __init__(self, folder: Path, make: Any) -> None:
        self.clock = make.clock()
        self.server = make.server(self.clock)
        self.wires = make.wires(self.server)
        self.chance = make.chance(3)
        self.terminal = Terminal(folder, "http://127.0.0.1:9", clock=self.clock, transport=self.wires)
        self.terminal.store.keep_identity(make.enrolled(self.server.now()))
        self.server.reference = make.reference(make.item())
        self.terminal.engine.start()
        self.window = make.window(self)
        for _ in range(3):
            self.clock.forward(700)
            self.terminal.engine.handle(make.tick)
            self.wires.all_travel()
        self.client = Client(serve.web(self.terminal))

    def get(self, path: str, **headers: str) -> TestResponse:
        return self.client.get(path, headers=headers)

    def tap(self, path: str, **form: str) -> TestResponse:
        return self.client.post(path, data=form, headers=OURS)

    def guard(self) -> None:
        self.tap("/pins", role="owner", pin="2468", again="2468")
        self.tap("/pins", role="clerk", pin="1111", again="1111")
        self.tap("/lock/now")


@pytest.fixture
def till(tmp_path: Path, make: Any) -> Iterator[Till]:
    made = Till(tmp_path / "terminal", make)
    yield made
    made.terminal.close()


def test_without_pins_nothing_asks_for_one(till: Till) -> None:
    assert till.get("/order").status_code == 200
    assert till.get("/pins").status_code == 200
    assert 'id="idle"' not in till.get("/order").text


def test_a_locked_terminal_shows_nothing_but_the_lock_and_goes_on_where_one_was(till: Till) -> None:
    till.guard()
    asked = till.get("/order?show=all")
    assert asked.headers["Location"] == "/lock?back=%2Forder%3Fshow%3Dall"
    assert till.tap("/order/step", sku="GOLD", way="up").headers["Location"] == "/lock?back=%2Forder"
    assert till.get("/order/live", **{"HX-Request": "true"}).headers["HX-Redirect"].startswith("/lock")
    assert drafts.read(till.terminal.store, till.window.window).lines == ()
    opened = till.tap("/lock", pin="1111", back="/order?show=all")
    assert opened.headers["Location"] == "/order?show=all"
    assert till.get("/order?show=all").status_code == 200


def test_language_and_type_can_be_changed_on_a_locked_terminal(till: Till) -> None:
    till.guard()
    assert till.tap("/settings", language="en").status_code == 303
    assert "Locked." in till.get("/lock").text


def test_what_is_the_owners_asks_a_clerk_for_the_owners_pin(till: Till) -> None:
    till.guard()
    till.tap("/lock", pin="1111")
    for method, path in (("GET", "/pins"), ("POST", "/pins"), ("POST", "/pins/choose"), ("POST", "/forecast")):
        asked = till.get(path) if method == "GET" else till.tap(path)
        assert asked.headers["Location"].startswith("/lock?"), path
        assert "owner=1" in asked.headers["Location"]
    page = till.tap("/lock", pin="1111", owner="1", back="/pins")
    assert "这是店员密码" in page.text
    assert till.tap("/lock", pin="2468", owner="1", back="/pins").headers["Location"] == "/pins"
    assert till.get("/pins").status_code == 200


def test_it_locks_by_itself_warns_before_and_keeps_the_draft(till: Till) -> None:
    till.guard()
    till.tap("/lock", pin="1111")
    till.tap("/order/step", sku="GOLD", way="up")
    assert 'data-idle-ms="300000" data-warn-ms="30000"' in till.get("/order").text
    till.clock.forward(timedelta(minutes=4))
    till.get("/banner")
    till.get("/order/live", **{"HX-Request": "true"})
    till.clock.forward(timedelta(minutes=1))
    assert till.get("/order").status_code == 303
    till.tap("/lock", pin="1111")
    assert drafts.read(till.terminal.store, till.window.window).lines[0].quantity_units == 12


def test_a_touch_keeps_it_open(till: Till) -> None:
    till.guard()
    till.tap("/lock", pin="1111")
    till.clock.forward(timedelta(minutes=4))
    assert till.tap("/lock/still-here").status_code == 204
    till.clock.forward(timedelta(minutes=4))
    assert till.get("/order").status_code == 200


def test_above_his_amount_a_clerk_needs_the_owner_and_who_it_was_goes_along(till: Till) -> None:
    till.tap("/pins/choose", most="2000")
    till.guard()
    till.tap("/lock", pin="1111")
    store = till.terminal.store
    till.tap("/order/step", sku="GOLD", way="up")
    asked = till.tap("/order/submit")
    assert asked.headers["Location"] == "/lock?back=%2Forder&owner=1"
    assert outbox.count_waiting(store) == 0
    till.tap("/lock", pin="2468", owner="1", back="/order")
    till.tap("/order/submit")
    (entry,) = outbox.queued(store)
    assert entry.by == "owner"
    sent = outbox.envelope(store, entry.id, device="d-12")
    assert Envelope.decode(sent.encode()).by == "owner"


def test_below_his_amount_a_clerk_orders_alone(till: Till) -> None:
    till.tap("/pins/choose", most="3000")
    till.guard()
    till.tap("/lock", pin="1111")
    till.tap("/order/step", sku="GOLD", way="up")
    assert till.tap("/order/submit").headers["Location"] == "/order?show=mine"
    assert outbox.queued(till.terminal.store)[0].by == "clerk"


def test_without_pins_nobody_is_named(till: Till) -> None:
    use_cases.set_draft_line(till.terminal.shop, till.window.window, "GOLD", 12)
    use_cases.submit_draft(till.terminal.shop, till.window.window)
    (entry,) = outbox.queued(till.terminal.store)
    assert entry.by is None


def test_too_many_wrong_ones_are_said_with_the_time_to_wait(till: Till) -> None:
    till.guard()
    assert "还可以试 4 次" in till.tap("/lock", pin="0000").text
    for _ in range(4):
        page = till.tap("/lock", pin="0000").text
    assert "30 秒后可再试" in page
    assert re.search(r'data-wait-ms="30000"', page)
    assert till.tap("/lock", pin="2468").status_code == 200
    assert till.get("/order").status_code == 303


@pytest.mark.parametrize("back", ["//evil.example", "https://evil.example", "/lock", "/\\\\evil.example", ""])
def test_the_way_back_stays_inside(till: Till, back: str) -> None:
    till.guard()
    assert till.tap("/lock", pin="1111", back=back).headers["Location"] == "/order"


def let_in(till: Till, monkeypatch: pytest.MonkeyPatch, enrolled: Enrolled) -> None:
    """Let the distributor confirm whatever key is shown with a code, at once."""
    now = till.server.now()
    confirmed = Enrolment(state="confirmed", fingerprint="ab" * 32, expires_at=now, enrolled=enrolled, server_time=now)
    monkeypatch.setattr("terminal_client.app.enrol", lambda *_args, **_more: confirmed)


def test_a_new_code_clears_forgotten_pins_and_keeps_everything_else(
    till: Till, make: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    till.guard()
    use_cases.set_draft_line(till.terminal.shop, till.window.window, "GOLD", 12)
    let_in(till, monkeypatch, make.enrolled(till.server.now(), device="d-13"))
    assert till.get("/lock/forgotten").status_code == 200
    assert till.tap("/lock/forgotten", code="ABCD1234").headers["Location"] == "/pins"
    assert till.get("/order").status_code == 200
    assert drafts.read(till.terminal.store, till.window.window).lines[0].quantity_units == 12


def test_a_code_of_another_shop_opens_nothing(till: Till, make: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    till.guard()
    let_in(till, monkeypatch, make.enrolled(till.server.now(), retailer="R-99"))
    assert "另一家店" in till.tap("/lock/forgotten", code="ABCD1234").text
    assert till.get("/order").status_code == 303

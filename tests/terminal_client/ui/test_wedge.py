"""A scanner that types into a real browser: nothing is lost, nothing counts twice, nothing stays in a field.

The browser's clock stands still while keys come, so that no machine is too slow to scan.
"""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from browser import screens
from playwright.sync_api import Browser, Locator, Page, Route, expect
from till import ALSO_BLUE, BLUE, DEADLINE_S, GOLD, Till

from contract.feed import Delivery, ShippedLine

pytestmark = pytest.mark.system
START = "2027-03-21T12:00:00Z"
BY_HAND_MS = 180


class Counter:
    """A page of a terminal, with a scanner that is a keyboard."""

    def __init__(self, page: Page, url: str, till: Till) -> None:
        self.page, self.url, self.till = page, url, till
        self.errors: list[str] = []
        page.on("console", lambda said: self.errors.append(said.text) if said.type == "error" else None)
        page.on("pageerror", lambda error: self.errors.append(str(error)))

    def open(self, path: str) -> None:
        self.page.goto(self.url + path)

    def quiet(self) -> None:
        """Let the page's clock run on."""
        self.page.clock.run_for(600)

    def shows(self, found: Locator) -> bool:
        """Let the page's clock run on by one look at the terminal, and say whether the page has come to show it."""
        self.page.clock.run_for(2_000)
        return found.is_visible()

    def scan(self, text: str, end: str = "Enter", gap_ms: int = 0) -> None:
        for key in [*text, *([end] if end else [])]:
            self.page.keyboard.press({"\x1d": "Control+]"}.get(key, key))
            if gap_ms:
                self.page.clock.run_for(gap_ms)

    def says(self, words: str) -> None:
        expect(self.page.locator("#scanned")).to_contain_text(words, timeout=DEADLINE_S * 1000)

    def draft_is(self, **units: int) -> None:
        assert self.till.terminal.wait_until(lambda: self.till.draft() == units, deadline_s=DEADLINE_S), (
            self.till.draft()
        )


@pytest.fixture
def counter(chromium: Browser, till: Till) -> Iterator[Counter]:
    with screens(till.terminal) as address:
        page = chromium.new_page(viewport={"width": 1024, "height": 600})
        page.clock.install(time=START)
        page.clock.pause_at("2027-03-21T12:00:01Z")
        here = Counter(page, address, till)
        yield here
        page.close()
    assert here.errors == []


def test_a_scan_adds_a_pack_and_leaves_the_field_that_had_the_focus_as_it_was(counter: Counter) -> None:
    counter.open("/order?show=all")
    counter.page.focus("#q")
    counter.scan("go", end="", gap_ms=BY_HAND_MS)
    counter.scan(GOLD)
    counter.says("now 12 in the order")
    counter.draft_is(GOLD=12)
    assert counter.page.input_value("#q") == "go"


def test_the_row_of_the_goods_is_shown_and_marked(counter: Counter) -> None:
    counter.open("/order?show=all")
    counter.scan(BLUE)
    expect(counter.page.locator(f"#row-{b'BLUE'.hex()}.picked .amount")).to_have_text("1")


@pytest.mark.parametrize("end", ["Enter", "Tab"])
def test_two_scans_at_once_are_two(counter: Counter, end: str) -> None:
    counter.open("/order?show=all")
    counter.scan(GOLD, end)
    counter.scan(GOLD, end)
    counter.draft_is(GOLD=24)


@pytest.mark.parametrize(
    ("keyed", "ordered"),
    [
        ([BLUE] * 10, {"BLUE": 10}),
        ([BLUE, "2", BLUE, "2"], {"BLUE": 4}),
        ([BLUE, "2", GOLD, BLUE, "2"], {"BLUE": 4, "GOLD": 12}),
        ([BLUE, "12", GOLD], {"BLUE": 12, "GOLD": 12}),
        ([BLUE, ALSO_BLUE], {"BLUE": 2}),
    ],
)
def test_ten_scans_are_ten_and_a_number_after_a_scan_says_how_many_of_it_there_are(
    counter: Counter, keyed: list[str], ordered: dict[str, int]
) -> None:
    counter.open("/order?show=all")
    for each in keyed:
        by_hand = len(each) < len(BLUE)
        counter.scan(each, end="" if by_hand else "Enter", gap_ms=BY_HAND_MS if by_hand else 0)
    counter.page.clock.run_for(2_000)
    counter.draft_is(**ordered)


def test_a_number_is_whole_at_enter_and_means_nothing_once_the_scan_is_no_longer_shown(counter: Counter) -> None:
    counter.open("/order?show=all")
    counter.scan(BLUE)
    counter.says("now 1 in the order")
    counter.scan("3", gap_ms=BY_HAND_MS)
    counter.says("now 3 in the order")
    counter.page.clock.run_for(10_000)
    counter.scan("2", gap_ms=BY_HAND_MS)
    counter.page.clock.run_for(2_000)
    counter.scan(GOLD)
    counter.draft_is(BLUE=3, GOLD=12)


def test_a_scan_while_the_number_of_another_item_is_open_leaves_that_number_alone(counter: Counter) -> None:
    for _ in range(3):
        counter.till.scan(BLUE)
    counter.open("/order?show=all&pad=BLUE")
    counter.page.focus("#figure")
    counter.scan(GOLD)
    counter.says("now 12 in the order")
    counter.draft_is(BLUE=3, GOLD=12)


def test_half_a_scan_that_never_ended_is_no_part_of_the_next_one(counter: Counter) -> None:
    counter.open("/order?show=all")
    counter.scan(GOLD[:7], end="")
    counter.page.clock.run_for(10_000)
    counter.scan(BLUE)
    counter.draft_is(BLUE=1)


def test_what_a_hand_types_is_no_scan(counter: Counter) -> None:
    counter.open("/order?show=all")
    counter.page.focus("#q")
    counter.scan(GOLD, end="", gap_ms=BY_HAND_MS)
    counter.quiet()
    assert counter.page.input_value("#q") == GOLD
    counter.scan(BLUE)
    counter.draft_is(BLUE=1)


def test_half_a_scan_is_refused_and_taken_out_of_the_field(counter: Counter) -> None:
    counter.open("/order?show=all")
    counter.page.focus("#q")
    counter.scan(GOLD[:8], end="")
    counter.quiet()
    counter.says("check digit")
    assert counter.page.input_value("#q") == ""
    counter.draft_is()


def test_separators_arrive_and_control_keys_spoil_the_scan(counter: Counter) -> None:
    counter.open("/order?show=all")
    counter.scan(f"010{GOLD}10L7\x1d17281200")
    counter.says("Batch L7. Good until 2028-12-31.")
    counter.scan("6901234")
    counter.page.keyboard.press("Escape")
    counter.quiet()
    counter.draft_is(GOLD=12)


def test_a_long_burst_is_one_refusal_and_the_screen_goes_on(counter: Counter) -> None:
    counter.open("/order?show=all")
    counter.scan("1" * 600)
    counter.says("far too much")
    counter.scan(GOLD)
    counter.draft_is(GOLD=12)


def test_an_answer_that_is_lost_on_the_way_counts_the_scan_once(counter: Counter) -> None:
    counter.open("/order?show=all")
    lost: list[int] = []

    def lose(route: Route) -> None:
        if route.request.method == "POST" and len(lost) < 2:
            lost.append(route.fetch().status)
            route.abort()
        else:
            route.continue_()

    counter.page.route("**/scans", lose)
    counter.scan(GOLD)
    _until(counter, lambda: len(lost) == 2)
    counter.quiet()
    counter.says("now 12 in the order")
    counter.draft_is(GOLD=12)
    assert [error for error in counter.errors if "ERR_FAILED" not in error] == []
    counter.errors.clear()


def _until(counter: Counter, holds: Callable[[], bool]) -> None:
    for _ in range(int(DEADLINE_S * 10)):
        if holds():
            return
        counter.quiet()
        counter.page.evaluate("() => fetch('/static/icon.svg').then(() => 0)")
    raise AssertionError("it did not come to pass")


def test_a_scan_survives_leaving_the_page(counter: Counter) -> None:
    counter.open("/order?show=all")
    counter.page.route("**/scans", lambda route: route.abort())
    counter.scan(GOLD)
    counter.page.wait_for_function("() => JSON.parse(sessionStorage.getItem('scans') || '[]').length === 1")
    counter.page.unroute("**/scans")
    counter.open("/order?show=all")
    counter.draft_is(GOLD=12)
    counter.errors.clear()


def test_on_a_delivery_the_scan_leads_to_the_line(counter: Counter, make: Any) -> None:
    made = []
    for number, sku in ((1, "BLUE"), (2, "GOLD")):
        delivery = Delivery(
            delivery=make.id(counter.till.clock.at_ms + number, counter.till.chance),
            number=number,
            cycle=counter.till.window.cycle,
            state="shipped",
            shipped_at=counter.till.server.now(),
            lines=(ShippedLine(sku=sku, shipped_units=24, granted_units=24),),
        )
        counter.till.server.tell(f"delivery:{delivery.delivery}", "delivery", delivery)
        made.append(delivery.delivery)
    counter.till.hear()
    counter.open(f"/deliveries/{made[0]}")
    counter.scan(GOLD)
    expect(counter.page.locator(f"#row-{b'GOLD'.hex()}.picked")).to_be_visible(timeout=DEADLINE_S * 1000)
    counter.says("delivery #2")
    assert counter.page.url.endswith(f"/deliveries/{made[1]}")


def test_a_scanner_at_the_machine_is_heard_by_the_open_screen(counter: Counter) -> None:
    counter.till.store.choose("scanner", "/dev/input/evenhand-scanner")
    counter.open("/order?show=all")
    counter.till.terminal.counter.scans.arrive(GOLD)
    counter.till.terminal.counter.scans.arrive(BLUE)
    counter.quiet()
    counter.draft_is(GOLD=12, BLUE=1)


def test_after_a_print_has_failed_the_open_page_offers_it_again(counter: Counter) -> None:
    till = counter.till
    till.store.choose("printer", "usb:/dev/usb/lp0")
    order = till.order()
    till.travel()
    till.paper.fault = "paper_out"
    counter.open(f"/orders/{order}/slip")
    counter.page.get_by_role("button", name="Print").click()
    failed = counter.page.get_by_role("alert").filter(has_text="The paper is used up")
    assert till.terminal.wait_until(lambda: counter.shows(failed), deadline_s=DEADLINE_S)
    till.paper.fault = None
    counter.page.get_by_role("button", name="Print again").click()
    assert till.terminal.wait_until(lambda: len(till.paper.printed) == 1, deadline_s=DEADLINE_S)
    assert len(till.server.inbox) == 1


def test_goods_that_are_not_among_the_rows_shown_are_found_and_shown(counter: Counter) -> None:
    counter.open("/order?show=scarce")
    expect(counter.page.locator("#rows .row")).to_have_count(0)
    counter.scan(BLUE)
    expect(counter.page.locator(f"#row-{b'BLUE'.hex()}.picked .amount")).to_have_text("1", timeout=DEADLINE_S * 1000)
    assert counter.page.input_value("#q") == "BLUE"

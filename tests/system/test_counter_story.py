"""At a shop's counter: the first order of a person who has never seen it, power cuts, a bad scanner and printer."""

import os
import re
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest
from fake_printer import FakePrinter
from people import Screen, enrols, row_id, screen
from playwright.sync_api import Browser, Locator, Route, expect
from shop_machine import ShopMachine
from street import GOLD, GOLD_CODE, GOLD_PACK, NAMES, Street, street

from contract.texts import Language
from terminal_client.adapters.scanner import EV_KEY, EVENT
from terminal_client.core.store import Store

pytestmark = [pytest.mark.system, pytest.mark.slow]

OPEN_FOR = timedelta(hours=2)
NAME: dict[Language, str] = {"en": "This week", "zh": "本周"}
TAPS_MOST = 3
RECEIVED_MS = 120_000
#: What the browser's console says of a terminal without power, and of an answer that never came.
NO_POWER = re.compile(r"Failed to load resource: net::ERR_|htmx:(sendError|afterRequest)")

KEY_OF = dict(zip("1234567890", range(2, 12), strict=True))
ENTER, ESCAPE = 28, 1
UNKNOWN, MISREAD = "4000000000006", GOLD_CODE[:-1] + "3"


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Street]:
    with street(tmp_path_factory.mktemp("counter")) as found:
        yield found


@pytest.fixture
def faults() -> Iterator[list[str]]:
    found: list[str] = []
    yield found
    assert [fault for fault in found if not NO_POWER.search(fault)] == []


@dataclass(frozen=True)
class Counter:
    """A shop's machine, the person before it, and the cycle whose window is open."""

    name: str
    machine: ShopMachine
    shop: Screen
    cycle: str
    here: Street

    def more(self, sku: str = GOLD) -> Locator:
        return self.shop.page.locator(f"#more-{row_id(sku)}")

    def amount(self, sku: str = GOLD) -> Locator:
        return self.shop.page.locator(f"#row-{row_id(sku)} .amount")

    def received(self) -> None:
        """Wait until the screen says that the order was received, with its number.

        Time that leaps looks like a connection that is long dead: the terminal may wait for its slowest reconnection.
        """
        expect(self.shop.page.locator(".truth.ok")).to_contain_text(re.compile(r"#\d+"), timeout=RECEIVED_MS)

    def ordered(self) -> list[tuple[int, dict[str, int]]]:
        """Return what the server holds of this shop's cycle: revision and units of each order."""
        return [(each["revision"], each["units"]) for each in self.here.orders(self.cycle)]


@pytest.fixture(params=["zh", "en"])
def counter(
    request: pytest.FixtureRequest, chromium: Browser, here: Street, faults: list[str], tmp_path: Path
) -> Iterator[Counter]:
    """A shop that is enrolled, its window open; its scanner, which it may never use, is a pipe at ``tmp_path``."""
    language: Language = request.param
    name = here.take_shop()
    os.mkfifo(tmp_path / "scanner")
    with closing(Store(here.folder / name)) as store:
        store.choose("scanner", str(tmp_path / "scanner"))
    with here.machine(name) as machine:
        shop = screen(chromium, "terminal_client", language, machine.address, "terminal", faults)
        enrols(shop, here.code_for(name), here.planner)
        cycle, _ = here.window_for(name, NAME[language], lasts=OPEN_FOR)
        found = Counter(name, machine, shop, cycle, here)
        expect(found.more()).to_be_enabled()
        yield found
        shop.page.context.close()


class Taps:
    """Counts what a finger does."""

    def __init__(self) -> None:
        self.count = 0

    def tap(self, act: Callable[[], object]) -> None:
        self.count += 1
        act()


def test_a_person_who_has_never_seen_it_orders_and_the_next_time_the_same_again(counter: Counter) -> None:
    shop, saved = counter.shop, counter.shop.page.locator(".truth.wait, .truth.ok")
    shop.page.goto("/")
    first = Taps()
    first.tap(counter.more().click)
    first.tap(lambda: shop.tap("Submit the order"))
    expect(saved).to_contain_text(re.compile(f"{shop.words('Saved on this terminal.')}|#"))
    assert first.count <= TAPS_MOST
    counter.received()
    shop.look()

    counter.here.time.forward(OPEN_FOR)
    cycle, _ = counter.here.window_for(counter.name, NAME[shop.language] + " 2", lasts=OPEN_FOR)
    shop.page.goto("/")
    again = Taps()
    again.tap(lambda: shop.tap("The same as last time"))
    again.tap(lambda: shop.tap("Submit the order"))
    counter.received()
    assert again.count <= TAPS_MOST
    assert [each["units"] for each in counter.here.orders(cycle)] == [{GOLD: GOLD_PACK}]


def test_power_cuts_between_taps_and_while_it_submits(counter: Counter) -> None:
    shop, page, machine = counter.shop, counter.shop.page, counter.machine
    for packs in (1, 2):
        counter.more().click()
        expect(counter.amount()).to_have_text(str(packs * GOLD_PACK))
    counter.more().click(no_wait_after=True)
    machine.lose_power()
    shown = int(counter.amount().inner_text())
    says_that_it_is_away(shop)
    counter.more().click()
    shop.says(
        "Your last tap may not have counted: once this note is gone, look, and tap again if it did not.", within="#away"
    )
    shop.look()
    machine.switch_on()
    comes_back(shop)
    kept = as_kept(counter)
    assert kept in {shown, shown + GOLD_PACK}
    expect(counter.amount()).to_have_text(str(kept))

    cut_while(shop, "before it arrives", machine)
    shop.tap("Submit the order")
    says_that_it_is_away(shop)
    machine.switch_on()
    comes_back(shop)
    shop.says("A draft, on this terminal only. It counts once it is submitted and received.")
    assert counter.ordered() == []

    cut_while(shop, "after it is saved", machine)
    shop.tap("Submit the order")
    says_that_it_is_away(shop)
    machine.switch_on()
    taps_again_what_is_shown(shop)
    page.goto("/order?show=mine")
    counter.received()
    shop.look()
    assert counter.ordered() == [(1, {GOLD: kept})]

    shop.tap("Change the order")
    counter.more().click()
    expect(counter.amount()).to_have_text(str(kept + GOLD_PACK))
    page.locator("#go button.primary").click(no_wait_after=True)
    machine.lose_power()
    machine.switch_on()
    comes_back(shop)
    page.goto("/order?show=mine")
    expect(page.locator(".truth")).to_be_visible()
    if page.locator("form[action='/order/submit']").count():
        shop.tap("Submit the change")
    counter.received()
    assert counter.ordered() == [(2, {GOLD: kept + GOLD_PACK})]


def says_that_it_is_away(shop: Screen) -> None:
    shop.says("This terminal's program does not answer.", within="#away")


def comes_back(shop: Screen) -> None:
    """The page recovers without a hand."""
    expect(shop.page.locator("#away")).to_be_hidden()
    expect(shop.page.locator("#banner .word").first).to_have_text(shop.words("Connected"))


def as_kept(counter: Counter) -> int:
    """Return the units of the draft, as a fresh page shows them."""
    fresh = counter.shop.page.context.new_page()
    fresh.goto("/order?show=mine")
    units = int(fresh.locator(f"#row-{row_id(GOLD)} .amount").inner_text())
    fresh.close()
    return units


def cut_while(shop: Screen, when: str, machine: ShopMachine) -> None:
    """Let the power fail at the next submission, before it reaches the program or before the answer leaves it."""

    def fail(route: Route) -> None:
        if when == "after it is saved":
            assert route.fetch(max_redirects=0).status == 303
        machine.lose_power()
        route.abort("connectionreset")

    shop.page.route("**/order/submit", fail, times=1)


def taps_again_what_is_shown(shop: Screen) -> None:
    """Tap *Submit* once more where the page still shows it: it does not know yet that the order was saved."""
    shop.page.evaluate("document.querySelector(\"form[action='/order/submit']\")?.requestSubmit()")
    comes_back(shop)


def keys(*codes: int, at_ms: int) -> bytes:
    """What a scanner at the machine sends for keys."""
    at = divmod(at_ms, 1000)
    return b"".join(EVENT.pack(at[0], at[1] * 1000, EV_KEY, code, value) for code in codes for value in (1, 0))


class Scanner:
    """A scanner at the machine."""

    def __init__(self, pipe: int) -> None:
        self._pipe = pipe
        self._at_ms = 1_800_000_000_000

    def scans(self, *texts: str, also: tuple[int, ...] = (), apart_ms: int = 1_000) -> None:
        """Send scans a time apart, each with other keys before its end."""
        for text in texts:
            self._at_ms += apart_ms
            left = keys(*(KEY_OF[letter] for letter in text), *also, ENTER, at_ms=self._at_ms)
            while left:
                left = left[os.write(self._pipe, left) :]


@contextmanager
def plugged_in(path: Path) -> Iterator[Scanner]:
    """Hold a scanner at the machine until the end."""
    pipe = os.open(path, os.O_RDWR)
    yield Scanner(pipe)
    os.close(pipe)


def test_a_scanner_that_stammers_and_a_printer_that_fails_cost_no_order_and_make_none(
    counter: Counter, tmp_path: Path
) -> None:
    shop = counter.shop
    shop.page.goto("/order?show=all")
    gold = NAMES[shop.language][GOLD]
    with plugged_in(tmp_path / "scanner") as scanner:
        scanner.scans(GOLD_CODE)
        hears(shop, "{name}: now {total} in the order.", name=gold, total=GOLD_PACK)
        scanner.scans(GOLD_CODE, GOLD_CODE, apart_ms=20)
        hears(shop, "{name}: now {total} in the order.", name=gold, total=3 * GOLD_PACK)
        shop.look()
        scanner.scans(UNKNOWN)
        hears(shop, "{text}: these goods are not in your catalogue.", text=UNKNOWN)
        scanner.scans(MISREAD)
        hears(shop, "Not read rightly: the check digit is wrong. Scan again.")
        scanner.scans(GOLD_CODE, also=(ESCAPE,))
        hears(shop, "The scanner sent keys that no code holds. Scan again; if it stays so, look at its settings.")
        scanner.scans("1" * 10_240)
        hears(shop, "The scanner sent far too much. Scan again; if it stays so, look at its settings.")
        shop.look()
    expect(counter.amount()).to_have_text(str(3 * GOLD_PACK))
    shop.tap("Submit the order")
    counter.received()
    prints_with_every_fault(counter)
    assert counter.ordered() == [(1, {GOLD: 3 * GOLD_PACK})]


def hears(shop: Screen, text: str, /, **fields: object) -> None:
    expect(shop.page.locator("#scanned")).to_contain_text(shop.words(text).format_map(fields))


def prints_with_every_fault(counter: Counter) -> None:
    """No printer, no paper, pulled out in the middle: said in words, and printed at last by the same tap."""
    shop, page, printer = counter.shop, counter.shop.page, FakePrinter(state={4: 0x72})
    page.goto("/orders")
    shop.tap("Receipt", role="link")
    shop.says("No printer is chosen.")
    expect(page.locator("#go button.primary")).to_be_disabled()
    shop.look()
    slip = page.url
    shop.tap("Printer and scanner", role="link")
    page.locator("input[name=printer]").fill(printer.address)
    shop.tap("Set")
    shop.says("Tap below; a slip comes out, and what went wrong is said here.")
    shop.look()

    page.goto(slip)
    shop.tap("Print")
    shop.says("The paper is used up. Put in a new roll.")
    shop.says("Nothing else has changed: what was ordered or confirmed stands.")
    expect(page.locator("#banner a[href='/counter']")).to_be_visible()
    shop.look()
    printer.state[4], printer.dies_after = 0x12, 4_000
    shop.tap("Print again")
    shop.says("The printer was unplugged or switched off while it printed.")
    printer.dies_after = None
    shop.tap("Print again")
    shop.says("Printed; the printer says so.")
    expect(page.locator("#banner a[href='/counter']")).to_have_count(0)
    shop.look()
    assert bytes(printer.got).endswith(b"\x1dV\x00\x1dr\x01")
    printer.close()

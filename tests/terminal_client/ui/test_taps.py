"""A shopkeeper who taps faster than the screen is drawn: every tap counts, and no tap leads to another page."""

from collections.abc import Iterator

import pytest
from browser import screens
from playwright.sync_api import Browser, Page, Request, expect
from till import DEADLINE_S, Till

from terminal_client.core import outbox
from terminal_client.core.views import stock

pytestmark = pytest.mark.system
ITEMS = [f"ITEM-{number}" for number in range(12)]
#: Tap the button of an item as it stands on the page at that moment.
MORE = "sku => document.getElementById('more-' + sku).click()"
#: Let every row be drawn anew, so many times, and tap a button of each new one before the browser does anything else.
AS_THEY_ARE_DRAWN = """
skus => new Promise(done => {
  const left = [...skus];
  document.addEventListener("htmx:oobAfterSwap", function tap(event) {
    if (event.detail.target.id !== "rows") return;
    document.getElementById("more-" + left.shift()).click();
    if (!left.length) { document.removeEventListener("htmx:oobAfterSwap", tap); done(); }
  });
  const draw = () => { if (left.length) { htmx.trigger(document.body, "news"); setTimeout(draw, 30); } };
  draw();
})
"""


class Shop:
    """A page of a terminal; it knows which pages were loaded and which taps came without our script."""

    def __init__(self, page: Page, url: str, till: Till) -> None:
        self.page, self.url, self.till = page, url, till
        self.loaded: list[str] = []
        self.bare: list[str] = []
        page.on("request", self._look)

    def _look(self, request: Request) -> None:
        if request.is_navigation_request():
            self.loaded.append(request.url)
        if request.method == "POST" and "hx-request" not in request.headers:
            self.bare.append(request.url)

    def open(self, path: str) -> None:
        self.page.goto(self.url + path)
        self.page.wait_for_function("() => window.htmx !== undefined")
        self.loaded.clear()

    def draft_is(self, units: dict[str, int]) -> None:
        till = self.till
        assert till.terminal.wait_until(lambda: till.draft() == units, deadline_s=DEADLINE_S), till.draft()


def hexed(sku: str) -> str:
    return sku.encode().hex()


@pytest.fixture
def shop(chromium: Browser, till: Till) -> Iterator[Shop]:
    make = till.make
    till.store.keep_reference(make.reference(*(make.item(sku, pack_units=1) for sku in ITEMS)))
    with screens(till.terminal) as address:
        page = chromium.new_page(viewport={"width": 800, "height": 480})
        here = Shop(page, address, till)
        yield here
        page.close()
    assert here.loaded == []
    assert here.bare == []


def test_taps_on_rows_that_are_this_moment_drawn_anew_all_count(shop: Shop) -> None:
    shop.open("/order?show=all")
    shop.page.evaluate(AS_THEY_ARE_DRAWN, [hexed(sku) for sku in ITEMS * 2])
    shop.draft_is(dict.fromkeys(ITEMS, 2))


def test_taps_faster_than_answers_all_count_on_one_line_and_on_many(shop: Shop) -> None:
    shop.open("/order?show=all")
    shop.page.evaluate(f"skus => skus.forEach({MORE})", [hexed(sku) for sku in [*ITEMS[:1] * 9, *ITEMS, *ITEMS]])
    shop.draft_is({ITEMS[0]: 11} | dict.fromkeys(ITEMS[1:], 2))


def test_what_is_painted_in_the_end_is_what_was_tapped(shop: Shop) -> None:
    shop.open("/order?show=all")
    shop.page.evaluate(f"skus => skus.forEach({MORE})", [hexed(sku) for sku in ITEMS * 3])
    shop.draft_is(dict.fromkeys(ITEMS, 3))
    shop.page.wait_for_function(
        "() => [...document.querySelectorAll('#rows .amount')].every(each => each.textContent === '3')"
    )
    expect(shop.page.locator("#slip-lines .line b")).to_have_text(["3"] * len(ITEMS))


def test_an_order_that_is_submitted_at_once_has_all_that_was_tapped_before(shop: Shop) -> None:
    shop.open("/order?show=all")
    shop.page.evaluate(MORE, hexed(ITEMS[0]))
    button = "form[action='/order/submit'] button"
    shop.page.wait_for_selector(button)
    shop.page.evaluate(
        f"([skus, button]) => {{ skus.forEach({MORE}); document.querySelector(button).click(); }}",
        [[hexed(sku) for sku in ITEMS[:5] * 2], button],
    )
    assert shop.till.terminal.wait_until(lambda: placed(shop) != {}, deadline_s=DEADLINE_S)
    shop.page.wait_for_selector("form[action='/order/amend'] button")
    assert placed(shop) == {ITEMS[0]: 3} | dict.fromkeys(ITEMS[1:5], 2)


def test_what_stands_in_the_pad_is_set_and_seen_before_it_is_submitted(shop: Shop) -> None:
    shop.open("/order?show=all")
    shop.page.evaluate(MORE, hexed(ITEMS[0]))
    shop.draft_is({ITEMS[0]: 1})
    shop.page.click(f"#row-{hexed(ITEMS[0])} .amount")
    shop.page.wait_for_selector(".pad")
    for digit in "13":
        shop.page.click(f".pad .key:text-is('{digit}')")
    shop.page.click("form[action='/order/submit'] button")
    shop.draft_is({ITEMS[0]: 13})
    shop.page.wait_for_selector(".pad", state="detached")
    assert placed(shop) == {}
    shop.page.click("form[action='/order/submit'] button")
    shop.page.wait_for_selector("form[action='/order/amend'] button")
    assert placed(shop) == {ITEMS[0]: 13}


def placed(shop: Shop) -> dict[str, int]:
    said = outbox.of_kinds(shop.till.store, "order.place")
    return {line["sku"]: line["quantity_units"] for entry in said for line in entry.data["lines"]}


@pytest.mark.parametrize("path", ["/licence", "/score", "/forecast", "/stock/day", "/stock/expiring"])
def test_a_tap_leads_to_the_whole_page_from_a_part_that_asks_for_news(shop: Shop, path: str) -> None:
    """What an element around a link selects of its own answers is not what the tap asks for."""
    shop.open(path)
    expected = shop.page.locator("#main").inner_text(), shop.page.locator("#go").inner_text()
    shop.open("/stock")
    shop.page.click(f"aside a[href='{path}']")
    shop.page.wait_for_url(shop.url + path)
    shop.page.wait_for_function("title => document.querySelector('#main').innerText === title", arg=expected[0])
    shop.page.wait_for_function("text => document.querySelector('#go').innerText === text", arg=expected[1])


def test_each_of_many_quick_sales_is_entered(shop: Shop) -> None:
    shop.open("/stock/till")
    sell = "sku => document.querySelector(`form input[value='${sku}'] ~ button`).click()"
    shop.page.evaluate(f"skus => skus.forEach({sell})", [ITEMS[0]] * 4 + [ITEMS[1]])

    def sold() -> dict[str, int]:
        found = [(item.sku, move.units) for move, item in stock.sold_since(shop.till.store, 0)]
        return {sku: sum(units for each, units in found if each == sku) for sku in ITEMS[:2]}

    assert shop.till.terminal.wait_until(lambda: sold() == {ITEMS[0]: 4, ITEMS[1]: 1}, deadline_s=DEADLINE_S), sold()

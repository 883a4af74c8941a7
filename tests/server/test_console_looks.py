"""Every page of the console in a browser: axe finds nothing, and none is wider than a telephone, in both languages."""

from collections.abc import Iterator
from http import HTTPStatus

import pytest
from browser import violations
from on_a_port import on_a_port
from playwright.sync_api import Browser, Page
from seeded import EVERYTHING, Network

pytestmark = [pytest.mark.system, pytest.mark.slow]

DESK, TELEPHONE = {"width": 1440, "height": 900}, {"width": 360, "height": 740}
#: What reaches beyond the telephone's edge, outside of what can be scrolled by itself.
TOO_WIDE = """() => {
  const wide = document.documentElement.clientWidth;
  if (document.documentElement.scrollWidth <= wide) return [];
  const scrolled = (each) => {
    for (let one = each.parentElement; one && one !== document.body; one = one.parentElement)
      if (getComputedStyle(one).overflowX !== "visible") return true;
    return false;
  };
  return [...document.querySelectorAll("body *")]
    .filter((each) => each.checkVisibility() && each.getBoundingClientRect().right > wide + 1 && !scrolled(each))
    .map((each) => `${each.tagName.toLowerCase()}.${each.className} "${each.textContent.trim().slice(0, 40)}"`)
    .slice(0, 3);
}"""


@pytest.mark.parametrize("language", ["zh", "en"])
def test_every_page_is_accessible_and_fits_a_telephone(chromium: Browser, network: Network, language: str) -> None:
    token = network.sign_in(f"ann {language}", *EVERYTHING)
    bad: list[str] = []
    seen = 0
    with on_a_port(network.browser.app) as port:
        base = f"http://127.0.0.1:{port}"
        context = chromium.new_context(viewport=DESK, base_url=base)
        chosen = {"evenhand": token, "lang": language}
        context.add_cookies([{"name": name, "value": value, "url": base} for name, value in chosen.items()])
        page = context.new_page()
        for one in network.pages:
            if "<html" not in network.browser.get(one.address).text:
                continue  # a file, or a part that a page loads
            seen += 1
            bad += [f"{one.route}: {fault}" for fault in faults_of(page, one.address)]
        two_on_one(page, next(one.address for one in network.pages if one.route == "/console/retailers/edit"))
        bad += [f"two on one draft: {fault}" for fault in faults_shown(page)]
        context.close()
    assert not bad, "\n".join(bad)
    assert seen > len(network.pages) / 2


def faults_of(page: Page, address: str) -> Iterator[str]:
    """Yield what is wrong with a page at a desk and on a telephone."""
    page.goto(address, wait_until="load")
    yield from faults_shown(page)


def two_on_one(page: Page, address: str) -> None:
    """Leave a page at what the second of two people reads who change one shop."""
    page.goto(address, wait_until="load")
    with page.context.new_page() as other:
        other.goto(address, wait_until="load")
        number = other.locator("#f-address").input_value() + "1"
        other.locator("#f-address").fill(number)
        with other.expect_navigation():
            other.locator("main form .button.primary").click()
    page.locator("#f-address").fill("2")
    with page.expect_navigation() as answered:
        page.locator("main form .button.primary").click()
    assert answered.value is not None
    assert answered.value.status == HTTPStatus.CONFLICT


def faults_shown(page: Page) -> Iterator[str]:
    """Yield what is wrong with what a page shows, at a desk and on a telephone."""
    page.set_viewport_size(DESK)
    yield from violations(page)
    page.set_viewport_size(TELEPHONE)
    yield from page.evaluate(TOO_WIDE)

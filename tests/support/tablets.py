"""Somebody who works a tablet in a browser: what is tapped, and what the page then shows."""

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from browser import FLAGS, chromium_path
from playwright.sync_api import BrowserContext, Error, Page, Playwright, expect, sync_playwright

from firmware_sim.conformance.driving import CannotError

SOON_MS = 60_000
SIZE: Any = {"width": 1024, "height": 600}
expect.set_options(timeout=SOON_MS)


def code_link(server: str, code: str) -> str:
    """Return the address that the console's sheet of codes shows."""
    return f"{server}/tablet/#code={code}"


def begin(page: Page, server: str, code: str, language: str) -> None:
    """Open the address with the code, choose the language and ask to be let in."""
    page.goto(code_link(server, code))
    page.locator(f"[data-language={language}]").click()
    expect(page.locator("#code")).to_have_value(code)
    page.locator("#enrol").click()


def sees_goods(page: Page) -> None:
    """Wait until there is something to order."""
    expect(page.locator("#rows .row").first).to_be_visible()


def count_to(page: Page, sku: str, units: int) -> None:
    """Tap plus or minus of an item until it stands at ``units``.

    Raises
    ------
    CannotError
        They are no whole packs: there is no key for that.
    """
    row = page.locator(f"[data-sku='{sku}']")
    pack = int(row.get_attribute("data-pack") or 1)
    if units % pack:
        raise CannotError(f"packs of {pack} are counted, and {units} units are no whole packs")
    amount = row.locator(".amount")
    while (now := int(amount.inner_text())) != units:
        step, after = ("more", now + pack) if now < units else ("less", now - pack)
        page.locator(f"[id='{step}-{sku}']").click()
        expect(amount).to_have_text(str(after))


def submit(page: Page, *, taps: int = 1) -> None:
    """Submit what was counted by so many taps at once, and wait until the page says something of this act."""
    before = page.locator("#act").get_attribute("data-act") or ""
    expect(page.locator("#submit")).to_be_enabled()
    page.locator("#submit").evaluate("(button, taps) => { while (taps--) button.click(); }", taps)
    expect(page.locator("#act")).not_to_have_attribute("data-act", before)
    expect(page.locator("#act")).to_have_attribute("data-act", re.compile("."))


class TabletDriver:
    """Works a tablet as ``evenhand contract check`` asks; its browser is a real one, with a disk of its own."""

    def __init__(self, playwright: Playwright, folder: Path) -> None:
        self._playwright, self._folder = playwright, folder
        self._server = ""
        self._context = self._start()

    def _start(self) -> BrowserContext:
        context = self._playwright.chromium.launch_persistent_context(
            self._folder, executable_path=chromium_path(), args=FLAGS, viewport=SIZE, locale="en-GB"
        )
        context.set_default_timeout(SOON_MS)
        return context

    @property
    def page(self) -> Page:
        return self._context.pages[0]

    def do(self, step: str, facts: Mapping[str, Any]) -> Mapping[str, Any]:
        """Carry out a step."""
        answer: dict[str, Any] = {"done": True}
        match step:
            case "enrol":
                self._server = facts["server"]
                begin(self.page, self._server, facts["code"], "en")
                expect(self.page.locator("#line")).to_be_visible()
            case "order":
                self._choose(facts["window"])
                self._ask_for(facts["sku"], facts["units"])
            case "amend":
                self._ask_for(facts["sku"], facts["units"])
            case "restart":
                self._power_cut()
            case "show":
                shown = self.page.locator("[data-shows]").first
                expect(shown).to_be_attached()
                answer["shows"] = shown.get_attribute("data-shows")
        return answer

    def _choose(self, window: str) -> None:
        """Wait for the window; where several are open, tap the one that is meant."""
        page = self.page
        expect(page.locator(f"[data-window='{window}']").first).to_be_visible()
        if page.locator(f"button[data-window='{window}']").count():
            page.locator(f"button[data-window='{window}']").click()
        sees_goods(page)

    def _ask_for(self, sku: str, units: int) -> None:
        count_to(self.page, sku, units)
        submit(self.page)

    def _power_cut(self) -> None:
        """End the browser as a power cut does: it has no time to write anything."""
        crash = self._context.new_cdp_session(self.page)
        with suppress(Error):
            crash.send("Browser.crash")
        with suppress(Error):
            self._context.close()
        self._context = self._start()
        self.page.goto(f"{self._server}/tablet/")

    def end(self) -> None:
        self._context.close()


@contextmanager
def tablet_driver(folder: Path) -> Iterator[TabletDriver]:
    """Start a browser with its data below ``folder``; end it on leaving."""
    with sync_playwright() as playwright:
        driver = TabletDriver(playwright, folder)
        try:
            yield driver
        finally:
            driver.end()

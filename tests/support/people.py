"""A person before a browser: what it reads, taps and waits for; and whatever is wrong with a page it looks at.

With ``STORY_PICTURES=folder`` every page that is looked at is kept there as a picture.
"""

import os
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from gettext import NullTranslations
from itertools import count
from pathlib import Path
from typing import Any

from browser import SIZES, violations
from playwright.sync_api import Browser, Page, expect

from contract import signing
from contract.texts import Language, translations
from firmware_sim.identities import confirm
from firmware_sim.stage import Person, Stage

#: What the worker, a terminal or a page that looks by itself may take on a busy machine.
SOON_MS = 45_000
PICTURES = os.environ.get("STORY_PICTURES")
expect.set_options(timeout=SOON_MS)
_numbers = count(1)


@dataclass(frozen=True)
class Screen:
    """A person before a page, reading one language."""

    page: Page
    language: Language
    texts: NullTranslations
    faults: list[str]

    def words(self, text: str) -> str:
        """Return a text of the catalogue in the person's language."""
        return self.texts.gettext(text)

    def go(self, path: str) -> None:
        """Open a page and look at it."""
        self.page.goto(path)
        self.look()

    def look(self) -> None:
        """Hold the page to account: nothing for axe to report, nothing wider than the screen."""
        where = self.page.url
        self.faults.extend(f"{where}: {fault}" for fault in violations(self.page))
        width = self.page.viewport_size["width"] if self.page.viewport_size else 0
        if self.page.evaluate("document.documentElement.scrollWidth") > width:
            self.faults.append(f"{where}: wider than the screen")
        if PICTURES:
            name = re.sub(r"[^a-z]+", "-", where.partition("//")[2].partition("/")[2])[:40].strip("-")
            self.page.screenshot(path=Path(PICTURES) / f"{next(_numbers):03}-{self.language}-{name}.png")
            self.page.evaluate(
                "for (const left of document.querySelectorAll('[style=\"\"]')) left.removeAttribute('style')"
            )

    def says(self, text: str, /, *, within: str = "main", **fields: object) -> None:
        """Wait until a text of the catalogue stands on the page, its fields filled in."""
        said = self.words(text).format_map(fields) if fields else self.words(text)
        expect(self.page.locator(within).get_by_text(said).first).to_be_visible(timeout=SOON_MS)

    def tap(self, name: str, *, role: Any = "button", within: str = "main, footer") -> None:
        """Tap what carries a text of the catalogue, once it is there."""
        found = self.page.locator(within).get_by_role(role, name=re.compile(rf"^\s*{re.escape(self.words(name))}"))
        found.first.click(timeout=SOON_MS)


def screen(chromium: Browser, package: str, language: Language, address: str, size: str, faults: list[str]) -> Screen:
    """Open a browser of one's own at an address."""
    width, height = SIZES[size]
    context = chromium.new_context(
        base_url=address, viewport={"width": width, "height": height}, reduced_motion="reduce"
    )
    context.add_cookies([{"name": "lang", "value": language, "url": address}])
    context.set_default_timeout(SOON_MS)
    context.set_default_navigation_timeout(SOON_MS)
    page = context.new_page()
    page.on("console", lambda said: faults.append(f"{page.url}: {said.text}") if said.type == "error" else None)
    page.on("pageerror", lambda error: faults.append(f"{page.url}: {error}"))
    return Screen(page, language, translations(package, language), faults)


def soon(page: Page, holds: Callable[[], bool]) -> bool:
    """Ask again, a moment apart, until it holds or the time is up."""
    deadline = datetime.now(UTC) + timedelta(milliseconds=SOON_MS)
    while not holds():
        if datetime.now(UTC) > deadline:
            return False
        page.wait_for_timeout(300)
    return True


def desk(chromium: Browser, stage: Stage, name: str, language: Language, faults: list[str]) -> Screen:
    """Sign a person in to the console with a one-use link."""
    at = screen(chromium, "server", language, stage.url, "desk", faults)
    at.go(stage.link_for(name))
    at.tap("Go on")
    expect(at.page.locator("#side")).to_be_visible()
    return at


def code_for(planner: Person, shop: str) -> str:
    """Return a one-use code of a shop."""
    return str(planner.post("/api/v1/devices/codes", {"retailers": [shop]})[0]["code"])


def row_id(sku: str) -> str:
    """Return how a SKU stands in the ids of the terminal's pages: any name fits into an id that way."""
    return sku.encode().hex()


def enrols(shop: Screen, code: str, keeper: Person) -> None:
    """Choose the language and type the code on the keys of the screen; an operator compares and confirms."""
    shop.page.goto("/")
    shop.page.locator(f"button[name=language][value={shop.language}]").click()
    expect(shop.page.locator("html")).to_have_attribute("lang", {"zh": "zh-Hans", "en": "en"}[shop.language])
    shop.look()
    for letter in code.replace("-", ""):
        shop.page.locator(f"[data-press='={letter}']").click()
    shop.tap("Enrol this terminal")
    digits = shop.page.locator(".fingerprint")
    expect(digits).to_be_visible(timeout=SOON_MS)
    shop.look()
    waiting = [one["fingerprint"] for one in keeper.every("/api/v1/devices/enrolments")]
    same = [one for one in waiting if signing.shown(one) == digits.get_attribute("aria-label")]
    assert len(same) == 1, waiting
    confirm(keeper, same)
    shop.page.wait_for_url("**/order", timeout=SOON_MS)
    expect(shop.page.locator("#rows .row").first).to_be_visible(timeout=SOON_MS)
    expect(shop.page.locator("#banner .word").first).to_have_text(shop.words("Connected"), timeout=SOON_MS)
    shop.look()

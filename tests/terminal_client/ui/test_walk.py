"""Every screen of the terminal in every state, at the sizes that it has: whole, in reach, and to be read."""

from pathlib import Path
from typing import Any, NamedTuple

import pytest
from playwright.sync_api import Browser, Page
from walk import arrive, standing, walks
from walk.measuring import DRAWN, FAULTS, OUT_OF_PLACE

pytestmark = [pytest.mark.system, pytest.mark.slow]


class Look(NamedTuple):
    """A screen's name, its width and height in CSS pixels, and the size of its type."""

    name: str
    width: int
    height: int
    type: str


LOOKS = (
    Look("counter", 1024, 600, "normal"),
    Look("small", 800, 480, "normal"),
    Look("small, large type", 800, 480, "large"),
    Look("phone", 360, 740, "normal"),
)


@pytest.mark.parametrize("language", ["zh", "en"])
def test_every_state_of_every_screen_is_whole_and_in_reach(
    chromium: Browser, tmp_path: Path, make: Any, language: str
) -> None:
    page = chromium.new_page(viewport={"width": LOOKS[0].width, "height": LOOKS[0].height})
    bad: list[str] = []
    for number, states in enumerate(walks()):
        with standing(states, tmp_path / str(number), make) as (till, addresses):
            till.store.choose("language", language)
            for state, address in zip(states, addresses, strict=True):
                page.set_viewport_size({"width": LOOKS[0].width, "height": LOOKS[0].height})
                arrive(page, state, address)
                for look in LOOKS:
                    take(page, look)
                    found = page.evaluate(OUT_OF_PLACE) + page.evaluate(FAULTS)
                    bad += [f"{state.name}, {look.name}: {one}" for one in found]
            page.goto("about:blank")
    page.close()
    assert not bad, "\n".join(bad)


def take(page: Page, look: Look) -> None:
    """Give the page a screen and a size of type, as if it had been opened there, and wait until it is drawn."""
    page.set_viewport_size({"width": look.width, "height": look.height})
    page.evaluate("(size) => { document.documentElement.dataset.size = size; }", look.type)
    page.evaluate(DRAWN)

"""Every screen of the terminal in every state, at the sizes that it has: whole, in reach, and to be read."""

from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser
from walk import arrive, standing, walks
from walk.measuring import FAULTS, OUT_OF_PLACE

pytestmark = [pytest.mark.system, pytest.mark.slow]

LOOKS: dict[str, tuple[int, int, str, tuple[str, ...]]] = {
    "counter": (1024, 600, "normal", ("zh", "en")),
    "small": (800, 480, "normal", ("zh", "en")),
    "small, large type": (800, 480, "large", ("en",)),
    "phone": (360, 740, "normal", ("zh", "en")),
}


@pytest.mark.parametrize("look", LOOKS)
def test_every_state_of_every_screen_is_whole_and_in_reach(
    chromium: Browser, tmp_path: Path, make: Any, look: str
) -> None:
    width, height, type_, languages = LOOKS[look]
    page = chromium.new_page(viewport={"width": width, "height": height})
    bad: list[str] = []
    for number, states in enumerate(walks()):
        with standing(states, tmp_path / str(number), make) as (till, addresses):
            till.store.choose("size", type_)
            for state, address in zip(states, addresses, strict=True):
                for language in languages:
                    till.store.choose("language", language)
                    arrive(page, state, address)
                    found = page.evaluate(OUT_OF_PLACE) + page.evaluate(FAULTS)
                    bad += [f"{state.name} {language}: {one}" for one in found]
            page.goto("about:blank")
    page.close()
    assert bad == []

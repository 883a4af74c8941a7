"""A photo in a real browser with a camera that moves a picture: taken, made small, kept; and no choice without one."""

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from browser import FLAGS, screens, violations
from playwright.sync_api import Browser, Page, expect, sync_playwright

from contract.photos import MOST_BYTES, measure
from terminal_client.core import feedback_use_cases, photos
from tests.terminal_client.ui.test_screens import busy, counter

__all__ = ["busy", "counter"]  # the fixtures of a terminal in the middle of its week
pytestmark = [pytest.mark.system, pytest.mark.slow]

CAMERA = ["--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream"]
DENIED = ["--use-fake-device-for-media-stream", "--deny-permission-prompts"]


@contextmanager
def chromium(*more: str) -> Iterator[Browser]:
    path = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=[*FLAGS, *more])
        yield browser
        browser.close()


@pytest.fixture
def served(busy: Any) -> Iterator[Callable[[Browser], Page]]:
    """Open the last step of a complaint in a browser."""
    feedback_use_cases.keep(busy.shop, kind="complaint", category="goods", words="wet")

    def open_page(browser: Browser) -> Page:
        context = browser.new_context(viewport={"width": 1024, "height": 600}, base_url=address)
        page: Page = context.new_page()
        page.goto("/say/send")
        return page

    with screens(busy.terminal) as address:
        yield open_page


def test_a_photo_is_taken_made_small_and_kept_at_once(busy: Any, served: Callable[[Browser], Page]) -> None:
    busy.store.choose("language", "en")
    with chromium(*CAMERA) as browser:
        page = served(browser)
        page.get_by_role("button", name="Add a photo").click()
        expect(page.locator("dialog.camera video")).to_be_visible()
        page.get_by_role("button", name="Take the photo").click()
        expect(page.get_by_role("img", name="Photo 1")).to_be_visible()
        expect(page.get_by_role("button", name="Add a photo")).to_be_visible()
        assert violations(page) == []
        (kept,) = photos.of_draft(busy.store, photos.FEEDBACK)
        content, media_type = photos.content(busy.store, kept.sha256)
        assert media_type == "image/jpeg"
        assert measure(content).fits
        assert len(content) <= MOST_BYTES
        page.get_by_role("button", name="Take photo 1 away").click()
        expect(page.get_by_role("img", name="Photo 1")).to_have_count(0)
        assert photos.of_draft(busy.store, photos.FEEDBACK) == []


def test_a_camera_that_may_not_be_used_is_said_and_nothing_is_lost(
    busy: Any, served: Callable[[Browser], Page]
) -> None:
    busy.store.choose("language", "en")
    with chromium(*DENIED) as browser:
        page = served(browser)
        page.get_by_role("button", name="Add a photo").click()
        expect(page.get_by_role("alert")).to_contain_text("The camera cannot be used just now")
        expect(page.locator("dialog.camera")).to_be_hidden()


def test_without_a_camera_the_choice_is_not_there(busy: Any, served: Callable[[Browser], Page]) -> None:
    busy.store.choose("language", "en")
    with chromium() as browser:
        page = served(browser)
        assert page.evaluate("navigator.mediaDevices.enumerateDevices().then((found) => found.length)") == 0
        expect(page.get_by_role("button", name="Send", exact=True)).to_be_visible()
        expect(page.locator("[data-take]")).to_be_hidden()

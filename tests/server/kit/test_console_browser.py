"""The style guide in a real browser: accessible, operable by keyboard, whole at every width, in every state."""

import socket
import threading
from collections.abc import Iterator

import pytest
import uvicorn
from browser import SIZES, violations
from console_style import guide
from playwright.sync_api import Browser, BrowserContext, Page, expect

pytestmark = [pytest.mark.system, pytest.mark.slow]


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    """Serve the style guide on a free port."""
    listening = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(guide.app(), log_level="error", ws="none"))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{listening.getsockname()[1]}"
    server.should_exit = True
    thread.join(timeout=10)
    listening.close()


@pytest.fixture
def person(chromium: Browser, address: str) -> Iterator[BrowserContext]:
    """One person with cookies of their own, reading English at a desk."""
    width, height = SIZES["desk"]
    context = chromium.new_context(
        base_url=address, viewport={"width": width, "height": height}, locale="en-GB", reduced_motion="reduce"
    )
    context.grant_permissions(["clipboard-read", "clipboard-write"], origin=address)
    yield context
    context.close()


@pytest.fixture
def page(person: BrowserContext) -> Iterator[Page]:
    """A page whose console stays silent."""
    opened = person.new_page()
    complaints: list[str] = []
    opened.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    opened.on("pageerror", lambda error: complaints.append(str(error)))
    yield opened
    assert [text for text in complaints if "status of 422" not in text] == []


@pytest.mark.parametrize(
    ("size", "theme", "language"),
    [
        ("desk", "light", "zh"),
        ("desk", "dark", "en"),
        ("terminal", "light", "en"),
        ("phone", "light", "en"),
        ("phone", "dark", "zh"),
    ],
)
def test_every_part_is_accessible_and_fits(page: Page, address: str, size: str, theme: str, language: str) -> None:
    choices = {"lang": language, "theme": theme}
    page.context.add_cookies([{"name": name, "value": value, "url": address} for name, value in choices.items()])
    width, height = SIZES[size]
    page.set_viewport_size({"width": width, "height": height})
    for path in ("/console/style", "/console/bare", "/console/fault/422"):
        page.goto(path)
        assert violations(page) == [], path
        assert page.evaluate("document.documentElement.scrollWidth") <= width, path


def test_the_letters_are_our_own_and_nothing_comes_from_outside(page: Page, address: str) -> None:
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto("/console/style")
    page.evaluate("document.fonts.ready")
    assert page.evaluate("document.fonts.check('600 16px \"IBM Plex Sans\"')")
    assert [url for url in asked if not url.startswith(address)] == []
    assert [url for url in asked if url.endswith(".woff2")] != []


def test_the_first_key_offers_to_skip_to_the_content(page: Page) -> None:
    page.goto("/console/bare")
    page.evaluate("document.activeElement.blur()")
    page.keyboard.press("Tab")
    expect(page.locator(".skip")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("main")).to_be_focused()


def test_a_dialog_opens_and_closes_by_keyboard_and_gives_the_focus_back(page: Page) -> None:
    page.goto("/console/style")
    opener = page.get_by_role("button", name="Send to a second person")
    opener.focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("dialog", name="Send draft 2 to a second person?")).to_be_visible()
    assert violations(page) == []
    page.keyboard.press("Escape")
    expect(opener).to_be_focused()


def test_what_cannot_be_taken_back_is_asked_first(page: Page) -> None:
    page.goto("/console/style")
    withdraw = page.get_by_role("button", name="Withdraw")
    withdraw.click()
    question = page.locator("#confirm")
    expect(question).to_contain_text("Withdraw the supply of Yunling Gold?")
    question.get_by_role("button", name="Go back").click()
    expect(question).to_be_hidden()
    assert page.url.endswith("/console/style")
    withdraw.click()
    question.get_by_role("button", name="Withdraw").click()
    expect(page.locator(".notice.ok")).to_contain_text("Saved")


def test_what_was_typed_is_back_after_leaving_and_gone_after_sending(page: Page) -> None:
    page.goto("/console/style")
    reason = page.get_by_label("Reason of the correction")
    reason.fill("the truck was late")
    page.goto("/console/fault/422")
    page.goto("/console/style")
    expect(reason).to_have_value("the truck was late")
    page.get_by_role("button", name="Save as a new version").click()
    expect(page.locator(".notice.ok")).to_be_visible()
    page.goto("/console/style")
    expect(reason).to_have_value("")


def test_fields_of_one_name_get_back_each_its_own(page: Page) -> None:
    page.goto("/console/style")
    first, second = page.get_by_label("Limit of tier 1"), page.get_by_label("Limit of tier 2")
    second.fill("40")
    page.goto("/console/style")
    expect(second).to_have_value("40")
    expect(first).to_have_value("")


def test_a_hash_is_copied_whole(page: Page) -> None:
    page.goto("/console/style")
    page.get_by_role("button", name="Copy 8c1f9d20").click()
    expect(page.locator(".toast")).to_have_text("Copied")
    assert page.evaluate("navigator.clipboard.readText()") == (
        "8c1f9d20a7be41c6e02ab1f09c7735d1f0c2a4e8b6d9730155aa9071ce33e02a"
    )


def test_searching_narrows_the_list_and_stands_in_the_address(page: Page) -> None:
    page.goto("/console/style")
    page.get_by_role("searchbox").press_sequentially("harbour")
    expect(page.locator("#list tbody tr")).to_have_count(1)
    narrowed = page.url
    assert "q=harbour" in narrowed
    expect(page.locator("#list-summary")).to_contain_text("Show all")
    page.get_by_role("searchbox").fill("nothing like it")
    expect(page.get_by_text("Nothing fits this search")).to_be_visible()
    assert violations(page) == []
    page.goto(narrowed)
    expect(page.locator("#list tbody tr")).to_have_count(1)
    expect(page.get_by_role("searchbox")).to_have_value("harbour")


def test_the_rooms_open_from_the_foot_of_a_phone(page: Page) -> None:
    page.set_viewport_size({"width": 360, "height": 740})
    page.goto("/console/style")
    rooms = page.get_by_role("link", name="Catalogue")
    expect(rooms).to_be_hidden()
    page.get_by_role("button", name="More").click()
    expect(rooms).to_be_visible()
    assert violations(page) == []
    page.keyboard.press("Escape")
    expect(rooms).to_be_hidden()


def test_a_list_works_without_scripts(chromium: Browser, address: str) -> None:
    context = chromium.new_context(base_url=address, java_script_enabled=False, locale="en-GB")
    page = context.new_page()
    page.goto("/console/style")
    page.get_by_role("searchbox").fill("harbour")
    page.keyboard.press("Enter")
    expect(page.locator("#list tbody tr")).to_have_count(1)
    context.close()

"""The e-file in a real browser: its parts come by themselves, axe finds nothing, paper holds no button."""

from collections.abc import Iterator

import pytest
from browser import SIZES, keep_picture, violations
from on_a_port import on_a_port
from playwright.sync_api import Browser, expect
from seeded import Network
from sqlalchemy import text

from server.kit.db import transaction
from server.rooms import RETAILER_SECTIONS

pytestmark = [pytest.mark.system, pytest.mark.slow]


@pytest.fixture(scope="module")
def served(network: Network) -> Iterator[tuple[str, str, str]]:
    """A seeded network: the server's address, the token of somebody who may see all, a shop that ordered."""
    token = network.sign_in("eve", "planner", "administrator", "inspector", "manager")
    with transaction(network.runtime.sessions) as session:
        code = session.scalar(text("SELECT retailer FROM orders ORDER BY number DESC LIMIT 1"))
    with on_a_port(network.browser.app) as port:
        yield f"http://127.0.0.1:{port}", token, str(code)


@pytest.mark.parametrize("language", ["en", "zh"])
def test_an_e_file_comes_whole_and_prints_without_a_button(
    chromium: Browser, served: tuple[str, str, str], language: str
) -> None:
    address, token, code = served
    for size in ("desk", "phone"):
        width, height = SIZES[size]
        context = chromium.new_context(viewport={"width": width, "height": height})
        cookies = {"evenhand": token, "lang": language}
        context.add_cookies([{"name": name, "value": value, "url": address} for name, value in cookies.items()])
        page = context.new_page()
        page.goto(f"{address}/console/retailers/file?code={code}")
        expect(page.locator("[aria-busy]")).to_have_count(0, timeout=60_000)
        for part in RETAILER_SECTIONS:
            expect(page.locator(f"#part-{part.key}")).to_have_count(1)
        assert violations(page) == []
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        keep_picture(page, f"efile-{language}-{size}")
        if size == "desk":
            words = f"{language}: closed on Mondays"
            page.locator("#part-standing textarea[name=words]").last.fill(words)
            page.locator("#part-standing form").last.locator("button").click()
            expect(page.locator("#part-standing .words").first).to_have_text(words)
            page.locator("#part-standing details summary").first.click()
            assert violations(page) == []
            keep_picture(page, f"efile-{language}-{size}-note", whole=False)
        page.locator(".index a").nth(5).click()
        expect(page.locator(".index")).to_be_in_viewport()
        keep_picture(page, f"efile-{language}-{size}-below", whole=False)
        page.emulate_media(media="print")
        expect(
            page.locator(".efile .button:visible, .efile input:visible, .index:visible, .side:visible")
        ).to_have_count(0)
        page.emulate_media(media="screen")
        page.goto(f"{address}/console/retailers/timeline?code={code}&part=deliveries")
        assert violations(page) == []
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        keep_picture(page, f"efile-{language}-{size}-timeline", whole=False)
        if language == "zh" or size == "phone":
            page.goto(f"{address}/console/retailers/closing?code={code}")
            assert violations(page) == []
            keep_picture(page, f"efile-{language}-{size}-closing", whole=False)
            page.goto(f"{address}/console/retailers/archives?code={code}")
            assert violations(page) == []
            keep_picture(page, f"efile-{language}-{size}-archives", whole=False)
            page.locator("input[name=reason]").fill("asked by letter")
            page.locator("main .form button").click()
            expect(page.locator("progress")).to_be_visible()
            assert violations(page) == []
            keep_picture(page, f"efile-{language}-{size}-archive", whole=False)
            page.goto(f"{address}/console/retailers?licence=valid&terminal=yes")
            assert violations(page) == []
            assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
            keep_picture(page, f"efile-{language}-{size}-list", whole=False)
        context.close()

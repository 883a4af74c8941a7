"""The e-file in a real browser: its parts come by themselves, axe finds nothing, paper holds no button."""

import contextlib
import os
import socket
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from browser import SIZES, violations
from playwright.sync_api import Browser, Page, expect
from sqlalchemy import text

from contract.ids import uuid7
from loadtests import seeding
from server import migrations
from server.app import create_app
from server.kit import embedded, serving
from server.kit.db import make_engine, make_sessions, transaction
from server.kit.identity import SYSTEM
from server.kit.runtime import Runtime
from server.kit.settings import Settings
from server.operators import service as operators
from server.rooms import RETAILER_SECTIONS

pytestmark = [pytest.mark.system, pytest.mark.slow]
NOW = datetime(2026, 11, 25, 1, 0, tzinfo=UTC)
SMALL = seeding.Size(retailers=30, skus=24, cycles=4, months=14, complaints=70, announcements=4)


@pytest.fixture
def served(postgres: embedded.Cluster) -> Iterator[tuple[str, str, str]]:
    """A seeded network: the server's address, the token of somebody who may see all, a shop that ordered."""
    made = postgres.create_database(f"seen_{uuid7().hex}")
    migrations.upgrade(made.owner_url, app_role="evenhand_app")
    engine = make_engine(made.app_url, pool=5)
    settings = Settings(database_url=made.app_url, zone="Asia/Shanghai", second_factor_required=False)
    runtime = Runtime(settings, engine, make_sessions(engine), lambda: NOW, None)
    with contextlib.ExitStack() as ending:
        ending.callback(engine.dispose)
        seeding.fill(runtime, SMALL)
        with transaction(runtime.sessions) as session:
            roles = ["planner", "administrator", "inspector", "manager"]
            operators.add_operator(session, "ann", roles, by=SYSTEM, at=NOW)
            token = operators.open_session(session, "ann", remote="test", ttl_s=3600, at=NOW).token
            code = session.scalar(text("SELECT retailer FROM orders ORDER BY number DESC LIMIT 1"))
        listening = ending.enter_context(socket.create_server(("127.0.0.1", 0)))
        server = serving.Server(create_app(runtime), log_level="error", ws="none")
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{listening.getsockname()[1]}", token, str(code)
        server.should_exit = True
        thread.join(timeout=30)


def shot(page: Page, name: str, *, whole: bool = True) -> None:
    """Keep a picture where somebody asked for pictures."""
    if folder := os.environ.get("EVENHAND_SHOTS"):
        page.screenshot(path=str(Path(folder) / f"efile-{name}.png"), full_page=whole)


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
        shot(page, f"{language}-{size}")
        if size == "desk":
            words = f"{language}: closed on Mondays"
            page.locator("#part-standing textarea[name=words]").last.fill(words)
            page.locator("#part-standing form").last.locator("button").click()
            expect(page.locator("#part-standing .words").first).to_have_text(words)
            page.locator("#part-standing details summary").first.click()
            assert violations(page) == []
            shot(page, f"{language}-{size}-note", whole=False)
        page.locator(".index a").nth(5).click()
        expect(page.locator(".index")).to_be_in_viewport()
        shot(page, f"{language}-{size}-below", whole=False)
        page.emulate_media(media="print")
        expect(
            page.locator(".efile .button:visible, .efile input:visible, .index:visible, .side:visible")
        ).to_have_count(0)
        if size == "desk" and (folder := os.environ.get("EVENHAND_SHOTS")):
            page.pdf(path=str(Path(folder) / f"efile-{language}.pdf"))
        page.emulate_media(media="screen")
        page.goto(f"{address}/console/retailers/timeline?code={code}&part=deliveries")
        assert violations(page) == []
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        shot(page, f"{language}-{size}-timeline", whole=False)
        if language == "zh" or size == "phone":
            page.goto(f"{address}/console/retailers/closing?code={code}")
            assert violations(page) == []
            shot(page, f"{language}-{size}-closing", whole=False)
            page.goto(f"{address}/console/retailers/archives?code={code}")
            assert violations(page) == []
            shot(page, f"{language}-{size}-archives", whole=False)
            page.locator("input[name=reason]").fill("asked by letter")
            page.locator("main .form button").click()
            expect(page.locator("progress")).to_be_visible()
            assert violations(page) == []
            shot(page, f"{language}-{size}-archive", whole=False)
            page.goto(f"{address}/console/retailers?licence=valid&terminal=yes")
            assert violations(page) == []
            assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
            shot(page, f"{language}-{size}-list", whole=False)
        context.close()

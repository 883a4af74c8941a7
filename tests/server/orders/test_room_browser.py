"""The live pages in a real browser: orders appear by themselves, a reminder goes out, a session that ends is said."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from browser import SIZES, keep_picture, violations
from factories import NOW, make_device, make_retailer, make_sku, make_window, place
from playwright.sync_api import Browser, expect
from sqlalchemy.orm import Session, sessionmaker
from starlette.testclient import TestClient

from server.kit.db import transaction
from server.kit.identity import SYSTEM, Sender
from server.operators import service as operators

pytestmark = [pytest.mark.system, pytest.mark.slow]
WAIT_MS = 60_000


@pytest.fixture
def address(served_port: int) -> str:
    return f"http://127.0.0.1:{served_port}"


@pytest.fixture
def senders(sessions: sessionmaker[Session]) -> dict[str, Sender]:
    made = {}
    with transaction(sessions) as session:
        make_sku(session, "K1")
        for number in range(1, 13):
            code = f"R{number}"
            make_retailer(session, code, region=("hills", "shore", "town")[number % 3], route=f"route {number % 2 + 1}")
            made[code] = make_device(session, code)
    return made


@pytest.mark.parametrize("language", ["en", "zh"])
def test_a_planner_watches_a_window_fill_reminds_and_is_told_when_the_session_ends(
    chromium: Browser,
    address: str,
    signed_in: Callable[..., TestClient],
    sessions: sessionmaker[Session],
    senders: dict[str, Sender],
    language: str,
) -> None:
    with transaction(sessions) as session:
        window = make_window(session)
        for minutes, code in ((30, "R1"), (12, "R2"), (12, "R3"), (3, "R4")):
            place(session, senders[code], window, at=NOW - timedelta(minutes=minutes), K1=5)
    token = signed_in("planner", name="anna").cookies["evenhand"]
    width, height = SIZES["desk"]
    person = chromium.new_context(
        base_url=address, viewport={"width": width, "height": height}, locale="en-GB", reduced_motion="reduce"
    )
    person.add_cookies([{"name": n, "value": v, "url": address} for n, v in (("evenhand", token), ("lang", language))])
    page = person.new_page()
    page.goto(f"/console/windows/{window}")
    part = page.locator("[data-live]")
    expect(part).to_have_attribute("data-live-state", "live", timeout=WAIT_MS)
    came = page.locator(".figure-value").first
    expect(came).to_have_text("4")
    page.locator("details.chart-table summary").first.click()
    with transaction(sessions) as session:
        place(session, senders["R5"], window, K1=5)
    expect(came).to_have_text("5", timeout=WAIT_MS)
    expect(page.locator("details.chart-table").first).to_have_attribute("open", "")
    page.locator("details.chart-table summary").first.click()
    assert violations(page) == []
    keep_picture(page, f"live-room-{language}")

    page.locator(f'a[href="/console/windows/{window}/remind"]').click()
    assert violations(page) == []
    keep_picture(page, f"live-remind-{language}")
    page.locator("main button.primary").click()
    expect(page).to_have_url(f"{address}/console/windows/{window}/reminders")
    with transaction(sessions) as session:
        place(session, senders["R6"], window, K1=5)
    page.reload()
    assert violations(page) == []
    keep_picture(page, f"live-reminders-{language}")

    page.goto("/console/")
    expect(page.locator("[data-live]")).to_have_attribute("data-live-state", "live", timeout=WAIT_MS)
    assert violations(page) == []
    keep_picture(page, f"live-today-{language}")
    page.set_viewport_size({"width": SIZES["phone"][0], "height": SIZES["phone"][1]})
    keep_picture(page, f"live-today-phone-{language}")
    page.goto(f"/console/windows/{window}")
    expect(page.locator("[data-live]")).to_have_attribute("data-live-state", "live", timeout=WAIT_MS)
    keep_picture(page, f"live-room-phone-{language}")
    with transaction(sessions) as session:
        operators.end_sessions(session, "anna", by=SYSTEM, at=NOW)
    expect(page.locator("[data-live]")).to_have_attribute("data-live-state", "over", timeout=WAIT_MS)
    expect(page.locator('[data-live-word="over"]')).to_be_visible()
    assert violations(page) == []
    keep_picture(page, f"live-over-{language}")
    person.close()

"""A passkey in a real browser: Chromium's virtual device makes it in the own account, and it signs in by it."""

import re
from collections.abc import Callable

import pytest
from browser import SIZES, keep_picture, violations
from playwright.sync_api import Browser, expect
from starlette.testclient import TestClient

from server.kit.clock import Clock
from server.kit.db import transaction
from server.kit.runtime import Runtime
from server.operators import queries, service

pytestmark = [pytest.mark.system, pytest.mark.slow]
PASSWORD = "seven quiet herons wade"
WAIT_MS = 60_000
WORDS = {
    "en": ("Add a passkey", "Name of the device", "I have kept them", "Sign in with a passkey"),
    "zh": ("添加通行密钥", "设备名称", "我已妥善保存", "用通行密钥登录"),
}


@pytest.fixture
def address(served_port: int) -> str:
    """Passkeys are bound to a name, and an address of numbers is none."""
    return f"http://localhost:{served_port}"


@pytest.mark.parametrize(("language", "size"), [("en", "desk"), ("zh", "phone")])
def test_somebody_makes_a_passkey_and_signs_in_by_it(
    chromium: Browser,
    address: str,
    signed_in: Callable[..., TestClient],
    runtime: Runtime,
    clock: Clock,
    language: str,
    size: str,
) -> None:
    add, named, kept, sign_in = WORDS[language]
    token = signed_in("releaser", name="ann").cookies["evenhand"]
    with transaction(runtime.sessions) as session:
        found = queries.session_of(session, token, clock())
        assert found is not None
        service.change_password(session, found[0], present="", new=PASSWORD, token=token, at=clock())
    width, height = SIZES[size]
    person = chromium.new_context(base_url=address, viewport={"width": width, "height": height})
    person.set_default_timeout(WAIT_MS)
    person.add_cookies(
        [{"name": "evenhand", "value": token, "url": address}, {"name": "lang", "value": language, "url": address}]
    )
    page = person.new_page()
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text) if message.type == "error" else None)
    device = person.new_cdp_session(page)
    device.send("WebAuthn.enable")
    options = {"protocol": "ctap2", "transport": "internal", "hasResidentKey": True, "hasUserVerification": True}
    held = device.send(
        "WebAuthn.addVirtualAuthenticator",
        {"options": {**options, "isUserVerified": True, "automaticPresenceSimulation": True}},
    )["authenticatorId"]

    page.goto("/console/account")
    keep_picture(page, f"secure-account-{language}-{size}")
    assert violations(page) == []
    page.get_by_label(named).fill("office computer")
    page.locator("#passkey-present").fill("wrong")
    page.get_by_role("button", name=add).click()
    expect(page.locator("form[data-passkey] [data-problem]")).to_be_visible(timeout=WAIT_MS)
    assert device.send("WebAuthn.getCredentials", {"authenticatorId": held})["credentials"] == []
    page.locator("#passkey-present").fill(PASSWORD)
    page.get_by_role("button", name=add).click()
    page.get_by_role("link", name=kept).click()
    expect(page.get_by_text("office computer", exact=True)).to_be_visible(timeout=WAIT_MS)
    keep_picture(page, f"secure-passkey-{language}-{size}")
    assert violations(page) == []

    person.clear_cookies(name="evenhand")
    page.goto("/console/account")
    expect(page.get_by_role("button", name=sign_in)).to_be_visible(timeout=WAIT_MS)
    keep_picture(page, f"secure-sign-in-{language}-{size}")
    assert violations(page) == []
    page.get_by_role("button", name=sign_in).click()
    page.wait_for_url(re.compile("/console/account$"), timeout=WAIT_MS)
    expect(page.get_by_text("office computer", exact=True)).to_be_visible(timeout=WAIT_MS)
    assert [text for text in said if "Content Security Policy" in text] == []
    person.close()

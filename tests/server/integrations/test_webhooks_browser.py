"""The screens of webhooks in a real browser: every state whole at both sizes, axe finds nothing, the act works."""

from typing import Any
from uuid import uuid4

import pytest
from browser import SIZES, keep_picture, violations
from playwright.sync_api import Browser, expect
from sqlalchemy import select
from sqlalchemy.orm import Session, sessionmaker

from server.deliveries.events import ClaimDecided
from server.integrations import messages, webhooks
from server.integrations.models import WebhookMessage
from server.integrations.posting import Allowed, Answer
from server.kit.db import transaction
from server.kit.identity import SYSTEM, Operator
from server.operators import service as operators

pytestmark = [pytest.mark.system, pytest.mark.slow]
ADMINISTRATOR = Operator(1, "root", frozenset({"administrator"}))
LONG = "https://erp.example.com/hooks/evenhand/told-of-everything?tenant=chongqing-tobacco-north&version=2026-11"


@pytest.fixture
def told(sessions: sessionmaker[Session], clock: Any) -> Any:
    """A webhook with a message in each state, one that is stopped, and one that was told of nothing yet."""
    with transaction(sessions) as session:
        webhook, _, stopped = (
            webhooks.make(session, url, wanted, Allowed(), by=ADMINISTRATOR, at=clock())[0]
            for url, wanted in (
                (LONG, ["claim.decided", "order.received"]),
                ("https://bi.example/in", ["grants.published"]),
                ("https://old.example/", ["claim.opened"]),
            )
        )
        webhooks.stop(session, stopped, by=ADMINISTRATOR, at=clock())
        for _ in range(4):
            messages.on_event(session, ClaimDecided(uuid4(), "R1", "upheld", clock()), clock())
    unavailable = Answer(503, "<html><title>Service Unavailable</title>" + "x" * 300)
    answers = [Answer(204, ""), unavailable, Answer(None, "timed out")]
    for answer in answers:
        with transaction(sessions) as session:
            due = messages.take_due(session, webhook, clock())
            assert due is not None
            messages.note_answer(session, due, answer, clock())
    with transaction(sessions) as session:
        row = session.scalars(select(WebhookMessage).where(WebhookMessage.status == 503)).one()
        row.state, row.attempts = "parked", messages.ATTEMPTS
    return webhook


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("size", ["desk", "phone"])
def test_every_state_is_whole_and_what_was_parked_is_sent_again(
    chromium: Browser,
    served_port: int,
    sessions: sessionmaker[Session],
    clock: Any,
    told: Any,
    language: str,
    size: str,
) -> None:
    with transaction(sessions) as session:
        operators.add_operator(session, "ann", ["administrator"], by=SYSTEM, at=clock())
        token = operators.open_session(session, "ann", remote="test", ttl_s=3600, at=clock()).token
    address, name = f"http://127.0.0.1:{served_port}", f"{language}-{size}"
    context = chromium.new_context(viewport=dict(zip(("width", "height"), SIZES[size], strict=True)))
    cookies = {"evenhand": token, "lang": language}
    context.add_cookies([{"name": one, "value": value, "url": address} for one, value in cookies.items()])
    page = context.new_page()

    def whole(state: str) -> None:
        keep_picture(page, f"webhooks-{name}-{state}")
        assert (state, violations(page)) == (state, [])
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), state

    page.goto(f"{address}/console/webhooks")
    whole("list")
    page.locator("[data-opens=add]").click()
    whole("add")
    page.locator("dialog input[name=url]").fill("https://10.0.0.1/told")
    page.locator("dialog input[name=wanted]").first.check()
    page.locator("dialog .form-actions button").click()
    expect(page.locator(".callout").first).to_be_visible()
    whole("refused")
    page.goto(f"{address}/console/webhooks/{told}")
    whole("one")
    page.locator("form[action$='/messages/again'] button").click()
    expect(page.locator("form[action$='/messages/again']")).to_have_count(0)
    whole("sent-again")
    with transaction(sessions) as session:
        assert webhooks.webhooks(session, told)[0].parked == 0
    page.locator("form[action$='/secret'] button").click()
    whole("asked")
    page.locator("dialog[open] .primary, dialog[open] .danger").last.click()
    expect(page.locator("#secret")).to_contain_text("whsec_")
    whole("secret")
    context.close()

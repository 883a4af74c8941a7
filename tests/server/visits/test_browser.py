"""In a real browser: a plan of 400 shops and 8 managers, replanned after a day off; a visit kept without a network."""

import random
from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from browser import SIZES, keep_picture, violations
from factories import NOW, make_retailer
from playwright.sync_api import Browser, BrowserContext, Page, expect
from sqlalchemy import func, select
from sqlalchemy.orm import Session, sessionmaker
from starlette.testclient import TestClient

from server.kit.db import transaction
from server.kit.runtime import Runtime
from server.retailers.models import RetailerRow
from server.visits import making, plans, queries
from server.visits.models import VisitRow

pytestmark = [pytest.mark.system, pytest.mark.slow]

MANAGERS = tuple(f"manager-{number}" for number in range(1, 9))
HERE = {"permissions": ["geolocation"], "geolocation": {"latitude": 30.5, "longitude": 114.5}}
PHONE = {"width": SIZES["phone"][0], "height": SIZES["phone"][1]}


def signed(chromium: Browser, port: int, client: TestClient, language: str = "en", **more: object) -> BrowserContext:
    address = f"http://127.0.0.1:{port}"
    context = chromium.new_context(base_url=address, locale="en-GB", reduced_motion="reduce", **more)
    cookies = {"evenhand": client.cookies["evenhand"], "lang": language}
    context.add_cookies([{"name": name, "value": value, "url": address} for name, value in cookies.items()])
    return context


def ask_for_a_plan(desk: Page) -> str:
    """Write the usual rules, and ask for a week of all managers."""
    desk.goto("/console/visits/rules")
    desk.get_by_role("button", name="Begin with the usual rules").click()
    expect(desk.get_by_role("heading", name="Class A each week")).to_be_visible()
    keep_picture(desk, "visits-rules-desk")
    desk.goto("/console/visits/plans")
    for name in MANAGERS:
        desk.get_by_label(name, exact=True).check()
    desk.get_by_label("Stops a day, at most").fill("14")
    desk.get_by_role("button", name="Make the plan").click()
    desk.wait_for_url("**/console/visits/plans/*-*")
    return desk.url.rpartition("/")[2]


def keep_without_a_network(on_the_way: BrowserContext, phone: Page, retailer: str) -> None:
    """Open the page anew on a telephone that has no network, fill the form of a visit, and keep it."""
    expect(phone.locator("#opens")).to_be_visible(timeout=30_000)
    on_the_way.set_offline(True)
    phone.reload()
    expect(phone.locator(f'[data-begin][data-retailer="{retailer}"]')).to_be_visible()
    assert phone.evaluate("fetch('/console/visits/plans').then(() => 'answered', () => 'cut')") == "cut"
    phone.locator(f'[data-begin][data-retailer="{retailer}"]').click()
    phone.get_by_role("group", name="Is the licence on the wall?").get_by_label("yes").check()
    phone.locator("#visit-form [name=words]").fill("The sign is old.")
    phone.get_by_label("visited").check()
    phone.locator("#f-promise").fill("a new sign")
    phone.locator("#f-promise_due").fill(NOW.date().isoformat())
    keep_picture(phone, "visits-form-phone")
    phone.get_by_role("button", name="Keep it on this device").click()
    expect(phone.locator(".draft[data-state=kept]")).to_be_visible()
    expect(phone.locator("[data-network=off]")).to_be_visible()
    assert phone.evaluate("document.documentElement.scrollWidth - window.innerWidth") <= 0
    keep_picture(phone, "visits-round-phone")


def test_a_week_is_planned_replanned_and_a_visit_kept_without_a_network(
    chromium: Browser,
    served_port: int,
    signed_in: Callable[..., TestClient],
    sessions: sessionmaker[Session],
    runtime: Runtime,
) -> None:
    drawn = random.Random(7)  # noqa: S311 - places, no secrets
    with transaction(sessions) as session:
        for number in range(400):
            code = make_retailer(session, f"S{number:03d}", tier=1)
            shop = session.get_one(RetailerRow, code)
            shop.latitude, shop.longitude = 30 + drawn.random(), 114 + drawn.random()
    for name in MANAGERS:
        signed_in("manager", name=name)
    desk = signed(chromium, served_port, signed_in("planner", name="pat")).new_page()
    plan = ask_for_a_plan(desk)
    making.run(runtime, plan=plan)
    desk.reload()
    assert violations(desk) == []
    keep_picture(desk, "visits-plan-desk")
    with transaction(sessions) as session:
        before = plans.stops(session, plan)
    assert sum(one.day is not None for one in before) == 400

    today = NOW.date()
    ill = next(one for one in before if one.manager == MANAGERS[0] and one.day and one.day > today)
    desk.select_option("#away-manager", MANAGERS[0])
    desk.select_option("#away-day", ill.day.isoformat())
    desk.fill("#away-why", "away")
    desk.get_by_role("button", name="Plan it anew").click()
    expect(desk.get_by_role("heading", name="What changed since it was made")).to_be_visible()
    with transaction(sessions) as session:
        after = {one.retailer: (one.manager, one.day) for one in plans.stops(session, plan)}
    moved = {one.retailer for one in before if after[one.retailer] != (one.manager, one.day)}
    assert moved == {one.retailer for one in before if (one.manager, one.day) == (MANAGERS[0], ill.day)}

    mine = next(one for one in before if one.day == today and one.manager == MANAGERS[1])
    on_the_way = signed(chromium, served_port, signed_in("manager", name=MANAGERS[1]), viewport=PHONE, **HERE)
    phone = on_the_way.new_page()
    phone.clock.set_fixed_time(datetime.now(UTC))
    phone.goto("/console/visits/round")
    assert violations(phone) == []
    keep_without_a_network(on_the_way, phone, mine.retailer)
    with transaction(sessions) as session:
        assert session.scalar(select(func.count()).select_from(VisitRow)) == 0

    on_the_way.set_offline(False)
    expect(phone.locator(".draft[data-state=sent]")).to_be_visible(timeout=30_000)
    phone.reload()
    phone.get_by_role("button", name="Send now").click()
    expect(phone.locator(".draft[data-state=sent]")).to_have_count(1)
    with transaction(sessions) as session:
        (kept,), total = queries.visits(session)
        assert kept.place_said == "given"
        assert (total, kept.retailer, kept.outcome, kept.employee) == (1, mine.retailer, "done", MANAGERS[1])
        assert [one.words for one in queries.open_promises(session, until=today)] == ["a new sign"]
        done = {one.retailer for one in plans.stops(session, plan) if one.done_at is not None}
    assert done == {mine.retailer}

"""The signals in a real browser: an inspector reads each kind with its evidence and says what one of them is."""

from collections.abc import Callable

import pytest
from browser import SIZES, keep_picture, violations
from factories import NOW, make_retailer
from order_networks import honest_book, plant
from playwright.sync_api import Browser, Page, expect
from sqlalchemy.orm import Session, sessionmaker
from starlette.testclient import TestClient

from contract.ids import uuid7
from server.kit.db import transaction
from server.signals import service
from server.signals.looking import Book, findings

pytestmark = [pytest.mark.system, pytest.mark.slow]

SAID = {"en": "A fair in the village, all three buy together.", "zh": "村里赶集，三户一同进货。"}


@pytest.fixture(scope="module")
def book() -> Book:
    """A book with diverters in it, two of whose shops share an address, and two a machine."""
    planted, _ = plant(honest_book(3), 3)
    first, second, third, fourth = sorted(planted.baskets)[:4]
    return Book(
        planted.closed_at,
        planted.baskets,
        planted.placed,
        planted.history,
        {first: "Linton, 7 Bridge Street", second: "LINTON 7 Bridge Street"},
        {third: frozenset({"c0ffee" * 8}), fourth: frozenset({"c0ffee" * 8})},
    )


def shot(page: Page, name: str) -> None:
    """Keep pictures at the desk and on a phone where somebody asked for pictures."""
    for place in ("desk", "phone"):
        page.set_viewport_size({"width": SIZES[place][0], "height": SIZES[place][1]})
        assert page.evaluate("document.documentElement.scrollWidth - window.innerWidth") <= 0, (name, place)
        keep_picture(page, f"{name}-{place}")


@pytest.mark.parametrize("language", ["en", "zh"])
def test_an_inspector_reads_every_kind_of_signal_and_says_what_one_is(
    chromium: Browser,
    served_port: int,
    signed_in: Callable[..., TestClient],
    sessions: sessionmaker[Session],
    book: Book,
    language: str,
) -> None:
    found = findings(book)
    with transaction(sessions) as session:
        for code in sorted({shop for one in found for shop in one.shops}):
            make_retailer(session, code, region="north")
        cycle = uuid7()
        service.ask(session, cycle, at=NOW)
        service.store(session, cycle, found, shops=len(book.baskets), at=NOW)
    address = f"http://127.0.0.1:{served_port}"
    token = signed_in("inspector", name="irene").cookies["evenhand"]
    person = chromium.new_context(base_url=address, locale="en-GB", reduced_motion="reduce")
    person.add_cookies([{"name": n, "value": v, "url": address} for n, v in (("evenhand", token), ("lang", language))])
    page = person.new_page()
    page.goto("/console/signals?state=open")
    assert violations(page) == []
    shot(page, f"signals-list-{language}")
    seen = {}
    for number, one in enumerate(found, start=1):
        seen.setdefault(one.kind, number)
    assert set(seen) == {"surge", "twins", "steering", "address", "device"}
    for kind, number in seen.items():
        page.goto(f"/console/signals/{number}")
        page.locator("details.chart-table summary").first.click()
        assert violations(page) == [], kind
        shot(page, f"signals-{kind}-{language}")
    page.locator('input[name="verdict"][value="watched"]').check()
    page.locator('textarea[name="words"]').fill(SAID[language])
    page.locator('form[action$="/say"] button').click()
    expect(page.locator("blockquote")).to_have_text(SAID[language])
    assert violations(page) == []
    shot(page, f"signals-said-{language}")
    person.close()

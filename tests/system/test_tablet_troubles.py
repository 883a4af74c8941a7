"""What befalls a tablet in a browser over a year: certificate, clock, being shut out, a new version of its page.

Each in a real browser against a real server, whose time is moved; the tablet's own clock is moved apart from it.
"""

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from newer_tablet import NEWER, newer_tablet
from people import Screen, screen
from playwright.sync_api import Browser, expect
from street import BLUE, BLUE_PACK, GOLD, GOLD_PACK, Street, street
from tablets import begin, count_to, sees_goods, submit

from contract import signing
from contract.texts import Language
from firmware_sim.identities import confirm
from server.tablet import files
from server.tablet.words import SAID

pytestmark = [pytest.mark.system, pytest.mark.slow]

WEEK = timedelta(days=7)
RENEWED_AFTER = timedelta(days=245)
OVER_AFTER = timedelta(days=366)
NAME: dict[Language, str] = {"en": "Week of troubles", "zh": "多事的一周"}


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Street]:
    ten_years = str(10 * 366 * 86_400)
    with street(tmp_path_factory.mktemp("troubles"), EVENHAND_SESSION_TTL_S=ten_years) as found:
        yield found


def tablet_of(
    chromium: Browser, here: Street, shop: str, *, language: Language = "en", server: str | None = None
) -> tuple[Screen, str]:
    """Let in a new tablet for a shop; return it and its name."""
    at = screen(chromium, "server", language, server or here.stage.url, "terminal", [])
    begin(at.page, server or here.stage.url, here.code_for(shop), language)
    return at, is_let_in(at, here)


def is_let_in(tablet: Screen, here: Street) -> str:
    """Compare the digits and confirm; return the name that the tablet then has."""
    digits = tablet.page.locator("#fingerprint")
    expect(digits).to_be_visible()
    shown = digits.get_attribute("aria-label")
    waiting = [one["fingerprint"] for one in here.planner.every("/api/v1/devices/enrolments")]
    [own] = [one for one in waiting if signing.shown(one) == shown]
    told = confirm(here.planner, [own])
    tablet.says("Connected", within=".head")
    return str(told[own].device)


def shows(tablet: Screen, word: str) -> None:
    expect(tablet.page.locator("#act")).to_have_attribute("data-shows", word)


def orders(tablet: Screen, **units: int) -> None:
    sees_goods(tablet.page)
    for sku, count in units.items():
        count_to(tablet.page, sku, count)
    submit(tablet.page)


def reads_until_when(tablet: Screen) -> str:
    """Return what the tablet says of how long its certificate lasts."""
    tablet.page.locator("#to-tablet").click()
    certificate = tablet.page.locator("dt", has_text=tablet.words("Certificate until")).locator("+ dd").inner_text()
    tablet.page.locator("#to-order").click()
    return certificate


def test_an_order_is_withdrawn_without_a_line_and_given_anew(chromium: Browser, here: Street) -> None:
    shop = here.take_shop()
    tablet, _ = tablet_of(chromium, here, shop)
    cycle, _ = here.window_for(shop, NAME["en"], lasts=WEEK)
    orders(tablet, S1=GOLD_PACK)
    shows(tablet, "received")

    tablet.page.context.set_offline(True)
    count_to(tablet.page, GOLD, 0)
    expect(tablet.page.locator("#submit")).to_have_text(tablet.words("Withdraw the order"))
    submit(tablet.page)
    shows(tablet, "waiting")
    tablet.page.context.set_offline(False)
    shows(tablet, "received")
    expect(tablet.page.locator("#act")).to_contain_text("the withdrawal was received")
    assert [each["state"] for each in here.orders(cycle)] == ["cancelled"]

    orders(tablet, S2=BLUE_PACK)
    expect(tablet.page.locator("#act")).to_contain_text(re.compile(r"received as order #\d+"))
    assert [each["units"] for each in here.orders(cycle) if each["state"] == "accepted"] == [{BLUE: BLUE_PACK}]
    tablet.page.context.close()


@pytest.mark.parametrize("language", ["zh", "en"])
def test_shut_out_it_is_let_in_again_and_what_waited_goes_out_once(
    chromium: Browser, here: Street, language: Language
) -> None:
    shop = here.take_shop()
    tablet, before = tablet_of(chromium, here, shop, language=language)
    cycle, _ = here.window_for(shop, NAME[language], lasts=WEEK)
    sees_goods(tablet.page)
    tablet.page.context.set_offline(True)
    orders(tablet, S1=GOLD_PACK)
    shows(tablet, "waiting")
    here.planner.post(f"/api/v1/devices/{before}/revoke", {"reason": "lost"})
    tablet.page.context.set_offline(False)
    tablet.says("This tablet was shut out")
    expect(tablet.page.locator("#queue .kept")).to_have_count(1)
    assert here.orders(cycle) == []
    tablet.look()

    tablet.page.locator("#again").click()
    tablet.page.locator("#code").fill(here.code_for(shop))
    tablet.page.locator("#enrol").click()
    after = is_let_in(tablet, here)
    shows(tablet, "received")
    expect(tablet.page.locator("#line.ok")).to_be_visible()
    assert after != before
    assert [(each["revision"], each["units"]) for each in here.orders(cycle)] == [(1, {GOLD: GOLD_PACK})]
    assert [each for each in tablet.faults if "403" not in each and "net::ERR" not in each] == []
    tablet.page.context.close()


def test_a_clock_that_jumps_by_days_either_way_stops_nothing(chromium: Browser, here: Street) -> None:
    shop = here.take_shop()
    tablet, _ = tablet_of(chromium, here, shop)
    cycle, _ = here.window_for(shop, NAME["en"], lasts=WEEK)
    sees_goods(tablet.page)
    for number, off in enumerate((timedelta(hours=3), timedelta(days=-2), timedelta(days=40)), start=1):
        tablet.page.clock.set_system_time(datetime.now(UTC) + off)
        orders(tablet, S1=number * GOLD_PACK)
        shows(tablet, "received")
        expect(tablet.page.locator("#clock")).to_contain_text(re.compile(r"[56] d"))
    assert [(each["revision"], each["units"]) for each in here.orders(cycle)] == [(3, {GOLD: 3 * GOLD_PACK})]
    tablet.page.clock.set_system_time(datetime.now(UTC) - timedelta(days=100))
    with tablet.page.expect_request("**/device/v1/up/device.status"):
        tablet.page.clock.fast_forward("02:00")
    tablet.page.context.close()


def test_a_newer_page_takes_over_with_what_waits_and_sends_it_once(chromium: Browser, here: Street) -> None:
    shop = here.take_shop()
    with newer_tablet(here.stage.url) as between:
        tablet, _ = tablet_of(chromium, here, shop, server=between.url)
        cycle, _ = here.window_for(shop, NAME["en"], lasts=WEEK)
        orders(tablet, S1=GOLD_PACK)
        shows(tablet, "received")
        tablet.page.wait_for_function("() => navigator.serviceWorker.controller !== null")
        between.speaks = False
        orders(tablet, S1=GOLD_PACK, S2=BLUE_PACK)
        shows(tablet, "waiting")
        assert runs(tablet) == files.version()

        between.is_newer = True
        tablet.page.evaluate("navigator.serviceWorker.getRegistration().then((one) => one.update()).then(() => null)")
        expect(tablet.page.locator(f"script[src*='{NEWER}']")).to_have_count(1)
        shows(tablet, "waiting")
        assert runs(tablet) == NEWER
        assert tablet.page.evaluate("caches.keys()") == [f"tablet-{NEWER}"], "the version before is gone"
        tablet.page.locator("#to-tablet").click()
        expect(tablet.page.locator("#queue .kept")).to_have_count(1)
        tablet.page.locator("#to-order").click()
        between.speaks = True
        shows(tablet, "received")
        assert [(each["revision"], each["units"]) for each in here.orders(cycle)] == [
            (2, {GOLD: GOLD_PACK, BLUE: BLUE_PACK})
        ]
        tablet.page.context.close()


def runs(tablet: Screen) -> str:
    """Return the version of the page that is open."""
    return str(tablet.page.evaluate("[...document.scripts].find((one) => one.type === 'module').src.split('/').at(-2)"))


QUESTIONS: list[dict[str, Any]] = [
    {"id": "fair", "kind": "single", "text": {"zh": "准时吗？", "en": "On time?"}}
    | {"choices": [{"id": name, "text": {"zh": name, "en": name}} for name in "yn"]},
    {"id": "late", "kind": "number", "text": {"zh": "晚了几小时？", "en": "Hours late?"}, "low": 1, "high": 48}
    | {"only_if": {"question": "fair", "test": "is", "choice": "n"}},
    {"id": "mark", "kind": "scale", "text": {"zh": "几分？", "en": "Points?"}, "low": 1, "high": 5},
    {"id": "what", "kind": "multiple", "text": {"zh": "缺什么？", "en": "What is missing?"}, "least": 1, "most": 2}
    | {"choices": [{"id": letter, "text": {"zh": letter, "en": letter}} for letter in "abc"]},
    {"id": "shelf", "kind": "photo", "text": {"zh": "拍下货架", "en": "Picture your shelf"}, "required": False},
    {"id": "words", "kind": "text", "text": {"zh": "还有呢？", "en": "What else?"}, "required": False},
]
ELSEWHERE: list[dict[str, Any]] = [
    {"id": "price", "kind": "money", "text": {"zh": "卖多少钱？", "en": "At what price?"}, "low": 0, "high": 100_000}
]


@pytest.mark.parametrize("language", ["zh", "en"])
def test_a_survey_is_answered_without_a_line_and_one_with_amounts_says_where(
    chromium: Browser, here: Street, language: Language
) -> None:
    shop = here.take_shop()
    tablet, _ = tablet_of(chromium, here, shop, language=language)
    survey, other = (publishes(here, shop, questions) for questions in (QUESTIONS, ELSEWHERE))
    expect(tablet.page.locator("#to-notices .count")).to_have_text("1")
    tablet.page.locator("#to-notices").click()
    expect(tablet.page.locator(f"[data-survey='{other}']")).to_contain_text(tablet.words(SAID["survey_elsewhere"]))
    tablet.page.context.set_offline(True)
    card = tablet.page.locator(f"[data-survey='{survey}']")
    late = card.locator("[data-question=late]")
    expect(late).to_have_count(0)
    taps(card, "fair", "n")
    late.locator("input").fill("70")
    taps(card, "mark", "4")
    for choice in "ac":
        taps(card, "what", choice)
    tablet.look()
    card.locator("[data-send]").click()
    expect(late.get_by_role("alert")).to_be_visible()
    late.locator("input").fill("7")
    card.locator("[data-question=words] input").fill("  Boxes / 箱子  ")
    tablet.page.reload()
    expect(late.locator("input")).to_have_value("7")
    card.locator("[data-send]").click()
    expect(card).to_contain_text(tablet.words("waiting"))
    with tablet.page.expect_request("**/device/v1/up/survey.answer") as sent:
        tablet.page.context.set_offline(False)
    expect(card).to_contain_text(tablet.words("received"))
    expect(tablet.page.locator("#to-notices .count")).to_have_count(0)
    tablet.look()
    answers = sent.value.post_data_json["data"]["answers"]
    said = {one["question"]: one.get("choices") or one.get("number") or one.get("text") for one in answers}
    assert said == {"fair": ["n"], "late": 7, "mark": 4, "what": ["a", "c"], "words": "Boxes / 箱子"}
    assert here.planner.get(f"/api/v1/surveys/{survey}/results")["survey"]["answered"] == 1
    assert [each for each in tablet.faults if "net::ERR" not in each] == []
    tablet.page.context.close()


def taps(card: Any, question: str, choice: str) -> None:
    button = card.locator(f"[data-question={question}] [data-choice='{choice}']")
    button.click()
    expect(button).to_have_attribute("aria-pressed", "true")


def publishes(here: Street, shop: str, questions: list[dict[str, Any]]) -> str:
    """Ask one shop for a month; return the survey's id."""
    now = here.time.now()
    span = {"opens_at": now.isoformat(), "closes_at": (now + timedelta(days=30)).isoformat()}
    asked = {"title": {"zh": "问一问", "en": "A question"}, "intro": {"zh": "请答。", "en": "Please."}}
    whom = {"questions": questions, "audience": {"codes": [shop]}}
    survey = here.planner.post("/api/v1/surveys", asked | span | whom)
    here.planner.post(f"/api/v1/surveys/{survey['id']}/publish")
    return str(survey["id"])


def test_a_certificate_is_renewed_at_two_thirds_of_its_life_and_also_once_it_is_over(
    chromium: Browser, here: Street
) -> None:
    shop = here.take_shop()
    tablet, _ = tablet_of(chromium, here, shop)
    first = reads_until_when(tablet)
    here.time.forward(RENEWED_AFTER)
    renews(tablet, first)
    cycle, _ = here.window_for(shop, NAME["en"], lasts=timedelta(days=400))
    orders(tablet, S1=GOLD_PACK)
    shows(tablet, "received")

    second = reads_until_when(tablet)
    tablet.page.context.set_offline(True)
    orders(tablet, S1=2 * GOLD_PACK)
    shows(tablet, "waiting")
    here.time.forward(OVER_AFTER)
    tablet.page.context.set_offline(False)
    shows(tablet, "received")
    renews(tablet, second)
    assert [(each["revision"], each["units"]) for each in here.orders(cycle)] == [(2, {GOLD: 2 * GOLD_PACK})]
    tablet.page.context.close()


def renews(tablet: Screen, before: str) -> None:
    """Wait until the tablet shows another end of its certificate than before."""
    tablet.page.locator("#to-tablet").click()
    ends = tablet.page.locator("dt", has_text=tablet.words("Certificate until")).locator("+ dd")
    expect(ends).not_to_have_text(before)
    tablet.page.locator("#to-order").click()

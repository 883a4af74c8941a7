"""Three days without a line in the middle of a cycle: a shop works on, reads the truth, and all of it arrives once."""

import re
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from people import Screen, enrols, row_id, screen, soon
from playwright.sync_api import Browser, expect
from street import BLUE, GOLD, GOLD_PACK, NAMES, Street, street

from contract.texts import Language
from firmware_sim.line import HERE, Line

pytestmark = [pytest.mark.system, pytest.mark.slow]

DAY = timedelta(days=1)
WINDOW = timedelta(hours=30)
NAME: dict[Language, str] = {"en": "First week", "zh": "第一周"}
WORDS: dict[Language, str] = {"en": "No line for days.", "zh": "网络断了好几天。"}
SOLD_UNITS = 3
SURVEY: dict[str, Any] = {
    "title": {"zh": "配送满意度", "en": "How was the delivery?"},
    "intro": {"zh": "一个问题。", "en": "One question."},
    "audience": {"regions": [], "routes": [], "tiers": []},
    "questions": [
        {"id": "fair", "kind": "scale", "text": {"zh": "公平吗？", "en": "Was it fair?"}, "required": True}
        | {"low": 1, "high": 5}
    ],
}


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Street]:
    with street(tmp_path_factory.mktemp("offline"), EVENHAND_BROKER_PUBLIC_HOST=HERE) as found:
        yield found


@pytest.fixture(scope="module")
def line(here: Street) -> Line:
    return Line(*here.ports)


@pytest.mark.parametrize("language", ["zh", "en"])
def test_three_days_offline_in_the_middle_of_a_cycle(
    chromium: Browser, here: Street, line: Line, language: Language
) -> None:
    faults: list[str] = []
    name, survey = here.take_shop(), a_survey(here)
    with here.machine(name, host=HERE) as machine:
        shop = screen(chromium, "terminal_client", language, machine.address, "terminal", faults)
        enrols(shop, here.code_for(name), here.planner)
        cycle, _ = here.window_for(name, NAME[language], lasts=WINDOW)
        number = orders_one_box(shop)
        wait_for_the_survey(shop)

        line.cut()
        expect(shop.page.locator("#banner .word").first).to_have_text(shop.words("No connection"))
        asks_for_one_box_more(shop)
        here.time.forward(DAY)
        sells(shop)
        here.time.forward(DAY)
        sees_that_it_is_closed_and_saved(shop)
        answers_the_survey(shop, survey)
        here.time.forward(DAY)
        complains(shop)
        reads_what_waits(shop)
        assert here.orders(cycle) == [
            {"number": number, "revision": 1, "state": "accepted", "units": {GOLD: GOLD_PACK}}
        ], "nothing arrived without a line"

        line.whole()
        here.time.forward(timedelta(minutes=2))
        reads_that_everything_arrived(shop, survey)
        deals_with_the_late_change(shop, number)
        shop.page.context.close()
    assert faults == []
    assert here.orders(cycle) == [{"number": number, "revision": 1, "state": "accepted", "units": {GOLD: GOLD_PACK}}]
    moved = here.planner.get(f"/api/v1/stock/{name}/movements", sku=BLUE)
    assert [each["on_hand_units"] for each in moved if each["kind"] == "sale"] == [-1] * SOLD_UNITS
    assert here.planner.get(f"/api/v1/surveys/{survey}/results")["survey"]["answered"] == 1
    said = [each for each in here.planner.get("/api/v1/feedback") if each["retailer"] == name]
    assert [each["words"] for each in said] == [WORDS[language]]


def a_survey(here: Street) -> str:
    """Publish a survey that outlasts the story; return its id."""
    now = here.time.now()
    times = {"opens_at": now.isoformat(), "closes_at": (now + timedelta(days=20)).isoformat()}
    survey = str(here.planner.post("/api/v1/surveys", SURVEY | times)["id"])
    here.planner.post(f"/api/v1/surveys/{survey}/publish")
    return survey


def orders_one_box(shop: Screen) -> int:
    """Order while the line is whole; return the order's number."""
    shop.page.locator(f"#more-{row_id(GOLD)}").click()
    shop.tap("Submit the order")
    received = shop.page.locator(".truth.ok")
    expect(received).to_contain_text(re.compile(r"#\d+"))
    number = re.search(r"#(\d+)", received.inner_text())
    assert number is not None
    return int(number[1])


def wait_for_the_survey(shop: Screen) -> None:
    """What a shop does offline it must have heard of before."""

    def heard() -> bool:
        shop.page.goto("/notices")
        return shop.page.locator(".ask-card").count() > 0

    assert soon(shop.page, heard)


def asks_for_one_box_more(shop: Screen) -> None:
    """Change the order in its window: saved here, and the order stands as it was until the change is received."""
    shop.page.goto("/order?show=mine")
    shop.tap("Change the order")
    shop.page.locator(f"#more-{row_id(GOLD)}").click()
    expect(shop.page.locator(f"#row-{row_id(GOLD)} .amount")).to_have_text(str(2 * GOLD_PACK))
    shop.tap("Submit the change")
    shop.says("Saved on this terminal.")
    expect(shop.page.locator("#banner")).to_contain_text(
        shop.texts.ngettext("%(num)d in the queue", "", 1) % {"num": 1}
    )
    shop.look()
    shop.page.goto("/orders")
    shop.says("A change is on its way; until it is received the order stands as it was.")
    shop.look()


def sells(shop: Screen) -> None:
    """Sell a few of what is on the shelf; each is saved here."""
    shop.page.goto(f"/stock/till?q={BLUE}")
    for sold in range(1, SOLD_UNITS + 1):
        shop.page.locator(f"#row-{row_id(BLUE)} button.one").click()
        expect(shop.page.locator("#sold .state.wait", has_text=shop.words("Saved here"))).to_have_count(sold)
        shop.page.locator("#q").fill(BLUE)
    shop.look()


def sees_that_it_is_closed_and_saved(shop: Screen) -> None:
    """The window has closed by the server's time: nothing more can be ordered, what was saved is said to be no more."""
    shop.page.goto("/order?show=mine")
    shop.says("Ordering closed before it could go out: the server decides whether it still counts.")
    expect(shop.page.locator("#go .primary.off")).to_be_visible()
    expect(shop.page.locator(".truth.ok")).to_have_count(0)
    shop.look()


def answers_the_survey(shop: Screen, survey: str) -> None:
    """Answer the one question; the answers wait for the line."""
    shop.page.goto(f"/surveys/{survey}")
    shop.page.locator(".scale .chip", has_text="2").click()
    shop.tap("Next")
    shop.tap("Send the answers")
    shop.says("Your answers go out by themselves as soon as there is a connection.")
    expect(shop.page.locator("main .state.wait", has_text=shop.words("Saved here"))).to_be_visible()
    shop.look()


def complains(shop: Screen) -> None:
    """Say what is wrong; it waits too."""
    shop.page.goto("/say/kind")
    shop.tap("Complaint")
    shop.tap("This terminal")
    shop.page.locator("#words").fill(WORDS[shop.language])
    shop.tap("Go on")
    shop.tap("Nothing in particular")
    shop.tap("Send", within="footer")
    expect(shop.page.locator("main .state.wait", has_text=shop.words("Saved here"))).to_be_visible()
    shop.look()


def reads_what_waits(shop: Screen) -> None:
    """One page tells of everything that waits, and the banner says how many and since when nothing was heard."""
    shop.page.goto("/settings")
    waiting = shop.page.locator("#list .state.wait", has_text=shop.words("Saved here"))
    expect(waiting).to_have_count(SOLD_UNITS + 3)
    expect(shop.page.locator("#banner .word").first).to_have_text(shop.words("No connection"))
    shop.look()


def reads_that_everything_arrived(shop: Screen, survey: str) -> None:
    """Each thing has its receipt on the screen where it was said, and its number where it has one."""
    expect(shop.page.locator("#banner a[href='/refused']", has_text="1")).to_be_visible()

    def all_out() -> bool:
        shop.page.goto("/settings")
        return shop.page.locator("#list .state").count() == 0

    assert soon(shop.page, all_out)
    shop.look()
    shop.page.goto(f"/stock?sku={BLUE}")
    expect(shop.page.locator("#history .state.ok")).to_have_count(SOLD_UNITS)
    shop.look()
    shop.page.goto(f"/surveys/{survey}")
    expect(shop.page.locator("main .state.ok", has_text=shop.words("Received"))).to_be_visible()
    shop.says("Your answers have arrived.")
    shop.page.goto("/say")
    expect(shop.page.locator("article h2")).to_contain_text(re.compile(r"#\d+"))
    shop.look()


def deals_with_the_late_change(shop: Screen, number: int) -> None:
    """The change came too late: it stands refused until dealt with, and the order counts as it was."""
    shop.page.goto("/refused")
    refused = shop.page.locator("article.refusal")
    expect(refused).to_have_count(1)
    expect(refused).to_contain_text(shop.words("Change of an order"))
    shop.look()
    shop.page.goto("/order?show=mine")
    shop.says("The order stays as it was.")
    shop.says("The draft is still here.")
    shop.look()
    shop.page.goto("/orders")
    expect(shop.page.locator("main")).to_contain_text(f"#{number}")
    expect(shop.page.locator("#order-lines")).to_contain_text(NAMES[shop.language][GOLD])
    expect(shop.page.locator("#order-lines .line b")).to_have_text(str(GOLD_PACK))
    shop.look()
    shop.page.goto("/refused")
    shop.tap("Dealt with")
    shop.says("Nothing is refused")

"""A shop disputes a grant: numbers, decision, answer, mark; and a complaint about an employee whom it never reaches."""

import re
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from people import Screen, desk, enrols, row_id, screen, soon
from playwright.sync_api import Browser, expect
from street import GOLD, Street, street

from firmware_sim.stage import Person

pytestmark = [pytest.mark.system, pytest.mark.slow]

WORDS = "别家同样的店分得更多。"
RUDE = "他上门时态度很差。"
ANSWER = "按公布的规则和权重分配，数字见所附说明。"


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Street]:
    with street(tmp_path_factory.mktemp("complaints")) as found:
        yield found


def test_a_grant_is_disputed_and_an_employee_does_not_find_what_is_said_of_him(chromium: Browser, here: Street) -> None:
    faults: list[str] = []
    name = here.take_shop()
    releaser = here.stage.sign_in("second person", "releaser")
    head = here.stage.sign_in("head", "administrator")
    with here.machine(name) as machine:
        shop = screen(chromium, "terminal_client", "zh", machine.address, "terminal", faults)
        enrols(shop, here.code_for(name), here.planner)
        cycle, closes = here.window_for(name, "第一周", lasts=timedelta(hours=1))
        orders_one_box(shop)
        here.time.until(closes + timedelta(seconds=5))
        publishes(shop, here, releaser, cycle)
        disputes(shop, cycle)
        planner = desk(chromium, here.stage, "planner", "zh", faults)
        about = decides(planner)
        reads_and_marks(shop)
        complains_of(shop, "planner")

        found = said(shop, head, "employee")
        assert found["words"] == RUDE
        assert soon(shop.page, lambda: here.planner.get(f"/api/v1/feedback/{about}")["satisfaction"] == 4)
        does_not_find(planner, found)
        shop.page.context.close()
        planner.page.context.close()
    # A page that is not there for him answers 404, which the browser reports too.
    assert [fault for fault in faults if "404" not in fault] == []


def orders_one_box(shop: Screen) -> None:
    """Order, and see that it is received."""
    shop.page.goto("/order")
    shop.page.locator(f"#more-{row_id(GOLD)}").click()
    shop.tap("Submit the order")
    expect(shop.page.locator(".truth.ok")).to_contain_text(re.compile(r"#\d+"))


def publishes(shop: Screen, here: Street, releaser: Person, cycle: str) -> None:
    """Let the result be checked, sent on and released."""
    path = f"/api/v1/cycles/{cycle}"
    assert soon(shop.page, lambda: here.planner.get(path)["state"] == "verified")
    here.planner.post(f"{path}/send-for-release")
    releaser.post(f"{path}/release")


def disputes(shop: Screen, cycle: str) -> None:
    """Look at the numbers of a line, and dispute it in words."""

    def granted() -> bool:
        shop.page.goto(f"/grants/{cycle}?sku={GOLD}&numbers")
        return shop.page.get_by_role("button", name=shop.words("Dispute it")).count() > 0

    assert soon(shop.page, granted)
    shop.look()
    shop.tap("Dispute it")
    shop.page.locator("#words").fill(WORDS)
    shop.tap("Go on")
    shop.look()
    shop.page.locator(f"button[value='grant:{cycle}/{GOLD}']").click()
    shop.says("The numbers that you were told go with it. The answer is a decision with its date.")
    shop.look()
    shop.tap("Send")
    expect(shop.page.locator("article h2")).to_contain_text(re.compile(r"#\d+"))


def decides(planner: Screen) -> str:
    """Find it in the inbox, read the frozen numbers, dismiss it with an answer and close it; return its id."""
    planner.go("/console/feedback?state=open")
    planner.page.locator("table a[href^='/console/feedback/']").first.click()
    planner.says("What is disputed, as the shop was told it")
    planner.look()
    planner.page.locator("input[name=decision][value=dismissed]").check()
    planner.page.locator("#f-answer_zh").fill(ANSWER)
    planner.page.locator("#f-close").check()
    planner.tap("Answer it")
    planner.says("It is answered; the shop is told.", within="body")
    planner.look()
    return planner.page.url.rpartition("/")[2]


def reads_and_marks(shop: Screen) -> None:
    """Read the decision with its answer, and say how well it was done."""

    def told() -> bool:
        shop.page.goto("/say")
        return shop.page.locator(".marks").count() > 0

    assert soon(shop.page, told)
    shop.says("Dismissed")
    expect(shop.page.locator("article")).to_contain_text(ANSWER)
    shop.look()
    shop.page.locator(".marks button[value='4']").click()


def complains_of(shop: Screen, employee: str) -> None:
    """Complain about an employee by name."""
    shop.page.goto("/say/kind")
    shop.tap("Complaint")
    shop.tap("An employee")
    shop.page.locator("#words").fill(RUDE)
    shop.tap("Go on")
    shop.page.locator("#who").fill(employee)
    shop.look()
    shop.tap("Go on")
    shop.tap("Send")


def said(shop: Screen, head: Person, category: str) -> dict[str, Any]:
    """Wait until an administrator has it; return it."""

    def there() -> list[dict[str, Any]]:
        return [each for each in head.get("/api/v1/feedback") if each["category"] == category]

    assert soon(shop.page, lambda: bool(there()))
    return there()[0]


def does_not_find(planner: Screen, found: dict[str, Any]) -> None:
    """The employee looks for it: in the inbox, by its words, on its page, in what waits for him."""
    for path in (
        "/console/feedback",
        "/console/feedback?q=态度",
        "/console/feedback/mine",
        "/console/feedback/trends",
        "/console/",
        f"/console/feedback/{found['id']}",
    ):
        planner.page.goto(path)
        expect(planner.page.locator("h1").first).to_be_visible()
        content = planner.page.content()
        assert RUDE not in content
        assert f"#{found['number']}<" not in content

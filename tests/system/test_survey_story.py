"""A survey with skip logic is built in the console, answered over two days without a line, and counted once."""

from collections.abc import Iterator
from datetime import timedelta

import pytest
from people import SOON_MS, Screen, desk, enrols, screen, soon
from playwright.sync_api import Browser, expect
from street import Street, street

from contract.messages import Answer
from firmware_sim.identities import let_in
from firmware_sim.line import HERE, Line
from terminal_client.app import Terminal
from terminal_client.core import use_cases
from terminal_client.core.views import notices

pytestmark = [pytest.mark.system, pytest.mark.slow]

DAY = timedelta(days=1)
TITLE, FAIR, MARK, WHY = "配送满意度", "配送准时吗？", "准时的话，给几分？", "不准时的话，晚了多少小时？"
SHOPS = 8


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Street]:
    with street(tmp_path_factory.mktemp("survey"), EVENHAND_BROKER_PUBLIC_HOST=HERE) as found:
        yield found


def test_a_survey_with_skip_logic_is_answered_offline_for_two_days_and_counted_once(
    chromium: Browser, here: Street
) -> None:
    faults: list[str] = []
    name, other = here.take_shop(), here.take_shop()
    line = Line(*here.ports)
    with here.machine(name, host=HERE) as machine:
        shop = screen(chromium, "terminal_client", "zh", machine.address, "terminal", faults)
        enrols(shop, here.code_for(name), here.planner)
        console = desk(chromium, here.stage, "planner", "en", faults)
        page = builds(console)
        survey = hears_of_it(shop)

        line.cut()
        expect(shop.page.locator("#banner .word").first).to_have_text(shop.words("No connection"))
        begins_late_and_angry(shop, survey)
        shop.page.goto("about:blank")  # a dark screen asks for nothing
        here.time.forward(DAY)
        machine.lose_power()
        machine.switch_on()
        thinks_again_and_sends(shop, survey)
        here.time.forward(DAY)
        answers_over_a_whole_line(here, other)
        expects(console, page, answered=1)

        line.whole()
        here.time.forward(timedelta(minutes=2))
        reads_that_it_arrived(shop, survey)
        expects(console, page, answered=2)
        reads_the_result(console)
        shop.page.context.close()
        console.page.context.close()
    assert faults == []


def builds(console: Screen) -> str:
    """Write three questions of which two hang on the first, look at it as the terminal shows it, and publish it."""
    console.go("/console/surveys/new")
    page = console.page
    page.locator("#f-title_zh").fill(TITLE)
    page.locator("#f-title_en").fill("How is the delivery?")
    fills(console, 1, FAIR, "Is it on time?")
    page.locator("#f-q1_choices").fill("准时 | On time\n不准时 | Late")
    for number, (zh, en, kind, answer) in enumerate(
        ((MARK, "Points, where on time?", "scale", "c1"), (WHY, "Hours, where late?", "number", "c2")), start=2
    ):
        console.tap("Add a question")
        fills(console, number, zh, en)
        page.locator(f"#f-q{number}_kind").select_option(kind)
        expect(page.locator(f"#f-q{number}_low")).to_be_visible()
        expect(page.locator(".htmx-added, .htmx-settling")).to_have_count(0)  # before, nothing hears what is chosen
        page.locator(f"#f-q{number}_on").select_option("q1")
        page.locator(f"#f-q{number}_on_answer").select_option(answer)
        if kind == "scale":
            page.locator(f"#f-q{number}_low").fill("1")
            page.locator(f"#f-q{number}_high").fill("5")
    console.look()
    console.tap("Keep the draft")
    console.says("The draft is kept. Nobody is asked yet.", within="body")
    console.look()
    console.tap("Publish")
    console.tap("Publish", within="#confirm")
    said = console.texts.ngettext("%(count)s shop is asked.", "%(count)s shops are asked.", SHOPS)
    expect(page.locator("body")).to_contain_text(said % {"count": SHOPS})
    return page.url


def fills(console: Screen, number: int, zh: str, en: str) -> None:
    """Write a question in both languages."""
    console.page.locator(f"#f-q{number}_zh").fill(zh)
    console.page.locator(f"#f-q{number}_en").fill(en)


def hears_of_it(shop: Screen) -> str:
    """Wait until the terminal has it; return its page."""

    def heard() -> bool:
        shop.page.goto("/notices")
        return shop.page.locator(".ask-card").count() > 0

    assert soon(shop.page, heard)
    expect(shop.page.locator(".ask-card")).to_contain_text(TITLE)
    shop.look()
    return shop.page.locator(".ask-card").get_attribute("href") or ""


def begins_late_and_angry(shop: Screen, survey: str) -> None:
    """Say that it was late; what is asked next hangs on that."""
    shop.page.goto(survey)
    shop.look()
    shop.page.locator(".choices .chip", has_text="不准时").click()
    shop.tap("Next")
    expect(shop.page.locator("legend")).to_contain_text(WHY)
    shop.page.locator("#number").fill("30")
    shop.look()
    shop.tap("Next")
    expect(shop.page.locator("main")).not_to_contain_text(MARK)


def thinks_again_and_sends(shop: Screen, survey: str) -> None:
    """After a day and a power cut everything still stands; another answer asks another question; it is sent."""
    shop.page.goto(f"{survey}?question=q1")
    expect(shop.page.locator(".choices input:checked")).to_have_value("c2")
    shop.page.locator(".choices .chip", has_text="准时").first.click()
    shop.tap("Next")
    expect(shop.page.locator("legend")).to_contain_text(MARK)
    shop.page.locator(".scale .chip", has_text="4").click()
    shop.look()
    shop.tap("Next")
    shop.look()
    shop.tap("Send the answers")
    shop.says("Your answers go out by themselves as soon as there is a connection.")
    expect(shop.page.locator("main .state.wait", has_text=shop.words("Saved here"))).to_be_visible()
    shop.look()


def answers_over_a_whole_line(here: Street, name: str) -> None:
    """Let another shop, which is reached, say that it was late."""
    with Terminal(here.folder / name, here.stage.url, clock=here.time) as terminal:
        let_in(terminal, here.planner, here.code_for(name))
        assert terminal.wait_until(
            lambda: bool(notices.surveys(terminal.store, terminal.clock)), deadline_s=SOON_MS / 1000
        )
        (asked,) = notices.surveys(terminal.store, terminal.clock)
        survey = asked.survey.survey
        given = [Answer(question="q1", choices=("c2",)), Answer(question="q3", number=6)]
        use_cases.answer_survey(terminal.shop, survey, given)

        def received() -> bool:
            view = notices.survey(terminal.store, terminal.clock, survey)
            return view is not None and view.entry is not None and view.entry.state == "received"

        assert terminal.wait_until(received, deadline_s=SOON_MS / 1000)


def reads_that_it_arrived(shop: Screen, survey: str) -> None:
    """The receipt stands where it was sent."""

    def received() -> bool:
        shop.page.goto(survey)
        return shop.page.locator("main .state.ok", has_text=shop.words("Received")).count() > 0

    assert soon(shop.page, received)
    shop.says("Your answers have arrived.")
    shop.look()


def expects(console: Screen, page: str, *, answered: int) -> None:
    """Wait until so many have answered, and no more."""
    console.page.goto(page)
    figure = console.page.locator("#results dl.figures .figure", has_text=console.words("answered")).first
    expect(figure.locator(".figure-value")).to_have_text(str(answered))


def reads_the_result(console: Screen) -> None:
    """Each was asked what hangs on its own answer: one of points, one of hours, and nothing of the first try."""
    console.look()
    rows = console.page.locator("#results table tbody tr")
    for choice in ("On time", "Late"):
        cells = rows.filter(has_text=choice).locator("td")
        expect(cells.nth(0)).to_have_text("1")
        expect(cells.nth(1)).to_contain_text("50")
    for question, mean in (("Points, where on time?", "4"), ("Hours, where late?", "6")):
        panel = console.page.locator("#results .panel", has=console.page.get_by_role("heading", name=question))
        expect(panel).to_contain_text("1 of 1 asked")
        expect(panel.locator(".figure-value").first).to_contain_text(mean)

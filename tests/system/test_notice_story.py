"""An urgent notice to a region of sixty shops, ten of them offline: the console's reach is true at every moment.

Real terminals on the real broker; one of them has its screens before a person, all others tap by their use cases.
"""

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from people import SOON_MS, Screen, desk, enrols, screen, soon
from playwright.sync_api import Browser, expect
from running import until
from shop_machine import shop_machine

from contract.feed import Announcement
from firmware_sim.identities import let_in
from firmware_sim.stage import Person, Stage, installation
from server.kit import broker, embedded
from terminal_client.app import Terminal
from terminal_client.core import feed, use_cases
from terminal_client.core.views import notices

pytestmark = [pytest.mark.system, pytest.mark.slow]

HILLS = tuple(f"H{number:02}" for number in range(60))
CITY = ("C00", "C01")
FIRST, AWAY, THERE = HILLS[0], HILLS[1:11], HILLS[11:]
TITLE, BODY = "停止销售该批次", "请立即下架，等待回收。"
SOON_S = SOON_MS / 1000
READERS = 5


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    folder = tmp_path_factory.mktemp("notice")
    try:
        with installation(folder / "server") as found:
            yield found
    finally:
        broker.remove_broker(folder / "server" / "broker")
        embedded.remove_cluster(folder / "server" / "postgres")


class Network:
    """The shops' terminals, each with its own store and connections, in this process."""

    def __init__(self, stage: Stage, planner: Person, folder: Path, opened: ExitStack) -> None:
        shops = (*AWAY, *THERE, *CITY)
        codes = planner.post("/api/v1/devices/codes", {"retailers": list(shops)})
        self.terminals: dict[str, Terminal] = {}
        for issued in codes:
            terminal = opened.enter_context(Terminal(folder / issued["retailer"], stage.url))
            let_in(terminal, planner, issued["code"])
            self.terminals[issued["retailer"]] = terminal
        for shop, terminal in self.terminals.items():
            until(f"the broker for {shop}", lambda it=terminal: it.engine.link == "mqtt", within_s=SOON_S)

    def holding(self) -> set[str]:
        """Return the shops whose terminals hold a notice."""
        return {shop for shop, terminal in self.terminals.items() if feed.read(terminal.store, Announcement)}


def test_an_urgent_notice_reaches_a_region_and_its_reach_is_true_at_every_moment(
    chromium: Browser, stage: Stage, tmp_path: Path
) -> None:
    faults: list[str] = []
    planner = stage.sign_in("planner", "planner")
    brings_in_shops(planner)
    with ExitStack() as opened:
        machine = opened.enter_context(shop_machine(tmp_path / FIRST, stage.url, {}))
        shop = screen(chromium, "terminal_client", "en", machine.address, "terminal", faults)
        enrols_without_goods(shop, planner)
        network = Network(stage, planner, tmp_path, opened)
        for code in AWAY:
            network.terminals[code].stop()

        console = desk(chromium, stage, "planner", "zh", faults)
        writes(console)
        hears_nothing_but_the_truth(console, network)
        assert missing(console) == set(AWAY)
        confirms(shop)
        expect_reach(console, delivered=50, displayed=1, acknowledged=1)
        for count, code in enumerate(THERE[:READERS], start=2):
            reads(network.terminals[code])
            expect_reach(console, delivered=50, displayed=count, acknowledged=count)
        console.look()
        for count, code in enumerate(AWAY, start=51):
            network.terminals[code].start()
            expect_reach(console, delivered=count, displayed=1 + READERS, acknowledged=1 + READERS)
        assert missing(console) == set()
        assert network.holding() == {*AWAY, *THERE}, "no other region hears of it"
        shop.page.context.close()
        console.page.context.close()
    assert faults == []


def brings_in_shops(planner: Person) -> None:
    """Bring in sixty shops in the hills and two in the city, and goods."""
    shops = "code,name,city,region,route,market_type,tier,weight\n"
    shops += "".join(f"{code},Shop {code},Riverton,hills,hills-{int(code[1:]) % 2},town,3,10\n" for code in HILLS)
    shops += "".join(f"{code},Shop {code},Riverton,city,city-0,town,3,10\n" for code in CITY)
    goods = "sku,name_zh,name_en,unit_zh,unit_en,category,pack_units,price_minor\nK1,金叶,Gold,条,carton,goods,1,100\n"
    for kind, rows in (("retailers", shops), ("skus", goods)):
        report = planner.post(f"/api/v1/imports/{kind}", files={"file": (f"{kind}.csv", rows.encode(), "text/csv")})
        assert report["rows_refused"] == 0, report


def enrols_without_goods(shop: Screen, planner: Person) -> None:
    """Enrol the terminal that a person stands before."""
    enrols(shop, str(planner.post("/api/v1/devices/codes", {"retailers": [FIRST]})[0]["code"]), planner)


def writes(console: Screen) -> None:
    """Write an urgent notice for the hills that must be confirmed, and publish it to sixty shops."""
    console.go("/console/announcements/new")
    page = console.page
    page.locator("#f-sort").select_option("urgent")
    for field, words in (("title", TITLE), ("body", BODY)):
        page.locator(f"#f-{field}_zh").fill(words)
        page.locator(f"#f-{field}_en").fill({"title": "Stop selling this batch", "body": "Take it down now."}[field])
    page.locator("input[name=regions][value=hills]").check()
    expect(page.locator("#addressed")).to_contain_text("60")
    page.locator("#f-must_acknowledge").check()
    console.look()
    console.tap("Keep the draft")
    console.tap("Publish")
    expect(page.locator("#confirm")).to_contain_text("60")
    console.tap("Publish", within="#confirm")
    expect(page.locator("#reach dl.figures")).to_be_visible()


def reach(console: Screen) -> dict[str, int]:
    """Return the figures that the console shows now."""
    console.page.reload()
    figures = console.page.locator("#reach dl.figures .figure")
    found = {}
    for name in ("sent", "delivered", "displayed", "acknowledged"):
        value = figures.filter(has=console.page.get_by_text(console.words(name), exact=True)).locator(".figure-value")
        found[name] = int(value.inner_text())
    return found


def expect_reach(console: Screen, **figures: int) -> None:
    """Wait until the console shows these figures, and no moment shows more."""

    def there() -> bool:
        shown = reach(console)
        assert all(shown[name] <= most for name, most in figures.items()), f"{shown} is more than {figures}"
        return shown == {"sent": 60, **figures}

    assert soon(console.page, there), f"{reach(console)} instead of {figures}"


def hears_nothing_but_the_truth(console: Screen, network: Network) -> None:
    """While it spreads, the console never counts a shop whose terminal does not hold it, and counts each that does."""

    def all_there() -> bool:
        shown = reach(console)
        held = len(network.holding()) + 1  # the terminal with the screens is in another process
        assert shown["delivered"] <= held
        assert (shown["sent"], shown["displayed"], shown["acknowledged"]) == (60, 0, 0)
        return shown["delivered"] == 50

    assert soon(console.page, all_there), reach(console)
    assert network.holding() == set(THERE)


def missing(console: Screen) -> set[str]:
    """Return the shops that the console lists as not reached."""
    with console.page.expect_navigation():
        console.page.locator("#reach a[href$='recipients?delivered=no']").click()
    codes = console.page.locator("main tbody a[href*='retailers/file']").all_inner_texts()
    console.look()
    console.page.go_back()
    return set(codes)


def confirms(shop: Screen) -> None:
    """See on the terminal that something must be confirmed, read it, and confirm it."""
    expect(shop.page.locator("#banner .pill.stop")).to_contain_text(
        shop.texts.ngettext("%(num)d to confirm", "%(num)d to confirm", 1) % {"num": 1}
    )
    shop.look()
    shop.page.goto("/notices")
    shop.tap("Read and confirm", role="link")
    expect(shop.page.locator("main h2")).to_have_text("Stop selling this batch")
    shop.says("This one asks you to say that you have read it.")
    shop.look()
    shop.tap("I have read it")

    def known() -> bool:
        shop.page.reload()
        return shop.page.get_by_text(shop.words("Read; the distributor knows.")).count() > 0

    assert soon(shop.page, known)
    shop.look()


def reads(terminal: Terminal) -> None:
    """Let the notice stand on a terminal's screen, and confirm it there."""
    (note,) = notices.read_all(terminal.store, terminal.clock)
    use_cases.note_display(terminal.shop, note.announcement.announcement)
    use_cases.read_announcement(terminal.shop, note.announcement.announcement)

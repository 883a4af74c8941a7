"""A shop with nothing but a browser: enrolled by a link, it orders, works on without a line, and is shut out."""

import re
from collections.abc import Iterator
from datetime import timedelta
from uuid import UUID

import pytest
from people import Screen, desk, screen
from playwright.sync_api import Browser, expect
from street import BLUE, BLUE_PACK, GOLD, GOLD_PACK, Street, street
from tablets import begin, count_to, sees_goods, submit

from contract import signing
from contract.feed import Bar, Grant, Grants, Reason, Text
from contract.texts import Language
from firmware_sim.line import HERE, Line
from server.kit import outbox
from server.kit.db import EVERYTHING, act_for, transaction
from server.kit.runtime import open_runtime
from server.tablet.words import SAID

pytestmark = [pytest.mark.system, pytest.mark.slow]

NAME: dict[Language, str] = {"en": "First week", "zh": "第一周"}
BODY: dict[Language, str] = {"en": "Take it off the shelf now.", "zh": "请立即下架。"}


#: Lets the tablet believe that it knew another history of the server; returns how much it has said.
KNOWN_BEFORE = """() => new Promise((done) => {
  indexedDB.open("evenhand-tablet").onsuccess = ({target: {result: store}}) => {
    const within = store.transaction(["kept", "said"], "readwrite");
    within.objectStore("kept").put("before the backup", "history");
    const said = within.objectStore("said").getAll();
    within.oncomplete = () => { store.close(); done(said.result.length); };
  };
})"""
ALL_RECEIVED = """() => new Promise((done) => {
  indexedDB.open("evenhand-tablet").onsuccess = ({target: {result: store}}) => {
    const within = store.transaction(["kept", "said"]);
    const said = within.objectStore("said").getAll(), history = within.objectStore("kept").get("history");
    within.oncomplete = () => {
      store.close();
      done(history.result !== "before the backup" && said.result.every(({outcome}) => outcome === "accepted"));
    };
  };
})"""


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Street]:
    with street(tmp_path_factory.mktemp("tablet")) as found:
        yield found


@pytest.fixture(scope="module")
def line(here: Street) -> Iterator[Line]:
    made = Line(here.ports[0])
    yield made
    made.cut()


@pytest.mark.parametrize(("language", "size"), [("zh", "terminal"), ("en", "phone")])
def test_a_tablet_orders_through_a_broken_line_until_it_is_shut_out(
    chromium: Browser, here: Street, line: Line, language: Language, size: str
) -> None:
    faults: list[str] = []
    shop = here.take_shop()
    server = f"http://{HERE}:{here.ports[0]}"
    tablet = screen(chromium, "server", language, server, size, faults)
    link = finds_the_link(desk(chromium, here.stage, "planner", language, faults), shop)
    device = is_let_in(tablet, server, link.partition("#code=")[2], here)
    cycle, _ = here.window_for(shop, NAME[language], lasts=timedelta(hours=30))
    orders_a_box(tablet)
    assert [each["units"] for each in here.orders(cycle)] == [{GOLD: GOLD_PACK}]

    reads_a_notice(tablet, here, shop)
    reads_a_result(tablet, here, shop, cycle)

    line.cut()
    changes_without_a_line(tablet)
    opens_again_without_a_line(tablet)
    assert [each["revision"] for each in here.orders(cycle)] == [1], "nothing arrived without a line"
    without_a_line, faults[:] = faults[:], []
    assert all("net::ERR" in each for each in without_a_line), without_a_line

    line.whole()
    expect(tablet.page.locator("#act")).to_have_attribute("data-shows", "received")
    expect(tablet.page.locator("#line.ok")).to_be_visible()
    assert [(each["revision"], each["units"]) for each in here.orders(cycle)] == [
        (2, {GOLD: 2 * GOLD_PACK, BLUE: BLUE_PACK})
    ]

    takes_a_restored_server(tablet)
    assert [each["revision"] for each in here.orders(cycle)] == [2], "what was said again counts once"

    here.planner.post(f"/api/v1/devices/{device}/revoke", {"reason": "stolen"})
    tablet.says("This tablet was shut out")
    tablet.look()
    tablet.page.context.close()
    assert [each for each in faults if "403" not in each and "net::ERR" not in each] == []


def finds_the_link(console: Screen, shop: str) -> str:
    """Issue a code at the console; return the address for a tablet that its sheet shows."""
    console.go("/console/devices/enrol")
    console.page.locator("[name=codes]").fill(shop)
    console.tap("Issue the codes", within="main")
    address = console.page.locator("code", has_text="/tablet/#code=")
    expect(address).to_be_visible()
    console.look()
    link = address.inner_text()
    console.page.context.close()
    return link


def is_let_in(tablet: Screen, server: str, code: str, here: Street) -> str:
    """Open the link of the sheet, choose the language, and wait until an operator has compared; return the name."""
    tablet.page.goto(f"{server}/tablet/")
    expect(tablet.page.locator("[data-language]")).to_have_count(2)
    tablet.look()
    tablet.page.goto("about:blank")
    begin(tablet.page, server, code, tablet.language)
    digits = tablet.page.locator("#fingerprint")
    expect(digits).to_be_visible()
    assert "#code" not in tablet.page.url, "the code stays in no history"
    tablet.look()
    waiting = here.planner.every("/api/v1/devices/enrolments")
    same = [one for one in waiting if signing.shown(one["fingerprint"]) == digits.get_attribute("aria-label")]
    assert [one["model"] for one in same] == ["browser-tablet"]
    fingerprints = [one["fingerprint"] for one in same]
    confirmed = here.planner.post("/api/v1/devices/enrolments/confirm", {"fingerprints": fingerprints})
    tablet.says("Connected", within=".head")
    tablet.look()
    return str(confirmed[0]["enrolled"]["device"])


def orders_a_box(tablet: Screen) -> None:
    """Order by a finger that taps twice, and read that it was received."""
    sees_goods(tablet.page)
    count_to(tablet.page, GOLD, GOLD_PACK)
    tablet.look()
    submit(tablet.page, taps=2)
    expect(tablet.page.locator("#act")).to_have_attribute("data-shows", "received")
    expect(tablet.page.locator("#act")).to_contain_text(re.compile(r"#\d+"))
    tablet.look()


def reads_a_notice(tablet: Screen, here: Street, shop: str) -> None:
    """Read what must be acknowledged, say so, and see that this was received."""
    title = {"zh": "停售通知", "en": "Stop selling a batch"}
    draft = {"sort": "urgent", "title": title, "body": BODY, "must_acknowledge": True, "audience": {"codes": [shop]}}
    notice = here.planner.post("/api/v1/announcements", draft)["id"]
    here.planner.post(f"/api/v1/announcements/{notice}/publish")
    expect(tablet.page.locator("#to-notices .count")).to_be_visible()
    tablet.page.locator("#to-notices").click()
    expect(tablet.page.locator("#notices")).to_contain_text(BODY[tablet.language])
    tablet.look()
    tablet.page.locator(f"[data-read='{notice}']").click()
    expect(tablet.page.locator("#notices .state.ok", has_text=tablet.words("received"))).to_be_visible()
    expect(tablet.page.locator("#to-notices .count")).to_have_count(0)
    read = here.planner.get(f"/api/v1/announcements/{notice}/reach")
    assert (read["displayed"], read["acknowledged"]) == (1, 1)
    here.planner.post(f"/api/v1/announcements/{notice}/withdraw", title)


def reads_a_result(tablet: Screen, here: Street, shop: str, cycle: str) -> None:
    """Read what was granted, each line with its reason; the result comes as the feed brings any."""
    lines = (granted(GOLD, "supply", 20, 10), granted(BLUE, "ineligible", 5, 0, barred_by="licence"))
    hashes = {"seed": "0" * 64, "input_sha256": "1" * 64, "result_sha256": "2" * 64}
    name = Text(zh=NAME["zh"], en=NAME["en"])
    result = Grants(
        cycle=UUID(cycle),
        name=name,
        part=1,
        parts=1,
        released_at=here.time.now(),
        policy="even 1",
        lines=lines,
        **hashes,
    )
    with open_runtime(here.stage.settings) as runtime, transaction(runtime.sessions) as session:
        act_for(session, EVERYTHING)
        outbox.append(session, [outbox.Item(shop, f"grants:{cycle}:1", "grants", result)], at=here.time.now())
    tablet.page.locator("#to-results").click()
    expect(tablet.page.locator(".grant")).to_have_count(2)
    tablet.says(SAID["why_supply"], supply_units=500, asked_units=900)
    tablet.says(SAID["barred_licence"])
    tablet.look()
    tablet.page.locator("#to-order").click()


def granted(sku: str, reason: Reason, asked: int, got: int, barred_by: Bar | None = None) -> Grant:
    return Grant(
        sku=sku,
        requested_units=asked,
        eligible_units=asked,
        granted_units=got,
        weight=10,
        share="1",
        reason=reason,
        barred_by=barred_by,
        supply_units=500,
        asked_units=900,
    )


def takes_a_restored_server(tablet: Screen) -> None:
    """Hear of another history than the one known: everything counts as waiting until its receipt is read anew."""
    with tablet.page.expect_request("**/device/v1/feed?after=0"):
        assert tablet.page.evaluate(KNOWN_BEFORE) == 4, "an order, its change, a notice shown and read"
    tablet.page.wait_for_function(ALL_RECEIVED)
    expect(tablet.page.locator("#act")).to_have_attribute("data-shows", "received")


def changes_without_a_line(tablet: Screen) -> None:
    """Change the order; it waits, and nothing says otherwise."""
    count_to(tablet.page, GOLD, 2 * GOLD_PACK)
    count_to(tablet.page, BLUE, BLUE_PACK)
    submit(tablet.page)
    tablet.says("No connection", within=".head")
    expect(tablet.page.locator("#act")).to_have_attribute("data-shows", "waiting")
    tablet.look()
    tablet.page.locator("#to-tablet").click()
    expect(tablet.page.locator("#queue .kept")).to_have_count(1)
    tablet.look()
    tablet.page.locator("#to-order").click()


def opens_again_without_a_line(tablet: Screen) -> None:
    """Load the page anew; it is there, and so is what waits."""
    tablet.page.reload()
    sees_goods(tablet.page)
    expect(tablet.page.locator("#act")).to_have_attribute("data-shows", "waiting")
    expect(tablet.page.locator(f"[data-sku='{GOLD}'] .amount")).to_have_text(str(2 * GOLD_PACK))
    tablet.look()

"""A person's way through the real thing, on both sides, in both languages.

A shop enrols its terminal, orders, sees what it got and why, and confirms what came; two people at the
distributor watch the window, check the result and release it. Everything is tapped and typed in a browser;
only lists, the scores that the shops are weighed by and the cycle itself are set up through the programs' interface.
"""

import csv
import io
import json
import re
import zipfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx2
import pytest
from people import SOON_MS, Screen, code_for, desk, enrols, row_id, screen, soon
from playwright.sync_api import Browser, expect
from shop_machine import shop_machine
from town_time import TownTime, timed_installation

from contract.feed import WindowState
from contract.messages import OrderLine
from contract.texts import Language
from evenhand.demo.weights import ask_forecast, forecast_when, make_scores, publish_scores
from firmware_sim.identities import let_in
from firmware_sim.stage import Person, Stage
from terminal_client.app import Terminal
from terminal_client.core import feed, forecasts, outbox, use_cases

pytestmark = [pytest.mark.system, pytest.mark.slow]

GRACE = timedelta(seconds=1)
OPENS_IN, OPEN_FOR = timedelta(minutes=1), timedelta(minutes=20)
CJK = re.compile(r"[\u3400-\u9fff]")

SKUS = """sku,name_zh,name_en,unit_zh,unit_en,category,pack_units,price_minor,licence_class
S1,云岭（硬金）,Yunling Gold,条,carton,cigarettes,10,23000,general
S2,滇池（软蓝）,Lakeside Blue,条,carton,cigarettes,5,10500,general
"""
RETAILERS = """code,name,city,region,route,market_type,tier,weight,credit_minor
00001,12 Riverside,Riverton,riverside,north,town,6,10,90000000
00002,8 Willow,Riverton,uptown,south,village,6,10,90000000
00003,3 Station,Riverton,uptown,south,station,25,10,90000000
"""
LICENCES = """retailer,licence_class,number,valid_from,valid_until
00001,general,G-1,2020-01-01,2099-12-31
00002,general,G-2,2020-01-01,2099-12-31
00003,general,G-3,2020-01-01,2099-12-31
"""
LISTS = {"skus": SKUS, "retailers": RETAILERS, "licences": LICENCES}
SOLD = {"00001": 900, "00002": 800, "00003": 100}
MONTHS_KNOWN = 6
SHOPS: dict[Language, str] = {"en": "00001", "zh": "00002"}
NEIGHBOUR = "00003"
ASKED_UNITS, NEIGHBOUR_UNITS, SUPPLY_UNITS = 50, 50, 40
PACK_UNITS = 10
VERDICT: dict[Language, str] = {"en": "The driver says so too.", "zh": "司机也确认少了。"}
REMEDY: dict[Language, str] = {"en": "Comes with the next round.", "zh": "下次送货一并补上。"}

SURVEY: dict[str, Any] = {
    "title": {"zh": "配送满意度", "en": "How was the delivery?"},
    "intro": {"zh": "一个问题。", "en": "One question."},
    "audience": {"regions": [], "routes": [], "tiers": []},
    "questions": [
        {"id": "fair", "kind": "scale", "text": {"zh": "公平吗？", "en": "Was it fair?"}, "required": True}
        | {"low": 1, "high": 5}
    ],
}


@dataclass(frozen=True)
class Town:
    """The installation with its lists, its planner at the interface, and a second shop that orders too."""

    stage: Stage
    time: TownTime
    planner: Person
    neighbour: Terminal
    survey: str

    def answered(self) -> int:
        """How many answers the server counts."""
        return int(self.planner.get(f"/api/v1/surveys/{self.survey}/results")["survey"]["answered"])

    def published(self, cycle: str) -> tuple[dict[str, Any], dict[str, list[dict[str, str]]]]:
        """Return the policy in a cycle's published certificate, and the rows of its published tables."""
        packed = self.planner.http.get(f"/api/v1/cycles/{cycle}/export.zip").raise_for_status()
        tables = ("problem/retailers.csv", "problem/requests.csv", "result/allocation.csv")
        with zipfile.ZipFile(io.BytesIO(packed.content)) as files:
            policy = json.loads(files.read("result/certificate.json"))["policy"]
            texts = {name: files.read(name).decode().splitlines() for name in tables}
        return policy, {name: list(csv.DictReader(lines)) for name, lines in texts.items()}

    def cycle(self, name: str) -> tuple[str, datetime]:
        """Announce a cycle and let its window open; return its id and when it closes."""
        made = self.planner.post(
            "/api/v1/cycles", {"name_zh": name, "name_en": name, "week": "2026-11-23", "grace_s": GRACE.seconds}
        )
        place = f"/api/v1/cycles/{made['id']}"
        lines = [{"sku": "S1", "supply_units": SUPPLY_UNITS, "scarce": True}, {"sku": "S2", "supply_units": 500}]
        self.planner.post(f"{place}/supply", {"reason": "first release", "lines": lines})
        opens = self.time.now() + OPENS_IN
        closes = opens + OPEN_FOR
        times = {"opens_at": opens.isoformat(), "closes_at": closes.isoformat()}
        self.planner.post(f"{place}/windows", {"route": "*"} | times)
        self.planner.post(f"{place}/announce")
        self.time.until(opens)
        return str(made["id"]), closes

    def neighbour_orders(self) -> None:
        """Let the second shop ask for more of the scarce goods than there are."""
        store = self.neighbour.store

        def opened() -> list[WindowState]:
            return [window for window in feed.read(store, WindowState) if window.state == "open"]

        assert self.neighbour.wait_until(lambda: bool(opened()), deadline_s=20)
        wanted = [OrderLine(sku="S1", quantity_units=NEIGHBOUR_UNITS)]
        order = use_cases.place_order(self.neighbour.shop, opened()[-1].window, wanted)
        assert self.neighbour.wait_until(lambda: not outbox.count_waiting(store), deadline_s=20)
        entry = outbox.find(store, order)
        assert entry is not None
        assert entry.state == "received", entry


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    """Start the installation and bring the town in."""
    folder = tmp_path_factory.mktemp("walk")
    with timed_installation(folder) as (stage, time):
        planner = stage.sign_in("planner", "planner")
        stage.sign_in("second person", "releaser")
        for kind, rows in LISTS.items():
            report = planner.post(f"/api/v1/imports/{kind}", files={"file": (f"{kind}.csv", rows.encode(), "text/csv")})
            assert report["rows_refused"] == 0, report
        now = time.now()
        times = {"opens_at": now.isoformat(), "closes_at": (now + timedelta(days=1)).isoformat()}
        survey = planner.post("/api/v1/surveys", SURVEY | times)["id"]
        planner.post(f"/api/v1/surveys/{survey}/publish")
        neighbour = Terminal(folder / "neighbour", stage.url, clock=time)
        let_in(neighbour, planner, code_for(planner, NEIGHBOUR))
        with neighbour:
            yield Town(stage, time, planner, neighbour, survey)


@dataclass(frozen=True)
class Scored:
    """The scores in force, the forecast they name, and what the neighbour said and agreed to."""

    version: str
    forecast: str
    weights: dict[str, int]
    tiers: dict[str, int]
    own_units: int
    agreed_units: int


@pytest.fixture(scope="module")
def scored(town: Town) -> Scored:
    """Bring a history in, forecast, agree on a figure with the neighbour, score, and publish as the second person."""
    planner, releaser = town.planner, town.stage.people[1]
    month = date.today().replace(day=1)  # noqa: DTZ011 - the server's own day decides; a month more or less is the same
    rows = ["retailer,product_class,period,sold_units,out_days"]
    for _ in range(MONTHS_KNOWN):
        month = (month - timedelta(days=1)).replace(day=1)
        rows += [f"{shop},cigarettes,{month.isoformat()},{units},0" for shop, units in SOLD.items()]
    brought = {"file": ("history.csv", "\n".join(rows).encode(), "text/csv")}
    report = planner.post("/api/v1/imports/history", files=brought)
    assert report["rows_refused"] == 0, report
    asked = ask_forecast(planner)
    forecast = forecast_when(planner, asked, lambda _: False)
    own_units, agreed_units = agrees(town)
    draft = make_scores(planner)
    assert planner.http.post(f"/api/v1/scores/runs/{draft['number']}/publish").status_code == httpx2.codes.FORBIDDEN
    published = publish_scores(releaser, draft["number"])
    rows_of_run = planner.get(f"/api/v1/scores/runs/{draft['number']}/retailers")
    return Scored(
        published["score_version"],
        f"{forecast['number']}:{forecast['input_sha256']}",
        {row["retailer"]: row["weight"] for row in rows_of_run},
        {row["retailer"]: row["tier"] for row in rows_of_run},
        own_units,
        agreed_units,
    )


def agrees(town: Town) -> tuple[int, int]:
    """Let the neighbour say on its terminal what it expects, and the planner agree to less; wait until it reads so."""
    terminal = town.neighbour

    def next_month() -> forecasts.MonthView | None:
        shown = forecasts.read(terminal.store, terminal.clock)
        return None if shown is None else shown.classes[0].month(None)

    assert terminal.wait_until(lambda: next_month() is not None, deadline_s=SOON_MS / 1000)
    found = next_month()
    assert found is not None
    assert found.month.low_units <= SOLD[NEIGHBOUR] <= found.month.high_units
    own_units, agreed_units = found.month.mean_units + 40, found.month.mean_units + 20
    use_cases.give_figure(terminal.shop, "cigarettes", found.month.period, own_units)
    assert terminal.wait_until(lambda: not outbox.count_waiting(terminal.store), deadline_s=SOON_MS / 1000)
    body = {"product_class": "cigarettes", "period": found.month.period.isoformat(), "units": agreed_units}
    town.planner.post(f"/api/v1/forecasts/retailers/{NEIGHBOUR}/figures", body)

    def both_stand() -> bool:
        now = next_month()
        return now is not None and (now.month.own_units, now.month.agreed_units) == (own_units, agreed_units)

    assert terminal.wait_until(both_stand, deadline_s=SOON_MS / 1000)
    return own_units, agreed_units


@pytest.fixture
def faults() -> Iterator[list[str]]:
    """Hold every page to what it must be; what a browser or axe complained about fails the test at its end."""
    found: list[str] = []
    yield found
    assert found == [], "\n".join(found)


@pytest.mark.parametrize("language", ["en", "zh"])
def test_a_shop_orders_and_two_people_release_and_every_page_is_accessible(
    chromium: Browser, town: Town, scored: Scored, tmp_path: Path, faults: list[str], language: Language
) -> None:
    name = {"en": "Autumn cycle", "zh": "秋季周期"}[language]
    planner = desk(chromium, town.stage, "planner", language, faults)
    releaser = desk(chromium, town.stage, "second person", language, faults)
    with shop_machine(tmp_path / "terminal", town.stage.url, town.time.environment) as machine:
        shop = screen(chromium, "terminal_client", language, machine.address, "terminal", faults)
        enrols(shop, code_for(town.planner, SHOPS[language]), town.planner)
        cycle, closes = town.cycle(name)
        town.neighbour_orders()
        number = orders(shop)
        amends(shop, number)
        watches_the_window(planner, name)
        town.time.until(closes + GRACE)
        sends_for_release(planner, cycle)
        releases(releaser, cycle)
        sees_what_it_got(shop, number)
        is_weighed_by_scores(town, scored, cycle)
        sees_its_score_and_forecast(shop, scored)
        dispatches(planner, name)
        confirms_with_a_discrepancy(shop)
        decides_the_claim(planner, SHOPS[language])
        sees_what_became_of_the_claim(shop)
        before = town.answered()
        answers_the_survey(shop)
        sees_the_answer_counted(planner, town, before)
        for one in (planner, releaser, shop):  # before the terminal ends: a page that polls would complain
            one.page.context.close()


def orders(shop: Screen) -> str:
    """Choose two items, submit, see it saved and then received; return the order's number."""
    more = shop.page.locator(f"#more-{row_id('S1')}")
    expect(more).to_be_enabled(timeout=SOON_MS)
    for units in range(10, ASKED_UNITS + 1, 10):
        more.click()
        expect(shop.page.locator(f"#row-{row_id('S1')} .amount")).to_have_text(str(units))
    shop.page.locator(f"#more-{row_id('S2')}").click()
    expect(shop.page.locator("#slip-lines .line")).to_have_count(2)
    shop.says("A draft, on this terminal only. It counts once it is submitted and received.")
    shop.look()
    shop.tap("Submit the order")
    expect(shop.page.locator(".truth.wait, .truth.ok")).to_be_visible()
    received = shop.page.locator(".truth.ok")
    expect(received).to_contain_text(re.compile(r"#\d+"), timeout=SOON_MS)
    shop.says("It counts.")
    shop.look()
    number = re.search(r"#(\d+)", received.inner_text())
    assert number is not None
    shop.page.goto("/orders")
    expect(shop.page.locator(".chain .reached")).to_have_count(3)
    shop.look()
    return number[1]


def amends(shop: Screen, number: str) -> None:
    """Ask for one box more of the plenty: the order counts as it was until the change is received, under its number."""
    shop.tap("Change the order")
    amount = shop.page.locator(f"#row-{row_id('S2')} .amount")
    before = int(amount.inner_text())
    shop.says("Until the change is received, the order stands as it was.")
    shop.page.locator(f"#more-{row_id('S2')}").click()
    expect(amount).to_have_text(str(before + 5))
    shop.look()
    shop.tap("Submit the change")
    expect(shop.page.locator(".truth.ok")).to_contain_text(f"#{number}", timeout=SOON_MS)
    expect(amount).to_have_text(str(before + 5))
    shop.look()


def watches_the_window(planner: Screen, name: str) -> None:
    """See in the window room who is in and who is missing."""
    planner.go("/console/")
    planner.go("/console/windows")
    planner.page.locator("main").get_by_role("link", name=name).first.click()
    expect(planner.page.get_by_role("heading", level=1)).to_contain_text(name)
    room = planner.page.locator("#room")
    expect(room.locator(".figures").first).to_contain_text("2")
    planner.says("Missing shops")
    planner.says("Orders per minute")
    planner.look()


def sends_for_release(planner: Screen, cycle: str) -> None:
    """Wait on the cycle's page until it is checked, look at the result, send it on."""
    planner.go(f"/console/cycles/{cycle}")
    planner.tap("Review the result", role="link")
    planner.page.wait_for_url("**/review")
    done = planner.page.locator(".step.done")
    for state in ("Frozen", "Solved", "Checked"):
        expect(planner.page.locator(".step", has_text=planner.words(state)).first).to_be_visible()
    expect(done.filter(has_text=planner.words("Frozen"))).to_have_count(1)
    planner.look()
    planner.tap("Send to a second person")
    planner.look()
    planner.tap("Send it", within="#send")
    planner.says("You sent this result")
    planner.look()


def releases(releaser: Screen, cycle: str) -> None:
    """Look at the result as another person and release it after one more question."""
    releaser.go(f"/console/cycles/{cycle}/review")
    releaser.tap("Release")
    expect(releaser.page.locator("#release")).to_be_visible()
    releaser.look()
    releaser.tap("Release and publish", within="#release")
    published = releaser.page.locator(".step.done", has_text=releaser.words("Published"))

    def look_again() -> bool:
        releaser.page.goto(f"/console/cycles/{cycle}")
        return published.count() == 1

    assert soon(releaser.page, look_again)
    releaser.look()


def sees_what_it_got(shop: Screen, number: str) -> None:
    """Read the grant with its reason, its numbers and the checks of the draw."""
    shop.page.goto("/orders")
    shop.tap("See what was granted, and why", role="link")
    scarce = shop.page.locator(".grant", has_text={"zh": "云岭", "en": "Yunling"}[shop.language])
    expect(scarce).to_be_visible(timeout=SOON_MS)
    scarce.click()
    why = shop.page.locator(".why")
    expect(why).to_be_visible()
    said = why.inner_text()
    assert bool(CJK.search(said)) == (shop.language == "zh"), said
    granted = int(scarce.locator(".hero b").inner_text())
    assert 0 < granted < ASKED_UNITS
    assert granted % PACK_UNITS == 0
    shop.look()
    shop.tap("Show the numbers", role="link")
    facts = shop.page.locator("#numbers")
    expect(facts).to_contain_text(str(SUPPLY_UNITS))
    expect(facts).to_contain_text(str(ASKED_UNITS + NEIGHBOUR_UNITS))
    shop.look()
    shop.tap("Check the draw yourself", role="link")
    expect(shop.page.locator(".check .verdict.ok")).to_have_count(6, timeout=SOON_MS)
    shop.look()
    shop.page.goto("/orders")
    expect(shop.page.locator("main")).to_contain_text(f"#{number}")
    shop.look()


def is_weighed_by_scores(town: Town, scored: Scored, cycle: str) -> None:
    """Find in the published files the scores in force, and packs given in the order of (n − ½ − carry) / weight."""
    policy, tables = town.published(cycle)
    assert policy["score_version"] == scored.version
    assert policy["forecast_version"] == scored.forecast
    weights = {row["retailer"]: int(row["weight"]) for row in tables["problem/retailers.csv"]}
    assert weights == {shop: scored.weights[shop] for shop in weights}
    assert weights[NEIGHBOUR] < min(weight for shop, weight in weights.items() if shop != NEIGHBOUR)
    carries = {
        row["retailer"]: int(row.get("carry") or 0) for row in tables["problem/requests.csv"] if row["sku"] == "S1"
    }
    packs = SUPPLY_UNITS // PACK_UNITS
    keys = sorted(
        ((n - 0.5 - carries[shop] / 1000) / weights[shop], shop) for shop in carries for n in range(1, packs + 1)
    )
    given = Counter(shop for _, shop in keys[:packs])
    granted = {
        row["retailer"]: int(row["granted"]) // PACK_UNITS
        for row in tables["result/allocation.csv"]
        if row["sku"] == "S1"
    }
    assert granted == {shop: given[shop] for shop in granted}


def sees_its_score_and_forecast(shop: Screen, scored: Scored) -> None:
    """Read the tier and why, and what is forecast; say on the screen what the shop itself expects."""
    shop.go("/score")
    tier = scored.tiers[SHOPS[shop.language]]
    expect(shop.page.locator(".row h2").first).to_have_text(
        shop.words("Tier %(tier)s of %(tiers)s") % {"tier": tier, "tiers": 30}
    )
    why = shop.page.locator(".row .what p").first.inner_text()
    assert bool(CJK.search(why)) == (shop.language == "zh"), why
    shop.go("/forecast")
    suggested = shop.page.locator(".step .amount")
    expect(suggested).to_have_text(str(SOLD[SHOPS[shop.language]]))
    shop.page.locator("#more").click()
    expect(suggested).not_to_have_text(str(SOLD[SHOPS[shop.language]]))
    shop.look()
    shop.page.locator("footer form button.primary").click()
    given = shop.page.locator(".given", has_text=shop.words("Received"))

    def received() -> bool:
        shop.page.reload()
        return given.count() == 1

    assert soon(shop.page, received)
    shop.look()


def dispatches(planner: Screen, name: str) -> None:
    """Send the goods out, after one more question."""
    planner.go("/console/deliveries")
    planner.page.locator(".callout", has_text=name).get_by_role("button", name=planner.words("Dispatch")).click()
    expect(planner.page.locator("#confirm")).to_contain_text(name)
    planner.look()
    planner.tap("Dispatch", within="#confirm")
    expect(planner.page.locator("#notices .notice")).to_be_visible(timeout=SOON_MS)
    expect(planner.page.locator("main")).to_contain_text("12 Riverside" if planner.language == "en" else "8 Willow")
    planner.look()


def confirms_with_a_discrepancy(shop: Screen) -> None:
    """Say of one line that two are missing and why, the rest as listed; see it received."""
    shop.page.goto("/deliveries")
    listed = shop.page.locator(".row.shipped")

    def look_again() -> bool:
        shop.page.goto("/deliveries")
        return listed.count() == 2

    assert soon(shop.page, look_again)
    shop.look()
    listed.filter(has_text={"zh": "云岭", "en": "Yunling"}[shop.language]).get_by_role(
        "link", name=shop.words("Differs")
    ).click()
    shop.look()
    shop.page.locator(".kind", has_text=shop.words("Short")).first.click()
    shop.page.locator("[data-step='1'][data-for=units]").click()
    expect(shop.page.locator("#units")).to_have_value("2")
    shop.page.locator(".reasons .chip").first.click()
    shop.look()
    shop.tap("Keep this")
    expect(shop.page.locator(".row.wrong")).to_have_count(1)
    shop.tap("The rest as listed…", role="link")
    expect(shop.page.locator("h1")).to_be_visible()
    shop.look()
    shop.tap("Yes, confirm")
    received = shop.page.locator(".truth.ok")

    def there() -> bool:
        shop.page.goto("/deliveries")
        return received.count() == 1

    assert soon(shop.page, there)
    shop.look()
    shop.go("/stock")


def decides_the_claim(planner: Screen, retailer: str) -> None:
    """Find the difference in the inbox, open it, agree with the shop and say how it is made good."""
    planner.go("/console/claims")
    row = planner.page.locator("#list tbody tr", has_text=retailer)
    expect(row).to_have_count(1)
    expect(row).to_contain_text("2")
    row.get_by_role("link", name=re.compile(r"#\d+")).first.click()
    planner.says("The shop says")
    planner.look()
    planner.page.locator("main input[name=verdict][value=upheld]").check()
    planner.page.locator("main textarea[name=reason]").fill(VERDICT[planner.language])
    planner.tap("Decide", within="main")
    expect(planner.page.locator("main textarea[name=note]")).to_be_visible(timeout=SOON_MS)
    planner.look()
    planner.page.locator("main textarea[name=note]").fill(REMEDY[planner.language])
    planner.tap("Settle", within="main")
    expect(planner.page.locator("main")).to_contain_text(REMEDY[planner.language], timeout=SOON_MS)


def sees_what_became_of_the_claim(shop: Screen) -> None:
    """Read the answer and how it was made good where the difference was reported."""
    shop.page.goto("/deliveries")
    claim = shop.page.locator(".claim")
    settled = claim.locator(".state.ok", has_text=shop.words("Settled"))

    def told() -> bool:
        shop.page.goto("/deliveries")
        return settled.count() == 1

    assert soon(shop.page, told)
    expect(claim).to_contain_text(VERDICT[shop.language])
    expect(claim).to_contain_text(REMEDY[shop.language])
    shop.look()


def answers_the_survey(shop: Screen) -> None:
    """Answer the one question and send."""
    shop.go("/notices")
    shop.tap("Answer the survey", role="link")
    expect(shop.page.locator("fieldset legend")).to_be_visible()
    shop.look()
    shop.page.locator(".scale .chip", has_text="4").click()
    shop.tap("Next")
    shop.says("All questions are answered.")
    shop.look()
    shop.tap("Send the answers")
    shop.says("Thank you.")

    def arrived() -> bool:
        shop.page.reload()
        return shop.page.locator(".state.ok").count() == 1

    assert soon(shop.page, arrived)
    shop.look()


def sees_the_answer_counted(planner: Screen, town: Town, before: int) -> None:
    """See one answer more in the survey's results."""
    assert soon(planner.page, lambda: town.answered() == before + 1)
    planner.go("/console/surveys")
    planner.go(f"/console/surveys/{town.survey}")
    expect(planner.page.locator("#results .figures").first).to_contain_text(str(before + 1))
    expect(planner.page.locator("#results")).to_contain_text({"zh": "公平吗？", "en": "Was it fair?"}[planner.language])

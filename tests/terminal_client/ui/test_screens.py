"""Every screen in both languages, empty and full, and what a stranger's page cannot do."""

import re
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from werkzeug.test import Client, TestResponse

from contract.feed import (
    Announcement,
    Appeal,
    AppealFigures,
    BookEntry,
    Choice,
    Claim,
    Delivery,
    Forecast,
    ForecastClass,
    ForecastMonth,
    ForecastPast,
    Grant,
    Grants,
    OnlyIf,
    OrderState,
    Question,
    Score,
    ScoreDecision,
    ScorePart,
    ShippedLine,
    Stock,
    Survey,
    Text,
)
from contract.messages import OrderLine
from terminal_client.app import Terminal
from terminal_client.core import drafts, feed, orders, outbox, use_cases
from terminal_client.core.delivery_rules import Count
from terminal_client.ui import serve
from terminal_client.ui.pages import Pages

OURS = {"Origin": "http://localhost"}
PARTS = ("/order/rows", "/order/live", "/banner", "/undo")
SEEN = r'id="seen" name="seen" value="([^"]+)"'


class Counter:
    """A terminal with its screens, over the same wires as the core's world."""

    def __init__(self, folder: Path, make: Any) -> None:
        self.make = make
        self.clock = make.clock()
        self.server = make.server(self.clock)
        self.wires = make.wires(self.server)
        self.terminal = Terminal(folder, "http://127.0.0.1:9", clock=self.clock, transport=self.wires)
        self.store, self.shop, self.engine = self.terminal.store, self.terminal.shop, self.terminal.engine
        self.chance = make.chance(3)
        self.client = Client(serve.web(self.terminal))
        self.window: Any = None
        self.things: dict[str, Any] = {}

    def enrol(self) -> None:
        self.store.keep_identity(self.make.enrolled(self.server.now()))
        self.server.reference = self.make.reference(
            self.make.item(limit_units=60, barcodes=("6901234567892",)),
            self.make.item("BLUE", pack_units=1),
            self.make.item("RESERVE", licensed=False, licence_class="C"),
        )
        self.engine.start()
        self.travel()

    def travel(self) -> None:
        for _ in range(3):
            self.clock.forward(700)
            self.engine.handle(self.make.tick)
            self.wires.all_travel()

    def get(self, path: str) -> TestResponse:
        return self.client.get(path, headers={"HX-Request": "true"} if path.startswith(PARTS) else {})

    def tap(self, path: str, **form: str) -> TestResponse:
        answer = self.client.post(path, data=form, headers=OURS)
        assert answer.status_code in (200, 303), answer.text
        return answer

    def id(self) -> Any:
        return self.make.id(self.clock.at_ms, self.chance)


@pytest.fixture
def counter(tmp_path: Path, make: Any) -> Iterator[Counter]:
    here = Counter(tmp_path / "terminal", make)
    yield here
    here.terminal.close()


def _score(now: datetime) -> Score:
    def part(zh: str, en: str, points: float, periods: int) -> ScorePart:
        return ScorePart(
            name=Text(zh=zh, en=en),
            points=points,
            most_points=500.0,
            periods=periods,
            advice=Text(zh=f"提升{zh}", en=f"raise {en}"),
            component=en,
        )

    return Score(
        run=2,
        as_of=date(2027, 4, 1),
        published_at=now,
        points=612.5,
        rank=11,
        peers=54,
        previous_tier=15,
        tier=13,
        tiers=30,
        weight=18,
        why=Text(zh="您的评分为 612.500 分。", en="Your score is 612.500 of 1,000."),
        parts=(part("需求", "demand", 412.5, 11), part("趋势", "trend", 200.0, 0)),
        appeals_close_at=now + timedelta(days=5),
        appeals_until=date(2027, 3, 25),
    )


def _decision(decision: Any) -> ScoreDecision:
    span = {"since": date(2027, 4, 1), "until": date(2027, 6, 1)}
    return ScoreDecision(decision=decision, sort="lowered", tier=20, reason="R-12", state="coming", **span)


def _appeal(appeal: Any, now: datetime) -> Appeal:
    told = AppealFigures(
        component="trend",
        name=Text(zh="趋势", en="trend"),
        raw=Text(zh="52.0 %", en="52.0 %"),
        points=200.0,
        most_points=500.0,
        rank=4,
        peers=9,
        above=Text(zh="53.0 %", en="53.0 %"),
    )
    return Appeal(
        appeal=appeal,
        number=3,
        run=2,
        component="trend",
        state="upheld",
        received_at=now,
        answer_until=date(2027, 4, 5),
        answered_at=now,
        answer=Text(zh="十月少记了。", en="October was booked too low."),
        figures=(told,),
        remedy=Text(zh="2026-10：销量由 100 改为 140", en="2026-10: units sold 100, now 140"),
    )


def _forecast(now: datetime) -> Forecast:
    """Of one class two months to come and one that is over, of another one the month that has begun."""
    begun = ForecastMonth(period=date(2027, 3, 1), mean_units=90, low_units=60, high_units=130)
    months = (
        begun,
        ForecastMonth(period=date(2027, 4, 1), mean_units=100, low_units=80, high_units=140, agreed_units=110),
        ForecastMonth(period=date(2027, 5, 1), mean_units=120, low_units=90, high_units=160),
    )
    past = (ForecastPast(period=date(2027, 2, 1), forecast_units=90, came_units=100),)
    return Forecast(
        version=3,
        part=1,
        parts=1,
        cut_off=date(2027, 3, 1),
        made_at=now,
        classes=(
            ForecastClass(product_class="BLUE", months=(begun,)),
            ForecastClass(product_class="GOLD", months=months, past=past, error=0.1),
        ),
    )


@pytest.fixture
def busy(counter: Counter) -> Counter:
    """A terminal in the middle of its week."""
    counter.enrol()
    word = counter.make.text("A word", "一句话")
    now = counter.server.now()
    old = counter.make.window(counter, closes_in=timedelta(minutes=1))
    counter.travel()
    order = use_cases.place_order(counter.shop, old.window, [OrderLine(sku="GOLD", quantity_units=24)])
    counter.travel()
    counter.clock.forward(timedelta(minutes=2))
    counter.server.tell(f"window:{old.window}", "window", old.model_copy(update={"state": "published"}))
    reasons = (
        "supply",
        "lottery",
        "filled",
        "capped",
        "credit",
        "quota",
        "floor",
        "ineligible",
        "priority",
        "adjusted",
    )
    lines = tuple(
        Grant(
            sku=f"SKU-{n}" if n else "GOLD",
            requested_units=24,
            eligible_units=24,
            granted_units=12,
            weight=10,
            share="1.2",
            reason=reason,
            bound_by="supply:GOLD",
            supply_units=60,
            asked_units=120,
            carry_thousandths=333,
            carried_thousandths=-250,
            credited_thousandths=500 if reason == "lottery" else None,
        )
        for n, reason in enumerate(reasons)
    )
    parts = Grants(
        cycle=old.cycle,
        name=word,
        part=1,
        parts=1,
        released_at=now,
        policy="p 1",
        seed="ab" * 32,
        input_sha256="cd" * 32,
        result_sha256="ef" * 32,
        policy_sha256="12" * 32,
        weights_sha256="34" * 32,
        score_version="56" * 32,
        lines=lines,
    )
    book = BookEntry(
        cycle=old.cycle,
        root="00" * 32,
        lines=(),
        retailer="R-12",
        path=(),
        commitment="11" * 32,
        secret="22" * 32,
        weights_sha256="35" * 32,
    )
    shipped = Delivery(
        delivery=counter.id(),
        number=5541,
        cycle=old.cycle,
        state="shipped",
        shipped_at=now,
        lines=(
            ShippedLine(sku="GOLD", shipped_units=36, granted_units=36),
            ShippedLine(sku="BLUE", shipped_units=5, granted_units=6),
        ),
    )
    done = shipped.model_copy(
        update={
            "delivery": counter.id(),
            "number": 5502,
            "state": "confirmed",
            "confirmed_at": now,
            "claims": (
                Claim(claim=counter.id(), number=7, sku="GOLD", difference="short", difference_units=1, state="open"),
            ),
        }
    )
    kinds: Any = ("single", "multiple", "scale", "number", "text")
    survey = Survey(
        survey=counter.id(),
        title=word,
        intro=word,
        state="open",
        closes_at=now + timedelta(days=3),
        questions=tuple(
            Question(id=f"q{n}", kind=kind, text=word, choices=(Choice(id="a", text=word),), required=kind != "text")
            for n, kind in enumerate(kinds)
        ),
    )
    note = Announcement(
        announcement=counter.id(),
        sort="urgent",
        title=word,
        body=word,
        version=1,
        published_at=now,
        must_acknowledge=True,
    )
    for key, kind, message in (
        (f"grants:{old.cycle}:1", "grants", parts),
        (f"book:{old.cycle}", "book", book),
        (f"delivery:{shipped.delivery}", "delivery", shipped),
        (f"delivery:{done.delivery}", "delivery", done),
        ("stock:GOLD", "stock", Stock(sku="GOLD", on_hand_units=35, held_units=1, as_of=now)),
        ("stock:BLUE", "stock", Stock(sku="BLUE", on_hand_units=0, as_of=now)),
        ("forecast:1", "forecast", _forecast(now)),
        ("score", "score", _score(now)),
        ("appeal:3", "appeal", _appeal(counter.id(), now)),
        ("decision:4", "decision", _decision(counter.id())),
        (f"survey:{survey.survey}", "survey", survey),
        (f"announcement:{note.announcement}", "announcement", note),
    ):
        counter.server.tell(key, kind, message)
    counter.window = counter.make.window(counter, scarce=("GOLD",))
    counter.clock.forward(timedelta(minutes=1))
    counter.travel()
    counter.things = {"cycle": old.cycle, "delivery": shipped.delivery, "done": done.delivery}
    counter.things |= {"survey": survey.survey, "note": note.announcement, "order": order}
    return counter


SCREENS = [
    "/say",
    "/order",
    "/order?show=scarce",
    "/order?show=mine",
    "/order?q=zzz",
    "/order?pad=GOLD",
    "/orders",
    "/refused",
    "/grants",
    "/deliveries",
    "/stock",
    "/stock?q=zzz",
    "/stock/till",
    "/stock/count",
    "/stock/day",
    "/stock/expiring",
    "/forecast",
    "/score",
    "/licence",
    "/diagnostics",
    "/notices",
    "/settings",
    "/counter",
]
DEEPER = [
    "/stock?sku=GOLD",
    "/stock?sku=BLUE",
    "/stock/till?pad=GOLD",
    "/stock/day/slip",
    *(f"/stock/adjust?sku=GOLD&change={change}" for change in ("", "expiry", "damaged", "less", "more")),
    "/orders/{order}/slip",
    "/grants/{cycle}/slip",
    "/deliveries/{delivery}/slip",
    "/deliveries/{done}/slip",
    "/grants/{cycle}?sku=GOLD&numbers",
    *(f"/grants/{{cycle}}?sku=SKU-{n}" for n in range(1, 9)),
    "/grants/{cycle}/draw",
    "/deliveries/{delivery}",
    "/deliveries/{done}",
    "/deliveries/{delivery}/check",
    "/deliveries/{delivery}/differs?sku=GOLD",
    *(
        f"/deliveries/{{delivery}}/differs?sku=GOLD&kind={kind}"
        for kind in ("short", "over", "damaged", "wrong_item", "wrong_pack", "refused")
    ),
    "/forecast?class=BLUE",
    "/score/appeal",
    "/say/kind",
    "/forecast?class=GOLD&month=2027-05-01&units=90",
    "/notices/{note}",
    *(f"/surveys/{{survey}}?question=q{n}" for n in range(5)),
]
CHINESE = re.compile(r"[\u4e00-\u9fff]")
#: Names that stay as they are in every language.
SAME_EVERYWHERE = re.compile(
    r"English|中文|Harbour Road 12|Terminal|GOLD|BLUE|RESERVE|SKU-\d|UTC|http|R-12|supply:|GTIN"
    r"|/dev/[a-z/-]+|net:"
)


@pytest.mark.parametrize("language", ["zh", "en"])
def test_every_screen_has_words_for_having_nothing_to_show(counter: Counter, language: str) -> None:
    counter.store.keep_identity(counter.make.enrolled(counter.server.now()))
    counter.store.choose("language", language)
    for path in SCREENS:
        answer = counter.get(path)
        assert (path, answer.status_code) == (path, 200)
        _speaks(answer.text, language)


@pytest.mark.parametrize("language", ["zh", "en"])
def test_every_screen_speaks_the_chosen_language_throughout(busy: Counter, language: str) -> None:
    busy.store.choose("language", language)
    for path in [*SCREENS, *DEEPER]:
        answer = busy.get(path.format(**busy.things))
        assert answer.status_code == 200, path
        _speaks(answer.text, language)


def _speaks(page: str, language: str) -> None:
    shown = re.sub(r"<script.*?</script>|<style.*?</style>|<head>.*?</head>", "", page, flags=re.DOTALL)
    words = [word.strip() for word in re.findall(r">([^<>]+)<", shown)]
    words += re.findall(r'(?:aria-label|placeholder|title)="([^"]+)"', shown)
    for word in words:
        rest = SAME_EVERYWHERE.sub("", word)
        if language == "en":
            assert not CHINESE.search(rest), word
        else:
            assert not re.search(r"[A-Za-z]{4,}", re.sub(r"[0-9a-f]{8}|t-[0-9a-f]+|d-12", "", rest)), word


def test_a_new_terminal_asks_which_shop_it_is(counter: Counter) -> None:
    assert counter.get("/order").headers["Location"] == "/enrol"
    assert "这是哪家店" in counter.get("/enrol").text


def test_enrolling_without_a_server_says_so_and_keeps_the_code(counter: Counter) -> None:
    page = counter.tap("/enrol", code="k7qx 2m4p").text
    assert "没有应答" in page
    assert 'value="K7QX2M4P"' in page


def test_the_way_from_stepper_to_receipt(busy: Counter) -> None:
    busy.tap("/order/step", sku="GOLD", way="up")
    busy.tap("/order/set", sku="BLUE", quantity="3")
    busy.tap("/order/submit")
    assert "已发出" in busy.get("/order/live").text or "已存于本机" in busy.get("/order/live").text
    busy.travel()
    assert re.search(r"已收到 · #\d+", busy.get("/order/live").text)
    newest = orders.read_all(busy.store)[0]
    assert {line.sku: line.quantity_units for line in newest.received_lines} == {"GOLD": 12, "BLUE": 3}


def test_what_cannot_be_ordered_is_never_changed_silently(busy: Counter) -> None:
    busy.tap("/order/set", sku="GOLD", quantity="13")
    page = busy.get("/order?show=mine").text
    assert 'value="12">12</button>' in page
    assert 'value="24">24</button>' in page
    assert "1 行待您决定" in page
    window = busy.window.window
    assert drafts.read(busy.store, window).lines[0].quantity_units == 13
    busy.tap("/order/set", sku="GOLD", quantity="0")
    assert drafts.read(busy.store, window).lines == ()


@pytest.mark.parametrize("typed", ["-3", "1.5", "１２", "x", "99999999999"])
def test_what_is_no_quantity_is_refused_in_words(busy: Counter, typed: str) -> None:
    page = busy.tap("/order/set", sku="GOLD", quantity=typed)
    assert "这样不行" in page.text or page.status_code == 200
    assert drafts.read(busy.store, busy.window.window).lines == ()


def test_a_page_that_was_open_before_closing_cannot_submit_afterwards(busy: Counter) -> None:
    busy.tap("/order/step", sku="GOLD", way="up")
    assert 'action="/order/submit"' in busy.get("/order").text
    busy.clock.forward(timedelta(hours=2))
    assert "已截止" in busy.tap("/order/submit").text
    late = busy.get("/order?show=mine").text
    assert 'action="/order/submit"' not in late
    assert "这份草稿没有提交" in late
    assert outbox.count_waiting(busy.store) == 0


def test_a_long_catalogue_is_shown_by_parts_and_found_whole(busy: Counter) -> None:
    items = [busy.make.item(f"ITEM-{n:04}") for n in range(500)]
    busy.store.keep_reference(busy.make.reference(*items).model_copy(update={"version": "v2"}))
    page = busy.get("/order?show=all").text
    assert page.count("<article") == 60
    assert busy.get("/order/rows?show=all&most=120").text.count("<article") == 120
    assert busy.get("/order/rows?show=all&q=item-0499").text.count("<article") == 1


def test_emptying_the_draft_can_be_taken_back(busy: Counter) -> None:
    busy.tap("/order/step", sku="GOLD", way="up")
    busy.tap("/order/clear")
    offered = re.search(r'action="(/undo/[^"]+)"', busy.get("/order").text)
    assert offered is not None
    busy.tap(offered[1], back="/order?show=mine")
    window = busy.window.window
    assert drafts.read(busy.store, window).lines == (OrderLine(sku="GOLD", quantity_units=12),)


def test_what_can_be_taken_back_stays_on_its_page_and_throws_no_later_tap_away(busy: Counter) -> None:
    def offered(path: str = "/order") -> bool:
        return 'action="/undo/' in busy.get(path).text

    busy.tap("/order/step", sku="GOLD", way="up")
    busy.tap("/order/clear")
    assert offered()
    assert "草稿已清空" in busy.get("/order").text
    busy.store.choose("language", "en")
    assert "The draft was emptied." in busy.get("/order").text
    assert not offered("/stock")
    assert not offered()
    busy.tap("/order/step", sku="GOLD", way="up")
    busy.tap("/order/clear")
    token = re.search(r'action="(/undo/[^"]+)"', busy.get("/order").text)
    assert token is not None
    assert busy.get(token[1]).status_code == 204
    busy.tap("/order/step", sku="BLUE", way="up")
    assert (busy.get(token[1]).status_code, busy.get(token[1]).text) == (200, "")
    assert not offered()


def test_a_cancelling_that_has_its_receipt_is_not_said_to_be_under_way(busy: Counter) -> None:
    use_cases.set_draft_line(busy.shop, busy.window.window, "GOLD", 12)
    busy.tap("/order/submit")
    busy.travel()
    (order,) = orders.live_in(busy.store, busy.window.window)
    busy.tap(f"/orders/{order.id}/cancel")
    assert 'action="/undo/' in busy.get(f"/orders/{order.id}").text
    busy.travel()
    assert 'action="/undo/' not in busy.get(f"/orders/{order.id}").text


def test_sound_is_on_until_it_is_switched_off(busy: Counter) -> None:
    assert 'data-sound="on"' in busy.get("/settings").text
    busy.tap("/settings", sound="off")
    assert 'data-sound="off"' in busy.get("/order").text
    busy.tap("/settings", sound="loud")
    assert 'data-sound="off"' in busy.get("/order").text


def test_the_head_counts_what_was_saved_for_who_listens(busy: Counter) -> None:
    def saved() -> int:
        found = re.search(r'data-saved="(\d+)" data-waiting="(\d+)"', busy.get("/order").text)
        assert found is not None
        return int(found[1])

    before = saved()
    busy.tap("/order/step", sku="GOLD", way="up")
    assert saved() == before
    busy.tap("/order/submit")
    assert saved() == before + 1


def test_taking_back_leads_nowhere_else(busy: Counter) -> None:
    assert busy.tap("/undo/none", back="//elsewhere.example/").headers["Location"] == "/order"


def test_a_delivery_needs_a_reason_for_every_difference_and_a_second_tap(busy: Counter) -> None:
    at = f"/deliveries/{busy.things['delivery']}"
    page = busy.tap(f"{at}/differs", sku="GOLD", kind="short", units="1", held="0").text
    assert 'role="alert"' in page
    busy.tap(f"{at}/differs", sku="GOLD", kind="short", units="1", held="0", reason="箱子被打开过")
    assert "2 箱 + 11" not in busy.get(at).text
    check = busy.get(f"{at}/check").text
    assert "上报 1 处不符" in check
    assert outbox.of_kinds(busy.store, "delivery.confirm") == []
    busy.tap(f"{at}/confirm")
    lines = outbox.of_kinds(busy.store, "delivery.confirm")[0].data["lines"]
    assert [line["accepted_units"] for line in lines] == [35, 5]


def test_thirty_five_of_twelve_are_two_boxes_and_eleven(busy: Counter) -> None:
    page = busy.get("/stock").text
    assert "2 箱 + 11" in page
    assert "2.9" not in page


def test_a_notice_that_asks_for_it_is_read_only_by_a_tap_of_its_own(busy: Counter) -> None:
    at = f"/notices/{busy.things['note']}"
    busy.store.choose("language", "en")
    for _ in range(2):
        assert "I have read it" in busy.get(at).text
    assert outbox.of_kinds(busy.store, "announcement.read") == []
    assert [entry.data["version"] for entry in outbox.of_kinds(busy.store, "announcement.displayed")] == [1]
    for screen in ("/order?show=all", "/stock", "/notices"):
        assert "1 to confirm" in busy.get(screen).text
        assert f'class="pill stop" href="{at}"' in busy.get(screen).text
    busy.tap(f"{at}/read")
    assert len(outbox.of_kinds(busy.store, "announcement.read")) == 1
    assert "pill stop confirm" not in busy.get("/order?show=all").text


def test_a_notice_says_until_when_it_holds_and_folds_away_after(busy: Counter) -> None:
    word = busy.make.text("Two for one", "买一赠一")
    offer = Announcement(
        announcement=busy.id(),
        sort="promotion",
        title=word,
        body=word,
        version=2,
        published_at=busy.server.now(),
        expires_at=busy.server.now() + timedelta(days=2),
        must_acknowledge=True,
    )
    busy.server.tell(f"announcement:{offer.announcement}", "announcement", offer)
    busy.clock.forward(timedelta(minutes=1))
    busy.travel()
    busy.store.choose("language", "en")
    at = f"/notices/{offer.announcement}"
    page = busy.get(at).text
    assert "corrected, version 2" in page
    assert "until " in page
    assert "I have read it" in page
    assert "that is over" not in page

    busy.clock.forward(timedelta(days=3))
    busy.travel()
    page = busy.get(at).text
    assert "1 that is over" in page
    assert "over since" in page
    assert "This no longer holds." in page
    assert "I have read it" not in page
    assert outbox.of_kinds(busy.store, "announcement.read") == []


def test_a_survey_keeps_each_answer_and_is_sent_as_a_whole(busy: Counter) -> None:
    at = f"/surveys/{busy.things['survey']}"
    assert 'role="alert"' in busy.tap(f"{at}/answer", question="q0").text
    for question, form in {
        "q0": {"choice": "a"},
        "q1": {"choice": "a"},
        "q2": {"number": "4"},
        "q3": {"number": "120"},
    }.items():
        busy.tap(f"{at}/answer", question=question, **form)
    busy.tap(f"{at}/send")
    assert len(outbox.of_kinds(busy.store, "survey.answer")[0].data["answers"]) == 4


def test_a_survey_walks_by_its_rules_and_says_how_far(busy: Counter) -> None:
    word = busy.make.text("Why", "为什么")
    asked = [Question(id="mark", kind="scale", text=word, low=1, high=5)]
    asked += [
        Question(id=name, kind="text", text=word, only_if=OnlyIf(question="mark", test=test, number=4))
        for name, test in (("praise", "at_least"), ("exact", "is"))
    ]
    asked.append(Question(id="last", kind="number", text=word, required=False))
    survey = Survey(
        survey=busy.id(),
        title=word,
        intro=word,
        state="open",
        closes_at=busy.server.now() + timedelta(days=3),
        questions=tuple(asked),
    )
    busy.server.tell(f"survey:{survey.survey}", "survey", survey)
    busy.clock.forward(timedelta(minutes=1))
    busy.travel()
    busy.store.choose("language", "en")
    at = f"/surveys/{survey.survey}"

    def answer(question: str, **form: str) -> str:
        return busy.tap(f"{at}/answer", question=question, **form).headers["Location"]

    assert "Question 1 of at most 4" in busy.get(at).text
    assert answer("praise", text="no") == at
    assert drafts.answers(busy.store, survey.survey) == {}
    assert answer("mark", number="5") == f"{at}?question=praise"
    assert "Question 2 of 3" in busy.get(f"{at}?question=praise").text
    assert answer("praise", text="quick") == f"{at}?question=last"
    assert answer("mark", number="2") == f"{at}?question=last"
    assert "Question 2 of 2" in busy.get(f"{at}?question=last").text
    assert answer("last") == f"{at}?question=.end"
    assert "All questions are answered." in busy.get(f"{at}?question=.end").text
    answer("mark", number="4")
    assert "quick" in busy.get(f"{at}?question=praise").text
    assert "Question 3 of 4" in busy.get(f"{at}?question=.end").text
    answer("mark", number="3")
    busy.tap(f"{at}/send")
    sent = outbox.of_kinds(busy.store, "survey.answer")[0].data["answers"]
    assert [one["question"] for one in sent] == ["mark", "last"]


def test_a_figure_goes_from_the_stepper_to_its_receipt(busy: Counter) -> None:
    at = "/forecast?class=GOLD&month=2027-05-01"
    assert 'name="units" value="125"' in busy.get(at).text
    answer = busy.tap("/forecast", **{"class": "GOLD", "month": "2027-05-01", "units": "125"})
    assert answer.headers["Location"] == at
    page = busy.get(at).text
    assert "您的数字：125" in page
    assert re.search("已存本机|已发出", page)
    assert outbox.of_kinds(busy.store, "forecast.figure")[0].data == {
        "product_class": "GOLD",
        "period": "2027-05-01",
        "units": 125,
        "version": 3,
    }
    busy.travel()
    assert "已收到" in busy.get(at).text


def test_no_figure_is_queued_for_a_month_that_has_begun(busy: Counter) -> None:
    busy.tap("/forecast", **{"class": "GOLD", "month": "2027-04-01", "units": "125"})
    busy.clock.forward(timedelta(days=15))
    page = busy.tap("/forecast", **{"class": "GOLD", "month": "2027-04-01", "units": "130"}).text
    assert "2027-04 已经开始" in page
    assert len(outbox.of_kinds(busy.store, "forecast.figure")) == 1


def test_a_refusal_stays_until_it_is_dealt_with_and_even_that_can_be_taken_back(busy: Counter) -> None:
    busy.server.decide = lambda _kind, _envelope: ("suspended", {"why": "dues"})
    busy.tap("/order/step", sku="GOLD", way="up")
    busy.tap("/order/submit")
    busy.travel()
    refused = outbox.refused(busy.store)[0]
    assert "dues" in busy.get("/refused").text
    busy.tap(f"/refused/{refused.id}/done")
    assert "没有被拒的内容" in busy.get("/refused").text
    offered = re.search(r'action="(/undo/[^"]+)"', busy.get("/refused").text)
    assert offered is not None
    busy.tap(offered[1])
    assert outbox.refused(busy.store)[0].id == refused.id


def test_the_banner_answers_only_when_there_is_news(busy: Counter) -> None:
    seen = re.search(SEEN, busy.get("/order").text)
    assert seen is not None
    assert busy.get(f"/banner?seen={seen[1]}").status_code == 204
    busy.tap("/order/step", sku="GOLD", way="up")
    news = busy.get(f"/banner?seen={seen[1]}")
    assert (news.status_code, news.headers["HX-Trigger"]) == (200, "news")


def test_a_tap_says_that_the_page_has_seen_all_only_where_nothing_else_has_happened(busy: Counter) -> None:
    seen = re.search(SEEN, busy.get("/order").text)
    assert seen is not None

    def step(mark: str) -> re.Match[str] | None:
        form = {"sku": "GOLD", "way": "up", "seen": mark}
        return re.search(SEEN, busy.client.post("/order/step", data=form, headers=OURS | {"HX-Request": "true"}).text)

    after = step(seen[1])
    assert after is not None
    assert busy.get(f"/banner?seen={after[1]}").status_code == 204
    assert step(seen[1]) is None
    busy.store.choose("size", "large")
    assert step(after[1]) is None


def test_taps_that_waited_together_come_as_one(busy: Counter) -> None:
    busy.tap("/order/step", sku="BLUE", way="up", times="5")
    busy.tap("/order/step", sku="BLUE", way="down", times="2")
    assert [(line.sku, line.quantity_units) for line in drafts.read(busy.store, busy.window.window).lines] == [
        ("BLUE", 3)
    ]
    for times in ("0", "-1", "x", "99999"):
        answer = busy.client.post("/order/step", data={"sku": "BLUE", "way": "up", "times": times}, headers=OURS)
        assert times in answer.text
    assert drafts.read(busy.store, busy.window.window).lines[0].quantity_units == 3


def test_a_page_that_was_open_when_the_program_fell_looks_anew_though_nothing_else_changed(busy: Counter) -> None:
    seen = str(Pages(busy.terminal).mark())
    assert str(Pages(busy.terminal).mark()) != seen


# What a stranger's page cannot do


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example:80", "evil.example:80", "[::1].evil:1"])
def test_another_name_gets_nothing_so_that_a_rebound_name_reads_nothing(counter: Counter, host: str) -> None:
    assert counter.client.get("/order", headers={"Host": host}).status_code == 421


@pytest.mark.parametrize(
    "headers", [{}, {"Origin": "https://evil.example"}, {"Origin": "null"}, {"Sec-Fetch-Site": "cross-site"}]
)
def test_changes_come_from_our_own_pages_alone(busy: Counter, headers: dict[str, str]) -> None:
    answer = busy.client.post("/order/step", data={"sku": "GOLD", "way": "up"}, headers=headers)
    assert answer.status_code == 403
    assert drafts.read(busy.store, busy.window.window).lines == ()


def test_nothing_but_our_own_files_runs(busy: Counter) -> None:
    for path in SCREENS:
        answer = busy.get(path)
        policy = answer.headers["Content-Security-Policy"]
        assert "unsafe" not in policy
        assert "default-src 'none'" in policy
        assert not re.search(r"<script(?![^>]*src=)|\sstyle=|\son[a-z]+=", answer.text)
        assert not re.search(r'(?:src|href|action)="(?:https?:)?//', answer.text)


@pytest.mark.parametrize(
    "path", ["/static/../web.py", "/static/%2e%2e/web.py", "/static/none.css", "/nowhere", "/orders/12"]
)
def test_what_is_not_there_is_not_there(busy: Counter, path: str) -> None:
    assert busy.client.get(path).status_code == 404


def test_hostile_texts_are_shown_and_never_run(busy: Counter) -> None:
    count = Count("short", 1, reason="<script>alert(1)</script>")
    use_cases.count_line(busy.shop, busy.things["delivery"], "GOLD", count)
    page = busy.get(f"/deliveries/{busy.things['delivery']}").text
    assert "<script>alert" not in page
    assert "&lt;script&gt;alert" in page


def test_the_fate_of_a_claim_is_told_where_it_was_raised(busy: Counter) -> None:
    done = next(one for one in feed.read(busy.store, Delivery) if one.delivery == busy.things["done"])
    told = {
        "state": "settled",
        "opened_at": busy.server.now(),
        "decided_at": busy.server.now(),
        "decision": "<b>一箱未装</b>",
        "settled_at": busy.server.now(),
        "settlement": "下次补发",
    }
    claims = (done.claims[0].model_copy(update=told),)
    busy.server.tell(f"delivery:{done.delivery}", "delivery", done.model_copy(update={"claims": claims}))
    busy.clock.forward(timedelta(minutes=1))
    busy.travel()
    page = busy.get(f"/deliveries/{done.delivery}").text
    assert "答复：&lt;b&gt;一箱未装&lt;/b&gt;" in page
    assert "处理结果：下次补发" in page


def test_the_draw_says_in_words_where_policy_and_weights_stand(busy: Counter) -> None:
    page = busy.get(f"/grants/{busy.things['cycle']}/draw").text
    assert "所用权重与随订单簿固定的权重不同。" in page
    assert "本机在订货截止前没有收到公布的政策。" in page
    assert "本机不知道事先公布的是哪一次" in page
    assert "34343434" in page.replace(" ", "")


def test_the_draw_carries_the_code_to_check_it_again(busy: Counter) -> None:
    assert "<svg" in busy.get(f"/grants/{busy.things['cycle']}/draw").text.partition("code-of")[2]


def test_what_the_supply_does_not_hold_is_said_and_not_taken_over(busy: Counter) -> None:
    busy.server.tell(
        f"window:{busy.window.window}", "window", busy.window.model_copy(update={"unsupplied": ("BLUE", "GOLD")})
    )
    busy.clock.forward(timedelta(minutes=1))
    busy.travel()
    assert busy.get("/order?show=all").text.count("本期暂无货源") == 2
    busy.tap("/order/last")
    assert drafts.read(busy.store, busy.window.window).lines == ()
    assert "有 1 种本期暂无货源，未填入" in busy.get("/order").text
    busy.tap("/order/step", sku="GOLD", way="up")
    assert drafts.read(busy.store, busy.window.window).lines == (OrderLine(sku="GOLD", quantity_units=12),)


def test_a_score_says_why_what_it_adds_up_from_and_what_raises_it(busy: Counter) -> None:
    page = busy.get("/score").text
    assert "您的评分为 612.500 分。" in page
    assert "第 13 档（共 30 档）" in page
    assert "412.5" in page
    assert '<rect width="82.5"' in page
    assert "提升需求" in page
    assert "暂无数据，按中等水平计" in page
    assert "提升趋势" not in page


def test_an_appeal_is_chosen_written_looked_at_and_sent(busy: Counter) -> None:
    assert "评分有误？提出申诉" in busy.get("/score").text
    assert "哪里不对？" in busy.get("/score/appeal").text
    busy.tap("/score/appeal", component="demand")
    assert "请配送单位核对什么？" in busy.get("/score/appeal/words").text
    busy.tap("/score/appeal/words", text="十月卖了 420 条")
    assert "继续填写申诉" in busy.get("/score").text
    assert "十月卖了 420 条" in busy.get("/score/appeal/send").text
    assert outbox.of_kinds(busy.store, "score.appeal") == []
    busy.tap("/score/appeal/send")
    page = busy.get("/score").text
    assert "已存本机" in page or "已保存" in page or "已发送" in page or "已收到" in page
    assert "您的说明：十月卖了 420 条" in page
    assert "已有一份申诉在处理中" in busy.tap("/score/appeal", component="demand").text


def test_the_answer_stands_with_its_figures_and_decisions_with_their_days(busy: Counter) -> None:
    page = busy.get("/score").text
    for words in ("#3", "答复：十月少记了。", "9 户中第 4", "前一名 53.0 %", "已改动：2026-10：销量由 100 改为 140"):
        assert words in page
    assert "最高 20 档" in page


def test_after_the_period_a_sentence_stands_for_the_button(busy: Counter) -> None:
    busy.clock.forward(timedelta(days=6))
    page = busy.get("/score").text
    assert "申诉已于 2027-03-25 截止" in page
    assert "提出申诉" not in page
    assert busy.tap("/say/dispute", tier="2").headers["Location"] == "/say/words"
    busy.tap("/say/words", words="十月的档位不对")
    assert "第 13 档" in busy.get("/say/about").text
    busy.tap("/say/about", about="tier:2")
    assert "答复将是写明日期的决定" in busy.get("/say/send").text
    assert busy.tap("/say/dispute", tier="9").headers["Location"] == "/say/kind"
    assert busy.get("/score/appeal").status_code == 303
    assert "已于 2027-03-25 截止" in busy.tap("/score/appeal", component="demand").text


def test_the_score_is_one_tap_from_stock_and_forecast(busy: Counter) -> None:
    assert 'href="/score"' in busy.get("/stock").text
    assert 'href="/score"' in busy.get("/forecast").text


def test_a_suggestion_says_why_and_is_taken_with_one_tap(busy: Counter) -> None:
    busy.server.tell("stock:GOLD", "stock", Stock(sku="GOLD", on_hand_units=5, as_of=busy.server.now()))
    busy.clock.forward(timedelta(minutes=1))
    busy.travel()
    assert "采纳建议：云岭（硬金） 24" in busy.get("/order?show=all").text
    assert "上次 24，实得 12，库存 5" in busy.get("/order?show=all").text
    busy.tap("/order/suggested")
    assert drafts.read(busy.store, busy.window.window).lines == (OrderLine(sku="GOLD", quantity_units=24),)
    offered = re.search(r'action="(/undo/[^"]+)"', busy.get("/order").text)
    assert offered is not None
    busy.tap(offered[1])
    assert drafts.read(busy.store, busy.window.window).lines == ()


def test_other_orders_of_the_cycle_take_their_share_of_credit_and_limit(busy: Counter) -> None:
    assert "可用额度 ¥9,800.00，共 ¥9,800.00" in busy.get("/order?show=all").text
    elsewhere = {
        "order": busy.id(),
        "window": busy.window.window,
        "number": 77,
        "revision": 1,
        "state": "accepted",
        "at": busy.server.now(),
        "lines": (OrderLine(sku="GOLD", quantity_units=24),),
    }
    other = OrderState.model_validate(elsewhere | {"order": busy.id()})
    busy.server.tell(f"order:{other.order}", "order", other)
    own = OrderState.model_validate(elsewhere | {"number": 78})
    busy.server.tell(f"order:{own.order}", "order", own)
    busy.clock.forward(timedelta(minutes=1))
    busy.travel()
    page = busy.get("/order?show=all").text
    assert "超出可用额度 ¥1,240.00" in page
    assert "上限 36" in page


def test_a_cancelled_order_can_be_taken_up_again_as_a_draft(busy: Counter) -> None:
    use_cases.set_draft_line(busy.shop, busy.window.window, "GOLD", 12)
    busy.tap("/order/submit")
    busy.travel()
    (order,) = orders.live_in(busy.store, busy.window.window)
    busy.tap(f"/orders/{order.id}/cancel")
    page = busy.get(f"/orders/{order.id}").text
    offered = re.search(r'action="(/undo/[^"]+)"', page)
    assert offered is not None
    assert 'name="back" value="/order?show=mine"' in page
    busy.tap(offered[1])
    assert drafts.read(busy.store, busy.window.window).lines == (OrderLine(sku="GOLD", quantity_units=12),)


def test_chinese_words_come_for_letters_the_names_of_goods_first(busy: Counter) -> None:
    assert busy.get("/keys/candidates?typed=yunling").json["words"][0] == ["云岭", 7]
    assert busy.get("/keys/candidates?typed=quehuo").json["words"][0] == ["缺货", 6]
    assert busy.get("/keys/candidates?typed=%3Cb%3E1").json["words"][0][1] == 1
    assert busy.get("/keys/candidates").json == {"words": []}


@pytest.mark.parametrize(
    ("language", "words"),
    [
        ("en", ("Room 2", "The picture is coming: 0 of 100", "I come", "You come; the distributor will be told.")),
        ("zh", ("二楼", "图片正在下载：0 / 100", "我参加", "您参加；稍后告知公司。")),
    ],
)
def test_a_notice_invites_shows_that_its_picture_is_coming_and_takes_an_answer(
    busy: Counter, language: str, words: tuple[str, ...]
) -> None:
    now = busy.server.now()
    page = {"sha256": "ab" * 32, "size_bytes": 9, "media_type": "image/jpeg", "width_px": 4, "height_px": 3}
    told = Announcement.model_validate(
        {
            "announcement": busy.id(),
            "sort": "notice",
            "title": {"zh": "座谈会", "en": "Round table"},
            "body": {"zh": "请参加", "en": "Do come"},
            "version": 1,
            "published_at": now,
            "attachments": [{"name": "map", "kind": "picture", "pages": [page]}],
            "meeting": {
                "sort": "meeting",
                "starts_at": now + timedelta(days=2),
                "ends_at": now + timedelta(days=2, hours=1),
                "place": {"zh": "二楼", "en": "Room 2"},
            },
        }
    )
    busy.server.tell(f"announcement:{told.announcement}", "announcement", told)
    busy.clock.forward(timedelta(minutes=1))
    busy.travel()
    busy.store.choose("language", language)
    at = f"/notices/{told.announcement}"
    shown = busy.get(at).text
    assert all(word in shown for word in words[:3])
    assert busy.get(f"/notices/pages/{'ab' * 32}").status_code == 404
    busy.tap(f"{at}/coming", coming="yes")
    assert words[3] in busy.get(at).text
    assert [entry.data["coming"] for entry in outbox.of_kinds(busy.store, "meeting.register")] == [True]

"""Every screen of the terminal in every state that it has: the list that pictures and checks walk through."""

from datetime import UTC, datetime, timedelta
from typing import Any

from till import OURS, Till

from contract.errors import Rejected
from terminal_client.adapters.http import UnreachableError
from terminal_client.core import stock_use_cases, use_cases
from walk import market, shop, told, voices
from walk.acts import (
    USUAL,
    State,
    Step,
    alarm,
    answered,
    answers,
    asked,
    batches,
    before,
    cancelled,
    clockless,
    confirmed,
    counted,
    differs,
    disk_full,
    draft,
    everything,
    failing,
    hear,
    keys,
    later,
    locked,
    longer,
    no_room,
    offline,
    pins,
    pinyin,
    post,
    printer_fault,
    read_all,
    refusing,
    saying,
    scanned,
    seen,
    sold,
    submitted,
    taken_back,
    tap,
    to_confirm,
    turned_away,
    typed,
    with_printer,
)
from walk.week import week

SAID = saying(kind="complaint", category="goods", words="一箱茶叶受潮。 A box of tea was wet.")
FIRST_MONTH = {"class": "tea"}
EXPIRED = datetime(2027, 3, 21, 11, 40, tzinfo=UTC).isoformat()
MARKET = ("service", "price", "rent", "facings", "shelf")
NO_STEPS: tuple[Step, ...] = ()

NOTE = ".note:not([hidden])"


def _enrolment() -> list[State]:
    def refused(name: str, code: str, **params: Any) -> State:
        steps = (failing(Rejected(code, **params)),)
        return State(
            f"enrol-{name}",
            "/enrol",
            steps,
            (typed("#code", "K7QX2M4P"), tap(".go .primary"), seen(NOTE)),
        )

    def unreached(name: str, why: Any, *, reached: bool = False) -> State:
        steps = (failing(UnreachableError("x", reached=reached, why=why)),)
        return State(
            f"enrol-{name}",
            "/enrol",
            steps,
            (typed("#code", "K7QX2M4P"), tap(".go .primary"), seen(NOTE)),
        )

    return [
        State("enrol", "/enrol", NO_STEPS),
        State("enrol-keys", "/enrol", NO_STEPS, (tap("#code"), seen("#keyboard:not([hidden])"))),
        State("enrol-empty-code", "/enrol", NO_STEPS, (tap(".go .primary"), seen(NOTE))),
        State("enrol-diagnostics", "/diagnostics", NO_STEPS),
        refused("unknown", "code_unknown"),
        refused("expired", "code_expired", at=EXPIRED),
        refused("used", "code_used"),
        unreached("no-network", "no_network"),
        unreached("no-answer", "no_answer", reached=True),
        unreached("clock", "clock"),
        unreached("not-trusted", "not_trusted"),
        unreached("other-version", "other_version"),
        State("enrol-waiting", "/enrol", (asked("waiting"),)),
        State("enrol-refused", "/enrol", (asked("refused", "这不是本店的终端。 Not a terminal of this shop."),)),
        State("enrol-expired", "/enrol", (asked("expired"),)),
        State("enrol-again", "/enrol", (week, turned_away)),
    ]


def _empty() -> list[State]:
    nothing = (shop.opened,)
    paths = ("order?show=all", "order?q=zzz", "orders", "refused", "grants", "deliveries", "stock", "stock/till")
    paths += ("stock/count", "stock/day", "stock/expiring", "forecast", "score", "notices", "say", "settings")
    paths += ("counter", "licence")
    named = [State(f"empty-{path.replace('/', '-').replace('?', '-')}", f"/{path}", nothing) for path in paths]
    counting = (*nothing, lambda till: stock_use_cases.begin_count(till.shop, blind=False))

    def unheard(till: Till) -> None:
        till.store.keep_identity(till.make.enrolled(till.server.now()))

    return [
        *named,
        State("empty-count-begun", "/stock/count", counting),
        State("empty-no-catalogue", "/order", (unheard,)),
        State("empty-licence-unheard", "/licence", (unheard,)),
        State("missing", "/nothing-here", nothing),
    ]


def _banners() -> list[State]:
    credit = refusing("credit_exceeded", amount="¥6,460.00", credit="¥5,000.00")
    last: tuple[Step, ...] = (week, USUAL)
    return [
        State("home", "/order"),
        State("home-second-way", "/order", (*last, lambda till: till.wires.disconnect())),
        State("home-offline", "/order", (*last, offline)),
        State("home-queue", "/order?show=mine", (*last, offline, submitted)),
        State("home-refused", "/order?show=mine", (*last, credit, submitted, hear)),
        State("home-shut-out", "/order", (*last, turned_away)),
        State("home-clone", "/order", (*last, alarm("identity_doubled"))),
        State("home-restored", "/order", (*last, alarm("server_restored", 3))),
        State("home-disk-full", "/order", (*last, disk_full)),
        State("home-store", "/order", (*last, lambda till: setattr(till.engine, "trouble", "store"))),
        State("home-confirm", "/order", (*last, to_confirm)),
        State("home-uncertain", "/order", (shop.enrolled, longer, offline, later(days=3))),
        State("home-not-sure", "/order", (shop.enrolled, longer, offline, clockless)),
        State("home-closed", "/order?show=mine", (*last, later(hours=3))),
        State("home-closed-queue", "/order", (*last, offline, submitted, later(hours=3))),
        State("home-before", "/order?show=all", (shop.enrolled, before)),
        State("home-no-window", "/order?show=all", (shop.enrolled,)),
        State("home-not-printed", "/order", (*last, printer_fault("paper_out"))),
        State("home-owner", "/order", (*last, pins, lambda till: till.terminal.door.enter("2468"))),
        State("home-everything", "/order", (*last, pins, everything)),
        State(
            "disk-full-refusal",
            "/order?show=mine",
            (*last, no_room),
            (tap("form[action='/order/submit'] button"), seen(".ask")),
        ),
        State("settings-clone", "/settings", (*last, alarm("identity_doubled"))),
        State("settings-restored", "/settings", (*last, alarm("server_restored", 3))),
        State("settings-shut-out", "/settings", (*last, turned_away)),
    ]


def _orders() -> list[State]:
    amending = (
        week,
        USUAL,
        submitted,
        hear,
        lambda till: use_cases.begin_amending(till.shop, till.things["mine"]),
    )
    received = (week, USUAL, submitted, hear)
    changed = (*amending, draft(TEA_250=24), offline, submitted)
    return [
        State("order-all", "/order?show=all"),
        State("order-scarce", "/order?show=scarce"),
        State("order-draft", "/order?show=mine", (week, USUAL)),
        State("order-pad", "/order?pad=TEA-250", (week, USUAL)),
        State(
            "order-search",
            "/order?show=all",
            acts=(tap("#q"), seen("#keyboard:not([hidden])"), keys("mo"), seen("#rows .row")),
        ),
        State("order-problems", "/order?show=mine", (week, draft(TEA_250=50, OIL_5L=8, RICE_5K=20))),
        State("order-over-credit", "/order?show=mine", (week, draft(TEA_250=240, RICE_5K=400))),
        State(
            "order-unsupplied",
            "/order?show=all",
            (shop.enrolled, lambda till: shop.window(till, unsupplied=("MILK-1L",))),
        ),
        State(
            "order-emptied",
            "/order?show=mine",
            (week, USUAL),
            (taken_back, tap(".slip-head .plain"), seen(".undo")),
        ),
        State("order-saved", "/order?show=mine", (week, USUAL, offline, submitted)),
        State("order-received", "/order?show=mine", received),
        State("order-amending", "/order?show=mine", amending),
        State("order-changed", "/order?show=mine", changed),
        State(
            "order-changed-closed",
            "/order?show=mine",
            (*changed, lambda till: till.clock.forward(timedelta(days=9))),
        ),
        State("order-scan", "/order?show=mine", (week, USUAL), (scanned("6901234567892"),)),
        State("order-scan-unknown", "/order?show=mine", (week, USUAL), (scanned("4006381333931"),)),
        State("order-scan-wrong-digit", "/order?show=mine", (week, USUAL), (scanned("6901234567899"),)),
        State("order-scan-closed", "/order?show=mine", (*received,), (scanned("6901234567892"),)),
        State("orders", "/orders"),
        State("orders-on-its-way", "/orders", (week, USUAL, offline, submitted)),
        State("orders-received", "/orders/{mine}", received),
        State("orders-amended", "/orders/{mine}", changed),
        State("orders-cancel", "/orders/{mine}/cancel", received),
        State("orders-cancelling", "/orders/{mine}", (*received, offline, cancelled)),
        State("orders-cancelled", "/orders/{mine}", (*received, cancelled, hear)),
        State(
            "orders-refused",
            "/orders/{mine}",
            (week, USUAL, refusing("credit_exceeded", amount="¥6,460.00", credit="¥5,000.00"), submitted, hear),
        ),
        State(
            "refused",
            "/refused",
            (week, USUAL, refusing("credit_exceeded", amount="¥6,460.00", credit="¥5,000.00"), submitted, hear),
        ),
        State("slip-order", "/orders/{order}/slip"),
        State("slip-printer", "/orders/{order}/slip", (week, with_printer)),
        *(
            State(f"slip-{fault}", "/orders/{order}/slip", (week, printer_fault(fault)))
            for fault in ("paper_out", "unplugged", "unreachable", "no_font")
        ),
        State("grants", "/grants/{cycle}"),
        State("grants-scarce", "/grants/{cycle}?sku=OIL-5L"),
        State("grants-numbers", "/grants/{cycle}?sku=OIL-5L&numbers"),
        State("draw", "/grants/{cycle}/draw"),
        State(
            "draw-code",
            "/grants/{cycle}/draw",
            acts=(lambda page: page.locator(".code-of").scroll_into_view_if_needed(),),
        ),
        State("slip-grants", "/grants/{cycle}/slip"),
    ]


def _goods() -> list[State]:
    wrong = [
        State(f"delivery-{kind}", f"/deliveries/{{delivery}}/differs?sku=TEA-250&kind={kind}")
        for kind in ("short", "over", "damaged", "wrong_item", "wrong_pack", "refused")
    ]
    return [
        State("delivery", "/deliveries"),
        State("delivery-counted", "/deliveries/{delivery}", (week, differs)),
        State("delivery-kinds", "/deliveries/{delivery}/differs?sku=TEA-250"),
        *wrong,
        State(
            "delivery-no-reason",
            "/deliveries/{delivery}/differs?sku=TEA-250&kind=short",
            acts=(tap(".go button"), seen(NOTE)),
        ),
        State("delivery-check", "/deliveries/{delivery}/check"),
        State("delivery-check-differs", "/deliveries/{delivery}/check", (week, differs)),
        State("delivery-saved", "/deliveries/{delivery}", (week, differs, offline, confirmed)),
        State("delivery-received", "/deliveries/{delivery}", (week, differs, confirmed, hear)),
        State(
            "delivery-not-taken",
            "/deliveries/{delivery}",
            (week, refusing("already_confirmed", at=EXPIRED), confirmed, hear),
        ),
        State("delivery-claims", "/deliveries/{done}"),
        State("slip-delivery", "/deliveries/{done}/slip"),
        State("stock", "/stock"),
        State("stock-item", "/stock?sku=TEA-250", (week, sold)),
        State("stock-out", "/stock?sku=SOY-500"),
        State("till", "/stock/till", (week, sold)),
        State("till-pad", "/stock/till?pad=TEA-250"),
        State("till-sold", "/stock/till", acts=(tap(".primary.one"), seen(".undo"))),
        State("count-begin", "/stock/count"),
        State(
            "count",
            "/stock/count",
            (week, counted(blind=False), lambda till: stock_use_cases.be_sure(till.shop, "RICE-5K")),
        ),
        State(
            "count-blind",
            "/stock/count",
            (week, counted(blind=True), lambda till: stock_use_cases.be_sure(till.shop, "RICE-5K")),
        ),
        State("count-differs", "/stock/count", (week, counted(blind=False))),
        State(
            "count-check",
            "/stock/count/check",
            (week, counted(blind=False), lambda till: stock_use_cases.be_sure(till.shop, "RICE-5K")),
        ),
        State("adjust", "/stock/adjust?sku=TEA-250"),
        State("adjust-damaged", "/stock/adjust?sku=TEA-250&change=damaged"),
        State("adjust-expiry", "/stock/adjust?sku=MILK-1L&change=expiry&batch=A17&expires=2027-03-19"),
        State("expires", "/stock/expires?sku=MILK-1L", (week, batches)),
        State(
            "expires-wrong", "/stock/expires?sku=TEA-250", acts=(typed("#figure", "271332"), tap(".key.ok"), seen(NOTE))
        ),
        State("expiring", "/stock/expiring", (week, batches)),
        State("day", "/stock/day", (week, sold)),
        State("slip-day", "/stock/day/slip", (week, sold)),
    ]


def _words() -> list[State]:
    half = (week, answers(q0="no", q1=2))
    whole = (
        week,
        answers(q0="yes", q2="0", q3=4),
        post("/surveys/{survey}/answer", question="q4", text="谢谢 thanks"),
    )
    question = "/surveys/{survey}?question="
    appeal = post("/score/appeal", component="demand")
    return [
        State("notices", "/notices"),
        State("notices-read", "/notices", (week, read_all)),
        State("notice-confirm", "/notices/{recall}", (week, to_confirm)),
        State("notice-policy", "/notices/{policy}"),
        State("notice-promotion", "/notices/{promotion}"),
        State("notice-over", "/notices/{over}"),
        State("notices-licence", "/notices", (week, lambda till: shop.know(till, licences=shop.licences(till, 12)))),
        *(State(f"survey-{q}", question + q, half) for q in ("q0", "q1", "q2", "q3", "q4")),
        State(
            "survey-keys",
            question + "q4",
            half,
            (tap("#words"), seen("#keyboard:not([hidden])"), pinyin, keys("quehuo"), seen("#keyboard .key.word")),
        ),
        State("survey-missing", question + "q3", half, (tap(".go button"), seen(NOTE))),
        *(State(f"survey-{q}", f"/surveys/{{market}}?question={q}", (week, market.asked())) for q in MARKET),
        State("survey-anonymous", "/surveys/{market}", (week, market.asked(anonymous=True))),
        State("survey-row-missing", "/surveys/{market}", (week, market.asked()), (tap(".go button"), seen(NOTE))),
        State(
            "survey-amount-keys",
            "/surveys/{market}?question=rent",
            (week, market.asked()),
            (tap("#number"), seen("#keyboard:not([hidden])")),
        ),
        State("survey-end", question + ".end", whole),
        State("survey-saved", "/surveys/{survey}", (*whole, offline, answered)),
        State("survey-thanks", "/surveys/{survey}", (*whole, answered, hear)),
        State("survey-closed", "/surveys/{survey}", (week, later(days=4))),
        State("say", "/say", (week, told.said_before)),
        State("say-kind", "/say/kind"),
        State("say-category", "/say/category", (week, SAID)),
        State("say-words", "/say/words", (week, SAID)),
        State("say-keys", "/say/words", (week, SAID), (tap("#words"), seen("#keyboard:not([hidden])"))),
        State("say-about", "/say/about", (week, SAID)),
        State("say-send", "/say/send", (week, SAID)),
        State(
            "say-discarded",
            "/say",
            (week, SAID),
            (taken_back, tap("a[href='/say/send']"), tap("form[action='/say/discard'] button"), seen(".undo")),
        ),
        State("say-again", "/say/{feedback}/again", (week, told.said_before)),
        State("score", "/score"),
        State("score-appealed", "/score", (week, told.appealed)),
        State("appeal", "/score/appeal"),
        State("appeal-words", "/score/appeal/words", (week, appeal)),
        State("appeal-send", "/score/appeal/send", (week, appeal)),
        State("forecast", "/forecast?class=tea"),
        State(
            "forecast-given",
            "/forecast?class=grain&month=2027-05-01&units=90",
            (week, post("/forecast", **{"class": "grain", "month": "2027-05-01", "units": "90"})),
        ),
        State("licence", "/licence"),
        State("licence-ends", "/licence", (week, lambda till: shop.know(till, licences=shop.licences(till, 12)))),
        State(
            "licence-suspended",
            "/licence",
            (week, lambda till: shop.know(till, standing="suspended", standing_reason="欠款未清 unpaid")),
        ),
    ]


def _machine() -> list[State]:
    return [
        State("settings", "/settings"),
        State("settings-queue", "/settings", (week, USUAL, offline, submitted, sold)),
        State("counter", "/counter", (week, with_printer)),
        State("counter-fault", "/counter", (week, printer_fault("paper_out"))),
        State("counter-scan", "/counter", (week, with_printer), (scanned("6901234567892"),)),
        State("diagnostics", "/diagnostics"),
        State("diagnostics-trouble", "/diagnostics", (week, USUAL, offline, submitted, disk_full, later(days=1))),
        State("updates", "/updates"),
        State("lock", "/lock", (week, locked)),
        State("lock-wrong", "/lock", (week, locked), (typed("#pin", "9999"), tap(".key.ok"), seen(NOTE))),
        State(
            "lock-wait",
            "/lock",
            (
                week,
                locked,
                lambda till: [till.client.post("/lock", data={"pin": "9999"}, headers=OURS) for _ in range(6)],
            ),
        ),
        State("lock-owner", "/lock?owner=1&back=/pins", (week, pins)),
        State("lock-forgotten", "/lock/forgotten", (week, locked)),
        State(
            "lock-forgotten-error",
            "/lock/forgotten",
            (week, locked, failing(Rejected("code_used"))),
            (typed("#code", "K7QX2M4P"), tap(".go button"), seen(NOTE)),
        ),
        State(
            "lock-warns",
            "/order",
            (week, pins),
            (
                lambda page: page.evaluate("document.getElementById('idle').dataset.idleMs = '20000'"),
                seen("#idle:not([hidden])"),
            ),
        ),
        State("pins-none", "/pins"),
        State("pins", "/pins", (week, pins, lambda till: till.terminal.door.enter("2468"))),
        State("pins-error", "/pins", acts=(typed("#owner-pin", "12"), tap(".pin .second"), seen(NOTE))),
    ]


def all_states() -> list[State]:
    """Return every state, in the order in which a shop meets them."""
    return [*_enrolment(), *_empty(), *_banners(), *_orders(), *_goods(), *_words(), *voices.states(), *_machine()]

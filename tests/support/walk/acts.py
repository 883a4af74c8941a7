"""Every screen of the terminal in every state: how a shop comes there, which page it is, and what is tapped on it."""

import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, NoReturn

import apsw
from playwright.sync_api import Page
from till import OURS, Till

from contract.messages import OrderLine
from terminal_client.core import alarms, drafts, enrolment, feedback_use_cases, stock_use_cases, use_cases
from terminal_client.core.delivery_rules import Count
from terminal_client.counter import PRINTER
from walk import shop, told
from walk.week import week

Step = Callable[[Till], Any]
Act = Callable[[Page], Any]


@dataclass(frozen=True)
class State:
    """One state of a screen: ``steps`` lead a terminal there, ``path`` is the page, ``acts`` are done on it."""

    name: str
    path: str
    steps: tuple[Step, ...] = (week,)
    acts: tuple[Act, ...] = ()

    def reach(self, till: Till) -> str:
        """Lead a terminal to this state; return the page's path."""
        for step in self.steps:
            step(till)
        return self.path.format(**till.things)


# What is done at the terminal


def tap(selector: str) -> Act:
    """Tap what is named by a selector."""
    return lambda page: page.locator(selector).first.click()


def keys(letters: str) -> Act:
    """Tap keys of the keyboard on the screen, one after the other."""

    def press(page: Page) -> None:
        for letter in letters:
            page.locator(f"#keyboard [data-press='={letter}']").click()

    return press


def pinyin(page: Page) -> None:
    """Let the keyboard on the screen make Chinese words, in whichever language the screen is."""
    if not page.locator("#keyboard .kb-bar").count():
        page.locator("#keyboard [data-press=language]").click()


def taken_back(page: Page) -> None:
    """Take back what an earlier look at this state did, so that it can be done again."""
    if page.locator(".undo .plain").count():
        page.locator(".undo .plain").click()
        page.locator(".undo").wait_for(state="detached")


def typed(selector: str, words: str) -> Act:
    """Fill a field."""
    return lambda page: page.locator(selector).first.fill(words)


def seen(selector: str) -> Act:
    """Wait until something is there."""
    return lambda page: page.locator(selector).first.wait_for()


def scanned(text: str) -> Act:
    """Let a scanner type a code and its Enter."""

    def scan(page: Page) -> None:
        page.keyboard.type(text, delay=2)
        page.keyboard.press("Enter")
        page.locator("#scanned .note").wait_for()

    return scan


def post(path: str, **form: str) -> Step:
    """Do what a form does."""
    return lambda till: till.client.post(path.format(**till.things), data=form, headers=OURS)


def draft(**units: int) -> Step:
    """Put quantities into the draft, also ones that need a decision."""

    def put(till: Till) -> None:
        lines = tuple(OrderLine(sku=sku.replace("_", "-"), quantity_units=n) for sku, n in units.items())
        with till.store.transaction():
            drafts.replace(till.store, drafts.Draft(till.window.window, lines))

    return put


USUAL = draft(TEA_250=48, RICE_5K=20, OIL_5L=6)


def offline(till: Till) -> None:
    """Take both ways to the server away."""
    till.wires.broker_works = till.wires.http_works = False
    till.wires.disconnect()
    till.hear()


def submitted(till: Till) -> None:
    """Submit the draft."""
    till.things["mine"] = use_cases.submit_draft(till.shop, till.window.window)


def cancelled(till: Till) -> None:
    """Cancel the order of this window."""
    use_cases.cancel_order(till.shop, till.things["mine"])


def answered(till: Till) -> None:
    """Send the answers to the survey."""
    use_cases.answer_survey(till.shop, till.things["survey"])


def refusing(code: str, **params: Any) -> Step:
    """Let the server refuse whatever comes now."""
    return lambda till: setattr(till.server, "decide", lambda _kind, _envelope: (code, params))


def hear(till: Till) -> None:
    """Let what is on its way arrive."""
    till.hear()


def alarm(code: Any, count: int = 1) -> Step:
    """Sound an alarm."""

    def sound(till: Till) -> None:
        with till.store.transaction():
            alarms.sound(till.store, code, at_ms=till.clock.at_ms, count=count)

    return sound


def disk_full(till: Till) -> None:
    """Let the last write have met a full disk."""
    till.engine.trouble = "disk_full"


def later(**by: float) -> Step:
    """Let time pass without an exchange."""
    return lambda till: till.clock.forward(timedelta(**by))


def clockless(till: Till) -> None:
    """Switch off and on: nobody knows what the clock did meanwhile."""
    till.terminal.clock.__init__(till.store, till.clock)  # type: ignore[misc] # as the program does it at its start


def to_confirm(till: Till) -> None:
    """Publish a notice that is to be confirmed."""
    title = shop.both("Recall: soy sauce, batch 0326", "召回通知：酱油 0326 批次")
    words = shop.both(
        "Take it off the shelf today. The van fetches it with the next delivery, and the amount is credited.",
        "请今天下架。下次送货时收回，货款退入额度。",
    )
    told.tell_notice(till, "recall", "urgent", title, words, must_acknowledge=True)
    till.hear()


def everything(till: Till) -> None:
    """Let everything be said at once above the screen."""
    to_confirm(till)
    refusing("credit_exceeded", amount="¥6,460.00", credit="¥5,000.00")(till)
    stock_use_cases.move(till.shop, "sale", "TEA-250", 1)
    till.hear()
    offline(till)
    for units in range(1, 13):
        stock_use_cases.move(till.shop, "adjustment", "TEA-250", units, "x")
    alarm("identity_doubled")(till)
    printer_fault("paper_out")(till)
    disk_full(till)
    later(days=1)(till)


def failing(error: Exception) -> Step:
    """Let enrolling fail."""

    def fails(_code: str, *, clears_pins: bool = False) -> NoReturn:
        raise error

    return lambda till: setattr(till.terminal, "enrol", fails)


def asked(stands: enrolment.State, reason: str = "") -> Step:
    """Let a request for a key be under way: it waits for somebody who compares, or ended without a certificate."""

    def ask(till: Till) -> None:
        enrolment.begin(till.store, "K7QX2M4P", "7f3a09c45d21be8860aa14f7c2e95b3d" * 2, "", clears_pins=False)
        enrolment.stands(till.store, stands, reason)

    return ask


def with_printer(till: Till) -> None:
    """Choose a printer."""
    till.store.choose(PRINTER, "net:192.168.1.50")


def printer_fault(fault: Any) -> Step:
    """Print a receipt on a printer with a fault."""

    def fails(till: Till) -> None:
        with_printer(till)
        till.paper.fault = fault
        till.client.post(f"/orders/{till.things['order']}/slip", headers=OURS)
        till.client.post("/counter/trial", headers=OURS)
        till.prints.wait_idle(timeout_s=30)

    return fails


def pins(till: Till) -> None:
    """Set both PINs; the clerk is at work."""
    till.terminal.door.set_pin("owner", "2468")
    till.terminal.door.set_pin("clerk", "1111")
    till.terminal.door.enter("1111")


def locked(till: Till) -> None:
    """Set both PINs and lock."""
    pins(till)
    till.terminal.door.lock()


def counted(*, blind: bool) -> Step:
    """Begin a count, and count two items, one of which differs."""

    def begin(till: Till) -> None:
        stock_use_cases.begin_count(till.shop, blind=blind)
        stock_use_cases.count_units(till.shop, "TEA-250", 35)
        stock_use_cases.count_units(till.shop, "RICE-5K", 4)

    return begin


def sold(till: Till) -> None:
    """Sell some, and take one out."""
    for sku, units in (("TEA-250", 12), ("RICE-5K", 2), ("TEA-250", 1)):
        stock_use_cases.move(till.shop, "sale", sku, units)
    stock_use_cases.move(till.shop, "refund", "TEA-250", 1)
    till.hear()
    stock_use_cases.move(till.shop, "adjustment", "RICE-5K", -1, "破损 torn")


def batches(till: Till) -> None:
    """Scan batches: one is over, one ends soon, one is good."""
    today = till.server.now().date()
    for sku, batch, days in (("MILK-1L", "A17", -2), ("SOY-500", "0326", 20), ("TEA-250", "", 300)):
        stock_use_cases.see_batch(till.shop, sku, batch, today + timedelta(days=days))


def differs(till: Till) -> None:
    """Look at lines of the delivery: one is short, one came as listed."""
    delivery = till.things["delivery"]
    short = Count(difference="short", difference_units=12, reason="整箱缺失 a box is missing")
    use_cases.count_line(till.shop, delivery, "TEA-250", short)
    till.client.post(f"/deliveries/{delivery}/as-listed", data={"sku": "RICE-5K"}, headers=OURS)


def confirmed(till: Till) -> None:
    """Confirm the delivery."""
    use_cases.confirm_delivery(till.shop, till.things["delivery"], rest_as_listed=True)


def read_all(till: Till) -> None:
    """Open every notice."""
    for key in ("policy", "promotion"):
        till.client.get(f"/notices/{till.things[key]}")
    till.hear()


def answers(**kept: Any) -> Step:
    """Answer questions of the survey."""

    def answer(till: Till) -> None:
        for question, value in kept.items():
            form = {"question": question, **({"number": str(value)} if isinstance(value, int) else {"choice": value})}
            till.client.post(f"/surveys/{till.things['survey']}/answer", data=form, headers=OURS)

    return answer


def saying(**said: str) -> Step:
    """Begin to say something."""
    return lambda till: feedback_use_cases.keep(till.shop, **said)


def turned_away(till: Till) -> None:
    """Let the server shut this terminal out."""
    till.wires.turned_away = "device_revoked"
    till.wires.disconnect()
    till.hear()


def longer(till: Till) -> None:
    """Announce a window that closes in four days."""
    shop.window(till, closes_in=timedelta(days=4))


def before(till: Till) -> None:
    """Announce a window that opens in an hour."""
    opens_at = till.server.now() + timedelta(hours=1)
    shop.window(till, state="announced", opens_at=opens_at)


def no_room(till: Till) -> None:
    """Let no write of the screens find room; the walk itself goes on choosing languages."""
    write = till.store.transaction

    def full() -> Any:
        if threading.current_thread() is threading.main_thread():
            return write()
        raise apsw.FullError

    till.store.transaction = full
    disk_full(till)

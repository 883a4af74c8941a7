"""What people in a shop do at their terminal, by the use cases that its screens call.

Each act takes a device and the shop's own chance. What the terminal refuses is written down, as a person would see it.
"""

import random
from collections.abc import Callable, Mapping

import apsw

from contract.errors import Refusal
from contract.feed import Delivery, Question, Survey, WindowState
from contract.messages import Answer, OrderLine
from firmware_sim.device.machine import Device, Running
from terminal_client.core import drafts, feed, feedback_use_cases, order_rules, orders, scans, use_cases
from terminal_client.core.delivery_rules import AS_LISTED, Count
from terminal_client.core.slips import Slip, Words
from terminal_client.core.views import catalogue

AGAIN_MS = 15_000
SHORT_SHARE, SCANNED_SHARE, HALF_PACK_SHARE = 0.3, 0.4, 0.08
WORDS = ("两条受潮 · two cartons are damp", "送货晚了 · the goods came late", "多谢 · thank you")
Do = Callable[[Device, Running, random.Random], str]


def perform(device: Device, what: str, chance: random.Random, *, tries: int = 8) -> None:
    """Let people of a shop do something; where the terminal is off or knows of nothing yet, a little later again."""
    done = device.act(lambda running: _tried(device, running, what, chance))
    device.kernel.note("act", shop=device.name, act=what, came=done or "off")
    if done in (None, "nothing", "full") and tries > 1:
        device.kernel.after(AGAIN_MS, lambda: perform(device, what, chance, tries=tries - 1))


def _tried(device: Device, running: Running, what: str, chance: random.Random) -> str:
    try:
        return ACTS[what](device, running, chance)
    except Refusal as refusal:
        device.refused_here.append((device.kernel.now_ms, refusal.code))
        return refusal.code
    except apsw.FullError:  # the screen says so, and nothing is said to be saved
        return "full"


def _window(running: Running) -> WindowState | None:
    """Return the window that the screen offers: the newest that the server has opened."""
    return next((w for w in reversed(feed.windows(running.store)) if w.state == "open"), None)


def _lines(running: Running, chance: random.Random) -> tuple[OrderLine, ...]:
    reference = running.store.reference()
    goods = [item for item in reference.catalogue if item.licensed] if reference else []
    wanted = chance.sample(goods, min(len(goods), chance.randint(1, 4)))
    lines = [
        OrderLine(sku=item.sku, quantity_units=order_rules.least_units(item) + item.pack_units * chance.randint(0, 4))
        for item in wanted
    ]
    if lines and wanted[0].pack_units > 1 and chance.random() < HALF_PACK_SHARE:  # the server says no to half a pack
        lines[0] = OrderLine(sku=lines[0].sku, quantity_units=lines[0].quantity_units + 1)
    return tuple(lines)


def _order(_device: Device, running: Running, chance: random.Random) -> str:
    window = _window(running)
    lines = _lines(running, chance)
    if window is None or not lines:
        return "nothing"
    if chance.random() < SCANNED_SHARE and drafts.read(running.store, window.window).sent_as is None:
        for line in lines:
            _scan(running, window, line.sku)
    else:
        for line in lines:
            use_cases.set_draft_line(running.shop, window.window, line.sku, line.quantity_units)
    use_cases.submit_draft(running.shop, window.window)
    return "submitted"


def _scan(running: Running, window: WindowState, sku: str) -> None:
    """Hold a pack under the scanner."""
    known = catalogue.read(running.store)
    codes = known.item(sku).barcodes
    scan = scans.read(codes[0] if codes else sku, known, today=running.clock.now().date())
    if scan.item is not None:
        use_cases.add_to_draft(running.shop, window.window, scan.item.sku, scan.units)


def _order_again(_device: Device, running: Running, chance: random.Random) -> str:
    """Place one more order beside those that stand."""
    window = _window(running)
    lines = _lines(running, chance)
    if window is None or not lines:
        return "nothing"
    use_cases.place_order(running.shop, window.window, lines)
    return "placed"


def _amend(_device: Device, running: Running, chance: random.Random) -> str:
    window = _window(running)
    live = orders.live_in(running.store, window.window) if window is not None else []
    lines = _lines(running, chance)
    if not live or not lines:
        return "nothing"
    use_cases.amend_order(running.shop, chance.choice(live).id, lines)
    return "amended"


def _cancel(_device: Device, running: Running, chance: random.Random) -> str:
    window = _window(running)
    live = orders.live_in(running.store, window.window) if window is not None else []
    if not live:
        return "nothing"
    use_cases.cancel_order(running.shop, chance.choice(live).id)
    return "cancelled"


def _confirm(_device: Device, running: Running, chance: random.Random) -> str:
    shipped = [one for one in feed.read(running.store, Delivery) if one.state == "shipped"]
    if not shipped:
        return "nothing"
    delivery = chance.choice(shipped)
    for line in delivery.lines:
        count = AS_LISTED
        if chance.random() < SHORT_SHARE:
            count = Count(difference="short", difference_units=min(1, line.shipped_units), reason=chance.choice(WORDS))
        use_cases.count_line(running.shop, delivery.delivery, line.sku, count)
    use_cases.confirm_delivery(running.shop, delivery.delivery)
    return "confirmed"


def _complain(_device: Device, running: Running, chance: random.Random) -> str:
    feedback_use_cases.keep(running.shop, kind="complaint", category="delivery", words=chance.choice(WORDS))
    feedback_use_cases.send(running.shop)
    return "said"


def _answer(_device: Device, running: Running, chance: random.Random) -> str:
    """Answer the survey that is open, one question after the other; each is kept before all are sent."""
    open_now = [one for one in feed.read(running.store, Survey) if one.state == "open"]
    if not open_now:
        return "nothing"
    survey = open_now[0]
    for question in survey.questions:
        use_cases.keep_answer(running.shop, survey.survey, _said_to(question, chance))
    use_cases.answer_survey(running.shop, survey.survey)
    return "answered"


def _said_to(question: Question, chance: random.Random) -> Answer:
    match question.kind:
        case "single":
            return Answer(question=question.id, choices=(chance.choice(question.choices).id,))
        case "text":
            return Answer(question=question.id, text=chance.choice(WORDS))
        case _:
            return Answer(question=question.id, number=chance.randint(question.low or 0, question.high or 9))


def _print(device: Device, running: Running, _chance: random.Random) -> str:
    """Print what was received; a printer without paper changes no order."""
    newest = next(orders.newest(running.store), None)
    if newest is None or newest.number is None:
        return "nothing"
    slip = Slip(orders.subject(newest.id), (Words(str(len(newest.received_lines))),))
    return "printed" if device.printed(slip) else "no paper"


ACTS: Mapping[str, Do] = {
    "order": _order,
    "order_again": _order_again,
    "amend": _amend,
    "cancel": _cancel,
    "confirm": _confirm,
    "complain": _complain,
    "print": _print,
    "answer": _answer,
}

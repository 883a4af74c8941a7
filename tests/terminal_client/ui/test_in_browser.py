"""The screens in a real browser: keys on the screen, the lock, every screen for everybody, and long words."""

import gettext
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from browser import screens, violations
from playwright.sync_api import Browser, Page, expect
from till import GOLD
from walk.measuring import OUT_OF_PLACE

from contract.messages import OrderLine
from terminal_client.core import drafts, outbox, use_cases
from terminal_client.ui import pages
from tests.terminal_client.ui.test_screens import DEEPER, SCREENS, busy, counter

__all__ = ["busy", "counter"]  # the fixtures of a terminal in the middle of its week
pytestmark = [pytest.mark.system, pytest.mark.slow]

SIZES = {"counter": (1024, 600), "small": (800, 480)}
#: What a person may touch, and how large it must be.
TOUCHED_PX, PRIMARY_PX = 56, 72


class Pseudo(gettext.NullTranslations):
    """A language in which everything is two fifths longer, and nothing is English or Chinese."""

    def gettext(self, message: str) -> str:
        words = message.split(" ")
        return " ".join([*words, *(["wørt"] * max(1, round(len(message) * 0.4 / 5)))])

    def ngettext(self, msgid1: str, msgid2: str, n: int) -> str:
        return self.gettext(msgid1 if n == 1 else msgid2)


@pytest.fixture
def till(busy: Any, chromium: Browser) -> Iterator[Callable[..., Page]]:
    """Open the screens of a busy terminal; whatever the browser complains of fails the test."""
    complaints: list[str] = []
    opened: list[Any] = []

    def open_page(size: tuple[int, int] = SIZES["counter"], *, language: str = "zh", type_: str = "normal") -> Page:
        busy.store.choose("language", language)
        busy.store.choose("size", type_)
        width, height = size
        context = chromium.new_context(viewport={"width": width, "height": height}, base_url=address)
        opened.append(context)
        page: Page = context.new_page()
        page.on("console", lambda said: complaints.append(said.text) if said.type in ("error", "warning") else None)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        return page

    with screens(busy.terminal) as address:
        yield open_page
        for context in opened:
            context.close()
    assert complaints == []


def press(page: Page, letters: str) -> None:
    for letter in letters:
        page.locator(f"#keyboard [data-press='={letter}']").click()


def words(page: Page, typed: str) -> Any:
    press(page, typed)
    expect(page.locator(".kb-typed")).to_have_text(typed)
    return page.locator("#keyboard .key.word")


@contextmanager
def asked_in_words(page: Page, busy: Any) -> Iterator[Any]:
    """The survey's question that is answered in words."""
    page.goto(f"/surveys/{busy.things['survey']}?question=q4")
    page.locator("#words").click()
    expect(page.locator("#keyboard")).to_be_visible()
    yield page.locator("#words")


# The head, and what is heard


@pytest.mark.parametrize("size", SIZES.values(), ids=SIZES)
def test_beside_a_sign_the_head_keeps_its_words(till: Any, busy: Any, size: tuple[int, int]) -> None:
    busy.server.decide = lambda _kind, _envelope: ("suspended", {"why": "dues"})
    use_cases.place_order(busy.shop, busy.window.window, [OrderLine(sku="GOLD", quantity_units=12)])
    busy.travel()
    page = till(size, language="en")
    page.goto("/order")
    for words in ("Connected", "1 refused", "closes in"):
        expect(page.locator("#banner").get_by_text(words)).to_be_in_viewport(ratio=1)
    expect(page.locator("#banner .since")).to_be_in_viewport(ratio=1)


LISTENS = """window.heard = [];
window.AudioContext = class {
  state = "running"; currentTime = 0; destination = {};
  createOscillator() {
    const frequency = { set value(hertz) { window.heard.push(hertz); document.body.dataset.heard = heard.join(" "); } };
    return { frequency, connect: (to) => to, start() {}, stop() {} };
  }
  createGain() { return { gain: { setValueAtTime() {}, linearRampToValueAtTime() {} }, connect() {} }; }
};"""


def scan(page: Page, text: str) -> None:
    """Type as a scanner does, two milliseconds a key by the events' own time: however busy this machine is."""
    keys = page.context.new_cdp_session(page)
    began_s = time.time()
    for n, key in enumerate([*text, "Enter"]):
        pressed = {"key": key, "timestamp": began_s + 0.002 * n}
        keys.send("Input.dispatchKeyEvent", pressed | {"type": "keyDown"} | ({"text": key} if len(key) == 1 else {}))
        keys.send("Input.dispatchKeyEvent", pressed | {"type": "keyUp"})
    keys.detach()


def test_a_scan_is_heard_and_a_refused_one_otherwise_and_none_where_sound_is_off(till: Any, busy: Any) -> None:
    page = till(language="en")
    page.add_init_script(LISTENS)
    page.goto("/order")
    scan(page, GOLD)
    expect(page.locator("#scanned .note.ok")).to_be_visible()
    assert page.evaluate("heard") == [1320]
    scan(page, "6901234567899")
    expect(page.locator("#scanned .note.stop")).to_be_visible()
    assert page.evaluate("heard") == [1320, 220, 165]
    busy.store.choose("sound", "off")
    page.goto("/order")
    scan(page, GOLD)
    expect(page.locator("#scanned .note")).to_be_visible()
    assert page.evaluate("heard") == []


def test_what_is_saved_and_received_is_heard_once(till: Any, busy: Any) -> None:
    page = till(language="en")
    page.add_init_script(LISTENS)
    page.goto("/order")
    page.locator("#main").click()
    use_cases.place_order(busy.shop, busy.window.window, [OrderLine(sku="GOLD", quantity_units=12)])
    expect(page.locator("body")).to_have_attribute("data-heard", "660", timeout=20_000)
    busy.travel()
    expect(page.locator("body")).to_have_attribute("data-heard", "660 660 990", timeout=20_000)
    page.reload()
    assert page.evaluate("heard") == []


# The keyboard on the screen


@pytest.mark.parametrize("size", SIZES.values(), ids=SIZES)
def test_chinese_is_typed_by_tapping_and_nothing_is_covered(till: Any, busy: Any, size: tuple[int, int]) -> None:
    page = till(size)
    with asked_in_words(page, busy) as field:
        expect(words(page, "quehuo").first).to_have_text("缺货")
        page.locator("#keyboard .key.word").first.click()
        expect(field).to_have_value("缺货")
        expect(words(page, "xy").first).to_be_visible()
        page.locator("#keyboard [data-press=space]").click()
        expect(field).to_have_value("缺货学院")
        press(page, "，")
        expect(field).to_have_value("缺货学院，")
        page.locator("#keyboard [data-press=rubout]").click()
        expect(field).to_have_value("缺货学院")
        text, keys = field.bounding_box(), page.locator("#keyboard").bounding_box()
        go = page.locator(".go .primary").last.bounding_box()
        assert text["y"] >= 0
        assert text["y"] + text["height"] <= go["y"]
        assert go["y"] + go["height"] <= keys["y"]
        assert keys["y"] + keys["height"] <= size[1] + 1
        for key in page.locator("#keyboard .key:visible").all():
            box = key.bounding_box()
            least = PRIMARY_PX if key.get_attribute("data-press") == "done" else TOUCHED_PX
            assert min(box["width"], box["height"]) >= TOUCHED_PX, key.text_content()
            assert box["height"] >= least
        assert violations(page) == []


def test_letters_that_wait_for_a_word_are_not_lost_when_the_form_is_sent(till: Any, busy: Any) -> None:
    page = till()
    with asked_in_words(page, busy):
        press(page, "ok")
        page.locator(".go .primary").last.click()
        page.wait_for_url("**?question=.end")
        assert drafts.answers(busy.store, busy.things["survey"])["q4"].text == "ok"


def test_which_letters_are_typed_is_kept_and_capitals_come_once_or_stay(till: Any, busy: Any) -> None:
    page = till()
    with asked_in_words(page, busy):
        page.locator("#keyboard [data-press=language]").click()
    with asked_in_words(page, busy) as field:
        expect(page.locator(".kb-bar")).to_have_count(0)
        page.locator("#keyboard [data-press=shift]").click()
        press(page, "Ab")
        page.locator("#keyboard [data-press=shift]").click()
        page.locator("#keyboard [data-press=shift]").click()
        press(page, "CD")
        page.locator("#keyboard [data-press=signs]").click()
        press(page, "7?")
        expect(field).to_have_value("AbCD7?")
        page.locator("#keyboard [data-press=done]").click()
        expect(page.locator("#keyboard")).to_be_hidden()
        expect(field).to_have_value("AbCD7?")


def test_a_real_keyboard_goes_on_beside_it_and_a_held_key_repeats_nothing(till: Any, busy: Any) -> None:
    page = till()
    with asked_in_words(page, busy) as field:
        page.keyboard.type("abc", delay=120)
        expect(field).to_have_value("abc")
        page.locator("#keyboard [data-press='=q']").focus()
        page.keyboard.down("Enter")
        for _ in range(5):
            page.keyboard.down("Enter")
        page.keyboard.up("Enter")
        expect(page.locator(".kb-typed")).to_have_text("q")
        page.keyboard.press("Escape")
        expect(page.locator("#keyboard")).to_be_hidden()
        expect(field).to_be_focused()


def test_a_number_gets_its_digits_and_goods_are_found_by_their_initials(till: Any, busy: Any) -> None:
    page = till()
    page.goto(f"/deliveries/{busy.things['delivery']}/differs?sku=GOLD&kind=short")
    page.locator("#units").click()
    expect(page.locator("#keyboard .key")).to_have_count(12)
    page.locator("#keyboard [data-press=rubout]").click()
    press(page, "15")
    expect(page.locator("#units")).to_have_value("15")
    page.goto("/order?show=all")
    page.locator("#q").click()
    rows = page.locator("#rows .row")
    before = rows.count()
    press(page, "zz")
    expect(rows).to_have_count(0)
    page.locator("#keyboard [data-press=rubout]").click()
    page.locator("#keyboard [data-press=rubout]").click()
    press(page, "ylyj")
    expect(rows.first).to_contain_text("云岭（硬金）")
    assert rows.count() <= before


def test_a_tap_beside_the_keys_does_its_work_before_they_go(till: Any, busy: Any) -> None:
    page = till()
    page.goto("/order?show=all")
    page.locator("#q").click()
    expect(page.locator("#keyboard")).to_be_visible()
    page.locator(f"#more-{b'GOLD'.hex()}").click()
    expect(page.locator("#slip-lines .line")).to_have_count(1)
    expect(page.locator("#keyboard")).to_be_hidden()


def test_where_a_real_keyboard_stands_it_can_be_switched_off(till: Any, busy: Any) -> None:
    page = till()
    busy.store.choose("keys", "no")
    page.goto("/order?show=all")
    page.locator("#q").click()
    expect(page.locator("#q")).to_be_focused()
    expect(page.locator("#keyboard")).to_be_hidden()


# The lock


def test_it_warns_locks_and_brings_words_and_draft_back(till: Any, busy: Any) -> None:
    page = till()
    door = busy.terminal.door
    door.set_pin("owner", "2468")
    door.set_pin("clerk", "1111")
    door.enter("1111")
    with asked_in_words(page, busy) as field:
        page.keyboard.type("half", delay=120)
        page.evaluate("document.getElementById('idle').dataset.idleMs = '20000'")
        expect(page.locator("#idle")).to_be_visible()
        page.mouse.click(5, 5)
        expect(page.locator("#idle")).to_be_visible()
        page.evaluate("document.getElementById('idle').dataset.idleMs = '0'")
        page.wait_for_url("**/lock?*")
        assert violations(page) == []
        for digit in "1111":
            page.locator(f"[data-key='{digit}']").click()
        page.locator(".key.ok").click()
        page.wait_for_url("**?question=q4")
        expect(field).to_have_value("half")


# Every screen for everybody


def paths(busy: Any) -> list[str]:
    shown = [path for path in SCREENS if not path.startswith("/order/")]
    return [*shown, *(path.format(**busy.things) for path in DEEPER), "/pins", "/lock?owner=1", "/lock/forgotten"]


def test_axe_finds_nothing_on_any_screen(till: Any, busy: Any) -> None:
    page = till()
    for path in paths(busy):
        page.goto(path)
        assert violations(page) == [], path


@pytest.mark.parametrize(
    ("size", "type_"),
    [(SIZES["counter"], "normal"), (SIZES["counter"], "large"), (SIZES["small"], "normal"), ((512, 300), "normal")],
    ids=["counter", "large type", "small", "twice the size"],
)
def test_words_two_fifths_longer_fit(
    till: Any, busy: Any, monkeypatch: pytest.MonkeyPatch, size: tuple[int, int], type_: str
) -> None:
    monkeypatch.setattr(pages, "translations", lambda *_: Pseudo())
    page = till(size, type_=type_)
    bad = []
    for path in paths(busy):
        page.goto(path)
        bad += [f"{path}: {one}" for one in page.evaluate(OUT_OF_PLACE)]
    assert bad == []


@pytest.mark.parametrize("type_", ["normal", "large"])
@pytest.mark.parametrize("language", ["zh", "en"])
@pytest.mark.parametrize("size", SIZES.values(), ids=SIZES)
def test_submit_is_in_reach_without_scrolling(
    till: Any, busy: Any, size: tuple[int, int], language: str, type_: str
) -> None:
    page = till(size, language=language, type_=type_)
    page.goto("/order?show=all")
    page.locator(f"#more-{b'GOLD'.hex()}").click()
    button = page.locator("form[action='/order/submit'] button")
    expect(button).to_be_visible()
    box = button.bounding_box()
    assert box["height"] >= PRIMARY_PX
    assert box["y"] >= size[1] / 3
    assert box["y"] + box["height"] <= size[1]
    assert page.evaluate(OUT_OF_PLACE) == []


def test_large_numbers_fit_their_stepper(till: Any, busy: Any) -> None:
    page = till(SIZES["small"], type_="large")
    with busy.store.transaction():
        drafts.replace(busy.store, drafts.Draft(busy.window.window, (OrderLine(sku="BLUE", quantity_units=9_999_999),)))
    page.goto("/order?show=mine")
    expect(page.locator(".step .amount")).to_have_text("9,999,999")
    assert page.evaluate(OUT_OF_PLACE) == []


def test_an_order_is_placed_with_a_keyboard_alone(till: Any, busy: Any) -> None:
    page = till()
    page.goto("/order?show=all")

    def reach(selector: str) -> None:
        for _ in range(80):
            page.keyboard.press("Tab")
            if page.evaluate("selector => document.activeElement.matches(selector)", selector):
                assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"
                return
        raise AssertionError(f"no way to {selector} by the Tab key")

    reach(f"#more-{b'GOLD'.hex()}")
    page.keyboard.press("Enter")
    expect(page.locator("#slip-lines .line")).to_have_count(1)
    reach("form[action='/order/submit'] button")
    page.keyboard.press("Enter")
    expect(page.locator("form[action='/order/amend'] button")).to_be_visible()
    assert outbox.count_waiting(busy.store) == 1

"""Rows of a tap at the terminal: from the finger to the frame that shows the answer, in a real Chromium."""

import shutil
import statistics
import tempfile
from pathlib import Path
from typing import Final

from playwright.sync_api import Page, ViewportSize, sync_playwright

from loadtests.bench import terminal
from loadtests.bench.problems import Sizes
from loadtests.bench.rows import Row
from loadtests.bench.terminal import COMMAND, SIZE

TAPS: Final = 100
MOST_MS: Final = 100.0
FLAGS: Final = ("--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking")
SMALL_PANEL: Final = ViewportSize(width=800, height=480)
WITHIN_MS: Final = 30_000

#: Tap a button of one row and answer with the milliseconds until the frame after its new row was put in its place.
STEP: Final = """
number => new Promise(done => {
  const buttons = [...document.querySelectorAll("#rows form.step button[value=up]:not(:disabled)")];
  const button = buttons[number * 7 % buttons.length], row = button.closest("[id^=row-]");
  const began = performance.now();
  const watcher = new MutationObserver(() => {
    if (row.isConnected) return;
    watcher.disconnect();
    requestAnimationFrame(() => setTimeout(() => done(performance.now() - began)));
  });
  watcher.observe(document.body, { childList: true, subtree: true });
  button.click();
})
"""
#: Tap a quantity: its keypad is shown.
PAD: Final = """
number => new Promise(done => {
  const links = [...document.querySelectorAll("#rows a.amount")], link = links[number * 7 % links.length];
  const side = document.getElementById("side"), began = performance.now();
  const watcher = new MutationObserver(() => {
    if (!side.querySelector(".pad")) return;
    watcher.disconnect();
    requestAnimationFrame(() => setTimeout(() => done(performance.now() - began)));
  });
  watcher.observe(side, { childList: true, subtree: true });
  link.click();
})
"""
ACTS: Final = {"one pack more": STEP, "the keypad of a quantity": PAD}


def tap_rows(sizes: Sizes) -> list[Row]:
    """Tap on the order screen of a busy shop, every time another row."""
    taps = TAPS if sizes.repeats > 1 else 3
    browser = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    with tempfile.TemporaryDirectory() as folder:
        terminal.furnish(Path(folder))
        with terminal.running(Path(folder)) as here, sync_playwright() as playwright:
            chromium = playwright.chromium.launch(executable_path=browser, args=list(FLAGS))
            page = chromium.new_page(viewport=SMALL_PANEL)
            page.set_default_timeout(WITHIN_MS)
            taken = {what: _taps(page, here.url, script, taps) for what, script in ACTS.items()}
            chromium.close()
    return [row for what, times in taken.items() for row in _rows(what, sorted(times))]


def _rows(what: str, times: list[float]) -> list[Row]:
    p50, p95 = statistics.median(times), times[max(0, round(0.95 * len(times)) - 1)]
    name = f"terminal, tap to painted, {what}"

    def row(which: str, value: float, target: str, *, met: bool | None) -> Row:
        return Row(f"{name}, {which}", SIZE, value, None, "ms", None, target, met, len(times), COMMAND)

    return [row("p50", p50, "–", met=None), row("p95", p95, "≤ 100 ms", met=p95 <= MOST_MS)]


def _taps(page: Page, url: str, script: str, taps: int) -> list[float]:
    """Return milliseconds; the first tap warms the page up and does not count."""
    page.goto(f"{url.rstrip('/')}/order?show=all")
    return [float(page.evaluate(script, number)) for number in range(taps + 1)][1:]

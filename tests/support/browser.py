"""The system's Chromium, the sizes a page must fit, and what axe says of a page."""

import os
import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright
from waitress import wasyncore

from terminal_client.app import Terminal
from terminal_client.ui import serve

AXE = Path(__file__).parents[2] / ".ci/frontend/node_modules/axe-core/axe.min.js"
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
SIZES = {"desk": (1440, 900), "terminal": (1024, 600), "phone": (360, 740)}
FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


def chromium_path() -> str | None:
    """Return where the system's Chromium is."""
    return shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


@contextmanager
def system_chromium() -> Iterator[Browser]:
    """Start the system's Chromium; end it on leaving."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium_path(), args=FLAGS)
        yield browser
        browser.close()


def keep_picture(page: Page, name: str, *, whole: bool = True) -> None:
    """Keep a picture of a page in the folder ``STORY_PICTURES``, where somebody asked for pictures."""
    if folder := os.environ.get("STORY_PICTURES"):
        page.screenshot(path=Path(folder) / f"{name}.png", full_page=whole)


#: What axe finds, as lines made within the page: handing over its whole report costs many times the look itself.
FOUND = """async (rules) => {
  const {violations} = await axe.run(document, {runOnly: rules, resultTypes: ["violations"]});
  return violations.flatMap(({id, nodes}) => nodes.map((node) => `${id}: ${node.target} ${node.failureSummary}`));
}"""


def violations(page: Page) -> list[str]:
    """Return what axe finds, a line each."""
    page.evaluate(AXE.read_text("utf-8"))
    found: list[str] = page.evaluate(FOUND, RULES)
    return found


@contextmanager
def screens(terminal: Terminal) -> Iterator[str]:
    """Serve a terminal's screens on a free port, give their address, and end with every connection of a browser."""
    server = serve.server(terminal, 0)
    serving = threading.Thread(target=server.run, daemon=True)
    serving.start()
    try:
        yield f"http://127.0.0.1:{server.effective_port}"
    finally:
        # In the thread of the loop: a browser keeps connections open, and the loop runs as long as there is one.
        server.trigger.pull_trigger(lambda: wasyncore.close_all(server._map))  # noqa: SLF001  # no public name
        serving.join()
        server.task_dispatcher.shutdown()

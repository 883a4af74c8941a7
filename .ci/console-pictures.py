"""Make the README's pictures of the console: ``.venv/bin/python .ci/console-pictures.py``.

The console is the real one over a small network in which everything has happened, with the clock of the tests; the
network's figures are drawn anew each time. The browser is the system's Chromium.
"""

import io
import sys
import tempfile
from pathlib import Path

from PIL import Image
from playwright.sync_api import Page

CHECKOUT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(CHECKOUT), str(CHECKOUT / "tests/support")]

from browser import system_chromium
from on_a_port import on_a_port
from seeded import EVERYTHING, seeded

from server.kit import embedded

SIZE = {"width": 1440, "height": 900}
COLOURS, MOST_BYTES = 96, 150_000
#: The picture: the route of its page, its language, its theme.
PAGES = {
    "console-today": ("/console/", "zh", "light"),
    "console-window-room": ("/console/windows/{window_id}", "en", "light"),
    "console-what-if": ("/console/policies/what-ifs/{comparison}", "en", "dark"),
    "console-review": ("/console/cycles/{cycle}/review", "en", "light"),
    "console-fleet": ("/console/devices", "zh", "light"),
    "console-rollout": ("/console/rollouts/{rollout}", "en", "light"),
    "console-e-file": ("/console/retailers/file", "zh", "light"),
}


def keep(page: Page, name: str) -> None:
    """Write what a page shows to the folder of the pictures."""
    taken = Image.open(io.BytesIO(page.screenshot())).convert("RGB").quantize(COLOURS)
    place = CHECKOUT / "docs/img" / f"{name}.png"
    taken.save(place, optimize=True)
    if place.stat().st_size > MOST_BYTES:
        raise SystemExit(f"{place} is above {MOST_BYTES:,} bytes; take fewer colours")


def main() -> None:
    """Write every picture."""
    with tempfile.TemporaryDirectory() as folder, system_chromium() as browser:
        cluster = embedded.start(Path(folder) / "postgres", durable=False)
        try:
            with seeded(cluster) as network, on_a_port(network.browser.app) as port:
                base = f"http://127.0.0.1:{port}"
                token = network.sign_in("anna", *EVERYTHING)
                for name, (route, language, theme) in PAGES.items():
                    context = browser.new_context(viewport=SIZE, base_url=base)
                    chosen = {"evenhand": token, "lang": language, "theme": theme}
                    context.add_cookies([{"name": key, "value": value, "url": base} for key, value in chosen.items()])
                    page = context.new_page()
                    page.goto(next(one.address for one in network.pages if one.route == route), wait_until="load")
                    page.evaluate("document.fonts.ready")
                    keep(page, name)
                    context.close()
        finally:
            embedded.remove_cluster(Path(folder) / "postgres")


if __name__ == "__main__":
    main()

"""Make the pictures of the shopkeeper's guide and of the README: ``.venv/bin/python .ci/guide-pictures.py``.

The terminal is the real one, with a server in memory and the clock of the tests, so that the pictures repeat; the
browser is the system's Chromium.
"""

import io
import runpy
import sys
import tempfile
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from PIL import Image
from playwright.sync_api import Page

CHECKOUT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(CHECKOUT), str(CHECKOUT / "tests/support")]

from browser import screens, system_chromium
from till import Till
from walk import arrive, standing, walks

from contract.device_api import CatalogueItem, Licence
from contract.feed import Delivery, ShippedLine
from contract.messages import OrderLine
from terminal_client.core import use_cases

SIZE = {"width": 800, "height": 480}
COLOURS, MOST_BYTES = 64, 80_000
PAGES = {"enrol": "/enrol", "order": "/order?show=mine", "orders": "/orders", "delivery": "/deliveries"}
PAGES |= {"licence": "/licence", "diagnostics": "/diagnostics"}
#: Of the README: the state of the walk, and its language.
FIRST_SEEN = {"terminal-order": ("order-draft", "zh"), "terminal-grants": ("grants-scarce", "en")}
FIRST_SIZE = {"width": 1024, "height": 600}
GOODS = (
    ("TEA-250", "Jasmine tea 250 g", "茉莉花茶 250 克", 12),
    ("RICE-5K", "Rice 5 kg", "大米 5 公斤", 4),
    ("SOY-500", "Soy sauce 500 ml", "酱油 500 毫升", 12),
    ("SALT-400", "Salt 400 g", "食盐 400 克", 20),
)


def make() -> Any:
    """Return the factories of the terminal's tests."""
    return runpy.run_path(str(CHECKOUT / "tests/terminal_client/conftest.py"), run_name="world")["Make"]


def goods(factories: Any) -> tuple[CatalogueItem, ...]:
    """Return a small catalogue."""
    return tuple(
        factories.item(sku, name=factories.text(en, zh), pack_units=pack, minimum_units=pack, limit_units=20 * pack)
        for sku, en, zh, pack in GOODS
    )


def shop(folder: Path, factories: Any) -> Till:
    """Return a terminal with an order that was received, a draft, a delivery and a licence."""
    here = Till(folder, factories)
    here.open()
    today = here.server.now().date()
    licence = Licence(
        licence_class="A",
        number="3101-0077",
        valid_from=date(2024, 1, 1),
        valid_until=today + timedelta(days=400),
    )
    here.server.reference = factories.reference(*goods(factories)).model_copy(
        update={"version": "v2", "licences": (licence,)}
    )
    here.server.tell("reference", "reference", {"version": "v2"})
    here.hear()
    lines = [OrderLine(sku=sku, quantity_units=5 * pack) for sku, _, _, pack in GOODS[:3]]
    use_cases.place_order(here.shop, here.window.window, lines)
    here.travel()
    here.hear()
    shipped = tuple(ShippedLine(sku=sku, shipped_units=pack, granted_units=pack) for sku, _, _, pack in GOODS[:2])
    delivery = factories.id(here.clock.at_ms, here.chance)
    cycle, now = here.window.cycle, here.server.now()
    told = Delivery(delivery=delivery, number=5541, cycle=cycle, state="shipped", shipped_at=now, lines=shipped)
    here.server.tell(f"delivery:{delivery}", "delivery", told)
    here.hear()
    use_cases.set_draft_line(here.shop, here.window.window, "TEA-250", 24)
    return here


def keep(page: Page, name: str) -> None:
    """Write what a page shows to the folder of the pictures."""
    taken = Image.open(io.BytesIO(page.screenshot())).convert("RGB").quantize(COLOURS)
    place = CHECKOUT / "docs/img" / f"{name}.png"
    taken.save(place, optimize=True)
    if place.stat().st_size > MOST_BYTES:
        raise SystemExit(f"{place} is above {MOST_BYTES:,} bytes; take fewer colours")


def main() -> None:
    """Write every picture, those of the guide in both languages."""
    factories = make()
    with tempfile.TemporaryDirectory() as folder, system_chromium() as browser:
        full, fresh = shop(Path(folder) / "full", factories), Till(Path(folder) / "fresh", factories)
        with screens(full.terminal) as full_shop, screens(fresh.terminal) as new_shop:
            for language in ("zh", "en"):
                for name, path in PAGES.items():
                    till, address = (fresh, new_shop) if name == "enrol" else (full, full_shop)
                    till.store.choose("language", language)
                    page = browser.new_page(viewport=SIZE)
                    page.goto(address + path)
                    page.evaluate("document.fonts.ready")
                    keep(page, f"guide-{name}-{language}")
                    page.close()
        for till in (full, fresh):
            till.terminal.close()
        for name, (state, language) in FIRST_SEEN.items():
            states = [each for group in walks([state]) for each in group if each.name == state]
            with standing(states, Path(folder) / name, factories) as (till, addresses):
                till.store.choose("language", language)
                page = browser.new_page(viewport=FIRST_SIZE)
                arrive(page, states[0], addresses[0])
                keep(page, name)
                page.close()


if __name__ == "__main__":
    main()

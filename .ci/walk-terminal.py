"""Take a picture of every screen of the terminal in every state, for a person to look at.

``.venv/bin/python .ci/walk-terminal.py FOLDER [NAME…]`` writes ``FOLDER/STATE-LANGUAGE-SIZE.png`` with the system's
Chromium; names choose the states whose name holds one of them, ``LOOKS="zh-1024-normal en-800-large"`` the looks.
"""

import os
import runpy
import sys
import tempfile
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(CHECKOUT), str(CHECKOUT / "tests/support")]

from browser import system_chromium
from playwright.sync_api import Error
from walk import arrive, standing, walks

SIZES = {"1024": (1024, 600), "800": (800, 480), "360": (360, 740)}
LOOKS = [("zh", "1024", "normal"), ("en", "1024", "normal"), ("zh", "800", "normal"), ("en", "800", "normal")]
LOOKS += [("zh", "360", "normal"), ("en", "360", "normal"), ("en", "800", "large"), ("zh", "1024", "large")]


def main() -> None:
    """Walk, and write the pictures."""
    make = runpy.run_path(str(CHECKOUT / "tests/terminal_client/conftest.py"), run_name="world")["Make"]
    folder, names = Path(sys.argv[1]), sys.argv[2:]
    looks = [look for look in LOOKS if not os.environ.get("LOOKS") or "-".join(look) in os.environ["LOOKS"].split()]
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as stores, system_chromium() as browser:
        page = browser.new_page()
        page.set_default_timeout(20_000)
        for number, states in enumerate(walks(names)):
            with standing(states, Path(stores) / str(number), make) as (till, addresses):
                for state, address in zip(states, addresses, strict=True):
                    for language, size, type_ in looks:
                        till.store.choose("size", type_)
                        till.store.choose("language", language)
                        width, height = SIZES[size]
                        page.set_viewport_size({"width": width, "height": height})
                        try:
                            arrive(page, state, address)
                        except (AssertionError, Error) as error:
                            print(state.name, language, size, str(error)[:200], file=sys.stderr)
                        more = "-large" if type_ == "large" else ""
                        page.screenshot(path=folder / f"{state.name}-{language}-{size}{more}.png")
                page.goto("about:blank")
        page.close()


if __name__ == "__main__":
    main()

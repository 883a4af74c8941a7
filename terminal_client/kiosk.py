"""``--kiosk``: the screens in a browser that shows nothing else, started by the script of the packaging."""

import subprocess
import sys
import time
from pathlib import Path

SCRIPT = Path(__file__).parent / "packaging" / "evenhand-kiosk"
#: The script's word for: this machine has no browser.
NO_BROWSER = 3
OPENS_AGAIN_AFTER_S = 2.0


class Kiosk:
    """A browser over the screens. One that falls is opened again; one that a person closes stays closed."""

    def __init__(self, url: str, profile: Path) -> None:
        self._words = ["sh", str(SCRIPT), url, str(profile)]
        self._browser: subprocess.Popen[bytes] | None = None
        self._again_at_s: float | None = None

    def open(self) -> None:
        """Open the browser; the script says what is missing."""
        self._again_at_s = None
        self._browser = subprocess.Popen(self._words)

    def look(self) -> None:
        """Open again what has fallen; to be called now and then."""
        if self._again_at_s is not None and time.monotonic() >= self._again_at_s:
            self.open()
        if self._browser is None or (ended := self._browser.poll()) is None:
            return
        self._browser = None
        if ended not in (0, NO_BROWSER):
            print("terminal: the browser fell and is opened again", file=sys.stderr)  # noqa: T201 - the command's words
            self._again_at_s = time.monotonic() + OPENS_AGAIN_AFTER_S

    def close(self) -> None:
        """Close the browser."""
        self._again_at_s = None
        if self._browser is not None:
            self._browser.terminate()
            self._browser.wait()
            self._browser = None

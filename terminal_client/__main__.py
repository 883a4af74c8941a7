"""``python -m terminal_client --server URL``: a terminal with its screens, until SIGTERM."""

import argparse
import contextlib
import ctypes
import logging
import os
import signal
import sys
import threading
import time
from pathlib import Path

from terminal_client.adapters.machine import machine_digest
from terminal_client.app import Terminal
from terminal_client.boot import LOOK_AGAIN, RELEASES
from terminal_client.core.store import StoreInUseError, StoreTooNewError
from terminal_client.kiosk import Kiosk
from terminal_client.ui import serve
from terminal_client.watchdog import Watchdog

ENDS_WITHIN_S = 0.2
GIVES_BACK_EVERY_S = 20.0


#: glibc's names: how many heaps threads may have of their own, and from when free memory goes back.
MADE_WITHOUT_SETUP = "taps load whole pages, pinyin finds nothing. `make setup` in the checkout, then install again"
M_ARENA_MAX, M_TRIM_THRESHOLD = -8, -1


def missing_parts() -> list[str]:
    """Return what an installation lacks that was made from a checkout before ``make setup``."""
    place = Path(__file__).parent
    parts = {"the browser's script": "ui/static/vendor/htmx.min.js", "the words of pinyin": "core/words/words.txt"}
    return [name for name, path in parts.items() if not (place / path).exists()]


def main() -> int:
    """Run the terminal; return the exit code."""
    _stay_small()
    asked = _arguments()
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(name)s: %(message)s")
    try:
        terminal = Terminal(asked.data_dir, asked.server, machine=machine_digest())
    except (StoreInUseError, StoreTooNewError, ValueError, OSError) as error:
        print(f"terminal: {error}", file=sys.stderr)  # noqa: T201 - the command's own words
        return 2
    try:
        server = serve.server(terminal, asked.port)
    except OSError as error:
        print(f"terminal: port {asked.port} cannot be used ({error.strerror}); choose another", file=sys.stderr)  # noqa: T201
        terminal.close()
        return 2
    url = f"http://127.0.0.1:{server.effective_port}/"
    print(f"terminal: {url}", flush=True)  # noqa: T201 - the command's own words
    if lacking := missing_parts():
        print(f"terminal: this installation lacks {', '.join(lacking)}: {MADE_WITHOUT_SETUP}", file=sys.stderr)  # noqa: T201 - as above
    asked_to_end: list[int] = []  # appending takes no lock, which a second signal might wait for within the first
    for name in (signal.SIGTERM, signal.SIGINT):
        signal.signal(name, lambda number, _frame: asked_to_end.append(number))
    serving = threading.Thread(target=server.run, name="terminal-screens", daemon=True)
    serving.start()
    terminal.start()
    watchdog = Watchdog(server.effective_port, terminal.turned_s_ago)
    watchdog.start()
    kiosk = Kiosk(url, asked.data_dir.resolve() / "browser") if asked.kiosk else None
    if kiosk is not None:
        kiosk.open()
    _wait(terminal, asked_to_end, kiosk)
    chosen = RELEASES in os.environ
    watchdog.stop(ends=bool(asked_to_end) and not chosen)
    if kiosk is not None:
        kiosk.close()
    server.close()
    terminal.close()
    if asked_to_end:
        return 0
    if chosen:
        return LOOK_AGAIN
    _begin_anew()
    return 0


def _wait(terminal: Terminal, asked_to_end: list[int], kiosk: Kiosk | None) -> None:
    """Look after the browser and the memory until a signal, or the distributor, asks to end."""
    gives_back_at_s = time.monotonic()
    while not asked_to_end and not terminal.restart_wanted.is_set():
        time.sleep(ENDS_WITHIN_S)
        if time.monotonic() >= gives_back_at_s:
            gives_back_at_s = time.monotonic() + GIVES_BACK_EVERY_S
            _give_back()
        if kiosk is not None:
            kiosk.look()


def _begin_anew() -> None:
    """Become the program as it is installed now, under the same process id."""
    os.execv(sys.executable, [sys.executable, "-m", "terminal_client", *sys.argv[1:]])  # noqa: S606 - ourselves


def _stay_small() -> None:
    """Let all threads share one heap, and give back what is free: 7 MB less with a catalogue of 2,000 items."""
    with contextlib.suppress(OSError, AttributeError):
        libc = ctypes.CDLL(None)
        libc.mallopt(M_ARENA_MAX, 1)
        libc.mallopt(M_TRIM_THRESHOLD, 128 * 1024)


def _give_back() -> None:
    """Give back what is free in the middle of the heap, which glibc keeps: 3 MB after the start, as much in a day."""
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).malloc_trim(0)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="evenhand terminal", description="Run a shop's terminal on this machine.")
    parser.add_argument("--server", required=True, help="address of the server, http://host:port")
    parser.add_argument("--data-dir", type=Path, default=_data_dir(), help="folder of this terminal's store")
    parser.add_argument("--port", type=int, default=0, help="port of the screens on loopback; a free one where absent")
    parser.add_argument("--kiosk", action="store_true", help="open the screens in a browser in kiosk mode")
    return parser.parse_args()


def _data_dir() -> Path:
    return Path(os.environ.get("EVENHAND_DATA_DIR", ".evenhand")) / "terminal"


if __name__ == "__main__":
    sys.exit(main())

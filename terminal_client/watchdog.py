"""A sign of life to the service manager, given only while the terminal can be worked with.

Looked at from outside, as a person would: the screens answer over loopback, whatever they say, and the thread of the
exchange has turned lately. An error page is an answer: a start would not mend it. What hangs is started anew.
"""

import http.client
import threading
import time
from collections.abc import Callable

from terminal_client.adapters import service_manager

#: What an answer of the screens may take. A page of 2,000 lines takes less on the slowest machine.
ANSWER_S = 15.0
#: How often within the time that is allowed a sign is given.
SIGNS = 3


class Watchdog:
    """Gives signs of life from a thread of its own, as often as the service manager wants them."""

    def __init__(self, port: int, turned_s_ago: Callable[[], float]) -> None:
        self._port = port
        self._turned_s_ago = turned_s_ago
        self._ended = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Say that the terminal is ready, and go on saying so where that is wanted."""
        service_manager.notify("READY=1")
        within_s = service_manager.watchdog_s()
        if within_s is not None:
            self._thread = threading.Thread(target=self._run, args=(within_s,), name="terminal-watchdog", daemon=True)
            self._thread.start()

    def stop(self, *, ends: bool) -> None:
        """Give no more signs; where the service ``ends``, and no other program goes on in its place, say so."""
        if ends:
            service_manager.notify("STOPPING=1")
        self._ended.set()

    def alive(self, within_s: float) -> bool:
        """Return whether the screens answer and the exchange has turned within ``within_s``."""
        return self._turned_s_ago() <= within_s and answers(self._port, min(ANSWER_S, within_s))

    def _run(self, within_s: float) -> None:
        while not self._ended.wait(within_s / SIGNS):
            if self.alive(within_s):
                service_manager.notify("WATCHDOG=1")


def answers(port: int, within_s: float) -> bool:
    """Return whether the screens at ``port`` give any answer within the time."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=within_s)
    began_s = time.monotonic()
    try:
        connection.request("GET", "/banner")
        connection.getresponse().read()
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
    return time.monotonic() - began_s <= within_s

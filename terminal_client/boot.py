"""``python -m terminal_client.boot``: the boot chooser. Starts the release that the record names, and judges a new one.

Part of the image: it is installed with the machine and never updated by what it starts, so it uses the standard library
and modules of ours that need no other. It stays the parent of the terminal. A release on trial is looked at from
outside: is the process there, do its screens answer, does it say that its store is open and that it has met the server;
is the server there for somebody else. What came to nothing is ended, and the release before starts in its place.
"""

import argparse
import http.client
import json
import logging
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast
from urllib.parse import urlsplit

from terminal_client.adapters import service_manager
from terminal_client.adapters.slots import FolderSlots
from terminal_client.core import booting
from terminal_client.core.booting import Record, Seen, Start

log = logging.getLogger("boot")
#: What a release finds in its environment: the folder of releases, the root of trust, its own version.
RELEASES, ROOT, RELEASE = "EVENHAND_RELEASES_DIR", "EVENHAND_UPDATE_ROOT", "EVENHAND_RELEASE"
#: Says that nobody stands before the screen that is asked for.
LOOK = {"X-Evenhand-Look": "1"}
#: Exit code of a terminal that wants the chooser to look again.
LOOK_AGAIN = 75
LOOKS_EVERY_S = 0.5
ANSWER_S = 5.0
ENDS_WITHIN_S = 20.0
FAILED_FROM = 500
#: What the service manager is told while the terminal cannot speak for itself yet. The second word is for a start.
ALIVE = f"WATCHDOG=1\nEXTEND_TIMEOUT_USEC={booting.READY_WITHIN_S * 1_000_000}"


@dataclass(frozen=True)
class Setting:
    """What the chooser is told."""

    releases: Path
    root: Path
    server: str
    port: int
    words: tuple[str, ...]
    ready_within_s: float
    exchange_within_s: float


class Chooser:
    """One machine's chooser. ``asked_to_end`` is filled by a signal."""

    def __init__(self, setting: Setting) -> None:
        self.setting = setting
        self.slots = FolderSlots(setting.releases)
        self.asked_to_end: list[int] = []
        self._child: subprocess.Popen[bytes] | None = None

    def run(self) -> int:
        """Start what is to be started until a signal, or the terminal itself, ends it; return the exit code."""
        while True:
            start = self._next()
            service_manager.notify(ALIVE)
            child = self._child = subprocess.Popen(
                [sys.executable, "-m", "terminal_client", *self.setting.words], env=self._environment(start)
            )
            if self.asked_to_end:  # it came in between
                child.terminate()
            if start.trial:
                self._try_out(child)
            code = child.wait()
            if self.asked_to_end:
                return 0
            if booting.read(self.slots).on_trial and start.trial:
                self._keep(booting.failed(self.slots, booting.read(self.slots), "ended"))
            elif code != LOOK_AGAIN and booting.read(self.slots).chosen == start.slot:
                return code

    def end(self, number: int) -> None:
        """Pass a signal on; the chooser ends after the terminal."""
        self.asked_to_end.append(number)
        service_manager.notify("STOPPING=1")
        if self._child is not None and self._child.poll() is None:
            self._child.send_signal(number)

    def _next(self) -> Start:
        """Return what starts, with its record kept. Where a try cannot be counted the release before starts."""
        before = booting.read(self.slots)
        start = booting.choose(self.slots, before)
        if start.record != before and not self._keep(start.record) and start.trial:
            return Start(before.previous, trial=False, record=before)
        if start.record.returned != before.returned and start.record.returned is not None:
            log.error("release %s is not kept: %s", start.record.returned.version, start.record.returned.reason)
        return start

    def _keep(self, record: Record) -> bool:
        try:
            booting.keep(self.slots, record)
        except OSError as error:
            log.error("the boot record cannot be written: %s", error)  # noqa: TRY400 - one line says all
            return False
        return True

    def _environment(self, start: Start) -> dict[str, str]:
        """Return the environment of what starts: the slot's packages before the image's, none of where it is."""
        environment = {name: value for name, value in os.environ.items() if name not in (RELEASE, "WATCHDOG_PID")}
        environment |= {
            RELEASES: str(self.setting.releases.resolve()),
            ROOT: str(self.setting.root.resolve()),
            "PYTHONSAFEPATH": "1",
        }
        if start.slot != "image":
            packages = [str((self.setting.releases / start.slot / "site").resolve()), environment.get("PYTHONPATH", "")]
            environment["PYTHONPATH"] = os.pathsep.join(path for path in packages if path)
            environment[RELEASE] = booting.version_in(self.slots, start.slot) or ""
        return environment

    def _try_out(self, child: subprocess.Popen[bytes]) -> None:
        """Look at a trial until it is confirmed, or ended with its reason written down."""
        began_s = time.monotonic()
        while not self.asked_to_end:
            service_manager.notify(ALIVE)
            seen = self._look(child, time.monotonic() - began_s)
            verdict = booting.judge(
                seen,
                ready_within_s=self.setting.ready_within_s,
                exchange_within_s=self.setting.exchange_within_s,
            )
            if verdict == "confirm":
                if self._keep(booting.confirmed(booting.read(self.slots))):
                    return
            elif verdict != "wait":
                _end(child)
                self._keep(booting.failed(self.slots, booting.read(self.slots), verdict))
                return
            time.sleep(LOOKS_EVERY_S)

    def _look(self, child: subprocess.Popen[bytes], elapsed_s: float) -> Seen:
        if child.poll() is not None:
            return Seen(elapsed_s, running=False)
        told = _health(self.setting.port)
        screens = _status("127.0.0.1", self.setting.port, "/") < FAILED_FROM
        exchanged = told.get("exchanged") is True
        late = elapsed_s >= self.setting.exchange_within_s
        return Seen(
            elapsed_s,
            store=told["store"] if isinstance(told.get("store"), bool) else None,
            screens=screens,
            exchanged=exchanged,
            reachable=late and not exchanged and _server_answers(self.setting.server),
            refuses=told.get("fit") is False,
        )


def _end(child: subprocess.Popen[bytes]) -> None:
    child.terminate()
    try:
        child.wait(ENDS_WITHIN_S)
    except subprocess.TimeoutExpired:
        child.kill()
        child.wait()


def _health(port: int) -> Mapping[str, Any]:
    """Return what the terminal says of itself; nothing where it says nothing."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=ANSWER_S)
    try:
        connection.request("GET", "/health")
        told = json.loads(connection.getresponse().read(10_000))
    except (OSError, http.client.HTTPException, ValueError):
        return {}
    finally:
        connection.close()
    return cast("dict[str, Any]", told) if isinstance(told, dict) else {}


def _status(host: str, port: int, path: str) -> int:
    connection = http.client.HTTPConnection(host, port, timeout=ANSWER_S)
    try:
        connection.request("GET", path, headers=LOOK)
        return connection.getresponse().status
    except (OSError, http.client.HTTPException):
        return FAILED_FROM
    finally:
        connection.close()


def _server_answers(url: str) -> bool:
    """Return whether the server tells this program the time."""
    parts = urlsplit(url)
    make = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    connection = make(parts.hostname or "", parts.port, timeout=ANSWER_S)
    try:
        connection.request("GET", parts.path.rstrip("/") + "/device/v1/time")
        return connection.getresponse().status < FAILED_FROM
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port: int = taken.getsockname()[1]
        return port


def _setting(words: Sequence[str] | None) -> Setting:
    parser = argparse.ArgumentParser(
        prog="evenhand terminal", description="Start the release of the terminal that this machine has chosen."
    )
    parser.add_argument("--releases", required=True, type=Path, help="folder of releases, written by the terminal")
    parser.add_argument("--update-root", required=True, type=Path, help="root.json that the distributor gave out")
    parser.add_argument("--server", required=True, help="address of the server, http://host:port")
    parser.add_argument("--port", type=int, default=0, help="port of the screens on loopback; a free one where absent")
    parser.add_argument(
        "--ready-within-s", type=float, default=booting.READY_WITHIN_S, help="seconds until it must answer"
    )
    parser.add_argument(
        "--exchange-within-s",
        type=float,
        default=booting.EXCHANGE_WITHIN_S,
        help="seconds until it must meet the server",
    )
    asked, others = parser.parse_known_args(words)
    port = asked.port or _free_port()
    return Setting(
        releases=asked.releases,
        root=asked.update_root,
        server=asked.server,
        port=port,
        words=("--server", asked.server, "--port", str(port), *others),
        ready_within_s=asked.ready_within_s,
        exchange_within_s=asked.exchange_within_s,
    )


def main(words: Sequence[str] | None = None) -> int:
    """Run the chooser; return the exit code."""
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(name)s: %(message)s")
    chooser = Chooser(_setting(words))
    for name in (signal.SIGTERM, signal.SIGINT):
        signal.signal(name, lambda number, _frame: chooser.end(number))
    return chooser.run()


if __name__ == "__main__":
    sys.exit(main())

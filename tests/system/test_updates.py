"""Updates of a real terminal by a real server: two good releases, one that ends at its start, one that is not well.

Real processes all: the server, the boot chooser, the terminal that it starts, the child that fetches. The releases are
built by the command from this checkout, the bad ones from a copy that was spoilt.
"""

import os
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx2
import pytest
from ceremony import Holders, begun
from running import Town, until

from evenhand import release_building
from firmware_sim.identities import let_in
from server.releases import describing, drafting
from server.releases.repository import Repository
from terminal_client.adapters.slots import FolderSlots
from terminal_client.app import Terminal
from terminal_client.core import booting

pytestmark = pytest.mark.system
CHECKOUT = Path(__file__).parents[2]
ENDS_AT_ONCE = "raise SystemExit('this release ends at its start')\n"
SHOWS_NOTHING = "\n\ndef _nothing(_self, _request):\n    raise RuntimeError('no screen')\n\n\nWeb._screen = _nothing\n"


class Machine:
    """A shop's machine with its chooser."""

    def __init__(self, folder: Path, server: str) -> None:
        self.folder, self.server = folder, server
        self.slots = FolderSlots(folder / "releases")
        with socket.create_server(("127.0.0.1", 0)) as taken:
            self.port: int = taken.getsockname()[1]
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        words = ["--releases", self.folder / "releases", "--update-root", self.folder / "root.json"]
        words += ["--server", self.server, "--data-dir", self.folder / "data", "--port", self.port]
        words += ["--ready-within-s", 12, "--exchange-within-s", 30]
        self.process = subprocess.Popen(
            [sys.executable, "-m", "terminal_client.boot", *map(str, words)],
            cwd=self.folder,
            start_new_session=True,
            stdout=subprocess.DEVNULL,
        )

    def cut(self) -> None:
        """Take the power away: chooser, terminal and whatever they started, at once."""
        assert self.process is not None
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def health(self) -> dict[str, Any]:
        try:
            told: dict[str, Any] = httpx2.get(f"http://127.0.0.1:{self.port}/health", timeout=5).json()
        except (httpx2.HTTPError, ValueError):
            return {}
        return told

    def tap(self, path: str) -> None:
        base = f"http://127.0.0.1:{self.port}"
        answer = httpx2.post(f"{base}{path}", headers={"Origin": base}, timeout=10)
        assert answer.status_code == 303, answer.text

    def page(self, path: str) -> str:
        return httpx2.get(f"http://127.0.0.1:{self.port}{path}", timeout=10).text

    def phase(self) -> str:
        return str(self.health().get("update", {}).get("update"))

    def record(self) -> booting.Record:
        return booting.read(self.slots)

    def take(self, version: str) -> None:
        """Let a person look for the newest release and not wait for the night."""
        until(f"{self.record().version} at rest", lambda: self.phase() not in ("None", "trial"), within_s=120)
        self.tap("/updates/look")
        until(f"{version} ready", lambda: self.phase() == "waiting", within_s=120)
        told = self.health()["update"]
        assert (told["update"], told["update_version"]) == ("waiting", version)
        assert told["update_reason"] in {"hours", "in_use"}, "by day it waits for the night, at night for quiet"
        self.tap("/updates/now")


@contextmanager
def spoilt(tmp_path: Path, file: str, change: Callable[[str], str]) -> Iterator[Path]:
    """Give a copy of what a release is made of, with one file changed."""
    copy = tmp_path / "spoilt"
    for part in release_building.PARTS:
        shutil.copytree(CHECKOUT / part, copy / part)
    (copy / file).write_text(change((copy / file).read_text(encoding="utf-8")), encoding="utf-8")
    yield copy
    shutil.rmtree(copy)


def released(repository: Repository, holders: Holders, checkout: Path, out: Path, version: str) -> None:
    at = datetime.now(UTC)
    archive = release_building.build(checkout, out, version, with_packages=False, at=at)
    described = describing.describe(archive, notes_zh="", notes_en=version, minimum_version="0.1.0", models=())
    drafting.add(repository, archive, described, at)
    holders.publish(repository, at)


@pytest.fixture
def machine(town: Town, tmp_path: Path) -> Iterator[Machine]:
    made = Machine(tmp_path, town.stage.url)
    with Terminal(tmp_path / "data", town.stage.url) as terminal:
        let_in(terminal, town.planner, town.code_for("S01"))
    yield made
    if made.process is not None and made.process.poll() is None:
        made.process.terminate()
        try:
            made.process.wait(30)
        except subprocess.TimeoutExpired:
            made.cut()


def test_a_terminal_takes_good_releases_and_returns_from_bad_ones(town: Town, machine: Machine, tmp_path: Path) -> None:
    repository, holders = begun(town.data_dir)
    shutil.copyfile(repository.metadata / "1.root.json", tmp_path / "root.json")
    machine.start()
    until("the image", lambda: machine.health().get("exchanged"), within_s=60)
    image = machine.health()["version"]

    released(repository, holders, CHECKOUT, tmp_path, "0.2.0")
    machine.take("0.2.0")
    until(
        "0.2.0 confirmed",
        lambda: machine.record() == booting.Record(chosen="a", version="0.2.0", previous="image"),
        within_s=120,
    )
    until("0.2.0 says so", lambda: machine.phase() == "confirmed", within_s=30)
    assert machine.health()["version"] == "0.2.0" != image

    with spoilt(tmp_path, "terminal_client/__main__.py", lambda _text: ENDS_AT_ONCE) as copy:
        released(repository, holders, copy, tmp_path, "0.3.0")
    machine.take("0.3.0")
    until("the way back", lambda: machine.record().returned is not None, within_s=120)
    assert machine.record().returned == booting.Returned("0.3.0", "ended", 3)
    until("0.2.0 again", lambda: machine.health().get("version") == "0.2.0", within_s=60)
    assert machine.health()["update"] == {"update": "returned", "update_version": "0.3.0", "update_reason": "ended"}
    assert "新版本自行退出" in machine.page("/updates")
    assert "新版本自行退出" in machine.page("/diagnostics")

    with spoilt(tmp_path, "terminal_client/ui/web.py", lambda text: text + SHOWS_NOTHING) as copy:
        released(repository, holders, copy, tmp_path, "0.4.0")
    machine.take("0.4.0")
    until(
        "the second way back",
        lambda: (
            machine.record().version == "0.2.0"
            and machine.record().returned == booting.Returned("0.4.0", "no_screens", 3)
        ),
        within_s=240,
    )

    released(repository, holders, CHECKOUT, tmp_path, "0.5.0")
    machine.take("0.5.0")
    until("a cut in its first start", lambda: machine.record().on_trial, within_s=120)
    machine.cut()
    machine.start()
    until("0.5.0 confirmed", lambda: machine.record().confirmed and machine.record().version == "0.5.0", within_s=120)
    assert (machine.record().chosen, machine.record().returned) == ("b", booting.Returned("0.4.0", "no_screens", 3))
    until("0.5.0 at work", lambda: machine.health().get("version") == "0.5.0", within_s=60)

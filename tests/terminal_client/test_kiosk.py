"""A terminal that starts with the machine: its units, its policy, its scripts, its signs of life."""

import configparser
import contextlib
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

import terminal_client
from terminal_client import boot
from terminal_client.adapters import service_manager
from terminal_client.adapters.slots import FolderSlots
from terminal_client.core import booting
from terminal_client.kiosk import Kiosk
from terminal_client.watchdog import Watchdog, answers

PACKAGING = Path(terminal_client.__file__).parent / "packaging"
SCRIPTS = ("evenhand-kiosk", "set-up-kiosk")
UNITS = ("evenhand-terminal.service", "evenhand-kiosk.service", "var-lib-evenhand.mount")
ADDRESS = "http://127.0.0.1:8765"
DEADLINE_S = 30


def run(*words: str, **more: str) -> subprocess.CompletedProcess[str]:
    environment = os.environ | more
    return subprocess.run(words, env=environment, capture_output=True, text=True, timeout=60, check=False)


def set_up(root: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return run("sh", str(PACKAGING / "set-up-kiosk"), "--root", str(root), *words)


def unit(name: str) -> configparser.RawConfigParser:
    found = configparser.RawConfigParser(strict=False, delimiters=("=",))
    found.optionxform = str  # type: ignore[assignment,method-assign] # names keep their capitals
    found.read(PACKAGING / name, encoding="utf-8")
    return found


# Files


@pytest.mark.parametrize("name", SCRIPTS)
def test_the_scripts_are_sound(name: str) -> None:
    assert run("sh", "-n", str(PACKAGING / name)).stderr == ""
    if shutil.which("shellcheck"):
        assert run("shellcheck", str(PACKAGING / name)).stdout == ""


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="no systemd here")
def test_the_units_say_what_systemd_understands(tmp_path: Path) -> None:
    for name in UNITS:
        text = (PACKAGING / name).read_text(encoding="utf-8")
        # The programs are not installed on the machine that tests.
        text = re.sub(r"^ExecStart=\S+", "ExecStart=/bin/true", text, flags=re.MULTILINE)
        (tmp_path / name).write_text(text, encoding="utf-8")
    verified = run(
        "systemd-analyze", "verify", *(str(tmp_path / name) for name in UNITS), SYSTEMD_UNIT_PATH=f"{tmp_path}:"
    )

    assert [line for line in (verified.stdout + verified.stderr).splitlines() if "evenhand" in line] == []


def test_the_browser_may_go_to_the_terminal_alone_and_each_file_says_the_same_address() -> None:
    policy = json.loads((PACKAGING / "chromium-policy.json").read_text(encoding="utf-8"))
    started = unit("evenhand-terminal.service")["Service"]["ExecStart"]

    assert (policy["URLBlocklist"], policy["URLAllowlist"]) == (["*"], [ADDRESS])
    assert policy["DeveloperToolsAvailability"] == 2
    assert policy["VideoCaptureAllowedUrls"] == [ADDRESS]
    assert unit("evenhand-kiosk.service")["Service"]["ExecStart"].endswith(f" {ADDRESS}/")
    assert started.endswith("--port 8765")


def test_what_starts_with_the_machine_is_the_boot_chooser_and_its_children_may_speak() -> None:
    service = unit("evenhand-terminal.service")["Service"]
    _, _, words = service["ExecStart"].partition(" -m terminal_client.boot ")
    setting = boot._setting(words.split())  # noqa: SLF001 - as the chooser reads them

    assert (setting.releases, setting.root) == (Path("/var/lib/evenhand/releases"), Path("/etc/evenhand/root.json"))
    assert setting.words[-2:] == ("--data-dir", "/var/lib/evenhand/terminal")
    assert (service["NotifyAccess"], service["KillMode"]) == ("all", "mixed")
    assert "noexec" not in unit("var-lib-evenhand.mount")["Mount"]["Options"].split(",")


def test_the_account_of_the_screen_may_not_read_the_store() -> None:
    terminal, screen = unit("evenhand-terminal.service")["Service"], unit("evenhand-kiosk.service")["Service"]

    assert terminal["User"] != screen["User"]
    assert terminal["StateDirectoryMode"] == "0700"
    assert "-/var/lib/evenhand" in screen["InaccessiblePaths"].split()


def test_each_file_of_the_packaging_is_put_in_its_place(tmp_path: Path) -> None:
    ours = tmp_path / "ours.json"
    ours.write_text("{}", encoding="utf-8")
    place = tmp_path / "machine"
    ended = set_up(place, "--server", "https://orders.example.com", "--update-root", str(ours), "--read-only-root")
    placed = {path.relative_to(place).as_posix() for path in place.rglob("*") if path.is_file()}

    assert ended.returncode == 0, ended.stderr
    assert len(placed - {"etc/evenhand/root.json"}) == len(list(PACKAGING.iterdir())) - 1
    assert (place / "etc/evenhand/root.json").read_text(encoding="utf-8") == "{}"
    assert (place / "etc/evenhand/root.json").stat().st_mode & 0o777 == 0o644
    assert "etc/chromium/policies/managed/evenhand.json" in placed
    kept = (place / "etc/evenhand/terminal.env").read_text(encoding="utf-8")
    assert "\nEVENHAND_SERVER=https://orders.example.com\n" in kept
    assert os.access(place / "usr/local/lib/evenhand/evenhand-kiosk", os.X_OK)


def test_setting_up_again_keeps_the_address_and_the_devices_of_the_shop(tmp_path: Path) -> None:
    first = set_up(tmp_path, "--server", "https://orders.example.com")
    (tmp_path / "etc/evenhand/root.json").write_text("ours", encoding="utf-8")
    rule = tmp_path / "etc/udev/rules.d/60-evenhand-counter.rules"
    rule.write_text("# ours\n", encoding="utf-8")
    (tmp_path / "etc/systemd/system/evenhand-terminal.service").write_text("old", encoding="utf-8")

    again = set_up(tmp_path)
    assert again.returncode == 0
    assert ("cannot update" in first.stderr, again.stderr) == (True, "")
    assert (tmp_path / "etc/evenhand/root.json").read_text(encoding="utf-8") == "ours"
    assert rule.read_text(encoding="utf-8") == "# ours\n"
    assert "orders.example.com" in (tmp_path / "etc/evenhand/terminal.env").read_text(encoding="utf-8")
    assert (tmp_path / "etc/systemd/system/evenhand-terminal.service").read_text(encoding="utf-8") != "old"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((), "give --server ADDRESS the first time"),
        (("--server", "orders.example.com"), "write https://host"),
        (("--server", "https://a|b"), "a character that none has"),
        (("--server", "https://a", "--update-root", "/nowhere.json"), "there is no file /nowhere.json"),
        (("--sever", "https://a"), "--sever is unknown"),
    ],
)
def test_what_cannot_be_set_up_is_said_and_nothing_is_written(
    tmp_path: Path, words: tuple[str, ...], said: str
) -> None:
    ended = set_up(tmp_path, *words)

    assert (ended.returncode, said in ended.stderr) == (2, True), ended.stderr
    assert list(tmp_path.iterdir()) == []


# The browser


@pytest.fixture
def browser(tmp_path: Path) -> Path:
    """A program in a browser's place that writes down its words and ends as it is told."""
    path = tmp_path / "bin" / "browser"
    path.parent.mkdir()
    path.write_text(f'#!/bin/sh\nprintf "%s\\n" "$@" >> {tmp_path}/words\nexit "$(cat {tmp_path}/code)"\n')
    path.chmod(0o755)
    (tmp_path / "code").write_text("0")
    return path


def test_every_other_host_is_taken_to_nowhere(tmp_path: Path, browser: Path) -> None:
    script = str(PACKAGING / "evenhand-kiosk")
    ended = run("sh", script, f"{ADDRESS}/", str(tmp_path / "profile"), EVENHAND_BROWSER=str(browser))
    words = (tmp_path / "words").read_text(encoding="utf-8").splitlines()

    assert ended.returncode == 0, ended.stderr
    assert "--kiosk" in words
    assert "--host-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1" in words
    assert f"--user-data-dir={tmp_path}/profile" in words
    assert words[-1] == f"{ADDRESS}/"


def test_nothing_but_this_machine_is_shown_and_a_missing_browser_is_said() -> None:
    script = str(PACKAGING / "evenhand-kiosk")
    elsewhere = run("sh", script, "http://example.com/", EVENHAND_BROWSER="true")
    without = run("sh", script, f"{ADDRESS}/", EVENHAND_BROWSER="no-such-browser")

    assert (elsewhere.returncode, without.returncode) == (2, 3)
    assert "not on this machine" in elsewhere.stderr
    assert "no Chromium was found" in without.stderr


@pytest.mark.parametrize(("code", "opened"), [("0", 1), ("9", 2)], ids=["closed by a person", "fell"])
def test_a_browser_that_falls_is_opened_again(
    tmp_path: Path, browser: Path, monkeypatch: pytest.MonkeyPatch, code: str, opened: int
) -> None:
    monkeypatch.setenv("EVENHAND_BROWSER", str(browser))
    monkeypatch.setattr("terminal_client.kiosk.OPENS_AGAIN_AFTER_S", 0.0)
    (tmp_path / "code").write_text(code)
    kiosk = Kiosk(f"{ADDRESS}/", tmp_path / "profile")
    kiosk.open()
    for _ in range(opened):
        assert kiosk._browser is not None  # noqa: SLF001 - until it has ended by itself
        kiosk._browser.wait(DEADLINE_S)  # noqa: SLF001
        kiosk.look()
        kiosk.look()
    kiosk.close()

    words = (tmp_path / "words").read_text(encoding="utf-8").splitlines()
    assert words.count("--kiosk") >= opened
    assert (words.count("--kiosk") == 1) == (code == "0")


# Signs of life


@pytest.fixture
def listener(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[socket.socket]:
    """A service manager's socket."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as heard:
        heard.bind(str(tmp_path / "notify"))
        heard.settimeout(DEADLINE_S)
        monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
        yield heard


class Answering(BaseHTTPRequestHandler):
    """Answers everything with an error page."""

    def do_GET(self) -> None:
        self.send_error(500)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the library's name
        pass


@pytest.fixture
def port() -> Iterator[int]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Answering) as server:
        serving = threading.Thread(target=server.serve_forever, daemon=True)
        serving.start()
        yield server.server_address[1]
        server.shutdown()
        serving.join()


def test_signs_of_life_are_given_while_screens_and_exchange_turn(
    listener: socket.socket, port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WATCHDOG_USEC", "60000")
    watchdog = Watchdog(port, lambda: 0.0)
    watchdog.start()
    heard = [listener.recv(100) for _ in range(3)]
    watchdog.stop(ends=True)
    while heard[-1] != b"STOPPING=1":
        heard.append(listener.recv(100))

    assert heard[0] == b"READY=1"
    assert set(heard[1:-1]) == {b"WATCHDOG=1"}


def test_what_goes_on_as_another_program_does_not_say_that_it_ends(listener: socket.socket, port: int) -> None:
    watchdog = Watchdog(port, lambda: 0.0)
    watchdog.stop(ends=False)
    watchdog.stop(ends=True)

    assert listener.recv(100) == b"STOPPING=1"
    listener.setblocking(False)
    with pytest.raises(BlockingIOError):
        listener.recv(100)


def test_what_hangs_gives_no_sign(port: int) -> None:
    with socket.socket() as deaf:
        deaf.bind(("127.0.0.1", 0))
        deaf.listen()
        assert not answers(deaf.getsockname()[1], 0.05)
    assert Watchdog(port, lambda: 0.0).alive(DEADLINE_S)
    assert not Watchdog(port, lambda: DEADLINE_S + 1.0).alive(DEADLINE_S)


def test_without_a_service_manager_nothing_is_said() -> None:
    assert not service_manager.notify("READY=1", {})
    assert not service_manager.notify("READY=1", {"NOTIFY_SOCKET": "/nowhere/at/all"})
    assert service_manager.watchdog_s({}) is None
    assert service_manager.watchdog_s({"WATCHDOG_USEC": "60000000", "WATCHDOG_PID": "1"}) is None
    assert service_manager.watchdog_s({"WATCHDOG_USEC": "60000000"}) == 60.0


@pytest.mark.slow
def test_the_terminal_says_when_its_screens_are_ready(listener: socket.socket, tmp_path: Path) -> None:
    words = [sys.executable, "-m", "terminal_client", "--server", "http://127.0.0.1:9", "--data-dir", str(tmp_path)]
    with subprocess.Popen(words, env=os.environ | {"WATCHDOG_USEC": "300000"}, stdout=subprocess.PIPE) as process:
        heard = [listener.recv(100) for _ in range(2)]
        process.terminate()
        while heard[-1] != b"STOPPING=1":
            heard.append(listener.recv(100))

    assert heard[:2] == [b"READY=1", b"WATCHDOG=1"]
    assert process.returncode == 0


@pytest.mark.slow
def test_the_chooser_speaks_for_a_release_on_trial_and_says_once_that_it_ends(
    listener: socket.socket, tmp_path: Path
) -> None:
    slots = FolderSlots(tmp_path / "releases")
    slots.write("a/RELEASE.json", b'{"version": "9.0.0"}')
    slots.write("a/site/terminal_client/__init__.py", b"")
    slots.write("a/site/terminal_client/__main__.py", b"raise SystemExit(3)\n")
    booting.keep(slots, booting.Record(chosen="a", confirmed=False, tries_left=1, version="9.0.0"))
    words = ["--releases", slots.root, "--update-root", tmp_path / "root.json", "--server", "http://127.0.0.1:9"]
    words += ["--data-dir", tmp_path / "data"]
    with subprocess.Popen(
        [sys.executable, "-m", "terminal_client.boot", *map(str, words)],
        env=os.environ | {"WATCHDOG_USEC": "300000"},
        stdout=subprocess.DEVNULL,
    ) as process:
        heard = [listener.recv(100)]
        while heard[-1] != b"READY=1":
            heard.append(listener.recv(100))
        while heard[-1] != b"WATCHDOG=1":
            heard.append(listener.recv(100))
        process.terminate()
    listener.setblocking(False)
    ended = []
    with contextlib.suppress(BlockingIOError):
        while True:
            ended.append(listener.recv(100))

    assert len(heard) >= 4  # at the start of the trial, during it, at the start of the image, and its own words
    assert set(heard[:-2]) == {boot.ALIVE.encode()}
    assert (process.returncode, ended.count(b"STOPPING=1")) == (0, 1)
    assert booting.read(slots).returned == booting.Returned("9.0.0", "ended", booting.TRIES)

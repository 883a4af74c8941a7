"""The terminal as a process: small, quick, private, and it ends when told to."""

import signal
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest

from terminal_client import __main__ as terminal_main

ARGUMENTS = ["--server", "http://127.0.0.1:9"]


def _start(folder: Path) -> tuple[subprocess.Popen[str], str]:
    command = [sys.executable, "-m", "terminal_client", *ARGUMENTS, "--data-dir", str(folder)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    return process, process.stdout.readline().removeprefix("terminal: ").strip()


def _resident_mb(pid: int) -> float:
    lines = Path(f"/proc/{pid}/status").read_text(encoding="ascii").splitlines()
    return int(next(line for line in lines if line.startswith("VmRSS")).split()[1]) / 1024


@pytest.mark.slow
def test_it_shows_a_screen_without_a_server_stays_small_and_ends_when_told(tmp_path: Path) -> None:
    process, url = _start(tmp_path)
    try:
        for _ in range(50):
            with urllib.request.urlopen(f"{url}enrol", timeout=10) as page:  # noqa: S310 - our own loopback
                assert "这是哪家店" in page.read().decode()
        used_s = sum(float(field) for field in Path(f"/proc/{process.pid}/stat").read_text().split()[13:15]) / 100
        assert used_s < 4
        assert _resident_mb(process.pid) <= 64
    finally:
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 0
        assert process.stdout is not None
        process.stdout.close()


@pytest.mark.slow
def test_what_cannot_be_started_is_said_in_one_line(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "terminal_client", "--server", "nowhere", "--data-dir", str(tmp_path)]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    assert (ended.returncode, ended.stderr.count("\n")) == (2, 1)
    assert "write http://host:port" in ended.stderr


def test_the_core_is_imported_without_screens_and_network() -> None:
    script = (
        "import sys, terminal_client.core.engine, terminal_client.core.use_cases, terminal_client.core.views.status;"
        "print(sorted({'paho', 'werkzeug', 'waitress', 'jinja2', 'terminal_client.ui', 'terminal_client.adapters'}"
        " & set(sys.modules)))"
    )
    shown = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=True)
    assert shown.stdout.strip() == "[]"


def test_an_installation_made_before_set_up_is_told_what_it_lacks(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(terminal_main, "__file__", str(tmp_path / "__main__.py"))
    assert terminal_main.missing_parts() == ["the browser's script", "the words of pinyin"]
    script = tmp_path / "ui/static/vendor/htmx.min.js"
    script.parent.mkdir(parents=True)
    script.touch()
    assert terminal_main.missing_parts() == ["the words of pinyin"]

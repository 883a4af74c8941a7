"""Rows of the whole system: a terminal's start, and a fleet that orders at once."""

import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path
from typing import Any, Final

from firmware_sim import window_rush
from firmware_sim.opening import private_installation
from firmware_sim.stage import launch_words
from loadtests.bench.problems import Sizes
from loadtests.bench.rows import REPEATS, Row

FLEET: Final = 200
SEED: Final = 1
TERMINAL_WITHIN_S: Final = 60.0
FOLDER: Final = Path(".evenhand/bench")


def intake_rows(_sizes: Sizes) -> list[Row]:
    """Let a fleet rush: time from publish to receipt, what was lost, what was doubled."""
    with private_installation(FOLDER) as stage:
        found = window_rush.run(stage, FLEET, SEED)
    size = f"{FLEET} devices in {2.0 + FLEET / 500:.1f} s"
    common = {"command": f"evenhand sim run window-rush --devices {FLEET} --seed {SEED} --json", "repeats": 1}
    rows = [
        _plain(
            "order intake over MQTT, publish to receipt, p50",
            size,
            found["p50_ms"],
            "ms",
            "≤ 50 ms (5,000 terminals, 2,000 orders/s)",
            None,
        ),
        _plain(
            "order intake over MQTT, publish to receipt, p99",
            size,
            found["p99_ms"],
            "ms",
            "≤ 1,000 ms (5,000 terminals, 2,000 orders/s)",
            None,
        ),
        _plain("orders lost", size, found["missing"], "", "0", found["missing"] == 0),
        _plain("orders doubled", size, found["doubled"], "", "0", found["doubled"] == 0),
    ]
    rows[0]["met"], rows[1]["met"] = found["p50_ms"] <= 50, found["p99_ms"] <= 1000  # noqa: PLR2004
    return [Row(**(row | common)) for row in rows]


def terminal_rows(_sizes: Sizes) -> list[Row]:
    """Start a terminal without a server, ask for its first screen, and see what it holds in memory."""
    screens, resident, bare = [], [], []
    for _ in range(REPEATS):
        with tempfile.TemporaryDirectory() as folder:
            seconds, megabytes = _terminal(Path(folder))
        screens.append(seconds)
        resident.append(megabytes)
        started = time.perf_counter()
        subprocess.run([sys.executable, "-c", "pass"], check=True)
        bare.append(time.perf_counter() - started)
    screen, memory, nothing = (statistics.median(values) for values in (screens, resident, bare))
    rows = [
        _ratio("terminal, start to first screen / an interpreter that does nothing", "", screen)
        | {"against": nothing, "ratio": screen / nothing, "target": "≤ 2 s", "met": screen <= 2},  # noqa: PLR2004
        _plain("terminal, resident memory after the first screen", "", memory, "MB", "≤ 64 MB", memory <= 64),  # noqa: PLR2004
    ]
    return [Row(**row) for row in rows]


def _terminal(folder: Path) -> tuple[float, float]:
    """Return seconds to the first screen, and MB resident then."""
    words = [*launch_words(), sys.executable, "-m", "terminal_client", "--server", "http://127.0.0.1:9"]
    started = time.perf_counter()
    process = subprocess.Popen(
        [*words, "--data-dir", str(folder), "--port", "0"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    try:
        url = process.stdout.readline().partition("terminal: ")[2].strip() if process.stdout else ""
        with urllib.request.urlopen(url, timeout=TERMINAL_WITHIN_S) as page:  # noqa: S310 - our own, on loopback
            page.read()
        seconds = time.perf_counter() - started
        status = Path(f"/proc/{process.pid}/status").read_text(encoding="ascii")
        kilobytes = next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmRSS"))
    finally:
        process.terminate()
        process.wait(10)
        if process.stdout:
            process.stdout.close()
    return seconds, kilobytes / 1024


def _ratio(what: str, size: str, measured: float) -> dict[str, Any]:
    return {"what": what, "size": size, "measured": measured, "unit": "s", "repeats": REPEATS, "command": "make bench"}


def _plain(what: str, size: str, measured: float, unit: str, target: str, met: bool | None) -> dict[str, Any]:  # noqa: FBT001 - a verdict
    own = {"against": None, "ratio": None, "target": target, "met": met, "unit": unit}
    return _ratio(what, size, measured) | own

"""The load: an installation of its own, Locust as a process of its own, then an allocation batch.

It passes where no request failed, the 95th percentile of every kind of request is within the budget, and the
batch verifies.
"""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2

from contract.device_api import FeedPage
from contract.feed import WindowState
from contract.messages import OrderLine
from firmware_sim import opening, town
from firmware_sim.identities import DeviceIdentity, enrol
from firmware_sim.stage import Stage, StageError
from loadtests import batch
from loadtests.scene import DeviceScene, Scene
from server.kit import certificates

SEED = 1
LINES_AN_ORDER = 3
OPEN_WITHIN_S = 30.0
OPEN_FOR_S = 6 * 3600.0
PAGES = ("/console/cycles", "/console/windows", "/console/orders", "/console/devices")
LOCUST_FILE = Path(__file__).with_name("ordering.py")


@dataclass(frozen=True)
class Load:
    """How much, and what it may cost."""

    users: int = 20
    seconds: int = 10
    p95_ms: int = 1000
    batch_lines: int = 20_000


def run(stage: Stage, load: Load) -> dict[str, Any]:
    """Put the load on ``stage``; return the figures, ``passed`` among them.

    Raises
    ------
    StageError
        Where the installation cannot be prepared, or Locust itself fails.
    """
    made = prepare(stage, load.users)
    rows = [_row(entry) for entry in _locust(made, load, stage.settings.data_dir)]
    done = batch.run(load.batch_lines)
    slow = [row["request"] for row in rows if row["p95_ms"] > load.p95_ms]
    failures = sum(row["failures"] for row in rows)
    return {
        "users": load.users,
        "seconds": load.seconds,
        "budget_p95_ms": load.p95_ms,
        "requests": sum(row["requests"] for row in rows),
        "failures": failures,
        "rows": rows,
        "over_budget": slow,
        "batch": done.plain(),
        "passed": bool(rows) and not failures and not slow and done.holds,
    }


def prepare(stage: Stage, devices: int) -> Scene:
    """Bring in a town of ``devices`` shops, enrol them, and return the scene once the window is open."""
    made = town.make(SEED, shops=devices)
    planner = stage.sign_in("planner", "planner", "administrator")
    opening.bring_in(planner, made)
    identities = enrol(stage, planner, [shop.code for shop in made.shops])
    opening.announce_cycle(planner, made, open_for_s=OPEN_FOR_S, grace_s=0)
    lines = tuple(
        OrderLine(sku=good.sku, quantity_units=good.pack_units)
        for good in [good for good in made.skus if good.licence_class == "general"][:LINES_AN_ORDER]
    )
    first = next(iter(identities.values()))
    return Scene(
        url=stage.url,
        window=_open_window(stage, first).window,
        devices=tuple(
            DeviceScene(device=one.device, key=certificates.key_pem(one.key), lines=lines)
            for _, one in sorted(identities.items())
        ),
        cookie="; ".join(f"{name}={value}" for name, value in planner.http.cookies.items()),
        pages=PAGES,
    )


def _open_window(stage: Stage, device: DeviceIdentity) -> WindowState:
    deadline = time.monotonic() + OPEN_WITHIN_S
    with httpx2.Client(base_url=stage.url, auth=device.auth, timeout=60.0) as client:
        while time.monotonic() < deadline:
            page = FeedPage.model_validate_json(client.get("/device/v1/feed").content)
            for item in page.items:
                if item.kind == "window" and item.data["state"] == "open":
                    return WindowState.model_validate(item.data)
            time.sleep(0.1)  # between two looks
    raise StageError(f"the window did not open within {OPEN_WITHIN_S:.0f} s")


def _locust(scene: Scene, load: Load, folder: Path) -> list[dict[str, Any]]:
    """Run Locust headless on the scene; return its figures by request."""
    path = folder / "load-scene.json"
    path.touch(mode=0o600)
    path.write_text(scene.model_dump_json(), encoding="utf-8")
    words = [sys.executable, "-m", "locust", "-f", str(LOCUST_FILE), "--headless", "--json", "--loglevel", "ERROR"]
    words += ["--users", str(load.users), "--spawn-rate", str(load.users), "--run-time", f"{load.seconds}s"]
    words += ["--exit-code-on-error", "0"]
    done = subprocess.run(
        words,
        env=os.environ | {"EVENHAND_LOAD_SCENE": str(path.resolve())},
        capture_output=True,
        text=True,
        check=False,
    )
    try:
        entries: list[dict[str, Any]] = json.loads(done.stdout)
    except ValueError:
        said = (done.stderr or done.stdout).strip().splitlines()
        raise StageError(f"locust failed: {said[-1] if said else f'exit {done.returncode}'}") from None
    return entries


def _row(entry: Mapping[str, Any]) -> dict[str, Any]:
    times = sorted((float(ms), count) for ms, count in entry["response_times"].items())
    return {
        "request": entry["name"],
        "requests": entry["num_requests"],
        "failures": entry["num_failures"],
        "p50_ms": percentile(times, 50),
        "p95_ms": percentile(times, 95),
    }


def percentile(times: Iterable[tuple[float, int]], percent: int) -> float:
    """Return the least time (ms) that ``percent`` of a histogram, ascending, do not exceed; 0 where it is empty."""
    ascending = list(times)
    needed = sum(count for _, count in ascending) * percent / 100
    reached = 0
    for ms, count in ascending:
        reached += count
        if reached >= needed:
            return ms
    return 0.0

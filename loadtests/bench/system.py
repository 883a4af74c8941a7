"""Rows of the whole system: a fleet that orders at once."""

from pathlib import Path
from typing import Any, Final

from firmware_sim import window_rush
from firmware_sim.opening import private_installation
from loadtests.bench.problems import Sizes
from loadtests.bench.rows import REPEATS, Row

FLEET: Final = 200
SEED: Final = 1
FOLDER: Final = Path(".evenhand/bench")


def intake_rows(_sizes: Sizes) -> list[Row]:
    """Let a fleet rush: time from publish to receipt, what was lost, what was doubled."""
    with private_installation(FOLDER) as stage:
        found = window_rush.run(stage, FLEET, SEED)
    size = f"{FLEET} devices in {2.0 + FLEET / 500:.1f} s"
    common = {
        "command": f"evenhand sim run window-rush --fidelity fleet --devices {FLEET} --seed {SEED} --json",
        "repeats": 1,
    }
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


def _ratio(what: str, size: str, measured: float) -> dict[str, Any]:
    return {"what": what, "size": size, "measured": measured, "unit": "s", "repeats": REPEATS, "command": "make bench"}


def _plain(what: str, size: str, measured: float, unit: str, target: str, met: bool | None) -> dict[str, Any]:  # noqa: FBT001 - a verdict
    own = {"against": None, "ratio": None, "target": target, "met": met, "unit": unit}
    return _ratio(what, size, measured) | own

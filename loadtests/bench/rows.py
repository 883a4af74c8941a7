"""A figure, how it is timed, and what it took of memory."""

import math
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

REPEATS: Final = 5
ENOUGH_S: Final = 40.0
"""What has run for so long in all is not repeated any more."""

_SIZES: Final = 3
_LINEAR: Final = 1.2

_CLEAR, _STATUS = Path("/proc/self/clear_refs"), Path("/proc/self/status")


@dataclass(frozen=True)
class Row:
    """One figure. ``met`` is None where there is no target for this size or quantity; ``note`` says where time goes."""

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
    peak_mb: float | None = None
    note: str = ""


@dataclass(frozen=True)
class Timed:
    """Medians of seconds by name, how often each was run, and the peak of memory while it ran, above what was there."""

    seconds: dict[str, float]
    repeats: dict[str, int]
    peak_mb: dict[str, float | None]


def in_turns(acts: Mapping[str, Callable[[], object]], repeats: int = REPEATS) -> Timed:
    """Time acts in turns; one that has taken :data:`ENOUGH_S` in all is left out of further turns."""
    taken: dict[str, list[float]] = {name: [] for name in acts}
    peak: dict[str, float | None] = dict.fromkeys(acts)
    for _ in range(repeats):
        for name, act in acts.items():
            if sum(taken[name]) > ENOUGH_S:
                continue
            before = _watch_peak()
            started = time.perf_counter()
            act()
            taken[name].append(time.perf_counter() - started)
            after = _megabytes("VmHWM")
            if before is not None and after is not None:
                peak[name] = max(peak[name] or 0.0, after - before)
    medians = {name: statistics.median(seconds) for name, seconds in taken.items()}
    return Timed(medians, {name: len(seconds) for name, seconds in taken.items()}, peak)


def exponent(sizes: Sequence[int], values: Sequence[float]) -> float:
    """Return the slope of the values over the sizes, both on logarithmic scales: 1 is linear."""
    x = [math.log(size) for size in sizes]
    return statistics.linear_regression(x, [math.log(value) for value in values]).slope


def exponent_row(what: str, sizes: Sequence[int], values: Sequence[float], command: str) -> Row:
    """Return the row of how cost grows over three sizes; more than 1.2 is worse than linear and noise."""
    slope = exponent(sizes, values)
    met = slope <= _LINEAR if len(sizes) == _SIZES else None
    return Row(f"{what}: exponent", f"{len(sizes)} sizes", slope, None, "", None, "about 1", met, 1, command)


def _watch_peak() -> float | None:
    """Let the kernel's peak of resident memory begin anew; return what is resident, None where that cannot be done."""
    try:
        _CLEAR.write_text("5", encoding="ascii")
    except OSError:
        return None
    return _megabytes("VmRSS")


def _megabytes(field: str) -> float | None:
    try:
        lines = _STATUS.read_text(encoding="ascii").splitlines()
    except OSError:
        return None
    return next((int(line.split()[1]) / 1024 for line in lines if line.startswith(field)), None)

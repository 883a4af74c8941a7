"""Rows of forecasts: their errors beside those of simple and of costlier methods on public series, and their speed.

The series stand beside the checkout and are read there; where they are absent, so are their rows.
"""

import csv
import gzip
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np

from allocation.forecasting import Frequency, forecast, history_of
from loadtests.bench.accuracy import Figures, FloatArray, accuracy, season_scale, step_scale
from loadtests.bench.problems import Sizes
from loadtests.bench.rows import Row, in_turns

DATA: Final = Path("../shared/data/forecasting")
COMMAND: Final = "make bench-forecast"

_M3_MONTHS: Final = 18
_PARTS_MONTHS: Final = 12
_PARTS_KNOWN: Final = 39
_QUICK_EVERY: Final = 100
_SLOW_EVERY: Final = 5
_TIMED_SERIES: Final = 100
_TIMED_MONTHS: Final = 48
_FASTER: Final = 6
_NATIONAL: Final = 100_000

M3_TARGETS: Final = {"MASE": (0.0, 0.85), "coverage": (0.74, 0.86), "Winkler": (0.0, 4.4)}
PARTS_TARGETS: Final = {
    "TOT": (0.0, 5.9),
    "RMSSE": (0.0, 0.72),
    "coverage": (0.8, 0.96),
    "Winkler": (0.0, 2.65),
    "sum": (0.8, 1.2),
}
_SAID: Final = {
    "MASE": "mean MASE",
    "RMSSE": "mean RMSSE",
    "TOT": "TOT",
    "coverage": "coverage of the 80 % interval",
    "Winkler": "mean Winkler score / scale",
    "sum": "Σ forecast / Σ actual",
}


class Series(NamedTuple):
    """One series: what was known, and what came."""

    name: str
    first: int
    known: FloatArray
    actual: FloatArray


def m3_monthly() -> Iterator[Series]:
    """Yield the monthly series of the M3 competition (Makridakis and Hibon 2000)."""
    with gzip.open(DATA / "m3_monthly.csv.gz", "rt", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            first = (int(row["start_year"]) - 1970) * 12 + int(row["start_month"]) - 1
            yield Series(
                row["id"], first, *(np.array(row[part].split(), dtype=np.float64) for part in ("train", "test"))
            )


def carparts() -> Iterator[Series]:
    """Yield the complete, non-constant series of sales of car parts (Hyndman et al. 2008)."""
    with gzip.open(DATA / "carparts.csv.gz", "rt", encoding="utf-8") as file:
        rows = csv.reader(file)
        next(rows)
        for name, *cells in rows:
            if "NA" in cells:
                continue
            values = np.array(cells, dtype=np.float64)
            known, actual = values[:_PARTS_KNOWN], values[_PARTS_KNOWN:]
            if known.min() < known.max():
                yield Series(name, 0, known, actual)


def m3_rows(sizes: Sizes) -> list[Row]:
    """Forecast 18 months of the M3 competition's monthly series."""
    return _compared("m3_monthly", m3_monthly, _M3_MONTHS, season_scale, M3_TARGETS, sizes)


def carparts_rows(sizes: Sizes) -> list[Row]:
    """Forecast a year of car parts."""
    return _compared("carparts", carparts, _PARTS_MONTHS, step_scale, PARTS_TARGETS, sizes)


def speed_rows(sizes: Sizes) -> list[Row]:
    """Time all of a forecast, its backtest included, against AutoETS alone on the same series, in one process."""
    rng = np.random.default_rng(1)
    year = 1 + 0.5 * np.sin(np.arange(12) / 12 * 2 * np.pi)
    count = max(2, _TIMED_SERIES // (1 if sizes.divisor == 1 else 50))
    values = [
        np.maximum(
            rng.lognormal(4, 1) * np.resize(np.roll(year, i), _TIMED_MONTHS) * rng.lognormal(0, 0.2, _TIMED_MONTHS), 0
        )
        for i in range(count)
    ]
    history = history_of(Frequency.MONTHLY, [(f"{i:04d}", 0, series) for i, series in enumerate(values)])
    forecast(history.some(0, 1), _PARTS_MONTHS)  # libraries are loaded, and not timed
    timed = in_turns(
        {
            "ours": lambda: forecast(history, _PARTS_MONTHS),
            "AutoETS": lambda: [_by_library("AutoETS", series, _PARTS_MONTHS, interval=False) for series in values],
        },
        sizes.repeats,
    )
    ours, theirs = (timed.seconds[name] / count * 1000 for name in ("ours", "AutoETS"))
    hours = ours / 1000 * _NATIONAL / 2 / 3600
    size = f"{count} monthly series of {_TIMED_MONTHS}"
    note = f"{_NATIONAL:,} such series would take {hours:.2g} h on two cores, by that rate."
    return [
        Row(
            "AutoETS alone / a forecast with its backtest, a series and core",
            size,
            theirs,
            ours,
            "ms",
            theirs / ours,
            f"≥ {_FASTER}×",
            theirs / ours >= _FASTER if sizes.divisor == 1 else None,
            timed.repeats["ours"],
            COMMAND,
            timed.peak_mb["ours"],
            note,
        ),
        Row(
            f"{_NATIONAL:,} such series on two cores, by that rate",
            size,
            hours * 60,
            None,
            "min",
            None,
            "–",
            None,
            timed.repeats["ours"],
            COMMAND,
        ),
    ]


def _compared(
    name: str,
    series: Callable[[], Iterator[Series]],
    horizon: int,
    scale_of: Callable[[FloatArray], float],
    targets: Mapping[str, tuple[float, float]],
    sizes: Sizes,
) -> list[Row]:
    if not DATA.is_dir():
        return []
    found = sorted(series(), key=lambda one: one.name)[:: 1 if sizes.divisor == 1 else _QUICK_EVERY]
    actual = np.array([one.actual for one in found])
    scale = np.array([scale_of(one.known) for one in found])
    history = history_of(Frequency.MONTHLY, [(one.name, one.first, one.known) for one in found])
    ahead = forecast(history, horizon)
    ours = Figures(ahead.mean, ahead.lo80, ahead.hi80)
    rows = []
    measured = accuracy(ours, actual, scale)
    for measure, (low, high) in targets.items():
        value = measured[measure]
        target = f"≤ {high:g}" if low == 0 else f"{low:g} to {high:g}"
        met = low <= value <= high if sizes.divisor == 1 else None
        rows.append(_row(f"{name}, {_SAID[measure]}: ours", len(found), value, None, target, met=met))
    for peer in PEERS:
        every = _SLOW_EVERY if peer == "AutoETS" else 1
        some = slice(None, None, every)
        theirs = accuracy(_peer(peer, found[some], horizon), actual[some], scale[some])
        beside = accuracy(Figures(*(part[some] for part in ours)), actual[some], scale[some])  # type: ignore[index]
        for measure in targets:
            if measure in theirs:
                what = f"{name}, {_SAID[measure]}: {PEERS[peer]} / ours"
                rows.append(_row(what, len(found[some]), theirs[measure], beside[measure]))
    return rows


def _row(
    what: str, series: int, value: float, beside: float | None = None, target: str = "–", *, met: bool | None = None
) -> Row:
    ratio = None if beside is None else value / beside
    return Row(what, f"{series:,} series", value, beside, "", ratio, target, met, 1, COMMAND)


PEERS: Final = {
    "SeasonalNaive": "seasonal naive",
    "Naive": "naive",
    "CrostonSBA": "Croston SBA",
    "Theta": "theta",
    "AutoETS": "AutoETS",
}


def _peer(name: str, series: Sequence[Series], horizon: int) -> Figures:
    rows = [_by_library(name, one.known, horizon, interval=name != "CrostonSBA") for one in series]
    mean, low, high = (None if rows[0][part] is None else np.array([row[part] for row in rows]) for part in range(3))
    return Figures(np.asarray(mean), low, high)


def _by_library(name: str, values: FloatArray, horizon: int, *, interval: bool) -> Any:
    from statsforecast import models  # noqa: PLC0415 - some seconds, paid where it is measured

    makes = {
        "SeasonalNaive": partial(models.SeasonalNaive, season_length=12),
        "Naive": models.Naive,
        "CrostonSBA": models.CrostonSBA,
        "Theta": partial(models.Theta, season_length=12),
        "AutoETS": partial(models.AutoETS, season_length=12),
    }
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of logarithms on the way to an optimum
        found = makes[name]().forecast(y=values, h=horizon, level=[80] if interval else None)
    return tuple(np.asarray(found[part], dtype=np.float64) if part in found else None for part in _PARTS)


_PARTS: Final = ("mean", "lo-80", "hi-80")

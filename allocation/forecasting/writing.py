"""``f.csv``: forecasts as rows, in a file that is whole or absent."""

import csv
import os
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import numpy as np

from allocation.errors import InputError
from allocation.forecasting.backtesting import Backtest
from allocation.forecasting.forecasting import Forecasts
from allocation.forecasting.periods import iso_dates

COLUMNS: Final = ("series", "period", "mean", "lo80", "hi80")
BACKTEST_COLUMNS: Final = ("tested_periods", "error", "seasonal_naive_error")
DIGITS: Final = 6
"""Figures are printed with so many significant digits: beyond them stands noise."""

_SERIES_AT_A_TIME: Final = 2000


def write_forecasts(
    forecasts: Forecasts,
    path: Path,
    backtest: Backtest | None = None,
    progress: Callable[[str, int, int], None] = lambda _stage, _done, _all: None,
) -> None:
    """Write one row a series and period, sorted by series in byte order, then by period; all or nothing.

    An earlier file at that place is replaced.

    Raises
    ------
    InputError
        Where a folder stands at that place.
    OSError
        Where the disk is full or the place cannot be written to; what was there stays.
    """
    check_place(path)
    path = path.absolute()
    path.parent.mkdir(parents=True, exist_ok=True)
    # A sibling, so that it lies on the same file system and a rename puts it in place.
    handle, fresh = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(handle, "w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(COLUMNS + (BACKTEST_COLUMNS if backtest else ()))
            for start in range(0, len(forecasts.names), _SERIES_AT_A_TIME):
                end = min(start + _SERIES_AT_A_TIME, len(forecasts.names))
                writer.writerows(_rows(forecasts, backtest, start, end))
                progress("writing", end, len(forecasts.names))
            file.flush()
            os.fchmod(file.fileno(), 0o666 & ~_umask())
            os.fsync(file.fileno())
        Path(fresh).replace(path)
    except BaseException:
        Path(fresh).unlink(missing_ok=True)
        raise


def check_place(path: Path) -> None:
    """Refuse a place where no file can be put, before hours of work are done for it.

    Raises
    ------
    InputError
        Where a folder stands there.
    """
    if path.is_dir():
        raise InputError(str(path), "a folder stands there; give the name of a file")


def _umask() -> int:
    kept = os.umask(0)
    os.umask(kept)
    return kept


def _rows(forecasts: Forecasts, backtest: Backtest | None, start: int, end: int) -> Iterator[list[Any]]:
    for series in range(start, end):
        tail: list[str] = []
        if backtest is not None:
            errors = (backtest.error[series], backtest.seasonal_naive_error[series])
            tail = [
                str(int(backtest.periods[series])),
                *("" if np.isnan(error) else _figure(error) for error in errors),
            ]
        figures = (forecasts.mean[series].tolist(), forecasts.lo80[series].tolist(), forecasts.hi80[series].tolist())
        for day, *row in zip(iso_dates(forecasts.days[series]), *figures, strict=True):
            yield [forecasts.names[series], day, *map(_figure, row), *tail]


def _figure(value: float) -> str:
    """Print a figure in plain digits; the order of two figures is kept."""
    return np.format_float_positional(value, DIGITS, unique=True, fractional=False, trim="-")

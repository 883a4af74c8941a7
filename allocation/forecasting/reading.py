"""``demand.csv`` and the calendar file, read and checked; every refusal names file, row, column and value."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

from allocation.errors import InputError
from allocation.forecasting.calendar import Calendar, built_in_calendar
from allocation.forecasting.history import FloatArray, History
from allocation.forecasting.periods import LAST_YEAR, LONGEST_YEARS, Days, Frequency, IntArray, numbered
from allocation.names import name_fault
from allocation.tables.columns import RawTable
from allocation.tables.files import read_table
from allocation.tables.texts import Coded

VALUE_END: Final = 2.0**53
"""Values are below this: beyond it, floating-point numbers are no longer exact to the unit."""

GAPS_UNKNOWN_FROM: Final = 0.9
"""Where at least this share of a series' periods has a row, and none of them is 0, a period without one is unknown."""

_COLUMNS: Final = ("series", "period", "value", "class")
_NUMBER: Final = re.compile(r"-?[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]{1,3})?")
_ISO: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_NOT_A_DAY: Final = np.iinfo(np.int64).min
_WEEKDAYS: Final = ("Thursday", "Friday", "Saturday", "Sunday", "Monday", "Tuesday", "Wednesday")


@dataclass(frozen=True)
class Remarks:
    """What was read otherwise than it stands in the file, as numbers of periods.

    Returns (values below 0) count as no demand. Gaps are periods between a series' rows that have no row: `gaps_zero`
    count as no demand, `gaps_unknown` as not known.
    """

    returns: int
    gaps_zero: int
    gaps_unknown: int


def read_history(
    path: Path, frequency: Frequency, progress: Callable[[int], None] = lambda _bytes: None
) -> tuple[History, Remarks]:
    """Read series, period and value, and, where present, class.

    Raises
    ------
    InputError
        For the first fault, with file, row, column and value.
    """
    return checked_history(read_table(path, progress), frequency)


def checked_history(raw: RawTable, frequency: Frequency) -> tuple[History, Remarks]:
    """Check a table of demand; see :func:`read_history`."""
    raw.require(_COLUMNS[:3], _COLUMNS.__contains__)
    coded = raw.names("series")
    if not len(coded):
        raise InputError(raw.name, "no rows; give at least one period of one series")
    names, series = _sorted_positions(coded)
    number, weekday = _periods(raw, frequency, series, len(names))
    values = _values(raw)
    members, classes = _classes(raw, series, len(names))
    order = np.lexsort((number, series))
    _refuse_doubled(raw, order, series, number)
    returns = values < 0
    series, number, values = series[order], number[order], np.maximum(values[order], 0.0)
    known = np.bincount(series, weights=~np.isnan(values), minlength=len(names))
    if not known.all():
        first = int(order[series == int(known.argmin())].min())
        raw.refuse(first, "value", "no period of this series has a value; give one, or leave the series out")
    _refuse_endless(raw, order, series, number, LONGEST_YEARS * frequency.season)
    bounds, filled, gaps = _without_gaps(series, number, values, len(names))
    starts = np.searchsorted(series, np.arange(len(names)))
    history = History(frequency, names, number[starts], weekday, bounds, filled, members, classes)
    return history, Remarks(int(returns.sum()), *gaps)


def read_calendar(path: Path) -> Calendar:
    """Read ``holiday,date``: a holiday named there has those dates and no others; the rest keep the built-in ones.

    Raises
    ------
    InputError
        For the first fault, with file, row, column and value.
    """
    raw = read_table(path)
    raw.require(("holiday", "date"), ("holiday", "date").__contains__)
    names, days = raw.names("holiday"), _days(raw, "date")
    if not len(names):
        raise InputError(raw.name, "no rows; give at least one date, or leave the calendar out")
    by_name: dict[str, set[int]] = {}
    for index, (name, day) in enumerate(zip(names, days.tolist(), strict=True)):
        if day in by_name.setdefault(name, set()):
            raw.refuse(index, "date", f"a second row for this day of {name}; keep one")
        by_name[name].add(day)
    return built_in_calendar() | {name: np.array(sorted(found), dtype=np.int64) for name, found in by_name.items()}


def _sorted_positions(coded: Coded[str]) -> tuple[tuple[str, ...], IntArray]:
    """Return the names in byte order, and for each row the position of its name among them."""
    used = np.unique(coded.codes)
    names = sorted(coded.texts[code] for code in used.tolist())
    position = {name: i for i, name in enumerate(names)}
    of_text = np.array([position.get(text, -1) for text in coded.texts], dtype=np.int64)
    return tuple(names), of_text[coded.codes]


def _days(raw: RawTable, column: str) -> Days:
    """Return a column of ISO dates as days since 1970-01-01."""
    cells = raw.texts(column)
    faults, days = [], []
    for text in cells.texts:
        day, fault = _day(text)
        days.append(day)
        faults.append(fault)
    faulty = np.array([fault is not None for fault in faults], dtype=np.bool_)[cells.codes]
    if faulty.any():
        index = int(faulty.argmax())
        raw.refuse(index, column, str(faults[cells.codes[index]]))
    of_rows: Days = np.array(days, dtype=np.int64)[cells.codes]
    return of_rows


def _day(text: str) -> tuple[int, str | None]:
    """Return a date as a number, and what is wrong with it."""
    if not text:
        return _NOT_A_DAY, "a date is needed here; the cell is empty"
    if not _ISO.fullmatch(text):
        return _NOT_A_DAY, "not an ISO date; write year-month-day, such as 2027-02-01"
    try:
        day = date.fromisoformat(text)
    except ValueError:
        return _NOT_A_DAY, "there is no such day; correct it"
    if day.year > LAST_YEAR:
        return _NOT_A_DAY, f"years up to {LAST_YEAR} are known; correct the date"
    return (day - date(1970, 1, 1)).days, None


def _periods(raw: RawTable, frequency: Frequency, series: IntArray, count: int) -> tuple[IntArray, IntArray]:
    """Return the number of each row's period, and the day of the week on which each series' weeks begin."""
    number, behind = numbered(frequency, _days(raw, "period"))
    weekday = np.zeros(count, dtype=np.int64)
    if frequency is Frequency.MONTHLY:
        if behind.any():
            what = "with monthly periods, a period is the first day of its month; give that day, or --freq W for weeks"
            raw.refuse(int((behind != 0).argmax()), "period", what)
        return number, weekday
    weekday[series[::-1]] = behind[::-1]  # of each series the first row stands
    wrong = behind != weekday[series]
    if wrong.any():
        index = int(wrong.argmax())
        what = (
            f"a {_WEEKDAYS[behind[index]]}, but this series' weeks begin on {_WEEKDAYS[weekday[series[index]]]}; "
            "begin all of a series on one day of the week, or give --freq M for months"
        )
        raw.refuse(index, "period", what)
    return number, weekday


def _values(raw: RawTable) -> FloatArray:
    """Return the values, NaN for an empty cell."""
    cells = raw.texts("value")
    read = [_value(text) for text in cells.texts]
    faulty = np.array([isinstance(value, str) for value in read], dtype=np.bool_)[cells.codes]
    if faulty.any():
        index = int(faulty.argmax())
        raw.refuse(index, "value", str(read[cells.codes[index]]))
    values: FloatArray = np.array(read, dtype=np.float64)[cells.codes]
    return values


def _value(text: str) -> float | str:
    """Return a number, or what is wrong with it."""
    if not text:
        return float("nan")
    if not _NUMBER.fullmatch(text):
        if re.fullmatch(r"-?[0-9]*,[0-9]+", text):
            return "a decimal comma; write a point"
        return "not a number; use the digits 0-9 and a decimal point, and leave the cell empty where it is not known"
    value = float(text)
    return value if abs(value) < VALUE_END else "too large; values are below 2^53 = 9007199254740992"


def _classes(raw: RawTable, series: IntArray, count: int) -> tuple[IntArray, tuple[str, ...]]:
    """Return the position of each series' class among the classes; one class where no column names them."""
    if "class" not in raw.columns:
        return np.zeros(count, dtype=np.int64), ("",)
    cells = raw.texts("class")
    faults = [name_fault(text) if text else None for text in cells.texts]
    faulty = np.array([fault is not None for fault in faults], dtype=np.bool_)[cells.codes]
    if faulty.any():
        index = int(faulty.argmax())
        raw.refuse(index, "class", str(faults[cells.codes[index]]))
    classes, of_row = _sorted_positions(cells)
    members = np.zeros(count, dtype=np.int64)
    members[series[::-1]] = of_row[::-1]  # of each series the first row stands
    wrong = of_row != members[series]
    if wrong.any():
        index = int(wrong.argmax())
        raw.refuse(index, "class", "another class than in this series' first row; a series has one")
    return members, classes


def _refuse_doubled(raw: RawTable, order: IntArray, series: IntArray, number: IntArray) -> None:
    same = (np.diff(series[order]) == 0) & (np.diff(number[order]) == 0)
    if same.any():
        later: npt.NDArray[np.int64] = np.maximum(order[1:], order[:-1])[same]
        raw.refuse(int(later.min()), "period", "a second row for this period of the series; add them up, or keep one")


def _refuse_endless(raw: RawTable, order: IntArray, series: IntArray, number: IntArray, longest: int) -> None:
    starts = np.searchsorted(series, series)
    far = number - number[starts] > longest
    if far.any():
        what = f"more than {LONGEST_YEARS} years after this series' first period; correct the one or the other"
        raw.refuse(int(order[far].min()), "period", what)


def _without_gaps(
    series: IntArray, number: IntArray, values: FloatArray, count: int
) -> tuple[IntArray, FloatArray, tuple[int, int]]:
    """Return series without gaps, and how many periods were filled by 0 and how many as unknown."""
    starts = np.searchsorted(series, np.arange(count))
    ends = np.concatenate([starts[1:], [len(series)]])
    lengths = number[ends - 1] - number[starts] + 1
    rows = ends - starts
    zeros = np.bincount(series, weights=values == 0, minlength=count)
    unknown = (rows >= GAPS_UNKNOWN_FROM * lengths) & (zeros == 0)
    bounds = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
    filled = np.repeat(np.where(unknown, np.nan, 0.0), lengths)
    filled[bounds[series] + number - number[starts][series]] = values
    gaps = lengths - rows
    return bounds, filled, (int(gaps[~unknown].sum()), int(gaps[unknown].sum()))

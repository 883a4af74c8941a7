"""From a ledger of deliveries or sales to a folder that can be scored: what was sold, and how wide the range was.

What a ledger does not say (payments, deliveries, inspections, service, what kind of outlet it is) is left out.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any, Final

import numpy as np

from allocation.errors import InputError
from allocation.scoring.dates import read_dates
from allocation.scoring.scores import csv_bytes
from allocation.tables.columns import IntArray, RawTable
from allocation.tables.files import read_table
from allocation.whole_folders import new_folder, write_file

_DECEMBER: Final = 12
_DIGITS: Final = 11


@dataclass(frozen=True)
class Named:
    """Which columns of a ledger hold the day, the retailer, the SKU and the units; units below 0 are returns."""

    day: str = "date"
    retailer: str = "retailer"
    sku: str = "sku"
    units: str = "units"


@dataclass(frozen=True, eq=False)
class Lines:
    """The lines of a ledger: days by number, retailers and SKUs as positions among their names in byte order."""

    day: IntArray
    retailer: IntArray
    sku: IntArray
    units: IntArray
    retailers: tuple[str, ...]


def read_ledger(path: Path, named: Named) -> Lines:
    """Read a ledger, CSV or Parquet; other columns are left aside.

    Raises
    ------
    InputError
        For a missing column, or a cell that is no day, name or whole number of units.
    """
    raw = _parquet(path, named) if path.suffix == ".parquet" else read_table(path)
    raw.require((named.day, named.retailer, named.sku, named.units), lambda _: True)
    retailer, retailers = _numbered(raw, named.retailer)
    sku, _ = _numbered(raw, named.sku)
    units = raw.numbers(named.units, low=-(2**31), high=2**31, outside="not so many units", read=_units)
    return Lines(read_dates(raw, named.day), retailer, sku, units, retailers)


def write_history(lines: Lines, folder: Path, period: str = "week", *, last: date | None = None) -> tuple[date, date]:
    """Write ``retailers.csv``, ``history.csv`` and ``assortment.csv`` as a new folder, all or nothing.

    Only periods that the ledger covers from the first to the last day are written. A period without a line of a
    retailer, after its first one, counts as 0 sold. A SKU was offered in a period in which anybody bought it. Where
    ``last`` is given, the last period stands for the one that begins on that day, and all before it move as far: an old
    ledger can so be tried where scores count from today.

    Returns
    -------
    tuple
        The first day of the first period, and the day after the last one.

    Raises
    ------
    InputError
        Where no period is whole, ``last`` is no first day of one, or something else stands at that place.
    OSError
        Where it cannot be written.
    """
    starts = _starts(lines, period)
    place = np.searchsorted(starts, lines.day, side="right") - 1
    inside = (place >= 0) & (place < len(starts) - 1)
    shape = (len(lines.retailers), len(starts) - 1)
    cell = lines.retailer[inside] * shape[1] + place[inside]
    sold = np.zeros(shape, dtype=np.int64)
    np.add.at(sold.ravel(), cell, lines.units[inside])
    seen = np.zeros(shape, dtype=np.bool_)
    seen.ravel()[cell] = True
    known = np.maximum.accumulate(seen, axis=1)
    offered, bought = _assortment(lines, inside, place, shape)
    begins = [date.fromordinal(day) for day in starts.tolist()]
    if last is not None:
        begins = _moved(begins, period, last)
    days = [day.isoformat() for day in begins]
    with new_folder(folder) as fresh:
        write_file(fresh / "retailers.csv", [csv_bytes(("retailer",), ([name] for name in lines.retailers))])
        for name, heading, columns in (
            ("history", ("sold",), (sold,)),
            ("assortment", ("skus_offered", "skus_sold"), (np.broadcast_to(offered, shape), bought)),
        ):
            rows = _rows(lines.retailers, days, known, columns)
            write_file(fresh / f"{name}.csv", [csv_bytes(("retailer", "period", *heading), rows)])
    return begins[0], begins[-1]


def _moved(begins: Sequence[date], period: str, last: date) -> list[date]:
    """Return first days, and the day after the last period, moved so that the last period begins on ``last``."""
    if next(_firsts(last, period, last)) != last:
        raise InputError("last", f"no first day of a {period}", value=last.isoformat())
    if period == "week":
        return [day + (last - begins[-2]) for day in begins]
    months = _month_number(last) - _month_number(begins[-2])
    return [_month(_month_number(day) + months) for day in begins]


def _month_number(day: date) -> int:
    return day.year * _DECEMBER + day.month - 1


def _month(number: int) -> date:
    return date(number // _DECEMBER, number % _DECEMBER + 1, 1)


def _assortment(lines: Lines, inside: Any, place: IntArray, shape: tuple[int, int]) -> tuple[IntArray, IntArray]:
    """Return how many SKUs anybody bought in each period, and how many each retailer did."""
    some = inside & (lines.units > 0)
    skus = int(lines.sku.max(initial=0)) + 1
    key = (lines.retailer[some] * shape[1] + place[some]) * skus + lines.sku[some]
    cells = np.unique(key) // skus
    bought = np.bincount(cells, minlength=shape[0] * shape[1]).reshape(shape)
    offered = np.bincount(np.unique(place[some] * skus + lines.sku[some]) // skus, minlength=shape[1])
    return offered.astype(np.int64), bought.astype(np.int64)


def _starts(lines: Lines, period: str) -> IntArray:
    """Return the first days of the whole periods between first and last line, and the day after them."""
    if not len(lines.day):
        raise InputError("ledger", "no lines; nothing to make a history of")
    first, end = date.fromordinal(int(lines.day.min())), date.fromordinal(int(lines.day.max()) + 1)
    starts = [day for day in _firsts(first, period, end) if first <= day <= end]
    if len(starts) <= 1:
        raise InputError("ledger", f"no whole {period} between {first} and {end}; take shorter periods or more lines")
    return np.array([day.toordinal() for day in starts], dtype=np.int64)


def _firsts(day: date, period: str, end: date) -> Iterator[date]:
    """Yield the first days of periods, from the one that holds a day."""
    day = day - timedelta(day.weekday()) if period == "week" else day.replace(day=1)
    while day <= end:
        yield day
        if period == "week":
            day += timedelta(7)
        else:
            day = _month(_month_number(day) + 1)


def _rows(
    names: Sequence[str], days: Sequence[str], known: Any, columns: Sequence[IntArray]
) -> Iterator[Sequence[Any]]:
    who, when = np.nonzero(known)
    cells = (column[who, when].tolist() for column in columns)
    for retailer, period, *numbers in zip(who.tolist(), when.tolist(), *cells, strict=True):
        yield names[retailer], days[period], *numbers


def _numbered(raw: RawTable, column: str) -> tuple[IntArray, tuple[str, ...]]:
    names = raw.names(column)
    order = sorted(range(len(names.texts)), key=names.texts.__getitem__)
    place = np.empty(len(order), dtype=np.int64)
    place[order] = np.arange(len(order))
    numbers: IntArray = place[names.codes]
    return numbers, tuple(names.texts[index] for index in order)


def _units(text: str) -> int | str:
    digits = text.removeprefix("-")
    return int(text) if digits.isascii() and digits.isdigit() and len(digits) <= _DIGITS else "not whole units"


def _parquet(path: Path, named: Named) -> RawTable:
    """Read the named columns as texts and numbers: days and whole numbers may stand as such."""
    import pyarrow as pa  # noqa: PLC0415  # 0.2 s to import; CSV does without
    import pyarrow.parquet as pq  # noqa: PLC0415  # as above

    wanted = (named.day, named.retailer, named.sku, named.units)
    try:
        file = pq.ParquetFile(path)
        found = {name: file.schema_arrow.field(name).type for name in file.schema_arrow.names}
        table = file.read([name for name in wanted if name in found])
    except (OSError, pa.ArrowException) as error:
        raise InputError(path.name, f"not readable as Parquet: {str(error).splitlines()[0]}") from error
    columns = {}
    for name in table.column_names:
        cells, kind = table[name], found[name]
        if not (pa.types.is_date(kind) or pa.types.is_integer(kind) or pa.types.is_string(kind)):
            raise InputError(path.name, f"a column of type {kind}; give texts, whole numbers or dates", column=name)
        as_text = cells.cast(pa.string()) if name != named.units else cells
        columns[name] = as_text.to_numpy() if name == named.units and pa.types.is_integer(kind) else as_text.to_pylist()
    return RawTable(path.name, columns)

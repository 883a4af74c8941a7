"""What is known of the retailers: who they are, and what they sold, paid, accepted and kept, period by period.

No table has a place for orders or requests: what a retailer asks for is no input of a score.
"""

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from itertools import pairwise
from typing import Final

import numpy as np
import numpy.typing as npt

from allocation.errors import InputError
from allocation.names import whole_number
from allocation.scoring.dates import ABSENT_DAY, read_dates
from allocation.scoring.policy import TIERS_MAX
from allocation.tables.columns import Column, IntArray, Positions, RawTable

ABSENT: Final = -(2**62)
"""Stands in figures for an empty cell."""

THOUSANDTHS: Final = 1000
"""Demand is kept in thousandths of a unit: it may be an estimate."""

FIGURE_END: Final = 2**40
"""Figures are below 2^40: a sum of ten years of days in thousandths fits 64 bits."""

RETAILERS: Final = ("retailer", "market_type", "format", "opened", "closed", "tier")
TABLES: Final[Mapping[str, tuple[str, ...]]] = {
    "history": ("demand", "sold", "stock", "in_stock"),
    "assortment": ("skus_offered", "skus_sold"),
    "payments": ("due_minor", "paid_minor"),
    "deliveries": ("deliveries", "accepted"),
    "inspections": ("inspections", "passed"),
    "service": ("points_possible", "points"),
}
"""The tables of figures; a row is a retailer and a period. In all but the first table, the part follows its whole."""

Flags = npt.NDArray[np.bool_]

_SIGNED: Final = re.compile(r"-?[0-9]+")
_DECIMAL: Final = re.compile(r"([0-9]+)(?:\.([0-9]{1,3}))?")
_TOO_LARGE: Final = f"too large; figures are below 2^40 = {FIGURE_END}"


@dataclass(frozen=True, eq=False)
class Figures:
    """One table of figures, sorted by retailer and period; columns hold :data:`ABSENT` where a cell is empty."""

    retailer: Positions
    day: IntArray
    columns: Mapping[str, IntArray]

    def __len__(self) -> int:
        """Return the number of rows."""
        return len(self.day)

    def taken(self, rows: Flags) -> "Figures":
        """Return some of the rows."""
        return Figures(self.retailer[rows], self.day[rows], {name: cells[rows] for name, cells in self.columns.items()})


@dataclass(frozen=True, eq=False)
class History:
    """All that a score is computed from; frozen, checked when it is read.

    Retailers stand in byte order of their names; `opened` and `closed` are days by number, 0 where absent;
    `previous_tier` is 0 where there is none.
    """

    retailer: tuple[str, ...]
    market_type: tuple[str, ...]
    format: tuple[str, ...]
    opened: IntArray
    closed: IntArray
    previous_tier: IntArray
    figures: Mapping[str, Figures]

    @classmethod
    def from_columns(cls, retailers: Mapping[str, Column], figures: Mapping[str, Mapping[str, Column]]) -> "History":
        """Check columns of texts or whole numbers, as they would stand in files; see docs/scoring.md.

        Raises
        ------
        InputError
            For the first fault, with table, row, column and value.
        """
        tables = {name: RawTable(f"{name}.csv", columns) for name, columns in figures.items()}
        return cls.from_tables(RawTable("retailers.csv", retailers), tables)

    @classmethod
    def from_tables(cls, retailers: RawTable, figures: Mapping[str, RawTable]) -> "History":
        """Check tables as they were read; see :meth:`from_columns`."""
        for name in figures:
            if name not in TABLES:
                raise InputError(f"{name}.csv", f"unknown table; known are {', '.join(TABLES)}")
        retailers.require(("retailer",), RETAILERS.__contains__)
        names = retailers.names("retailer").tolist()
        order = sorted(range(len(names)), key=names.__getitem__)
        for before, index in pairwise(order):
            if names[before] == names[index]:
                retailers.refuse(index, "retailer", "the same retailer a second time; keep one row")
        opened, closed = (read_dates(retailers, column, needed=False) for column in ("opened", "closed"))
        backwards = (closed != ABSENT_DAY) & (closed < opened)
        if backwards.any():
            retailers.refuse(
                int(backwards.argmax()), "closed", "before the day on which it opened; correct one of them"
            )
        tier = retailers.numbers("tier", absent=0, low=1, high=TIERS_MAX, outside=f"a tier is 1 to {TIERS_MAX}")
        labels = [_labels(retailers, column) for column in ("market_type", "format")]
        sorted_names = tuple(names[i] for i in order)
        position = {name: index for index, name in enumerate(sorted_names)}
        return cls(
            sorted_names,
            market_type=tuple(labels[0][i] for i in order),
            format=tuple(labels[1][i] for i in order),
            opened=opened[order],
            closed=closed[order],
            previous_tier=tier[order],
            figures={name: _read_figures(name, figures[name], position) for name in TABLES if name in figures},
        )

    @property
    def next_day(self) -> date | None:
        """The day after the first day of the last period of any table; None where there is no row."""
        last = max((int(table.day.max()) for table in self.figures.values() if len(table)), default=None)
        return None if last is None else date.fromordinal(last + 1)

    def sha256(self) -> str:
        """Return the hash of all of it: the same for any order of rows and columns.

        SHA-256 of compact JSON in UTF-8, one array a column and one line a table: the table's name, then its columns
        by name, rows sorted by retailer and period, days as numbers, null where a cell is empty.
        """
        digest = hashlib.sha256()
        days = (_cells(column, ABSENT_DAY) for column in (self.opened, self.closed))
        texts = (list[object](column) for column in (self.retailer, self.market_type, self.format))
        who = [*texts, *days, _cells(self.previous_tier, 0)]
        digest.update(_line("retailers", dict(zip(RETAILERS, who, strict=True))))
        for name, table in sorted(self.figures.items()):
            columns = {column: _cells(cells, ABSENT) for column, cells in sorted(table.columns.items())}
            keys = {"retailer": table.retailer.tolist(), "period": table.day.tolist()}
            digest.update(_line(name, keys | columns))
        return digest.hexdigest()


def _line(name: str, columns: Mapping[str, list[object]]) -> bytes:
    return (json.dumps([name, columns], ensure_ascii=False, separators=(",", ":")) + "\n").encode()


def _cells(column: IntArray, absent: int) -> list[object]:
    numbers: list[object] = column.tolist()
    return [None if number == absent else number for number in numbers] if (column == absent).any() else numbers


def _labels(raw: RawTable, column: str) -> list[str]:
    return raw.texts(column).tolist() if column in raw.columns else [""] * len(raw)


def _read_figures(name: str, raw: RawTable, position: Mapping[str, int]) -> Figures:
    known = TABLES[name]
    raw.require(("retailer", "period"), (*known, "retailer", "period").__contains__)
    retailer, day = _positions(raw, position), read_dates(raw, "period")
    columns = {column: _numbers(raw, column) for column in known if column in raw.columns}
    if name == "history":
        _check_stock(raw, columns)
    else:
        _check_parts(raw, known, columns)
    order = np.lexsort((day, retailer))
    who, when = retailer[order], day[order]
    doubled = np.flatnonzero((who[1:] == who[:-1]) & (when[1:] == when[:-1])) + 1
    if doubled.size:
        raw.refuse(int(order[doubled].min()), "period", "the same retailer and period a second time; keep one row")
    return Figures(who, when, {column: cells[order] for column, cells in columns.items()})


def _positions(raw: RawTable, position: Mapping[str, int]) -> Positions:
    names = raw.names("retailer")
    found = np.array([position.get(name, -1) for name in names.texts], dtype=np.int32)[names.codes]
    if (found < 0).any():
        raw.refuse(
            int((found < 0).argmax()), "retailer", "unknown retailer: not in retailers.csv; correct it or add it there"
        )
    return np.asarray(found, dtype=np.int32)


def _numbers(raw: RawTable, column: str) -> IntArray:
    if column == "in_stock":
        outside = "a part of the period lies between 0 and 1; 1 where the goods did not run out"
        return raw.numbers(column, absent=ABSENT, high=THOUSANDTHS, outside=outside, read=_thousandths)
    if column == "demand":
        cells = raw.columns[column]
        if isinstance(cells, np.ndarray) and cells.dtype.kind in "iu":
            return raw.numbers(column, high=FIGURE_END - 1, outside=_TOO_LARGE) * THOUSANDTHS
        texts = raw.texts(column)
        as_text = RawTable(raw.name, {column: texts}, raw.rows)
        high = FIGURE_END * THOUSANDTHS - 1
        return as_text.numbers(column, absent=ABSENT, high=high, outside=_TOO_LARGE, read=_thousandths)
    low = 1 - FIGURE_END if column == "sold" else 0
    read = _signed if column == "sold" else whole_number
    outside = _TOO_LARGE if column == "sold" else f"negative, or {_TOO_LARGE}"
    return raw.numbers(column, absent=ABSENT, low=low, high=FIGURE_END - 1, outside=outside, read=read)


def _check_stock(raw: RawTable, columns: Mapping[str, IntArray]) -> None:
    for column in ("stock", "in_stock"):
        if column not in columns:
            continue
        if "sold" not in columns:
            raise InputError(
                raw.name, f"column sold is missing; {column} is read together with it", row=1, column="sold"
            )
        alone = (columns[column] != ABSENT) & (columns["sold"] == ABSENT)
        if alone.any():
            raw.refuse(int(alone.argmax()), "sold", f"a number is needed beside {column}; the cell is empty")


def _check_parts(raw: RawTable, known: tuple[str, ...], columns: Mapping[str, IntArray]) -> None:
    """Refuse a whole without its part, a part without its whole, and a part above its whole."""
    for column in known:
        if column not in columns:
            raise InputError(raw.name, f"column {column} is missing; both are needed", row=1, column=column)
    whole, part = (columns[column] for column in known)
    for column, one, other in ((known[0], whole, part), (known[1], part, whole)):
        alone = (one == ABSENT) & (other != ABSENT)
        if alone.any():
            raw.refuse(int(alone.argmax()), column, "a number is needed beside the other one; the cell is empty")
    above = part > whole
    if above.any():
        index = int(above.argmax())
        raw.refuse(index, known[1], f"above {known[0]}, which is {whole[index]}; correct one of them")


def _signed(text: str) -> int | str:
    """Read whole units with an optional minus in front: returns may be more than sales."""
    if not _SIGNED.fullmatch(text):
        return "not whole units; use the digits 0-9, with a minus in front where more came back than was sold"
    digits = text.lstrip("-").lstrip("0")
    number = int(digits or "0") if len(digits) <= len(str(FIGURE_END)) else FIGURE_END
    return -number if text.startswith("-") else number


def _thousandths(text: str) -> int | str:
    """Read a number of 0 or more with up to three decimals, in thousandths."""
    found = _DECIMAL.fullmatch(text)
    if not found:
        return "give a number of 0 or more in digits 0-9; it may have a point and up to three decimals"
    whole = found[1].lstrip("0")
    if len(whole) > len(str(FIGURE_END)):
        return _TOO_LARGE
    return int(whole or "0") * THOUSANDTHS + int((found[2] or "").ljust(3, "0"))

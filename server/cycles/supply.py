"""Reading supply as people give it: rows of JSON or of a CSV file, checked against the catalogue.

A row names its ``sku`` and either ``supply_units`` or ``supply_packs``, and where wanted ``reserve_units``,
``minimum_units`` (a grant is nothing or at least this) and ``scarce``. A fault names row, column and value.
"""

import csv
import io
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from server.catalogue.queries import Sku
from server.cycles.errors import Invalid
from server.kit.console.texts import N_

COLUMNS = ("sku", "supply_units", "supply_packs", "reserve_units", "minimum_units", "scarce")
MOST_UNITS = 2**53
_DIGITS = re.compile(r"[0-9]+")
_YES = frozenset({"1", "yes", "true", "是"})
_NO = frozenset({"", "0", "no", "false", "否"})

Cell = str | int | bool | None


@dataclass(frozen=True)
class Line:
    """What there is of one SKU, checked; quantities in units."""

    sku: str
    supply_units: int
    pack_units: int
    reserve_units: int
    minimum_units: int
    scarce: bool


def read_csv(content: bytes) -> list[dict[str, Cell]]:
    """Return the rows of a CSV file in UTF-8 (with or without the spreadsheet's mark), keys in its own header.

    Raises
    ------
    Invalid
        For another encoding, another separator, a row of another length.
    """
    if content[:2] in (b"\xff\xfe", b"\xfe\xff"):
        raise Invalid("row 1", N_("the file is UTF-16; save it as CSV UTF-8"))
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        row = content[: error.start].count(b"\n") + 1
        raise Invalid(f"row {row}", N_("the file is not UTF-8; save it as CSV UTF-8")) from None
    reader = csv.reader(io.StringIO(text, newline=""))
    header = next(reader, None)
    if not header:
        raise Invalid("row 1", N_("the file is empty; the first row names the columns"))
    if len(header) == 1 and ";" in header[0]:
        raise Invalid("row 1", N_("semicolons were found where commas are expected; save it with commas"))
    rows: list[dict[str, Cell]] = []
    for number, cells in enumerate(reader, start=2):
        if not any(cells):
            continue
        if len(cells) != len(header):
            raise Invalid(
                f"row {number}", N_("{found} cells, but {needed} columns"), found=len(cells), needed=len(header)
            )
        rows.append(dict(zip(header, cells, strict=True)))
    return rows


def read_rows(rows: Iterable[Mapping[str, Cell]], skus: Mapping[str, Sku]) -> list[Line]:
    """Return the supply in ``rows``, the first being row 2, as below a header.

    Raises
    ------
    Invalid
        For the first fault.
    """
    lines: dict[str, Line] = {}
    for number, row in enumerate(rows, start=2):
        for column in row:
            if column not in COLUMNS:
                raise Invalid(f"row 1, {column}", N_("unknown column; known are {columns}"), columns=", ".join(COLUMNS))
        line = _line(number, row, skus)
        if line.sku in lines:
            raise Invalid(f"row {number}, sku", N_("{sku} stands in the list twice; keep one row"), sku=line.sku)
        lines[line.sku] = line
    if not lines:
        raise Invalid("row 2", N_("there is no row; give at least one SKU"))
    return list(lines.values())


def _line(number: int, row: Mapping[str, Cell], skus: Mapping[str, Sku]) -> Line:
    name = row.get("sku")
    if not isinstance(name, str) or name not in skus:
        raise Invalid(f"row {number}, sku", N_("{sku} is not in the catalogue"), sku=str(name or ""))
    pack = skus[name].pack_units
    units, packs = _number(number, row, "supply_units"), _number(number, row, "supply_packs")
    if (units is None) == (packs is None):
        raise Invalid(f"row {number}, supply_units", N_("give either supply_units or supply_packs"))
    supply = units if units is not None else (packs or 0) * pack
    reserve = _number(number, row, "reserve_units") or 0
    if reserve > supply:
        raise Invalid(
            f"row {number}, reserve_units",
            N_("the reserve, {reserve}, is above the supply, {supply}"),
            reserve=reserve,
            supply=supply,
        )
    return Line(
        sku=name,
        supply_units=supply,
        pack_units=pack,
        reserve_units=reserve,
        minimum_units=_number(number, row, "minimum_units") or 0,
        scarce=_flag(number, row),
    )


def _number(number: int, row: Mapping[str, Cell], column: str) -> int | None:
    cell = row.get(column)
    if cell is None or cell == "":
        return None
    found = (
        int(cell) if isinstance(cell, str) and _DIGITS.fullmatch(cell) and len(cell) <= len(str(MOST_UNITS)) else cell
    )
    if isinstance(found, bool) or not isinstance(found, int) or not 0 <= found < MOST_UNITS:
        raise Invalid(
            f"row {number}, {column}", N_("{value} is no whole number of 0 or more, in digits 0-9"), value=str(cell)
        )
    return found


def _flag(number: int, row: Mapping[str, Cell]) -> bool:
    cell = row.get("scarce")
    text = "" if cell is None else str(cell).strip().lower()
    if text not in _YES | _NO:
        raise Invalid(f"row {number}, scarce", N_("{value} is neither yes nor no"), value=str(cell))
    return text in _YES

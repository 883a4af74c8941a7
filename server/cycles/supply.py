"""Reading supply as people give it: rows of JSON or of a CSV file, checked against the catalogue.

A row names its ``sku`` and either ``supply_units`` or ``supply_packs``, and where wanted ``reserve_units``,
``minimum_units`` (a grant is nothing or at least this) and ``scarce``. A fault names row, column and value.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from server.catalogue.queries import Sku
from server.cycles.errors import (
    NO_ROWS,
    NOT_IN_CATALOGUE,
    NOT_YES_OR_NO,
    RESERVE_ABOVE,
    UNITS_OR_PACKS,
    UNKNOWN_COLUMN,
    invalid,
)
from server.kit.fields import TWICE, Invalid, Unfit, Whole
from server.kit.imports.reading import Choices, read_sheet
from server.kit.imports.running import WRONG_WIDTH

COLUMNS = ("sku", "supply_units", "supply_packs", "reserve_units", "minimum_units", "scarce")
UNREAD = "name"
PARQUET_MARK = b"PAR1"
"""A column for the reader of a file; it is not looked at."""
QUANTITY = Whole(most=2**53 - 1)
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

    @property
    def offered_units(self) -> int:
        """What can be granted: the supply less the reserve, in whole packs."""
        return (self.supply_units - self.reserve_units) // self.pack_units * self.pack_units


def read_file(name: str, content: bytes, skus: Mapping[str, Sku]) -> list[Line]:
    """Return the supply in a file of a spreadsheet, or in a Parquet file of the same columns.

    Raises
    ------
    FileRefused
        Where it cannot be read as a whole.
    Invalid
        For every row that does not fit, its first fault.
    """
    if content.startswith(PARQUET_MARK):
        from server.kit.imports.parquet import read_parquet  # noqa: PLC0415 - few files are of this kind

        sheet = read_parquet(name, content)
    else:
        sheet = read_sheet(name, content, Choices(), wanted=("sku", "supply_units"))
    for column in sheet.headings:
        if column not in {*COLUMNS, UNREAD}:
            raise invalid("row 1", UNKNOWN_COLUMN, column=column, columns=", ".join(COLUMNS))
    faults: dict[str, Unfit] = {
        f"row {row.number}": Unfit(WRONG_WIDTH, found=len(row.cells), expected=len(sheet.headings))
        for row in sheet.rows
        if len(row.cells) != len(sheet.headings)
    }
    whole = [row for row in sheet.rows if len(row.cells) == len(sheet.headings)]
    rows = ((row.number, dict(zip(sheet.headings, row.cells, strict=True))) for row in whole)
    return _read(((number, {k: v for k, v in row.items() if k != UNREAD}) for number, row in rows), skus, faults)


def read_rows(rows: Iterable[Mapping[str, Cell]], skus: Mapping[str, Sku]) -> list[Line]:
    """Return the supply in ``rows``, counted from 1.

    Raises
    ------
    Invalid
        For every row that does not fit, its first fault.
    """
    return _read(enumerate(rows, start=1), skus, {})


def _read(
    rows: Iterable[tuple[int, Mapping[str, Cell]]], skus: Mapping[str, Sku], faults: dict[str, Unfit]
) -> list[Line]:
    lines: dict[str, Line] = {}
    for number, row in rows:
        try:
            line = _line(number, row, skus)
            if line.sku in lines:
                raise invalid(f"row {number}, sku", TWICE, value=line.sku)
        except Invalid as refused:
            faults |= refused.problems
            continue
        lines[line.sku] = line
    if faults:
        raise Invalid(faults)
    if not lines:
        raise invalid("rows", NO_ROWS)
    return list(lines.values())


def _line(number: int, row: Mapping[str, Cell], skus: Mapping[str, Sku]) -> Line:
    for column in row:
        if column not in COLUMNS:
            raise invalid(f"row {number}", UNKNOWN_COLUMN, column=column, columns=", ".join(COLUMNS))
    name = row.get("sku")
    if not isinstance(name, str) or name not in skus:
        raise invalid(f"row {number}, sku", NOT_IN_CATALOGUE, sku="" if name is None else str(name))
    pack = skus[name].pack_units
    units, packs = _quantity(number, row, "supply_units"), _quantity(number, row, "supply_packs")
    if (units is None) == (packs is None):
        raise invalid(f"row {number}, supply_units", UNITS_OR_PACKS)
    supply = units if units is not None else (packs or 0) * pack
    reserve = _quantity(number, row, "reserve_units") or 0
    if reserve > supply:
        raise invalid(f"row {number}, reserve_units", RESERVE_ABOVE, reserve=reserve, supply=supply)
    return Line(
        sku=name,
        supply_units=supply,
        pack_units=pack,
        reserve_units=reserve,
        minimum_units=_quantity(number, row, "minimum_units") or 0,
        scarce=_flag(number, row),
    )


def _quantity(number: int, row: Mapping[str, Cell], column: str) -> int | None:
    cell = row.get(column)
    if cell is None or cell == "":
        return None
    try:
        if isinstance(cell, str):
            return QUANTITY.read(cell)
        QUANTITY.check(cell)
    except Unfit as unfit:
        raise Invalid({f"row {number}, {column}": unfit}) from None
    return int(cell)


def _flag(number: int, row: Mapping[str, Cell]) -> bool:
    cell = row.get("scarce")
    text = "" if cell is None else str(cell).strip().lower()
    if text not in _YES | _NO:
        raise invalid(f"row {number}, scarce", NOT_YES_OR_NO, value=str(cell))
    return text in _YES

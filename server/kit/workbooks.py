"""Lists as workbooks (XLSX): texts and identifiers are text cells of format ``@``, no cell is ever a formula.

They come back with the values that were written, as lists in CSV do: see :mod:`server.kit.sheets`.
"""

import io
import re
from collections.abc import Iterator, Sequence
from typing import Any
from unicodedata import east_asian_width

from babel.numbers import get_currency_precision
from openpyxl import Workbook, load_workbook
from openpyxl.cell import WriteOnlyCell
from openpyxl.styles import Alignment, Border, Font, Side
from openpyxl.utils import get_column_letter

from server.kit.sheets import TEXTS, Sheet, headed, plain, read_row

XLSX_TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
CELL_MOST = 32_767
EXACT_DIGITS = 15
_ESCAPED = re.compile(r"_x([0-9A-Fa-f]{4})_")
_UNWRITABLE = re.compile(r"[\x00-\x08\x0b-\x1f\x7f\ufffe\uffff]|_(?=x[0-9A-Fa-f]{4}_)")
_WIDTHS = {"text": 26, "identifier": 20, "instant": 22, "date": 12, "money": 14}
_FORMATS = {"text": "@", "identifier": "@", "instant": "@", "percent": "0.0%", "date": "yyyy-mm-dd"}


def xlsx(sheet: Sheet) -> bytes:
    """Return the list as a workbook with one sheet, its heading kept in sight.

    Raises ``ValueError`` naming row and column for a text longer than a cell may hold (32,767 characters).
    """
    book = Workbook(write_only=True)
    page = book.create_sheet("List")
    page.freeze_panes = "A2"
    for index, (heading, kind) in enumerate(zip(sheet.headings, sheet.kinds, strict=True), start=1):
        page.column_dimensions[get_column_letter(index)].width = max(
            _WIDTHS.get(kind, 12), 2 + sum(2 if east_asian_width(character) in "WF" else 1 for character in heading)
        )
    try:
        page.append([_heading_cell(page, heading, kind) for heading, kind in headed(sheet)])
        for number, row in enumerate(sheet.rows, start=2):
            page.append(
                [
                    _xlsx_cell(page, value, kind, sheet.currency, f"row {number}, column {heading}")
                    for value, (heading, kind) in zip(row, headed(sheet), strict=True)
                ]
            )
    except Exception:
        page.close()
        raise
    written = io.BytesIO()
    book.save(written)
    return written.getvalue()


def read_xlsx(content: bytes, kinds: Sequence[str], currency: str = "CNY") -> tuple[list[str], list[list[Any]]]:
    """Return headings and rows of a workbook that :func:`xlsx` wrote; same errors as :func:`read_csv`."""
    book = load_workbook(io.BytesIO(content), read_only=True)
    try:
        lines: Iterator[tuple[Any, ...]] = book.worksheets[0].iter_rows(values_only=True)
        headings = [_unescape(str(heading or "")) for heading in next(lines, ())]
        return headings, [
            read_row(
                number, list(line) + [None] * (len(headings) - len(line)), headings, kinds, currency, text_of=_unescape
            )
            for number, line in enumerate(lines, start=2)
        ]
    finally:
        book.close()


def _heading_cell(page: Any, heading: str, kind: str) -> Any:
    cell = _text_cell(page, heading)
    cell.font = Font(bold=True)
    cell.border = Border(bottom=Side(style="medium"))
    cell.alignment = Alignment(horizontal="left" if kind in TEXTS or kind in {"instant", "date"} else "right")
    return cell


def _text_cell(page: Any, text: str) -> Any:
    cell = WriteOnlyCell(page, _UNWRITABLE.sub(_escape, text))
    cell.data_type = "s"
    cell.number_format = "@"
    return cell


def _xlsx_cell(page: Any, value: Any, kind: str, currency: str, where: str) -> Any:
    if value is None:
        return None
    if kind in TEXTS:
        if len(text := str(value)) > CELL_MOST:
            raise ValueError(f"{where}: {len(text)} characters; a cell holds {CELL_MOST}")
        return _text_cell(page, text)
    if kind == "date":
        cell = WriteOnlyCell(page, value)
        cell.number_format = _FORMATS[kind]
        return cell
    written = plain(value, kind, currency)
    digits = len(written.lstrip("-0.").replace(".", ""))
    if kind == "instant" or (digits > EXACT_DIGITS and not isinstance(value, float)):
        return _text_cell(page, written)
    cell = WriteOnlyCell(page, written)
    cell.data_type = "n"
    places = get_currency_precision(currency)
    decimals = "." + "0" * places if places else ""
    cell.number_format = _FORMATS.get(kind) or ("#,##0" + decimals if kind == "money" else "General")
    return cell


def _escape(match: re.Match[str]) -> str:
    """Write a character that XML cannot hold, or an underscore that would read as such, as ``_xHHHH_``."""
    return f"_x{ord(match.group()):04X}_"


def _unescape(text: str) -> str:
    return _ESCAPED.sub(lambda match: chr(int(match.group(1), 16)), text)

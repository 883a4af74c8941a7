"""Lists as CSV and XLSX that a spreadsheet may open and that come back with the same values.

CSV is UTF-8 with a byte order mark, commas, CRLF. A text that a spreadsheet would compute is written with an
apostrophe before it, and :func:`read_csv` takes exactly that apostrophe away again: ``=1+1`` is written
``'=1+1``, and a text that itself begins ``'=`` gets one more, so that nothing is ever ambiguous. Numbers are
written bare and stay numbers. A spreadsheet that opens a CSV makes 123 of 00123; whoever needs the digits takes
the XLSX, where texts and identifiers are text cells of format ``@`` and no cell is ever a formula.

Coming back: ``read_csv(content, kinds)`` and ``read_xlsx(content, kinds)`` return the headings and the rows with
the values that were written: texts byte for byte (line breaks, quotes and control characters included), whole
numbers as ``int``, others as ``Decimal``, money in minor units, instants in UTC. One thing is not kept: a missing
text (``None``) comes back as the empty text.
"""

import csv
import io
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any
from unicodedata import east_asian_width

from babel.numbers import get_currency_precision
from openpyxl import Workbook, load_workbook
from openpyxl.cell import WriteOnlyCell
from openpyxl.styles import Alignment, Border, Font, Side
from openpyxl.utils import get_column_letter

XLSX_TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
CELL_MOST = 32_767
EXACT_DIGITS = 15
BOM = "\N{ZERO WIDTH NO-BREAK SPACE}"

TEXTS = frozenset({"text", "identifier"})
_PHONE = re.compile(r"\+[0-9]{1,4}(?: [0-9]+)+")
_DASHED = re.compile(r"- [^\W\d_][\w ]* -")
_COMPUTED = re.compile(r"'*[=+\-@\t\r\n＝＋－＠]")
_ESCAPED = re.compile(r"_x([0-9A-Fa-f]{4})_")
_UNWRITABLE = re.compile(r"[\x00-\x08\x0b-\x1f\x7f\ufffe\uffff]|_(?=x[0-9A-Fa-f]{4}_)")
_WIDTHS = {"text": 26, "identifier": 20, "instant": 22, "date": 12, "money": 14}
_FORMATS = {"text": "@", "identifier": "@", "instant": "@", "percent": "0.0%", "date": "yyyy-mm-dd"}


@dataclass(frozen=True)
class Sheet:
    """A list to be written: headings, the kind of each column, rows of values in that order."""

    headings: Sequence[str]
    kinds: Sequence[str]
    rows: Iterable[Sequence[Any]]
    currency: str = "CNY"


def neutral(text: str) -> str:
    """Return ``text`` so that no spreadsheet computes it; :func:`original` gives it back.

    Telephone numbers (``+86 10 1234 5678``) and dashed words (``- none -``) compute nothing and stay as they are.
    """
    if not _COMPUTED.match(text) or _PHONE.fullmatch(text) or _DASHED.fullmatch(text):
        return text
    return "'" + text


def original(text: str) -> str:
    """Return what :func:`neutral` was given."""
    return text[1:] if text.startswith("'") and _COMPUTED.match(text) else text


def csv_text(sheet: Sheet) -> bytes:
    """Return the list as CSV."""
    written = io.StringIO(newline="")
    writer = csv.writer(written)
    writer.writerow([neutral(heading) for heading in sheet.headings])
    for row in sheet.rows:
        writer.writerow([_csv_cell(value, kind, sheet) for value, kind in zip(row, sheet.kinds, strict=True)])
    return (BOM + written.getvalue()).encode()


def read_csv(content: bytes, kinds: Sequence[str], currency: str = "CNY") -> tuple[list[str], list[list[Any]]]:
    """Return headings and rows of a CSV that :func:`csv_text` wrote.

    Raises ``ValueError`` naming row and column where a cell does not fit its kind, or the columns do not fit.
    """
    text = content.decode("utf-8-sig")
    lines = iter(csv.reader(io.StringIO(text, newline=""), strict=True))
    headings = [original(heading) for heading in next(lines, [])]
    return headings, [
        _read_row(number, line, headings, kinds, currency, from_csv=True) for number, line in enumerate(lines, start=2)
    ]


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
        page.append([_heading_cell(page, heading, kind) for heading, kind in _headed(sheet)])
        for number, row in enumerate(sheet.rows, start=2):
            page.append(
                [
                    _xlsx_cell(page, value, kind, sheet.currency, f"row {number}, column {heading}")
                    for value, (heading, kind) in zip(row, _headed(sheet), strict=True)
                ]
            )
    except ValueError:
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
            _read_row(number, list(line) + [None] * (len(headings) - len(line)), headings, kinds, currency)
            for number, line in enumerate(lines, start=2)
        ]
    finally:
        book.close()


def _headed(sheet: Sheet) -> list[tuple[str, str]]:
    return list(zip(sheet.headings, sheet.kinds, strict=True))


def _csv_cell(value: Any, kind: str, sheet: Sheet) -> str:
    if value is None:
        return ""
    if kind in TEXTS:
        return neutral(str(value))
    return _plain(value, kind, sheet.currency)


def _plain(value: Any, kind: str, currency: str) -> str:
    """Return a figure or a time as both formats write it: point for decimals, no groups, ISO 8601 in UTC."""
    if kind == "money":
        value = Decimal(value).scaleb(-get_currency_precision(currency))
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, float):
        value = Decimal(repr(value))
    if isinstance(value, Decimal):
        if not value.is_finite():
            raise ValueError(f"{value} is not a number that a list can hold")
        return format(value, "f")
    return str(int(value))


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
    written = _plain(value, kind, currency)
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


def _read_row(
    number: int,
    line: Sequence[Any],
    headings: Sequence[str],
    kinds: Sequence[str],
    currency: str,
    *,
    from_csv: bool = False,
) -> list[Any]:
    if not len(line) == len(headings) == len(kinds):
        raise ValueError(f"row {number}: {len(line)} cells, {len(kinds)} columns are expected")
    row = []
    for heading, kind, value in zip(headings, kinds, line, strict=True):
        try:
            row.append(_read_cell(value, kind, currency, from_csv=from_csv))
        except (ValueError, InvalidOperation) as error:
            raise ValueError(f"row {number}, column {heading}: {value!r} is no {kind}") from error
    return row


def _read_cell(value: Any, kind: str, currency: str, *, from_csv: bool) -> Any:
    if kind in TEXTS:
        text = "" if value is None else str(value)
        return original(text) if from_csv else _unescape(text)
    if value is None or value == "":
        return None
    if kind == "instant":
        return datetime.fromisoformat(str(value))
    if kind == "date":
        return value.date() if isinstance(value, datetime) else date.fromisoformat(str(value))
    written = repr(value) if isinstance(value, float) else str(value)
    figure = Decimal(written)
    if kind == "money":
        figure = figure.scaleb(get_currency_precision(currency))
        if figure != figure.to_integral_value():
            raise ValueError(f"{value} has parts of a minor unit")
        return int(figure)
    return int(figure) if written.lstrip("-").isdigit() else figure

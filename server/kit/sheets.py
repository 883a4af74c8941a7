"""Lists as CSV that a spreadsheet may open and that come back with the same values; workbooks are next door.

CSV is UTF-8 with a byte order mark, commas, CRLF. A text that a spreadsheet would compute is written with an
apostrophe before it, and :func:`read_csv` takes exactly that apostrophe away again: ``=1+1`` is written
``'=1+1``, and a text that itself begins ``'=`` gets one more, so that nothing is ever ambiguous. Numbers are
written bare and stay numbers. A spreadsheet that opens a CSV makes 123 of 00123; whoever needs the digits takes
the workbook (:mod:`server.kit.workbooks`).

Coming back: headings and rows with the values that were written: texts byte for byte (line breaks, quotes and
control characters included), whole numbers as ``int``, others as ``Decimal``, money in minor units, instants in
UTC. One thing is not kept: a missing text (``None``) comes back as the empty text.
"""

import csv
import io
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation
from itertools import islice
from typing import Any

from babel.numbers import get_currency_precision

BOM = "\N{ZERO WIDTH NO-BREAK SPACE}"

ROWS_AT_ONCE = 500
TEXTS = frozenset({"text", "identifier", "actor"})
_PHONE = re.compile(r"\+[0-9]{1,4}(?: [0-9]+)+")
_DASHED = re.compile(r"- [^\W\d_][\w ]* -")
_COMPUTED = re.compile(r"'*[=+\-@\t\r\n＝＋－＠]")


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
    return b"".join(csv_parts(sheet))


def csv_parts(sheet: Sheet) -> Iterator[bytes]:
    """Yield the list as CSV, so many rows at a time: no more of it is held."""
    rows = iter(sheet.rows)
    lines = [[neutral(heading) for heading in sheet.headings]]
    mark = BOM
    while lines:
        written = io.StringIO(newline="")
        csv.writer(written).writerows(lines)
        yield (mark + written.getvalue()).encode()
        mark = ""
        lines = [
            [_csv_cell(value, kind, sheet) for value, kind in zip(row, sheet.kinds, strict=True)]
            for row in islice(rows, ROWS_AT_ONCE)
        ]


def read_csv(content: bytes, kinds: Sequence[str], currency: str = "CNY") -> tuple[list[str], list[list[Any]]]:
    """Return headings and rows of a CSV that :func:`csv_text` wrote.

    Raises ``ValueError`` naming row and column where a cell does not fit its kind, or the columns do not fit.
    """
    text = content.decode("utf-8-sig")
    lines = iter(csv.reader(io.StringIO(text, newline=""), strict=True))
    headings = [original(heading) for heading in next(lines, [])]
    return headings, [
        read_row(number, line, headings, kinds, currency, text_of=original)
        for number, line in enumerate(lines, start=2)
    ]


def headed(sheet: Sheet) -> list[tuple[str, str]]:
    """Return heading and kind of each column."""
    return list(zip(sheet.headings, sheet.kinds, strict=True))


def _csv_cell(value: Any, kind: str, sheet: Sheet) -> str:
    if value is None:
        return ""
    if kind in TEXTS:
        return neutral(str(value))
    return plain(value, kind, sheet.currency)


def plain(value: Any, kind: str, currency: str) -> str:
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


def read_row(
    number: int,
    line: Sequence[Any],
    headings: Sequence[str],
    kinds: Sequence[str],
    currency: str,
    *,
    text_of: Callable[[str], str],
) -> list[Any]:
    """Return the values of a row as they were written; ``text_of`` takes a text's guard away.

    Raises
    ------
    ValueError
        Naming row and column of the first cell that cannot be read.
    """
    if not len(line) == len(headings) == len(kinds):
        raise ValueError(f"row {number}: {len(line)} cells, {len(kinds)} columns are expected")
    row = []
    for heading, kind, value in zip(headings, kinds, line, strict=True):
        try:
            row.append(_read_cell(value, kind, currency, text_of=text_of))
        except (ValueError, InvalidOperation) as error:
            raise ValueError(f"row {number}, column {heading}: {value!r} is no {kind}") from error
    return row


def _read_cell(value: Any, kind: str, currency: str, *, text_of: Callable[[str], str]) -> Any:
    if kind in TEXTS:
        text = "" if value is None else str(value)
        return text_of(text)
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

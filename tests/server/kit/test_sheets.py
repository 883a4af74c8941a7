"""What a spreadsheet may open: case C12, and the way back."""

import csv
import io
import zipfile
from datetime import UTC, date
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from openpyxl import load_workbook

from server.kit import sheets, workbooks

COMPUTED = [
    "=1+1",
    "+1-1",
    "-2+3",
    "@SUM(A1)",
    "\t=1+1",
    "\r=1+1",
    "\n=1+1",
    "＝1+1",
    "-A1",
    "+5",
    "=cmd|' /C calc'!A0",
]
AS_THEY_ARE = ["+86 10 1234 5678", "- none -", "plain", "永安街", "a=b", "'tis", ""]
IDENTIFIERS = ["00123", "1E5", "2-1", "690123456789012345", "NA", "TRUE", "-0", "1.50"]
NAMES = ['say "when", =1', "two\r\nlines", "two\nlines", "lone\rreturn", " spaces ", "'=1+1", "''=1", "_x000D_", "\x0b"]


def sheet(rows: list[list[Any]], *kinds: str) -> sheets.Sheet:
    """Return a list with a column of each kind."""
    return sheets.Sheet([f"column {kind}" for kind in kinds], kinds, rows)


def cells(content: bytes) -> list[list[Any]]:
    """Return the cells of a workbook's body."""
    book = load_workbook(io.BytesIO(content))
    return [list(row) for row in book.worksheets[0].iter_rows(min_row=2)]


def texts_of(content: bytes) -> list[str]:
    """Return the first column of a CSV's body as a spreadsheet reads it."""
    return [row[0] for row in csv.reader(io.StringIO(content.decode("utf-8-sig"), newline=""))][1:]


def test_a_csv_begins_with_the_mark_by_which_a_spreadsheet_knows_utf8() -> None:
    assert sheets.csv_text(sheet([], "text")).startswith(b"\xef\xbb\xbf")


@pytest.mark.parametrize("text", COMPUTED)
def test_a_text_that_would_be_computed_is_shown_as_text(text: str) -> None:
    assert texts_of(sheets.csv_text(sheet([[text]], "text"))) == ["'" + text]
    (cell,) = cells(workbooks.xlsx(sheet([[text]], "text")))[0]
    assert cell.data_type == "s"
    assert cell.number_format == "@"


@pytest.mark.parametrize("text", AS_THEY_ARE)
def test_a_harmless_text_is_shown_as_it_is(text: str) -> None:
    assert texts_of(sheets.csv_text(sheet([[text, 1]], "text", "number"))) == [text]


def test_a_telephone_number_written_with_hyphens_would_be_subtracted_and_is_not_trusted() -> None:
    assert sheets.neutral("+86-10-1234") == "'+86-10-1234"


def test_numbers_stay_numbers_that_can_be_summed() -> None:
    figures = [[-5], [Decimal("-1234.56")], [0], [0.1 + 0.2]]
    assert texts_of(sheets.csv_text(sheet(figures, "number"))) == ["-5", "-1234.56", "0", "0.30000000000000004"]
    written = [row[0] for row in cells(workbooks.xlsx(sheet(figures, "number")))]
    assert [cell.data_type for cell in written] == ["n"] * 4
    assert sum(cell.value for cell in written[:3]) == pytest.approx(-1239.56)


def test_money_is_written_in_whole_currency_and_comes_back_in_minor_units() -> None:
    content = workbooks.xlsx(sheet([[-123_456], [5]], "money"))
    assert [row[0].value for row in cells(content)] == [-1234.56, 0.05]
    assert workbooks.read_xlsx(content, ["money"])[1] == [[-123_456], [5]]


@pytest.mark.parametrize("identifier", IDENTIFIERS)
def test_identifiers_keep_every_digit(identifier: str) -> None:
    (cell,) = cells(workbooks.xlsx(sheet([[identifier]], "identifier")))[0]
    assert (cell.data_type, cell.value) == ("s", identifier)


def test_a_number_with_more_digits_than_a_spreadsheet_holds_becomes_text() -> None:
    content = workbooks.xlsx(sheet([[690_123_456_789_012_345]], "number"))
    assert cells(content)[0][0].value == "690123456789012345"
    assert workbooks.read_xlsx(content, ["number"])[1] == [[690_123_456_789_012_345]]


def test_no_workbook_holds_a_formula() -> None:
    content = workbooks.xlsx(sheet([[text] for text in COMPUTED], "text"))
    with zipfile.ZipFile(io.BytesIO(content)) as parts:
        assert b"<f>" not in parts.read("xl/worksheets/sheet1.xml")


KINDS = ("text", "identifier", "number", "money", "percent", "instant", "date")
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=30) | st.sampled_from(COMPUTED + NAMES)
ROWS = st.lists(
    st.tuples(
        TEXT,
        TEXT | st.sampled_from(IDENTIFIERS),
        st.none() | st.integers() | st.decimals(-(10**12), 10**12, allow_nan=False, places=4),
        st.none() | st.integers(-(10**14), 10**14),
        st.none() | st.floats(-10, 10, allow_nan=False),
        st.none() | st.datetimes(timezones=st.just(UTC)),
        st.none() | st.dates(date(1990, 1, 1), date(2100, 1, 1)),
    ).map(list),
    max_size=5,
)


@pytest.mark.slow
@settings(deadline=None)
@given(ROWS)
@example([[text, text, None, None, None, None, None] for text in COMPUTED + AS_THEY_ARE + NAMES])
def test_an_export_that_is_imported_again_gives_the_same_records(rows: list[list[Any]]) -> None:
    given_rows = [[Decimal(repr(v)) if isinstance(v, float) else v for v in row] for row in rows]
    headings = [f"column {kind}" for kind in KINDS]
    for write, read in ((sheets.csv_text, sheets.read_csv), (workbooks.xlsx, workbooks.read_xlsx)):
        content = write(sheet(rows, *KINDS))
        assert read(content, KINDS) == (headings, given_rows)
        assert write(sheet(read(content, KINDS)[1], *KINDS)) == content or write is workbooks.xlsx


def test_a_cell_that_does_not_fit_is_named_by_row_and_column() -> None:
    content = b"Code,Asked\r\n007,12\r\n008,many\r\n"
    with pytest.raises(ValueError, match=r"row 3, column Asked: 'many' is no number"):
        sheets.read_csv(content, ["identifier", "number"])


def test_a_text_longer_than_a_cell_is_refused_and_never_cut() -> None:
    with pytest.raises(ValueError, match=r"row 2, column column text: 32768 characters"):
        workbooks.xlsx(sheet([["x" * 32_768]], "text"))

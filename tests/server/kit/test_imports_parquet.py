"""Parquet files become the same rows as CSV files, or are refused with the place and what to do."""

import io
from contextlib import suppress
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.kit.imports.parquet import read_parquet
from server.kit.imports.reading import FileRefused


def written(columns: dict[str, Any]) -> bytes:
    out = io.BytesIO()
    pq.write_table(pa.table(columns), out)
    return out.getvalue()


def cells(columns: dict[str, Any]) -> list[tuple[str, ...]]:
    sheet = read_parquet("list.parquet", written(columns))
    assert sheet.headings == tuple(columns)
    return [row.cells for row in sheet.rows]


@pytest.mark.parametrize(
    ("column", "text"),
    [
        (pa.array(["00123"]), "00123"),
        (pa.array(["渝记便利店"]).dictionary_encode(), "渝记便利店"),
        (pa.array([None, "x"]).slice(0, 1), ""),
        (pa.array([2**62]), str(2**62)),
        (pa.array([12.0]), "12"),
        (pa.array([0.1]), "0.1"),
        (pa.array([1e-7]), "0.0000001"),
        (pa.array([float("nan")]), "NaN"),
        (pa.array([Decimal("12.50")]), "12.50"),
        (pa.array([True]), "true"),
        (pa.array([date(2027, 3, 31)]), "2027-03-31"),
        (pa.array([datetime(2027, 3, 31)]), "2027-03-31"),  # noqa: DTZ001 - as others write days
        (pa.array([datetime(2027, 3, 31, 8)]), "2027-03-31T08:00:00"),  # noqa: DTZ001 - as above
        (pa.array([datetime(2027, 3, 31, tzinfo=UTC)]), "2027-03-31T00:00:00+00:00"),
        (pa.array([["690", "691"]]), "690 691"),
    ],
)
def test_a_value_becomes_the_text_of_a_csv_file(column: Any, text: str) -> None:
    assert cells({"key": pa.array(["A1"]), "value": column}) == [("A1", text)]


def test_rows_keep_their_numbers_and_blank_ones_are_counted() -> None:
    sheet = read_parquet("list.parquet", written({"code": ["A1", None, "A3"]}))
    assert [(row.number, row.cells) for row in sheet.rows] == [(2, ("A1",)), (4, ("A3",))]
    assert (sheet.blank_rows, sheet.reading.encoding) == (1, "parquet")


def test_a_column_of_another_type_is_named() -> None:
    with pytest.raises(FileRefused, match="“where” holds values of the type struct"):
        cells({"code": ["A1"], "where": [{"town": "Hill"}]})


def test_the_same_heading_twice_is_refused() -> None:
    out = io.BytesIO()
    pq.write_table(pa.Table.from_arrays([pa.array(["A1"]), pa.array(["A2"])], names=["code", "code"]), out)
    with pytest.raises(FileRefused, match="stands above two columns"):
        read_parquet("list.parquet", out.getvalue())


def test_a_small_file_that_unfolds_to_very_much_is_refused() -> None:
    content = written({"code": pa.array(["x" * 1_000] * 20_000).dictionary_encode()})
    assert len(content) < 10_000
    with pytest.raises(FileRefused, match="more than 1000000 characters"):
        read_parquet("list.parquet", content, text_most=1_000_000)


@given(st.data())
def test_a_damaged_file_is_refused_and_nothing_else(data: st.DataObject) -> None:
    content = bytearray(written({"code": ["A1", "A2"], "units": [1, 2]}))
    place = data.draw(st.integers(4, len(content) - 1))
    if data.draw(st.booleans()):
        content[place] ^= data.draw(st.integers(1, 255))
    else:
        del content[place:]
    with suppress(FileRefused):
        assert read_parquet("list.parquet", bytes(content)).headings

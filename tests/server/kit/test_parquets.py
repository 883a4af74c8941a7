"""Lists as Parquet: typed columns under stable names, empty values are nulls."""

import io
from datetime import UTC, date, datetime

import pyarrow.parquet as pq

from server.kit.parquets import parquet
from server.kit.sheets import Sheet

NAMES = ("code", "amount_minor", "share", "at", "day", "units")
KINDS = ("identifier", "money", "percent", "instant", "date", "units")


def test_a_list_comes_back_with_its_types():
    at = datetime(2026, 11, 30, 22, 5, tzinfo=UTC)
    rows = [("=1+1", 1250, 0.25, at, date(2026, 12, 1), 7), ("007", None, None, None, None, 0)]
    table = pq.read_table(io.BytesIO(parquet(Sheet(("a",) * 6, KINDS, rows), NAMES)))
    assert tuple(table.column_names) == NAMES
    assert [tuple(row.values()) for row in table.to_pylist()] == rows


def test_a_list_without_rows_is_a_file_with_its_columns():
    table = pq.read_table(io.BytesIO(parquet(Sheet(("a",) * 6, KINDS, iter(())), NAMES)))
    assert (table.num_rows, tuple(table.column_names)) == (0, NAMES)

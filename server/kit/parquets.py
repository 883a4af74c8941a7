"""Lists as Parquet files, for programs: typed columns under the names of the columns, whatever the language.

Whole numbers are 64-bit integers (money in minor units, under its name that says so), parts of a whole are floats,
instants are in UTC, texts stay as they are: nothing of it is computed, and nothing needs an apostrophe.
"""

import io
from collections.abc import Sequence
from datetime import datetime
from itertools import islice
from typing import Any, Final

import pyarrow as pa
import pyarrow.parquet as pq

from server.kit.sheets import Sheet

MEDIA: Final = "application/vnd.apache.parquet"
ROWS_AT_ONCE: Final = 20_000
_TYPES: Final = {
    "number": pa.float64(),
    "units": pa.int64(),
    "money": pa.int64(),
    "percent": pa.float64(),
    "instant": pa.timestamp("us", tz="UTC"),
    "date": pa.date32(),
}


def parquet(sheet: Sheet, names: Sequence[str]) -> bytes:
    """Return the list as a Parquet file whose columns are called ``names``."""
    schema = pa.schema(
        [pa.field(name, _TYPES.get(kind, pa.string())) for name, kind in zip(names, sheet.kinds, strict=True)]
    )
    out, rows = io.BytesIO(), iter(sheet.rows)
    with pq.ParquetWriter(out, schema, compression="zstd") as writer:
        while some := list(islice(rows, ROWS_AT_ONCE)):
            columns = [
                pa.array([_typed(value, field.type) for value in values], field.type)
                for values, field in zip(zip(*some, strict=True), schema, strict=True)
            ]
            writer.write_table(pa.table(columns, schema=schema))
    return out.getvalue()


def _typed(value: Any, kind: pa.DataType) -> Any:
    if value is None or (value == "" and not pa.types.is_string(kind)):
        return None
    if pa.types.is_string(kind):
        return value.isoformat() if isinstance(value, datetime) else str(value)
    if pa.types.is_floating(kind):
        return float(value)
    return int(value) if pa.types.is_integer(kind) else value

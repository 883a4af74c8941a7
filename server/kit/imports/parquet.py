"""Lists as Parquet files: read into the same rows as a CSV file, and written with types.

A column of texts, whole numbers, decimals, days, instants at midnight, truth values or lists of texts becomes the text
that a CSV file would hold; nothing is rounded, a null is an empty cell. Other types are refused with the column's name.
"""

import io
from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any, Final

import pyarrow as pa
import pyarrow.parquet as pq

from server.kit import records
from server.kit.fields import Codes, Day, Field, Reason, Unfit, Whole
from server.kit.imports.reading import EMPTY_FILE, FileRefused, Reading, Row, Sheet, check_headings, says_something
from server.kit.marking import N_
from server.kit.records import Kind, Record

MEDIA: Final = "application/vnd.apache.parquet"
TEXT_MOST: Final = 256 * 1024 * 1024
"""Characters that the cells may hold together, as in a CSV file: a small file can say one text a million times."""
BATCH: Final = 1_000
_EXACT: Final = 2.0**53

NOT_PARQUET = Reason("not_parquet", N_("The file is not a whole Parquet file, or holds what cannot be read: {what}."))
COLUMN_TYPE = Reason(
    "column_type", N_("The column “{column}” holds values of the type {type}. Leave it out, or write it as text.")
)
TOO_MUCH_TEXT = Reason("too_much_text", N_("The cells hold more than {most} characters together. Split the file."))


def read_parquet(name: str, content: bytes, *, text_most: int = TEXT_MOST) -> Sheet:
    """Return the rows of a Parquet file, numbered as if its headings stood in row 1.

    Raises
    ------
    FileRefused
        Where it cannot be read as a whole, a column is of another type, or the cells hold too much text.
    """
    try:
        with pq.ParquetFile(pa.BufferReader(content)) as file:
            headings = _headings(file.schema_arrow)
            rows, blank_rows = _rows(file.iter_batches(BATCH, use_threads=False), text_most)
    except Unfit as unfit:
        raise FileRefused(name, unfit) from None
    except (pa.ArrowException, OSError, ValueError, OverflowError) as error:
        what = str(error).partition("\n")[0][:200].rstrip(".")
        raise FileRefused(name, Unfit(NOT_PARQUET, what=what)) from None
    return Sheet(Reading("parquet", "", guarded=False), headings, rows, blank_rows)


def export_parquet(kind: Kind, found: Iterable[Record]) -> bytes:
    """Return records as the Parquet file that brings the same records back without a mapping."""
    schema = pa.schema([pa.field(field.name, _type_of(field)) for field in kind.fields])
    out = io.BytesIO()
    with pq.ParquetWriter(out, schema, compression="zstd") as writer:
        for some in records.batches(found):
            columns = [
                pa.array([_typed(field, record[field.name]) for record in some], schema.field(field.name).type)
                for field in kind.fields
            ]
            writer.write_table(pa.table(columns, schema=schema))
    return out.getvalue()


def _type_of(field: Field) -> pa.DataType:
    if isinstance(field.form, Whole):
        return pa.int64()
    if isinstance(field.form, Day):
        return pa.date32()
    return pa.list_(pa.string()) if isinstance(field.form, Codes) else pa.string()


def _typed(field: Field, value: Any) -> Any:
    if value is None or isinstance(field.form, Whole | Day):
        return value
    return list(value) if isinstance(field.form, Codes) else field.write(value)


def _headings(schema: pa.Schema) -> tuple[str, ...]:
    if not schema.names:
        raise Unfit(EMPTY_FILE)
    check_headings(tuple(schema.names))
    for field in schema:
        if not _is_readable(field.type):
            raise Unfit(COLUMN_TYPE, column=field.name, type=str(field.type)[:40])
    return tuple(schema.names)


def _is_readable(kind: pa.DataType) -> bool:
    types = pa.types
    if types.is_dictionary(kind):
        return _is_readable(kind.value_type)
    if types.is_list(kind) or types.is_large_list(kind):
        return bool(_is_text(kind.value_type))
    return bool(
        _is_text(kind)
        or types.is_integer(kind)
        or types.is_floating(kind)
        or types.is_decimal(kind)
        or types.is_boolean(kind)
        or types.is_date(kind)
        or types.is_timestamp(kind)
        or types.is_null(kind)
    )


def _is_text(kind: pa.DataType) -> bool:
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind))


def _rows(batches: Iterable[Any], text_most: int) -> tuple[tuple[Row, ...], int]:
    rows: list[Row] = []
    number, blank_rows, held = 1, 0, 0
    for cells in _cells(batches):
        number += 1
        held += sum(map(len, cells)) + len(cells)
        if held > text_most:
            raise Unfit(TOO_MUCH_TEXT, most=text_most)
        if says_something(cells):
            rows.append(Row(number, cells))
        else:
            blank_rows += 1
    return tuple(rows), blank_rows


def _cells(batches: Iterable[Any]) -> Iterator[tuple[str, ...]]:
    for batch in batches:
        columns: Sequence[list[Any]] = [column.to_pylist() for column in batch.columns]
        for values in zip(*columns, strict=True):
            yield tuple(map(_text, values))


def _text(value: Any) -> str:
    """Return the text that a CSV file would hold."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list):
        return " ".join(map(_text, value))
    if isinstance(value, date):
        return _day(value)
    return _number(value) if isinstance(value, float | Decimal) else str(value)


def _number(value: float | Decimal) -> str:
    if isinstance(value, float) and value.is_integer() and abs(value) <= _EXACT:
        return str(int(value))
    return format(Decimal(repr(value)) if isinstance(value, float) else value, "f")


def _day(value: date) -> str:
    at_midnight = isinstance(value, datetime) and value.time() == time() and value.tzinfo is None
    return (value.date() if isinstance(value, datetime) and at_midnight else value).isoformat()

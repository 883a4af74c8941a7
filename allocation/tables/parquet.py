"""Parquet files, read batch by batch."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from allocation.errors import InputError
from allocation.tables.arrow_columns import Gathered
from allocation.tables.columns import RawTable

_LINES_AT_A_TIME: Final = 1 << 20


def read_parquet(path: Path, progress: Callable[[int], None]) -> RawTable:
    """Read a table whose columns are texts or integers; every other type is refused.

    Raises
    ------
    InputError
        For a column of another type.
    pyarrow.ArrowException
        Where the file is no Parquet.
    """
    with pq.ParquetFile(path) as plain:
        schema, lines = plain.schema_arrow, plain.metadata.num_rows
        for field in schema:
            if not _is_known(field.type):
                _refuse_type(path, plain, field)
    texts = [field.name for field in schema if _is_text(_cells_of(field.type))]
    size, done = path.stat().st_size, 0
    with pq.ParquetFile(path, read_dictionary=texts) as file:
        columns = {field.name: Gathered(numeric=False) for field in schema}
        for group in range(file.num_row_groups):  # each has its own numbering of texts
            for batch in file.iter_batches(batch_size=_LINES_AT_A_TIME, row_groups=[group]):
                for name, cells in zip(batch.schema.names, batch.columns, strict=True):
                    columns[name].add(_plain(cells))
                done += len(batch)
                progress(size * done // max(lines, 1))
    return RawTable(path.name, {name: gathered.column() for name, gathered in columns.items()})


def _plain(cells: Any) -> Any:
    """Return texts as strings, also where they are views or large, and dictionaries of integers as integers."""
    kind = _cells_of(cells.type)
    if _is_text(kind) and kind != pa.string():
        cells = cells.cast(pa.string())
    elif pa.types.is_dictionary(cells.type) and pa.types.is_integer(kind):
        cells = cells.cast(kind)
    return cells


def _cells_of(kind: Any) -> Any:
    return kind.value_type if pa.types.is_dictionary(kind) else kind


def _is_text(kind: Any) -> bool:
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind))


def _is_known(kind: Any) -> bool:
    cells = _cells_of(kind)
    return bool(_is_text(cells) or pa.types.is_integer(cells) or pa.types.is_null(cells))


def _refuse_type(path: Path, file: Any, field: Any) -> None:
    first = next(file.iter_batches(batch_size=1, columns=[field.name]), None)
    shown = pc.cast(first.column(0), pa.string()).to_pylist() if first is not None and len(first) else []
    raise InputError(
        path.name,
        f"a column of type {field.type}; store text as string and numbers as integers",
        row=2 if shown else 1,
        column=field.name,
        value=shown[0] if shown else None,
    )

"""Large tables by Arrow: columns of names as positions, columns of numbers as arrays."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq

from allocation.verification.given import NONE, Codes, Ints

Columns = tuple[dict[str, tuple[Codes, list[str]]], dict[str, Ints], int]
"""Columns of names, each as positions in a list of texts; columns of numbers; how many rows there are."""


def read_csv(path: Path, is_text: Callable[[str], bool]) -> Columns | None:
    """Read a CSV file; None where it is not as plain as this reader needs it."""
    with path.open("rb") as file:
        header = file.readline(1 << 16).decode("utf-8-sig").rstrip("\r\n").split(",")
    types = {name: pa.dictionary(pa.int32(), pa.string()) if is_text(name) else pa.int64() for name in header}
    try:
        table = pa_csv.read_csv(
            path,
            parse_options=pa_csv.ParseOptions(newlines_in_values=_has_quotes(path)),
            convert_options=pa_csv.ConvertOptions(column_types=types, null_values=[""], strings_can_be_null=False),
        )
    except (pa.ArrowException, UnicodeDecodeError):
        return None
    return _columns(table, is_text)


def read_granted(content: Any) -> Ints | None:
    """Read the column of grants of a result; None where it holds anything but whole numbers."""
    options = pa_csv.ConvertOptions(include_columns=["granted"], column_types={"granted": pa.int64()}, null_values=[])
    try:
        table = pa_csv.read_csv(pa.BufferReader(pa.py_buffer(content)), convert_options=options)
    except (pa.ArrowException, KeyError):
        return None
    return _whole(table["granted"])


def read_parquet(path: Path, is_text: Callable[[str], bool]) -> Columns:
    """Read a Parquet file; ValueError where it is none or a column is not what its name says."""
    try:
        return _columns(pq.read_table(path), is_text)
    except pa.ArrowException as error:
        raise ValueError(str(error).splitlines()[0]) from error


def _columns(table: pa.Table, is_text: Callable[[str], bool]) -> Columns:
    names, numbers = {}, {}
    for name in table.column_names:
        if is_text(name):
            names[name] = _codes(table[name])
        else:
            empty = 0 if name == "carry" else NONE
            column = table[name]
            if pa.types.is_string(column.type):
                column = pc.if_else(pc.equal(column, ""), None, column)
            column = column.cast(pa.int64())
            if name != "carry" and column.null_count < len(column) and pc.min(column).as_py() < 0:
                raise ValueError(f"a negative number in {name}")
            numbers[name] = _whole(pc.fill_null(column, empty))
    return names, numbers, table.num_rows


def _codes(column: Any) -> tuple[Codes, list[str]]:
    """Return positions and texts of a column; an absent cell is an empty text."""
    if not pa.types.is_dictionary(column.type):
        column = pc.fill_null(column.cast(pa.string()), "").dictionary_encode()
    column = column.unify_dictionaries()
    if not column.num_chunks:
        return np.empty(0, dtype=np.int32), []
    parts = [chunk.indices.to_numpy(zero_copy_only=False) for chunk in column.chunks]
    texts = column.chunk(0).dictionary.to_pylist()
    if column.null_count:
        texts.append("")
        parts = [np.nan_to_num(part, nan=len(texts) - 1) for part in parts]
    return np.concatenate(parts).astype(np.int32), texts


def _whole(column: Any) -> Ints:
    parts = [chunk.to_numpy(zero_copy_only=False) for chunk in column.chunks]
    return np.concatenate(parts) if len(parts) > 1 else parts[0] if parts else np.empty(0, dtype=np.int64)


def _has_quotes(path: Path) -> bool:
    with path.open("rb") as file:
        return any(b'"' in block for block in iter(lambda: file.read(1 << 24), b""))
